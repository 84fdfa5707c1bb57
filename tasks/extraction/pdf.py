"""PDF: each page classed as text, picture or mixed, and the text of the text pages as lines and ruled tables.

pypdfium2 opens the file and looks at every page, which is quick; pdfplumber reads only pages that carry text. Text behind a
picture of the page (the layer that a scanner added) and text whose characters are garbage are told apart from text that can be
trusted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import c_float
from io import BytesIO
from typing import Any, NamedTuple

import pdfplumber
import pypdfium2
import pypdfium2.raw as pdfium

from codebook.errors import GongkaiError
from codebook.records import Block, Extraction, Page, PageKind, Reader
from tasks.extraction.joining import join_pages
from tasks.extraction.limits import Limits
from tasks.extraction.pdf_layout import Char, lines_of, paragraphs
from tasks.extraction.pdf_tables import ruled_tables
from tasks.extraction.text import plausibility

_FEW_CHARACTERS = 10  # a page number or a stamp is no text
_PICTURE_SHARE = 0.08  # of the page: larger than a seal or a logo; a table could be in it
_FULL_PAGE = 0.8
_GARBAGE = 0.2  # share of characters that no font maps to text
_GARBLED = 0.25  # plausibility below which Chinese characters are not what is seen on the page
_MIN_JUDGED = 30  # characters outside ASCII that it takes to judge plausibility
_MANY_PATHS = 200  # drawn shapes of a page whose text was turned into outlines
_UNMAPPED = re.compile("[\ufffd\ufffe\uffff\ue000-\uf8ff\x01-\x08\x0e-\x1f]")
_LINEARIZED = re.compile(rb"/Linearized\b.{0,200}?/L\s+(\d+)", re.DOTALL)


class Triage(NamedTuple):
    """What a page holds, why it is said so, and its size in points as it is shown (rotation applied)."""

    kind: PageKind
    reason: str
    width: float
    height: float
    garbage: bool = False


def read_pdf(data: bytes, media_type: str, limits: Limits) -> Extraction:
    """Pages of a PDF (whole file, bytes). Boxes are in points from the upper left corner of the page as it is shown.

    Pages that are pictures have no blocks; mixed pages have those of their text.
    Raises GongkaiError: ``file.empty``, ``file.encrypted`` (a password is needed), ``file.corrupt`` (no PDF, or cut off),
    ``file.too_large`` (more than ``limits.max_pages``), ``page.too_large`` (more than ``limits.max_page_objects`` on a page).
    """
    with _opened(data) as document:
        if len(document) > limits.max_pages:
            raise GongkaiError("file.too_large", f"{len(document)} pages", f"at most {limits.max_pages}")
        triages = [_triage(document, index, limits) for index in range(len(document))]
        title = document.get_metadata_value("Title").strip() or None
    pages = []
    with _plumber(data, triages) as pdf:
        for number, triage in enumerate(triages, 1):
            blocks: tuple[Block, ...] = ()
            if pdf is not None and triage.kind is not PageKind.PICTURE and not triage.garbage:
                blocks = _blocks(pdf.pages[number - 1], number)
                pdf.pages[number - 1].close()
            reader = Reader.OCR if triage.kind is PageKind.PICTURE else Reader.PDF
            pages.append(Page(number, triage.kind, triage.reason, reader, blocks, triage.width, triage.height))
    return Extraction(media_type, join_pages(pages), title=title)


@contextmanager
def _opened(data: bytes) -> Iterator[pypdfium2.PdfDocument]:
    """The document, opened without a password. Raises as :func:`read_pdf`."""
    if not data:
        raise GongkaiError("file.empty", "0 bytes")
    if b"%PDF-" not in data[:1024]:
        raise GongkaiError("file.corrupt", "no PDF header", "a PDF document")
    linearized = _LINEARIZED.search(data[:2048])
    if b"%%EOF" not in data or (linearized and int(linearized[1]) > len(data)):
        raise GongkaiError("file.corrupt", f"the file is cut off after {len(data)} bytes", "a whole PDF document")
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY):
            raise GongkaiError("file.encrypted", "a password is needed", "a document without a password") from error
        raise GongkaiError("file.corrupt", str(error), "a PDF document") from error
    try:
        if len(document) == 0:
            raise GongkaiError("file.corrupt", "no pages", "a PDF document")
        yield document
    finally:
        document.close()


@contextmanager
def _plumber(data: bytes, triages: list[Triage]) -> Iterator[Any]:
    """The document as pdfplumber reads it, None when no page needs it."""
    if all(triage.kind is PageKind.PICTURE for triage in triages):
        yield None
        return
    try:
        pdf = pdfplumber.open(BytesIO(data))
        count = len(pdf.pages)
    except Exception as error:  # pdfminer raises whatever its parsers meet in a broken file
        raise GongkaiError(
            "file.corrupt", f"its objects cannot be read: {type(error).__name__}: {error}", "a PDF document"
        ) from error
    try:
        if count != len(triages):
            raise GongkaiError("file.corrupt", f"{count} or {len(triages)} pages, depending on the reader", "a PDF document")
        yield pdf
    finally:
        pdf.close()


def _triage(document: pypdfium2.PdfDocument, index: int, limits: Limits) -> Triage:
    """Class one page. Raises ``file.corrupt`` when it cannot be loaded."""
    number = index + 1
    try:
        page = document[index]
    except pypdfium2.PdfiumError as error:
        raise GongkaiError("file.corrupt", f"the page cannot be loaded: {error}", "a whole PDF document", page=number) from error
    try:
        width, height = page.get_size()
        textpage = page.get_textpage()
        count = textpage.count_chars()
        if count > limits.max_page_objects:
            raise GongkaiError("page.too_large", f"{count} characters", f"at most {limits.max_page_objects}", page=number)
        text = "".join(textpage.get_text_range().split()) if count > 0 else ""
        pictures, paths, hidden = _objects(page, width * height, limits, number)
        textpage.close()
    finally:
        page.close()
    kind, reason, garbage = classify(text, pictures, paths, hidden)
    return Triage(kind, reason, width, height, garbage)


def classify(text: str, pictures: float, paths: int, hidden: bool) -> tuple[PageKind, str, bool]:
    """The kind of a page, the reason, and whether its text is garbage.

    ``text`` without white space; ``pictures``: share of the page that they cover, 0 to 1; ``paths``: number of drawn shapes;
    ``hidden``: all text is invisible, as in the layer behind a scan.
    """
    covered = f"pictures cover {pictures:.0%}" if pictures else "no picture"
    plain = f"{len(text)} characters, {covered}"
    if len(text) < _FEW_CHARACTERS:
        outlines = pictures < _PICTURE_SHARE and paths >= _MANY_PATHS
        kind = PageKind.PICTURE if outlines or pictures >= _PICTURE_SHARE else PageKind.TEXT
        return kind, f"{len(text)} characters, {paths} drawn shapes: text as outlines" if outlines else plain, False
    if (complaint := _garbage(text)) is not None:
        return PageKind.PICTURE, complaint, True
    if hidden:
        return PageKind.MIXED, f"{len(text)} invisible characters, {covered}: a scan with a text layer", False
    if pictures >= _PICTURE_SHARE:
        return PageKind.MIXED, plain + (": a background, or a scan with a text layer" if pictures >= _FULL_PAGE else ""), False
    return PageKind.TEXT, plain, False


def _garbage(text: str) -> str | None:
    """Why the text of a page is not what is seen on it, None when nothing speaks against it."""
    unmapped = len(_UNMAPPED.findall(text))
    if unmapped > len(text) * _GARBAGE:
        return f"{unmapped} of {len(text)} characters are not mapped to text"
    beyond = sum(char > "\x7f" for char in text)
    if beyond >= _MIN_JUDGED and (share := plausibility(text)) < _GARBLED:
        return f"{len(text)} characters, of which only {share:.0%} are common: garbled"
    return None


def _objects(page: pypdfium2.PdfPage, area: float, limits: Limits, number: int) -> tuple[float, int, bool]:
    """The share of the page that pictures cover, the number of drawn shapes, and whether all text is invisible."""
    pictures, paths, shown, unseen = 0.0, 0, 0, 0
    scales: list[float] = [1.0]  # by how much each form around an object enlarges it
    for total, item in enumerate(page.get_objects()):
        if total > limits.max_page_objects:
            raise GongkaiError("page.too_large", f"more than {total} objects", f"at most {limits.max_page_objects}", page=number)
        del scales[item.level + 1 :]
        if item.type == pdfium.FPDF_PAGEOBJ_FORM:
            a, b, c, d, _, _ = item.get_matrix().get()
            scales.append(scales[-1] * abs(a * d - b * c))
        elif item.type == pdfium.FPDF_PAGEOBJ_IMAGE:
            left, bottom, right, top = _bounds(item)
            pictures += (right - left) * (top - bottom) * scales[-1]
        elif item.type == pdfium.FPDF_PAGEOBJ_PATH:
            paths += 1
        elif item.type == pdfium.FPDF_PAGEOBJ_TEXT:
            invisible = pdfium.FPDFTextObj_GetTextRenderMode(item) == pdfium.FPDF_TEXTRENDERMODE_INVISIBLE
            unseen += invisible
            shown += not invisible
    return min(1.0, pictures / area) if area else 0.0, paths, unseen > 0 and shown == 0


def _bounds(item: Any) -> tuple[float, float, float, float]:
    left, bottom, right, top = c_float(), c_float(), c_float(), c_float()
    if not pdfium.FPDFPageObj_GetBounds(item, left, bottom, right, top):
        return 0.0, 0.0, 0.0, 0.0
    return left.value, bottom.value, right.value, top.value


def _blocks(page: Any, number: int) -> tuple[Block, ...]:
    """The ruled tables of a page and the paragraphs around them, from top to bottom.

    Raises ``file.corrupt`` with the page when its content cannot be read.
    """
    try:
        chars = [Char(char["text"], char["x0"], char["top"], char["x1"], char["bottom"], char["upright"]) for char in page.chars]
        tables, rest = ruled_tables(page, _distinct(chars), number)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise GongkaiError("file.corrupt", f"its content cannot be read: {type(error).__name__}: {error}", page=number) from error
    tops = [table.place.box[1] for table in tables if table.place.box]
    found: list[Block] = [*tables, *paragraphs(lines_of(rest), tops, number)]
    return tuple(sorted(found, key=lambda block: block.place.box[1] if block.place.box else 0.0))


def _distinct(chars: list[Char]) -> list[Char]:
    """Characters without those printed a second time (nearly) in the same place to look bold."""
    seen: set[tuple[str, int, int]] = set()
    kept = []
    for char in chars:
        x, y = round(char.x0 / 2), round(char.top / 2)
        if not char.text.isspace() and any((char.text, x + dx, y + dy) in seen for dx in (-1, 0, 1) for dy in (-1, 0, 1)):
            continue
        seen.add((char.text, x, y))
        kept.append(char)
    return kept
