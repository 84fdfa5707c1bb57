"""Fixtures for the fault tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.chaos.proxy import Proxy
from tests.chaos.trial import Trial
from tests.chaos.wellbeing import File, Rows, undisturbed
from tests.servers import RedisServer
from tests.workers.cluster import Cluster
from tests.workers.conftest import full_blocks

__all__ = ["full_blocks"]

MakeTrial = Callable[..., Trial]
MakeCluster = Callable[..., Cluster]
Expect = Callable[[Sequence[File]], Rows]


@pytest.fixture
def make_trial(tmp_path: Path, redis_server: RedisServer) -> Iterator[MakeTrial]:
    """Makes a trial on a database; ends it after the test."""
    made: list[Trial] = []

    def make(database_url: str, **settings: object) -> Trial:
        made.append(Trial(tmp_path / "home", database_url, redis_server, **settings))
        return made[-1]

    yield make
    for trial in made:
        trial.close()


@pytest.fixture(scope="session")
def expect(tmp_path_factory: pytest.TempPathFactory) -> Expect:
    """The rows of an undisturbed run over these files; each set of files is read once."""
    known: dict[str, Rows] = {}

    def rows(files: Sequence[File]) -> Rows:
        key = " ".join(file.sha256 for file in files)
        if key not in known:
            known[key] = undisturbed(files, tmp_path_factory.mktemp("undisturbed"))
        return known[key]

    return rows


@pytest.fixture
def make_proxy() -> Iterator[Callable[[Path], Proxy]]:
    """Makes a proxy in front of a unix socket."""
    made: list[Proxy] = []

    def make(target: Path) -> Proxy:
        made.append(Proxy(target))
        return made[-1]

    yield make
    for proxy in made:
        proxy.close()


@pytest.fixture
def make_cluster(tmp_path: Path, redis_server: RedisServer) -> Iterator[Callable[..., Cluster]]:
    """Makes a cluster whose stages do what documents ask for."""
    made: list[Cluster] = []

    def make(database_url: str, **settings: object) -> Cluster:
        made.append(Cluster(tmp_path / "home", database_url, redis_server, **settings))
        return made[-1]

    yield make
    for cluster in made:
        cluster.close()
