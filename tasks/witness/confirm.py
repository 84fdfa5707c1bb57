"""The tables of a PDF's text pages beside their pixels: what is seen is written into the cells; a page that lies becomes a
picture."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from itertools import pairwise
from typing import NamedTuple

import msgspec
import pypdfium2

from codebook.records import Block, Cell, Extraction, Line, LineNumber, Page, PageKind, Place, Reader, Table
from codebook.text.fold import is_han
from codebook.text.numbers import Token, ValueKind, read_number, split_remark
from tasks.ocr.engines.numbers import number_reader
from tasks.ocr.engines.recognise import LineReader
from tasks.witness.page_ink import Box, CellInk, InkKind, drawn_pages
from tasks.witness.read_glyphs import SeenNumber, read_numbers

PDF = "application/pdf"
_SURE = 0.9  # score from which on another number than the text's is believed
_FEW = 3  # cells of a page that must be shown otherwise before its text is given up
_SHARE = 0.04  # of the cells that were looked at
_UNSURE = 0.5  # score of a number with a digit that is shown otherwise elsewhere
_MOST_GLYPHS = 40_000  # of a document, each of 2 kB while they are compared; a report has a few thousand
_SLANTING = frozenset("17")  # what a stroke in place of a number may be taken for


class Comparison(Enum):
    """How the text of a cell compares with its pixels."""

    OPEN = "open"  # it could not be seen what is there
    AGREES = "agrees"
    DIFFERS = "differs"


class _Placed(NamedTuple):
    """A cell that may hold a number, and the quarter turns clockwise by which its table stands on its side."""

    cell: Cell
    turn: int


class _Looked(NamedTuple):
    cell: Cell
    token: Token
    ink: CellInk


class _Judged(NamedTuple):
    cell: Cell
    comparison: Comparison


def confirm(extraction: Extraction, data: bytes, media_type: str, reader: LineReader | None = None) -> Extraction:
    """The extraction with what the pixels show in the number cells of its tables (``Cell.seen``), and which cells were looked at.

    Only PDFs have pixels that their text can be held against. ``reader`` reads crops with numbers (default: our own recogniser);
    it is not loaded where there is no table. A page on which several cells show another number than their text says, or a number
    where there is no text, becomes a picture, with the pages that share its tables. Raises what opening the document raises.
    """
    if media_type.partition(";")[0].strip().lower() != PDF:
        return extraction
    by_page = _number_cells(extraction)
    if not by_page:
        return extraction
    looked = _look(by_page, data)
    seen = _read([one for cells in looked.values() for one in cells], reader)
    judged = {number: [_judge(one, next(seen)) for one in cells] for number, cells in looked.items()}
    if lying := {number: reason for number, cells in judged.items() if (reason := _complaint(cells))}:
        swaps = any(_says_other(one) for number in lying for one in judged[number])
        if swaps:  # of a page with few digits all that lie may be one
            more = {number for number, cells in judged.items() if any(map(_says_other, cells))} - lying.keys()
            lying |= dict.fromkeys(more, "a page of a document that shows other numbers than its text: read from the pixels")
        extraction = _as_pictures(extraction, lying, judged, swaps=swaps)
    found = {id(old.cell): new.cell for number, cells in looked.items() for old, new in zip(cells, judged[number], strict=True)}
    by_place = {new.cell.place: new.cell for cells in judged.values() for new in cells}
    suspect = _suspect(judged.values())
    pages = (_with_cells(page, found, by_place, looked.keys(), suspect) for page in extraction.pages)
    return msgspec.structs.replace(extraction, pages=tuple(pages))


# ---- which cells, and what they show ----------------------------------------------------------------------------------------


def _number_cells(extraction: Extraction) -> dict[int, list[_Placed]]:
    """The cells of tables on pages with text that hold a number, or nothing that is Chinese, by page."""
    found: dict[int, list[_Placed]] = defaultdict(list)
    kinds = {page.number: page.kind for page in extraction.pages}
    for number, placed in _line_cells(extraction.pages).items():
        found[number] += placed
    for table in _tables(extraction.pages):
        turns = _turns(table)
        for cell in table.cells:
            on_page = kinds.get(cell.place.page, PageKind.PICTURE) is not PageKind.PICTURE
            is_sure = cell.score >= 1.0  # struck text, or what lies beyond the edge, is drawn as well
            if on_page and is_sure and cell.place.box is not None and table.columns > 1 and _may_hold_number(cell.text):
                found[cell.place.page].append(_Placed(cell, turns.get(cell.place.page, 0)))
    return found


def _line_cells(pages: Iterable[Page]) -> dict[int, list[_Placed]]:
    """The numbers of rows without lines, each as a cell, by page; a page with a few of them has no such table."""
    found: dict[int, list[_Placed]] = {}
    for page in pages:
        if page.kind is PageKind.PICTURE:
            continue
        lines = [block for block in page.blocks if isinstance(block, Line) and block.numbers and _is_pdf(block, page)]
        cells = [Cell(0, 0, line.text[one.start : one.end], one.place) for line in lines for one in line.numbers]
        if len(cells) >= _FEW:
            ways: Counter[int] = Counter(_way(a, b) for line in lines for a, b in pairwise(one.place for one in line.numbers))
            turn = ways.most_common(1)[0][0] if ways else 0
            found[page.number] = [_Placed(cell, turn) for cell in cells]
    return found


def _is_pdf(block: Block, page: Page) -> bool:
    return (block.read_by or page.read_by) is Reader.PDF


def _tables(pages: Iterable[Page]) -> Iterator[Table]:
    for page in pages:
        for block in page.blocks:
            if isinstance(block, Table) and _is_pdf(block, page):
                yield block


def _turns(table: Table) -> dict[int, int]:
    """How a table stands on each of its pages: columns follow each other to the right (0), down the page (1), to the left, up."""
    boxes = {(cell.row, cell.column): cell.place for cell in table.cells}
    ways: dict[int, Counter[int]] = defaultdict(Counter)
    for cell in table.cells:
        here, then = cell.place, boxes.get((cell.row, cell.column + cell.column_span))
        if then is not None and here.page == then.page and here.box is not None and then.box is not None:
            ways[here.page][_way(here, then)] += 1
    return {page: count.most_common(1)[0][0] for page, count in ways.items()}


def _way(here: Place, then: Place) -> int:
    """The quarter turns clockwise of a row in which one place follows another."""
    if here.box is None or then.box is None:
        return 0
    right, down = then.box[0] - here.box[0], then.box[1] - here.box[1]
    return (0 if right > 0 else 2) if abs(right) >= abs(down) else (1 if down > 0 else 3)


def _may_hold_number(text: str) -> bool:
    """Return whether a cell is no label. One whose digits stand on several lines may have been broken: nobody can say there what
    one line shows."""
    if sum(any(char.isdigit() for char in line) for line in text.splitlines()) > 1:
        return False
    return not any(map(is_han, text)) or read_number(text).kind is ValueKind.NUMBER


def _look(by_page: Mapping[int, list[_Placed]], data: bytes) -> dict[int, list[_Looked]]:
    """The cells with their ink. A page that cannot be drawn is left out, and what comes behind more glyphs than reports have."""
    looked: dict[int, list[_Looked]] = {}
    glyphs = 0
    with drawn_pages(data) as pages:
        for number, cells in sorted(by_page.items()):
            try:
                page = pages.draw(number)
            except pypdfium2.PdfiumError:
                continue
            found = looked[number] = []
            for cell, turn in cells:
                if cell.place.box and glyphs < _MOST_GLYPHS:
                    ink = page.cell(cell.place.box, turn)
                    found.append(_Looked(cell, read_number(cell.text), ink))
                    glyphs += len(ink.glyphs)
            if glyphs >= _MOST_GLYPHS:
                break
    return looked


def _read(looked: Sequence[_Looked], reader: LineReader | None) -> Iterator[SeenNumber | None]:
    """What each cell shows, None where it is no number by its shape."""
    numbers = [one for one in looked if one.ink.kind is InkKind.NUMBER]
    read: list[SeenNumber] = []
    if numbers:
        read = read_numbers([one.ink for one in numbers], reader or number_reader(), [one.cell.text for one in numbers])
    following = iter(read)
    return (next(following) if one.ink.kind is InkKind.NUMBER else None for one in looked)


# ---- text and pixels --------------------------------------------------------------------------------------------------------


def _judge(looked: _Looked, seen: SeenNumber | None) -> _Judged:
    """The cell with what was seen in it, if anything can be said of that."""
    cell, token, ink = looked
    printed = token.value
    if seen is None:
        if ink.kind is InkKind.BLANK and not (token.kind is ValueKind.MARK or (cell.text.strip() and printed is None)):
            return _Judged(_with_seen(cell, "", 1.0), Comparison.AGREES if printed is None else Comparison.DIFFERS)
        return _Judged(cell, Comparison.OPEN)
    text = _number_part(cell.text, seen)
    shown = read_number(text)
    if printed is not None and shown.value == printed:
        return _Judged(_with_seen(cell, text, seen.score), Comparison.AGREES)
    if shown.value is None or seen.score < _SURE or "?" in text:
        return _Judged(_with_seen(cell, "?", 0.0), Comparison.OPEN) if not cell.text.strip() else _Judged(cell, Comparison.OPEN)
    said = "".join(cell.text.split())
    is_cut = ink.is_at_edge and text != said and (said.startswith(text) or said.endswith(text))
    if is_cut or (token.kind is ValueKind.MARK and text in _SLANTING):
        return _Judged(cell, Comparison.OPEN)
    return _Judged(_with_seen(cell, text, seen.score), Comparison.DIFFERS)


def _with_seen(cell: Cell, seen: str, score: float) -> Cell:
    return msgspec.structs.replace(cell, seen=seen, seen_score=round(score, 4))


def _number_part(raw: str, seen: SeenNumber) -> str:
    """What is seen of a number whose text has a unit or a remark behind it: as many glyphs as the number has characters, if what
    follows is no digit that would belong to it.
    """
    number, remark = split_remark(raw.strip())
    digits = "".join(char for char in number if not char.isspace())
    unit = read_number(number).unit
    if unit and digits.endswith(unit):
        digits = digits[: -len(unit)]
    elif not remark:
        return seen.text
    rest = seen.text[len(digits) :]
    return seen.text if rest[:1].isdigit() else seen.text[: len(digits)]


# ---- pages ------------------------------------------------------------------------------------------------------------------


def _complaint(cells: list[_Judged]) -> str | None:
    """Return why the text of a page is not what it shows, None when it can be taken."""
    differing = sum(one.comparison is Comparison.DIFFERS for one in cells)
    if differing < _FEW or differing < _SHARE * len(cells) or len(_swapped(cells)) < _FEW - 1:
        return None
    return f"{differing} of {len(cells)} cells show another number than their text: read from the pixels"


def _swapped(cells: Iterable[_Judged]) -> set[tuple[str, str]]:
    """The (text, seen) pairs of characters, or of whole numbers of other length, in which cells differ.

    A text that lies swaps several. One pair alone may be a digit of an odd font that the reader takes for another: then each cell
    is a doubt, and OCR by the same reader would not do better.
    """
    pairs: set[tuple[str, str]] = set()
    for one in cells:
        if one.comparison is Comparison.DIFFERS and (seen := one.cell.seen) is not None:
            text = "".join(one.cell.text.split())
            same = len(text) == len(seen)
            pairs |= {pair for pair in zip(text, seen, strict=True) if pair[0] != pair[1]} if same else {(text, seen)}
    return pairs


def _suspect(pages: Iterable[Sequence[_Judged]]) -> frozenset[str]:
    """The digits that the text says in a cell which shows another one: where the pixels say nothing, nobody can tell which of the
    two it is. One such cell is enough, since few have digits that no pixels confirm.
    """
    pairs = (pair for cells in pages for pair in _swapped(cells))
    return frozenset(said for said, _ in pairs if len(said) == 1 and said.isdigit())


def _as_pictures(
    extraction: Extraction, lying: Mapping[int, str], judged: Mapping[int, Sequence[_Judged]], *, swaps: bool
) -> Extraction:
    """The extraction with pages as pictures, and those that share a table with them; what was read of them is left out, but for
    the numbers of their tables.

    ``swaps``: the text has other digits than are shown; then it is not believed on any page that has digits.
    """
    gone = dict(lying)
    if swaps:
        suspect = "other pages of the document show other numbers than their text: read from the pixels"
        gone |= {page.number: suspect for page in extraction.pages if page.number not in gone and _has_digits(page)}
    spans = [{cell.place.page for cell in table.cells} for table in _tables(extraction.pages)]
    grown = True
    while grown:
        grown = False
        for span in spans:
            if span & gone.keys() and not span <= gone.keys():
                gone.update(dict.fromkeys(span - gone.keys(), "it shares a table with a page whose text is not what it shows"))
                grown = True
    pages = []
    for page in extraction.pages:
        kept = msgspec.structs.replace(page, blocks=tuple(block for block in page.blocks if block.place.page not in gone))
        if page.number in gone and page.kind is not PageKind.PICTURE:
            numbers = tuple(_said(judged.get(page.number, ())))
            kept = msgspec.structs.replace(
                kept, kind=PageKind.PICTURE, reason=gone[page.number], read_by=Reader.OCR, pictures=(), said=numbers
            )
        pages.append(kept)
    return msgspec.structs.replace(extraction, pages=tuple(pages))


def _said(cells: Iterable[_Judged]) -> Iterator[tuple[Box, str]]:
    """The numbers that a page's text says, or, where it says nothing, that were seen."""
    for cell, comparison in cells:
        text = cell.text if cell.text.strip() or comparison is not Comparison.DIFFERS else cell.seen or ""
        if cell.place.box is not None and read_number(text).kind is ValueKind.NUMBER:
            yield cell.place.box, text


