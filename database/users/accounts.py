"""The people who use the operators' pages: users and their roles, sessions, and attempts to log in.

Every function takes a connection inside a transaction. What changes a user is written to the audit trail in the same
transaction. Passwords come here as hashes, session cookies as digests; all time is the database's own.
"""

from __future__ import annotations

import re
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from codebook.records import Record
from database.clock import now
from database.models import LoginAttempt, Role, Session, User
from database.users.audit import note

NAME_LENGTH = 60
_NAME = re.compile(rf"[\w.-]{{1,{NAME_LENGTH}}}")
_SEEN_SECONDS = 60.0  # a session is marked as seen at most so often

# How many attempts within so many seconds: by one name from one address, by one address, for one name from anywhere.
ATTEMPT_SECONDS = 900.0
MAX_ATTEMPTS_OF_PAIR = 5
MAX_ATTEMPTS_OF_ADDRESS = 40
MAX_ATTEMPTS_OF_NAME = 60


class AccountError(ValueError):
    """What is asked for cannot be done with the users as they are. ``key`` says why: taken, unknown, last_administrator."""

    def __init__(self, key: str, name: str) -> None:
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


class CurrentUser(Record, frozen=True):
    """Who asks: the user of a session that holds."""

    id: int
    name: str
    role: Role


# ---- users ----------------------------------------------------------------------------------------------------------------


def is_name(text: str) -> bool:
    """Whether a user can be called so: letters (of any script), digits, dots, hyphens and underscores. Who acts from the
    command line is kept as ``user@host``, so that the two are never the same.

    >>> is_name("\\u5f20\\u4e09"), is_name("root@host")
    (True, False)
    """
    return _NAME.fullmatch(text) is not None


def users(connection: Connection) -> list[UserItem]:
    """All users by name, with the number of their sessions that hold."""
    open_sessions = select(func.count()).where(Session.user_id == User.id, Session.expires_at > now()).correlate(User)
    fields = (User.id, User.name, User.role, User.created_at, User.logged_in_at, User.disabled_at)
    rows = connection.execute(select(*fields, open_sessions.scalar_subquery()).order_by(User.name))
    return [UserItem(row[0], row[1], Role(row[2]), *row[3:]) for row in rows]


def has_users(connection: Connection) -> bool:
    """Whether there is any user who may log in."""
    return connection.scalar(select(User.id).where(User.disabled_at.is_(None)).limit(1)) is not None


def add_user(connection: Connection, name: str, password: str, role: Role, *, who: str, reason: str = "") -> int:
    """Make a user with a password (its hash); gives the id. Raises AccountError ``taken`` when the name is known already."""
    if connection.scalar(select(User.id).where(User.name == name)) is not None:
        raise AccountError("taken", name)
    made = insert(User).values(name=name, password=password, role=role, created_at=now(), changed_at=now()).returning(User.id)
    try:
        with connection.begin_nested():
            number = connection.scalar(made)
    except IntegrityError:  # somebody else was faster
        raise AccountError("taken", name) from None
    note(connection, "user.add", who, reason=reason, subject=name, role=role)
    return int(number or 0)


def set_role(connection: Connection, name: str, role: Role, *, who: str, reason: str = "") -> None:
    """Give a user another role, which holds from the next request on. Raises AccountError ``unknown``, ``last_administrator``."""
    number, before = _user(connection, name)
    connection.execute(update(User).where(User.id == number).values(role=role, changed_at=now()))
    if before == Role.ADMINISTER:
        _keep_an_administrator(connection, name)
    note(connection, "user.role", who, reason=reason, subject=name, before=before, role=role)


def set_password(connection: Connection, name: str, password: str, *, who: str, reason: str = "") -> None:
    """Give a user another password (its hash), and end all sessions. Raises AccountError ``unknown``."""
    number, _ = _user(connection, name)
    connection.execute(update(User).where(User.id == number).values(password=password, changed_at=now()))
    end_sessions(connection, number)
    note(connection, "user.password", who, reason=reason, subject=name)


def set_disabled(connection: Connection, name: str, disabled: bool, *, who: str, reason: str = "") -> None:
    """Let a user in no more (and end all sessions), or again. Raises AccountError ``unknown``, ``last_administrator``."""
    number, role = _user(connection, name)
    moment = now() if disabled else None
    connection.execute(update(User).where(User.id == number).values(disabled_at=moment, changed_at=now()))
    if disabled:
        if role == Role.ADMINISTER:
            _keep_an_administrator(connection, name)
        end_sessions(connection, number)
    note(connection, "user.disable" if disabled else "user.enable", who, reason=reason, subject=name)


