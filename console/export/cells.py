"""What becomes of a document in an export: the JSON object of the contract, and the rows of the tables."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import Row

from codebook.agency_kinds import kind_of
from codebook.book import Block, Label, load_book
from codebook.records import UNSETTLED_STATES, Number, State
from codebook.text.numbers import whole
from console.export.read import Exported, Value
from database.export_columns import (
    DOCUMENTS,
    FINDINGS,
    JSON_EVIDENCE,
    JSON_FILING,
    JSON_FINDING,
    JSON_REPORT,
    JSON_SOURCE,
    JSON_SOURCES,
    LABELS,
    VALUES,
    WIDE_AFTER,
    WIDE_BEFORE,
    Columns,
)
from database.views import Wide, column_name, wide_tables

Line = dict[str, Any]
Table = dict[str, type]
CellsFound = list[tuple[str, Value | None]]  # indicators in printing order; None is a cell that the report leaves out

UNSETTLED = frozenset(state.value for state in UNSETTLED_STATES)
MISSING = State.MISSING.value
NOT_SEEN = State.NOT_SEEN.value


class _Box(NamedTuple):
    x0: float | None = None
    top: float | None = None
    x1: float | None = None
    bottom: float | None = None


class _Place(NamedTuple):
    page: int | None = None
    line: int | None = None


class _Counts(NamedTuple):
    cells: int
    doubts: int
    findings: int
    sources: int


class _Filing(NamedTuple):
    """What a document is in the filing of its agency and year; all empty when it is in none."""

    id: int | None = None
    agency_id: str | None = None
    agency: str | None = None
    year: int | None = None
    edition: int | None = None
    rendition_of: str | None = None
    in_force: bool | None = None


class AgencyBody(NamedTuple):
    """Kind and level of the agency: the report of a government covers its area, and the units in it report again."""

    kind: str | None = None
    level: str | None = None


class _Alone(NamedTuple):
    """What a document alone was read as, where renditions prove or settle a value."""

    state: str | None = None
    value: Number | None = None


class _Label(NamedTuple):
    indicator: str
    column_name: str
    block: str
    row_label: str
    column_label: str | None
    unit: str | None
    forms: str


class _Stopped(NamedTuple):
    code: str | None = None
    message: str | None = None


# A cell that the form has and the report leaves out.
_LEFT_OUT: Any = Value("", None, MISSING, *[None] * 10)  # type: ignore[arg-type]


class ExportRow(NamedTuple):
    """The records of one row of an export, from which columns take their values by :attr:`ExportColumn.field`.

    What does not apply to a table stays at its default.
    """

    document: Any
    filing: _Filing = _Filing()
    body: AgencyBody = AgencyBody()
    error: _Stopped = _Stopped()
    counts: _Counts | None = None
    indicator: str = ""
    number: Number | None = None
    value: Value = _LEFT_OUT
    box: _Box = _Box()
    candidates: list[Number | None] | None = None
    correction: Line | None = None
    witnesses: list[Line] | None = None
    witness_documents: list[str] | None = None
    agreed_by: list[str] | None = None
    read_alone: Line | None = None
    alone: _Alone = _Alone()
    decided_at: str | None = None
    finding: Any = None
    finding_in_force: bool | None = None
    place: _Place = _Place()
    expected: float | None = None
    actual: float | None = None
    block_form: str = ""
    doubtful_count: int = 0
    label: _Label | None = None
    found: Any = None
    found_at: str | None = None
    changed_at: str | None = None


@cache
def _getter(columns: Columns) -> Callable[[ExportRow], tuple[Any, ...]]:
    return attrgetter(*(column.field for column in columns))


def _fields(columns: Columns, row: ExportRow) -> tuple[Any, ...]:
    """The fields of a table's row; a list is written as words with spaces between."""
    return tuple(" ".join(each) if isinstance(each, list) else each for each in _getter(columns)(row))


def _object(columns: Columns, row: ExportRow) -> Line:
    """The object of JSON: values of an indicator are whole where they can be; keys without anything to say are left out."""
    found = zip(columns, _getter(columns)(row), strict=True)
    return {
        column.name: whole(each) if column.unit == "of the indicator" else each
        for column, each in found
        if not column.needs or attrgetter(column.needs)(row) is not None
    }


# ---- which cells a report has ---------------------------------------------------------------------------------------------


@cache
def form_cells(block: str, form: str, printed: frozenset[str]) -> frozenset[str]:
    """The indicators that a block of this form has: see codebook.book.Codebook.demanded."""
    return frozenset(load_book().demanded(block, form, printed))


