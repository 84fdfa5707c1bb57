"""Processes that die, freeze and come back: each fault alone, with its exact outcome, and then many of them."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from tests.chaos.conftest import Expect, MakeCluster, MakeTrial
from tests.chaos.nemesis import Nemesis
from tests.chaos.odd_worker import PLACES
from tests.chaos.size import FULL, some
from tests.chaos.trial import reports, send, wait_gone
from tests.servers import RedisServer
from tests.workers.cluster import children

pytestmark = pytest.mark.slow

# Leases of three seconds: what was frozen or cut off is missed soon.
SHORT = {"lease_seconds": 3, "ocr_lease_seconds": 3, "heartbeat_seconds": 0.5, "beat_seconds": 0.4, "stale_seconds": 1.9}


def owner_of(trial: object, stage: str) -> int:
    """The process that has a stage in hand; waits for one."""
    query = f"select owner from gk_stage where stage = '{stage}' and state = 'running'"
    trial.until(lambda: trial.rows(query))  # type: ignore[attr-defined]
    return int(trial.rows(query)[0][0].rpartition("#")[2])  # type: ignore[attr-defined]


def test_a_process_killed_at_the_ocr_of_a_page_costs_that_page_one_try(make_cluster: MakeCluster, database_url: str) -> None:
    cluster = make_cluster(database_url)
    cluster.worker()
    cluster.rescuer()
    neighbours = cluster.add(*[{} for _ in range(5)])
    (document,) = cluster.add({"pages": 2, "ocr": ["slow:3", "ok"]})
    send(owner_of(cluster, "ocr"), signal.SIGKILL)
    killed = time.monotonic()
    cluster.settle()
    assert time.monotonic() - killed < cluster.settings.lease_seconds + cluster.settings.rescue_seconds + 45
    cluster.check([*neighbours, document])
    assert sorted(cluster.outcomes(document, "ocr")) == ["crashed", "done", "done"]
    assert [(row.crashes, row.losses) for row in cluster.stages() if row.stage == "ocr" and row.attempts == 2] == [(1, 0)]


def test_messages_die_with_a_worker_that_had_taken_them(
    make_trial: MakeTrial, expect: Expect, sqlite_url: str, redis_server: RedisServer
) -> None:
    """The moment between taking a message and keeping it: the broker holds nothing any more, and nobody has begun."""
    trial, files = make_trial(sqlite_url), reports(6)
    worker = trial.worker(concurrency=1)
    family = children(worker.pid)
    send(worker.pid, signal.SIGSTOP)
    trial.register(files)
    redis_server.client.delete("documents")  # as the worker that has read them and not yet written down that it has
    trial.kill(worker)
    wait_gone(family)
    assert (trial.notifier.depths() or {})["documents"] == 0
    assert {row.state for row in trial.stages()} == {"queued"}
    trial.rescuer()
    trial.worker()
    trial.well(expect(files))


def test_a_process_frozen_in_the_middle_of_its_commit_holds_nobody_up_for_long(
    make_trial: MakeTrial, expect: Expect, database_url: str, tmp_path: Path
) -> None:
    trial, files = make_trial(database_url, light_seconds=6), reports(12)
    trial.worker(GONGKAI_FAILPOINT=f"before_commit:stop:{tmp_path / 'once'}")
    trial.rescuer()
    trial.register(files)
    trial.well(expect(files))
    assert (tmp_path / "once").exists()
    # Its time limit ends it. On SQLite, where it holds the only lock there is, that of a neighbour may come first, and the worker
    # could not show meanwhile that it lives: then its tries are lost, and the documents not suspected.
    ((crashes, losses),) = trial.rows("select sum(crashes), sum(losses) from gk_stage")
    ((released,),) = trial.rows("select count(*) from gk_attempt where outcome = 'released' and code is not null")
    assert crashes + losses <= 2
    assert crashes + losses + released >= 1  # in a block a try does not count


def test_a_worker_frozen_beyond_its_lease_changes_nothing_when_it_wakes(
    make_trial: MakeTrial, expect: Expect, postgres_url: str
) -> None:
    trial, files = make_trial(postgres_url, **SHORT), reports(9)
    frozen = trial.odd("late", concurrency=2)
    trial.rescuer()
    trial.register(files)
    owner_of(trial, "load")
    family = [frozen.pid, *children(frozen.pid)]
    for pid in family:
        send(pid, signal.SIGSTOP)
    loading = "select document_id, owner from gk_stage where stage = 'load' and state = 'running'"
    held = [document for document, owner in trial.rows(loading) if int(owner.rpartition("#")[2]) in family]
    trial.worker()
    trial.settle()
    for pid in family:
        send(pid, signal.SIGCONT)
    time.sleep(2)
    trial.well(expect(files))
    assert held
    assert {tuple(trial.outcomes(document, "load")) for document in held} == {("lost", "done")}


def test_rescuers_die_and_three_come(make_trial: MakeTrial, expect: Expect, postgres_url: str) -> None:
    trial, files = make_trial(postgres_url, window=10), reports(60)
    rescuers = [trial.rescuer(), trial.rescuer()]
    trial.worker()
    trial.register(files)
    assert sum((trial.notifier.depths() or {}).values()) <= 10
    trial.until(lambda: trial.finished() > 8)
    for rescuer in rescuers:
        trial.kill(rescuer)
    before = trial.finished()
    for _ in range(3):
        trial.rescuer()
    deepest = 0
    while trial.finished() < len(files):
        deepest = max(deepest, (trial.notifier.depths() or {"documents": 0})["documents"])
        time.sleep(0.02)
    assert before < len(files)
    assert deepest <= 3 * 10  # the window once for each of the three, where all looked at the same moment
    trial.well(expect(files))


@pytest.mark.parametrize("kind", some(["sqlite-stepwise", "postgres-joined"], ["sqlite-joined", "postgres-stepwise"]))
def test_a_process_dies_at_every_point_of_every_stage(
    make_trial: MakeTrial, expect: Expect, kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Loading as a step of its own, and in one transaction with the validation before it."""
    database, _, mode = kind.partition("-")
    trial = make_trial(request.getfixturevalue(f"{database}_url"))
    places = {number for number, (_, stage) in enumerate(PLACES) if mode == "stepwise" or stage != "load"}
    files = [file for file in reports(50, seed=3) if "letter" not in file.name]
    marks = tmp_path / "marks"
    marks.mkdir()
    trial.odd("dying,stepwise" if mode == "stepwise" else "dying", ODD_FOLDER=str(marks))
    trial.rescuer()
    trial.register(files)
    trial.well(expect(files))
    assert {int(mark.name) for mark in marks.iterdir()} == places


