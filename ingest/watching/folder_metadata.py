"""What the place of a file in a watched folder says of it.

The first folder is the name of a batch, unless it is a division of China; the folders that follow are the region, as far as they
lead down from one division to the next. A ``manifest.csv`` speaks of the files in its folder and below; the nearest one counts.

>>> place("2024年报/江苏省/淮安市/附件/a.pdf")
Place(batch='2024年报', region=('江苏省', '淮安市'))
>>> place("江苏省/淮安市/a.pdf")
Place(batch=None, region=('江苏省', '淮安市'))
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import NamedTuple

from codebook.errors import UsageError
from codebook.regions import load_regions
from ingest.files.fingerprint import FileSnapshot
from ingest.lists.manifest import Manifest
from ingest.names import shown
from ingest.watching.inbox import MANIFEST
from ingest.watching.stability import look
from runtime.log import get_logger

log = get_logger(__name__)

_BATCH_NAME = 200


class FolderPlace(NamedTuple):
    """The batch that a folder names (None: none does), and the region from the province down."""

    batch: str | None
    region: tuple[str, ...]


def place(inner: str) -> FolderPlace:
    """Return what the folders of a path inside the inbox say. A name that fits several divisions (鼓楼区) says nothing."""
    regions = load_regions()
    folders = tuple(inner.split(os.sep)[:-1])
    batch = None
    if folders and not regions.named(folders[0]):
        batch, folders = shown(folders[0])[:_BATCH_NAME], folders[1:]
    for end in range(len(folders), 0, -1):
        division = regions.chain(folders[:end])
        if division is not None:
            return FolderPlace(batch, division.chain)
    return FolderPlace(batch, ())


class _Known:
    """A manifest file as it was last seen, and what was read from it (None: it cannot be used)."""

    def __init__(self, snapshot: FileSnapshot, since: float) -> None:
        self.snapshot, self.since = snapshot, since
        self.read = False
        self.manifest: Manifest | None = None


class Manifests:
    """The manifests of an inbox. One that is still being written holds the files up of which it speaks.

    ``load`` reads one, or raises UsageError; ``problem`` gets the path of a manifest that was read, and why it cannot be used
    (None: it can).
    """

    def __init__(
        self,
        root: str,
        quiet: float,
        problem: Callable[[str, str | None], None],
        load: Callable[[str], Manifest],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._root, self._quiet, self._problem, self._clock = root, quiet, problem, clock
        self._known: dict[str, _Known] = {}

    def of(self, inner: str, claimed: str | None = None) -> tuple[Manifest | None, bool]:
        """The manifest that speaks of the file at ``inner``, and whether it may be used already (False: wait).

        One that lies in the folder ``claimed``, and so was claimed with it, goes first.
        """
        if claimed is not None and (known := self._look(path := os.path.join(claimed, MANIFEST))) is not None:
            return self._read(path, known), True
        folder = os.path.dirname(inner)
        while True:
            path = os.path.join(self._root, folder, MANIFEST)
            known = self._look(path)
            if known is not None:
                if self._clock() - known.since < self._quiet:
                    return None, False
                return self._read(path, known), True
            if not folder:
                return None, True
            folder = os.path.dirname(folder)

    def _look(self, path: str) -> _Known | None:
        snapshot = look(path)
        if snapshot is None:
            self._known.pop(path, None)
            return None
        known = self._known.get(path)
        if known is None or known.snapshot != snapshot:
            known = self._known[path] = _Known(snapshot, self._clock())
        return known

    def _read(self, path: str, known: _Known) -> Manifest | None:
        if not known.read:
            known.read = True
            try:
                known.manifest = self._load(path)
                self._problem(path, None)
            except UsageError as error:
                self._problem(path, str(error))
            for problem in known.manifest.problems if known.manifest else ():
                log.warning("a part of a manifest is not used", path=shown(path), problem=problem)
        return known.manifest
