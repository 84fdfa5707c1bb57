"""Findings in a real browser: 200 confirmed at once with mouse and keys, undone, and settled by the editions that mend them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine

from console import passwords
from database.models import Role
from database.session import make_engine, run_transaction
from database.users import accounts
from tests.console.web import serving
from tests.database.test_filings import dated
from tests.database.test_finding_cases import balance, cases, wrong
from tests.database.test_results import load, register, verdict

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = serving.IN_BROWSER

PASSWORD = "correct horse battery"
UNITS = 200


@pytest.fixture
def engine(sqlite_url: str) -> Iterator[Engine]:
    """200 agencies with a finding each, and 2 documents more, which are loaded later."""
    made = make_engine(sqlite_url)
    documents = register(made, UNITS + 2)
    for at, document in enumerate(documents[:UNITS]):
        report = verdict(f"洪泽区第{at + 1}中学", new_received=3)
        load(made, document, dated(wrong(report, balance(3)), "2023-01-20"))
    kept = passwords.hashed(PASSWORD)
    run_transaction(made, lambda c: accounts.add_user(c, "operator", kept, Role.OPERATE, who="test"))
    yield made
    made.dispose()


@pytest.fixture
def page(engine: Engine, sqlite_url: str, tmp_path: Path) -> Iterator[Page]:
    with serving.served(sqlite_url, tmp_path / "home") as address, serving.browsing() as browser:
        made = browser.new_page(viewport={"width": 1400, "height": 900})
        serving.log_in(made, address, "operator", PASSWORD)
        made.goto(f"{address}/findings")
        yield made


def states(engine: Engine) -> list[str]:
    return [state for _, state, *_ in cases(engine)]


def test_200_are_confirmed_undone_and_settled_by_the_editions_that_mend_them(page: Page, engine: Engine) -> None:
    page.select_option("select[name=rule]", "requests.balance")
    page.wait_for_url("**rule=requests.balance**")
    serving.follow(page, "a.button[href*='to=confirmed']")
    assert "200" in page.inner_text(".question .big")
    page.keyboard.type("经抽查属实")  # the reason has the focus
    page.keyboard.press("Enter")
    page.wait_for_selector(".notice.good")
    assert states(engine) == ["confirmed"] * UNITS
    serving.follow(page, "form[action='/findings/undo'] button")
    assert page.locator(".notice.good").count() == 1
    assert states(engine) == ["new"] * UNITS
    serving.follow(page, "a.button[href*='to=confirmed']")
    serving.follow(page, ".question button.main")
    assert page.locator(".notice.good").count() == 1
    assert states(engine) == ["confirmed"] * UNITS
    # a unit mends its number, another one changes it and is still wrong
    load(engine, UNITS + 1, dated(verdict("洪泽区第1中学", new_received=4), "2023-03-01"))
    load(engine, UNITS + 2, dated(wrong(verdict("洪泽区第2中学", new_received=2), balance(2)), "2023-03-01"))
    serving.follow(page, "a.finding-settled")
    assert "state=settled" in page.url
    rows = page.locator("table.list tbody tr")
    assert rows.count() == 1
    serving.follow(page, "table.list tbody tr td.number a")
    assert "新版本已改正" in page.inner_text("main")
    assert "第 2 版" in page.inner_text("main")
    changed = [(state, there) for number, state, _, there in cases(engine) if number == 2]
    assert changed == [("reopened", True)]  # other numbers than those that were confirmed


def test_the_cells_of_a_finding_light_up_by_mouse_and_keyboard(page: Page) -> None:
    serving.follow(page, "table.list tbody tr:first-child td a[href*='/documents/']")
    article = page.locator("#findings article.finding").first
    field = "#numbers a[data-cell='requests.new_received.total']"
    article.hover()
    assert "on" in (page.locator(field).get_attribute("class") or "").split()
    page.mouse.move(1, 1)
    assert "on" not in (page.locator(field).get_attribute("class") or "").split()
    article.focus()
    assert "on" in (page.locator(field).get_attribute("class") or "").split()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/findings/*")
