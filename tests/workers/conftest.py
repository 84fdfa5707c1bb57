"""Fixtures for tests of the machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers import RedisServer
from tests.workers.cluster import Cluster

MakeCluster = Callable[..., Cluster]


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
