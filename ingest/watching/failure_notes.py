"""Notes beside what failed: ``failed/<code>/<path>.<document>.gongkai.txt`` says why, and what to do.

A file that was refused at registration is next to its note. What failed later is in ``done/`` and has a note only. When a failure
is dealt with, its note is deleted, and an original next to it moves to ``done/``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from codebook.errors import CODES
from database.intake.inboxes import FailedFile
from ingest.files.saved_pages import folders_of_pages, is_page_of
from ingest.names import unshown
from ingest.watching.inbox import NOTE_SUFFIX, Inbox, fitted, words
from runtime.language import in_chinese
from runtime.private import share_file

_NOTE = re.compile(rf"(.*)\.(\d+){re.escape(NOTE_SUFFIX)}", re.S)
_NUMBERED = re.compile(r" \(\d+\)$")


class _Key(NamedTuple):
    """What a note is about: code, folder inside the inbox, document."""

    code: str
    folder: str
    document_id: int


def inner_path(inbox: Inbox, path: str) -> str:
    """A stored path (as shown) as seen from the inbox."""
    return unshown(path)[len(inbox.root.rstrip(os.sep)) + 1 :]


def write_note(inbox: Inbox, failed: FailedFile, name: str | None = None) -> str:
    """Write the note of a failed file, beside ``name`` (default: the name that it had). Return where. Raises OSError."""
    inner = inner_path(inbox, failed.path)
    folder = inbox.folder_for(failed.code, inner)
    path = os.path.join(
        folder, fitted(name or os.path.basename(inner) or os.path.basename(inbox.root), f".{failed.document_id}{NOTE_SUFFIX}")
    )
    rule = CODES.get(failed.code)
    text = words().note.format(
        path=_line(failed.path),
        code=failed.code,
        meaning=rule.meaning if rule else "",
        found=_line(in_chinese(failed.message)),
        next_step=rule.next_step if rule else "",
        document=failed.document_id,
        when=failed.created_at.astimezone().isoformat(" ", "seconds"),
    )
    part = f"{path[: -len(NOTE_SUFFIX)]}.{os.getpid()}.part"
    with open(part, "w", encoding="utf-8") as file:
        file.write(text)
    share_file(part, inbox.root)
    os.replace(part, path)
    return path


def _line(text: str) -> str:
    """A text of a document on one line, without control characters."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def sync_notes(inbox: Inbox, failed: Callable[[], Iterable[FailedFile]]) -> tuple[int, int]:
    """Write the notes that are missing, and take away those of failures that are dealt with. Return how many of each.

    ``failed`` asks the database, after the folder was looked through: a note that is there is younger than its failure.
    """
    there = _notes(inbox)
    wanted = {}
    for file in failed():
        inner = inner_path(inbox, file.path)
        wanted[_Key(file.code, os.path.dirname(inner), file.document_id)] = file
    missing = [file for key, file in wanted.items() if key not in there]
    for file in missing:
        write_note(inbox, file)
    stale = [path for key, paths in there.items() if key not in wanted for path in paths]
    for path in stale:
        _settle(inbox, path)
    return len(missing), len(stale)


def _notes(inbox: Inbox) -> dict[_Key, list[str]]:
    found: dict[_Key, list[str]] = {}
    for path in _files(inbox.failed):
        match = _NOTE.fullmatch(os.path.basename(path))
        if match:
            code, _, folder = os.path.relpath(os.path.dirname(path), inbox.failed).partition(os.sep)
            found.setdefault(_Key(_NUMBERED.sub("", code), folder, int(match[2])), []).append(path)
    return found


def _files(top: str) -> Iterator[str]:
    for folder, _, names in os.walk(top):
        for name in names:
            yield os.path.join(folder, name)


def _is_claimed_folder(path: str) -> bool:
    """Return whether a folder is one of page images that was refused, and not one on the way to files that were."""
    try:
        with os.scandir(path) as entries:
            found = [(entry.is_file(), entry.name) for entry in entries]
    except (FileNotFoundError, NotADirectoryError):
        return False
    return bool(found) and all(is_file and not name.endswith(NOTE_SUFFIX) for is_file, name in found)


def _inner(inbox: Inbox, failed: str) -> str:
    """The path inside the inbox of what lies below ``failed/<code>``."""
    return os.path.relpath(failed, inbox.failed).partition(os.sep)[2]


def _settle(inbox: Inbox, note: str) -> None:
    """A failure is dealt with: its original, when it lies beside the note, goes to ``done/``, and the note goes."""
    match = _NOTE.fullmatch(os.path.basename(note))
    original = os.path.join(os.path.dirname(note), match[1]) if match else ""
    try:
        if os.path.isfile(original) or _is_claimed_folder(original):
            folder, name = os.path.split(original)
            for belonging in folders_of_pages(os.listdir(folder)):
                if is_page_of(name, belonging):
                    inbox.file_done(os.path.join(folder, belonging), _inner(inbox, os.path.join(folder, belonging)))
            inbox.file_done(original, _inner(inbox, original))
        os.unlink(note)
    except FileNotFoundError:  # another watcher was faster
        return
