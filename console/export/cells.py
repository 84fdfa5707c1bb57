"""What becomes of a document in an export: the JSON object of the contract, and the rows of the tables."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from codebook.book import Block, Label, load_book
from codebook.records import Number, State
from console.export.read import Exported, Value
from database.reports.results import whole
from database.views import Wide, column_name, wide_tables

Line = dict[str, Any]
Table = dict[str, type]

WHO: Table = {"agency": str, "province": str, "city": str, "county": str, "region_code": str, "year": int}
BOX = ("box_x0", "box_top", "box_x1", "box_bottom")
DOUBTFUL = State.DOUBTFUL.value
MISSING = State.MISSING.value


# ---- which cells a report has ---------------------------------------------------------------------------------------------


@cache
def order() -> dict[str, int]:
    """The place of each indicator in printing order."""
    return {indicator: place for place, indicator in enumerate(load_book().indicators)}


@cache
def form_cells(block: str, form: str, printed: frozenset[str]) -> frozenset[str]:
    """The indicators that a block of this form has, given those rows of it that were ``printed``.

    Where the form admits a row in one piece or in parts (``other`` or ``other.miscellaneous`` and so on), only the
    variant that the report printed is meant; the parts, where it printed neither.
    """
    indicators = load_book().of_form(form, block)
    rows = {i.row for i in indicators}
    unmeant: set[str] = set()
    for row in rows:
        parts = {part for part in rows if part.startswith(f"{row}.")}
        if parts:
            unmeant |= parts if row in printed and not parts & printed else {row}
    return frozenset(i.id for i in indicators if i.row not in unmeant)


def cells(exported: Exported) -> list[tuple[str, Value | None]]:
    """All cells of the report in printing order: those that were read, and None for those that its form has but the
    report leaves out.
    """
    book = load_book()
    read = {value.indicator: value for value in exported.values}
    rows = frozenset(book.indicators[i].row for i, v in read.items() if i in book.indicators and v.state != MISSING)
    blank = {i for block, form in exported.blocks.items() for i in form_cells(block, form, rows)} - read.keys()
    places = order()
    return [(i, read.get(i)) for i in sorted(read.keys() | blank, key=lambda i: (places.get(i, len(places)), i))]


# ---- JSON -----------------------------------------------------------------------------------------------------------------


def json_line(exported: Exported) -> Line:
    """The object of one document, with the keys of the contract in their order."""
    d = exported.document
    line: Line = {
        "source": {"path": d.path, "sha256": d.sha256, "media_type": d.media_type, "pages": d.pages, "batch": d.batch},
        "status": d.status,
        "report": None,
        "sections": [],
        "indicators": {},
        "evidence": {},
        "doubts": [],
        "findings": [],
        "error": error(exported),
    }
    if exported.has_report:
        found = cells(exported)
        line |= {
            "report": {
                "agency": d.agency,
                "region": d.region,
                "region_code": d.region_code,
                "year": d.year,
                "form": d.form,
                "title": d.title,
                "published_on": d.published_on,
                "script": d.script,
            },
            "sections": [{"number": s.number, "title": s.title, "text": s.text} for s in exported.sections],
            "indicators": {i: _number(value) for i, value in found},
            "evidence": {i: _evidence(value) for i, value in found if value is not None},
            "doubts": [*(i for i, value in found if value is not None and value.state == DOUBTFUL), *d.doubts],
            "findings": [_finding(f) for f in exported.findings],
        }
    return line


def error(exported: Exported) -> Line | None:
    """Code and message of what stopped the document; None when nothing did."""
    d, failure = exported.document, exported.failure
    if exported.has_report or d.status not in ("failed", "rejected", "discarded"):
        return None
    if failure is None:
        return {"code": "internal", "message": f"the document is {d.status}, but no failure is on record"}
    return {"code": failure.code, "message": failure.message}


def _number(value: Value | None) -> Number | None:
    return None if value is None or value.state == MISSING else whole(value.value)


def _evidence(value: Value) -> Line:
    """Where a value stands, how it was read, and who decided about it. What does not apply (a box in a text, a sentence for a
    table's cell) is left out.
    """
    found: Line = {"page": value.page}
    if value.box is not None:
        found["box"] = value.box
    if value.line is not None:
        found |= {"line": value.line, "column": value.column}
    found |= {"raw": value.raw, "read_by": value.read_by, "score": value.score, "state": value.state}
    if value.sentence is not None:
        found["sentence"] = value.sentence
    if value.doubt is not None:
        found["doubt"] = value.doubt
    if value.candidates:
        found["candidates"] = [whole(c) for c in value.candidates]
    if value.decided_by is not None:
        found["correction"] = {"by": value.decided_by, "at": _moment(value), "reason": value.reason}
    return found


def _moment(value: Value) -> str | None:
    return value.decided_at.isoformat(timespec="seconds") if value.decided_at else None


def _finding(finding: Any) -> Line:
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "cells": finding.cells,
        "message": finding.message,
        "expected": whole(finding.expected),
        "actual": whole(finding.actual),
    }


# ---- tables ---------------------------------------------------------------------------------------------------------------

VALUES: Table = (
    WHO
    | {"form": str, "indicator": str, "value": float, "state": str, "page": int}
    | dict.fromkeys(BOX, float)
    | {"line": int, "column": int, "raw": str, "read_by": str, "score": float, "sentence": str, "doubt": str}
    | {"decided_by": str, "decided_at": str, "decided_why": str}
    | {"sha256": str, "path": str}
)
FINDINGS: Table = WHO | {
    "form": str,
    "rule": str,
    "severity": str,
    "message": str,
    "cells": str,
    "expected": float,
    "actual": float,
    "sentence": str,
    "page": int,
    "line": int,
    "other_sha256": str,
    "sha256": str,
    "path": str,
}
DOCUMENTS: Table = {
    "sha256": str,
    "path": str,
    "media_type": str,
    "pages": int,
    "batch": str,
    "status": str,
    **WHO,
    "form": str,
    "title": str,
    "published_on": str,
    "script": str,
    "cells": int,
    "doubts": int,
    "findings": int,
    "error_code": str,
    "error_message": str,
}
LABELS: Table = {
    "indicator": str,
    "column_name": str,
    "block": str,
    "row_label": str,
    "column_label": str,
    "unit": str,
    "forms": str,
}
_BEFORE: Table = WHO | {"form": str, "status": str, "doubtful_count": int}
_AFTER: Table = {"sha256": str, "path": str}


def wide_columns(table: Wide) -> Table:
    """The columns of a wide table: who, how many cells are doubtful, the indicators, and the document."""
    return _BEFORE | {column_name(i.id): float for i in table.indicators} | _AFTER


def tables() -> dict[str, Table]:
    """All tables of an export, by name, with the types of their columns."""
    return {
        "values": VALUES,
        **{f"wide_{table.name}": wide_columns(table) for table in wide_tables()},
        "findings": FINDINGS,
        "documents": DOCUMENTS,
        "labels": LABELS,
    }


def table_rows(exported: Exported) -> Iterable[tuple[str, tuple[Any, ...]]]:
    """The rows that a document adds to each table."""
    d = exported.document
    failure = error(exported) or {}
    found = cells(exported) if exported.has_report else []
    who = (d.agency, d.province, d.city, d.county, d.region_code, d.year)
    where = (d.sha256, d.path)
    doubts = sum(value is not None and value.state == DOUBTFUL for _, value in found)
    said = (d.form, d.title, d.published_on, d.script)
    counts = (len(found), doubts, len(exported.findings))
    stopped = (failure.get("code"), failure.get("message"))
    yield "documents", (*where, d.media_type, d.pages, d.batch, d.status, *who, *said, *counts, *stopped)
    for indicator, value in found:
        yield "values", (*who, d.form, indicator, *_value_fields(value), *where)
    for table in wide_tables():
        form = exported.blocks.get(table.block)
        if form is not None and table.form in (None, form):
            yield f"wide_{table.name}", (*who, form, d.status, *_wide_fields(table, found), *where)
    for f in exported.findings:
        place = f.place or {}
        what = (f.rule, f.severity, f.message, " ".join(f.cells), f.expected, f.actual, f.sentence)
        yield "findings", (*who, d.form, *what, place.get("page"), place.get("line"), f.other_sha256, *where)


_NO_EVIDENCE = (None, MISSING, *[None] * 15)


def _value_fields(value: Value | None) -> tuple[Any, ...]:
    if value is None:
        return _NO_EVIDENCE
    number = None if value.state == MISSING else value.value
    box = value.box or (None, None, None, None)
    place = (value.line, value.column, value.raw, value.read_by, value.score, value.sentence, value.doubt)
    decision = (value.decided_by, _moment(value), value.reason)
    return (number, value.state, value.page, *box, *place, *decision)


def _wide_fields(table: Wide, found: list[tuple[str, Value | None]]) -> tuple[Any, ...]:
    sure = {i: value.value for i, value in found if value is not None and value.state not in (DOUBTFUL, MISSING)}
    ids = {i.id for i in table.indicators}
    doubtful = sum(value is not None and value.state == DOUBTFUL and i in ids for i, value in found)
    return (doubtful, *(sure.get(i.id) for i in table.indicators))


def label_rows() -> Iterable[tuple[Any, ...]]:
    """For each indicator: id, column name, block, and what the form prints beside and above the number."""
    book = load_book()
    for i in book.indicators.values():
        block: Block = book.blocks[i.block]
        column = _printed(block.columns[i.column]) if i.column else None
        yield (i.id, column_name(i.id), block.title, _printed(block.rows[i.row]), column, i.unit, " ".join(i.forms))


def _printed(label: Label) -> str:
    return " / ".join((*label.under, label.label))
