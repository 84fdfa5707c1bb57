"""Crops of cells: a text drawn in some font, worn as scans are worn, and cut as ``tasks.ocr`` cuts lines from pages."""

from __future__ import annotations

import random
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from training.recipe import FontGroup, Sample, TextRun

Grey = NDArray[np.uint8]
_SIZES = (
    11,
    12,
    13,
    15,
    17,
    19,
    21,
    24,
    27,
    30,
    34,
    38,
    44,
    52,
    62,
)  # pixels; few, since opening a font takes longer than drawing


class Fonts(NamedTuple):
    """What a set of crops is drawn with: fonts that have Chinese characters, and fonts that have digits only."""

    chinese: list[FontGroup]
    latin: list[FontGroup]


@lru_cache(maxsize=8192)
def _face(path: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), size)


@lru_cache(maxsize=65536)
def _has(path: Path, character: str) -> bool:
    """Return whether a font draws a character: its picture is not that of a character that no font has."""
    face = _face(path, 24)
    mask = face.getmask(character)
    return bool(mask.getbbox()) and bytes(mask) != bytes(face.getmask("\U0010fffe"))


def _pick(groups: list[FontGroup], rng: random.Random) -> Path:
    group = rng.choices(groups, [g.weight for g in groups])[0]
    return rng.choice(group.files)


def _covers(path: Path, text: str) -> bool:
    return all(_has(path, c) for c in set(text) if not c.isspace())


def pick_fonts(fonts: Fonts, text: str, rng: random.Random) -> tuple[Path, Path] | None:
    """A font for ASCII and one for the rest that have all of ``text``, or None where none of ten has."""
    ascii_part, rest = "".join(c for c in text if c < "\x7f"), "".join(c for c in text if c >= "\x7f")
    for _ in range(10):
        chinese = _pick(fonts.chinese, rng)
        plain = chinese if rng.random() < 0.5 or not fonts.latin else _pick(fonts.latin, rng)
        if _covers(chinese, rest) and _covers(plain, ascii_part):
            return plain, chinese
    return None


def _drawn(sample: Sample, fonts: Fonts, size: int, rng: random.Random) -> Grey | None:
    """The text alone, black on white, with room around it; white alone for an empty text, None where no font has all of it."""
    text = "".join(run.text for run in sample.runs)
    if not text:
        return np.full((3 * size, rng.randint(2, 5) * size), 255, np.uint8)
    if (faces := pick_fonts(fonts, text, rng)) is None:
        return None
    spacing = 0.0
    if rng.random() < 0.25:
        spacing = rng.uniform(-0.06, 0.35) * size
    bold = rng.random() < 0.05
    glyphs: list[tuple[str, ImageFont.FreeTypeFont, float, float]] = []
    at = 1.2 * size
    for run in sample.runs:
        at = _placed(run, faces, (size, at, spacing), glyphs)
    paper = Image.new("L", (round(at + 1.2 * size), 3 * size), 255)
    pen = ImageDraw.Draw(paper)
    for piece, face, x, y in glyphs:
        pen.text((x, y), piece, fill=0, font=face, anchor="ls", stroke_width=1 if bold and size > 24 else 0)
    return np.asarray(paper)


def _placed(
    run: TextRun,
    faces: tuple[Path, Path],
    measures: tuple[int, float, float],
    glyphs: list[tuple[str, ImageFont.FreeTypeFont, float, float]],
) -> float:
    """Put the glyphs of a run, of ``measures`` (size, where it begins, spacing), to the others; return where it ends."""
    size, at, spacing = measures
    high = max(7, round(size * 0.6)) if run.is_raised else size
    base = 2.0 * size - (0.38 * size if run.is_raised else 0)
    is_split = bool(spacing) or any(c >= "\x7f" for c in run.text)
    for piece in run.text if is_split else [run.text]:
        face = _face(faces[0] if piece[0] < "\x7f" else faces[1], high)
        glyphs.append((piece, face, at, base))
        at += face.getlength(piece) + spacing
    return at


