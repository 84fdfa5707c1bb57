"""Which characters of a PDF page are seen on it: the page is drawn with its text and without, and what changes nothing is unseen.

A character may be written and not be seen: in a layer that is switched off, in the colour of the paper, clipped away, outside of
the page, or under a white rectangle with another number on it. Every such way comes out in the pixels, and only there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from math import sqrt
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from tasks.extraction.grid import Box
from tasks.extraction.pdf.layout import Char

Grey = NDArray[np.uint8]
Flags = NDArray[np.bool_]

_SCALE = 1.25  # pixels a point
_MOST_PIXELS = 3_000_000  # of a drawing; larger pages are drawn smaller
_CHANGE = 12  # of 255: a pixel that changes less looks the same
_DARK = 160  # of 255: no cell is filled so
_FAINT = 3  # of 255: the same for the small marks of numbers, whose few pixels are never full
_SMALL_MARKS = frozenset(".,，．。、·-—–－/:;'\"|")
_SAMPLES = 6  # pixels in each direction of a character that are looked at first
_SIDE = 0.35  # pixels at each side of a character that its neighbour may stain
_OVER = 0.3  # share of a character over which another is written
_REACH = 0.5  # points around a character whose pixels may show ink of its neighbour
_SHOWN = 0.3  # share of a character's own ink that is enough
_MOST_COLOURS = 6  # drawings for texts that are written over one another
_FAR = 20_000.0  # points: outside of any page
_TINY = 2.0  # points: nobody reads smaller characters
_TINY_SHARE = 0.4  # of the usual height on the page


class Drawn(NamedTuple):
    """A page as it is drawn: with its text, without it (grey, 255 is white), and the pixels a point."""

    full: Grey
    bare: Grey
    scale: float


class Shown(NamedTuple):
    """For each character whether it is seen, and the drawings of the page."""

    seen: list[bool]
    drawn: Drawn

    def inked(self, boxes: Sequence[Box]) -> list[Box]:
        """Those of ``boxes`` (on the page, in points) in which something other than text is drawn."""
        height, width = self.drawn.bare.shape
        found = []
        for box in boxes:
            x0, top, x1, bottom = (max(0, round(value * self.drawn.scale)) for value in box)
            part = self.drawn.bare[top + 1 : min(bottom, height), x0 + 1 : min(x1, width)]
            if part.size and (int(part.max()) - int(part.min()) > _CHANGE or part.max() < _DARK):
                found.append(box)
        return found


def shown(
    page: pypdfium2.PdfPage, chars: Sequence[Char], inks: NDArray[np.float64], runs: dict[int, Any], ignored: Iterable[Any] = ()
) -> Shown:
    """Which of ``chars`` can be seen on the page.

    ``inks`` are the boxes of their ink, ``runs`` the text objects by their addresses; ``ignored`` are text objects (watermarks)
    that count as not drawn. The page is as it was afterwards.
    """
    ignored = list(ignored)
    scale = _scale(page)
    with _switched_off(ignored):
        full = _draw(page, scale)
        with _switched_off(runs.values()):
            bare = _draw(page, scale)
        drawn = Drawn(full, bare, scale)
        if not chars:
            return Shown([], drawn)
        boxes = _pixel_boxes(inks, scale, full.shape)
        faint = np.array([char.text in _SMALL_MARKS for char in chars])
        seen = _changed(full, bare, boxes, faint)
        unseen = any(char.text.isalnum() and not one for char, one in zip(chars, seen.tolist(), strict=True))
        if unseen or _written_over(chars, inks, _OVER):
            pairs = _written_over(chars, inks + np.array([-_REACH, -_REACH, _REACH, _REACH]), 0.0)
            seen = _one_by_one(page, _Lookup(chars, boxes, faint, runs), pairs, drawn) | _not_drawable(chars, runs)
            seen |= np.array([char.run == 0 for char in chars], np.bool_)  # it cannot be drawn by itself
        seen &= np.array(_not_tiny(chars), np.bool_)
    return Shown(_with_marks(chars, seen), drawn)


def unseen_runs(chars: Sequence[Char], seen: Sequence[bool]) -> set[int]:
    """The addresses of the text objects of which nothing is seen."""
    runs = {char.run for char in chars if not char.text.isspace()}
    return runs - {char.run for char, one in zip(chars, seen, strict=True) if one and not char.text.isspace()} - {0}


def switch_off(objects: Iterable[Any]) -> None:
    """Objects of a page are no longer drawn, and no longer part of its text.

    They are moved too: pdfium leaves out a text that says the same as one before it in its place, drawn or not.
    """
    for item in objects:
        pdfium.FPDFPageObj_SetIsActive(item, False)
        pdfium.FPDFPageObj_Transform(item, 1, 0, 0, 1, _FAR, _FAR)


def _scale(page: pypdfium2.PdfPage) -> float:
    width, height = page.get_size()
    return min(_SCALE, sqrt(_MOST_PIXELS / max(width * height, 1.0)))


def _draw(page: pypdfium2.PdfPage, scale: float) -> Grey:
    bitmap = page.render(scale=scale, grayscale=True, may_draw_forms=False, draw_annots=False)
    try:
        pixels = bitmap.to_numpy()
        return np.array(pixels if pixels.ndim == 2 else pixels[..., 0], np.uint8)
    finally:
        bitmap.close()


@contextmanager
def _switched_off(objects: Iterable[Any]) -> Iterator[None]:
    """Page objects are not drawn while this lasts."""
    items = list(objects)
    for item in items:
        pdfium.FPDFPageObj_SetIsActive(item, False)
    yield
    for item in items:
        pdfium.FPDFPageObj_SetIsActive(item, True)


def _pixel_boxes(inks: NDArray[np.float64], scale: float, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """(x0, top, x1, bottom) in pixels of the inner part of each character's ink."""
    ink = inks * scale
    for low, high in ((0, 2), (1, 3)):
        side = np.where(ink[:, high] - ink[:, low] > 4 * _SIDE + 1, _SIDE, 0.0)
        ink[:, low] += side
        ink[:, high] -= side
    ink[:, :2], ink[:, 2:] = np.floor(ink[:, :2]), np.ceil(ink[:, 2:])
    height, width = shape[:2]
    return np.clip(ink, 0, [width, height, width, height]).astype(np.int64)


