"""Numbers written in Chinese characters: read, written, and as classes of characters for patterns.

>>> [read_numeral(text) for text in ("十二", "两百零三", "二〇二一", "一百二十三", "件")]
[12, 203, 2021, 123, None]
"""

from __future__ import annotations

from functools import cache

import msgspec

from codebook import data
from codebook.records import Record


class Style(Record, frozen=True):
    """A way to write numbers: the characters for 0 to 9, and those that stand behind a digit for 10, 100 and 1000."""

    digits: str
    places: str


class Numerals(Record, frozen=True):
    """The rows of numerals.yaml."""

    digits: str
    same: dict[str, str]
    places: str
    powers: str
    formal: Style

    @property
    def usual(self) -> Style:
        """The style in which numbers are written as a rule."""
        return Style(self.digits, self.places)


@cache
def numerals() -> Numerals:
    """Return the characters. Raises msgspec.ValidationError on an unknown key."""
    return msgspec.yaml.decode(data.read("text/numerals.yaml"), type=Numerals)


@cache
def _values() -> tuple[dict[str, int], dict[str, int]]:
    """The value of each digit, in every spelling and in Arabic, and of each place."""
    known = numerals()
    digits = {char: value for value, char in enumerate(known.digits)} | {str(value): value for value in range(10)}
    digits |= {spelling: digits[char] for spelling, char in known.same.items()}
    return digits, {char: 10 ** (power + 1) for power, char in enumerate(known.places)}


def ordinal_class() -> str:
    """Return the characters that number chapters and items, 一 to 十, for use inside ``[…]`` of a pattern."""
    known = numerals()
    return known.digits[1:] + known.places[0]


def read_numeral(text: str) -> int | None:
    """Return the number that ``text`` is, digit by digit (二〇二一) or with places (两百零三); None when it is none."""
    digits, places = _values()
    if not text:
        return None
    if all(char in digits for char in text):
        return int("".join(str(digits[char]) for char in text))
    total, current = 0, 0
    for char in text:
        if char in digits:
            current = digits[char]
        elif char in places:
            total += (current or 1) * places[char]
            current = 0
        else:
            return None
    return total + current


def write_numeral(number: int, style: Style | None = None) -> str:
    """Return a number below 10 000 as Chinese counting writes it (others in Arabic digits).

    >>> [write_numeral(n) for n in (3, 10, 12, 20, 105)]
    ['三', '十', '十二', '二十', '一百〇五']
    """
    if not 0 < number < 10_000:
        return str(number)
    style = style or numerals().usual
    result, skipped = "", False
    for power in range(3, -1, -1):
        digit = number // 10**power % 10
        if digit == 0:
            skipped = bool(result)
            continue
        result += (style.digits[0] if skipped else "") + style.digits[digit] + (style.places[power - 1] if power else "")
        skipped = False
    return result.removeprefix(numerals().digits[1]) if 10 <= number < 20 else result


def write_digits(number: int) -> str:
    """Return a number digit by digit: 二〇二一."""
    return "".join(numerals().digits[int(digit)] for digit in str(number))
