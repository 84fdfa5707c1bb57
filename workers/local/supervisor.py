"""The supervisor: runs the parts of one machine, and restarts a part that died or shows no sign of life.

Pages that are pictures have a worker of their own, started when the first such page waits: a text document never waits for a
picture, and a machine without pictures pays nothing for them.

Of several supervisors with the same home folder one runs the parts; the others stand by, and the next takes over when it ends.
"""

from __future__ import annotations

import fcntl
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DBAPIError

from codebook.errors import GongkaiError
from codebook.stages import DOCUMENTS, OCR, RETRY
from database import ledger
from database.clock import now
from database.monitoring import measures
from database.session import make_engine, reading, run_transaction
from runtime import embedded_broker
from runtime.log import get_logger
from runtime.private import make_home
from runtime.settings import Settings
from workers.local.child_process import ChildProcess, LogFile, private_folder
from workers.notifier import RedisNotifier
from workers.rescuer import LookGap, rescuer_command
from workers.worker_command import MODULE, worker_command

log = get_logger(__name__)

_LOOK_SECONDS = 0.3
# How often the supervisor looks for work of a part that is not started yet, such as pages that are pictures.
_WORK_SECONDS = 1.0
# A part that just started loads its modules, and models, before it shows itself.
STARTUP_SECONDS = 120.0
# The broker is killed after this many looks without an answer.
_SILENT_LOOKS = 3

BROKER, WORKER, RESCUER, PICTURES = "redis", "worker", "rescuer", "pictures"

# Which sign of life a part shows in the database (database.monitoring.measures).
_SIGNS = {WORKER: "worker", PICTURES: "worker", RESCUER: "rescuer", "watcher": "watcher"}


class ExtraPart(NamedTuple):
    """A part that others bring: its name, the command and the environment additions that start it. With ``wanted`` it is started
    when the database first has work for it.
    """

    name: str
    command: Sequence[str]
    environment: dict[str, str]
    wanted: Callable[[Connection], bool] | None = None


