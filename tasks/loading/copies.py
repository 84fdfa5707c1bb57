"""Finding, among many reports, those that may have been copied from one another, without comparing each with each.

The words of a text are cut into overlapping pieces of five characters and each piece is hashed; the smallest hashes
stand for the text (Broder's bottom-k sketch). Texts that share most of their pieces share most of these, whatever else
they say, and an index of hashes finds them. What it proposes is then compared in full.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from heapq import nsmallest
from zlib import crc32

from tasks.validation.rules.between_reports import text_copied

Sections = Iterable[tuple[int | None, str]]

RULE = text_copied.id
_PIECE = 5  # characters; shorter pieces are shared by chance, longer ones die of every change
_SKETCH = 16  # hashes for a text
_CANDIDATES = 3  # reports to be compared in full, for each text
_NO_WORDS = re.compile(r"[\W\d_]+")


def sketch(text: str) -> tuple[int, ...]:
    """The smallest 16 hashes of the pieces of ``text``, numbers and punctuation aside. Empty for a text too short for
    the rule.

    >>> len(sketch("太短"))
    0
    """
    words = _NO_WORDS.sub("", text)
    if len(words) < text_copied.bound.options.least_length:
        return ()
    data = words.encode("utf-16-le", "surrogatepass")  # two bytes for each character of these texts
    return tuple(nsmallest(_SKETCH, {crc32(data[i : i + 2 * _PIECE]) for i in range(0, len(data) - 2 * _PIECE, 2)}))


class TextIndex:
    """Remembers which report first had a piece of text. Holds a few numbers for each chapter, not the texts."""

    def __init__(self) -> None:
        self._first: dict[tuple[int | None, int], int] = {}

    def candidates(self, sections: Sections) -> list[int]:
        """The reports that had most of the same pieces in the same chapters, best first in each chapter, each report once."""
        found: dict[int, None] = {}
        for number, keys in self._sketches(sections):
            owners = Counter(self._first[number, key] for key in keys if (number, key) in self._first)
            found |= dict.fromkeys(report for report, _ in owners.most_common(_CANDIDATES))
        return list(found)

    def add(self, report: int, sections: Sections) -> None:
        """Remember the pieces of this report that no earlier one had."""
        for number, keys in self._sketches(sections):
            for key in keys:
                self._first.setdefault((number, key), report)

    @staticmethod
    def _sketches(sections: Sections) -> Iterable[tuple[int | None, tuple[int, ...]]]:
        return ((number, sketch(text)) for number, text in sections)
