"""The search in the text of documents: written in the transaction that loads a report, asked by the lists of the pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Boolean, Connection, bindparam, literal, select, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from codebook.text.grams import WantedGram, grams
from database.models import SearchRow, Source
from database.sql import Prepared

INDEX = "gk_search_index"
"""The table of FTS5 on SQLite; its own tables begin with the same name."""

_PATH = Prepared(
    select(Source.path).where(Source.document_id == bindparam("document")).order_by(Source.duplicate, Source.id).limit(1)
)
_CONFLICT = "on conflict (document_id) do update set grams = excluded.grams"
_WRITE = {
    "postgresql": Prepared(
        text(
            "insert into gk_search (document_id, grams) "
            f"values (:document, array_to_tsvector(cast(:grams as text[]))) {_CONFLICT}"
        )
    ),
    "sqlite": Prepared(text(f"insert into gk_search (document_id, grams) values (:document, :grams) {_CONFLICT}")),
}


def write_search(connection: Connection, document_id: int, texts: Iterable[str | None]) -> None:
    """Let a document be found by ``texts`` and by the path of its origin, and by nothing else."""
    path = _PATH.run(connection, document=document_id).one
    found = set[str]().union(*(grams(each) for each in (*texts, *(path or ())) if each))
    dialect = connection.dialect.name
    pieces: Any = sorted(found) if dialect == "postgresql" else " ".join(sorted(found))
    _WRITE[dialect].run(connection, document=document_id, grams=pieces)


def found_by(wanted: tuple[WantedGram, ...]) -> Any:
    """The numbers of the documents that have all these pieces, wherever in the text, as a query."""
    vector = " & ".join(f"'{gram}'{':*' if is_prefix else ''}" for gram, is_prefix in wanted)
    full = " ".join(f'"{gram}"{"*" if is_prefix else ""}' for gram, is_prefix in wanted)
    return select(SearchRow.document_id).where(_Matches(literal(vector), literal(full)))


@contextmanager
def by_index(connection: Connection, searched: str | None) -> Iterator[None]:
    """Let the queries within the ``with`` statement find a text by its index, where one is searched.

    PostgreSQL takes the pieces of a text for as cheap to read as a number and looks through all documents for a text that many
    have, which unpacks each of them: seconds, where the index takes a tenth of one.
    """
    if not searched or connection.dialect.name != "postgresql":
        yield
        return
    connection.execute(text("set local enable_seqscan = off"))
    yield
    connection.execute(text("set local enable_seqscan = on"))  # a query that failed has ended the transaction, and this with it


class _Matches(FunctionElement[bool]):
    """Whether a row of gk_search has what is wanted: as a tsquery, and as a question to FTS5."""

    type = Boolean()
    inherit_cache = True
    name = "gk_matches"


@compiles(_Matches, "postgresql")
def _matches_postgresql(element: _Matches, compiler: SQLCompiler, **kw: Any) -> str:
    vector, _ = element.clauses
    return f"gk_search.grams @@ cast({compiler.process(vector, **kw)} as tsquery)"


@compiles(_Matches, "sqlite")
def _matches_sqlite(element: _Matches, compiler: SQLCompiler, **kw: Any) -> str:
    _, full = element.clauses
    return f"gk_search.document_id in (select rowid from {INDEX} where {INDEX} match {compiler.process(full, **kw)})"
