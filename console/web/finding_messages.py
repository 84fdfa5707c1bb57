"""Messages of findings in English, for pages in English.

Findings are kept with the Chinese message that an office reads. Its values are found again by the Chinese template of the rule,
their labels are put into English, and both go into the English template of the same rule (``finding_messages.yaml``). A
message that no template of the codebook has made, such as one of a rule pack, stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from string import Formatter

import msgspec

from codebook.book import load_book
from codebook.records import Record
from codebook.rules import fields, load_rules
from console.release.schema import english_label, labels
from tasks.validation.wording import RuleWords, cell_label, column_label, row_label
from tasks.validation.wording import words as chinese_words

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_YEAR = re.compile(r"\d{4}")
# Placeholders that hold a number, whatever the rule.
_NUMBERS = frozenset(
    {"left", "right", "difference", "expected", "actual", "count", "children", "ratio", "factor", "earlier", "later"}
    | {"part", "whole", "notices", "amount", "collected", "items"}
)


class EnglishMessages(Record, frozen=True):
    """The data of ``finding_messages.yaml``."""

    messages: dict[str, dict[str, str]]
    as_printed: tuple[str, ...]
    as_printed_in: dict[str, tuple[str, ...]]
    tables: dict[str, str]
    chapters: dict[int, str]
    titles: dict[str, str]
    list: str
    more: str
    blank: str
    all_zero: str
    blank_note: str
    options: dict[str, dict[str, str]]
    groups: dict[str, str]


@cache
def english() -> EnglishMessages:
    """The English messages. Raises ValueError when they are not those of the codebook, with the same placeholders."""
    found = msgspec.yaml.decode(files(__package__).joinpath("finding_messages.yaml").read_bytes(), type=EnglishMessages)
    theirs = {(rule, name): fields(text) for rule, row in load_rules().items() for name, text in row.messages.items()}
    own = {(rule, name): fields(text) for rule, texts in found.messages.items() for name, text in texts.items()}
    wrong = sorted(key for key in theirs.keys() | own.keys() if theirs.get(key) != own.get(key))
    if wrong:
        raise ValueError(f"finding_messages.yaml: other messages or placeholders than the codebook: {wrong}")
    return found


@lru_cache(maxsize=4096)
def in_english(rule: str, message: str) -> str | None:
    """Return what a message of a rule says in English; None when no message of the codebook's rule has these words."""
    row, texts, note = load_rules().get(rule), english(), chinese_words().blank_note
    if row is None:
        return None
    body = message.removesuffix(note)
    for name, template in row.messages.items():
        values = values_in(template, body)
        if values is not None:
            shown = {key: _in_words(rule, key, value, values) for key, value in values.items()}
            said = texts.messages[rule][name].format(**shown) + (texts.blank_note if body != message else "")
            return said[:1].upper() + said[1:]
    return None


# ---- the values of a message ------------------------------------------------------------------------------------------------


@cache
def _pieces(template: str) -> tuple[tuple[str, str | None], ...]:
    """The parts of a template: a text, and the placeholder behind it."""
    return tuple((text, name) for text, name, _, _ in Formatter().parse(template))


def values_in(template: str, text: str) -> dict[str, str] | None:
    """Return the values with which a Chinese template makes ``text``; None when it does not, or would with other kinds of values.

    A value ends where the text behind its placeholder is found first.
    """
    pieces = _pieces(template)
    values: dict[str, str] = {}
    at, waiting = 0, list[str]()
    for place, (literal, name) in enumerate(pieces):
        if literal or place == 0:
            is_last = place == len(pieces) - 1 and name is None
            start = len(text) - len(literal) if is_last else text.find(literal, at)
            if start < at or not text.startswith(literal, start) or (place == 0 and start != 0):
                return None
            if not _take(waiting, text[at:start], values):
                return None
            at, waiting = start + len(literal), []
        waiting += [] if name is None else [name]
    return values if _take(waiting, text[at:], values) else None


def _take(names: list[str], text: str, values: dict[str, str]) -> bool:
    """Put the value that stands where ``names`` are into ``values``. Return whether it is of their kind. Of two placeholders
    without a text between, the second one holds what ends in it: a year.
    """
    if not names:
        return text == ""
    if len(names) > 1:
        cut = next((at for at in range(len(text) + 1) if _is_kind(names[-1], text[at:])), None)
        return cut is not None and _take(names[:-1], text[:cut], values) and _take(names[-1:], text[cut:], values)
    return _is_kind(names[0], text) and values.setdefault(names[0], text) == text


def _is_kind(name: str, text: str) -> bool:
    if name in _NUMBERS:
        return _NUMBER.fullmatch(text) is not None
    if name in ("year", "last_year"):
        return _YEAR.match(text) is not None and text in (text[:4], chinese_words().year.format(year=text[:4]))
    if name == "table":
        return text in chinese_words().tables.values()
    return True


# ---- their words in English -------------------------------------------------------------------------------------------------


