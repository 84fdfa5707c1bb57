"""Page images made on the spot."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pypdfium2
from PIL import Image

SAMPLES = Path(__file__).resolve().parents[2] / "samples" / "reports"


def drawn(data: bytes, dpi: int = 200) -> list[Image.Image]:
    """The pages of a PDF as pictures."""
    with pypdfium2.PdfDocument(data) as document:
        return [Image.fromarray(np.array(page.render(scale=dpi / 72).to_pil())) for page in document]


def image_pdf(images: Sequence[Image.Image], dpi: int = 200) -> bytes:
    """A PDF of pictures alone."""
    target = io.BytesIO()
    first, *others = [image.copy() for image in images]  # Pillow leaves options of one format behind for the next
    first.save(target, "PDF", save_all=True, append_images=others, resolution=dpi)
    return target.getvalue()


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """A picture as a file."""
    target = io.BytesIO()
    image.copy().save(target, kind, **options)
    return target.getvalue()
