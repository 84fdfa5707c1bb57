"""Rules about what a report must have: chapters, a year that agrees with itself, a date in time, citations that fit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from rapidfuzz import fuzz

from codebook.agency_kinds import kind_of
from codebook.book import Chapter, load_book
from codebook.records import Finding, Place, Record, Section, Severity
from codebook.text.dates import dates
from codebook.text.fold import fold_label
from tasks.validation.facts import Facts, fold_text
from tasks.validation.registry import Bound, rule
from tasks.validation.rules.text import compiled
from tasks.validation.wording import words

_SPACE = re.compile(r"\s+")


# ---- chapters -------------------------------------------------------------------------------------------------------------


def _chapter_of(section: Section, chapters: tuple[Chapter, ...], like: float) -> int | None:
    """Return which chapter of the form a section is: by its title, tolerating its variants; else by its printed number."""
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


class LikenessOptions(Record, frozen=True):
    """From which likeness (0 to 100) on a title is that of a chapter."""

    like: float


@rule("section.missing", fields=("chapter",), options=LikenessOptions)
def section_missing(this: Bound[LikenessOptions], facts: Facts) -> Iterator[Finding]:
    """The chapters of the form are there, in order, not empty. 六、…: 无 is a full one."""
    report, book = facts.report, load_book()
    if report.form not in this.rule.forms or report.is_row:
        return
    chapters = book.forms[report.form].sections
    found: dict[int, Section] = {}
    for section in report.sections:
        number = _chapter_of(section, chapters, this.options.like)
        if number is not None and (number not in found or not found[number].text.strip()):
            found[number] = section
    if not found:
        yield facts.finding(this.rule, (), {"chapter": words().list.join(_name(c) for c in chapters)}, message="all")
        return
    order = [number for number in found if number in {c.number for c in chapters}]
    with_tables = {
        book.blocks[block].section for block in facts.blocks | {b.block for b in report.blocks} if block in book.blocks
    }
    for chapter in chapters:
        number = chapter.number
        if number not in found:
            if number not in with_tables:  # a chapter whose table was read is there, whatever became of its heading
                yield facts.finding(this.rule, (), {"chapter": _name(chapter)})
            continue
        place, before = found[number].place, order[: order.index(number)]
        if not found[number].text.strip() and number not in with_tables:
            yield facts.finding(this.rule, (), {"chapter": _name(chapter)}, message="empty", place=place)
        elif before and max(before) > number:
            yield facts.finding(this.rule, (), {"chapter": _name(chapter)}, message="order", place=place)


class ProblemOptions(Record, frozen=True):
    """The chapter on problems, and words of which one names a problem, one a measure; a text of fewer than ``short`` characters
    with one of the words ``none`` says that there is none.
    """

    chapter: int
    none: tuple[str, ...]
    short: int
    problems: tuple[str, ...]
    measures: tuple[str, ...]


@rule("problems.empty", options=ProblemOptions)
def problems_empty(this: Bound[ProblemOptions], facts: Facts) -> Iterator[Finding]:
    """Chapter five names a problem and a measure (article 50, item 5)."""
    section = facts.section(this.options.chapter)
    if facts.report.form not in this.rule.forms or section is None or not section.text.strip():
        return  # a chapter that is not there is section.missing's
    text = fold_text(section.text)
    is_none = len(text) < this.options.short and any(word in text for word in this.options.none)
    problem = not is_none and any(word in text for word in this.options.problems)
    measure = not is_none and any(word in text for word in this.options.measures)
    if not (problem and measure):
        message = "both" if not problem and not measure else "measure" if problem else "main"
        yield facts.finding(this.rule, message=message, place=section.place)


# ---- years and dates ------------------------------------------------------------------------------------------------------


class YearOptions(Record, frozen=True):
    """Sources of clues that count, what the places are called, words that show a statistical period, and from how many
    mentions on another year is the chapter's.
    """

    sources: tuple[str, ...]
    where_clue: str
    where_period: str
    where_text: str
    period_words: tuple[str, ...]
    least_mentions: int


def _clue(options: YearOptions, facts: Facts, year: int) -> tuple[str, int, str, Place | None] | None:
    """(where, other year, raw, place) of a clue of the title's rank that names another year."""
    for clue in facts.report.clues:
        if clue.field == "year" and clue.source in options.sources and clue.value.isdecimal() and int(clue.value) != year:
            return options.where_clue, int(clue.value), clue.raw, clue.place
    return None


