"""Text as the pieces by which it is searched: two characters of Chinese at a time, and whole words of others."""

from __future__ import annotations

import re
from typing import NamedTuple

from codebook.text.fold import fold

_RUN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]+|[0-9a-z]+")
_LONGEST = 40  # characters of a word; of a longer one the beginning is kept
MOST_WANTED = 60
"""Pieces of one question: more say nothing more about what is meant."""


class WantedGram(NamedTuple):
    """A piece that a text must have; with ``is_prefix`` one that begins so."""

    gram: str
    is_prefix: bool


def grams(text: str) -> set[str]:
    """Return the pieces of a text, folded: simplified script, small letters.

    >>> sorted(grams("\u516c\u958b 2024"))
    ['2024', '\u516c\u5f00', '\u5f00']
    """
    found: set[str] = set()
    for run in _RUN.findall(fold(text).text.lower()):
        if run[0].isascii():
            found.add(run[:_LONGEST])
        else:
            found.update(run[at : at + 2] for at in range(len(run)))
    return found


def wanted_grams(text: str) -> tuple[WantedGram, ...]:
    """Return what a text must have to be found by a question, in the order of the question; nothing where it has no letters.

    >>> [gram for gram, _ in wanted_grams("\u653f\u52a1\u516c\u5f00 2024")]
    ['\u653f\u52a1', '\u52a1\u516c', '\u516c\u5f00', '2024']
    """
    found: dict[WantedGram, None] = {}
    for run in _RUN.findall(fold(text).text.lower()):
        if run[0].isascii():
            found[WantedGram(run[:_LONGEST], True)] = None
        elif len(run) == 1:
            found[WantedGram(run, True)] = None
        else:
            found.update((WantedGram(run[at : at + 2], False), None) for at in range(len(run) - 1))
    return tuple(found)[:MOST_WANTED]
