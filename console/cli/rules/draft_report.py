"""What the command that checks drafts does and shows."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from codebook.errors import CODES, GongkaiError, UsageError
from codebook.records import Severity
from console.cli import environment
from console.cli.terminal.output import Exit, counted, fault, plain, say, show, show_json, table, wrong
from console.drafts.check import CheckedDraft, Connect, DraftFinding, check_drafts
from console.drafts.not_run import BecauseOf
from console.limited_reader import LimitedReader
from ingest.lists.manifest import region_of
from runtime.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Connection

_COLOURS = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
_LISTED = 4  # cells of a finding that are named
_WHY = {
    BecauseOf.NO_DATABASE: "there is no database with other reports",
    BecauseOf.NO_IDENTITY: "agency or year are not known",
    BecauseOf.NEW_AGENCY: "the database has no report of this agency",
    BecauseOf.NO_LAST_YEAR: "the database has no report of the agency on the year before",
    BecauseOf.NO_GOVERNMENT: "the database has no report of the government above on this year",
    BecauseOf.NO_REGION: "the region of the agency is not known; see --region",
    BecauseOf.REGION_ONLY: "compared with the agencies under the same government only",
    BecauseOf.WHOLE_REGION: "they need all reports of a region (`gongkai check`)",
    BecauseOf.PUBLISHED: "they are about what was published",
}


def check(paths: Sequence[str], reader: LimitedReader, *, region: str | None, as_json: bool) -> None:
    """Check drafts and show what was found; ends with the exit code of the command."""
    found = environment.settings()
    with ExitStack() as stack, ThreadPoolExecutor(1) as threads:
        connect = _connect(found, stack, threads)
        try:
            drafts = list(check_drafts(paths, found, connect, region=region_of(region or ""), reader=reader))
        except UsageError as error:
            wrong(str(error))
        except GongkaiError as error:
            fault(error)
    if not drafts:
        wrong("no file to read in what was given")
    if as_json:
        show_json(drafts)
    else:
        for draft in drafts:
            _show(draft)
    raise typer.Exit(Exit.GOOD if all(draft.is_clean for draft in drafts) else Exit.ATTENTION)


def _connect(found: Settings, stack: ExitStack, threads: ThreadPoolExecutor) -> Connect | None:
    """The way to the database, which is opened while the first draft is read; None where there is none yet."""
    if found.database_url is None and not (found.home / "gongkai.db").exists():
        return None
    opening = threads.submit(_opened, found, stack)

    def connect() -> AbstractContextManager[Connection]:
        return opening.result()()

    return connect


def _opened(found: Settings, stack: ExitStack) -> Connect:
    from database.session import reading  # noqa: PLC0415 - in this thread, while another waits for the reading process

    return partial(reading, stack.enter_context(environment.database(found)))


def _show(draft: CheckedDraft) -> None:
    if draft.code is not None:
        rule = CODES[draft.code]
        show(f"[bold]{plain(draft.path)}[/]: [red]{draft.code}[/] ({rule.meaning}): {plain(draft.found)}. {rule.next_step}", "")
        return
    who = plain(draft.agency or "agency unknown"), draft.year or "year unknown", draft.form or "form unknown"
    show(f"[bold]{plain(draft.path)}[/]: {who[0]}, {who[1]}, form {who[2]}, {counted(draft.cells, 'cell')}")
    if draft.findings:
        made = table("", "rule", "where", "what")
        for finding in draft.findings:
            colour = _COLOURS[finding.severity]
            made.add_row(f"[{colour}]{finding.severity}[/]", finding.rule, plain(_where(finding)), plain(finding.message))
        show(made)
    else:
        show("nothing found")
    if draft.doubts:
        named = ", ".join(draft.doubts[:_LISTED]) + (", …" if len(draft.doubts) > _LISTED else "")
        show(f"not read for certain, and checked by no rule: {counted(len(draft.doubts), 'item')} ({plain(named)})")
    for skipped in draft.not_run:
        say(f"not run: {', '.join(skipped.rules)}: {_WHY[skipped.because]}")
    show("")


def _where(finding: DraftFinding) -> str:
    """Page and line, the cells as the form calls them, and the report that it was compared with."""
    parts: list[str] = []
    if (place := finding.place) is not None:
        parts.append(f"p. {place.page}" + (f" line {place.line}" if place.line else ""))
    if finding.labels:
        parts.append("; ".join(_head(finding.labels)))
    if finding.other_agency is not None:
        parts.append(f"beside {finding.other_agency} {finding.other_year}")
    return " · ".join(parts)


def _head(labels: Sequence[str]) -> list[Any]:
    return [*labels[:_LISTED], *(["…"] if len(labels) > _LISTED else [])]
