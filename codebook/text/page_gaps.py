"""Pages that are left out, as the printed page numbers show: 1, 3 or "page 1 of 3" on a document of two pages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from codebook.text.page_numbers import page_numbers

_HIGHEST_FIRST = 2  # the number with which an annex begins again, whose first page has none
_MOST_TOTAL = 500  # pages; a larger total is no report's
_SPACES = re.compile(r"\s+")


class PrintedNumber(NamedTuple):
    """A page number as printed: on which page of the file (from 1), and of how many pages it says that it is."""

    page: int
    number: int
    total: int | None = None


def printed_number(text: str, page: int) -> PrintedNumber | None:
    """Return the page number that a line is, of the shapes that are one wherever they stand; None for any other line.

    >>> printed_number("第 2 页 共 3 页", 2), printed_number("- 4 -", 3), printed_number("4", 3)
    (PrintedNumber(page=2, number=2, total=3), PrintedNumber(page=3, number=4, total=None), None)
    """
    if len(text) >= 40:
        return None
    match = page_numbers().sure.fullmatch(_SPACES.sub("", text))
    return None if match is None else _number(match, page)


def bare_number(text: str, page: int) -> PrintedNumber | None:
    """Return the page number that a line may be, if it stands where page numbers do: 4, 4/12.

    >>> bare_number("4 / 12", 3)
    PrintedNumber(page=3, number=4, total=12)
    """
    if len(text) > 20:
        return None
    match = page_numbers().bare.fullmatch(_SPACES.sub("", text))
    return None if match is None else _number(match, page)


def _number(match: re.Match[str], page: int) -> PrintedNumber | None:
    """Return the number that a match holds; None for one in Chinese numerals."""
    groups = {name.rstrip("0123456789"): value for name, value in match.groupdict().items() if value}
    if not groups["page"].isdecimal():
        return None
    return PrintedNumber(page, int(groups["page"]), int(groups["total"]) if "total" in groups else None)


def page_gaps(printed: Sequence[PrintedNumber], pages: int | None) -> tuple[int, ...]:
    """Return the numbers that no page has, of a file of ``pages`` pages (None: it has no pages, as a text copied from one).

    Numbers that lie between those of two pages are missing when the file has not as many pages between the two: a page without
    a number is none that is missing. Where numbering begins again (an annex), each part is looked at by itself. The first number
    may be any. A printed total shows pages that are missing at the beginning and at the end too.

    >>> page_gaps([PrintedNumber(1, 1), PrintedNumber(2, 3)], 2)
    (2,)
    >>> page_gaps([PrintedNumber(1, 12), PrintedNumber(3, 14)], 3), page_gaps([PrintedNumber(1, 1, 3)], 1)
    ((), (2, 3))
    """
    gaps: set[int] = set()
    steps = list(pairwise(printed))
    if any(other.number <= one.number and other.number > _HIGHEST_FIRST for one, other in steps):
        return ()  # numbers that go back are not those of pages, or were misread
    upward = [(one, other) for one, other in steps if other.number > one.number]
    by_one = pages is not None or len(upward) < 2 or any(other.number == one.number + 1 for one, other in upward)
    for one, other in upward:
        there = 0 if pages is None else other.page - one.page - 1
        if by_one and other.number - one.number - 1 > there:
            gaps |= set(range(one.number + 1, other.number))
    if len(gaps) > 2 * len(printed):
        return ()  # nor are those that leap so
    return tuple(sorted(gaps | _beyond(printed, pages)))


def _beyond(printed: Sequence[PrintedNumber], pages: int | None) -> set[int]:
    """Return the numbers up to a total on which all numbers agree that no page has, where the file has fewer pages than that."""
    totals = {each.total for each in printed}
    total = next(iter(totals), None)
    if len(totals) != 1 or total is None or total > _MOST_TOTAL:
        return set()
    numbers = {each.number for each in printed}
    if len(numbers) != len(printed) or max(numbers) > total or (pages is not None and pages >= total):
        return set()
    return set(range(1, total + 1)) - numbers
