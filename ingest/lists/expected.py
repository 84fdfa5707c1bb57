"""The list of the agencies that must report on a year, from a CSV file or a workbook of an office.

What an office calls its columns, what stands above and between the agencies, and what is said of a line are rows of
``expected.yaml``. A line that says something that is not understood (a region that there is not, a year, a date) is refused:
nothing else is put in its place.

Without a date of its own an agency is due as the law says (article 49 of the Regulation, 令711号): departments by 31 January,
governments by 31 March; towns and others that it does not name have no date.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec

from codebook import data
from codebook.agency_kinds import kind_of, stored_key
from codebook.divisions import Region
from codebook.errors import UsageError
from codebook.records import Record
from codebook.regions import load_regions
from codebook.text.dates import dates
from database.reports.coverage import Listed
from ingest.lists.csv_lists import decode, field_of_header, header_key, parse_date, parse_year, read_rows
from ingest.lists.manifest import region_of
from ingest.lists.xlsx_lists import (
    MAX_ROWS,
    LargeWorkbookError,
    ListSheet,
    WorkbookError,
    is_old_workbook,
    is_workbook,
    read_sheets,
)

MAX_BYTES = 10_000_000
"""Bytes of a file with a list."""
_HEADER_WITHIN = 30  # filled rows among which the header is looked for
_PREVIEW = 8  # lines that are shown as they are printed
_LONGEST_NAME = 120  # characters of an agency's name; the longest that were seen have about 60
_SHOWN = 60  # characters of what was found
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_BLANK = re.compile(r"\s+")
_SERIAL = re.compile(r"[34567]\d{4}(?:\.\d+)?")  # a date as a spreadsheet counts days: 1982 to 2119
_FIRST_DAY = 693_594  # ordinal of 1899-12-30, the day 0 of spreadsheets


class ExpectedColumns(Record, frozen=True):
    """The header words of each column that such a list may have."""

    agency: tuple[str, ...]
    region: tuple[str, ...]
    region_code: tuple[str, ...]
    year: tuple[str, ...]
    due_on: tuple[str, ...]


class NoteText(Record, frozen=True):
    """What is said of a list or a line, in both languages; ``{found}`` and ``{expected}`` are filled in."""

    zh: str
    en: str

    def of(self, language: str) -> str:
        """The text in ``zh`` or ``en``."""
        return self.zh if language == "zh" else self.en


class ExpectedWords(Record, frozen=True):
    """The rows of expected.yaml."""

    columns: ExpectedColumns
    no_agency: re.Pattern[str]
    letter: re.Pattern[str]
    own_level: re.Pattern[str]
    notes: dict[str, NoteText]


class ListNote(Record, frozen=True):
    """Something about a list, or about one of its lines (from 1): what was found there, and what was expected. ``key`` names
    its text.
    """

    key: str
    line: int = 0
    found: str = ""
    expected: str = ""

    def text(self, language: str = "en") -> str:
        """What it says, with its line."""
        text = _words().notes[self.key]
        said = text.of(language).format_map({"found": _shown(self.found), "expected": self.expected})
        return _words().notes["line"].of(language).format_map({"line": self.line, "found": said}) if self.line else said


class ListColumn(Record, frozen=True):
    """A column of a list: its header, and the field that it was taken as (None: it is not used)."""

    header: str
    field: str | None


class ExpectedList(Record, frozen=True):
    """What was understood of a list.

    ``titles`` are the lines above the header, ``preview`` the first lines below it as they are printed. ``refused`` lines say
    something that is not understood; ``passed_over`` ones name no agency; ``remarks`` are about what was taken.
    """

    items: tuple[Listed, ...]
    columns: tuple[ListColumn, ...]
    titles: tuple[str, ...] = ()
    preview: tuple[tuple[str, ...], ...] = ()
    refused: tuple[ListNote, ...] = ()
    passed_over: tuple[ListNote, ...] = ()
    remarks: tuple[ListNote, ...] = ()
    sheet: str | None = None


class ListError(UsageError):
    """A list of which nothing can be used; ``note`` says why."""

    def __init__(self, note: ListNote, name: str = "") -> None:
        super().__init__(f"list {name}: {note.text()}" if name else note.text())
        self.note = note


class LineError(ListError):
    """A line, or what holds for the whole list, that says something that is not understood; ``note`` says what."""


class Usual(NamedTuple):
    """What holds for lines that do not say it: a year, and the region (as in a list: names from the province down, or a code)."""

    year: int | None = None
    region: str = ""


NOTHING = Usual()


@cache
def _words() -> ExpectedWords:
    return msgspec.yaml.decode(data.read("expected.yaml"), type=ExpectedWords, dec_hook=lambda _, text: re.compile(text))


@cache
def _fields() -> dict[str, str]:
    return field_of_header(msgspec.structs.asdict(_words().columns))


def read_expected(path: Path, usual: Usual = NOTHING) -> ExpectedList:
    """Return what is understood of the list in a file. Raises ListError when nothing of it can be used."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ListError(ListNote("file.unreadable", found=error.strerror or str(error)), str(path)) from error
    try:
        return read_list(raw, usual)
    except ListError as error:
        raise ListError(error.note, str(path)) from error


