"""A watcher as a process of its own, without workers.

``python -m tests.ingest.watching DATABASE STORE INBOX [poll] [quiet=1] [patience=2] [poison=NAME]``; a file of that name ends it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

from database.session import make_engine
from ingest.archives.limits import Limits
from ingest.watching.heartbeat import watch
from ingest.watching.inbox import open_inboxes
from ingest.watching.watcher import FolderWatcher, WatchContext, WatchPace
from runtime import log
from runtime.failpoints import listen
from runtime.settings import load_settings
from runtime.store import Store

REPOSITORY = Path(__file__).resolve().parents[2]
DEFAULT_LIMITS = Limits()
QUICK: dict[str, float] = {"quiet": 0.3, "patience": 1.5, "rescan": 1.0, "canary": 0.0, "sync": 0.5, "beat": 0.5, "stale": 3.0}


def watcher(
    database: str,
    store: str,
    inbox: Path,
    *,
    polls: bool = False,
    number: int = 0,
    limits: Limits = DEFAULT_LIMITS,
    **pace: Any,
) -> FolderWatcher:
    """A watcher with short times."""
    context = WatchContext(make_engine(database), Store(store), limits, lambda _: None, "test")
    (opened,) = open_inboxes([str(inbox)], forbidden=[])
    return FolderWatcher(opened, context, WatchPace(**{**QUICK, **pace}), polls=polls, number=number)


def start(database: str, store: str, inbox: Path, *more: str, **environment: str) -> subprocess.Popen[bytes]:
    """Start the process."""
    command = [sys.executable, "-m", "tests.ingest.watching", database, store, str(inbox), *more]
    return subprocess.Popen(command, cwd=REPOSITORY, env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environment})


def _die(name: str, point: str, subject: object) -> None:
    """End this process when it begins to read a file of this name."""
    if point == "before_read" and os.path.basename(str(subject)) == name:
        os.kill(os.getpid(), signal.SIGKILL)


def main(database: str, store: str, inbox: str, *more: str) -> None:
    """Watch until told to stop."""
    log.configure(load_settings().model_copy(update={"log_level": "WARNING"}))
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    words = [word.partition("=") for word in more]
    pace = {name: float(value) for name, _, value in words if value and name != "poison"}
    for word in more:
        if word.startswith("poison="):
            listen(partial(_die, word.partition("=")[2]))
    made = watcher(database, store, Path(inbox), polls="poll" in more, **pace)
    watch([made], make_engine(database), stop)


if __name__ == "__main__":
    main(*sys.argv[1:])
