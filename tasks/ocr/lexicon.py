"""Chinese characters that were read unsurely, told by their neighbours: 专门 is a word of the forms, 专内 is none.

Only Chinese characters are ever replaced, and only by others that the reader thought possible; digits and numerals never are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from itertools import pairwise

from codebook import data
from codebook.text.chinese_numbers import numerals
from codebook.text.fold import is_han

UNSURE = 0.9  # a character read less surely than that may be another one
POSSIBLE = 0.1  # what the reader gives less than that is none

_HAN = re.compile(r"[\u4e00-\u9fff]+")


@cache
def known_pairs() -> frozenset[str]:
    """All pairs of neighbouring Chinese characters in the data of the codebook: its labels, phrases and names."""
    found: set[str] = set()
    for name in data.names():
        for run in _HAN.findall(data.read(name).decode()):
            found.update(first + second for first, second in pairwise(run))
    return frozenset(found)


@cache
def _numerals() -> frozenset[str]:
    known = numerals()
    return frozenset(known.digits + known.places + known.powers)


def is_word(character: str) -> bool:
    """Return whether a character is Chinese, and no numeral."""
    return is_han(character) and character not in _numerals()


def likelier(before: str, read: str, after: str, possible: Sequence[tuple[str, float]]) -> tuple[str, float] | None:
    """The one of ``possible`` characters, with its score, that makes words with its neighbours where ``read`` makes none.

    ``before`` and ``after`` are the neighbouring characters, or empty. None when ``read`` makes words too, or when several or
    none of the others do.
    """
    pairs = known_pairs()
    beside = [(True, before)] * is_word(before or " ") + [(False, after)] * is_word(after or " ")

    def fits(character: str) -> int:
        return sum((other + character if is_left else character + other) in pairs for is_left, other in beside)

    if not beside or fits(read):
        return None
    better = [(character, score) for character, score in possible if is_word(character) and fits(character) == len(beside)]
    return better[0] if len(better) == 1 else None
