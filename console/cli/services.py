"""Commands that run the parts of the system one by one, each until it is stopped."""

from __future__ import annotations

import os
import secrets
import socket
import sys
from ipaddress import ip_address
from typing import Annotated

import typer
from sqlalchemy import Engine

from codebook.stages import QUEUES
from console.cli import environment
from console.cli.terminal.output import plain, say, wrong
from database.session import reading
from database.users import accounts
from runtime.child_command import module_command
from runtime.private import make_home
from runtime.settings import Settings
from workers.metrics import metrics_command
from workers.rescuer import rescuer_command
from workers.worker_command import worker_command

FLOWER_ADDRESS = "127.0.0.1"
FLOWER_AUTH = "flower.auth"  # a file in the home folder: user:password
_COLUMNS = "name,args,state,result,received,started,runtime,worker"


def run_worker(
    queues: Annotated[str | None, typer.Option(help="Queues to serve, with commas: documents, ocr, retry. Default: all.")] = None,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Number of processes. Default: GONGKAI_CONCURRENCY.")] = None,
) -> None:
    """Run a worker until it is stopped. Needs a shared broker and database; start `gongkai recover` once beside the workers."""
    found = _shared()

    chosen = tuple(name.strip() for name in queues.split(",")) if queues else QUEUES
    if unknown := set(chosen) - set(QUEUES):
        wrong(f"--queues: no queue {', '.join(sorted(unknown))}; expected some of {', '.join(QUEUES)}")
    become(*worker_command(found, chosen, concurrency))


def run_rescuer() -> None:
    """Run the rescuer until it is stopped: it ends what died and sends messages for what is due. Two may run."""
    found = _shared()

    become(*rescuer_command(found))


def run_flower(
    address: Annotated[
        str, typer.Option(help="Address to listen on. Others than this machine need the password too.")
    ] = FLOWER_ADDRESS,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 5555,
) -> None:
    """Run Flower, a view of the workers, behind a password (GONGKAI_FLOWER_AUTH, or one that is made up and shown)."""
    found = environment.settings()
    make_home(found)
    auth = found.flower_auth or f"gongkai:{secrets.token_urlsafe(12)}"
    check_flower_auth(auth)
    check_port(address, port, "--port")
    if not found.flower_auth:
        say(f"user and password: {plain(auth)}")
    say(f"http://{address}:{port}")
    become(*flower_command(found, address, port, auth))


def check_flower_auth(auth: str) -> None:
    """End with exit code 2 when ``auth`` is not what Flower takes: ``user:password``."""
    if not all(auth.partition(":")[::2]) or "," in auth:
        wrong("GONGKAI_FLOWER_AUTH: expected user:password, without commas")


def kept_flower_auth(settings: Settings) -> str:
    """Return the user and password of Flower on this machine: the setting, or those that are made once and kept in the home."""
    if settings.flower_auth:
        check_flower_auth(settings.flower_auth)
        return settings.flower_auth
    file = make_home(settings) / FLOWER_AUTH
    if not file.exists():
        file.write_text(f"gongkai:{secrets.token_urlsafe(12)}\n", encoding="utf-8")
    return file.read_text(encoding="utf-8").strip()


def check_port(address: str, port: int, option: str) -> None:
    """End with exit code 2 when something listens on ``port`` of ``address`` already; ``option`` is how another is chosen."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            wrong(f"cannot listen on port {port} of {address}: {error.strerror}; end what uses it, or choose another by {option}")


def flower_command(settings: Settings, address: str, port: int, auth: str) -> tuple[list[str], dict[str, str]]:
    """The arguments and the environment additions that serve Flower; ``auth`` is ``user:password``.

    It goes through the environment: arguments can be read by everyone on the machine.
    """
    options = [f"--address={address}", f"--port={port}", "--persistent=True", f"--db={settings.home / 'flower.db'}"]
    options += ["--state_save_interval=60000", "--max_tasks=10000", "--purge_offline_workers=600"]
    # It only shows: what is revoked or shut down from there would come back from the ledger, or leave the work without hands.
    options += ["--read_only=True", f"--tasks_columns={_COLUMNS}"]
    return module_command("workers.flower", *options), {**settings.environment(), "FLOWER_BASIC_AUTH": auth}


def _shared() -> Settings:
    found = environment.settings()
    if found.broker_url is None:
        wrong("GONGKAI_BROKER_URL is not set; parts that run by themselves need a shared Redis (`gongkai ingest` starts its own)")
    return found


def become(command: list[str], environment: dict[str, str]) -> None:
    """Go on as another program: signals reach it directly, and its exit code is ours."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execvpe(command[0], command, {**os.environ, **environment})


def serve_metrics(
    address: Annotated[str | None, typer.Option(help="Address to listen on. Default: GONGKAI_METRICS_ADDRESS.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on. Default: GONGKAI_METRICS_PORT.")] = None,
) -> None:
    """Serve metrics for Prometheus, read from the database when they are asked for, until stopped."""
    found = environment.settings()
    chosen = port or found.metrics_port
    if not chosen:
        wrong("GONGKAI_METRICS_PORT is 0; expected a port, or --port")
    check_port(address or found.metrics_address, chosen, "--port or GONGKAI_METRICS_PORT")
    with environment.database(found):
        say(f"http://{address or found.metrics_address}:{chosen}/metrics")
    become(*metrics_command(found, address or found.metrics_address, chosen))


def serve_pages(
    address: Annotated[
        str | None, typer.Option("--address", "--host", help="Address to listen on. Default: GONGKAI_CONSOLE_ADDRESS.")
    ] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on. Default: GONGKAI_CONSOLE_PORT.")] = None,
) -> None:
    """Serve the operators' pages until stopped. The first administrator is made by `gongkai user add`."""
    found = environment.settings()
    host, chosen = address or found.console_address, port or found.console_port
    if not chosen:
        wrong("GONGKAI_CONSOLE_PORT is 0; expected a port, or --port")
    check_port(host, chosen, "--port or GONGKAI_CONSOLE_PORT")
    with environment.database(found, make=True) as engine:
        tell_first_user(engine)
    if not _is_loopback(host):
        say("others than this machine can reach the pages: put a proxy that speaks https before them, passwords go this way")
    say(f"http://{f'[{host}]' if ':' in host else host}:{chosen}")
    become(*console_command(found, host, chosen))


def tell_first_user(engine: Engine) -> None:
    """Say how the first user of the pages is made, while there is none."""
    with reading(engine) as connection:
        if not accounts.has_users(connection):
            say("the pages have no user yet; make one with `gongkai user add NAME --role administer`")


def console_command(settings: Settings, address: str, port: int) -> tuple[list[str], dict[str, str]]:
    """The arguments and the environment additions that serve the pages."""
    return module_command("console.web", address, str(port)), settings.environment()


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
