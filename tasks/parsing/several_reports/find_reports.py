"""Find the reports of a document: the main function of this package."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from codebook.agency_kinds import agency_key
from codebook.records import Extraction, Hints, Number, Place
from tasks.parsing.identity.identify import identify
from tasks.parsing.identity.names import Title
from tasks.parsing.outline import Outline, find_headings, known_headings, read_outline, without_contents
from tasks.parsing.prose.lines import prose_lines
from tasks.parsing.several_reports.pieces import Cut, CutLine, between, cut_lines, first_place, size_of
from tasks.parsing.several_reports.side_by_side import titles_side_by_side
from tasks.parsing.several_reports.titles import behind_contents, find_titles, may_be_one, merged, same_name
from tasks.parsing.tables.cells import consumed
from tasks.parsing.tables.read_tables import read_tables
from tasks.parsing.words import words

_SAME_CELLS = 6  # filled cells that two pieces must both have to be two reports
_SAME_CHAPTERS = 3  # chapters that they must both have where tables do not show it, ...
_FIRST = 1  # ... or the first one
_OPENING = 2  # a chapter up to this number that comes again, behind as many others, begins a report
_CHAPTER_STYLES = ("part", "cn")  # of numbers before chapters whose title no form prescribes
_OTHER_VALUES = 3  # cells of different value that show two reports where neither agency nor year does
_CHAPTER_TEXT = 20  # characters of a chapter that is more than its heading
_REPORT = 300  # characters below which a piece is no report
_MOST = 200  # reports that are looked for; each is compared with all before it
_LISTED = 20  # reports that a message names
_NOTHING = Title(None, None, 0, 0)


class BoundReport(NamedTuple):
    """One of the reports of a file: its agency and year (None where nothing names them) and where it begins."""

    agency: str | None
    year: int | None
    region_code: str | None
    place: Place


class _Contents(NamedTuple):
    """What a piece of a document holds: the cells that are filled with their values, and the numbers of its chapters."""

    cells: dict[str, Number | None]
    chapters: frozenset[int]

    @property
    def is_empty(self) -> bool:
        """Whether there is neither a table nor a chapter."""
        return not self.cells and not self.chapters

    def repeats(self, other: _Contents) -> bool:
        """Return whether two pieces hold what one report holds once."""
        same = self.chapters & other.chapters
        return len(self.cells.keys() & other.cells.keys()) >= _SAME_CELLS or len(same) >= _SAME_CHAPTERS or _FIRST in same

    def differs(self, other: _Contents) -> bool:
        """Return whether most cells that say something are filled differently: not a copy of which some cells were misread."""
        both = [(self.cells[cell], other.cells[cell]) for cell in self.cells.keys() & other.cells.keys()]
        different = sum(one != another for one, another in both)
        return different >= _OTHER_VALUES and 2 * different >= sum(bool(one or another) for one, another in both)


class _TitledPart(NamedTuple):
    """A part of a document from ``start`` on, behind ``title``."""

    start: Cut
    title: Title
    contents: _Contents

    def with_more(self, other: _TitledPart) -> _TitledPart:
        """This part and the one behind it as one."""
        contents = _Contents(other.contents.cells | self.contents.cells, self.contents.chapters | other.contents.chapters)
        return _TitledPart(self.start, merged(self.title, other.title), contents)


def find_reports(extraction: Extraction) -> tuple[BoundReport, ...]:
    """Return the reports that a document binds, in their order and up to 200; empty where it holds one, or none."""
    lines = cut_lines(extraction)
    if beside := titles_side_by_side(lines):
        return tuple(BoundReport(title.agency, title.year, None, place) for title, place in beside)
    titles = dict(find_titles(lines))
    first = behind_contents(lines)
    restarts = dict(_restarts(lines, sorted(titles)))
    starts = {first: _NOTHING, **dict.fromkeys(restarts, _NOTHING), **titles}
    cuts = sorted(cut for cut in starts if cut >= first)
    pieces = [between(extraction, cut, end) for cut, end in _spans(cuts)]
    if sum(size_of(piece) >= _REPORT for piece in pieces) < 2:
        return ()
    contents = [_contents(piece, restarts.get(cut)) for cut, piece in zip(cuts, pieces, strict=True)]
    parts = _join([_TitledPart(cut, starts[cut], held) for cut, held in zip(cuts, contents, strict=True)])
    if len(parts) < 2:
        return ()
    found: list[tuple[BoundReport, _Contents]] = []
    for part, (start, end) in zip(parts, _spans([part.start for part in parts]), strict=True):
        report = _read_report(between(extraction, start, end))
        if all(_differ(report, part.contents, *other) for other in found):
            found.append((report, part.contents))
        if len(found) == _MOST:
            break
    return tuple(report for report, _ in found) if len(found) > 1 else ()


def describe(reports: tuple[BoundReport, ...]) -> str:
    """Return the reports in words: agency, year and the page where each begins (the line, in a document without pages)."""
    said = words().messages
    in_pages = any(report.place.page > 1 for report in reports)
    listed = "；".join(
        said.bound_report.format(
            agency=report.agency or said.unknown_agency,
            year=said.of_year.format(year=report.year) if report.year else said.unknown_year,
            where=said.on_page.format(page=report.place.page)
            if in_pages or report.place.line is None
            else said.at_line.format(line=report.place.line),
        )
        for report in reports[:_LISTED]
    )
    return said.several.format(count=len(reports), reports=listed, more=said.more_reports if len(reports) > _LISTED else "")


def _spans(cuts: list[Cut]) -> Iterator[tuple[Cut, Cut | None]]:
    return zip(cuts, [*cuts[1:], None], strict=True)


# ---- where reports may begin ----


def _restarts(lines: list[CutLine], titles: list[Cut]) -> Iterator[tuple[Cut, int]]:
    """Where the first chapters come again behind later ones, and no title stands between; with the number of the chapter."""
    seen: set[int | str] = set()
    last = Cut(0)
    for heading in without_contents(find_headings([line for line, _ in lines])):
        number = heading.known or heading.number
        if heading.style == "paren" or number is None or (heading.known is None and heading.style not in _CHAPTER_STYLES):
            continue
        line = lines[heading.line]
        before, last = last, line.cut_at(heading.start)
        chapter = heading.known or f"{number} {line.line.text[slice(*heading.title)]}"
        if chapter in seen and number <= _OPENING <= len(seen):
            seen.clear()
            if bisect_right(titles, last) == bisect_right(titles, before):
                yield last, number
        seen.add(chapter)


# ---- what a piece holds, and which pieces are one report ----


def _contents(piece: Extraction, chapter: int | None) -> _Contents:
    """Return what a piece holds, which begins with the heading of ``chapter`` if it is not None."""
    if size_of(piece) < _CHAPTER_TEXT:
        return _Contents({}, frozenset())
    tables = read_tables(piece.pages)
    outline = read_outline(prose_lines(piece, consumed(tables.used), known_headings))
    cells = {reading.indicator: reading.value for reading in tables.readings if reading.value is not None or reading.raw.strip()}
    return _Contents(cells, frozenset(_chapters(outline)) | ({chapter} if chapter else set()))


def _chapters(outline: Outline) -> Iterator[int]:
    """The numbers of the chapters that have a text; what has another title than a form prescribes must be numbered 一、."""
    for chapter in outline.chapters:
        marked = words().chapter.numbered.match(outline.lines[chapter.first].text)
        is_chapter = chapter.known or (marked and any(marked[style] for style in _CHAPTER_STYLES))
        if is_chapter and chapter.section.number and len(chapter.section.text) >= _CHAPTER_TEXT:
            yield chapter.section.number


def _join(pieces: list[_TitledPart]) -> list[_TitledPart]:
    """Pieces that are parts of one report, joined: first those behind one title, which a page may print again and again."""
    groups: list[list[_TitledPart]] = []
    title = _NOTHING
    for piece in pieces:
        if groups and may_be_one(title, piece.title):
            groups[-1].append(piece)
            title = merged(title, piece.title)
        else:
            groups.append([piece])
            title = piece.title
    return _without_repetition([part for group in groups for part in _without_repetition(group, one_title=True)])


def _without_repetition(parts: list[_TitledPart], *, one_title: bool = False) -> list[_TitledPart]:
    """Join what repeats nothing of the part before it.

    What holds nothing goes with the part behind it if that has the same title (a cover, what stands before the first chapter),
    else with the part before it (links, a divider); contents before all others go with none.
    """
    found: list[_TitledPart] = []
    waiting: _TitledPart | None = None
    for part in parts:
        if part.contents.is_empty and one_title:
            waiting = waiting.with_more(part) if waiting else part
            continue
        whole = waiting.with_more(part) if waiting else part
        waiting = None
        if not found or found[-1].contents.repeats(whole.contents):
            found.append(whole)
        else:
            found[-1] = whole if found[-1].contents.is_empty else found[-1].with_more(whole)
    if waiting:
        found = [*found[:-1], found[-1].with_more(waiting)] if found else [waiting]
    return found


def _read_report(part: Extraction) -> BoundReport:
    """Return who a part is by and for which year, from all that it says itself."""
    tables = read_tables(part.pages)
    outline = read_outline(prose_lines(part, consumed(tables.used), known_headings))
    identity = identify(part, outline, Hints())
    return BoundReport(identity.agency, identity.year, identity.region_code, first_place(part))


def _differ(one: BoundReport, held: _Contents, other: BoundReport, held_other: _Contents) -> bool:
    """Return whether two reports are of two agencies or years. Where that is not said, other numbers in other chapters tell."""
    if one.year and other.year and one.year != other.year:
        return True
    if one.agency and other.agency:
        keys = {agency_key(one.agency, one.region_code), agency_key(other.agency, other.region_code)}
        if len(keys) > 1 and not same_name(one.agency, other.agency):
            return True
    return _FIRST in held.chapters & held_other.chapters and held.differs(held_other)
