"""A day at the office, with mouse and keys in a real browser: two people, from what failed to cases that are closed."""

from __future__ import annotations

import threading
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine

from codebook.records import Hints
from console import passwords
from database.findings.listing import CaseFilter, iterate
from database.models import Role
from database.session import make_engine, reading, run_transaction
from database.users import accounts
from tests.console.web import serving
from tests.console.web.filed import file_scan, report
from tests.console.web.test_browser_review import asked, press, standing
from tests.database.test_filings import dated
from tests.database.test_finding_cases import balance, wrong
from tests.database.test_results import load, register, verdict
from tests.generator.documents import Document, Wishes, make_document
from tests.inline import Inline

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = serving.IN_BROWSER

PASSWORD = "correct horse battery"
PEOPLE = ("zhangmin", "liqiang")
SEEDS = (700, 706)  # reports of two agencies, each with a planted error
RULE = "requests.balance"
UNITS = 198  # agencies more with a finding
WAIT = 180_000  # milliseconds, at most, for what another process does


def paper(seed: int) -> Document:
    """The report of an agency with an error."""
    return make_document(seed, "pipes", Wishes(clean=True, plant=RULE, year=2024, encoding="utf-8"))


def mended(seed: int) -> bytes:
    """The report as the agency hands it in again, with the words by which people know a later edition."""
    document = make_document(seed, "pipes", Wishes(clean=True, year=2024, encoding="utf-8"))
    return document.data.decode().replace("年度报告", "年度报告（更正版）", 1).encode()


@pytest.fixture
def inline(sqlite_url: str, tmp_path: Path) -> Iterator[Inline]:
    """200 agencies with a finding, four scans with a doubt, and a file that is broken; somebody works in the background."""
    engine = make_engine(sqlite_url)
    made = Inline(engine, tmp_path / "home")
    for seed in SEEDS:
        document = paper(seed)
        made.add(document.data, document.media_type, document.name, hints=Hints(path=document.name))
    made.add(b"PK no package", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "in/broken.docx")
    made.work()
    for at, number in enumerate(register(engine, UNITS)):
        loaded = verdict(f"洪泽区第{at + 1}中学", year=2024, new_received=3)
        load(engine, number, dated(wrong(loaded, balance(3)), "2025-01-20"))
    for at in range(4):
        file_scan(made, f"in/{at}.pdf", report(agency=f"示例{at}局"), mark=at)
    kept = passwords.hashed(PASSWORD)
    for name in PEOPLE:
        run_transaction(engine, lambda c, n=name: accounts.add_user(c, n, kept, Role.OPERATE, who="test"))
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.2):
            made.work()

    thread = threading.Thread(target=work)
    thread.start()
    yield made
    over.set()
    thread.join()
    engine.dispose()


def found(engine: Engine) -> list[str]:
    """The states of what was found by the rule that is looked through."""
    with reading(engine) as connection:
        return [line.state for line in iterate(connection, CaseFilter(rule=RULE))]


def find_out_why(page: Page) -> None:
    """Open what failed, by mouse alone, and read why."""
    serving.follow(page, 'nav a[href="/errors"]')
    serving.follow(page, "a.code")
    serving.follow(page, "td.number a[href^='/documents/']")
    page.wait_for_selector("#failed")
    said = page.inner_text("#failed")
    assert "file.corrupt" in said
    assert "下一步" in said
    with page.expect_download() as given:
        page.click("#failed a[href$='/original']")
    assert Path(given.value.path()).read_bytes() == b"PK no package"


def review_together(one: Page, other: Page, inline: Inline) -> None:
    """Two people have two documents, and each decides about theirs."""
    for page in (one, other):
        serving.follow(page, 'nav a[href="/review"]')
    first, second = int(asked(one)), int(asked(other))
    assert first != second
    one.keyboard.press("2")
    press(one, "Enter")
    other.keyboard.press("e")
    other.keyboard.type("5")
    press(other, "Enter")
    assert (standing(inline, first), standing(inline, second)) == ([8], [5])
    assert asked(one) != asked(other)


