"""The lines of a document, folded once, and what of them is prose.

A :class:`ProseLine` is a line of the source with its folded text; a :class:`Passage` joins lines to one folded text in which
patterns are searched, and leads every hit back to its raw text, its sentence and its place.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import lru_cache

from codebook.agencies import load_agencies
from codebook.records import Extraction, LightRecord, Line, Place, Reader, Table
from codebook.text.fold import Folded, fold
from codebook.text.page_numbers import page_numbers
from tasks.parsing.words import words

# (page number, block index) -> None for the whole block, or the raw character ranges that belong to tables
Consumed = Mapping[tuple[int, int], tuple[tuple[int, int], ...] | None]

_STOP = "。!?;:。！？；："
_SENTENCE_END = re.compile(r"[。!?;\n]")
_WRAPPED = 18  # a shorter line that ends without a mark is a line of its own, not one broken by the margin
_LONGEST_SENTENCE = 2000  # characters before and behind a hit; the longest sentence of the real reports has 441
_SHORT = 60  # characters of a line of which it is remembered whether it is noise
_SHORTEST_TITLE = 6  # 一、总体情况


class ProseLine(LightRecord, frozen=True):
    """A line of prose: its raw text, the folded text with origins, and where it stands."""

    raw: str
    folded: Folded
    place: Place
    reader: Reader
    score: float

    @property
    def text(self) -> str:
        """The folded text."""
        return self.folded.text

    def part(self, start: int, end: int) -> ProseLine:
        """The line cut to the folded characters start..end, with its raw text and column cut accordingly."""
        if start <= 0 and end >= len(self.folded.text):
            return self
        first, last = self.folded.raw_span(start, end)
        origins = tuple(o - first for o in self.folded.origins[start:end])
        return ProseLine(
            self.raw[first:last], Folded(self.text[start:end], origins), shifted(self.place, first), self.reader, self.score
        )


def shifted(place: Place, by: int) -> Place:
    """The place ``by`` characters further on in its line."""
    if not by or place.line is None:
        return place
    return Place(place.page, place.box, place.line, (place.column or 1) + by)


Keep = Callable[[ProseLine], list[tuple[int, int]]]


def prose_lines(extraction: Extraction, consumed: Consumed, keep: Keep) -> list[ProseLine]:
    """All lines that do not belong to tables of numbers, folded, without empty lines and page numbers.

    ``keep`` returns the folded spans of a consumed piece that are prose all the same (chapter titles between two tables). A drawn
    table that holds no numbers of the form (a page laid out by tables) is read as the lines of its cells.
    """
    found: list[ProseLine] = []
    for page in extraction.pages:
        for index, block in enumerate(page.blocks):
            spans = consumed.get((page.number, index), ())
            if isinstance(block, Table):
                cells = () if spans is None else block.cells
                pieces = [(cell.text, cell.place, cell.score, False) for cell in cells]
            elif spans is None and len(block.text) < _SHORTEST_TITLE:
                continue  # a number, or a short label: as most lines of a table
            else:
                pieces = list(_cut(block, spans))
            for text, place, score, taken in pieces:
                if taken and len(text) < _SHORTEST_TITLE:
                    continue
                for line in _of_text(text, place, block.read_by or page.read_by, score):
                    parts = [line.part(*span) for span in keep(line)] if taken else [line]
                    found += [part for part in parts if not _is_noise(part.text)]
    return found


def _is_noise(text: str) -> bool:
    return _is_short_noise(text) if len(text) <= _SHORT else _noise(text)


@lru_cache(maxsize=4_000)
def _is_short_noise(text: str) -> bool:
    """Headings, labels and page numbers are the same in all reports."""
    return _noise(text)


def _noise(text: str) -> bool:
    """Page numbers, rules and empty pipes, and what the form itself prints around its tables."""
    return bool(
        not text.strip("|-—*· ") or page_numbers().among_prose.fullmatch(text) or load_agencies().form_words.fullmatch(text)
    )


def _cut(line: Line, spans: tuple[tuple[int, int], ...] | None) -> Iterator[tuple[str, Place, float, bool]]:
    """The pieces of a line: raw text, place, score, and whether a table has taken it."""
    at = 0
    for start, end in sorted(spans) if spans is not None else ((0, len(line.text)),):
        if at < start:
            yield line.text[at:start], shifted(line.place, at), line.score, False
        yield line.text[max(at, start) : end], shifted(line.place, max(at, start)), line.score, True
        at = max(at, end)
    if at < len(line.text):
        yield line.text[at:], shifted(line.place, at), line.score, False


def _of_text(raw: str, place: Place, reader: Reader, score: float) -> Iterator[ProseLine]:
    at = 0
    for part in raw.split("\n"):
        if part.strip():
            yield ProseLine(part, fold(part), shifted(place, at), reader, score)
        at += len(part) + 1


def goes_on(line: ProseLine, following: ProseLine) -> bool:
    """Return whether a sentence goes on from ``line`` to the next: the margin broke it, nothing else."""
    text = line.text
    if not text or text[-1] in _STOP or words().prose.opens.match(following.text):
        return False
    return len(text) >= _WRAPPED


class Hit(LightRecord, frozen=True):
    """Evidence for something that was found in a passage; ``score`` is that of the least sure of its lines."""

    raw: str
    sentence: str
    place: Place
    reader: Reader
    score: float


class Passage:
    """Lines joined to one folded text: sentences broken by the margin are whole, other lines end with a line break."""

    def __init__(self, lines: Sequence[ProseLine], alone: Collection[int] = ()) -> None:
        """``alone`` are the indices of lines that stand by themselves whatever their length: titles and headings."""
        self.lines = lines
        self._starts: list[int] = []
        parts: list[str] = []
        at = 0
        for index, line in enumerate(self.lines):
            self._starts.append(at)
            text = line.text
            last = index + 1 == len(self.lines)
            if not last and (index in alone or index + 1 in alone or not goes_on(line, self.lines[index + 1])):
                text += "\n"
            parts.append(text)
            at += len(text)
        self.text = "".join(parts)
        self._ends = [m.start() for m in _SENTENCE_END.finditer(self.text)]

    def start_of(self, index: int) -> int:
        """Return where line ``index`` begins in the folded text."""
        return self._starts[index] if index < len(self._starts) else len(self.text)

    def sentence_span(self, at: int, *, whole: bool = False) -> tuple[int, int]:
        """Return start and end of the sentence (up to 。；！？ or a line's end) around the folded character ``at``.

        Unless ``whole``, it reaches at most ``_LONGEST_SENTENCE`` characters to each side: one without an end costs no more.
        """
        index = bisect_right(self._ends, at - 1) if at else 0
        start = self._ends[index - 1] + 1 if index else 0
        end = self._ends[index] if index < len(self._ends) else len(self.text)
        return (start, end) if whole else (max(start, at - _LONGEST_SENTENCE), min(end, at + _LONGEST_SENTENCE))

    def raw(self, start: int, end: int) -> str:
        """The raw text behind the folded characters start..end, over line breaks, without the breaks."""
        parts: list[str] = []
        index = bisect_right(self._starts, start) - 1
        while index < len(self.lines) and self._starts[index] < end:
            line, base = self.lines[index], self._starts[index]
            first, last = max(start - base, 0), min(end - base, len(line.text))
            if first < last:
                begin, stop = line.folded.raw_span(first, last)
                parts.append(line.raw[begin:stop])
            index += 1
        return "".join(parts)

    def hit(self, start: int, end: int) -> Hit:
        """The evidence for what stands at start..end: its raw text, the sentence around it, and the place where it begins."""
        index = max(bisect_right(self._starts, start) - 1, 0)
        line = self.lines[index]
        offset = line.folded.raw_span(start - self._starts[index], start - self._starts[index] + 1)[0]
        first, last = self.sentence_span(start)
        last = max(last, end)
        if last < len(self.text) and self.text[last] != "\n":
            last += 1
        score = min(line.score for line in self.lines[index : max(index + 1, bisect_right(self._starts, end - 1))])
        return Hit(self.raw(start, end), self.raw(first, last).strip(), shifted(line.place, offset), line.reader, score)
