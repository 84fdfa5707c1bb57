"""The pages that were read from pictures put in their places among the others, and page breaks undone over all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from codebook.records import Block, Extraction, LeftOut, LeftOutKind, Line, Page, PageKind, Place, Table
from tasks.extraction.extract import has_inner_pictures
from tasks.extraction.grid import covered_share
from tasks.extraction.joining import gaps_of, join_pages, moved
from tasks.extraction.pdf.beside_pixels.said_numbers import beside_said
from tasks.extraction.pdf.beside_pixels.unmapped import with_labels

_IN_POINTS = ("application/pdf", "application/ofd")
_A4 = 841.9  # points: how long a picture counts that does not say how large its paper was
_OVERLAP = 0.2  # share of the smaller box
_READABLE = 0.9  # lines of a picture without a table are text if most of them are read at least so surely
_FEW_LINES = 3


def needs_ocr(page: Page) -> bool:
    """Return whether a page is to be read by OCR: it is a picture, has pictures that may be tables, or characters that are not
    mapped to text.
    """
    return page.kind is PageKind.PICTURE or bool(page.pictures) or page.unmapped > 0


def with_ocr_pages(extraction: Extraction, read: Mapping[int, Page]) -> Extraction:
    """The extraction with the pages ``read`` by OCR in their places.

    A picture's page is taken as it was read; a page of text keeps its text and takes from its pictures what no text covers, and
    from its pixels the characters that are not mapped. A
    picture inside of a web page or Word document counts only where it holds a table or text. A picture beside text in which no
    table was found is left out.
    Tables and paragraphs that go on over a page break are joined, page numbers dropped. Raises LookupError when a page that is
    to be read is not among ``read``: a page that nobody read must not pass for an empty one.
    """
    if not any(map(needs_ocr, extraction.pages)):
        return extraction
    is_inner = has_inner_pictures(extraction.media_type)
    pages = [_replaced(page, read[page.number], is_inner) if needs_ocr(page) else page for page in extraction.pages]
    left_out, gaps = extraction.left_out, extraction.page_gaps
    if is_inner:
        pictures = [page for page in pages if page.kind is PageKind.PICTURE]
        left_out = (*left_out, *(_without_table(page) for page in pictures if not _has_table(page)))
    else:
        gaps = tuple(sorted({*gaps, *gaps_of(pages)}))
        beside = [page for page in extraction.pages if page.kind is not PageKind.PICTURE and page.pictures]
        without = [page.number for page in beside if not any(isinstance(block, Table) for block in read[page.number].blocks)]
        left_out = (*left_out, *(LeftOut(LeftOutKind.PICTURE, f"page {n}", Place(page=n)) for n in without))
    joined = _joined(pages, pixels=extraction.media_type not in _IN_POINTS)
    return msgspec.structs.replace(extraction, pages=joined, page_gaps=gaps, left_out=left_out)


def renumbered(page: Page, number: int) -> Page:
    """The page as page ``number``, in all its places: the same picture may stand in several documents."""
    return page if page.number == number else moved(msgspec.structs.replace(page, number=number), lambda p: _on(p, number))


def _on(place: Place, number: int) -> Place:
    return msgspec.structs.replace(place, page=number)


def _replaced(page: Page, read: Page, is_inner: bool) -> Page:
    if page.kind is PageKind.PICTURE:
        kept = read.blocks if not is_inner or _worth(read.blocks) else ()
        if page.said:
            kept = beside_said(kept, page.said)
        return msgspec.structs.replace(read, reason=page.reason, blocks=kept)
    if page.unmapped:
        return with_labels(page, read)
    found = [msgspec.structs.replace(block, read_by=read.read_by) for block in read.blocks if _new(block, page)]
    if not _worth(found):
        return page
    blocks = sorted([*page.blocks, *found], key=lambda block: block.place.box[1] if block.place.box else 0.0)
    return msgspec.structs.replace(page, blocks=tuple(blocks))


def _new(block: Block, page: Page) -> bool:
    """Return whether a block stands in one of the page's pictures, and no text covers it."""
    box = block.place.box
    if box is None or not any(covered_share(box, picture) > 0.5 for picture in page.pictures):
        return False
    return all(
        other.place.box is None or max(covered_share(box, other.place.box), covered_share(other.place.box, box)) < _OVERLAP
        for other in page.blocks
    )


def _has_table(page: Page) -> bool:
    return any(isinstance(block, Table) for block in page.blocks)


def _without_table(page: Page) -> LeftOut:
    """A picture in which no table was found, by what its page says of it."""
    return LeftOut(LeftOutKind.PICTURE, page.reason.partition(", a picture of")[0], Place(page=page.number))


def _worth(found: Sequence[Block]) -> bool:
    """Return whether a picture holds a table or text, and not a building with a signboard."""
    if any(isinstance(block, Table) for block in found):
        return True
    lines = sorted(block.score for block in found if isinstance(block, Line))
    return len(lines) >= _FEW_LINES and lines[len(lines) // 2] >= _READABLE


# ---- page breaks ------------------------------------------------------------------------------------------------------------


def _joined(pages: Sequence[Page], pixels: bool) -> tuple[Page, ...]:
    """Joined in points, which is what its tolerances are in; pictures then get their own measure back."""
    if not pixels:
        return join_pages(pages)
    scales = {page.number: _A4 / max(page.width or _A4, page.height or _A4) for page in pages}
    joined = join_pages([_scaled(page, scales) for page in pages])
    return tuple(_scaled(page, {number: 1 / scale for number, scale in scales.items()}) for page in joined)


def _scaled(page: Page, scales: Mapping[int, float]) -> Page:
    def move(place: Place) -> Place:
        if place.box is None:
            return place
        x0, y0, x1, y1 = (round(value * scales[place.page], 4) for value in place.box)
        return msgspec.structs.replace(place, box=(x0, y0, x1, y1))

    scale = scales[page.number]
    size = {name: round(value * scale, 4) for name in ("width", "height") if (value := getattr(page, name))}
    return moved(msgspec.structs.replace(page, **size), move)
