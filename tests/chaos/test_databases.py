"""The database restarted, cut off, slow to answer; clocks that are wrong."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import make_url

from database import ledger, migrations
from database.intake import register
from database.ledger import Arrival
from database.session import make_engine, run_transaction
from tests.chaos.conftest import Expect, MakeCluster, MakeTrial
from tests.chaos.proxy import Proxy
from tests.chaos.size import some
from tests.chaos.trial import reports, send
from tests.servers import PostgresServer
from tests.workers.cluster import REPOSITORY, children

pytestmark = pytest.mark.slow

Proxies = Callable[[Path], Proxy]


def through(proxy: Proxy, url: str) -> str:
    """The URL of a database on a unix socket, by way of a proxy."""
    parsed = make_url(url)
    return parsed.set(host="127.0.0.1", port=proxy.port, query={}).render_as_string(hide_password=False)


def socket_of(url: str) -> Path:
    """The unix socket of a PostgreSQL."""
    return Path(str(make_url(url).query["host"])) / ".s.PGSQL.5432"


def test_postgresql_crashes_in_the_middle_of_commits(
    make_trial: MakeTrial, expect: Expect, postgres_url: str, postgres_server: PostgresServer
) -> None:
    trial, files = make_trial(postgres_url), reports(60)
    trial.worker()
    trial.rescuer()
    trial.register(files)
    for count in (5, 15, 25):
        trial.until(lambda count=count: trial.finished() >= count)
        trial.engine.dispose()
        postgres_server.crash()
        time.sleep(1)
        postgres_server.start()
    trial.well(expect(files), 120)
    assert trial.rows("select count(*) from gk_failure where code <> 'report.not_a_report' and code not like 'report.%'") == [
        (0,)
    ]


def test_the_answer_to_a_commit_is_lost(make_trial: MakeTrial, expect: Expect, postgres_url: str, make_proxy: Proxies) -> None:
    """What was committed is not done again, though the worker was never told."""
    trial, files = make_trial(postgres_url), reports(20)
    proxy = make_proxy(socket_of(postgres_url))
    commits = []

    def eavesdrop(data: bytes) -> bool:
        if b"COMMIT" not in data:
            return False
        commits.append(1)
        return len(commits) % 7 == 0

    proxy.eavesdrop = eavesdrop
    trial.worker(GONGKAI_DATABASE_URL=through(proxy, postgres_url))
    trial.rescuer()
    trial.register(files)
    trial.well(expect(files))
    assert len(commits) > 30


def test_a_worker_cut_off_from_the_database_beyond_its_lease(
    make_trial: MakeTrial, expect: Expect, postgres_url: str, make_proxy: Proxies
) -> None:
    trial = make_trial(postgres_url, lease_seconds=3, heartbeat_seconds=0.5, beat_seconds=0.4, stale_seconds=1.9)
    files = reports(30)
    proxy = make_proxy(socket_of(postgres_url))
    trial.worker(GONGKAI_DATABASE_URL=through(proxy, postgres_url))
    trial.rescuer()
    trial.register(files)
    trial.until(lambda: trial.finished() > 2)
    proxy.freeze()
    cut = time.monotonic()
    trial.worker()
    trial.settle()
    proxy.thaw()
    time.sleep(max(0.0, cut + 5 - time.monotonic()))
    trial.well(expect(files))
    assert trial.rows("select count(*) from gk_failure where code = 'worker.crashed'") == [(0,)]


def test_a_process_is_replaced_while_the_database_does_not_answer(
    make_cluster: MakeCluster, postgres_url: str, make_proxy: Proxies
) -> None:
    """The process monitor then waits for an answer that does not come, and no process is forked while it talks to a database."""
    cluster, armed, frozen = make_cluster(postgres_url), threading.Event(), threading.Event()
    proxy = make_proxy(socket_of(postgres_url))

    def stall(data: bytes) -> bool:
        if armed.is_set() and b"gk_worker" in data:  # it shows that the worker lives
            proxy.freeze()
            frozen.set()
        return False

    proxy.eavesdrop = stall
    worker = cluster.worker(GONGKAI_DATABASE_URL=through(proxy, postgres_url))
    ids = cluster.add(*[{} for _ in range(8)])
    cluster.settle()  # its processes are up
    before = set(children(worker.pid))
    armed.set()
    assert frozen.wait(60), "the worker did not show that it lives"
    armed.clear()
    os.kill(min(before), signal.SIGKILL)
    cluster.until(lambda: set(children(worker.pid)) - before, 60, "the process was not replaced")
    proxy.thaw()
    cluster.rescuer()
    ids += cluster.add(*[{} for _ in range(8)])
    cluster.settle()
    cluster.check(ids)


@pytest.mark.parametrize(("kind", "hours"), some([("sqlite", 1), ("postgres", -1)], [("sqlite", -1), ("postgres", 1)]))
def test_the_clock_of_a_worker_is_wrong(
    make_trial: MakeTrial, expect: Expect, kind: str, hours: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Leases are in database time; only Redis' visibility timeout believes the worker, and a doubled message loses the claim."""
    trial, files = make_trial(request.getfixturevalue(f"{kind}_url")), reports(12)
    (tmp_path / "sitecustomize.py").write_text(f"import time\n_true = time.time\ntime.time = lambda: _true() + {hours * 3600}\n")

    trial.worker(PYTHONPATH=f"{tmp_path}:{REPOSITORY}")
    trial.worker()
    trial.rescuer()
    trial.register(files)
    trial.well(expect(files))
    assert [tuple(row) for row in trial.rows("select sum(crashes), sum(losses) from gk_stage")] == [(0, 0)]


