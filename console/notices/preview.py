"""What would go out, counted before it is made."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import date, timedelta

from sqlalchemy import Engine

from codebook.records import Record
from console.notices import gather
from console.notices.gather import Selected
from console.notices.words import category_of, notice_words
from database.access import ACCESS, Access
from database.findings.decisions import mark_of
from database.findings.listing import CaseOrder, iterate
from database.reports.coverage import coverage
from database.session import reading


def bounded(engine: Engine, access: Access | None) -> Engine:
    """Return the engine that sees what a person with these bounds sees."""
    return engine.execution_options(**{ACCESS: access}) if access is not None and access.bound else engine


def has_office() -> bool:
    """Return whether LibreOffice is here, which PDF needs."""
    return shutil.which("soffice") is not None


def due_day(today: date) -> str:
    """Return the day by which to answer where none is said."""
    return (today + timedelta(days=notice_words().days)).isoformat()


class SheetsPreview(Record, frozen=True):
    """What would go out: agencies, the points of each category, and late or absent agencies. ``mark`` is that of the cases."""

    units: tuple[tuple[str, str, int], ...]
    categories: dict[str, int]
    late: int
    mark: str

    @property
    def points(self) -> int:
        """How many findings there are."""
        return sum(self.categories.values())


def preview(engine: Engine, selected: Selected, access: Access | None = None) -> SheetsPreview:
    """Count what :func:`issue` would write; nothing is written."""
    seen_by, today = bounded(engine, access), date.today().isoformat()
    with reading(seen_by) as connection, reading(engine) as everything:
        lines = list(iterate(connection, selected.filter(), CaseOrder.REGION))
        mark = mark_of(connection, [line.id for line in lines])
        late = coverage(connection, selected.year, today, region=selected.region or None, everything=everything)
    units = Counter((gather.unit_of(line).name, gather.region_text(line.region_code), gather.key_of(line)) for line in lines)
    categories = Counter(category_of(line.rule).name for line in lines)
    named = tuple((name, region, count) for (name, region, _), count in units.items())
    return SheetsPreview(named, dict(categories), len(gather.late_units(late)), mark)