def make_crop(sample: Sample, fonts: Fonts, rng: random.Random, level: float = 1.0) -> Grey | None:
    """A grey crop (height, width) of ``sample``, worn at random; None where no font has all of its text.

    ``level`` is how bad the wear may be: 1 for training, less or more for measuring.
    """
    s = level
    # 8 to 16 points at 100 to 300 dpi
    size = round(rng.uniform(8.5, 15) * rng.choice((100, 120, 150, 150, 200, 200, 200, 240, 300)) / 72)
    size = min(_SIZES, key=lambda known: abs(known - size))
    if (text := _drawn(sample, fonts, size, rng)) is None:
        return None
    if rng.random() < 0.1 * s:
        text = _sheared(text, rng.uniform(-0.05, 0.28))
    if rng.random() < 0.6:
        text = _turned(text, rng.gauss(0, 0.7) * s, rng.gauss(0, 0.01) * s)
    text = _stroked(text, size, rng, s)
    left, top, right, bottom = _extent(text, size)
    page = text.copy()
    is_loose = rng.random() < 0.25
    _add_rules(page, (left, top, right, bottom), size, rng, is_loose)
    grey = _inked(page, size, rng, s)
    grey = _copied(grey, size, rng, s)
    more = max(2, size // 12)
    box = [left - more, top - 1, right + more, bottom + 1]
    if is_loose:
        free = [rng.uniform(0, 0.45) * size for _ in range(4)]
        box = [box[0] - round(free[0] * 2), box[1] - round(free[1]), box[2] + round(free[2] * 2), box[3] + round(free[3])]
    else:
        jitter = max(1, size // 16)
        box = [b + rng.randint(-jitter, jitter) * (rng.random() < 0.5) for b in box]
        if not sample.target and rng.random() < 0.7:  # a box that holds dust or the rest of a rule
            box = [left, top, left + rng.randint(3, 2 * size), top + rng.randint(3, size)]
    height, width = grey.shape
    x0, y0 = max(0, min(box[0], width - 4)), max(0, min(box[1], height - 4))
    return np.ascontiguousarray(grey[y0 : max(y0 + 3, min(height, box[3])), x0 : max(x0 + 3, min(width, box[2]))])


def _extent(text: Grey, size: int) -> tuple[int, int, int, int]:
    ink = text < 140
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not rows.size:
        return size, size, text.shape[1] - size, 2 * size
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _sheared(image: Grey, by: float) -> Grey:
    height, width = image.shape
    matrix = np.array([[1, -by, by * height / 2], [0, 1, 0]], np.float32)
    return cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=255).astype(np.uint8)


def _turned(image: Grey, degrees: float, stretch: float) -> Grey:
    height, width = image.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    matrix[0, 0] *= 1 + stretch * 4
    return cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=255).astype(np.uint8)


def _stroked(image: Grey, size: int, rng: random.Random, s: float) -> Grey:
    """Thicker or thinner strokes: as of toner, or of a threshold."""
    kind = rng.random()
    if kind < 0.14 * s:
        thick = cv2.erode(image, np.ones((2, 2) if size < 40 else (3, 3), np.uint8))
        return cv2.addWeighted(image, 1 - (a := rng.uniform(0.3, 1)), thick, a, 0).astype(np.uint8)
    if kind < 0.26 * s and size >= 18:
        thin = cv2.dilate(image, np.ones((2, 2), np.uint8))
        return cv2.addWeighted(image, 1 - (a := rng.uniform(0.2, 0.75)), thin, a, 0).astype(np.uint8)
    return image