def _says_other(one: _Judged) -> bool:
    return one.comparison is Comparison.DIFFERS and bool(one.cell.seen) and any(char.isdigit() for char in one.cell.text)


def _has_digits(page: Page) -> bool:
    texts = (block.text for block in page.blocks if isinstance(block, Line))
    return page.kind is not PageKind.PICTURE and any(char.isdigit() for text in texts for char in text)


def _with_cells(
    page: Page, found: Mapping[int, Cell], by_place: Mapping[Place, Cell], drawn: Collection[int], suspect: frozenset[str]
) -> Page:
    """The page with what was seen in its cells and in rows without lines. Cells with digits on pages that were drawn were looked
    at, whatever could be said of them; one with a ``suspect`` digit of which nothing could be said is not sure.
    """

    def marked(cell: Cell) -> Cell:
        new = found.get(id(cell))
        if new is None and (cell.place.page not in drawn or not any(map(str.isdigit, cell.text))):
            return cell
        made = msgspec.structs.replace(new or cell, looked_at=True)
        if made.seen is None and not suspect.isdisjoint(made.text) and read_number(made.text).kind is ValueKind.NUMBER:
            return msgspec.structs.replace(made, score=min(made.score, _UNSURE))
        return made

    blocks: list[Block] = []
    for block in page.blocks:
        if not _is_pdf(block, page):
            blocks.append(block)
        elif isinstance(block, Line):
            numbers = tuple(_seen_number(number, by_place.get(number.place)) for number in block.numbers)
            blocks.append(msgspec.structs.replace(block, numbers=numbers) if numbers else block)
        else:
            blocks.append(msgspec.structs.replace(block, cells=tuple(map(marked, block.cells))))
    return msgspec.structs.replace(page, blocks=tuple(blocks))


def _seen_number(number: LineNumber, cell: Cell | None) -> LineNumber:
    if cell is None:
        return number
    return msgspec.structs.replace(number, seen=cell.seen, seen_score=cell.seen_score, looked_at=True)
