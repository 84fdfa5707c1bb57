"""What in an inbox is taken together: page images that are one report, with their folder, a saved web page with its own, and the
volumes of an archive.

A folder of page images is claimed whole, with one rename, when it is quiet as a whole. The folder of a saved page goes where its
page goes, unread.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from codebook.records import Record
from ingest.archives.volume_sets import VolumeSet, may_be_volume, volume_sets, volumes_by_name
from ingest.files.fingerprint import FileSnapshot
from ingest.files.page_images import FIRST_YEAR, gaps
from ingest.files.saved_pages import folder_ends, folders_of_pages, is_page, is_page_of, pages_of
from ingest.files.walk import OneReport
from ingest.names import is_junk, is_picture, natural
from ingest.watching.canary import may_be_canary
from ingest.watching.inbox import Inbox
from ingest.watching.stability import FolderSnapshot, look, look_at, looks_whole, volumes_whole

_FEW = 10  # names in a folder, those of a system among them, where there may be a single picture
_NUMBER = re.compile(r"[0-9]{1,18}")


class Sight(Record, frozen=True):
    """How something looks that is taken together: the file or folder itself, and the folders that belong to it."""

    own: FileSnapshot | FolderSnapshot
    beside: tuple[FolderSnapshot, ...] = ()


class _FiledPages(NamedTuple):
    """Page images of a folder that was filed: when, by the clock, and where they lie."""

    since: float
    pages: tuple[str, ...]


class Together:
    """Says of the files of an inbox which are taken together. ``one_report`` decides as in :mod:`ingest.files.walk`; pages that
    come within ``patience`` (seconds) of those before them belong to these.

    What is read of folders is remembered until :meth:`begin_turn`.
    """

    def __init__(self, inbox: Inbox, one_report: OneReport, patience: float) -> None:
        self._inbox, self._one_report = inbox, one_report
        self._patience = patience
        self._pages: dict[str, list[str]] = {}
        self._filed: dict[str, _FiledPages] = {}
        self._split: set[str] = set()
        self._listed: dict[str, list[str]] = {}
        self._volumes: dict[str, dict[str, VolumeSet | None]] = {}
        self._folders: dict[str, list[str]] = {}
        self._in_rounds: dict[str, list[str]] = {}

    def begin_turn(self) -> None:
        """Look at folders again. Forget which were taken file by file and have no pictures now, and what was filed long ago."""
        self._pages.clear()
        self._listed.clear()
        self._volumes.clear()
        self._folders.clear()
        self._in_rounds.clear()
        now = time.monotonic()
        self._filed = {folder: filed for folder, filed in self._filed.items() if now - filed.since <= self._patience}
        self._split = {folder for folder in self._split if any(map(_is_page_image, _names(folder)))}

    # ---- settling ----

    def look(self, path: str) -> Sight | None:
        """Return how a file looks with the folder of a saved page, or a folder with all that is in it; None when it is gone."""
        if (held := self.volumes_of(path)) is not None:
            return self._look_at_volumes(path, held)
        own = self._look_at_top() if path == self._inbox.root else look_at(path)
        if own is None:
            return None
        stem, _ = os.path.splitext(path)
        folders = [f"{stem}{end}" for end in folder_ends()] if is_page(path) else []
        beside = [look_at(folder) for folder in folders]
        return Sight(own, tuple(each for each in beside if isinstance(each, FolderSnapshot)))

    @staticmethod
    def _look_at_volumes(path: str, held: VolumeSet) -> Sight | None:
        """The volumes of an archive; None for one that is not the lead of the others, which is looked at instead."""
        folder, name = os.path.split(path)
        seen = ((part, look(os.path.join(folder, part))) for part in sorted(held.parts))
        found = tuple((part, snapshot) for part, snapshot in seen if snapshot is not None)
        return Sight(FolderSnapshot(found)) if name == held.lead and found else None

    def _look_at_top(self) -> FolderSnapshot | None:
        """Only the pictures in the inbox itself."""
        found = (
            (name, look(os.path.join(self._inbox.root, name))) for name in sorted(_names(self._inbox.root)) if is_picture(name)
        )
        seen = tuple((name, snapshot) for name, snapshot in found if snapshot is not None)
        return FolderSnapshot(seen) if seen else None

    def is_whole(self, path: str) -> bool:
        """Return whether nothing shows that more is to come: each file is whole, no page is missing by its number, a picture is
        no page whose folder is only begun, the folder of a saved page has its page, and an archive all its volumes.
        """
        if os.path.isdir(path):
            return claimed_whole(path) and not gaps([name for name in _names(path) if is_picture(name)])
        folder, name = os.path.split(path)
        if (held := self.volumes_of(path)) is not None:
            return not held.missing and volumes_whole([os.path.join(folder, part) for part in held.parts])
        if may_be_volume(name) and not volumes_whole([path]):
            return False
        return looks_whole(path) and not self._is_begun(path) and self.folder_of_page(path) is None

    def _is_begun(self, path: str) -> bool:
        folder, name = os.path.split(path)
        numbers = [int(digits) for digits in _NUMBER.findall(os.path.splitext(name)[0])]
        years = range(FIRST_YEAR, date.today().year + 2)
        if folder == self._inbox.root or not is_picture(name) or not any(number not in years for number in numbers):
            return False
        alone = len(self._names(folder)) <= _FEW and self._contents(folder) == [name]
        return alone and not self.earlier(folder, [name])

    # ---- page images ----

    def leaves(self, path: str) -> bool:
        """Return whether a path is none of our business when a folder is looked at."""
        if not self._inbox.wants(path) or may_be_canary(path):
            return True
        return bool(pages_of(os.path.basename(path))) and self._has_page(path)

    def one_report(self, folder: str, names: Sequence[str]) -> bool:
        """Return whether files with these names in a folder are one report, unless others of it were taken one by one."""
        return folder not in self._split and self._one_report(folder, names)

    def unit_of(self, path: str) -> str | None:
        """Return the folder of page images with which a file is to be taken; None when it is taken by itself, as a folder is.

        The folder around it is looked at in any case, since it looks different afterwards.
        """
        folder = os.path.dirname(path)
        return folder if path != self._inbox.root and self.pages(folder) and is_picture(path) else None

    def pages(self, folder: str) -> list[str]:
        """Return the names of the page images in a folder, all of which are one report; of another folder none.

        A folder of which files were taken one by one is such a one as long as there are pictures in it: what is left of a mixed
        folder is no report.
        """
        if folder in self._split:
            return []
        if folder not in self._pages:
            names = self._contents(folder)
            one = names is not None and self._are_one(folder, names)
            self._pages[folder] = sorted(names, key=natural) if names and one else []
            if not one and names != [] and len(self._names(folder)) > 1:
                self._split.add(folder)
        return self._pages[folder]

    def _contents(self, folder: str) -> list[str] | None:
        """The names of the pictures in a folder; None where there is something else in it that concerns us."""
        if not any(map(_is_page_image, self._names(folder))):
            return []
        found = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if not self.leaves(entry.path):
                        if not (is_picture(entry.name) and entry.is_file(follow_symlinks=False)):
                            return None
                        found.append(entry.name)
        except (FileNotFoundError, NotADirectoryError):  # another watcher was faster
            return []
        return found

    def _names(self, folder: str) -> list[str]:
        if folder not in self._listed:
            self._listed[folder] = _names(folder)
        return self._listed[folder]

    def _are_one(self, folder: str, names: Sequence[str]) -> bool:
        return (len(names) > 1 and self._one_report(folder, names)) or bool(self.earlier(folder, names))

    def was_filed(self, folder: str, where: str, earlier: Sequence[str]) -> None:
        """A folder of page images lies at ``where`` now; it came after the pages ``earlier``, with which it was registered."""
        self._filed[folder] = _FiledPages(time.monotonic(), (*earlier, *(os.path.join(where, name) for name in _names(where))))

    def earlier(self, folder: str, names: Sequence[str]) -> list[str]:
        """Return where the pages lie that came in before those with these names, of the same folder and report, and not long ago:
        a copy that paused. None of them has the name of one that came now.
        """
        filed = self._filed.get(folder)
        if filed is None or not names or time.monotonic() - filed.since > self._patience:
            return []
        pages = [path for path in filed.pages if is_picture(path) and os.path.isfile(path)]
        before = [os.path.basename(path) for path in pages]
        return pages if set(before).isdisjoint(names) and self._one_report(folder, [*before, *names]) else []

    # ---- volumes ----

    def volumes_of(self, path: str) -> VolumeSet | None:
        """Return the volumes of the archive that a file in the inbox is one of; None for another file."""
        folder, name = os.path.split(path)
        if not may_be_volume(name):
            return None
        if folder not in self._volumes:
            self._volumes[folder] = volumes_by_name(_file_names(folder))
        known = self._volumes[folder]
        if name not in known and os.path.lexists(path) and not _is_file(path):
            return None  # a folder or a link that has the name of a volume
        return known[name] if name in known else volumes_by_name([*known, name])[name]

    # ---- saved pages ----

    def folder_of_page(self, path: str) -> str | None:
        """Return the folder, of those around a path, that by its name belongs to a saved page."""
        inner = os.path.dirname(self._inbox.relative(path))
        while inner:
            if pages_of(os.path.basename(inner)):
                return os.path.join(self._inbox.root, inner)
            inner = os.path.dirname(inner)
        return None

    def belongs_to_page(self, path: str) -> bool:
        """Return whether a path lies in the folder of a page that is in the inbox, or claimed and not filed yet."""
        inner = self._inbox.relative(path)
        while inner:
            folder = os.path.join(self._inbox.root, inner)
            if pages_of(os.path.basename(inner)) and os.path.isdir(folder) and self._has_page(folder):
                return True
            inner = os.path.dirname(inner)
        return False

    def _has_page(self, folder: str) -> bool:
        """The inbox is looked at first, then what is claimed: a page goes this way, and its folder leaves before it does."""
        above, name = os.path.split(folder)
        if name in folders_of_pages([name, *_names(above)]):
            return True
        if above not in self._in_rounds:
            inner = self._inbox.relative(above)
            self._in_rounds[above] = [
                other for one in self._inbox.rounds() for other in _names(os.path.join(self._inbox.taken, one, inner))
            ]
        return name in folders_of_pages([name, *self._in_rounds[above]])

    def folders_of(self, inner: str) -> list[str]:
        """Return the folders in the inbox that belong to the saved page that came in at ``inner``."""
        above, name = os.path.split(os.path.join(self._inbox.root, inner))
        if above not in self._folders:
            self._folders[above] = [
                other for other in _names(above) if pages_of(other) and os.path.isdir(os.path.join(above, other))
            ]
        return [os.path.join(above, other) for other in self._folders[above] if is_page_of(name, other)]


def claimed_whole(path: str) -> bool:
    """Return whether a file, or each picture in a folder, looks whole."""
    if not os.path.isdir(path):
        return looks_whole(path)
    return all(looks_whole(os.path.join(path, name)) for name in _names(path) if is_picture(name))


def _is_page_image(name: str) -> bool:
    return is_picture(name) and not is_junk(name)


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _file_names(folder: str) -> list[str]:
    """The names of the ordinary files in a folder."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
    except OSError:
        return []


def _is_file(path: str) -> bool:
    return os.path.isfile(path) and not os.path.islink(path)


def claimed_volumes(folder: str) -> VolumeSet | None:
    """Return the volumes that were claimed in a folder that has the name of their lead; None for another folder."""
    return next((one for one in volume_sets(_file_names(folder)) if one.lead == os.path.basename(folder)), None)
