"""Metrics for Prometheus, read from the database when they are asked for: ``python -m workers.metrics`` serves them.

A response is cached for some seconds, and for ten times as long as it took: monitoring takes at most a tenth of what the database
can do, however large it is.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client import start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector, CollectorRegistry
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from codebook.records import Status
from codebook.stages import FIRST, PAGE_STAGE
from database.intake import inboxes
from database.intake.inboxes import WatcherItem
from database.monitoring import measures
from database.monitoring.measures import Labelled, Measures
from database.session import make_engine, reading
from runtime import log as logs
from runtime.child_command import module_command
from runtime.log import get_logger
from runtime.private import keep_private
from runtime.settings import Settings, load_settings

log = get_logger(__name__)

_SHARE = 10  # a response is cached this many times longer than it took
_COUNTERS = {
    measures.RESCUER_RUNS: ("gongkai_rescuer_runs", "Looks of the rescuer at the ledger."),
    measures.LEASES_EXPIRED: ("gongkai_leases_expired", "Tries that the rescuer ended because their lease had expired."),
    measures.MESSAGES_LOST: ("gongkai_messages_lost", "Messages that the broker lost, found and sent again by the rescuer."),
}


class DatabaseCollector(Collector):
    """Everything that the database knows, as metrics. ``clock`` in seconds."""

    def __init__(self, engine: Engine, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._settings, self._clock = engine, settings, clock
        self._lock = threading.Lock()
        self._kept: list[Metric] = []
        self._good_until = float("-inf")

    def describe(self) -> Iterable[Metric]:
        """Nothing: the database need not answer when the collector is registered."""
        return []

    def collect(self) -> Iterable[Metric]:
        """The metrics; of a database that does not answer only that it does not."""
        with self._lock:
            if self._clock() >= self._good_until:
                self._kept = self._ask()
            return self._kept

    def _ask(self) -> list[Metric]:
        began = self._clock()
        stale = self._settings.stale_seconds
        try:
            with reading(self._engine) as connection:
                found = measures.measures(connection, stale)
                watched = inboxes.watchers(connection, stale)
        except SQLAlchemyError as error:
            log.warning("the database does not answer", error=str(error).splitlines()[0])
            self._good_until = self._clock() + min(1.0, self._settings.metrics_seconds)
            return [_gauge("gongkai_database_up", "Whether the database answers.", [((), 0)])]
        took = self._clock() - began
        self._good_until = self._clock() + max(self._settings.metrics_seconds, _SHARE * took)
        up = _gauge("gongkai_database_up", "Whether the database answers.", [((), 1)])
        asked = _gauge("gongkai_scrape_seconds", "Seconds that the database took for these metrics.", [((), took)])
        return [up, asked, *_ledger(found), *_counters(found), *_watched(watched)]


_Samples = Iterable[tuple[Sequence[str], float]]


def _gauge(name: str, text: str, samples: _Samples, labels: Sequence[str] = ()) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, number in samples:
        family.add_metric(values, number)
    return family


def _counter(name: str, text: str, samples: _Samples, labels: Sequence[str] = ()) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for values, number in samples:
        family.add_metric(values, number)
    return family


def _of(found: Sequence[Labelled]) -> _Samples:
    return ((one.labels, one.value) for one in found)


def _ledger(found: Measures) -> Iterator[Metric]:
    documents = {str(status): 0 for status in Status if status is not Status.DUPLICATE} | found.documents
    yield _gauge(
        "gongkai_documents", "Documents by status.", (((status,), number) for status, number in documents.items()), ["status"]
    )
    labels = ["stage", "state", "queue"]
    yield _gauge("gongkai_stages", "Stages of documents, of all runs, by stage, state and queue.", _of(found.stages), labels)
    oldest = (((queue,), age) for queue, age in found.oldest.items())
    yield _gauge("gongkai_queue_oldest_seconds", "How long the first of a queue has been due; 0: nothing is.", oldest, ["queue"])
    yield _gauge("gongkai_failures", "Rows of the error queue by code and state.", _of(found.failures), ["code", "state"])
    yield _counter("gongkai_attempts", "Tries at stages by stage and outcome.", _of(found.attempts), ["stage", "outcome"])
    yield _counter("gongkai_attempt_faults", "Tries that failed, by stage and code.", _of(found.faults), ["stage", "code"])
    labels = ["stage", "engine"]
    spent = SummaryMetricFamily(
        "gongkai_stage_seconds", "Seconds of work in tries that ended, by stage and engine.", labels=labels
    )
    for one in found.spent:
        spent.add_metric([one.stage, one.engine], one.tries, one.seconds)
    yield spent
    used = (((one.stage, one.engine), one.cpu_seconds) for one in found.spent)
    yield _counter("gongkai_cpu_seconds", "Processor seconds of tries that ended, by stage and engine.", used, labels)
    yield _counter("gongkai_pages", "Pages of documents (extract), and read from pictures (ocr).", _pages(found), labels)
    yield _gauge("gongkai_leases_overdue", "Tries whose lease ended, and that nobody ended for 30 s.", [((), found.overdue)])
    yield _gauge("gongkai_workers", "Workers that show that they live.", [((), found.workers)])


def _pages(found: Measures) -> _Samples:
    """An engine of OCR does a page in a try; pages without an engine had been read before."""
    yield (FIRST, ""), found.pages
    yield from (((one.stage, one.engine), one.tries) for one in found.spent if one.stage == PAGE_STAGE.name)


def _counters(found: Measures) -> Iterator[Metric]:
    for name, (metric, text) in _COUNTERS.items():
        yield _counter(metric, text, [((), found.counters.get(name, 0))])
    age = found.counter_ages.get(measures.RESCUER_RUNS)
    if age is not None:
        yield _gauge("gongkai_rescuer_age_seconds", "Seconds since the rescuer last looked at the ledger.", [((), age)])


def _watched(items: Sequence[WatcherItem]) -> Iterator[Metric]:
    def each(value: Callable[[WatcherItem], float | None]) -> _Samples:
        numbers = ((item, value(item)) for item in items)
        return (((item.host, item.folder, item.name), number) for item, number in numbers if number is not None)

    labels = ["host", "folder", "watcher"]
    yield _gauge("gongkai_watcher_age_seconds", "Seconds since a watcher showed that it lives.", each(lambda i: i.age), labels)
    canary = each(lambda i: i.canary_age)
    yield _gauge("gongkai_canary_age_seconds", "Seconds since a canary came through a watched folder.", canary, labels)
    blind = each(lambda i: float(i.blind))
    yield _gauge("gongkai_watcher_blind", "1: the watcher lives, but a canary did not come through in time.", blind, labels)
    waiting = each(lambda i: i.waiting)
    yield _gauge("gongkai_watcher_waiting_files", "Files that are not quiet or complete yet.", waiting, labels)
    blocked = each(lambda i: i.blocked)
    yield _gauge("gongkai_watcher_blocked_files", "Files in a watched folder that cannot be taken.", blocked, labels)
    taken = each(lambda i: i.taken)
    yield _counter("gongkai_watcher_files_taken", "Files that a watcher has registered and filed away.", taken, labels)


def registry(engine: Engine, settings: Settings) -> CollectorRegistry:
    """A registry with the metrics of the database alone: those of the serving process would say nothing."""
    made = CollectorRegistry(auto_describe=False)
    made.register(DatabaseCollector(engine, settings))
    return made


def metrics_command(settings: Settings, address: str, port: int) -> tuple[list[str], dict[str, str]]:
    """The arguments and the environment additions that serve metrics."""
    return module_command("workers.metrics", address, str(port)), settings.environment()


def main(argv: Sequence[str]) -> None:
    """Serve metrics until stopped (SIGTERM, SIGINT). Arguments: address, port. Raises OSError when the port is taken."""
    address, port = argv
    settings = load_settings()
    keep_private(settings)
    logs.configure(settings)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    engine = make_engine(settings.database)
    server, thread = start_http_server(int(port), addr=address, registry=registry(engine, settings))
    log.info("metrics are served", url=f"http://{address}:{port}/metrics")
    stop.wait()
    server.shutdown()
    thread.join()
    server.server_close()
    engine.dispose()


if __name__ == "__main__":
    main(sys.argv[1:])
