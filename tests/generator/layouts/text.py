"""Text as saved web pages, exports and flattened PDFs give it: the same grids in ten layouts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from random import Random

from tests.generator.paper import Grid, GridCell, Heading, Paper, Text


def _own_rows(grid: Grid) -> list[tuple[list[GridCell], int]]:
    """For each row the cells that begin in it, and how many positions are left to fill it to the table's width."""
    rows = [grid.row(index) for index in range(grid.rows)]
    return [(row, grid.columns - len(row)) for row in rows]


def _pipes(grid: Grid, joint: str) -> list[str]:
    """Cells joined by pipes; the positions that merged cells cover are empty pipes at the row's end, but not in the last row."""
    lines = []
    for index, (row, left) in enumerate(_own_rows(grid)):
        last = index == grid.rows - 1
        line = "".join(f"{cell.text} |{joint}" if cell.text else f"|{joint}" for cell in row)
        line = line if last and left else line[: -2 - len(joint) + 1].rstrip() if last else line + "|" * left
        lines.append(line.rstrip())
    return lines


def pipes(grid: Grid, rng: Random) -> list[str]:
    """A row a line: ``规章 | 0 | 0 | 0 |``."""
    return _pipes(grid, " ")


def cell_a_line_pipe(grid: Grid, rng: Random) -> list[str]:
    """A cell a line, each with a pipe behind it; runs of pipes end a row."""
    return "\n".join(_pipes(grid, "\n")).split("\n")


def cell_a_line(grid: Grid, rng: Random) -> list[str]:
    """A cell a line and nothing else; empty cells are empty lines."""
    return [cell.text for row, _ in _own_rows(grid) for cell in row]


def vanished(grid: Grid, rng: Random) -> list[str]:
    """A cell a line; cells without text leave nothing, so that later numbers stand where they do not belong."""
    return [line for line in cell_a_line(grid, rng) if line]


def tabs(grid: Grid, rng: Random) -> list[str]:
    """A row a line, cells separated by tabs, covered positions empty (as a spreadsheet copies merged cells)."""
    lines = []
    for index in range(grid.rows):
        texts = [""] * grid.columns
        for cell in grid.row(index):
            texts[cell.column] = cell.text
        lines.append("\t".join(texts))
    return lines


def tabs_tight(grid: Grid, rng: Random) -> list[str]:
    """A row a line, only the row's own cells, separated by tabs (as a browser copies a table)."""
    return ["\t".join(cell.text for cell in row) for row, _ in _own_rows(grid)]


def markdown(grid: Grid, rng: Random) -> list[str]:
    """A pipe table of Markdown: merged cells keep their text in the first position."""
    lines = ["| " + " | ".join(line.split("\t")) + " |" for line in tabs(grid, rng)]
    return [lines[0], "|" + " --- |" * grid.columns, *lines[1:]]


def markdown_filled(grid: Grid, rng: Random) -> list[str]:
    """A pipe table in which converters repeat a merged cell's text in every position it covers."""
    rows = [[""] * grid.columns for _ in range(grid.rows)]
    for cell in grid.cells:
        for row in range(cell.row, cell.row + cell.row_span):
            for column in range(cell.column, cell.column + cell.column_span):
                rows[row][column] = cell.text
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return [lines[0], "|" + "---|" * grid.columns, *lines[1:]]


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _wrap(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)] or [""]


PIECES = re.compile(r"[0-9A-Za-z.,%()āáǎàēéěèīíǐìōóǒòūúǔùǚǜü]+|.", re.DOTALL)
NOT_FIRST = "，。；：、）”》"


def wrap_prose(text: str, size: int) -> list[str]:
    """Lines of about ``size`` characters as a word processor breaks them: never inside a number, no mark at a line's start."""
    lines, line = [], ""
    for piece in PIECES.findall(text):
        if len(line) + len(piece) > size and line and piece not in NOT_FIRST:
            lines.append(line)
            line = ""
        line += piece
    return [*lines, line]


