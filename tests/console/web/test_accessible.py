"""Every page by the rules of axe-core, in a real browser: names of links and controls, headings, labels, contrast, tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.console.web import serving
from tests.console.web.conftest import PASSWORD, Desk
from tests.console.web.test_language import office, paths  # noqa: F401 - the fixture
from tests.database.test_finding_cases import balance, wrong
from tests.database.test_results import load, register, verdict

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(serving.CHROMIUM is None, reason="no Chromium on this machine"),
]
NARROW = 480
_DARK = ("/batches", "/documents/1", "/documents/1/purge", "/findings/1", "/findings/notices", "/review", "/drafts", "/errors")


@pytest.fixture(scope="module")
def browsed(office: Desk) -> Iterator[tuple[Page, str]]:  # noqa: F811
    """A page of a browser in which the administrator is logged in, and the address."""
    (document,) = register(office.engine, 1)
    load(office.engine, document, wrong(verdict("示例市民政局", year=2022, new_received=3), balance(3)))
    home = office.settings.home
    with serving.served(f"sqlite:///{home / 'gongkai.db'}", home) as address, serving.browsing() as browser:
        page = browser.new_page(viewport={"width": 1300, "height": 900})
        page.set_default_timeout(180_000)  # a machine with much to do
        serving.log_in(page, address, "administrator", PASSWORD)
        yield page, address


def broken(page: Page, *rules: str) -> list[str]:
    """What of the page that is shown breaks a rule: the rule, and the elements."""
    options: dict[str, Any] = {"resultTypes": ["violations"]} | ({"runOnly": list(rules)} if rules else {})
    found = Axe().run(page, options=options).response["violations"]
    return [f"{page.url} {each['id']}: {[node['html'][:120] for node in each['nodes']]}" for each in found]


def test_no_page_breaks_a_rule_of_axe_or_scrolls_sideways(browsed: tuple[Page, str]) -> None:
    page, address = browsed
    found, seen = [], 0
    for path in paths():
        answer = page.request.get(f"{address}{path}")
        kind = answer.headers.get("content-type", "")
        if answer.status != 200 or not kind.startswith("text/html") or "<html" not in answer.text():
            continue  # a file, a part of a page
        page.goto(f"{address}{path}", wait_until="load")
        seen += 1
        found += broken(page)
        page.set_viewport_size({"width": NARROW, "height": 900})
        if page.evaluate("document.documentElement.scrollWidth") > NARROW:
            found.append(f"{path} is wider than {NARROW} pixels")
        page.set_viewport_size({"width": 1300, "height": 900})
    assert found == []
    assert seen > 30


def test_the_menu_of_a_narrow_screen_shows_the_page_that_is_open(browsed: tuple[Page, str]) -> None:
    page, address = browsed
    page.set_viewport_size({"width": NARROW, "height": 900})
    for path in ("/batches", "/analysis", "/users", "/verification"):
        page.goto(f"{address}{path}", wait_until="load")
        box = page.locator(".bar nav [aria-current]").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= NARROW
    page.set_viewport_size({"width": 1300, "height": 900})


def test_the_contrast_of_pages_in_the_dark(browsed: tuple[Page, str]) -> None:
    page, address = browsed
    page.emulate_media(color_scheme="dark")
    found = []
    for path in _DARK:
        page.goto(f"{address}{path}", wait_until="load")
        found += broken(page, "color-contrast")
    page.emulate_media(color_scheme="light")
    assert found == []


def test_on_paper_the_original_is_whole_and_no_heading_stands_without_its_form(browsed: tuple[Page, str]) -> None:
    page, address = browsed
    page.emulate_media(media="print")
    page.goto(f"{address}/documents/2", wait_until="load")
    look = "(({overflow, maxHeight, position}) => [overflow, maxHeight, position])"
    pane = page.evaluate(f"{look}(getComputedStyle(document.querySelector('.source')))")
    page.goto(f"{address}/findings/1", wait_until="load")
    headings = "[...document.querySelectorAll('h2')].filter(h => h.nextElementSibling?.matches('form')).map(h => h.offsetHeight)"
    heights = page.evaluate(headings)
    page.emulate_media(media="screen")
    assert pane == ["visible", "none", "static"]
    assert heights
    assert set(heights) == {0}
