"""The machine under faults: real workers, a real Redis, real databases, real signals. Nothing is lost, nothing is done twice."""

from __future__ import annotations

import base64
import os
import signal
import time
from pathlib import Path

import msgspec
import psutil
import pytest

from codebook.stages import StageName
from database import ledger
from database.ledger import Queued
from tests.chaos.size import in_full_size, some
from tests.servers import PostgresServer, RedisServer
from tests.workers.cluster import Cluster, children
from tests.workers.conftest import MakeCluster

pytestmark = pytest.mark.slow


def stage_of(cluster: Cluster, document: int) -> tuple[str, int, int, int, str | None]:
    """State, crashes, losses, transients and code of the stage at which a document stopped."""
    for row in reversed(cluster.stages()):
        if row.document_id == document:
            return row.state, row.crashes, row.losses, row.transients, row.code
    raise AssertionError(f"document {document} has no stage")


def test_each_document_ends_where_its_faults_lead(make_cluster: MakeCluster, database_url: str) -> None:
    cluster = make_cluster(database_url, light_seconds=3)
    worker = cluster.worker()
    before = psutil.Process(worker.pid).create_time()
    cluster.rescuer()
    plain = cluster.add(*[{} for _ in range(10)])
    pages = cluster.add({"pages": 3}, {"pages": 1, "ocr": ["raise:file.changed", "ok"]})
    shaky = cluster.add(
        {"parse": ["raise:file.changed", "ok"]},
        {"load": ["kill", "ok"]},
        {"extract": ["raise:store.unavailable", "ok"]},
        {"validate": ["exit", "ok"]},
    )
    (changed, lasting, bug, memory, segfault, hang) = cluster.add(
        {"extract": ["raise:file.changed"]},
        {"parse": ["raise:report.not_a_report"]},
        {"validate": ["bug"]},
        {"extract": ["memory", "eat"]},
        {"parse": ["segv", "kill"]},
        {"extract": ["hang"]},
    )
    cluster.settle()
    cluster.check([*plain, *pages, *shaky])
    assert stage_of(cluster, changed) == ("failed", 0, 0, 8, "file.changed")
    assert stage_of(cluster, lasting) == ("rejected", 0, 0, 0, "report.not_a_report")
    assert stage_of(cluster, bug) == ("failed", 0, 0, 0, "internal")
    assert stage_of(cluster, memory) == ("failed", 3, 0, 0, "worker.out_of_memory")
    assert stage_of(cluster, segfault) == ("failed", 3, 0, 0, "worker.crashed")
    assert stage_of(cluster, hang) == ("failed", 3, 0, 0, "stage.timeout")
    assert [one for one in cluster.outcomes(hang) if one != "released"] == ["crashed"] * 3  # in a block a try does not count
    ((detail,),) = cluster.rows("select detail from gk_failure where code = 'internal'")
    assert "ValueError: asked for" in detail
    assert worker.poll() is None
    assert psutil.Process(worker.pid).create_time() == before


def test_the_worker_dies_with_its_work(make_cluster: MakeCluster, postgres_url: str) -> None:
    cluster = make_cluster(postgres_url)
    worker = cluster.worker()
    ids = cluster.add(*[{"extract": ["slow:20", "ok"]} for _ in range(4)])
    running = "select id from gk_stage where state = 'running'"
    cluster.until(lambda: len(cluster.rows(running)) >= 2)
    family = children(worker.pid)
    cluster.kill(worker)
    cluster.until(lambda: not any(psutil.pid_exists(pid) for pid in family), 5, "its processes live on")
    held = len(cluster.rows(running))  # one for each process, or a block
    cluster.rescuer()
    cluster.worker()
    cluster.settle()
    cluster.check(ids)
    counts = cluster.rows("select sum(crashes), sum(losses) from gk_stage")
    assert [tuple(row) for row in counts] == [(0, held)]


def test_a_process_that_sleeps_through_its_lease_is_fenced(make_cluster: MakeCluster, sqlite_url: str) -> None:
    cluster = make_cluster(sqlite_url, lease_seconds=3, heartbeat_seconds=0.5, stale_seconds=1.9)
    cluster.worker()
    cluster.rescuer()
    (document,) = cluster.add({"load": ["slow:1", "ok"]})
    query = "select owner from gk_stage where stage = 'load' and state = 'running'"
    cluster.until(lambda: cluster.rows(query))
    pid = int(cluster.rows(query)[0][0].rpartition("#")[2])
    os.kill(pid, signal.SIGSTOP)
    cluster.settle()
    os.kill(pid, signal.SIGCONT)
    time.sleep(2)
    cluster.check([document])
    assert cluster.outcomes(document, "load") == ["crashed", "done"]


@in_full_size  # with the real stages it is in tests/chaos/test_broker.py
def test_messages_may_come_five_times(make_cluster: MakeCluster, postgres_url: str) -> None:
    cluster = make_cluster(postgres_url)
    ids = cluster.add(*[{"pages": 1} for _ in range(20)], notify=False)
    stages = [Queued(row[0], StageName.EXTRACT, "documents") for row in cluster.rows("select id from gk_stage")]
    assert len(cluster.notifier.send(stages * 5)) == 100
    cluster.rescuer()
    cluster.worker()
    cluster.settle()
    cluster.until(lambda: not any((cluster.notifier.depths() or {"": 1}).values()), 10, "messages are left")
    cluster.check(ids)
    assert {row.attempts for row in cluster.stages()} == {1}


