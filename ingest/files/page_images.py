"""Page images that are one report: which folders and archives hold such, told from the names alone.

The convention: a folder with nothing in it but pictures, at least two, whose names differ in one number only that counts up
from 1 (1.png, 2.png) or behind a word (page-1.png; IMG_0231.jpg, IMG_0232.jpg). Years are no page numbers: 2021.png and
2022.png are two reports, as are 320803.png and 320804.png. A manifest that has a row for the folder, or for a picture in it,
decides otherwise.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import PurePosixPath
from typing import BinaryIO, NamedTuple

from ingest.files.walk import OneReport
from ingest.lists.manifest import Manifest
from ingest.names import is_picture, natural, shown

_DIGITS = re.compile(r"(\d++)")
_MOST_DIGITS = 18  # of a page number; names of archives may have thousands of digits
_FIRST_YEAR = 2000
_GAPS = 10  # how many times more numbers than pages there may be: dates and the numbers of letters leave more out


def are_pages(names: Sequence[str]) -> bool:
    """Return whether files with these names (of one folder, without it) are the pages of one report.

    >>> are_pages(["p1.png", "p2.png", "p10.png"]), are_pages(["2021.png", "2022.png"]), are_pages(["甲局1.png", "乙局2.png"])
    (True, False, False)
    """
    if len(names) < 2 or not all(map(is_picture, names)):
        return False
    parts = [_DIGITS.split(PurePosixPath(name).stem) for name in names]
    if len({len(part) for part in parts}) > 1:
        return False
    differing = [at for at in range(len(parts[0])) if len({part[at] for part in parts}) > 1]
    if len(differing) != 1 or differing[0] % 2 == 0:  # texts stand at even places, numbers at odd ones
        return False
    if any(len(part[differing[0]]) > _MOST_DIGITS for part in parts):
        return False
    numbers = sorted(int(part[differing[0]]) for part in parts)
    years = numbers[0] >= _FIRST_YEAR and numbers[-1] <= date.today().year + 1
    counted = numbers[-1] - numbers[0] < _GAPS * len(numbers)
    return counted and not years and (numbers[0] <= 1 or any(parts[0][::2]))


def decided_by(manifest: Manifest | None) -> OneReport:
    """Says of a folder or archive (its path, the names of its files) whether the files are the pages of one report."""

    def one_report(path: str, names: Sequence[str]) -> bool:
        if len(names) < 2 or not all(map(is_picture, names)):
            return False
        if manifest is not None and manifest.names(shown(path)):
            return True
        if manifest is not None and any(manifest.names(f"{shown(path)}/{shown(name)}") for name in names):
            return False
        return are_pages(names)

    return one_report


def flat_folders(members: Sequence[str]) -> dict[str, list[str]]:
    """The folders in an archive that have no folders in them, with their members in order; ``""`` is the archive's top."""
    files: dict[str, list[str]] = {}
    parents: set[str] = set()
    for member in members:
        folder = PurePosixPath(member).parent
        files.setdefault(_name(folder), []).append(member)
        parents.update(_name(above) for above in folder.parents)
    whole = {folder: sorted(names, key=natural) for folder, names in files.items() if len(set(names)) == len(names)}
    return {folder: names for folder, names in whole.items() if folder not in parents}


def _name(folder: PurePosixPath) -> str:
    return "" if str(folder) == "." else str(folder)


class PageImageReport(NamedTuple):
    """Page images in order, (name, content), and their size in bytes; beyond what may be held, without content."""

    path: str
    images: list[tuple[str, bytes]]
    size: int


class Reports:
    """The reports in an archive whose pages come one by one, in the order in which they lie there."""

    def __init__(self, groups: Mapping[str, Sequence[str]], limit: int) -> None:
        """``groups``: members in order by the path of their report. ``limit``: bytes that are held of one report."""
        self._limit = limit
        self._groups = {path: list(names) for path, names in groups.items()}
        self._path_of = {name: path for path, names in groups.items() for name in names}
        self._read: dict[str, dict[str, bytes]] = {path: {} for path in groups}
        self._size: Counter[str] = Counter()

    def path_of(self, member: str) -> str | None:
        """The path of the report of which ``member`` is a page."""
        return self._path_of.get(member)

    def drop(self, path: str) -> None:
        """Forget a report of which a page cannot be read."""
        self._read.pop(path, None)

    def add(self, member: str, reader: BinaryIO) -> PageImageReport | None:
        """Read a page. Return the report when this was the last one missing. Raises what the reader raises."""
        path = self._path_of[member]
        if path not in self._read:
            return None
        content = reader.read(max(0, self._limit - self._size[path]) + 1)
        self._size[path] += len(content)
        self._read[path][member] = content if self._size[path] <= self._limit else b""
        if len(self._read[path]) < len(self._groups[path]):
            return None
        pages = self._read.pop(path)
        return PageImageReport(path, [(name, pages[name]) for name in self._groups[path]], self._size[path])