class Supervisor:
    """Runs the parts of one machine in a thread. Use :func:`local_supervisor`.

    ``extras`` are started after the others and ended before them. ``report`` is called with a part's name and what became of it.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        module: str = MODULE,
        inherit_logs: bool = False,
        extras: Sequence[ExtraPart] = (),
        report: Callable[[str, str], None] = lambda *_: None,
    ) -> None:
        self.settings = settings.model_copy(update={"shutdown_seconds": min(5.0, settings.shutdown_seconds)})
        self._module = module
        self._inherit_logs = inherit_logs
        self._extras, self._report = tuple(extras), report
        self._parts: dict[str, ChildProcess] = {}
        self._logs: list[LogFile] = []
        self._stop = threading.Event()
        self._settled = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="supervisor")
        self._engine: Engine | None = None
        self._next_work_look = 0.0
        self._next_life_look = 0.0
        self._gap = LookGap(settings.stale_seconds / 2)
        self._broker_silent = 0
        self.owns = False

    def start(self) -> None:
        """Start the parts, or stand by where another process of the same home runs them. Raises what went wrong."""
        make_home(self.settings)
        self._thread.start()
        try:
            self._settled.wait()
        except BaseException:  # Ctrl-C meanwhile: the thread would keep this process, and its parts, for ever
            self.stop()
            raise
        if self._error is not None:
            self._thread.join()
            raise self._error

    def stop(self) -> None:
        """End all parts: asked first, killed later."""
        self._stop.set()
        self._thread.join()

    def runs(self) -> bool:
        """Return whether the parts are looked after; False after :meth:`stop`, or when it could not go on."""
        return self._thread.is_alive()

    def pids(self) -> dict[str, int]:
        """Return the processes that run here, by part: redis, worker, rescuer, and pictures once there are some."""
        return {name: part.pid for name, part in self._parts.items() if part.pid is not None}

    def healthy(self) -> bool:
        """Return whether the broker answers and a worker is alive, no matter who runs them."""
        engine = make_engine(self.settings.database, pooled=False)
        notifier = RedisNotifier(self.settings, engine)
        try:
            with reading(engine) as connection:
                alive = ledger.live_workers(connection, self.settings.stale_seconds)
            return bool(alive) and notifier.depths() is not None
        finally:
            notifier.close()

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
                        self._restart_dead()
                        self._look_for_work(stack)
                        self._look_for_life(stack)
                        for log_file in self._logs:
                            log_file.rotate()
                    self._stop.wait(_LOOK_SECONDS)
            except BaseException as error:  # noqa: BLE001 (handed to the thread that waits in start)
                self._error = error
                log.error("the supervisor stopped", error=f"{type(error).__name__}: {error}")
            finally:
                self._end_parts()
                self._settled.set()

    def _take_over(self, lock: IO[str], stack: ExitStack) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        self.owns = True
        if self.settings.broker_url is None:
            self._start_broker(stack)
        worker = ExtraPart(WORKER, *worker_command(self.settings, (DOCUMENTS, RETRY), module=self._module))
        rescuer = ExtraPart(RESCUER, *rescuer_command(self.settings))
        for part in (worker, rescuer, *(extra for extra in self._extras if extra.wanted is None)):
            self._start(self._add(part, stack))
        log.info("the parts run", home=str(self.settings.home), **self.pids())

    def _add(self, part: ExtraPart, stack: ExitStack) -> ChildProcess:
        output = None
        if not self._inherit_logs:
            log_file = LogFile(self.settings.home / "log" / f"{part.name}.log")
            stack.callback(log_file.close)
            self._logs.append(log_file)
            output = log_file.output
        self._parts[part.name] = ChildProcess(part.name, part.command, part.environment, output)
        return self._parts[part.name]

    def _start(self, part: ChildProcess) -> None:
        part.start(embedded_broker.configuration(self._socket) if part.name == BROKER else None)
        self._report(part.name, f"runs, process {part.pid}")

    @property
    def _socket(self) -> Path:
        return self.settings.run_folder / "redis.sock"

    def _start_broker(self, stack: ExitStack) -> None:
        private_folder(self.settings.run_folder)
        part = self._add(ExtraPart(BROKER, [str(embedded_broker.program()), "-"], {}), stack)
        self._start(part)
        embedded_broker.wait_until_it_answers(self._socket, part.is_running, self.settings.home / "log")

    def _database(self, stack: ExitStack) -> Engine:
        if self._engine is None:
            self._engine = make_engine(self.settings.database)
            stack.callback(self._engine.dispose)
        return self._engine

    def _look_for_work(self, stack: ExitStack) -> None:
        """Start the worker for pictures, and parts like it, when there is first something for them."""
        settings = self.settings.model_copy(update={"prefetch": 1})
        pictures = ExtraPart(
            PICTURES,
            *worker_command(settings, (OCR,), module=self._module),
            wanted=lambda connection: ledger.is_open(connection, OCR),
        )
        waiting = [part for part in (pictures, *self._extras) if part.wanted is not None and part.name not in self._parts]
        if not waiting or time.monotonic() < self._next_work_look:
            return
        self._next_work_look = time.monotonic() + _WORK_SECONDS
        try:
            with reading(self._database(stack)) as connection:
                due = [part for part in waiting if part.wanted is not None and part.wanted(connection)]
        except DBAPIError as error:
            log.debug("the database does not answer", error=str(error))
            return
        for part in due:
            self._start(self._add(part, stack))

    def _restart_dead(self) -> None:
        for part in self._parts.values():
            death = part.death()
            if death is not None:
                log.warning("a part died and is started again", part=part.name, exit_code=death.exit_code, pause=death.pause)
                self._report(part.name, f"died with code {death.exit_code}, is started again in {death.pause:.0f} s")
            elif part.is_due():
                self._start(part)

    def _look_for_life(self, stack: ExitStack) -> None:
        """Kill parts that run but show no sign of life: a frozen process is as good as a dead one."""
        if time.monotonic() < self._next_life_look:
            return
        self._next_life_look = time.monotonic() + self.settings.beat_seconds
        self._look_for_the_broker()
        watched = {name: part.pid for name, part in self._parts.items() if name in _SIGNS and part.pid is not None}

        def look(connection: Connection) -> tuple[LookGap, dict[str, float | None]]:
            # The look itself writes, as signs of life do: where nothing can be written, nobody can show one.
            measures.count(connection, measures.SUPERVISOR_LOOKS)
            gap = self._gap.at(connection.execute(select(now())).scalar_one())
            host = socket.gethostname()
            ages = {name: measures.silent_seconds(connection, _SIGNS[name], host, pid) for name, pid in watched.items()}
            return gap, ages

        try:
            self._gap, ages = run_transaction(self._database(stack), look, durable=False, attempts=1)
        except GongkaiError as error:
            log.debug("the database does not answer", error=str(error))
            return
        if self._gap.in_grace_period:
            return
        for name, age in ages.items():
            part = self._parts[name]
            if age is None or age > part.age:  # it has not shown itself since it was started
                if part.age > STARTUP_SECONDS:
                    self._kill_hung(part, "has shown no sign of life since it was started")
            elif age > self.settings.hung_seconds:
                self._kill_hung(part, f"has shown no sign of life for {age:.0f} s")

    def _look_for_the_broker(self) -> None:
        part = self._parts.get(BROKER)
        if part is None or not part.is_running():
            return
        self._broker_silent = 0 if embedded_broker.answers(self._socket) else self._broker_silent + 1
        if self._broker_silent >= _SILENT_LOOKS:
            self._broker_silent = 0
            self._kill_hung(part, "does not answer")

    def _kill_hung(self, part: ChildProcess, problem: str) -> None:
        log.warning("a part hangs and is killed", part=part.name, pid=part.pid, problem=problem)
        self._report(part.name, f"{problem}, is killed")
        part.kill_hung()

    def _end_parts(self) -> None:
        """End what brings work in first, then those who do it, then the broker between them."""
        extras = [extra.name for extra in self._extras]
        rest = [name for name in self._parts if name not in (*extras, BROKER)]
        for names in (extras, rest, [BROKER]):
            ending = [part for name in names if (part := self._parts.pop(name, None)) is not None]
            for part in ending:
                part.ask_to_end()
            for part in ending:
                part.end(self.settings.shutdown_seconds + 10)
                self._report(part.name, "ended")


@contextmanager
def local_supervisor(settings: Settings, *, module: str = MODULE, inherit_logs: bool = False) -> Iterator[Supervisor]:
    """Run a supervisor inside the block. Logs of its parts go to ``log/`` in home, or with ``inherit_logs`` to standard error.

    SIGTERM ends the block as Ctrl-C does. Raises GongkaiError ``broker.unavailable`` when the broker does not start.
    """
    supervisor = Supervisor(settings, module=module, inherit_logs=inherit_logs)
    with _terminable():
        supervisor.start()
        try:
            yield supervisor
        finally:
            supervisor.stop()


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