def _add_rules(page: Grey, box: tuple[int, int, int, int], size: int, rng: random.Random, is_loose: bool) -> None:
    """Rests of rules at the sides, specks, and characters of neighbouring lines that the cut runs through."""
    height, width = page.shape
    left, top, right, bottom = box
    if rng.random() < 0.3:
        shade = rng.choice((0, 40, 90, 150, 190))
        thick = max(1, round(size * rng.uniform(0.02, 0.08)))
        gap = rng.randint(1, max(2, size // 8)) if not is_loose else rng.randint(size // 6 + 1, size)
        for side in rng.sample(("left", "right", "top", "bottom"), rng.choice((1, 1, 1, 2))):
            broken = rng.random() < 0.3
            if side in ("left", "right"):
                x = left - gap - thick if side == "left" else right + gap
                y0, y1 = (0, height) if not broken else sorted((rng.randrange(height), rng.randrange(height)))
                page[y0:y1, max(0, x) : max(0, x + thick)] = np.minimum(page[y0:y1, max(0, x) : max(0, x + thick)], shade)
            else:
                y = top - gap - thick if side == "top" else bottom + gap
                x0, x1 = (0, width) if not broken else sorted((rng.randrange(width), rng.randrange(width)))
                page[max(0, y) : max(0, y + thick), x0:x1] = np.minimum(page[max(0, y) : max(0, y + thick), x0:x1], shade)
    if rng.random() < 0.12:
        for _ in range(rng.randint(1, 4)):  # dust, smaller than a point
            radius = max(1, round(size * rng.uniform(0.01, 0.035)))
            cv2.circle(page, (rng.randrange(width), rng.randrange(height)), radius, rng.choice((0, 60, 120)), -1)
    if is_loose and rng.random() < 0.25:
        rows = page[top:bottom, left:right].copy()
        if rows.size:
            away = (bottom - top) + rng.randint(size // 3, max(size // 3 + 1, size))
            y0 = top + rng.choice((-1, 1)) * away
            a, b = max(0, y0), min(height, y0 + rows.shape[0])
            if b > a:
                page[a:b, left:right] = np.minimum(page[a:b, left:right], rows[a - y0 : b - y0])


def _inked(page: Grey, size: int, rng: random.Random, s: float) -> NDArray[np.float32]:
    """Paper and ink of some shade, with a seal or a watermark, and uneven light."""
    height, width = page.shape
    paper = rng.uniform(185, 255)
    dark = rng.uniform(0, 90) if rng.random() > 0.15 * s else rng.uniform(90, 165)
    grey = dark + (page.astype(np.float32) / 255) * (paper - dark)
    if rng.random() < 0.1 * s:
        grey *= _overlay(height, width, rng.uniform(size * 1.5, size * 6), rng, rng.uniform(0.45, 0.85))
    if rng.random() < 0.06 * s:
        grey *= _watermark(height, width, size, rng)
    if rng.random() < 0.4:
        slope = (
            np.linspace(0, 1, width, dtype=np.float32)[None, :]
            if rng.random() < 0.5
            else np.linspace(0, 1, height, dtype=np.float32)[:, None]
        )
        grey *= 1 - rng.uniform(0, 0.2) * s * (slope if rng.random() < 0.5 else 1 - slope)
    return grey


def _overlay(height: int, width: int, radius: float, rng: random.Random, light: float) -> NDArray[np.float32]:
    """A seal's ring, or strokes of its characters, over part of the crop: it darkens to ``light`` of what is there."""
    ink = np.zeros((height, width), np.uint8)
    centre = (rng.randrange(-width // 2, width + width // 2), rng.randrange(-height // 2, height + height // 2))
    thick = max(1, round(radius * rng.uniform(0.05, 0.15)))
    cv2.circle(ink, centre, round(radius), 255, thick)
    for _ in range(rng.randint(0, 3)):
        ends = [(rng.randrange(width), rng.randrange(height)) for _ in range(2)]
        cv2.line(ink, ends[0], ends[1], 255, max(1, thick // 2))
    if rng.random() < 0.2:
        cv2.fillPoly(ink, [np.array([(rng.randrange(width), rng.randrange(height)) for _ in range(3)], np.int32)], 255)
    share = cv2.GaussianBlur(ink, (0, 0), rng.uniform(0.5, 1.5)).astype(np.float32) / 255
    return (1 - share * (1 - light)).astype(np.float32)


def _watermark(height: int, width: int, size: int, rng: random.Random) -> NDArray[np.float32]:
    ink = Image.new("L", (width, height), 0)
    pen = ImageDraw.Draw(ink)
    for _ in range(rng.randint(1, 3)):
        x, y = rng.randrange(width), rng.randrange(height)
        pen.line(
            [(x, y), (x + rng.randint(-3, 3) * size, y + rng.randint(-2, 2) * size)],
            fill=255,
            width=max(2, size // rng.randint(3, 8)),
        )
    return (1 - np.asarray(ink, np.float32) / 255 * rng.uniform(0.06, 0.25)).astype(np.float32)


def _copied(grey: NDArray[np.float32], size: int, rng: random.Random, s: float) -> Grey:
    """Optics, sensor and compression: blur, low resolution, noise, JPEG, or a copy in black and white."""
    height, width = grey.shape
    noise = np.random.default_rng(rng.getrandbits(32))
    if rng.random() < 0.7:
        grey = cv2.GaussianBlur(grey, (0, 0), max(0.3, size / 28 * rng.uniform(0.2, 1.15) * s))
    if rng.random() < 0.04 * s:
        kernel = np.zeros((3, 3), np.float32)
        kernel[1, :] = 1 / 3
        grey = cv2.filter2D(grey, -1, kernel if rng.random() < 0.5 else kernel.T)
    if rng.random() < 0.3 * s and size > 14:
        scale = rng.uniform(max(0.25, 11 / size), 0.9)
        small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        grey = cv2.resize(
            small, (width, height), interpolation=rng.choice((cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST))
        )
    if rng.random() < 0.6:
        grey = grey + noise.normal(0, rng.uniform(1, 16) * s, grey.shape).astype(np.float32)
    result = np.clip(grey, 0, 255).astype(np.uint8)
    if rng.random() < 0.12 * s:
        paper, dark = float(np.percentile(result, 90)), float(result.min())
        cut = dark + rng.uniform(0.5, 0.8) * (paper - dark)
        result = np.where(result > cut, 255, 0).astype(np.uint8)
        if rng.random() < 0.3:
            result[noise.random(result.shape) < rng.uniform(0, 0.012)] = 0
            result[noise.random(result.shape) < rng.uniform(0, 0.012)] = 255
    elif rng.random() < 0.5:
        _, data = cv2.imencode(".jpg", result, [cv2.IMWRITE_JPEG_QUALITY, rng.randint(30, 92)])
        result = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE).astype(np.uint8)
    return result
