"""Glyphs that look the same, over all pages of a document: a digit of one font is one group, however often it is printed."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.witness.page_ink import Glyph

UNGROUPED = -1

_SIZE = (14, 22)  # pixels: width and height to which glyphs are brought
_ALIKE = 0.93  # likeness of two glyphs of one group
_MOST = 500  # groups; the work grows with their number
_MOST_COMPARED = 4_000_000  # comparisons of glyphs, some seconds; a report needs a few ten thousand
_CLOSE = 0.14  # by which their shapes may differ, in heights of the line


def glyph_groups(glyphs: Sequence[Glyph]) -> NDArray[np.int32]:
    """The number of the group of each glyph, from 0; beyond the first 500 groups, or where too many
    glyphs look like no others, UNGROUPED.
    """
    count = len(glyphs)
    groups = np.full(count, UNGROUPED, np.int32)
    if not count:
        return groups
    looks = np.array([_look(glyph) for glyph in glyphs], np.float32)
    shapes = np.array([glyph.shape for glyph in glyphs], np.float32)
    left = np.arange(count)
    number = compared = 0
    while left.size and number < _MOST and compared < _MOST_COMPARED:
        compared += left.size
        first = left[0]
        alike = (looks[left] @ looks[first] >= _ALIKE) & (np.abs(shapes[left] - shapes[first]).max(axis=1) <= _CLOSE)
        alike[0] = True  # a black block is like nothing, not even itself
        members = left[alike]
        # once more around their mean: the first may be an odd one
        mean = looks[members].mean(axis=0)
        mean /= max(1e-6, float(np.linalg.norm(mean)))
        shape = np.median(shapes[members], axis=0)
        near = (looks[left] @ mean >= _ALIKE) & (np.abs(shapes[left] - shape).max(axis=1) <= _CLOSE)
        near[0] = True
        groups[left[near]] = number
        left = left[~near]
        number += 1
    return groups


def _look(glyph: Glyph) -> NDArray[np.float32]:
    small = cv2.resize(glyph.pixels, _SIZE, interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small, (0, 0), 0.6).astype(np.float32).ravel()
    centred = blurred - blurred.mean()
    return np.asarray(centred / max(1e-6, float(np.linalg.norm(centred))), np.float32)
