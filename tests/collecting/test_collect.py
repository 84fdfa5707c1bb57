"""From a list of addresses to reports in the database: what is fetched, followed, registered, and fetched again."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import text

from codebook.records import Hints
from codebook.text.portals import AddressKind
from console.reprocess import readable, start
from database.collecting.adding import resume
from database.intake.purging import purge
from database.ledger import Selection
from database.session import run_transaction
from tests.collecting.conftest import Desk
from tests.collecting.site import Portal, Reply, html, links, packed

SAMPLES = Path(__file__).resolve().parents[2] / "samples" / "reports"
NEW, DONE = "new", "done"


def sample(part: str) -> bytes:
    """The content of a sample report."""
    (path,) = (path for path in SAMPLES.iterdir() if part in path.name)
    return path.read_bytes()


def test_a_page_and_its_file_become_one_filing(desk: Desk, site: Portal) -> None:
    report = sample("示例区人民政府2023")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("report.html", report + b"<!-- the same, printed -->")
    site.pages = {
        "/2024/a.html": Reply(report.replace(b"<div class='main'>", b"<a href='/f/report.zip'>ZIP</a><div class='main'>")),
        "/f/report.zip": Reply(archive.getvalue()),
    }
    desk.add(f"{site.url}/2024/a.html", hints=Hints(region=("江苏省", "淮安市", "洪泽区")))
    desk.collect()
    assert desk.addresses(site.url) == {"/2024/a.html": (DONE, NEW, None), "/f/report.zip": (DONE, NEW, None)}
    desk.inline.work()
    assert desk.documents(site.url) == {"/2024/a.html": "accepted", "/f/report.zip!report.html": "accepted"}
    filed = desk.rows("select filing_id, edition, rendition_of is null from gk_filing_document order by rank")
    assert [tuple(row) for row in filed] == [(1, 1, 1), (1, 1, 0)]


def test_a_list_leads_to_its_pages_and_reports(desk: Desk, site: Portal) -> None:
    report = "{}局2023年政府信息公开工作年度报告"
    first = [("r/1.html;jsessionid=A1#top", report.format("教育")), ("r/2.html", report.format("民政"))]
    more = [("index_1.html", "下一页"), ("n.html", "关于编制政府信息公开工作年度报告的通知"), ("../home.html", "首页")]
    again = [("r/1.html?utm_source=x", report.format("教育")), ("r/3.html", report.format("财政")), ("index.html", "1")]
    site.pages = {
        "/zwgk/index.html": html(links(*first, *more), "gb2312"),
        "/zwgk/index_1.html": html(links(*again), "gb2312"),
        **{f"/zwgk/r/{n}.html": html(f"<p>第{n}篇</p>") for n in (1, 2, 3)},
    }
    desk.add(f"{site.url}/zwgk/index.html")
    desk.collect()
    assert desk.addresses(f"{site.url}/zwgk/") == {
        "index.html": (DONE, "listed", None),
        "r/1.html": (DONE, NEW, None),
        "r/2.html": (DONE, NEW, None),
        "index_1.html": (DONE, "listed", None),
        "r/3.html": (DONE, NEW, None),
    }
    assert site.asked["/robots.txt"] == 1
    assert set(site.asked.values()) == {1}
    assert sorted(desk.documents(f"{site.url}/zwgk/")) == ["r/1.html", "r/2.html", "r/3.html"]


def test_a_second_pass_costs_little_and_sees_what_changed(desk: Desk, site: Portal) -> None:
    report = "教育局{}年政府信息公开工作年度报告"
    listed = html(links(("1.html", report.format(2022)), ("2.html", report.format(2023))))
    site.pages = {
        "/": listed,
        "/1.html": Reply(sample("教育局2023"), headers={"Content-Type": "text/plain"}, etag='"1"'),
        "/2.html": Reply(b"a page without tags"),
    }
    desk.add(site.url)
    desk.collect()
    ((seen,),) = desk.rows("select seen_at from gk_collect_address where url like '%1.html'")
    site.pages["/1.html"] = Reply(sample("教育局2023") + b"\n\n", etag='"2"')
    desk.add(site.url)
    desk.collect()
    assert {path: one[1] for path, one in desk.addresses(site.url).items()} == {
        "/": "unchanged",
        "/1.html": "changed",
        "/2.html": "unchanged",
    }
    assert site.asked == {"/robots.txt": 1, "/": 2, "/1.html": 2, "/2.html": 2}
    (one,) = desk.rows("select seen_at, changed_at, visit from gk_collect_address where url like '%1.html'")
    assert one.seen_at == seen
    assert one.changed_at > seen
    assert one.visit == 2
    visits = desk.rows("select outcome, status, warc from gk_collect_visit")
    assert [(row.outcome, row.status) for row in visits].count(("unchanged", 304)) == 1
    ((versions,),) = desk.rows("select count(*) from gk_source where path like '%1.html'")
    assert versions == 2


def test_redirects_are_followed_so_far_and_no_further(desk: Desk, site: Portal) -> None:
    def moved(to: str) -> Reply:
        return Reply(b"", 302, {"Location": to})

    site.pages = {
        "/a": moved("/b"),
        "/b": moved("c?id=1#x"),
        "/c?id=1": html("<p>here</p>"),
        "/x": moved("/y"),
        "/y": moved("/x"),
        "/self": moved("/self"),
        "/mail": moved("mailto:x@example.cn"),
        **{f"/far{n}": moved(f"/far{n + 1}") for n in range(9)},
        "/meta": html('<meta http-equiv="refresh" content="0; url=/c?id=1">'),
    }
    desk.add(*(f"{site.url}{path}" for path in ("/a", "/x", "/self", "/mail", "/far0", "/meta")))
    desk.collect()
    found = desk.addresses(site.url)
    assert [found[path][1] for path in ("/a", "/b", "/c?id=1", "/meta")] == ["moved", "moved", NEW, "moved"]
    wrong = {path for path, one in found.items() if one[2] == "fetch.redirects"}
    assert wrong == {"/y", "/self", "/mail", "/far5"}
    assert "/far6" not in found
    ((failed,),) = desk.rows("select count(*) from gk_failure where code = 'fetch.redirects' and state = 'open'")
    assert failed == 4


def test_what_cannot_be_fetched_is_in_the_error_queue_until_it_can(desk: Desk, site: Portal) -> None:
    broken = Reply(raw=iter(()))
    site.pages = {
        "/500": Reply(b"", 500),
        "/cut": lambda *_: Reply(raw=iter([b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"])),
        "/nothing": lambda *_: broken,
        "/410": Reply(b"", 410),
        "/418": Reply(b"", 418),
    }
    paths = ["/500", "/cut", "/nothing", "/410", "/418", "/404"]
    desk.add(*(f"{site.url}{path}" for path in paths))
    for _ in range(20):
        desk.collect()
        time.sleep(0.01)
    assert {path: one[2] for path, one in desk.addresses(site.url).items()} == {
        "/500": "fetch.server_error",
        "/cut": "fetch.broken",
        "/nothing": "fetch.broken",
        "/410": "fetch.not_found",
        "/418": "fetch.status",
        "/404": "fetch.not_found",
    }
    assert desk.documents(site.url) == dict.fromkeys(paths, "failed") | {"/410": "rejected", "/404": "rejected"}
    assert site.asked["/500"] == 8
    assert site.asked["/410"] == 1
    site.pages["/500"] = Reply(sample("教育局2023"))
    desk.add(f"{site.url}/500")
    desk.collect()
    desk.inline.work()
    found = desk.rows("select d.status from gk_document d join gk_source s on s.document_id = d.id where s.path like '%/500'")
    assert sorted(found) == [("accepted",), ("discarded",)]


def test_a_host_that_refuses_is_left_alone_until_it_is_resumed(desk: Desk, site: Portal) -> None:
    asks = html("<p>请输入验证码</p>")
    site.pages = {"/1": html("one"), "/2": asks, "/3": html("three")}
    desk.add(*(f"{site.url}/{n}" for n in (1, 2, 3)))
    desk.collect()
    assert desk.addresses(site.url) == {
        "/1": (DONE, NEW, None),
        "/2": ("failed", "failed", "fetch.challenge"),
        "/3": ("queued", None, None),
    }
    site.pages["/2"] = html("two")
    assert run_transaction(desk.engine, resume) == 1
    desk.collect()
    assert {one[1] for one in desk.addresses().values()} == {NEW}


def test_a_host_that_asks_for_a_pause_has_it(desk: Desk, site: Portal) -> None:
    busy = [Reply(b"", 429, {"Retry-After": "1"})]
    site.pages = {"/1": lambda *_: busy.pop() if busy else html("one"), "/2": html("two")}
    desk.add(f"{site.url}/1", f"{site.url}/2")
    desk.collect()
    assert [one[0] for one in desk.addresses().values()] == ["waiting", "queued"]
    end = time.monotonic() + 30
    while any(one[0] != DONE for one in desk.addresses().values()) and time.monotonic() < end:
        desk.collect()
        time.sleep(0.02)
    asked = site.moments
    assert asked[2] - asked[1] >= 0.99
    assert site.asked == {"/robots.txt": 1, "/1": 2, "/2": 1}


def test_pauses_lie_between_the_requests_to_a_host(make_desk: Callable[..., Desk], site: Portal) -> None:
    desk = make_desk(collect_least_seconds=0.2, collect_most_seconds=0.3)
    site.pages = {f"/{n}": html(str(n)) for n in range(3)}
    desk.add(*(f"{site.url}/{n}" for n in range(3)))
    end = time.monotonic() + 30
    while any(one[0] != DONE for one in desk.addresses().values()) and time.monotonic() < end:
        desk.collect()
        time.sleep(0.01)
    assert len(site.moments) == 4
    assert min(b - a for a, b in zip(site.moments, site.moments[1:], strict=False)) >= 0.19


def test_robots_txt_is_kept_to(desk: Desk, site: Portal) -> None:
    rules = "User-agent: *\nDisallow: /no\nAllow: /no/but\nDisallow: /*.pdf$\nCrawl-delay: 0"
    site.pages = {
        "/robots.txt": Reply(rules.encode()),
        **{path: html(path) for path in ("/no/1", "/no/but", "/a.pdf", "/a.pdf?x=1", "/yes")},
    }
    desk.add(*(f"{site.url}{path}" for path in ("/no/1", "/no/but", "/a.pdf", "/a.pdf?x=1", "/yes")))
    desk.collect()
    refused = [path for path, one in desk.addresses(site.url).items() if one[2] == "fetch.robots"]
    assert refused == ["/no/1", "/a.pdf"]
    assert site.asked["/no/1"] == site.asked["/a.pdf"] == 0


def test_what_is_packed_is_unpacked_and_pages_end(make_desk: Callable[..., Desk], site: Portal) -> None:
    desk = make_desk(collect_pages=4)
    text = "教育局2023年政府信息公开工作年度报告"

    def endless(n: int) -> Reply:
        return html(links((f"/r{n}.txt", text), (f"/r{n}b.txt", text), (f"/list/{n + 1}", "下一页")))

    site.pages = {f"/list/{n}": endless(n) for n in range(30)}
    site.pages |= {f"/r{n}{b}.txt": packed(f"{n}{b}".encode()) for n in range(30) for b in ("", "b")}
    desk.add(f"{site.url}/list/0", kind=AddressKind.COLUMN)
    desk.collect()
    assert sum(site.asked[f"/list/{n}"] for n in range(30)) == 4
    assert sorted(desk.documents(site.url)) == sorted(f"/r{n}{b}.txt" for n in range(4) for b in ("", "b"))


def test_a_page_that_was_changed_is_a_new_edition(desk: Desk, site: Portal) -> None:
    before = sample("示例区教育局2023")
    site.pages = {"/1.txt": Reply(before)}
    for content in (before, before.replace("行政许可 | 760".encode(), "行政许可 | 761".encode())):
        site.pages["/1.txt"] = Reply(content)
        desk.add(f"{site.url}/1.txt", hints=Hints(region=("江苏省", "淮安市", "洪泽区")))
        desk.collect()
        desk.inline.work()
    filed = desk.rows("select filing_id, edition, rendition_of from gk_filing_document order by document_id")
    assert [tuple(row) for row in filed] == [(1, 1, None), (1, 2, None)]


def test_an_address_that_failed_is_fetched_again_by_reprocessing(desk: Desk, site: Portal) -> None:
    site.pages = {}
    desk.add(f"{site.url}/late.txt")
    desk.collect()
    chosen = Selection(code="fetch.not_found")
    site.pages = {"/late.txt": Reply(sample("示例区教育局2023"))}
    ids, absent = readable(desk.settings, desk.engine, chosen)
    assert (len(ids), absent) == (1, [])
    assert start(desk.settings, desk.engine, chosen, ids, None, who="test", reason="it is there now") == 1
    desk.collect()
    desk.inline.work()
    assert sorted(status for (status,) in desk.rows("select status from gk_document")) == ["accepted", "discarded"]


def test_a_purge_deletes_the_answers_that_hold_the_content(desk: Desk, site: Portal) -> None:
    site.pages = {"/1.txt": Reply(sample("示例区教育局2023")), "/2.txt": Reply(b"another")}
    desk.add(f"{site.url}/1.txt", f"{site.url}/2.txt")
    desk.collect()
    ((document,),) = desk.rows("select document_id from gk_collect_address where url like '%/1.txt'")
    gone = run_transaction(desk.engine, lambda c: purge(c, document, who="test", reason="asked for"))
    assert len(gone.visits) == 1
    desk.inline.store.delete(gone.sha256, gone.visits)
    kept = [path.name for path in (desk.settings.home / "originals" / "visits").rglob("*.warc.gz")]
    assert len(kept) == 1
    assert kept[0] not in gone.visits
    desk.add(f"{site.url}/1.txt")
    run_transaction(desk.engine, lambda c: c.execute(text("update gk_collect_address set sha256 = null")))
    desk.collect()
    assert len(list((desk.settings.home / "originals" / "visits").rglob("*.warc.gz"))) == 1
    assert not desk.inline.store.exists(gone.sha256)
