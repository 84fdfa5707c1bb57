"""The way to the settings and the database, with errors that a person can act on."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from console.cli.terminal.output import plain, say, wrong
from runtime.log import configure
from runtime.private import keep_private
from runtime.settings import Settings, load_settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

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
    """An engine for the database of ``found``; see :func:`console.cli.terminal.opening.opened`."""
    from console.cli.terminal.opening import opened  # noqa: PLC0415 - half a second of imports that not every command needs

    with opened(found, make=make) as engine:
        yield engine


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
