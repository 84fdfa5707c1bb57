"""Manifests: a CSV list of files with the agency, region, year and publication date that an office knows of them.

Header words in Chinese and English are rows of ``manifest.yaml``. What a manifest says is a hint and is stored as such; a row
that could mean two files is reported and not used.
"""

from __future__ import annotations

import csv
import posixpath
import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import msgspec

from codebook import data
from codebook.errors import UsageError
from codebook.records import Hints, Record
from ingest.lists.csv_lists import columns_of, date_of, decode, read_lines, year_of

_REGION = re.compile(r"[/／>\\]")


class ManifestColumns(Record, frozen=True):
    """The header words of each column that a manifest may have."""

    path: tuple[str, ...]
    agency: tuple[str, ...]
    region: tuple[str, ...]
    year: tuple[str, ...]
    published_on: tuple[str, ...]
    batch: tuple[str, ...]


class Row(Record, frozen=True):
    """A line of the manifest. ``hints.path`` is empty: the file's own path is put there when it is registered."""

    line: int
    path: str
    hints: Hints
    batch: str | None = None


class Manifest:
    """The rows by path, and what was wrong with the manifest or with its use (``problems``, one line each)."""

    def __init__(self, rows: Iterable[Row], problems: Iterable[str] = ()) -> None:
        self.problems = list(problems)
        self._rows: dict[str, Row] = {}
        self._matched: Counter[str] = Counter()
        self._ambiguous: set[str] = set()
        self._given: dict[str, str] = {}
        for row in rows:
            key = _key(row.path)
            other = self._rows.get(key)
            if other and (other.hints, other.batch) != (row.hints, row.batch):
                self._ambiguous.add(key)
                self.problems.append(f"lines {other.line} and {row.line} say different things of {row.path!r}; neither is used")
            self._rows[key] = row

    def survey(self, path: str) -> None:
        """Tell the manifest, before anything is read, of a file that will come: a row that fits several is then not used."""
        row = self._find(path)
        if row is not None:
            key = _key(row.path)
            self._matched[key] += 1
            if self._matched[key] == 2:
                self._ambiguous.add(key)
                self.problems.append(f"line {row.line}: {row.path!r} fits several files; give the folder too. It is not used")

    def row(self, path: str) -> Row | None:
        """The row that speaks of the file with this path (as shown; ``archive.zip!inner/name.txt`` inside an archive)."""
        row = self._find(path)
        if row is None:
            return None
        key = _key(row.path)
        self._matched[key] += 1
        first = self._given.setdefault(key, path)
        if first != path and key not in self._ambiguous:  # two members of archives: nobody could tell before
            self._ambiguous.add(key)
            self.problems.append(f"line {row.line}: {row.path!r} fits several files; only {first!r} was given it")
        return None if key in self._ambiguous else row

    def names(self, path: str) -> bool:
        """Return whether a row speaks of this path."""
        return self._find(path) is not None

    def paths(self) -> tuple[str, ...]:
        """The paths of which it speaks, as they stand in it."""
        return tuple(row.path for row in self._rows.values())

    def unmatched(self) -> list[str]:
        """The paths of rows for which no file came, in the manifest's order."""
        return [row.path for key, row in self._rows.items() if not self._matched[key]]

    def _find(self, path: str) -> Row | None:
        """The row whose path is the end of this path; the longest one if there are several."""
        parts = _key(path).split("/")
        return next((row for at in range(len(parts)) if (row := self._rows.get("/".join(parts[at:])))), None)


def _key(path: str) -> str:
    return posixpath.normpath(path.strip().replace("!", "/").replace("\\", "/")).lstrip("/")


def load_manifest(path: Path) -> Manifest:
    """Read a manifest. Raises as :func:`read_manifest`."""
    return Manifest(*read_manifest(path))


def read_manifest(path: Path) -> tuple[list[Row], list[str]]:
    """Return the rows of a manifest, and what of it could not be used.

    It may be in UTF-8, UTF-16 or GB18030, separated by commas, tabs or semicolons. Raises UsageError when it cannot be read or
    has no column with paths. Unknown columns and values that cannot be understood are problems of the manifest and leave the
    rest of it in use.
    """
    try:
        text = decode(path.read_bytes())
    except OSError as error:
        raise UsageError(f"manifest {path}: {error.strerror or error}; expected a CSV file that can be read") from error
    try:
        header, rows = read_lines(text)
    except csv.Error as error:
        raise UsageError(f"manifest {path}: {error}; expected a CSV file") from error
    problems: list[str] = []
    columns = columns_of(header, msgspec.structs.asdict(_header_words()), problems)
    if "path" not in columns.values():
        known = ", ".join(_header_words().path[:1] + _header_words().path[-3:])
        raise UsageError(
            f"manifest {path}: no column names the files (found: {', '.join(header) or 'nothing'}); expected one of {known}"
        )
    return list(_rows(rows, columns, problems)), problems


@cache
def _header_words() -> ManifestColumns:
    return msgspec.yaml.decode(data.read("manifest.yaml"), type=ManifestColumns)


def hint_words() -> dict[str, tuple[str, ...]]:
    """Return the header words of the columns that say what is known of a document: agency, region, year, published_on."""
    words = msgspec.structs.asdict(_header_words())
    return {field: tuple(words[field]) for field in ("agency", "region", "year", "published_on")}


def _rows(lines: list[tuple[int, list[str]]], columns: dict[int, str], problems: list[str]) -> Iterable[Row]:
    for number, line in lines:
        given = {field: line[at].strip() for at, field in columns.items() if at < len(line)}
        if not given.get("path"):
            problems.append(f"line {number}: no path")
            continue
        hints = Hints(
            region=region_of(given.get("region", "")),
            agency=given.get("agency") or None,
            year=year_of(given.get("year", ""), number, problems),
            published_on=date_of(given.get("published_on", ""), number, problems),
        )
        yield Row(number, given["path"], hints, given.get("batch") or None)


def region_of(text: str) -> tuple[str, ...]:
    """The region from the province down.

    >>> region_of("江苏省/淮安市")
    ('江苏省', '淮安市')
    """
    return tuple(part for piece in _REGION.split(text) if (part := piece.strip()))
