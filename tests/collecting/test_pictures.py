"""The pictures of a report page are parts of its document: which are fetched, and how the host is treated."""

from __future__ import annotations

import io
import os
import tempfile
import threading
from collections.abc import Callable
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import text

from ingest.collecting.collector import context_of
from ingest.collecting.take import TurnTaker
from ingest.webpages.links import look_through
from runtime.store import Store
from tests.collecting.conftest import Desk
from tests.collecting.site import Portal, Reply, html

TITLE = "<h1>示例县教育局2023年政府信息公开工作年度报告</h1>"
FORM = "<p>本年新收政府信息公开申请数量 3</p><p>结转下年度继续办理 1</p>"


def picture(shade: int = 0) -> bytes:
    target = io.BytesIO()
    Image.new("L", (900, 700), shade).save(target, "PNG")
    return target.getvalue()


def kept(desk: Desk) -> list[tuple[str, dict[str, bytes]]]:
    """The media type of each document, and its parts by their addresses."""
    store = Store(desk.settings.store)
    found = []
    for sha256, media_type in desk.rows("select sha256, media_type from gk_document order by id"):
        parts = message_from_bytes(store.get(sha256), policy=policy.default).walk() if media_type == "multipart/related" else ()
        found.append(
            (media_type, {str(p["Content-Location"]): p.get_payload(decode=True) for p in parts if not p.is_multipart()})
        )
    return found


def ask_host_again(desk: Desk) -> None:
    """Let the pause of the host be over."""
    with desk.engine.begin() as connection:
        connection.execute(text("update gk_collect_host set next_at = null"))


def test_a_page_whose_tables_are_pictures_comes_in_with_them(desk: Desk, site: Portal) -> None:
    adornments = '<img src="/images/logo.png"><img src="a_ewm.png"><img src="x.gif" width=20><img src="http://example.org/3.png">'
    shown = f'{TITLE}{adornments}<img src="./W01.png"><img src="wait.gif" data-original="/upload/图 2.png"><img src="W01.png?#a">'
    site.pages = {
        "/2024/r/1.html": html(shown),
        "/2024/r/W01.png": Reply(picture(1)),
        "/2024/r/W01.png?": Reply(b"", 404),
        "/upload/%E5%9B%BE%202.png": Reply(picture(2)),
    }
    desk.add(f"{site.url}/2024/r/1.html")
    desk.collect()
    ((media_type, parts),) = kept(desk)
    assert media_type == "multipart/related"
    assert parts["./W01.png"] == picture(1)
    assert parts["/upload/图 2.png"] == picture(2)
    assert set(site.asked) - {"/robots.txt"} <= {"/2024/r/1.html", "/2024/r/W01.png", "/upload/%E5%9B%BE%202.png"}
    assert site.at_once == 1
    assert list(desk.addresses(site.url)) == ["/2024/r/1.html"]
    desk.inline.work()
    assert "report.tables_are_pictures" not in [code for (code,) in desk.rows("select code from gk_failure")]


def test_of_a_page_with_tables_only_what_lies_beside_it_is_fetched(desk: Desk, site: Portal) -> None:
    site.pages = {
        "/r/1.html": html(f'{TITLE}{FORM}<img src="W01.png"><img src="/upload/2.png">'),
        "/r/W01.png": Reply(picture()),
        "/upload/2.png": Reply(picture()),
    }
    desk.add(f"{site.url}/r/1.html")
    desk.collect()
    assert site.asked["/r/W01.png"] == 1
    assert site.asked["/upload/2.png"] == 0
    desk.add(f"{site.url}/r/1.html")
    desk.collect()
    assert site.asked["/r/1.html"] == 2
    assert site.asked["/r/W01.png"] == 1  # the page is unchanged
    assert len(kept(desk)) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_pictures_that_may_come_later_are_asked_for_at_the_next_visit(desk: Desk, site: Portal, status: int) -> None:
    """What the page answers is unchanged, but what came in was not whole."""
    site.pages = {
        "/1.html": html(f'{TITLE}<img src="1.png"><img src="2.png">'),
        "/1.png": Reply(b"", status),
        "/2.png": Reply(picture(2)),
    }
    desk.add(f"{site.url}/1.html")
    desk.collect()
    assert desk.addresses(site.url) == {"/1.html": ("done", "new", None)}
    ask_host_again(desk)
    desk.add(f"{site.url}/1.html")
    desk.collect()
    assert desk.addresses(site.url) == {"/1.html": ("done", "unchanged", None)}  # they failed once more
    site.pages["/1.png"] = Reply(picture(1))
    ask_host_again(desk)
    desk.add(f"{site.url}/1.html")
    desk.collect()
    assert desk.addresses(site.url) == {"/1.html": ("done", "changed", None)}
    assert [sorted(parts) for _, parts in kept(desk)][-1] == ["1.png", "2.png", "page.html"]
    asked = site.asked["/1.png"]
    desk.add(f"{site.url}/1.html")
    desk.collect()
    assert site.asked["/1.png"] == asked == 3  # now it is whole
    assert desk.addresses(site.url) == {"/1.html": ("done", "unchanged", None)}


