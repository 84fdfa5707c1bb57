"""One turn: ask a host for one thing, keep the answer, register what it holds, and write down what came of it."""

from __future__ import annotations

import hashlib
import os
import random
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple, Protocol, TypeVar

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, Engine

from codebook.errors import GongkaiError
from codebook.records import Hints, Record
from codebook.text.portals import AddressKind
from database.collecting import turns
from database.collecting.adding import NewAddress, url_key
from database.collecting.turns import Turn, TurnAddress, Visit
from database.intake import register
from database.intake.purging import purged_contents
from database.ledger import Arrival, Decision, Fenced, Policy, Queued, Registered
from database.models import VisitOutcome
from database.session import fault_code, reading, run_transaction
from ingest.archives.limits import Limits
from ingest.collecting.fetching import Fetched, FetchLimits, PausedError, check_status, fetch, unpacked
from ingest.collecting.guard import AddressGuard
from ingest.collecting.pictures import FetchedPictures, fetch_pictures
from ingest.collecting.robots import ALL, MOST_BYTES, SECONDS, RobotRules, read_robots
from ingest.collecting.warc import packed_visit, visit_of
from ingest.files.bounded_reader import BoundedReader, Ended
from ingest.files.intake import Intake
from ingest.files.keeping import ContentStore, Keeper, StoreFaultError
from ingest.files.messages import Bug, LookThrough, SeenPage
from ingest.files.register_paths import Run
from ingest.files.walk import Found
from ingest.webpages.addresses import host_of, normal
from ingest.webpages.links import PageView, is_file
from runtime.failpoints import fail_here
from runtime.log import get_logger

T = TypeVar("T")

log = get_logger(__name__)

LEASE_SECONDS = 60.0
_OF_THE_HOST = ("fetch.unreachable", "fetch.timeout", "fetch.server_error")
_MOST_MOVES = 5  # redirects in a row
_MOST_HOPS = 8  # links from the address of the list
_SEVERAL = 2  # links to reports that make a page a list
_REPORT_PAGE_BYTES = 8 * 1024 * 1024
_WHOLE = (200, 203)


class CollectPace(Record, frozen=True):
    """How a collector goes about: pauses between two requests to a host, in seconds, and the most that it fetches of what."""

    least_seconds: float = 5
    most_seconds: float = 10
    pages: int = 50
    files: int = 20
    agent: str = "gongkai"

    def pause(self, asked: float = 0.0) -> float:
        """Return the pause before the next request; a host may have asked for a longer one."""
        return max(random.uniform(self.least_seconds, max(self.least_seconds, self.most_seconds)), asked)


class VisitStore(ContentStore, Protocol):
    """Where answers are kept, beside the originals (see runtime.store)."""

    def visit(self, name: str) -> bytes | None:
        """Return an answer that was kept, or None."""

    def keep_visit(self, name: str, data: bytes) -> None:
        """Keep an answer."""

    def delete(self, sha256: str, visits: Sequence[str] = ()) -> bool:
        """Delete a content, and the answers that hold it."""


class CollectContext(NamedTuple):
    """What a collector works with."""

    engine: Engine
    store: VisitStore
    limits: Limits
    fetch_limits: FetchLimits
    guard: AddressGuard
    pace: CollectPace
    policy: Policy
    notify: Callable[[Sequence[Queued]], None]


