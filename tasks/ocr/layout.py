"""Where lines of text stand: in a cell of a table, and on the page outside of tables."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.ocr.prepare_image import Grey, extent, marked, pieces

Box = tuple[int, int, int, int]

_PARTED = 0.72  # of a character's height: paper that parts two pieces of one line
_ONE_LINE = 1.6  # the same: what is higher is several lines, or one of larger characters
_LARGE = 1.35  # the same, of characters that are larger than those of the page on the whole
_FRAME = 4.0  # the same: no character is as high
_FILLED = 0.08  # share of its box that a frame fills at most
_SPECK = 0.34  # the same: a piece of ink that is no larger either way is a speck or a point
_FAR = 0.6  # the same: a point is nearer to its digits
_DIRT = 0.3  # the same: half of the ink of dirt is in pieces that are no higher
_NEAR = 0.8  # of its height: the paper after the mark in 三、 is no gap between columns


class LineBox(NamedTuple):
    """A line of text: its box (x0, y0, x1, y1) in pixels of the page."""

    box: Box

    @property
    def height(self) -> int:
        """In pixels."""
        return self.box[3] - self.box[1]


def ink_lines(marks: Grey, box: Box, size: int) -> list[Box]:
    """The lines of ink in ``box``, from top to bottom, each cut close to its ink.

    ``size`` is the height of a character in pixels. Pieces of ink smaller than a fifth of a character are dust. A row of ink
    lower than half a character (the strokes of 三, a dot) belongs to the line nearest to it, if that is nearer than half a
    character.
    """
    x0, y0, x1, y1 = box
    window = marks[y0:y1, x0:x1]
    if window.size == 0:
        return []
    count, _, stats, _ = cv2.connectedComponentsWithStats(window, connectivity=8)
    least = max(3, size // 5)
    sizes = extent(np.asarray(stats, np.int32))
    rest = _rule_rests(np.asarray(stats, np.int32), window.shape, size)
    solid = [i for i in range(1, count) if sizes[i] >= least and stats[i, cv2.CC_STAT_AREA] >= least and not rest[i]]
    if not solid:
        return []
    rows = np.zeros(window.shape[0], bool)
    for i in solid:
        rows[stats[i, cv2.CC_STAT_TOP] : stats[i, cv2.CC_STAT_TOP] + stats[i, cv2.CC_STAT_HEIGHT]] = True
    edges = np.flatnonzero(np.diff(np.concatenate([[False], rows, [False]]).astype(np.int8)))
    found: list[Box] = []
    specks: list[Box] = []
    for start, end in _whole_lines([(int(a), int(b)) for a, b in edges.reshape(-1, 2)], size):
        parts = [i for i in solid if start <= stats[i, cv2.CC_STAT_TOP] < end]
        parts = _without_far_specks(parts, np.asarray(stats), size)
        top = min(int(stats[i, cv2.CC_STAT_TOP]) for i in parts)
        bottom = max(int(stats[i, cv2.CC_STAT_TOP] + stats[i, cv2.CC_STAT_HEIGHT]) for i in parts)
        left = min(int(stats[i, cv2.CC_STAT_LEFT]) for i in parts)
        right = max(int(stats[i, cv2.CC_STAT_LEFT] + stats[i, cv2.CC_STAT_WIDTH]) for i in parts)
        # a little more than the ink: the threshold may have missed the faint side of a character
        more = max(2, size // 12)
        box = (max(x0, x0 + left - more), max(y0, y0 + top - 1), min(x1, x0 + right + more), min(y1, y0 + bottom + 1))
        (found if sizes[parts].max() > _SPECK * size else specks).append(box)
    found = found or specks
    # a speck beside a line is none itself
    lines = [b for b in found if b[3] - b[1] - 2 > 0.45 * size or b[2] - b[0] - 2 * max(2, size // 12) > 0.45 * size]
    return lines or found


def _without_far_specks(parts: list[int], stats: NDArray[np.int32], size: int) -> list[int]:
    """The pieces of a line without specks that stand further from all others than a point or the mark of a list does."""
    speck = {i for i in parts if max(stats[i, cv2.CC_STAT_WIDTH], stats[i, cv2.CC_STAT_HEIGHT]) <= _SPECK * size}
    others = stats[[i for i in parts if i not in speck]]
    if not speck or not others.size:
        return parts
    left, top = others[:, cv2.CC_STAT_LEFT], others[:, cv2.CC_STAT_TOP]
    right, bottom = left + others[:, cv2.CC_STAT_WIDTH], top + others[:, cv2.CC_STAT_HEIGHT]

    def is_far(i: int) -> bool:
        x, y, w, h = (int(v) for v in stats[i, :4])
        across = np.maximum(left - (x + w), x - right)
        along = np.maximum(top - (y + h), y - bottom)
        return bool((np.maximum(across, along) > _FAR * size).all())

    return [i for i in parts if i not in speck or not is_far(i)]


def _rule_rests(stats: NDArray[np.int32], shape: tuple[int, ...], size: int) -> NDArray[np.bool_]:
    """Return which pieces of ink are what is left of a rule, such as the inner one of a double rule.

    They are thin, and as long as the cell, or upright and longer than any character, be it in several pieces along its side.
    """
    height, width = shape[:2]
    left, top, across, down = (stats[:, i] for i in range(4))
    thin, long = max(3.0, 0.3 * size), min(0.8 * height, 1.3 * size)
    rest = ((across >= 0.8 * width) & (down <= thin)) | ((down >= long) & (across <= thin))
    for beside in (left <= 1, left + across >= width - 1):
        pieces = beside & (across <= thin)
        pieces[0] = False  # the paper
        if pieces.any() and (top + down)[pieces].max() - top[pieces].min() >= long:
            rest |= pieces
    return np.asarray(rest)


def has_gap(marks: Grey, box: Box, size: int) -> bool:
    """Return whether the ink in ``box`` is parted by more paper than digits of one number ever are: three quarters of a
    character.

    On both sides something stands that is at least half as high as a character: specks are no digits.
    """
    window = marks[box[1] : box[3], box[0] : box[2]]
    columns = np.flatnonzero(window.any(axis=0))
    return any(
        all(_height(part) >= 0.5 * size for part in (window[:, : columns[at] + 1], window[:, columns[at + 1] :]))
        for at in np.flatnonzero(np.diff(columns) > 0.75 * size)
    )


def has_stroke_through(marks: Grey, box: Box, line: Box, size: int) -> bool:
    """Return whether within ``line`` a straight upright stroke goes through the cell ``box`` from top to bottom.

    It is a rule that was not seen: a 1 is lower, and the rest of a double rule is next to the line.
    """
    (_, y0, _, y1), (x0, _, x1, _) = box, line
    window = marks[y0:y1, x0:x1]
    return y1 - y0 > 1.25 * size and bool((window > 0).mean(axis=0).max(initial=0.0) >= 0.95)


def _height(marks: Grey) -> int:
    """The height in pixels of the highest piece of ink."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(np.ascontiguousarray(marks), connectivity=8)
    return int(stats[1:, cv2.CC_STAT_HEIGHT].max(initial=0))


