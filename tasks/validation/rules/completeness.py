"""Rules about what a report must have: chapters, a year that agrees with itself, a date in time, citations that fit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from rapidfuzz import fuzz

from codebook.agency_kinds import kind_of
from codebook.book import Chapter, load_book
from codebook.records import Finding, Place, Section, Severity
from codebook.rules import Rule
from codebook.text.fold import fold_label
from tasks.validation.facts import Facts, fold_text
from tasks.validation.registry import rule
from tasks.validation.rules.text import compiled
from tasks.validation.wording import words

_SPACE = re.compile(r"\s+")
# 2022年1月1日 … 2022年12月31日; reports drop 年 and the second year
_PERIOD = re.compile(r"(20\d\d)年?0?1月0?1日[^。；;\d]{0,6}(?:(20\d\d)年?)?12月31日?")
_YEAR = re.compile(r"(?<!\d)(20[0-3]\d)(?=年)")


# ---- chapters -------------------------------------------------------------------------------------------------------------


def _chapter_of(section: Section, chapters: tuple[Chapter, ...], like: float) -> int | None:
    """Which chapter of the form a section is: by its title, tolerating its variants; else by its printed number."""
    title = fold_label(section.title)
    best, score = None, 0.0
    for chapter in chapters:
        for wording in (chapter.title, *chapter.variants):
            ratio = fuzz.ratio(title, fold_label(wording))
            if ratio > score:
                best, score = chapter.number, ratio
    if best is not None and score >= like:
        return best
    return section.number if any(c.number == section.number for c in chapters) else None


def _name(chapter: Chapter) -> str:
    return f"{words().chapters[chapter.number]}{words().joint}{chapter.title}"


@rule("section.missing", fields=("chapter",), options=("like",))
def section_missing(row: Rule, facts: Facts) -> Iterator[Finding]:
    """The chapters of the form are there, in order, not empty. 六、…: 无 is a full one."""
    report, book = facts.report, load_book()
    if report.form not in row.forms:
        return
    chapters = book.forms[report.form].sections
    found: dict[int, Section] = {}
    for section in report.sections:
        number = _chapter_of(section, chapters, row.number("like"))
        if number is not None and (number not in found or not found[number].text.strip()):
            found[number] = section
    if not found:
        yield facts.finding("section.missing", row, (), {"chapter": words().list.join(_name(c) for c in chapters)}, message="all")
        return
    order = [number for number in found if number in {c.number for c in chapters}]
    with_tables = {
        book.blocks[block].section for block in facts.blocks | {b.block for b in report.blocks} if block in book.blocks
    }
    for chapter in chapters:
        number = chapter.number
        if number not in found:
            if number not in with_tables:  # a chapter whose table was read is there, whatever became of its heading
                yield facts.finding("section.missing", row, (), {"chapter": _name(chapter)})
            continue
        place, before = found[number].place, order[: order.index(number)]
        if not found[number].text.strip() and number not in with_tables:
            yield facts.finding("section.missing", row, (), {"chapter": _name(chapter)}, message="empty", place=place)
        elif before and max(before) > number:
            yield facts.finding("section.missing", row, (), {"chapter": _name(chapter)}, message="order", place=place)


@rule("problems.empty", options=("chapter", "problems", "measures"))
def problems_empty(row: Rule, facts: Facts) -> Iterator[Finding]:
    """Chapter five names a problem and a measure (article 50, item 5)."""
    section = facts.section(int(row.number("chapter")))
    if facts.report.form not in row.forms or section is None or not section.text.strip():
        return  # a chapter that is not there is section.missing's
    text = fold_text(section.text)
    problem = any(word in text for word in row.texts("problems"))
    measure = any(word in text for word in row.texts("measures"))
    if not (problem and measure):
        message = "both" if not problem and not measure else "measure" if problem else "main"
        yield facts.finding("problems.empty", row, message=message, place=section.place)


# ---- years and dates ------------------------------------------------------------------------------------------------------


def _clue(row: Rule, facts: Facts, year: int) -> tuple[str, int, str, Place | None] | None:
    """(where, other year, raw, place) of a clue of the title's rank that names another year."""
    for clue in facts.report.clues:
        if clue.field == "year" and clue.source in row.texts("sources") and clue.value.isdecimal() and int(clue.value) != year:
            return row.texts("where_clue")[0], int(clue.value), clue.raw, clue.place
    return None


