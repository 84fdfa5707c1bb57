"""Characters of a PDF page to visual lines, and visual lines to paragraphs."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

import numpy as np

from codebook.records import Line, LineNumber, Place
from codebook.text.fold import is_han
from tasks.extraction.grid import NUMERIC
from tasks.extraction.words import patterns

_COLUMN_GAP = 0.9  # of the character size: a wider gap separates columns and becomes two spaces
_WORD_GAP = 0.25  # between characters of Latin script, a wider gap separates words
_BESIDE, _OVER = 0.3, 0.12  # of the character size: what belongs to the place of a number beside and above it
_INDENT = 1.2  # of the character size
_RAGGED = 2.2  # of the character size: a line that ends further from the right margin ends its paragraph
_VALUES = re.compile(r"(?:^|\s)[-\d.,/—]+\s+[-\d.,/—]+\s*$")  # ends like a row of numbers
_ITEM = re.compile(r"\d{1,2}\s?[.、．](?!\d)")
_BEYOND_LATIN = "\u0250"
_SIGNS = frozenset("|{}~^_\\`@#$")
_WIDE, _LEVEL = 0.95, 0.1  # of a Chinese character's width, and of its height
_ROW = 6.0  # points: characters of one line
_OVER = 0.4  # of a digit's width and height, within which another one is printed on it
_BOLD = 2.0  # points by which a character that is printed again to look bold is moved at most
_SHIFT = 0.45  # the same in its own widths
_CLOSED = re.compile(r"[。！？；：:;]\s*$")


class Char(NamedTuple):
    """A character with its box in points from the upper left corner of the page; ``run`` names the text it is part of.

    ``turn``: the quarter turns clockwise by which it stands, 0 to 3.
    """

    text: str
    x0: float
    top: float
    x1: float
    bottom: float
    run: int = 0
    turn: int = 0


class VisualLine(NamedTuple):
    """Characters that stand side by side, as they are read; ``size`` is the usual height of its characters, in points.

    ``numbers``: (start, end, x0, x1) of each number that a gap parts from other columns.
    """

    text: str
    x0: float
    top: float
    x1: float
    bottom: float
    size: float
    numbers: tuple[tuple[int, int, float, float], ...] = ()


def wide_letters(chars: Sequence[Char]) -> int:
    """The number of Latin letters and technical signs as wide as the Chinese character beside them, which no font has: the page
    shows something else there than its text says.
    """
    return sum(
        _is_letter(one.text) and any(_is_as_wide(one, other) for other in chars[max(at - 1, 0) : at + 2])
        for at, one in enumerate(chars)
    )


def _is_letter(text: str) -> bool:
    return text < _BEYOND_LATIN and (text.isalpha() or text in _SIGNS)


def _is_as_wide(letter: Char, char: Char) -> bool:
    """Return whether a letter is as wide as a Chinese character that stands upright next to it in the same size."""
    wide, high = char.x1 - char.x0, char.bottom - char.top
    gap = max(letter.x0 - char.x1, char.x0 - letter.x1)
    level = abs(letter.top - char.top) + abs(letter.bottom - char.bottom) <= _LEVEL * high
    return is_han(char.text) and level and not char.turn % 2 and gap <= _WORD_GAP * high and letter.x1 - letter.x0 >= _WIDE * wide


def lines_of(chars: Sequence[Char]) -> list[VisualLine]:
    """The visual lines of these characters, from top to bottom. Gaps become spaces: one between words, two between columns."""
    rows: list[list[Char]] = []
    for char in sorted(chars, key=lambda char: (char.top + char.bottom, char.x0)):
        middle = (char.top + char.bottom) / 2
        if rows and _same_row(rows[-1], char, middle):
            rows[-1].append(char)
        else:
            rows.append([char])
    return [line for row in rows if (line := _line(row)) is not None]


def _same_row(row: list[Char], char: Char, middle: float) -> bool:
    """Return whether a character is level with the row's: by its first character, so that slanting rows do not run together."""
    first = row[0]
    centre = (first.top + first.bottom) / 2
    return abs(middle - centre) <= 0.4 * min(first.bottom - first.top, char.bottom - char.top) or (
        abs(middle - centre) <= 0.3 * max(first.bottom - first.top, char.bottom - char.top)
    )


def _line(row: list[Char]) -> VisualLine | None:
    row = sorted(row, key=lambda char: char.x0)
    seen = [char for char in row if not char.text.isspace()]
    if not seen:
        return None
    size = median(char.bottom - char.top for char in seen)
    pieces: list[str] = []
    columns: list[tuple[int, Char]] = []  # the piece and the character with which each column begins
    ends: list[Char] = []
    last: Char | None = None
    space = False
    for char in row:
        if char.text.isspace():
            space = True
            continue
        if last is not None:
            pieces.append(_between(last, char, size, space))
            if pieces[-1] == "  ":
                columns.append((len(pieces), char))
                ends.append(last)
        pieces.append(char.text)
        last, space = char, False
    numbers = _numbers(pieces, [(0, seen[0]), *columns], [*ends, last or seen[-1]]) if columns else ()
    sides = seen[0].x0, min(c.top for c in seen), max(c.x1 for c in seen), max(c.bottom for c in seen)
    return VisualLine("".join(pieces), *sides, size, numbers)


def _numbers(
    pieces: Sequence[str], columns: Sequence[tuple[int, Char]], ends: Sequence[Char]
) -> tuple[tuple[int, int, float, float], ...]:
    """The numbers among the columns of a line."""
    found = []
    start = 0
    stops = [*(at - 1 for at, _ in columns[1:]), len(pieces)]
    for (at, first), last, stop in zip(columns, ends, stops, strict=True):
        text = "".join(pieces[at:stop])
        if NUMERIC.fullmatch(text) and any(map(str.isdigit, text)):
            found.append((start, start + len(text), first.x0, last.x1))
        start += len(text) + 2
    return tuple(found)


