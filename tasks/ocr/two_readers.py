"""Two independent readers of numbers: the recogniser of our own first, and a general one for what is not sure, and for a sample.

What both say is surer than what either says; where they differ, the cell is a doubt with both as candidates.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from codebook.confidence import surety
from tasks.ocr.blank_marks import DASH, SLASH
from tasks.ocr.engines.network import OTHER
from tasks.ocr.engines.recognise import LineReading

_NUMBER = re.compile(r"-?\d[\d.,]*|\d[\d.,]*%")
_DASHES = re.compile(r"[-\u2014\u2013\uff0d\u2015\u4e00_]+")  # as printed, or as a reader of lines takes a stroke to be
_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_SAMPLE = 8  # every eighth number of which the first reader is sure is read by the second, too
LABEL_SAMPLE = 8  # every eighth label of which the reader of labels is sure is read by the second, too
_DOUBTED = 0.9  # the most that a cell is worth about which the readers differ


class Opinion(NamedTuple):
    """What two readers say of one line, together: the text, how sure it is, and what else it may say, best first.

    ``is_settled`` when nothing is to be gained by looking again: both agree, or the one that was asked is sure. ``is_by_both``
    when it is a number that both have read.
    """

    text: str
    score: float
    others: tuple[tuple[str, float], ...] = ()
    is_settled: bool = False
    is_by_both: bool = False


def is_number(reading: LineReading) -> bool:
    """Return whether a reading of the first reader is a number and nothing else."""
    return _NUMBER.fullmatch(reading.text) is not None


def is_mark(reading: LineReading) -> bool:
    """Return whether it is a dash or a slash, which stand for no number."""
    return reading.text in ("-", "/")


def is_sure(reading: LineReading) -> bool:
    """Return whether the first reader needs no second one."""
    return (is_number(reading) or is_mark(reading)) and reading.score >= surety().first


def to_sample(readings: Sequence[LineReading]) -> list[int]:
    """Of readings of which the first reader is sure, those that the second one reads all the same."""
    return [i for n, i in enumerate(i for i, reading in enumerate(readings) if is_sure(reading)) if n % _SAMPLE == 0]


def alone(first: LineReading) -> Opinion:
    """What the first reader says, where it is sure."""
    mark = {"-": DASH, "/": SLASH}.get(first.text)
    others = (first.digits,) if first.digits[0] not in ("", first.text) else ()
    return Opinion(mark or first.text, first.score, others, is_sure(first))


def together(first: LineReading, text: str, score: float, others: tuple[tuple[str, float], ...] = ()) -> Opinion:
    """What the first reader and the second one, who says ``text`` with ``score``, say together.

    Where the first one is less sure of a number than ``agreed`` of surety.yaml, that the second one says the same makes it no
    surer: what is wrong with the print misleads both alike.
    """
    said = bare(text)
    if is_mark(first) and (_DASHES.fullmatch(said) if first.text == "-" else said == "/"):
        return Opinion(alone(first).text, _both(first.score, score), (), True)
    if is_number(first) and bare(first.text) == said:
        is_witness = first.score >= surety().agreed
        return Opinion(text, _both(first.score, score) if is_witness else min(_DOUBTED, score), others, True, is_witness)
    if is_number(first) or is_mark(first):
        own = alone(first)
        if not said and is_sure(first):
            return own
        ranked = sorted(((own.text, first.score), (text, score)), key=lambda pair: -pair[1])
        ranked = [pair for pair in ranked if pair[0]]
        return Opinion(ranked[0][0], min(_DOUBTED, ranked[0][1]), (*ranked[1:], *own.others, *others))
    is_more = any(c in (OTHER, " ") for c in first.text) and any(c.isdigit() for c in first.text)
    if is_more and _NUMBER.fullmatch(said):
        # a note mark that the second reader takes for a digit, 7 with a raised 2 is not 72; or two cells whose rule was lost
        rest = bare(first.text.replace(OTHER, ""))
        return Opinion(text, min(_DOUBTED, score), ((rest, first.score), *others))
    # a number that the first reader takes for none, or for one with something beside it
    return Opinion(text, min(_DOUBTED, score) if _NUMBER.fullmatch(said) else score, others)


def _both(first: float, second: float) -> float:
    """How sure a text is that two independent readers say."""
    return 1 - (1 - first) * (1 - second)


def bare(text: str) -> str:
    """A text without full widths and spaces, by which readings are compared; a note mark stays one, and is no digit."""
    return "".join(text.translate(_HALF_WIDTH).split())
