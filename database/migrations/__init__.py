"""Migrations: the tables as they are made and changed, step by step, on PostgreSQL and SQLite."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from database.roles import grant_again
from database.views import create_views

if TYPE_CHECKING:
    from alembic.config import Config

VERSION_TABLE = "gk_alembic_version"

# Any number, as long as nothing else in a shared database locks it.
_UPGRADE_LOCK = 0x676F6E676B6162


def config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, bound to ``connection``; there is no alembic.ini."""
    from alembic.config import Config  # noqa: PLC0415 - a quarter of a second that few commands need

    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent))
    made.attributes["connection"] = connection
    return made


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the database to ``revision`` in one transaction, then create the views again.

    Two processes that upgrade at once wait for each other. Rows of others in a shared database are not touched.
    """
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
        if revision != "head" or _version(connection) != head():  # else it is done, and nobody waits for Alembic to be loaded
            from alembic import command  # noqa: PLC0415 - as above

            command.upgrade(config(connection), revision)
        create_views(connection)
        if revision == "head":
            grant_again(connection)


def downgrade(engine: Engine, revision: str) -> None:
    """Take the database back to ``revision`` in one transaction; what later ones added is gone. The views are created again.

    Raises alembic.util.CommandError for a revision that is not there, or not behind us.
    """
    from alembic import command  # noqa: PLC0415 - as above

    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
        command.downgrade(config(connection), revision)
        create_views(connection)


def current(engine: Engine) -> str | None:
    """The revision of the database; None when it was never upgraded. Every command asks, so Alembic is not loaded for it."""
    with engine.connect() as connection:
        return _version(connection)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.scalar(text(f"select version_num from {VERSION_TABLE}"))
    return None if found is None else str(found)


def head() -> str:
    """The newest revision of this program: they form one chain, and each file begins with the number of its own."""
    return max(path.name.partition("_")[0] for path in (Path(__file__).parent / "versions").glob("[0-9]*_*.py"))
