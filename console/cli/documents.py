"""Commands that show documents: how far the work is, what failed, and everything about one document."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from console.cli import environment
from console.cli.filings.showing import show_filing
from console.cli.terminal.filing_tables import filing_line
from console.cli.terminal.output import say, show, show_json, wrong
from console.cli.terminal.tables import (
    codes_table,
    document_parts,
    failures_table,
    status_parts,
    throughput_parts,
    watchers_table,
)
from database import ledger
from database.filings.listing import filing_of_document
from database.intake import inboxes
from database.ledger import throughput
from database.models import FailureState
from database.monitoring import queries
from database.session import reading
from ingest.names import shown

AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output, nothing else.")]
Batch = Annotated[str | None, typer.Option(help="Only documents that were found in this batch.")]


def show_status(batch: Batch = None, as_json: AsJson = False) -> None:
    """Counts by stage and status, rates, time left."""
    found = environment.settings()
    with environment.database(found) as engine, reading(engine) as connection:
        if batch is not None and not queries.has_batch(connection, batch):
            wrong(f"no batch is called {batch!r}; `gongkai status` lists them")
        scope = queries.DocumentScope(batch=batch)
        progress = queries.progress(connection, scope)
        books = ledger.balance(connection, batch)
        codes = queries.error_counts(connection, scope)
        reports = queries.report_counts(connection, scope)
        severities = queries.finding_counts(connection, scope)
        listed = queries.batches(connection) if batch is None else []
        watched = inboxes.watchers(connection, found.stale_seconds) if batch is None else []
        took = throughput.of_batch(connection, batch) if batch is not None else None
    if as_json:
        answer = {"progress": progress, "balance": books, "codes": codes, "reports": reports, "findings": severities}
        show_json(answer | {"batches": listed, "balance_holds": books.holds, "watchers": watched, "took": took})
    else:
        parts = status_parts(progress, books, codes, severities, reports=reports, batches=listed)
        show(*parts, *([watchers_table(watched)] if watched else []))
        show(*(throughput_parts(took) if took is not None else ()))


def list_failures(
    *,
    code: Annotated[str | None, typer.Option(help="Only this code (or a group of codes, such as `file`).")] = None,
    stage: Annotated[
        str | None, typer.Option(help="Only failures of this stage; `register` for failures at registration.")
    ] = None,
    batch: Batch = None,
    every: Annotated[bool, typer.Option("--all", help="Also those that were decided: requeued, resolved, discarded.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of entries, the newest first.")] = 1000,
    as_json: AsJson = False,
) -> None:
    """The error queue: which documents stopped, why, and what to do next."""
    states = tuple(FailureState) if every else (FailureState.OPEN,)
    with environment.database(environment.settings()) as engine, reading(engine) as connection:
        items = queries.failures(connection, code=code, stage=stage, batch=batch, states=states, limit=limit)
    if as_json:
        show_json(items)
        return
    if not items:
        say("no failures")
        return
    counts: dict[str, int] = {}
    for item in items:
        counts[item.code] = counts.get(item.code, 0) + 1
    show(failures_table(items), codes_table(counts))
    if len(items) == limit:
        say(f"only the newest {limit}; see --limit")


def show_document(
    key: Annotated[
        str,
        typer.Argument(metavar="ID", help="Number, beginning of the sha256 (6 digits or more), or path. With a year: an agency."),
    ],
    year: Annotated[int | None, typer.Argument(metavar="YEAR", help="Show the filing of the agency ID on this year.")] = None,
    *,
    values: Annotated[bool, typer.Option("--values", help="All values with their evidence.")] = False,
    as_json: AsJson = False,
) -> None:
    """All about one document: sources, tries, report, findings, doubts, failures, versions, its filing.

    With the name of an agency and a year: their filing, as `gongkai filings show` shows it.
    """
    if year is not None:
        if values:
            wrong("--values is for one document; a filing shows the cells that differ")
        show_filing(key, year, as_json=as_json)
        return
    with environment.database(environment.settings()) as engine, reading(engine) as connection:
        ids = queries.find_documents(connection, shown(key))
        if not ids:
            wrong(f"no document {key!r}; expected its number, the beginning of its sha256, or its path; or an agency and a year")
        if len(ids) > 1:
            wrong(f"{key!r} fits several documents: {', '.join(map(str, ids))}; give the number")
        item = queries.document(connection, ids[0])
        filing = filing_of_document(connection, ids[0])
    if as_json:
        show_json({**msgspec.structs.asdict(item), "filing": filing})
    else:
        show(*document_parts(item, filing_line(filing) if filing else None, values=values))
