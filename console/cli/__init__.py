"""The command line. Each command is a few lines: read the request, ask or act, show the answer.

Modules that load the database or Celery are imported inside the commands: ``gongkai --help`` answers at once.
"""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from console import environment
from console.cli import alive, audit, corrections, reprocess, services, upkeep, users, watch
from console.cli.output import Exit, plain, say, show, show_json, wrong

app = typer.Typer(
    name="gongkai",
    help="From a province's annual reports on government information disclosure to one database that can be trusted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output, nothing else.")]
Batch = Annotated[str | None, typer.Option(help="Only documents that were found in this batch.")]


class Form(StrEnum):
    """What `export` writes."""

    JSONL = "jsonl"
    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"


@app.command("ingest")
def ingest_command(
    paths: Annotated[list[str], typer.Argument(help="Files, folders (with all that is in them) and archives.")],
    *,
    batch: Annotated[str | None, typer.Option(help="Name of the batch. Default: the first path's name and today's date.")] = None,
    region: Annotated[str | None, typer.Option(help="Region of all files, from the province down: 江苏省/淮安市.")] = None,
    manifest: Annotated[
        Path | None, typer.Option(help="CSV list of files with agency, region, year and publication date.")
    ] = None,
    priority: Annotated[int, typer.Option(min=0, max=9, help="Work of a higher priority is served first; 0 is usual.")] = 0,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Register only; workers elsewhere (or a later run) go on.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take files in, wait until they are processed, and print what became of them.

    Exit code 0: all accepted or duplicate. 3: some need review, failed or were rejected. 2: wrong usage. 1: the machine
    (database, broker, store) stood in the way.
    """
    from console.cli.ingest import Request, take_in  # noqa: PLC0415
    from console.cli.tables import documents_table, summary_parts  # noqa: PLC0415

    found = environment.settings()
    with environment.database(found, make=True) as engine:
        request = Request(tuple(paths), batch, region, str(manifest) if manifest else None, priority)
        result = take_in(found, engine, request, waits=not no_wait)
    summary, outcome = result.summary, result.outcome
    for problem in summary.problems:
        say(f"[yellow]manifest[/]: {plain(problem)}")
    if as_json:
        show_json(result)
    else:
        if outcome.documents and not no_wait:
            show(documents_table(outcome.documents))
        show(*summary_parts(summary, outcome.progress, outcome.codes, outcome.severities, outcome.seconds))
    if no_wait:
        if found.broker_url is None and outcome.progress.open:
            say(f"{outcome.progress.open:,} documents wait; the next `gongkai ingest` without --no-wait goes on with them")
        raise typer.Exit(Exit.ATTENTION if summary.rejected else Exit.GOOD)
    raise typer.Exit(outcome.exit_code)


@app.command()
def status(batch: Batch = None, as_json: AsJson = False) -> None:
    """Counts by stage and status, rates, time left."""
    from console.cli.tables import status_parts, throughput_parts, watchers_table  # noqa: PLC0415
    from database import ledger  # noqa: PLC0415
    from database.intake import inboxes  # noqa: PLC0415
    from database.ledger import throughput  # noqa: PLC0415
    from database.monitoring import queries  # noqa: PLC0415
    from database.session import reading  # noqa: PLC0415

    found = environment.settings()
    with environment.database(found) as engine, reading(engine) as connection:
        if batch is not None and not queries.has_batch(connection, batch):
            wrong(f"no batch is called {batch!r}; `gongkai status` lists them")
        scope = queries.Scope(batch=batch)
        progress = queries.progress(connection, scope)
        books = ledger.balance(connection, batch)
        codes = queries.error_counts(connection, scope)
        severities = queries.finding_counts(connection, scope)
        listed = queries.batches(connection) if batch is None else []
        watched = inboxes.watchers(connection, found.stale_seconds) if batch is None else []
        took = throughput.of_batch(connection, batch) if batch is not None else None
    if as_json:
        answer = {"progress": progress, "balance": books, "codes": codes, "findings": severities, "batches": listed}
        show_json(answer | {"balance_holds": books.holds, "watchers": watched, "took": took})
    else:
        show(*status_parts(progress, books, codes, severities, listed), *([watchers_table(watched)] if watched else []))
        show(*(throughput_parts(took) if took is not None else ()))


@app.command()
def failures(
    *,
    code: Annotated[str | None, typer.Option(help="Only this code (or a group of codes, such as `file`).")] = None,
    stage: Annotated[str | None, typer.Option(help="Only failures of this stage; `register` for those at the door.")] = None,
    batch: Batch = None,
    every: Annotated[bool, typer.Option("--all", help="Also those that were decided: requeued, resolved, discarded.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 1000,
    as_json: AsJson = False,
) -> None:
    """The error queue: which documents could not go on, why, and what to do."""
    from console.cli.tables import codes_table, failures_table  # noqa: PLC0415
    from database.models import FailureState  # noqa: PLC0415
    from database.monitoring import queries  # noqa: PLC0415
    from database.session import reading  # noqa: PLC0415

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


@app.command("show")
def show_document(
    key: Annotated[str, typer.Argument(metavar="ID", help="Number, beginning of the sha256 (6 digits or more), or path.")],
    values: Annotated[bool, typer.Option("--values", help="All values with their evidence.")] = False,
    as_json: AsJson = False,
) -> None:
    """All about one document: sources, tries, report, findings, doubts, failures, versions."""
    from console.cli.tables import document_parts  # noqa: PLC0415
    from database.monitoring import queries  # noqa: PLC0415
    from database.session import reading  # noqa: PLC0415
    from ingest.names import shown  # noqa: PLC0415

    with environment.database(environment.settings()) as engine, reading(engine) as connection:
        ids = queries.find_documents(connection, shown(key))
        if not ids:
            wrong(f"no document {key!r}; expected its number, the beginning of its sha256, or its path")
        if len(ids) > 1:
            wrong(f"{key!r} fits several documents: {', '.join(map(str, ids))}; give the number")
        item = queries.document(connection, ids[0])
    if as_json:
        show_json(item)
    else:
        show(*document_parts(item, values=values))


@app.command()
def export(
    form: Annotated[Form, typer.Option("--format", help="What to write.")],
    out: Annotated[Path, typer.Option(help="File (jsonl, xlsx, .csv) or folder (csv, parquet) to write.")],
    batch: Batch = None,
    year: Annotated[int | None, typer.Option(help="Only reports on this year.")] = None,
) -> None:
    """Write the data with evidence, findings and failures to files."""
    from console.export import export as write  # noqa: PLC0415

    with environment.database(environment.settings()) as engine:
        try:
            written = write(engine, form.value, out, batch, year)
        except ValueError as error:
            wrong(str(error))
        except OSError as error:
            wrong(f"{out}: {error.strerror or error}; expected a place that can be written to")
    say(f"{written.documents:,} documents, {written.reports:,} reports, {written.cells:,} cells, {written.findings:,} findings")
    for file in written.files:
        say(plain(file))


@app.command()
def check(as_json: AsJson = False) -> None:
    """Apply all rules between years and within regions again, to the reports in force."""
    from console.check import run_check  # noqa: PLC0415

    with environment.database(environment.settings()) as engine:
        result = run_check(engine)
    if as_json:
        show_json(result)
    else:
        show(*(f"{name}: {value}" for name, value in services.facts(result)))


app.command()(reprocess.reprocess)
app.command()(reprocess.discard)
app.command()(corrections.correct)
app.command("corrections")(corrections.corrections_command)
app.command()(corrections.expect)
app.command()(corrections.coverage)
app.command()(watch.watch)
app.command()(watch.up)
app.command()(watch.metrics)
app.command()(users.console)
app.command()(services.worker)
app.command()(services.recover)
app.command(context_settings={"ignore_unknown_options": False})(services.flower)
app.command()(services.doctor)
app.command()(upkeep.purge)
app.command()(upkeep.verify)
app.add_typer(users.user, name="user")
app.add_typer(audit.audit, name="audit")
app.command()(alive.alive)
app.add_typer(services.db, name="db")


def main() -> None:
    """The entry of the program ``gongkai``."""
    try:
        app()
    except BrokenPipeError:  # who reads us has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(Exit.FAULT) from None
