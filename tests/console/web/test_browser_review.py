"""The review in a real browser: ten doubts by the keyboard, a correction, and the validation that changes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from console import passwords
from database.models import Role
from database.monitoring import queries
from database.reports import corrections
from database.session import make_engine, reading, run_transaction
from database.users import accounts
from tests.console.web import serving
from tests.console.web.filed import CELL, EVIL, file_scan, file_text, report, report_of_rows
from tests.inline import Inline

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = serving.IN_BROWSER

PASSWORD = "correct horse battery"


@pytest.fixture
def inline(sqlite_url: str, tmp_path: Path) -> Iterator[Inline]:
    """Ten scans and a web page, each with a doubt; the machine does what is queued."""
    engine = make_engine(sqlite_url)
    made = Inline(engine, tmp_path / "home")
    for at in range(10):
        file_scan(made, f"in/{at}{EVIL}.pdf", report(agency=f"示例{at}局{EVIL}"), mark=at)
    file_text(made)
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


@pytest.fixture
def working(inline: Inline) -> Iterator[None]:
    """A worker in the background."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.2):
            inline.work()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    over.set()
    thread.join()


def asked(page: Page) -> str:
    """The document that the review asks about."""
    return page.input_value("#decide input[name=document]")


def press(page: Page, key: str) -> None:
    """Press a key, and wait until the next case is there."""
    page.evaluate("document.getElementById('item').dataset.before = ''")
    page.keyboard.press(key)
    page.wait_for_selector("#item:not([data-before])")


def standing(inline: Inline, document: int) -> list[Any]:
    with reading(inline.engine) as connection:
        return [correction.value for correction in corrections.in_force(connection, document)]


def test_ten_doubts_with_the_keyboard(site: str, inline: Inline) -> None:
    with serving.browsing() as browser:
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        seen = serving.only_ours(page, site)
        serving.log_in(page, site, "operator", PASSWORD)
        serving.follow(page, 'nav a[href="/review"]')
        picture = page.locator("figure.sight img")
        assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
        address = page.url
        for at in range(10):
            number = int(asked(page))
            page.keyboard.press("2" if at % 2 else "1")
            assert page.input_value(".choice input[type=radio]:checked") == ("v8" if at % 2 else "v3")
            press(page, "Enter")
            assert standing(inline, number) == [8 if at % 2 else 3]
        assert page.url == address  # no page was loaded anew
        number = int(asked(page))  # the web page: its cell is marked in its table
        assert page.inner_text("mark.chosen") == "S"

        # Skipped, and from the beginning again; blank, undone, and another value typed.
        press(page, "s")
        serving.follow(page, ".empty a")
        page.keyboard.press("b")
        press(page, "Enter")
        assert standing(inline, number) == [None]
        press(page, "u")
        assert standing(inline, number) == []
        assert int(asked(page)) == number
        page.keyboard.press("e")
        page.keyboard.type("５")
        press(page, "Enter")
        assert standing(inline, number) == [5]
        assert page.locator(".empty").count() == 1
        assert seen == {"dialogs": [], "errors": [], "elsewhere": []}


