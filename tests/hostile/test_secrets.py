"""The passwords of database and broker stand in no log and no output, whatever goes wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.chaos.proxy import Proxy
from tests.servers import PostgresServer, RedisServer

REPOSITORY = Path(__file__).resolve().parents[2]
DATABASE_SECRET, BROKER_SECRET = "db-hunter2-secret", "bell-hunter2-secret"
pytestmark = pytest.mark.slow


@pytest.fixture
def settings(
    postgres_server: PostgresServer, postgres_url: str, redis_server: RedisServer, tmp_path: Path
) -> Iterator[dict[str, str]]:
    """Settings with passwords, both in use, and logs that say all they can."""
    host = str(make_url(postgres_url).query["host"])
    bell, base = Proxy(redis_server.socket), Proxy(Path(host) / ".s.PGSQL.5432")
    redis_server.client.config_set("requirepass", BROKER_SECRET)
    url = make_url(postgres_url).set(password=DATABASE_SECRET, host="127.0.0.1", port=base.port, query={})
    yield {
        "GONGKAI_HOME": str(tmp_path / "home"),
        "GONGKAI_DATABASE_URL": url.render_as_string(hide_password=False),
        "GONGKAI_BROKER_URL": f"redis://:{BROKER_SECRET}@127.0.0.1:{bell.port}/0",
        "GONGKAI_LOG_LEVEL": "DEBUG",
        "GONGKAI_RESCUE_SECONDS": "0.5",
        "GONGKAI_CONCURRENCY": "1",
    }
    bell.close()
    base.close()


def test_no_password_is_shown(
    settings: dict[str, str], redis_server: RedisServer, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    (tmp_path / "letter.txt").write_text("这是一封信，不是报告。")
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("GONGKAI_")},
        **settings,
        "PYTHONPATH": str(REPOSITORY),
    }
    said = tmp_path / "said.log"

    def start(*arguments: str, **more: str) -> subprocess.Popen[bytes]:
        with said.open("ab") as out:
            command = [sys.executable, "-m", "console.cli", *arguments]
            return subprocess.Popen(command, env={**environment, **more}, cwd=REPOSITORY, stdout=out, stderr=out)

    running = [start("worker"), start("recover")]
    try:
        assert start("ingest", str(tmp_path / "letter.txt")).wait(120) == 3
        redis_server.kill()
        postgres_server.crash()
        start("ingest", str(tmp_path / "letter.txt")).wait(120)
        start("status").wait(60)
        time.sleep(2)
        postgres_server.start()
        start("status").wait(60)
        start("doctor").wait(120)
        start("status", GONGKAI_DATABASE_URL=f"mysql://user:{DATABASE_SECRET}@host/x").wait(60)
        start("status", GONGKAI_DATABASE_URL=f"postgresql://user:{DATABASE_SECRET}@no-such-host.invalid/x").wait(60)
        start("status", GONGKAI_DATABASE_URL=f"nonsense:{DATABASE_SECRET}").wait(60)
        start("doctor", GONGKAI_BROKER_URL=f"redis://:{BROKER_SECRET}@no-such-host.invalid:x/0").wait(120)
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(60)
    text = said.read_text(errors="replace")
    assert "broker" in text
    assert DATABASE_SECRET not in text
    assert BROKER_SECRET not in text
    shown = [path for path in (tmp_path / "home").rglob("*") if path.is_file() and DATABASE_SECRET.encode() in path.read_bytes()]
    assert shown == []
