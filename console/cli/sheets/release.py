"""The command that writes a release."""

from __future__ import annotations

from datetime import date as calendar
from pathlib import Path
from typing import Annotated

import typer

from console.cli import environment
from console.cli.terminal.output import counted, plain, say, wrong
from console.cli.terminal.progress import CountBar
from console.release import release
from console.release.about import release_facts
from console.release.checks import ReleaseError


def write_release(
    *,
    version: Annotated[str, typer.Option("--version", metavar="VERSION", help="Version of the release, such as 2026.1.")],
    out: Annotated[Path, typer.Option(help="Folder to write; it must not be there, or be empty.")],
    previous: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the release before, for the change log of numbers.")
    ] = None,
    about: Annotated[
        Path | None, typer.Option(metavar="FILE", help="YAML file with title, publisher, creators, licence, homepage and doi.")
    ] = None,
    date: Annotated[
        str | None, typer.Option(metavar="DATE", help="Date of the release (ISO); default: when the latest document came in.")
    ] = None,
    with_contacts: Annotated[
        bool, typer.Option("--with-contacts", help="Leave telephones, mail addresses and names of contact lines in the texts.")
    ] = False,
) -> None:
    """Write a release that can be cited: tables with keys, metadata, codebook, checks, change log and digests."""
    if not version.strip() or not version.isprintable() or len(version) > 40:
        wrong(f"--version {version!r}; expected a short text such as 2026.1")
    if date is not None:
        try:
            calendar.fromisoformat(date)
        except ValueError:
            wrong(f"--date {date!r}; expected a date such as 2026-11-30")
    with environment.database(environment.settings()) as engine, CountBar("documents read") as bar:
        try:
            facts = release_facts(about)
            written = release(
                engine, version, out, date=date, facts=facts, previous=previous, mask=not with_contacts, progress=bar.show
            )
        except ReleaseError as error:
            wrong(f"the release does not hold what it promises, and was not written: {error}")
        except OSError as error:
            wrong(f"{out}: {error.strerror or error}; expected a place that can be written to")
    what = (("filings", written.filings), ("cells", written.cells), ("findings", written.findings), ("files", written.files))
    say(", ".join(counted(count, nouns[:-1]) for nouns, count in what))
    say(f"{counted(written.checks, 'check')} passed")
    if previous is not None:
        say(f"{counted(written.changes, 'number')} changed against {plain(str(previous))}")
    if written.masked:
        say(f"{counted(written.masked, 'contact line')} masked in texts")
    say(plain(str(written.folder)))
