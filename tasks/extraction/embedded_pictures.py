"""Pictures inside of web pages and Word documents: which of them may be tables, and are read by OCR."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from codebook.errors import GongkaiError
from tasks.extraction.images import check_pixels, guarded
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.text_flow import FlowPicture

_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "JPEG2000")
_LONG, _SHORT = 240, 60  # pixels of the sides of the smallest picture in which a table can be read
_SQUARE, _LARGE = 1.15, 500  # a picture that is as wide as high, and no larger than this, is a seal or a code to be scanned
_SPECK = 6  # pixels of both sides of what only fills space
SMALL = FlowPicture("")
"""A picture that is no table, but may be a number where nothing else stands in a cell."""


def flow_picture(name: str, data: bytes, limits: ExtractionLimits) -> FlowPicture | None:
    """The picture as it goes into a flow: without data where it cannot be read (its format, damage, more pixels than are
    allowed), ``SMALL`` where it is no table, None where it only fills space. Nothing is decoded but its header.
    """
    try:
        with guarded(limits), Image.open(BytesIO(data), formats=_FORMATS) as image:
            width, height = image.size
        check_pixels(width, height, limits.max_pixels, 1)
    except GongkaiError:
        return FlowPicture(name)
    if max(width, height) < _SPECK:
        return None
    return FlowPicture(name, data, width, height) if may_be_table(width, height) else SMALL


def may_be_table(width: float, height: float) -> bool:
    """Return whether a picture of this size in pixels may be a table: no logo, seal or code to be scanned."""
    short, long = min(width, height), max(width, height)
    return long >= _LONG and short >= _SHORT and (long > _LARGE or long > short * _SQUARE)
