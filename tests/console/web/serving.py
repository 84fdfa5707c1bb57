"""The pages as they are really served, and a real browser before them."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.conftest import REPOSITORY

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
IN_BROWSER = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine (apt-get install chromium)"),
]
"""The marks of a module of tests in a real browser."""


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


@contextmanager
def served(database_url: str, home: Path, **settings: str) -> Iterator[str]:
    """The pages in a process of their own; gives their address."""
    port = free_port()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GONGKAI_")}
    own = {"GONGKAI_HOME": str(home), "GONGKAI_DATABASE_URL": database_url, "PYTHONPATH": str(REPOSITORY), **settings}
    command = [sys.executable, "-m", "console.cli", "console", "--port", str(port)]
    process = subprocess.Popen(command, env={**clean, **own}, cwd=REPOSITORY, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        until_it_answers(f"{address}/healthz")
        yield address
    finally:
        process.terminate()
        process.wait(90)


def until_it_answers(url: str, seconds: float = 120) -> None:
    """Wait until ``url`` is answered with 200."""
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            if time.monotonic() > end:
                raise
        time.sleep(0.1)


@contextmanager
def browsing() -> Iterator[Browser]:
    """A Chromium of the system's; nothing is downloaded."""
    with sync_playwright() as playwright:
        # A container often has no user namespaces for the sandbox; the pages are our own.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def log_in(page: Page, address: str, name: str, password: str) -> None:
    """Give name and password, and wait for the front page."""
    page.goto(f"{address}/login")
    page.fill("input[name=name]", name)
    page.fill("input[name=password]", password)
    with page.expect_navigation(wait_until="load"):
        page.click("button.main")
    assert re.search("/batches$", page.url), page.url


def follow(page: Page, selector: str) -> None:
    """Click on a link or a button that leads to another page, and wait as a person does: until that page is complete and drawn,
    so that its field has the focus.
    """
    with page.expect_navigation(wait_until="load"):
        page.click(selector)
    page.evaluate("new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")


def only_ours(page: Page, address: str) -> Mapping[str, list[str]]:
    """What must not happen on a page: dialogs (a script ran), errors of scripts or of the policy, requests to elsewhere.

    A machine with much to do answers 503 for a picture that was not drawn in time, and the page asks again: that is no error.
    """
    seen: dict[str, list[str]] = {"dialogs": [], "errors": [], "elsewhere": []}

    def on_dialog(dialog: object) -> None:
        seen["dialogs"].append(str(dialog))
        dialog.dismiss()  # type: ignore[attr-defined]

    def on_console(message: ConsoleMessage) -> None:
        waits = "/documents/" in message.location["url"] and " 503 " in message.text
        if message.type == "error" and not waits:
            seen["errors"].append(message.text)

    page.on("dialog", on_dialog)
    page.on("pageerror", lambda error: seen["errors"].append(str(error)))
    page.on("console", on_console)
    page.on("request", lambda request: None if request.url.startswith(address) else seen["elsewhere"].append(request.url))
    return seen
