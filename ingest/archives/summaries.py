"""Summaries (汇总表): a workbook, or a comma-separated text, of many agencies comes in as one document for each of its rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from codebook.errors import GongkaiError
from codebook.sheets.cells import FORMATS, BookSheet, Workbook
from codebook.sheets.columns import Head, SummaryField, columns_of, is_label
from codebook.sheets.delimited import read_delimited
from codebook.sheets.extent import check_extent
from codebook.sheets.row_file import RowColumn, SummaryRow, pack
from codebook.sheets.summary import ListedAgency, Summary, SummaryTable, find_summary
from codebook.sheets.totals import different_totals
from codebook.sheets.unread import unread_cells
from codebook.sheets.words import year_named
from codebook.text.decoding import decode, decode_sample
from ingest.archives.limits import MIB
from ingest.names import shown

_TEXT = "text/plain"
_SAMPLE = 64 * 1024  # bytes of a text that show whether it is a summary
_MOST_CELLS = 1_000_000  # of all sheets: a province's 3,000 agencies have 600,000
_MOST_COLUMNS = 2_000
_MOST_NOTICES = 50  # of one workbook
_PART_BYTES = 100 * MIB
_NUMBER = re.compile(r"[-+−]?\d[\d,.，]*%?")


class PartedRow(NamedTuple):
    """The file of a row, and where it stands: the name of its sheet ("" for a text) and the number of its row."""

    sheet: str
    row: int
    data: bytes


class PartedBook(NamedTuple):
    """The rows of a summary. ``has_more``: other sheets hold numbers or labels, so that the workbook is a document too.
    ``notices`` say which of its sums differ from its rows.
    """

    rows: tuple[PartedRow, ...]
    has_more: bool
    notices: tuple[str, ...] = ()


def may_be_summary(media_type: str, head: bytes) -> bool:
    """Return whether a content of this type and with this head may be a summary: others need not be read for it."""
    return media_type in FORMATS or (media_type == _TEXT and _summary_of(head) is not None)


def _summary_of(head: bytes) -> Summary | None:
    sample = decode_sample(head[:_SAMPLE])
    sheet = read_delimited(sample, _MOST_CELLS) if sample is not None else None
    return find_summary(sheet) if sheet is not None else None


def part_summary(data: bytes, media_type: str, names: Sequence[str] = ()) -> PartedBook | None:
    """Part a summary into its rows; None for other contents, and for those that their reader is to refuse. ``names`` are those on
    its path, of which the last with a year counts where the summary has none.
    """
    try:
        if media_type in FORMATS:
            return _of_workbook(data, names)
        return _of_text(data, names) if media_type == _TEXT else None
    except GongkaiError:
        return None


def _of_workbook(data: bytes, names: Sequence[str]) -> PartedBook | None:
    check_extent(data, _MOST_CELLS, _PART_BYTES)
    sheets = [(sheet, find_summary(sheet)) for sheet in Workbook(data).sheets(_MOST_CELLS, _MOST_COLUMNS)]
    found = [(sheet, summary) for sheet, summary in sheets if summary is not None]
    if not found:
        return None
    unread = unread_cells(data)
    rows = [row for _, summary in found for row in _rows(summary, unread, names)]
    has_more = any(summary is None and _may_be_report(sheet) for sheet, summary in sheets)
    return PartedBook(tuple(rows), has_more, tuple(islice(_notices([summary for _, summary in found]), _MOST_NOTICES)))


def _may_be_report(sheet: BookSheet) -> bool:
    """Return whether a sheet may be a report, or a part of one: even a blank form is, so that somebody sees it."""
    return any(_NUMBER.fullmatch(cell.text.strip()) or is_label(cell.text) for cell in sheet.cells)


def _of_text(data: bytes, names: Sequence[str]) -> PartedBook | None:
    sheet = read_delimited(decode(data).text, _MOST_CELLS)
    summary = find_summary(sheet) if sheet is not None else None
    if summary is None:
        return None
    return PartedBook(tuple(_rows(summary, frozenset(), names)), False, tuple(islice(_notices([summary]), _MOST_NOTICES)))


def _notices(summaries: Sequence[Summary]) -> Iterator[str]:
    for summary in summaries:
        for table in summary.tables:
            for one in different_totals(table):
                sheet = f"!{shown(summary.sheet)}" if summary.sheet else ""
                yield f"{sheet}!{one.row}: column {one.column} states a sum of {one.stated}, the rows add up to {one.added}"


def _rows(summary: Summary, unread: frozenset[tuple[int, int]], names: Sequence[str]) -> Iterator[PartedRow]:
    own = year_named(summary.titles) or year_named([summary.sheet])
    of_path = None if own else next((year for name in reversed(names) if (year := year_named([name]))), None)
    for table in summary.tables:
        fields = zip(table.heads, columns_of(list(table.heads.values())), strict=True)
        years = {column for column, each in fields if each.field is SummaryField.YEAR}
        for row in table.rows:
            columns = tuple(_columns(table, row, unread))
            has_year = any(value.column in years for value in row.values)
            packed = pack(SummaryRow(summary.sheet, summary.titles, columns, None if has_year else of_path))
            yield PartedRow(summary.sheet, row.row, packed)


def _columns(table: SummaryTable, row: ListedAgency, unread: frozenset[tuple[int, int]]) -> Iterator[RowColumn]:
    values = {value.column: value for value in row.values}
    for column in sorted(table.heads.keys() | values.keys()):
        head: Head = table.heads.get(column, ())
        text, is_shared = (values[column].text, values[column].is_shared) if column in values else ("", False)
        yield RowColumn(column + 1, head, text, (row.row - 1, column) not in unread and not is_shared)
