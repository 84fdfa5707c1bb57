"""Word's automatic numbers: 一、 （一） 1. and the like, which stand in no paragraph but are printed before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from lxml import etree

from codebook.text.chinese_numbers import numerals, write_digits, write_numeral
from tasks.extraction.docx.markup import child_of, local_name, number_of, value_of

LEVELS = 9
"""Levels of a list."""


class _Level(NamedTuple):
    start: int
    format: str
    text: str
    suffix: str


class Numbering:
    """Counts the numbered paragraphs of a document, in order; ``notes`` names formats that could not be written out."""

    def __init__(self, levels: dict[str, dict[int, _Level]], lists: dict[str, str], styles: dict[str, tuple[str, int]]) -> None:
        self._levels = levels  # list definition -> levels
        self._lists = lists  # list -> its definition
        self._styles = styles  # paragraph style -> (list, level)
        self._counts: dict[str, list[int]] = {}
        self._notes: dict[str, None] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """What was met and not resolved."""
        return tuple(self._notes)

    def label(self, properties: etree._Element | None, style: str) -> str:
        """The number that is printed before the next paragraph, which has these properties and this style ("" for none), and is
        counted by this; with a space where Word sets one; "" for none.
        """
        found = None if properties is None else self._of(properties, style)
        if found is None:
            return ""
        list_id, depth = found
        definition = self._lists.get(list_id, "")
        level = self._levels.get(definition, {}).get(depth)
        if level is None:
            return ""
        counts = self._counts.setdefault(definition, [0] * LEVELS)
        counts[depth] = counts[depth] + 1 if counts[depth] else level.start
        counts[depth + 1 :] = [0] * (LEVELS - depth - 1)
        if level.format in ("bullet", "none"):
            return ""
        text = level.text
        for index in range(depth + 1):
            other = self._levels[definition].get(index, level)
            writer = _FORMATS.get(other.format)
            if writer is None:
                self._notes[f"docx.numbering format {other.format} is not written out"] = None
                return ""
            text = text.replace(f"%{index + 1}", writer(counts[index] or other.start))
        return text + (" " if level.suffix in ("tab", "space") and text[-1:].isalnum() else "")

    def _of(self, properties: etree._Element, style: str) -> tuple[str, int] | None:
        """The list and level of a paragraph, by itself or by its style."""
        direct = child_of(properties, "numPr")
        styled = self._styles.get(style)
        if direct is None:
            return styled
        list_id = value_of(child_of(direct, "numId"))
        if list_id == "0":
            return None
        depth = number_of(child_of(direct, "ilvl"), styled[1] if styled else 0)
        if list_id is None:
            return (styled[0], depth) if styled else None
        return list_id, min(depth, LEVELS - 1)


def read_numbering(numbering: etree._Element | None, style_lists: dict[str, tuple[str, int]]) -> Numbering:
    """The lists of a document from its part numbering.xml (None where it has none) and those of its paragraph styles."""
    levels: dict[str, dict[int, _Level]] = {}
    lists: dict[str, str] = {}
    for element in numbering if numbering is not None else ():
        name = local_name(element)
        if name == "abstractNum":
            levels[value_of(element, "abstractNumId") or ""] = dict(
                _level(child) for child in element if local_name(child) == "lvl"
            )
        elif name == "num":
            list_id, definition = value_of(element, "numId") or "", value_of(child_of(element, "abstractNumId")) or ""
            overrides = [child for child in element if local_name(child) == "lvlOverride"]
            lists[list_id] = definition
            if overrides:  # a list that begins again, or prints otherwise: a definition of its own
                lists[list_id] = f"{definition}/{list_id}"
                levels[lists[list_id]] = levels.get(definition, {}) | dict(
                    _override(child, levels.get(definition, {})) for child in overrides
                )
    return Numbering(levels, lists, style_lists)


def _level(element: etree._Element) -> tuple[int, _Level]:
    return min(number_of(element, 0, "ilvl"), LEVELS - 1), _Level(
        start=number_of(child_of(element, "start"), 1),
        format=value_of(child_of(element, "numFmt")) or "decimal",
        text=value_of(child_of(element, "lvlText")) or "",
        suffix=value_of(child_of(element, "suff")) or "tab",
    )


def _override(element: etree._Element, levels: dict[int, _Level]) -> tuple[int, _Level]:
    depth = min(number_of(element, 0, "ilvl"), LEVELS - 1)
    whole = child_of(element, "lvl")
    level = _level(whole)[1] if whole is not None else levels.get(depth, _Level(1, "decimal", "", "tab"))
    return depth, level._replace(start=number_of(child_of(element, "startOverride"), level.start))


def _roman(number: int) -> str:
    result = ""
    for value, sign in (
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ):
        result += sign * (number // value)
        number %= value
    return result


def _letter(number: int) -> str:
    return chr(ord("A") + (number - 1) % 26) * ((number - 1) // 26 + 1)


def _circled(number: int) -> str:
    return chr(0x2460 + number - 1) if 1 <= number <= 20 else str(number)


_FORMATS: dict[str, Callable[[int], str]] = {
    "decimal": str,
    "decimalZero": "{:02d}".format,
    "decimalHalfWidth": str,
    "decimalFullWidth": lambda number: "".join(chr(ord(digit) + 0xFEE0) for digit in str(number)),
    "decimalFullWidth2": lambda number: "".join(chr(ord(digit) + 0xFEE0) for digit in str(number)),
    "decimalEnclosedCircle": _circled,
    "decimalEnclosedCircleChinese": _circled,
    "chineseCounting": write_numeral,
    "chineseCountingThousand": write_numeral,
    "taiwaneseCounting": write_numeral,
    "taiwaneseCountingThousand": write_numeral,
    "japaneseCounting": write_numeral,
    "ideographDigital": write_digits,
    "taiwaneseDigital": write_digits,
    "japaneseDigitalTenThousand": write_digits,
    "chineseLegalSimplified": lambda number: write_numeral(number, numerals().formal),
    "upperLetter": _letter,
    "lowerLetter": lambda number: _letter(number).lower(),
    "upperRoman": _roman,
    "lowerRoman": lambda number: _roman(number).lower(),
    "bullet": lambda _: "",
    "none": lambda _: "",
}
