"""A page image made ready for reading: one channel, evenly lit, without coloured seals, level.

All functions take and give ``numpy`` arrays: colour images (height, width, 3) RGB uint8, grey images (height, width) uint8 where
255 is paper.
A :class:`Picture` keeps the transform back to the image as it came, so that boxes can be shown on the original.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Box = tuple[float, float, float, float]

_SEAL_SATURATION = 50  # ink with less colour than this is black or blue-black text
_SEAL_LEVEL = 0.43  # of the paper: coloured pixels whose strongest channel is weaker lie over black text
_DARKEST_PAPER = 60  # grey level
_LEAST_COLOUR = 2e-4  # share of a page that coloured ink covers at least
_SKEW_LIMIT = 7.0  # degrees; a page is not laid on a scanner worse than that
_SHAPES_WIDTH = 1654  # pixels: A4 at 200 dpi
_FEW_SHAPES = 60  # pieces of ink; with fewer the shape of characters is not known
_SHARES = (50, 65, 80)  # percentiles of the widths and heights that are compared
_FAX = 2.0  # of the resolutions of a fax in standard mode: 200 x 100 or 204 x 98 dpi
_WIDE = 1.25  # Chinese characters are as wide as high, digits half as wide
_SQUARE, _MUCH_WIDER = 0.95, 1.5  # of digits drawn twice as wide, and of Chinese characters
_NARROW, _MOST = 20, 65  # percentiles of the shapes of a page of digits
_BEFORE = np.array([[1, 1, 1], [1, 0, 0], [0, 0, 0]], np.uint8)  # the neighbours of a pixel that come before it
_MOST_SHORT = 65_000  # numbers of 16 bits
_PROFILE_WIDTH = 900  # pixels; enough to see lines of text


class Picture(NamedTuple):
    """A level grey page and the 3 x 3 transform from its pixels to those of the image it came from."""

    grey: Grey
    to_source: NDArray[np.float64]

    def source_box(self, box: Box) -> Box:
        """The upright box (x0, y0, x1, y1) in the source image that holds ``box`` of this picture."""
        x0, y0, x1, y1 = box
        corners = np.array([[[x0, y0]], [[x1, y0]], [[x1, y1]], [[x0, y1]]], np.float64)
        moved = cv2.perspectiveTransform(corners, self.to_source)[:, 0]
        left, top = moved.min(axis=0)
        right, bottom = moved.max(axis=0)
        return float(left), float(top), float(right), float(bottom)

    def warped(self, matrix: NDArray[np.float64], size: tuple[int, int]) -> Picture:
        """This picture moved by ``matrix`` (from here to there) onto paper of ``size`` (width, height)."""
        moved = cv2.warpPerspective(self.grey, matrix, size, flags=cv2.INTER_CUBIC, borderValue=255)
        return Picture(moved.astype(np.uint8), self.to_source @ np.linalg.inv(matrix))


class Inks(NamedTuple):
    """A page by the colour of its inks: ``grey`` with coloured ink (seals, stamps, highlights) as light as paper where no black
    lies under it, and a mask of the ``coloured`` ink, None without any.
    """

    grey: Grey
    coloured: Grey | None


def parted_inks(image: NDArray[np.uint8]) -> Inks:
    """Return the inks of an image.

    The strongest channel of red ink on paper is nearly that of paper, and on black that of black; what difference is left is
    divided out, so that the soft edges of characters under a seal keep their shades.
    """
    if image.ndim == 2:
        return Inks(image, None)
    first, second, third = cv2.split(image)
    strongest = cv2.max(cv2.max(first, second), third).astype(np.uint8)
    colour = cv2.subtract(strongest, cv2.min(cv2.min(first, second), third))
    lightest = float(np.percentile(strongest[::8, ::8], 60))
    coloured = (colour > _SEAL_SATURATION) & (strongest > _SEAL_LEVEL * lightest)
    if np.count_nonzero(coloured) < _LEAST_COLOUR * coloured.size:
        return Inks(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.uint8), None)
    # in a shadow ink is as dark as black is elsewhere
    share = strongest / np.maximum(_paper(strongest), _DARKEST_PAPER)
    coloured = (colour > _SEAL_SATURATION) & (share > _SEAL_LEVEL)
    ink = min(1.0, float(np.percentile(share[coloured], 30))) if coloured.any() else 1.0
    lighter = np.clip(np.arange(256) / ink, 0, 255).astype(np.uint8)
    grey = np.where(coloured, cv2.LUT(strongest, lighter), strongest).astype(np.uint8)
    return Inks(grey, np.where(coloured, np.uint8(255), np.uint8(0)))


def is_bilevel(image: NDArray[np.uint8]) -> bool:
    """Return whether an image is black and white without shades between."""
    sample = image[::7, ::7]
    return bool(np.count_nonzero((sample > 30) & (sample < 225)) < 0.01 * sample.size)


def evenly_lit(grey: Grey) -> Grey:
    """The page divided by its own paper: shadows, folds and yellowed paper become white."""
    return np.clip(grey.astype(np.float32) * 255.0 / np.maximum(_paper(grey), _DARKEST_PAPER), 0, 255).astype(np.uint8)


def _paper(grey: Grey) -> Grey:
    """The grey level of the paper at each pixel."""
    small = cv2.resize(grey, None, fx=1 / 16, fy=1 / 16, interpolation=cv2.INTER_AREA)
    # wider than a shaded table heading, so that the heading keeps its own grey and makes no edges
    paper = cv2.blur(cv2.medianBlur(cv2.dilate(small, np.ones((3, 3), np.uint8)), 41), (9, 9))
    return cv2.resize(paper, (grey.shape[1], grey.shape[0]), interpolation=cv2.INTER_LINEAR).astype(np.uint8)


def marks_of(grey: Grey, window: float, least: float) -> Grey:
    """Return where ink is: 255 for ink, 0 for paper, by a threshold that follows the page and its noise.

    ``window`` is the width that a pixel is compared with, as a share of the page's; ``least`` by how many grey levels ink
    must be darker than that on a clean page. On a noisy page it must be darker by four times the noise.
    """
    block = max(15, round(grey.shape[1] * window) | 1)
    smooth = cv2.GaussianBlur(grey, (3, 3), 0)  # or noise is ink, and thin strokes break
    rough = smooth[::3, ::3].astype(np.int16)
    noise = 1.48 * float(np.median(np.abs(rough[:, 1:] - rough[:, :-1]))) / np.sqrt(2)
    return cv2.adaptiveThreshold(
        smooth, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, block, float(np.clip(4 * noise, least, 40))
    ).astype(np.uint8)


def pieces(mask: Grey) -> tuple[NDArray[np.int32] | NDArray[np.uint16], NDArray[np.int32]]:
    """The connected pieces of a mask: the number of its piece for each pixel, and for each piece its OpenCV statistics.

    Piece 0 is what is not of the mask. Numbers of 16 bits take half as long: they are used where they are enough.
    """
    # no piece begins where a pixel before this one is of the mask, so that there are no more numbers than such places
    before = cv2.dilate(mask, _BEFORE, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    beginnings = cv2.countNonZero(cv2.subtract(mask, before))
    kind = cv2.CV_16U if beginnings < _MOST_SHORT else cv2.CV_32S
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=kind)
    return labels, stats  # type: ignore[return-value]


def marked(labels: NDArray[np.int32] | NDArray[np.uint16], which: NDArray[np.bool_]) -> Grey:
    """Return a mask of the pieces of which ``which`` is true; ``labels`` is the number of its piece for each pixel."""
    return np.asarray(np.where(which, np.uint8(255), np.uint8(0))[labels])


def extent(stats: NDArray[np.int32]) -> NDArray[np.int32]:
    """The larger of width and height of each piece, by its OpenCV statistics."""
    return np.asarray(stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1))


def ink(grey: Grey) -> Grey:
    """Return where characters are, as a mask: see :func:`marks_of`."""
    return marks_of(grey, 1 / 40, 14)


def skew(grey: Grey) -> float:
    """By how many degrees the page must be turned counter-clockwise to lie level, within 7 degrees, to 0.05 degrees."""
    scale = _PROFILE_WIDTH / grey.shape[1]
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    marks = ink(small.astype(np.uint8))
    rows, columns = (at.astype(np.float32) for at in np.nonzero(marks))
    most = 2 * sum(marks.shape)

    def sharpness(angle: float) -> float:
        """Return how sharply the rows of the page, turned by ``angle`` degrees, alternate between ink and paper."""
        turn = np.deg2rad(angle)
        # in half rows, two neighbouring ones together, so that a row of characters does not gain by where rows begin
        turned = 2 * (np.float32(np.cos(turn)) * rows - np.float32(np.sin(turn)) * columns + np.float32(marks.shape[1]))
        halves = np.bincount(turned.astype(np.int32), minlength=2 * most)
        profile = halves[:-1] + halves[1:]
        return float(np.square(np.diff(profile[: profile.size // 2 * 2].reshape(-1, 2), axis=0)).sum())

    best, step = 0.0, 1.0
    span = np.arange(-_SKEW_LIMIT, _SKEW_LIMIT + step, step)
    while True:
        best = max((best + offset for offset in span), key=sharpness)
        if step <= 0.05:
            return float(np.clip(best, -_SKEW_LIMIT, _SKEW_LIMIT))
        step /= 4 if step > 0.25 else 5
        span = np.arange(-4, 5) * step


def sharpness(grey: Grey) -> float:
    """Return how sharply rows and columns of ink alternate with paper: most where lines of text and rules lie straight.

    Only to be compared with that of the same page moved otherwise.
    """
    scale = _PROFILE_WIDTH / grey.shape[1]
    marks = ink(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.uint8)) > 0
    across, down = (float(np.square(np.diff(marks.sum(axis=axis, dtype=np.int64))).sum()) for axis in (1, 0))
    return across * down


def levelled(picture: Picture) -> Picture:
    """The picture turned level; as it is when it is off by less than a twentieth of a degree."""
    angle = skew(picture.grey)
    if abs(angle) < 0.05:
        return picture
    height, width = picture.grey.shape
    turn = np.vstack([cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0), [0, 0, 1]])
    return picture.warped(turn, (width, height))


def quarter_turned(picture: Picture, turns: int) -> Picture:
    """The picture turned by ``turns`` quarters counter-clockwise."""
    height, width = picture.grey.shape
    quarter = {
        0: np.eye(3),
        1: np.array([[0, 1, 0], [-1, 0, width - 1], [0, 0, 1]], np.float64),
        2: np.array([[-1, 0, width - 1], [0, -1, height - 1], [0, 0, 1]], np.float64),
        3: np.array([[0, -1, height - 1], [1, 0, 0], [0, 0, 1]], np.float64),
    }[turns % 4]
    return picture.warped(quarter, (width, height) if turns % 2 == 0 else (height, width))


def stretch(grey: Grey) -> float:
    """Return how many times as wide as high the characters of a page are drawn: 1, or 2 on a fax whose rows are further apart.

    It is judged by the shapes of the characters: what a file says of its resolution is often wrong, and is lost in a PDF.
    """
    scale = min(1.0, _SHAPES_WIDTH / grey.shape[1])
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else grey
    _, stats = pieces(ink(small.astype(np.uint8)))
    sizes = stats[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
    page = np.array([small.shape[1], small.shape[0]])
    sizes = sizes[((sizes > page / 250) & (sizes < page / 15)).all(axis=1)]
    if len(sizes) < _FEW_SHAPES:
        return 1.0
    widths, heights = np.percentile(sizes, _SHARES, axis=0).T
    # all shapes are wide, not just those of characters that run into each other
    if (widths / heights).min() >= _WIDE:
        return _FAX
    # or most are digits, which are as wide as high at least then, and the larger ones, which are Chinese, much wider
    ratios = sizes[:, 0] / sizes[:, 1]
    narrow, most = np.percentile(ratios, (_NARROW, _MOST))
    large = ratios[np.argsort(-sizes.prod(axis=1), kind="stable")[: len(ratios) // 5]]
    return _FAX if narrow >= _SQUARE and most >= _WIDE and np.median(large) >= _MUCH_WIDER else 1.0


class PreparedPage(NamedTuple):
    """A page image made ready: colour off, light even, characters as wide as they are high, level.

    ``coloured`` is a mask of the ink whose colour was taken off, as large as the picture; None without such ink.
    """

    picture: Picture
    coloured: Grey | None


def prepared(image: NDArray[np.uint8]) -> PreparedPage:
    """Return a page image made ready to be read. Its orientation is decided by who can read."""
    inks = parted_inks(image)
    picture = Picture(evenly_lit(inks.grey), np.eye(3))
    if (times := stretch(picture.grey)) > 1:
        height, width = picture.grey.shape
        picture = picture.warped(np.diag([1.0, times, 1.0]), (width, round(height * times)))
    picture = levelled(picture)
    if inks.coloured is None:
        return PreparedPage(picture, None)
    size = picture.grey.shape[1], picture.grey.shape[0]
    moved = cv2.warpPerspective(inks.coloured, np.linalg.inv(picture.to_source), size, flags=cv2.INTER_NEAREST)
    return PreparedPage(picture, moved.astype(np.uint8))
