"""Clients that are slow, idle, many or gone, and documents that are slow to draw: the pages answer everybody else."""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import Engine

from codebook.records import Hints
from database.intake.registering import Arrival, register
from database.models import Role
from database.session import make_engine, run_transaction
from database.users import accounts
from tests.console.web.conftest import PASSWORD
from tests.console.web.serving import served
from tests.inline import Inline

PATIENCE = 30.0  # seconds in which something must have happened; it is no measure of speed
SLOW = "1"  # GONGKAI_CONSOLE_SLOW_SECONDS
CONNECTIONS = "40"


@pytest.fixture(scope="module")
def office(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, password_hash: str
) -> Iterator[tuple[str, Engine, Inline]]:
    """The pages in a process of their own with the user ``viewer``; their address, the database, and its filler."""
    home = tmp_path_factory.mktemp("office")
    shutil.copy(sqlite_template, home / "test.db")
    url = f"sqlite:///{home / 'test.db'}"
    engine = make_engine(url)
    inline = Inline(engine, home)
    run_transaction(engine, lambda c: accounts.add_user(c, "viewer", password_hash, Role.VIEW, who="test"))
    limits = {"GONGKAI_CONSOLE_SLOW_SECONDS": SLOW, "GONGKAI_CONSOLE_CONNECTIONS": CONNECTIONS}
    with served(url, home, **limits) as address:
        yield address, engine, inline
    engine.dispose()


def connected(address: str) -> socket.socket:
    host, port = address.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=PATIENCE)


def until_closed(client: socket.socket) -> bytes:
    """What is still sent before the other side closes. Raises TimeoutError when it does not."""
    found = b""
    try:
        while part := client.recv(65536):
            found += part
    except ConnectionError:
        pass
    return found


def trickle(client: socket.socket, text: bytes) -> bytes:
    """Send ``text`` byte by byte until the other side closes; what it answered."""
    end = time.monotonic() + PATIENCE
    try:
        for at in range(len(text)):
            client.sendall(text[at : at + 1])
            if time.monotonic() > end:
                raise TimeoutError
            time.sleep(0.1)
    except ConnectionError:
        pass
    return until_closed(client)


def logged_in(address: str) -> httpx2.Client:
    client = httpx2.Client(base_url=address, timeout=PATIENCE)
    token = re.search(r'name="csrf" value="(\w+)"', client.get("/login").text)
    assert token is not None
    answer = client.post("/login", data={"csrf": token[1], "name": "viewer", "password": PASSWORD})
    assert answer.status_code == 303, answer.text
    return client


def test_idle_and_slow_clients_are_cut_off_and_hinder_nobody(office: tuple[str, Engine, Inline]) -> None:
    address, _, _ = office
    idle = [connected(address) for _ in range(300)]
    try:
        assert httpx2.get(f"{address}/healthz", timeout=PATIENCE).status_code == 200
        head = b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-long: " + b"a" * 500
        with closing(connected(address)) as client:
            assert b" 200 " not in trickle(client, head)
        body = (
            b"POST /login HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 900\r\n\r\n"
        )
        with closing(connected(address)) as client:
            client.sendall(body)
            assert b" 200 " not in trickle(client, b"a" * 500)
        for client in idle:
            until_closed(client)
    finally:
        for client in idle:
            client.close()
    assert httpx2.get(f"{address}/healthz", timeout=PATIENCE).status_code == 200