def read_list(raw: bytes, usual: Usual = NOTHING) -> ExpectedList:
    """Return what is understood of a list: a workbook (.xlsx), or CSV in UTF-8, UTF-16 or GB18030.

    Raises ListError when nothing of it can be used, also when ``usual.region`` is not known.
    """
    if len(raw) > MAX_BYTES:
        raise ListError(ListNote("file.large", found=f"{MAX_BYTES // 1_000_000} MB"))
    sheets = _sheets(raw)
    headers = {sheet.name: at for sheet in sheets if (at := _header(sheet.rows)) is not None}
    if not headers:
        shown = next((cells for sheet in sheets for _, cells in sheet.rows), [])
        known = ", ".join(_words().columns.agency[5:12])
        raise ListError(ListNote("columns.no_agency", found=", ".join(filter(None, map(_clean, shown))), expected=known))
    sheet = next(sheet for sheet in sheets if sheet.name in headers)
    found = _read(sheet, headers[sheet.name], usual)
    others = [name for name in headers if name != sheet.name]
    if not others:
        return found
    note = ListNote("sheets.others", found=sheet.name, expected=", ".join(others))
    return msgspec.structs.replace(found, remarks=(note, *found.remarks))


def read_line(agency: str, usual: Usual, due_on: str = "") -> ExpectedList:
    """Return what is understood of one agency that a person typed, by the rules of a list."""
    columns = _words().columns
    rows = [(0, [columns.agency[0], columns.due_on[0]]), (0, [agency, due_on])]
    return _read(ListSheet("", rows, {}), 0, usual)


def _sheets(raw: bytes) -> list[ListSheet]:
    if is_old_workbook(raw):
        raise ListError(ListNote("file.old_excel"))
    try:
        if is_workbook(raw):
            return read_sheets(raw)
        rows = read_rows(decode(raw))
    except LargeWorkbookError as error:
        raise ListError(ListNote("file.large", found=str(error))) from error
    except WorkbookError as error:
        raise ListError(ListNote("file.damaged", found=str(error))) from error
    except csv.Error as error:
        raise ListError(ListNote("file.not_a_list", found=str(error))) from error
    if len(rows) > MAX_ROWS:
        raise ListError(ListNote("file.large", found=f"{MAX_ROWS:,} rows"))
    return [ListSheet("", rows, {})]


def _header(rows: Sequence[tuple[int, list[str]]]) -> int | None:
    """The place of the header among the rows: the first with a column of agencies. What stands above it is a title."""
    for at, (_, cells) in enumerate(rows[:_HEADER_WITHIN]):
        if any(_fields().get(header_key(cell)) == "agency" for cell in cells):
            return at
    return None


def _read(sheet: ListSheet, header: int, usual: Usual) -> ExpectedList:
    _, words = sheet.rows[header]
    columns, places = _columns(words)
    if usual.year is not None and parse_year(str(usual.year)) is None:
        raise LineError(ListNote("year.unknown", found=str(usual.year), expected=str(dates().first_year)))
    within = region_named(usual.region) if usual.region else None
    body = sheet.rows[header + 1 :]
    items: dict[tuple[int, str], tuple[int, Listed]] = {}
    refused, passed_over, remarks = list[ListNote](), list[ListNote](), list[ListNote]()
    for number, cells in body:
        line = {field: _cell(sheet, number, cells, at, field) for field, at in places.items()}
        if _fields().get(header_key(line["agency"])) == "agency":  # the header is repeated on each page
            continue
        if not line["agency"] or _words().no_agency.fullmatch(line["agency"]):
            passed_over.append(ListNote("line.no_agency", number, " ".join(filter(None, map(_clean, cells)))))
            continue
        try:
            item = _item(line, number, usual.year, within)
        except LineError as error:
            refused.append(error.note)
            continue
        if item.region_code is None:
            remarks.append(ListNote("line.no_region", number, item.agency))
        before = items.get((item.year, item.agency_key))
        if before is not None:
            remarks.append(ListNote("line.twice", number, item.agency, str(before[0])))
        items[item.year, item.agency_key] = (number, item)
    return ExpectedList(
        items=tuple(item for _, item in items.values()),
        columns=columns,
        titles=tuple(" ".join(filter(None, map(_clean, cells))) for _, cells in sheet.rows[:header]),
        preview=tuple(tuple(_shown(_clean(cell)) for cell in cells[: len(columns)]) for _, cells in body[:_PREVIEW]),
        refused=tuple(refused),
        passed_over=tuple(passed_over),
        remarks=tuple(remarks),
        sheet=sheet.name or None,
    )


def _columns(header: Sequence[str]) -> tuple[tuple[ListColumn, ...], dict[str, int]]:
    """The columns up to the last with a header, and the place of each field: of two that say the same, the first."""
    columns: list[ListColumn] = []
    places: dict[str, int] = {}
    for at, cell in enumerate(header):
        field = _fields().get(header_key(cell))
        if field in places:
            field = None
        if field is not None:
            places[field] = at
        columns.append(ListColumn(_clean(cell), field))
    while not columns[-1].header:
        columns.pop()
    return tuple(columns), places


