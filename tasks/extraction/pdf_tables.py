"""Tables that a PDF page draws with lines: from visible rulings to grids of cells with spans.

Word processors paint white rectangles behind paragraphs and cells. Nobody sees them, and taken for rulings they make tables out
of prose: only what is visible counts as a line.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from pdfplumber.table import TableFinder

from codebook.records import Cell, Place, Table
from tasks.extraction.grid import Box, Slot, compact, from_boxes, make_table, pieces, prose_rows, refill
from tasks.extraction.pdf_layout import Char, lines_of, rounded

_THIN = 3.0  # points: a filled rectangle this thin is a line
_WHITE = 0.99
_OVERHANG = 0.6  # of a character's width that may hang over the outer border of a table
_OPEN_SIDE = 6.0  # points between the ends of the horizontal lines and the outermost vertical one
_EDGES = {
    "vertical_strategy": "lines",
    "horizontal_strategy": "lines",
    "snap_tolerance": 3,
    "join_tolerance": 3,
    "intersection_tolerance": 3,
}


def ruled_tables(page: Any, chars: Sequence[Char], number: int) -> tuple[list[Table], list[Char]]:
    """The tables of a pdfplumber page and the characters that are in none of them.

    Rows of one cell across that hold a chapter heading or a paragraph are not part of the table; their characters are returned.
    """
    visible = page.filter(_is_visible)
    if not visible.edges:
        return [], list(chars)
    settings = dict(_EDGES)
    if sides := _open_sides(visible.edges):
        settings["explicit_vertical_lines"] = sides
    tables: list[Table] = []
    rest = list(chars)
    for found in TableFinder(visible, settings).tables:
        slots = from_boxes(found.cells)
        boxes = [found.cells[slot.content] for slot in slots]
        inside, rest = _assign(boxes, rest)
        made, returned = _tables(slots, boxes, inside, number)
        tables += made
        rest += returned
    return tables, rest


def _tables(slots: list[Slot[int]], boxes: list[Box], inside: list[list[Char]], number: int) -> tuple[list[Table], list[Char]]:
    """The tables in one grid (prose rows may cut it) and the characters of its prose rows."""
    indexed = [refill(slot, index) for index, slot in enumerate(slots)]
    texts = ["\n".join(line.text for line in lines_of(chars)) for chars in inside]
    prose = prose_rows(compact([refill(slot, texts[slot.content]) for slot in indexed]))
    returned: list[Char] = []
    tables = []
    for piece, is_prose in pieces(compact(indexed), prose):
        if is_prose or not any(texts[slot.content] for slot in piece):
            returned += [char for slot in piece for char in inside[slot.content]]
            continue
        cells = [
            Cell(
                slot.row,
                slot.column,
                texts[slot.content],
                Place(page=number, box=rounded(boxes[slot.content])),
                row_span=slot.row_span,
                column_span=slot.column_span,
            )
            for slot in piece
        ]
        around = [boxes[slot.content] for slot in piece]
        box = (min(b[0] for b in around), min(b[1] for b in around), max(b[2] for b in around), max(b[3] for b in around))
        tables.append(make_table(cells, Place(page=number, box=rounded(box))))
    return tables, returned


def _assign(boxes: list[Box], chars: list[Char]) -> tuple[list[list[Char]], list[Char]]:
    """Characters by the box in which their middle lies (boxes do not overlap), and those in none.

    A character that hangs over the outer border (a full stop at the end of a full line) belongs to the cell beside it.
    """
    inside: list[list[Char]] = [[] for _ in boxes]
    rest: list[Char] = []
    order = sorted(range(len(boxes)), key=lambda index: boxes[index][1])
    low, high = min(b[1] for b in boxes), max(b[3] for b in boxes)
    left, right = min(b[0] for b in boxes), max(b[2] for b in boxes)
    for char in chars:
        x, y = (char.x0 + char.x1) / 2, (char.top + char.bottom) / 2
        slack = (char.x1 - char.x0) * _OVERHANG
        if not (low <= y <= high and left - slack <= x <= right + slack):
            rest.append(char)
            continue
        x = min(max(x, left + 0.01), right - 0.01)
        for index in order:
            x0, top, x1, bottom = boxes[index]
            if top <= y <= bottom and x0 <= x <= x1:
                inside[index].append(char)
                break
        else:
            rest.append(char)
    return inside, rest


def _is_visible(item: dict[str, Any]) -> bool:
    """Whether a drawn object can be seen on a white page. Characters are not asked for here."""
    kind = item["object_type"]
    if kind == "char":
        return False
    if kind not in ("rect", "line", "curve"):
        return True
    if item.get("stroke") and not _is_white(item.get("stroking_color")):
        return True
    if not item.get("fill"):
        return False
    return not _is_white(item.get("non_stroking_color"))


def _is_white(color: Any) -> bool:
    """Whether a colour of any number of components is white; CMYK white is no ink. What is not known counts as ink."""
    if not isinstance(color, (tuple, list)) or not color or not all(isinstance(part, (int, float)) for part in color):
        return False
    if len(color) == 4:
        return all(part <= 1 - _WHITE for part in color)
    return all(part >= _WHITE for part in color)


def _open_sides(edges: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Vertical edges for tables that are open on their left or right: where three or more horizontal lines end together beyond
    the outermost vertical line that crosses them."""
    groups: dict[tuple[int, int], list[dict[str, Any]]] = defaultdict(list)
    verticals = []
    for edge in edges:
        if edge["orientation"] == "v":
            verticals.append(edge)
        elif edge["x1"] - edge["x0"] > _THIN * 10:
            groups[round(edge["x0"] / 3), round(edge["x1"] / 3)].append(edge)
    sides = []
    for group in groups.values():
        top, bottom = min(edge["top"] for edge in group), max(edge["top"] for edge in group)
        x0, x1 = min(edge["x0"] for edge in group), max(edge["x1"] for edge in group)
        crossing = [
            edge["x0"]
            for edge in verticals
            if edge["top"] < bottom - 1 and edge["bottom"] > top + 1 and x0 - 3 <= edge["x0"] <= x1 + 3
        ]
        if len({round(edge["top"]) for edge in group}) < 3 or not crossing:
            continue
        sides += [
            {
                "object_type": "line",
                "orientation": "v",
                "x0": x,
                "x1": x,
                "top": top,
                "bottom": bottom,
                "height": bottom - top,
                "width": 0,
            }
            for x, outermost in ((x0, min(crossing)), (x1, max(crossing)))
            if abs(x - outermost) > _OPEN_SIDE
        ]
    return sides
