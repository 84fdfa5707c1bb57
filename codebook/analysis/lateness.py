"""How late a report was published: in days, and in working days by the holidays of the State Council."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

import chinese_calendar

from codebook.agency_kinds import kind_of
from codebook.analysis.figures import Omission


class Lateness(NamedTuple):
    """Days and working days after the date, 0 in time. ``workdays`` is None for years whose holidays are not known."""

    days: int
    workdays: int | None


def due_by_law(agency: str, year: int) -> str | None:
    """Return the ISO date by which an agency must publish its report on ``year``; None where the law names none.

    >>> due_by_law("洪泽区民政局", 2023), due_by_law("洪泽区人民政府", 2023), due_by_law("示例镇人民政府", 2023)
    ('2024-01-31', '2024-03-31', None)
    """
    kind = kind_of(agency)
    return f"{year + 1}-{kind.deadline}" if kind is not None and kind.deadline is not None else None


def lateness(due_on: str | None, published_on: str | None, first_seen_on: str | None) -> Lateness | Omission:
    """Return how late a report is by its dates (ISO), or why that is not known.

    A report was published not later than it was first seen, whatever it prints: the earlier of both days counts.

    >>> lateness("2025-01-31", "2025-02-06", None)
    Lateness(days=6, workdays=2)
    >>> lateness("2025-01-31", "2026-01-20", "2025-02-03")
    Lateness(days=3, workdays=0)
    >>> lateness("2025-01-31", None, "2025-01-20"), lateness("2025-01-31", None, "2025-03-01"), lateness(None, "2025-02-06", None)
    (Lateness(days=0, workdays=0), <Omission.UNDATED: 'undated'>, <Omission.NO_DATE: 'no_date'>)
    """
    if due_on is None:
        return Omission.NO_DATE
    if first_seen_on is not None and first_seen_on <= due_on:
        return Lateness(0, 0)
    if published_on is None:
        return Omission.UNDATED
    if published_on <= due_on:
        return Lateness(0, 0)
    first = date.fromisoformat(due_on)
    last = date.fromisoformat(published_on if first_seen_on is None else min(published_on, first_seen_on))
    return Lateness((last - first).days, _workdays(first, last))


@lru_cache(maxsize=10_000)
def _workdays(after: date, until: date) -> int | None:
    """The working days after a day until another one; None where the table of holidays ends before."""
    try:
        return sum(_is_workday(after + timedelta(days)) for days in range(1, (until - after).days + 1))
    except NotImplementedError:
        return None


@lru_cache(maxsize=10_000)
def _is_workday(day: date) -> bool:
    return bool(chinese_calendar.is_workday(day))
