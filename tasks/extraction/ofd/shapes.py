"""Text objects and path objects of an OFD page to characters and straight lines, in points of the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice, pairwise
from typing import NamedTuple

from lxml import etree

from tasks.extraction.docx.markup import local_name
from tasks.extraction.grid import Box
from tasks.extraction.pdf.layout import Char

_POINTS = 72 / 25.4  # in a millimetre
_ASCENT, _DESCENT = 0.86, 0.14  # of the size: how far a character reaches above and below its base line
_STRAIGHT = 0.35  # millimetres by which a level or upright line may slant
_WHITE = 250
_PATH = re.compile(r"[A-Za-z]|[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_ARGUMENTS = {"S": 2, "M": 2, "L": 2, "Q": 4, "B": 6, "A": 7, "C": 0}
_MOST_REPEATS = 100_000
Point = tuple[float, float]


class Frame(NamedTuple):
    """An affine map of millimetres: x' = a x + c y + e, y' = b x + d y + f (GB/T 33190-2016, 8.5)."""

    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 1.0
    e: float = 0.0
    f: float = 0.0

    def at(self, x: float, y: float) -> Point:
        """Where a point lies."""
        return self.a * x + self.c * y + self.e, self.b * x + self.d * y + self.f

    def inside(self, element: etree._Element) -> Frame:
        """The map of what lies in an object: its own transformation, then the corner of its boundary, then this map."""
        own = numbers_of(element.get("CTM"))
        a, b, c, d, e, f = own if len(own) == len(Frame._fields) else (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
        corner = numbers_of(element.get("Boundary"))
        x, y = corner[:2] if len(corner) >= 2 else (0.0, 0.0)
        first = Frame(a, b, c, d, e + x, f + y)
        origin, right, down = (self.at(*first.at(*point)) for point in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0)))
        return Frame(right[0] - origin[0], right[1] - origin[1], down[0] - origin[0], down[1] - origin[1], *origin)


def millimetres(value: float) -> float:
    """A length in points."""
    return value * _POINTS


def numbers_of(text: str | None) -> list[float]:
    """The numbers of an attribute, parted by spaces; none where one of them is no number."""
    try:
        return [float(word) for word in (text or "").split()]
    except ValueError:
        return []


def chars_of(element: etree._Element, outer: Frame, most: int) -> Iterator[Char]:
    """The characters of a text object, at most ``most``. White ones, and those in a slant or on their side, are left out."""
    frame = outer.inside(element)
    size = next(iter(numbers_of(element.get("Size"))), 0.0)
    if size <= 0 or _is_white(element) or abs(frame.b) > abs(frame.a) / 10 or frame.a <= 0 or frame.d <= 0:
        return
    x = y = 0.0
    for code in (child for child in element if local_name(child) == "TextCode"):
        x = next(iter(numbers_of(code.get("X"))), x)
        y = next(iter(numbers_of(code.get("Y"))), y)
        right, down = _steps(code.get("DeltaX")), _steps(code.get("DeltaY"))
        at_x, at_y = x, y
        for index, text in enumerate(islice(code.text or "", most)):
            usual = size * (0.5 if text.isascii() else 1.0)
            step = right[index] if index < len(right) else usual
            left, top = frame.at(at_x, at_y - _ASCENT * size)
            end, bottom = frame.at(at_x + (min(step, usual) if step > 0 else usual), at_y + _DESCENT * size)
            box = (millimetres(left), millimetres(top), millimetres(end), millimetres(bottom))
            yield Char(text, *box, id(element) % 2**31)
            at_x += step if index < len(right) else usual if not down else 0.0
            at_y += down[index] if index < len(down) else 0.0


def _steps(text: str | None) -> list[float]:
    """How far the characters are apart; ``g 3 2.5`` stands for three times 2.5 (GB/T 33190-2016, 11.3)."""
    words, found, at = (text or "").split(), list[float](), 0
    try:
        while at < len(words):
            if words[at] == "g":
                found += [float(words[at + 2])] * min(int(words[at + 1]), _MOST_REPEATS)
                at += 3
            else:
                found.append(float(words[at]))
                at += 1
    except (ValueError, IndexError):
        return []
    return found


def _is_white(element: etree._Element) -> bool:
    """Return whether what is drawn has the colour of the paper, or none."""
    for child in element:
        if local_name(child) == "FillColor":
            value = numbers_of(child.get("Value"))
            return child.get("Alpha") == "0" or (len(value) in (1, 3) and min(value) >= _WHITE)
    return False


def lines_of_path(element: etree._Element, outer: Frame) -> Iterator[Box]:
    """The level and upright lines of a path object, as boxes."""
    frame = outer.inside(element)
    data = next((child.text or "" for child in element if local_name(child) == "AbbreviatedData"), "")
    for points in _subpaths(_PATH.findall(data)):
        placed = [frame.at(*point) for point in points]
        for (x0, y0), (x1, y1) in pairwise(placed):
            if min(abs(x1 - x0), abs(y1 - y0)) <= _STRAIGHT and (x0, y0) != (x1, y1):
                low, high = (min(x0, x1), min(y0, y1)), (max(x0, x1), max(y0, y1))
                yield millimetres(low[0]), millimetres(low[1]), millimetres(high[0]), millimetres(high[1])


def _subpaths(words: list[str]) -> Iterator[list[Point]]:
    """The points of each part of a path that is one stroke; curves end it and begin another."""
    points: list[Point] = []
    at = 0
    while at < len(words):
        command = words[at].upper()
        count = _ARGUMENTS.get(command)
        if count is None or at + count >= len(words) + (count == 0):
            break
        try:
            values = [float(word) for word in words[at + 1 : at + 1 + count]]
        except ValueError:
            break
        at += 1 + count
        if command == "L":
            points.append((values[0], values[1]))
        elif command == "C":
            if points:
                points.append(points[0])
        else:
            yield points
            points = [(values[-2], values[-1])]
    yield points
