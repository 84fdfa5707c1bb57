"""What speaks for a rule along each edge of a grid, and what against it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.ocr.grids.ruling import Mask

UNBROKEN = 0.97  # share of an edge that one thin line of ink covers when that line has no gaps
_THIN = 0.6  # share of an edge that thin ink covers at least where ink has no gaps along it
_WIDE = 10  # times the thickness of rules: an edge that is longer is wider than a character
_FREE = 0.5  # share of an edge without characters beside it where its paper is looked at as a whole
_LEAST_FREE = 0.25  # the same, where it is looked at whether ink is seen
_LEAST_TRACE = 12  # pixels along an edge without characters beside it, by whose mean a faint rule is seen
_LEAST_DIP = 2.0  # grey levels by which it is darker than the paper

Counts = NDArray[np.integer]
Shares = NDArray[np.float64]


class Way(NamedTuple):
    """What rules of one direction are judged by, as if they were horizontal: the page, its ink, the thin parts of that, and the
    long thin runs.

    A rule is looked for within ``reach`` pixels of its place, and is at most ``thickness`` thick. ``unbroken`` is how long a line
    is at least that is no stroke of a character: a row is higher than its characters, while a column may be as wide as one.
    """

    grey: Mask
    marks: Mask
    thin: Mask
    runs: Mask
    reach: int
    thickness: int
    unbroken: float


def judged(way: Way, lines: Sequence[int], places: Sequence[int]) -> Shares:
    """Return the evidence for each edge between neighbouring ``places`` of each of the ``lines``: (lines, edges, 9).

    In this order: the share of the way that thin ink covers along one row; the share with ink both above and below that row, as
    the middle of a row of characters has; the share that lies in long runs, whose gaps are closed; the share that is covered
    where no ink stands near, where a faint rule is seen and strokes of characters are not; 1 when it is joined to the rules at
    its ends, else 0; the shares with ink close to it on the side that has less and on that which has more, as beside strokes; by
    how many times its noise the paper along it is darker on the whole than beside it, however faint each part of it is; and the
    share with ink along that row, however thick.
    """
    edges = _Edges.between(np.asarray(places, np.int64), way.thickness)
    return np.array([_along(way, edges, at) for at in lines])


class _Edges(NamedTuple):
    """Where edges begin and end without the rules that cross there (pixels), and how long they are with and without these.

    A rule runs up to the crossing one, the stroke of a digit does not: so only that one is left out.
    """

    begin: Counts
    end: Counts
    length: Counts
    whole: Counts

    @classmethod
    def between(cls, places: Counts, thickness: int) -> _Edges:
        whole = np.diff(places)
        inset = np.minimum(thickness // 2 + 1, whole // 4)
        begin, end = places[:-1] + inset, places[1:] - inset
        return cls(begin, end, end - begin, whole)

    def of(self, which: NDArray[np.bool_] | Counts) -> _Edges:
        """Return some of the edges."""
        return _Edges(*(part[which] for part in self))

    def pixels(self, seen: NDArray[np.bool_]) -> Counts:
        """Return how many pixels of each edge are ``seen``: (edges,) of (width,), or (rows, edges) of (rows, width)."""
        sums = np.zeros((*seen.shape[:-1], seen.shape[-1] + 1), np.int32)
        np.cumsum(seen, axis=-1, out=sums[..., 1:])
        return np.asarray(sums[..., self.end] - sums[..., self.begin])

    def ends(self, seen: NDArray[np.bool_], size: Counts) -> NDArray[np.bool_]:
        """Return of which edges half of the ``size`` pixels at either end are ``seen`` (width,)."""
        sums = np.concatenate([[0], np.cumsum(seen)])
        left, right = sums[self.begin + size] - sums[self.begin], sums[self.end] - sums[self.end - size]
        return np.asarray(np.minimum(left, right) / size >= 0.5)

    def means(self, grey: Mask, where: NDArray[np.bool_], count: Counts) -> Shares:
        """Return the mean grey level of each row of each edge ``where`` it is true, in ``count`` pixels: (edges, rows)."""
        bounds = np.column_stack([self.begin, self.end]).ravel()
        sums = np.add.reduceat(grey * where, bounds, axis=1, dtype=np.int64)[:, ::2]
        return np.asarray((sums / count).T)


def _along(way: Way, edges: _Edges, at: int) -> Shares:
    """Return the evidence for the edges of one line: (edges, 9)."""
    margin = way.reach + 4 * way.thickness
    top = max(0, at - margin)
    near = slice(top, at + margin + 1)
    strip = np.asarray(way.marks[near] > 0)
    line = np.asarray(way.thin[near] > 0)
    band = line.copy()
    band[1:] |= line[:-1]
    band[:-1] |= line[1:]
    first = max(0, at - top - way.reach)
    around = slice(first, at - top + way.reach + 1)
    cover = edges.pixels(band[around]).T / edges.length[:, None]
    black = edges.pixels(strip[around]).T / edges.length[:, None]
    # no row of characters reaches without a gap from one rule to the next
    solid = (black >= UNBROKEN) & (cover >= _THIN) & (edges.whole >= _WIDE * way.thickness)[:, None]
    is_solid = np.asarray(solid.any(axis=1))
    rows = first + _best_rows(np.where(is_solid[:, None] & ~solid, 0.0, cover), black)
    long = edges.pixels(way.runs[top + first : at + way.reach + 1].max(axis=0) > 0) / edges.length
    ends = np.minimum(np.clip(edges.length // 8, 2, 4), edges.length)
    found = np.zeros((len(rows), 9))
    levels = np.zeros((len(rows), len(strip)))
    # most edges of a line have it at the same row
    for row in np.unique(rows).tolist():
        which = np.flatnonzero(rows == row)
        some = edges.of(which)
        above = strip[max(0, row - 4 * way.thickness) : max(0, row - way.thickness // 2 - 1)].any(axis=0)
        below = strip[row + way.thickness // 2 + 2 : row + 4 * way.thickness + 1].any(axis=0)
        close = (
            strip[max(0, row - 2 - way.thickness) : max(0, row - 2)].any(axis=0),
            strip[row + 3 : row + 3 + way.thickness].any(axis=0),
        )
        free = np.asarray(~(above | below))
        inked = np.asarray(strip[max(0, row - 1) : row + 2].any(axis=0))
        counts = some.pixels(np.array([above & below, *close, inked, free, band[row] & free]))
        crossed, higher, lower, ink, room, _ = counts / some.length
        joined = some.ends(inked, ends[which])
        best = cover[which].max(axis=1)
        # where characters touch a rule on one side, it is not thin, but still ink all the way with paper on the other side
        touched = np.where((crossed < 0.15) & joined & (ink > 0.95), ink, 0.0)
        # thin ink all the way between two rules is a rule, however close text stands: strokes of text end before the rules
        is_whole = is_solid[which] | (some.whole >= way.unbroken) & (best >= UNBROKEN)
        whole = np.where(joined & is_whole, 1.0, np.where(joined, long[which], 0.0))
        found[which, 0] = np.maximum(best, touched)
        found[which, 1], found[which, 2] = crossed, whole
        found[which, 3] = np.where(room >= _LEAST_FREE, counts[5] / np.maximum(counts[4], 1), 0.0)
        found[which, 4] = joined | some.ends(band[row], ends[which])
        found[which, 5], found[which, 6] = np.minimum(higher, lower), np.maximum(higher, lower)
        found[which, 8] = ink
        if (wide := (room >= _FREE) & (counts[4] >= _LEAST_TRACE)).any():
            levels[which[wide]] = some.of(wide).means(way.grey[near], free, counts[4][wide])
            found[which[wide], 7] = 1.0
    if (wide := found[:, 7] > 0).any():
        found[wide, 7] = _traces(levels[wide], at - top, way)
    return found


def _best_rows(cover: Shares, black: Shares) -> Counts:
    """Return for each edge the row that thin ink covers best: the blackest of several, the first of a double rule.

    Both are (edges, rows).
    """
    best = cover >= cover.max(axis=1, keepdims=True) - 0.01
    blackest = np.where(best, black, -1.0).max(axis=1, keepdims=True)
    best &= (blackest <= 0.5) | (black >= blackest - 0.02)
    start = best.argmax(axis=1)
    beyond = ~best & (np.arange(best.shape[1]) > start[:, None])
    end = np.where(beyond.any(axis=1), beyond.argmax(axis=1), best.shape[1])
    return np.asarray(np.rint((start + end - 1) / 2), np.int64)


def _traces(levels: Shares, at: int, way: Way) -> Shares:
    """Return by how many times its noise paper is darker at about row ``at`` than above and below, for each of ``levels``, the
    mean grey levels of the paper along each edge, without characters: (edges, rows).
    """
    count, last = len(levels), levels.shape[1] - 1
    first = max(0, at - way.reach)
    rows = first + levels[:, first : at + way.reach + 1].argmin(axis=1)
    away = np.arange(3, 3 * way.thickness + 1)
    places = np.concatenate([rows[:, None] - away, rows[:, None] + away])  # above, then below
    is_paper = (places >= 0) & (places <= last)
    sizes = is_paper.sum(axis=1)
    sides = np.take_along_axis(np.concatenate([levels, levels]), np.minimum(np.maximum(places, 0), last), 1)
    middles = _medians(sides, is_paper, sizes)
    noise = _medians(np.abs(sides - middles[:, None]), is_paper, sizes) * 1.48
    dip = np.minimum(middles[:count], middles[count:]) - levels[np.arange(count), rows]
    seen = (np.minimum(sizes[:count], sizes[count:]) >= way.thickness) & (dip >= _LEAST_DIP)
    return np.where(seen, dip / np.maximum(np.maximum(noise[:count], noise[count:]), 0.2), 0.0)


def _medians(values: Shares, which: NDArray[np.bool_], sizes: Counts) -> Shares:
    """Return the median of those values of each row ``which`` are to be looked at, ``sizes`` of them; 0 where there are none."""
    ordered = np.sort(np.where(which, values, np.inf), axis=1)
    each = np.arange(len(values))
    low, high = ordered[each, np.maximum(sizes - 1, 0) // 2], ordered[each, np.minimum(sizes // 2, values.shape[1] - 1)]
    return np.where(sizes > 0, (low + high) / 2, 0.0)
