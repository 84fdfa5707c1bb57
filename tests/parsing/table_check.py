"""Comparing what was read with what was printed."""

from __future__ import annotations

from typing import NamedTuple

from codebook.records import Line, Number, Page, PageKind, Place, Reader, State
from tasks.parsing.tables.cells import TablesRead
from tasks.parsing.tables.read_tables import read_tables


class Score(NamedTuple):
    """Cells read exactly, cells marked doubtful, and cells that are wrong without a doubt."""

    exact: int
    doubtful: int
    wrong: list[str]


def text_pages(text: str, reader: Reader = Reader.TXT) -> tuple[Page, ...]:
    """A text as one page of lines."""
    lines = tuple(Line(line, Place(1, None, number, 1)) for number, line in enumerate(text.splitlines(), 1))
    return (Page(1, PageKind.TEXT, "", reader, lines),)


def read_text(text: str) -> TablesRead:
    return read_tables(text_pages(text))


def values(read: TablesRead) -> dict[str, Number | None]:
    """The values that are not doubtful."""
    return {reading.indicator: reading.value for reading in read.readings if reading.state is not State.DOUBTFUL}


def score(read: TablesRead, truth: dict[str, int | float | None]) -> Score:
    """``truth`` holds every printed cell, None for blanks."""
    found = {reading.indicator: reading for reading in read.readings}
    exact = doubtful = 0
    wrong: list[str] = []
    for key, value in truth.items():
        reading = found.get(key)
        if reading is not None and reading.state is State.DOUBTFUL:
            doubtful += 1
        elif (reading.value if reading else None) == value:
            exact += 1
        else:
            wrong.append(f"{key}: {value} was read as {reading.raw if reading else 'nothing'!r}")
    for key, reading in found.items():
        if key not in truth and reading.value is not None and reading.state is not State.DOUBTFUL:
            wrong.append(f"{key}: read {reading.value}, not printed")
    return Score(exact, doubtful, wrong)
