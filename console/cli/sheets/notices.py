"""Problem sheets: notices to agencies and the workbook of a region."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from codebook.errors import UsageError
from console.cli import environment
from console.cli.filings.choice import ListingGroup
from console.cli.terminal.output import Exit, counted, plain, say, show_json, wrong
from console.cli.terminal.progress import CountBar
from console.notices.answers import plan, read_answers, take_in
from console.notices.document import TEMPLATE, default_template
from console.notices.gather import Selected
from console.notices.issue import IssueOptions, issue
from database.access import region_prefix
from database.models import FindingState
from database.session import reading, run_transaction
from ingest.lists.expected import region_named


class NoticeGroup(ListingGroup):
    """``gongkai notices --year …`` is ``gongkai notices make --year …``."""

    usual = "make"


notices = typer.Typer(help=__doc__, cls=NoticeGroup, rich_markup_mode=None)


@notices.command("make")
def make_notices(
    *,
    year: Annotated[int, typer.Option(help="The year that the reports are on.")],
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    region: Annotated[str, typer.Option(help="The region with all in it, by name or code. Default: all regions.")] = "",
    template: Annotated[
        Path | None, typer.Option(help="Folder with notice.docx, or the file: the office's own template.")
    ] = None,
    issuer: Annotated[str, typer.Option(help="Who sends it. Default: GONGKAI_NOTICE_ISSUER.")] = "",
    contact: Annotated[str, typer.Option(help="Name and telephone of the person to ask.")] = "",
    due: Annotated[
        str | None, typer.Option(metavar="DATE", help="Day by which to answer, YYYY-MM-DD. Default: in 15 days.")
    ] = None,
    pdf: Annotated[bool, typer.Option("--pdf", help="Also as PDF; needs LibreOffice.")] = False,
    mark_sent: Annotated[
        bool, typer.Option("--mark-sent", help="The cases become sent. Without it nothing is changed: a draft.")
    ] = False,
    reason: Annotated[str, typer.Option(help="A note on the sending, for the audit trail.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output, nothing else.")] = False,
) -> None:
    """Write a notice for each agency with confirmed findings, and a workbook for the region."""
    prefix = region_prefix(region_named(region).code) if region else ""
    if due is not None:
        _check_date(due)
    settings = environment.settings()
    options = IssueOptions(out, issuer, contact, due, template, pdf, mark_sent, environment.who() if mark_sent else "", reason)
    with environment.database(settings) as engine, CountBar("notices written") as bar:
        try:
            made = issue(engine, settings, Selected(prefix, year), options, bar.show)
        except OSError as error:
            wrong(f"{error.filename or out}: {error.strerror or error}; expected a place that can be written to")
    if as_json:
        show_json(made)
    else:
        pictures = f", {counted(made.without_picture, 'point')} without a picture" if made.without_picture else ""
        say(f"{counted(made.notices, 'notice')} with {counted(made.points, 'point')}{pictures}; {made.late:,} late or absent")
        say(f"{made.marked:,} cases are sent now" if mark_sent else "a draft: no case was changed; --mark-sent does it")
        say(plain(made.folder))
        say(plain(made.workbook))
    raise typer.Exit(Exit.GOOD if made.notices or made.late else Exit.ATTENTION)


def _check_date(text: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--due is a day as 2026-03-31, not {text!r}") from error


@notices.command("template")
def write_template(
    out: Annotated[Path, typer.Option(help="Folder to write notice.docx to.")],
) -> None:
    """Write the template of a notice, to be changed by the office and given with --template."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / TEMPLATE
    if path.exists():
        raise UsageError(f"{path} is there already; name another folder, so that no template of yours is lost")
    path.write_bytes(default_template())
    say(plain(path))


@notices.command("read")
def read_notices(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The workbook of a region, filled in.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and change nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output, nothing else.")] = False,
) -> None:
    """Take in the answers of agencies and their results from the workbook of a region."""
    rows = read_answers(path)
    with environment.database(environment.settings()) as engine:
        with reading(engine) as connection:
            planned = plan(connection, rows)
        moved: Mapping[FindingState, int] = {}
        if not dry_run and planned.moves:
            who = environment.who()
            moved = run_transaction(engine, lambda c: take_in(c, planned, who=who))
    if as_json:
        show_json({"planned": planned, "moved": {state.value: count for state, count in moved.items()}})
    else:
        counts: Mapping[FindingState, int] = Counter(move.to for move in planned.moves) if dry_run else moved
        done = ", ".join(f"{count:,} {state.value}" for state, count in counts.items()) or "no case"
        say(f"{done}; {planned.unchanged:,} as before; {counted(len(planned.refused), 'row')} refused")
        for each in planned.refused:
            say(f"[red]refused[/] {plain(each.row.sheet)} {each.row.row}: {plain(each.why)}")
        if dry_run:
            say("nothing was changed; give the command without --dry-run")
    raise typer.Exit(Exit.ATTENTION if planned.refused else Exit.GOOD)
