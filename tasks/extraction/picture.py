"""Pictures: their frames become pages that wait for OCR."""

from __future__ import annotations

import warnings
from io import BytesIO

from PIL import Image, UnidentifiedImageError

from codebook.errors import GongkaiError
from codebook.records import Extraction, Page, PageKind, Reader
from tasks.extraction.limits import Limits


def read_picture(data: bytes, media_type: str, limits: Limits) -> Extraction:
    """A page without blocks for each frame; width and height are in pixels. Nothing is decoded but the headers.

    Raises ``file.empty``, ``file.corrupt``, ``file.too_large`` (more frames than ``limits.max_pages``), ``page.too_large``.
    """
    if not data:
        raise GongkaiError("file.empty", "0 bytes")
    pages = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what matters is raised, and our own limit on pixels is checked below
            with Image.open(BytesIO(data)) as image:
                frames = getattr(image, "n_frames", 1)
                if frames > limits.max_pages:
                    raise GongkaiError("file.too_large", f"{frames} frames", f"at most {limits.max_pages}")
                for number in range(1, frames + 1):
                    if frames > 1:
                        image.seek(number - 1)
                    width, height = image.size
                    if width * height > limits.max_pixels:
                        raise GongkaiError(
                            "page.too_large", f"{width} x {height} pixels", f"at most {limits.max_pixels}", page=number
                        )
                    reason = f"a picture of {width} x {height} pixels"
                    pages.append(Page(number, PageKind.PICTURE, reason, Reader.OCR, (), float(width), float(height)))
    except Image.DecompressionBombError as error:
        raise GongkaiError("page.too_large", str(error), f"at most {limits.max_pixels} pixels") from error
    except (UnidentifiedImageError, OSError, EOFError, SyntaxError, ValueError) as error:
        raise GongkaiError("file.corrupt", f"no picture: {error}", "a picture") from error
    return Extraction(media_type, tuple(pages))
