"""Filings and agencies in a real browser: questions decided by the keyboard, an edition chosen, agencies joined and parted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from console import passwords
from database.filings import agencies, listing
from database.filings.agencies import AgencyFilter
from database.filings.listing import FilingFilter, FilingLine
from database.models import Role
from database.session import make_engine, reading, run_transaction
from database.users import accounts
from tests.console.web import serving
from tests.console.web.filed import EVIL, file_sure
from tests.inline import Inline

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = serving.IN_BROWSER

PASSWORD = "correct horse battery"


@pytest.fixture
def inline(sqlite_url: str, tmp_path: Path) -> Iterator[Inline]:
    """A filing with two editions, and three pairs of agencies that may be one."""
    engine = make_engine(sqlite_url)
    made = Inline(engine, tmp_path / "home")
    file_sure(made, f"a/{EVIL}1.pdf", 1, words=f"全年公开12件{EVIL}。", published_on="2025-01-20")
    file_sure(made, "b/2.pdf", 2, 6, words=f"全年公开13件{EVIL}。", published_on="2025-03-02")
    pairs = (
        ("淮安市国土资源局", "淮安市自然资源和规划局"),
        ("盱眙县教育局", "盱眙县教育和体育局"),
        ("涟水县商务局", "涟水县商务和投资促进局"),
    )
    mark = 3
    for at, pair in enumerate(pairs):
        for year, name in zip((2018, 2019), pair, strict=True):
            file_sure(made, f"c/{mark}.pdf", mark, agency=name, year=year, region_code=("320800", "320830", "320826")[at])
            mark += 1
    kept = passwords.hashed(PASSWORD)
    for name, role in (("viewer", Role.VIEW), ("operator", Role.OPERATE)):
        run_transaction(engine, lambda c, n=name, r=role: accounts.add_user(c, n, kept, r, who="test"))
    yield made
    engine.dispose()


@pytest.fixture
def site(inline: Inline, sqlite_url: str, tmp_path: Path) -> Iterator[str]:
    """The address of the pages."""
    with serving.served(sqlite_url, tmp_path / "home") as address:
        yield address


def press(page: Page, key: str) -> None:
    """Press a key, and wait until the next question is there."""
    page.evaluate("document.getElementById('item').dataset.before = ''")
    page.keyboard.press(key)
    page.wait_for_selector("#item:not([data-before])")


def names(inline: Inline) -> set[str]:
    with reading(inline.engine) as connection:
        return {line.name for line in agencies.agency_lines(connection, AgencyFilter())}


def filing(inline: Inline) -> FilingLine:
    with reading(inline.engine) as connection:
        return listing.filing_lines(connection, FilingFilter(year=2024))[0]


def test_questions_are_decided_with_the_keyboard(site: str, inline: Inline) -> None:
    with serving.browsing() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        seen = serving.only_ours(page, site)
        serving.log_in(page, site, "operator", PASSWORD)
        serving.follow(page, 'nav a[href="/agencies"]')
        serving.follow(page, 'a[href="/agencies/cases"]')
        address = page.url
        assert "3 项待判定" in page.inner_text(".facts")

        # The reform: two, of which one took over. Without a reason nothing is sent.
        page.keyboard.press("3")
        assert page.input_value(".choice input:checked") == "successor"
        page.keyboard.press("Enter")
        assert page.locator("input[name=reason]:invalid").count() == 1
        page.keyboard.type("机构改革")
        press(page, "Enter")
        assert "已判定为两家：淮安市国土资源局" in page.inner_text(".told")

        # One agency; undone, and two after all.
        page.keyboard.press("1")
        page.fill("input[name=reason]", "同一机关")
        press(page, "Enter")
        assert "盱眙县教育局" not in names(inline) or "盱眙县教育和体育局" not in names(inline)
        press(page, "u")
        assert {"盱眙县教育局", "盱眙县教育和体育局"} <= names(inline)
        assert "盱眙县教育局" in page.inner_text(".sides")
        page.keyboard.press("2")
        page.fill("input[name=reason]", "级别不同")
        press(page, "Enter")

        # Skipped, and from the beginning again.
        assert "涟水县商务局" in page.inner_text(".sides")
        press(page, "s")
        serving.follow(page, ".empty a")
        assert page.url == address  # no page was loaded but the first
        page.click('.choice[data-key="1"]')
        page.fill("input[name=reason]", "同一机关")
        page.click("#confirm")
        page.wait_for_selector(".empty")
        assert "没有待判定的问题" in page.inner_text(".empty")
        assert seen == {"dialogs": [], "errors": [], "elsewhere": []}


def test_an_edition_is_chosen_and_agencies_are_joined_and_parted_with_the_mouse(site: str, inline: Inline) -> None:
    with serving.browsing() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        seen = serving.only_ours(page, site)
        serving.log_in(page, site, "operator", PASSWORD)
        serving.follow(page, 'nav a[href="/filings"]')
        page.select_option("select[name=show]", "several")
        page.wait_for_url("**show=several**")
        serving.follow(page, "tbody a >> nth=0")
        assert EVIL in page.inner_text("main")
        assert page.inner_text("ins") == "13"
        serving.follow(page, ".compared .changed a >> nth=0")
        assert "/documents/2?cell=" in page.url
        page.go_back()
        page.click("input[name=document] >> nth=0")
        page.fill("#choose input[name=reason]", "原件如此")
        page.keyboard.press("Enter")
        assert "已指定第 1 版为现行版本" in page.inner_text(".notice.good")
        assert (filing(inline).document_id, filing(inline).chosen_by) == (1, "operator")
        serving.follow(page, ".edition:not(.force) .files a >> nth=0")
        assert "本文档不是现行版本" in page.inner_text(".notice.bad")
        serving.follow(page, ".notice.bad a >> nth=0")
        assert page.url.endswith("/documents/1")

        page.goto(f"{site}/agencies?text=商务局")
        serving.follow(page, "tbody a >> nth=0")
        page.fill("input[name=find]", "投资促进")
        page.keyboard.press("Enter")
        page.click("#join input[type=radio]")
        page.fill("#join input[name=reason]", "同一机关")
        serving.follow(page, "#join button.main")
        assert "已合并" in page.inner_text(".notice.good")
        page.click("#names input[type=checkbox] >> nth=0")
        page.fill("#names input[name=reason]", "不是一家")
        serving.follow(page, "#names button")
        assert "已分出" in page.inner_text(".notice.good")
        assert {"涟水县商务局", "涟水县商务和投资促进局"} <= names(inline)
        page.fill("form[action$='/undo'] input[name=reason]", "还是一家")
        serving.follow(page, "form[action$='/undo'] button")
        assert "已撤销" in page.inner_text(".notice.good")
        assert seen == {"dialogs": [], "errors": [], "elsewhere": []}


def test_who_may_only_look_sees_no_form(site: str) -> None:
    with serving.browsing() as browser:
        page = browser.new_page()
        serving.log_in(page, site, "viewer", PASSWORD)
        for path in ("/filings/1", "/agencies/1"):
            page.goto(f"{site}{path}")
            assert page.locator("main form[method=post]:visible button").count() == 0, path
        answer = page.goto(f"{site}/agencies/cases")
        assert answer is not None
        assert answer.status == 403
        assert re.search(r"/filings/\d+", page.goto(f"{site}/filings").text())  # type: ignore[union-attr]
