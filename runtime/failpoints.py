"""Places where a test can make a process die or stumble: ``GONGKAI_FAILPOINT=after_claim:kill``.

Without the setting a failpoint is one comparison with None.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Callable

from runtime.settings import load_settings


def _memory() -> None:
    raise MemoryError("failpoint")


def _full() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


_ACTIONS: dict[str, Callable[[], None]] = {
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "exit": lambda: os._exit(3),
    "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "hang": lambda: time.sleep(3600),
    "memory": _memory,
    "full": _full,
}


def fail_here(point: str) -> None:
    """Do what the setting ``failpoint`` asks for at this point: ``point:action``, or ``point:action:FILE`` for once only (it acts
    when FILE could be made); several with commas. Actions: kill, exit, stop, hang, memory, full.
    """
    wanted = load_settings().failpoint
    if wanted is None:
        return
    for one in wanted.split(","):
        name, action, *once = one.split(":", 2)
        if name == point and (not once or _made(once[0])):
            _ACTIONS[action]()


def _made(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True