def test_no_transaction_is_open_while_a_page_is_read(make_cluster: MakeCluster, postgres_url: str) -> None:
    cluster = make_cluster(postgres_url)
    cluster.worker()
    cluster.rescuer()
    (document,) = cluster.add({"pages": 2, "ocr": ["slow:2"]})
    reading = "select count(*) from gk_stage where stage = 'ocr' and state = 'running'"
    cluster.until(lambda: cluster.rows(reading) == [(2,)])
    name = make_url(postgres_url).database
    # Heartbeats and sweeps are transactions too, but short ones.
    held = (
        "select count(*) from pg_stat_activity where datname = :name and pid <> pg_backend_pid() "
        "and xact_start < clock_timestamp() - interval '0.5 seconds'"
    )
    looks = []
    while cluster.rows(reading) == [(2,)]:
        looks.append(cluster.rows(held, name=name)[0][0])
        time.sleep(0.1)
    assert len(looks) > 3
    assert set(looks) == {0}
    cluster.settle()
    cluster.check([document])


def test_the_database_is_upgraded_while_workers_work(make_trial: MakeTrial, expect: Expect, database_url: str) -> None:
    """Migrations and the views that are made anew take their locks, and give them back; nobody fails for it."""
    trial, files = make_trial(database_url), reports(30)
    trial.worker()
    trial.rescuer()
    trial.register(files)
    upgrades = 0
    while trial.finished() < len(files):
        migrations.upgrade(make_engine(database_url, pooled=False))
        upgrades += 1
        time.sleep(0.2)
    trial.well(expect(files))
    assert upgrades > 1
    assert [tuple(row) for row in trial.rows("select sum(crashes), sum(losses), sum(transients) from gk_stage")] == [(0, 0, 0)]


def test_the_whole_machine_sleeps_beyond_all_leases(make_cluster: MakeCluster, database_url: str) -> None:
    """As a notebook does, or a virtual machine that is moved: whatever was held is held still."""
    cluster = make_cluster(database_url)
    worker, rescuer = cluster.worker(), cluster.rescuer()
    cluster.until(lambda: cluster.rows("select 1 from gk_count where name = 'rescuer_runs' and value > 2"))
    documents = cluster.add({"extract": ["slow:3"]}, {"extract": ["slow:3"]})
    cluster.until(lambda: cluster.rows("select count(*) from gk_stage where state = 'running'") == [(2,)])
    family = [rescuer.pid, worker.pid, *children(worker.pid)]
    for pid in family:
        send(pid, signal.SIGSTOP)
    time.sleep(cluster.settings.lease_seconds + 1)
    for pid in family:
        send(pid, signal.SIGCONT)
    cluster.settle()
    cluster.check(documents)
    assert [tuple(row) for row in cluster.rows("select sum(crashes), sum(losses) from gk_stage")] == [(0, 0)]


def test_of_two_claims_at_once_exactly_one_wins_a_thousand_times(database_url: str) -> None:
    engine = make_engine(database_url)
    arrivals = [Arrival(f"{number:064x}", "text/plain", 1, f"/{number}") for number in range(500)]
    made = run_transaction(engine, lambda c: register(c, "b", arrivals))
    start = threading.Barrier(2)

    def run(worker: int) -> int:
        own = make_engine(database_url, lazy_commit=True)
        start.wait()
        won = 0
        for one in made:
            won += run_transaction(own, lambda c, one=one: ledger.claim(c, one.stage_id, f"w#{worker}", 60)) is not None
        own.dispose()
        return won

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(run, range(2))) == 500
    engine.dispose()


def test_reprocessing_a_hundred_failures_twice_at_once_while_workers_run(make_cluster: MakeCluster, postgres_url: str) -> None:
    cluster = make_cluster(postgres_url)
    cluster.worker()
    cluster.rescuer()
    failing = cluster.add(*[{"parse": ["raise:report.no_year"], "parse@2": ["ok"]} for _ in range(100)])
    cluster.settle()
    fresh = cluster.add(*[{"extract": ["slow:0.05"]} for _ in range(20)])
    chosen = ledger.Selection(code="report.no_year")
    start = threading.Barrier(2)

    def ask(who: str) -> int:
        own = make_engine(postgres_url)
        start.wait()
        count = run_transaction(own, lambda c: ledger.reprocess(c, chosen, who=who, reason="a rule was mended"))
        own.dispose()
        return count

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(ask, ("one", "two"))) == 100
    cluster.settle()
    cluster.check([*failing, *fresh])
    assert cluster.outcomes(failing[0], "parse") == ["failed", "done"]
    assert cluster.rows("select count(*) from gk_failure where state <> 'resolved'") == [(0,)]
