"""The division in which a body stands, from its name and, where that is not enough, from other evidence."""

from __future__ import annotations

import re
from typing import NamedTuple

from codebook.agencies import load_agencies
from codebook.divisions import Region
from codebook.regions import NO_CODE, load_regions
from tasks.parsing.words import words as patterns


class Evidence(NamedTuple):
    """Text that may name the region: ``weight`` 2 speaks of the body itself (address, folder), 1 of what is around it."""

    text: str
    source: str
    weight: int


class RegionFound(NamedTuple):
    """The region, the source and text that decided, and a note when it could not be determined.

    ``against`` is the region of the body's own name where a given region contradicts it, with the text that says so.
    """

    chain: tuple[str, ...]
    code: str | None
    source: str
    raw: str
    note: str | None = None
    against: tuple[str, ...] = ()
    raw_against: str = ""


_SPLIT = re.compile(r"[/\\_\s>·|,]+")
NONE = RegionFound((), None, "", "")


def _found(region: Region, source: str, raw: str) -> RegionFound:
    return RegionFound(region.chain, None if region.code == NO_CODE else region.code, source, raw)


def in_name(agency: str) -> tuple[tuple[Region, ...], str]:
    """The regions that a body's name may mean (several: ambiguous), and the part of the name that says so."""
    regions = load_regions()
    words = load_agencies()
    rest = words.central.sub("", agency)
    offset = len(agency) - len(rest)
    found = regions.read(rest)
    if found.found:
        sure = found.found
        if len(sure) == 1 and (branch := _branch(rest[found.end :], sure[0])):
            return (branch,), rest
        return sure, agency[offset : offset + found.end]
    for length in (4, 3, 2):  # 常熟城管局: a short name before a department
        name, behind = rest[:length], rest[length:]
        named = regions.named(name)
        if len(named) == 1 and (offset or words.departments.match(behind)) and not regions.refused(behind):
            return named, name
    return (), ""


def _branch(rest: str, above: Region) -> Region | None:
    """北京市公安局朝阳分局: the district that a branch is named after."""
    match = patterns().identity.branch.search(rest)
    if not match:
        return None
    for length in range(len(match[1]), 1, -1):
        inside = [r for r in load_regions().named(match[1][-length:]) if r.within(above)]
        if len(inside) == 1:
            return inside[0]
    return None


def find_region(agency: str | None, hint: tuple[str, ...], evidence: list[Evidence]) -> RegionFound:
    """The region of a body. A hint completes and overrides; an ambiguous county without other evidence stays unknown."""
    own, raw = in_name(agency) if agency else ((), "")
    if hint:
        return _with_hint(hint, own, raw)
    named = _named(evidence)
    if len(own) == 1:
        return _found(own[0], "title", raw)
    if own:
        return _resolve(own, raw, named)
    strong = [(region, item) for region, item in named if item.weight >= 2]
    return _deepest(strong) if agency and strong else NONE


def _with_hint(hint: tuple[str, ...], own: tuple[Region, ...], raw: str) -> RegionFound:
    given = load_regions().chain(hint)
    if given is None:
        return RegionFound(hint, None, "manifest", "/".join(hint))
    inside = [r for r in own if r.within(given)]
    if len(inside) == 1:
        return _found(inside[0], "manifest", raw)
    found = _found(given, "manifest", "/".join(hint))
    if own and given not in own and not any(given.within(r) for r in own):
        note = load_agencies().notes.hint_conflict.format(raw=raw, hint="/".join(hint))
        return found._replace(note=note, against=own[0].chain, raw_against=raw)
    return found


def _named(evidence: list[Evidence]) -> list[tuple[Region, Evidence]]:
    """The regions that the evidence names without ambiguity, folders and paths read as chains."""
    regions = load_regions()
    found: list[tuple[Region, Evidence]] = []
    for item in evidence:
        if item.source in ("folder", "file_name"):
            parts = [part for part in _SPLIT.split(item.text) if part]
            chain: Region | None = None
            for part in parts:
                here = [r for r in regions.named(part) if chain is None or r.within(chain)]
                if len(here) == 1:
                    chain = here[0]
            if chain:
                found.append((chain, item))
        for mention in regions.mentions(item.text):
            if len(mention.found) == 1:
                found.append((mention.found[0], item))
        if (host := load_agencies().host.search(item.text)) and host["short"] and len(at := regions.named(host["short"])) == 1:
            found.append((at[0], item))
    return found


def _resolve(own: tuple[Region, ...], raw: str, named: list[tuple[Region, Evidence]]) -> RegionFound:
    """Of the counties with the same name the one whose city or province (or itself, in full) the evidence names."""
    for weight in (2, 1):
        fitting: dict[Region, Evidence] = {}
        for region, item in named:
            if item.weight >= weight:
                for candidate in own:
                    if candidate == region or candidate.within(region):
                        fitting.setdefault(candidate, item)
        if len(fitting) == 1:
            (region, item), *_ = fitting.items()
            return _found(region, item.source, item.text[:80])
    return NONE._replace(note=load_agencies().notes.ambiguous.format(raw=raw))


def _deepest(strong: list[tuple[Region, Evidence]]) -> RegionFound:
    """The region on which all strong evidence agrees: the deepest one, when every other lies around it."""
    region, item = max(strong, key=lambda pair: len(pair[0].chain))
    if all(other == region or region.within(other) for other, _ in strong):
        return _found(region, item.source, item.text[:80])
    return NONE._replace(note=load_agencies().notes.several)
