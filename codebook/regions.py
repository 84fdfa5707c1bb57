"""The names of divisions (:mod:`codebook.divisions`) as reports print them: full, former and short ones.

>>> load_regions().read("淮安市洪泽区人民政府").found[0].chain
('江苏省', '淮安市', '洪泽区')
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import msgspec

from codebook import data
from codebook.divisions import Region, all_divisions, division_words
from codebook.records import Record
from codebook.text.fold import fold_label

NO_CODE = ""  # the code of a zone that stands under a province


class Former(Record, frozen=True):
    """A division that the present table lacks but that reported under its own code."""

    name: str
    code: str
    under: str
    why: str


class RegionWords(Record, frozen=True):
    """The rows of regions.yaml."""

    suffixes: tuple[str, ...]
    ethnic: tuple[str, ...]
    not_after_short: tuple[str, ...]
    zones: tuple[str, ...]
    own: tuple[Former, ...]
    of_provinces: dict[str, tuple[tuple[str, ...], ...]]
    former: dict[str, dict[str, str]]


class RegionMatch(NamedTuple):
    """What a text begins with: the regions that its names may mean (one when it is sure), and how many characters they take.

    ``short`` says that the last name was printed without its ending (常熟 for 常熟市).
    """

    found: tuple[Region, ...]
    end: int
    short: bool = False


class Regions:
    """A lookup of divisions by their names: full, former, and short."""

    def __init__(self, divisions: Iterable[Region], words: RegionWords) -> None:
        self.words = words
        self.all: list[Region] = []
        self._full: dict[str, list[Region]] = {}
        self._short: dict[str, list[Region]] = {}
        self._ending = re.compile(f"(?:{'|'.join(words.ethnic)})*(?:{'|'.join(words.suffixes)})$")
        for region in divisions:
            for name in dict.fromkeys((region.chain[-1], fold_label(region.chain[-1]))):  # 乾安县 is folded to 干安县
                self._name(region, name)
            self.all.append(region)
        self._former(words)
        self._zones_of_provinces(words)
        self._longest = max(map(len, self._full))
        self._starts = frozenset(name[:2] for name in (*self._full, *self._short))
        self._refused = re.compile("|".join(words.not_after_short))
        self._zone = re.compile(rf"\w{{0,8}}?(?:{'|'.join(words.zones)})")

    def _name(self, region: Region, name: str) -> None:
        self._full.setdefault(name, []).append(region)
        short = self._short_of(name)
        if len(short) >= 2 and region not in self._short.setdefault(short, []):
            self._short[short].append(region)
        if name.endswith(division_words().autonomous) and len(short) >= 2:  # 延边州, 石柱县
            self._full.setdefault(short + name[-1], []).append(region)

    def _short_of(self, name: str) -> str:
        """Return 延边 for 延边朝鲜族自治州; where less than two characters would be left, less goes: 内蒙古, 北林 for 北林区."""
        short = self._ending.sub("", name)
        if len(short) >= 2:
            return short
        left = (name.removesuffix(suffix) for suffix in self.words.suffixes if name.endswith(suffix))
        return next((rest for rest in left if len(rest) >= 2), short)

    def _former(self, words: RegionWords) -> None:
        wrong: list[str] = []
        for row in words.own:
            if above := self._full.get(row.under):
                region = Region((*above[0].chain, row.name), row.code)
                self._name(region, row.name)
                self.all.append(region)
            else:
                wrong.append(row.under)
        for under, names in words.former.items():
            for old, now in names.items():
                match = [r for r in self._full.get(now, ()) if under in r.chain]
                if len(match) != 1:
                    wrong.append(f"{under} {old} -> {now}")
                    continue
                self._name(match[0], old)
        if wrong:
            raise ValueError(f"regions.yaml names divisions that the table lacks: {', '.join(wrong)}")

    def _zones_of_provinces(self, words: RegionWords) -> None:
        for province, zones in words.of_provinces.items():
            for names in zones:
                region = Region((*self._full[province][0].chain, names[0]), NO_CODE)
                for name in names:
                    self._full.setdefault(name, []).append(region)

    def spellings(self, name: str) -> tuple[tuple[str, ...], str]:
        """Return the forms of a division's full name, folded ones too, and its short name folded, "" where it has none.

        >>> load_regions().spellings("延边朝鲜族自治州")
        (('延边朝鲜族自治州', '延边自治州', '延边州'), '延边')
        """
        short = self._short_of(name)
        ending = next((e for e in division_words().autonomous if name.endswith(e)), "")
        full = (name, *((short + ending, short + ending[-1]) if ending and short != name else ()))
        return tuple(dict.fromkeys((*full, *map(fold_label, full)))), "" if short == name else fold_label(short)

    def named(self, name: str) -> tuple[Region, ...]:
        """The divisions with this name, full or short."""
        return tuple(self._full.get(name) or self._short.get(name) or ())

    def division(self, name: str) -> Region | None:
        """The division that a text names in full and alone, with or without those around it; None for zones and short names."""
        match = self.read(name)
        return (
            match.found[0]
            if match.found and match.end == len(name) and not match.short and match.found[0].code != NO_CODE
            else None
        )

    def read(self, text: str, within: Region | None = None) -> RegionMatch:
        """Read the division names at the beginning of ``text`` (淮安市洪泽区…), each inside the one before.

        A short name counts before another name (江苏淮安市), and as the last one only where :meth:`short_ends` allows it.
        """
        best = RegionMatch((), 0)
        states: list[tuple[Region | None, int, bool]] = [(within, 0, False)]
        while states:
            above, at, short = states.pop()
            if above is not within and (not short or self.short_ends(text, at, above)):
                best = _better(best, above, at, short)
            if text[at : at + 2] not in self._starts:
                continue
            for end in range(at + 2, min(len(text), at + self._longest) + 1):
                name = text[at:end]
                for kind, names in ((False, self._full), (True, self._short)):
                    for region in names.get(name, ()):
                        if (above is None or region.within(above)) and not (above is None and not kind and _common(name)):
                            states.append((region, end, kind))
        return best

    def short_ends(self, text: str, at: int, region: Region | None) -> bool:
        """Return whether a short name that ends at ``at`` may stand alone: a province's before a body, or any before a zone."""
        if region is None:
            return False
        rest = text[at:]
        if self._zone.match(rest):
            return True
        return bool(rest) and len(region.chain) == 1 and not self._refused.match(rest)

    def refused(self, rest: str) -> bool:
        """Return whether ``rest``, behind a short name, shows that the name is part of another (湖南 + 路街道)."""
        return bool(self._refused.match(rest))

    def mentions(self, text: str) -> list[RegionMatch]:
        """All divisions that a text names in full, in order."""
        found: list[RegionMatch] = []
        at = 0
        while at < len(text) - 1:
            if text[at : at + 2] in self._starts and (here := self.read(text[at:])).end and not here.short:
                found.append(here)
                at += here.end
            else:
                at += 1
        return found

    def chain(self, names: tuple[str, ...]) -> Region | None:
        """The division that a list of names leads to, the names short or full; None when one is unknown or it is not sure."""
        candidates: list[Region] = []
        for name in names:
            here = [r for r in self.named(name) if not candidates or any(r.within(c) or r == c for c in candidates)]
            if not here:
                return None
            level = min(len(r.chain) for r in here)  # 淮安 is the city before it is the district 淮安区
            candidates = [r for r in here if len(r.chain) == level]
        return candidates[0] if len(candidates) == 1 else None


