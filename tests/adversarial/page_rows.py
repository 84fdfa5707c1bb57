"""Tables of web pages with rows or columns that a reader does not see, and with spans that are wrong by one."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from random import Random

from lxml import html
from lxml.html import HtmlElement

from tests.adversarial.printing import other_number

STYLE = " tr.folded, td.folded {visibility: collapse} .nothing {display: none}"
_HIDING = (
    ("style", "display:none"),
    ("hidden", ""),
    ("class", "nothing"),
    ("style", "visibility:collapse"),
    ("class", "folded"),
    ("style", "visibility:hidden"),
    ("style", "opacity:0"),
)
_REVERSED = "flex-direction:row-reverse"
_PLACES = {
    "order": "order:{order}",
    "float": "float:right",
    "place": "position:relative;left:{shift}px",
    "shift": "transform:translateX({shift}px)",
}
_LARGE = 8  # rows of a table with groups of rows

Change = Callable[[Random, HtmlElement], None]


def _span(cell: HtmlElement, name: str) -> int:
    return int(cell.get(name, "1"))


def _number(cell: HtmlElement) -> str:
    """The number that a cell holds, "" for none."""
    text = str(cell.text_content()).strip()
    return text if text.isdecimal() else ""


def _fill(cell: HtmlElement, text: str) -> None:
    for child in list(cell):
        cell.remove(child)
    cell.text = text


def _rows(dice: Random, page: HtmlElement, fewest: int = _LARGE) -> list[HtmlElement]:
    """The rows of one table."""
    return dice.choice([rows for table in page.iter("table") if len(rows := list(table.iter("tr"))) > fewest])


def _add_hidden_row(dice: Random, page: HtmlElement) -> None:
    """A copy of a row with other numbers, which nobody sees; the cells around reach over it, or not."""
    rows = _rows(dice, page)
    at = dice.randrange(3, len(rows) - 1)
    hidden = deepcopy(rows[at])
    for cell in list(hidden):
        if _span(cell, "rowspan") > 1:
            hidden.remove(cell)
        elif number := _number(cell):
            _fill(cell, other_number(dice, number))
    hidden.set(*dice.choice(_HIDING))
    rows[at].addnext(hidden)
    if dice.random() < 0.5:
        for number, row in enumerate(rows[: at + 1]):
            for cell in row:
                if _span(cell, "rowspan") > 1 and number + _span(cell, "rowspan") > at:
                    cell.set("rowspan", str(_span(cell, "rowspan") + 1))


def _hide_row(dice: Random, page: HtmlElement) -> None:
    """A row of the form that nobody sees."""
    rows = _rows(dice, page)
    rows[dice.randrange(4, len(rows))].set(*dice.choice(_HIDING))


def _hide_cells(dice: Random, page: HtmlElement) -> None:
    """Cells of one row that nobody sees, each by itself."""
    for cell in dice.choice(_rows(dice, page)[4:]):
        cell.set(*dice.choice(_HIDING))


def _change_span(dice: Random, page: HtmlElement) -> None:
    """A cell that reaches over a row or a column too many or too few."""
    name = dice.choice(("rowspan", "colspan"))
    cells = [cell for row in _rows(dice, page, 2) for cell in row if _span(cell, name) > 1]
    if cells:
        cell = dice.choice(cells)
        cell.set(name, str(_span(cell, name) + dice.choice((-1, 1))))


def _drop_row_spans(dice: Random, page: HtmlElement) -> None:
    """No cell reaches over rows: what follows stands too far to the left."""
    for cell in page.iter("td", "th"):
        cell.attrib.pop("rowspan", None)


def _add_cell(dice: Random, page: HtmlElement) -> None:
    """An empty cell, or one with a number, that nothing names."""
    cell = dice.choice(list(dice.choice(_rows(dice, page))))
    new = html.fragment_fromstring(f"<td>{dice.choice(('', '7'))}</td>")
    (cell.addnext if dice.random() < 0.5 else cell.addprevious)(new)


def _foot_first(dice: Random, page: HtmlElement) -> None:
    """The last row as a foot that is written before all others."""
    rows = _rows(dice, page, 2)
    table = next(rows[-1].iterancestors("table"))
    foot = html.fragment_fromstring("<table><tfoot></tfoot></table>").find(".//tfoot")
    foot.append(rows[-1])
    table.insert(0, foot)


def _nest(dice: Random, page: HtmlElement) -> None:
    """Numbers in tables in cells, beside other numbers that nobody sees."""
    for cell in [cell for row in _rows(dice, page, 2) for cell in row if _number(cell)]:
        if dice.random() < 0.1:
            number = _number(cell)
            _fill(cell, "")
            unseen = f"<td style='display:none'>{other_number(dice, number)}</td>"
            cell.append(html.fragment_fromstring(f"<table><tr>{unseen}<td>{number}</td></tr></table>"))


def _move_cells(dice: Random, page: HtmlElement) -> None:
    """Numbers of rows that are written in another order than they are shown in."""
    for row in [row for row in page.iter("tr") if len([cell for cell in row if _number(cell)]) > 1]:
        if dice.random() < 0.3:
            cells = [cell for cell in row if _number(cell)]
            numbers = [_number(cell) for cell in cells]
            way = dice.choice(("rtl", "flex", "order", "float", "place", "shift"))
            if way in ("place", "shift"):
                cells, numbers = cells[:2], numbers[:2]
            if way in ("rtl", "flex", "order"):
                row.set("style", "direction:rtl" if way == "rtl" else f"display:flex;{'' if way == 'order' else _REVERSED}")
            for at, (cell, number) in enumerate(zip(cells, reversed(numbers), strict=True)):
                _fill(cell, number)
                style = _PLACES.get(way, "").format(order=len(cells) - at, shift=-60 if at else 60)
                if style:
                    cell.set("style", style)


TABLE_KINDS: dict[str, Change] = {
    "html hidden row added": _add_hidden_row,
    "html row hidden": _hide_row,
    "html cells hidden": _hide_cells,
    "html wrong span": _change_span,
    "html no row spans": _drop_row_spans,
    "html cell added": _add_cell,
    "html foot first": _foot_first,
    "html tables in cells": _nest,
    "html moved cells": _move_cells,
}


def changed_body(body: str, dice: Random, change: Change) -> str:
    """The body of a page with a change of its tables."""
    page = html.fragment_fromstring(body, create_parent="div")
    change(dice, page)
    return str(html.tostring(page, encoding="unicode"))
