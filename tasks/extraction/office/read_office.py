"""Word processor documents of older and other formats: Word 97-2003 and WPS (.doc, .wps), RTF, OpenDocument text.

The library anydoc reads the format; what it returns goes the way of HTML and DOCX (:mod:`tasks.extraction.text_flow`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import anydoc

from codebook.errors import GongkaiError
from codebook.records import Extraction, Page, PageKind, Reader
from tasks.extraction.grid import Slot
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.office.unseen_marks import has_unseen_marks
from tasks.extraction.raised import raised
from tasks.extraction.text_flow import MAX_DEPTH, CellGrid, Flow, compose

FORMATS: dict[str, anydoc.Format] = {
    "application/msword": "doc",
    "application/rtf": "rtf",
    "application/vnd.oasis.opendocument.text": "odt",
}
_CODES = (
    (anydoc.EncryptedError, "file.encrypted", "the file without its password"),
    (anydoc.ResourceLimitError, "file.bomb", "a document of a usual size"),
    (anydoc.UnsupportedError, "file.unsupported", "the document opened and saved as DOCX or PDF"),
    (anydoc.ConvertError, "file.corrupt", "a whole document"),
)


def read_office(data: bytes, media_type: str, limits: ExtractionLimits) -> Extraction:
    """The extraction of a document of one of :data:`FORMATS`: one page, its lines and tables in reading order.

    Struck out text is not read. A document in which characters are hidden, raised or lowered is refused: which they are is not
    known, and a sum may come out with the wrong digits too.
    Raises GongkaiError: ``file.encrypted``, ``file.bomb``, ``file.unsupported``, ``file.corrupt``, ``file.too_large``.
    """
    kind = FORMATS[media_type]
    if has_unseen_marks(data, kind):
        found = f"a document (.{kind}) in which characters are hidden, raised or lowered"
        raise GongkaiError("file.unsupported", found, "the document opened and saved as DOCX")
    try:
        document = anydoc.to_document(data, kind)
    except anydoc.ConvertError as error:
        code, expected = next((code, expected) for each, code, expected in _CODES if isinstance(error, each))
        raise GongkaiError(code, f"{kind}: {error}", expected) from error
    blocks = compose(_flow(document.blocks), limits)
    pictures = sum(asset is not None for asset in document.assets)
    if not blocks and not pictures:
        raise GongkaiError("file.empty", "a document without text", "a document with text")
    page = Page(1, PageKind.TEXT, f"{len(blocks)} blocks, {pictures} pictures", Reader.OFFICE, blocks)
    return Extraction(media_type, (page,))


def _flow(blocks: Sequence[anydoc.Block], depth: int = 0) -> Flow:
    """Paragraphs and tables in reading order."""
    if depth > MAX_DEPTH:
        raise GongkaiError("file.bomb", f"parts nested more than {MAX_DEPTH} deep", "a report")
    found: Flow = []
    for block in blocks:
        if block.table is not None:
            found.append(_grid(block.table, depth))
        elif block.list is not None:
            found += _items(block.list, depth)
        elif block.content is not None:
            found += [line for line in "".join(_text(block.content)).split("\n") if line.strip()]
        elif block.blocks is not None:
            found += _flow(block.blocks, depth + 1)
        elif block.text:
            found.append(block.text)
    return found


def _grid(table: anydoc.Table, depth: int) -> CellGrid:
    return CellGrid(
        [
            Slot(row, column, slot.cell.row_span, slot.cell.col_span, _flow(slot.cell.blocks, depth + 1))
            for row, slots in enumerate(table.grid)
            for column, slot in enumerate(slots)
            if slot.cell is not None
        ]
    )


def _items(items: anydoc.List, depth: int) -> Flow:
    """The paragraphs of a list, each item with its mark."""
    found: Flow = []
    for number, item in enumerate(items.items, items.start):
        inner = _flow(item.blocks, depth + 1)
        if inner and isinstance(inner[0], str):
            mark = item.marker_label or (f"{number}." if items.marker == "decimal" else "")
            inner[0] = f"{mark}{inner[0]}"
        found += inner
    return found


def _text(inlines: Sequence[anydoc.Inline]) -> Iterator[str]:
    for inline in inlines:
        if inline.kind == "line_break":
            yield "\n"
        elif inline.kind == "note_ref":
            yield raised("1")  # the mark of a note, whatever its number
        elif inline.content is not None:
            yield from _text(inline.content)
        elif inline.text and not (inline.style is not None and inline.style.strike):
            yield inline.text