def _pieces(cell: GridCell, starts: list[int]) -> list[str]:
    room = starts[cell.column + cell.column_span] - starts[cell.column] - 2
    return _wrap(cell.text, max(1, room // 2)) if _width(cell.text) > room else [cell.text]


def columns(grid: Grid, rng: Random) -> list[str]:
    """Columns aligned by spaces (``pdftotext -layout``): labels wrapped over lines, each cell in the middle of its rows."""
    widths = [0] * grid.columns
    for cell in grid.cells:
        if cell.column_span == 1:
            widths[cell.column] = max(widths[cell.column], _width(cell.text) if cell.is_value else min(_width(cell.text), 16))
    widths = [max(w, 6) + 2 for w in widths]
    if grid.name == "requests":
        widths[0] = 6
    starts = [sum(widths[:i]) for i in range(grid.columns + 1)]
    pieces = {id(cell): _pieces(cell, starts) for cell in grid.cells}
    tops = [0]
    for index in range(grid.rows):
        height = max((len(pieces[id(c)]) for c in grid.row(index) if c.row_span == 1), default=1)
        for cell in grid.cells:  # a cell over several rows makes its last row as high as it needs
            if cell.row_span > 1 and cell.row + cell.row_span - 1 == index:
                height = max(height, tops[cell.row] + len(pieces[id(cell)]) - tops[index])
        tops.append(tops[index] + height)
    canvas = [""] * tops[-1]
    for cell in sorted(grid.cells, key=lambda c: c.column):
        top, bottom = tops[cell.row], tops[cell.row + cell.row_span]
        texts = pieces[id(cell)]
        first = top + (bottom - top - len(texts)) // 2
        for line, text in enumerate(texts, first):
            room = starts[cell.column] - _width(canvas[line])
            canvas[line] += " " * max(1 if canvas[line] else 0, room) + text
    return [line.rstrip() for line in canvas if line.strip()]


def _label_lines(text: str, rng: Random, size: int = 17) -> list[str]:
    if len(text) <= size:
        return [text]
    if rng.random() < 0.5:  # a blank where the line broke inside the cell
        return [text[:size] + " " + text[size:]] if len(text) <= size + 6 else [text[:size], text[size:]]
    return _wrap(text, size)


def pdf_text(grid: Grid, rng: Random) -> list[str]:
    """Flattened PDF text: header words broken, the vertical label one character a line, long labels before, around or after
    their numbers."""
    lines: list[str] = []
    for index in range(grid.rows):
        cells = grid.row(index)
        values = [c for c in cells if c.is_value or (c.column > 2 and index > 2 and grid.name == "requests")]
        labels = [c for c in cells if c not in values]
        numbers = " ".join(cell.text for cell in values)
        if not values and grid.name not in ("disclosure", "statistics"):
            for cell in labels:
                lines += (
                    _wrap(cell.text, 2)
                    if 4 <= len(cell.text) <= 6 and cell.text not in ("申请人情况", "行政复议", "行政诉讼")
                    else [cell.text]
                )
            continue
        for cell in labels[:-1]:
            vertical = cell.row_span > 10
            lines += list(cell.text) if vertical else [cell.text] if grid.name == "requests" else []
        if grid.name in ("disclosure", "statistics") or not labels:
            lines.append(" ".join(cell.text for cell in cells if cell.text))
            continue
        wrapped = _label_lines(labels[-1].text, rng)
        if len(wrapped) == 1:
            lines.append(f"{wrapped[0]} {numbers}".strip())
        elif rng.random() < 0.3:
            lines += [wrapped[0], numbers, *wrapped[1:]]
        else:
            lines += [*wrapped, numbers]
    return [line for line in lines if line]


TABLES: dict[str, Callable[[Grid, Random], list[str]]] = {
    "pipes": pipes,
    "cell_a_line_pipe": cell_a_line_pipe,
    "cell_a_line": cell_a_line,
    "vanished": vanished,
    "tabs": tabs,
    "tabs_tight": tabs_tight,
    "markdown": markdown,
    "markdown_filled": markdown_filled,
    "columns": columns,
    "pdf_text": pdf_text,
    "one_line": pipes,
    "empty_pipes": pipes,
}


def _paged(lines: list[str], rng: Random) -> list[str]:
    """Page numbers between lines, at random places, as in text taken from a PDF."""
    result, number, room = [], 1, rng.randint(25, 40)
    for line in lines:
        result.append(line)
        room -= 1
        if room == 0:
            result.append(rng.choice((f"- {number} -", f"— {number} —", f"{number}")))
            number, room = number + 1, rng.randint(25, 40)
    return result


def _body(paper: Paper, table: Callable[[Grid, Random], list[str]], rng: Random, wrap: int) -> list[str]:
    lines: list[str] = []
    for part in paper.parts:
        if isinstance(part, Grid):
            lines += table(part, rng)
        elif isinstance(part, Heading):
            lines.append(part.text)
        elif isinstance(part, Text):
            lines += wrap_prose(part.text, wrap) if wrap else [part.text]
    return lines


def render_text(paper: Paper, layout: str, rng: Random) -> str:
    """The report as text in one of the layouts of ``TABLES``. Raises KeyError for another name."""
    flat = layout in ("pdf_text", "columns")
    lines = _body(paper, TABLES[layout], rng, rng.choice((26, 28, 30)) if flat else 0)
    if flat:
        lines = _paged(lines, rng) if layout == "pdf_text" else lines
    elif layout == "markdown":
        lines = [f"## {line}" if line[:2] in {f"{n}、" for n in "一二三四五六"} and "|" not in line else line for line in lines]
    lines = [*paper.before, *lines, *paper.after]
    if layout == "one_line":
        return " ".join(lines)
    if layout == "empty_pipes":
        return "|" * rng.randint(150, 600) + "\n" + "\n".join(lines) + "\n"
    return "\n".join(lines) + "\n"
