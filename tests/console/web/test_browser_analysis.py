"""The pages of analysis in a real browser, with mouse and keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from console import passwords
from console.analysis.keeper import PANEL
from database.analysis.refresh import refresh
from database.models import Role
from database.session import make_engine, run_transaction
from database.users import accounts
from tests.analysis.world import make_world
from tests.console.web import serving

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = serving.IN_BROWSER

PASSWORD = "correct horse battery"


@pytest.fixture
def page(sqlite_url: str, tmp_path: Path) -> Iterator[Page]:
    """A browser of a viewer; the figures are there."""
    engine = make_engine(sqlite_url)
    make_world(engine, provinces=2, agencies=50, years=(2022, 2023))
    kept = passwords.hashed(PASSWORD)
    run_transaction(engine, lambda c: accounts.add_user(c, "viewer", kept, Role.VIEW, who="test"))
    refresh(engine, tmp_path / "home" / PANEL)
    engine.dispose()
    with serving.served(sqlite_url, tmp_path / "home") as address, serving.browsing() as browser:
        made = browser.new_page(viewport={"width": 1400, "height": 900})
        made.set_default_timeout(120_000)
        serving.log_in(made, address, "viewer", PASSWORD)
        made.goto(f"{address}/analysis?year=2023")
        yield made


def test_a_figure_opens_into_a_region_its_agencies_and_a_report(page: Page) -> None:
    serving.follow(page, "table.list tbody a >> nth=0")  # the first region below all
    assert "region=" in page.url
    page.focus("select[name=indicator]")
    page.select_option("select[name=indicator]", "received")
    page.wait_for_url("**indicator=received**")
    serving.follow(page, "nav.analysis-tabs a[href^='/analysis/indicator']")
    row = page.locator("table.list tbody tr").first
    cell = row.locator("td").nth(3).locator("a").get_attribute("href") or ""
    assert cell.endswith("/cells/requests.new_received.total")
    row.locator("td").last.locator("a").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/filings/*")
    assert page.locator("h1").is_visible()


def test_the_glossary_is_reached_by_keys(page: Page) -> None:
    page.locator("nav.analysis-tabs a[href='/analysis/glossary']").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/analysis/glossary")
    assert page.locator("tr[id=grant_rate]").is_visible()


def test_charts_and_tables_are_whole_on_paper(page: Page) -> None:
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 700, "height": 900})  # a sheet of A4
    for mark in ("svg.chart rect.amount", "svg.chart polyline.line", "svg.chart text.name"):
        box = page.locator(mark).first.bounding_box()
        assert box is not None, mark
        assert box["width"] > 1
    wider = page.evaluate("[...document.querySelectorAll('.across')].filter(e => e.scrollWidth > e.clientWidth + 1).length")
    assert wider == 0
