"""Fixtures for collecting: a portal on loopback, and a collector that may ask it without pauses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from codebook.records import Hints
from codebook.text.portals import AddressKind
from database.collecting.adding import Added, NewAddress, add_list
from database.session import make_engine, reading, run_transaction
from ingest.collecting.collector import context_of
from ingest.collecting.take import TurnTaker
from ingest.webpages.addresses import host_of, normal
from runtime.settings import Settings
from tests.collecting.site import Portal, portal
from tests.inline import Inline

QUICK: dict[str, Any] = {
    "collect_least_seconds": 0,
    "collect_most_seconds": 0,
    "collect_allow": "127.0.0.1",
    "retry_base_seconds": 0.001,
    "retry_cap_seconds": 0.002,
    "retry_system_seconds": 0.01,
}


class Desk:
    """A database with a store, and what people and collectors do with it."""

    def __init__(self, engine: Engine, home: Path, **settings: Any) -> None:
        self.engine = engine
        self.settings = Settings(home=home, **{**QUICK, **settings})
        self.inline = Inline(engine, home)
        self.taker = TurnTaker(context_of(self.settings, engine, lambda _: None), "desk#1")

    def add(
        self, *urls: str, kind: AddressKind = AddressKind.AUTO, hints: Hints | None = None, batch: str = "collected"
    ) -> Added:
        """Hand in a list of addresses."""
        made = [NewAddress(normal(url), host_of(normal(url)), kind, hints or Hints()) for url in urls]
        return run_transaction(self.engine, lambda c: add_list(c, batch, made))

    def collect(self, most: int = 10_000) -> int:
        """Take turns until no host may be asked. Return how many."""
        turns = 0
        while turns < most and self.taker.take():
            turns += 1
        return turns

    def rows(self, query: str, **values: Any) -> list[Any]:
        """The rows of a query."""
        with reading(self.engine) as connection:
            return list(connection.execute(text(query), values))

    def addresses(self, base: str = "") -> dict[str, tuple[str, str | None, str | None]]:
        """State, outcome and code of each address, by what follows ``base``."""
        found = self.rows("select url, state, outcome, code from gk_collect_address order by id")
        return {url.removeprefix(base): (state, outcome, code) for url, state, outcome, code in found}

    def documents(self, base: str = "") -> dict[str, str]:
        """The status of each document by its path."""
        query = "select s.path, d.status from gk_document d join gk_source s on s.document_id = d.id order by d.id"
        return {path.removeprefix(base): status for path, status in self.rows(query)}

    def close(self) -> None:
        """End it."""
        self.taker.close()


@pytest.fixture
def site() -> Iterator[Portal]:
    """A portal."""
    with portal() as made:
        yield made


@pytest.fixture
def make_desk(sqlite_url: str, tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    """Makes a desk with these settings."""
    engine = make_engine(sqlite_url)
    made: list[Desk] = []

    def make(**settings: Any) -> Desk:
        made.append(Desk(engine, tmp_path / "home", **settings))
        return made[-1]

    yield make
    for desk in made:
        desk.close()
    engine.dispose()


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    """A desk."""
    return make_desk()


def outcomes(desk: Desk, base: str, paths: Sequence[str]) -> list[str | None]:
    """The outcomes of these addresses."""
    found = desk.addresses(base)
    return [found[path][1] for path in paths]
