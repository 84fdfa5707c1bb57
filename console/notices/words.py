"""What problem sheets say, from ``words.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files

import msgspec

from codebook.records import Record
from codebook.rules import load_rules


class Category(Record, frozen=True):
    """A kind of problems: the rules whose findings it holds, and what is asked of the agency. ``english`` is its name for pages
    in English; sheets are in Chinese.
    """

    name: str
    english: str
    sheet: str
    rules: tuple[str, ...]
    requirement: str


class NoticeTexts(Record, frozen=True):
    """Pieces of text with fields in braces."""

    table_place: str
    more_cells: str
    joint: str
    page: str
    line: str
    value: str
    blank: str
    rest: str
    expected: str
    expected_only: str
    actual_only: str
    between: str
    no_law: str
    file: str
    ledger: str
    folder: str
    all_regions: str


class TemplateFonts(Record, frozen=True):
    """Names of the fonts of the template."""

    title: str
    body: str
    strong: str
    latin: str


class TemplateWords(Record, frozen=True):
    """The texts of the template that is used where an office has none of its own."""

    title: tuple[str, ...]
    to: str
    opening: str
    point: str
    lines: tuple[tuple[str, str], ...]
    reference: str
    closing: str
    contact: str
    issuer: str
    date: str
    page: str
    fonts: TemplateFonts


class LedgerWords(Record, frozen=True):
    """The names of the sheets of a region's workbook, their columns and their explanations."""

    summary: str
    units: str
    late: str
    copied: str
    years: str
    points: str
    about: str
    title: str
    made: str
    columns: tuple[str, ...]
    unit_columns: tuple[str, ...]
    notice_column: str
    late_columns: tuple[str, ...]
    summary_columns: tuple[str, ...]
    listed: str
    with_points: str
    total: str
    open: str
    results: tuple[str, str, str]
    answer_hint: str
    result_hint: str
    explained: tuple[tuple[str, str], ...]


class NoticeWords(Record, frozen=True):
    """All words of problem sheets."""

    categories: tuple[Category, ...]
    requirements: dict[str, str]
    days: int
    texts: NoticeTexts
    severity: dict[str, str]
    state: dict[str, str]
    kind: dict[str, str]
    level: dict[str, str]
    standing: dict[str, str]
    late_requirements: dict[str, str]
    fields: dict[str, str]
    needed: tuple[str, ...]
    point_fields: dict[str, str]
    date: str
    template: TemplateWords
    ledger: LedgerWords


@cache
def notice_words() -> NoticeWords:
    """Return the words. Raises msgspec.ValidationError on an unknown key."""
    return msgspec.yaml.decode(files(__package__).joinpath("words.yaml").read_bytes(), type=NoticeWords)


@cache
def category_of(rule: str) -> Category:
    """Return the category of a rule.

    >>> category_of("requests.balance").name, category_of("years.jump").name, category_of("no.such").name
    ('勾稽不符', '跨年不符', '其他')
    """
    return next(each for each in notice_words().categories if any(fnmatchcase(rule, pattern) for pattern in each.rules))


def english_category(name: str) -> str:
    """Return what a category is called in English.

    >>> english_category("勾稽不符")
    'sums that do not hold'
    """
    return next(each.english for each in notice_words().categories if each.name == name)


def requirement_of(rule: str) -> str:
    """Return what an agency is asked to do about a finding of a rule."""
    return notice_words().requirements.get(rule) or category_of(rule).requirement


def basis_of(rule: str) -> str:
    """Return the law that a rule stands on."""
    known = load_rules().get(rule)
    return (known.law if known is not None else None) or notice_words().texts.no_law


def long_date(iso: str) -> str:
    """Return a date as a notice prints it.

    >>> long_date("2026-03-01")
    '2026 年 3 月 1 日'
    """
    day = date.fromisoformat(iso)
    return notice_words().date.format(year=day.year, month=day.month, day=day.day)


def word(namespace: Mapping[str, str], name: str | None) -> str:
    """Return the word for a name; the name itself where there is none."""
    return namespace.get(name or "", name or "")
