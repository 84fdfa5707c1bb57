"""Fixtures for tests of the machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.size import FULL
from tests.servers import RedisServer
from tests.workers.cluster import Cluster
from workers import notifier, stage_runner

MakeCluster = Callable[..., Cluster]


@pytest.fixture(autouse=True)
def full_blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """In full size what a test sends comes in as few messages as can be, so that the faults meet whole blocks."""
    if FULL and request.node.get_closest_marker("slow"):
        monkeypatch.setattr(notifier, "_MESSAGES", 2)


@pytest.fixture
def make_cluster(tmp_path: Path, redis_server: RedisServer) -> Iterator[MakeCluster]:
    """Makes a cluster on a database; ends it after the test."""
    made: list[Cluster] = []

    def make(database_url: str, **settings: Any) -> Cluster:
        made.append(Cluster(tmp_path / "home", database_url, redis_server, **settings))
        return made[-1]

    yield make
    for cluster in made:
        cluster.close()


class Clock:
    """The steady clock of the machine, put forward by hand."""

    def __init__(self) -> None:
        self._passed = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self._passed

    def pass_by(self, seconds: float) -> None:
        self._passed += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the runner."""
    clock = Clock()
    monkeypatch.setattr(stage_runner, "time", clock)
    return clock
