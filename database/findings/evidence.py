"""Where the cells of cases are printed: for those who show a case with its place."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache

from sqlalchemy import Connection, select

from codebook.records import Extraction, Page, Record
from codebook.rules import PREFIXES, load_rules, plain
from codebook.stages import StageName
from database.filings.in_force import DOCUMENT
from database.findings.listing import CaseLine
from database.ledger import outputs
from database.sql import chunks
from database.values import cells_by_indicator

_FIELD = re.compile(r"\{\w+\}")


class PrintedCell(Record, frozen=True):
    """A cell as it is printed: page from 1, box (x0, top, x1, bottom) where the source has pages, line where it has lines."""

    indicator: str
    raw: str
    page: int
    box: tuple[float, float, float, float] | None
    line: int | None


class CaseSource(Record, frozen=True):
    """The document of a case."""

    sha256: str
    media_type: str


def own_cells(rule: str, cells: Sequence[str]) -> list[str]:
    """Return the indicators of a finding that are printed in the report itself, without those of the year before.

    >>> own_cells("years.carry_over", ("requests.carried_over.total", "requests.carried_forward.total"))
    ['requests.carried_over.total']
    """
    before = _only_before(rule)
    return [cell for cell in dict.fromkeys(map(plain, cells)) if not any(fnmatchcase(cell, pattern) for pattern in before)]


@cache
def _only_before(rule: str) -> frozenset[str]:
    """The cells, as patterns, that a sum over two years takes from the year before alone."""
    known = load_rules().get(rule)
    terms = {_FIELD.sub("*", term) for row in (known.sums if known is not None else ()) for term in (*row.left, *row.right)}
    earlier, later = ({term.removeprefix(prefix) for term in terms if term.startswith(prefix)} for prefix in PREFIXES)
    return frozenset(earlier - later)


def printed_cells(connection: Connection, lines: Sequence[CaseLine]) -> Mapping[int, tuple[PrintedCell, ...]]:
    """Return the cells of cases by their number, in the order of the finding; those of which nothing is kept are left out."""
    wanted: dict[int, set[str]] = defaultdict(set)
    for line in lines:
        wanted[line.report_id].update(own_cells(line.rule, line.cells))
    found: dict[tuple[int, str], PrintedCell] = {}
    for report, cell in cells_by_indicator(connection, {report: cells for report, cells in wanted.items() if cells}):
        place = (cell.box[0], cell.box[1], cell.box[2], cell.box[3]) if cell.box else None
        found[report, cell.indicator] = PrintedCell(cell.indicator, cell.raw, cell.page, place, cell.line)
    return {line.id: tuple(_kept(found, line.report_id, own_cells(line.rule, line.cells))) for line in lines}


def _kept(found: Mapping[tuple[int, str], PrintedCell], report: int, cells: Sequence[str]) -> Iterator[PrintedCell]:
    return (found[report, cell] for cell in cells if (report, cell) in found)


def sources_of(connection: Connection, documents: Sequence[int]) -> Mapping[int, CaseSource]:
    """Return what documents are, by their number."""
    columns = (DOCUMENT.c.id, DOCUMENT.c.sha256, DOCUMENT.c.media_type)
    found: dict[int, CaseSource] = {}
    for part in chunks(sorted(set(documents))):
        rows = connection.execute(select(*columns).where(DOCUMENT.c.id.in_(part)))
        found |= {number: CaseSource(sha256, media_type) for number, sha256, media_type in rows}
    return found


def page_sizes(connection: Connection, document_id: int) -> Mapping[int, tuple[float, float]]:
    """Return width and height of the pages of a document in the measure of its boxes, where they are known."""
    read = outputs(connection, document_id, StageName.OCR, Page)
    extraction = outputs(connection, document_id, StageName.EXTRACT, Extraction).get(0)
    found = {}
    for page in extraction.pages if extraction is not None else ():
        sized = read.get(page.number, page)
        width, height = sized.width or page.width, sized.height or page.height
        if width and height:
            found[page.number] = (width, height)
    return found
