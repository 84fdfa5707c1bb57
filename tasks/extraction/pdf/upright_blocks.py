"""Characters that stand upright, and the lines drawn among them, to the tables and paragraphs of a page."""

from __future__ import annotations

from codebook.records import Block
from tasks.extraction.grid import Box
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.pdf.layout import Char, lines_of, paragraphs
from tasks.extraction.pdf.note_marks import with_raised_marks
from tasks.extraction.pdf.tables import ruled_tables


def upright_blocks(chars: list[Char], lines: list[Box], number: int, limits: ExtractionLimits) -> list[Block]:
    """The ruled tables and paragraphs of characters that stand upright, from top to bottom."""
    tables, rest = ruled_tables(lines, with_raised_marks(chars), number, limits)
    tops = [table.place.box[1] for table in tables if table.place.box]
    found: list[Block] = [*tables, *paragraphs(lines_of(rest), tops, number)]
    return sorted(found, key=top_of)


def top_of(block: Block) -> float:
    """How far down a block begins, in points."""
    return block.place.box[1] if block.place.box else 0.0
