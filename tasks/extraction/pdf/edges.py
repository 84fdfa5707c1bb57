"""The lines of a page as edges of tables: pieces joined, and the outer sides added that a table does not draw."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from pdfplumber.table import merge_edges

from tasks.extraction.grid import Box
from tasks.extraction.pdf.layout import Char

Edge = dict[str, Any]  # a line as pdfplumber's table functions take it

SNAP = 3.0  # points by which lines that meet or go on may miss each other
_SHORTEST = 3.0  # points; shorter lines after joining are decoration
_GAP = 8.0  # points: the widest break in a line; no row is lower
_PIECE = 3.0  # times the gap that the longer of two joined pieces is long
_OPEN_SIDE = 6.0  # points between the ends of lines and the outermost line across them
_SIDES = ("x0", "top", "x1", "bottom")
_ROW = 90.0  # points: the highest first or last row that is open
_ENDING = 2  # lines that end together where a side is open
_GROUPS = 200.0  # points: the widest columns of groups before a table's labels


def on_page(lines: Sequence[Box], chars: Sequence[Char], height: float) -> list[Box]:
    """The lines (boxes without width or height) as far as they are on a page ``height`` points high, if no text is beyond it.

    Some programs draw a whole table on each of its pages. Where text is beyond the edge too, the table is longer than the page.
    Such a line ends in the margin where the others do, unless digits are there: a row at the edge is as high as its lines.
    """
    places = [((char.top + char.bottom) / 2, char.text) for char in chars if not char.text.isspace()]
    texts, digits = [place for place, _ in places], [place for place, text in places if text.isdigit()]
    uprights = [line for line in lines if line[0] == line[2] and line[1] >= 0 and line[3] <= height]
    cut = list(lines)
    if min(texts, default=0.0) >= 0:
        top = min((line[1] for line in uprights), default=0.0)
        top = top if top <= min(digits, default=height) else 0.0
        cut = [(x0, y0 if y0 >= 0 else top, x1, y1) for x0, y0, x1, y1 in cut if y1 >= 0]
    if max(texts, default=height) <= height:
        bottom = max((line[3] for line in uprights), default=height)
        bottom = bottom if bottom >= max(digits, default=0.0) else height
        cut = [(x0, y0, x1, y1 if y1 <= height else bottom) for x0, y0, x1, y1 in cut if y0 <= height]
    return [line for line in cut if line[2] > line[0] or line[3] > line[1]]


def closed_edges(lines: Sequence[Box]) -> list[Edge]:
    """The edges of tables that visible lines (boxes without width or height) draw.

    Lines of dots, dashes or pieces are whole. A table whose lines end together beyond its outermost line across them has a side
    there that is not drawn.
    """
    edges = [_edge(*line) for line in lines if max(line[2] - line[0], line[3] - line[1]) >= _SHORTEST / 3]
    edges = _without_gaps(merge_edges(edges, SNAP, SNAP, SNAP, SNAP))
    if sides := list(_open_sides(edges)):
        edges = merge_edges([*edges, *sides], SNAP, SNAP, SNAP, SNAP)
    return [edge for edge in edges if max(edge["width"], edge["height"]) >= _SHORTEST]


def _edge(x0: float, top: float, x1: float, bottom: float) -> Edge:
    orientation = "h" if x1 - x0 > bottom - top else "v"
    sides = {"x0": x0, "x1": x1, "top": top, "bottom": bottom, "width": x1 - x0, "height": bottom - top}
    return {"object_type": "line", "orientation": orientation, **sides}


def _without_gaps(edges: list[Edge]) -> list[Edge]:
    """Edges with small breaks closed; those that go on each other have the same place already."""
    rows: dict[tuple[str, float], list[Edge]] = defaultdict(list)
    for edge in edges:
        rows[edge["orientation"], edge["top"] if edge["orientation"] == "h" else edge["x0"]].append(edge)
    result = []
    for (orientation, _), row in rows.items():
        begin, end = ("x0", "x1") if orientation == "h" else ("top", "bottom")
        row.sort(key=lambda edge: edge[begin])
        joined = [row[0]]
        for edge in row[1:]:
            last = joined[-1]
            gap = edge[begin] - last[end]
            longer = max(last[end] - last[begin], edge[end] - edge[begin])
            if gap <= _GAP and longer >= _PIECE * gap:
                sides = {name: (min if name in ("x0", "top") else max)(last[name], edge[name]) for name in _SIDES}
                joined[-1] = _edge(sides["x0"], sides["top"], sides["x1"], sides["bottom"])
            else:
                joined.append(edge)
        result += joined
    return result


def _open_sides(edges: Sequence[Edge]) -> Iterator[Edge]:
    """The sides that tables do not draw."""
    groups = _touching(edges)
    alone = [edge for group in groups for edge in group if len(group) == 1 and edge["orientation"] == "v"]
    for group in groups:
        level = [edge for edge in group if edge["orientation"] == "h" and edge["width"] > _SHORTEST * 3]
        upright = [edge for edge in group if edge["orientation"] == "v" and edge["height"] > _SHORTEST * 2]
        lines = len({round(edge["top"]) for edge in level}) + len({round(edge["x0"]) for edge in upright})
        if not level or not upright or lines <= _ENDING:
            continue  # a cross, or a line with something on it
        yield from _open_ends(level, [*upright, *_as_high(alone, upright)])
        yield from _lost_uprights(level, upright)
        x0, x1 = _end(level, "x0", min), _end(level, "x1", max)
        inner = min(edge["x0"] for edge in upright), max(edge["x0"] for edge in upright)
        left = x0 if x0 is not None and inner[0] - x0 > _OPEN_SIDE else None
        right = x1 if x1 is not None and x1 - inner[1] > _OPEN_SIDE else None
        y0, y1 = min(edge["top"] for edge in upright), max(edge["bottom"] for edge in upright)
        inner = min(edge["top"] for edge in level), max(edge["top"] for edge in level)
        top = y0 if _OPEN_SIDE < inner[0] - y0 <= _ROW else None  # a merged heading leaves but one line that reaches there
        bottom = y1 if _OPEN_SIDE < y1 - inner[1] <= _ROW else None
        x0, x1 = min(edge["x0"] for edge in group), max(edge["x1"] for edge in group)
        y0, y1 = min(edge["top"] for edge in group), max(edge["bottom"] for edge in group)
        yield from (_edge(x, y0, x, y1) for x in (left, right) if x is not None)
        yield from (_edge(x0, y, x1, y) for y in (top, bottom) if y is not None)


def _open_ends(level: Sequence[Edge], upright: Sequence[Edge]) -> Iterator[Edge]:
    """The upper and lower side over all upright lines that reach there, where they are not drawn as a whole, and the table is no
    wider than these lines: of a cell that goes on over a page break browsers draw no line there.
    """
    left, right = min(edge["x0"] for edge in level), max(edge["x1"] for edge in level)
    for side, outermost in (("top", min), ("bottom", max)):
        y = outermost(edge[side] for edge in upright)
        ends = [edge["x0"] for edge in upright if abs(edge[side] - y) <= SNAP]
        x0, x1 = min(ends), max(ends)
        drawn = [edge for edge in level if abs(edge["top"] - y) <= SNAP]
        is_whole = any(edge["x0"] - SNAP <= x0 and x1 <= edge["x1"] + SNAP for edge in drawn)
        if len(ends) > _ENDING and not is_whole and x0 <= left + SNAP and right - SNAP <= x1:
            y = drawn[0]["top"] if drawn else y
            yield _edge(x0, y, x1, y)


def _lost_uprights(level: Sequence[Edge], upright: Sequence[Edge]) -> Iterator[Edge]:
    """The lines inside of a table on which several others begin and which are not drawn: beside a group that goes on over a page
    break Firefox draws none.
    """
    places = sorted(upright, key=lambda edge: float(edge["x0"]))
    lefts = [edge["x0"] for edge in places]
    free: list[Edge] = []
    for edge in level:
        near = places[bisect_left(lefts, edge["x0"] - SNAP) : bisect_right(lefts, edge["x0"] + SNAP)]
        meets = any(one["top"] - SNAP <= edge["top"] <= one["bottom"] + SNAP for one in near)
        if not meets and lefts[0] + _OPEN_SIDE < edge["x0"] < lefts[-1] - _OPEN_SIDE:
            free.append(edge)
    free.sort(key=lambda edge: float(edge["x0"]))
    found: list[Edge] = []
    while free:
        x = free[0]["x0"]
        together = [edge for edge in free if edge["x0"] - x <= SNAP]
        free = free[len(together) :]
        tops = sorted(edge["top"] for edge in together)
        if len({round(top) for top in tops}) > _ENDING:
            crossing = [edge["top"] for edge in level if edge["x0"] < x - SNAP and edge["x1"] > x + SNAP]
            below = min((top for top in crossing if top > tops[-1] + SNAP), default=tops[-1])
            found.append(_edge(x, tops[0], x, below))
    if found:
        x, top = max(edge["x0"] for edge in found), min(edge["top"] for edge in found)
        yield _edge(lefts[0], top, x, top)  # where the group goes on
        yield from (_edge(edge["x0"], top, edge["x0"], edge["bottom"]) for edge in found)


def _as_high(alone: Sequence[Edge], upright: Sequence[Edge]) -> list[Edge]:
    """The lines that touch no other and are as high as a table, left of it: those of a group's cell that fills the page."""
    top, bottom = min(edge["top"] for edge in upright), max(edge["bottom"] for edge in upright)
    left = min(edge["x0"] for edge in upright)
    beside = [edge for edge in alone if abs(edge["top"] - top) <= SNAP and abs(edge["bottom"] - bottom) <= SNAP]
    return [edge for edge in beside if left - _GROUPS <= edge["x0"] < left]


