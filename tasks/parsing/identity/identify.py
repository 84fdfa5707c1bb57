"""Who a report is by, where that is, for which year, under what title and when it was published, each with the evidence used.

Every piece of evidence becomes a :class:`~codebook.records.Clue`; the one that weighs most decides. 我局 is no body, the page's
host may be another body, and the year of a signature is not the year of the report.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from codebook.agencies import load_agencies
from codebook.records import CONFLICT, Clue, Extraction, Hints
from codebook.regions import load_regions
from tasks.parsing.identity.region import find_region
from tasks.parsing.identity.sources import Collector, Weighed
from tasks.parsing.outline import Outline


class ReportIdentity(NamedTuple):
    """What a report says about itself; None (or an empty region) where no evidence names it."""

    agency: str | None
    region: tuple[str, ...]
    region_code: str | None
    year: int | None
    title: str | None
    published_on: str | None
    clues: tuple[Clue, ...]
    notes: tuple[str, ...]


def _best(found: list[Weighed], field: str) -> Weighed | None:
    """The clue of a field that weighs most; each other source that says the same adds to it."""
    clues = [w for w in found if w.clue.field == field]
    if not clues:
        return None

    def strength(weighed: Weighed) -> int:
        others = {
            w.clue.source for w in clues if w.clue.source != weighed.clue.source and _agree(w.clue.value, weighed.clue.value)
        }
        return weighed.weight + 4 * len(others)

    return max(clues, key=strength)


def _agree(one: str, other: str) -> bool:
    return one == other or one.endswith(other) or other.endswith(one)


def _fuller(name: str, found: list[Weighed], text: str) -> str:
    """The name with what other evidence adds: 人民政府 behind a bare town or region, and the region before it."""
    names = [
        w.clue.value for w in sorted(found, reverse=True, key=lambda w: w.weight) if w.clue.field == "agency" and w.weight >= 40
    ]
    if not load_agencies().strict.search(name):
        name = _completed(name, names, text)
    if not find_region(name, (), []).chain and not load_agencies().relative.match(name):
        for other in names:
            if other != name and other.endswith(name) and load_regions().read(other).end == len(other) - len(name):
                return other
    return name


def _completed(name: str, names: list[str], text: str) -> str:
    """A bare town or zone as the text prints its government or office in full; a division alone is its government."""
    own = find_region(name, (), []).chain
    short = own[-1] if own and name.endswith(own[-1]) else name
    for ending in load_agencies().completions:
        if any(other.endswith(short + ending) for other in names) or short + ending in text:
            return name + ending
    division = load_regions().division(name)
    if division is None:
        return name
    return name + next((row.adds for row in load_agencies().governments if name.endswith(row.endings)), "")


def identify(extraction: Extraction, outline: Outline, hints: Hints) -> ReportIdentity:
    """Agency, region, year, title and date of a report, with all clues and with notes on what disagrees."""
    collector = Collector(extraction, outline, hints)
    collector.gather()
    found, notes = collector.found, []
    date = _best(found, "published_on")
    if date and not _best(found, "year"):
        notes.append(load_agencies().notes.year_by_date)
        before = str(int(date.clue.value[:4]) - 1)
        found.append(Weighed(10, Clue("year", before, date.clue.source, date.clue.raw, date.clue.place)))
    year = _best(found, "year")
    notes += _year_conflicts(year, found)
    published = _published(found, year, notes)
    chosen = _best(found, "agency")
    if chosen is not None and chosen.clue.source == "sender":
        chosen = None  # who sends a report need not be who it is by
    if chosen is None:
        notes += dict.fromkeys(collector.notes)
    name = chosen.clue.value if chosen else None
    if name and chosen and chosen.clue.source != "manifest":
        name = _fuller(collector.full_names.get(name, name), found, outline.passage.text)
    region = find_region(name, hints.region, collector.evidence)
    if region.note:
        notes.append(region.note)
    clues = [w.clue for w in sorted(found, key=lambda w: -w.weight)]
    if region.chain:
        clues.append(Clue("region", "/".join(region.chain), region.source, region.raw))
    if region.against:
        clues.append(Clue("region", "/".join(region.against), CONFLICT, region.raw_against))
    title = max(collector.titles, key=lambda t: (t[0], t[3].agency is not None), default=None)
    if title:
        clues.append(Clue("title", title[1], "title", title[1], title[2]))
    return ReportIdentity(
        name,
        region.chain,
        region.code,
        int(year.clue.value) if year else None,
        re.sub(r"(?<=[^ -~]) +| +(?=[^ -~])", "", title[1]) if title else None,
        published,
        tuple(dict.fromkeys(clues)),
        tuple(notes),
    )


def _year_conflicts(year: Weighed | None, found: list[Weighed]) -> list[str]:
    if year is None:
        return []
    others = {w.clue.value for w in found if w.clue.field == "year" and w.weight >= 60 and w.clue.value != year.clue.value}
    if not others:
        return []
    note = load_agencies().notes.year_conflict
    return [note.format(year=year.clue.value, raw=year.clue.raw[:40], others="、".join(sorted(others)))]


def _published(found: list[Weighed], year: Weighed | None, notes: list[str]) -> str | None:
    """The date of publication; a report is not published before its year is over, one on a school year not before its last."""
    first = int(year.clue.value) + (not load_agencies().school_year.search(year.clue.raw)) if year else 0
    dates = sorted((w for w in found if w.clue.field == "published_on"), key=lambda w: -w.weight)
    for weighed in dates:
        if weighed.clue.source == "manifest" or int(weighed.clue.value[:4]) >= first:
            return weighed.clue.value
        notes.append(load_agencies().notes.early_date.format(day=weighed.clue.value))
    return None
