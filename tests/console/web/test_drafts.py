"""The page on which a draft is checked: what is wrong with it is shown, and nothing of it is kept."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from sqlalchemy import func, select
from starlette.testclient import TestClient

from console.web.pages.drafts import check
from console.web.security import DRAFT_BYTES, UPLOAD_BYTES
from database.models import Document, FindingRow, Source
from database.session import reading
from tests.conftest import REPOSITORY

REPORTS = REPOSITORY / "samples" / "reports"
(BAD,) = REPORTS.glob("*教育局2024*")
(GOOD,) = REPORTS.glob("*镇人民政府2024*")


def send(desk: Any, client: TestClient, name: str, content: bytes, **fields: str) -> Response:
    return client.post("/drafts", data={"csrf": desk.token(client), **fields}, files={"file": (name, content)})


def test_a_draft_is_checked_and_nothing_of_it_is_kept(desk: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    page = send(desk, desk.operator, BAD.name, BAD.read_bytes()).text
    assert "示例市示例区教育局 · 2024" in page
    assert page.count('class="code">requests.balance<') == 2
    assert "第一项加第二项之和，等于第三项加第四项之和" in page
    assert "数据库中没有该单位的年报" in page
    with reading(desk.engine) as connection:
        assert [connection.scalar(select(func.count()).select_from(t)) for t in (Document, Source, FindingRow)] == [0, 0, 0]
    assert list(folder.rglob("*")) == []
    assert not Path(desk.settings.store).exists()


def test_a_clean_draft_is_said_to_be_clean(desk: Any) -> None:
    page = send(desk, desk.operator, GOOD.name, GOOD.read_bytes()).text
    assert "没有发现问题" in page
    assert 'class="finding' not in page


def test_a_file_that_cannot_be_read_is_told_with_the_next_step(desk: Any) -> None:
    page = send(desk, desk.operator, "年报.pdf", b"%PDF-1.4 and no more").text
    assert "无法读取" in page
    assert 'class="code">file.' in page
    assert "expected" not in page  # said in the language of the page
    assert "found" not in page


def test_the_page_is_for_operators_and_takes_scans(desk: Any) -> None:
    assert [client.get("/drafts").status_code for client in (desk.viewer, desk.operator)] == [403, 200]
    assert send(desk, desk.viewer, "a.txt", b"x").status_code == 403
    assert send(desk, desk.client(), "a.txt", b"x").status_code == 303  # to the login
    assert send(desk, desk.operator, "a.txt", b"").status_code == 422
    large = send(desk, desk.operator, "a.bin", b"\0" * (UPLOAD_BYTES + 1))
    assert (large.status_code, "无法读取" in large.text) == (200, True)
    assert send(desk, desk.operator, "a.bin", b"\0" * DRAFT_BYTES).status_code == 413


def test_only_two_drafts_are_read_at_once(desk: Any) -> None:
    assert all(check._slots.acquire(blocking=False) for _ in range(2))
    try:
        answer = send(desk, desk.operator, GOOD.name, GOOD.read_bytes())
    finally:
        check._slots.release(2)
    assert answer.status_code == 503
    assert "请稍后再试" in answer.text
