"""The operators' story in a real browser: log in, see a batch, open the error queue, process again, download."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import func, select, text

from console import passwords
from database.models import Document, Failure, Role
from database.session import make_engine, reading, run_transaction
from database.users import accounts, audit
from tests.benchmarks.filling import fill
from tests.console.web import serving

pytestmark = serving.IN_BROWSER

PASSWORD = "correct horse battery"
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture
def site(sqlite_url: str, tmp_path: Path) -> Iterator[str]:
    """The address of the pages over some hundred documents, some of which are malicious."""
    engine = make_engine(sqlite_url)
    fill(engine, 500, seed=5)
    with engine.begin() as connection:
        connection.execute(text("update gk_source set path = :evil || id where document_id % 7 = 0"), {"evil": EVIL})
        connection.execute(text("update gk_report set agency = :evil where id % 5 = 0"), {"evil": f"=1+1{EVIL}"})
        connection.execute(text("update gk_failure set message = :evil"), {"evil": EVIL})
        connection.execute(text("update gk_batch set name = name || :evil where id = 61"), {"evil": EVIL})
    kept = passwords.hashed(PASSWORD)
    for name, role in (("viewer", Role.VIEW), ("operator", Role.OPERATE)):
        run_transaction(engine, lambda c, n=name, r=role: accounts.add_user(c, n, kept, r, who="test"))
    engine.dispose()
    with serving.served(sqlite_url, tmp_path / "home") as address:
        yield address


def test_the_operators_story(site: str, sqlite_url: str, tmp_path: Path) -> None:
    engine = make_engine(sqlite_url)
    with serving.browsing() as browser:
        page = browser.new_page(viewport={"width": 1366, "height": 768}, accept_downloads=True)
        seen = serving.only_ours(page, site)
        serving.log_in(page, site, "operator", PASSWORD)

        # A batch: what is in it, how far it is; findings come by themselves.
        serving.follow(page, 'a[href="/batches/61"]')
        page.wait_for_selector("section:last-of-type table, section:last-of-type p.soft")
        assert EVIL in page.inner_text("h1")

        # All that timed out again: counted, confirmed with a reason.
        with reading(engine) as connection:
            waiting = select(func.count()).where(Failure.code == "page.timeout", Failure.state == "open")
            count = connection.execute(waiting).scalar_one()
            before = connection.execute(select(func.count()).where(Document.status == "processing")).scalar_one()
        serving.follow(page, 'nav a[href="/errors"]')
        serving.follow(page, 'a[href="/errors?code=page.timeout#failures"]')
        assert page.locator("#failures ~ form tbody tr").count() == count
        serving.follow(page, 'a[href="/decide?act=reprocess&code=page.timeout"]')
        page.fill("input[name=reason]", "示例：换用新模型")
        serving.follow(page, "form[method=post] button.main")
        assert str(count) in page.inner_text(".notice.good")
        with reading(engine) as connection:
            assert connection.execute(waiting).scalar_one() == 0
            busy = connection.execute(select(func.count()).where(Document.status == "processing")).scalar_one()
            assert busy == before + count
            assert audit.trail(connection, action="reprocess")[0].who == "operator"

        # Marked by hand, and discarded.
        serving.follow(page, 'a[href="/errors?code=internal#failures"]')
        page.check("[data-marks]")
        marked = page.locator("tbody input:checked").count()
        serving.follow(page, "button[value=discard]")
        page.fill("input[name=reason]", "示例：重复报送")
        serving.follow(page, "button.danger")
        assert page.locator(".notice.good").count() == 1
        with reading(engine) as connection:
            assert connection.execute(select(func.count()).where(Document.status == "discarded")).scalar_one() == marked > 0

        # A filter that is applied when it is chosen, and the workbook.
        serving.follow(page, 'nav a[href="/documents"]')
        page.select_option("select[name=status]", "needs_review")
        page.wait_for_url("**status=needs_review**")
        assert page.locator("tbody .status.needs_review").count() == page.locator("tbody tr").count() > 0
        serving.follow(page, 'nav a[href="/downloads"]')
        with page.expect_download() as coming:
            page.click("button.main")
        path = tmp_path / "gongkai.xlsx"
        coming.value.save_as(path)
        book = openpyxl.load_workbook(path, read_only=True)
        cells = [cell for sheet in book for row in sheet.rows for cell in row]
        assert any(str(cell.value).startswith("'=1+1<script>") for cell in cells)
        assert all(cell.data_type != "f" for cell in cells)

        # The other language, and out.
        serving.follow(page, "button[name=language]")
        page.wait_for_selector('html[lang="en"]')
        serving.follow(page, 'form[action="/logout"] button')
        assert page.url.endswith("/login")
        page.goto(f"{site}/batches")
        assert page.url.startswith(f"{site}/login")
        assert seen == {"dialogs": [], "errors": [], "elsewhere": []}
    engine.dispose()


def test_a_list_of_agencies_is_taken_in_with_mouse_and_keys(site: str, sqlite_url: str, tmp_path: Path) -> None:
    path = tmp_path / f"名单{EVIL.replace('/', '')}.xlsx"
    book = openpyxl.Workbook()
    for row in (
        ["2024年应编制年报单位名单"],
        ["序号", "单位名称", "地区", "备注"],
        [1, "淮安市教育局", "淮安市", EVIL],
        [2, "某局", EVIL],
    ):
        book.active.append(row)
    book.save(path)
    with serving.browsing() as browser:
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        seen = serving.only_ours(page, site)
        serving.log_in(page, site, "operator", PASSWORD)
        serving.follow(page, 'nav a[href="/coverage"]')
        serving.follow(page, 'a[href="/coverage/list"]')
        page.set_input_files("input[type=file]", path)
        page.fill('form[action="/coverage/list"] input[name=year]', "2024")
        page.keyboard.press("Enter")
        page.wait_for_selector('form[action="/coverage/list/take"]')
        assert page.locator("thead .status.accepted").all_inner_texts() == ["单位名称", "地区"]
        assert "第 4 行：未识别的地区" in page.inner_text("main")
        page.click("button.main")  # the box is not ticked: the browser asks for it
        assert page.locator("input[name=skip_refused]:invalid").count() == 1
        page.check("input[name=skip_refused]")
        page.fill("input[name=reason]", "年度名单")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert page.url.endswith("/coverage?year=2024")
        assert "已导入 1 家单位，1 行未导入" in page.inner_text(".notice.good")
        serving.follow(page, "a[href$='/remove']")
        page.keyboard.type("示例：重复")  # the field has the focus
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert page.url.endswith("/coverage?year=2024")
        assert "移出 2024 年度名单" in page.inner_text(".notice.good")
        assert seen["dialogs"] == seen["elsewhere"] == []
        assert all("422" in error for error in seen["errors"]), seen  # what the browser says of the answer that refuses lines
    engine = make_engine(sqlite_url)
    with reading(engine) as connection:
        assert [entry.action for entry in audit.trail(connection)][:2] == ["expect.remove", "expect"]
    engine.dispose()


def test_who_may_only_look_is_refused(site: str) -> None:
    with serving.browsing() as browser:
        page = browser.new_page()
        serving.log_in(page, site, "viewer", PASSWORD)
        page.goto(f"{site}/errors?code=internal")
        assert page.locator("a[href^='/decide'], [data-marks]").count() == 0
        for path in ("/decide?act=discard&code=internal", "/users", "/audit"):
            answer = page.goto(f"{site}{path}")
            assert answer is not None
            assert answer.status == 403, path


def test_a_wrong_password_is_refused(site: str) -> None:
    with serving.browsing() as browser:
        page = browser.new_page()
        page.goto(f"{site}/login")
        page.fill("input[name=name]", "operator")
        page.fill("input[name=password]", "wrong")
        page.click("button.main")
        page.wait_for_selector(".notice.bad")
        assert page.input_value("input[name=name]") == "operator"
