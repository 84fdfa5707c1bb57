"""Ink that is no print, and lighter than it: round grey seals over numbers, labels and rules, and the dirt of bad copies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.ocr.cleaning.grains import grains, is_print, texture
from tasks.ocr.grids.ruling import Rules, find_rules
from tasks.ocr.prepare_image import Grey, extent, ink, pieces

_DARKEST, _LIGHTEST = 90, 215  # grey levels of a seal on a copy; darker ones cannot be parted from text
_WIDTH = 240  # pixels of the picture in which circles are looked for
_RADII = (0.06, 0.18)  # shares of a page's width: a seal is 3.8 to 5 cm wide, on pages up to A3 and down to half of A4
_ROUND = 0.65  # share of a circle that is drawn
_SHARE = 0.93  # of the level of its ink, which is uneven: what is lighter becomes paper
_STROKE = 1 / 330  # share of a page's width: strokes of characters and rules are thinner
_MOST = 4  # seals on a page
_LEAST_INK = 6e-4  # share of a page that a seal covers at least

_OF_SEAL = 0.4  # of the way from the print to a seal: what is nowhere darker is no print
_OF_COLOUR = 0.6  # of the way from the print to what is pale: print under coloured ink is darker, what is left of the ink is not
_APART = 40  # grey levels between print and a seal, or between print and dirt, at least, or they cannot be parted
_OF_DIRT = 0.4  # of the way from the print to the dirt of a page: dirt that stands alone is nowhere darker
_NEAR = 9  # pixels: the colour of ink is less sharp than the ink in a JPEG file
_PALE = 200  # what is nowhere darker is no speck, but a piece of a faint rule
_SPECK = 0.35  # of the height of a character: dirt is no larger
_DIRTY, _MANY = 4, 400  # of specks to characters on a dirty page, and of specks on it, at least
_PERHAPS = 2  # of specks to what may be characters: where there are more, print and dirt are parted by their texture
_MARK, _MARK_NEAR = 0.12, 0.4  # of the height of a character: points are larger, and nearer to their digits
_HALF = 0.5  # of the rules of a page: where fewer are as dark as print, rules are faint
_LARGE = 4  # times the height of a character: faint rules, and all that hangs together with them


class CleanPage(NamedTuple):
    """A page without the ink that is no print. ``is_dirty``: it is a copy full of specks. ``grains`` is a mask of where it was
    dirt as dark as print that was taken away; None without any.
    """

    grey: Grey
    is_dirty: bool
    grains: Grey | None = None


class Seal(NamedTuple):
    """A round seal: centre and radius in pixels, and the grey level of its ink."""

    x: int
    y: int
    radius: int
    level: int


def _washes(grey: Grey) -> NDArray[np.float32]:
    """Where broad grey strokes are, neither paper nor text: shares of the pixels of a small picture."""
    washed = cv2.inRange(cv2.blur(grey, (3, 3)), _DARKEST, _LIGHTEST)
    broad = cv2.morphologyEx(washed, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    size = (_WIDTH, max(1, round(grey.shape[0] * _WIDTH / grey.shape[1])))
    return (cv2.resize(broad, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255).astype(np.float32)


def _ring(radius: int) -> NDArray[np.float32]:
    """What a circle is compared with: what is on it speaks for it, what is beside it against it."""
    reach = radius + 4
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    distance = np.hypot(x, y) - radius
    on, off = np.abs(distance) < 0.8, (np.abs(distance) > 2.2) & (np.abs(distance) < 3.8)
    return np.asarray(on / on.sum() - off / off.sum(), np.float32)


def find_seals(grey: Grey) -> list[Seal]:
    """Return the round grey seals on a page (255 is paper)."""
    washes = _washes(grey)
    if washes.mean() < _LEAST_INK:
        return []
    # a ring is no wider than a pixel or two here; where it is fainter than that, its share of a pixel counts in full
    strokes = np.minimum(washes * 2, 1).astype(np.float32)
    found: list[Seal] = []
    answers = {
        radius: cv2.filter2D(strokes, -1, _ring(radius)) for radius in range(round(_RADII[0] * _WIDTH), round(_RADII[1] * _WIDTH))
    }
    for _ in range(_MOST):
        radius = max(answers, key=lambda r: float(answers[r].max()))
        if answers[radius].max() < 0.5 * _ROUND:
            break
        y, x = (int(v) for v in np.unravel_index(answers[radius].argmax(), answers[radius].shape))
        if (seal := _measured(grey, x, y, radius)) is not None:
            found.append(seal)
        for answer in answers.values():
            cv2.circle(answer, (x, y), radius, 0.0, -1)
    return found


def _measured(grey: Grey, x: int, y: int, radius: int) -> Seal | None:
    """The seal at a place in the small picture, or None when it is no closed circle of one grey."""
    scale = grey.shape[1] / _WIDTH
    angles = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    reaches = np.arange((radius - 2) * scale, (radius + 2) * scale)
    xs = np.clip(((x + 0.5) * scale + np.cos(angles)[:, None] * reaches).astype(int), 0, grey.shape[1] - 1)
    ys = np.clip(((y + 0.5) * scale + np.sin(angles)[:, None] * reaches).astype(int), 0, grey.shape[0] - 1)
    along = grey[ys, xs]
    inside = (along > _DARKEST) & (along < _LIGHTEST)
    if inside.sum(axis=1).astype(bool).mean() < _ROUND:
        return None
    ink = along[inside]
    level = int(np.percentile(ink, 40))
    drawn = (np.abs(along.astype(np.int16) - level) < 30).sum(axis=1) >= max(2.0, scale / 4)
    if drawn.mean() < _ROUND:
        return None
    return Seal(round((x + 0.5) * scale), round((y + 0.5) * scale), round((radius + 3) * scale), level)


def without_grey_ink(grey: Grey, coloured: Grey | None = None) -> CleanPage:
    """The page without round grey seals, without the dirt of a bad copy, and without what is left of ``coloured`` ink, a mask, as
    far as these are lighter than the print.
    """
    seals = find_seals(grey)
    marks = ink(grey)
    labels, stats = pieces(marks)
    size = _height_by_area(stats, grey.shape[0])
    specks, characters = _by_size(stats, size)
    if not characters.any() or not (seals or coloured is not None or specks.sum() >= max(_MANY, _PERHAPS * characters.sum())):
        return CleanPage(grey, False)
    may_be_dirty = specks.sum() >= max(_MANY, _PERHAPS * characters.sum())
    if may_be_dirty:
        printed = is_print(texture(grey), labels, len(stats))
        size = _height_by_area(stats[np.append(0, np.flatnonzero(printed))], grey.shape[0])
        specks, characters = _by_size(stats, size)
        characters &= printed
    darkest = _darkest(grey, labels, len(stats))
    specks &= darkest < _PALE
    is_dirty = bool(may_be_dirty and characters.any() and specks.sum() >= max(_MANY, _DIRTY * characters.sum()))
    cleaned: Grey = without_seals(grey, seals)
    for seal in seals:
        disc = np.zeros(grey.shape, np.uint8)
        cv2.circle(disc, (seal.x, seal.y), seal.radius, 255, -1)
        usual = _usual(darkest, characters, labels, disc)
        if seal.level - usual >= _APART:
            cleaned = _only_print(cleaned, disc, usual + _OF_SEAL * (seal.level - usual), size)
    if coloured is not None:
        near = cv2.dilate(coloured, np.ones((_NEAR, _NEAR), np.uint8)).astype(np.uint8)
        usual = _usual(darkest, characters, labels, near)
        if _PALE - usual >= _APART:
            cleaned = _only_print(cleaned, near, usual + _OF_COLOUR * (_PALE - usual), size)
    if not is_dirty:
        return CleanPage(cleaned, False)
    level, _ = cv2.threshold(levels := darkest[characters], 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    darker = levels[levels <= level]
    usual, pale = float(np.percentile(darker, 90)), float(np.median(darkest[specks]))
    if pale - usual >= _APART:
        cleaned = _only_print(cleaned, np.full(grey.shape, 255, np.uint8), usual + _OF_DIRT * (pale - usual), size)
    dirt = grains(ink(cleaned), texture(cleaned), size)
    cleaned = cv2.bitwise_or(cleaned, cv2.bitwise_or(dirt.clouds, dirt.specks)).astype(np.uint8)
    return CleanPage(cleaned, True, dirt.clouds)


def _by_size(stats: NDArray[np.int32], size: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which pieces of ink are as small as specks, and which as large as characters of the height ``size``."""
    sizes = extent(stats)
    specks, characters = sizes <= _SPECK * size, (sizes > 0.5 * size) & (sizes <= 1.5 * size)
    specks[0] = characters[0] = False
    return np.asarray(specks), np.asarray(characters)


