"""Web pages printed by Firefox, which is driven by its own protocol (Marionette): it has no command to print."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

_PORT = 2828
_STARTED = 60.0  # seconds
_LONGEST = 120.0  # seconds for a page


def print_by_firefox(jobs: Sequence[tuple[Path, Path]]) -> None:
    """Print web pages (the first paths) as PDFs (the second), on pages of a size of their own.

    Raises TimeoutError when Firefox does not start, RuntimeError with what it complains of.
    """
    profile = jobs[0][0].parent / "firefox"
    profile.mkdir(exist_ok=True)
    command = ["firefox", "--headless", "--marionette", "--no-remote", "--profile", str(profile)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            with _connected() as connection:
                driver = _Driver(connection)
                driver.ask("WebDriver:NewSession", {})
                for source, result in jobs:
                    driver.ask("WebDriver:Navigate", {"url": f"file://{source.resolve()}"})
                    rng = Random(source.name)
                    margin = rng.uniform(1, 2.5)  # centimetres, as all of these
                    page = {"width": rng.choice((18, 21, 29.7)), "height": rng.uniform(11, 29.7)}
                    around = dict.fromkeys(("top", "bottom", "left", "right"), margin)
                    asked = {"page": page, "margin": around, "background": True, "shrinkToFit": True}
                    result.write_bytes(base64.b64decode(driver.ask("WebDriver:Print", asked)["value"]))
        finally:
            process.terminate()


def _connected() -> socket.socket:
    until = time.monotonic() + _STARTED
    while True:
        try:
            return socket.create_connection(("127.0.0.1", _PORT), timeout=_LONGEST)
        except OSError as error:
            if time.monotonic() > until:
                raise TimeoutError("Firefox does not start") from error
            time.sleep(0.2)


class _Driver:
    """Speaks the protocol: each message is its length in bytes, a colon, and JSON."""

    def __init__(self, connection: socket.socket) -> None:
        self.stream = connection.makefile("rwb")
        self.asked = 0
        self._read()  # Firefox says first who it is

    def ask(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to a command. Raises RuntimeError when it is an error."""
        self.asked += 1
        message = json.dumps([0, self.asked, name, given]).encode()
        self.stream.write(b"%d:%s" % (len(message), message))
        self.stream.flush()
        _, _, error, result = self._read()
        if error:
            raise RuntimeError(f"{name}: {error}")
        return result or {}

    def _read(self) -> Any:
        length = b""
        while (char := self.stream.read(1)) != b":":
            if not char:
                raise RuntimeError("Firefox has ended")
            length += char
        return json.loads(self.stream.read(int(length)))
