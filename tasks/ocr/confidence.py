"""How sure a reading is: short lines that were read unsurely are looked at again, and what the looks agree on counts.

Scores are those of the recognition model, which are no probabilities; what they are worth was measured (docs/ocr-accuracy.md),
and :data:`SURE` follows from that.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from codebook.confidence import surety
from codebook.text.fold import fold_label
from tasks.ocr.engines.pair import LabelFinder, ReaderPair
from tasks.ocr.engines.recognise import LineReader, LineReading, SecondLooker
from tasks.ocr.near_duplicates import PROBES, twin_groups
from tasks.ocr.prepare_image import Grey
from tasks.ocr.two_readers import LABEL_SAMPLE, alone, is_mark, is_number, is_sure, to_sample, together

SURE = surety().cell  # the score from which on a cell or line counts as read; below it is a doubt
_UNSURE = 0.9  # the most that a reading is worth when the looks disagree
_SHORT = 6  # times its height: numbers are no wider than that
_LEGIBLE = 0.8  # a long line with a character read less surely than that is looked at again
_TORN = 0.5  # the most that a cell is worth which seems to be several
_DECIMAL = re.compile(r"\d+(?:[.,]\d+)+")
_SPECKED = re.compile(r"[.,·•。|]*(\d+)[.,·•。|]*")  # a number with specks or the rest of a rule beside it
_NUMBER = re.compile(r"[.,|/—_-]*+\d[\d.,|/—_-]*+")
_GROUPED = re.compile(r"\d{1,3}([.,])\d{3}(?:\1\d{3})*")
_LOOKALIKES = str.maketrans("lI|oO", "11100")  # letters whose shape is that of a digit
_SWAP = str.maketrans(".,．，", ",.，．")


class Settled(NamedTuple):
    """What a line is taken to say, how sure that is (0 to 1), and what else it may say, best first.

    ``line`` is how sure it is as a line of text: as sure as its digits, and not surer than its characters are on the whole. What
    stands around a number says which one it is, and one misread character makes that an unknown phrase, not another one.
    ``seen`` is the number that another reader has read too, with its own score; None where only one has read it, or they differ.
    """

    text: str
    score: float
    others: tuple[tuple[str, float], ...] = ()
    line: float = 0.0
    seen: str | None = None
    seen_score: float = 0.0


def read_surely(
    crops: Sequence[Grey],
    known: Mapping[int, LineReading],
    reader: LineReader,
    *,
    texts: Sequence[Sequence[int]] = (),
    is_poor: bool = False,
) -> list[Settled]:
    """Read each crop, again where that is needed, and crops that look the same only a few times.

    ``known`` are crops that were read before, by index. ``is_poor`` is for pages so poor that the model is sure of what is not
    there: every number is looked at again, and no two crops are taken for the same. Where ``reader`` is a pair, its reader of
    numbers reads first, and of the numbers of which it is sure only a sample is read by both. ``texts`` are crops, by index, that
    may be a label of the forms, such as the lines of a cell from top to bottom: its reader of labels reads those first, and again
    only a sample of those of which it is sure is read by both.
    """
    if not isinstance(reader, ReaderPair):
        return list(_read_lines(dict(enumerate(crops)), known, reader, {}, is_poor).values())
    firsts, general = reader.numbers.read(crops), reader.general
    sure = set() if is_poor else {i for i, first in enumerate(firsts) if is_sure(first)}
    labels = {} if is_poor or not reader.labels else _labels(crops, texts, firsts, reader.labels, general)
    sure |= labels.keys()
    asked = [i for i in range(len(crops)) if i not in sure] + (sample := [i for i in to_sample(firsts) if i in sure])
    seconds = _read_lines({i: crops[i] for i in asked}, known, general, dict(enumerate(firsts)), is_poor)
    if any(seconds[i].score >= SURE and together(firsts[i], seconds[i].text, 1.0).score < SURE for i in sample):
        # on this page it cannot be trusted alone
        left = [i for i in sure if i not in seconds and i not in labels]
        seconds |= _read_lines({i: crops[i] for i in left}, known, general, dict(enumerate(firsts)), is_poor)
    return [labels[i] if i in labels else _of_both(first, seconds.get(i)) for i, first in enumerate(firsts)]


def _labels(
    crops: Sequence[Grey], texts: Sequence[Sequence[int]], firsts: Sequence[LineReading], own: LabelFinder, general: LineReader
) -> dict[int, Settled]:
    """The crops that are lines of labels, by index, as far as the reader of labels is sure of them and a sample bears it out.

    Where the general reader legibly reads another text for one of the sample, the page has none.
    """
    likely = [text for text in texts if not all(is_number(firsts[i]) or is_mark(firsts[i]) for i in text)]
    found = own.labels([[crops[i] for i in text] for text in likely])
    sure = [(text, lines) for text, lines in zip(likely, found, strict=True) if lines and lines[0].score >= _least(lines)]
    sample = sure[::LABEL_SAMPLE]
    seconds = iter(general.read([crops[i] for text, _ in sample for i in text]))
    for _, lines in sample:
        said = [next(seconds) for _ in lines]
        is_legible = all(line.words >= _LEGIBLE for line in said)
        if is_legible and _label_of(said) != _label_of(lines):
            return {}
    return {
        i: Settled(line.text, line.score, line=line.score) for text, lines in sure for i, line in zip(text, lines, strict=True)
    }


def _least(label: Sequence[LineReading]) -> float:
    """Return how surely a label must be read; a single character, such as a unit, has nothing beside it that bears it out."""
    return surety().label if sum(len(line.text) for line in label) > 1 else SURE


def _label_of(lines: Sequence[LineReading]) -> str:
    return fold_label("".join(line.text for line in lines))


def _of_both(first: LineReading, second: Settled | None) -> Settled:
    """Return what both readers say together; ``second`` is None where only the first was asked."""
    if second is None:
        opinion = alone(first)
    else:
        opinion = together(first, second.text, second.score, second.others)
        if (opinion.text, opinion.score) == (second.text, second.score):
            return second
    score = opinion.score
    settled = Settled(opinion.text, score, _ranked(opinion.text, opinion.others), score)
    return settled._replace(seen=first.text, seen_score=first.score) if opinion.is_by_both else settled


def _read_lines(
    crops: Mapping[int, Grey],
    known: Mapping[int, LineReading],
    reader: LineReader,
    firsts: Mapping[int, LineReading],
    is_poor: bool,
) -> dict[int, Settled]:
    """The crops read by ``reader`` itself, by index; those that look the same only a few times.

    A crop of which another reader says the same in ``firsts`` is not looked at again.
    """
    order = list(crops)
    groups = [] if is_poor else [[order[i] for i in group] for group in twin_groups([crops[i] for i in order])]
    settled: dict[int, Settled] = {}

    def add(which: list[int]) -> None:
        unread = [i for i in which if i not in known]
        found = {**known, **dict(zip(unread, reader.read([crops[i] for i in unread]), strict=True))}
        agreed = {n for n, i in enumerate(which) if i in firsts and together(firsts[i], found[i].text, found[i].score).is_settled}
        results = settle([crops[i] for i in which], [found[i] for i in which], reader, always=is_poor, agreed=agreed)
        settled.update(zip(which, results, strict=True))

    twins = {i for group in groups for i in group[PROBES:]}
    add([i for i in order if i not in twins])
    left = []
    for group in groups:
        probes = [settled[i] for i in group[:PROBES]]
        score = min(probe.score for probe in probes)
        if score >= SURE and len({_bare(probe.text) for probe in probes}) == 1:
            settled.update({i: Settled(probes[0].text, score, line=score) for i in group[PROBES:]})
        else:
            left += group[PROBES:]
    add(left)
    return {i: settled[i] for i in order}


def settle(
    crops: Sequence[Grey],
    readings: Sequence[LineReading],
    reader: LineReader,
    *,
    always: bool = False,
    agreed: Collection[int] = (),
) -> list[Settled]:
    """Readings with their sureties. Unsure ones are read again, or with ``always`` all short numbers; ``agreed`` are not."""
    settled = [
        Settled(r.text, r.score, _ranked(r.text, [r.digits] if r.digits[0] else []), min(r.numbers, r.mean)) for r in readings
    ]
    if not isinstance(reader, SecondLooker):
        return settled
    short = [crop.shape[1] <= _SHORT * crop.shape[0] for crop in crops]
    again = [
        i
        for i, reading in enumerate(readings)
        if i not in agreed
        and (reading.score < SURE or (always and _is_number(reading.text)) if short[i] else _is_illegible(reading))
    ]
    for i, looks in zip(again, reader.read_again([crops[i] for i in again]), strict=True):
        settled[i] = (_agreed if short[i] else _clearest)((readings[i], *looks))
    return settled


def _is_illegible(reading: LineReading) -> bool:
    return reading.words < _LEGIBLE or reading.numbers < SURE


def _clearest(looks: Sequence[LineReading]) -> Settled:
    """The clearest of several looks at a long line; its numbers are sure when all looks see the same digits."""
    best = max(looks, key=lambda look: (look.text != "", look.words, look.mean))
    same = len({_digits_of(look.text) for look in looks}) == 1
    numbers = max(look.numbers for look in looks) if same else min(_UNSURE, best.numbers)
    return Settled(best.text, best.score, line=min(numbers, best.mean))


def _digits_of(text: str) -> str:
    return "".join(character for character in _bare(text) if character.isdigit() or character == ".")


def with_separator(settled: Settled, seen: str | None) -> Settled:
    """A number with a point or comma is only sure when the shape of that mark, ``seen``, says so too.

    A speck may pass for a point, and 4,746 for 4.746; where digits stand in groups of three, the mark must be the very one, and
    a point be read surely by the first reader: a worn comma has its shape. Marks before and after the digits are taken off, with
    a doubt.
    """
    bare = _bare(settled.text)
    if (inner := _SPECKED.fullmatch(bare)) and inner[1] != bare:
        others = ((settled.text, settled.score), *settled.others)
        return Settled(inner[1], min(settled.score, _UNSURE), others, min(settled.line, _UNSURE))
    if _DECIMAL.fullmatch(bare) is None:
        return settled
    grouped = _GROUPED.fullmatch(bare)
    first = settled.score if settled.seen is None else settled.seen_score
    is_worn = grouped is not None and grouped[1] == "." and first < surety().first
    if seen is not None and not is_worn and (grouped is None or seen == grouped[1]):
        return settled
    other = settled.text.translate(_SWAP) if grouped else re.sub(r"[.,．，]", "", settled.text)
    others = ((other, settled.score), *settled.others)
    return Settled(settled.text, min(settled.score, _UNSURE), others, min(settled.line, _UNSURE))


def cell_score(lines: Sequence[Settled], is_torn: bool) -> float:
    """Return how sure the text of a cell is that holds ``lines``, at least one: as sure as the least sure line.

    Two numbers in one cell, below each other or beside each other (``is_torn``: parted by a gap or a stroke), are two cells
    whose rule was not seen.
    """
    score = min(line.score for line in lines)
    numbers = sum(_is_bare_number(line.text) for line in lines)
    return min(score, _TORN) if numbers > 1 or (numbers and is_torn) or (numbers and len(lines) > 1) else score


def numbers_among(lines: Sequence[Settled]) -> tuple[tuple[str, float], ...]:
    """Return the numbers that a cell of several lines may hold: one of its lines, where the others are dirt or a seal."""
    return _ranked("", [(line.text, line.score) for line in lines if _is_bare_number(line.text)])


def _agreed(looks: Sequence[LineReading]) -> Settled:
    """Several looks at one short line put together: sure when all say the same and one of them surely, or two nearly so.

    A letter that has the shape of a digit says that digit where the first look saw nothing but digits.
    """
    first = looks[0]
    is_number = _bare(first.text).isdecimal()
    seen: dict[str, list[LineReading]] = {}
    for look in looks:
        said = _bare(look.text)
        seen.setdefault(said.translate(_LOOKALIKES) if is_number else said, []).append(look)
    digits = [look.digits for look in looks if look.digits[0]]
    if len(seen) == 1:
        best, second = sorted((look.score for look in looks), reverse=True)[:2]
        score = max(best, 1 - (1 - best) * (1 - second)) if second >= _UNSURE else best
        return Settled(first.text, score, _ranked(first.text, digits), score)
    likely = max(seen.values(), key=lambda same: sum(look.score for look in same))
    text = max(likely, key=lambda look: look.score).text
    score = min(_UNSURE, sum(look.score for look in likely) / len(looks))
    others = [(same[0].text, max(look.score for look in same)) for same in seen.values() if same is not likely and same[0].text]
    return Settled(text, score, _ranked(text, others + digits), score)


def _ranked(text: str, others: Sequence[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    """Other readings, each once with its best score, best first."""
    best: dict[str, float] = {}
    for other, score in others:
        if _bare(other) != _bare(text):
            best[other] = max(score, best.get(other, 0.0))
    return tuple(sorted(((other, round(score, 4)) for other, score in best.items()), key=lambda pair: -pair[1]))


def _bare(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


def _is_bare_number(text: str) -> bool:
    return _NUMBER.fullmatch(_bare(text)) is not None


def _is_number(text: str) -> bool:
    return any(character.isdigit() for character in text) and len(text) < 16
