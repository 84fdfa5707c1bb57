"""The users of the operators' pages."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from codebook.records import Record
from console import passwords
from console.bounds import unknown_regions
from console.cli import environment
from console.cli.terminal.output import plain, say, show, show_json, table, wrong
from console.cli.terminal.tables import when
from database.models import Role
from database.session import reading, run_transaction
from database.users import accounts
from database.users.accounts import AccountError, UserItem
from runtime.language import said

user = typer.Typer(help=__doc__, no_args_is_help=True, rich_markup_mode=None)

RoleOption = Annotated[str, typer.Option(help="What the user may do: view, operate (also re-process, discard), administer.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The user's name.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept with who asked.")]
KeepOption = Annotated[bool, typer.Option("--keep", help="The password is the user's own: it need not be changed at login.")]


class UserLine(Record, frozen=True):
    """A user as JSON."""

    name: str
    role: str
    disabled: bool
    sessions: int
    logged_in_at: datetime | None
    second_factor: bool
    single_sign_on: bool
    must_change: bool
    regions: tuple[str, ...] | None
    batches: tuple[int, ...] | None


@user.command("add")
def add(
    name: Name,
    role: RoleOption = "view",
    reason: Reason = "",
    keep: KeepOption = False,
    single_sign_on: Annotated[
        bool, typer.Option("--single-sign-on", help="Without a password: the user logs in at the provider.")
    ] = False,
) -> None:
    """Make a user. The password is asked for, or read from standard input (its first line); the user has to change it at the
    first login.
    """
    chosen = _role(role)
    if not accounts.is_name(name):
        wrong(f"{name!r} cannot be a name; expected 1 to {accounts.NAME_LENGTH} letters, digits, dots, hyphens or underscores")
    kept = "" if single_sign_on else passwords.hashed(_password(name))
    change = not (keep or single_sign_on)
    _act(lambda c: accounts.add_user(c, name, kept, chosen, who=environment.who(), reason=reason, must_change=change))
    say(f"{plain(name)} may {chosen}")


@user.command("list")
def listed(as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output, nothing else.")] = False) -> None:
    """The users, their roles, and when they were last here."""
    with environment.database(environment.settings(), make=True) as engine, reading(engine) as connection:
        items = accounts.users(connection)
    if as_json:
        show_json([_line(item) for item in items])
        return
    made = table("name", "role", "sessions", "last here", "", right=["sessions"])
    for item in items:
        made.add_row(item.name, item.role, str(item.sessions), when(item.logged_in_at), "disabled" if item.disabled_at else "")
    show(made)


def _line(item: UserItem) -> UserLine:
    return UserLine(
        item.name,
        item.role,
        item.disabled_at is not None,
        item.sessions,
        item.logged_in_at,
        item.second_factor,
        item.single_sign_on,
        item.must_change,
        item.access.regions,
        item.access.batches,
    )


@user.command("role")
def role_of(name: Name, role: Annotated[str, typer.Argument(help="view, operate or administer.")], reason: Reason = "") -> None:
    """Give a user another role, which holds at once."""
    chosen = _role(role)
    _act(lambda c: accounts.set_role(c, name, chosen, who=environment.who(), reason=reason))
    say(f"{plain(name)} may {chosen}")


@user.command("password")
def password_of(name: Name, reason: Reason = "", keep: KeepOption = False) -> None:
    """Give a user another password, asked for or read from standard input. All sessions end; the user has to change it."""
    kept = passwords.hashed(_password(name))
    _act(lambda c: accounts.set_password(c, name, kept, who=environment.who(), reason=reason, must_change=not keep))
    say(f"{plain(name)} has another password")


@user.command("disable")
def disable(
    name: Name, reason: Reason = "", undo: Annotated[bool, typer.Option("--undo", help="Let the user in again.")] = False
) -> None:
    """Let a user in no more; all sessions end. What the user did stays in the audit trail."""
    _act(lambda c: accounts.set_disabled(c, name, not undo, who=environment.who(), reason=reason))
    say(f"{plain(name)} is {'let in again' if undo else 'disabled'}")


@user.command("factor-off")
def factor_off(name: Name, reason: Reason = "") -> None:
    """Take off the second factor of a user who has lost it, and the recovery codes too."""
    _act(lambda c: accounts.remove_factor(c, name, who=environment.who(), reason=reason))
    say(f"{plain(name)} has no second factor")


@user.command("bind")
def bind(
    name: Name,
    region: Annotated[
        list[str] | None, typer.Option(help="Code of a region (six digits, GB/T 2260), with all within it; may be repeated.")
    ] = None,
    batch: Annotated[list[str] | None, typer.Option(help="Name of a batch; may be repeated.")] = None,
    reason: Reason = "",
) -> None:
    """Bind a user to regions and batches: only their documents are seen and decided. Without either the user is not bound."""
    if unknown := unknown_regions(region or ()):
        wrong(f"region {unknown[0]!r}: expected a code of GB/T 2260, such as 320800")
    _act(lambda c: accounts.set_access(c, name, region or None, batch or None, who=environment.who(), reason=reason))
    say(f"{plain(name)} is bound to {', '.join([*(region or ()), *(batch or ())]) or 'nothing'}")


def _act(act: Callable[[Connection], Any]) -> None:
    with environment.database(environment.settings(), make=True) as engine:
        try:
            run_transaction(engine, act)
        except AccountError as error:
            refused = {
                "taken": f"there is a user {error.name!r} already",
                "alike": f"there is a user {error.name!r}, whose name looks the same",
                "bound_administrator": f"{error.name!r}: an administrator cannot be bound to regions or batches",
                "no_batch": f"no batch is called {error.name!r}; `gongkai status` lists them",
                "unknown": f"there is no user {error.name!r}; `gongkai user list` shows them",
                "last_administrator": f"{error.name!r} is the last administrator; make another one first",
            }
            wrong(refused[error.key])


def _role(name: str) -> Role:
    if name not in list(Role):
        wrong(f"role {name!r}: not one of {', '.join(Role)}")
    return Role(name)


def _password(name: str) -> str:
    """Asked for twice on a terminal, else the first line of standard input."""
    if sys.stdin.isatty():
        given = typer.prompt(said("password"), hide_input=True, confirmation_prompt=True, err=True)
    else:
        given = sys.stdin.readline().rstrip("\r\n")
    refused = {
        "short": f"it has fewer than {passwords.SHORTEST} characters",
        "long": f"it has more than {passwords.LONGEST} characters",
        "name": "it is the user's name",
        "same": "it has fewer than three different characters",
        "common": "it is common or easy to guess",
    }
    if weak := passwords.weakness(name, given):
        wrong(f"the password cannot be taken: {refused[weak]}")
    return str(given)
