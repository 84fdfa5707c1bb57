"""Uploading in the browser: who may, what comes in, and what is said when something is wrong."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from console import passwords
from database.models import Document, Role, Source
from database.session import make_engine, reading, run_transaction
from database.users import accounts
from tests.console.web import serving

REPORT = "示例县教育局2024年政府信息公开工作年度报告（示例）\n".encode() * 50


def token(client: Any) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', client.get("/upload").text)
    assert found is not None
    return found[1]


def sent(client: Any, address: str, body: bytes = b"", csrf: str | None = None) -> Any:
    headers = {"x-csrf": token(client) if csrf is None else csrf, "content-type": "application/octet-stream"}
    return client.post(address, content=body, headers=headers)


def until_registered(client: Any, address: str) -> str:
    for _ in range(200):
        text = str(client.get(address).text)
        if "hx-get" not in text:
            return text
        time.sleep(0.05)
    raise AssertionError("not registered in ten seconds")


def test_files_come_in_as_a_batch(desk: Any) -> None:
    client = desk.operator
    name = sent(client, "/upload/begin").json()["name"]
    for path, data in (("甲/a.txt", REPORT), ("甲/b.txt", REPORT + b"b")):
        half = len(data) // 2
        assert sent(client, f"/upload/file?name={name}&path={path}&at=0&last=0", data[:half]).json() == {"size": half}
        assert sent(client, f"/upload/file?name={name}&path={path}&at={half}&last=1", data[half:]).json() == {"size": len(data)}
    answer = desk.post(client, "/upload", name=name, batch="上传 一", region="江苏省/示例市")
    assert answer.status_code == 303
    text = until_registered(client, answer.headers["location"])
    assert "2" in text
    assert '<a class="button main" href="/batches/' in text
    with reading(desk.engine) as connection:
        assert sorted(connection.scalars(select(Source.path).where(Source.path.like("甲/%")))) == ["甲/a.txt", "甲/b.txt"]


def test_what_is_wrong_is_said_and_keeps_what_was_sent(desk: Any) -> None:
    client = desk.operator
    name = sent(client, "/upload/begin").json()["name"]
    assert sent(client, f"/upload/file?name={name}&path=../a&at=0&last=1", b"x").status_code == 422
    assert sent(client, f"/upload/file?name={name}&path=a&at=7&last=1", b"x").status_code == 409
    assert sent(client, f"/upload/file?name={'0' * 32}&path=a&at=0&last=1", b"x").status_code == 404
    assert desk.post(client, "/upload", name=name, batch="b").status_code == 422  # nothing came in
    sent(client, f"/upload/file?name={name}&path=a.txt&at=0&last=1", REPORT)
    answer = desk.post(client, "/upload", name=name, batch="")
    assert answer.status_code == 422
    assert f'value="{name}"' in answer.text


def test_who_may_not_and_what_is_forged(desk: Any) -> None:
    assert desk.viewer.get("/upload").status_code == 403
    client = desk.operator
    assert sent(client, "/upload/begin", csrf="x").status_code == 403
    assert client.post("/upload/begin", data={"csrf": token(client)}).status_code == 403
    name = sent(client, "/upload/begin").json()["name"]
    assert sent(client, f"/upload/file?name={name}&path=a&at=0&last=1", bytes(1_000_001)).status_code == 413
    assert desk.administrator.get(f"/upload/state?name={name}").status_code == 404  # of another


@pytest.mark.slow
@pytest.mark.skipif(serving.CHROMIUM is None, reason="there is no Chromium on this machine (apt-get install chromium)")
def test_a_person_chooses_files_and_sees_them_come_in(sqlite_url: str, tmp_path: Path) -> None:
    engine = make_engine(sqlite_url)
    kept = passwords.hashed("correct horse battery")
    run_transaction(engine, lambda c: accounts.add_user(c, "operator", kept, Role.OPERATE, who="test"))
    files = []
    for number in range(3):
        path = tmp_path / f"示例{number}.txt"
        path.write_bytes(REPORT * (1 + 400 * (number == 2)) + bytes(str(number), "ascii"))  # the last one in several pieces
        files.append(path)
    with serving.served(sqlite_url, tmp_path / "home") as site, serving.browsing() as browser:
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        seen = serving.only_ours(page, site)
        serving.log_in(page, site, "operator", "correct horse battery")
        serving.follow(page, 'a[href="/upload"]')
        with page.expect_file_chooser() as chooser:
            page.locator("input[type=file][multiple]").click()
        chooser.value.set_files(files)
        page.fill("input[name=batch]", "示例批次")
        page.click("form[data-upload] button.main")
        page.click('a.button.main[href^="/batches/"]', timeout=60_000)
        assert "示例批次" in page.inner_text("h1")
        assert not any(seen.values())
    with reading(engine) as connection:
        sizes = sorted(connection.scalars(select(Document.size)))
    engine.dispose()
    assert sizes == sorted(path.stat().st_size for path in files)