def _changed(one: Grey, other: Grey, boxes: NDArray[np.int64], faint: Flags) -> Flags:
    """For each box whether two drawings differ in it."""
    difference = np.maximum(one, other) - np.minimum(one, other)
    limits = np.where(faint, _FAINT, _CHANGE)
    low, size = boxes[:, :2], boxes[:, 2:] - boxes[:, :2]
    inside = (size > 0).all(axis=1)
    steps = np.linspace(0, 1, _SAMPLES)
    at = low[:, None, :] + (np.maximum(size - 1, 0)[:, None, :] * steps[None, :, None]).astype(np.int64)
    height, width = difference.shape
    x, y = np.minimum(at[:, :, 0], width - 1), np.minimum(at[:, :, 1], height - 1)
    samples = difference[y[:, :, None], x[:, None, :]].max(axis=(1, 2))
    found: Flags = inside & (samples > limits)
    for index in np.flatnonzero(inside & ~found).tolist():  # few: most characters have ink at one of the samples
        x0, y0, x1, y1 = boxes[index].tolist()
        found[index] = difference[y0:y1, x0:x1].max() > limits[index]
    return found


def _counts(one: Grey, other: Grey | None, boxes: NDArray[np.int64], faint: Flags) -> NDArray[np.int64]:
    """For each box the number of pixels in which two drawings differ; without the second, in which the first is not paper."""
    difference = 255 - one if other is None else np.maximum(one, other) - np.minimum(one, other)
    limits = np.where(faint, _FAINT, _CHANGE).tolist()
    found = [
        int((difference[y0:y1, x0:x1] > limit).sum()) for (x0, y0, x1, y1), limit in zip(boxes.tolist(), limits, strict=True)
    ]
    return np.array(found, np.int64)