def _cell(sheet: ListSheet, number: int, cells: Sequence[str], at: int, field: str) -> str:
    """A cell; of a region, a year or a date also that of merged cells. A name that is merged over lines is one agency."""
    text = _clean(cells[at]) if at < len(cells) else ""
    return text or ("" if field == "agency" else _clean(sheet.merged.get((number, at), "")))


def _item(line: Mapping[str, str], number: int, usual: int | None, within: Region | None) -> Listed:
    """The agency of a line. Raises LineError."""
    agency = _BLANK.sub("", line["agency"])
    if len(agency) > _LONGEST_NAME:
        raise LineError(ListNote("agency.long", number, agency[:_SHOWN], str(_LONGEST_NAME)))
    if not _words().letter.search(agency):
        raise LineError(ListNote("agency.unreadable", number, agency))
    year, due_on = usual, None
    if text := line.get("year", ""):
        year = parse_year(text)
        if year is None:
            raise LineError(ListNote("year.unknown", number, text, str(dates().first_year)))
    if year is None:
        raise LineError(ListNote("year.none", number, agency))
    if text := line.get("due_on", ""):
        due_on = parse_date(_from_serial(text))
        if due_on is None:
            raise LineError(ListNote("date.unknown", number, text))
    code = _code(line, agency, number, within)
    return Listed(year, agency, stored_key(agency, code), code, due_on or due_by_law(agency, year))


def _from_serial(text: str) -> str:
    """A date that a spreadsheet shows as the number of its day, as ISO; any other text as it is.

    >>> _from_serial("45688")
    '2025-01-31'
    """
    if not _SERIAL.fullmatch(text):
        return text
    return date.fromordinal(_FIRST_DAY + int(float(text))).isoformat()


def _code(line: Mapping[str, str], agency: str, number: int, within: Region | None) -> str | None:
    """The code of the region: as given, by the names of the region, or by those that the agency's name begins with.

    Raises LineError when what is given is not known, or contradicts itself.
    """
    given, names = line.get("region_code", ""), line.get("region", "")
    named = region_named(names, within, number) if names else None
    if given:
        code = _known_code(given)
        if code is None:
            raise LineError(ListNote("code.unknown", number, given))
        region = _by_code().get(code[:6])
        if named is not None and region is not None and named.code != region.code:
            raise LineError(ListNote("region.contradicts", number, names, "/".join(region.chain)))
        return code
    if named is None:
        begins = load_regions().read(agency, within).found or load_regions().read(agency).found
        named = begins[0] if len(begins) == 1 else within
    return named.code if named else None


def region_named(text: str, within: Region | None = None, line: int = 0) -> Region:
    """The region that a list names: from the province down, in one piece or parted by slashes, or its code.

    Raises LineError when there is none, or it is not sure which.
    """
    folded = _BLANK.sub("", text)
    by_code = _by_code().get(_known_code(folded) or "")
    if by_code is not None:
        return by_code
    if own := _words().own_level.fullmatch(folded):
        if len(own["place"]) > 1:
            return region_named(own["place"], within, line)
        if within is not None:
            return within
    regions = load_regions()
    named = regions.chain(region_of(text))
    if named is not None and (within is None or named == within or named.within(within)):
        return named
    for above in (within, None) if within else (None,):
        read = regions.read(folded, above)
        if read.end == len(folded) and len(read.found) == 1:
            return read.found[0]
        inside = [region for region in regions.named(folded) if above is None or region.within(above)]
        if len(inside) == 1:
            return inside[0]
        if inside:
            several = "; ".join("/".join(region.chain) for region in inside[:5])
            raise LineError(ListNote("region.unsure", line, text, several))
    raise LineError(ListNote("region.unknown", line, text))


@cache
def _by_code() -> dict[str, Region]:
    return {region.code: region for region in load_regions().all}


def _known_code(text: str) -> str | None:
    """A code of six digits (towns: 9 or 12) whose region is known, else None.

    >>> _known_code("3208"), _known_code("320813001"), _known_code("99")
    ('320800', '320813001', None)
    """
    if not (text.isascii() and text.isdecimal() and len(text) in (2, 4, 6, 9, 12)):
        return None
    code = text.ljust(6, "0")
    return code if code[:6] in _by_code() else None


def _clean(text: str) -> str:
    """A cell on one line, without characters that a database refuses."""
    return _BLANK.sub(" ", _CONTROL.sub(" ", text)).strip()


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def due_by_law(agency: str, year: int) -> str | None:
    """The ISO date by which an agency must publish its report on ``year``; None where the law names none.

    >>> due_by_law("淮安市教育局", 2024), due_by_law("淮安市洪泽区人民政府", 2024), due_by_law("仁林镇人民政府", 2024)
    ('2025-01-31', '2025-03-31', None)
    """
    kind = kind_of(agency)
    return f"{year + 1}-{kind.deadline}" if kind is not None and kind.deadline else None
