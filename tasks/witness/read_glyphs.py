"""What each group of glyphs is, from a few numbers that a LineReader reads; and from these, the number that each cell shows.

A page has some hundred numbers and about ten different digits. Read are only as many numbers as it takes for each group to be
read a few times, in different company; all of them vote. One number misread changes nothing then.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from codebook.text.numbers import ValueKind, read_number
from tasks.ocr.engines.recognise import LineReader, LineReading, SecondLooker
from tasks.ocr.prepare_image import Grey
from tasks.witness.glyph_groups import UNGROUPED, glyph_groups
from tasks.witness.page_ink import CellInk

_PROBES = 2  # readings of each group
_MORE_PROBES = 6  # of one whose readings do not agree with each other, or with the text
_AGREE = 0.8  # share of the votes, weighed by their scores, that decides what a group is
_LEAST = 0.6  # score below which a reading is no vote
_SURE = 0.9  # score of the only reading of a group
_ROUNDS = 3
_DOT = 0.99  # score of a decimal point told by its shape
_MOST_ALONE = 64  # numbers of a document that are read by themselves
_MOST_READ = 400  # numbers of a document; more different ones no report prints


class SeenNumber(NamedTuple):
    """What a cell shows: its digits and marks, one for each glyph ("?" where it is not known what that glyph is); ``score`` is
    that of the least sure glyph that is known.
    """

    text: str
    score: float


class _Vote(NamedTuple):
    text: str
    score: float


def read_numbers(inks: Sequence[CellInk], reader: LineReader, texts: Sequence[str]) -> list[SeenNumber]:
    """What each of ``inks`` (with glyphs) shows. Marks raised above the line are left out: they are notes.

    ``texts`` are what the text says there. It has no vote: but a group of glyphs that is read as another digit than the text has
    in its places is read more often before that is believed.
    """
    glyphs = [[glyph for glyph in ink.glyphs if not glyph.raised] or list(ink.glyphs) for ink in inks]
    flat = glyph_groups([glyph for line in glyphs for glyph in line])
    ends = np.cumsum([len(line) for line in glyphs]).tolist()
    groups = [flat[start:end].tolist() for start, end in zip([0, *ends], ends, strict=False)]
    said = _said(groups, texts)
    votes: dict[int, list[_Vote]] = defaultdict(list)
    known: set[int] = set()
    names: dict[int, SeenNumber] = {}
    need = dict.fromkeys(flat.tolist(), _PROBES)
    for _ in range(_ROUNDS):
        chosen = _to_read(groups, {group: count - len(votes.get(group, ())) for group, count in need.items()}, known)
        if not chosen:
            break
        known.update(chosen)
        for index, reading in zip(chosen, reader.read([_line(inks[index]) for index in chosen]), strict=True):
            _vote(groups[index], reading, votes)
        names = {group: name for group, cast in votes.items() if (name := _name(cast)) is not None}
        need = {group: _PROBES if _settled(names.get(group), said.get(group)) else _MORE_PROBES for group in need}
    for group, name in list(names.items()):
        if not _settled(name, said.get(group)) and len(votes[group]) < _PROBES:
            del names[group]  # one reading alone against the text: it is looked at again
    for group in {
        group for group, glyph in zip(flat.tolist(), (g for line in glyphs for g in line), strict=True) if glyph.is_dot
    }:
        names.setdefault(group, SeenNumber(".", _DOT))  # as a rule it stands in one number alone, which may be long
    unknown = SeenNumber("?", 1.0)
    named = [[names.get(group, unknown) for group in line] for line in groups]
    found = [SeenNumber("".join(n.text for n in line), min((n.score for n in line), default=0.0)) for line in named]
    unsure = [i for i, (number, text) in enumerate(zip(found, texts, strict=True)) if not _agree(number, text)][:_MOST_ALONE]
    for index, number in zip(unsure, _read_alone([_line(inks[index]) for index in unsure], reader), strict=True):
        if "?" in found[index].text:
            found[index] = number or found[index]
        elif number is None or number.text != found[index].text:
            found[index] = SeenNumber("?", 0.0)  # a stain, or a line through a digit: nobody can say
    return found


def _agree(number: SeenNumber, text: str) -> bool:
    """Return whether a number is known, and none that contradicts its text."""
    return "?" not in number.text and read_number(number.text).value in (None, read_number(text).value)


def _said(groups: Sequence[Sequence[int]], texts: Sequence[str]) -> dict[int, str]:
    """The character that the text has most often in the places of each group."""
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    for line, text in zip(groups, texts, strict=True):
        characters = "".join(text.split())
        if len(characters) == len(line):
            for group, character in zip(line, characters, strict=True):
                counts[group][character] += 1
    return {group: count.most_common(1)[0][0] for group, count in counts.items()}


def _settled(name: SeenNumber | None, said: str | None) -> bool:
    return name is not None and said in (None, name.text)


def _read_alone(crops: Sequence[Grey], reader: LineReader) -> list[SeenNumber | None]:
    """Numbers read by themselves, twice in different frames: where glyphs touch each other, look like no others, or contradict
    the text.
    """
    if not crops:
        return []
    first = [_number(reading) for reading in reader.read(crops)]
    if isinstance(reader, SecondLooker):
        again = reader.read_again(crops)
    else:
        again = [(other,) for other in reader.read([_reframed(crop) for crop in crops])]
    return [
        SeenNumber(*number) if number.score >= _SURE and all(_number(other).text == number.text for other in others) else None
        for number, others in zip(first, again, strict=True)
    ]


def _reframed(crop: Grey) -> Grey:
    """The crop softened, with a wide margin."""
    margin = max(2, crop.shape[0] // 4)
    wide = cv2.copyMakeBorder(crop, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=255)
    return cv2.GaussianBlur(wide, (0, 0), max(0.5, crop.shape[0] / 24)).astype(np.uint8)


def _number(reading: LineReading) -> _Vote:
    """The number that a line shows: the free reading where that is one, else the best one of digits and marks."""
    text = "".join(reading.text.split())
    return _Vote(text, reading.score) if read_number(text).kind is ValueKind.NUMBER else _Vote(*reading.digits)


def _line(ink: CellInk) -> Grey:
    """The picture of a cell's line, without raised marks behind the number."""
    assert ink.line is not None
    last = max((glyph.end for glyph in ink.glyphs if not glyph.raised), default=ink.line.shape[1])
    return ink.line[:, :last]