def test_large_heads_and_bodies_are_refused_before_they_are_read(office: tuple[str, Engine, Inline]) -> None:
    address, _, _ = office
    with closing(connected(address)) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-long: " + b"a" * 20_000)
        assert b" 400 " in until_closed(client)
    with closing(connected(address)) as client:  # it is answered although nothing of the body has come
        client.sendall(b"POST /login HTTP/1.1\r\nhost: x\r\ncontent-length: 2000000\r\n\r\n")
        assert b" 413 " in until_closed(client)
    with closing(connected(address)) as client:  # and where no length is said
        client.sendall(b"POST /login HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        block = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
        try:
            for _ in range(400):
                client.sendall(block)
        except ConnectionError:
            pass
        assert b" 200 " not in until_closed(client)


def wants_all(address: str, client: httpx2.Client) -> socket.socket:
    """A client that asks for all data and takes up only the beginning."""
    host, port = address.removeprefix("http://").split(":")
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.settimeout(PATIENCE)
    made.connect((host, int(port)))
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    made.sendall(f"GET /downloads/file?format=jsonl HTTP/1.1\r\nhost: x\r\ncookie: {cookies}\r\n\r\n".encode())
    assert made.recv(100).startswith(b"HTTP/1.1 200 ")
    return made


def test_downloads_that_nobody_takes_up_make_room_for_others(office: tuple[str, Engine, Inline]) -> None:
    address, engine, _ = office
    for start in range(0, 5000, 1000):
        paths = [f"in/{number}{'x' * 1800}.txt" for number in range(start, start + 1000)]
        arrivals = [Arrival(hashlib.sha256(path.encode()).hexdigest(), "text/plain", 1, path, Hints(path=path)) for path in paths]
        run_transaction(engine, lambda c, found=arrivals: register(c, "many", found))
    client = logged_in(address)
    for leaves in (True, False):
        with closing(wants_all(address, client)) as one, closing(wants_all(address, client)) as other:
            assert client.get("/downloads/file?format=jsonl").headers["location"] == "/downloads"  # two at a time
            if leaves:
                one.close()
                other.close()
            end = time.monotonic() + PATIENCE
            while client.get("/downloads/file?format=jsonl&year=1999").status_code != 200:
                assert time.monotonic() < end, leaves
                time.sleep(0.2)
            if not leaves:
                assert not until_closed(one).endswith(b"0\r\n\r\n")


def endless_pdf(pages: int) -> bytes:
    """A PDF of a few kB whose pages draw ten things, each of which draws ten things, nine deep."""
    depth, fan = 9, 10
    kids = " ".join(f"{10 + page} 0 R" for page in range(pages))
    first = 10 + pages
    objects = {1: b"<< /Type /Catalog /Pages 2 0 R >>", 2: f"<< /Type /Pages /Kids [{kids}] /Count {pages} >>".encode()}
    for page in range(pages):
        form = f"/Resources << /XObject << /X {first} 0 R >> >> /Contents 3 0 R"
        objects[10 + page] = f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] {form} >>".encode()
    objects[3] = b"<< /Length 6 >>\nstream\n/X Do \nendstream"
    for level in range(depth):
        last = level == depth - 1
        content = b"0 0 500 500 re f 0 0 m 500 500 l S " if last else b"/X Do " * fan
        more = "" if last else f"/Resources << /XObject << /X {first + level + 1} 0 R >> >>"
        head = f"<< /Type /XObject /Subtype /Form /BBox [0 0 595 842] {more} /Length {len(content)} >>\nstream\n"
        objects[first + level] = head.encode() + content + b"\nendstream"
    made, places = io.BytesIO(), {}
    made.write(b"%PDF-1.4\n")
    for number in sorted(objects):
        places[number] = made.tell()
        made.write(f"{number} 0 obj\n".encode() + objects[number] + b"\nendobj\n")
    start, size = made.tell(), max(objects) + 1
    made.write(f"xref\n0 {size}\n".encode())
    for number in range(size):
        made.write(f"{places[number]:010} 00000 n \n".encode() if number in places else b"0000000000 65535 f \n")
    made.write(f"trailer << /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode())
    return made.getvalue()


def test_pages_that_are_slow_to_draw_hold_up_no_other_page(office: tuple[str, Engine, Inline]) -> None:
    address, _, inline = office
    document = endless_pdf(45)
    assert len(document) < 10_000
    number = inline.add(document, "application/pdf", "in/endless.pdf")
    client = logged_in(address)
    answers: list[Any] = []

    def ask(page: int) -> None:
        with httpx2.Client(base_url=address, cookies=client.cookies, timeout=120) as own:
            answers.append(own.get(f"/documents/{number}/pages/{page}.png"))

    asking = [threading.Thread(target=ask, args=(page,), daemon=True) for page in range(1, 46)]
    for thread in asking:
        thread.start()
    # At most a few may wait; the others are answered at once, and every other page is served meanwhile.
    end = time.monotonic() + PATIENCE
    while len(answers) < 30 and time.monotonic() < end:
        time.sleep(0.1)
    busy = [answer for answer in answers if answer.status_code == 503]
    assert len(busy) >= 30
    assert {answer.headers["retry-after"] for answer in busy} == {"5"}
    assert client.get("/batches").status_code == 200
    assert client.get("/healthz").status_code == 200
    for thread in asking:
        thread.join(120)
    # What could not be drawn is remembered: it does not keep the drawing process busy again.
    again = client.get(f"/documents/{number}/pages/1.png")
    assert again.status_code == 422
    # Whichever bound of the drawing process it met first, time or memory.
    assert again.headers["x-gongkai-code"] in {"page.timeout", "page.unreadable"}
