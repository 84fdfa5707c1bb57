"""Each part's statements work under its own role of a real PostgreSQL, and those of the others are refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from prometheus_client import generate_latest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError
from starlette.testclient import TestClient

from console.web.app import create_app
from database import migrations
from database.intake import purging
from database.ledger import Selection, discard
from database.models import Role
from database.roles import PAGES, READER, ROLES, WORKER, script, views_of
from database.session import make_engine, reading, run_transaction
from database.users import accounts
from runtime.settings import Settings
from tests.console.web.conftest import PASSWORD, Desk, password_hash
from tests.console.web.filed import CELL, file_text
from tests.console.web.test_upload import sent, until_registered
from tests.inline import Inline
from tests.servers import PostgresServer
from workers.metrics import registry

__all__ = ["password_hash"]


@pytest.fixture
def urls(postgres_server: PostgresServer) -> Iterator[dict[str, str]]:
    """A database of its own with the roles as `gongkai db roles` makes them; the URL for each role."""
    name = postgres_server.create()
    owner = postgres_server.url(name)
    engine = make_engine(owner, pooled=False)
    migrations.upgrade(engine)
    with reading(engine) as connection:
        written = script(views_of(connection))
    plain = make_url(owner).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(written.encode())
        migrations.upgrade(engine)  # again: what it makes anew is granted anew
    try:
        yield {"owner": owner} | {
            role: make_url(owner).set(username=role).render_as_string(hide_password=False) for role in ROLES
        }
    finally:
        engine.dispose()
        postgres_server.kick(name)
        postgres_server.execute(f'drop database "{name}" with (force)')
        for role in ROLES:
            postgres_server.execute(f"drop role {role}")


def refused(url: str, *statements: str) -> None:
    engine = make_engine(url, pooled=False)
    for statement in statements:
        with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"), engine.begin() as connection:
            connection.execute(text(statement))
    engine.dispose()


def test_each_part_does_its_work_under_its_role(urls: dict[str, str], tmp_path: Path, password_hash: str) -> None:
    workers = make_engine(urls[WORKER])
    inline = Inline(workers, tmp_path)
    number = file_text(inline)  # registered, extracted, parsed, validated, loaded
    other = inline.add(b"<p>nothing", "text/html", "in/b.html")
    inline.work()
    run_transaction(workers, lambda c: discard(c, Selection(documents=(other,)), who="test", reason="a test"))

    pages = make_engine(urls[PAGES])
    run_transaction(pages, lambda c: accounts.add_user(c, "operator", password_hash, Role.OPERATE, who="test"))
    settings = Settings(home=tmp_path)
    app = create_app(settings, pages)
    desk = Desk(pages, app, settings)
    client = TestClient(app, follow_redirects=False)
    assert desk.post(client, "/login", name="operator", password="wrong").status_code == 403
    assert desk.post(client, "/login", name="operator", password=PASSWORD).status_code == 303
    for path in (
        "/batches",
        f"/documents/{number}",
        "/documents",
        "/errors",
        "/review",
        "/coverage",
        "/downloads/file?format=jsonl",
    ):
        assert client.get(path).status_code == 200, path
    answer = desk.post(client, f"/documents/{number}/cells/{CELL}", value="3", reason="a test", decided="value")
    assert answer.status_code in (303, 422), answer.text
    answer = desk.post(client, "/coverage/lines", agency="淮安市教育局", year="2024")  # also enters the register of agencies
    assert answer.status_code == 303, answer.text
    name = sent(client, "/upload/begin").json()["name"]
    assert sent(client, f"/upload/file?name={name}&path=a.txt&at=0&last=1", "示例县年报（示例）".encode()).status_code == 200
    answer = desk.post(client, "/upload", name=name, batch="sent by a browser")
    assert "/batches/" in until_registered(client, answer.headers["location"])
    run_transaction(pages, lambda c: purging.purge(c, number, who="test", reason="a test"))
    with pages.begin() as connection:  # as a purge does to what other cases quote
        connection.execute(text("update gk_finding_move set detail = null"))

    reader = make_engine(urls[READER])
    with reading(reader) as connection:
        assert connection.execute(text("select count(*) from gk_document")).scalar_one() == 3
        for view in views_of(connection):
            connection.execute(text(f"select * from {view} limit 1")).all()
    exported = generate_latest(registry(reader, settings)).decode()
    assert "gongkai_database_up 1.0" in exported
    for engine in (workers, pages, reader):
        engine.dispose()


def test_statements_of_other_parts_are_refused(urls: dict[str, str]) -> None:
    forged = "update gk_audit set who = 'somebody else'"
    refused(
        urls[WORKER],
        "select password from gk_user",
        "select digest from gk_session",
        "insert into gk_tombstone (document_id, sha256, purged_by, reason) values (1, 'a', 'x', 'y')",
        "delete from gk_document",
        "delete from gk_audit",
        forged,
        "drop table gk_report_values",
        "create table mine (a integer)",
    )
    refused(
        urls[PAGES],
        forged,
        "delete from gk_audit",
        "delete from gk_document",
        "delete from gk_user",
        "drop table gk_report_values",
    )
    refused(urls[PAGES], "update gk_finding_move set who = 'somebody else'")
    refused(
        urls[READER],
        "update gk_report_values set numbers = 1",
        "insert into gk_batch (name) values ('x')",
        "select password from gk_user",
        "select * from gk_audit",
        "create table mine (a integer)",
    )
