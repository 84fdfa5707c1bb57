"""Where titles stand in a document, whatever stands around them, and which of them may be titles of one report."""

from __future__ import annotations

import re
from collections.abc import Iterator

from codebook.agencies import load_agencies
from codebook.regions import load_regions
from codebook.text.fold import fold
from tasks.parsing.identity.names import Title, find_title, is_name, year_number
from tasks.parsing.several_reports.pieces import Cut, CutLine

_PIECE = re.compile(r"\S+")
_TITLE_LINE = 90  # characters that a line which is a title may have
_NAME_LINE = 40  # characters that a line with a part of a title may have
_BEFORE_PAGE = re.compile(r"[^\w]*\d{1,4}\W*")  # what a table of contents prints behind a title
_CONTENTS_GAP = 3  # lines between two entries of it


def find_titles(lines: list[CutLine]) -> Iterator[tuple[Cut, Title]]:
    """All titles that stand by themselves, each from the line on where its first word stands."""
    agencies = load_agencies()
    taken = -1
    for index, (line, begin) in enumerate(lines):
        text = line.text
        if index == taken or agencies.link.match(text) or agencies.attachment.match(text):
            continue
        if len(text) > _TITLE_LINE:
            yield from _inside(lines[index])
        elif title := find_title(text, whole=True):
            if _BEFORE_PAGE.fullmatch(text[title.end :]):
                continue
            first, title = _with_lines_before(lines, index, title)
            yield lines[first].begin, title
        elif index + 1 < len(lines) and (broken := _broken(text, lines[index + 1].line.text)):
            taken = index + 1
            yield begin, broken


def behind_contents(lines: list[CutLine]) -> Cut:
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


def _inside(line: CutLine) -> Iterator[tuple[Cut, Title]]:
    """The titles of a long line that spaces set off, and where they begin: a page that was saved as one line."""
    pieces = [
        (match.start(), fold(match.group()).text) for match in _PIECE.finditer(line.line.raw) if not match.group().isascii()
    ]
    taken = -1
    for index, (start, text) in enumerate(pieces):
        following = pieces[index + 1][1] if index + 1 < len(pieces) else ""
        for last, words in ((index, text), (index + 1, text + following)):
            title = find_title(words, whole=True) if index > taken and len(words) <= _TITLE_LINE else None
            if title and title.agency and title.year:
                taken = last
                yield line.begin._replace(at=line.begin.at + start), title
                break


def may_be_one(one: Title, other: Title) -> bool:
    """Return whether nothing in two titles says that they are of two reports."""
    return (not one.year or not other.year or one.year == other.year) and (
        not one.agency or not other.agency or same_name(one.agency, other.agency)
    )


def merged(one: Title, other: Title) -> Title:
    """Return a title with what the other one adds."""
    return one._replace(agency=one.agency or other.agency, year=one.year or other.year)


def same_name(one: str, other: str) -> bool:
    """Return whether two names may be one agency's: one with its region or with 人民政府, the other without."""
    short, long = sorted((_without_completion(one), _without_completion(other)), key=len)
    return long.endswith(short)


def _without_completion(name: str) -> str:
    return next((name.removesuffix(end) for end in load_agencies().completions if name.endswith(end) and name != end), name)


def _is_region(text: str) -> bool:
    region = load_regions().read(text)
    return bool(region.found) and region.end == len(text)
