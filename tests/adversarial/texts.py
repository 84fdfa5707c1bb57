"""Tables as text, as programs copy and save them: merged labels repeated or left out, cells parted by tabs, pipes or commas."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from random import Random

from tests.generator.paper import Grid, GridCell, Heading, Paper, Text

_LONG = 12  # characters of a label that a spreadsheet breaks
_SHEET = 14  # separators of a row of a sheet


@dataclass(frozen=True)
class TextStyle:
    """How a program writes a table: what stands between the cells, and in which directions it repeats a merged cell's text."""

    separator: str = "\t"  # tab, comma, semicolon, or a pipe
    outer: bool = False  # pipes at the beginning and end of a row too
    padded: bool = False  # spaces around each cell
    down: bool = True  # the text of a cell merged over rows stands in each of them
    across: bool = True  # the text of a cell merged over columns stands in each of them
    values: bool = True  # so does a number
    tight: bool = False  # places that a merged cell covers are left out where its text is not repeated in them
    quoted: bool = False  # every cell in quotation marks
    broken: bool = False  # long labels are broken over lines inside their quotation marks
    sheet: bool = False  # prose is in the first column of rows as long as those of the tables

    @property
    def name(self) -> str:
        """The style in a word or two."""
        kinds = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "pipe"}
        fill = "+".join(name for name, on in (("down", self.down), ("across", self.across), ("values", self.values)) if on)
        names = ("outer", "padded", "tight", "quoted", "broken", "sheet")
        return " ".join([kinds[self.separator], *(name for name in names if getattr(self, name)), fill or "empty"])


def pick_style(dice: Random) -> TextStyle:
    """A random style; tabs are half of all."""
    separator = dice.choice(("\t", "\t", "\t", "|", ",", ";"))
    down, across = dice.choice(((True, True), (True, True), (True, False), (False, True), (False, False)))
    outer = separator == "|" and dice.random() < 0.5
    padded = separator == "|" and dice.random() < 0.7
    broken = separator != "|" and dice.random() < 0.2
    quoted = broken or (separator != "|" and dice.random() < 0.2)
    sheet = separator != "|" and dice.random() < 0.2
    tight = separator == "\t" and not sheet and dice.random() < 0.3
    return TextStyle(separator, outer, padded, down, across, across and dice.random() < 0.7, tight, quoted, broken, sheet)


def grid_texts(grid: Grid, style: TextStyle) -> list[list[str]]:
    """The texts of all places of a grid."""
    rows: list[list[str | None]] = [[None if style.tight else ""] * grid.columns for _ in range(grid.rows)]
    for cell in grid.cells:
        for row, column in _places(cell, style):
            rows[row][column] = cell.text
    return [[text for text in row if text is not None] for row in rows]


def _places(cell: GridCell, style: TextStyle) -> list[tuple[int, int]]:
    across = style.values if cell.is_value else style.across
    rows = range(cell.row, cell.row + (cell.row_span if style.down else 1))
    columns = range(cell.column, cell.column + (cell.column_span if across else 1))
    return [(row, column) for row in rows for column in columns]


def table_lines(grid: Grid, style: TextStyle) -> list[str]:
    """The lines of a table."""
    rows = grid_texts(grid, style)
    if style.sheet:
        rows = [[*row, *[""] * (_SHEET + 1 - len(row))] for row in rows]
    if style.broken:
        rows = [[_broken(text) for text in row] for row in rows]
    if style.separator in ",;" or style.quoted:
        file = io.StringIO()
        quoting = csv.QUOTE_ALL if style.quoted and not style.broken else csv.QUOTE_MINIMAL
        csv.writer(file, delimiter=style.separator, quoting=quoting, lineterminator="\n").writerows(rows)
        return file.getvalue().splitlines()
    joint = f" {style.separator} " if style.padded else style.separator
    lines = [joint.join(row) for row in rows]
    return [f"|{' ' * style.padded}{line}{' ' * style.padded}|" for line in lines] if style.outer else lines


def _broken(text: str) -> str:
    middle = len(text) // 2
    return text if len(text) < _LONG else f"{text[:middle]}\n{text[middle:]}"


def text_of(paper: Paper, style: TextStyle) -> str:
    """The report as a text whose tables are written in this style."""
    lines: list[str] = []
    for part in paper.parts:
        if isinstance(part, Grid):
            lines += table_lines(part, style)
        elif isinstance(part, Heading | Text):
            lines.append(part.text + style.separator * (_SHEET if style.sheet else 0))
    return "\n".join([*paper.before, *lines, *paper.after]) + "\n"


def squashed_text(paper: Paper, dice: Random) -> str:
    """The report with nothing between the cells of its tables, on one line or on one line for each part."""
    pieces: list[str] = []
    for part in paper.parts:
        pieces.append(
            "".join(cell.text for row in range(part.rows) for cell in part.row(row)) if isinstance(part, Grid) else part.text
        )
    return dice.choice(("", " ", "\n")).join(pieces) + "\n"
