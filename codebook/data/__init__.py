"""The data files of the codebook, and the functions that read them. A subject that needs several files has a folder."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

_KINDS = (".yaml", ".csv")


class _Folder:
    """Where the data files lie. ``opened`` says that something was read there, so that it can no longer be changed."""

    def __init__(self) -> None:
        self.path: Traversable = files(__name__)
        self.opened = False

    def open(self) -> Traversable:
        self.opened = True
        return self.path


_folder = _Folder()


def use(folder: Path) -> None:
    """Read the data files from ``folder`` instead, for the rest of the process: to try out a form that is not yet in force.

    Raises RuntimeError when data were read before: what was made of them is kept, and the two would be mixed.
    """
    if _folder.opened:
        raise RuntimeError("the codebook was read before: choose its folder first")
    _folder.path = folder


def read(name: str) -> bytes:
    """Return the bytes of the data file ``name`` (a path below this folder, with ``/``). Raises FileNotFoundError if absent."""
    return _folder.open().joinpath(*name.split("/")).read_bytes()


def names(folder: str = "") -> list[str]:
    """Return the names of all data files, those of subfolders too, sorted; with ``folder``, of those below it."""
    return sorted(name for name in _below(_folder.open(), "") if name.startswith(f"{folder}/" if folder else ""))


def _below(folder: Traversable, prefix: str) -> Iterator[str]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _below(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(_KINDS):
            yield prefix + entry.name
