"""Engines and transactions, the same for PostgreSQL (psycopg 3) and SQLite (WAL).

A process makes its engine after it was forked. A transaction is run by :func:`run_transaction`, which repeats it as a whole
after a deadlock, a lock that was not to be had, or a lost connection; the function
must be able to run twice.
"""

from __future__ import annotations

import errno
import random
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import NullPool

from codebook.errors import GongkaiError
from database.access import ACCESS, Access, views

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")

_READ = "gongkai_read"
_DURABLE = "gongkai_durable"

# SQLSTATE classes and codes (PostgreSQL 18, appendix A).
_PG_DISK_FULL = {"53100"}
_PG_AGAIN = {"40001", "40P01", "55P03"}  # serialization failure, deadlock, lock not available
_PG_UNAVAILABLE_CLASSES = (
    "08",
    "53",
    "57",
    "58",
)  # connection, resources, operator intervention (shutdown, timeout), system error
_SQLITE_AGAIN = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_SQLITE_UNAVAILABLE = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PROTOCOL}


def normal_url(url: str) -> str:
    """The URL with the driver that is installed: ``postgres://`` and ``postgresql://`` become ``postgresql+psycopg://``."""
    parsed = make_url(url)
    if parsed.drivername in ("postgres", "postgresql"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed.render_as_string(hide_password=False)


# A host that is gone without a word, or a firewall that forgot the connection, is noticed within this time and not after hours.
_PEER_IS_GONE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 60_000}


