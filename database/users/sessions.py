"""Sessions of the operators' pages: whose each is, what the user has to do first, and their ends.

Cookies come here as digests; all time is the database's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, or_, select, update

from codebook.records import Record
from database.access import Access
from database.clock import now
from database.models import LoginStep, Role, Session, User
from database.users.audit import note

_SEEN_SECONDS = 60.0  # a session is marked as seen at most so often
_DAY = 86_400.0


class Duty(StrEnum):
    """What a user has to do before anything else."""

    PASSWORD = "password"  # set by somebody else, or too old
    SECOND_FACTOR = "second_factor"  # the role demands one


class CurrentUser(Record, frozen=True):
    """The user of a valid session."""

    id: int
    name: str
    role: Role
    access: Access = Access()
    duty: Duty | None = None
    second_factor: bool = False
    oidc: bool = False


class Demands(Record, frozen=True):
    """What the settings demand of users: the largest age of a password in days (0: any), and the roles with a second factor."""

    password_days: int = 0
    totp_roles: tuple[Role, ...] = ()


_NO_DEMANDS = Demands()


class SessionItem(Record, frozen=True):
    """A session, as its owner sees it."""

    digest: str
    created_at: datetime
    seen_at: datetime
    address: str
    agent: str
    oidc: bool


def access_of(regions: Sequence[str] | None, batches: Sequence[int] | None) -> Access:
    """Return what a user with these regions (codes) and batches (numbers) may see; None: all."""
    return Access(tuple(regions) if regions is not None else None, tuple(batches) if batches is not None else None)


def session_user(
    connection: Connection, digest: str, idle_seconds: float, demands: Demands = _NO_DEMANDS
) -> tuple[CurrentUser, bool] | None:
    """The user of the session with this digest, and whether it should be marked as seen; None when it is not valid (any more)."""
    query = (
        select(
            User.id,
            User.name,
            User.role,
            User.regions,
            User.batches,
            User.must_change,
            User.totp_key,
            password_is_old(demands).label("old"),
            Session.oidc,
            (Session.seen_at <= now(-_SEEN_SECONDS)).label("due"),
        )
        .join(User, User.id == Session.user_id)
        .where(
            Session.digest == digest,
            Session.expires_at > now(),
            Session.seen_at > now(-idle_seconds),
            User.disabled_at.is_(None),
        )
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    duty = None if row.oidc else duty_of(row, demands)  # the provider of single sign-on sees to passwords and factors of its own
    factor = row.totp_key is not None
    access = access_of(row.regions, row.batches)
    return CurrentUser(row.id, row.name, Role(row.role), access, duty, factor, row.oidc), bool(row.due)


def password_is_old(demands: Demands) -> ColumnElement[bool]:
    """The condition that the password of a user is as old as ``demands`` allows at most (of a day, where any age is allowed)."""
    return func.coalesce(User.password_at, User.created_at) <= now(-_DAY * max(1, demands.password_days))


def duty_of(row: Any, demands: Demands) -> Duty | None:
    """Return what a user has to do first who logs in with a password. ``row`` has ``role``, ``must_change``, ``totp_key``, and as
    ``old`` what :func:`password_is_old` says.
    """
    if row.must_change or (row.old and demands.password_days):
        return Duty.PASSWORD
    if row.totp_key is None and row.role in demands.totp_roles:
        return Duty.SECOND_FACTOR
    return None


def touch_session(connection: Connection, digest: str) -> None:
    """Mark a session as seen."""
    connection.execute(update(Session).where(Session.digest == digest).values(seen_at=now()))


def sessions_of(connection: Connection, user_id: int, idle_seconds: float) -> list[SessionItem]:
    """The valid sessions of a user, the last seen first."""
    fields = (Session.digest, Session.created_at, Session.seen_at, Session.address, Session.agent, Session.oidc)
    query = select(*fields).where(Session.user_id == user_id, Session.expires_at > now(), Session.seen_at > now(-idle_seconds))
    rows = connection.execute(query.order_by(Session.seen_at.desc(), Session.digest))
    return [SessionItem(row.digest, row.created_at, row.seen_at, row.address, row.agent or "", row.oidc) for row in rows]


def log_out(connection: Connection, digest: str, who: str) -> None:
    """End a session."""
    if connection.execute(delete(Session).where(Session.digest == digest)).rowcount:
        note(connection, "logout", who)


def end_own_sessions(connection: Connection, user: CurrentUser, *, digest: str | None = None, keep: str | None = None) -> int:
    """End the session ``digest`` of a user, or all but ``keep``. Return how many were ended."""
    which = Session.digest == digest if digest is not None else Session.digest != (keep or "")
    count = connection.execute(delete(Session).where(Session.user_id == user.id, which)).rowcount
    if count:
        note(connection, "user.sessions", user.name, subject=user.name, sessions=count)
    return count


def end_sessions(connection: Connection, user_id: int) -> int:
    """End all sessions of a user. Return how many."""
    connection.execute(delete(LoginStep).where(LoginStep.user_id == user_id))
    return connection.execute(delete(Session).where(or_(Session.user_id == user_id, Session.expires_at <= now()))).rowcount
