"""Dirt of bad copies that is as dark as the print: bands and clouds of grains, whose texture is not that of print.

Strokes of print run in one direction each; grains lie anyhow. Where the grey levels of a neighbourhood change in no direction
more than in others, it is dirt, however dark.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.ocr.prepare_image import Grey, extent, pieces

_SHARE = 1 / 1000  # of a page's width: within this, a stroke is straight
_LEAST_CHANGE = 0.25  # of squared slopes of a neighbourhood with anything in it, grey levels counted from 0 to 1
_CLOUD = 0.42  # share of the change of a neighbourhood that has one direction; print has more, a cloud of grains less
_GRAINS = 0.46  # the same of a group of pieces; a word has more, although a single character may have less
_SMUDGE, _LONE = 0.52, 2.5  # the same of what stands alone, and how many times as large as a character that is at most
_PRINT = 0.5  # the same of a piece of print
_CORE, _LARGE = 0.9, 1.6  # of the height of a character: clouds contain a square as large, and are longer than one character
_AROUND = 0.3  # of the height of a character: grains around a cloud
_CLUSTER, _WORD = 0.25, 0.5  # of the height of a character: grains of one group, and characters of a word, are nearer than that
_SMALL = 0.35  # of the height of a character: what is no larger may be a point
_SPECK, _FAR = 0.2, 0.6  # of the height of a character: points are no further from their digits than the second
_RULE = 2  # times the height of a character: unbroken lines are rules from here on
_THIN = 0.35  # of the height of a character: rules are no thicker


class Texture(NamedTuple):
    """How much the grey levels change about each pixel of a page (``change``), and how much of that has one direction."""

    directed: NDArray[np.float32]
    change: NDArray[np.float32]


def texture(grey: Grey) -> Texture:
    """Return the texture of a page, (height, width) each; 255 is paper."""
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 255)
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 255)
    reach = max(1.0, grey.shape[1] * _SHARE)
    xx, yy, xy = (cv2.GaussianBlur(product, (0, 0), reach) for product in (across * across, down * down, across * down))
    return Texture(np.asarray(cv2.magnitude(xx - yy, 2 * xy), np.float32), np.asarray(xx + yy, np.float32))


def is_print(of: Texture, labels: NDArray[np.int32] | NDArray[np.uint16], count: int) -> NDArray[np.bool_]:
    """Return which of the ``count`` pieces of a page (:func:`pieces`) are strokes that run in directions, as print does."""
    return _directed(of, labels, count) >= _PRINT


def _directed(of: Texture, labels: NDArray[np.int32] | NDArray[np.uint16], count: int) -> NDArray[np.float64]:
    at = np.flatnonzero(labels)
    which = labels.ravel()[at]
    directed, change = (np.bincount(which, part.ravel()[at], count) for part in of)
    return np.asarray(directed / np.maximum(change, 1e-9))


class Grains(NamedTuple):
    """Masks of the dirt of a page: clouds with their surroundings, and specks that stand apart from anything larger."""

    clouds: Grey
    specks: Grey


def grains(marks: Grey, of: Texture, size: int) -> Grains:
    """Return the grains of a dirty page. ``marks`` is its ink, ``size`` the height of a character in pixels.

    Rules are no part of them.
    """
    window = (max(3, size // 2), max(3, size // 2))
    directed, change = (cv2.blur(cv2.blur(part, window), window) for part in of)
    cloudy = np.where((directed < _CLOUD * change) & (change > _LEAST_CHANGE), 255, 0).astype(np.uint8)
    cloudy = _longer(cv2.morphologyEx(cloudy, cv2.MORPH_OPEN, _square(_CORE * size)).astype(np.uint8), _LARGE * size)
    rules = _rules(marks, cloudy, size)
    rest = cv2.subtract(marks, cv2.bitwise_or(cloudy, cv2.dilate(rules, np.ones((5, 5), np.uint8)))).astype(np.uint8)
    word = max(3, round(_WORD * size))
    for closing, least, most in (((1, word), _GRAINS, np.inf), ((word, word), _SMUDGE, _LONE * size)):
        close = cv2.morphologyEx(rest, cv2.MORPH_CLOSE, _square(_CLUSTER * size))
        labels, stats = pieces(cv2.morphologyEx(close, cv2.MORPH_CLOSE, np.ones(closing, np.uint8)).astype(np.uint8))
        lost = (_directed(of, labels, len(stats)) < least) & (extent(stats) > _SMALL * size) & (extent(stats) < most)
        lost[0] = False
        mask = np.where(lost[labels], 255, 0).astype(np.uint8)
        cloudy, rest = cv2.bitwise_or(cloudy, mask).astype(np.uint8), cv2.subtract(rest, mask).astype(np.uint8)
    around = cv2.subtract(cv2.dilate(cloudy, _square(2 * _AROUND * size)), cv2.dilate(rules, np.ones((3, 3), np.uint8)))
    labels, stats = pieces(rest)
    apart = extent(stats) <= _SPECK * size
    larger = (extent(stats) > _SMALL * size) & is_print(of, labels, len(stats))
    larger[0] = False
    apart[np.unique(labels[cv2.dilate(np.where(larger[labels], 255, 0).astype(np.uint8), _square(2 * _FAR * size)) > 0])] = False
    apart[0] = False
    specks = cv2.dilate(np.where(apart[labels], 255, 0).astype(np.uint8), _square(3))
    return Grains(around.astype(np.uint8), specks.astype(np.uint8))


def _rules(marks: Grey, cloudy: Grey, size: int) -> Grey:
    """The unbroken level and upright lines of a page that are thin, but for those that lie in clouds for the most part."""
    long, thick = round(_RULE * size), max(3, round(_THIN * size))
    lines = np.zeros_like(marks)
    for shape, across in (((1, long), (thick, 1)), ((long, 1), (1, thick))):
        line = cv2.morphologyEx(marks, cv2.MORPH_OPEN, np.ones(shape, np.uint8))
        thin = cv2.subtract(line, cv2.morphologyEx(line, cv2.MORPH_OPEN, np.ones(across, np.uint8))).astype(np.uint8)
        labels, stats = pieces(thin)
        inside = np.bincount(labels[cloudy > 0], minlength=len(stats))
        kept = 2 * inside < stats[:, cv2.CC_STAT_AREA]
        kept[0] = False
        lines |= np.where(kept[labels], 255, 0).astype(np.uint8)
    return lines


def _longer(mask: Grey, least: float) -> Grey:
    """The pieces of a mask that are longer than ``least`` pixels, or higher."""
    labels, stats = pieces(mask)
    kept = extent(stats) > least
    kept[0] = False
    return np.where(kept[labels], 255, 0).astype(np.uint8)


def _square(side: float) -> NDArray[np.uint8]:
    return np.ones((max(3, round(side)),) * 2, np.uint8)
