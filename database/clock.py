"""Database time, comparable on PostgreSQL and SQLite.

Leases, retry times and liveness are compared in the database's own time only: the clocks of worker hosts do not matter.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, DateTime, Dialect, Float, String, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

_SQLITE_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


class UtcDateTime(TypeDecorator[datetime]):
    """A moment. ``timestamptz`` on PostgreSQL; on SQLite text of one fixed width in UTC, so that comparing texts compares
    moments.

    Takes aware datetimes only (ValueError for a naive one) and returns aware datetimes in UTC.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(String(27) if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a moment needs a time zone: {value!r}")
        value = value.astimezone(UTC)
        return value.strftime(_SQLITE_FORMAT) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 (given by SQLAlchemy)
        if value is None:
            return None
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class _Now(FunctionElement[datetime]):
    """The moment of the statement, moved by a number of seconds."""

    type = UtcDateTime()
    inherit_cache = True
    name = "gk_now"


def now(seconds: float | ColumnElement[float] = 0) -> ColumnElement[datetime]:
    """The database's time at the start of the statement, plus ``seconds`` (which may be negative, or a column expression).

    Statement time, not transaction time: it does not stand still while a transaction goes on, and an index can still be used.
    """
    return _Now(literal(float(seconds), Float) if isinstance(seconds, int | float) else seconds)


@compiles(_Now, "postgresql")
def _now_postgresql(element: _Now, compiler: SQLCompiler, **kw: Any) -> str:
    return f"(statement_timestamp() + make_interval(secs => {compiler.process(element.clauses, **kw)}))"


@compiles(_Now, "sqlite")
def _now_sqlite(element: _Now, compiler: SQLCompiler, **kw: Any) -> str:
    seconds = compiler.process(element.clauses, **kw)
    return f"(strftime('%Y-%m-%dT%H:%M:%f', 'now', printf('%+.3f seconds', {seconds})) || '000Z')"
