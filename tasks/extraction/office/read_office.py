"""Word processor documents of older and other formats: Word 97-2003 and WPS (.doc, .wps), RTF, OpenDocument text.

The library anydoc reads the format; what it returns goes the way of HTML and DOCX (:mod:`tasks.extraction.text_flow`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import anydoc

from codebook.errors import GongkaiError
from codebook.records import Extraction, Reader
from tasks.extraction.characters import raised
from tasks.extraction.embedded_pictures import flow_picture
from tasks.extraction.grid import Slot
from tasks.extraction.left_out import nothing_read
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.office.unseen_marks import has_unseen_marks
from tasks.extraction.text_flow import MAX_DEPTH, CellGrid, Composition, Flow, FlowPicture, compose

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
    """The extraction of a document of one of :data:`FORMATS`: lines and tables in reading order.

    Struck out text is not read. A document in which characters are hidden, white, deleted, raised or lowered is refused: which
    they are is not known, and a sum may come out with the wrong digits too.
    Raises GongkaiError: ``file.encrypted``, ``file.bomb``, ``file.unsupported``, ``file.corrupt``, ``file.too_large``,
    ``file.empty``, ``report.tables_are_pictures`` (only pictures that cannot be read are in it).
    """
    composition = compose_office(data, limits, kind=FORMATS[media_type])
    if not composition.pages:
        raise nothing_read(composition.left_out, "a document without text")
    return Extraction(media_type, composition.pages, left_out=composition.left_out)


def compose_office(data: bytes, limits: ExtractionLimits, kind: anydoc.Format) -> Composition:
    """The pages of a document with its pictures. Raises as :func:`read_office`."""
    return compose(office_flow(data, limits, kind), limits, Reader.OFFICE)


def office_flow(data: bytes, limits: ExtractionLimits, kind: anydoc.Format) -> Flow:
    """Lines, tables and pictures of a document in reading order. Raises as :func:`read_office`."""
    if has_unseen_marks(data, kind):
        found = f"a document (.{kind}) with characters that are hidden, white, deleted, raised or lowered, or boxes in a table"
        raise GongkaiError("file.unsupported", found, "the document opened and saved as DOCX")
    try:
        document = anydoc.to_document(data, kind)
    except anydoc.ConvertError as error:
        code, expected = next((code, expected) for each, code, expected in _CODES if isinstance(error, each))
        raise GongkaiError(code, f"{kind}: {error}", expected) from error
    return _OfficeWalker(document, limits).flow(document.blocks)


class _OfficeWalker:
    """Turns the blocks of a document into a flow."""

    def __init__(self, document: anydoc.Document, limits: ExtractionLimits) -> None:
        self.assets = document.assets
        self.limits = limits

    def flow(self, blocks: Sequence[anydoc.Block], depth: int = 0) -> Flow:
        """Paragraphs, tables and pictures in reading order."""
        if depth > MAX_DEPTH:
            raise GongkaiError("file.bomb", f"parts nested more than {MAX_DEPTH} deep", "a report")
        found: Flow = []
        for block in blocks:
            if block.table is not None:
                found.append(self._grid(block.table, depth))
            elif block.list is not None:
                found += self._items(block.list, depth)
            elif block.content is not None:
                found += [line for line in "".join(_text(block.content)).split("\n") if line.strip()]
                found += self._pictures(block.content)
            elif block.blocks is not None:
                found += self.flow(block.blocks, depth + 1)
            elif block.text:
                found.append(block.text)
        return found

    def _grid(self, table: anydoc.Table, depth: int) -> CellGrid:
        return CellGrid(
            [
                Slot(row, column, slot.cell.row_span, slot.cell.col_span, self.flow(slot.cell.blocks, depth + 1))
                for row, slots in enumerate(table.grid)
                for column, slot in enumerate(slots)
                if slot.cell is not None
            ]
        )

    def _items(self, items: anydoc.List, depth: int) -> Flow:
        """The paragraphs of a list, each item with its mark."""
        found: Flow = []
        for number, item in enumerate(items.items, items.start):
            inner = self.flow(item.blocks, depth + 1)
            if inner and isinstance(inner[0], str):
                mark = item.marker_label or (f"{number}." if items.marker == "decimal" else "")
                inner[0] = f"{mark}{inner[0]}"
            found += inner
        return found

    def _pictures(self, inlines: Sequence[anydoc.Inline]) -> Iterator[FlowPicture]:
        """The pictures of a paragraph that may be tables."""
        for inline in inlines:
            if inline.content is not None:
                yield from self._pictures(inline.content)
            elif inline.kind == "image":
                source = inline.source
                if source is None or source.asset_id is None:
                    yield FlowPicture(source.url or "?" if source is not None else "?")
                    continue
                asset = self.assets[source.asset_id]
                if (picture := flow_picture(asset.origin_part or "?", asset.data, self.limits)) is not None:
                    yield picture


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
