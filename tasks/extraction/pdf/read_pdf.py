"""PDF: each page classed as text, picture or mixed, and the text of the text pages as lines and ruled tables.

Text that is not seen, behind a picture of the page or invisible (the layer that a scanner added), and text whose characters are
garbage are told apart from text that can be trusted: such a page is a picture. Characters and lines come from pdfium, grids of
ruled lines from pdfplumber's table functions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pypdfium2
import pypdfium2.raw as pdfium

from codebook.errors import GongkaiError
from codebook.records import Block, Extraction, Page, PageKind, Reader
from codebook.text.decoding import plausibility
from tasks.extraction.grid import Box
from tasks.extraction.joining import gaps_of, join_pages
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.pdf.integrity import damaged_streams
from tasks.extraction.pdf.layout import Char, lines_of, paragraphs
from tasks.extraction.pdf.note_marks import with_raised_marks
from tasks.extraction.pdf.page import contents, letters, rulings
from tasks.extraction.pdf.tables import ruled_tables

_FEW_CHARACTERS = 10  # a page number or a stamp is no text
_PICTURE_SHARE = 0.08  # of the page: larger than a seal or a logo; a table could be in it
_FULL_PAGE = 0.8
_LARGE_SHARE = 0.25  # a picture beside text that is larger may be a table
_GARBAGE = 0.2  # share of characters that no font maps to text
_GARBLED = 0.25  # plausibility below which Chinese characters are not what is seen on the page
_MIN_JUDGED = 30  # characters outside ASCII that it takes to judge plausibility
_MANY_PATHS = 200  # drawn shapes of a page whose text was turned into outlines
_UNMAPPED = re.compile("[\ufffd\ufffe\uffff\ue000-\uf8ff\x01-\x08\x0e-\x1f]")
_LINEARIZED = re.compile(rb"/Linearized\b.{0,200}?/L\s+(\d+)", re.DOTALL)


def read_pdf(data: bytes, media_type: str, limits: ExtractionLimits) -> Extraction:
    """Pages of a PDF (whole file, bytes). Boxes are in points from the upper left corner of the page as it is shown.

    Pages that are pictures have no blocks; mixed pages have those of their text.
    Raises GongkaiError: ``file.empty``, ``file.encrypted`` (needs a password), ``file.corrupt`` (no PDF, cut off, or damaged),
    ``file.too_large`` (more than ``limits.max_pages``), ``page.too_large`` (more than ``limits.max_page_objects`` on a page).
    """
    with opened(data) as document:
        damaged, streams = damaged_streams(data)
        if damaged:  # what is left of them could be read, with a digit less
            raise GongkaiError("file.corrupt", f"{damaged} of {streams} compressed parts are damaged", "a whole PDF document")
        if len(document) > limits.max_pages:
            raise GongkaiError("file.too_large", f"{len(document)} pages", f"at most {limits.max_pages}")
        read = list(_read_pages(document, limits))
        title = document.get_metadata_value("Title").strip() or None
        notes = [note for _, note in read if note]
        if not pdfium.FPDF_DocumentHasValidCrossReferenceTable(document):
            notes.append("pdf: its table of objects is damaged and was rebuilt; parts may be missing")
    pages = [page for page, _ in read]
    return Extraction(media_type, join_pages(pages), title=title, notes=tuple(notes), page_gaps=gaps_of(pages))


@contextmanager
def opened(data: bytes) -> Iterator[pypdfium2.PdfDocument]:
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


def _read_pages(document: pypdfium2.PdfDocument, limits: ExtractionLimits) -> Iterator[tuple[Page, str | None]]:
    """Each page with what was noticed. Raises ``file.too_large`` when all of them together hold too much: a file of 50 kB may
    show the same large content on each of its pages.
    """
    total = 0
    for index in range(len(document)):
        page, note, objects = _read_page(document, index, limits)
        total += objects
        if total > limits.max_document_objects:
            found = f"more than {limits.max_document_objects:,} characters and drawn objects up to page {index + 1}"
            raise GongkaiError("file.too_large", found, f"at most {limits.max_document_objects:,}")
        yield page, note


def _read_page(document: pypdfium2.PdfDocument, index: int, limits: ExtractionLimits) -> tuple[Page, str | None, int]:
    """One page with its lines and tables, what was noticed, and how many objects it holds. Raises ``file.corrupt`` when it cannot
    be loaded.
    """
    number = index + 1
    try:
        page = document[index]
        try:
            return _page(page, number, limits)
        finally:
            page.close()  # with what was opened of it
    except pypdfium2.PdfiumError as error:
        raise GongkaiError("file.corrupt", f"the page cannot be loaded: {error}", "a whole PDF document", page=number) from error


def _page(page: pypdfium2.PdfPage, number: int, limits: ExtractionLimits) -> tuple[Page, str | None, int]:
    textpage = page.get_textpage()
    count = textpage.count_chars()
    if count > limits.max_page_objects:
        raise GongkaiError("page.too_large", f"{count} characters", f"at most {limits.max_page_objects}", page=number)
    found = letters(page, textpage)
    drawn = contents(page, limits.max_page_objects, number)
    text = "".join(char.text for char in found.chars if not char.text.isspace())
    kind, reason = classify(text, drawn.pictures, drawn.paths, drawn.hidden)
    blocks: tuple[Block, ...] = ()
    if kind is not PageKind.PICTURE and found.chars:
        blocks = _blocks(found.chars, rulings(page, limits.max_page_objects, number), number, limits)
    width, height = page.get_size()
    large = _large(drawn.boxes, width * height) if kind is PageKind.MIXED else ()
    reader = Reader.OCR if kind is PageKind.PICTURE else Reader.PDF
    note = f"page {number}: {found.slanted} slanted characters left out" if found.slanted else None
    return Page(number, kind, reason, reader, blocks, width, height, large), note, count + drawn.objects


def _large(boxes: Sequence[Box], page: float) -> tuple[Box, ...]:
    """The pictures that are large enough to be a table. A scan can be cut into strips: together they are one picture."""
    strips = [box for box in boxes if (box[2] - box[0]) * (box[3] - box[1]) > 0]
    found = [box for box in strips if (box[2] - box[0]) * (box[3] - box[1]) > page * _LARGE_SHARE]
    if not found and sum((box[2] - box[0]) * (box[3] - box[1]) for box in strips) > page * _LARGE_SHARE:
        sides = tuple(zip(*strips, strict=True))
        found = [(min(sides[0]), min(sides[1]), max(sides[2]), max(sides[3]))]
    return tuple((round(x0, 1), round(y0, 1), round(x1, 1), round(y1, 1)) for x0, y0, x1, y1 in found)


def classify(text: str, pictures: float, paths: int, hidden: bool) -> tuple[PageKind, str]:
    """The kind of a page, and why.

    ``text`` without white space; ``pictures``: share of the page that they cover, 0 to 1; ``paths``: number of drawn shapes;
    ``hidden``: all text is invisible, as in the layer behind a scan.
    """
    covered = f"pictures cover {pictures:.0%}" if pictures else "no picture"
    plain = f"{len(text)} characters, {covered}"
    if len(text) < _FEW_CHARACTERS:
        outlines = pictures < _PICTURE_SHARE and paths >= _MANY_PATHS
        kind = PageKind.PICTURE if outlines or pictures >= _PICTURE_SHARE else PageKind.TEXT
        return kind, f"{len(text)} characters, {paths} drawn shapes: text as outlines" if outlines else plain
    if (complaint := _garbage(text)) is not None:
        return PageKind.PICTURE, complaint
    if hidden:
        return PageKind.PICTURE, f"{len(text)} characters that are not seen, {covered}: a scan with a text layer"
    if pictures >= _PICTURE_SHARE:
        return PageKind.MIXED, plain + (": a background, or a scan with a text layer" if pictures >= _FULL_PAGE else "")
    return PageKind.TEXT, plain


def _garbage(text: str) -> str | None:
    """Return why the text of a page is not what is seen on it, None when nothing speaks against it."""
    unmapped = len(_UNMAPPED.findall(text))
    if unmapped > len(text) * _GARBAGE:
        return f"{unmapped} of {len(text)} characters are not mapped to text"
    beyond = sum(char > "\x7f" for char in text)
    if beyond >= _MIN_JUDGED and (share := plausibility(text)) < _GARBLED:
        return f"{len(text)} characters, of which only {share:.0%} are common: garbled"
    return None


def _blocks(chars: list[Char], lines: list[Box], number: int, limits: ExtractionLimits) -> tuple[Block, ...]:
    """The ruled tables of a page and the paragraphs around them, from top to bottom."""
    tables, rest = ruled_tables(lines, with_raised_marks(_distinct(chars)), number, limits)
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
