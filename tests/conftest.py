"""Fixtures that all rooms share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from database import migrations
from database.session import make_engine
from tests.servers import PostgresServer, RedisServer, S3Server, short_folder

REPOSITORY = Path(__file__).resolve().parent.parent

# What a process that runs tests says of its terminal is not for the commands that they run.
os.environ.pop("COLUMNS", None)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder with real reports and their hand-made truth. Tests that need it are skipped, saying so, where it is absent."""
    folder = Path(os.environ.get("GONGKAI_CORPUS", REPOSITORY.parent / "shared" / "corpus"))
    if not (folder / "truth").is_dir():
        pytest.skip(f"the corpus of real reports is not at {folder}; set GONGKAI_CORPUS")
    return folder


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A real PostgreSQL, once per session."""
    with short_folder("gk-pg-") as folder:
        server = PostgresServer(folder)
        yield server
        server.close()


@pytest.fixture(scope="session")
def postgres_database(postgres_server: PostgresServer) -> str:
    """The name of a database with all tables."""
    name = postgres_server.create()
    engine = make_engine(postgres_server.url(name), pooled=False)
    migrations.upgrade(engine)
    return name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    engine = make_engine(f"sqlite:///{path}", pooled=False)
    migrations.upgrade(engine)
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A SQLite database of the test's own, with all tables."""
    shutil.copy(sqlite_template, tmp_path / "test.db")
    return f"sqlite:///{tmp_path / 'test.db'}"


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, postgres_database: str) -> str:
    """A PostgreSQL database with all tables, empty."""
    postgres_server.empty(postgres_database)
    return postgres_server.url(postgres_database)


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A database with all tables; the test runs once for each kind."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine for ``database_url``."""
    made = make_engine(database_url)
    yield made
    made.dispose()


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A real Redis of the test's own."""
    with short_folder("gk-redis-") as folder:
        server = RedisServer(folder)
        yield server
        server.close()


@pytest.fixture
def s3_server(tmp_path: Path) -> Iterator[S3Server]:
    """A real S3 server of the test's own."""
    server = S3Server(tmp_path)
    yield server
    server.close()
