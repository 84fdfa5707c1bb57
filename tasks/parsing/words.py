"""What parsing knows of Chinese documents: the patterns of ``codebook/data/parsing.yaml``, compiled."""

from __future__ import annotations

import re
from functools import cache

import msgspec

from codebook import data
from codebook.records import Record
from codebook.text.chinese_numbers import numerals, ordinal_class


class ChapterPatterns(Record, frozen=True):
    """Chapters; the comments of the data file say what each pattern is for."""

    numbered: re.Pattern[str]
    loose: re.Pattern[str]
    middle: re.Pattern[str]
    before_title: re.Pattern[str]
    quoted: re.Pattern[str]
    joint: str
    begins_text: re.Pattern[str]
    row_number: re.Pattern[str]


class TablePatterns(Record, frozen=True):
    """Labels and values of tables."""

    item: re.Pattern[str]
    glued_behind: re.Pattern[str]
    glued_between: re.Pattern[str]
    header_unit: re.Pattern[str]
    leading: re.Pattern[str]
    group_number: re.Pattern[str]
    rank: re.Pattern[str]
    dashes: frozenset[str]
    number_with_text: re.Pattern[str]


class ProsePatterns(Record, frozen=True):
    """Lines of prose."""

    opens: re.Pattern[str]


class IdentityPatterns(Record, frozen=True):
    """Names and dates."""

    date: re.Pattern[str]
    month: re.Pattern[str]
    behind_date: re.Pattern[str]
    branch: re.Pattern[str]
    file_year: re.Pattern[str]
    folder_year: re.Pattern[str]
    text_year: re.Pattern[str]
    cell_year: re.Pattern[str]


class Messages(Record, frozen=True):
    """Evidence and errors in words."""

    year_in_text: str
    expected_report: str
    expected_number: str
    no_table: str
    left_out: str
    no_number: str
    expected_one: str
    several: str
    bound_report: str
    of_year: str
    on_page: str
    at_line: str
    unknown_agency: str
    unknown_year: str
    more_reports: str


class ParsingWords(Record, frozen=True):
    """The whole file."""

    chapter: ChapterPatterns
    table: TablePatterns
    prose: ProsePatterns
    identity: IdentityPatterns
    messages: Messages


def _compiled(_: type, value: str) -> re.Pattern[str]:
    known = numerals()
    years = known.digits + "".join(char for char, digit in known.same.items() if digit == known.digits[0]) + known.places[0]
    classes = {"<ordinal>": ordinal_class(), "<digit>": known.digits[1:], "<year>": years}
    for name, characters in classes.items():
        value = value.replace(name, characters)
    return re.compile(value)


@cache
def words() -> ParsingWords:
    """Return the patterns. Raises msgspec.ValidationError on an unknown key, re.error on a pattern that is none."""
    return msgspec.yaml.decode(data.read("parsing.yaml"), type=ParsingWords, dec_hook=_compiled)
