"""The way to the settings and the database, with errors that a person can act on."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from codebook.errors import GongkaiError, UsageError
from console.cli.terminal.output import fault, plain, say, wrong
from database import migrations
from database.filings.members import has_unfiled
from database.session import fault_code, make_engine, reading
from runtime.log import configure
from runtime.private import keep_private, make_home
from runtime.settings import Settings, load_settings

_NO_LOGIN = 2**32 - 1  # a process that no login has started


def settings() -> Settings:
    """The settings; ends with exit code 2 when one of them does not fit."""
    try:
        found = load_settings()
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:  # settings that do not fit together
            wrong(f"settings: {first['msg']}")
        name = "GONGKAI_" + "_".join(str(part) for part in first["loc"]).upper()
        wrong(f"setting {name}: {first['msg']} (found {first['input']!r})")
    keep_private(found)
    # What people asked for is shown; what the machine says meanwhile stays in its log files unless it is a warning.
    configure(found if "log_level" in found.model_fields_set else found.model_copy(update={"log_level": "WARNING"}))
    return found


def tell_home(found: Settings) -> None:
    """Say which data folder a command uses that makes one when there is none."""
    if found.database_url is None:
        say(f"data folder: {plain(str(found.home))}")


@contextmanager
def database(found: Settings, *, make: bool = False) -> Iterator[Engine]:
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


def who() -> str:
    """Who gives the command, as the kernel knows it: ``uid=1000(li)@host``.

    The number is not to be forged by an environment variable, as LOGNAME is. Who has become another user (sudo, su) is named as
    well, where the kernel keeps the user of the login: ``uid=0(root) login=1000(li)@host``.
    """
    number = os.getuid()
    signature = f"uid={number}({_user_name(number)})"
    try:
        login = int(Path("/proc/self/loginuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        login = _NO_LOGIN
    if login not in (_NO_LOGIN, number):
        signature += f" login={login}({_user_name(login)})"
    return f"{signature}@{socket.gethostname()}"[:100]


def _user_name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return "?"
