"""The files of a panel and its manifest, which names those that hold. Files are never changed."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_UN, flock
from pathlib import Path

import msgspec

from codebook.records import Record

LAYOUT = 5
"""Raised when columns or codes of reasons change: older panels are made again."""
_KEPT_SECONDS = 3_600.0  # that a file stays which no manifest names any more
_FILES = ("year-*.parquet", "figures-*.parquet", "sums-*.parquet", "contradictions-*.parquet")
_BEGUN = (*(f".{pattern}" for pattern in _FILES), "tmp*")


class PanelYear(Record, frozen=True):
    """The files of a year: ``file`` has the cells of its units, ``figures`` their derived indicators, ``sums`` those of regions,
    ``contradictions`` what governments state that cannot be right. ``units`` is how many units there are, ``digest`` that of what
    the files were made from.
    """

    file: str
    figures: str
    sums: str
    contradictions: str
    units: int
    digest: str

    @classmethod
    def named(cls, year: int, units: int, digest: str) -> PanelYear:
        """Return the files of a year with their usual names."""
        file, figures, sums, found = (f"{name}-{year}-{digest}.parquet" for name in ("year", "figures", "sums", "contradictions"))
        return cls(file, figures, sums, found, units, digest)

    @property
    def files(self) -> tuple[str, ...]:
        """The names of its files."""
        return (self.file, self.figures, self.sums, self.contradictions)


class PanelManifest(Record, frozen=True):
    """Which files hold. ``made_at`` is the ISO moment (UTC) at which the database was read, ``version`` changes with any file."""

    layout: int
    version: str
    made_at: str
    years: dict[int, PanelYear]

    @property
    def units(self) -> int:
        """Units of all years."""
        return sum(year.units for year in self.years.values())

    @property
    def files(self) -> set[str]:
        """The names of all files."""
        return {name for year in self.years.values() for name in year.files}


def manifest_of(folder: Path) -> PanelManifest | None:
    """Return the manifest of a panel; None where there is none, or one of another layout."""
    try:
        found = msgspec.json.decode((folder / "panel.json").read_bytes(), type=PanelManifest)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
    return found if found.layout == LAYOUT else None


def write_manifest(folder: Path, manifest: PanelManifest) -> None:
    """Put a manifest in the place of the one before, at once."""
    descriptor, name = tempfile.mkstemp(dir=folder)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(manifest))
    Path(name).replace(folder / "panel.json")


@contextmanager
def refreshing(folder: Path) -> Iterator[None]:
    """Wait until no other process refreshes the panel of a folder, and take away what one that was ended had begun."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        flock(lock, LOCK_EX)
        try:
            for pattern in _BEGUN:  # nobody else writes here now
                for path in folder.glob(pattern):
                    path.unlink(missing_ok=True)
            yield
        finally:
            flock(lock, LOCK_UN)


def drop_old(folder: Path, manifest: PanelManifest, before: PanelManifest | None) -> None:
    """Delete the files that no manifest has named for an hour: others may read them until they look at the manifest again."""
    for name in (before.files if before is not None else set()) - manifest.files:
        if (folder / name).exists():
            os.utime(folder / name)  # its hour begins
    for pattern in _FILES:
        for path in folder.glob(pattern):
            if path.name not in manifest.files and path.stat().st_mtime < time.time() - _KEPT_SECONDS:
                path.unlink()