def _end(edges: Sequence[Edge], side: str, outermost: Any) -> float | None:
    """Where several of these edges end together outermost, or the only one; None where one of several reaches there."""
    place: float = outermost(edge[side] for edge in edges)
    across = "top" if edges[0]["orientation"] == "h" else "x0"
    ending = {round(edge[across]) for edge in edges if abs(edge[side] - place) <= SNAP}
    return place if len(ending) >= min(_ENDING, len({round(edge[across]) for edge in edges})) else None


def _touching(edges: Sequence[Edge]) -> list[list[Edge]]:
    """The edges by the tables that they draw: those that meet or cross."""
    upright = sorted((edge for edge in edges if edge["orientation"] == "v"), key=lambda edge: float(edge["x0"]))
    level = [edge for edge in edges if edge["orientation"] == "h"]
    places = [edge["x0"] for edge in upright]
    parents = list(range(len(upright) + len(level)))

    def top_of(index: int) -> int:
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index

    for number, edge in enumerate(level, len(upright)):
        for other in range(bisect_left(places, edge["x0"] - SNAP), bisect_right(places, edge["x1"] + SNAP)):
            if upright[other]["top"] - SNAP <= edge["top"] <= upright[other]["bottom"] + SNAP:
                parents[top_of(number)] = top_of(other)
    groups: dict[int, list[Edge]] = defaultdict(list)
    for index, edge in enumerate([*upright, *level]):
        groups[top_of(index)].append(edge)
    return list(groups.values())
