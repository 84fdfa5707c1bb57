"""What people ask of the cases: lists, counts, one case with its history. Nothing here writes.

Long lists are read by the last key of the page before. Counts are read from an index that has all columns of the filters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, func, literal, or_, select, tuple_

from codebook.records import Record
from database.access import in_region
from database.filings.in_force import DOCUMENT, FILING, is_shown
from database.findings.following import AGENCY, CASE, MOVE
from database.models import FindingState, ReportRow, SettledBy, Source
from database.sql import chunks, values_down
from database.values import cells_by_indicator

WITHDRAWN = "withdrawn"
"""In a filter: cases that were settled since we see them otherwise (SettledBy.withdrawn). ``settled`` are then the others."""
OPEN = "open"
"""In a filter: all cases that are not at an end."""
_ENDED = (FindingState.DISMISSED.value, FindingState.SETTLED.value)
_WITHDRAWN = tuple(by.value for by in SettledBy if by.withdrawn)


class CaseOrder(StrEnum):
    """In which order cases are listed."""

    NEWEST = "newest"
    CHANGED = "changed"
    """Those that moved last come first."""
    REGION = "region"
    """By region, agency and year, as they are sent."""


class CaseFilter(Record, frozen=True):
    """Which cases are meant: those that meet all conditions that are given.

    ``state`` is a FindingState, WITHDRAWN or OPEN. ``region`` is the beginning of the codes of a region, ``kind`` a kind of
    agency, ``batch`` the id of the batch in which the document came in first, ``text`` a part of the agency's name or of the
    message, or the number of a case. ``present``: found in what is in force. ``filing`` and ``document`` are numbers.
    """

    state: str | None = None
    rule: str | None = None
    severity: str | None = None
    region: str | None = None
    year: int | None = None
    kind: str | None = None
    batch: int | None = None
    text: str | None = None
    present: bool | None = None
    filing: int | None = None
    document: int | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The conditions on gk_finding_case."""
        named = {"rule": self.rule, "severity": self.severity, "year": self.year, "agency_kind": self.kind}
        named |= {"batch_id": self.batch, "present": self.present, "filing_id": self.filing, "document_id": self.document}
        found = [CASE.c[name] == value for name, value in named.items() if value is not None]
        if self.region:
            found.append(in_region(CASE.c.region_code, self.region))
        if self.state is not None:
            found.append(in_state(self.state))
        if self.text:
            found.append(_named(self.text.strip()))
        return found


def in_state(state: str) -> ColumnElement[bool]:
    """The condition that a case is in a state of a filter."""
    withdrawn = and_(CASE.c.state == FindingState.SETTLED.value, CASE.c.settled_by.in_(_WITHDRAWN))
    if state == WITHDRAWN:
        return withdrawn
    if state == FindingState.SETTLED:
        return and_(CASE.c.state == FindingState.SETTLED.value, CASE.c.settled_by.not_in(_WITHDRAWN))
    if state == OPEN:
        return CASE.c.state.not_in(_ENDED)
    return CASE.c.state == state


def _named(words: str) -> ColumnElement[bool]:
    if words.isascii() and words.isdecimal() and len(words) < 15:
        return CASE.c.id == int(words)
    names = (AGENCY.c.name.contains(word, autoescape=True) for word in words.split())
    said = (CASE.c.message.contains(word, autoescape=True) for word in words.split())
    return or_(CASE.c.agency_id.in_(select(AGENCY.c.id).where(*names)), and_(*said))


class CaseLine(Record, frozen=True):
    """A case in a list. ``agency`` is the register's name, or that of the report where the document is in no filing; ``path`` is
    that of the document.
    """

    id: int
    state: str
    settled_by: str | None
    present: bool
    rule: str
    severity: str
    message: str
    cells: tuple[str, ...]
    expected: float | None
    actual: float | None
    sentence: str | None
    place: dict[str, Any] | None
    filing_id: int | None
    document_id: int
    report_id: int
    edition: int | None
    other_filing_id: int | None
    other_document_id: int | None
    agency_id: int | None
    agency: str | None
    agency_kind: str | None
    region_code: str | None
    year: int | None
    path: str | None
    opened_at: datetime
    changed_at: datetime
    changed_by: str | None
    reason: str | None

    @property
    def shown_state(self) -> str:
        """The state as people see it: a withdrawn case is no settled one."""
        return WITHDRAWN if self.settled_by in _WITHDRAWN else self.state

    @property
    def waits(self) -> bool:
        """Whether the edition in force does not show whether it was mended."""
        return not self.present and self.state not in _ENDED


