"""Two reports beside each other: in the columns of a page (two pages printed on one sheet) or of a table, chapter by chapter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from codebook.agencies import load_agencies
from codebook.records import Place
from codebook.text.fold import fold
from tasks.parsing.identity.names import Title, find_title
from tasks.parsing.outline import find_headings
from tasks.parsing.prose.lines import ProseLine
from tasks.parsing.several_reports.pieces import CutLine
from tasks.parsing.several_reports.titles import may_be_one

_GUTTER = re.compile(r"\s{2,}|\t")  # between the columns of a page, in a raw line
_HEAD = 40  # lines at the beginning among which the titles stand
_BELOW = 2  # lines below the first half of a title on which the other half stands
_TWICE = 3  # chapters that must come twice
_LATE = 4  # a chapter from this number on, between the first ones of two reports, shows that they stand one behind the other


class TitleBeside(NamedTuple):
    """A title at the head of a column, and where it stands."""

    title: Title
    place: Place


def titles_side_by_side(lines: list[CutLine]) -> list[TitleBeside]:
    """Return the titles of a document's columns if each has its own chapters; none where they follow each other."""
    found: list[TitleBeside] = []
    for beside in _titles([line for line, _ in lines[:_HEAD]]):
        if not any(may_be_one(beside.title, other.title) for other in found):
            found.append(beside)
    if len(found) < 2:
        return []
    headings = find_headings([column for line, _ in lines for column in _columns(line)])
    numbers = [heading.known for heading in headings if heading.known and heading.style != "paren"]
    twice = [number for number in sorted(set(numbers)) if numbers.count(number) >= 2]
    if len(twice) < _TWICE:
        return []
    first = numbers.index(twice[0])
    second = numbers.index(twice[0], first + 1)
    return found if max(numbers[first:second]) < _LATE else []


def _columns(line: ProseLine) -> list[ProseLine]:
    """The parts of a line that stand in columns of the page."""
    parts = [part for part in _GUTTER.split(line.raw) if part.strip()]
    return [line] if len(parts) < 2 else [line.but(raw=part, folded=fold(part)) for part in parts]


def _titles(head: list[ProseLine]) -> Iterator[TitleBeside]:
    """The titles of a document's first lines, those that the margins of their columns broke too."""
    rows = [_columns(line) for line in head]
    cue = load_agencies().title_cue
    for number, row in enumerate(rows):
        beside = rows[number + 1 : number + 1 + _BELOW] if len(row) > 1 else ()
        below = [column.text for columns in beside for column in columns]
        for column in row:
            texts = [column.text + rest for rest in ("", *below)]
            if below and not cue.search("\n".join(texts)):
                continue
            joined = (find_title(text, whole=True) for text in texts)
            title = next((title for title in joined if title and title.agency and title.year), None)
            if title:
                yield TitleBeside(title, column.place)
