"""What problem sheets are made from: frozen, with every text as it is printed."""

from __future__ import annotations

from pathlib import Path

from codebook.records import Record


class Point(Record, frozen=True):
    """One thing to mend. ``case`` is the number of the finding case, by which an answer finds it again.

    ``sheet`` is the sheet of the workbook besides that of all points (``copied``, ``years``), "" for none. ``place`` is where it
    is printed, ``original`` what is printed there, ``expected`` what should be there or the difference, ``basis`` the law.
    ``picture`` is a PNG.
    """

    case: int
    rule: str
    category: str
    severity: str
    sheet: str
    place: str
    message: str
    original: str
    expected: str
    basis: str
    requirement: str
    link: str
    state: str
    picture: Path | None = None


class Unit(Record, frozen=True):
    """An agency: its name, region, kind and level as they are printed. ``key`` is the filing, or the document in none."""

    key: tuple[str, int]
    name: str
    region: str
    kind: str
    level: str


class AgencyNotice(Record, frozen=True):
    """What one agency has to mend in its report on a year.

    ``number`` counts the notices of a region, ``due_on`` and ``made_on`` are ISO dates.
    """

    number: int
    unit: Unit
    year: int
    points: tuple[Point, ...]
    due_on: str
    made_on: str
    issuer: str
    contact: str = ""


class LateUnit(Record, frozen=True):
    """An agency that published late, or of which nothing came in; dates are ISO dates or ""."""

    name: str
    region: str
    standing: str
    due_on: str
    published_on: str
    first_seen_on: str
    requirement: str


class RegionCount(Record, frozen=True):
    """How many agencies of the list stand how (words of the standings)."""

    listed: int
    standings: dict[str, int]


class RegionSheets(Record, frozen=True):
    """All that goes to a region on a year."""

    region: str
    year: int
    due_on: str
    made_on: str
    issuer: str
    notices: tuple[AgencyNotice, ...]
    late: tuple[LateUnit, ...]
    counts: RegionCount


class Issued(Record, frozen=True):
    """What was made.

    ``without_picture`` counts points whose source has no pages, or whose page could not be drawn; ``marked`` the cases that
    are sent now.
    """

    notices: int
    points: int
    without_picture: int
    late: int
    folder: str
    workbook: str
    pdf: int
    marked: int
