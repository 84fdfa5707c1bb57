"""Watching an inbox: notice, let settle, claim, register, file away. What is done twice does no harm.

A crash leaves files in ``.gongkai/taken``: the next watcher of the folder registers them (the content decides whether they are
new) and files them away. A fault of the machine leaves them there too, until it has passed.
"""

from __future__ import annotations

import os
import queue
import socket
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psutil
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from codebook.errors import GongkaiError
from codebook.records import Record
from database.intake import inboxes
from database.intake.inboxes import FailedFile, WatcherState
from database.ledger import Queued
from database.session import fault_code, reading, run_transaction
from ingest.archives.limits import Limits
from ingest.files.bounded_reader import BoundedReader
from ingest.files.fingerprint import content_of
from ingest.files.intake import load_manifest
from ingest.files.keeping import ContentStore
from ingest.files.page_images import decided_by
from ingest.files.register_paths import default_batch
from ingest.files.saved_pages import folders_of_pages
from ingest.files.walk import Note, walk
from ingest.lists.manifest import Manifest
from ingest.names import natural, shown
from ingest.watching import canary
from ingest.watching.events import Events
from ingest.watching.failure_notes import sync_notes, write_note
from ingest.watching.folder_metadata import Manifests, place
from ingest.watching.inbox import MANIFEST, Inbox, round_of_folders
from ingest.watching.register_claimed import Parcel, Receipt, receive
from ingest.watching.stability import Ready, Settler, look_at
from ingest.watching.taken_together import Sight, Together, claimed_volumes, claimed_whole
from runtime.failpoints import fail_here
from runtime.log import get_logger
from workers.worker_context import worker_name

if TYPE_CHECKING:
    from runtime.settings import Settings

log = get_logger(__name__)

ROUND = 100  # files that are registered at a time
MOST_TRIES = 3
"""How many processes may end while they take up a claimed file, before it is put aside unread."""
_WEEK = 7 * 86_400.0
_LONGEST_WAIT = 1.0


class WatchPace(Record, frozen=True):
    """Times of a watcher in seconds; see the settings ``watch_*``. ``canary`` 0: none is sent."""

    quiet: float
    patience: float
    rescan: float
    canary: float
    sync: float
    beat: float
    stale: float

    @classmethod
    def of(cls, settings: Settings, *, polls: bool) -> WatchPace:
        """Return what is set, for a folder with events or one that is only looked at."""
        return cls(
            quiet=settings.watch_quiet_seconds,
            patience=settings.watch_patience_seconds,
            rescan=min(settings.watch_poll_seconds, settings.watch_rescan_seconds) if polls else settings.watch_rescan_seconds,
            canary=settings.watch_canary_seconds,
            sync=settings.watch_sync_seconds,
            beat=settings.beat_seconds,
            stale=settings.stale_seconds,
        )

    @property
    def grace(self) -> float | None:
        """Within which time the next canary must come through; None where none is sent."""
        return self.canary + 4 * self.quiet + self.rescan + self.stale if self.canary else None


class WatchContext(NamedTuple):
    """Where files are registered. ``notify`` gets new first stages; ``batch`` is for files whose place names none."""

    engine: Engine
    store: ContentStore
    limits: Limits
    notify: Callable[[Sequence[Queued]], None]
    batch: str | None = None


class _Staged(NamedTuple):
    """A claimed file that is not registered yet: its path inside the inbox, the round that it was claimed in, and whether it was
    found there, left behind by a process that ended. ``earlier`` are the pages of the same report that were filed before.
    """

    inner: str
    round: str
    left_behind: bool = False
    earlier: tuple[str, ...] = ()