def _usual(
    darkest: NDArray[np.uint8], characters: NDArray[np.bool_], labels: NDArray[np.int32] | NDArray[np.uint16], ink: Grey
) -> float:
    """The level that nine tenths of the characters outside the mask ``ink`` are as dark as somewhere; 255 without any."""
    outside = characters.copy()
    outside[np.unique(labels[ink > 0])] = False
    return float(np.percentile(darkest[outside], 90)) if outside.any() else 255.0


def _height_by_area(stats: NDArray[np.int32], page: int) -> int:
    """The usual height of a character: half of the ink belongs to lower pieces. Specks are many, and have little of it."""
    heights, areas = stats[1:, cv2.CC_STAT_HEIGHT], stats[1:, cv2.CC_STAT_AREA]
    likely = (heights > page / 220) & (heights < page / 25) & (stats[1:, cv2.CC_STAT_WIDTH] < 3 * heights)
    order = np.argsort(heights[likely])
    covered = np.cumsum(areas[likely][order])
    return int(heights[likely][order][np.searchsorted(covered, covered[-1] / 2)]) if likely.any() else max(12, page // 80)


def _darkest(grey: Grey, labels: NDArray[np.int32] | NDArray[np.uint16], count: int) -> NDArray[np.uint8]:
    """The darkest grey level of each piece of ink."""
    found: NDArray[np.uint8] = np.full(count, 255, np.uint8)
    np.minimum.at(found, labels.ravel()[(inside := labels.ravel() > 0)], grey.ravel()[inside])
    return found


def _only_print(grey: Grey, where: Grey, darkest: float, size: int) -> Grey:
    """The page without the pieces of ink of the mask ``where`` that are nowhere as dark as ``darkest``.

    What touches a darker character stays, as it may be a thin stroke of it. Rules stay, also faint ones.
    """
    inked = ink(grey)
    marks = cv2.bitwise_and(inked, where)
    core = cv2.inRange(grey, 0, int(darkest))
    rules = _long(find_rules(grey))
    is_faint = cv2.countNonZero(cv2.bitwise_and(rules, cv2.dilate(core, np.ones((3, 3), np.uint8)))) < _HALF * cv2.countNonZero(
        rules
    )
    beside_rules = cv2.dilate(rules, np.ones((5, 5), np.uint8))
    characters = cv2.bitwise_and(core, cv2.bitwise_not(beside_rules))
    rest = np.where((marks > 0) & (cv2.dilate(core, np.ones((5, 5), np.uint8)) == 0), 255, 0).astype(np.uint8)
    if is_faint:
        rest = cv2.bitwise_and(rest, cv2.bitwise_not(beside_rules)).astype(np.uint8)
    labels, stats = pieces(rest)
    gone = extent(stats) <= _LARGE * size
    gone[np.unique(labels[cv2.dilate(characters, np.ones((7, 7), np.uint8)) > 0])] = False
    # a point or a minus is as near to its number, and may be paler
    near = np.ones((max(7, round(2 * _MARK_NEAR * size)) | 1,) * 2, np.uint8)
    beside = np.unique(labels[cv2.dilate(characters, near) > 0])
    gone[beside] &= extent(stats[beside]) < _MARK * size
    gone[0] = False
    lost = cv2.dilate(np.where(gone[labels], 255, 0).astype(np.uint8), np.ones((5, 5), np.uint8))
    return np.where((lost > 0) & ((rest > 0) | (inked == 0)), 255, grey).astype(np.uint8)


def _long(rules: Rules) -> Grey:
    """The rules that are longer than any stroke of a character."""
    height, width = rules.horizontal.shape
    across = cv2.morphologyEx(rules.horizontal, cv2.MORPH_OPEN, np.ones((1, width // 8), np.uint8))
    down = cv2.morphologyEx(rules.vertical, cv2.MORPH_OPEN, np.ones((height // 20, 1), np.uint8))
    return cv2.bitwise_or(across, down).astype(np.uint8)


def without_seals(grey: Grey, seals: Sequence[Seal]) -> Grey:
    """The page without ``seals``: what lies on them is divided by their ink, as if it lay on paper.

    The ink is what is left when strokes as thin as those of characters and rules are filled with what is around them. Thus
    characters beside the strokes of a seal stay as they are, and those on them keep their shape.
    """
    cleaned = grey.copy()
    stroke = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (max(5, round(grey.shape[1] * _STROKE) | 1),) * 2)
    for seal in seals:
        top, left = max(0, seal.y - seal.radius), max(0, seal.x - seal.radius)
        part = cleaned[top : seal.y + seal.radius, left : seal.x + seal.radius]
        disc = np.zeros(part.shape, np.uint8)
        cv2.circle(disc, (seal.x - left, seal.y - top), seal.radius, 255, -1)
        ground = cv2.blur(cv2.morphologyEx(part, cv2.MORPH_CLOSE, stroke), (3, 3)).astype(np.float32)
        lighter = np.clip(part * (255 / np.maximum(ground * _SHARE, _SHARE * 0.75 * seal.level)), 0, 255)
        lies_on_it = (disc > 0) & (ground < _LIGHTEST)
        part[lies_on_it] = lighter[lies_on_it]
    return cleaned
