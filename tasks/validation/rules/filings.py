"""Rules within a filing: what a later edition of a report changed, and where two renditions of an edition differ."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from codebook.book import load_book
from codebook.filings import FiledReport
from codebook.records import Finding, Number
from codebook.rules import RuleScope
from tasks.validation.registry import Bound, RuleFunction, checks, finding, rule
from tasks.validation.rules.tables import ListOptions
from tasks.validation.wording import cell_label, show, table_of, words, write_list


class FilingPair(NamedTuple):
    """Two documents of a filing. ``cells`` and ``chapters`` (number, title) are those in which they differ.

    ``since`` is the date of the later edition; None: they are renditions of one edition.
    """

    agency: str
    year: int
    earlier: FiledReport
    later: FiledReport
    cells: tuple[str, ...]
    chapters: tuple[tuple[int | None, str], ...]
    since: str | None


@cache
def _checks() -> tuple[RuleFunction[Any, Any], ...]:
    return checks(RuleScope.FILING)


def compare_filing(pair: FilingPair) -> tuple[Finding, ...]:
    """Return what two documents of a filing say differently; it belongs to the later one."""
    pair = pair._replace(cells=tuple(load_book().in_order(pair.cells)))
    return tuple(found for check in _checks() for found in check(pair))


def _said(document: FiledReport, cell: str) -> str:
    value = document.cells[cell].value
    return words().blank if value is None else show(value)


def _label(cell: str) -> str:
    known = cell in load_book().indicators
    return f"{table_of(cell)}{cell_label(cell)}" if known else cell


def _values(pair: FilingPair) -> tuple[Number | None, Number | None]:
    """The values of the only cell that differs; of several none is named."""
    if len(pair.cells) != 1:
        return None, None
    return pair.earlier.cells[pair.cells[0]].value, pair.later.cells[pair.cells[0]].value


@rule("filing.changed", scope=RuleScope.FILING, fields=("agency", "year", "date", "changes"), options=ListOptions)
def filing_changed(this: Bound[ListOptions], pair: FilingPair) -> Iterator[Finding]:
    """A later edition: each cell with its old and new value, each chapter whose words changed."""
    if pair.since is None:
        return
    cells = [f"{_label(cell)} {_said(pair.earlier, cell)}→{_said(pair.later, cell)}" for cell in pair.cells]
    chapters = [words().chapters.get(number or 0, title) for number, title in pair.chapters]
    changes = write_list(cells + chapters, this.options.listed)
    named = {"agency": pair.agency, "year": pair.year, "date": pair.since, "changes": changes}
    expected, actual = _values(pair)
    yield finding(this.rule, pair.cells, {**named}, expected=expected, actual=actual)


@rule(
    "filing.renditions_differ",
    scope=RuleScope.FILING,
    fields=("agency", "year", "one", "other", "count", "labels"),
    options=ListOptions,
)
def filing_renditions_differ(this: Bound[ListOptions], pair: FilingPair) -> Iterator[Finding]:
    """Two renditions of one edition that say different numbers in some cells."""
    if pair.since is not None or not pair.cells:
        return
    labels = [f"{_label(cell)} {_said(pair.later, cell)}≠{_said(pair.earlier, cell)}" for cell in pair.cells]
    named = {"agency": pair.agency, "year": pair.year, "one": _name(pair.later), "other": _name(pair.earlier)}
    found = {**named, "count": len(pair.cells), "labels": write_list(labels, this.options.listed)}
    expected, actual = _values(pair)
    yield finding(this.rule, pair.cells, found, expected=expected, actual=actual)


def _name(document: FiledReport) -> str:
    return document.path.replace("!", "/").rpartition("/")[2]
