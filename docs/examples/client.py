"""A client of the API in a few lines: lists are read to their end, errors say what the server says.

``GONGKAI_TOKEN=… python docs/examples/client.py ADDRESS RESOURCE [NAME=VALUE...]`` prints a JSON object for each item. It needs
Python alone.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any


class ApiProblemError(Exception):
    """An answer that is an error: ``status`` of HTTP, and what was found and expected."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"{status}: {detail}")
        self.status = status


class Client:
    """Asks one server with one token."""

    def __init__(self, address: str, token: str, *, timeout: float = 60) -> None:
        self._root, self._token, self._timeout = address.rstrip("/") + "/api/v1/", token, timeout
        self._known: dict[str, tuple[str, Any]] = {}

    def get(self, resource: str, **parameters: object) -> Any:
        """Return an answer; the one before when the server says that nothing changed. Raises ApiProblemError."""
        given = {name: value for name, value in parameters.items() if value is not None}
        address = f"{self._root}{resource}" + (f"?{urllib.parse.urlencode(given)}" if given else "")
        headers = {"authorization": f"Bearer {self._token}", "accept": "application/json"}
        if address in self._known:
            headers["if-none-match"] = self._known[address][0]
        while True:
            try:
                with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=self._timeout) as answer:
                    self._known[address] = (answer.headers["etag"], json.load(answer))
            except urllib.error.HTTPError as error:
                if error.code == 429:
                    time.sleep(float(error.headers.get("retry-after", "60")))
                    continue
                if error.code != 304:
                    raise ApiProblemError(error.code, json.load(error).get("detail", "")) from error
            return self._known[address][1]

    def items(self, resource: str, **parameters: object) -> Iterator[dict[str, Any]]:
        """Yield the items of a list, part by part."""
        while True:
            part = self.get(resource, **parameters)
            yield from part["items"]
            if part["next"] is None:
                return
            parameters["after"] = part["next"]


def main() -> None:
    """Print the items of a list."""
    address, resource, *given = sys.argv[1:]
    client = Client(address, os.environ["GONGKAI_TOKEN"])
    for item in client.items(resource, **dict(each.split("=", 1) for each in given)):
        sys.stdout.write(json.dumps(item, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
