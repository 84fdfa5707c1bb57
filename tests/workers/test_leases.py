"""A lease tells the truth: it holds while its process lives, whatever that process does."""

from __future__ import annotations

import os
import signal

import pytest

from tests.workers.cluster import children
from tests.workers.conftest import MakeCluster

LIMIT = 12  # seconds

TRIES = (
    "select a.outcome, a.code, a.started_at from gk_attempt a join gk_stage s on s.id = a.stage_id "
    "where s.stage = 'extract' order by a.fence"
)


@pytest.mark.slow
@pytest.mark.parametrize("action", ["search", "native"])
def test_a_process_that_cannot_run_python_keeps_its_lease_until_the_time_limit(
    make_cluster: MakeCluster, postgres_url: str, action: str
) -> None:
    """A search that never ends, or native code, holds the interpreter lock: the thread that renews the lease stands still. Were
    the lease to expire, a second process would take the document too, and the books would blame a crash.
    """
    cluster = make_cluster(postgres_url, lease_seconds=4, light_seconds=LIMIT)
    cluster.worker(concurrency=2)
    cluster.rescuer()
    (document,) = cluster.add({"extract": [action, "ok"]})
    cluster.settle(120)
    first, second = cluster.rows(TRIES)
    assert (first.outcome, first.code, second.outcome) == ("crashed", "stage.timeout", "done")
    assert (second.started_at - first.started_at).total_seconds() >= 0.9 * LIMIT  # nobody took it while it was held
    cluster.check([document])


@pytest.mark.slow
def test_a_frozen_process_loses_its_lease(make_cluster: MakeCluster, postgres_url: str) -> None:
    """Its worker sees that it does not run: another may take over."""
    cluster = make_cluster(postgres_url, lease_seconds=4, light_seconds=60)
    worker = cluster.worker(concurrency=2)
    cluster.rescuer()
    (document,) = cluster.add({"extract": ["freeze", "ok"]})
    cluster.settle(60)
    first, second = cluster.rows(TRIES)
    assert (first.outcome, first.code, second.outcome) == ("crashed", "worker.crashed", "done")
    for pid in children(worker.pid):
        os.kill(pid, signal.SIGCONT)
    cluster.check([document])
