"""A report before it is laid out: title, headings, paragraphs and tables as true grids with spans."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class GridCell:
    """A cell with the span of grid positions it covers. ``is_value`` marks the cells that hold a number of the form."""

    row: int
    column: int
    text: str
    row_span: int = 1
    column_span: int = 1
    is_value: bool = False


@dataclass(frozen=True)
class Grid:
    """A table of the form. ``name`` is the block: disclosure, requests, review, statistics."""

    name: str
    rows: int
    columns: int
    cells: tuple[GridCell, ...]

    def row(self, index: int) -> list[GridCell]:
        """The cells whose upper left corner lies in a row, from left to right."""
        return sorted((c for c in self.cells if c.row == index), key=lambda c: c.column)

    def texts(self, change: Callable[[GridCell], str]) -> Grid:
        """The same grid with other texts."""
        return replace(self, cells=tuple(replace(cell, text=change(cell)) for cell in self.cells))


@dataclass(frozen=True)
class Heading:
    """A chapter's heading with its printed number."""

    text: str


@dataclass(frozen=True)
class Text:
    """A paragraph. ``role`` is "title", "meta" (publication line), "signature" or "body"."""

    text: str
    role: str = "body"


Part = Heading | Text | Grid


@dataclass
class Paper:
    """A whole report in reading order, and what a web page puts around it."""

    parts: list[Part]
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)

    def map_text(self, change: Callable[[str], str], tables: bool = True) -> Paper:
        """Every text changed by ``change``; those of tables only when asked."""
        parts: list[Part] = []
        for part in self.parts:
            if isinstance(part, Grid):
                parts.append(part.texts(lambda cell: change(cell.text)) if tables else part)
            else:
                parts.append(replace(part, text=change(part.text)))
        return Paper(parts, [change(line) for line in self.before], [change(line) for line in self.after])
