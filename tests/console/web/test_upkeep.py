"""Purging a document and verifying what is kept, on the pages."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from console.web.app import create_app
from database.models import Tombstone, ValueRow
from database.monitoring import verifications
from database.session import reading
from database.users import audit
from runtime.settings import Settings
from tests.console.web.conftest import Desk
from tests.console.web.filed import file_text
from tests.inline import Inline

PATIENCE = 120.0


def test_a_purge_needs_an_administrator_a_reason_and_the_number(desk: Any, tmp_path: Path) -> None:
    inline = Inline(desk.engine, tmp_path)
    number = file_text(inline)
    path = f"/documents/{number}/purge"
    assert path not in desk.operator.get(f"/documents/{number}").text
    assert path in desk.administrator.get(f"/documents/{number}").text
    assert desk.administrator.get(path).status_code == 200
    assert desk.operator.get(path).status_code == 403
    assert desk.post(desk.operator, path, reason="a test", confirm=str(number)).status_code == 403
    assert desk.administrator.post(path, data={"reason": "a test", "confirm": str(number)}).status_code == 403  # no token
    for fields in ({"reason": "a test"}, {"reason": "", "confirm": str(number)}, {"reason": "a test", "confirm": "yes"}):
        assert desk.post(desk.administrator, path, **fields).status_code == 422
    with reading(desk.engine) as connection:
        assert connection.scalar(select(func.count()).select_from(Tombstone)) == 0
    (sha256,) = inline.store.contents()
    answer = desk.post(desk.administrator, path, reason="a test", confirm=str(number))
    assert answer.headers["location"] == f"/documents/{number}"
    with reading(desk.engine) as connection:
        assert connection.scalar(select(Tombstone.reason)) == "a test"
        assert connection.scalar(select(func.count()).select_from(ValueRow)) == 0
        assert [(item.who, item.reason) for item in audit.trail(connection, action="purge")] == [("administrator", "a test")]
    assert not inline.store.exists(sha256)
    assert desk.administrator.get(f"/documents/{number}").status_code == 200
    assert "a test" in desk.administrator.get(path).text
    assert desk.post(desk.administrator, "/documents/99/purge", reason="a test", confirm="99").status_code == 404


def test_a_verification_runs_in_a_process_of_its_own_and_its_result_is_shown(
    desk: Any, database_url: str, tmp_path: Path, password_hash: str
) -> None:
    inline = Inline(desk.engine, tmp_path)
    number = file_text(inline)
    inline.store.delete(next(iter(inline.store.contents())))
    settings = Settings(home=tmp_path, database_url=database_url)
    own = Desk(desk.engine, create_app(settings, desk.engine), settings)
    assert own.administrator.get("/verification").status_code == 200
    assert own.post(own.operator, "/verification").status_code == 403
    assert own.post(own.administrator, "/verification").headers["location"] == "/verification"
    assert own.post(own.administrator, "/verification").headers["location"] == "/verification"  # one at a time
    end = time.monotonic() + PATIENCE
    while own.app.state.context.verifies:
        assert time.monotonic() < end
        time.sleep(0.1)
    with reading(desk.engine) as connection:
        (item,) = verifications.latest(connection)
        assert len(audit.trail(connection, action="verify")) == 1
    assert item.counts["problems"] == 1
    assert [(one["harm"], one["document_id"]) for one in item.problems] == [("original.missing", number)]
    assert f'href="/documents/{number}"' in own.administrator.get("/verification").text


@pytest.mark.parametrize("path", ["/verification", "/documents/1/purge"])
def test_guests_are_sent_to_the_login(desk: Any, path: str) -> None:
    assert desk.client().get(path).headers["location"].startswith("/login")
