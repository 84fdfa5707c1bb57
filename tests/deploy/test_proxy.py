"""The proxy that is shipped, as a real nginx on this machine with a certificate of the test's own."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest
from sqlalchemy import select

from database.models import Audit, Role
from database.session import make_engine, reading, run_transaction
from database.users import accounts
from tests.console.web.conftest import PASSWORD, password_hash
from tests.console.web.serving import free_port, served

__all__ = ["password_hash"]
TEMPLATE = Path(__file__).resolve().parents[2] / "deploy" / "nginx" / "gongkai.conf.template"
NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
NAME = "gongkai.test"
WRONG = 40

pytestmark = pytest.mark.skipif(NGINX is None or shutil.which("openssl") is None, reason="nginx or openssl is not installed")


def filled_in(**values: str) -> str:
    return re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], TEMPLATE.read_text())


class Office(NamedTuple):
    """Where the proxy listens, and the database behind it."""

    port: int
    http_port: int
    database: str

    def client(self, source: str = "127.0.0.1") -> httpx2.Client:
        """A browser at another address of this machine."""
        transport = httpx2.HTTPTransport(verify=False, local_address=source)
        return httpx2.Client(base_url=f"https://127.0.0.1:{self.port}", transport=transport, headers={"host": NAME}, timeout=60)


@pytest.fixture(scope="module")
def office(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, password_hash: str) -> Iterator[Office]:
    """The pages behind nginx, with the user ``viewer``."""
    home = tmp_path_factory.mktemp("proxy")
    shutil.copy(sqlite_template, home / "test.db")
    url = f"sqlite:///{home / 'test.db'}"
    engine = make_engine(url)
    run_transaction(engine, lambda c: accounts.add_user(c, "viewer", password_hash, Role.VIEW, who="test"))
    engine.dispose()
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}"]
    subprocess.run([*make, "-keyout", home / "tls.key", "-out", home / "tls.crt"], check=True, capture_output=True)
    with served(url, home, GONGKAI_CONSOLE_PROXIES="127.0.0.1") as address:
        port, http_port = free_port(), free_port()
        pages = address.removeprefix("http://")
        own = filled_in(SERVER_NAME=NAME, PAGES=pages, HTTP_PORT=str(http_port), HTTPS_PORT=str(port), TLS_FOLDER=str(home))
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = " ".join(f"{kind}_temp_path {home}/{kind};" for kind in kinds)
        (home / "gongkai.conf").write_text(own)
        (home / "nginx.conf").write_text(
            f"daemon off; pid {home}/nginx.pid; error_log {home}/error.log; worker_processes 1; events {{}}\n"
            f"http {{ access_log off; {temporary} include {home}/gongkai.conf; }}\n"
        )
        assert NGINX is not None
        process = subprocess.Popen([NGINX, "-p", str(home), "-c", str(home / "nginx.conf")], stderr=subprocess.DEVNULL)
        try:
            end = time.monotonic() + 30
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=5).close()
                    break
                except OSError:
                    assert time.monotonic() < end, (home / "error.log").read_text()
                    time.sleep(0.1)
            yield Office(port, http_port, url)
        finally:
            process.terminate()
            process.wait(90)


def token(client: httpx2.Client) -> str:
    found = re.search(r'name="csrf" value="(\w+)"', client.get("/login").text)
    assert found is not None
    return found[1]


def log_in(client: httpx2.Client, password: str) -> httpx2.Response:
    return client.post("/login", data={"csrf": token(client), "name": "viewer", "password": password})


def test_cookies_are_secure_and_other_names_and_plain_http_are_not_served(office: Office) -> None:
    with office.client() as client:
        answer = log_in(client, PASSWORD)
        assert answer.status_code == 303
        cookies = answer.headers.get_list("set-cookie")
        session = next(each for each in cookies if each.startswith("__Host-gongkai_session="))
        assert {"Secure", "HttpOnly"} <= {part.strip() for part in session.split(";")}
        assert client.get("/batches").headers["strict-transport-security"]
        assert client.get("/batches", headers={"host": "elsewhere.test"}).status_code == 421
    plain = httpx2.get(f"http://127.0.0.1:{office.http_port}/batches", headers={"host": "elsewhere.test"})
    assert (plain.status_code, plain.headers["location"]) == (301, f"https://{NAME}/batches")


def test_wrong_passwords_of_one_client_lock_nobody_else_out_and_are_filed_under_its_address(office: Office) -> None:
    with office.client("127.0.0.2") as wrong:
        forged = {"x-forwarded-for": "127.0.0.3", "x-forwarded-proto": "http"}
        wrong.headers.update(forged)
        csrf = token(wrong)
        codes = [
            wrong.post("/login", data={"csrf": csrf, "name": f"nobody{n % 3}", "password": "no such"}).status_code
            for n in range(WRONG)
        ]
    assert set(codes) <= {403, 429}
    assert 429 in codes
    with office.client("127.0.0.3") as right:
        assert log_in(right, PASSWORD).status_code == 303
    engine = make_engine(office.database)
    with reading(engine) as connection:
        failed = set(connection.scalars(select(Audit.who).where(Audit.action == "login.failed")))
    engine.dispose()
    assert failed == {"@127.0.0.2"}  # what a client says of itself is not believed


def test_the_proxy_bounds_bodies_and_slow_heads(office: Office) -> None:
    with office.client() as client:
        assert client.post("/login", content=b"a" * 3_000_000).status_code == 413
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with closing(context.wrap_socket(socket.create_connection(("127.0.0.1", office.port), timeout=60))) as slow:
        slow.sendall(b"GET /healthz HTTP/1.1\r\nhost: ")
        assert slow.recv(1000) == b""  # after client_header_timeout