def _period(row: Rule, facts: Facts, year: int) -> tuple[str, int, str, Place | None] | None:
    """The same of the statistical period in the preface or chapter one."""
    for section in facts.report.sections:
        if section.number in (None, 1):
            text = _SPACE.sub("", section.text)
            for match in _PERIOD.finditer(text):
                around = text[max(0, match.start() - 40) : match.end() + 10]
                last = int(match[2] or match[1])
                if any(word in around for word in row.texts("period_words")):
                    return (row.texts("where_period")[0], last, match.group(), section.place) if last != year else None
    return None


def _chapter_year(row: Rule, facts: Facts, year: int) -> tuple[str, int, str, Place | None] | None:
    """The same of chapter one: one other year is named several times, and the report's own nowhere in the report."""
    section = facts.section(1)
    if section is None or any(str(year) in s.text for s in facts.report.sections):
        return None
    named = _YEAR.findall(_SPACE.sub("", section.text))
    if len(set(named)) == 1 and len(named) >= row.number("least_mentions"):
        return row.texts("where_text")[0], int(named[0]), f"{named[0]}", section.place
    return None


@rule(
    "year.mismatch",
    fields=("year", "where", "other", "raw"),
    options=("sources", "where_clue", "where_period", "where_text", "period_words", "least_mentions"),
)
def year_mismatch(row: Rule, facts: Facts) -> Iterator[Finding]:
    """Title, statistical period and chapters are of one year; a publication year alone that disagrees is a warning."""
    year = facts.report.year
    if year is None:
        return
    for find in (_clue, _period, _chapter_year):
        if found := find(row, facts, year):
            where, other, raw, place = found
            yield facts.finding(
                "year.mismatch",
                row,
                (),
                {"year": year, "where": where, "other": other},
                expected=year,
                actual=other,
                sentence=raw,
                place=place,
            )
            return
    published = _date(facts.report.published_on)
    if published is not None and published.year != year + 1:
        raw = facts.report.published_on or ""
        yield facts.finding(
            "year.mismatch",
            row,
            (),
            {"year": year, "raw": raw},
            message="published",
            severity=Severity.WARNING,
            expected=year + 1,
            actual=published.year,
        )


def _date(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:  # a date that is none says nothing about its year
        return None


@rule("publication.late", fields=("agency", "year", "published", "deadline"), options=("old_deadline", "old_until"))
def publication_late(row: Rule, facts: Facts) -> Iterator[Finding]:
    """Article 49 of the Regulation. A date after the next year's end is a site migration's, as a rule, and proves nothing."""
    report, published = facts.report, _date(facts.report.published_on)
    kind = kind_of(report.agency) if report.agency else None
    if published is None or report.year is None or kind is None or kind.deadline is None:
        return
    deadline = row.texts("old_deadline")[0] if report.year <= row.number("old_until") else kind.deadline
    due = date.fromisoformat(f"{report.year + 1}-{deadline}")
    if due < published <= date(report.year + 1, 12, 31):
        yield facts.finding(
            "publication.late",
            row,
            (),
            {"agency": report.agency, "year": report.year, "published": published.isoformat(), "deadline": due.isoformat()},
        )


def _number_pattern(notice: str) -> str:
    """A pattern of a notice's number, whatever brackets stand around its year."""
    return r"\D{1,2}".join(re.findall(r"\d+", notice))


@rule("citation.outdated", fields=("year", "cited", "years", "instead"), options=("notices",))
def citation_outdated(row: Rule, facts: Facts) -> Iterator[Finding]:
    """A notice or regulation that the text cites was made for reports on the year, or the one that was is cited too."""
    year = facts.report.year
    texts = [(_SPACE.sub("", section.text), section.place) for section in facts.report.sections]
    for notice in row.texts("notices") if year is not None else ():
        pattern, cited, years, instead = notice.rsplit("|", 3)
        first, last = (int(y) for y in years.split("-"))
        if year is None or first <= year <= last or any(compiled(_number_pattern(instead)).search(text) for text, _ in texts):
            continue
        for text, place in texts:
            if match := compiled(pattern).search(text):
                sentence = text[max(0, match.start() - 20) : match.end() + 10]
                yield facts.finding(
                    "citation.outdated",
                    row,
                    (),
                    {"year": year, "cited": cited, "years": years, "instead": instead},
                    place=place,
                    sentence=sentence,
                )
                break
