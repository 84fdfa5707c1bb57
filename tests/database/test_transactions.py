"""What is tried again at the edge of a transaction: deadlocks, locks that were not to be had, a database that is busy."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, Engine, text

from codebook.errors import GongkaiError
from database.session import make_engine, run_transaction


def make_pair(url: str) -> None:
    """Two rows to quarrel about."""
    engine = make_engine(url, pooled=False)
    with engine.begin() as connection:
        insert = "insert into gk_count (name, value, counted_at) values (:name, 0, '2024-01-01T00:00:00.000000Z')"
        connection.execute(text(insert), [{"name": "one"}, {"name": "two"}])


def add_to(connection: Connection, name: str) -> None:
    connection.execute(text("update gk_count set value = value + 1 where name = :name"), {"name": name})


def values(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return dict(connection.execute(text("select name, value from gk_count")).all())


def test_a_deadlock_is_tried_again(postgres_url: str) -> None:
    """Two transactions want the same two rows, crosswise: the database breaks one of them off, and it is run again."""
    make_pair(postgres_url)
    both_hold_one = threading.Barrier(2)
    tries: list[str] = []

    def crosswise(names: tuple[str, str]) -> None:
        engine = make_engine(postgres_url, lock_seconds=60)

        def work(connection: Connection) -> None:
            first = names[0] not in tries
            tries.append(names[0])
            add_to(connection, names[0])
            if first:
                both_hold_one.wait(90)
            add_to(connection, names[1])

        run_transaction(engine, work, patience=60)
        engine.dispose()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(crosswise, [("one", "two"), ("two", "one")]))
    assert values(make_engine(postgres_url, pooled=False)) == {"one": 2, "two": 2}
    assert len(tries) == 3


def test_a_lock_that_is_not_to_be_had_is_waited_for_again_and_again(database_url: str) -> None:
    make_pair(database_url)
    engine = make_engine(database_url, lock_seconds=0.1, busy_seconds=0.1)
    holder = make_engine(database_url, pooled=False)
    tries: list[float] = []

    def work(connection: Connection) -> None:
        tries.append(time.monotonic())
        add_to(connection, "one")

    with holder.begin() as connection:
        add_to(connection, "one")
        with pytest.raises(GongkaiError) as error:
            run_transaction(engine, work, attempts=2)
        assert error.value.code == "database.unavailable"
        released = threading.Timer(0.5, connection.commit)
        released.start()
        run_transaction(engine, work, attempts=1000, patience=30)
        released.join()
    assert values(holder) == {"one": 2, "two": 0}
    engine.dispose()


def test_a_bug_is_not_tried_again(engine: Engine) -> None:
    tries: list[int] = []

    def work(connection: Connection) -> None:
        tries.append(1)
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        run_transaction(engine, work)
    assert len(tries) == 1
