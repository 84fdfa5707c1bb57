"""The command for health checks: whether a part of the system that runs on this host is alive."""

from __future__ import annotations

import socket
from enum import StrEnum
from typing import Annotated

import typer
from sqlalchemy.exc import SQLAlchemyError

from console.cli import environment
from console.cli.terminal.output import Exit, plain, say
from database.monitoring import measures
from database.session import make_engine, reading


class Service(StrEnum):
    """Parts that show in the database that they live."""

    WORKER = "worker"
    RESCUER = "rescuer"
    WATCHER = "watcher"


def check_alive(
    part: Annotated[
        Service | None,
        typer.Argument(metavar="PART", help="worker, rescuer or watcher. Default: the settings and the database."),
    ] = None,
) -> None:
    """Check that a part of this host is alive and works, for health checks. Exit code 1: restart it.

    With PART, a database that does not answer is no reason to start the part again. Without PART it is what is asked about.
    """
    found = environment.settings()
    if part is None:
        with environment.database(found):
            say("the settings fit, and the database answers")
        return
    try:
        engine = make_engine(found.database)
        with reading(engine) as connection:
            problem = measures.not_alive(connection, part, socket.gethostname(), found.stale_seconds)
    except (SQLAlchemyError, ValueError) as error:
        say(f"nothing can be told: {plain(str(getattr(error, 'orig', None) or error).splitlines()[0])}")
        return
    if problem is not None:
        say(plain(problem))
        raise typer.Exit(Exit.FAULT)
    say(f"the {part} lives")