def confirm_all(page: Page, count: int) -> None:
    """Look at one of the errors, then confirm all together."""
    serving.follow(page, 'nav a[href="/findings"]')
    page.select_option("select[name=rule]", RULE)
    page.wait_for_url(f"**rule={RULE}**")
    serving.follow(page, "table.list tbody tr:first-child td.number a")
    page.go_back()
    serving.follow(page, "a.button[href*='to=confirmed']")
    assert f"将 {count} 个问题" in page.inner_text(".question .big")
    page.keyboard.type("经抽查属实")
    page.keyboard.press("Enter")
    page.wait_for_selector(".notice.good")


def send(page: Page, folder: Path, count: int) -> list[str]:
    """Make the problem sheets and download them; return the names of the files."""
    serving.follow(page, 'nav a[href="/findings"]')
    serving.follow(page, 'a.button[href^="/findings/notices"]')
    serving.follow(page, "form.filter button")
    assert f"共 {count} 个已确认的问题" in page.inner_text(".question .big")
    page.fill("input[name=issuer]", "示例市人民政府办公室")
    page.check("input[name=mark_sent]")
    page.click("form.stack button.main")
    page.wait_for_selector("#sheets a.button.main", timeout=WAIT)
    with page.expect_download() as given:
        page.click("#sheets a.button.main")
    target = folder / "sheets.zip"
    given.value.save_as(target)
    with zipfile.ZipFile(target) as packed:
        return packed.namelist()


def take_in(page: Page, folder: Path) -> None:
    """Upload the files that two agencies have mended."""
    files = []
    for seed in SEEDS:
        files.append(folder / f"{seed}.txt")
        files[-1].write_bytes(mended(seed))
    serving.follow(page, 'nav a[href="/batches"]')
    serving.follow(page, 'a[href="/upload"]')
    with page.expect_file_chooser() as chooser:
        page.locator("input[type=file][multiple]").click()
    chooser.value.set_files(files)
    page.fill("input[name=batch]", "整改后重报")
    page.click("form[data-upload] button.main")
    page.wait_for_selector('a.button.main[href^="/batches/"]', timeout=WAIT)


def test_the_day(sqlite_url: str, inline: Inline, tmp_path: Path) -> None:
    with serving.served(sqlite_url, tmp_path / "home") as site, serving.browsing() as browser:
        one, other = (browser.new_context(viewport={"width": 1400, "height": 900}).new_page() for _ in PEOPLE)
        seen = [serving.only_ours(page, site) for page in (one, other)]
        for page, name in zip((one, other), PEOPLE, strict=True):
            serving.log_in(page, site, name, PASSWORD)
        find_out_why(one)
        review_together(one, other, inline)
        planted = len(found(inline.engine))
        assert planted >= 200
        confirm_all(one, planted)
        assert found(inline.engine) == ["confirmed"] * planted
        names = send(one, tmp_path, planted)
        assert len([name for name in names if name.endswith(".docx")]) == len(SEEDS) + UNITS
        assert found(inline.engine) == ["sent"] * planted
        take_in(other, tmp_path)
        for _ in range(600):  # the background worker reads them
            if Counter(found(inline.engine))["sent"] == UNITS:
                break
            other.wait_for_timeout(300)
        serving.follow(other, 'nav a[href="/findings"]')
        serving.follow(other, "a.finding-settled")
        assert "state=settled" in other.url
        rows = other.locator("table.list tbody tr")
        assert rows.count() == planted - UNITS
        serving.follow(other, "table.list tbody tr td.number a")
        assert "新版本已改正" in other.inner_text("main")
        assert Counter(found(inline.engine)) == {"sent": UNITS, "settled": planted - UNITS}
        assert seen == [{"dialogs": [], "errors": [], "elsewhere": []}] * len(seen)