def test_a_correction_from_the_document_changes_the_validation(site: str, inline: Inline, working: None) -> None:
    with serving.browsing() as browser:
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        seen = serving.only_ours(page, site)
        serving.log_in(page, site, "operator", PASSWORD)
        page.goto(f"{site}/documents/1")
        field, place = page.locator(f'#numbers a[data-cell="{CELL}"]'), page.locator(f'rect[data-cell="{CELL}"]')

        # What is read and its place light up together, both ways.
        field.hover()
        assert "on" in (place.get_attribute("class") or "").split()
        page.mouse.move(5, 5)
        assert "on" not in (place.get_attribute("class") or "").split()
        place.hover()
        assert "on" in (field.get_attribute("class") or "").split()
        place.click()
        page.wait_for_selector("#cell form.decide")
        assert "chosen" in (place.get_attribute("class") or "").split()
        page.keyboard.press("Escape")
        assert page.locator("#cell").is_hidden()

        # A wrong value first: the sums say so afterwards. Then the right one.
        for typed, broken in (("9", True), ("5", False)):
            field.click()
            page.wait_for_selector("#cell form.decide")
            page.fill("#cell input[name=typed]", typed)
            page.check("#cell input[value=typed]")
            with page.expect_navigation():
                page.click("#cell form.decide button.main")
            page.wait_for_selector(".notice.busy", state="detached", timeout=30_000)
            assert field.inner_text() == typed
            page.click('.tabs a[href="#findings"]')
            assert (page.locator(f'#findings .finding.error[data-cells~="{CELL}"]').count() > 0) is broken
            page.click('.tabs a[href="#numbers"]')
        with reading(inline.engine) as connection:
            item = queries.document(connection, 1)
        assert (item.status, len(item.reports)) == ("accepted", 3)
        page.click('.tabs a[href="#history"]')
        assert page.locator("#history tr.ended").count() == 1
        assert seen == {"dialogs": [], "errors": [], "elsewhere": []}


def test_a_typed_correction_with_mouse_and_keyboard(site: str, inline: Inline) -> None:
    """A person clicks on the field for another value, types, and confirms; nobody touches the radio button itself."""
    with serving.browsing() as browser:
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        seen = serving.only_ours(page, site)
        serving.log_in(page, site, "operator", PASSWORD)
        page.goto(f"{site}/documents/1")
        page.locator(f'#numbers a[data-cell="{CELL}"]').click()
        page.locator("#cell input[name=typed]").click()
        page.keyboard.type("33")
        assert page.locator("#cell input[value=typed]").is_checked()
        page.get_by_role("button", name="确认").click()
        page.wait_for_selector(".notice.good")
        assert "= 33" in page.inner_text(".notice.good")
        assert standing(inline, 1) == [33]

        # A click on the words does as well; another choice takes back what was typed.
        page.goto(f"{site}/documents/2?cell={CELL}")
        page.locator("#cell .choice", has_text="另填").locator(".words").click()
        page.keyboard.type("44")
        page.locator('#cell .choice:has(input[value="v8"]) > .value').click()
        assert page.input_value("#cell input[name=typed]") == ""
        page.keyboard.press("Enter")
        page.wait_for_selector(".notice.good")
        assert standing(inline, 2) == [8]

        # The same in the review.
        page.goto(f"{site}/review?document=3&cell={CELL}")
        page.locator("#decide input[name=typed]").click()
        page.keyboard.type("55")
        page.evaluate("document.getElementById('item').dataset.before = ''")
        page.locator("#confirm").click()
        page.wait_for_selector("#item:not([data-before])")
        assert standing(inline, 3) == [55]
        assert seen == {"dialogs": [], "errors": [], "elsewhere": []}


def test_a_row_and_a_table_with_mouse_and_keyboard(site: str, inline: Inline) -> None:
    """A row is confirmed with A; T shows the table with its picture, T again (or a click) confirms it, U undoes it."""
    number = file_scan(inline, "in/rows.pdf", report_of_rows(), mark=77)
    with serving.browsing() as browser:
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        seen = serving.only_ours(page, site)
        serving.log_in(page, site, "operator", PASSWORD)
        page.goto(f"{site}/review?document={number}&cell=requests.granted.natural_person")
        strip = page.locator("#row img.strip")
        assert strip.evaluate("image => image.decode().then(() => image.naturalWidth)") > 500
        press(page, "a")
        assert standing(inline, number) == [1] * 7
        press(page, "u")
        assert standing(inline, number) == []

        assert page.locator("#whole table").is_hidden()
        page.keyboard.press("t")
        table = page.locator("#whole img.strip")
        assert table.evaluate("image => image.decode().then(() => image.naturalHeight)") > 100
        assert "予以公开" in page.inner_text("#whole")
        press(page, "t")
        assert sorted(standing(inline, number)) == [1] * 7 + [2] * 7 + [3] * 6
        press(page, "u")
        assert standing(inline, number) == []

        page.locator("#whole summary").click()
        page.evaluate("document.getElementById('item').dataset.before = ''")
        page.get_by_role("button", name="整张表确认").click()
        page.wait_for_selector("#item:not([data-before])")
        assert len(standing(inline, number)) == 20
        assert page.input_value("#decide input[name=cell]") == "requests.denied.state_secret.business"
        assert seen == {"dialogs": [], "errors": [], "elsewhere": []}