@pytest.mark.parametrize("status", [429, 403, 412])
def test_a_host_that_refuses_a_picture_is_asked_for_no_more_of_them(desk: Desk, site: Portal, status: int) -> None:
    site.pages = {
        "/1.html": html(TITLE + "".join(f'<img src="{n}.png">' for n in range(1, 5))),
        "/1.png": Reply(picture()),
        "/2.png": Reply(b"", status, {"Retry-After": "3600"} if status == 429 else {}),
    }
    desk.add(f"{site.url}/1.html")
    desk.collect()
    ((_, parts),) = kept(desk)
    assert list(parts) == ["page.html", "1.png"]
    assert site.asked["/3.png"] == 0
    assert desk.addresses(site.url) == {"/1.html": ("done", "new", None)}
    ((left_out,),) = desk.rows("select left_out from gk_collect_address")
    assert left_out == 3
    if status == 429:
        desk.add(f"{site.url}/other.html")
        assert desk.collect() == 0  # the host has its pause


def test_what_robots_txt_forbids_fails_or_is_too_much_is_left_out(make_desk: Callable[..., Desk], site: Portal) -> None:
    desk = make_desk(collect_files=4)
    site.pages = {
        "/robots.txt": Reply(b"User-agent: *\nDisallow: /secret/\n"),
        "/1.html": html(TITLE + "".join(f'<img src="{name}.png">' for name in ("secret/1", "2", "3", "4", "5", "6"))),
        "/2.png": Reply(b"", 302, {"Location": "http://127.0.0.1:1/"}),
        "/3.png": Reply(b"MZ\x90\0 no picture"),
        "/4.png": Reply(picture()),
        "/5.png": Reply(picture()),
    }
    desk.add(f"{site.url}/1.html")
    desk.collect()
    ((_, parts),) = kept(desk)
    assert list(parts) == ["page.html", "4.png"]
    assert (site.asked["/secret/1.png"], site.asked["/5.png"]) == (0, 0)


def test_a_page_sees_nothing_of_the_machine(desk: Desk, site: Portal) -> None:
    """What it shows is not looked for among the temporary files of others."""
    descriptor, path = tempfile.mkstemp(suffix=".png")
    os.write(descriptor, picture())
    os.close(descriptor)
    try:
        name = Path(path).name
        site.pages = {"/1.html": html(f'{TITLE}<img src="{name}"><img src="answer"><iframe src="{name}"></iframe>')}
        desk.add(f"{site.url}/1.html")
        desk.collect()
    finally:
        os.unlink(path)
    assert [media_type for media_type, _ in kept(desk)][:1] == ["text/html"]
    assert picture() not in [data for _, parts in kept(desk) for data in parts.values()]


def test_a_collector_that_is_stopped_gives_the_turn_back(make_desk: Callable[..., Desk], site: Portal) -> None:
    desk = make_desk()
    site.pages = {"/1.html": html(f'{TITLE}<img src="1.png">'), "/1.png": Reply(picture())}
    desk.add(f"{site.url}/1.html")
    desk.collect(most=1)  # robots.txt
    stopped = threading.Event()
    stopped.set()
    taker = TurnTaker(context_of(desk.settings, desk.engine, lambda _: None), "other#1", stopped=stopped)
    with pytest.raises(SystemExit):
        taker.take()
    taker.close()
    assert site.asked["/1.png"] == 0
    desk.collect()
    ((_, parts),) = kept(desk)
    assert list(parts) == ["page.html", "1.png"]


@pytest.mark.parametrize(
    ("shown", "count"),
    [
        ('<img src="a.png">' * 3, 1),
        ('<img src="a.png" width="1000" height="60px">', 0),
        ('<img src="a.png" width="100%">', 1),
        ('<img src="top_banner2.jpg">', 0),
        ('<img src="">', 0),
        ("<img>", 0),
        ('<img src="javascript:x">', 0),
        ('<img src="//other.cn/a.png">', 0),
        ('<img src="http://a.cn.evil.cn/a.png">', 0),
    ],
)
def test_which_pictures_may_be_tables(shown: str, count: int) -> None:
    view = look_through(f"<html><body>{TITLE}{shown}</body></html>".encode(), "http://a.cn/r/1.html")
    assert len(view.pictures) == count
