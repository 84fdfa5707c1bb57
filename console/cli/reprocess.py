"""Commands by which people decide about many documents: process them again, or discard them."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from sqlalchemy import Engine

from codebook.errors import CODES
from codebook.records import Status
from codebook.stages import REGISTER, StageName
from console.cli import environment
from console.cli.ingest import see_through
from console.cli.terminal.output import Exit, counted, plain, say, show, show_json, table, wrong
from console.cli.terminal.tables import codes_table, number, status_text
from console.dry_run import rehearse
from console.reprocess import readable, start
from database import ledger
from database.ledger import Selection
from database.monitoring import queries
from database.session import reading, run_transaction
from runtime.language import said
from runtime.settings import Settings

Code = Annotated[str | None, typer.Option(help="Those with an open failure of this code.")]
FailedAt = Annotated[str | None, typer.Option(help="Those with an open failure of this stage.")]
Batch = Annotated[str | None, typer.Option(help="Those that were found in this batch.")]
StatusOption = Annotated[str | None, typer.Option(help="Those with this status: accepted, needs_review, failed, rejected.")]
OlderThan = Annotated[str | None, typer.Option(metavar="VERSION", help="Those that an earlier version of the program made.")]
Documents = Annotated[
    list[str] | None, typer.Option(metavar="ID", help="This document: number, sha256 or path. Can be repeated.")
]
Everything = Annotated[bool, typer.Option("--all", help="All documents; without it a selection is needed.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept with who asked.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Change nothing; print what would be done.")]
_SHOWN_CHANGES = 200


def reprocess_documents(
    *,
    code: Code = None,
    stage: Annotated[
        str | None, typer.Option(help="Begin with this stage: extract, ocr, parse, validate, load. Default: where each stopped.")
    ] = None,
    failed_at: FailedAt = None,
    batch: Batch = None,
    status: StatusOption = None,
    older_than: OlderThan = None,
    document: Documents = None,
    everything: Everything = False,
    reason: Reason = "",
    dry_run: DryRun = False,
    limit: Annotated[
        int, typer.Option(min=0, help="With --dry-run: maximum number of documents that are read again and compared.")
    ] = 100,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait for the result.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output, nothing else.")] = False,
) -> None:
    """Process selected documents again, from a stage on. What is in force stays in force until the new result is complete."""
    first = _one_of(StageName, stage, "stage") if stage else None
    found = environment.settings()
    with environment.database(found) as engine:
        chosen = _selection(
            engine,
            code=code,
            failed_at=failed_at,
            batch=batch,
            status=status,
            older_than=older_than,
            keys=document,
            everything=everything,
        )
        ids, absent = readable(found, engine, chosen)
        if absent:
            say(f"{counted(len(absent), 'document')} refused at registration and not kept; run `gongkai ingest` on the files")
        if dry_run:
            _rehearse(found, engine, ids, limit, as_json=as_json)
            return
        from_stage = StageName(first) if first else None
        count = start(found, engine, chosen, ids, from_stage, who=environment.who(), reason=reason)
        say(f"{counted(count, 'document')} queued again")
        if code is not None and code.startswith("fetch."):
            say("their addresses wait for a collector: `gongkai collect`, or `gongkai up`")
        if no_wait:
            if as_json:
                show_json({"started": count})
            return
        outcome = see_through(found, engine)
    if as_json:
        show_json({"started": count, "outcome": outcome})
    else:
        counts = table("", "count", right=["count"])
        for name, each in outcome.progress.statuses.items():
            counts.add_row(status_text(name), number(each))
        show(counts, *([codes_table(outcome.codes)] if outcome.codes else []))
    raise typer.Exit(outcome.exit_code)


def discard_documents(
    *,
    code: Code = None,
    failed_at: FailedAt = None,
    batch: Batch = None,
    status: StatusOption = None,
    older_than: OlderThan = None,
    document: Documents = None,
    everything: Everything = False,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --all: do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output, nothing else.")] = False,
) -> None:
    """Take selected documents out of the work for good. Their rows and originals stay, with who did it and why."""
    with environment.database(environment.settings()) as engine:
        chosen = _selection(
            engine,
            code=code,
            failed_at=failed_at,
            batch=batch,
            status=status,
            older_than=older_than,
            keys=document,
            everything=everything,
        )
        if everything and not dry_run and not yes:
            typer.confirm(said("Discard all documents of this database?"), abort=True, err=True)
        count = run_transaction(
            engine, lambda c: ledger.discard(c, chosen, who=environment.who(), reason=reason, dry_run=dry_run)
        )
    if as_json:
        show_json({"discarded": 0 if dry_run else count, "selected": count})
    else:
        say(f"{counted(count, 'document')} {'would be discarded' if dry_run else 'discarded'}")


def _selection(
    engine: Engine,
    *,
    code: str | None,
    failed_at: str | None,
    batch: str | None,
    status: str | None,
    older_than: str | None,
    keys: list[str] | None,
    everything: bool,
) -> Selection:
    given = [code, failed_at, batch, status, older_than, keys]
    if everything == any(given):
        wrong(
            "expected a selection (--code, --failed-at, --batch, --status, --older-than, --document), or --all for all documents"
        )
    if code is not None and code not in CODES:
        wrong(f"--code {code}: not one of {', '.join(CODES)}")
    if failed_at is not None and failed_at != REGISTER:
        _one_of(StageName, failed_at, "failed-at")
    chosen_status = Status(_one_of(Status, status, "status")) if status else None
    with reading(engine) as connection:
        if batch is not None and not queries.has_batch(connection, batch):
            wrong(f"no batch is called {batch!r}; `gongkai status` lists them")
        documents: list[int] = []
        for key in keys or []:
            ids = queries.find_documents(connection, key)
            if len(ids) != 1:
                wrong(f"--document {key!r} fits {len(ids)} documents; expected exactly one")
            documents += ids
    return Selection(code, failed_at, batch, chosen_status, older_than, tuple(documents))


def _one_of(kind: Any, value: str, option: str) -> str:
    names = [str(each) for each in kind]
    if value not in names:
        wrong(f"--{option} {value}: not one of {', '.join(names)}")
    return value


def _rehearse(settings: Settings, engine: Engine, ids: list[int], limit: int, *, as_json: bool) -> None:
    """Tell which numbers would change."""
    changes = list(rehearse(engine, settings, ids[:limit]))
    if as_json:
        show_json({"selected": len(ids), "compared": min(limit, len(ids)), "changes": changes})
        return
    made = table("document", "indicator", "before", "after", "path", right=["document"])
    for change in changes[:_SHOWN_CHANGES]:
        made.add_row(str(change.document_id), change.indicator or "(status)", change.before, change.after, plain(change.path))
    if changes:
        show(made)
    more = f", {len(changes) - _SHOWN_CHANGES:,} not shown" if len(changes) > _SHOWN_CHANGES else ""
    selected, would = counted(len(ids), "document"), counted(len(changes), "value")
    say(f"{selected} selected, {min(limit, len(ids)):,} read again: {would} would change{more}")
    raise typer.Exit(Exit.GOOD)