def make_engine(
    url: str,
    *,
    pooled: bool = True,
    lazy_commit: bool = False,
    statement_seconds: float = 30,
    lock_seconds: float = 5,
    busy_seconds: float = 10,
) -> Engine:
    """An engine for PostgreSQL or SQLite, by ``url``.

    ``pooled`` False opens a connection for each use (for a process that forks). ``lazy_commit`` is for workers: transactions
    that are not durable are then the default of the connection, and durable ones ask for it. The timeouts, in seconds, bound
    a statement and the wait for a lock on PostgreSQL, and the wait for the write lock on SQLite. Raises ValueError for any
    other database.
    """
    parsed = make_url(normal_url(url))
    # Workers do without asking whether a connection still lives, which costs a fifth of a transaction: they run everything
    # through run_transaction, which begins again on a new one.
    pool: dict[str, Any] = {"poolclass": NullPool}
    if pooled:
        pool = {"pool_pre_ping": not lazy_commit, "pool_size": 4, "max_overflow": 8}
    if parsed.get_backend_name() == "postgresql":
        options = {
            "statement_timeout": int(statement_seconds * 1000),
            "lock_timeout": int(lock_seconds * 1000),
            "idle_in_transaction_session_timeout": int(statement_seconds * 1000),
            "synchronous_commit": "off" if lazy_commit else "on",
        }
        arguments = {
            "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
            "connect_timeout": 5,
            "application_name": "gongkai",
            **_PEER_IS_GONE,
        }
        engine = create_engine(parsed, connect_args=arguments, **pool)
        event.listen(engine, "begin", _begin_postgresql)
        return engine.execution_options(**{_DURABLE: not lazy_commit})
    if parsed.get_backend_name() != "sqlite":
        raise ValueError(f"the database must be PostgreSQL or SQLite, not {parsed.get_backend_name()}")
    engine = create_engine(parsed, connect_args={"timeout": busy_seconds, "check_same_thread": False}, **pool)
    event.listen(engine, "connect", _connect_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine.execution_options(**{_DURABLE: not lazy_commit})


def _connect_sqlite(connection: sqlite3.Connection, record: Any) -> None:
    connection.isolation_level = None  # the driver begins no transaction of its own
    _ensure_wal(connection)
    for pragma in ("foreign_keys=ON", "synchronous=FULL", "temp_store=MEMORY", "cache_size=-16000", "wal_autocheckpoint=4000"):
        connection.execute(f"PRAGMA {pragma}")
    record.info["synchronous"] = "FULL"


def _ensure_wal(connection: sqlite3.Connection) -> None:
    """Write-ahead logging, which the file remembers. Turning it on does not wait for others by itself, so it is tried again."""
    for _ in range(100):
        try:
            if connection.execute("PRAGMA journal_mode=WAL").fetchone()[0] in ("wal", "memory"):
                return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _SQLITE_AGAIN:
                raise
        time.sleep(0.02)
    raise GongkaiError("database.unavailable", "SQLite did not turn on write-ahead logging", "a folder on a local disk")


def _begin_sqlite(connection: Connection) -> None:
    """BEGIN IMMEDIATE for all that may write (a lock taken late could not be waited for), BEGIN for what only reads."""
    options = connection.get_execution_options()
    if options.get(_READ):
        connection.exec_driver_sql("BEGIN")
        if (access := _bounds(connection)) is not None:
            _hide_tables(connection, access, "main")
        return
    wanted = "FULL" if options.get(_DURABLE, True) else "NORMAL"
    if connection.info.get("synchronous") != wanted:
        connection.exec_driver_sql(f"PRAGMA synchronous={wanted}")
        connection.info["synchronous"] = wanted
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_postgresql(connection: Connection) -> None:
    options = connection.get_execution_options()
    default = connection.engine.get_execution_options().get(_DURABLE, True)
    wanted = options.get(_DURABLE, True)
    if wanted != default and not options.get(_READ):
        connection.exec_driver_sql(f"SET LOCAL synchronous_commit = {'on' if wanted else 'off'}")
    if (access := _bounds(connection)) is not None:
        schema = str(connection.exec_driver_sql("select quote_ident(current_schema())").scalar_one())
        _hide_tables(connection, access, schema)
        # Statements that the driver has prepared before are planned again only when the search path is another one.
        connection.exec_driver_sql(f"SET LOCAL search_path = pg_temp, {schema}")


def _bounds(connection: Connection) -> Access | None:
    """Return what a connection for queries is bound to; None: nothing."""
    options = connection.get_execution_options()
    access = options.get(ACCESS)
    return access if access is not None and access.bound and options.get(_READ) else None


def _hide_tables(connection: Connection, access: Access, schema: str) -> None:
    for statement in views(access, schema):
        connection.exec_driver_sql(statement)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection for queries: on SQLite it takes no write lock. An engine with bounds (see database.access) gives a connection
    on which no more than these can be seen.
    """
    with engine.connect().execution_options(**{_READ: True}) as connection, connection.begin() as transaction:
        yield connection
        if _bounds(connection) is not None:
            transaction.rollback()  # its views are gone before the connection is used again


def fault_code(error: BaseException) -> str | None:
    """The code of the closed list when ``error`` is a fault of the machine and not of the document: database.unavailable,
    disk.full.

    None for every other error (a broken constraint, a bad value: these are bugs, or belong to the document).
    """
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "disk.full"
    if isinstance(error, PoolTimeoutError | PendingRollbackError):
        return "database.unavailable"
    cause = error.orig if isinstance(error, DBAPIError) else error  # a driver's own hooks raise its own errors
    if isinstance(cause, sqlite3.Error):
        return _sqlite_code(cause)
    driver = sys.modules.get("psycopg")  # SQLAlchemy loads it for the databases that need it
    if driver is not None and isinstance(cause, driver.Error):
        return _postgresql_code(cause)
    return "database.unavailable" if isinstance(error, DBAPIError) and error.connection_invalidated else None


def _sqlite_code(error: sqlite3.Error) -> str | None:
    number = getattr(error, "sqlite_errorcode", None)  # absent when the driver itself raised
    if number is None:
        return None
    primary = number & 0xFF  # the rest is the extended code
    if primary == sqlite3.SQLITE_FULL:
        return "disk.full"
    return "database.unavailable" if primary in _SQLITE_AGAIN | _SQLITE_UNAVAILABLE else None


def _postgresql_code(error: psycopg.Error) -> str | None:
    # A connection that could not be made, or broke off, has no SQLSTATE.
    driver = sys.modules["psycopg"]
    lost = isinstance(error, driver.OperationalError | driver.InterfaceError)
    state = error.sqlstate or ("08000" if lost else "")
    if state in _PG_DISK_FULL:
        return "disk.full"
    return "database.unavailable" if state in _PG_AGAIN or state.startswith(_PG_UNAVAILABLE_CLASSES) else None


def run_transaction(
    engine: Engine, function: Callable[[Connection], T], *, durable: bool = True, attempts: int = 5, patience: float = 10.0
) -> T:
    """Run ``function`` in one transaction and commit; on a passing fault of the database run all of it again.

    ``durable`` False lets the commit return before it is on the disk: only for what the rescuer can do again (claims, heartbeats,
    checkpoints). At most ``attempts`` times or ``patience`` seconds, with growing pauses. After a connection was lost around
    COMMIT nobody knows whether it happened, so ``function`` must find its own work done the second time (unique keys, fences).

    Raises GongkaiError ``database.unavailable`` or ``disk.full`` when it does not pass, any other error at once.
    """
    give_up = time.monotonic() + patience
    for attempt in range(1, attempts + 1):
        try:
            with engine.connect().execution_options(**{_DURABLE: durable}) as connection, connection.begin():
                return function(connection)
        except Exception as error:
            code = fault_code(error)
            if code is None:
                raise
            pause = random.uniform(0, 0.05 * 2**attempt)
            if code == "disk.full" or attempt == attempts or time.monotonic() + pause > give_up:
                raise GongkaiError(code, _short(error)) from error
            time.sleep(pause)
    raise AssertionError("unreachable: the last attempt returns or raises")


def _short(error: BaseException) -> str:
    cause = getattr(error, "orig", None) or error
    return f"{type(cause).__name__}: {cause}".splitlines()[0][:300]
