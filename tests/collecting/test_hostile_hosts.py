"""Hosts that mean harm: ways into the inner network, answers without end, bombs, and rules that are too long."""

from __future__ import annotations

import gzip
import ipaddress
import itertools
import socket
import time
import zlib
from collections.abc import Callable, Iterator

import pytest

from codebook.errors import GongkaiError
from ingest.collecting.fetching import Fetched, FetchLimits, fetch, unpacked
from ingest.collecting.guard import AddressGuard, is_public
from ingest.collecting.robots import read_robots
from ingest.webpages.addresses import normal
from ingest.webpages.links import look_through
from tests.collecting.conftest import Desk
from tests.collecting.site import Portal, Reply, html

LIMITS = FetchLimits(seconds=2, silence=1, size=200_000)
PATIENT = FetchLimits(seconds=120, silence=60, size=200_000)  # what is bounded by its size is so on a slow machine too
INSIDE = [
    "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.2.1",
    "198.18.0.1", "224.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "fe80::1", "fec0::1",
    "fc00::1", "fd00:ec2::254", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:0:7f00:1::80ff:fffe", "ff02::1",
    "2001:db8::1",
]  # fmt: skip
WRITTEN = [
    "2130706433", "0x7f000001", "0x7f.1", "017700000001", "127.1", "0", "localhost", "LOCALHOST.", "[::1]", "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:169.254.169.254]", "2852039166", "169.254.169.254", "127.0.0.1",
]  # fmt: skip


def guarded() -> AddressGuard:
    """A guard that lets the site of the test through."""
    return AddressGuard(["127.0.0.1"])


def code_of(act: Callable[[], object]) -> str:
    """The code with which an act fails."""
    with pytest.raises(GongkaiError) as error:
        act()
    return error.value.code


def ask(site: Portal, path: str = "/", limits: FetchLimits = LIMITS) -> Fetched:
    """Ask the site for a page."""
    return fetch(f"{site.url}{path}", guarded(), limits, agent="test")


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_of_the_inner_network_are_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    guard = AddressGuard(resolver=lambda *_: [address])
    assert code_of(lambda: guard.addresses("www.example.cn", 80)) == "fetch.not_public"


@pytest.mark.parametrize("host", WRITTEN)
def test_an_address_is_looked_at_however_it_is_written(site: Portal, host: str) -> None:
    address = normal(f"http://{host}:{site.port}/")
    assert code_of(lambda: fetch(address, AddressGuard(), LIMITS, agent="test")) == "fetch.not_public"
    assert site.asked.total() == 0


def test_public_addresses_and_what_is_allowed_may_be_reached() -> None:
    public = ["93.184.216.34", "2400:3200::1"]
    assert AddressGuard(resolver=lambda *_: public).addresses("www.example.cn", 443) == public
    assert AddressGuard(["10.0.0.0/8"], lambda *_: ["10.1.2.3", "192.168.1.1"]).addresses("x", 80) == ["10.1.2.3"]
    assert AddressGuard(["intranet.example"], lambda *_: ["10.1.2.3"]).addresses("Intranet.example", 80) == ["10.1.2.3"]
    assert AddressGuard(resolver=lambda *_: ["10.0.0.1", *public]).addresses("both", 80) == public
    with pytest.raises(ValueError, match="neither"):
        AddressGuard(["10.0.0.0/99"])


@pytest.mark.parametrize("port", [21, 22, 25, 110, 445])
def test_ports_of_other_services_are_not_reached(port: int) -> None:
    guard = AddressGuard(resolver=lambda *_: ["93.184.216.34"])
    assert code_of(lambda: guard.addresses("www.example.cn", port)) == "fetch.not_public"


def test_a_name_that_changes_its_meaning_leads_nowhere_else(site: Portal) -> None:
    answers = iter([["127.0.0.1"], ["169.254.169.254"], ["169.254.169.254"]])
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    site.pages["/"] = html("here")
    guard = AddressGuard(["127.0.0.1"], rebinding)
    answer = fetch(f"http://rebind.example:{site.port}/", guard, PATIENT, agent="test")
    assert (answer.status, answer.peer, asked) == (200, "127.0.0.1", ["rebind.example"])
    assert code_of(lambda: fetch(f"http://rebind.example:{site.port}/", guard, LIMITS, agent="test")) == "fetch.not_public"


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]:{port}/in",
        "http://2130706434:{port}/in",
        "http://127.0.0.2:{port}/in",
    ],
)
def test_a_redirect_into_the_inner_network_is_not_followed(desk: Desk, site: Portal, target: str) -> None:
    target = target.format(port=site.port)
    site.pages = {"/": Reply(b"", 302, {"Location": target}), "/in": html("secret")}
    desk.add(site.url)
    desk.collect()
    assert desk.addresses()[normal(target)][2] == "fetch.not_public"
    assert site.asked["/in"] == 0
    assert "rejected" in desk.documents().values()