class MoveItem(Record, frozen=True):
    """A move of a case. ``who`` is None for what the program did."""

    id: int
    from_state: str
    to_state: str
    at: datetime
    who: str | None
    reason: str | None
    detail: dict[str, Any]
    act_id: int | None


class CaseCounts(Record, frozen=True):
    """How many cases there are by state (as people see it), severity and rule; each without the filter's own condition on it."""

    states: dict[str, int]
    severities: dict[str, int]
    rules: dict[str, int]
    total: int


_FIRST_PATH = (
    select(Source.path)
    .where(Source.document_id == CASE.c.document_id)
    .order_by(Source.id)
    .limit(1)
    .correlate(CASE)
    .scalar_subquery()
)
_LINE: Select[Any] = select(
    CASE,
    func.coalesce(AGENCY.c.name, ReportRow.agency).label("agency"),
    _FIRST_PATH.label("path"),
).select_from(
    CASE.outerjoin(AGENCY, AGENCY.c.id == CASE.c.agency_id).outerjoin(
        ReportRow.__table__, and_(AGENCY.c.id.is_(None), ReportRow.id == CASE.c.report_id)
    )
)
_KEYS: Mapping[CaseOrder, tuple[ColumnElement[Any], ...]] = {
    CaseOrder.NEWEST: (CASE.c.id,),
    CaseOrder.CHANGED: (CASE.c.changed_at, CASE.c.id),
    CaseOrder.REGION: (
        func.coalesce(CASE.c.region_code, ""),
        func.coalesce(CASE.c.agency_id, 0),
        func.coalesce(CASE.c.year, 0),
        CASE.c.id,
    ),
}


def case_lines(connection: Connection, numbers: Sequence[int]) -> list[CaseLine]:
    """These cases, in this order; those that there are not are left out."""
    rows = {row.id: _line(row) for row in connection.execute(_LINE.where(CASE.c.id.in_(numbers)))} if numbers else {}
    return [rows[number] for number in numbers if number in rows]


def _line(row: Any) -> CaseLine:
    values = {name: getattr(row, name) for name in CaseLine.__struct_fields__}
    return CaseLine(**{**values, "cells": tuple(row.cells)})


def case_numbers(
    connection: Connection,
    wanted: CaseFilter,
    *,
    order: CaseOrder = CaseOrder.NEWEST,
    after: int | None = None,
    limit: int | None = None,
    states: Collection[str] = (),
) -> list[int]:
    """The numbers of the cases that are wanted, in order, after the case ``after`` if given; with ``states``, those in one of
    them alone.
    """
    keys = _KEYS[order]
    is_rising = order is CaseOrder.REGION
    query = select(CASE.c.id).where(*wanted.conditions()).order_by(*(key if is_rising else key.desc() for key in keys))
    if states:
        query = query.where(CASE.c.state.in_(sorted(states)))
    if after is not None:
        last = connection.execute(select(*keys).where(CASE.c.id == after)).one_or_none()
        if last is not None:
            there = tuple_(*(literal(value, key.type) for value, key in zip(last, keys, strict=True)))
            query = query.where(tuple_(*keys) > there if is_rising else tuple_(*keys) < there)
    return list(connection.scalars(query.limit(limit)))


def iterate(
    connection: Connection, wanted: CaseFilter, order: CaseOrder = CaseOrder.REGION, size: int = 500
) -> Iterator[CaseLine]:
    """Yield all cases that are wanted, a part at a time."""
    numbers = case_numbers(connection, wanted, order=order)
    for start in range(0, len(numbers), size):
        yield from case_lines(connection, numbers[start : start + size])


def case_line(connection: Connection, number: int) -> CaseLine | None:
    """One case; None when there is no such."""
    lines = case_lines(connection, [number])
    return lines[0] if lines else None


def moves(connection: Connection, number: int) -> list[MoveItem]:
    """The history of a case, in the order of time."""
    columns = [MOVE.c[name] for name in MoveItem.__struct_fields__]
    rows = connection.execute(select(*columns).where(MOVE.c.case_id == number).order_by(MOVE.c.id))
    return [MoveItem(**{**row._mapping, "detail": row.detail or {}}) for row in rows]


