"""PDF: each page classed as text, picture or mixed, and the text of the text pages as lines and ruled tables.

Text that is not seen, behind a picture of the page or invisible (the layer that a scanner added), and text whose characters are
garbage are told apart from text that can be trusted: such a page is a picture. Characters and lines come from pdfium, grids of
ruled lines from pdfplumber's table functions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import msgspec
import pypdfium2
import pypdfium2.raw as pdfium

from codebook.errors import GongkaiError
from codebook.records import Block, Extraction, LeftOut, LeftOutKind, Line, Page, PageKind, Place, Reader, Table
from codebook.text.decoding import plausibility
from tasks.extraction.grid import Box
from tasks.extraction.joining import gaps_of, join_pages, moved, moved_block
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.pdf.annotations import shown_page
from tasks.extraction.pdf.beside_pixels.unmapped import (
    is_garbled,
    is_partly_mapped,
    keeps_numbers,
    mapped,
    unmapped,
    unmapped_values,
)
from tasks.extraction.pdf.edges import on_page
from tasks.extraction.pdf.integrity import damaged_streams
from tasks.extraction.pdf.layout import Char, distinct, overprinted, rounded, wide_letters
from tasks.extraction.pdf.nesting import refuse_deep_forms
from tasks.extraction.pdf.page import Contents, Letters, contents, letters
from tasks.extraction.pdf.shown import shown, switch_off, unseen_runs
from tasks.extraction.pdf.struck import struck_through
from tasks.extraction.pdf.tables import grid_boxes, marked_blanks
from tasks.extraction.pdf.turned import as_shown, by_turn, turned_back, upright
from tasks.extraction.pdf.upright_blocks import top_of, upright_blocks
from tasks.extraction.pdf.watermarks import TextLook, TextLooks, looks, watermarks

_MOST_ATTACHED = 100  # files of a portfolio that are named
_LONGEST_NAME = 120  # characters
_FEW_CHARACTERS = 10  # a page number or a stamp is no text
_PICTURE_SHARE = 0.08  # of the page: larger than a seal or a logo; a table could be in it
_FULL_PAGE = 0.8
_LARGE_SHARE = 0.25  # a picture beside text that is larger may be a table
_GARBLED = 0.25  # plausibility below which Chinese characters are not what is seen on the page
_MIN_JUDGED = 30  # characters outside ASCII that it takes to judge plausibility
_LYING = 2  # letters that are as wide as Chinese characters
_MANY_PATHS = 200  # drawn shapes of a page whose text was turned into outlines
_STAMPED = 0.2  # of the characters that are not seen: as many may be seen on a scan
_HALF = 0.5  # of the width of the text: a picture that is narrower is no table
_NARROWEST = 0.35  # of the width of the page: the same where there is little text
_LINES = 36.0  # points: three lines of a table
_OUTSIDE = 0.3  # of a cell: if more of it lies outside of the page, it may hold what is not seen
_UNSURE = 0.5  # score of a cell of which nobody can tell what it shows
_NEAR = 3.0  # points around a table that belong to it
_LINEARIZED = re.compile(rb"/Linearized\b.{0,200}?/L\s+(\d+)", re.DOTALL)


def read_pdf(data: bytes, media_type: str, limits: ExtractionLimits) -> Extraction:
    """Pages of a PDF (whole file, bytes). Boxes are in points from the upper left corner of the page as it is shown.

    Pages that are pictures have no blocks; mixed pages have those of their text.
    Raises GongkaiError: ``file.empty``, ``file.encrypted`` (needs a password), ``file.corrupt`` (no PDF, cut off, or damaged),
    ``file.too_large`` (more than ``limits.max_pages``), ``page.too_large`` (more than ``limits.max_page_objects`` on a page,
    larger than ``limits.max_page_area``, or forms that draw one another without end).
    """
    with opened(data) as document:
        damaged, streams = damaged_streams(data)
        if damaged:  # what is left of them could be read, with a digit less
            raise GongkaiError("file.corrupt", f"{damaged} of {streams} compressed parts are damaged", "a whole PDF document")
        if len(document) > limits.max_pages:
            raise GongkaiError("file.too_large", f"{len(document)} pages", f"at most {limits.max_pages}")
        refuse_deep_forms(data)
        sheets, marks = _sheets(document, limits)
        read = [_page(sheet, marks, limits) for sheet in sheets]
        title = document.get_metadata_value("Title").strip() or None
        notes = [note for _, _, noticed in read for note in noticed]
        attached = _attached(document)
        if not pdfium.FPDF_DocumentHasValidCrossReferenceTable(document):
            notes.append("pdf: its table of objects is damaged and was rebuilt; parts may be missing")
    gaps = gaps_of([page for page, _, _ in read])
    pages = tuple(page for page, _, _ in read)
    if not any(page.unmapped for page in pages):  # else they are joined when their labels are read
        pages = join_pages(pages)
    turns = {page.number: (turn, page.width or 0.0, page.height or 0.0) for page, turn, _ in read if turn}
    pages = tuple(_as_shown(page, turns) for page in pages)
    return Extraction(media_type, pages, title=title, notes=tuple(notes), page_gaps=gaps, left_out=attached)


def _attached(document: pypdfium2.PdfDocument) -> tuple[LeftOut, ...]:
    """The files that a document carries: in a portfolio one of them is the report, and the pages are its cover."""
    names = (document.get_attachment(index).get_name() for index in range(min(document.count_attachments(), _MOST_ATTACHED)))
    return tuple(LeftOut(LeftOutKind.FILE, name[:_LONGEST_NAME], Place(page=1)) for name in names if name)


def _as_shown(page: Page, turns: dict[int, tuple[int, float, float]]) -> Page:
    """The page with all places as it is shown; ``turns``: the turn, width and height of the pages that were turned to be read."""

    def move(place: Place) -> Place:
        if place.box is None or place.page not in turns:
            return place
        turn, width, height = turns[place.page]
        return msgspec.structs.replace(place, box=rounded(upright(place.box, -turn % 4, width, height)))

    if not turns:
        return page
    if page.number in turns and turns[page.number][0] % 2:
        page = msgspec.structs.replace(page, width=page.height, height=page.width)
    return moved(page, move)


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
        document.init_forms()  # draws the fields that come without an appearance
        yield document
    finally:
        document.close()


class _Sheet(NamedTuple):
    """What is on a page before its lines and tables are made. Boxes are those of the page as it is shown.

    ``chars`` are those that are seen; ``unseen`` and ``slanted`` how many were left out; ``marks`` shapes that may be numbers;
    ``cut`` are digits of numbers of which more is written than seen. ``is_partly_mapped``: it may be read beside its pixels.
    """

    number: int
    width: float
    height: float
    kind: PageKind
    reason: str
    chars: list[Char]
    found: TextLooks
    marks: list[Box]
    drawn: Contents
    unseen: int
    slanted: int
    cut: list[Char]
    is_partly_mapped: bool


def _sheets(document: pypdfium2.PdfDocument, limits: ExtractionLimits) -> tuple[list[_Sheet], set[TextLook]]:
    """What is on each page, and how the watermarks look. Raises ``file.too_large`` when all pages together hold too much: a file
    of 50 kB may show the same large content on each of its pages. Raises ``file.corrupt`` when a page cannot be loaded.
    """
    sheets: list[_Sheet] = []
    marks: set[TextLook] = set()
    total = 0
    for index in range(len(document)):
        try:
            with shown_page(document, index) as page:
                sheet, objects = _sheet(page, index + 1, limits, marks)
        except pypdfium2.PdfiumError as error:
            found = f"the page cannot be loaded: {error}"
            raise GongkaiError("file.corrupt", found, "a whole PDF document", page=index + 1) from error
        total += objects
        if total > limits.max_document_objects:
            found = f"more than {limits.max_document_objects:,} characters and drawn objects up to page {index + 1}"
            raise GongkaiError("file.too_large", found, f"at most {limits.max_document_objects:,}")
        sheets.append(sheet)
    if any(sheet.is_partly_mapped for sheet in sheets):  # those of its pages with fewer such characters too
        sheets = [sheet._replace(is_partly_mapped=_lacks_some(sheet)) for sheet in sheets]
    return sheets, marks


def _lacks_some(sheet: _Sheet) -> bool:
    return sheet.is_partly_mapped or (sheet.kind is PageKind.TEXT and unmapped(_text(sheet.chars)) > 0)


def _sheet(page: pypdfium2.PdfPage, number: int, limits: ExtractionLimits, marks: set[TextLook]) -> tuple[_Sheet, int]:
    """What is on a page, and how many objects it holds; the looks of its watermarks are added to ``marks``."""
    width, height = page.get_size()
    if width * height > limits.max_page_area:
        size, most = f"a page of {width:.0f} x {height:.0f} points", f"at most {limits.max_page_area:,} square points"
        raise GongkaiError("page.too_large", size, most, page=number)
    textpage = page.get_textpage()
    count = textpage.count_chars()
    if count > limits.max_page_objects:
        raise GongkaiError("page.too_large", f"{count} characters", f"at most {limits.max_page_objects}", page=number)
    found = letters(page, textpage)
    drawn = contents(page, limits.max_page_objects, number)
    drawn = drawn._replace(rulings=on_page(drawn.rulings, found.chars, height))
    kind, reason = _classified(found.chars, drawn, drawn.hidden)
    if kind is not PageKind.PICTURE and (wide := wide_letters(found.chars)) >= _LYING:
        kind, reason = PageKind.PICTURE, f"{wide} letters as wide as Chinese characters: the text is not what is seen"
    chars, shapes, unseen = found.chars, drawn.marks, 0
    cut: list[Char] = []
    look = None
    if kind is not PageKind.PICTURE and (chars or shapes):
        chars, look, shapes, unseen, cut = _seen(page, found, drawn, marks)
        if unseen:
            covered = drawn.pictures >= _PICTURE_SHARE and len(_text(chars)) <= unseen * _STAMPED
            kind, reason = _classified(chars, drawn, covered)
    look = look or looks(chars, drawn.styles)
    partly = kind is PageKind.MIXED and is_partly_mapped(_text(chars))
    sheet = _Sheet(number, width, height, kind, reason, chars, look, shapes, drawn, unseen, found.slanted, cut, partly)
    return sheet, count + drawn.objects


def _seen(
    page: pypdfium2.PdfPage, found: Letters, drawn: Contents, marks: set[TextLook]
) -> tuple[list[Char], TextLooks, list[Box], int, list[Char]]:
    """The characters that the page shows with their looks, the small shapes, the number of letters and digits that it does
    not show, and the digits next to which one of their own text is not shown: the number is cut off.

    pdfium leaves out a character that is written a second time in its place: what lies under a text is taken off, and the text
    is read again.
    """
    unseen = 0
    while True:
        look = looks(found.chars, drawn.styles)
        marks |= watermarks(found.chars, found.inks, look, drawn.rulings)
        behind = {found.chars[index].run for mark in marks for index in look.groups.get(mark, ())}
        ignored = [*found.slanted_runs, *(item for run, item in found.runs.items() if run in behind)]
        own = {run: item for run, item in found.runs.items() if run not in behind}
        judged = (
            [index for index, char in enumerate(found.chars) if char.run not in behind] if behind else range(len(found.chars))
        )
        view = shown(page, [found.chars[index] for index in judged], found.inks[judged], own, ignored)
        seen = [True] * len(found.chars)
        for index, one in zip(judged, view.seen, strict=True):
            seen[index] = one
        unseen += sum(char.text.isalnum() and not one for char, one in zip(found.chars, seen, strict=True))
        hidden = unseen_runs(found.chars, seen)
        if not hidden:
            chars = found.chars
            cut: list[Char] = []
            if not all(seen):
                cut = list(_cut(chars, seen))
                chars = [char for char, one in zip(chars, seen, strict=True) if one]
                look = looks(chars, drawn.styles)
            return chars, look, view.inked(drawn.marks), unseen, cut
        switch_off(found.runs[run] for run in hidden)
        found = letters(page, page.get_textpage())


def _cut(chars: Sequence[Char], seen: Sequence[bool]) -> Iterator[Char]:
    """The digits that are seen beside one of the same text that is not."""
    for (one, one_seen), (other, other_seen) in pairwise(zip(chars, seen, strict=True)):
        if one_seen != other_seen and one.run == other.run and one.text.isdigit() and other.text.isdigit():
            yield one if one_seen else other


def _text(chars: Sequence[Char]) -> str:
    return "".join(char.text for char in chars if not char.text.isspace())


def _page(sheet: _Sheet, marks: set[TextLook], limits: ExtractionLimits) -> tuple[Page, int, list[str]]:
    """The page with its lines and tables, the quarter turns by which they were turned to be read, and what was noticed."""
    number, kind, reason = sheet.number, sheet.kind, sheet.reason
    dropped = {index for look in marks for index in sheet.found.groups.get(look, ())}
    chars = [char for index, char in enumerate(sheet.chars) if index not in dropped] if dropped else sheet.chars
    blocks: tuple[Block, ...] = ()
    struck: list[Char] = []
    turn = 0
    if kind is not PageKind.PICTURE and (chars or sheet.marks):
        chars, struck, sheet = _without_struck(chars, sheet)
        turn, blocks = _blocks(distinct(chars), sheet, limits)
        if (complaint := _unsaid(turn, blocks, chars, sheet, limits)) is not None:
            kind, reason, blocks, turn = PageKind.PICTURE, complaint, (), 0
    lost = unmapped(_text(chars)) if kind is not PageKind.PICTURE and _is_kept(turn, blocks, sheet) else 0
    width, height = (sheet.height, sheet.width) if turn % 2 else (sheet.width, sheet.height)
    blocks, beyond = _with_cells_beyond(blocks, width, height)
    if unsure := [*struck, *sheet.cut, *overprinted(chars)]:
        blocks = tuple(_not_sure_at(block, turned_back(unsure, turn, sheet.width, sheet.height)) for block in blocks)
    large = _large(sheet, chars) if kind is not PageKind.PICTURE else ()
    if large or lost:
        kind = PageKind.MIXED
    reader = Reader.OCR if kind is PageKind.PICTURE else Reader.PDF
    noticed = [
        f"page {number}: {count} {what}"
        for count, what in (
            (sheet.unseen, "characters that the page does not show were not read"),
            (sheet.slanted, "slanted characters left out"),
            (len(dropped), "characters of a watermark left out"),
            (len(struck), "characters that are struck through were not read"),
            (beyond, "cells of tables lie beyond the edge of the page"),
        )
        if count
    ]
    return Page(number, kind, reason, reader, blocks, width, height, large, unmapped=lost), turn, noticed


def _without_struck(chars: list[Char], sheet: _Sheet) -> tuple[list[Char], list[Char], _Sheet]:
    """The characters that are not struck through, those that are, and the page without the lines that do it."""
    found = struck_through(chars, sheet.drawn.rulings)
    if not found.chars:
        return chars, [], sheet
    rulings = [line for index, line in enumerate(sheet.drawn.rulings) if index not in found.lines]
    kept = [char for index, char in enumerate(chars) if index not in found.chars]
    struck = [chars[index] for index in sorted(found.chars)]
    return kept, struck, sheet._replace(drawn=sheet.drawn._replace(rulings=rulings))


def _not_sure_at(block: Block, chars: Sequence[Char]) -> Block:
    """The block, of which what stands in one cell or line with any of ``chars`` is not sure."""
    places = [((char.x0 + char.x1) / 2, (char.top + char.bottom) / 2) for char in chars]

    def holds(place: Place) -> bool:
        box = place.box
        return box is not None and any(box[0] <= x <= box[2] and box[1] <= y <= box[3] for x, y in places)

    if not holds(block.place):
        return block
    if isinstance(block, Line):
        return msgspec.structs.replace(block, score=_UNSURE) if block.numbers else block
    cells = tuple(msgspec.structs.replace(cell, score=_UNSURE) if holds(cell.place) else cell for cell in block.cells)
    return msgspec.structs.replace(block, cells=cells)


def _with_cells_beyond(blocks: tuple[Block, ...], width: float, height: float) -> tuple[tuple[Block, ...], int]:
    """The blocks of a page, whose cells beyond its edge are not sure, and how many these are: a table can be wider than its page,
    and nobody sees what is there.
    """
    found: list[Block] = []
    beyond = 0
    for block in blocks:
        cells = block.cells if isinstance(block, Table) else ()
        out = [index for index, cell in enumerate(cells) if _is_beyond(cell.place.box, width, height)]
        if out and isinstance(block, Table):
            changed = {index: msgspec.structs.replace(cells[index], score=_UNSURE) for index in out}
            whole = tuple(changed.get(index, cell) for index, cell in enumerate(cells))
            found.append(msgspec.structs.replace(block, cells=whole))
            beyond += len(out)
        else:
            found.append(block)
    return tuple(found), beyond


def _is_beyond(box: Box | None, width: float, height: float) -> bool:
    """Return whether more of a cell than a little lies outside of the page."""
    if box is None:
        return False
    x0, y0, x1, y1 = box
    out = max(-x0, x1 - width), max(-y0, y1 - height)
    return out[0] > _OUTSIDE * (x1 - x0) or out[1] > _OUTSIDE * (y1 - y0)


def _large(sheet: _Sheet, chars: Sequence[Char]) -> tuple[Box, ...]:
    """The pictures that may be a table: as wide as half of the text, and higher than three lines. A scan can be cut into strips:
    together they are one picture.
    """
    page = sheet.width * sheet.height
    strips = [box for box in sheet.drawn.boxes if (box[2] - box[0]) * (box[3] - box[1]) > 0]
    wide = max((char.x1 for char in chars), default=sheet.width) - min((char.x0 for char in chars), default=0.0)
    wide = max(_HALF * wide, _NARROWEST * sheet.width)
    found = [box for box in strips if box[2] - box[0] >= wide and box[3] - box[1] >= _LINES]
    if not found and sum((box[2] - box[0]) * (box[3] - box[1]) for box in strips) > page * _LARGE_SHARE:
        sides = tuple(zip(*strips, strict=True))
        found = [(min(sides[0]), min(sides[1]), max(sides[2]), max(sides[3]))]
    return tuple((round(x0, 1), round(y0, 1), round(x1, 1), round(y1, 1)) for x0, y0, x1, y1 in found)


def _classified(chars: Sequence[Char], drawn: Contents, hidden: bool) -> tuple[PageKind, str]:
    """The kind of a page by its text, and why. One whose text would do but for the characters that are not mapped is MIXED."""
    text = _text(chars)
    if is_partly_mapped(text) and classify(mapped(text), drawn.pictures, drawn.paths, hidden)[0] is PageKind.TEXT:
        return PageKind.MIXED, _not_mapped(text)
    return classify(text, drawn.pictures, drawn.paths, hidden)


def _not_mapped(text: str) -> str:
    return f"{unmapped(text)} of {len(text)} characters are not mapped to text"


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
    if is_garbled(text):
        return _not_mapped(text)
    beyond = sum(char > "\x7f" for char in text)
    if beyond >= _MIN_JUDGED and (share := plausibility(text)) < _GARBLED:
        return f"{len(text)} characters, of which only {share:.0%} are common: garbled"
    return None


def _blocks(chars: list[Char], sheet: _Sheet, limits: ExtractionLimits) -> tuple[int, tuple[Block, ...]]:
    """The quarter turns by which a page is turned to be read, and its ruled tables and the paragraphs around them from top to
    bottom, in places on the page so turned.

    What stands in another direction than the rest (a table laid on its side) is read in its own, and comes as one.
    """
    width, height, lines = sheet.width, sheet.height, sheet.drawn.rulings

    def grids(turn: int) -> list[Box]:
        found = grid_boxes([upright(line, turn, width, height) for line in lines], sheet.number, limits)
        return [as_shown(box, turn, width, height) for box in found]

    groups = by_turn(chars, grids)
    main = groups[0][0]
    apart = [(turn, box) for turn, _, boxes in groups[1:] for box in boxes]
    units: list[tuple[float, list[Block]]] = []
    for turn, group, _ in groups:
        own = [line for line in lines if _turn_of(line, apart, main) == turn] if len(groups) > 1 else lines
        upright_lines = [upright(line, turn, width, height) for line in own] if turn else own
        found = upright_blocks(turned_back(group, turn, width, height), upright_lines, sheet.number, limits)
        if turn == main:
            units += [(top_of(block), [block]) for block in found]
            continue
        blocks = [moved_block(block, partial(_turned, turn=turn, to=main, width=width, height=height)) for block in found]
        if blocks:
            units.append((min(map(top_of, blocks)), blocks))
    return main, tuple(block for _, blocks in sorted(units, key=lambda unit: unit[0]) for block in blocks)


def _turn_of(line: Box, apart: Sequence[tuple[int, Box]], main: int) -> int:
    x, y = (line[0] + line[2]) / 2, (line[1] + line[3]) / 2
    near = ((t, b) for t, b in apart if b[0] - _NEAR <= x <= b[2] + _NEAR and b[1] - _NEAR <= y <= b[3] + _NEAR)
    return next((turn for turn, _ in near), main)


def _turned(place: Place, turn: int, to: int, width: float, height: float) -> Place:
    """A place on a page of ``width`` x ``height`` points that was turned back by ``turn`` quarters, when that is ``to``."""
    if place.box is None:
        return place
    return msgspec.structs.replace(place, box=rounded(upright(as_shown(place.box, turn, width, height), to, width, height)))


def _is_kept(turn: int, blocks: Sequence[Block], sheet: _Sheet) -> bool:
    """Return whether the tables and numbers of a page of which some characters are not mapped are those of its text."""
    return sheet.is_partly_mapped and not turn and keeps_numbers(blocks)


def _unsaid(turn: int, blocks: Sequence[Block], chars: list[Char], sheet: _Sheet, limits: ExtractionLimits) -> str | None:
    """Return what a page shows where a number should be and its text does not say, None when there is no such thing."""
    if not _is_kept(turn, blocks, sheet):
        if sheet.kind is PageKind.MIXED and sheet.is_partly_mapped:
            return sheet.reason
        if lost := unmapped_values(blocks):
            return f"{lost} numbers are of characters that are not mapped to text"
    if sheet.marks and (blank := marked_blanks(sheet.drawn.rulings, chars, sheet.marks, sheet.number, limits)):
        return f"{blank} blank cells hold shapes or pictures: numbers that are no text"
    return None
