"""Lists that offices keep as CSV: their encodings and delimiters, header words in Chinese and English, years and dates."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from datetime import date

from codebook.text.dates import dates

_NOISE = re.compile(r"[\s_\-()（）*]+")
_DELIMITERS = ",\t;，"


def decode(raw: bytes) -> str:
    """The text of a list: UTF-16 and UTF-8 with their marks, UTF-8, else GB18030."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("gb18030", "replace")


def read_lines(text: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, and the lines behind it with their numbers; blank lines are left out. Raises csv.Error."""
    first = text.lstrip().split("\n", 1)[0]
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=max(_DELIMITERS, key=first.count))
    (_, header), *rows = [(lines.line_num, line) for line in lines if any(cell.strip() for cell in line)] or [(0, [])]
    return header, rows


def columns_of(header: Sequence[str], known: Mapping[str, Sequence[str]], problems: list[str]) -> dict[int, str]:
    """Return which column holds which field of ``known`` (field -> header words), by its place; others go to ``problems``."""
    names = {_NOISE.sub("", word.lower()): field for field, words in known.items() for word in words}
    columns: dict[int, str] = {}
    for at, cell in enumerate(header):
        field = names.get(_NOISE.sub("", cell.lower()))
        if field is None:
            problems.append(f"column {cell.strip()!r} is not known and is not used")
        elif field in columns.values():
            problems.append(f"column {cell.strip()!r} says the same as one before it and is not used")
        else:
            columns[at] = field
    return columns


def year_of(text: str, line: int, problems: list[str]) -> int | None:
    """A year on which agencies have reported. Anything else but nothing goes to ``problems``."""
    match = dates().year_cell.fullmatch(text)
    if match and dates().first_year <= int(match[1]) <= date.today().year:
        return int(match[1])
    if text:
        problems.append(f"line {line}: year {text!r} is not one from {dates().first_year} to this year, and is not used")
    return None


def date_of(text: str, line: int, problems: list[str]) -> str | None:
    """An ISO date. Anything else but nothing goes to ``problems``."""
    match = dates().date_cell.fullmatch(text)
    try:
        return date(*(int(part) for part in match.groups() if part)).isoformat() if match else _no_date(text, line, problems)
    except ValueError:
        return _no_date(text, line, problems)


def _no_date(text: str, line: int, problems: list[str]) -> str | None:
    if text:
        problems.append(f"line {line}: {text!r} is not a date like 2024-01-31, and is not used")
    return None