def _whole_lines(spans: list[tuple[int, int]], size: int) -> list[tuple[int, int]]:
    """Rows of ink put together to lines: the smallest gap first, as long as a part is low and the whole no higher than a line."""
    lines = list(spans)
    while len(lines) > 1:
        gaps = [lines[i + 1][0] - lines[i][1] for i in range(len(lines) - 1)]
        mergeable = [
            i
            for i, gap in enumerate(gaps)
            if gap < size * 0.5
            and lines[i + 1][1] - lines[i][0] <= size * 1.35
            and min(lines[i][1] - lines[i][0], lines[i + 1][1] - lines[i + 1][0]) < size * 0.55
        ]
        if not mergeable:
            break
        i = min(mergeable, key=gaps.__getitem__)
        lines[i : i + 2] = [(lines[i][0], lines[i + 1][1])]
    return lines


def character_height(marks: Grey) -> int:
    """The usual height of a character on the page in pixels: the median of the pieces of ink that may be characters."""
    _, stats = pieces(cv2.dilate(marks, np.ones((3, 3), np.uint8)).astype(np.uint8))
    heights, widths = stats[1:, cv2.CC_STAT_HEIGHT], stats[1:, cv2.CC_STAT_WIDTH]
    page = marks.shape[0]
    likely = heights[(heights > page / 220) & (heights < page / 25) & (widths < heights * 3)]
    return int(np.median(likely)) if likely.size >= 5 else max(12, page // 80)


def without_dust(marks: Grey, size: int) -> Grey:
    """The ink without specks: what is smaller than a fifth of a character both ways."""
    labels, stats = pieces(marks)
    extent = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    solid = (extent >= max(3, size // 5)) & (stats[:, cv2.CC_STAT_AREA] >= max(6, size * size // 50))
    solid[0] = False
    return marked(labels, solid)


def ink_outside(marks: Grey, outside: list[Box], size: int) -> Grey:
    """The ink outside of the boxes ``outside``, without specks."""
    free = marks.copy()
    for x0, y0, x1, y1 in outside:
        free[max(0, y0 - 3) : y1 + 3, max(0, x0 - 3) : x1 + 3] = 0
    return without_dust(free, size)


def page_lines(marks: Grey, size: int) -> list[list[Box]]:
    """The lines of text in ``marks`` (:func:`ink_outside`), from top to bottom; each is its pieces from left to right.

    A line has several pieces where wide gaps part them, as in a table without rules. ``size`` is the height of a character.
    """
    free = _without_frames(marks, size)
    joined = cv2.dilate(free, np.ones((max(1, size // 6), round(size * 1.1)), np.uint8))
    _, stats = pieces(joined.astype(np.uint8))
    boxes: list[Box] = []
    for x, y, w, h, area in stats[1:].tolist():
        if h >= size * 0.5 and w >= size * 0.5 and area >= size * size * 0.4:
            boxes += [(x, y, x + w, y + h)] if h < size * _ONE_LINE else _tight_lines(free, (x, y, x + w, y + h), size)
    lines: list[list[Box]] = []
    for box in sorted(boxes, key=lambda b: b[1] + b[3]):
        middle = (box[1] + box[3]) / 2
        for line in lines[-4:]:
            if min(b[1] for b in line) < middle < max(b[3] for b in line):
                line.append(box)
                break
        else:
            lines.append([box])
    trimmed = [_joined([piece for box in sorted(line) for piece in _trimmed(free, box)]) for line in lines]
    return sorted((line for line in trimmed if line), key=lambda line: min(b[1] for b in line))


def _without_frames(marks: Grey, size: int) -> Grey:
    """The ink without upright rules and frames that belong to no table: what is higher than characters and hardly filled."""
    labels, stats = pieces(marks)
    wide, high, area = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT], stats[:, cv2.CC_STAT_AREA]
    frames = (high > _FRAME * size) & ((2 * wide <= size) | ((wide > 2 * _FRAME * size) & (area < _FILLED * wide * high)))
    frames[0] = False
    return np.where(frames[labels], 0, marks).astype(np.uint8) if frames.any() else marks


def _tight_lines(marks: Grey, box: Box, size: int) -> list[Box]:
    """The lines of text in ``box``, which stand close to each other; the box itself where it is one line of larger characters.

    Lines whose ink meets are cut where the least ink is. What is higher than any character is a frame, and no line.
    """
    x0, y0, x1, y1 = box
    window = marks[y0:y1, x0:x1]
    _, labels, stats, _ = cv2.connectedComponentsWithStats(window, connectivity=8)
    heights, areas = stats[:, cv2.CC_STAT_HEIGHT], stats[:, cv2.CC_STAT_AREA]
    frames = heights >= _FRAME * size
    frames[0] = False
    if frames.any():
        window = np.where(frames[labels], 0, window).astype(np.uint8)
    kept = ~frames
    kept[0] = False
    if not kept.any():
        return []
    # half of the ink belongs to characters that are no lower than this
    order = np.argsort(heights[kept])
    usual = int(heights[kept][order][np.searchsorted(np.cumsum(areas[kept][order]), areas[kept].sum() / 2)])
    if usual <= _DIRT * size:
        return []
    if usual >= _LARGE * size:
        return [box] if y1 - y0 < _FRAME * size else []
    inked = (window > 0).sum(axis=1)
    rows = inked > 0.04 * inked.max()
    edges = np.flatnonzero(np.diff(np.concatenate([[False], rows, [False]]).astype(np.int8)))
    lines = []
    for start, end in _whole_lines([(int(a), int(b)) for a, b in edges.reshape(-1, 2)], size):
        lines += [(x0, y0 + a, x1, y0 + b) for a, b in _cut(inked, start, end, size)]
    return lines


def _cut(inked: NDArray[np.int64], start: int, end: int, size: int) -> list[tuple[int, int]]:
    """Rows ``start`` to ``end`` of ink in parts no higher than one line, each cut at the row with the least ink."""
    found = []
    while end - start > _ONE_LINE * size:
        first, last = start + round(0.8 * size), min(end - round(0.5 * size), start + round(1.45 * size))
        at = first + int(inked[first:last].argmin())
        found.append((start, at))
        start = at
    return [*found, (start, end)]


def single_pieces(marks: Grey, size: int) -> list[Box]:
    """The pieces of single lines in ``marks`` (:func:`ink_outside`), parted also where lines stand close to each other.

    Paper of nearly a character parts two pieces. Level strokes are pieces too; the strokes of 三 are one.
    """
    labels, shapes = pieces(marks)
    frames = shapes[:, cv2.CC_STAT_HEIGHT] > 2.5 * size  # or what is left of one
    frames[0] = False
    free = cv2.subtract(marks, marked(labels, frames)) if frames.any() else marks
    joined = cv2.morphologyEx(free, cv2.MORPH_CLOSE, np.ones((1, max(3, round(size * _PARTED))), np.uint8))
    _, stats = pieces(joined.astype(np.uint8))
    found: list[Box] = []
    boxes = [(int(x), int(y), int(x + w), int(y + h)) for x, y, w, h, _ in stats[1:]]
    for box in sorted(boxes, key=lambda b: b[1] - b[3]):  # whole characters first, then what belongs to them
        for at, other in enumerate(found):
            high = max(box[3], other[3]) - min(box[1], other[1])
            if high <= 1.25 * size and box[0] < other[2] + size // 3 and other[0] - size // 3 < box[2]:
                found[at] = (min(box[0], other[0]), min(box[1], other[1]), max(box[2], other[2]), max(box[3], other[3]))
                break
        else:
            found.append(box)
    return [
        box for box in found if box[2] - box[0] >= size // 6 and (box[3] - box[1] >= size // 3 or box[2] - box[0] >= size // 3)
    ]


def _joined(pieces: list[Box]) -> list[Box]:
    """Pieces of a line, from left to right, with those put together that are as close as the characters of a large heading."""
    joined: list[Box] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if last and piece[0] - last[2] < _NEAR * max(piece[3] - piece[1], last[3] - last[1]):
            joined[-1] = (last[0], min(last[1], piece[1]), max(last[2], piece[2]), max(last[3], piece[3]))
        else:
            joined.append(piece)
    return joined


def _trimmed(marks: Grey, box: Box) -> list[Box]:
    x0, y0, x1, y1 = box
    window = marks[y0:y1, x0:x1]
    rows, columns = np.flatnonzero(window.any(axis=1)), np.flatnonzero(window.any(axis=0))
    if rows.size < 3 or columns.size < 2:
        return []
    return [(x0 + int(columns[0]), y0 + int(rows[0]), x0 + int(columns[-1]) + 1, y0 + int(rows[-1]) + 1)]
