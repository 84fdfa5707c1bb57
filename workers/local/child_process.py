"""A child process that ends with its parent and can be started again, and the files that belong to it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NamedTuple

import psutil

from codebook.errors import GongkaiError
from runtime.log import get_logger

log = get_logger(__name__)

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0
"""A child that lived this long starts again with the first pause."""
_LOG_BYTES = 10_000_000
# Signals that others send: a child that they ended did not die of a fault of its own.
_FROM_OTHERS = (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGQUIT, -signal.SIGHUP)

# The kernel kills the child when the thread that started it is gone, however it went. 1 is PR_SET_PDEATHSIG; systems without
# prctl do without. Between fork and prctl the parent may have died already: then there is nothing to start for.
_TIE = """
import ctypes, os, signal, sys
try:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
except AttributeError:
    pass
if os.getppid() != int(sys.argv[1]):
    os._exit(0)
os.execv(sys.argv[2], sys.argv[2:])
"""


class Death(NamedTuple):
    """How a child ended: its exit code (negative: the signal), and the pause in seconds before the next start."""

    exit_code: int
    pause: float


class ChildProcess:
    """A child process with the policy by which it is started again.

    The pause before a restart doubles each time the child dies by itself. One that others killed starts again after the first
    pause, so that it does not stay away the longer the more often it is killed.
    """

    def __init__(self, name: str, command: Sequence[str], environment: dict[str, str], output: IO[bytes] | None) -> None:
        self.name = name
        self._command, self._environment, self._output = command, environment, output
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._pause = 0.0
        self._died: float | None = None
        self._hung = False

    def start(self, text: bytes | None = None) -> None:
        """Start the process; ``text`` is its standard input."""
        tied = [sys.executable, "-I", "-S", "-c", _TIE, str(os.getpid()), *self._command]
        self._started, self._died, self._hung = time.monotonic(), None, False
        self._process = subprocess.Popen(
            tied,
            env={**os.environ, **self._environment},
            stdin=subprocess.PIPE if text is not None else subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            start_new_session=True,  # Ctrl-C is for the parent, which then ends its children in order
        )
        if text is not None and self._process.stdin is not None:
            self._process.stdin.write(text)
            self._process.stdin.close()

    @property
    def pid(self) -> int | None:
        """The process' number, while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def age(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self._started

    def is_running(self) -> bool:
        """Return whether it runs."""
        return self.pid is not None

    def death(self) -> Death | None:
        """Return how it ended, once, when it is newly found dead."""
        if self._process is None or self._died is not None or self.is_running():
            return None
        self._died = time.monotonic()
        by_others = self._process.returncode in _FROM_OTHERS and not self._hung
        if by_others or self._died - self._started > STEADY_SECONDS:
            self._pause = FIRST_PAUSE_SECONDS
        else:
            self._pause = min(LONGEST_PAUSE_SECONDS, max(FIRST_PAUSE_SECONDS, 2 * self._pause))
        return Death(self._process.returncode, self._pause)

    def is_due(self) -> bool:
        """Return whether it is dead, and its pause is over."""
        return self._died is not None and time.monotonic() - self._died >= self._pause

    def kill_hung(self) -> None:
        """Kill it and all that it has started, because it hangs. It counts as having died by itself."""
        if self._process is None or not self.is_running():
            return
        self._hung = True
        family = [psutil.Process(self._process.pid), *psutil.Process(self._process.pid).children(recursive=True)]
        for member in family:
            if member.is_running():
                member.kill()
        self._process.wait()

    def ask_to_end(self) -> None:
        """Send SIGTERM."""
        if self.is_running() and self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def end(self, seconds: float) -> None:
        """Wait up to ``seconds`` for it to end, then kill it."""
        if self._process is None:
            return
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            log.warning("a part did not end and was killed", part=self.name, pid=self._process.pid)
            self._process.kill()
            self._process.wait()


def private_folder(folder: Path) -> Path:
    """Make ``folder`` for this user alone and return it. Raises GongkaiError ``store.unavailable`` when another user owns it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = folder.lstat()
    if folder.is_symlink() or state.st_uid != os.getuid():
        raise GongkaiError("store.unavailable", f"{folder} belongs to somebody else", "a folder of this user")
    folder.chmod(0o700)
    return folder


class LogFile:
    """A log file that children append to. It never grows far beyond 10 MB: what was before is kept in ``.log.1``."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self.output: IO[bytes] = path.open("ab")
        self.rotate()

    def rotate(self) -> None:
        """Move what a large file holds to ``.log.1``. The children keep the file open, so it is copied and then emptied: they go
        on at its new end, since they append. A line that is written in between is lost.
        """
        if os.fstat(self.output.fileno()).st_size > _LOG_BYTES:
            shutil.copyfile(self._path, self._path.with_suffix(".log.1"))
            os.truncate(self.output.fileno(), 0)

    def close(self) -> None:
        """Close it for this process."""
        self.output.close()
