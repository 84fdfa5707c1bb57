"""Several reports in one file: a bound volume of several agencies, or two years of one agency one after the other.

A report is known by its title, but titles stand in links, contents and page heads too. What makes two reports is that the same
things come twice: the same cells of the same tables, or the same chapters, behind titles of different agencies or years.

The document is cut at every title, and where the chapters begin again. A piece that holds nothing that the pieces before it hold
is a part of the same report (behind a page head, or a link in the middle of the text); one that repeats them begins another.
Each report is then read by itself for its agency and year; the same report a second time does not count.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from codebook.agencies import load_agencies
from codebook.agency_kinds import agency_key
from codebook.records import Extraction, Hints, Number, Place
from codebook.regions import load_regions
from tasks.parsing.identity.identify import identify
from tasks.parsing.identity.names import Title, find_title, is_name, year_number
from tasks.parsing.outline import Outline, find_headings, known_headings, read_outline, without_contents
from tasks.parsing.pieces import Cut, CutLine, between, cut_lines, first_place, size_of
from tasks.parsing.prose.lines import prose_lines
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
_TITLE_LINE = 90  # characters that a line which is a title may have
_NAME_LINE = 40  # characters that a line with a part of a title may have
_BEFORE_PAGE = re.compile(r"[^\w]*\d{1,4}\W*")  # what a table of contents prints behind a title
_CONTENTS_GAP = 3  # lines between two entries of it
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
        """Return whether cells that both have are filled differently."""
        return sum(value != other.cells[cell] for cell, value in self.cells.items() if cell in other.cells) >= _OTHER_VALUES


class _TitledPart(NamedTuple):
    """A part of a document from ``start`` on, behind ``title``."""

    start: Cut
    title: Title
    contents: _Contents

    def with_more(self, other: _TitledPart) -> _TitledPart:
        """This part and the one behind it as one."""
        contents = _Contents(other.contents.cells | self.contents.cells, self.contents.chapters | other.contents.chapters)
        return _TitledPart(self.start, _merged(self.title, other.title), contents)


def find_reports(extraction: Extraction) -> tuple[BoundReport, ...]:
    """Return the reports that a document binds, in their order and up to 200; empty where it holds one, or none."""
    lines = cut_lines(extraction)
    titles = dict(_titles(lines))
    first = _behind_contents(lines)
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


def _titles(lines: list[CutLine]) -> Iterator[tuple[Cut, Title]]:
    """All titles that stand by themselves, each from the line on where its first word stands."""
    agencies = load_agencies()
    taken = -1
    for index, (line, begin) in enumerate(lines):
        text = line.text
        if index == taken or agencies.link.match(text) or agencies.attachment.match(text):
            continue
        if len(text) > _TITLE_LINE:
            yield from ((lines[index].cut_at(title.start), title) for title in _inside(lines[index]))
        elif title := find_title(text, whole=True):
            if _BEFORE_PAGE.fullmatch(text[title.end :]):
                continue
            first, title = _with_lines_before(lines, index, title)
            yield lines[first].begin, title
        elif index + 1 < len(lines) and (broken := _broken(text, lines[index + 1].line.text)):
            taken = index + 1
            yield begin, broken


def _behind_contents(lines: list[CutLine]) -> Cut:
    """Return where the text begins behind a table of contents that lists reports with their pages; the beginning without one."""
    begin, last = Cut(0), -_CONTENTS_GAP
    for index, (line, _) in enumerate(lines[:-1]):
        title = find_title(line.text, whole=True) if len(line.text) <= _TITLE_LINE else None
        if title and _BEFORE_PAGE.fullmatch(line.text[title.end :]):
            if begin != Cut(0) and index - last > _CONTENTS_GAP:
                break
            begin, last = lines[index + 1].begin, index
    return begin


def _broken(first: str, second: str) -> Title | None:
    """A title that the margin broke inside its words."""
    if len(first) + len(second) > _TITLE_LINE or not load_agencies().title_cue.search(first + second):
        return None
    title = None if find_title(second, whole=True) else find_title(first + second, whole=True)
    return title if title and title.year and title.start < len(first) < title.end else None


def _with_lines_before(lines: list[CutLine], index: int, title: Title) -> tuple[int, Title]:
    """Return where a title begins whose agency or year stands on the lines above it, with these."""
    agencies = load_agencies()
    while index and not (title.agency and title.year):
        above = lines[index - 1].line.text.strip("《 ")
        year = agencies.year_line.fullmatch(above) if len(above) <= _NAME_LINE else None
        if not title.year and year:
            title = title._replace(year=year_number(year["y"]))
        elif not title.agency and len(above) <= _NAME_LINE and (is_name(above, strict=False) or _is_region(above)):
            title = title._replace(agency=above)
        else:
            break
        index -= 1
    return index, title


def _inside(line: CutLine) -> Iterator[Title]:
    """The titles of a long line that spaces set off: a page that was saved as one line."""
    text, at = line.line.text, 0
    for cue in load_agencies().title_cue.finditer(text):
        first = max(at, cue.start() - _TITLE_LINE)
        at = cue.end()
        window = text[first : cue.end() + _TITLE_LINE // 3]
        title = find_title(window)
        if title and title.agency and title.year:
            found = title._replace(start=title.start + first, end=title.end + first)
            if _set_off(line, found.start) and _set_off(line, found.end):
                yield found


def _set_off(line: CutLine, at: int) -> bool:
    """Return whether the raw line has a space, its beginning or its end before the folded character ``at``."""
    raw, origins = line.line.raw, line.line.folded.origins
    return at in {0, len(origins)} or raw[origins[at - 1] + 1 : origins[at]].isspace()


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
        if groups and _may_be_one(title, piece.title):
            groups[-1].append(piece)
            title = _merged(title, piece.title)
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


def _may_be_one(one: Title, other: Title) -> bool:
    return (not one.year or not other.year or one.year == other.year) and (
        not one.agency or not other.agency or _same_name(one.agency, other.agency)
    )


def _merged(one: Title, other: Title) -> Title:
    return one._replace(agency=one.agency or other.agency, year=one.year or other.year)


def _same_name(one: str, other: str) -> bool:
    """Return whether two names may be one agency's: one with its region or with 人民政府, the other without."""
    short, long = sorted((_without_completion(one), _without_completion(other)), key=len)
    return long.endswith(short)


def _without_completion(name: str) -> str:
    return next((name.removesuffix(end) for end in load_agencies().completions if name.endswith(end) and name != end), name)


def _is_region(text: str) -> bool:
    region = load_regions().read(text)
    return bool(region.found) and region.end == len(text)


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
        if len(keys) > 1 and not _same_name(one.agency, other.agency):
            return True
    return _FIRST in held.chapters & held_other.chapters and held.differs(held_other)
