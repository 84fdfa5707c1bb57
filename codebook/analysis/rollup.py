"""Roll-up: what the report of a government states for its area, beside the sum of the reports under it.

The area of a government is its own office, its departments, the governments directly under it (each with its whole area) and its
towns. Bodies that a ministry runs are kept apart: they report in the area, and are no part of the government's sum.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import StrEnum

from codebook.analysis.figures import Omission, UnitFacts
from codebook.book import load_book
from codebook.divisions import parent_code
from codebook.records import Number, Record
from codebook.text.numbers import exact


class AreaPart(StrEnum):
    """What an agency is in an area."""

    OFFICE = "office"
    """The government's own office."""
    DEPARTMENT = "department"
    """A department, or another body of the same level."""
    LOWER = "lower"
    """A government directly under it, with its whole area."""
    TOWN = "town"
    """A town or street."""
    VERTICAL = "vertical"
    """A body that a ministry runs there: no part of the sum."""


OWN_LEVEL = (AreaPart.OFFICE, AreaPart.DEPARTMENT)
"""The parts of which the level itself (本级) consists."""
WHOLE_AREA = (*OWN_LEVEL, AreaPart.LOWER, AreaPart.TOWN)
"""The parts of which the whole area (全口径) consists."""
_PART_OF_KIND = {
    "government_office": AreaPart.OFFICE,
    "town": AreaPart.TOWN,
    "vertical_body": AreaPart.VERTICAL,
}
_GOVERNMENT, _LISTED = "government", "unit.expected"


class AreaMember(Record, frozen=True):
    """An agency in an area."""

    unit: UnitFacts
    part: AreaPart


class MemberGap(Record, frozen=True):
    """An agency that is not in a sum, and why."""

    agency_id: int
    why: Omission