def _period(options: YearOptions, facts: Facts, year: int) -> tuple[str, int, str, Place | None] | None:
    """The same of the statistical period in the preface or chapter one."""
    for section in facts.report.sections:
        if section.number in (None, 1):
            text = _SPACE.sub("", section.text)
            for match in dates().period.finditer(text):
                around = text[max(0, match.start() - 40) : match.end() + 10]
                last = int(match[2] or match[1])
                if any(word in around for word in options.period_words):
                    return (options.where_period, last, match.group(), section.place) if last != year else None
    return None


def _chapter_year(options: YearOptions, facts: Facts, year: int) -> tuple[str, int, str, Place | None] | None:
    """The same of chapter one: one other year is named several times, and the report's own nowhere in the report."""
    section = facts.section(1)
    if section is None or any(str(year) in s.text for s in facts.report.sections):
        return None
    named = dates().near_year.findall(_SPACE.sub("", section.text))
    if len(set(named)) == 1 and len(named) >= options.least_mentions:
        return options.where_text, int(named[0]), f"{named[0]}", section.place
    return None


@rule(
    "year.mismatch",
    fields=("year", "where", "other", "raw"),
    options=YearOptions,
)
def year_mismatch(this: Bound[YearOptions], facts: Facts) -> Iterator[Finding]:
    """Title, statistical period and chapters are of one year; a publication year alone that disagrees is a warning."""
    year = facts.report.year
    if year is None:
        return
    for find in (_clue, _period, _chapter_year):
        if found := find(this.options, facts, year):
            where, other, raw, place = found
            yield facts.finding(
                this.rule,
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
            this.rule,
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


class DeadlineOptions(Record, frozen=True):
    """The deadline (MM-DD) of the reports up to the year ``old_until``."""

    old_deadline: str
    old_until: int


@rule("publication.late", fields=("agency", "year", "published", "deadline"), options=DeadlineOptions)
def publication_late(this: Bound[DeadlineOptions], facts: Facts) -> Iterator[Finding]:
    """Article 49 of the Regulation. A date after the next year's end is a site migration's, as a rule, and proves nothing."""
    report, published = facts.report, _date(facts.report.published_on)
    kind = kind_of(report.agency) if report.agency else None
    if published is None or report.year is None or kind is None or kind.deadline is None:
        return
    deadline = this.options.old_deadline if report.year <= this.options.old_until else kind.deadline
    due = date.fromisoformat(f"{report.year + 1}-{deadline}")
    if due < published <= date(report.year + 1, 12, 31):
        yield facts.finding(
            this.rule,
            (),
            {"agency": report.agency, "year": report.year, "published": published.isoformat(), "deadline": due.isoformat()},
        )


def _number_pattern(notice: str) -> str:
    """A pattern of a notice's number, whatever brackets stand around its year."""
    return r"\D{1,2}".join(re.findall(r"\d+", notice))


class CitedNotice(Record, frozen=True):
    """A notice or regulation: what it is called, its number as texts write it (a pattern), the first and last year of the
    reports that it fits, and what fits after them.
    """

    cited: str
    written: str
    since: int
    until: int
    instead: str


class CitationOptions(Record, frozen=True):
    """The notices that texts go on citing."""

    notices: tuple[CitedNotice, ...]


@rule("citation.outdated", fields=("year", "cited", "years", "instead"), options=CitationOptions)
def citation_outdated(this: Bound[CitationOptions], facts: Facts) -> Iterator[Finding]:
    """A notice or regulation that the text cites was made for reports on the year, or the one that was is cited too."""
    year = facts.report.year
    if year is None:
        return
    texts = [(_SPACE.sub("", section.text), section.place) for section in facts.report.sections]
    for notice in this.options.notices:
        current = compiled(_number_pattern(notice.instead))
        if notice.since <= year <= notice.until or any(current.search(text) for text, _ in texts):
            continue
        for text, place in texts:
            if match := compiled(notice.written).search(text):
                sentence = text[max(0, match.start() - 20) : match.end() + 10]
                years = f"{notice.since}-{notice.until}"
                yield facts.finding(
                    this.rule,
                    (),
                    {"year": year, "cited": notice.cited, "years": years, "instead": notice.instead},
                    place=place,
                    sentence=sentence,
                )
                break
