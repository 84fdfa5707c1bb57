"""What SQL needs besides SQLAlchemy: prepared statements, INSERT with ON CONFLICT, lists in pieces, storable text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Dialect, Executable, String, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from database.models import Base

T = TypeVar("T")
Binder = Callable[[Any], Any]

CHUNK = 1000
"""Rows of one statement; SQLite takes at most 32,766 parameters in one."""

_DOUBLE = 701
"""The number by which PostgreSQL knows ``double precision``, the only type with fractions that the tables have."""


def chunks(items: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """Yield ``items`` in pieces of at most ``size``."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def insert_into(connection: Connection, table: type[Base]) -> Any:
    """Return the INSERT of the connection's own dialect, which knows ON CONFLICT."""
    return insert_for(connection.dialect.name, table)


def insert_for(dialect: str, table: type[Base]) -> Any:
    """Return the INSERT of a dialect, which knows ON CONFLICT."""
    target = table.__table__
    assert isinstance(target, Table)
    return postgresql.insert(target) if dialect == "postgresql" else sqlite.insert(target)


def values_down(connection: Connection, column: ColumnElement[Any]) -> list[Any]:
    """Return the different values of ``column``, the highest first, by a step in its index for each: of few values in many
    rows.
    """
    found: list[Any] = []
    while True:
        query = select(func.max(column))
        value = connection.scalar(query.where(column < found[-1]) if found else query)
        if value is None:
            return found
        found.append(value)


def storable(text: str) -> str:
    """Return ``text`` without what no database takes: NUL, and bytes of file names that are not UTF-8 (as ``\\xNN``)."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace").replace("\0", "\\x00")


class _IsListed(FunctionElement[bool]):
    """Whether a value is in a JSON array. Not of the type Boolean: SQLite would be asked for ``... = 1``, and use no index."""

    inherit_cache = True
    name = "gk_is_listed"


def is_listed(column: Any, array: ColumnElement[str]) -> ColumnElement[bool]:
    """Return whether ``column`` is one of the numbers in ``array``, the text of a JSON array; or one of the texts, if it holds
    texts.

    So a prepared statement takes a list of any length as one parameter.
    """
    return _IsListed(column, array)


@compiles(_IsListed, "postgresql")
def _is_listed_postgresql(element: _IsListed, compiler: SQLCompiler, **kw: Any) -> str:
    column, array = element.clauses
    kind = "" if isinstance(column.type, String) else "::bigint"
    values = f"SELECT value{kind} FROM json_array_elements_text(CAST({compiler.process(array, **kw)} AS json))"
    # An array is looked up in an index. Of a subquery PostgreSQL expects 100 rows, and goes through a table of 10,000 instead.
    return f"{compiler.process(column, **kw)} = ANY (ARRAY({values}))"


@compiles(_IsListed, "sqlite")
def _is_listed_sqlite(element: _IsListed, compiler: SQLCompiler, **kw: Any) -> str:
    column, array = element.clauses
    return f"{compiler.process(column, **kw)} IN (SELECT value FROM json_each({compiler.process(array, **kw)}))"


class Prepared:
    """A statement that runs for every stage of every document: compiled once for each dialect, run on the driver's own cursor.

    SQLAlchemy prepares each execution again (cache key, context, result), which costs several times what SQLite takes for such a
    statement. What is left here is the text, its parameters with their types, and the rows. The transaction stays SQLAlchemy's;
    errors are the driver's own, which :func:`database.session.fault_code` knows.

    The statement has no lists of varying length (``in_``) but those of :func:`is_listed`. Parameters are named as in the
    statement; those that it binds itself keep their values.
    """

    def __init__(self, statement: Any) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def run(self, connection: Connection, **values: Any) -> StatementResult:
        """Run the statement inside the connection's transaction. Raises the driver's own errors; KeyError for a parameter
        without value.
        """
        return self.compiled(connection.dialect).run(connection, values)

    def compiled(self, dialect: Dialect) -> _Compiled:
        """Return the statement as it is for ``dialect``."""
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = _Compiled(self._statement, dialect)
        return compiled


class PreparedInsert:
    """As :class:`Prepared`, for an INSERT with ON CONFLICT: ``make`` gets the INSERT of the dialect."""

    def __init__(self, table: type[Base], make: Callable[[Any], Any]) -> None:
        self._table = table
        self._make = make
        self._prepared: dict[str, Prepared] = {}

    def run(self, connection: Connection, **values: Any) -> StatementResult:
        """Run the statement as :meth:`Prepared.run` does."""
        dialect = connection.dialect.name
        prepared = self._prepared.get(dialect)
        if prepared is None:
            prepared = self._prepared[dialect] = Prepared(self._make(insert_for(dialect, self._table)))
        return prepared.run(connection, **values)


class StatementResult:
    """What a statement returned: ``rows``, as tuples, and ``count``, the number of rows that it touched."""

    __slots__ = ("count", "rows")

    def __init__(self, count: int, rows: Sequence[tuple[Any, ...]]) -> None:
        self.count = count
        self.rows = rows

    @property
    def one(self) -> tuple[Any, ...] | None:
        """The first row, or None."""
        return self.rows[0] if self.rows else None


class _Compiled:
    def __init__(self, statement: Executable, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
        assert isinstance(compiled, SQLCompiler)
        self.text = str(compiled)
        self._positions = compiled.positiontup
        names = compiled.positiontup if compiled.positional and compiled.positiontup is not None else list(compiled.params)
        types = {name: bind.type for bind, name in compiled.bind_names.items()}
        binders = {name: _binder(types[name], dialect) for name in names if name in types}
        given = {name for bind, name in compiled.bind_names.items() if bind.required}
        own = {name: compiled.params[name] for name in names if name not in given}
        own = {name: value.value if isinstance(value, Enum) else value for name, value in own.items()}
        self._own = {name: _bound(binders.get(name), value) for name, value in own.items()}
        self._given = [(name, binders[name]) for name in dict.fromkeys(names) if name in given]
        columns = enumerate(getattr(statement, "exported_columns", ()))
        readers = [(place, column.type.dialect_impl(dialect).result_processor(dialect, _DOUBLE)) for place, column in columns]
        self._returns = bool(readers)
        self._readers = [(place, reader) for place, reader in readers if reader is not None]

    def run(self, connection: Connection, values: Mapping[str, Any]) -> StatementResult:
        bound = dict(self._own)
        for name, binder in self._given:
            bound[name] = _bound(binder, values[name])
        cursor = connection.connection.cursor()
        errors = connection.dialect.loaded_dbapi.Error
        try:
            cursor.execute(self.text, bound if self._positions is None else [bound[name] for name in self._positions])
            rows = cursor.fetchall() if self._returns else []
            count = cursor.rowcount
        except errors as error:  # as every other statement
            raise DBAPIError.instance(self.text, None, error, errors, dialect=connection.dialect) from error
        finally:
            cursor.close()
        if self._readers and rows:
            rows = [self._read(row) for row in rows]
        return StatementResult(count, rows)

    def _read(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        read = list(row)
        for place, reader in self._readers:
            read[place] = reader(read[place])
        return tuple(read)


def _binder(kind: TypeEngine[Any], dialect: Dialect) -> Binder | None:
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _bound(binder: Binder | None, value: Any) -> Any:
    return value if binder is None else binder(value)