def _between(left: Char, right: Char, size: float, space: bool) -> str:
    gap = right.x0 - left.x1
    if gap >= size * _COLUMN_GAP:
        return "  "
    if space or (gap >= size * _WORD_GAP and left.text.isascii() and right.text.isascii()):
        return " "
    return ""


def paragraphs(lines: Sequence[VisualLine], breaks: Sequence[float], page: int) -> list[Line]:
    """Visual lines joined to paragraphs; ``breaks`` are the tops of the tables between them, which no paragraph crosses.

    The place is that of the first line, its box covers the whole paragraph on the page. Lines that look like rows of a table
    without rulings stay by themselves.
    """
    if not lines:
        return []
    running = [line for line in lines if not _is_tabular(line.text)]
    left = min(line.x0 for line in running or lines)
    right = max(line.x1 for line in running or lines)
    indented = any(line.x0 - left >= line.size * _INDENT for line in running)
    tops = sorted(breaks)
    groups: list[list[VisualLine]] = []
    for line in lines:
        if groups and bisect_right(tops, groups[-1][-1].top) == bisect_right(tops, line.top):
            previous = groups[-1][-1]
            if _continues(previous, line, left, right) and (indented or not _CLOSED.search(previous.text)):
                groups[-1].append(line)
                continue
        groups.append([line])
    return [_paragraph(group, page) for group in groups]


def _continues(above: VisualLine, line: VisualLine, left: float, right: float) -> bool:
    """Return whether ``line`` goes on the paragraph of the line above: that one is full, this one neither indented nor a
    beginning.
    """
    size = max(above.size, line.size)
    if _is_tabular(above.text) or _is_tabular(line.text) or abs(above.size - line.size) > 0.25 * size:
        return False
    full = above.x1 >= right - size * _RAGGED
    at_margin = line.x0 - left < size * _INDENT
    near = line.top - above.top <= 3 * size
    begins = patterns().heading.match(line.text) or (_ITEM.match(line.text) and _CLOSED.search(above.text))
    return full and at_margin and near and not begins


def _is_tabular(text: str) -> bool:
    return "  " in text or _VALUES.search(text) is not None


def _paragraph(group: list[VisualLine], page: int) -> Line:
    text = group[0].text
    for line in group[1:]:
        words = text[-1].isascii() and line.text[0].isascii() and text[-1].isalpha() and line.text[0].isalpha()
        text += (" " if words else "") + line.text
    box = (
        min(line.x0 for line in group),
        min(line.top for line in group),
        max(line.x1 for line in group),
        max(line.bottom for line in group),
    )
    numbers = tuple(_number(group[0], number, page) for number in group[0].numbers) if len(group) == 1 else ()
    return Line(text, Place(page=page, box=rounded(box)), numbers=numbers)


def _number(line: VisualLine, number: tuple[int, int, float, float], page: int) -> LineNumber:
    start, end, x0, x1 = number
    beside, over = _BESIDE * line.size, _OVER * line.size
    box = rounded((x0 - beside, line.top - over, x1 + beside, line.bottom + over))
    return LineNumber(start, end, Place(page=page, box=box))


def rounded(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """A box to hundredths of a point."""
    x0, top, x1, bottom = box
    return round(x0, 2), round(top, 2), round(x1, 2), round(bottom, 2)


def distinct(chars: list[Char]) -> list[Char]:
    """Characters without those printed a second time (nearly) in the same place to look bold."""
    if not chars:
        return chars
    codes = np.array([hash(char.text) for char in chars])
    tops, lefts = np.array([char.top for char in chars]), np.array([char.x0 for char in chars])
    again: set[int] = set()
    for shift in (0.0, 0.5):
        order = np.lexsort((lefts, np.floor(tops / _ROW + shift), codes))
        one, other = order[:-1], order[1:]
        near = (codes[one] == codes[other]) & (lefts[other] - lefts[one] <= _BOLD) & (np.abs(tops[one] - tops[other]) <= _BOLD)
        for first, second in zip(one[near].tolist(), other[near].tolist(), strict=True):
            if _printed_again(chars[first], chars[second]):
                again.add(max(first, second))
    return [char for index, char in enumerate(chars) if index not in again] if again else chars


def overprinted(chars: Sequence[Char]) -> list[Char]:
    """The digits on which another digit is printed: nobody can tell which of the two is meant."""
    digits = [char for char in chars if char.text.isdigit()]
    tops, lefts = np.array([char.top for char in digits]), np.array([char.x0 for char in digits])
    found: list[Char] = []
    for shift in (0.0, 0.5):
        order = np.lexsort((lefts, np.floor(tops / _ROW + shift)))
        near = lefts[order[1:]] - lefts[order[:-1]] <= _ROW
        for one, other in zip(order[:-1][near].tolist(), order[1:][near].tolist(), strict=True):
            first, second = digits[one], digits[other]
            wide, high = first.x1 - first.x0, first.bottom - first.top
            is_near = abs(second.x0 - first.x0) <= _OVER * wide and abs(second.top - first.top) <= _OVER * high
            if first.text != second.text and is_near:
                found.append(first)
    return found


def _printed_again(first: Char, char: Char) -> bool:
    """Return whether a character is nearer to the same one than the next in a line could be: 11 is two of them."""
    if char.text != first.text or char.text.isspace():
        return False
    wide, high = char.x1 - char.x0, char.bottom - char.top
    return abs(char.x0 - first.x0) <= min(_BOLD, _SHIFT * wide) and abs(char.top - first.top) <= min(_BOLD, _SHIFT * high)
