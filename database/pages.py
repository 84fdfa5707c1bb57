"""The text of single pages, from the kept outputs: what is searched, and shown beside the page's image."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from codebook.records import Extraction, Line, Page, PageKind, Record
from codebook.stages import StageName
from database.ledger import outputs


class PageText(Record, frozen=True):
    """A page as it was read. ``text``: its lines, and the rows of its tables (cells parted by tabs), in reading order."""

    number: int
    kind: PageKind
    text: str
    page: Page


def page_text(connection: Connection, document_id: int, number: int) -> PageText | None:
    """Page ``number`` (from 1) as it was recognised where it is a picture, else as it was extracted.

    What was recognised in the pictures of a page of text follows its text. None when there is no such page, or when it was not
    read (yet).
    """
    extraction = outputs(connection, document_id, StageName.EXTRACT, Extraction).get(0)
    found = next((page for page in extraction.pages if page.number == number), None) if extraction else None
    if found is None:
        return None
    read = None
    if found.kind is PageKind.PICTURE or found.pictures:
        read = outputs(connection, document_id, StageName.OCR, Page).get(number)
    if found.kind is PageKind.PICTURE:
        return None if read is None else PageText(number, found.kind, "\n".join(_lines(read)), read)
    return PageText(number, found.kind, "\n".join([*_lines(found), *(_lines(read) if read else ())]), found)


def _lines(page: Page) -> Iterator[str]:
    for block in page.blocks:
        if isinstance(block, Line):
            yield block.text
            continue
        rows: dict[int, list[str]] = {}
        for cell in sorted(block.cells, key=lambda cell: (cell.row, cell.column)):
            rows.setdefault(cell.row, []).append(cell.text.replace("\n", ""))
        yield from ("\t".join(texts) for texts in rows.values())
