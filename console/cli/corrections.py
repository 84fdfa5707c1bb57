"""Commands about single cells: deciding what one says, and the decisions that were made."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from sqlalchemy import Connection, Engine

from codebook.book import load_book
from codebook.records import Decided, Number
from console.cli import environment
from console.cli.ingest import see_through
from console.cli.terminal.output import plain, say, show, show_json, table, wrong
from console.cli.terminal.tables import when
from console.decided_value import typed_value
from database.monitoring import queries
from database.reports import corrections
from database.reports.corrections import CorrectionItem
from database.reports.reviewing import doubtful_cells
from database.session import reading, run_transaction
from ingest.names import shown

AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output, nothing else.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept with who decided.")]
_CELL = (
    "Id of the cell (see `gongkai show DOCUMENT --values`), or report.agency, …; with `as-read` also of a row (requests.granted) "
    "or a table (requests): all its doubtful cells."
)
_BLANK, _AS_READ = "blank", "as-read"


def correct_cell(
    key: Annotated[str, typer.Argument(metavar="DOCUMENT", help="Number, beginning of the sha256, or path.")],
    cell: Annotated[str, typer.Argument(help=_CELL)],
    value: Annotated[str, typer.Argument(help="What is printed there: a number, `blank`, or `as-read` (it was read rightly).")],
    *,
    reason: Reason = "",
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait for the validation.")] = False,
    as_json: AsJson = False,
) -> None:
    """Decide what a cell of a document says. It is kept next to what was read, is validated, and survives re-processing."""
    found = environment.settings()
    with environment.database(found) as engine:
        document = _document(engine, key)
        cells = _cells(engine, document, cell, value)
        decided, settled = _decision(cells[0], value)
        fields: dict[str, Any] = {"who": environment.who(), "reason": reason}

        def write(connection: Connection) -> list[int]:
            return [corrections.correct(connection, document, each, decided, settled, **fields).number for each in cells]

        try:
            numbers = run_transaction(engine, write)
        except corrections.CorrectionRefusedError as error:
            wrong(str(error))
        if not no_wait:
            see_through(found, engine)
        with reading(engine) as connection:
            found_items = corrections.items(connection, numbers)
        items = [found_items[number] for number in numbers]
    if as_json:
        show_json(items[0] if cells == [cell] else items)
    else:
        show(_corrections_table(items))


def list_corrections(
    *,
    document: Annotated[str | None, typer.Option(metavar="ID", help="Only those of this document.")] = None,
    batch: Annotated[str | None, typer.Option(help="Only those of documents that were found in this batch.")] = None,
    who: Annotated[str | None, typer.Option(help="Only those of this person.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Also those that were undone or replaced.")] = False,
    undo: Annotated[int | None, typer.Option(metavar="NUMBER", help="Undo this one: the cell is again what was read.")] = None,
    reason: Reason = "",
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of entries, the newest first.")] = 1000,
    as_json: AsJson = False,
) -> None:
    """What people have decided about single cells."""
    found = environment.settings()
    with environment.database(found) as engine:
        if undo is not None:
            try:
                run_transaction(engine, lambda c: corrections.undo(c, undo, who=environment.who(), reason=reason))
            except corrections.CorrectionRefusedError as error:
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


def _cells(engine: Engine, document: int, name: str, value: str) -> list[str]:
    """The cell itself; for ``as-read`` and the id of a row or table, its cells that are in doubt."""
    indicators = load_book().indicators
    if value != _AS_READ or name in indicators or not any(cell.startswith(f"{name}.") for cell in indicators):
        return [name]
    with reading(engine) as connection:
        cells = [item.indicator for item in doubtful_cells(connection, document) if item.indicator.startswith(f"{name}.")]
    return cells or wrong(f"{name}: no cell of it is in doubt")


def _decision(cell: str, text: str) -> tuple[Decided, Number | str | None]:
    if text == _BLANK:
        return Decided.BLANK, None
    if text == _AS_READ:
        return Decided.AS_READ, None
    try:
        return Decided.VALUE, typed_value(cell, text)
    except corrections.CorrectionRefusedError:
        wrong(f"{text!r}: expected a number, `{_BLANK}` or `{_AS_READ}`")


def _document(engine: Engine, key: str) -> int:
    with reading(engine) as connection:
        ids = queries.find_documents(connection, shown(key))
    if len(ids) != 1:
        wrong(f"{key!r} fits {len(ids)} documents; expected exactly one: its number, the beginning of its sha256, or its path")
    return ids[0]


def _corrections_table(items: list[CorrectionItem]) -> object:
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