class TurnTaker:
    """Takes turns, one after the other, in one thread."""

    def __init__(
        self,
        context: CollectContext,
        owner: str,
        lease_seconds: float = LEASE_SECONDS,
        stopped: threading.Event | None = None,
    ) -> None:
        self._context, self._owner, self._lease = context, owner, lease_seconds
        self._stopped = stopped or threading.Event()
        self._asked = 0.0  # the pause that the host asked for within the turn
        self._reader = BoundedReader()
        self._keeper = Keeper(context.store)
        self._intake = Intake(self._reader, self._keeper, context.limits)

    def close(self) -> None:
        """End the process that reads what comes in."""
        self._reader.close()
        self._keeper.__exit__()

    def take(self) -> bool:
        """Take a turn. Return whether there was one.

        Raises GongkaiError for a database that does not answer; everything else ends in the books.
        """
        engine, lease = self._context.engine, self._lease
        turn = run_transaction(engine, lambda c: turns.take_turn(c, self._owner, lease, SECONDS), durable=False)
        if turn is None:
            return False
        fail_here("collect_turn", turn)
        with self._renewing(turn):
            try:
                self._work(turn)
            except Fenced as error:
                log.warning("a turn came too late and was dropped", url=turn.address.url, why=str(error))
            except (SystemExit, KeyboardInterrupt):
                run_transaction(engine, lambda c: turns.release_turn(c, turn))
                raise
        return True

    def _work(self, turn: Turn) -> None:
        one = turn.address
        self._asked = 0.0
        try:
            if one.tries.crashes >= self._context.policy.crash_limit:
                raise GongkaiError("worker.crashed", "the collector died each time while it fetched it")
            answer = self._kept(one) if one.interrupted else None
            if answer is None:
                if turn.robots is None:
                    self._read_robots(turn)
                    return
                rules = msgspec.convert(turn.robots, RobotRules)
                if not rules.allow(one.url):
                    raise GongkaiError("fetch.robots", "robots.txt does not allow it", "an address that it allows")
                answer = self._fetch(turn)
            visit = self._visit(turn, answer)
        except PausedError as error:
            self._fail(turn, error, asked=error.seconds)
            return
        except StoreFaultError as fault:
            self._fail(turn, fault.error)
            return
        except GongkaiError as error:
            self._fail(turn, error)
            return
        except (Fenced, MemoryError):
            raise
        except Exception as error:  # a bug of ours, or a fault of the machine, ends in the books
            code = fault_code(error) or "internal"
            log.error("an address could not be collected", url=one.url, error=f"{type(error).__name__}: {error}", exc_info=True)
            self._fail(turn, GongkaiError(code, f"{type(error).__name__}: {error}"[:500]))
            return
        fail_here("collect_registered", turn)
        pause = self._pause(turn)
        most = self._context.pace.pages
        left_out = self._end(lambda c: turns.complete_turn(c, turn, visit, pause, most))
        if left_out:
            log.warning("links were left out because of the bounds", url=one.url, links=left_out)
        log.info("fetched", url=one.url, outcome=str(visit.outcome), found=len(visit.found), pages=len(visit.pages))

    def _end(self, function: Callable[[Connection], T]) -> T:
        """What a turn brought is worth waiting for as long as the lease holds."""
        return run_transaction(self._context.engine, function, attempts=1000, patience=self._lease)

    def _pause(self, turn: Turn) -> float:
        asked = float((turn.robots or {}).get("delay") or 0.0)
        return self._context.pace.pause(max(asked, self._asked))

    # ---- asking ----

    def _read_robots(self, turn: Turn) -> None:
        """Read the robots.txt of the host, which is a turn of its own. Raises GongkaiError when nobody can tell what it says."""
        address = f"{turn.scheme}://{turn.host}/robots.txt"
        rules = ALL
        for _ in range(_MOST_MOVES + 1):
            answer = fetch(
                address, self._context.guard, self._context.fetch_limits, agent=self._context.pace.agent, beginning=MOST_BYTES
            )
            if answer.location:
                try:
                    address = normal(answer.location, address)
                except ValueError:
                    break
                continue
            if answer.status == 429 or answer.status >= 500:
                check_status(answer)  # nobody knows what is allowed until it answers
            if answer.status == 200:
                rules = read_robots(unpacked(answer, MOST_BYTES * 4), self._context.pace.agent)
            break
        kept = msgspec.to_builtins(rules)
        pause = self._context.pace.pause(rules.delay)
        self._end(lambda c: turns.keep_robots(c, turn, kept, pause))

    def _fetch(self, turn: Turn) -> Fetched:
        """Ask for the address, and keep the answer before anything is made of it."""
        one = turn.address
        knows = one.outcome not in (None, VisitOutcome.FAILED, VisitOutcome.MOVED)
        answer = fetch(
            one.url,
            self._context.guard,
            self._context.fetch_limits,
            agent=self._context.pace.agent,
            etag=one.etag if knows else None,
            modified=one.modified if knows else None,
        )
        check_status(answer)
        self._context.store.keep_visit(warc_name(one), packed_visit(answer, datetime.now(UTC), self._context.pace.agent))
        fail_here("collect_kept", turn)
        return answer

    def _kept(self, one: TurnAddress) -> Fetched | None:
        """The answer that a collector kept before it died."""
        data = self._context.store.visit(warc_name(one))
        answer = visit_of(data) if data is not None else None
        if answer is not None and answer.is_unchanged and one.etag is None and one.modified is None:
            return None  # the kind was changed since: what is unchanged was not looked at as such
        return answer

    # ---- what an answer holds ----

    def _visit(self, turn: Turn, answer: Fetched) -> Visit:
        one = turn.address
        visit = Visit(
            VisitOutcome.UNCHANGED,
            status=answer.status,
            etag=answer.header("etag"),
            modified=answer.header("last-modified"),
            warc=warc_name(one),
        )
        if answer.is_unchanged:
            return replace(visit, ask_below=True)
        if answer.location is not None:
            return self._moved(turn, answer.location, visit)
        body = unpacked(answer, self._context.limits.file_bytes)
        visit = replace(visit, sha256=hashlib.sha256(body).hexdigest(), size=len(body))
        is_same = visit.sha256 == one.sha256 and one.outcome not in (None, VisitOutcome.FAILED)
        with _as_file(body, answer.modified_at) as path:
            view = self._look_through(path, one.url)
            if view.is_challenge:
                raise GongkaiError("fetch.challenge", "the page asks whether a person is there", "a page")
            if view.moved_to is not None and not view.files:
                return self._moved(turn, view.moved_to, visit)
            if is_list(one.kind, view):
                reports, left_out = self._reports(one, view)
                outcome = VisitOutcome.UNCHANGED if is_same else VisitOutcome.LISTED
                pages = self._pages(one, view)
                return replace(visit, outcome=outcome, found=reports, pages=pages, ask_below=is_same, left_out=left_out)
            files, left_out = self._files(one, view)
            visit = replace(visit, found=files, left_out=left_out)
            if is_same and one.document_id is not None:
                return replace(visit, ask_below=True)
            pictures = self._pictures(turn, view)
            self._asked = pictures.asked
            visit = replace(visit, left_out=left_out + pictures.left_out, again=pictures.again)
            document, contents = self._register(one, path, answer.modified_at, pictures.found)
            if self._is_purged([visit.sha256 or "", *contents]):
                self._context.store.delete(visit.sha256 or "", [warc_name(one)])
                visit = replace(visit, warc=None)
        outcome = VisitOutcome.CHANGED
        if one.sha256 is None and (one.outcome is None or one.document_id is None):
            outcome = VisitOutcome.NEW
        elif one.sha256 is None and document == one.document_id:  # pictures did not come, then and now
            outcome = VisitOutcome.UNCHANGED
        return replace(visit, outcome=outcome, document_id=document)

    def _pictures(self, turn: Turn, view: PageView) -> FetchedPictures:
        """The pictures of a page on its own host, one after the other with the pauses between requests; as many as files."""
        links = view.pictures
        if not links or turn.robots is None:
            return FetchedPictures({}, len(links), again=bool(links))
        rules = msgspec.convert(turn.robots, RobotRules)

        def ask(address: str) -> bytes:
            if not rules.allow(address):
                raise GongkaiError("fetch.robots", "robots.txt does not allow it", "an address that it allows")
            if self._stopped.wait(self._pause(turn)):
                raise SystemExit  # the turn is given back
            answer = fetch(address, self._context.guard, self._context.fetch_limits, agent=self._context.pace.agent)
            check_status(answer)
            if answer.status not in _WHOLE:
                raise GongkaiError("fetch.status", f"status {answer.status}", "a picture")
            return unpacked(answer, self._context.limits.file_bytes)

        most = self._context.pace.files
        return fetch_pictures(links, ask, most=most, size=self._context.limits.file_bytes - _REPORT_PAGE_BYTES)

    def _moved(self, turn: Turn, location: str, visit: Visit) -> Visit:
        one = turn.address
        try:
            target = normal(location, one.url)
        except ValueError as error:
            raise GongkaiError("fetch.redirects", str(error), "an http address") from error
        if one.parent.moves >= _MOST_MOVES:
            raise GongkaiError("fetch.redirects", f"more than {_MOST_MOVES} redirects", f"at most {_MOST_MOVES}")
        if run_transaction(self._context.engine, lambda c: turns.leads_back(c, turn, target)):
            raise GongkaiError("fetch.redirects", f"it leads back to itself by {target}", "a page")
        return replace(visit, outcome=VisitOutcome.MOVED, moved_to=NewAddress(target, host_of(target), one.kind, one.hints))

    def _look_through(self, path: str, address: str) -> PageView:
        """What is seen in a page, by the process that is bounded; nothing where it ended that process."""
        if os.path.getsize(path) > _REPORT_PAGE_BYTES:
            return PageView()
        view = PageView()
        for answer in self._reader.ask(
            LookThrough(os.fsencode(path), address, self._context.limits), self._context.limits.seconds
        ):
            if isinstance(answer, SeenPage):
                view = answer.view
            elif isinstance(answer, Bug):
                log.error("a bug in looking through a page", path=answer.path, traceback=answer.traceback)
            elif isinstance(answer, Ended):
                log.warning("a page ended the process that looked through it", url=address, code=answer.code)
        return view

    def _reports(self, one: TurnAddress, view: PageView) -> tuple[tuple[NewAddress, ...], int]:
        """The reports to which a list leads, and how many more are left out."""
        links = [link for link in view.reports if link.address != one.url]
        if one.parent.hops >= _MOST_HOPS:
            return (), len(links)
        hints = replace(one.hints, agency=None, year=None, published_on=None, published_with=None)
        return tuple(NewAddress(link.address, host_of(link.address), AddressKind.REPORT, hints, link.text) for link in links), 0

    def _pages(self, one: TurnAddress, view: PageView) -> tuple[NewAddress, ...]:
        return tuple(NewAddress(page, host_of(page), AddressKind.COLUMN, one.hints) for page in view.more)

    def _files(self, one: TurnAddress, view: PageView) -> tuple[tuple[NewAddress, ...], int]:
        """The files that belong to a report, and how many more are left out. A file, or a page in a frame, has none."""
        if one.kind is AddressKind.FILE:
            return (), 0
        links = [link for link in view.files if link.address != one.url]
        most = self._context.pace.files if one.parent.hops < _MOST_HOPS else 0
        hints = self._together(one)
        taken = (NewAddress(link.address, host_of(link.address), AddressKind.FILE, hints, link.text) for link in links[:most])
        return tuple(taken), max(0, len(links) - most)

    @staticmethod
    def _together(one: TurnAddress) -> Hints:
        """What is known of the documents of one visit to a page. Its files have it from their page."""
        if one.kind is AddressKind.FILE and one.hints.published_with is not None:
            return one.hints
        return replace(one.hints, published_with=f"{one.url} {one.parent.round}")

    # ---- into the books ----

    def _register(
        self, one: TurnAddress, path: str, modified: datetime | None, pictures: Mapping[str, bytes]
    ) -> tuple[int | None, list[str]]:
        """Register what was fetched, by the way of every file that comes in, a page with its ``pictures``.

        Return the document that it is, of an archive the first that came out of it, and what contents came in.
        """
        numbers: dict[str, int] = {}
        contents: list[str] = []

        def registered(arrival: Arrival, result: Registered) -> None:
            numbers.setdefault(arrival.path, result.document_id)
            contents.append(arrival.sha256)

        run = Run(self._context.engine, self._keeper, batch=one.batch, notify=self._context.notify, on_registered=registered)
        parts = tuple(_beside(path, pictures))
        for taken in self._intake.take(Found(path, known_as=one.url, beside=f"{path}.none", parts=parts)):
            arrival = taken.arrival
            if arrival.path == one.url:
                hints = replace(self._together(one), path=one.url)
                arrival = replace(arrival, hints=hints, dated_at=modified)
            else:
                together = self._together(one).published_with
                inside = replace(arrival.hints, region=one.hints.region, published_with=together)
                arrival = replace(arrival, hints=inside)
            run.add(replace(taken, arrival=arrival))
        run.add_unpacked(self._intake.unpacked)
        run.flush()
        return numbers.get(one.url) or next(iter(numbers.values()), None), contents

    def _is_purged(self, contents: Sequence[str]) -> bool:
        """Whether one of these contents was purged before: then no answer that holds it is kept either."""
        with reading(self._context.engine) as connection:
            return bool(purged_contents(connection, contents))

    def _fail(self, turn: Turn, error: GongkaiError, *, asked: float | None = None) -> None:
        """End a turn whose try failed. An address that is failed for good, and of which nothing was ever seen, is in the error
        queue like a file that could not be read.
        """
        one, message = turn.address, str(error).removeprefix(f"{error.code}: ")
        if asked is None and error.code in _OF_THE_HOST:
            asked = 0.0  # the pauses grow with each address that fails so
        pause = self._pause(turn)
        taken = self._intake.refused(one.url, error)
        hints = replace(one.hints, path=one.url)
        arrival = replace(taken.arrival, hints=hints)

        def fail(connection: Connection) -> Decision:
            decision = turns.fail_turn(
                connection, turn, error.code, message, policy=self._context.policy, pause=pause, asked=asked
            )
            if decision.status is not None and one.document_id is None:
                register(connection, one.batch, [arrival])
            return decision

        decision = self._end(fail)
        log.warning("an address was not fetched", url=one.url, code=error.code, message=message, state=str(decision.state))

    @contextmanager
    def _renewing(self, turn: Turn) -> Iterator[None]:
        """Renew the lease of the host while the turn goes on."""
        over = threading.Event()

        def renew() -> None:
            while not over.wait(self._lease / 3):
                try:
                    run_transaction(
                        self._context.engine,
                        partial(turns.renew_turn, turn=turn, lease_seconds=self._lease),
                        durable=False,
                        attempts=1,
                    )
                except GongkaiError as error:  # tried again; the lease outlasts two that were missed
                    log.warning("a lease could not be renewed", host=turn.host, error=str(error))

        thread = threading.Thread(target=renew, name="collect-lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def is_list(kind: AddressKind, view: PageView) -> bool:
    """Return whether a page is a list of reports, and no report itself."""
    if kind is AddressKind.AUTO:
        return not view.has_form and len(view.reports) >= _SEVERAL
    return kind is AddressKind.COLUMN and view.is_page


def warc_name(one: TurnAddress) -> str:
    """The name under which the answer of the present visit is kept."""
    return f"{url_key(one.url)}-{one.visit}.warc.gz"


@contextmanager
def _as_file(content: bytes, modified: datetime | None) -> Iterator[str]:
    """The path of a file with a content, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="gongkai-") as folder:
        path = os.path.join(folder, "answer")
        with open(path, "wb") as file:
            file.write(content)
        if modified is not None:
            os.utime(path, (modified.timestamp(), modified.timestamp()))
        yield path


def _beside(path: str, pictures: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    """Write pictures beside a page. Yield the address and the path of each."""
    for number, (address, data) in enumerate(pictures.items(), 1):
        with open(f"{path}.{number}", "wb") as file:
            file.write(data)
        yield address, file.name


def file_kind(url: str) -> AddressKind:
    """Return what an address of a list is taken for where the list does not say."""
    return AddressKind.REPORT if is_file(url) else AddressKind.AUTO
