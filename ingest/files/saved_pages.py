"""Web pages that were saved with their pictures and scripts: the folder that belongs to a page holds no documents.

A folder belongs to a page that lies next to it: ``X_files`` to ``X.html``. The ends of such names stand in
``saved_pages.yaml``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import PurePosixPath

import msgspec

from codebook import data
from codebook.records import Record


class SavedPageNames(Record, frozen=True):
    """Ends of names: of saved pages, and of the folders that belong to them."""

    pages: tuple[str, ...]
    folders: tuple[str, ...]


@cache
def _ends() -> SavedPageNames:
    return msgspec.yaml.decode(data.read("saved_pages.yaml"), type=SavedPageNames)


def _plain(name: str) -> str:
    """A name for comparison: systems write the same one with composed or separate accents, and in either case."""
    return unicodedata.normalize("NFC", name).lower()


@lru_cache(maxsize=4096)
def pages_of(folder: str) -> tuple[str, ...]:
    """Return the names that the page of a folder with this name may have, for comparison (none for other folders).

    >>> pages_of("Report_files")[:2], pages_of("Report")
    (('report.html', 'report.htm'), ())
    """
    plain = _plain(folder)
    stems = [plain[: -len(end)] for end in _ends().folders if plain.endswith(end) and plain != end]
    return tuple(stem + end for stem in stems for end in _ends().pages)


def is_page(path: str) -> bool:
    """Return whether a file is a web page by its name."""
    return _plain(path).endswith(_ends().pages)


def is_page_of(page: str, folder: str) -> bool:
    """Return whether a file with the name ``page`` has a folder with the name ``folder``."""
    return _plain(page) in pages_of(folder)


def folder_ends() -> tuple[str, ...]:
    """The ends of the names of folders that belong to pages."""
    return _ends().folders


def folders_of_pages(names: Iterable[str]) -> frozenset[str]:
    """Return those of the names in one folder that are names of folders which belong to a page among them."""
    names = list(names)
    plain = {_plain(name) for name in names}
    return frozenset(name for name in names if any(page in plain for page in pages_of(name)))


def parts_of_pages(members: Iterable[str]) -> frozenset[str]:
    """Return those of the members of an archive (paths) that lie in a folder which belongs to a page of the archive."""
    paths = {member: PurePosixPath(member) for member in members}
    inside: dict[PurePosixPath, set[str]] = {}
    for path in paths.values():
        for entry in (path, *path.parents):
            if entry.name:
                inside.setdefault(entry.parent, set()).add(entry.name)
    belonging = {folder / name for folder, names in inside.items() for name in folders_of_pages(names)}
    return frozenset(member for member, path in paths.items() if not belonging.isdisjoint(path.parents))
