"""Scanned reports with their truth: what is drawn, printed or shown, worn, and put into the files that scans come in."""

from __future__ import annotations

import codecs
import io
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import pypdfium2
from numpy.typing import NDArray
from PIL import Image

from codebook.image_package import MEDIA_TYPE as PACKAGE
from tests.accuracy.compare import Truth
from tests.accuracy.sweep import truth_of
from tests.generator import marks
from tests.generator.composer import Shape, compose_paper
from tests.generator.documents import Wishes, make_document
from tests.generator.figures import compose
from tests.generator.world import pick_agency, pick_year
from tests.scans.degrade import Wear, worn
from tests.scans.drawing import draw_paper, pick_style

Pixels = NDArray[np.uint8]

# pages drawn here; the generator's PDF, and its web pages as a browser prints them
KINDS = ("drawn", "pdf", "web")
_BROWSER = shutil.which("chromium")
# what the style sheets of portals say, and the generator's pages do not carry
_FIXED = "table{border-collapse:collapse;width:100%;table-layout:fixed}tr{break-inside:avoid}"
_STYLES = (
    _FIXED + "td,th{border:1px solid #000;text-align:center;font-size:10.5pt}",
    _FIXED + "td,th{border:1px solid #666;padding:4px;font-size:9pt}",
    "table{font-size:9pt;border-spacing:0}tr{break-inside:avoid}",
)


@dataclass(frozen=True)
class Clean:
    """The clean pages of a report, RGB, its truth, and its file's name: at times that alone names the agency."""

    pages: list[Pixels]
    truth: Truth
    name: str = "scan"


@dataclass(frozen=True)
class Scan:
    """A scanned report as a file. ``pages`` are its page images before they were put into it."""

    name: str
    packing: str
    data: bytes
    media_type: str
    pages: list[Pixels]


def kinds() -> tuple[str, ...]:
    """The kinds that can be made on this machine: web pages need a browser."""
    return KINDS if _BROWSER else KINDS[:-1]


def clean_report(kind: str, seed: int, dpi: int, rules: str | None = None, *, planted: bool = False) -> Clean:
    """Report ``seed`` of a kind. ``rules`` is the look of drawn rules; None leaves it to chance.

    A drawn report has an error in its own sums if ``planted``; other kinds have one now and then.
    """
    if kind == "drawn":
        return _drawn(seed, dpi, rules, planted)
    layout = "pdf" if kind == "pdf" else Random(seed).choice(("html", "html_plain", "html_word"))
    document = make_document(seed, layout, Wishes(encoding="utf-8"))
    data = document.data if kind == "pdf" else _printed(document.data, _STYLES[seed // 3 % len(_STYLES)])
    return Clean(rendered(data, dpi), truth_of(document), Path(document.name).stem)


def _drawn(seed: int, dpi: int, rules: str | None, planted: bool) -> Clean:
    rng = Random(f"chain/{seed}")
    agency, year = pick_agency(rng), pick_year(rng)
    figures = compose(rng, agency, year, hybrid=False)
    if planted:
        marks.plant(rng, figures)
    paper = compose_paper(rng, agency, figures, Shape()).paper
    pages = [page.image for page in draw_paper(paper, pick_style(rng, rules), dpi)]
    forms = {figures.form, figures.disclosure_form}
    rules_hurt = {plant.rule for plant in figures.plants}
    truth = Truth(forms, agency.name, agency.region, year, None, figures.known(), figures.blanks, rules_hurt, has_date=False)
    return Clean(pages, truth)


def rendered(data: bytes, dpi: int) -> list[Pixels]:
    """The pages of a PDF."""
    with pypdfium2.PdfDocument(data) as document:
        return [np.array(page.render(scale=dpi / 72).to_pil().convert("RGB")) for page in document]


def _printed(page: bytes, style: str) -> bytes:
    """A web page as PDF."""
    assert _BROWSER
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "page.html"), Path(folder, "page.pdf")
        source.write_bytes(codecs.BOM_UTF8 + page + f"<style>{style}</style>".encode())
        options = ("--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", f"--user-data-dir={folder}/profile")
        subprocess.run(
            [_BROWSER, *options, f"--print-to-pdf={target}", str(source)], check=True, capture_output=True, timeout=120
        )
        return target.read_bytes()


def scanned(clean: Clean, wear: Wear, seed: int, dpi: int, packing: str | None = None) -> Scan:
    """A report's pages worn and put into a file; ``packing`` is one of :data:`PACKINGS`, or left to the seed."""
    images = [worn(page, wear, seed * 100 + number, dpi)[0] for number, page in enumerate(clean.pages)]
    packing = packing or sorted(PACKINGS)[seed % len(PACKINGS)]
    data, media_type = PACKINGS[packing]([Image.fromarray(image) for image in images], round(dpi * wear.scale))
    return Scan(f"{clean.name}.{packing}", packing, data, media_type, images)


def _pdf(images: Sequence[Image.Image], dpi: int) -> tuple[bytes, str]:
    target = io.BytesIO()
    images[0].save(target, "PDF", save_all=True, append_images=images[1:], resolution=dpi, quality=85)
    return target.getvalue(), "application/pdf"


def _tiff(images: Sequence[Image.Image], dpi: int) -> tuple[bytes, str]:
    target = io.BytesIO()
    images[0].save(target, "TIFF", save_all=True, append_images=images[1:], compression="tiff_lzw", dpi=(dpi, dpi))
    return target.getvalue(), "image/tiff"


def _package(suffix: str) -> Callable[[Sequence[Image.Image], int], tuple[bytes, str]]:
    def pack(images: Sequence[Image.Image], dpi: int) -> tuple[bytes, str]:
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
            for number, image in enumerate(images, 1):
                page = io.BytesIO()
                image.save(page, "PNG" if suffix == "png" else "JPEG", quality=85, compress_level=1)
                archive.writestr(f"{number:04}.{suffix}", page.getvalue())
        return target.getvalue(), PACKAGE

    return pack


PACKINGS: dict[str, Callable[[Sequence[Image.Image], int], tuple[bytes, str]]] = {
    "pdf": _pdf,
    "tiff": _tiff,
    "png": _package("png"),
    "jpeg": _package("jpg"),
}
