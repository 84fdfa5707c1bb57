"""A row of a summary as a file: the heads of its columns and its cells, in JSON.

The number of the row is no part of it, nor is the workbook: a row that is the same in a later edition of the workbook, wherever
it stands there, is the same content. The path under which it comes in says where it stands: ``book.xlsx!Sheet1!12``.
"""

from __future__ import annotations

import msgspec

from codebook.errors import GongkaiError
from codebook.records import Record
from codebook.sheets.columns import Head

MEDIA_TYPE = "application/x-gongkai-row"


class RowColumn(Record, frozen=True):
    """A column with a head or a text: its place from 1, its head from the top down, the text of the row in it, and whether that
    is surely what the sheet shows for this row.
    """

    at: int
    head: Head
    text: str = ""
    is_sure: bool = True


class SummaryRow(Record, frozen=True):
    """A row of a summary. ``titles`` are the lines above its table. ``year`` is that of the path where the summary has none: rows
    that are alike in the summaries of two years are not the same content.
    """

    sheet: str
    titles: tuple[str, ...]
    columns: tuple[RowColumn, ...]
    year: str | None = None


def pack(row: SummaryRow) -> bytes:
    """The file of a row. Equal rows have equal bytes."""
    return msgspec.json.encode(row)


def unpack(data: bytes) -> SummaryRow:
    """The row of a file. Raises GongkaiError ``file.corrupt``."""
    try:
        return msgspec.json.decode(data, type=SummaryRow)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise GongkaiError("file.corrupt", f"no row of a summary: {error}", "the workbook") from error


def letters(column: int) -> str:
    """The name of a column, from 1.

    >>> letters(1), letters(28)
    ('A', 'AB')
    """
    name = ""
    while column:
        column, at = divmod(column - 1, 26)
        name = chr(ord("A") + at) + name
    return name