def _common(name: str) -> bool:
    """城区, 郊区, 矿区: words, and divisions only behind the name of their city."""
    return len(name) == 2 and name.endswith(division_words().common)


def _better(best: RegionMatch, region: Region | None, end: int, short: bool) -> RegionMatch:
    if region is None or end < best.end:
        return best
    if end > best.end or (best.short and not short):
        return RegionMatch((region,), end, short)
    if region in best.found or (short and not best.short):
        return best
    if short and len(region.chain) != len(best.found[0].chain):  # 淮安 is the city before it is the district 淮安区
        return best if len(region.chain) > len(best.found[0].chain) else RegionMatch((region,), end, short)
    return RegionMatch((*best.found, region), end, short)


@cache
def load_regions() -> Regions:
    """The divisions. Raises msgspec.ValidationError or ValueError when regions.yaml does not fit the table."""
    return Regions(all_divisions(), msgspec.yaml.decode(data.read("regions.yaml"), type=RegionWords))


# ---- what people type ---------------------------------------------------------------------------------------------------------


@cache
def _codes() -> dict[str, tuple[str, ...]]:
    """The codes by names without marks between them, from the province down or from any level below it."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for region in load_regions().all:
        for level in range(len(region.chain)):
            if region.code:
                found["".join(region.chain[level:])][region.code] = None
    return {name: tuple(codes) for name, codes in found.items()}


@cache
def region_chains() -> dict[str, tuple[str, ...]]:
    """The names of each region from the province down, by its code of six digits."""
    return {region.code: region.chain for region in load_regions().all if region.code}


def region_codes(text: str) -> tuple[str, ...]:
    """The codes of the regions that a person may mean: by a code or its beginning, or by names from the province down or from a
    lower level, printed with or without marks between them. Several where a name is that of several regions.

    >>> region_codes("3208"), region_codes("\u6c5f\u82cf\u7701/\u6dee\u5b89\u5e02"), region_codes("nowhere"), region_codes("")
    (('3208',), ('320800',), (), ())
    >>> region_codes("\u6c5f\u82cf\u7701\u6dee\u5b89\u5e02\u6d2a\u6cfd\u533a"), region_codes("\u6d2a\u6cfd\u533a")
    (('320813',), ('320813',))
    """
    if text.isascii() and text.isdecimal():
        return (text[:12],)
    names = text.replace("/", " ").split()
    if not names:
        return ()
    region = load_regions().chain(tuple(names))
    if region is not None and region.code:
        return (region.code,)
    return _codes().get("".join(names), ())
