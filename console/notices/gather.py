"""What goes to a region: the confirmed cases by agency, and who was late or did not report, as texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from codebook.book import load_book
from codebook.divisions import level_of, names_of
from codebook.records import Record
from console.notices.records import AgencyNotice, LateUnit, Point, RegionCount, Unit
from console.notices.words import basis_of, category_of, notice_words, requirement_of, word
from database.findings.evidence import PrintedCell, own_cells, printed_cells
from database.findings.listing import CaseFilter, CaseLine, CaseOrder, iterate
from database.models import FindingState
from database.reports.coverage import CoverageLine, Standing
from tasks.validation.wording import cell_label, show, table_of

_CELLS = 6  # cells that a place names, and from which on those without a number are counted only
_EMPTY = ("", "0")
_SEVERITIES = ("error", "warning", "info")
_PART = 500  # cases whose cells are read at once


class Selected(Record, frozen=True):
    """Which cases: those in ``state`` of a region (the beginning of its code) on a year."""

    region: str
    year: int
    state: FindingState = FindingState.CONFIRMED

    def filter(self) -> CaseFilter:
        """The filter of the cases: only what is found in what is in force is laid to anybody."""
        return CaseFilter(state=self.state.value, region=self.region or None, year=self.year, present=True)


class CasePrinted(NamedTuple):
    """A case with its cells as they are printed."""

    line: CaseLine
    cells: tuple[PrintedCell, ...]


class Sending(NamedTuple):
    """What a notice says beside its points: ISO dates, and who sends it."""

    due_on: str
    made_on: str
    issuer: str
    contact: str
    console_url: str | None


def cases_of(connection: Connection, selected: Selected) -> list[CasePrinted]:
    """Return the cases by region, agency and year."""
    lines = list(iterate(connection, selected.filter(), CaseOrder.REGION))
    found: list[CasePrinted] = []
    for start in range(0, len(lines), _PART):
        part = lines[start : start + _PART]
        cells = printed_cells(connection, part)
        found += [CasePrinted(line, cells[line.id]) for line in part]
    return found


def by_unit(cases: Sequence[CasePrinted]) -> list[list[CasePrinted]]:
    """Return the cases of each agency, in the order of regions; errors come first."""
    ordered = sorted(cases, key=lambda each: (each.line.region_code or "", each.line.agency or "", key_of(each.line)))
    groups = (group for _, group in groupby(ordered, key=lambda each: key_of(each.line)))
    return [
        sorted(group, key=lambda each: (_SEVERITIES.index(each.line.severity), each.line.rule, each.line.id)) for group in groups
    ]


def notice_of(number: int, cases: Sequence[CasePrinted], sending: Sending, pictures: Mapping[int, Path]) -> AgencyNotice:
    """Return the notice of an agency from its cases, with their pictures by the number of the case."""
    first = cases[0].line
    points = tuple(point_of(each, sending, pictures.get(each.line.id)) for each in cases)
    sent = (sending.due_on, sending.made_on, sending.issuer, sending.contact)
    return AgencyNotice(number, unit_of(first), first.year or 0, points, *sent)


def key_of(line: CaseLine) -> tuple[str, int]:
    """Return what one notice is about: the filing, or the document in none."""
    return ("filing", line.filing_id) if line.filing_id is not None else ("document", line.document_id)


def unit_of(line: CaseLine) -> Unit:
    """Return the agency of a case as sheets print it."""
    words, code = notice_words(), (line.region_code or "")[:6]
    level = "town" if line.agency_kind == "town" else str(level_of((), code) or "")
    return Unit(
        key_of(line), line.agency or "", region_text(code), word(words.kind, line.agency_kind), words.level.get(level, "")
    )


def region_text(code: str | None) -> str:
    """Return the names of a region, from the province down, in one word.

    >>> region_text("320813"), region_text(None)
    ('江苏省淮安市洪泽区', '')
    """
    return "".join(names_of((code or "")[:6]))


def point_of(case: CasePrinted, sending: Sending, picture: Path | None) -> Point:
    """Return a case as a point of a notice."""
    line, words = case.line, notice_words()
    category = category_of(line.rule)
    return Point(
        line.id,
        line.rule,
        category.name,
        line.severity,
        category.sheet,
        _place(case),
        line.message,
        _original(case),
        _expected(line),
        basis_of(line.rule),
        requirement_of(line.rule),
        _link(line, sending.console_url),
        word(words.state, line.state),
        picture,
    )


def _place(case: CasePrinted) -> str:
    texts, line = notice_words().texts, case.line
    cells = [cell for cell in own_cells(line.rule, line.cells) if cell in load_book().indicators]
    if cells:
        found = []
        for table, group in groupby(cells, key=table_of):
            named = [cell_label(cell) for cell in group]
            shown = texts.joint.join(named[:_CELLS])
            if len(named) > _CELLS:
                shown = texts.more_cells.format(cells=shown, count=len(named))
            found.append(texts.table_place.format(table=table, cells=shown))
        return texts.between.join(found)
    place = line.place or {}
    if place.get("page") and not place.get("line"):
        return texts.page.format(page=place["page"])
    return texts.line.format(line=place["line"]) if place.get("line") else ""


def _original(case: CasePrinted) -> str:
    texts = notice_words().texts
    known = [cell for cell in case.cells if cell.indicator in load_book().indicators]
    shown = known if len(known) <= _CELLS else [cell for cell in known if cell.raw.strip() not in _EMPTY]
    values = [texts.value.format(label=cell_label(cell.indicator), raw=cell.raw.strip() or texts.blank) for cell in shown]
    rest = [texts.rest.format(count=len(known) - len(shown))] if len(shown) < len(known) else []
    sentence = [case.line.sentence.strip()] if case.line.sentence else []
    return texts.between.join([*sentence, *values, *rest])


def _expected(line: CaseLine) -> str:
    texts = notice_words().texts
    expected, actual = line.expected, line.actual
    if expected is not None and actual is not None:
        return texts.expected.format(expected=show(expected), actual=show(actual), difference=show(abs(expected - actual)))
    if expected is not None:
        return texts.expected_only.format(expected=show(expected))
    return texts.actual_only.format(actual=show(actual)) if actual is not None else ""


def _link(line: CaseLine, console_url: str | None) -> str:
    if console_url:
        return f"{console_url.rstrip('/')}/documents/{line.document_id}"
    return line.path or ""


# ---- who was late ------------------------------------------------------------------------------------------------------------


def late_units(lines: Iterable[CoverageLine]) -> tuple[LateUnit, ...]:
    """Return the agencies that published late, or of which nothing came in and whose date has passed."""
    words = notice_words()
    return tuple(
        LateUnit(
            line.agency,
            region_text(line.region_code),
            words.standing[line.standing],
            line.due_on or "",
            line.published_on or "",
            line.first_seen_on or "",
            words.late_requirements[line.standing],
        )
        for line in lines
        if line.standing in (Standing.ABSENT, Standing.LATE)
    )


def counted(lines: Sequence[CoverageLine]) -> RegionCount:
    """Count the agencies of a list by standing."""
    counts: Mapping[str, int] = Counter(line.standing.value for line in lines)
    return RegionCount(len(lines), dict(counts))


def with_state(notice: AgencyNotice, state: FindingState) -> AgencyNotice:
    """Return a notice whose points are in a state."""
    named = word(notice_words().state, state.value)
    points = tuple(msgspec.structs.replace(point, state=named) for point in notice.points)
    return msgspec.structs.replace(notice, points=points)
