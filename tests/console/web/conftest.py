"""A running application with a client for each role."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from argon2 import PasswordHasher
from httpx2 import Response
from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.testclient import TestClient

from console import passwords
from console.web.app import create_app
from database.models import Role
from database.session import run_transaction
from database.users import accounts
from runtime.settings import Settings

PASSWORD = "correct horse battery"


@dataclass
class Desk:
    """The application with its engine, and clients: a guest, and one logged in for each role."""

    engine: Engine
    app: Starlette
    settings: Settings
    clients: dict[str, TestClient] = field(default_factory=dict)

    def client(self) -> TestClient:
        """A new browser."""
        return TestClient(self.app, follow_redirects=False)

    def logged_in(self, name: str) -> TestClient:
        """The browser of this user."""
        if name not in self.clients:
            client = self.client()
            answer = self.post(client, "/login", name=name, password=PASSWORD)
            assert answer.status_code == 303, answer.text
            self.clients[name] = client
        return self.clients[name]

    @property
    def viewer(self) -> TestClient:
        return self.logged_in("viewer")

    @property
    def operator(self) -> TestClient:
        return self.logged_in("operator")

    @property
    def administrator(self) -> TestClient:
        return self.logged_in("administrator")

    def token(self, client: TestClient) -> str:
        """The token that this browser's forms hold."""
        found = re.search(r'name="csrf" value="(\w+)"', client.get("/login", follow_redirects=True).text)
        assert found is not None
        return found[1]

    def post(self, client: TestClient, path: str, **fields: Any) -> Response:
        """Send a form with its token."""
        return client.post(path, data={"csrf": self.token(client), **fields})


@pytest.fixture(scope="session")
def password_hash() -> Iterator[str]:
    """The hash of PASSWORD, with parameters that take no time."""
    usual = passwords._HASHER
    passwords._HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    yield passwords.hashed(PASSWORD)
    passwords._HASHER = usual


@pytest.fixture
def desk(engine: Engine, password_hash: str, tmp_path: Any) -> Desk:
    """The application on an empty database with the users ``viewer``, ``operator`` and ``administrator``."""
    settings = Settings(home=tmp_path)
    for name, role in (("viewer", Role.VIEW), ("operator", Role.OPERATE), ("administrator", Role.ADMINISTER)):
        run_transaction(engine, lambda c, n=name, r=role: accounts.add_user(c, n, password_hash, r, who="test"))
    return Desk(engine, create_app(settings, engine), settings)