def _written_over(chars: Sequence[Char], boxes: NDArray[np.float64], share: float) -> set[tuple[int, int]]:
    """Pairs of text objects of which one stands over the other, with more than this share of a character. The same character
    twice in one place only looks bold.
    """
    middle = (boxes[:, 1] + boxes[:, 3]) / 2
    runs = np.array([char.run for char in chars], np.uint64)
    pairs: set[tuple[int, int]] = set()
    for shift in (0.0, 0.5):
        order = np.lexsort((boxes[:, 0], np.floor(middle / 8 + shift)))
        for lag in range(1, 5):
            a, b = order[:-lag], order[lag:]
            wide = np.minimum(boxes[a, 2], boxes[b, 2]) - np.maximum(boxes[a, 0], boxes[b, 0])
            high = np.minimum(boxes[a, 3], boxes[b, 3]) - np.maximum(boxes[a, 1], boxes[b, 1])
            areas = [(boxes[k, 2] - boxes[k, 0]) * (boxes[k, 3] - boxes[k, 1]) for k in (a, b)]
            least = np.minimum(*areas)
            over = (wide > 0) & (high > 0) & (least > 0) & (wide * high > share * least) & (runs[a] != runs[b])
            for i, j in zip(a[over].tolist(), b[over].tolist(), strict=True):
                if not _same(chars[i], chars[j]):
                    pairs.add((chars[i].run, chars[j].run))
    return pairs


def _same(one: Char, other: Char) -> bool:
    """Return whether two characters are one that is printed twice."""
    return one.text == other.text and abs(one.x0 - other.x0) < 2 and abs(one.top - other.top) < 2


class _Lookup(NamedTuple):
    """Where in the drawings each character is looked for, and whether few pixels are enough; and the text objects."""

    chars: Sequence[Char]
    boxes: NDArray[np.int64]
    faint: Flags
    runs: dict[int, Any]


def _one_by_one(page: pypdfium2.PdfPage, lookup: _Lookup, pairs: set[tuple[int, int]], drawn: Drawn) -> Flags:
    """For each character whether enough of its own ink is seen: the text objects that lie over one another are drawn apart."""
    chars, boxes, faint, runs = lookup
    colours = _colours(chars, pairs)
    seen = np.zeros(len(chars), np.bool_)
    others = [item for item in page.get_objects() if item.type not in (pdfium.FPDF_PAGEOBJ_TEXT, pdfium.FPDF_PAGEOBJ_FORM)]
    for colour in range(max(colours.values(), default=0) + 1):
        own = {run: item for run, item in runs.items() if colours.get(run, 0) == colour}
        rest = [item for run, item in runs.items() if run not in own]
        at = np.array([i for i, char in enumerate(chars) if colours.get(char.run, 0) == colour], np.int64)
        if not len(at):
            continue
        with _switched_off(own.values()):
            without = _draw(page, drawn.scale)
        with _switched_off([*rest, *others]):
            alone = _draw(page, drawn.scale)
        change = _counts(drawn.full, without, boxes[at], faint[at])
        ink = _counts(alone, None, boxes[at], faint[at])
        seen[at] = (change > 0) & (change >= _SHOWN * ink)
    return seen


def _colours(chars: Sequence[Char], pairs: set[tuple[int, int]]) -> dict[int, int]:
    """Text objects by colours, so that none stands over another of its colour, as far as there are colours; 0 where none does."""
    group_of = _Groups()
    places: dict[tuple[str, int, int], int] = {}
    texts: dict[int, list[Char]] = defaultdict(list)
    for char in chars:
        texts[char.run].append(char)
    for run, printed in texts.items():  # what is printed twice in one place is seen or not seen together
        place = "".join(char.text for char in printed), round(printed[0].x0 / 2), round(printed[0].top / 2)
        group_of.join(places.setdefault(place, run), run)
    over: dict[int, set[int]] = defaultdict(set)
    for one, other in pairs:
        over[group_of(one)].add(group_of(other))
        over[group_of(other)].add(group_of(one))
    colours: dict[int, int] = {}
    runs = dict.fromkeys(char.run for char in chars)
    for group in dict.fromkeys(map(group_of, runs)):
        taken = {colours[other] for other in over.get(group, ()) if other in colours}
        colours[group] = next((colour for colour in range(_MOST_COLOURS) if colour not in taken), _MOST_COLOURS - 1)
    return {run: colours[group_of(run)] for run in runs}


