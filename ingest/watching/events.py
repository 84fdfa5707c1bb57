"""What the system tells of changes in a folder, and where it tells nothing."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable

import psutil
import watchfiles

from runtime.log import get_logger

log = get_logger(__name__)

_NETWORK = ("nfs", "cifs", "smb", "9p", "afs", "ceph", "glusterfs", "lustre", "fuse.", "davfs", "vboxsf", "prl_fs", "drvfs")


def file_system(path: str) -> str:
    """The type of the file system that holds ``path``; empty when it is not known."""
    mounts = [(mount.mountpoint, mount.fstype) for mount in psutil.disk_partitions(all=True)]
    holding = [(len(point), kind) for point, kind in mounts if path == point or path.startswith(point.rstrip(os.sep) + os.sep)]
    return str(max(holding)[1]) if holding else ""


def is_network(path: str) -> bool:
    """Return whether other machines may change ``path`` without this one being told."""
    return file_system(path).lower().startswith(_NETWORK)


class Events(threading.Thread):
    """Puts the paths of what was added or changed below ``root`` into ``paths``, until ``stop`` is set.

    ``over`` is set when the system tells no more (too many folders for it, or the folder is gone): then looking has to do.
    """

    def __init__(self, root: str, wanted: Callable[[str], bool], stop: threading.Event, paths: queue.SimpleQueue[str]) -> None:
        super().__init__(name="events", daemon=True)
        self._root, self._wanted, self._stop_event, self._paths = root, wanted, stop, paths
        self.over = threading.Event()

    def run(self) -> None:
        """Watch, without ever following what the events say: they are hints."""
        try:
            changes = watchfiles.watch(
                self._root,
                watch_filter=lambda change, path: change is not watchfiles.Change.deleted and self._wanted(path),
                debounce=400,
                step=50,
                rust_timeout=1000,
                stop_event=self._stop_event,
                raise_interrupt=False,
                force_polling=False,
                ignore_permission_denied=True,
            )
            for some in changes:
                for _, path in some:
                    self._paths.put(path)
        except Exception as error:  # noqa: BLE001 (whatever stops the events, the looks go on)
            log.warning("no more events; looking takes their place", folder=self._root, error=f"{type(error).__name__}: {error}")
        self.over.set()
