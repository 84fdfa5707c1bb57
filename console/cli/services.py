"""Commands that run the parts of the machine one by one, and look after them."""

from __future__ import annotations

import os
import secrets
import sys
from typing import Annotated, Any

import msgspec
import typer

from console import environment
from console.cli.output import Exit, plain, say, show, show_json, table, wrong

db = typer.Typer(help="The database.", no_args_is_help=True, rich_markup_mode=None)
_LOOPBACK = "127.0.0.1"
_COLUMNS = "name,args,state,result,received,started,runtime,worker"


@db.command("upgrade")
def upgrade() -> None:
    """Make the tables, or bring them to the version of this program."""
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 (loads a second's worth of modules)

    from database import migrations  # noqa: PLC0415
    from database.session import make_engine  # noqa: PLC0415

    found = environment.settings()
    if found.database_url is None:
        found.home.mkdir(parents=True, exist_ok=True)
    try:
        engine = make_engine(found.database)
        before = migrations.current(engine)
        migrations.upgrade(engine)
    except (SQLAlchemyError, ValueError) as error:
        message = str(getattr(error, "orig", None) or error).splitlines()[0]
        wrong(f"the database cannot be upgraded: {message}; expected a PostgreSQL or SQLite that can be written to")
    say(f"from version {before or 'none'} to {migrations.current(engine)}")
    engine.dispose()


@db.command("downgrade")
def downgrade(
    revision: Annotated[
        str, typer.Argument(metavar="REVISION", help="The revision to go back to, as `gongkai doctor` names it.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take the tables back to an earlier revision, to go back to an earlier program. What was added since is gone."""
    from alembic.util import CommandError  # noqa: PLC0415 (loads a second's worth of modules)

    from database import migrations  # noqa: PLC0415

    with environment.database(environment.settings()) as engine:
        before = migrations.current(engine)
        if not yes:
            typer.confirm(
                f"from version {before} back to {revision}: what was added since, and all in it, will be gone", abort=True
            )
        try:
            migrations.downgrade(engine, revision)
        except CommandError as error:
            wrong(f"{error}; expected an earlier revision")
        say(f"from version {before} to {migrations.current(engine)}")


def doctor(as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output, nothing else.")] = False) -> None:
    """What is installed, reachable and writable, and the remedy where it is not. Exit code 1 when something does not work."""
    from console.doctor import State, examine  # noqa: PLC0415

    checks = list(examine(environment.settings()))
    if as_json:
        show_json(checks)
    else:
        made = table("", "state", "found", "remedy")
        colours = {State.GOOD: "green", State.WARNING: "yellow", State.ERROR: "red"}
        for check in checks:
            made.add_row(check.name, f"[{colours[check.state]}]{check.state}[/]", plain(check.found), plain(check.remedy))
        show(made)
    raise typer.Exit(Exit.FAULT if any(check.state is State.ERROR for check in checks) else Exit.GOOD)


def worker(
    queues: Annotated[str | None, typer.Option(help="Queues to serve, with commas: documents, ocr, retry. Default: all.")] = None,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Number of processes. Default: GONGKAI_CONCURRENCY.")] = None,
) -> None:
    """Run a worker until it is stopped. Needs a shared broker and database; start `gongkai recover` once beside the workers."""
    found = _shared()
    from codebook.stages import QUEUES  # noqa: PLC0415
    from workers.run import worker_command  # noqa: PLC0415

    chosen = tuple(name.strip() for name in queues.split(",")) if queues else QUEUES
    if unknown := set(chosen) - set(QUEUES):
        wrong(f"--queues: no queue {', '.join(sorted(unknown))}; expected some of {', '.join(QUEUES)}")
    become(*worker_command(found, chosen, concurrency))


def recover() -> None:
    """Run the rescuer until it is stopped: it ends what died and sends messages for what is due. Two may run."""
    found = _shared()
    from workers.rescuer import rescuer_command  # noqa: PLC0415

    become(*rescuer_command(found))


def flower(
    address: Annotated[
        str, typer.Option(help="Address to listen on. Others than this machine need the password too.")
    ] = _LOOPBACK,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 5555,
) -> None:
    """Run Flower, a view of the workers, behind a password (GONGKAI_FLOWER_AUTH, or one that is made up and shown)."""
    found = environment.settings()
    found.home.mkdir(parents=True, exist_ok=True)
    auth = found.flower_auth or f"gongkai:{secrets.token_urlsafe(12)}"
    if not all(auth.partition(":")[::2]) or "," in auth:
        wrong("GONGKAI_FLOWER_AUTH: expected user:password, without commas")
    if not found.flower_auth:
        say(f"user and password: {plain(auth)}")
    say(f"http://{address}:{port}")
    options = [f"--address={address}", f"--port={port}", "--persistent=True", f"--db={found.home / 'flower.db'}"]
    options += ["--state_save_interval=60000", "--max_tasks=10000", "--purge_offline_workers=600"]
    # It only shows: what is revoked or shut down from there would come back from the ledger, or leave the work without hands.
    options += ["--read_only=True", f"--tasks_columns={_COLUMNS}"]
    # The password goes through the environment: arguments can be read by everyone on the machine.
    become(
        [sys.executable, "-m", "celery", "-A", "workers.app", "flower", *options],
        {**found.environment(), "FLOWER_BASIC_AUTH": auth},
    )


def _shared() -> Any:
    found = environment.settings()
    if found.broker_url is None:
        wrong("GONGKAI_BROKER_URL is not set; parts that run by themselves need a shared Redis (`gongkai ingest` starts its own)")
    return found


def become(command: list[str], environment: dict[str, str]) -> None:
    """Go on as another program: signals reach it directly, and its exit code is ours."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execvpe(command[0], command, {**os.environ, **environment})


def facts(record: Any) -> list[tuple[str, Any]]:
    """The fields of a record as lines."""
    return [(name.replace("_", " "), value) for name, value in msgspec.to_builtins(record).items()]