def _to_read(groups: Sequence[Sequence[int]], missing: dict[int, int], read: set[int]) -> list[int]:
    """The numbers to read next: those that hold groups which are not yet read often enough (``missing`` times)."""
    where: dict[int, list[int]] = defaultdict(list)
    for index, line in enumerate(groups):
        if index not in read:
            for group in set(line) - {UNGROUPED}:
                where[group].append(index)
    chosen: list[int] = []
    # rare groups first: what holds them holds frequent ones too
    for group in sorted(where, key=lambda g: (len(where[g]), g)):
        for index in sorted(where[group], key=lambda i: (-len(set(groups[i])), i)):
            if missing[group] <= 0:
                break
            if index in chosen:
                continue
            chosen.append(index)
            for other in set(groups[index]) - {UNGROUPED}:
                missing[other] -= 1
    return chosen[: max(0, _MOST_READ - len(read))]


def _vote(line: Sequence[int], reading: LineReading, votes: dict[int, list[_Vote]]) -> None:
    text, score = _number(reading)
    if score < _LEAST or UNGROUPED in line:
        return
    if len(line) == 1:
        votes[line[0]].append(_Vote(text, score))
    elif len(text) == len(line):
        for group, character in zip(line, text, strict=True):
            votes[group].append(_Vote(character, score))


def _name(cast: Sequence[_Vote]) -> SeenNumber | None:
    if not cast:
        return None
    weights: dict[str, float] = defaultdict(float)
    for vote in cast:
        weights[vote.text] += vote.score
    text, weight = max(weights.items(), key=lambda item: item[1])
    if not text or weight < _AGREE * sum(weights.values()):
        return None
    scores = [vote.score for vote in cast if vote.text == text]
    return SeenNumber(text, max(scores)) if len(scores) > 1 or scores[0] >= _SURE else None
