"""What this program writes is for its own user alone: the home folder 0700, new files 0600."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runtime.settings import Settings

UMASK = 0o077
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
# By these a folder is known as a home of ours: an older version made them readable by all.
_OURS = ("gongkai.db", "originals", "log", "run")


def keep_private(settings: Settings) -> None:
    """Let this process, and those that it starts, write for its own user alone; close a home folder that is open to others.

    Every entry point calls it first. A home that belongs to another user stays as it is: `gongkai doctor` reports it.
    """
    os.umask(UMASK)
    home = settings.home
    if is_open(home) and home.stat().st_uid == os.getuid() and any((home / name).exists() for name in _OURS):
        home.chmod(stat.S_IMODE(home.stat().st_mode) & ~_OTHERS)


def make_home(settings: Settings) -> Path:
    """Make the home folder, for its own user alone, and return it."""
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return settings.home


def is_open(path: Path) -> bool:
    """Return whether others than its owner may do anything with what lies at ``path``; False when nothing does."""
    try:
        return bool(stat.S_IMODE(path.stat().st_mode) & _OTHERS)
    except OSError:
        return False


def open_places(settings: Settings) -> Iterator[Path]:
    """The places with data that others can reach: the home folder, and a store in a folder outside of it."""
    if is_open(settings.home):
        yield settings.home
    folder = settings.store.removeprefix("file://")
    if "://" not in folder and not Path(folder).is_relative_to(settings.home) and is_open(Path(folder)):
        yield Path(folder)


def share_folder(folder: str, top: str) -> None:
    """Open ``folder``, and those between it and ``top``, to all who can use ``top``: it is a folder of other people, who must
    find there what becomes of their files. A file system that keeps no modes keeps its own.
    """
    mode, place = stat.S_IMODE(os.stat(top).st_mode), folder
    while place != top and place.startswith(f"{top.rstrip(os.sep)}{os.sep}"):
        _open_to(place, mode)
        place = os.path.dirname(place)


def share_file(file: str, top: str) -> None:
    """Let all who can use the folder ``top`` read and write ``file`` as they do the folder."""
    _open_to(file, stat.S_IMODE(os.stat(top).st_mode) & 0o666)


def _open_to(path: str, mode: int) -> None:
    with contextlib.suppress(PermissionError, NotImplementedError):  # of somebody else, who has set it
        if stat.S_IMODE(os.stat(path).st_mode) != mode:
            os.chmod(path, mode)