def _user(connection: Connection, name: str) -> tuple[int, str]:
    row = connection.execute(select(User.id, User.role).where(User.name == name).with_for_update()).one_or_none()
    if row is None:
        raise AccountError("unknown", name)
    return row.id, row.role


def _keep_an_administrator(connection: Connection, name: str) -> None:
    """Roll back (by raising) when nobody would be left who can administer. The rows are locked, so that two cannot each leave
    the other as the last one.
    """
    left = select(User.id).where(User.role == Role.ADMINISTER, User.disabled_at.is_(None)).with_for_update()
    if connection.execute(left).first() is None:
        raise AccountError("last_administrator", name)


# ---- logging in -----------------------------------------------------------------------------------------------------------


def record_login_attempt(connection: Connection, name: str, address: str) -> float:
    """Note an attempt to log in before the password is looked at; gives how many seconds to wait (0: go on).

    Attempts that have to wait are not noted. It is noted first and taken back by :func:`log_in`, so that many attempts at once
    count as well.
    """
    name, address = name[:NAME_LENGTH], address[:100]
    connection.execute(delete(LoginAttempt).where(LoginAttempt.at <= now(-ATTEMPT_SECONDS)))
    waits = []
    for conditions, most in (
        ((LoginAttempt.name == name, LoginAttempt.address == address), MAX_ATTEMPTS_OF_PAIR),
        ((LoginAttempt.address == address,), MAX_ATTEMPTS_OF_ADDRESS),
        ((LoginAttempt.name == name,), MAX_ATTEMPTS_OF_NAME),
    ):
        recent = select(LoginAttempt.at, now()).where(*conditions).order_by(LoginAttempt.at.desc()).offset(most - 1).limit(1)
        row = connection.execute(recent).one_or_none()
        if row is not None:
            waits.append(ATTEMPT_SECONDS - (row[1] - row[0]).total_seconds())
    if waits:
        return max(1.0, *waits)
    connection.execute(insert(LoginAttempt).values(name=name, address=address, at=now()))
    return 0.0


def credentials(connection: Connection, name: str) -> tuple[CurrentUser, str] | None:
    """The user of this name with the password's hash; None when there is none, or it may not log in."""
    query = select(User.id, User.name, User.role, User.password).where(User.name == name, User.disabled_at.is_(None))
    row = connection.execute(query).one_or_none()
    return None if row is None else (CurrentUser(row.id, row.name, Role(row.role)), row.password)


def log_in(
    connection: Connection, person: CurrentUser, digest: str, seconds: float, address: str, *, rehashed: str | None
) -> None:
    """Begin a session of ``person`` (whose password was right) that ends after ``seconds`` at the latest.

    ``digest`` is the SHA-256 of its cookie; ``rehashed`` the password's hash with today's parameters, when it was older.
    """
    address = address[:100]
    connection.execute(delete(LoginAttempt).where(LoginAttempt.name == person.name, LoginAttempt.address == address))
    connection.execute(delete(Session).where(Session.expires_at <= now()))
    values = {"user_id": person.id, "created_at": now(), "seen_at": now(), "expires_at": now(seconds), "address": address}
    connection.execute(insert(Session).values(digest=digest, **values))
    changed = {"logged_in_at": now()} | ({"password": rehashed} if rehashed else {})
    connection.execute(update(User).where(User.id == person.id).values(**changed))
    note(connection, "login", person.name, subject=address)


def session_user(connection: Connection, digest: str, idle_seconds: float) -> tuple[CurrentUser, bool] | None:
    """Who has the session with this digest, and whether it should be marked as seen; None when it does not hold (any more)."""
    query = (
        select(User.id, User.name, User.role, Session.seen_at <= now(-_SEEN_SECONDS))
        .join(User, User.id == Session.user_id)
        .where(
            Session.digest == digest,
            Session.expires_at > now(),
            Session.seen_at > now(-idle_seconds),
            User.disabled_at.is_(None),
        )
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else (CurrentUser(row[0], row[1], Role(row[2])), bool(row[3]))


def touch_session(connection: Connection, digest: str) -> None:
    """Mark a session as seen."""
    connection.execute(update(Session).where(Session.digest == digest).values(seen_at=now()))


def log_out(connection: Connection, digest: str, who: str) -> None:
    """End a session."""
    if connection.execute(delete(Session).where(Session.digest == digest)).rowcount:
        note(connection, "logout", who)


def end_sessions(connection: Connection, user_id: int) -> int:
    """End all sessions of a user; gives how many."""
    return connection.execute(delete(Session).where(or_(Session.user_id == user_id, Session.expires_at <= now()))).rowcount