class _Groups:
    """Groups of text objects that are joined two by two; called, it names the group of one."""

    def __init__(self) -> None:
        self.parents: dict[int, int] = {}

    def __call__(self, run: int) -> int:
        top = run
        while (parent := self.parents.get(top, top)) != top:
            top = parent
        while run != top:
            self.parents[run], run = top, self.parents[run]
        return top

    def join(self, one: int, other: int) -> None:
        one, other = self(one), self(other)
        if one != other:
            self.parents[other] = one


def _with_marks(chars: Sequence[Char], seen: Flags) -> list[bool]:
    """What is seen, small marks and spaces as the other characters of their text where these are all seen or all unseen: a point
    of a number has too few pixels to judge it by itself, and a space has none.
    """
    states: dict[int, set[bool]] = defaultdict(set)
    for char, one in zip(chars, seen.tolist(), strict=True):
        if char.text not in _SMALL_MARKS and not char.text.isspace():
            states[char.run].add(one)
    result = []
    for char, one in zip(chars, seen.tolist(), strict=True):
        space = char.text.isspace()
        if (space or char.text in _SMALL_MARKS) and len(found := states.get(char.run, set())) == 1:
            one = next(iter(found))  # noqa: PLW2901
        result.append(one or (space and len(found) != 1))
    return result


def _not_tiny(chars: Sequence[Char]) -> list[bool]:
    """For each character whether it is large enough to be read."""
    sizes = [max(char.x1 - char.x0, char.bottom - char.top) for char in chars]
    if min(sizes, default=_TINY) >= _TINY:
        return [True] * len(chars)
    limit = min(_TINY, median(sizes) * _TINY_SHARE)
    return [size >= limit for size in sizes]


@cache
def draws_chinese() -> bool:
    """Return whether Chinese characters of fonts that are not in the file can be drawn on this machine at all."""
    content = b"BT /F 40 Tf 5 10 Td <653F> Tj ET"
    font = b"<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UCS2-H /DescendantFonts [ << /Type /Font "
    font += (
        b"/Subtype /CIDFontType0 /BaseFont /STSong-Light /CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 4 >> "
    )
    font += (
        b"/FontDescriptor << /Type /FontDescriptor /FontName /STSong-Light /Flags 6 /FontBBox [-25 -254 1000 880] /ItalicAngle 0 "
    )
    font += b"/Ascent 880 /Descent -120 /CapHeight 880 /StemV 93 >> >> ] >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 50 50] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        font,
    ]
    body = b"%PDF-1.4\n" + b"".join(b"%d 0 obj\n%s\nendobj\n" % pair for pair in enumerate(objects, 1))
    document = pypdfium2.PdfDocument(body + b"trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n0\n%%EOF\n")
    try:
        return bool(_draw(document[0], 1.0).min() < 128)
    finally:
        document.close()


def _not_drawable(chars: Sequence[Char], runs: dict[int, Any]) -> Flags:
    """For each character whether this machine has no font for it: nothing can be said of what is not drawn anywhere."""
    if draws_chinese():
        return np.zeros(len(chars), np.bool_)
    outside = {run for run, item in runs.items() if not _is_embedded(item)}
    return np.array([char.text > "\x7f" and char.run in outside for char in chars], np.bool_)


def _is_embedded(item: Any) -> bool:
    font = pdfium.FPDFTextObj_GetFont(item)
    return bool(font) and pdfium.FPDFFont_GetIsEmbedded(font) == 1
