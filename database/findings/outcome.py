"""How a finding that is not there any more came to its end: mended by a later edition, or withdrawn. Pure.

An agency is said to have mended something only where that can be seen: a later edition is in force, the cells of the finding are
known in it, and they (or the sentence) are others than before. While that is in doubt the case waits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from codebook.records import UNSETTLED_STATES
from codebook.text.fold import fold
from database.models import Between, SettledBy

# Cells of a report: indicator -> (value, state)
CellValues = Mapping[str, tuple[float | None, str]]
_SPACE = re.compile(r"\s+")


class Side(NamedTuple):
    """One report of a finding: the document in which it was found and the one that speaks for the filing now.

    ``found_edition`` is None when that document is not in the filing any more, ``edition`` when no document shows a report.
    ``before`` and ``now`` are the cells of the two, ``in_review``: the one in force has doubts.
    """

    found_edition: int | None
    edition: int | None
    before: CellValues
    now: CellValues
    in_review: bool

    @property
    def is_gone(self) -> bool:
        """Whether nothing is in force, or an earlier edition, or the document left the filing."""
        return self.edition is None or self.found_edition is None or self.edition < self.found_edition

    @property
    def is_later(self) -> bool:
        """Whether a later edition is in force."""
        return not self.is_gone and self.edition != self.found_edition


class Vanished(NamedTuple):
    """A case whose finding is not there: its cells and sentence, how it was found, its own report and the other one of a pair.

    ``text`` is that of the report in force, as far as it is needed.
    """

    between: str | None
    cells: tuple[str, ...]
    sentence: str | None
    own: Side
    other: Side | None
    text: str


def outcome(case: Vanished) -> SettledBy | None:
    """Return how a case came to its end; None: what is in force does not show it yet."""
    sides = [case.own, *([case.other] if case.other else [])]
    if any(side.is_gone for side in sides):
        return SettledBy.GONE
    later = [side for side in sides if side.is_later]
    if not later:
        is_sum = case.between == Between.CHECK and case.other is None
        return SettledBy.REPORTS if is_sum else SettledBy.READING
    if any(_in_doubt(side, case.cells) for side in later):
        return None
    if case.own.is_later and (_differs(case.own, case.cells) or not _still_says(case)):
        return SettledBy.EDITION
    if case.other is not None and case.other.is_later and (not case.cells or _differs(case.other, case.cells)):
        return SettledBy.OTHER
    return SettledBy.READING


def _in_doubt(side: Side, cells: tuple[str, ...]) -> bool:
    if not cells:
        return side.in_review
    return any(side.now[cell][1] in UNSETTLED_STATES for cell in cells if cell in side.now)


def _differs(side: Side, cells: tuple[str, ...]) -> bool:
    return any(_value(side.before, cell) != _value(side.now, cell) for cell in cells)


def _value(cells: CellValues, cell: str) -> float | None:
    return cells[cell][0] if cell in cells else None


def _still_says(case: Vanished) -> bool:
    """Whether the report in force says the sentence as before. What has neither cells nor a sentence is a lack."""
    if case.sentence is None:
        return bool(case.cells)
    return plain(case.sentence) in case.text


def plain(text: str) -> str:
    """Return a text as sentences are looked for in it: folded, without spaces."""
    return _SPACE.sub("", fold(text).text)
