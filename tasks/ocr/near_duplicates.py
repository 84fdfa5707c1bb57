"""Crops that look the same: of the many zeros of a page a few are read, and the rest is what those are."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.ocr.prepare_image import Grey

PROBES = 3  # crops of a group that are read: one, and those least like it

# Different numbers of the labelled set reach at most 0.94 (836 and 838, blurred), single digits 0.82; the same number on one
# page is mostly above 0.98.
_ALIKE = 0.97
_SIZE = (20, 28)
_WIDEST = 2.2  # times its height: beyond about four digits, one digit is too little of the whole
_CLOSE = 0.12  # share by which heights and widths may differ


def twin_groups(crops: Sequence[Grey]) -> list[list[int]]:
    """Groups of more than :data:`PROBES` crops that look the same, each with those first that are to be read."""
    narrow = [i for i, crop in enumerate(crops) if crop.shape[0] >= 4 and 3 <= crop.shape[1] <= _WIDEST * crop.shape[0]]
    if len(narrow) <= PROBES:
        return []
    looks = np.array([_look(crops[i]) for i in narrow])
    shapes = np.log(np.array([crops[i].shape[:2] for i in narrow], np.float64))
    alike = (looks @ looks.T >= _ALIKE) & (np.abs(shapes[:, None] - shapes[None]).max(axis=2) <= _CLOSE)
    free = np.ones(len(narrow), bool)
    groups = []
    for first in np.argsort(-alike.sum(axis=1), kind="stable"):
        members = np.flatnonzero(alike[first] & free)
        if free[first] and members.size > PROBES:
            free[members] = False
            likeness = looks[members] @ looks[first]
            others = [int(m) for m in members[np.argsort(likeness, kind="stable")] if m != first]
            groups.append([narrow[int(first)], *(narrow[m] for m in others)])
    return groups


def _look(crop: Grey) -> NDArray[np.float32]:
    small = cv2.GaussianBlur(cv2.resize(crop, _SIZE, interpolation=cv2.INTER_AREA).astype(np.float32), (0, 0), 0.7)
    small -= small.mean()
    return (small / max(1e-6, float(np.linalg.norm(small)))).ravel().astype(np.float32)
