"""Digits that ran together, cut into the numbers of a row: every cut that the sums of the form allow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations, pairwise, product
from math import comb, prod

Cut = tuple[int, ...]  # the numbers of a row, in the order of its columns

_MOST_CUTS = 20_000  # of one row
_MOST_TABLES = 20_000  # ways to choose a cut for each row


def cuts(pieces: Sequence[str], count: int, holds: Callable[[Cut], bool]) -> list[Cut]:
    """Return all ways to read ``pieces`` (digits between spaces, which part numbers for sure) as ``count`` numbers.

    No number begins with 0 but 0 itself. ``holds`` is the sum that a row must satisfy. Empty when there is no way, or too many to
    try.

    >>> cuts(["713000074"], 7, lambda row: sum(row[:6]) == row[6])
    [(71, 3, 0, 0, 0, 0, 74)]
    """
    text = "".join(pieces)
    fixed = {sum(map(len, pieces[:number])) for number in range(1, len(pieces))}
    free = [at for at in range(1, len(text)) if at not in fixed]
    wanted = count - 1 - len(fixed)
    if not text or not 0 <= wanted <= len(free) or comb(len(free), wanted) > _MOST_CUTS:
        return []
    found = []
    for chosen in combinations(free, wanted):
        edges = [0, *sorted({*fixed, *chosen}), len(text)]
        numbers = [text[start:end] for start, end in pairwise(edges)]
        if all(len(number) == 1 or number[0] != "0" for number in numbers) and holds(row := tuple(map(int, numbers))):
            found.append(row)
    return found


def tables(rows: Mapping[str, Sequence[Cut]], holds: Callable[[Mapping[str, Cut]], bool]) -> list[dict[str, Cut]]:
    """Return all choices of a cut for each row that satisfy ``holds``; empty when there are too many to try."""
    if prod(map(len, rows.values())) > _MOST_TABLES:
        return []
    ways = (dict(zip(rows, choice, strict=True)) for choice in product(*rows.values()))
    return [way for way in ways if holds(way)]
