"""Commands for single cells and for lists of agencies: deciding on a cell, the decisions, who must report and who has."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console import environment
from console.cli.output import Exit, plain, say, show, show_json, table, wrong

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from codebook.records import Decided, Number
    from database.reports.corrections import CorrectionItem
    from database.reports.coverage import CoverageLine

AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output, nothing else.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept with who decided.")]
_BLANK, _AS_READ = "blank", "as-read"


def correct(
    key: Annotated[str, typer.Argument(metavar="DOCUMENT", help="Number, beginning of the sha256, or path.")],
    cell: Annotated[str, typer.Argument(help="Id of the cell (see `gongkai show DOCUMENT --values`), or report.agency, …")],
    value: Annotated[str, typer.Argument(help="What is printed there: a number, `blank`, or `as-read` (it was read rightly).")],
    *,
    reason: Reason = "",
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait for the validation.")] = False,
    as_json: AsJson = False,
) -> None:
    """Decide what a cell of a document says. It stands beside what was read, is validated, and survives re-processing."""
    from console.cli.ingest import see_through  # noqa: PLC0415 (these load SQLAlchemy)
    from database.reports import corrections  # noqa: PLC0415
    from database.session import reading, run_transaction  # noqa: PLC0415

    found = environment.settings()
    with environment.database(found) as engine:
        document = _document(engine, key)
        decided, settled = _value(cell, value)
        try:
            done = run_transaction(
                engine,
                lambda c: corrections.correct(c, document, cell, decided, settled, who=environment.who(), reason=reason),
            )
        except corrections.RefusedError as error:
            wrong(str(error))
        if not no_wait:
            see_through(found, engine)
        with reading(engine) as connection:
            item = corrections.items(connection, [done.number])[done.number]
    if as_json:
        show_json(item)
    else:
        show(_corrections_table([item]))


def corrections_command(
    *,
    document: Annotated[str | None, typer.Option(metavar="ID", help="Only those of this document.")] = None,
    batch: Annotated[str | None, typer.Option(help="Only those of documents that were found in this batch.")] = None,
    who: Annotated[str | None, typer.Option(help="Only those of this person.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Also those that were undone or replaced.")] = False,
    undo: Annotated[int | None, typer.Option(metavar="NUMBER", help="Undo this one: the cell is again what was read.")] = None,
    reason: Reason = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 1000,
    as_json: AsJson = False,
) -> None:
    """What people have decided about single cells."""
    from console.cli.ingest import see_through  # noqa: PLC0415
    from database.reports import corrections  # noqa: PLC0415
    from database.session import reading, run_transaction  # noqa: PLC0415

    found = environment.settings()
    with environment.database(found) as engine:
        if undo is not None:
            try:
                run_transaction(engine, lambda c: corrections.undo(c, undo, who=environment.who(), reason=reason))
            except corrections.RefusedError as error:
                wrong(str(error))
            except corrections.OvertakenError as error:
                wrong(f"correction {undo} no longer stands: {error}")
            see_through(found, engine)
        number = _document(engine, document) if document is not None else None
        with reading(engine) as connection:
            if undo is not None:
                listed = list(corrections.items(connection, [undo]).values())
            else:
                listed = corrections.history(
                    connection, document_id=number, batch=batch, who=who, standing=not every, limit=limit
                )
    if as_json:
        show_json(listed)
    elif listed:
        show(_corrections_table(listed))
    else:
        say("no corrections")


def expect(
    path: Annotated[Path, typer.Argument(metavar="FILE.csv", help="List of the agencies that must report.")],
    *,
    year: Annotated[int | None, typer.Option(help="The year that they report on, for lists without such a column.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Agencies of the same years that it does not name go.")] = False,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Take in the list of the agencies that must report on a year, with the dates by which they must have published."""
    from database.reports import coverage as covering  # noqa: PLC0415
    from database.session import run_transaction  # noqa: PLC0415
    from ingest.lists.expected import read_expected  # noqa: PLC0415

    with environment.database(environment.settings(), make=True) as engine:
        items, problems = read_expected(path, year)
        act = covering.expect
        gone = run_transaction(engine, lambda c: act(c, items, who=environment.who(), reason=reason, replace=replace))
    for problem in problems:
        say(f"[yellow]list[/]: {plain(problem)}")
    years = Counter(item.year for item in items)
    if as_json:
        show_json({"years": dict(years), "replaced": gone, "problems": problems})
    else:
        say(", ".join(f"{n:,} agencies for {at}" for at, n in sorted(years.items())) or "no agency was taken in")
    raise typer.Exit(Exit.GOOD if items else Exit.USAGE)


