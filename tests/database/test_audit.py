"""The audit trail is a chain: whatever is done to a row behind its back is found."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, delete, func, insert, select, text, update

from database import migrations
from database.clock import now
from database.models import Audit, AuditHead
from database.session import make_engine, reading, run_transaction
from database.users import audit
from database.users.audit import GENESIS, ChainFault, ChainReport
from tests.servers import PostgresServer


def write(engine: Engine, count: int = 6) -> list[int]:
    """Entries as acts write them; gives their rows."""
    for number in range(count):
        run_transaction(
            engine,
            lambda c, n=number: audit.note(
                c, "reprocess", f"张敏{n}", reason="理由", documents=[n, n + 1], stage="parse", share=0.1
            ),
        )
    with reading(engine) as connection:
        return list(connection.scalars(select(Audit.id).order_by(Audit.id)))


def verified(engine: Engine, contains: str | None = None) -> ChainReport:
    with reading(engine) as connection:
        return audit.verify(connection, contains)


def found(engine: Engine) -> tuple[ChainFault | None, int | None]:
    report = verified(engine)
    return report.fault, report.row


def test_what_is_written_verifies(engine: Engine) -> None:
    assert verified(engine) == ChainReport(0, GENESIS)
    write(engine, 3)
    before = verified(engine)
    write(engine, 2)
    report = verified(engine, contains=before.head)
    assert (report.entries, report.fault, report.contains) == (5, None, True)
    assert verified(engine, contains="f" * 64).contains is False


def test_a_transaction_that_is_rolled_back_leaves_the_chain_whole(engine: Engine) -> None:
    write(engine, 2)

    def fails(connection: Connection) -> None:
        audit.note(connection, "discard", "somebody")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_transaction(engine, fails)
    write(engine, 2)
    assert verified(engine).entries == 4
    assert found(engine) == (None, None)


@pytest.mark.parametrize(
    "change",
    [{"who": "other"}, {"action": "discard"}, {"detail": {"reason": "another"}}, {"at": now(-60)}, {"digest": "0" * 64}],
    ids=lambda change: next(iter(change)),
)
def test_a_row_that_was_changed_is_named(engine: Engine, change: dict[str, object]) -> None:
    rows = write(engine)
    with engine.begin() as connection:
        connection.execute(update(Audit).where(Audit.id == rows[2]).values(**change))
    assert found(engine) == (ChainFault.CHANGED, rows[2])


@pytest.mark.parametrize("gone", [[0], [2], [2, 3], [5], [4, 5]])
def test_rows_that_were_removed_are_named_by_the_row_before(engine: Engine, gone: list[int]) -> None:
    rows = write(engine)
    with engine.begin() as connection:
        connection.execute(delete(Audit).where(Audit.id.in_([rows[at] for at in gone])))
    assert found(engine) == (ChainFault.REMOVED, rows[gone[0] - 1] if gone[0] else 0)


def test_all_rows_removed(engine: Engine) -> None:
    write(engine)
    with engine.begin() as connection:
        connection.execute(delete(Audit))
    assert found(engine) == (ChainFault.REMOVED, 0)


def forged(engine: Engine, previous: str | None, *, linked: bool) -> int:
    """A row that was inserted by hand at the end; gives its number."""
    with engine.begin() as connection:
        at = connection.execute(select(now())).scalar_one()
        fields = {"at": at, "who": "forger", "action": "download", "detail": {"reason": ""}}
        digest = audit.digest_of(previous, at, "forger", "download", {"reason": ""}) if linked and previous else None
        row = insert(Audit).values(**fields, previous=previous, digest=digest).returning(Audit.id)
        return int(connection.execute(row).scalar_one())


def test_a_row_that_was_inserted_is_named(engine: Engine) -> None:
    write(engine)
    number = forged(engine, None, linked=False)
    assert found(engine) == (ChainFault.INSERTED, number)


def test_a_row_that_was_inserted_with_a_digest_is_named(engine: Engine) -> None:
    write(engine)
    number = forged(engine, verified(engine).head, linked=True)
    assert found(engine) == (ChainFault.INSERTED, number)
    write(engine, 1)  # the program goes on from its own head
    assert found(engine) == (ChainFault.INSERTED, number)


def test_many_writers_at_once_make_one_chain(engine: Engine) -> None:
    writers = [threading.Thread(target=write, args=(engine, 8)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    report = verified(engine)
    assert (report.entries, report.fault) == (32, None)


@pytest.fixture(params=["sqlite", "postgres"])
def before_the_chain(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    """A database of the version before the chain, with entries and two users that look alike."""
    if request.param == "sqlite":
        made = make_engine(f"sqlite:///{tmp_path / 'before.db'}", pooled=False)
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        made = make_engine(server.url(server.create()), pooled=False)
    migrations.upgrade(made, BEFORE)
    add = "insert into gk_audit (at, who, action, detail) values (:at, 'root@host', 'reprocess', :detail)"
    user = "insert into gk_user (name, password, role, created_at, changed_at) values (:name, 'x', 'view', :at, :at)"
    at = "2026-01-02T03:04:05.678000Z"
    with made.begin() as connection:
        for number in range(2500):
            connection.execute(text(add), {"at": at, "detail": f'{{"reason": "理由", "count": {number}}}'})
        for name in ("admin", "аdmin"):  # the second begins with a Cyrillic letter
            connection.execute(text(user), {"at": at, "name": name})
    return made


BEFORE = "0008"


def test_entries_from_before_are_chained_and_there_is_a_way_back(before_the_chain: Engine) -> None:
    engine = before_the_chain
    migrations.upgrade(engine)
    write(engine, 2)
    report = verified(engine)
    assert (report.entries, report.fault) == (2502, None)
    with engine.connect() as connection:
        assert connection.execute(text("select count(*) from gk_user where skeleton is not null")).scalar_one() == 1
    migrations.downgrade(engine, BEFORE)
    with engine.connect() as connection:
        assert connection.execute(text("select count(*) from gk_audit")).scalar_one() == 2502
    migrations.upgrade(engine)
    assert verified(engine).entries == 2502
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(AuditHead)) == 1
