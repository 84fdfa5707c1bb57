"""Blocks under faults: whatever ends a process takes its block along, and nobody is blamed for another."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence

import psutil
import pytest

from codebook.stages import StageName
from database.ledger import Queued
from tests.chaos.conftest import MakeCluster
from tests.chaos.size import in_full_size, some
from tests.chaos.trial import send
from tests.workers.cluster import Cluster, children
from workers import notifier

pytestmark = pytest.mark.slow

SIZE = 32


@pytest.fixture(autouse=True)
def whole_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this process sends is in as few messages as can be."""
    monkeypatch.setattr(notifier, "_MESSAGES", 1)


def stages_of(cluster: Cluster, documents: Sequence[int]) -> list[Queued]:
    """The first stages of documents, to be sent."""
    found = dict(cluster.rows("select document_id, id from gk_stage where stage = 'extract'"))
    return [Queued(found[document], StageName.EXTRACT, "documents", document) for document in documents]


def sent(cluster: Cluster, plans: Sequence[dict[str, object]]) -> list[int]:
    """Documents whose first stages went out as one message."""
    documents = cluster.add(*plans, notify=False)
    stages = stages_of(cluster, documents)
    assert len(notifier.blocks(stages, SIZE)) == 1
    cluster.notifier.send(stages)
    return documents


@pytest.mark.parametrize(
    ("kind", "action"),
    some(
        [("sqlite", "kill"), ("postgres", "hang"), ("postgres", "eat")],
        [
            ("postgres", "kill"),
            ("sqlite", "hang"),
            ("sqlite", "eat"),
            ("sqlite", "segv"),
            ("postgres", "exit"),
            ("sqlite", "native"),
        ],
    ),
)
def test_a_document_that_ends_its_process_always_is_found_among_thirty_one(
    make_cluster: MakeCluster, kind: str, action: str, request: pytest.FixtureRequest
) -> None:
    """Only it is set aside, after three tries of its own, and the others are loaded without a stain."""
    cluster = make_cluster(request.getfixturevalue(f"{kind}_url"), block=SIZE, light_seconds=4)
    plans: list[dict[str, object]] = [{} for _ in range(SIZE)]
    plans[13] = {"parse": [action]}
    documents = sent(cluster, plans)
    poison = documents[13]
    worker = cluster.worker(concurrency=2)
    cluster.rescuer()
    cluster.settle(120)
    cluster.check([document for document in documents if document != poison])
    code = {"hang": "stage.timeout", "native": "stage.timeout", "eat": "worker.out_of_memory"}.get(action, "worker.crashed")
    assert [tuple(row) for row in cluster.rows("select document_id, code from gk_failure")] == [(poison, code)]
    # Beside the try that was lost with its block: a slow machine gives back what a block has no time for.
    tries = {stage: [one for one in cluster.outcomes(poison, stage) if one != "released"] for stage in ("extract", "parse")}
    assert tries == {"extract": ["done"], "parse": ["crashed"] * 3}
    assert "released" in (*cluster.outcomes(poison, "extract"), *cluster.outcomes(poison, "parse"))
    assert sum(row.crashes + row.losses for row in cluster.stages() if row.document_id != poison) == 0
    assert worker.poll() is None


@in_full_size
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_worker_that_is_asked_to_end_gives_back_the_rest_of_its_block(
    make_cluster: MakeCluster, kind: str, request: pytest.FixtureRequest
) -> None:
    cluster = make_cluster(request.getfixturevalue(f"{kind}_url"), block=SIZE, light_seconds=600)  # no block runs out of time
    worker = cluster.worker(concurrency=1)
    documents = sent(cluster, [{}, {"extract": ["slow:500", "ok"]}, *[{} for _ in range(18)]])
    cluster.until(lambda: "accepted" in cluster.statuses().values())
    worker.terminate()
    worker.wait(60)
    states = cluster.rows("select stage, state, attempts, owner from gk_stage where state <> 'done'")
    assert [tuple(row) for row in states] == [("extract", "queued", 0, None)] * 19
    assert cluster.living() == []
    assert (cluster.notifier.depths() or {})["documents"] == 1  # its message is back at once
    cluster.worker()
    cluster.rescuer()
    cluster.settle()
    cluster.check(documents)
    assert [tuple(row) for row in cluster.rows("select sum(crashes), sum(losses) from gk_stage")] == [(0, 0)]


@in_full_size
def test_a_block_dies_with_its_worker_and_is_done_by_another(make_cluster: MakeCluster, database_url: str) -> None:
    cluster = make_cluster(database_url, block=SIZE)
    worker = cluster.worker(concurrency=1)
    plans: list[dict[str, object]] = [{}, {"extract": ["slow:100", "ok"]}, *[{} for _ in range(18)]]
    documents = sent(cluster, plans)
    cluster.until(lambda: "accepted" in cluster.statuses().values())
    cluster.kill(worker)
    ((done,),) = cluster.rows("select count(*) from gk_stage where stage = 'load' and state = 'done'")
    cluster.rescuer()
    cluster.worker()
    cluster.settle()
    cluster.check(documents)
    ((crashes, losses),) = cluster.rows("select sum(crashes), sum(losses) from gk_stage")
    assert (crashes, losses) == (0, 20 - done)  # what was done stays done
    assert done == 1


@in_full_size
def test_a_frozen_process_loses_its_block_and_writes_nothing_when_it_wakes(make_cluster: MakeCluster, postgres_url: str) -> None:
    cluster = make_cluster(postgres_url, block=SIZE, lease_seconds=3, heartbeat_seconds=0.5, stale_seconds=1.9)
    worker = cluster.worker(concurrency=1)
    documents = sent(cluster, [{"extract": ["slow:0.2", "ok"]} for _ in range(20)])
    cluster.until(lambda: "accepted" in cluster.statuses().values())
    (pid,) = children(worker.pid)
    send(pid, signal.SIGSTOP)
    cluster.rescuer()
    cluster.worker()
    cluster.settle()
    send(pid, signal.SIGCONT)
    time.sleep(2)
    cluster.check(documents)
    assert cluster.rows("select count(*) from gk_stage where crashes > 0") == [(0,)]
    assert psutil.pid_exists(pid)


def test_the_same_blocks_come_again_and_overlap(make_cluster: MakeCluster, database_url: str) -> None:
    cluster = make_cluster(database_url, block=SIZE)
    documents = cluster.add(*[{} for _ in range(96)], notify=False)
    stages = stages_of(cluster, documents)
    for _ in range(3):
        cluster.notifier.send(stages)
        cluster.notifier.send(stages[16:])
        cluster.notifier.send(stages[::-1])
    cluster.worker()
    cluster.worker()
    cluster.settle()
    cluster.rescuer()
    cluster.until(lambda: not any((cluster.notifier.depths() or {"": 1}).values()), 20, "messages are left")
    cluster.check(documents)
    assert {row.attempts for row in cluster.stages()} == {1}
