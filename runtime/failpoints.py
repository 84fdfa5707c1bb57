"""Named points in the machine at which a test can make a process die, or learn that it got there.

A setting, ``GONGKAI_FAILPOINT=after_claim:kill``, makes a process fail from outside. A test that runs a process of its own adds
a listener (:func:`listen`). Without either, a failpoint costs two comparisons.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Callable

from runtime.settings import load_settings

Listener = Callable[[str, object], None]


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

_listeners: list[Listener] = []


def listen(listener: Listener) -> Callable[[], None]:
    """Call ``listener`` with (point, subject) whenever this process reaches a failpoint. Return a function that ends it.

    What the listener raises is raised at the failpoint.
    """
    _listeners.append(listener)
    return lambda: _listeners.remove(listener)


def fail_here(point: str, subject: object = None) -> None:
    """Run the listeners, then do what the setting ``failpoint`` asks for at this point.

    ``subject`` is what the process works on there, for listeners. The setting is ``point:action``, or ``point:action:FILE`` to
    act once only (when FILE could be created); several are separated by commas. Actions: kill, exit, stop, hang, memory, full.
    """
    for listener in _listeners:
        listener(point, subject)
    wanted = load_settings().failpoint
    if wanted is None:
        return
    for one in wanted.split(","):
        name, action, *once = one.split(":", 2)
        if name == point and (not once or _created(once[0])):
            _ACTIONS[action]()


def _created(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True
