"""Page images that are one report: which folders and archives hold such, told from the names alone.

The convention: a folder with nothing in it but pictures, at least two, whose names differ in one number only that counts up
from about 1 (1.png, 2.png) or behind a word (page-1.png; IMG_0231.jpg, IMG_0232.jpg). A number that is left out is a page that is
missing. Years are no page numbers: 2021.png and
2022.png are two reports, as are 320803.png and 320804.png. A manifest that has a row for the folder, or for a picture in it,
decides otherwise.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import PurePosixPath
from typing import BinaryIO, NamedTuple

from ingest.files.walk import OneReport
from ingest.lists.manifest import Manifest
from ingest.names import is_picture, natural, shown

_DIGITS = re.compile(r"(\d++)")
_MOST_DIGITS = 18  # of a page number; names of archives may have thousands of digits
FIRST_YEAR = 2000
"""Numbers from this one on to the next year's are years, not those of pages."""
_GAPS = 10  # how many times more numbers than pages there may be: dates and the numbers of letters leave more out


def are_pages(names: Sequence[str]) -> bool:
    """Return whether files with these names (of one folder, without it) are the pages of one report.

    >>> are_pages(["p1.png", "p2.png", "p10.png"]), are_pages(["2021.png", "2022.png"]), are_pages(["甲局1.png", "乙局2.png"])
    (True, False, False)
    """
    if len(names) < 2 or not all(map(is_picture, names)):
        return False
    counted = _counted(names)
    if counted is None:
        return False
    numbers, bare = counted
    first, last = min(numbers), max(numbers)
    years = first >= FIRST_YEAR and last <= date.today().year + 1
    return last - first < _GAPS * len(numbers) and not years and (first <= len(numbers) or not bare)


def page_numbers(names: Sequence[str]) -> tuple[int, ...] | None:
    """Return the numbers of the pages with these names, counted from 1; None where the names do not count them.

    The first name is page 1, as with cameras, unless its number is so low that fewer pages would be missing than there are.

    >>> page_numbers(["p2.png", "p3.png", "p5.png"]), page_numbers(["IMG_0231.jpg", "IMG_0232.jpg"])
    ((2, 3, 5), (1, 2))
    """
    if not are_pages(names):
        return None
    numbers, _ = _counted(names) or ((), True)
    first = min(numbers)
    before = first - 1 if first <= 1 or first > len(numbers) else 0
    return tuple(number - before for number in numbers)


def gaps(names: Sequence[str]) -> bool:
    """Return whether a page is missing by the numbers in the names of the others."""
    numbers = page_numbers(names)
    return numbers is not None and set(numbers) != set(range(1, max(numbers) + 1))


def _counted(names: Sequence[str]) -> tuple[list[int], bool] | None:
    """Return the one number in which names differ, of each name, and whether there is nothing but numbers in the names; None
    where they differ in something else.
    """
    parts = [_DIGITS.split(PurePosixPath(name).stem) for name in names]
    if len({len(part) for part in parts}) > 1:
        return None
    differing = [at for at in range(len(parts[0])) if len({part[at] for part in parts}) > 1]
    if len(differing) != 1 or differing[0] % 2 == 0:  # texts stand at even places, numbers at odd ones
        return None
    digits = [part[differing[0]] for part in parts]
    if any(len(each) > _MOST_DIGITS for each in digits):
        return None
    return [int(each) for each in digits], not any(parts[0][::2])


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
    """Page images in order, (name, content), and their size in bytes; beyond what may be held, without content. ``dated_at`` is
    when the newest of them was changed last.
    """

    path: str
    images: list[tuple[str, bytes]]
    size: int
    dated_at: datetime | None = None


class Reports:
    """The reports in an archive whose pages come one by one, in the order in which they lie there."""

    def __init__(self, groups: Mapping[str, Sequence[str]], limit: int) -> None:
        """``groups``: members in order by the path of their report. ``limit``: bytes that are held of one report."""
        self._limit = limit
        self._groups = {path: list(names) for path, names in groups.items()}
        self._path_of = {name: path for path, names in groups.items() for name in names}
        self._read: dict[str, dict[str, bytes]] = {path: {} for path in groups}
        self._size: Counter[str] = Counter()
        self._dates: dict[str, list[datetime]] = {path: [] for path in groups}

    def path_of(self, member: str) -> str | None:
        """The path of the report of which ``member`` is a page."""
        return self._path_of.get(member)

    def drop(self, path: str) -> None:
        """Forget a report of which a page cannot be read."""
        self._read.pop(path, None)

    def add(self, member: str, reader: BinaryIO, dated_at: datetime | None = None) -> PageImageReport | None:
        """Read a page. Return the report when this was the last one missing. Raises what the reader raises."""
        path = self._path_of[member]
        if path not in self._read:
            return None
        content = reader.read(max(0, self._limit - self._size[path]) + 1)
        self._size[path] += len(content)
        if dated_at is not None:
            self._dates[path].append(dated_at)
        self._read[path][member] = content if self._size[path] <= self._limit else b""
        if len(self._read[path]) < len(self._groups[path]):
            return None
        pages = self._read.pop(path)
        images = [(name, pages[name]) for name in self._groups[path]]
        return PageImageReport(path, images, self._size[path], max(self._dates[path], default=None))