def count_cases(connection: Connection, wanted: CaseFilter) -> int:
    """Return how many cases are wanted."""
    return connection.scalar(select(func.count()).select_from(CASE).where(*wanted.conditions())) or 0


def case_counts(connection: Connection, wanted: CaseFilter) -> CaseCounts:
    """Count the cases by state, severity and rule, in one statement."""
    wide = msgspec.structs.replace(wanted, state=None, severity=None, rule=None)
    columns = (CASE.c.state, CASE.c.settled_by, CASE.c.severity, CASE.c.rule)
    query = select(*columns, func.count()).where(*wide.conditions()).group_by(*columns)
    states, severities, rules = Counter[str](), Counter[str](), Counter[str]()
    total = 0
    for state, settled_by, severity, rule, count in connection.execute(query):
        shown = WITHDRAWN if settled_by in _WITHDRAWN else state
        is_open = state not in _ENDED
        at = {
            "state": wanted.state in (None, shown) or (wanted.state == OPEN and is_open),
            "severity": wanted.severity in (None, severity),
            "rule": wanted.rule in (None, rule),
        }
        if at["severity"] and at["rule"]:
            states[shown] += count
            states[OPEN] += count if is_open else 0
        if at["state"] and at["rule"]:
            severities[severity] += count
        if at["state"] and at["severity"]:
            rules[rule] += count
        total += count if all(at.values()) else 0
    return CaseCounts(dict(states), dict(severities), dict(rules), total)


def count_states(connection: Connection, wanted: CaseFilter) -> dict[str, int]:
    """Return how many of the cases that are wanted are in which state."""
    query = select(CASE.c.state, func.count().label("found")).where(*wanted.conditions()).group_by(CASE.c.state)
    return {row.state: row.found for row in connection.execute(query)}


def case_years(connection: Connection) -> list[int]:
    """The years that cases are on, the newest first."""
    return values_down(connection, CASE.c.year)


def states_of(connection: Connection, numbers: Sequence[int]) -> dict[int, tuple[str, str | None]]:
    """Return (state, settled_by) of cases by number, in the order of ``numbers``; those that there are not are left out."""
    columns = (CASE.c.id, CASE.c.state, CASE.c.settled_by)
    there = {
        row.id: (row.state, row.settled_by)
        for part in chunks(numbers)
        for row in connection.execute(select(*columns).where(CASE.c.id.in_(part)))
    }
    return {number: there[number] for number in numbers if number in there}


def shown_states(connection: Connection, numbers: Sequence[int]) -> dict[int, str]:
    """Return the states of cases as people see them, by number."""
    found = states_of(connection, numbers)
    return {number: WITHDRAWN if settled_by in _WITHDRAWN else state for number, (state, settled_by) in found.items()}


class CellEvidence(Record, frozen=True):
    """A cell of a case in the report in which it was found: ``drawn``: its place on a page is known."""

    value: float | None
    state: str
    raw: str
    page: int
    drawn: bool


class CaseEvidence(Record, frozen=True):
    """What a case rests on. ``media_type`` is that of the document, None unless it shows the report in which the case was found;
    ``other`` is the agency's name and the year of the other report of a pair.
    """

    cells: dict[str, CellEvidence]
    media_type: str | None
    other: tuple[str, int] | None


def evidence(connection: Connection, case: CaseLine) -> CaseEvidence:
    """Return what a case rests on."""
    cells = {
        cell.indicator: CellEvidence(cell.value, cell.state, cell.raw, cell.page, cell.box is not None)
        for _, cell in cells_by_indicator(connection, {case.report_id: case.cells})
    }
    shows = (DOCUMENT.c.id == case.document_id, DOCUMENT.c.report_id == case.report_id, is_shown(DOCUMENT))
    media_type = connection.scalar(select(DOCUMENT.c.media_type).where(*shows))
    other = None
    if case.other_filing_id is not None and case.other_filing_id != case.filing_id:
        named = select(AGENCY.c.name, FILING.c.year).join(FILING, FILING.c.agency_id == AGENCY.c.id)
        other = connection.execute(named.where(FILING.c.id == case.other_filing_id)).first()
    return CaseEvidence(cells, media_type, (other.name, other.year) if other is not None else None)
