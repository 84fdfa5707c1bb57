"""Commands that go on until they are stopped: watching folders, one whole machine, its metrics."""

from __future__ import annotations

import fcntl
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from codebook.errors import GongkaiError, UsageError
from console.cli import environment
from console.cli.ingest import workforce
from console.cli.services import (
    FLOWER_ADDRESS,
    FLOWER_AUTH,
    check_port,
    console_command,
    flower_command,
    kept_flower_auth,
    tell_first_user,
)
from console.cli.terminal.output import Exit, fault, plain, say, words, wrong
from database.collecting.turns import is_open
from ingest.archives.limits import Limits
from ingest.collecting.collector import collector_command
from ingest.files.register_paths import check_batch
from ingest.watching.events import is_network
from ingest.watching.heartbeat import watch as run
from ingest.watching.inbox import Inbox, open_inboxes
from ingest.watching.watcher import FolderWatcher, WatchContext, WatchPace
from runtime.child_command import module_command
from runtime.language import said
from runtime.log import configure
from runtime.settings import Settings
from runtime.store import Store
from workers.local import ExtraPart, Supervisor
from workers.metrics import metrics_command

BatchName = Annotated[
    str | None, typer.Option(help="Batch of files whose folder names none. Default: the folder's name and the day.")
]
Poll = Annotated[bool, typer.Option("--poll", help="Rely on looking alone, as with network folders (GONGKAI_WATCH_POLL).")]


def watch_folders(
    folders: Annotated[list[str], typer.Argument(metavar="DIR...", help="Folders to watch, with all that is below them.")],
    batch: BatchName = None,
    poll: Poll = False,
) -> None:
    """Take in what is put into folders, until stopped. What failed is shown in the folder, under failed/CODE/, with a note."""
    found = environment.settings()
    configure(found)
    with _stopping() as stop, environment.database(found, make=True) as engine:
        inboxes = _inboxes(found, folders)
        _check_batch(batch)
        with workforce(found, engine) as hands:
            hands.begin()
            context = WatchContext(engine, Store(found.store), Limits.of(found), hands.notify, batch)
            watchers = []
            for number, inbox in enumerate(inboxes):
                polls = poll or found.watch_poll or is_network(inbox.root)
                watchers.append(FolderWatcher(inbox, context, WatchPace.of(found, polls=polls), polls=polls, number=number))
                say(f"watching {plain(inbox.root)}" + (" by looking alone" if polls else ""))
            run(watchers, engine, stop, patience=found.shutdown_seconds)
    say("ended")


def run_everything(
    folders: Annotated[
        list[str] | None, typer.Option("--watch", metavar="DIR", help="Watch this folder. Can be repeated.")
    ] = None,
    batch: BatchName = None,
    poll: Poll = False,
) -> None:
    """Run everything that one machine needs, until stopped: broker, workers, rescuer, watcher, metrics, pages, Flower."""
    found = environment.settings()
    _check_batch(batch)
    environment.tell_home(found)
    with _stopping() as stop, _only_one(found.home):
        _check_ports(found)
        with environment.database(found, make=True) as engine:
            if folders:
                _inboxes(found, folders)
            if found.console_port:
                tell_first_user(engine)
        supervisor = Supervisor(found, extras=_extras(found, folders or [], batch, poll=poll), report=_tell)
        if found.broker_url is not None:
            _tell("broker", "is a shared one, which is not looked after here")
        _run(supervisor, stop, found)


def _run(supervisor: Supervisor, stop: threading.Event, found: Settings) -> None:
    try:
        supervisor.start()
        if not supervisor.owns:
            _tell("machine", "another command runs the parts of this home; they are taken over when it ends")
        else:
            _tell("up", f"all parts run; logs are in {found.home / 'log'}")
            if found.console_port:
                _tell("console", f"http://{found.console_address}:{found.console_port}")
            if found.flower_port:
                kept = "GONGKAI_FLOWER_AUTH" if found.flower_auth else found.home / FLOWER_AUTH
                _tell("flower", f"http://{FLOWER_ADDRESS}:{found.flower_port}, user and password: {kept}")
        while supervisor.runs() and not stop.wait(0.5):
            pass
    except GongkaiError as error:
        fault(error)
    finally:
        supervisor.stop()
    if not stop.is_set():
        raise typer.Exit(Exit.FAULT)
    _tell("up", "ended")


def _tell(part: str, state: str) -> None:
    say(f"{said(part):<9} {words(state)}")


def _extras(found: Settings, folders: list[str], batch: str | None, *, poll: bool) -> list[ExtraPart]:
    """The watcher, the metrics endpoint and the operators' pages, as parts of the machine."""
    made = []
    if found.metrics_port:
        made.append(ExtraPart("metrics", *metrics_command(found, found.metrics_address, found.metrics_port)))
    if found.console_port:
        made.append(ExtraPart("console", *console_command(found, found.console_address, found.console_port)))
    if found.flower_port:
        command, more = flower_command(found, FLOWER_ADDRESS, found.flower_port, kept_flower_auth(found))
        made.append(ExtraPart("flower", command, {**more, "GONGKAI_BROKER_URL": found.broker}))
    made.append(ExtraPart("collector", *collector_command(found), wanted=is_open))
    if folders:
        options = [*(["--batch", batch] if batch else []), *(["--poll"] if poll else [])]
        command = module_command("console.cli", "watch", *options, "--", *map(os.path.realpath, folders))
        made.append(ExtraPart("watcher", command, {**found.environment(), "GONGKAI_BROKER_URL": found.broker}))
    return made


def _check_ports(found: Settings) -> None:
    """End with exit code 2 when one of the ports that are to be served is taken."""
    for name, address in (("console", found.console_address), ("metrics", found.metrics_address), ("flower", FLOWER_ADDRESS)):
        if port := getattr(found, f"{name}_port"):
            check_port(address, port, f"GONGKAI_{name.upper()}_PORT")


def _inboxes(found: Settings, folders: list[str]) -> list[Inbox]:
    """The folders, looked at; ends with exit code 2 when one cannot be watched."""
    store = found.store.removeprefix("file://")
    forbidden = [found.home, *([Path(store)] if "://" not in store else [])]
    ignore = [pattern.strip() for pattern in found.watch_ignore.split(",") if pattern.strip()]
    try:
        return open_inboxes(folders, forbidden=forbidden, ignore=ignore)
    except UsageError as error:
        wrong(str(error))


def _check_batch(batch: str | None) -> None:
    try:
        check_batch(batch)
    except UsageError as error:
        wrong(str(error))


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set. The second signal of a kind does what it does by default."""
    stop = threading.Event()

    def leave(number: int, _: object) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _only_one(home: Path) -> Iterator[None]:
    """Hold the home folder for this command; ends with exit code 2 when another holds it."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (home / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            wrong(
                f"`gongkai up` runs on {home} already (process {lock.read().strip() or '?'}); set another GONGKAI_HOME, or end it"
            )
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
