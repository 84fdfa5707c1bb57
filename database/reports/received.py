"""What is known of a document that is in no filing: whose report it may be, and on which year.

A document that could not be read, is not read yet, or was read without its agency or year still came in: its agency is not
absent. A manifest, the names of the file and its folders, and what was read of the report say whose it may be; this module
compares them with the agencies of a list.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache

import msgspec

from codebook import data
from codebook.agency_kinds import stored_key
from codebook.agency_names import matched_name
from codebook.divisions import Region, names_of
from codebook.records import Record
from codebook.regions import load_regions
from codebook.text.fold import fold_label

_PARTS = re.compile(r"[/\\!]+")
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,5}$")
_BETWEEN = re.compile(r"[;\uff1b:\uff1a]")  # what stands between the reports of a list in words
_SHORTEST = 4  # characters of a name that is looked for inside a text


class PathWords(Record, frozen=True):
    """The rows of text/paths.yaml."""

    year: re.Pattern[str]
    year_of_report: re.Pattern[str]
    no_name: tuple[str, ...]
    joins: str


@cache
def _words() -> PathWords:
    return msgspec.yaml.decode(data.read("text/paths.yaml"), type=PathWords, dec_hook=lambda _, text: re.compile(text))


@cache
def _cuts() -> re.Pattern[str]:
    """What parts the names in a text: the words that are no name, and everything that is not a character of Chinese."""
    return re.compile("|".join((*_words().no_name, r"[^\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")))


class FoundAt(Record, frozen=True):
    """A place at which a document was found, with what its manifest says. ``batch`` is the name of its batch."""

    path: str = ""
    batch: str = ""
    agency: str | None = None
    year: int | None = None
    region: tuple[str, ...] = ()


class Received(Record, frozen=True):
    """A document that came in and is in no filing of an agency of the list.

    ``agency_key``, ``region_code``, ``year`` and ``title`` are what was read of its report, where something was; ``agency_id`` is
    the agency in whose filing it is. ``seen_year`` is the year in which it came in. ``several`` is what the error queue says of a
    file with several reports: their agencies and years.
    """

    document_id: int
    seen_year: int
    origins: tuple[FoundAt, ...] = ()
    agency_id: int | None = None
    agency_key: str | None = None
    region_code: str | None = None
    year: int | None = None
    title: str | None = None
    several: str | None = None

    def may_be_on(self, year: int) -> bool:
        """Return whether it may be a report on ``year``: as it was read, else as a manifest, the names of the file, its folders
        or its batch say, in this order. One without any year may be on each year before it came in.
        """
        if self.year is not None:
            return self.year == year
        told = {origin.year for origin in self.origins if origin.year is not None}
        if told:
            return year in told
        texts = [self.title or ""]
        paths = [_PARTS.split(origin.path) for origin in self.origins]
        found = years_in(texts) or years_in(parts[-1] for parts in paths)
        found = found or years_in(part for parts in paths for part in parts[:-1])
        found = found or years_in(origin.batch for origin in self.origins)
        return year in found if found else year < self.seen_year


def years_in(texts: Iterable[str]) -> frozenset[int]:
    """The years that texts name; where one of them is called the year of a report, those that are.

    >>> sorted(years_in(["2025年1月公布/2024年度报告.pdf"])), sorted(years_in(["2024.pdf", "20250131.pdf"]))
    ([2024], [2024])
    """
    joined = "\n".join(texts)
    found = _words().year_of_report.findall(joined) or _words().year.findall(joined)
    return frozenset(map(int, found))


@lru_cache(maxsize=10_000)
def names_in(text: str) -> tuple[str, ...]:
    """The pieces of a text that may be the name of an agency, the longest first.

    >>> names_in("03-淮安市教育局2024年政府信息公开工作年度报告（终稿）.docx")
    ('淮安市教育局',)
    """
    bare = _EXTENSION.sub("", text)
    cut = [*_cuts().split(fold_label(bare)), *map(fold_label, _cuts().split(bare))]  # without the marks between them, and with
    pieces = {piece.strip(_words().joins) for piece in cut if piece}
    return tuple(sorted((piece for piece in pieces if len(piece) > 1), key=lambda piece: (-len(piece), piece)))


@lru_cache(maxsize=10_000)
def region_of_folders(folders: tuple[str, ...]) -> Region | None:
    """The region to which folders lead: 江苏省/淮安市/洪泽区, also with others between; None when they name none."""
    above: Region | None = None
    regions = load_regions()
    for folder in folders:
        name = fold_label(folder)
        read = regions.read(name, above)
        inside = read.found if read.end == len(name) else [r for r in regions.named(name) if above is None or r.within(above)]
        if len(inside) == 1:
            above = inside[0]
    return above


class ExpectedAgency(Record, frozen=True):
    """An agency of the list of a year: the number of its line, its key, and its number in the register, if it is there."""

    line: int
    name: str
    region_code: str | None
    agency_key: str
    agency_id: int | None = None


class ExpectedAgencies:
    """The agencies of the list of one year, to find those that a document may be of."""

    def __init__(self, agencies: Sequence[ExpectedAgency]) -> None:
        self._by_key: dict[str, set[int]] = {}
        self._by_id: dict[int, set[int]] = {}
        self._by_body: dict[str, set[int]] = {}
        self._spelled: dict[str, dict[str, set[int]]] = {}
        for each in agencies:
            self._by_key.setdefault(each.agency_key, set()).add(each.line)
            if each.agency_id is not None:
                self._by_id.setdefault(each.agency_id, set()).add(each.line)
            self._by_body.setdefault(_body(each.name, each.region_code), set()).add(each.line)
            for name in _spellings(each):
                self._spelled.setdefault(name[:_SHORTEST], {}).setdefault(name, set()).add(each.line)

    def meant_by(self, received: Received, year: int) -> frozenset[int]:
        """The lines of the agencies whose report on ``year`` a document may be, or may hold; none when nothing says so."""
        held = self._held_by(received, year)
        return held or (self._read_as(received) if received.may_be_on(year) else held)

    def _held_by(self, received: Received, year: int) -> frozenset[int]:
        """The lines of the agencies whose reports a file with several holds."""
        codes = tuple(dict.fromkeys(code for origin in received.origins for code in _codes(origin)))
        found: set[int] = set()
        for part in _BETWEEN.split(received.several or ""):
            if year in (years_in([part]) or {year}):
                found |= self._named(part, codes)
        return frozenset(found)

    def _read_as(self, received: Received) -> frozenset[int]:
        """The lines of the agencies whose report a document may be, on whatever year.

        What was read of it goes before the manifest, that before its title and the names of the file, and those before the
        names of its folders and its batch.
        """
        if received.agency_id is not None and received.agency_id in self._by_id:
            return frozenset(self._by_id[received.agency_id])
        if received.agency_key is not None and received.agency_key in self._by_key:
            return frozenset(self._by_key[received.agency_key])
        levels = list(_levels(received))
        for texts in levels if received.agency_key is None else levels[:2]:  # a folder of others does not gainsay what was read
            found = {line for text, codes in texts for line in self._named(text, codes)}
            if found:
                return frozenset(found)
        return frozenset()

    def _named(self, text: str, codes: Sequence[str]) -> set[int]:
        """The lines of the agencies that a text names; ``codes`` are the regions that it may be about."""
        for name in names_in(text):
            for code in (*_codes_before(name, codes), *codes, None):
                if found := self._by_key.get(stored_key(name, code)):
                    return found
        if found := self._spelled_in(fold_label(text)):
            return found
        if codes:
            return set()
        bodies = [self._by_body.get(_body(name, None), set()) for name in names_in(text)]
        return next((lines for lines in bodies if len(lines) == 1), set())  # the only one of this name on the list

    def _spelled_in(self, text: str) -> set[int]:
        """The lines whose names stand in a text, the longest name."""
        best, found = 0, set[int]()
        for at in range(len(text) - _SHORTEST + 1):
            for name, lines in self._spelled.get(text[at : at + _SHORTEST], {}).items():
                if len(name) > best and text.startswith(name, at):
                    best, found = len(name), lines
        return found


def _body(name: str, code: str | None) -> str:
    return matched_name(name, code).body


def _spellings(agency: ExpectedAgency) -> Iterator[str]:
    """How a text may write an agency's name: as the list does, and with the last names of its region before it."""
    name, names = fold_label(agency.name), names_of((agency.region_code or "")[:6])
    spelled = {name, *("".join(names[at:]) + _body(agency.name, agency.region_code) for at in range(len(names)))}
    yield from (each for each in spelled if len(each) >= _SHORTEST and each not in names)