@pytest.mark.parametrize("target", ["file:///etc/passwd", "gopher://127.0.0.1/", "ftp://x/", "http://u:p@127.0.0.1/", "//[bad"])
def test_a_redirect_to_what_is_no_page_is_refused(desk: Desk, site: Portal, target: str) -> None:
    site.pages = {"/": Reply(b"", 302, {"Location": target})}
    desk.add(site.url)
    desk.collect()
    assert [one[2] for one in desk.addresses().values()] == ["fetch.redirects"]


def test_a_robots_txt_that_leads_inside_or_has_no_end_is_bounded(desk: Desk, site: Portal) -> None:
    def endless() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n\r\nUser-agent: *\nDisallow: /no\n"
        yield from itertools.repeat(b"Disallow: /%s\n" % (b"x" * 60_000), 9000)  # 500 MB

    site.pages = {"/robots.txt": lambda *_: Reply(raw=endless()), "/no": html("no"), "/yes": html("yes")}
    desk.add(f"{site.url}/no", f"{site.url}/yes")
    desk.collect()
    assert [one[2] for one in desk.addresses().values()] == ["fetch.robots", None]


def test_a_robots_txt_that_leads_inside_is_not_followed(desk: Desk, site: Portal) -> None:
    site.pages = {"/robots.txt": Reply(b"", 302, {"Location": "http://169.254.169.254/"}), "/": html("x")}
    desk.add(site.url)
    desk.collect()
    assert [one[2] for one in desk.addresses().values()] == ["fetch.not_public"]
    assert site.asked["/"] == 0


def test_patterns_of_a_robots_txt_match_in_linear_time() -> None:
    rules = read_robots(b"User-agent: *\nDisallow: /" + b"*a" * 200 + b"$\n" * 1 + b"Disallow: /x*y*z\n", "test")
    assert rules.allow("http://h/" + "a" * 1900 + "b")
    assert not rules.allow("http://h/x1y2z")


