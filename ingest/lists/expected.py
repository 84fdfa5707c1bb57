"""The list of the agencies that must report on a year, from a CSV file of an office.

Without a date of its own an agency is due as the law says (article 49 of the Regulation, 令711号): departments by 31 January,
governments by 31 March; towns and others that it does not name have no date.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import msgspec

from codebook import data
from codebook.agency_kinds import kind_of, stored_key
from codebook.errors import UsageError
from codebook.records import Record
from codebook.regions import load_regions
from database.reports.coverage import Listed
from ingest.lists.csv_lists import columns_of, date_of, decode, read_lines, year_of
from ingest.lists.manifest import region_of


class ExpectedColumns(Record, frozen=True):
    """The header words of each column that such a list may have."""

    agency: tuple[str, ...]
    region: tuple[str, ...]
    region_code: tuple[str, ...]
    year: tuple[str, ...]
    due_on: tuple[str, ...]


@cache
def _header_words() -> dict[str, tuple[str, ...]]:
    return msgspec.structs.asdict(msgspec.yaml.decode(data.read("expected.yaml"), type=ExpectedColumns))


def read_expected(path: Path, year: int | None = None) -> tuple[list[Listed], list[str]]:
    """The agencies of a list, and what of it could not be used, one line each. ``year`` is that of lines without one.

    Raises UsageError when the file cannot be read, or has no column with agencies.
    """
    try:
        header, rows = read_lines(decode(path.read_bytes()))
    except OSError as error:
        raise UsageError(f"list {path}: {error.strerror or error}; expected a CSV file that can be read") from error
    except csv.Error as error:
        raise UsageError(f"list {path}: {error}; expected a CSV file") from error
    problems: list[str] = []
    columns = columns_of(header, _header_words(), problems)
    if "agency" not in columns.values():
        known = ", ".join(_header_words()["agency"][-6:])
        raise UsageError(f"list {path}: no column names the agencies (found: {', '.join(header)}); expected one of {known}")
    found: dict[tuple[int, str], Listed] = {}
    for number, line in rows:
        item = _item({field: line[at].strip() for at, field in columns.items() if at < len(line)}, number, year, problems)
        if item is None:
            continue
        if (item.year, item.agency_key) in found:
            problems.append(f"line {number}: {item.agency!r} stands in the list twice; the last line counts")
        found[item.year, item.agency_key] = item
    return list(found.values()), problems


def _item(given: dict[str, str], line: int, usual: int | None, problems: list[str]) -> Listed | None:
    agency = given.get("agency", "")
    year = year_of(given.get("year", ""), line, problems) or usual
    if not agency or year is None:
        problems.append(f"line {line}: {'no year' if agency else 'no agency'}")
        return None
    code = _code(given, agency)
    due_on = date_of(given.get("due_on", ""), line, problems) or due_by_law(agency, year)
    return Listed(year, agency, stored_key(agency, code), code, due_on)


def _code(given: dict[str, str], agency: str) -> str | None:
    """The code of the region: as given, by the names of the region, or by those that the agency's name begins with."""
    code = given.get("region_code", "")
    if code.isascii() and code.isdecimal() and len(code) in (2, 4, 6, 9, 12):
        return code.ljust(6, "0")
    named = load_regions().chain(region_of(given.get("region", "")))
    if named is None:
        begins = load_regions().read(agency).found
        named = begins[0] if len(begins) == 1 else None
    return named.code if named else None


def due_by_law(agency: str, year: int) -> str | None:
    """The ISO date by which an agency must publish its report on ``year``; None where the law names none.

    >>> due_by_law("淮安市教育局", 2024), due_by_law("淮安市洪泽区人民政府", 2024), due_by_law("仁林镇人民政府", 2024)
    ('2025-01-31', '2025-03-31', None)
    """
    kind = kind_of(agency)
    return f"{year + 1}-{kind.deadline}" if kind is not None and kind.deadline else None
