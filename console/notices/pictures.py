"""The places of points cut out of the pages, as PNG files: two pages are drawn at a time, and a page once for all its points."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from codebook.errors import GongkaiError
from console.notices.gather import CasePrinted
from console.rendering.images import Pictures, has_drawings
from console.rendering.renderer import StripsWanted
from database.findings.evidence import CaseSource, PrintedCell
from runtime.log import get_logger
from runtime.settings import Settings

log = get_logger(__name__)

_WIDEST = 1100  # pixels of a page: a strip of A4 at 130 dpi
_EDGE = 0.7  # of a cell's height, shown above and below it
_LEAST_HEIGHT = 8.0  # of a cell, in the measure of the page
_TALLEST = 0.4  # of the page's height: what the strips of a point show at most
_PROCESSES = 2  # that draw


class _PointWanted(NamedTuple):
    case: int
    strips: tuple[tuple[float, float], ...]
    boxes: tuple[tuple[float, float, float, float], ...]


class _PageWanted(NamedTuple):
    source: CaseSource
    number: int
    size: tuple[float, float]
    points: tuple[_PointWanted, ...]


class CaseDrawer:
    """Draws the places of cases into ``folder``, in processes that are ended by ``close``.

    ``sizes`` gives the sizes of a document's pages.
    """

    def __init__(self, settings: Settings, sizes: Callable[[int], Mapping[int, tuple[float, float]]], folder: Path) -> None:
        self._sizes, self._folder = sizes, folder
        self._drawers = [Pictures(settings) for _ in range(_PROCESSES)]
        self._threads = ThreadPoolExecutor(_PROCESSES)
        self._free: SimpleQueue[Pictures] = SimpleQueue()
        for drawer in self._drawers:
            self._free.put(drawer)

    def draw(self, cases: Sequence[CasePrinted], sources: Mapping[int, CaseSource]) -> dict[int, Path]:
        """Return the pictures of cases by their number.

        A case has none where its source has no pages, its cells no boxes, or the page cannot be drawn: the last is logged.
        Raises GongkaiError ``store.unavailable`` and ``disk.*``.
        """
        pages = list(_pages(cases, sources, self._sizes))
        return dict(each for found in self._threads.map(self._draw_page, pages) for each in found)

    def _draw_page(self, page: _PageWanted) -> list[tuple[int, Path]]:
        drawer = self._free.get()
        try:
            return _draw(drawer, page, self._folder)
        finally:
            self._free.put(drawer)

    def close(self) -> None:
        """End the processes."""
        self._threads.shutdown(cancel_futures=True)
        for drawer in self._drawers:
            drawer.close()


def _pages(
    cases: Iterable[CasePrinted],
    sources: Mapping[int, CaseSource],
    sizes: Callable[[int], Mapping[int, tuple[float, float]]],
) -> Iterable[_PageWanted]:
    by_document: dict[int, list[CasePrinted]] = defaultdict(list)
    for case in cases:
        if any(cell.box is not None for cell in case.cells):
            by_document[case.line.document_id].append(case)
    for document, mine in by_document.items():
        source = sources.get(document)
        if source is None or not has_drawings(source.media_type):
            continue
        known = sizes(document)
        by_page: dict[int, list[_PointWanted]] = defaultdict(list)
        for case in mine:
            number, cells = _page_of(case.cells)
            if number in known:
                by_page[number].append(_wanted(case.line.id, cells, known[number]))
        for number, points in sorted(by_page.items()):
            yield _PageWanted(source, number, known[number], tuple(points))


def _page_of(cells: Sequence[PrintedCell]) -> tuple[int, list[PrintedCell]]:
    """The page with most of the cells, and those on it."""
    on: dict[int, list[PrintedCell]] = defaultdict(list)
    for cell in cells:
        if cell.box is not None:
            on[cell.page].append(cell)
    number = max(on, key=lambda page: (len(on[page]), -page))
    return number, on[number]


def _wanted(case: int, cells: Sequence[PrintedCell], size: tuple[float, float]) -> _PointWanted:
    """The rows of the cells as strips; those that touch are one, and what would be too tall is left out at the end."""
    boxes = tuple(cell.box for cell in cells if cell.box is not None)
    spans: list[tuple[float, float]] = []
    for _, top, _, bottom in sorted(boxes, key=lambda box: box[1]):
        edge = _EDGE * max(bottom - top, _LEAST_HEIGHT)
        upper, lower = max(0.0, top - edge), min(size[1], bottom + edge)
        if spans and upper <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], lower))
        else:
            spans.append((upper, lower))
    room, shown = _TALLEST * size[1], []
    for upper, lower in spans:
        if room <= 0:
            break
        shown.append((upper, min(lower, upper + room)))
        room -= lower - upper
    return _PointWanted(case, tuple(shown), boxes)


def _draw(drawer: Pictures, page: _PageWanted, folder: Path) -> list[tuple[int, Path]]:
    found = []
    for point in page.points:
        asked = StripsWanted(page.size, point.strips, point.boxes, _WIDEST)
        try:
            png = drawer.framed(page.source.sha256, page.source.media_type, page.number, asked)
        except (GongkaiError, LookupError) as error:
            if isinstance(error, GongkaiError) and error.code.startswith(("store.", "disk.")):
                raise
            log.warning("the place of a finding could not be drawn", case=point.case, page=page.number, error=str(error))
            continue
        path = folder / f"{point.case}.png"
        path.write_bytes(png)
        found.append((point.case, path))
    return found
