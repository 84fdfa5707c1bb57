"""Lists that offices keep as CSV: their encodings and delimiters, header words in Chinese and English, years and dates."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import islice

from codebook.text.dates import dates

_NOISE = re.compile(r"[\s_\-()（）*]+")
_DELIMITERS = ",\t;，"
_HEAD = 30  # lines that show the delimiter


def decode(raw: bytes) -> str:
    """The text of a list: UTF-16 and UTF-8 with their marks, UTF-8, else GB18030."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("gb18030", "replace")


def read_rows(text: str) -> list[tuple[int, list[str]]]:
    """The lines with their numbers; blank lines are left out. The delimiter is the one that the first lines use most, since
    titles stand above a header. Raises csv.Error.
    """
    return _rows(text, "\n".join(islice(text.splitlines(), _HEAD)))


def read_lines(text: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, which is the first line, and the lines behind it with their numbers; blank lines are left out. Raises
    csv.Error.
    """
    (_, header), *rows = _rows(text, text.lstrip().split("\n", 1)[0]) or [(0, [])]
    return header, rows


def _rows(text: str, sample: str) -> list[tuple[int, list[str]]]:
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=max(_DELIMITERS, key=sample.count))
    return [(lines.line_num, line) for line in lines if any(cell.strip() for cell in line)]


def header_key(cell: str) -> str:
    """A header word as it is compared.

    >>> header_key(" Region_Code "), header_key("单位（名称）")
    ('regioncode', '单位名称')
    """
    return _NOISE.sub("", cell.lower())


def field_of_header(known: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the field for each header word of ``known`` (field -> header words), as :func:`header_key` writes them."""
    return {header_key(word): field for field, words in known.items() for word in words}


def columns_of(header: Sequence[str], known: Mapping[str, Sequence[str]], problems: list[str]) -> dict[int, str]:
    """Return which column holds which field of ``known`` (field -> header words), by its place; others go to ``problems``."""
    names = field_of_header(known)
    columns: dict[int, str] = {}
    for at, cell in enumerate(header):
        field = names.get(header_key(cell))
        if field is None:
            problems.append(f"column {cell.strip()!r} is not known and is not used")
        elif field in columns.values():
            problems.append(f"column {cell.strip()!r} says the same as one before it and is not used")
        else:
            columns[at] = field
    return columns


def parse_year(text: str) -> int | None:
    """A year on which agencies have reported; None for anything else.

    >>> parse_year("2023年度"), parse_year("1999")
    (2023, None)
    """
    match = dates().year_cell.fullmatch(text)
    return int(match[1]) if match and dates().first_year <= int(match[1]) <= date.today().year else None


def parse_date(text: str) -> str | None:
    """An ISO date; None for anything else.

    >>> parse_date("2025年1月31日"), parse_date("soon")
    ('2025-01-31', None)
    """
    match = dates().date_cell.fullmatch(text)
    try:
        return date(*(int(part) for part in match.groups() if part)).isoformat() if match else None
    except ValueError:
        return None


def year_of(text: str, line: int, problems: list[str]) -> int | None:
    """A year on which agencies have reported. Anything else but nothing goes to ``problems``."""
    year = parse_year(text)
    if year is None and text:
        problems.append(f"line {line}: year {text!r} is not one from {dates().first_year} to this year, and is not used")
    return year


def date_of(text: str, line: int, problems: list[str]) -> str | None:
    """An ISO date. Anything else but nothing goes to ``problems``."""
    found = parse_date(text)
    if found is None and text:
        problems.append(f"line {line}: {text!r} is not a date like 2024-01-31, and is not used")
    return found
