"""Pictures: each becomes a page that waits for OCR, each image of a TIFF and of a package of page images too."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from codebook import image_package
from codebook.errors import GongkaiError
from codebook.records import Extraction, Page, PageKind, Reader
from tasks.extraction.limits import ExtractionLimits


def read_picture(data: bytes, media_type: str, limits: ExtractionLimits) -> Extraction:
    """A page without blocks for each picture; width and height are in pixels. Nothing is decoded but the headers.

    Raises ``file.empty``, ``file.corrupt``, ``file.too_large`` (more than ``limits.max_pages``), ``page.too_large``.
    """
    if not data:
        raise GongkaiError("file.empty", "0 bytes")
    found = []
    with guarded(limits):
        for number, image in enumerate(pictures(data, media_type, limits), 1):
            if number > limits.max_pages:
                raise GongkaiError("file.too_large", f"more than {limits.max_pages} pages", f"at most {limits.max_pages}")
            width, height = image.size
            check_pixels(width, height, limits.max_pixels, number)
            reason = f"a picture of {width} x {height} pixels"
            found.append(Page(number, PageKind.PICTURE, reason, Reader.OCR, (), float(width), float(height)))
    if not found:
        raise GongkaiError("file.corrupt", "no picture in it", "page images")
    missing = image_package.missing_pages(data) if media_type == image_package.MEDIA_TYPE else ()
    return Extraction(media_type, tuple(found), missing_pages=missing)


def pictures(data: bytes, media_type: str, limits: ExtractionLimits) -> Iterator[Image.Image]:
    """The pictures of a document in the order of its pages, opened but not decoded; each is good until the next is asked for.

    Of formats that can move (GIF, WebP, PNG) and of photographs with a preview in them only the first picture is a page. Raises
    what :func:`guarded` turns into GongkaiError.
    """
    for file in image_package.unpacked(data, limits.max_pages) if media_type == image_package.MEDIA_TYPE else [BytesIO(data)]:
        yield from _frames(file)


def _frames(file: BinaryIO) -> Iterator[Image.Image]:
    if file.read(8)[4:] == b"ftyp":  # of HEIF and AVIF (ISO/IEC 14496-12, 4.3)
        _register_heif()
    file.seek(0)
    with Image.open(file) as image:
        yield image
        for frame in range(1, getattr(image, "n_frames", 1) if image.format == "TIFF" else 1):
            image.seek(frame)
            yield image


@cache
def _register_heif() -> None:
    """Have Pillow open HEIC, which is what telephones take pictures in; loaded when the first one comes."""
    from pillow_heif import register_heif_opener  # noqa: PLC0415

    register_heif_opener(thumbnails=False)


@contextmanager
def guarded(limits: ExtractionLimits, number: int | None = None) -> Iterator[None]:
    """Opening pictures inside raises GongkaiError alone: ``page.too_large`` for what would not fit into memory,
    ``file.corrupt``.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what matters is raised, and pixels are counted by ourselves
            yield
    except Image.DecompressionBombError as error:
        raise GongkaiError("page.too_large", str(error), f"at most {limits.max_pixels} pixels", page=number) from error
    except (UnidentifiedImageError, OSError, EOFError, SyntaxError, ValueError) as error:
        raise GongkaiError("file.corrupt", f"no picture: {error}", "a picture", page=number) from error


def check_pixels(width: int, height: int, limit: int, number: int) -> None:
    """Raises GongkaiError ``page.too_large`` for page ``number`` of more than ``limit`` pixels."""
    if width * height > limit:
        raise GongkaiError("page.too_large", f"{width} x {height} pixels", f"at most {limit}", page=number)
