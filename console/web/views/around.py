"""What is shown around a cell on its page: its row below the heads of its table, or its table as far as it stands there."""

from __future__ import annotations

from codebook.book import load_book
from console.web.views.case import File
from database.monitoring.read_models import ValueItem
from tasks.ocr.preview import Size

_HEADS = 0.12  # of the page's height: what the heads of a table take above its first row, at most
_EDGE = 0.3  # of a row's height, shown above and below it


def strips_of_row(file: File, value: ValueItem, page: Size) -> list[tuple[float, float]]:
    """Return the strips (top, bottom) of a page that show the heads of a cell's table and its row; without heads where the table
    goes on from the page before.
    """
    indicators = load_book().indicators
    mine = indicators[value.indicator]
    spans = _spans(file, mine.block, value.page)
    own = [span for cell, span in spans.items() if indicators[cell].row == mine.row]
    top, bottom = min(span[0] for span in own), max(span[1] for span in own)
    edge = _EDGE * (bottom - top)
    row = (max(0.0, top - edge), bottom + edge)
    first = min(span[0] for span in spans.values())
    before = [v for v in file.values if indicators[v.indicator].block == mine.block and v.page < value.page]
    if before or first > row[0]:
        return [row if before else (max(0.0, row[0] - _HEADS * page.height), row[1])]
    return [(max(0.0, first - _HEADS * page.height), first), row]


def strips_of_table(file: File, value: ValueItem, page: Size) -> list[tuple[float, float]]:
    """Return the strip (top, bottom) of a page that shows what stands there of a cell's table, with its heads."""
    spans = _spans(file, load_book().indicators[value.indicator].block, value.page)
    top, bottom = min(span[0] for span in spans.values()), max(span[1] for span in spans.values())
    return [(max(0.0, top - _HEADS * page.height), bottom + 0.01 * page.height)]


def _spans(file: File, block: str, page: int) -> dict[str, tuple[float, float]]:
    """Return the upper and lower edges of the cells of a block on a page."""
    indicators = load_book().indicators
    return {
        v.indicator: (v.box[1], v.box[3])
        for v in file.values
        if v.page == page and v.box is not None and indicators[v.indicator].block == block
    }
