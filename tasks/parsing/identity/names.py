"""Names of bodies, titles of reports, years and dates, in folded text."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from codebook.agencies import load_agencies
from codebook.regions import load_regions
from codebook.text.chinese_numbers import read_numeral
from tasks.parsing.words import words as patterns

_SENTENCE_END = re.compile(r"[。;!?]")
_SHORT = 300  # characters of a line whose title is remembered
_NAME = 60  # characters before a title that is the whole line
_REACH = 300  # characters within which such a title ends, whatever is left out in it
_AGENCY_BEGINS = re.compile(r"[。;!?|\n]")
_HAN_NAME = re.compile(r"[A-Za-z\u3400-\u9fff()·、\d]{2,45}")


class Title(NamedTuple):
    """A report's title: the body and the year that it names (None when it names none), and its span in the line."""

    agency: str | None
    year: int | None
    start: int
    end: int


def year_number(text: str) -> int:
    """Return 2021, 二〇二一 or 二零二一 as a number. Raises ValueError for what is no number."""
    number = read_numeral(text)
    if number is None:
        raise ValueError(text)
    return number


def find_date(text: str) -> tuple[str, int, int] | None:
    """The first full date in folded text as ISO, with its span; a month alone is no date.

    >>> find_date("2023- 01- 13")
    ('2023-01-13', 0, 12)
    """
    for match in patterns().identity.date.finditer(text):
        if match["cy"]:
            parts = (year_number(match["cy"]), year_number(match["cm"]), year_number(match["cd"]))
        else:
            parts = (int(match["y"]), int(match["m"]), int(match["d"]))
        try:
            return date(*parts).isoformat(), match.start(), match.end()
        except ValueError:
            continue
    return None


def is_date_line(text: str) -> str | None:
    """The ISO date when a line holds a date and nothing else, else None."""
    found = find_date(text.strip("()"))
    if not found or found[1] > 0:
        return None
    return found[0] if patterns().identity.behind_date.fullmatch(text.strip("()")[found[2] :]) else None


def is_month_line(text: str) -> bool:
    """Return whether a line holds a year and a month and nothing else."""
    return bool(patterns().identity.month.fullmatch(text))


def clean_name(text: str) -> str:
    """A body's name without what stands before it in titles (附件:, 关于, 首页>) and behind it."""
    words = load_agencies()
    text = text.strip(" 　|*#")
    while (shorter := _without_tail(text[_end_of(words.lead, text) :], words.tail).strip(" |*#_")) != text:
        text = shorter
    return text


def without_signature_marks(text: str) -> str:
    """Return the name in a signature without the marks around it, and without 无 where a date or a picture was lost."""
    words = load_agencies()
    return text[_end_of(words.signature_begins, text) :].rstrip(words.signature_ends)


def without_own_level(text: str) -> str:
    """Return a name without the words for the agency itself (示例总署(本级机关)), and without a second name in brackets."""
    words = load_agencies()
    text = words.own_level.sub("", text)
    first = words.second_name.sub("", text)
    return first if is_name(first) else text


def _end_of(pattern: re.Pattern[str], text: str) -> int:
    match = pattern.match(text)
    return match.end() if match else 0


def _without_tail(text: str, endings: tuple[str, ...]) -> str:
    end = len(text)
    while ending := next((e for e in endings if text.endswith(e, 0, end)), ""):
        end -= len(ending)
    return text[:end]


def is_name(text: str, *, strict: bool = True) -> bool:
    """Return whether folded text is the name of a body by its ending and characters; 我局 is none, nor (``strict``) 区财政局."""
    words = load_agencies()
    if not _HAN_NAME.fullmatch(text) or len(text) < 3 or words.generic.match(text) or words.not_in_name.search(text):
        return False
    if strict and words.relative.match(text):
        return False
    return bool((words.strict if strict else words.loose).search(text)) or (not strict and bool(words.central.match(text)))


def is_name_in_sentence(text: str) -> bool:
    """Return whether folded text is the name of a body in a sentence: also a town or a zone without its 政府 or 管委会."""
    return is_name(text) or (
        is_name(text, strict=False) and bool(load_agencies().settlements.search(text)) and not _is_relative(text)
    )


def _is_relative(text: str) -> bool:
    return bool(load_agencies().relative.match(text))


def is_name_or_place(text: str) -> bool:
    """Return whether folded text is the name of a body or of a place, where nothing else is expected."""
    region = load_regions().read(text)
    return bool(region.found and region.end == len(text)) or (is_name(text, strict=False) and not _is_relative(text))


def find_title(text: str, *, whole: bool = False) -> Title | None:
    """A report's title in a folded line: the first that names a body and a year, else the first.

    ``whole``: the line must be the title, with at most a name before it.
    """
    return _title_of_short(text, whole) if len(text) <= _SHORT else _title_of(text, whole)


@lru_cache(maxsize=4_000)
def _title_of_short(text: str, whole: bool) -> Title | None:
    """The lines of a document are looked at by everyone who asks whose report it is, and of how many."""
    return _title_of(text, whole)


def _title_of(text: str, whole: bool) -> Title | None:
    words = load_agencies()
    reach = _REACH if whole else len(text)
    if not words.title_cue.search(text, 0, reach):
        return None
    first: Title | None = None
    for pattern in words.titles:
        for match in pattern.finditer(text, 0, reach):
            year = next((year_number(match[g]) for g in ("y1", "y2", "y3") if match[g]), None)
            before = text[: match.start()]
            behind = text[match.end() :]
            if whole and (len(before) > _NAME or _SENTENCE_END.search(before) or len(behind.strip("》」”\"')）】] 。|")) > 30):
                continue
            agency = _agency_of(before, match["mid"])
            if year is None and agency is None and whole and before:
                continue
            start = match.start() - (len(before) - before.rfind(agency) if agency and agency in before else 0)
            title = Title(agency, year, max(start, 0), match.end())
            if title.agency and title.year:
                return title
            first = first or title
    return first


def _agency_of(before: str, middle: str) -> str | None:
    """The body of a title from the words before the year and those between the year and 政府信息公开."""
    before = _AGENCY_BEGINS.split(before)[-1]
    head, rest = clean_name(before), clean_name(middle)
    whole = head + rest if head and rest and (not is_name(head) or is_name(rest)) else ""
    for candidate in (whole, head, rest):
        name = without_own_level(candidate)
        if name and is_name(name, strict=False):
            return candidate if load_agencies().whose_level_counts.search(name) else name
    region = load_regions().read(head)
    return head if head and region.found and region.end == len(head) else None
