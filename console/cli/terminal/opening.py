"""The way to the database, with errors that a person can act on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from codebook.errors import GongkaiError, UsageError
from console.cli.terminal.output import fault, wrong
from database import migrations
from database.filings.members import has_unfiled
from database.session import fault_code, make_engine, reading
from runtime.private import make_home
from runtime.settings import Settings


@contextmanager
def opened(found: Settings, *, make: bool = False) -> Iterator[Engine]:
    """An engine for the database of ``found``, checked to be reachable and of this program's version.

    The database of the embedded default is made and upgraded by itself when ``make`` is true; a shared one never is. Within the
    ``with`` statement wrong usage and faults of the machine end the command with one line.
    """
    own = found.database_url is None
    file = found.home / "gongkai.db"
    if own and not make and not file.exists():
        wrong(
            f"there is no database in {found.home}; run `gongkai ingest PATH` first, or set GONGKAI_HOME or GONGKAI_DATABASE_URL"
        )
    if own:
        make_home(found)
    try:
        engine = make_engine(found.database)
    except ValueError as error:
        wrong(f"GONGKAI_DATABASE_URL: {error}")
    try:
        if own and make:
            before = migrations.current(engine)
            migrations.upgrade(engine)
            if before is not None:
                _file_documents(engine, upgraded=before != migrations.head())
        elif migrations.current(engine) != migrations.head():
            remedy = "run `gongkai db upgrade`"
            wrong(f"the database has version {migrations.current(engine)}, this program needs {migrations.head()}; {remedy}")
        yield engine
    except UsageError as error:
        wrong(str(error))
    except GongkaiError as error:
        fault(error)
    except DBAPIError as error:
        code = fault_code(error)
        if code is None:
            raise
        fault(GongkaiError(code, str(error.orig).splitlines()[0], "a database that answers"))
    finally:
        engine.dispose()


def _file_documents(engine: Engine, *, upgraded: bool) -> None:
    """File the documents of earlier versions, after an upgrade and where a command ended before it had filed them all."""
    if not upgraded:
        with reading(engine) as connection:
            if not has_unfiled(connection):
                return
    from console.filing import file_pending  # noqa: PLC0415 - a second of imports that only an upgrade needs

    file_pending(engine)
