"""Two people take in the same folder at the same moment: each file is one source, each content one document."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from database import ledger
from database.session import make_engine, reading
from runtime.settings import Settings
from tests.chaos.trial import reports
from tests.servers import RedisServer
from tests.workers.cluster import FAST, REPOSITORY

pytestmark = pytest.mark.slow

FILES = 60


@pytest.mark.parametrize("kind", ["embedded", "served"])
def test_two_ingest_of_one_folder_at_once(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest, redis_server: RedisServer
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number, file in enumerate(reports(FILES)):
        (folder / f"{number:04}.txt").write_bytes(file.data)
    (folder / "copy.txt").write_bytes((folder / "0000.txt").read_bytes())
    values = FAST | {"home": tmp_path / "home", "concurrency": 1}
    if kind == "served":
        values |= {"database_url": request.getfixturevalue("postgres_url"), "broker_url": redis_server.url}
    settings = Settings(**values)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GONGKAI_")}
    environment = {**clean, **settings.environment(), "PYTHONPATH": str(REPOSITORY)}

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "console.cli", *arguments]
        return subprocess.Popen(command, env=environment, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    waits = [] if kind == "embedded" else ["--no-wait"]
    two = [start("ingest", str(folder), "--batch", "b", *waits) for _ in range(2)]
    for one in two:
        _, said = one.communicate(timeout=240)
        assert one.returncode in (0, 3), said.decode()
    engine = make_engine(settings.database, pooled=False)
    with reading(engine) as connection:
        books = ledger.balance(connection)
        documents = connection.execute(text("select count(*) from gk_document")).scalar_one()
        stages = connection.execute(text("select count(*) from gk_stage where stage = 'extract'")).scalar_one()
        doubled = connection.execute(text("select count(*) from gk_report where version > 1")).scalar_one()
        assert ledger.invariants(connection) == []
    assert (books.registered, books.duplicate, documents, stages, doubled) == (FILES + 1, 1, FILES, FILES, 0)
    assert books.holds
    assert kind == "served" or books.processing == 0
