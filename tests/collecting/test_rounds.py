"""Rounds: what a list changes of addresses that are known, what is left out, and lists that come at once."""

from __future__ import annotations

import io
import threading
import time
import zipfile
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text

from codebook.text.portals import AddressKind
from database.collecting.adding import Added, NewAddress, add_list
from database.collecting.listing import address_lines, left_out_count
from database.session import reading, run_transaction
from ingest.collecting.collector import PortalCollector, context_of
from tests.collecting.conftest import Desk
from tests.collecting.site import Portal, Reply, html, links

REPORT = "{}局2023年政府信息公开工作年度报告"
NEW, DONE = "new", "done"


@pytest.mark.parametrize("has_etag", [True, False])
def test_a_list_that_is_a_report_after_all_is_registered(desk: Desk, site: Portal, *, has_etag: bool) -> None:
    page = html(links(("1.html", REPORT.format("教育")), ("2.html", REPORT.format("民政"))))
    site.pages = {"/": page if has_etag else page._replace(etag=None), "/1.html": html("1"), "/2.html": html("2")}
    desk.add(site.url)
    desk.collect()
    assert desk.addresses(site.url)["/"] == (DONE, "listed", None)
    desk.add(site.url, kind=AddressKind.REPORT)
    desk.collect()
    assert desk.addresses(site.url)["/"] == (DONE, NEW, None)
    assert "/" in desk.documents(site.url)
    desk.add(site.url, kind=AddressKind.REPORT)
    desk.collect()
    assert desk.addresses(site.url)["/"] == (DONE, "unchanged", None)


@pytest.mark.parametrize("has_etag", [True, False])
def test_a_report_that_is_a_list_after_all_is_followed(desk: Desk, site: Portal, *, has_etag: bool) -> None:
    page = html(links(("1.html", REPORT.format("教育")), ("2.html", REPORT.format("民政"))))
    site.pages = {"/": page if has_etag else page._replace(etag=None), "/1.html": html("1"), "/2.html": html("2")}
    desk.add(site.url, kind=AddressKind.REPORT)
    desk.collect()
    assert set(desk.addresses(site.url)) == {"/"}
    desk.add(site.url, kind=AddressKind.COLUMN)
    desk.collect()
    assert desk.addresses(site.url) == {
        "/": (DONE, "listed", None),
        "/1.html": (DONE, NEW, None),
        "/2.html": (DONE, NEW, None),
    }


def test_a_kind_that_is_changed_while_the_page_is_fetched_holds(desk: Desk, site: Portal) -> None:
    page = html(links(("1.html", REPORT.format("教育")), ("2.html", REPORT.format("民政"))))
    changed: list[Added] = []

    def answer(*_: object) -> Reply:
        if not changed:
            changed.append(desk.add(site.url, kind=AddressKind.REPORT))
        return page

    site.pages = {"/": answer, "/1.html": html("1"), "/2.html": html("2")}
    desk.add(site.url)
    desk.collect()
    assert desk.addresses(site.url)["/"] == (DONE, NEW, None)
    assert "/" in desk.documents(site.url)


def test_what_is_beyond_the_bounds_is_counted(make_desk: Callable[..., Desk], site: Portal) -> None:
    desk = make_desk(collect_pages=3, collect_files=2)
    files = [(f"f{number}.pdf", "附件") for number in range(5)]
    site.pages = {
        "/": html(links(("1.html", REPORT.format("教育"))) + '<script>createPageHTML(9, 0, "index", "html")</script>'),
        "/1.html": html("<p>report</p>" + links(*files)),
        "/index.html": html("<p>first</p>"),
        "/index_1.html": html("<p>second</p>"),
    }
    desk.add(site.url, kind=AddressKind.COLUMN)
    for _ in range(2):
        desk.collect()
        with reading(desk.engine) as connection:
            found = {line.url.removeprefix(site.url): line.left_out for line in address_lines(connection)}
            assert left_out_count(connection) == 2
        assert found["/"] == 7
        assert found["/1.html"] == 3
        assert found["/index.html"] == 0
        desk.add(site.url, kind=AddressKind.COLUMN)


def test_an_archive_that_was_refused_gives_way_to_its_members(make_desk: Callable[..., Desk], site: Portal) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.txt", "政府信息公开工作年度报告 " * 100)
    site.pages = {"/a.zip": Reply(archive.getvalue()), "/b.zip": Reply(archive.getvalue())}
    low = make_desk(max_archive_bytes=1000)
    low.add(f"{site.url}/a.zip")
    low.collect()
    assert low.documents(site.url) == {"/a.zip": "rejected"}
    desk = make_desk()
    desk.add(f"{site.url}/b.zip")
    desk.collect()
    assert desk.documents(site.url) == {"/a.zip": "discarded", "/b.zip!a.txt": "processing"}


def test_a_collector_goes_on_after_a_turn_that_broke_off(desk: Desk, site: Portal) -> None:
    """The database refuses the end of the first turn of each address, which no code of ours expects."""
    trigger = """create trigger refuses before update on gk_collect_address when new.state = 'done' and old.state <> 'done'
        and old.crashes = 0 begin select raise(abort, 'not now'); end"""
    run_transaction(desk.engine, lambda c: c.execute(text(trigger)))
    site.pages = {"/1.html": html("1")}
    desk.add(f"{site.url}/1.html")
    context = context_of(desk.settings, desk.engine, lambda _: None)
    collector = PortalCollector(context, until_idle=True, lease_seconds=0.5)
    collector.start()
    collector.join(60)
    collector.stop()
    collector.join()
    assert desk.addresses(site.url) == {"/1.html": (DONE, NEW, None)}
    assert site.asked["/1.html"] == 1


def test_two_lists_at_once_are_two_rounds(engine: Engine) -> None:
    one = NewAddress("http://x.cn/1", "x.cn")
    found: list[Added] = []

    def other() -> None:
        found.append(run_transaction(engine, lambda c: add_list(c, "other", [one]), attempts=100, patience=60))

    thread = threading.Thread(target=other)
    with engine.begin() as connection:
        first = add_list(connection, "first", [one])
        thread.start()
        end = time.monotonic() + 1
        while thread.is_alive() and time.monotonic() < end:  # it waits for this transaction, or ends and is wrong below
            time.sleep(0.01)
    thread.join()
    assert found[0].round == first.round + 1
    with reading(engine) as connection:
        assert connection.scalar(text("select round from gk_collect_address")) == found[0].round
