"""The whole topology without containers: hosts with their own homes and names, PostgreSQL, Redis, originals on an S3 server."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from database import ledger, migrations
from database.session import make_engine, reading
from tasks.flow import read_document
from tests.chaos.wellbeing import count_effects
from tests.deploy.hosts import Host, Wires, until
from tests.generator.documents import TEXT_LAYOUTS, Wishes, make_documents
from tests.ocr.papers import SAMPLES, drawn, image_pdf
from tests.servers import PostgresServer, RedisServer, S3Server

pytestmark = pytest.mark.slow

# What takes minutes in life takes seconds here.
QUICK = {
    "LEASE_SECONDS": "5", "OCR_LEASE_SECONDS": "8", "HEARTBEAT_SECONDS": "1", "BEAT_SECONDS": "0.5", "STALE_SECONDS": "3",
    "RESCUE_SECONDS": "0.5", "RESEND_SECONDS": "10", "RETRY_BASE_SECONDS": "0.2", "RETRY_CAP_SECONDS": "0.5",
    "RETRY_SYSTEM_SECONDS": "0.5", "SHUTDOWN_SECONDS": "2", "CONCURRENCY": "1", "LOG_LEVEL": "WARNING",
}  # fmt: skip


class Office:
    """Services, and hosts that know them."""

    def __init__(self, folder: Path, postgres: PostgresServer, redis: RedisServer) -> None:
        self.folder, self.wires = folder, Wires()
        self.s3 = S3Server(folder, self.wires.listen, self.wires.prefix)
        name = postgres.create()
        self.engine: Engine = make_engine(postgres.url(name))
        self.environment = {f"GONGKAI_{name}": value for name, value in QUICK.items()} | {
            "GONGKAI_DATABASE_URL": postgres.url(name),
            "GONGKAI_BROKER_URL": redis.url,
            "GONGKAI_STORE_URL": self.s3.url("originals"),
        }
        self.hosts: list[Host] = []

    def host(self) -> Host:
        """Another host."""
        made = Host(self.wires, len(self.hosts) + 1, self.folder, self.environment)
        made.environment |= self.s3.environment(made.services)
        self.hosts.append(made)
        return made

    def rows(self, query: str) -> list[Any]:
        with reading(self.engine) as connection:
            return list(connection.execute(text(query)))

    def finished(self) -> int:
        return int(self.rows("select count(*) from gk_document where status <> 'processing'")[0][0])

    def logs(self) -> str:
        return "\n".join(host.logs() for host in self.hosts)

    def close(self) -> None:
        for host in self.hosts:
            host.cut()
        self.s3.close()
        self.wires.close()
        self.engine.dispose()


@pytest.fixture
def office(tmp_path: Path, postgres_server: PostgresServer, redis_server: RedisServer) -> Iterator[Office]:
    made = Office(tmp_path, postgres_server, redis_server)
    yield made
    made.close()


def fill(folder: Path) -> dict[str, tuple[bytes, str]]:
    """Documents of every text layout, and one that is pictures alone; gives bytes and type by name."""
    made = {one.name: (one.data, one.media_type) for one in make_documents(36, 5, TEXT_LAYOUTS, Wishes(clean=True))}
    (sample,) = SAMPLES.glob("*.pdf")
    made["scan.pdf"] = (image_pdf(drawn(sample.read_bytes(), 150), 150), "application/pdf")
    folder.mkdir()
    for name, (data, _) in made.items():
        (folder / name).write_bytes(data)
    return made


def test_two_hosts_one_of_which_loses_power(office: Office, tmp_path: Path) -> None:
    files = fill(tmp_path / "in")
    first, second = office.host(), office.host()

    # A database of an earlier version, in which a document waits whose original did not come yet.
    migrations.upgrade(office.engine, "0002")
    early, (data, media_type) = min(files.items())
    path = f"/elsewhere/{early}"
    facts = {
        "sha": hashlib.sha256(data).hexdigest(),
        "type": media_type,
        "size": len(data),
        "path": path,
        "key": hashlib.sha256(path.encode()).hexdigest(),
    }
    with office.engine.begin() as connection:
        for statement in _AS_OF_0002:
            connection.execute(text(statement), facts)
    refused = first.run("status")
    assert (refused.returncode, "gongkai db upgrade" in refused.stderr) == (2, True), refused.stderr
    for host in (first, second):  # the second finds nothing left to do
        assert host.run("db", "upgrade").returncode == 0
    with office.engine.begin() as connection:
        connection.execute(text("create table effects (document_id integer, run integer, fence integer)"))
        count_effects(connection)

    for host in (first, second):
        host.start("worker", "--concurrency", "1")
        host.start("recover")
    until(lambda: len(office.rows("select 1 from gk_worker")) == 2, 60, office.logs)
    assert second.run("alive", "worker").returncode == 0
    told = first.run("ingest", str(tmp_path / "in"), "--batch", "全省", "--no-wait", "--json")
    assert (told.returncode, json.loads(told.stdout)["summary"]["documents"]) == (0, len(files) - 1), told.stderr

    done = "select distinct worker from gk_attempt where outcome = 'done'"
    until(
        lambda: len({worker.partition("#")[0] for (worker,) in office.rows(done)}) == 2 and office.finished() >= 6,
        90,
        office.logs,
    )
    second.cut()
    assert office.finished() < len(files)
    until(lambda: office.finished() == len(files), 240, office.logs)
    assert first.run("alive", "worker").returncode == 0
    assert first.run("alive", "rescuer").returncode == 0

    assert set(dict(office.rows("select document_id, count(*) from gk_report group by 1")).values()) == {1}
    assert dict(office.rows("select document_id, count(*) from effects group by 1")) == {
        number: 1 for (number,) in office.rows("select id from gk_document")
    }
    with reading(office.engine) as connection:
        assert ledger.invariants(connection, expired_seconds=0) == []
    stages = {(stage, worker.partition(":")[0]) for stage, worker in office.rows(_WHERE)}
    assert {stage for stage, _ in stages} == {"extract", "ocr", "parse", "validate", "load"}
    if office.wires.real:
        assert {host for _, host in stages} == {first.name, second.name}
    assert [path for host in office.hosts for path in host.home.rglob("originals")] == []

    out = tmp_path / "out.jsonl"
    assert first.run("export", "--format", "jsonl", "--out", str(out)).returncode == 0
    exported = {Path(one["source"]["path"]).name: one for one in map(json.loads, out.read_text().splitlines())}
    assert exported.keys() == files.keys()
    for name, (data, media_type) in files.items():
        readings = read_document(data, media_type).report.readings
        numbers = {one.indicator: one.value for one in readings if one.value is not None}
        assert {key: value for key, value in exported[name]["indicators"].items() if value is not None} == numbers, name


# What a program of that version wrote when it registered a document.
_AS_OF_0002 = (
    "insert into gk_batch (name, priority, created_at) values ('早到', 0, now())",
    "insert into gk_document (sha256, media_type, size, batch_id, status, run, registered_at) "
    "select :sha, :type, :size, id, 'processing', 1, now() from gk_batch",
    "insert into gk_source (document_id, batch_id, path, path_key, duplicate, hints, seen_at) "
    "select id, batch_id, :path, :key, false, '{}', now() from gk_document",
    "insert into gk_stage (document_id, run, stage, page, state, queue, priority, attempts, fence, crashes, losses, transients, "
    "created_at, updated_at) select id, 1, 'extract', 0, 'queued', 'documents', 0, 0, 0, 0, 0, 0, now(), now() from gk_document",
)
_WHERE = "select s.stage, a.worker from gk_attempt a join gk_stage s on s.id = a.stage_id where a.outcome = 'done'"
