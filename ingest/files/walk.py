"""Which files are meant by the paths on a command line: all of them, in an order that a person would expect, and no others."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import chain

from codebook.records import Record
from ingest.archives.volume_sets import volume_sets
from ingest.files.saved_pages import folders_of_pages
from ingest.names import is_junk, is_named_like_a_document, is_picture, natural, shown


class Note(StrEnum):
    """What was met that is no file to be read."""

    IGNORED = "ignored"  # hidden or temporary
    LINK = "link"  # a symbolic link inside a folder; it is not followed
    SPECIAL = "special"  # pipe, socket, device
    EMPTY_FOLDER = "empty folder"  # named like a document (a folder "report.pdf"), with nothing in it
    UNREADABLE = "unreadable"  # no permission, or gone
    SAVED_PAGE = "of a saved page"  # a folder that belongs to a web page next to it
    FOLDER = "folder"  # to be gone into; never given out


class Found(Record, frozen=True):
    """A file to be read, or (with a note) what was passed over. ``path`` is as the system has it, with surrogates for bytes;
    ``known_as`` is the path under which it came in where that is another.

    ``pages`` are the files, in order, of a folder whose pictures are the pages of one report; ``path`` is then the folder.
    ``volumes`` are the files, in order, of an archive in several; ``path`` is the one under which it is registered. Of a volume
    of an archive that is not whole, ``missing`` are the names of those that are not there. ``beside`` is the folder in which what
    a web page shows lies, where that is another than its own, ``parts`` the pictures of a web page: the address of each there,
    and its path.
    """

    path: str
    note: Note | None = None
    detail: str = ""
    pages: tuple[str, ...] = ()
    known_as: str | None = None
    volumes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    beside: str | None = None
    parts: tuple[tuple[str, str], ...] = ()

    @property
    def is_passed_over(self) -> bool:
        """Whether it is nothing that came in: junk, or a part of a saved page that the page brings with it."""
        return self.note in (Note.IGNORED, Note.SAVED_PAGE)

    @property
    def shown(self) -> str:
        """The path under which it came in as text that can be stored."""
        return shown(self.known_as or self.path)


OneReport = Callable[[str, Sequence[str]], bool]


def walk(
    paths: Iterable[str],
    one_report: OneReport = lambda _folder, _names: False,
    *,
    leave: Callable[[str], bool] = lambda _: False,
) -> Iterator[Found]:
    """The files under the given paths, folders recursively and in natural order, a relative path staying relative.

    A path that is given itself is taken whatever its name is, and followed if it is a link. What is found inside a folder is
    passed over when it is junk or belongs to a saved page, and refused when it is a link or no ordinary file; it is given out
    with a note, so that it can be counted or registered. Only the names of one folder, and of those around it, are held at a
    time. ``one_report`` says of a folder without folders in it, with the names of its files, whether they are the pages of one
    report; ``leave`` of a path inside whether it is none of our business: it is not even given out. Raises FileNotFoundError
    for a given path that is not there.
    """
    for path in paths:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            yield from _folder(path, one_report, leave)
        else:
            yield Found(path) if stat.S_ISREG(mode) else Found(path, Note.SPECIAL)


def _folder(top: str, one_report: OneReport, leave: Callable[[str], bool]) -> Iterator[Found]:
    """A stack, not recursion: folders can be nested deeper than Python's calls."""
    open_folders: list[Iterator[Found]] = [_pages_or_all(top, one_report, leave)]
    while open_folders:
        found = next(open_folders[-1], None)
        if found is None:
            open_folders.pop()
        elif found.note is Note.FOLDER:
            open_folders.append(_pages_or_all(found.path, one_report, leave))
        else:
            yield found


def _pages_or_all(folder: str, one_report: OneReport, leave: Callable[[str], bool]) -> Iterator[Found]:
    """Yield what is in a folder, or the folder itself where it holds the pages of one report. Only files that are read count."""
    listed: list[Found] = []
    rest = _listing(folder, leave)
    if (first := next(rest, None)) is None:
        if is_named_like_a_document(folder):
            yield Found(folder, Note.EMPTY_FOLDER)
        return
    rest = chain([first], rest)
    for found in rest:
        listed.append(found)
        if found.note not in (None, Note.IGNORED) or (found.note is None and not is_picture(found.path)):
            break  # no folder of pages: nothing more of it need be held
    else:
        files = [found.path for found in listed if found.note is None]
        if len(files) > 1 and one_report(folder, [os.path.basename(path) for path in files]):
            yield Found(folder, pages=tuple(files))
            listed = [found for found in listed if found.note is not None]
    yield from listed
    yield from rest


def _listing(folder: str, leave: Callable[[str], bool]) -> Iterator[Found]:
    try:
        with os.scandir(folder) as entries:
            kinds = {entry.name: entry.is_file(follow_symlinks=False) for entry in entries}
    except OSError as error:
        yield Found(folder, Note.UNREADABLE, error.strerror or str(error))
        return
    names = sorted(kinds, key=natural)
    belonging = folders_of_pages(names)
    sets = volume_sets([name for name in names if kinds[name]])  # a folder or a link may have the name of a volume
    in_volumes = {one.lead: one.parts for one in sets if one.is_whole}
    others = {part for lead, parts in in_volumes.items() for part in parts if part != lead}
    missing = {part: one.missing for one in sets for part in one.parts if one.missing}
    for name in names:
        if name in others:
            continue
        path = os.path.join(folder, name)
        if leave(path):
            continue
        if is_junk(name):
            yield Found(path, Note.IGNORED)
            continue
        try:
            mode = os.lstat(path).st_mode
            detail = shown(os.readlink(path)) if stat.S_ISLNK(mode) else ""
        except OSError as error:
            yield Found(path, Note.UNREADABLE, error.strerror or str(error))
            continue
        note = _KINDS.get(stat.S_IFMT(mode), Note.SPECIAL)
        if note is None and name in in_volumes:
            yield Found(path, volumes=tuple(os.path.join(folder, part) for part in in_volumes[name]))
        else:
            note = Note.SAVED_PAGE if note is Note.FOLDER and name in belonging else note
            yield Found(path, note, detail, missing=missing.get(name, ()) if note is None else ())


_KINDS = {stat.S_IFREG: None, stat.S_IFDIR: Note.FOLDER, stat.S_IFLNK: Note.LINK}
