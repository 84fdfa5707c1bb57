"""Clean page images made into scans: skew, perspective, blur, uneven light, noise, seals, JPEG, low resolution, bilevel copies.

All are seeded, and give the transform from the clean page to the scan: what is known of the clean page can be found in the scan.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Wear:
    """How bad a scan is.

    Angles are in degrees, ``corner`` is a share of the page's width, ``blur`` is in pixels of 200 dpi, ``noise`` in grey levels.
    ``turns`` are quarters counter-clockwise; ``shadow`` is that of a hand or a phone, ``border`` the dark beside the paper.
    """

    skew: float = 0.0
    corner: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    shade: float = 0.0
    jpeg: int = 95
    scale: float = 1.0
    seal: bool = False
    faint: bool = False
    bilevel: bool = False
    shadow: bool = False
    border: bool = False
    stains: bool = False
    turns: int = 0


LEVELS = {
    "fine": Wear(),
    "1": Wear(skew=0.5, blur=0.5, noise=4, shade=0.1, jpeg=80),
    "2": Wear(skew=1.5, corner=0.004, blur=0.8, noise=8, shade=0.25, jpeg=60),
    "3": Wear(skew=3.0, corner=0.012, blur=1.2, noise=14, shade=0.4, jpeg=40),
    "150dpi": Wear(skew=0.7, blur=0.5, noise=5, jpeg=70, scale=0.75),
    "seal": Wear(skew=0.7, blur=0.5, noise=4, jpeg=70, seal=True),
    "faint": Wear(skew=0.5, blur=0.7, noise=6, jpeg=70, faint=True),
    "bilevel": Wear(skew=0.7, blur=0.6, noise=10, bilevel=True),
    "120dpi": Wear(skew=0.7, blur=0.4, noise=5, jpeg=70, scale=0.6),
    "photo": Wear(skew=2.0, corner=0.03, blur=0.9, noise=6, shade=0.2, jpeg=75, shadow=True),
    "border": Wear(skew=1.5, blur=0.6, noise=6, jpeg=70, border=True, stains=True),
    "turned": Wear(skew=0.5, blur=0.5, noise=4, jpeg=80, turns=1),
    "upside": Wear(skew=0.5, blur=0.5, noise=4, jpeg=80, turns=2),
}
MAIN = ("fine", "1", "2", "3")


def worn(page: Image, wear: Wear, seed: int, dpi: int = 200) -> tuple[Image, NDArray[np.float64]]:
    """A scan of the clean RGB ``page`` of ``dpi``, and the 3 x 3 transform from its pixels to the scan's."""
    rng = np.random.default_rng(seed)
    image = page.astype(np.float32)
    height, width = page.shape[:2]
    if wear.faint:  # thin grey rules: lighten what is thin in one direction
        dark = (image.min(axis=2) < 150).astype(np.uint8)
        long = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((1, 60), np.uint8))
        long |= cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((45, 1), np.uint8))
        broken = rng.random((height, width)) < 0.25
        image[long > 0] = 185
        image[(long > 0) & broken] = 235
    if wear.stains:
        _stain(image, rng)
    if wear.seal:
        _seal(image, rng)
    matrix = _warp(width, height, wear, rng)
    size = (round(width * wear.scale), round(height * wear.scale))
    matrix = np.diag([wear.scale, wear.scale, 1.0]) @ matrix
    method = cv2.INTER_AREA if wear.scale < 1 else cv2.INTER_CUBIC
    if wear.scale < 1:
        image = cv2.GaussianBlur(image, (0, 0), 0.5 / wear.scale)
    image = cv2.warpPerspective(
        image, matrix, size, flags=method if wear.scale == 1 else cv2.INTER_LINEAR, borderValue=(255, 255, 255)
    )
    if wear.border:
        inside = cv2.warpPerspective(np.ones((height, width), np.float32), matrix, size, flags=cv2.INTER_LINEAR)
        image = image * inside[..., None] + 25 * (1 - inside[..., None])
    if wear.blur:
        image = cv2.GaussianBlur(image, (0, 0), wear.blur * dpi * wear.scale / 200)
    if wear.shadow:
        _shadow(image, rng)
    if wear.shade:
        y, x = np.mgrid[0 : size[1], 0 : size[0]]
        angle = rng.uniform(0, 2 * np.pi)
        slope = (np.cos(angle) * x / size[0] + np.sin(angle) * y / size[1]) * 0.5 + 0.5
        image *= (1 - wear.shade * np.clip(slope, 0, 1))[..., None]
    if wear.noise:
        image += rng.normal(0, wear.noise, image.shape[:2])[..., None] + rng.normal(0, wear.noise / 3, image.shape)
    result = np.clip(image, 0, 255).astype(np.uint8)
    if wear.bilevel:
        grey = cv2.cvtColor(result, cv2.COLOR_RGB2GRAY)
        result = np.dstack([np.where(grey > 150, 255, 0).astype(np.uint8)] * 3)
    elif wear.jpeg < 95:
        _, data = cv2.imencode(".jpg", result[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, wear.jpeg])
        result = cv2.imdecode(data, cv2.IMREAD_COLOR)[:, :, ::-1]
    if wear.turns % 4:
        result, matrix = _turned(result, matrix, wear.turns % 4)
    return np.ascontiguousarray(result), matrix


