"""The numbers of the form of 2014, read from sentences.

The statistics table of 2014 to 2018 was often lost when a page was saved; the same numbers stand in the text. A number is a fact
only when its sentence says so plainly: what is approximate, or said twice with different values, is a doubt with candidates.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from codebook.confidence import surety
from codebook.phrases import load_phrases
from codebook.records import Origin, Reading, State, witness_of
from codebook.regions import load_regions
from tasks.parsing.outline import Outline
from tasks.parsing.prose.search import Mention, Search


def chapter_starts(outline: Outline) -> tuple[int, ...]:
    """Return where the chapters begin in the folded text of the outline's passage."""
    return tuple(outline.passage.start_of(chapter.first) for chapter in outline.chapters)


def search_of(outline: Outline, year: int | None, agency: str | None) -> Search:
    """A search over the whole document. A report by a people's government covers its region, not its office alone."""
    name = agency or ""
    region = load_regions().read(name).end == len(name) > 0  # 示例市2021年…: the government, named by its region alone
    return Search(outline.passage, year, chapter_starts(outline), region or bool(load_phrases().government.search(name)))


def read_statistics(search: Search, outline: Outline) -> tuple[tuple[Reading, ...], dict[str, str]]:
    """The indicators of the statistics table that the prose states, each at most once, in the order of the form.

    Returns the readings (origin PROSE) and, for each indicator, the id of the phrase that was believed. An indicator that the
    prose does not mention has no reading.
    """
    found: dict[str, list[Mention]] = {}
    for mention in search.mentions(load_phrases().statistics):
        found.setdefault(mention.phrase.row.means[0], []).append(mention)
    spans = _data_chapters(outline, search, found.values())
    readings: list[Reading] = []
    used: dict[str, str] = {}
    for phrase in load_phrases().statistics:
        indicator = phrase.row.means[0]
        if indicator in found and indicator not in used:
            mention, reading = _judge(indicator, found[indicator], spans, search)
            readings.append(reading)
            used[indicator] = mention.phrase.row.id
    return tuple(readings), used


def _data_chapters(outline: Outline, search: Search, found: Iterable[list[Mention]]) -> list[tuple[int, int]]:
    """The spans of the chapters that give the data: by their titles, or the one that holds most wordings of the table."""
    starts = [*chapter_starts(outline), len(search.text)]
    spans = [
        (starts[i], starts[i + 1])
        for i, chapter in enumerate(outline.chapters)
        if load_phrases().data_chapter.search(chapter.section.title)
    ]
    if spans:
        return spans
    places = [m.start for mentions in found for m in mentions if m.phrase.rank == 1]
    counts = [(sum(a <= p < b for p in places), -a, b) for a, b in pairwise(starts)]
    best = max(counts, default=(0, 0, 0))
    return [(-best[1], best[2])] if best[0] >= 3 else []


def _judge(indicator: str, mentions: list[Mention], spans: list[tuple[int, int]], search: Search) -> tuple[Mention, Reading]:
    """Choose among the mentions of one indicator: the region's before its office's, the table's wording before others, exact
    numbers before round ones, the data chapter's before the rest. Different values that remain are a doubt."""
    chosen = [m for m in mentions if not m.own_office] or mentions
    chosen = [m for m in chosen if not (m.approximate or m.stock)] or chosen
    rank = min(m.phrase.rank for m in chosen)
    chosen = [m for m in chosen if m.phrase.rank == rank]
    if len({m.value for m in chosen}) > 1:
        chosen = [m for m in chosen if any(a <= m.start < b for a, b in spans)] or chosen
    first = chosen[0]
    values = tuple(dict.fromkeys(m.value for m in chosen))
    words = load_phrases().doubts
    doubt = None
    candidates: tuple[int | float, ...] = ()
    if len(values) > 1:
        doubt, candidates = words.conflict, values
    elif first.approximate:
        doubt, candidates = words.approximate, values
    elif first.other is not None:
        doubt, candidates = words.no_unit, (first.value, first.other)
    elif first.stock:
        doubt, candidates = words.stock, values
    elif first.own_office:
        doubt, candidates = words.own_office, values
    hit = search.passage.hit(first.first, first.last)
    if doubt is None and hit.score < surety().line:
        doubt, candidates = words.unsure, values
    return first, Reading(
        indicator=indicator,
        value=None if len(values) > 1 else first.value,
        state=State.DOUBTFUL if doubt else State.READ,
        raw=hit.raw,
        place=hit.place,
        read_by=hit.reader,
        origin=Origin.PROSE,
        score=hit.score,
        sentence=hit.sentence,
        doubt=doubt,
        candidates=candidates,
        witnesses=() if doubt else (witness_of(hit.reader),),
    )