def _in_words(rule: str, name: str, value: str, values: Mapping[str, str]) -> str:
    texts, phrases = english(), chinese_words()
    if name in texts.as_printed_in.get(rule, ()) or name in texts.as_printed or name in _NUMBERS:
        return value
    if name in ("year", "last_year"):
        return value[:4]
    block = next((block for block, table in phrases.tables.items() if table == values.get("table")), None)
    if name == "table":
        return texts.tables[block or ""]
    if name in ("column", "row"):
        return _labels(block)[0 if name == "row" else 1].get(value) or _worded(rule, block, value)
    return _worded(rule, block, value)


def _worded(rule: str, block: str | None, value: str) -> str:
    """A value with its labels, lists and wordings in English; what is not known stays."""
    for pattern, text in _wordings(rule):
        value = pattern.sub(lambda match, text=text: _filled(text, match), value)  # type: ignore[misc]  # a default binds it
    known, pattern = _known(block)
    return pattern.sub(lambda match: known[match.group()], value)


def _filled(text: str, match: re.Match[str]) -> str:
    return text.format(**match.groupdict())


@cache
def english_cell(cell: str) -> str:
    """Return what pages in English call a cell: its table, row and column. Raises KeyError for one that the codebook has not."""
    table = english().tables[load_book().indicators[cell].block].removeprefix("the ")
    return f"{table[:1].upper()}{table[1:]}: {english_label(cell)}"


@lru_cache(maxsize=4096)
def english_sum(cells: tuple[str, ...], text: str) -> str:
    """Return a side of a sum over ``cells``, or where it runs, in English: ``text`` with the labels of rows and columns. A label
    that is both is what the sum says there. Raises KeyError for a cell that the codebook has not.
    """
    found = [load_book().indicators[cell] for cell in cells]
    block = found[0].block
    rows, columns, _ = _labels(block)
    table = chinese_words().tables[block]
    in_row = len({indicator.row for indicator in found}) == 1
    known = {**_known(block)[0], **(columns if in_row != text.startswith(table) else rows)}
    where = text.replace(f"{table}{chinese_words().joint}", table)
    said = _known(block)[1].sub(lambda match: known[match.group()], where)
    return said[:1].upper() + said[1:].removesuffix(": ") if text.startswith(table) else said


@cache
def _wordings(rule: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """What the options of a rule and the phrases that all share write, as patterns with their English."""
    texts, options = english(), load_rules()[rule].options
    pairs = [(options[key], text) for key, text in texts.options.get(rule, {}).items()]
    return tuple((_pattern(chinese), text) for chinese, text in [*pairs, (chinese_words().more, texts.more)])


def _pattern(template: str) -> re.Pattern[str]:
    """A wording as a pattern; a value of it has none of the marks around it."""
    parts = []
    for text, name in _pieces(template):
        parts.append(re.escape(text))
        if name is not None:
            parts.append(rf"(?P<{name}>\d++)" if name == "count" else rf"(?P<{name}>[^“”]{{1,80}}?)")
    return re.compile("".join(parts))


@cache
def _labels(block: str | None) -> tuple[Mapping[str, str], Mapping[str, str], Mapping[str, str]]:
    """The labels of rows, columns and cells of a block (None: of all) by their Chinese."""
    rows: dict[str, str] = {}
    columns: dict[str, str] = {}
    cells: dict[str, str] = {}
    book, names = load_book(), labels().labels
    for each in [block] if block else book.blocks:
        own, its = book.blocks[each], names[each]
        for row in own.rows:
            rows.setdefault(row_label(each, row), its.rows[row])
        for column in own.columns:
            columns.setdefault(column_label(each, column), its.columns[column])
        for groups, into, label in ((own.subtotals, rows, row_label), (own.extra_columns, columns, column_label)):
            for slug in groups:
                into.setdefault(label(each, slug), english().groups[label(each, slug)])
    for indicator in book.indicators.values():
        if block in (None, indicator.block):
            cells.setdefault(cell_label(indicator.id), english_label(indicator.id))
    return rows, columns, cells


@cache
def _known(block: str | None) -> tuple[Mapping[str, str], re.Pattern[str]]:
    """All that is replaced in a value that is no quotation, and a pattern of it, the longest first."""
    texts, phrases = english(), chinese_words()
    known: dict[str, str] = {}
    for each in dict.fromkeys((None, block)):  # those of its own block last: they are meant
        rows, columns, cells = _labels(each)
        known |= {**columns, **rows, **cells}
    known |= {**texts.titles, **dict(_phrases(texts, phrases))}
    pattern = "|".join(map(re.escape, sorted(known, key=len, reverse=True)))
    return known, re.compile(pattern)


def _phrases(texts: EnglishMessages, phrases: RuleWords) -> Iterator[tuple[str, str]]:
    yield from ((phrases.tables[block], f"{text}: ") for block, text in texts.tables.items())
    yield from ((phrases.chapters[number], text) for number, text in texts.chapters.items())
    yield from ((phrases.list, texts.list), (phrases.blank, texts.blank), (phrases.all_zero, texts.all_zero))