def _turned(image: Image, matrix: NDArray[np.float64], turns: int) -> tuple[Image, NDArray[np.float64]]:
    for _ in range(turns):
        width = image.shape[1]
        image = np.rot90(image)
        matrix = np.array([[0, 1, 0], [-1, 0, width - 1], [0, 0, 1]], np.float64) @ matrix
    return image, matrix


def _shadow(image: NDArray[np.float32], rng: np.random.Generator) -> None:
    """The soft edge of something between lamp and paper, over a part of the page."""
    height, width = image.shape[:2]
    mask = np.zeros((height // 8, width // 8), np.float32)
    corners = rng.uniform((-0.2, 0.2), (0.5, 0.9), 2)
    shape = np.array([(0, corners[0]), (0.6, corners[1]), (1.1, 1.1), (0, 1.1)]) * (mask.shape[1], mask.shape[0])
    cv2.fillPoly(mask, [shape.astype(np.int32)], 1.0)
    mask = cv2.GaussianBlur(mask, (0, 0), width / 8 / 40)
    image *= 1 - rng.uniform(0.3, 0.45) * cv2.resize(mask, (width, height))[..., None]


def _stain(image: NDArray[np.float32], rng: np.random.Generator) -> None:
    """Yellow blots and dark specks."""
    height, width = image.shape[:2]
    blots = np.zeros((height, width), np.float32)
    for _ in range(3):
        centre = (int(rng.uniform(0, width)), int(rng.uniform(0, height)))
        cv2.circle(blots, centre, int(width * rng.uniform(0.03, 0.09)), float(rng.uniform(0.08, 0.2)), -1)
    blots = cv2.GaussianBlur(blots, (0, 0), width / 200)
    image *= 1 - blots[..., None] * np.array([0.3, 0.5, 1.0], np.float32)
    for _ in range(60):
        centre = (int(rng.uniform(0, width)), int(rng.uniform(0, height)))
        cv2.circle(image, centre, int(max(1, width / 1600 * rng.uniform(0.5, 1.6))), (60.0, 60.0, 60.0), -1)


def _warp(width: int, height: int, wear: Wear, rng: np.random.Generator) -> NDArray[np.float64]:
    angle = rng.choice([-1, 1]) * wear.skew * rng.uniform(0.7, 1.0)
    turn = np.vstack([cv2.getRotationMatrix2D((width / 2, height / 2), float(angle), 1.0), [0, 0, 1]])
    if not wear.corner:
        return turn
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    moved = corners + rng.uniform(-1, 1, (4, 2)).astype(np.float32) * wear.corner * width
    return cv2.getPerspectiveTransform(corners, moved) @ turn


def _seal(image: NDArray[np.float32], rng: np.random.Generator) -> None:
    """A round red seal with a star and a ring of strokes, laid over the page as ink: it darkens what is under it."""
    height, width = image.shape[:2]
    ink = np.zeros((height, width), np.uint8)
    radius = int(width * 0.13)
    centre = (int(rng.uniform(0.3, 0.7) * width), int(rng.uniform(0.35, 0.75) * height))
    cv2.circle(ink, centre, radius, 255, max(3, radius // 18))
    points = [
        (centre[0] + radius * r * np.sin(i * np.pi / 5), centre[1] - radius * r * np.cos(i * np.pi / 5))
        for i in range(10)
        for r in [0.32 if i % 2 == 0 else 0.13]
    ]
    cv2.fillPoly(ink, [np.array(points, np.int32)], 255)
    for step in range(14):
        angle = np.pi * (0.75 + step * 1.5 / 13)
        at = (int(centre[0] + 0.75 * radius * np.cos(angle)), int(centre[1] + 0.75 * radius * np.sin(angle)))
        cv2.rectangle(
            ink,
            (at[0] - radius // 16, at[1] - radius // 12),
            (at[0] + radius // 16, at[1] + radius // 12),
            255,
            max(2, radius // 40),
        )
    share = (cv2.GaussianBlur(ink, (0, 0), 1.0).astype(np.float32) / 255 * rng.uniform(0.75, 0.95))[..., None]
    image *= 1 - share * (1 - np.array([215, 40, 45], np.float32) / 255)