def _codes_before(name: str, within: Sequence[str]) -> Iterator[str]:
    """The code of the region with which a name begins, in one of the regions ``within`` or anywhere, where it is sure."""
    regions = [Region(names_of(code[:6]), code[:6]) for code in within]
    for region in (*(region for region in regions if region.chain), None):
        found = load_regions().read(name, region).found
        if len(found) == 1:
            yield found[0].code


def _levels(received: Received) -> Iterator[list[tuple[str, tuple[str, ...]]]]:
    """The texts that may name the agency, with the codes of the regions that they may be about, the surest first."""
    read = (received.region_code,) if received.region_code else ()
    yield [(origin.agency, (*read, *_codes(origin))) for origin in received.origins if origin.agency]
    codes = [(*read, *_codes(origin)) for origin in received.origins]
    files = [_PARTS.split(origin.path) for origin in received.origins]
    titles = [(received.title, code) for code in codes or [read]] if received.title else []
    yield titles + [(parts[-1], code) for parts, code in zip(files, codes, strict=True)]
    deepest = max((len(parts) for parts in files), default=0)
    for depth in range(2, deepest + 1):
        folders = [(parts[-depth], code) for parts, code in zip(files, codes, strict=True) if len(parts) >= depth]
        yield [(folder, code) for folder, code in folders if not _is_place(folder)]
    yield [(origin.batch, code) for origin, code in zip(received.origins, codes, strict=True) if not _is_place(origin.batch)]


def _codes(origin: FoundAt) -> tuple[str, ...]:
    named = load_regions().chain(origin.region) if origin.region else None
    named = named or region_of_folders((origin.batch, *_PARTS.split(origin.path)[:-1]))
    return (named.code,) if named else ()


def _is_place(folder: str) -> bool:
    """Return whether a folder has the name of a region alone: it holds the reports of a region, not of its government."""
    name = fold_label(folder)
    return bool(load_regions().named(name)) or load_regions().read(name).end == len(name) > 0
