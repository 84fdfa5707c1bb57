"""How sure a reading is: short lines that were read unsurely are looked at again, and what the looks agree on counts.

Scores are those of the recognition model, which are no probabilities; what they are worth was measured
(docs/ocr-accuracy.md), and
:data:`SURE` follows from that.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from codebook.surety import surety
from tasks.ocr.picture import Grey
from tasks.ocr.recognise import LineReader, LineReading, SecondLooker
from tasks.ocr.twins import PROBES, twin_groups

SURE = surety().cell  # the score from which on a cell or line counts as read; below it is a doubt
_UNSURE = 0.9  # the most that a reading is worth when the looks disagree
_SHORT = 6  # times its height: numbers are no wider than that
_GROUPED = re.compile(r"\d{1,3}([.,])\d{3}(?:\1\d{3})*")
_SWAP = str.maketrans(".,．，", ",.，．")


class Settled(NamedTuple):
    """What a line is taken to say, how sure that is (0 to 1), and what else it may say, best first."""

    text: str
    score: float
    others: tuple[tuple[str, float], ...] = ()


def read_surely(
    crops: Sequence[Grey], known: Mapping[int, LineReading], reader: LineReader, *, is_poor: bool = False
) -> list[Settled]:
    """Read each crop, again where that is needed, and crops that look the same only a few times.

    ``known`` are crops that were read before, by index. ``is_poor`` is for pages so poor that the model is sure of what is
    not there:
    every number is looked at again, and no two crops are taken for the same.
    """
    groups = [] if is_poor else twin_groups(crops)
    settled: dict[int, Settled] = {}

    def add(which: list[int]) -> None:
        unread = [i for i in which if i not in known]
        found = {**known, **dict(zip(unread, reader.read([crops[i] for i in unread]), strict=True))}
        results = settle([crops[i] for i in which], [found[i] for i in which], reader, always=is_poor)
        settled.update(zip(which, results, strict=True))

    twins = {i for group in groups for i in group[PROBES:]}
    add([i for i in range(len(crops)) if i not in twins])
    left = []
    for group in groups:
        probes = [settled[i] for i in group[:PROBES]]
        score = min(probe.score for probe in probes)
        if score >= SURE and len({_bare(probe.text) for probe in probes}) == 1:
            settled.update({i: Settled(probes[0].text, score) for i in group[PROBES:]})
        else:
            left += group[PROBES:]
    add(left)
    return [settled[i] for i in range(len(crops))]


def settle(crops: Sequence[Grey], readings: Sequence[LineReading], reader: LineReader, *, always: bool = False) -> list[Settled]:
    """Readings with their sureties. Short unsure ones are read again where ``reader`` can; with ``always``, all short
    numbers are.
    """
    settled = [Settled(r.text, r.score, _ranked(r.text, [r.digits] if r.digits[0] else [])) for r in readings]
    if not isinstance(reader, SecondLooker):
        return settled
    again = [
        i
        for i, (crop, reading) in enumerate(zip(crops, readings, strict=True))
        if crop.shape[1] <= _SHORT * crop.shape[0] and (reading.score < SURE or (always and _is_number(reading.text)))
    ]
    for i, looks in zip(again, reader.read_again([crops[i] for i in again]), strict=True):
        settled[i] = _agreed((readings[i], *looks))
    return settled


def with_separator(settled: Settled, seen: str | None) -> Settled:
    """A reading of digits in groups of three, such as 4,746 or 4.746, is sure only when the shape of the mark, ``seen``,
    says so too.
    """
    match = _GROUPED.fullmatch(_bare(settled.text))
    if match is None or seen == match[1]:
        return settled
    other = settled.text.translate(_SWAP)
    return Settled(settled.text, min(settled.score, _UNSURE), ((other, settled.score), *settled.others))


def _agreed(looks: Sequence[LineReading]) -> Settled:
    """Several looks at one line put together: sure when all say the same and one of them surely."""
    first = looks[0]
    seen: dict[str, list[LineReading]] = {}
    for look in looks:
        seen.setdefault(_bare(look.text), []).append(look)
    digits = [look.digits for look in looks if look.digits[0]]
    if len(seen) == 1:
        return Settled(first.text, max(look.score for look in looks), _ranked(first.text, digits))
    likely = max(seen.values(), key=lambda same: sum(look.score for look in same))
    text = max(likely, key=lambda look: look.score).text
    score = min(_UNSURE, sum(look.score for look in likely) / len(looks))
    others = [(same[0].text, max(look.score for look in same)) for same in seen.values() if same is not likely and same[0].text]
    return Settled(text, score, _ranked(text, others + digits))


def _ranked(text: str, others: Sequence[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    """Other readings, each once with its best score, best first."""
    best: dict[str, float] = {}
    for other, score in others:
        if _bare(other) != _bare(text):
            best[other] = max(score, best.get(other, 0.0))
    return tuple(sorted(((other, round(score, 4)) for other, score in best.items()), key=lambda pair: -pair[1]))


def _bare(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


def _is_number(text: str) -> bool:
    return any(character.isdigit() for character in text) and len(text) < 16