class PartSum(Record, frozen=True):
    """The sum of a cell over a part of an area: None when no unit is in it."""

    value: Number | None
    units: int
    left_out: tuple[MemberGap, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every unit that is known is in it."""
        return not self.left_out


class CellRollup(Record, frozen=True):
    """A cell of an area: what the government's report states (or why that is not known), and the sums of the parts.

    ``own_level`` is the sum of office and departments, ``computed`` that of the whole area. ``exceeds`` are agencies whose own
    number is greater than the stated one. ``covered``: the list of the year covers the area, so that no agency is unknown.
    ``hidden``: who asks does not see all agencies of the area. Then the sums are not those of the area, nothing can be judged,
    and ``stated`` is None where the government itself is not seen.
    """

    cell: str
    stated: Number | Omission | None
    parts: dict[AreaPart, PartSum]
    own_level: PartSum
    computed: PartSum
    exceeds: tuple[int, ...] = ()
    covered: bool = False
    hidden: bool = False

    @property
    def difference(self) -> Number | None:
        """The stated number less the computed one; None where one of them is not known, or not all of what is added is seen."""
        if self.stated is None or isinstance(self.stated, Omission) or self.computed.value is None or self.hidden:
            return None
        return exact(self.stated - self.computed.value)

    @property
    def contradicts(self) -> bool:
        """Whether the stated number cannot be right: the sum of all whom the list names is another one, or that of some is
        greater. A smaller sum says nothing where agencies may be unknown.
        """
        difference = self.difference
        if difference is None:
            return False
        if self.covered and self.computed.complete:
            return difference != 0
        return difference < 0 and not load_book().indicators[self.cell].signed


class AreaRollup(Record, frozen=True):
    """The roll-up of an area on a year. ``own`` is the report of its government (None: no such agency is known). ``hidden``:
    who asks does not see all agencies of the area, and no number can be judged.

    ``doubles`` are more governments with the code of the area or of one directly under it: they are in no sum, and a person has
    to look.
    """

    region_code: str
    year: int
    own: UnitFacts | None
    members: tuple[AreaMember, ...]
    doubles: tuple[UnitFacts, ...]
    cells: tuple[CellRollup, ...]
    hidden: bool = False

    @property
    def absent(self) -> tuple[AreaMember, ...]:
        """The members without a report."""
        return tuple(member for member in self.members if member.unit.filing_id is None)


def part_of(unit: UnitFacts, area: str) -> AreaPart | None:
    """Return what an agency is in the area of a government; None for one that is deeper, elsewhere, or the government itself.

    >>> bureau = UnitFacts(1, "洪泽区民政局", 2023, "department", region_code="320813")
    >>> part_of(bureau, "320813"), part_of(bureau, "320800")
    (<AreaPart.DEPARTMENT: 'department'>, None)
    >>> part_of(UnitFacts(2, "洪泽区人民政府", 2023, "government", region_code="320813"), "320800")
    <AreaPart.LOWER: 'lower'>
    """
    code = (unit.region_code or "")[:6]
    if unit.kind == _GOVERNMENT:
        return AreaPart.LOWER if code and parent_code(code) == area else None
    if code != area:
        return None
    return _PART_OF_KIND.get(unit.kind or "", AreaPart.DEPARTMENT)


def roll_up(area: str, year: int, units: Collection[UnitFacts], cells: Sequence[str], *, hidden: bool = False) -> AreaRollup:
    """Return the roll-up of an area (a code of six digits) from the units of a year in it and under it.

    ``hidden``: there are more of them, which may not be shown.
    """
    of_year = sorted((unit for unit in units if unit.year == year), key=lambda unit: unit.agency_id)
    seats = _seats(of_year)
    own = seats.get(area)
    members: list[AreaMember] = []
    doubles: list[UnitFacts] = []
    for unit in of_year:
        code, part = (unit.region_code or "")[:6], part_of(unit, area)
        if unit.kind == _GOVERNMENT and unit is not seats[code]:
            if part is not None or code == area:
                doubles.append(unit)
        elif part is not None:
            members.append(AreaMember(unit, part))
    covered = not doubles and not hidden and _is_covered(members)
    rolled = tuple(_roll_up_cell(cell, own, members, covered=covered, hidden=hidden) for cell in cells)
    return AreaRollup(area, year, own, tuple(members), tuple(doubles), rolled, hidden)


def _seats(units: Sequence[UnitFacts]) -> dict[str, UnitFacts]:
    """The government of each code: the first that has a report, else the first."""
    found: dict[str, UnitFacts] = {}
    for unit in units:
        code = (unit.region_code or "")[:6]
        if unit.kind == _GOVERNMENT and (code not in found or (found[code].filing_id is None and unit.filing_id is not None)):
            found[code] = unit
    return found


def _is_covered(members: Sequence[AreaMember]) -> bool:
    """Whether the list of the year covers an area: it names each member of the sum, on its own level and below. A list of
    departments alone does not say who else is there.
    """
    inside = [member for member in members if member.part in WHOLE_AREA]
    parts = {member.part for member in inside}
    below = AreaPart.LOWER in parts or AreaPart.TOWN in parts
    return below and parts.issuperset(OWN_LEVEL) and all(_LISTED in member.unit.known for member in inside)


def _roll_up_cell(cell: str, own: UnitFacts | None, members: Sequence[AreaMember], *, covered: bool, hidden: bool) -> CellRollup:
    absent = None if hidden else Omission.NO_FILING
    stated = own.of_term(cell) if own is not None else absent
    parts = {part: _sum_of(cell, [m.unit for m in members if m.part is part]) for part in AreaPart}
    exceeds: list[int] = []
    if stated is not None and not isinstance(stated, Omission) and not hidden and not load_book().indicators[cell].signed:
        for member in members:
            value = member.unit.known.get(cell)
            if member.part in WHOLE_AREA and value is not None and value > stated:
                exceeds.append(member.unit.agency_id)
    own_level, whole = (_sum_of(cell, [m.unit for m in members if m.part in group]) for group in (OWN_LEVEL, WHOLE_AREA))
    return CellRollup(cell, stated, parts, own_level, whole, tuple(exceeds), covered, hidden)


def _sum_of(cell: str, units: Sequence[UnitFacts]) -> PartSum:
    numbers: list[Number] = []
    left_out: list[MemberGap] = []
    for unit in units:
        found = unit.of_term(cell)
        if isinstance(found, Omission):
            left_out.append(MemberGap(unit.agency_id, found))
        else:
            numbers.append(found)
    return PartSum(exact(sum(numbers)) if numbers else None, len(numbers), tuple(left_out))
