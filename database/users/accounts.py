"""The people who use the operators' pages: their roles, what they may see, and their second factors.

Every function takes a connection inside a transaction. What changes a user is written to the audit trail in the same
transaction. Passwords come here as hashes; all time is the database's own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from codebook.records import Record
from database.access import Access
from database.clock import now
from database.models import Batch, Role, Session, User
from database.users.audit import note
from database.users.names import NAME_LENGTH, is_name, normal, skeleton
from database.users.sessions import access_of, end_sessions

__all__ = ["NAME_LENGTH", "is_name"]


Problem = Literal["taken", "alike", "unknown", "last_administrator", "bound_administrator", "no_batch"]


class AccountError(ValueError):
    """An act that is not possible with the users as they are; ``key`` is the reason.

    taken: there is such a user. alike: there is one whose name looks the same. unknown: there is none. last_administrator: nobody
    would be left. bound_administrator: an administrator cannot be bound to regions or batches. no_batch: there is no such batch.
    """

    def __init__(self, key: Problem, name: str) -> None:
        super().__init__(f"{key.replace('_', ' ')}: {name}")
        self.key, self.name = key, name


class UserItem(Record, frozen=True):
    """A user, without the password."""

    id: int
    name: str
    role: Role
    created_at: datetime
    logged_in_at: datetime | None
    disabled_at: datetime | None
    sessions: int
    second_factor: bool
    single_sign_on: bool
    must_change: bool
    access: Access


def users(connection: Connection) -> list[UserItem]:
    """All users by name, with the number of their valid sessions."""
    open_sessions = select(func.count()).where(Session.user_id == User.id, Session.expires_at > now()).correlate(User)
    rows = connection.execute(select(User.__table__, open_sessions.scalar_subquery().label("sessions")).order_by(User.name))
    return [
        UserItem(
            row.id,
            row.name,
            Role(row.role),
            row.created_at,
            row.entered_at,
            row.disabled_at,
            row.sessions,
            row.totp_key is not None,
            row.oidc_subject is not None,
            row.must_change,
            access_of(row.regions, row.batches),
        )
        for row in rows
    ]


def has_users(connection: Connection) -> bool:
    """Return whether there is any user who may log in."""
    return connection.scalar(select(User.id).where(User.disabled_at.is_(None)).limit(1)) is not None


def add_user(
    connection: Connection, name: str, password: str, role: Role, *, who: str, reason: str = "", must_change: bool = False
) -> int:
    """Make a user with a password (its hash; empty: single sign-on alone). Return the id.

    ``must_change``: the user has to choose another password after the first login. Raises AccountError ``taken``, and ``alike``
    when there is a user whose name looks like this one.
    """
    name = normal(name)
    folded = skeleton(name)
    known = connection.scalars(select(User.name).where(or_(User.name == name, User.skeleton == folded))).all()
    if known:
        raise AccountError("taken" if name in known else "alike", known[0])
    moment = now()
    values = {"name": name, "skeleton": folded, "password": password, "role": role, "must_change": must_change}
    values |= {"created_at": moment, "changed_at": moment, "password_at": moment}
    try:
        with connection.begin_nested():
            number = connection.scalar(insert(User).values(**values).returning(User.id))
    except IntegrityError:  # somebody else was faster
        raise AccountError("taken", name) from None
    note(connection, "user.add", who, reason=reason, subject=name, role=role)
    return int(number or 0)


def set_role(connection: Connection, name: str, role: Role, *, who: str, reason: str = "") -> None:
    """Give a user another role, which is valid from the next request on.

    Raises AccountError ``unknown``, ``last_administrator``, ``bound_administrator``.
    """
    row = _user(connection, name)
    if role is Role.ADMINISTER and access_of(row.regions, row.batches).bound:
        raise AccountError("bound_administrator", name)
    connection.execute(update(User).where(User.id == row.id).values(role=role, changed_at=now()))
    if row.role == Role.ADMINISTER:
        _keep_an_administrator(connection, name)
    note(connection, "user.role", who, reason=reason, subject=name, before=row.role, role=role)


def set_password(
    connection: Connection, name: str, password: str, *, who: str, reason: str = "", must_change: bool = False
) -> None:
    """Give a user another password (its hash), and end all sessions. ``must_change``: the user has to choose another one.

    Raises AccountError ``unknown``.
    """
    number = _user(connection, name).id
    values = {"password": password, "password_at": now(), "changed_at": now(), "must_change": must_change}
    connection.execute(update(User).where(User.id == number).values(**values))
    end_sessions(connection, number)
    note(connection, "user.password", who, reason=reason, subject=name)


def set_disabled(connection: Connection, name: str, disabled: bool, *, who: str, reason: str = "") -> None:
    """Lock a user out (and end all sessions), or undo it. Raises AccountError ``unknown``, ``last_administrator``."""
    row = _user(connection, name)
    moment = now() if disabled else None
    connection.execute(update(User).where(User.id == row.id).values(disabled_at=moment, changed_at=now()))
    if disabled:
        if row.role == Role.ADMINISTER:
            _keep_an_administrator(connection, name)
        end_sessions(connection, row.id)
    note(connection, "user.disable" if disabled else "user.enable", who, reason=reason, subject=name)


def set_access(
    connection: Connection,
    name: str,
    regions: Sequence[str] | None,
    batches: Sequence[str] | None,
    *,
    who: str,
    reason: str = "",
) -> None:
    """Bind a user to regions (codes of GB/T 2260) and batches (names); None: not bound. It is valid from the next request on.

    Raises AccountError ``unknown``, ``bound_administrator``, ``no_batch``.
    """
    row = _user(connection, name)
    numbers: list[int] | None = None
    if batches is not None:
        known = {
            found.name: found.id for found in connection.execute(select(Batch.id, Batch.name).where(Batch.name.in_(batches)))
        }
        for batch in batches:
            if batch not in known:
                raise AccountError("no_batch", batch)
        numbers = sorted(known.values())
    if row.role == Role.ADMINISTER and (regions is not None or numbers is not None):
        raise AccountError("bound_administrator", name)
    values = {"regions": list(regions) if regions is not None else None, "batches": numbers, "changed_at": now()}
    connection.execute(update(User).where(User.id == row.id).values(**values))
    named = {"regions": ", ".join(regions or ()), "batches": ", ".join(batches or ())}
    note(connection, "user.access", who, reason=reason, subject=row.name, detail=named)


def _user(connection: Connection, name: str) -> Any:
    """The row of a user, locked."""
    fields = (User.id, User.name, User.role, User.regions, User.batches)
    row = connection.execute(select(*fields).where(User.name == name).with_for_update()).one_or_none()
    if row is None:
        raise AccountError("unknown", name)
    return row


def _keep_an_administrator(connection: Connection, name: str) -> None:
    """Roll back (by raising) when nobody would be left who can administer. The rows are locked, so that two cannot each leave
    the other as the last one.
    """
    left = select(User.id).where(User.role == Role.ADMINISTER, User.disabled_at.is_(None)).with_for_update()
    if connection.execute(left).first() is None:
        raise AccountError("last_administrator", name)


def set_factor(connection: Connection, name: str, key: str, step: int, recovery_codes: Collection[str]) -> None:
    """Keep the second factor of a user, who has shown a code of time step ``step``; the codes are digests. Raises AccountError
    ``unknown``.
    """
    number = _user(connection, name).id
    values = {"totp_key": key, "totp_step": step, "recovery_codes": sorted(recovery_codes), "changed_at": now()}
    connection.execute(update(User).where(User.id == number).values(**values))
    note(connection, "user.factor", name, subject=name)


def remove_factor(connection: Connection, name: str, *, who: str, reason: str = "") -> None:
    """Forget the second factor of a user. Raises AccountError ``unknown``."""
    number = _user(connection, name).id
    values = {"totp_key": None, "totp_step": None, "recovery_codes": None, "changed_at": now()}
    connection.execute(update(User).where(User.id == number).values(**values))
    note(connection, "user.factor_off", who, reason=reason, subject=name)