def cells(exported: Exported) -> CellsFound:
    """All cells of the report in printing order: those that were read, and None for those that its form has but the
    report leaves out. A document that shows no report has none.
    """
    if not exported.has_report:
        return []
    book = load_book()
    read = {value.indicator: value for value in exported.values}
    printed = [i for i, v in read.items() if i in book.indicators and v.state not in (MISSING, NOT_SEEN)]
    rows = frozenset(book.indicators[i].row for i in printed)
    blank = {i for block, form in exported.blocks.items() for i in form_cells(block, form, rows)} - read.keys()
    return [(i, read.get(i)) for i in book.in_order(read.keys() | blank)]


# ---- JSON -----------------------------------------------------------------------------------------------------------------


def json_line(exported: Exported, *, in_force: bool = False) -> Line | None:
    """The object of one document, with the keys of the contract in their order.

    With ``in_force`` None for a document that is not in force, and only the findings that are.
    """
    if in_force and not exported.in_force:
        return None
    d = exported.document
    row = ExportRow(d, _filing(exported), body(exported))
    line: Line = {
        "source": _object(JSON_SOURCE, row),
        "status": d.status,
        "report": None,
        "filing": None if d.filing_id is None else _object(JSON_FILING, row),
        "sections": [],
        "indicators": {},
        "evidence": {},
        "doubts": [],
        "findings": [],
        "error": error(exported),
        "sources": [_object(JSON_SOURCES, _source_row(row, source)) for source in exported.sources],
    }
    if exported.has_report:
        found = cells(exported)
        line |= {
            "report": _object(JSON_REPORT, row),
            "sections": [{"number": s.number, "title": s.title, "text": s.text} for s in exported.sections],
            "indicators": {i: _number(value) for i, value in found},
            "evidence": {i: _object(JSON_EVIDENCE, _value_row(row, exported, i, v)) for i, v in found if v is not None},
            "doubts": [*(i for i, value in found if value is not None and value.state in UNSETTLED), *d.doubts],
            "findings": [_object(JSON_FINDING, _finding_row(row, exported, f)) for f in findings_of(exported, in_force=in_force)],
        }
    return line


def _source_row(row: ExportRow, source: Row[Any]) -> ExportRow:
    return row._replace(found=source, found_at=_moment(source.seen_at), changed_at=_moment(source.dated_at))