def test_a_typed_correction_without_scripts_is_refused_where_it_contradicts_the_choice(site: str, inline: Inline) -> None:
    with serving.browsing() as browser:
        page = browser.new_page(java_script_enabled=False)
        serving.log_in(page, site, "operator", PASSWORD)
        page.goto(f"{site}/documents/1/cells/{CELL}")
        page.locator('#cell .choice:has(input[value="v8"]) > .value').click()  # nothing is proposed at this score
        page.locator("#cell input[name=typed]").click()
        page.keyboard.type("33")
        page.get_by_role("button", name="确认").click()
        assert "又填了另一个" in page.inner_text(".notice.bad")
        assert standing(inline, 1) == []
        assert page.input_value("input[name=typed]") == "33"
        page.get_by_role("button", name="确认").click()  # no choice is marked now: the typed value is what is meant
        page.wait_for_selector(".notice.good")
        assert standing(inline, 1) == [33]


def test_nothing_is_confirmed_that_nobody_chose_and_errors_are_in_sight(site: str, inline: Inline) -> None:
    """The score is low: Enter alone decides nothing. The notice has the focus, is read out, and what was typed stays."""
    with serving.browsing() as browser:
        page = browser.new_page(viewport={"width": 1366, "height": 420})
        seen = serving.only_ours(page, site)
        serving.log_in(page, site, "operator", PASSWORD)
        page.goto(f"{site}/review")
        number = int(asked(page))
        assert page.locator(".choice input:checked").count() == 0
        page.mouse.wheel(0, 2000)  # the notice stands at the top, the person is at the end of the page
        press(page, "Enter")
        assert standing(inline, number) == []
        notice = page.locator(".told.bad")
        assert notice.evaluate("each => each === document.activeElement")
        assert notice.evaluate("each => each.getBoundingClientRect().top >= 0")
        assert "还没有选定" in page.inner_text("#live")

        page.keyboard.press("e")
        page.keyboard.type("12x")
        page.keyboard.press("Tab")
        page.keyboard.type("放大看过")
        press(page, "Enter")
        assert standing(inline, number) == []
        assert (page.input_value("input[name=typed]"), page.input_value("input[name=reason]")) == ("12x", "放大看过")
        assert page.locator(".choice input[value=typed]").is_checked()

        # A slip with the mouse takes back what was typed; a click on the words brings it back.
        page.locator('.choice:has(input[value="v8"]) > .value').click()
        assert page.input_value("input[name=typed]") == ""
        page.locator(".choice", has_text="另填").locator(".words").click()
        assert page.input_value("input[name=typed]") == "12x"
        page.keyboard.press("End")
        page.keyboard.press("Backspace")
        press(page, "Enter")
        assert standing(inline, number) == [12]
        assert seen == {"dialogs": [], "errors": [], "elsewhere": []}


def test_who_may_only_look(site: str) -> None:
    with serving.browsing() as browser:
        page = browser.new_page()
        seen = serving.only_ours(page, site)
        serving.log_in(page, site, "viewer", PASSWORD)
        page.goto(f"{site}/documents/1?cell={CELL}")
        page.wait_for_selector("#cell .evidence")
        assert page.locator("#cell form.decide").count() == 0
        answer = page.goto(f"{site}/review")
        assert answer is not None
        assert answer.status == 403
        assert seen["dialogs"] == []
        assert seen["elsewhere"] == []
