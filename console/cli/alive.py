"""Whether a part of the machine that runs on this host shows that it lives: for whoever starts again what does not."""

from __future__ import annotations

import socket
from enum import StrEnum
from typing import Annotated

import typer

from console import environment
from console.cli.output import Exit, plain, say


class Part(StrEnum):
    """Parts that show in the database that they live."""

    WORKER = "worker"
    RESCUER = "rescuer"
    WATCHER = "watcher"


def alive(
    part: Annotated[
        Part | None, typer.Argument(metavar="PART", help="worker, rescuer or watcher. Default: the settings and the database.")
    ] = None,
) -> None:
    """Tell whether a part of this host lives and sees, for healthchecks. Exit code 1: start it again.

    With PART, a database that does not answer is no reason to start the part again. Without PART it is what is asked about.
    """
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 (loads a second's worth of modules)

    from database.monitoring import measures  # noqa: PLC0415
    from database.session import make_engine, reading  # noqa: PLC0415

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
