"""Round seals on a page without colour: grey ink over numbers, labels and rules, taken away where black stands under it."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.ocr.prepare_image import Grey

_DARKEST, _LIGHTEST = 90, 215  # grey levels of a seal on a copy; darker ones cannot be parted from text
_WIDTH = 240  # pixels of the picture in which circles are looked for
_RADII = (0.06, 0.18)  # shares of a page's width: a seal is 3.8 to 5 cm wide, on pages up to A3 and down to half of A4
_ROUND = 0.65  # share of a circle that is drawn
_SHARE = 0.93  # of the level of its ink, which is uneven: what is lighter becomes paper
_STROKE = 1 / 330  # share of a page's width: strokes of characters and rules are thinner
_MOST = 4  # seals on a page
_LEAST_INK = 6e-4  # share of a page that a seal covers at least


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


def without_seals(grey: Grey) -> Grey:
    """The page without round grey seals: what lies on them is divided by their ink, as if it lay on paper.

    The ink is what is left when strokes as thin as those of characters and rules are filled with what is around them. Thus
    characters beside the strokes of a seal stay as they are, and those on them keep their shape.
    """
    seals = find_seals(grey)
    if not seals:
        return grey
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