@in_full_size  # with the real stages it is in tests/chaos/test_broker.py
def test_the_broker_is_emptied_killed_and_started_again(
    make_cluster: MakeCluster, sqlite_url: str, redis_server: RedisServer
) -> None:
    cluster = make_cluster(sqlite_url)
    cluster.worker()
    cluster.rescuer()
    ids = cluster.add(*[{"parse": ["slow:0.2"]} for _ in range(20)])
    cluster.until(lambda: "accepted" in cluster.statuses().values())
    redis_server.client.flushall()
    ids += cluster.add(*[{"parse": ["slow:0.2"]} for _ in range(10)])
    cluster.until(lambda: list(cluster.statuses().values()).count("accepted") > 12)
    redis_server.kill()
    ids += cluster.add({}, {})
    time.sleep(2)
    redis_server.start()
    cluster.settle()
    cluster.check(ids)
    assert {row.crashes + row.losses for row in cluster.stages()} == {0}


def test_the_database_breaks_off_all_connections(
    make_cluster: MakeCluster, postgres_url: str, postgres_server: PostgresServer, postgres_database: str
) -> None:
    cluster = make_cluster(postgres_url)
    cluster.worker()
    cluster.rescuer()
    ids = cluster.add(*[{"parse": ["slow:0.1"]} for _ in range(20)])
    for _ in range(10):
        postgres_server.kick(postgres_database)
        time.sleep(0.3)
    cluster.settle()
    cluster.check(ids)
    assert cluster.rows("select 1 from gk_failure") == []


@pytest.mark.parametrize("kind", some(["sqlite"], ["postgres"]))
def test_a_process_dies_at_every_point_of_the_protocol(
    make_cluster: MakeCluster, kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    points = ["after_claim", "after_work", "before_commit", "after_commit", "before_notify"]
    failpoint = ",".join(f"{point}:kill:{tmp_path / point}" for point in points)
    cluster = make_cluster(request.getfixturevalue(f"{kind}_url"))
    cluster.worker(GONGKAI_FAILPOINT=failpoint)
    cluster.rescuer()
    ids = cluster.add(*[{"pages": number % 2} for number in range(12)])
    cluster.settle()
    cluster.check(ids)
    assert sorted(path.name for path in tmp_path.glob("*_*")) == sorted(points)


def test_a_worker_that_is_asked_to_end_gives_back_what_it_has(make_cluster: MakeCluster, postgres_url: str) -> None:
    cluster = make_cluster(postgres_url)
    worker = cluster.worker()
    (document,) = cluster.add({"extract": ["slow:60", "ok"]})
    cluster.until(lambda: cluster.rows("select 1 from gk_stage where state = 'running'"))
    started = time.monotonic()
    worker.terminate()
    worker.wait(90)
    assert time.monotonic() - started < 50  # not until the stage ends
    assert [tuple(row) for row in cluster.rows("select state, attempts, notified_at from gk_stage")] == [("queued", 0, None)]
    assert cluster.outcomes(document) == ["released"]
    assert cluster.living() == []


def test_a_message_that_was_lost_is_sent_again(make_cluster: MakeCluster, sqlite_url: str, redis_server: RedisServer) -> None:
    cluster = make_cluster(sqlite_url)
    ids = cluster.add({}, {})
    assert (cluster.notifier.depths() or {})["documents"] == 2
    redis_server.client.lpop("documents")
    cluster.worker()
    cluster.rescuer()
    cluster.settle(25)
    cluster.check(ids)


def test_reprocessing_goes_through_the_machine(make_cluster: MakeCluster, sqlite_url: str) -> None:
    cluster = make_cluster(sqlite_url)
    cluster.worker()
    cluster.rescuer()
    first = cluster.add({}, {})
    cluster.settle()
    with cluster.engine.begin() as connection:
        assert ledger.reprocess(connection, ledger.Selection(), StageName.PARSE, who="me", reason="r") == 2
    cluster.settle()
    assert set(cluster.statuses().values()) == {"accepted"}
    assert sorted(tuple(row) for row in cluster.rows("select document_id, run from effects")) == sorted(
        (document, run) for document in first for run in (1, 2)
    )
    assert [row[0] for row in cluster.rows("select count(*) from gk_stage where stage = 'extract'")] == [2]


def test_what_is_no_message_does_not_end_a_worker(make_cluster: MakeCluster, sqlite_url: str) -> None:
    """Another program writes to the same Redis: the worker drops it and goes on."""
    cluster = make_cluster(sqlite_url)
    worker = cluster.worker()
    body = base64.b64encode(b"not json").decode()
    properties = {"delivery_tag": "1", "delivery_info": {"exchange": "", "routing_key": "documents"}, "body_encoding": "base64"}
    envelope = {
        "body": body,
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": {},
        "properties": properties,
    }
    known = envelope | {"headers": {"id": "1", "task": "gongkai.extract"}}
    other = envelope | {"headers": {"id": "2", "task": "theirs"}, "body": base64.b64encode(b"[[], {}, {}]").decode()}
    for item in (
        b"not json",
        b"\xff\xfe",
        b"17",
        b"[]",
        b'{"a": 1}',
        b'{"properties": 1}',
        *map(msgspec.json.encode, (envelope, known, other)),
    ):
        cluster.redis.client.lpush("documents", item)
    (document,) = cluster.add({})
    cluster.settle()
    cluster.check([document])
    assert worker.poll() is None
    assert cluster.redis.client.llen("documents") == 0
