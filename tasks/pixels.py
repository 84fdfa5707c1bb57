"""What looks at the pixels of a document. It is loaded for those only that have some: reading a text is faster than that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from codebook.records import Extraction, Page
from tasks.extraction.extract import PDF

if TYPE_CHECKING:
    from tasks.ocr.engines.recognise import LineReader


def confirmed(extraction: Extraction, data: bytes, media_type: str) -> Extraction:
    """Return a document whose numbers were looked for in the pixels of its pages; another kind than PDF as it is."""
    if media_type != PDF:
        return extraction
    from tasks.witness.confirm import confirm  # noqa: PLC0415

    return confirm(extraction, data, media_type)


def read_pictures(numbers: Sequence[int], data: bytes, media_type: str, reader: LineReader | None) -> Mapping[int, Page]:
    """Return what is read on the pages with these numbers, which are pictures; ``reader`` is RapidOCR by default."""
    from tasks.ocr.engines import choose  # noqa: PLC0415
    from tasks.ocr.read_page import read_picture  # noqa: PLC0415
    from tasks.ocr.render import render  # noqa: PLC0415

    reader = reader or choose.reader(choose.RAPIDOCR)
    images = {number: render(data, media_type, number) for number in numbers}
    return {
        n: read_picture(image.pixels, n, reader, points_per_pixel=image.scale, is_upright=image.is_upright)
        for n, image in images.items()
    }
