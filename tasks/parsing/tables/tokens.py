"""Flattened text as atoms: pieces of label text, values, and blanks that the text itself shows (between pipes or tabs).

Nothing is interpreted here; an atom knows its line and its characters, so that every number can be pointed at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import IntEnum
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple

from codebook.book import load_book
from codebook.confidence import surety
from codebook.records import Cell, LightRecord, LineNumber, Place, Reader
from codebook.text.fold import fold, fold_label
from codebook.text.numbers import Token, ValueKind, has_note_mark, has_too_many_digits, number_words, read_number, split_remark
from codebook.text.page_numbers import page_numbers
from tasks.parsing.tables.labels import without_ordinal
from tasks.parsing.words import words

_PIPES = "|｜¦│"
_PIPE = re.compile(rf"[{_PIPES}]")
_HAS_CELLS = re.compile(rf"[{_PIPES}\t]")
_ONLY_PIPES = re.compile(rf"[\s{_PIPES}]+")
_ONE_CELL = re.compile(rf"\s*([^{_PIPES}\t\s][^{_PIPES}\t]*)[{_PIPES}] *")
RULE = re.compile(r"\s*+(?:\|\s*+)?:?-{2,}+:?\s*+(?:\|\s*+:?-{2,}+:?\s*+)*+(?:\|\s*+)?")
_WORD = re.compile(r"\S+")
_READABLE = re.compile(r"\w|[○×√]")
_SHORT = 8  # characters of what stands where a value should be; longer text is prose
# a value glued to the label behind it; a number with a point behind it is that label's ordinal
_GLUED_BEFORE = re.compile(r"(\d[\d,]*(?:\.\d+)?)([^\d.．、].*)", re.DOTALL)
_TWO_DIGITS = 2
_LONGEST_LABEL = 60  # characters
_REMARKED = re.compile(r"(.{2,40}?)\s*[（(].+[)）]\s*", re.DOTALL)
_VALUE_CELL = re.compile(rf"[{_PIPES}\t][^\S\t]*+[-+−]?\d")
_NOT_A_MARK = re.compile(r"[.、。·．*_]+")
_STARTS_WITH_POINT = re.compile(r"\s*[.．、]")
_ORDINAL_NUMBER = re.compile(r"\d{1,2}")
_EMPHASIS = frozenset("*_`$")
_EMPHASISED = re.compile(r"(\*\*|__|[*_`$])(\d[\d,.]*+)\1")  # as Markdown writes it
_LOST = re.compile(r"\s*+[?？\ufffd]++\s*+")  # characters that a program could not write
_UNREAD_CHARACTERS = 2  # of what may be a number without a digit: 〇, O
_LABEL = 3  # Chinese characters with which a text is a label
_ORDINAL = re.compile(r"\(?\d{1,2}\s?[.．、)）]")
_TWO_LINES = re.compile(r"\d[^\S\r\n]*+[\r\n]\s*+\d")
_HAN = re.compile(r"[\u3400-\u9fff]")
_ILLEGIBLE = 0.6  # the score below which Chinese characters in the place of a number may be anything
_VALUES_ALONE = 3
_MISREAD = 8  # characters of a number read as something else
PROSE_LENGTH = 60
# A line of this length is a whole document on one line, with the page numbers in it.
_ONE_LINE = 500
_SENTENCE = re.compile(r"[。；;]")


class TextLine(LightRecord, frozen=True):
    """A line of text, or a row of a grid: ``block`` is its index among the page's blocks.

    ``cells`` are the cells of a grid's row by their column, those that begin in this row; ``text`` is then empty. ``offset`` is
    the place of ``text`` in the block's text; ``whole`` says that the block is a grid, of which no part is used alone;
    ``by_order`` that the label was not read, and the order of the form names the row; ``holds_number`` that what stood in the
    place of its label had a number in it. ``numbers``: those that have pixels.
    """

    text: str
    page: int
    block: int
    place: Place
    reader: Reader
    score: float = 1.0
    cells: dict[int, Cell] | None = None
    offset: int = 0
    whole: bool = False
    by_order: bool = False
    holds_number: bool = False
    numbers: tuple[LineNumber, ...] = ()


class AtomKind(IntEnum):
    """Label text, a value (number, mark or text in a value's place), a blank, or prose, at which every table ends."""

    TEXT = 0
    VALUE = 1
    BLANK = 2
    PROSE = 3


class Atom(LightRecord, frozen=True):
    """Characters ``start`` to ``end`` of line ``line``; ``cell`` is their column where the line shows cells, else -1."""

    kind: AtomKind
    raw: str
    line: int
    start: int
    end: int
    cell: int
    text: str = ""
    token: Token | None = None


class PrintedValue(LightRecord, frozen=True):
    """A printed value with its evidence; ``alternatives`` are other readings of it with their scores, ``seen`` is what a second
    reader saw in its pixels, and ``looked_at`` whether it looked (see records.Cell)."""

    raw: str
    token: Token
    place: Place
    reader: Reader
    score: float = 1.0
    alternatives: tuple[tuple[str, float], ...] = ()
    seen: str | None = None
    looked_at: bool = False


@cache
def _row_start() -> re.Pattern[str]:
    texts = {fold_label(text) for block in load_book().blocks.values() for label in block.rows.values() for text in label.texts}
    return re.compile("|".join(sorted(map(re.escape, texts), key=len, reverse=True)))


_DIGIT = re.compile(r"\d")
_ONLY_DIGITS = re.compile(r"[\d,.\s]++")


@cache
def _labels() -> frozenset[str]:
    """The labels of rows and columns of all blocks, folded."""
    blocks = load_book().blocks.values()
    parts = [part for block in blocks for part in (block.rows, block.columns, block.extra_columns)]
    return frozenset(fold_label(text) for part in parts for label in part.values() for text in label.texts)


def is_unread_value(text: str) -> bool:
    """Return whether what a cell holds in the place of a value is none, though it is not blank: 约3, 〇, 见附件, O."""
    text = text.strip()
    if not text or value_token(text) is not None or text in number_words().units or fold_label(text) in _labels():
        return False
    return _DIGIT.search(text) is not None or (len(text) <= _SHORT and _READABLE.search(text) is not None)


def _without_remark(raw: str, *, beside_values: bool) -> str:
    """A label without what an office explains in brackets behind it: 上一年项目数量（指2019年事项数）.

    Of a label that no form has, only a remark as long as prose is left out, and only ``beside_values``.
    """
    match = _REMARKED.fullmatch(raw)
    if match is None or fold_label(raw) in _labels():
        return raw
    known = fold_label(match[1]) in _labels()
    return match[1] if known or (beside_values and len(raw) > PROSE_LENGTH) else raw


@lru_cache(maxsize=20_000)
def value_token(raw: str) -> Token | None:
    """``raw`` as a value: a number or a mark. None for text and for nothing. Digits run together ("00", "000"), more of them
    than a count has, digits behind a note mark, and question marks alone are a value that is not known."""
    token = read_number(emphasis[2] if raw[-1:] in _EMPHASIS and (emphasis := _EMPHASISED.fullmatch(raw)) else raw)
    if token.kind is ValueKind.NUMBER:
        digits = fold(split_remark(raw)[0]).text.strip().lstrip("+-−")
        if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
            return Token(ValueKind.OTHER)
        return token
    if token.kind is ValueKind.OTHER:
        if _LOST.fullmatch(raw):
            return token
        marked = has_note_mark(raw) and _DIGIT.search(raw) and not _HAN.search(raw)
        return token if marked or (has_too_many_digits(raw) and _ONLY_DIGITS.fullmatch(raw)) else None
    if token.kind is ValueKind.MARK and not _NOT_A_MARK.fullmatch(raw.strip()):
        return token
    return None


def lines_to_atoms(lines: list[TextLine]) -> list[Atom]:
    """The atoms of ``lines`` in reading order. Page numbers and the rules of Markdown tables are left out."""
    atoms: list[Atom] = []
    for index, line in enumerate(lines):
        text = line.text
        if line.cells is not None:
            _grid_row(line.cells, index, atoms)
            continue
        if not text or text.isspace() or page_numbers().among_tables.fullmatch(text) or ("--" in text and RULE.fullmatch(text)):
            continue
        if _HAS_CELLS.search(text):
            _cells(text, index, atoms)
        else:
            begin = len(atoms)
            _words(text, 0, index, -1, atoms)
            if len(atoms) - begin > 1:
                _unread_words(atoms, begin)
    return _mend_ordinals(atoms)


def _unread_words(atoms: list[Atom], begin: int) -> None:
    """Words behind a value of their line, from atom ``begin`` on, that stand where values stand and are none are values that were
    not read: 0 0 1<br>0."""
    for at in range(begin + 1, len(atoms)):
        atom = atoms[at]
        if atom.kind is AtomKind.TEXT and atoms[at - 1].kind is AtomKind.VALUE and is_unread_cell(atom.raw):
            atoms[at] = atom.but(kind=AtomKind.VALUE, text="", token=Token(ValueKind.OTHER))


def _cells(text: str, line: int, atoms: list[Atom]) -> None:
    """A line with pipes or tabs: a separator ends a cell; what stands behind the last one is a cell only if it is not blank."""
    if match := _ONE_CELL.fullmatch(text):
        _cell(text, match.span(1), line, 0, atoms)
        return
    if _ONLY_PIPES.fullmatch(text):
        atoms.extend(Atom(AtomKind.BLANK, "", line, match.start(), match.start(), -1) for match in _PIPE.finditer(text))
        return
    if _PIPE.search(text):
        text = text.replace("\t", " ")
    column = start = 0
    begun = text.lstrip(" ")[:1] not in _PIPES
    for match in _HAS_CELLS.finditer(text):
        end = match.start()
        is_filled = not text[start:end].isspace() and start < end
        if is_filled:
            _cell(text, (start, end), line, column, atoms)
        elif begun:
            atoms.append(Atom(AtomKind.BLANK, "", line, end, end, column))
        column += begun or is_filled
        begun, start = True, end + 1
    if start < len(text) and not text[start:].isspace():
        _cell(text, (start, len(text)), line, column, atoms)
    elif text[-1] == "\t":
        atoms.append(Atom(AtomKind.BLANK, "", line, len(text), len(text), column))


def _grid_row(cells: dict[int, Cell], line: int, atoms: list[Atom]) -> None:
    """A row of a grid: every cell is one atom, its label unbroken; numbers on two lines of a cell are not one number.

    Where numbers stand, a cell that was not surely read (a blank with something grey in it), or that holds text behind its number
    or a letter O, is a value that is not certain.
    """
    seen = any(cell.score < 1.0 for cell in cells.values())
    values = [column for column, cell in cells.items() if value_token(cell.text.strip())] if seen else []
    # what stands behind the first number is no label, whatever was read there: characters of a seal over numbers
    labels = [column for column, cell in cells.items() if len(_HAN.findall(cell.text)) > 1] if seen else []
    labels = [column for column in labels if column < min(values, default=column + 1)] or labels
    unread = [column for column, cell in cells.items() if not cell.text.strip() and _misread(cell)] if seen else []
    if seen and not labels and len(values) + len(unread) >= _VALUES_ALONE:
        labels = [-1]  # a row of values without a label, as in table four
    mixed = _numbers_with_text(cells)
    words_before = 0
    for column, cell in sorted(cells.items()):
        raw = cell.text.strip()
        token = value_token(raw) if raw else None
        behind_words = words_before > 1
        words_before = max(words_before, len(_HAN.findall(raw)))
        is_unread = column in mixed or (labels and column > max(labels) and _misread(cell))
        if token is None and (is_unread or (behind_words and is_unread_cell(raw))):
            token = Token(ValueKind.OTHER)
        elif not raw and cell.seen:
            token = Token(ValueKind.OTHER)  # no text, but the page shows a number
        elif not raw:
            atoms.append(Atom(AtomKind.BLANK, "", line, 0, 0, column))
            continue
        if token:
            if token.kind is ValueKind.NUMBER and _TWO_LINES.search(raw):
                token = Token(ValueKind.OTHER)
            atoms.append(Atom(AtomKind.VALUE, cell.text, line, 0, 0, column, "", token))
        elif text := fold_label(raw := _without_remark(raw, beside_values=False)):
            kind = AtomKind.TEXT if len(text) <= 2 * PROSE_LENGTH else AtomKind.PROSE
            atoms.append(Atom(kind, raw, line, 0, 0, column, text))


def _numbers_with_text(cells: dict[int, Cell]) -> set[int]:
    """Return the columns of a row with a label and values whose cells hold a number and text behind it."""
    texts = {column: cell.text.strip() for column, cell in cells.items()}
    mixed = {
        c for c, text in texts.items() if words().table.number_with_text.fullmatch(text) and fold_label(text) not in _labels()
    }
    if not mixed or not any(value_token(text) for text in texts.values()):
        return set()
    label = min((c for c, text in texts.items() if c not in mixed and len(_HAN.findall(text)) > 1), default=max(cells))
    return {column for column in mixed if column > label and value_token(texts[column]) is None}


def _misread(cell: Cell) -> bool:
    """Return whether a cell without a number may hold one all the same; a unit (件) is a word and no number."""
    text = cell.text.strip()
    if text in words().table.dashes:
        return cell.score < 1.0
    if text and not fold_label(text):  # brackets and strokes, as of a 0 that lost its top and bottom
        return True
    return cell.score < surety().cell and len(text) <= _MISREAD and (cell.score < _ILLEGIBLE or not _HAN.search(text))


def _cell(text: str, span: tuple[int, int], line: int, column: int, atoms: list[Atom]) -> None:
    raw = text[span[0] : span[1]]
    start = span[0] + len(raw) - len(raw.lstrip())
    raw = raw.strip()
    token = value_token(raw)
    if token and token.kind is not ValueKind.OTHER:
        atoms.append(Atom(AtomKind.VALUE, raw, line, start, start + len(raw), column, "", token))
    elif is_unread_cell(raw) and len(_HAN.findall(text, 0, span[0])) > 1:  # behind words
        atoms.append(Atom(AtomKind.VALUE, raw, line, start, start + len(raw), column, "", Token(ValueKind.OTHER)))
    else:
        raw = _without_remark(raw, beside_values=_VALUE_CELL.search(text, span[1]) is not None)
        _words(raw, start, line, column, atoms)


def is_unread_cell(raw: str) -> bool:
    """Return whether a cell holds a value that was not read, and no label: 7^2, 约3, 〇, O."""
    if _DIGIT.search(raw) is None:
        return len(raw) <= _UNREAD_CHARACTERS and not _HAN.search(raw) and is_unread_value(raw)
    return len(_HAN.findall(raw)) < _LABEL and _ORDINAL.match(raw) is None and is_unread_value(raw)


def _words(text: str, offset: int, line: int, cell: int, atoms: list[Atom]) -> None:
    """Words between spaces, cut further where an item begins and where a number is glued to a label."""
    if len(text) > _ONE_LINE and ("-" in text or "—" in text or "–" in text):
        text = page_numbers().within_line.sub(lambda match: " " * len(match.group()), text)
    for match in _WORD.finditer(text):
        word, start = match.group(), offset + match.start()
        for kind, raw, at, label, token in _short_word(word) if len(word) <= PROSE_LENGTH else _word(word):
            atoms.append(Atom(kind, raw, line, start + at, start + at + len(raw), cell, label, token))


class _WordPart(NamedTuple):
    """A part of a word, as an atom has it: its kind and characters, where it begins in the word, its label and its value."""

    kind: AtomKind
    raw: str
    at: int
    text: str = ""
    token: Token | None = None


@lru_cache(maxsize=20_000)
def _short_word(word: str) -> tuple[_WordPart, ...]:
    """The parts of a word: labels and small numbers are the same in all reports."""
    return _word(word)


def _word(word: str) -> tuple[_WordPart, ...]:
    item = words().table.item
    if len(word) > PROSE_LENGTH and len(_HAN.findall(word)) > PROSE_LENGTH and not item.search(word):
        return (_WordPart(AtomKind.PROSE, word, 0),)
    starts = {match.start() for match in item.finditer(word) if match.start()} | set(_glued_labels(word))
    cuts = [0, *sorted(starts), len(word)]
    return tuple(part for begin, end in pairwise(cuts) for part in _piece(word[begin:end], begin))


def _glued_labels(word: str) -> Iterator[int]:
    """Where the label of a row begins behind a value that nothing parts from it, as where cells ran together.

    The last digit before a point is the label's ordinal; 11 to 19 may be an ordinal as a whole, so nothing is cut there.
    """
    for match in words().table.glued_between.finditer(word):
        number, point = match.groups()
        if point and (len(number) == 1 or (len(number) == _TWO_DIGITS and number[0] == "1")):
            continue
        if _row_start().match(without_ordinal(fold_label(word[match.end() :][:_LONGEST_LABEL]))):
            yield match.end(1) - bool(point)


def _piece(raw: str, start: int) -> Iterator[_WordPart]:
    token = value_token(raw)
    if token:
        yield _WordPart(AtomKind.VALUE, raw, start, "", token)
        return
    glued = words().table.glued_behind.fullmatch(raw) if raw[-1].isdecimal() and len(raw) <= PROSE_LENGTH else None
    if glued and not _HAN.search(glued[1]):
        glued = None  # 1e2, 0x10: no label has no Chinese character
    if glued is None and raw[0].isdecimal():
        before = _GLUED_BEFORE.fullmatch(raw)
        glued = before if before and _row_start().match(fold_label(before[2])) else None
    if glued:
        yield from _piece(glued[1], start)
        yield from _piece(glued[2], start + glued.start(2))
        return
    han = len(_HAN.findall(raw)) if len(raw) > 20 else 0
    if han > PROSE_LENGTH or (_SENTENCE.search(raw) and len(raw) > 8):
        yield _WordPart(AtomKind.PROSE, raw, start)
    elif text := fold_label(raw):
        yield _WordPart(AtomKind.TEXT, raw, start, text)


def _mend_ordinals(atoms: list[Atom]) -> list[Atom]:
    """A number whose point was moved off by a space ("1 .属于") is an ordinal."""
    for index in range(len(atoms) - 1):
        here, then = atoms[index], atoms[index + 1]
        if (
            here.kind is AtomKind.VALUE
            and then.kind is AtomKind.TEXT
            and (here.line, here.cell) == (then.line, then.cell)
            and _STARTS_WITH_POINT.match(then.raw)
            and _ORDINAL_NUMBER.fullmatch(here.raw)
            and not (index and atoms[index - 1].kind is AtomKind.VALUE and atoms[index - 1].line == here.line)
        ):
            atoms[index] = here.but(kind=AtomKind.TEXT, text=fold_label(here.raw), token=None)
    return atoms
