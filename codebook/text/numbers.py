"""Numbers as reports print them, and the marks that stand where a number should be."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cache, lru_cache
from typing import NamedTuple, overload

import msgspec

from codebook import data
from codebook.records import LightRecord, Number, Record
from codebook.text.fold import fold


class ValueKind(StrEnum):
    """What a cell that should hold a number holds."""

    NUMBER = "number"
    BLANK = "blank"  # nothing at all
    MARK = "mark"  # "/", "—", 无, 不适用: no number was given; never zero
    OTHER = "other"  # text


class Token(LightRecord, frozen=True):
    """A cell read as a number: ``value`` (None unless kind is NUMBER) and the ``unit`` printed behind it."""

    kind: ValueKind
    value: Number | None = None
    unit: str | None = None


class NumberWords(Record, frozen=True):
    """The rows of numbers.yaml."""

    units: tuple[str, ...]
    money: str
    money_units: dict[str, int]
    count_units: dict[str, int]
    powers: dict[str, int]
    more: str
    less: str
    no_number: str
    none: str
    remark: str
    note_mark: str
    mark_characters: str


class _Patterns(NamedTuple):
    number: re.Pattern[str]
    more: re.Pattern[str]
    less: re.Pattern[str]
    no_number: re.Pattern[str]
    remark: re.Pattern[str]
    note_mark: re.Pattern[str]


@cache
def number_words() -> NumberWords:
    """Return the words around numbers. Raises msgspec.ValidationError on an unknown key."""
    return msgspec.yaml.decode(data.read("text/numbers.yaml"), type=NumberWords)


@cache
def _patterns() -> _Patterns:
    words = number_words()
    units = "|".join(words.units)
    # in brackets, a unit that multiplies may be meant for the whole table, or be a slip: such a cell is a doubt
    plain = "|".join(unit for unit in words.units if unit not in words.count_units and unit not in words.money_units)
    return _Patterns(
        re.compile(
            rf"(?P<sign>[-+−])?\s*(?P<digits>\d{{1,3}}(?:,\s?\d{{3}})+|\d+(?:\s\d+)*)(?P<fraction>\s?\.\s?\d+)?"
            rf"\s*(?:(?P<unit>{units})|\((?P<bracketed>{plain})\))?"
        ),
        re.compile(rf"^({words.more}|\+)(?=\d)"),
        re.compile(rf"^{words.less}(?=\d)"),
        re.compile(words.no_number, re.IGNORECASE),
        re.compile(words.remark),
        re.compile(words.note_mark),
    )


def is_whole(value: float) -> bool:
    """Return whether ``value`` is a whole number."""
    return value == int(value)


@overload
def whole(value: float) -> Number: ...
@overload
def whole(value: None) -> None: ...
@overload
def whole(value: float | None) -> Number | None: ...
def whole(value: float | None) -> Number | None:
    """Return ``value`` as an int when it is a whole number; None stays None.

    >>> [whole(3.0), whole(2.5), whole(None)]
    [3, 2.5, None]
    """
    return int(value) if value is not None and is_whole(value) else value


def exact(value: float) -> Number:
    """Return ``value`` without the dust of binary fractions (amounts have at most six decimals), as an int when it is whole."""
    return whole(round(value, 6))


def split_remark(raw: str) -> tuple[str, str]:
    """Part the text of a cell into its number and the remark or note mark behind it ("" when there is none).

    >>> split_remark("22（其中修订16件）")
    ('22', '（其中修订16件）')
    """
    if raw.isascii() and raw.isdecimal():
        return raw, ""
    match = _patterns().remark.search(raw)
    if match is None or match.end() != len(raw) or not raw[:1].strip():
        return raw, ""
    return raw[: match.start()], match.group().strip()


def has_note_mark(text: str) -> bool:
    """Return whether ``text`` has a raised, lowered or circled digit."""
    return _patterns().note_mark.search(text) is not None


@lru_cache(maxsize=50_000)
def read_number(raw: str) -> Token:
    """Read a whole cell as a number; anything else than one number with an optional unit is not a number.

    A remark behind the number is left out; marks of notes elsewhere (①7) make it no number.

    Digits split by spaces ("1 234") are one number only when the cell holds nothing else. 增 and 减 before a number are signs.

    >>> read_number("１，２３４件")
    Token(kind=<ValueKind.NUMBER: 'number'>, value=1234, unit='件')
    """
    bare = split_remark(raw)[0]
    text = fold(bare).text.strip()
    if has_too_many_digits(text) or has_note_mark(bare):
        return Token(ValueKind.OTHER)
    if not text:
        return Token(ValueKind.BLANK)
    patterns = _patterns()
    text = patterns.more.sub("", text)
    text = patterns.less.sub("-", text)
    if match := patterns.number.fullmatch(text):
        digits = re.sub(r"[,\s]", "", match["digits"])
        fraction = re.sub(r"\s", "", match["fraction"] or "")
        value = whole(float(digits + fraction)) if fraction else int(digits)
        return Token(ValueKind.NUMBER, -value if match["sign"] in ("-", "−") else value, match["unit"] or match["bracketed"])
    return Token(ValueKind.MARK if patterns.no_number.fullmatch(text) else ValueKind.OTHER)


def in_unit(token: Token, unit: str | None) -> Number | None:
    """The value in the indicator's unit: 元 is turned into 万元 where the indicator counts 万元. None when it holds no number.

    Other printed units are format, not value (1件, 40個).
    """
    if token.value is None or not token.unit:
        return token.value
    words = number_words()
    if unit == words.money:
        return token.value if token.unit not in words.money_units else money(token.value, token.unit)
    factor = words.count_units.get(token.unit)
    return token.value if factor is None else round(token.value * factor)


def money(value: float, unit: str) -> Number | None:
    """Return a sum of money printed in ``unit`` in the unit of the forms (万元); None when it is no unit of money."""
    words = number_words()
    if unit not in words.money_units:
        return None
    return exact(value * words.money_units[unit] / words.money_units[words.money])


MOST_DIGITS = 15
"""Digits of a number that every reader of our data can hold exactly; no report counts more."""
_TOO_MANY_DIGITS = re.compile(rf"\d(?:,?\s?\d){{{MOST_DIGITS}}}")


def has_too_many_digits(text: str) -> bool:
    """Return whether ``text`` holds a number that is too long to be a count, or to be kept without rounding it.

    >>> has_too_many_digits("1" * 15), has_too_many_digits("1,000" * 4)
    (False, True)
    """
    return len(text) > MOST_DIGITS and _TOO_MANY_DIGITS.search(text) is not None