def _head(*lines: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def _slow_head() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n"
    for number in itertools.count():
        yield b"X-%d: 1\r\n" % number
        time.sleep(0.1)


def _slow_body() -> Iterator[bytes]:
    yield _head(b"Content-Length: 100000")
    while True:
        yield b"x"
        time.sleep(0.1)


def _silence() -> Iterator[bytes]:
    yield b"HTTP/1.1 200"
    time.sleep(4)


def _chunks() -> Iterator[bytes]:
    yield _head(b"Transfer-Encoding: chunked")
    yield from itertools.repeat(b"1000\r\n" + b"x" * 4096 + b"\r\n")


HOSTILE: dict[str, tuple[Callable[[], Iterator[bytes]], str]] = {
    "body without end": (lambda: itertools.chain([_head()], itertools.repeat(b"x" * 65536)), "fetch.too_large"),
    "chunks without end": (_chunks, "fetch.too_large"),
    "chunk extensions without end": (
        lambda: itertools.chain([_head(b"Transfer-Encoding: chunked"), b"1;"], itertools.repeat(b"e" * 65536)),
        "fetch.broken",
    ),
    "headers without end": (
        lambda: itertools.chain([b"HTTP/1.1 200 OK\r\n"], itertools.repeat(b"A: b\r\n" * 999)),
        "fetch.broken",
    ),
    "one long header": (lambda: itertools.chain([b"HTTP/1.1 200 OK\r\nA: "], itertools.repeat(b"b" * 65536)), "fetch.broken"),
    "interim answers without end": (lambda: itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 999), "fetch.too_large"),
    "headers drop by drop": (_slow_head, "fetch.timeout"),
    "body drop by drop": (_slow_body, "fetch.timeout"),
    "silence": (_silence, "fetch.timeout"),
    "no HTTP": (lambda: iter([b"\x16\x03\x01\x02\x00" * 99]), "fetch.broken"),
    "two lengths": (lambda: iter([_head(b"Content-Length: 3", b"Content-Length: 5"), b"12345"]), "fetch.broken"),
    "a negative length": (lambda: iter([_head(b"Content-Length: -1"), b"12345"]), "fetch.broken"),
    "a length that is not kept": (lambda: iter([_head(b"Content-Length: 500"), b"12345"]), "fetch.broken"),
    "a length beyond the limit": (
        lambda: itertools.chain([_head(b"Content-Length: 99999999999")], itertools.repeat(b"x" * 65536, 10)),
        "fetch.too_large",
    ),
    "a broken chunk": (lambda: iter([_head(b"Transfer-Encoding: chunked"), b"zz\r\n12345"]), "fetch.broken"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_an_answer_is_bounded(site: Portal, kind: str) -> None:
    made, code = HOSTILE[kind]
    site.pages["/"] = lambda *_: Reply(raw=made())
    limits = LIMITS if code == "fetch.timeout" else PATIENT
    assert code_of(lambda: ask(site, limits=limits)) == code


def test_a_host_that_does_not_answer_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"http://127.0.0.1:{mute.getsockname()[1]}/"
        assert code_of(lambda: fetch(address, guarded(), LIMITS, agent="test")) == "fetch.timeout"
    assert code_of(lambda: fetch(address, guarded(), LIMITS, agent="test")) == "fetch.unreachable"
    assert code_of(lambda: fetch("http://no-such-host.invalid/", guarded(), LIMITS, agent="test")) == "fetch.unreachable"


@pytest.mark.parametrize("coding", ["gzip", "deflate", "raw deflate"])
def test_a_packed_bomb_is_not_unpacked(coding: str) -> None:
    machine = zlib.compressobj(9, wbits={"gzip": 31, "deflate": 15, "raw deflate": -15}[coding])
    body = b"".join(machine.compress(bytes(1_000_000)) for _ in range(100)) + machine.flush()
    answer = Fetched("http://h/", 200, "OK", (("Content-Encoding", coding.rpartition(" ")[2]),), body)
    assert code_of(lambda: unpacked(answer, 10_000_000)) == "file.bomb"


def test_what_says_that_it_is_packed_is_judged_by_its_bytes() -> None:
    def answer(body: bytes, coding: str = "gzip") -> Fetched:
        return Fetched("http://h/", 200, "OK", (("Content-Encoding", coding),), body)

    assert unpacked(answer(gzip.compress(b"x")), 10) == b"x"
    assert unpacked(answer(gzip.compress(b"first ") + gzip.compress(b"second")), 12) == b"first second"
    assert code_of(lambda: unpacked(answer(gzip.compress(b"first ") + gzip.compress(b"second")), 11)) == "file.bomb"
    assert code_of(lambda: unpacked(answer(gzip.compress(b"first ") + gzip.compress(b"second")[:-3]), 99)) == "fetch.broken"
    assert code_of(lambda: unpacked(answer(gzip.compress(b"") * 10_001), 99)) == "fetch.broken"
    assert unpacked(answer(gzip.compress(b"x") + b"\0\0"), 10) == b"x"
    assert unpacked(answer(b"<html>"), 10) == b"<html>"
    assert code_of(lambda: unpacked(answer(gzip.compress(b"x" * 99)[:-9]), 1000)) == "fetch.broken"
    assert code_of(lambda: unpacked(answer(b"x", "br"), 10)) == "fetch.broken"


@pytest.mark.parametrize(
    "page",
    [
        b"<html>" + b"<div>" * 200_000,
        b"<html><body>" + b'<a href="' * 100_000,
        b'<html><!DOCTYPE x [<!ENTITY a "b">]>' + b"&a;" * 100_000,
        b"<html>" + b"<a href='http://" + b"a." * 5000 + b"'>x</a>",
        b"<html><a href='http://[::'>x</a><a href='http://h:99999999/'>y</a><base href='http://['>",
        "<html><a href='http://例\u200d子.cn/'>政府信息公开年报</a>".encode(),
        b'<html><script>createPageHTML(9999, 0, "i", "html")</script>',
    ],
)
def test_a_page_that_means_harm_is_looked_through(page: bytes) -> None:
    view = look_through(page, "http://h/")
    assert len(view.more) <= 1000


def test_pages_with_the_sessions_of_a_calendar_come_to_an_end(desk: Desk, site: Portal) -> None:
    """Each page links to itself under another session, and to further days without end."""

    def day(number: int) -> Reply:
        again = f'<a href="/d?{number}&sid={number:032x}">上一页</a><a href="/d?{number}&PHPSESSID=z#a">1</a>'
        return html(f'{again}<a href="/d?{number + 1}">下一页</a><a href="/r?{number}">教育局政府信息公开年报</a>')

    site.pages = {f"/d?{number}": day(number) for number in range(200)}
    desk.add(*(f"{site.url}/d?0",) * 2, f"{site.url}/d?0&sid={1:032x}")
    desk.taker.close()
    desk.collect(400)
    assert sum(count for path, count in site.asked.items() if path.startswith("/d")) <= 50
    assert max(site.asked.values()) == 1
