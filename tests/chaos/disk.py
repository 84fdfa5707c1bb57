"""A file system of a few MiB that can be filled, and given room again."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


class SmallDisk:
    """A file system of its own under ``folder``. Raises PermissionError where it cannot be mounted (root only)."""

    def __init__(self, folder: Path, mib: int) -> None:
        self.folder = folder
        command = ["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=777", "none", str(folder)]
        done = subprocess.run(command, check=False, capture_output=True)
        if done.returncode:
            raise PermissionError("a small file system can be mounted by root only")
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Take all the room that is left."""
        with self._ballast.open("ab", buffering=0) as file:
            for size in (65536, 4096):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    continue

    def spare(self, size: int) -> None:
        """Give back this many bytes of what was taken."""
        os.truncate(self._ballast, self._ballast.stat().st_size - size)

    def free(self) -> None:
        """Give it back."""
        self._ballast.unlink(missing_ok=True)

    def close(self) -> None:
        """Take the file system away."""
        subprocess.run(["umount", "--lazy", str(self.folder)], check=False)
