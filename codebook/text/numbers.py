"""Numbers as reports print them, and the marks that stand where a number should be."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from codebook.records import Number
from codebook.text.fold import fold


class ValueKind(StrEnum):
    """What a cell that should hold a number holds."""

    NUMBER = "number"
    BLANK = "blank"  # nothing at all
    MARK = "mark"  # "/", "—", 无, 不适用: no number was given; never zero
    OTHER = "other"  # text


class Token(NamedTuple):
    """A cell read as a number: ``value`` (None unless kind is NUMBER) and the ``unit`` printed behind it."""

    kind: ValueKind
    value: Number | None = None
    unit: str | None = None


# Units that reports print inside cells; the factor is to the unit in which the cell counts (a count, or 万元).
_UNITS = "件|个|条|项|次|起|宗|份|人次|人|名|篇|期|场|万元|元|万"
_NUMBER = re.compile(
    rf"(?P<sign>[-+−])?\s*(?P<digits>\d{{1,3}}(?:,\s?\d{{3}})+|\d+(?:\s\d+)*)(?P<fraction>\s?\.\s?\d+)?\s*(?P<unit>{_UNITS})?"
)
_MARK = re.compile(r"[/\\\-—–─_*.·、。]+|无|不适用|未统计|未公开|空|N/?A|null|nan|无此项", re.IGNORECASE)

# What may stand behind a number in its cell and is no part of it: 22（其中修订16件）, 7①, 12*. A unit in brackets is no remark.
_REMARK = re.compile(
    r"(?<=[\d０-９件个条项次起宗份元])\s*(?:[（(](?!单位)(?![百千万亿]*元[)）])[^（()）]*[\u3400-\u9fff][^（()）]+[)）]|[①-⓿⁰-⁹¹²³*＊※†]+|注[0-9０-９]*)\s*"
)


def split_remark(raw: str) -> tuple[str, str]:
    """Part the text of a cell into its number and the remark or note mark behind it ("" when there is none).

    >>> split_remark("22（其中修订16件）")
    ('22', '（其中修订16件）')
    """
    match = _REMARK.search(raw)
    if match is None or match.end() != len(raw) or not raw[:1].strip():
        return raw, ""
    return raw[: match.start()], match.group().strip()


@lru_cache(maxsize=50_000)
def read_number(raw: str) -> Token:
    """Read a whole cell as a number; anything else than one number with an optional unit is not a number.

    A remark behind the number is left out.

    Digits split by spaces ("1 234") are one number only when the cell holds nothing else. 增 and 减 before a number are signs.

    >>> read_number("１，２３４件")
    Token(kind=<Kind.NUMBER: 'number'>, value=1234, unit='件')
    """
    text = fold(split_remark(raw)[0]).text.strip()
    if not text:
        return Token(ValueKind.BLANK)
    text = re.sub(r"^(增加?|\+)(?=\d)", "", text)
    text = re.sub(r"^减少?(?=\d)", "-", text)
    if match := _NUMBER.fullmatch(text):
        digits = re.sub(r"[,\s]", "", match["digits"])
        fraction = re.sub(r"\s", "", match["fraction"] or "")
        value: Number = float(digits + fraction) if fraction else int(digits)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return Token(ValueKind.NUMBER, -value if match["sign"] in ("-", "−") else value, match["unit"])
    return Token(ValueKind.MARK if _MARK.fullmatch(text) else ValueKind.OTHER)


def in_unit(token: Token, unit: str | None) -> Number | None:
    """The value in the indicator's unit: 元 is turned into 万元 where the indicator counts 万元. None when it holds no number.

    Other printed units are format, not value (1件, 40個).
    """
    if token.value is None:
        return None
    if unit == "万元" and token.unit == "元":
        value = round(token.value / 10_000, 6)
        return int(value) if value == int(value) else value
    if unit != "万元" and token.unit in ("万", "万元"):
        return round(token.value * 10_000)
    return token.value