class FolderWatcher:
    """Watches one inbox; :meth:`run` does it until it is stopped. ``number`` distinguishes those of one process."""

    def __init__(self, inbox: Inbox, context: WatchContext, pace: WatchPace, *, polls: bool, number: int = 0) -> None:
        self.inbox, self._context, self.pace = inbox, context, pace
        self.polls = polls
        self.name = f"{worker_name()}#{number}"
        self._together = Together(inbox, self._is_one_report, pace.patience)
        self._arriving = Settler(pace.quiet, pace.patience, look_at=self._together.look, is_whole=self._together.is_whole)
        self._claimed = Settler(pace.quiet, pace.patience, look_at=look_at, is_whole=claimed_whole)
        self._canaries = Settler(pace.quiet, pace.patience)
        self._reader = BoundedReader()
        self._manifests = Manifests(inbox.root, pace.quiet, self._manifest_problem, self._load_manifest)
        self._staged: dict[str, _Staged] = {}
        self._paths: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._events: Events | None = None
        self._blocked: dict[str, str] = {}
        self._problem: str | None = None
        self._sent: str | None = None
        self._mark: tuple[int, int] | None = None
        self._rounds = self._taken = self._apart = 0
        self._next = {"look": 0.0, "canary": 0.0, "sync": 0.0}

    # ---- what others see ----

    def state(self) -> WatcherState:
        """Return how things stand, for the sign of life."""
        blocked = dict(self._blocked)
        problem = self._problem or next((f"{shown(path)}: {why}" for path, why in blocked.items()), None)
        waiting = len(self._arriving) + len(self._claimed)
        counts = {"taken": self._taken, "waiting": waiting, "blocked": len(blocked)}
        return WatcherState(self.name, socket.gethostname(), self.inbox.root, self.polls, **counts, problem=problem)

    def _warn(self, problem: str) -> None:
        if problem != self._problem:
            log.warning("something stands in the way", folder=self.inbox.root, problem=problem)
        self._problem = problem

    def _block(self, path: str, why: str) -> None:
        if self._blocked.get(path) != why:
            log.warning("a file cannot be taken", path=shown(path), why=why)
        self._blocked[path] = why

    def _manifest_problem(self, path: str, why: str | None) -> None:
        """A manifest cannot be used (or, None, it can): the files go on without it."""
        if why is None:
            self._blocked.pop(path, None)
        else:
            self._block(path, why)

    def _is_one_report(self, folder: str, names: Sequence[str]) -> bool:
        manifest, _ = self._manifests.of(os.path.join(self.inbox.relative(folder), MANIFEST))
        return decided_by(manifest)(folder, names)

    def _load_manifest(self, path: str) -> Manifest:
        return load_manifest(Path(path), self._reader, self._context.limits)

    # ---- the loop ----

    def run(self, stop: threading.Event) -> None:
        """Watch until ``stop`` is set. Faults of the machine and of the folder are waited out."""
        if not self.polls:
            self._events = Events(self.inbox.root, self.inbox.wants, stop, self._paths)
            self._events.start()
        while not stop.is_set():
            try:
                busy = self._turn()
            except (GongkaiError, OSError, DBAPIError) as error:
                if isinstance(error, DBAPIError) and fault_code(error) is None:
                    raise
                self._warn(str(error))
                for path in self._staged:
                    self._claimed.see(path)
                stop.wait(self.pace.quiet)
                continue
            self._gather(0.0 if busy else self._pause())
        self._reader.close()
        if self._sent is not None and os.path.exists(self._sent):
            os.unlink(self._sent)

    def _turn(self) -> bool:
        """Do what is due. Return whether more may be."""
        if self._is_due("look", self.pace.rescan):
            self._look()
        if not self.inbox.is_there():
            self._warn(f"{shown(self.inbox.root)}: our own folder in it is gone; is it mounted?")
            return False
        if self.pace.canary and self._is_due("canary", self.pace.canary):
            self._sent = canary.send(self.inbox, self.name)
        if self._is_due("sync", self.pace.sync):
            self._sync()
        self._rounds += 1
        self._together.begin_turn()
        for ready in self._canaries.due(ROUND):
            self._take_canary(ready)
        fresh = [staged for ready in self._arriving.due(ROUND) if (staged := self._claim(ready))]
        again = [ready.path for ready in self._claimed.due(ROUND)]
        self._register([path for path in (*fresh, *again) if path in self._staged])
        self._close_rounds()
        return bool(fresh or again)

    def _is_due(self, what: str, seconds: float) -> bool:
        if time.monotonic() < self._next[what]:
            return False
        self._next[what] = time.monotonic() + seconds
        return True

    def _pause(self) -> float:
        """Return how long nothing is due, at most a second."""
        due = [when for each in (self._arriving, self._claimed, self._canaries) if (when := each.next_due()) is not None]
        return max(0.01, min(_LONGEST_WAIT, *(when - time.monotonic() for when in (*due, *self._next.values()))))

    # ---- noticing ----

    def _gather(self, seconds: float) -> None:
        """Take up what events tell, waiting so long for the first."""
        if self._events is not None and self._events.over.is_set():
            self._events, self.polls = None, True
        try:
            path = self._paths.get(timeout=seconds) if seconds else self._paths.get_nowait()
            while True:
                if os.path.isdir(path) and not os.path.islink(path):
                    self._walk(path)
                else:
                    self._see(path)
                path = self._paths.get_nowait()
        except queue.Empty:
            return

    def _see(self, path: str) -> None:
        """Notice a file of which an event tells, if it is one to be taken."""
        if self.inbox.wants(path) and not self._together.belongs_to_page(os.path.dirname(path)):
            self._notice(path)

    def _notice(self, path: str) -> None:
        if canary.may_be_canary(path):
            self._canaries.see(path)
        elif os.path.dirname(path) not in self._arriving:  # if it is, it is looked at when it can be ready
            held = self._together.volumes_of(path)
            self._arriving.see(path if held is None else os.path.join(os.path.dirname(path), held.lead))

    def _walk(self, folder: str) -> None:
        if self._together.belongs_to_page(folder) or not os.path.isdir(folder):
            return
        for found in walk([folder], self._together.one_report, leave=self._leaves):
            if found.pages:
                self._arriving.see(found.path)
            elif found.note is None:
                self._notice(found.path)
            elif found.note is Note.UNREADABLE and os.path.lexists(found.path):
                self._block(found.path, found.detail)
            elif found.note is Note.SPECIAL:
                self._block(found.path, "a pipe, a socket or a device; it is not read")
            elif found.note is Note.LINK and not os.path.realpath(found.path).startswith(self.inbox.root + os.sep):
                self._block(found.path, "a symbolic link out of the folder; it is not followed")

    def _leaves(self, path: str) -> bool:
        return self._together.leaves(path) and not canary.may_be_canary(path)

    def _look(self) -> None:
        """Look at everything: what events did not tell, and what others left behind."""
        self._problem = None
        self._together.begin_turn()
        self._blocked = {path: why for path, why in self._blocked.items() if os.path.lexists(path)}
        if not self.inbox.is_there():
            return
        self._walk(self.inbox.root)
        self._succeed()

    def _succeed(self) -> None:
        """Take the place of dead watchers of this folder, and take over what lies in their rounds."""
        with reading(self._context.engine) as connection:
            names = inboxes.live_names(connection, self.pace.stale)
        dead = {name for name in names if _died_here(name)}
        place_of = partial(inboxes.take_place, host=socket.gethostname(), folder=self.inbox.root, dead=dead)
        run_transaction(self._context.engine, lambda c: place_of(c, stale_seconds=self.pace.stale, silent_seconds=_WEEK))
        living = {_round_of(name) for name in names - dead - {self.name}}
        for one in self.inbox.gatherings():
            if one.rpartition(".")[0] not in living:
                self.inbox.scatter(one)
        for one in self.inbox.rounds():
            if one.rpartition(".")[0] in living:
                continue
            for path, inner in self.inbox.claimed(one):
                if path not in self._staged:
                    log.info("found a file that was claimed before", path=shown(path))
                    self._stage(path, _Staged(inner, one, left_behind=True))
            self.inbox.close_round(one)

    def _stage(self, path: str, staged: _Staged) -> None:
        self._staged[path] = staged
        self._claimed.see(path)

    # ---- claiming ----

    def _claim(self, ready: Ready) -> str | None:
        """Claim a file, or a folder of page images, that is ready. Return where it lies when it can be registered at once."""
        inner = self.inbox.relative(ready.path)
        folder = os.path.isdir(ready.path)
        if not self._manifests.of(os.path.join(inner, MANIFEST) if folder else inner)[1]:
            self._arriving.see(ready.path)
            return None
        if self._is_put_off(ready.path, folder=folder):
            return None
        earlier = tuple(self._together.earlier(ready.path, self._together.pages(ready.path))) if folder else ()
        held = self._together.volumes_of(ready.path)
        round_name = self._round(folder=folder or held is not None, apart=held is not None)
        try:
            if ready.path == self.inbox.root:
                round_name = self._round(folder=True, top=True)
                path: str | None = self.inbox.gather(self._together.pages(ready.path), round_name)
            elif held is not None:
                path = self.inbox.gather_volumes(ready.path, held.parts, round_name)
            else:
                path = self.inbox.claim(ready.path, round_name)
        except OSError as error:
            self._block(ready.path, error.strerror or str(error))
            return None
        self._blocked.pop(ready.path, None)
        if path is None:
            return None
        self._staged[path] = _Staged(inner, round_name, earlier=earlier)
        fail_here("after_take")
        # Nobody can open it under its old name any more, so what is seen now stays.
        same = isinstance(ready.snapshot, Sight) and look_at(path) == ready.snapshot.own
        if same and (claimed_whole(path) or not ready.whole):
            return path
        self._claimed.see(path)
        return None

    def _is_put_off(self, path: str, *, folder: bool) -> bool:
        """Return whether something is not to be claimed as it is: it is a page of a folder that is, or a folder that is no
        report, or lies in the folder of a saved page that was filed before.
        """
        if folder and not self._together.pages(path):
            self._walk(path)
            return True
        unit = self._together.unit_of(path)
        if unit is not None:
            self._arriving.see(unit)
            return True
        late = self._together.folder_of_page(path)
        if late is None:
            return False
        inner, name = os.path.split(self.inbox.relative(late))
        if name not in folders_of_pages([name, *self.inbox.filed_names(inner)]):
            return False
        if os.path.isdir(late):
            self.inbox.file_done(late, self.inbox.relative(late))
        return True

    def _round(self, *, folder: bool = False, top: bool = False, apart: bool = False) -> str:
        """The name of this round; ``apart``: that of one for a single thing in it."""
        self._apart += apart
        name = f"{_round_of(self.name)}.{self._rounds}{'top' if top else ''}{f'v{self._apart}' if apart else ''}"
        return round_of_folders(name) if folder else name

    def _take_canary(self, ready: Ready) -> None:
        round_name = self._round()
        path = self.inbox.claim(ready.path, round_name)
        author = canary.take(path) if path is not None else None
        if author is not None and self.pace.grace is not None:
            came = partial(inboxes.canary_came, names=[author, self.name], next_seconds=self.pace.grace)
            run_transaction(self._context.engine, came, durable=False)
        elif author is None and path is not None:  # somebody's file after all
            self._stage(path, _Staged(self.inbox.relative(ready.path), round_name))

    # ---- registering ----

    def _register(self, paths: Sequence[str]) -> None:
        """Register claimed files; those that were left behind one by one, since one of them may have ended a process."""
        for path in paths:
            if self._staged[path].left_behind:
                parcel = self._parcel(path, self._staged[path])
                tries = self.inbox.begin_try(path, self.name, self._is_gone)
                try:
                    self._register_parcels([parcel._replace(given_up=tries > MOST_TRIES and not self._is_known(parcel))])
                finally:
                    self.inbox.end_try(path, self.name)
                if path not in self._staged:
                    self.inbox.forget_tries(path)
        others = [path for path in paths if path in self._staged and not self._staged[path].left_behind]
        self._register_parcels([self._parcel(path, self._staged[path]) for path in others])

    def _is_gone(self, name: str) -> bool:
        """Return whether a watcher is dead, as far as can be known."""
        if name.partition(":")[0] == socket.gethostname():
            return _died_here(name)
        with reading(self._context.engine) as connection:
            return name not in inboxes.live_names(connection, self.pace.stale)

    def _is_known(self, parcel: Parcel) -> bool:
        """Return whether the content of a claimed file is in the books under its path: what ended those that took it up was not
        its reading.
        """
        if os.path.isdir(parcel.staged):
            return False
        try:
            with content_of(parcel.staged, follow=False) as content, reading(self._context.engine) as connection:
                return inboxes.is_registered(connection, content.sha256, shown(parcel.known_as))
        except (OSError, GongkaiError):
            return False

    def _register_parcels(self, parcels: Sequence[Parcel]) -> None:
        if not parcels:
            return
        context = self._context
        receipts = receive(
            parcels, reader=self._reader, engine=context.engine, store=context.store, limits=context.limits, notify=context.notify
        )
        fail_here("after_register")
        log.info("registered", folder=self.inbox.root, files=len(parcels))
        for parcel, receipt in zip(parcels, receipts, strict=True):
            self._file(parcel, receipt)

    def _parcel(self, path: str, staged: _Staged) -> Parcel:
        batch = place(staged.inner).batch or self._context.batch or default_batch([self.inbox.root])
        known_as = os.path.normpath(os.path.join(self.inbox.root, staged.inner))
        if not os.path.isdir(path):
            return Parcel(path, staged.inner, known_as, batch, place(staged.inner).region, self._manifests.of(staged.inner)[0])
        inside = os.path.join(staged.inner, MANIFEST)
        if (held := claimed_volumes(path)) is not None:
            found = tuple(os.path.join(path, name) for name in held.parts)
            region, (manifest, _) = place(staged.inner).region, self._manifests.of(staged.inner)
            return Parcel(path, staged.inner, known_as, batch, region, manifest, volumes=found, missing=held.missing)
        manifest, _ = self._manifests.of(inside, claimed=path)
        pages, others = self.inbox.contents(path)
        pages = sorted([*staged.earlier, *pages], key=lambda page: natural(os.path.basename(page)))
        parcel = Parcel(path, staged.inner, known_as, batch, place(inside).region, manifest)
        return parcel._replace(pages=tuple(pages), others=tuple(others))

    def _file(self, parcel: Parcel, receipt: Receipt) -> None:
        """Put the original where it belongs, with a note beside what failed."""
        if receipt.unsteady or not receipt.registered:
            if look_at(parcel.staged) is not None:
                self._claimed.see(parcel.staged)
            else:
                del self._staged[parcel.staged]
            return
        try:
            for folder in self._together.folders_of(parcel.inner):  # before its page: without it, it would be one like any other
                self.inbox.file_away(folder, self.inbox.relative(folder), receipt.code)
            filed = self.inbox.file_away(parcel.staged, parcel.inner, receipt.code)
            if parcel.pages:
                earlier = [page for page in parcel.pages if os.path.dirname(page) != parcel.staged]
                self._together.was_filed(parcel.known_as, filed, earlier)
        except FileNotFoundError:  # another watcher took us for dead, and filed it
            del self._staged[parcel.staged]
            return
        except OSError as error:
            self._block(parcel.staged, error.strerror or str(error))
            self._claimed.see(parcel.staged)
            return
        del self._staged[parcel.staged]
        self._blocked.pop(parcel.staged, None)
        self._taken += 1
        for each in receipt.refusals:
            failed = FailedFile(each.document_id, each.path, each.code, each.message, datetime.now(UTC))
            name = os.path.basename(filed) if receipt.code is not None and len(receipt.refusals) == 1 else None
            write_note(self.inbox, failed, name)

    def _close_rounds(self) -> None:
        """Remove the folders of rounds that are through."""
        busy = {staged.round for staged in self._staged.values()}
        own = _round_of(self.name)
        for one in self.inbox.rounds():
            if one not in busy and one.rpartition(".")[0] == own:
                self.inbox.close_round(one)

    def _sync(self) -> None:
        """Bring the notes up to what the database says, when the error queue has changed."""
        with reading(self._context.engine) as connection:
            mark = inboxes.failures_mark(connection)
        if mark == self._mark:
            return

        def failed() -> list[FailedFile]:
            with reading(self._context.engine) as connection:
                return inboxes.failed_below(connection, shown(self.inbox.root))

        written, settled = sync_notes(self.inbox, failed)
        self._mark = mark
        if written or settled:
            log.info("notes", folder=self.inbox.root, written=written, settled=settled)


def _round_of(name: str) -> str:
    """Return what the rounds of a watcher are called, before the number."""
    return name.rpartition(":")[2].replace("#", "-")


def _died_here(name: str) -> bool:
    """Return whether a watcher of this machine is dead for sure."""
    host, pid, _ = name.rsplit(":", 2)
    if host != socket.gethostname():
        return False
    if int(pid) == os.getpid():  # in a container each has the number of the one before it
        return name.rpartition("#")[0] != worker_name()
    return not psutil.pid_exists(int(pid))
