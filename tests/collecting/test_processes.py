"""Collectors as processes of their own: a large site, and collectors that are killed."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from warcio.archiveiterator import ArchiveIterator

from database.collecting.listing import kept_visits
from database.session import reading
from ingest.collecting.collector import collector_command
from runtime.store import Store
from tests.collecting.conftest import Desk
from tests.collecting.site import Portal, Reply, html, links, portal
from tests.conftest import REPOSITORY

REPORT = "第{}局2023年政府信息公开工作年度报告"


class Collectors:
    """Processes that collect for a desk; :meth:`close` ends them."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.processes = desk, list[subprocess.Popen[bytes]]()

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[bytes]:
        """Start a collector that ends when nothing is left."""
        command, environment = collector_command(self.desk.settings)
        variables = {
            **os.environ,
            **environment,
            "GONGKAI_DATABASE_URL": self.desk.settings.database,
            "PYTHONPATH": str(REPOSITORY),
        }
        argv = [*command, "--until-idle", "--lease", "1.5", *arguments]
        process = subprocess.Popen(argv, env=variables | more, cwd=REPOSITORY, start_new_session=True)
        self.processes.append(process)
        return process

    def close(self) -> None:
        """Kill what still runs."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()


@pytest.fixture
def collectors(make_desk: Callable[..., Desk], sqlite_url: str) -> Iterator[Collectors]:
    """Collectors for a desk."""
    made = Collectors(make_desk(database_url=sqlite_url, broker_url="redis://127.0.0.1:1/0", log_level="ERROR"))
    yield made
    made.close()


def check_warc(desk: Desk) -> list[str]:
    """Read every answer that was kept, with its digests. Return the addresses, in the order of the visits."""
    store, found = Store(desk.settings.store), []
    with reading(desk.engine) as connection:
        names = list(kept_visits(connection))
    for name in names:
        data = store.visit(name)
        assert data is not None
        records = ArchiveIterator(io.BytesIO(data), check_digests="raise")
        kinds = []
        for record in records:
            record.content_stream().read()
            kinds.append(record.rec_type)
            if record.rec_type == "response":
                found.append(record.rec_headers.get_header("WARC-Target-URI"))
        assert kinds == ["response", "request"]
    visits = [path for path in (desk.settings.home / "originals" / "visits").rglob("*") if path.is_file()]
    assert not [path for path in visits if path.name.endswith(".part")]
    return found


def large(sites: list[Portal], lists: int, reports: int) -> tuple[int, Counter[str]]:
    """Fill sites with lists that lead in circles, reports, redirects, and pages that are slow, busy, broken or gone. Return how
    many addresses there are, and what becomes of them.
    """
    counts: Counter[str] = Counter()
    for number, site in enumerate(sites):
        busy: set[str] = set()

        def once_busy(path: str, reply: Reply, seen: set[str] = busy) -> Callable[..., Reply]:
            def page(*_: Any) -> Reply:
                if path in seen:
                    return reply
                seen.add(path)
                return Reply(b"", 429, {"Retry-After": "0"})

            return page

        for at in range(lists):
            found = []
            for each in range(reports):
                path, reply = f"/r/{at}/{each}.htm", html(f"<p>{number} {at} {each}</p>", "gb18030")
                kind = {3: "moved", 5: "gone", 7: "slow", 11: "busy", 13: "broken"}.get(each if at % 10 == 0 else -1, "new")
                if kind == "moved":
                    site.pages[path] = Reply(b"", 301, {"Location": f"{path}l"})
                    site.pages[f"{path}l"] = reply
                    counts["new"] += 1
                elif kind == "gone":
                    counts["failed"] += 1
                elif kind == "slow":
                    site.pages[path] = lambda *_, reply=reply: (time.sleep(0.2), reply)[1]
                    counts["new"] += 1
                elif kind == "busy":
                    site.pages[path] = once_busy(path, reply)
                    counts["new"] += 1
                elif kind == "broken":
                    site.pages[path] = Reply(raw=iter(()))
                    counts["failed"] += 1
                else:
                    site.pages[path] = reply
                    counts["new"] += 1
                counts["moved"] += kind == "moved"
                found.append((f"{path};jsessionid={at}{each}#top", REPORT.format(each)))
            around = [(f"/l/{(at + step) % lists}.htm", str((at + step) % lists + 1)) for step in (1, 2, lists - 1)]
            again = [(f"/r/{(at + 1) % lists}/0.htm?utm_source=x", REPORT.format(0))]
            site.pages[f"/l/{at}.htm"] = html(links(*found, *around, *again, ("/l/0.htm", "下一页")), "gb2312")
            counts["listed"] += 1
    return counts.total(), counts


def collected(collectors: Collectors, sites: list[Portal], lists: int, reports: int, processes: int = 1) -> None:
    """Collect such sites by processes of their own, and look at all that came of it."""
    desk = collectors.desk
    total, expected = large(sites, lists, reports)
    desk.add(*(f"{site.url}/l/0.htm" for site in sites))
    running = [collectors.start() for _ in range(processes)]
    assert [process.wait(300) for process in running] == [0] * processes
    assert Counter(one[1] for one in desk.addresses().values()) == expected
    assert {one[0] for one in desk.addresses().values()} == {"done", "failed"}
    assert len(desk.addresses()) == total
    assert max(site.at_once for site in sites) == 1
    for site in sites:
        assert site.asked["/robots.txt"] == 1
        often = {path for path, count in site.asked.items() if count > 1}
        assert {path.rpartition("/")[2] for path in often} <= {"11.htm", "13.htm"}  # busy at first, and broken
    registered = desk.rows("select count(*) from gk_document")[0][0]
    assert registered == expected["new"] + expected["failed"]
    assert len(check_warc(desk)) == total - expected["failed"]


def test_a_small_site_is_collected(collectors: Collectors) -> None:
    with portal() as one, portal() as other:
        collected(collectors, [one, other], 2, 14)


@pytest.mark.slow
def test_two_thousand_pages_are_collected(collectors: Collectors) -> None:
    with portal() as one, portal() as two, portal() as three, portal() as four:
        collected(collectors, [one, two, three, four], 20, 25, processes=2)


def finish(desk: Desk, seconds: float = 120) -> None:
    """Collect what is left, as soon as the lease of a dead collector has ended."""
    end = time.monotonic() + seconds
    while {one[0] for one in desk.addresses().values()} - {"done", "failed"}:
        assert time.monotonic() < end, desk.addresses()
        desk.collect()
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("point", ["collect_turn", "collect_kept", "collect_registered"])
def test_a_collector_that_is_killed_loses_nothing_and_asks_for_nothing_twice(collectors: Collectors, point: str) -> None:
    desk = collectors.desk
    with portal() as site:
        found = [(f"/{n}.htm", REPORT.format(n)) for n in range(3)]
        site.pages = {"/": html(links(*found))} | {f"/{n}.htm": html(f"<p>{n}</p>") for n in range(3)}
        desk.add(site.url)
        assert collectors.start(GONGKAI_FAILPOINT=f"{point}:kill").wait(120) == -signal.SIGKILL
        finish(desk)
        assert {one[:2] for one in desk.addresses().values()} == {("done", "listed"), ("done", "new")}
        assert site.asked == dict.fromkeys(["/robots.txt", "/", *(path for path, _ in found)], 1)
        assert sorted(check_warc(desk)) == sorted(desk.addresses())
        assert len(desk.documents()) == 3


def test_a_collector_that_is_killed_while_it_fetches_is_followed_by_the_next(collectors: Collectors) -> None:
    desk, begun, go_on = collectors.desk, threading.Event(), threading.Event()

    def body() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
        begun.set()
        go_on.wait(60)
        yield b" whole"[:5]

    with portal() as site:
        site.pages = {"/slow": lambda *_: Reply(raw=body()), "/next": html("next")}
        desk.add(f"{site.url}/slow", f"{site.url}/next")
        first = collectors.start()
        assert begun.wait(60)
        first.kill()
        first.wait()
        go_on.set()
        finish(desk)
        assert desk.addresses(site.url) == {"/slow": ("done", "new", None), "/next": ("done", "new", None)}
        assert site.asked == {"/robots.txt": 1, "/slow": 2, "/next": 1}
        assert len(check_warc(desk)) == 2


@pytest.mark.slow
def test_what_kills_the_collector_each_time_is_given_up(collectors: Collectors) -> None:
    desk = collectors.desk
    with portal() as site:
        site.pages = {"/1": html("one"), "/2": html("two")}
        desk.add(f"{site.url}/1")
        for _ in range(3):
            assert collectors.start(GONGKAI_FAILPOINT="collect_registered:kill").wait(120) == -signal.SIGKILL
        desk.add(f"{site.url}/2")
        finish(desk)
        assert desk.addresses(site.url) == {"/1": ("failed", "failed", "worker.crashed"), "/2": ("done", "new", None)}
        assert site.asked["/1"] == 1