def coverage(
    *,
    year: Annotated[int, typer.Option(help="The year that is reported on.")],
    region: Annotated[str | None, typer.Option(help="Only this region, by the beginning of its code: 32, 3208, 320813.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="Write all lines to this file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Which agencies of the list have no report on a year, and which are late. Exit code 3 when there are any."""
    from database.reports import coverage as covering  # noqa: PLC0415
    from database.session import reading  # noqa: PLC0415

    with environment.database(environment.settings()) as engine, reading(engine) as connection:
        lines = covering.coverage(connection, year, date.today().isoformat(), region=region)
        others = covering.unlisted(connection, year, region=region)
    if not lines:
        wrong(f"no list of agencies for {year}; give one with `gongkai expect FILE.csv`")
    if out is not None:
        with out.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows(coverage_rows(lines))
    counts = Counter(line.standing for line in lines)
    if as_json:
        show_json({"counts": counts, "agencies": lines, "unlisted": others})
    else:
        made = table("agency", "region", "due", "standing", "published", "document", right=["document"])
        bad = (covering.Standing.ABSENT, covering.Standing.LATE)
        for line in (line for line in lines if line.standing in bad):
            number = str(line.document_id or "")
            made.add_row(
                plain(line.agency), line.region_code or "", line.due_on or "", line.standing, line.published_on or "", number
            )
        show(made)
        told = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in sorted(counts.items()))
        say(f"{len(lines):,} agencies: {told}; {len(others):,} reports by agencies that are not on the list")
    missing = counts[covering.Standing.ABSENT] + counts[covering.Standing.LATE]
    raise typer.Exit(Exit.ATTENTION if missing else Exit.GOOD)


def coverage_rows(lines: list[CoverageLine]) -> list[tuple[str, ...]]:
    """The lines of a coverage as rows of a CSV file, with a header; a text that a spreadsheet would compute is marked as text."""
    from console.export.writers import inert  # noqa: PLC0415

    header = ("agency", "region_code", "due_on", "standing", "published_on", "document")
    return [
        header,
        *(
            (
                inert(line.agency),
                line.region_code or "",
                line.due_on or "",
                line.standing.value,
                line.published_on or "",
                str(line.document_id or ""),
            )
            for line in lines
        ),
    ]


def _value(cell: str, text: str) -> tuple[Decided, Number | str | None]:
    from codebook.book import load_book  # noqa: PLC0415
    from codebook.records import Decided  # noqa: PLC0415
    from codebook.text.numbers import in_unit, read_number  # noqa: PLC0415
    from database.reports.corrections import FACTS  # noqa: PLC0415

    if text == _BLANK:
        return Decided.BLANK, None
    if text == _AS_READ:
        return Decided.AS_READ, None
    if cell in FACTS:
        return Decided.VALUE, text
    known = load_book().indicators.get(cell)
    value = in_unit(read_number(text), known.unit if known else None)
    if value is None:
        wrong(f"{text!r}: expected a number, `{_BLANK}` or `{_AS_READ}`")
    return Decided.VALUE, value


def _document(engine: Engine, key: str) -> int:
    from database.monitoring import queries  # noqa: PLC0415
    from database.session import reading  # noqa: PLC0415
    from ingest.names import shown  # noqa: PLC0415

    with reading(engine) as connection:
        ids = queries.find_documents(connection, shown(key))
    if len(ids) != 1:
        wrong(f"{key!r} fits {len(ids)} documents; expected exactly one: its number, the beginning of its sha256, or its path")
    return ids[0]


def _corrections_table(items: list[CorrectionItem]) -> object:
    from console.cli.tables import when  # noqa: PLC0415

    columns = ("number", "document", "agency", "year", "cell", "read", "decided", "by", "at", "reason", "ended")
    made = table(*columns, right=["number", "document", "year"])
    for item in items:
        ended = "" if item.ended_at is None else f"{when(item.ended_at)} {item.ended_by} {item.ended_reason or ''}".strip()
        made.add_row(
            str(item.number),
            str(item.document_id),
            plain(item.agency or item.path or ""),
            str(item.year or ""),
            item.indicator,
            plain(item.raw),
            plain(item.told or _BLANK),
            plain(item.decided_by),
            when(item.decided_at),
            plain(item.reason),
            plain(ended),
        )
    return made
