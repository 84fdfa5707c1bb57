"""The data files of the codebook, and the functions that read them. A subject that needs several files has a folder."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

_KINDS = (".yaml", ".csv")


def read(name: str) -> bytes:
    """Return the bytes of the data file ``name`` (a path below this folder, with ``/``). Raises FileNotFoundError if absent."""
    return files(__name__).joinpath(*name.split("/")).read_bytes()


def names(folder: str = "") -> list[str]:
    """Return the names of all data files, those of subfolders too, sorted; with ``folder``, of those below it."""
    return sorted(name for name in _below(files(__name__), "") if name.startswith(f"{folder}/" if folder else ""))


def _below(folder: Traversable, prefix: str) -> Iterator[str]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _below(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(_KINDS):
            yield prefix + entry.name
