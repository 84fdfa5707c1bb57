"""The tokens of programs that ask the API."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, TypeVar

import typer
from sqlalchemy import Connection, Engine

from codebook.errors import UsageError
from console.cli import environment
from console.cli.terminal.output import plain, say, show, show_json, table, wrong
from console.cli.terminal.tables import when
from database.models import Role
from database.session import reading, run_transaction
from database.users import tokens
from database.users.accounts import AccountError
from runtime.language import said

token = typer.Typer(help=__doc__, no_args_is_help=True, rich_markup_mode=None)

T = TypeVar("T")
Reason = Annotated[str, typer.Option(help="Why; it is kept with who asked.")]


@token.command("add")
def add(
    user: Annotated[str, typer.Argument(metavar="NAME", help="The user as whom the program asks.")],
    label: Annotated[str, typer.Option(help="What the token is for.")],
    role: Annotated[str, typer.Option(help="What it may do at most: view, operate or administer.")] = "view",
    days: Annotated[int, typer.Option(help="How long it is valid, in days.")] = 90,
    reason: Reason = "",
) -> None:
    """Make a token. It is printed once, on standard output, and only its digest is kept."""
    if role not in list(Role):
        wrong(f"there is no role {role}; expected {', '.join(Role)}")
    with environment.database(environment.settings()) as engine:
        made = _act(
            engine,
            lambda c: tokens.add_token(c, user, label, Role(role), days, who=environment.who(), reason=reason),
        )
    sys.stdout.write(f"{made.secret}\n")
    say(f"token {made.number}; keep it now, it is not shown again")


@token.command("list")
def listed(as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output, nothing else.")] = False) -> None:
    """The tokens with their users, roles and last use."""
    with environment.database(environment.settings()) as engine, reading(engine) as connection:
        items = tokens.tokens(connection)
    if as_json:
        show_json(items)
        return
    shown = table("number", "user", "for", "role", "made", "valid until", "last use", "revoked")
    for item in items:
        moments = (when(each) if each else "" for each in (item.created_at, item.expires_at, item.used_at, item.revoked_at))
        shown.add_row(str(item.id), plain(item.user), plain(item.label), said(item.role), *moments)
    show(shown)


@token.command("revoke")
def revoke(
    number: Annotated[int, typer.Argument(metavar="TOKEN", help="The token's number (see `gongkai token list`).")],
    reason: Reason = "",
) -> None:
    """End a token at once."""
    with environment.database(environment.settings()) as engine:
        if not _act(engine, lambda c: tokens.revoke_token(c, number, who=environment.who(), reason=reason)):
            wrong(f"there is no valid token {number}")
    say(f"token {number} is revoked")


def _act(engine: Engine, act: Callable[[Connection], T]) -> T:
    try:
        return run_transaction(engine, act)
    except AccountError as error:
        raise UsageError(f"there is no user {error.name}") from error
    except tokens.TokenError as error:
        raise UsageError(str(error)) from error
