"""The original on the page of a document and in the review: larger, smaller, turned, downloaded, by mouse, wheel and keys.
Pages on narrow screens do not scroll sideways, and the focus is seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from console import passwords
from database.models import Role
from database.session import make_engine, run_transaction
from database.users import accounts
from tests.console.web import serving
from tests.console.web.filed import file_scan, report
from tests.inline import Inline

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = serving.IN_BROWSER
PASSWORD = "correct horse battery"
PAGES = (
    "/batches",
    "/documents",
    "/documents/1",
    "/review",
    "/errors",
    "/filings",
    "/agencies",
    "/coverage",
    "/downloads",
    "/account",
)
OUTLINE = "(s => s.outlineWidth + s.outlineStyle)(getComputedStyle(document.activeElement))"
UNLABELLED = """[...document.querySelectorAll('input:not([type=hidden]), select, textarea')]
  .filter(e => !e.labels?.length && !e.getAttribute('aria-label')).map(e => e.outerHTML)"""
UNNAMED = """[...document.querySelectorAll('a, button')]
  .filter(e => !e.textContent.trim() && !e.getAttribute('aria-label') && !e.querySelector('img[alt]')).map(e => e.outerHTML)"""


@pytest.fixture
def site(sqlite_url: str, tmp_path: Path) -> Iterator[str]:
    """The address of the pages, with a scan that has doubts."""
    engine = make_engine(sqlite_url)
    file_scan(Inline(engine, tmp_path / "home"), "in/a.pdf", report(agency="示例市教育局"))
    kept = passwords.hashed(PASSWORD)
    run_transaction(engine, lambda c: accounts.add_user(c, "operator", kept, Role.OPERATE, who="test"))
    with serving.served(sqlite_url, tmp_path / "home") as address:
        yield address
    engine.dispose()


def wide(page: Page, selector: str) -> float:
    """The width of an element as it is seen."""
    box = page.locator(selector).first.bounding_box()
    assert box is not None
    return box["width"]


def test_an_original_is_looked_at(site: str) -> None:
    with serving.browsing() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        seen = serving.only_ours(page, site)
        serving.log_in(page, site, "operator", PASSWORD)
        page.goto(f"{site}/documents/1", wait_until="load")
        plain = wide(page, "#page-1")

        page.get_by_role("button", name="放大").click()
        assert wide(page, "#page-1") == pytest.approx(plain * 1.25, rel=0.01)
        assert page.inner_text("[data-zoomed]") == "125 %"
        page.get_by_role("button", name="复原").click()
        assert wide(page, "#page-1") == pytest.approx(plain, rel=0.01)

        page.mouse.move(300, 500)
        page.keyboard.down("Control")
        page.mouse.wheel(0, -100)
        page.keyboard.up("Control")
        assert page.inner_text("[data-zoomed]") == "125 %"

        page.locator("#source").focus()
        page.keyboard.press("0")
        page.keyboard.press("r")
        turned = page.locator("#page-1").first.bounding_box()
        assert turned is not None
        assert turned["height"] == pytest.approx(plain, rel=0.02)  # it lies on its side
        page.keyboard.press("-")
        assert page.inner_text("[data-zoomed]") == "80 %"
        page.keyboard.press("0")

        # A cell of the turned or enlarged page still leads to its value.
        page.get_by_role("button", name="放大").click()
        page.locator("#page-1 rect[data-cell]").first.click()
        page.wait_for_selector("#cell:not([hidden])")

        page.goto(f"{site}/review", wait_until="load")
        before = wide(page, ".looked figure img")
        page.locator(".looked").focus()
        page.keyboard.press("+")
        assert wide(page, ".looked figure img") > before
        page.keyboard.press("s")  # a key of the review is still one
        page.wait_for_function("document.querySelector('#item') !== null")
        assert seen == {"dialogs": [], "errors": [], "elsewhere": []}


def test_an_original_is_downloaded(site: str) -> None:
    with serving.browsing() as browser:
        page = browser.new_page()
        serving.log_in(page, site, "operator", PASSWORD)
        page.goto(f"{site}/documents/1")
        with page.expect_download() as download:
            page.locator("a.original").first.click()
        assert Path(download.value.path()).read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_screen_does_not_scroll_sideways_and_the_focus_is_seen(site: str, scheme: str) -> None:
    with serving.browsing() as browser:
        page = browser.new_context(viewport={"width": 480, "height": 900}, color_scheme=scheme).new_page()  # type: ignore[arg-type]
        serving.log_in(page, site, "operator", PASSWORD)
        over = {}
        for path in PAGES:
            page.goto(f"{site}{path}", wait_until="load")
            over[path] = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            page.keyboard.press("Tab")
            page.keyboard.press("Tab")
            assert page.evaluate(OUTLINE) == "2pxsolid", path
            assert page.evaluate(UNLABELLED) == [], path
            assert page.evaluate(UNNAMED) == [], path
            heads = page.evaluate("[...document.querySelectorAll('h1, h2, h3')].map(e => Number(e.tagName[1]))")
            assert heads[0] == 1, path
            assert all(later - earlier <= 1 for earlier, later in pairwise(heads)), path
        assert over == dict.fromkeys(PAGES, 0)


def test_on_paper_there_is_no_navigation(site: str) -> None:
    with serving.browsing() as browser:
        page = browser.new_page()
        serving.log_in(page, site, "operator", PASSWORD)
        page.goto(f"{site}/documents/1")
        page.emulate_media(media="print")
        assert not page.locator("header.bar").is_visible()
        assert not page.locator(".viewing button").first.is_visible()
        assert page.locator("a.original").first.is_visible()
        assert "/documents/1/original" in page.evaluate(
            "getComputedStyle(document.querySelector('a.original'), '::after').content"
        )