def _moment(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None


def _filing(exported: Exported) -> _Filing:
    d = exported.document
    if d.filing_id is None:
        return _Filing()
    return _Filing(d.filing_id, str(d.agency_id), d.agency_name, d.filing_year, d.edition, d.rendition_of, exported.in_force)


def body(exported: Exported) -> AgencyBody:
    """Kind and level of the agency: the register's kind for what is in a filing, else by the name that the report prints."""
    d = exported.document
    kind = d.agency_kind if d.filing_id is not None else _kind_by_name(d.agency)
    named = (("county", d.county), ("city", d.city), ("province", d.province))
    return AgencyBody(kind, "town" if kind == "town" else next((level for level, name in named if name is not None), None))


def _kind_by_name(agency: str | None) -> str | None:
    kind = kind_of(agency) if agency else None
    return kind.kind if kind else None


def error(exported: Exported) -> Line | None:
    """Code and message of what stopped the document; None when nothing did."""
    d, failure = exported.document, exported.failure
    if exported.has_report or d.status not in ("failed", "rejected", "discarded"):
        return None
    if failure is None:
        return {"code": "internal", "message": f"the document is {d.status}, but no failure is on record"}
    return {"code": failure.code, "message": failure.message}


def _number(value: Value | None) -> Number | None:
    return None if value is None or value.state in (MISSING, NOT_SEEN) else whole(value.value)


def _value_row(row: ExportRow, exported: Exported, indicator: str, value: Value | None) -> ExportRow:
    """``row`` with a value: where it is printed, how it was read, who decided about it, and which renditions agree."""
    if value is None:
        return row._replace(indicator=indicator)
    decided_at = _moment(value.decided_at)
    decision = {"by": value.decided_by, "at": decided_at, "reason": value.reason}
    own: list[Line] = [{"by": kind} for kind in value.witnesses or ()]
    row = row if value.witness is None else _witnessed(row, value.witness, exported.witnesses)
    witnesses = own + (row.witnesses or [])
    return row._replace(
        witnesses=witnesses or None,
        agreed_by=list(dict.fromkeys(each["by"] for each in witnesses)) or None,
        indicator=indicator,
        number=None if value.state in (MISSING, NOT_SEEN) else value.value,
        value=value,
        box=_Box(*value.box) if value.box else _Box(),
        candidates=[whole(c) for c in value.candidates] if value.candidates else None,
        correction=decision if value.decided_by is not None else None,
        decided_at=decided_at,
    )


def _witnessed(row: ExportRow, witness: Line, sha256: Mapping[int, str]) -> ExportRow:
    documents = [sha256[number] for number in witness["documents"] if number in sha256]
    alone = _Alone(witness["state"], whole(witness["value"]))
    return row._replace(
        witnesses=[{"by": "rendition", "document": document} for document in documents],
        witness_documents=documents,
        read_alone=alone._asdict(),
        alone=alone,
    )


def findings_of(exported: Exported, *, in_force: bool) -> list[Row[Any]]:
    """The findings of a document; with ``in_force``, those alone that are about reports in force."""
    return [finding for finding in exported.findings if not in_force or _finding_in_force(exported, finding)]


def _finding_in_force(exported: Exported, finding: Row[Any]) -> bool | None:
    """Whether a finding is about reports in force; one about an earlier edition is history. None for a report in no filing."""
    return exported.in_force and bool(finding.holds)


def _finding_row(row: ExportRow, exported: Exported, finding: Any) -> ExportRow:
    place = finding.place or {}
    return row._replace(
        finding=finding,
        finding_in_force=_finding_in_force(exported, finding),
        place=_Place(place.get("page"), place.get("line")),
        expected=finding.expected,
        actual=finding.actual,
    )


# ---- tables ---------------------------------------------------------------------------------------------------------------


def _types(columns: Columns) -> Table:
    return {column.name: str if column.type is list else column.type for column in columns}


def wide_columns(table: Wide) -> Table:
    """The columns of a wide table: who, how many cells are doubtful, the indicators, and the document."""
    return _types(WIDE_BEFORE) | {column_name(i.id): float for i in table.indicators} | _types(WIDE_AFTER)


def tables() -> dict[str, Table]:
    """All tables of an export, by name, with the types of their columns."""
    return {
        "values": _types(VALUES),
        **{f"wide_{table.name}": wide_columns(table) for table in wide_tables()},
        "findings": _types(FINDINGS),
        "documents": _types(DOCUMENTS),
        "labels": _types(LABELS),
    }


def table_rows(
    exported: Exported, found: CellsFound, *, in_force: bool, left_out: Container[str] = ()
) -> Iterable[tuple[str, tuple[Any, ...]]]:
    """The rows that a document with the cells ``found`` adds to each table but those ``left_out``; with ``in_force``, to
    ``documents`` alone unless it is in force.
    """
    failure = error(exported) or {}
    doubts = sum(value is not None and value.state in UNSETTLED for _, value in found)
    counts = _Counts(len(found), doubts, len(exported.findings), len(exported.sources))
    stopped = _Stopped(failure.get("code"), failure.get("message"))
    row = ExportRow(exported.document, _filing(exported), body(exported), stopped, counts)
    yield "documents", _fields(DOCUMENTS, row)
    if in_force and not exported.in_force:
        return
    if "values" not in left_out:
        for indicator, value in found:
            yield "values", _fields(VALUES, _value_row(row, exported, indicator, value))
    for table in wide_tables():
        form = exported.blocks.get(table.block)
        if form is not None and table.form in (None, form):
            doubtful, sure = wide_fields(table, found)
            here = row._replace(block_form=form, doubtful_count=doubtful)
            yield f"wide_{table.name}", (*_fields(WIDE_BEFORE, here), *sure, *_fields(WIDE_AFTER, here))
    for finding in findings_of(exported, in_force=in_force):
        yield "findings", _fields(FINDINGS, _finding_row(row, exported, finding))


def wide_fields(table: Wide, found: CellsFound) -> tuple[int, list[Any]]:
    """The number of cells that are not settled, and the sure value of each indicator."""
    sure = {i: value.value for i, value in found if value is not None and value.state not in (*UNSETTLED, MISSING)}
    ids = {i.id for i in table.indicators}
    doubtful = sum(value is not None and value.state in UNSETTLED and i in ids for i, value in found)
    return doubtful, [sure.get(i.id) for i in table.indicators]


def label_rows() -> Iterable[tuple[Any, ...]]:
    """For each indicator: id, column name, block, and what the form prints beside and above the number."""
    book = load_book()
    for i in book.indicators.values():
        block: Block = book.blocks[i.block]
        column = _printed(block.columns[i.column]) if i.column else None
        row, forms = _printed(block.rows[i.row]), " ".join(i.forms)
        label = _Label(i.id, column_name(i.id), block.title, row, column, i.unit, forms)
        yield _fields(LABELS, ExportRow(None, label=label))


def _printed(label: Label) -> str:
    return " / ".join((*label.under, label.label))
