"""How Alembic runs here: on the connection that it is given, and only on our own tables of a database that may be shared."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection

from database.clock import UtcDateTime
from database.migrations import VERSION_TABLE
from database.models import PREFIX, Base
from database.views import drop_views


def _ours(name: str | None, kind: str, _parents: Any) -> bool:
    return kind != "table" or (name is not None and name.startswith(PREFIX) and name != VERSION_TABLE)


def _render(kind: str, item: Any, autogen: Any) -> str | Literal[False]:
    if kind == "type" and isinstance(item, UtcDateTime):
        autogen.imports.add("from database.clock import UtcDateTime")
        return "UtcDateTime()"
    return False


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        version_table=VERSION_TABLE,
        include_name=_ours,
        render_item=_render,
        render_as_batch=True,
        compare_type=True,
    )
    drop_views(connection)  # they stand on tables that may change or go; an upgrade creates them again
    with context.begin_transaction():
        # Views are made from the codebook, not by revisions; tables that they stand on could not be changed under them.
        drop_views(connection)
        context.run_migrations()


_run(context.config.attributes["connection"])