def test_processes_that_take_long_to_start(make_trial: MakeTrial, expect: Expect, sqlite_url: str) -> None:
    trial, files = make_trial(sqlite_url, tasks_per_child=1), reports(4)
    trial.odd("slow")
    trial.rescuer()
    trial.register(files)
    trial.well(expect(files))
    assert [tuple(row) for row in trial.rows("select sum(crashes), sum(losses) from gk_stage")] == [(0, 0)]


def test_two_versions_work_beside_each_other(make_trial: MakeTrial, expect: Expect, postgres_url: str) -> None:
    trial, files = make_trial(postgres_url), reports(40)
    trial.worker(concurrency=1)
    trial.rescuer()
    trial.register(files)
    trial.until(lambda: trial.finished() > 2)
    newer = trial.odd("newer", concurrency=1)
    trial.until(lambda: trial.finished() > 30)
    trial.register(more := reports(20, seed=2))
    trial.well(expect([*files, *more]))
    query = (
        "select o.versions ->> 'code' as code, a.worker from gk_output o join gk_stage s on s.document_id = o.document_id "
        "and s.run = o.run and s.stage = o.stage join gk_attempt a on a.stage_id = s.id and a.outcome = 'done' "
        "union all select r.versions ->> 'code', a.worker from gk_report r join gk_stage s on s.document_id = r.document_id "
        "and s.stage = 'load' join gk_attempt a on a.stage_id = s.id and a.outcome = 'done'"
    )
    made = trial.rows(query)
    assert {code == "99.0" for code, _ in made} == {True, False}
    assert all((f":{newer.pid}:" in worker) == (code == "99.0") for code, worker in made)


# ---- many at once ----


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_many_documents_and_many_kills(
    make_trial: MakeTrial, expect: Expect, kind: str, request: pytest.FixtureRequest, record_property: object
) -> None:
    """Fifty kills over three hundred documents (in the short run fifteen over ninety), always the same for the same seed."""
    count, kills, seed = (300, 50, 20) if FULL else (90, 15, 20)
    trial = make_trial(request.getfixturevalue(f"{kind}_url"), **SHORT)
    files = reports(count, seed=6)
    nemesis = Nemesis(trial, seed, weights={"child": 8, "main": 1, "rescuer": 1})
    nemesis.keep()
    step = max(1, count // kills)
    for number in range(kills):
        trial.register(files[number * step : (number + 1) * step])
        time.sleep(nemesis.chance.uniform(0.05, 0.4))
        nemesis.strike()
    trial.register(files[kills * step :])
    while nemesis.kills < kills:
        nemesis.strike()
    nemesis.well(expect(files), 240)
    assert nemesis.kills >= kills
    assert trial.rows("select count(*) from gk_stage where state = 'failed' and code = 'worker.crashed'") == [(0,)]


def test_the_dead_leave_no_processes(make_trial: MakeTrial, sqlite_url: str) -> None:
    trial = make_trial(sqlite_url)
    worker = trial.worker()
    family = psutil.Process(worker.pid).children(recursive=True)
    trial.kill(worker)
    wait_gone([member.pid for member in family], 5)
    with trial.engine.connect() as connection:
        assert connection.execute(text("select count(*) from gk_attempt")).scalar_one() == 0
