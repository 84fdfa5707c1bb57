"""A watched folder: what in it is ours, how a file is claimed, and where it goes when it was registered. Nothing is ever deleted.

::

    inbox/
      江苏省/淮安市/….pdf      what people put in
      .gongkai/taken/<round>/   claimed, on the way into the books; folders of page images in <round>f/
      .gongkai/gathering/       page images that lay in the inbox itself, and volumes, for the moment of their claiming
      .gongkai/tries/           how often a claimed file was taken up by a process that ended
      done/<day>/               registered
      failed/<code>/            refused or failed, each with a note beside it
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import stat
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from urllib.parse import quote, unquote

import msgspec

from codebook import data
from codebook.errors import UsageError
from codebook.records import Record
from ingest.files.walk import Note, walk
from ingest.names import is_junk, is_picture, shown
from runtime.failpoints import fail_here
from runtime.private import share_folder

MANIFEST = "manifest.csv"
NOTE_SUFFIX = ".gongkai.txt"
_OWN = ".gongkai"
_DONE, _FAILED = "done", "failed"
_FOLDERS = "f"  # at the end of the names of rounds
_NAME_BYTES = 255
_LAST_DAYS = 3  # in which the page of a folder that comes in later is looked for
# What rename(2) says when the new name of a folder belongs to something.
_NAME_TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)
# What systems say that have no hard links, or allow none to a file of somebody else.
_NO_LINKS = (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK, errno.EINVAL)


class InboxWords(Record, frozen=True):
    """The texts of notes.yaml."""

    note: str
    marker: str


def words() -> InboxWords:
    """The texts that are written into inboxes."""
    return msgspec.yaml.decode(data.read("notes.yaml"), type=InboxWords)


class Inbox:
    """One watched folder; ``root`` is its real path. Use :func:`open_inbox`. ``ignore``: name patterns in lower case."""

    def __init__(self, root: str, ignore: Sequence[str] = ()) -> None:
        self.root = root
        self.ignore = tuple(ignore)
        self.taken = os.path.join(root, _OWN, "taken")
        self.failed = os.path.join(root, _FAILED)
        self._gathering = os.path.join(root, _OWN, "gathering")
        self._marker = os.path.join(root, _OWN, "inbox")

    def is_ours(self, path: str) -> bool:
        """Return whether a path in the inbox lies in one of our own folders."""
        return self.relative(path).split(os.sep, 1)[0] in (_OWN, _DONE, _FAILED)

    def wants(self, path: str) -> bool:
        """Return whether a file with this path is one to be taken: not ours, not hidden or temporary, no manifest, no note."""
        inner = self.relative(path)
        return not (self.is_ours(path) or self._is_passed_over(os.path.basename(inner)) or is_junk(inner, self.ignore))

    @staticmethod
    def _is_passed_over(name: str) -> bool:
        return name.lower() == MANIFEST or name.lower().endswith(NOTE_SUFFIX)

    def relative(self, path: str) -> str:
        """A path as seen from the inbox."""
        return os.path.relpath(path, self.root)

    def is_there(self) -> bool:
        """Return whether the folder is the one that was opened: a network folder that is not mounted is an empty one."""
        return os.path.exists(self._marker)

    # ---- claiming ----

    def claim(self, path: str, round_name: str) -> str | None:
        """Take a file or folder out of everybody's reach with one rename. Return where it lies then; None when another was
        faster.

        Raises OSError when it cannot be done, also when a link leads out of the inbox on the way.
        """
        parent = os.path.dirname(path)
        if os.path.realpath(parent) != parent:
            raise OSError(errno.ELOOP, "a symbolic link on the way", path)
        target = os.path.join(self.taken, round_name, self.relative(path))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        try:
            os.rename(path, target)
        except FileNotFoundError:
            return None
        return target

    def gather(self, names: Iterable[str], round_name: str) -> str:
        """Claim files that lie in the inbox itself as one folder, in a round of its own. Return where it lies then.

        What is gone is left out; a process that ends meanwhile leaves them for :meth:`scatter`. Raises OSError.
        """
        held = os.path.join(self._gathering, round_name)
        os.makedirs(held)
        for name in names:
            with suppress(FileNotFoundError):
                os.rename(os.path.join(self.root, name), os.path.join(held, name))
            fail_here("after_gather", name)
        target = os.path.join(self.taken, round_name)
        os.rename(held, target)
        return target

    def gather_volumes(self, lead: str, names: Iterable[str], round_name: str) -> str | None:
        """Claim the volumes of an archive, ``lead`` (a path) and files beside it, as one folder of its name, in a round
        of its own.

        Return where it lies then; None when another watcher was faster: who has the lead gets the others too. As :meth:`gather`
        otherwise.
        """
        held = os.path.join(self._gathering, round_name)
        inside = os.path.join(held, self.relative(lead))
        os.makedirs(inside)
        folder, first = os.path.split(lead)
        try:
            os.rename(lead, os.path.join(inside, first))
        except OSError as error:
            for empty in _up_to(inside, self._gathering):
                os.rmdir(empty)
            if isinstance(error, FileNotFoundError):
                return None
            raise
        fail_here("after_gather", first)
        for name in names:
            if name == first:
                continue
            with suppress(FileNotFoundError):
                os.rename(os.path.join(folder, name), os.path.join(inside, name))
            fail_here("after_gather", name)
        target = os.path.join(self.taken, round_name)
        os.rename(held, target)
        return os.path.join(target, self.relative(lead))

    def gatherings(self) -> list[str]:
        """The names of the rounds whose gathering did not come to its end."""
        return sorted(_listed(self._gathering))

    def scatter(self, round_name: str) -> None:
        """Put back what was being gathered."""
        held = os.path.join(self._gathering, round_name)
        for folder, _, names in os.walk(held, topdown=False):
            above = os.path.dirname(os.path.relpath(folder, held))  # of volumes: their folder is ours
            for name in sorted(names):
                with suppress(FileNotFoundError):  # another watcher was faster
                    _move(self.root, os.path.join(folder, name), self.root, os.path.join(above, name))
            with suppress(OSError):
                os.rmdir(folder)

    def rounds(self) -> list[str]:
        """The names of the rounds in which claimed files lie."""
        try:
            return sorted(os.listdir(self.taken))
        except FileNotFoundError:
            return []

    def claimed(self, round_name: str) -> Iterator[tuple[str, str]]:
        """What was claimed in a round, files or (see :func:`round_of_folders`) folders: where each lies, and its path inside the
        inbox.
        """
        top = os.path.join(self.taken, round_name)
        for folder, folders, names in os.walk(top):
            whole = round_name.endswith(_FOLDERS) and bool(names)
            if whole:
                folders.clear()
            for path in [folder] if whole else [os.path.join(folder, name) for name in sorted(names)]:
                yield path, os.path.relpath(path, top)

    def contents(self, staged: str) -> tuple[list[str], list[str]]:
        """Return the pictures in a claimed folder, in order, and the other files in it or below that are to be taken."""
        pages: list[str] = []
        others: list[str] = []
        for found in walk([staged]):
            inner = os.path.relpath(found.path, staged)
            if found.note is None and not self._is_passed_over(os.path.basename(inner)) and not is_junk(inner, self.ignore):
                (pages if os.sep not in inner and is_picture(inner) else others).append(found.path)
        return pages, others

    def close_round(self, round_name: str) -> None:
        """Remove the empty folders of a round; one that holds files stays."""
        top = os.path.join(self.taken, round_name)
        for folder, _, _ in os.walk(top, topdown=False):
            try:
                os.rmdir(folder)
            except OSError:  # something lies in it still, or another watcher was faster
                continue

    # ---- counting tries ----

    def _mark_of(self, staged: str) -> str:
        name = hashlib.sha256(os.fsencode(os.path.relpath(staged, self.taken))).hexdigest()[:40]
        return os.path.join(self.root, _OWN, "tries", name)

    def begin_try(self, staged: str, who: str, is_gone: Callable[[str], bool]) -> int:
        """Note that ``who`` takes up a claimed file that was found again. Return for how many times that is.

        The first time, when it was claimed, leaves no note. A note stays when the process ends before :meth:`end_try`; only those
        of processes that are gone count, since two may take up one file at a time.
        """
        mark = self._mark_of(staged)
        folder, name = os.path.split(mark)
        os.makedirs(folder, exist_ok=True)
        others = {unquote(owner) for found in _listed(folder) if (owner := found.removeprefix(f"{name}.")) != found} - {who}
        Path(_owned(mark, who)).touch()
        return 2 + sum(map(is_gone, others))

    def end_try(self, staged: str, who: str) -> None:
        """Forget this try of a file: the process that took it up is still there."""
        with suppress(FileNotFoundError):
            os.unlink(_owned(self._mark_of(staged), who))

    def forget_tries(self, staged: str) -> None:
        """Forget all tries of a file: it is where it belongs."""
        folder, name = os.path.split(self._mark_of(staged))
        for found in _listed(folder):
            if found.startswith(f"{name}."):
                with suppress(FileNotFoundError):
                    os.unlink(os.path.join(folder, found))

    # ---- filing ----

    def file_done(self, staged: str, inner: str) -> str:
        """Move a registered file, or folder, to ``done/<day>/``. Return where it lies."""
        return _move(self.root, staged, os.path.join(self.root, _DONE, date.today().isoformat()), self._named(inner))

    def file_failed(self, staged: str, inner: str, code: str) -> str:
        """Move a refused file, or folder, to ``failed/<code>/``. Return where it lies."""
        return _move(self.root, staged, os.path.join(self.failed, code), self._named(inner))

    def _named(self, inner: str) -> str:
        """A path inside the inbox; of the inbox itself its name."""
        return os.path.basename(self.root) if inner == os.curdir else inner

    def file_away(self, path: str, inner: str, code: str | None) -> str:
        """Move what was registered, or (with a code) refused. Return where it lies."""
        return self.file_done(path, inner) if code is None else self.file_failed(path, inner, code)

    def filed_names(self, inner: str) -> list[str]:
        """The names in the folders ``done/<day>/inner`` of the last days."""
        done = os.path.join(self.root, _DONE)
        return [name for day in sorted(_listed(done))[-_LAST_DAYS:] for name in _listed(os.path.join(done, day, inner))]

    def folder_for(self, code: str, inner: str) -> str:
        """The folder under ``failed/<code>/`` for what came in at ``inner``; it is made."""
        return _folder(self.root, os.path.join(self.failed, code), os.path.dirname(inner))


def _owned(mark: str, who: str) -> str:
    """The path of the note of one process."""
    return f"{mark}.{quote(who, safe='')}"


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _up_to(folder: str, top: str) -> Iterator[str]:
    """A folder and those around it, as far as they lie in ``top``."""
    while folder != top:
        yield folder
        folder = os.path.dirname(folder)


def round_of_folders(round_name: str) -> str:
    """The round in which folders are claimed that are taken as they are."""
    return round_name + _FOLDERS


def _move(root: str, source: str, top: str, inner: str) -> str:
    """Move a file or folder to ``top/inner``, or beside what lies there already. Return where. Nothing is ever replaced."""
    folder = _folder(root, top, os.path.dirname(inner))
    stem, suffix = os.path.splitext(os.path.basename(inner))
    for number in itertools.count(1):
        target = os.path.join(folder, fitted(stem, f" ({number}){suffix}" if number > 1 else suffix))
        try:
            _rename_beside(source, target)
        except FileExistsError:
            continue
        return target
    raise AssertionError("unreachable: counting does not end")


def _rename_beside(source: str, target: str) -> None:
    """Rename without replacing what has the new name. Raises FileExistsError.

    A file gets its second name first, and loses the first one then. A kill between the two leaves both names on one file, which
    is noticed the next time. A folder can have one name only; its rename fails where the name belongs to a file or to a folder
    that holds something, and takes the name of an empty folder (rename(2)).
    """
    if os.path.isdir(source):
        try:
            os.rename(source, target)
        except OSError as error:
            if error.errno not in _NAME_TAKEN:
                raise
            raise FileExistsError(error.errno, "a file, or a folder that is not empty, has this name", target) from error
        return
    try:
        os.link(source, target)
    except FileExistsError:
        if not os.path.samefile(source, target):
            raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _rename_held(source, target)
        return
    os.unlink(source)


def _rename_held(source: str, target: str) -> None:
    """The same where files cannot have two names: an empty file of our own holds the name until the rename replaces it."""
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    try:
        os.rename(source, target)
    except BaseException:
        os.unlink(target)
        raise


def _folder(root: str, top: str, inner: str) -> str:
    """``top/inner`` as a folder, open to all who can use ``root``; beside it (``top (2)/inner``) where a file is in the way."""
    parts = [fitted(part) for part in inner.split(os.sep) if part not in ("", ".", "..")]
    for number in itertools.count(1):
        folder = os.path.join(f"{top} ({number})" if number > 1 else top, *parts)
        try:
            os.makedirs(folder, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            continue
        share_folder(folder, root)
        return folder
    raise AssertionError("unreachable: counting does not end")


def fitted(name: str, suffix: str = "") -> str:
    """``name + suffix``, the name cut where both are longer than a name may be (255 bytes)."""
    room = _NAME_BYTES - len(os.fsencode(suffix))
    raw = os.fsencode(name)
    if len(raw) <= room:
        return name + suffix
    while room and raw[room] & 0xC0 == 0x80:  # not inside a character
        room -= 1
    return os.fsdecode(raw[:room]) + suffix


# ---- opening ------------------------------------------------------------


def open_inboxes(paths: Sequence[str], *, forbidden: Iterable[Path], ignore: Sequence[str] = ()) -> list[Inbox]:
    """Look at the folders that are to be watched, and make our own folders in them.

    ``forbidden`` are the data folder and the local store, which no inbox may hold or lie in. Raises UsageError for what cannot
    be watched: no folder, read-only, inside (or around) one of those or another inbox, a link that leads out, or a folder
    ``done`` or ``failed`` of somebody else.
    """
    if not paths:
        raise UsageError("no folders given; expected folders to watch")
    closed = [(str(place.resolve()), "the data folder or the store (GONGKAI_HOME, GONGKAI_STORE_URL)") for place in forbidden]
    inboxes = []
    for path in paths:
        root = os.path.realpath(path)
        for other, called in closed:
            if _within(root, other) or _within(other, root):
                raise UsageError(f"{shown(path)}: lies in or around {called}, {shown(other)}; expected a folder apart from it")
        closed.append((root, "another watched folder"))
        inboxes.append(_open(path, Inbox(root, [pattern.lower() for pattern in ignore])))
    return inboxes


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _open(path: str, inbox: Inbox) -> Inbox:
    if not os.path.isdir(inbox.root):
        raise UsageError(f"{shown(path)}: no such folder; expected one to watch")
    if not inbox.is_there():
        for name in (_DONE, _FAILED):
            if os.path.lexists(os.path.join(inbox.root, name)):
                raise UsageError(f"{shown(path)}: holds {name!r}, a name that is ours in a watched folder; expected it elsewhere")
    for found in walk([inbox.root], leave=inbox.is_ours):
        if found.note is Note.LINK and not _within(os.path.realpath(found.path), inbox.root):
            raise UsageError(f"{found.shown}: a symbolic link out of the watched folder; expected files, or links inside it")
    try:
        _prepare(inbox)
    except OSError as error:
        raise UsageError(f"{shown(path)}: {error.strerror or error}; expected a folder that can be written to") from error
    return inbox


def _prepare(inbox: Inbox) -> None:
    """Make our folders, and prove with a file that claiming works. Raises OSError."""
    os.makedirs(inbox.taken, exist_ok=True)
    if os.path.realpath(inbox.taken) != inbox.taken or not stat.S_ISDIR(os.lstat(inbox.taken).st_mode):
        raise OSError(errno.ELOOP, f"{_OWN} is a symbolic link")
    name = f".gongkai-probe-{uuid.uuid4().hex}"
    probe, moved = Path(inbox.root, name), Path(inbox.taken, name)
    probe.write_bytes(b"probe")
    try:
        os.rename(probe, moved)
    except OSError:
        probe.unlink()
        raise
    moved.unlink()
    if not inbox.is_there():
        Path(inbox.root, _OWN, "inbox").write_text(words().marker, encoding="utf-8")
