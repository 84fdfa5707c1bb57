"""The people who use the operators' pages: users and their roles, what they may see, sessions, and attempts to log in.

Every function takes a connection inside a transaction. What changes a user is written to the audit trail in the same
transaction. Passwords come here as hashes, cookies as digests; all time is the database's own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from codebook.records import Record
from database.access import Access
from database.clock import now
from database.models import Batch, LoginAttempt, LoginPlace, LoginStep, Role, Session, User
from database.users.audit import note
from database.users.names import NAME_LENGTH, is_name, normal, skeleton

__all__ = ["NAME_LENGTH", "is_name"]

_SEEN_SECONDS = 60.0  # a session is marked as seen at most so often
_DAY = 86_400.0

# How many attempts within how many seconds: by one name from one address (or one known browser), by one address, for one name
# from anywhere. Addresses and browsers from which a user has logged in before are bound by the first alone: wrong attempts from
# elsewhere lock nobody out.
ATTEMPT_SECONDS = 900.0
MAX_ATTEMPTS_OF_PAIR = 5
MAX_ATTEMPTS_OF_ADDRESS = 40
MAX_ATTEMPTS_OF_NAME = 60
_PLACE_SECONDS = 180 * _DAY  # an address or a browser is known for so long after its last login
_MAX_PLACES = 40  # of one user
STEP_SECONDS = 300.0  # the second factor must come so soon after the password
_MAX_TRIES = 5  # wrong codes of one login


Problem = Literal["taken", "alike", "unknown", "last_administrator", "bound_administrator", "no_batch"]


class AccountError(ValueError):
    """An act that is not possible with the users as they are; ``key`` is the reason.

    taken: there is such a user. alike: there is one whose name looks the same. unknown: there is none. last_administrator: nobody
    would be left. bound_administrator: an administrator cannot be bound to regions or batches. no_batch: there is no such batch.
    """

    def __init__(self, key: Problem, name: str) -> None:
        super().__init__(f"{key.replace('_', ' ')}: {name}")
        self.key, self.name = key, name


class Duty(StrEnum):
    """What a user has to do before anything else."""

    PASSWORD = "password"  # set by somebody else, or too old
    SECOND_FACTOR = "second_factor"  # the role demands one


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


class Credentials(Record, frozen=True):
    """What is kept to check who logs in."""

    user: CurrentUser
    password: str
    totp_key: str | None


class SessionItem(Record, frozen=True):
    """A session, as its owner sees it."""

    digest: str
    created_at: datetime
    seen_at: datetime
    address: str
    agent: str
    oidc: bool


class Factor(Record, frozen=True):
    """The second factor of a user: the key, the last time step that was used, and digests of the recovery codes that are left."""

    key: str
    step: int
    recovery_codes: tuple[str, ...]


class Proof(Record, frozen=True):
    """How a second factor was shown: by the code of a time step, or by a recovery code (its digest)."""

    step: int | None = None
    recovery_code: str | None = None


# ---- users ----------------------------------------------------------------------------------------------------------------


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
            _access(row.regions, row.batches),
        )
        for row in rows
    ]


def _access(regions: Sequence[str] | None, batches: Sequence[int] | None) -> Access:
    return Access(tuple(regions) if regions is not None else None, tuple(batches) if batches is not None else None)


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
    if role is Role.ADMINISTER and _access(row.regions, row.batches).bound:
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


# ---- the second factor ----------------------------------------------------------------------------------------------------


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


def begin_step(connection: Connection, user: CurrentUser, digest: str) -> None:
    """Await the second factor of ``user``, whose password was right. ``digest`` is that of the step's cookie."""
    connection.execute(delete(LoginStep).where(LoginStep.expires_at <= now()))
    connection.execute(insert(LoginStep).values(digest=digest, user_id=user.id, tries=0, expires_at=now(STEP_SECONDS)))


def finish_step(connection: Connection, digest: str, shown: Callable[[Factor], Proof | None]) -> CurrentUser | None:
    """The user of a step whose second factor ``shown`` accepts; None (and one try less) when it does not.

    A code is accepted once: its time step must be later than the last one, a recovery code is used up. Raises LookupError when
    the step is not valid any more.
    """
    query = (
        select(LoginStep.tries, User.id, User.name, User.role, User.totp_key, User.totp_step, User.recovery_codes)
        .join(User, User.id == LoginStep.user_id)
        .where(LoginStep.digest == digest, LoginStep.expires_at > now(), LoginStep.tries < _MAX_TRIES)
        .where(User.disabled_at.is_(None), User.totp_key.is_not(None))
        .with_for_update()
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        raise LookupError
    codes = tuple(row.recovery_codes or ())
    proof = shown(Factor(str(row.totp_key), row.totp_step or 0, codes))
    if proof is None:
        connection.execute(update(LoginStep).where(LoginStep.digest == digest).values(tries=LoginStep.tries + 1))
        return None
    if proof.step is not None:
        connection.execute(update(User).where(User.id == row.id).values(totp_step=proof.step))
    else:
        left = [code for code in codes if code != proof.recovery_code]
        connection.execute(update(User).where(User.id == row.id).values(recovery_codes=left))
        note(connection, "login.recovery_code", row.name, left=len(left))
    connection.execute(delete(LoginStep).where(LoginStep.digest == digest))
    return CurrentUser(row.id, row.name, Role(row.role))


# ---- logging in -----------------------------------------------------------------------------------------------------------


def record_login_attempt(connection: Connection, name: str, address: str, device: str | None = None) -> float:
    """Record an attempt to log in before the password is checked. Return the seconds to wait (0: go on).

    ``device`` is the digest of a browser's cookie. Attempts that have to wait are not recorded. It is recorded first and taken
    back by :func:`log_in`, so that many attempts at once count as well.
    """
    folded, address = _folded(name), address[:100]
    connection.execute(delete(LoginAttempt).where(LoginAttempt.at <= now(-ATTEMPT_SECONDS)))
    place, known = _place(connection, name, address, device)
    limits: list[tuple[ColumnElement[bool], int]] = [
        (and_(LoginAttempt.name == folded, LoginAttempt.address == place), MAX_ATTEMPTS_OF_PAIR)
    ]
    if not known:
        limits += [
            (LoginAttempt.address == address, MAX_ATTEMPTS_OF_ADDRESS),
            (LoginAttempt.name == folded, MAX_ATTEMPTS_OF_NAME),
        ]
    waits = []
    for condition, most in limits:
        recent = select(LoginAttempt.at, now()).where(condition).order_by(LoginAttempt.at.desc()).offset(most - 1).limit(1)
        row = connection.execute(recent).one_or_none()
        if row is not None:
            waits.append(ATTEMPT_SECONDS - (row[1] - row[0]).total_seconds())
    if waits:
        return max(1.0, *waits)
    connection.execute(insert(LoginAttempt).values(name=folded, address=place, at=now()))
    return 0.0


def record_failed_login(connection: Connection, name: str, address: str, *, factor: str = "password") -> None:
    """Write a failed login to the audit trail. A name that no user has is left out: it may be a password in the wrong field."""
    known = _find(connection, name)
    note(connection, "login.failed", f"@{address}"[:100], subject=known.name if known else "", factor=factor)


def record_failed_step(connection: Connection, digest: str, address: str) -> None:
    """Write to the audit trail that the second factor of a step was wrong."""
    query = select(User.name).join(LoginStep, LoginStep.user_id == User.id).where(LoginStep.digest == digest)
    name = connection.scalar(query)
    if name is not None:
        note(connection, "login.failed", f"@{address}"[:100], subject=name, factor="second")


def _folded(name: str) -> str:
    return skeleton(name)[:NAME_LENGTH]


def _place(connection: Connection, name: str, address: str, device: str | None) -> tuple[str, bool]:
    """Return where attempts are counted (the browser if the user has used it before, else the address), and whether it is
    known.
    """
    user = _find(connection, name)
    if user is None:
        return address, False
    marks = {f"address {address}", f"device {device}"}
    query = select(LoginPlace.mark).where(
        LoginPlace.user_id == user.id, LoginPlace.mark.in_(marks), LoginPlace.seen_at > now(-_PLACE_SECONDS)
    )
    known = set(connection.scalars(query))
    if f"device {device}" in known:
        return f"device {device}", True
    return address, bool(known)


def _find(connection: Connection, name: str) -> Any:
    """The user of this name, whatever its case and the forms of its characters, an exact name first; None when there is none."""
    fields = (User.id, User.name, User.role, User.password, User.totp_key, User.disabled_at)
    name = normal(name)
    query = select(*fields).where(or_(User.name == name, User.skeleton == skeleton(name)))
    rows = connection.execute(query).all()
    return min(rows, key=lambda row: (row.name != name, row.id), default=None)


def credentials(connection: Connection, name: str) -> Credentials | None:
    """Return what is kept of the user of this name; None when there is none, or it may not log in."""
    row = _find(connection, name)
    if row is None or row.disabled_at is not None:
        return None
    return Credentials(CurrentUser(row.id, row.name, Role(row.role)), row.password, row.totp_key)


def of_subject(connection: Connection, subject: str, name: str) -> CurrentUser | None:
    """The user whose subject of single sign-on (a digest) this is, or else the user of this name, who gets it if without one."""
    fields = (User.id, User.name, User.role)
    query = select(*fields).where(User.oidc_subject == subject, User.disabled_at.is_(None))
    row = connection.execute(query).one_or_none()
    if row is None:
        free = select(*fields).where(User.name == normal(name), User.oidc_subject.is_(None), User.disabled_at.is_(None))
        row = connection.execute(free.with_for_update()).one_or_none()
        if row is None:
            return None
        connection.execute(update(User).where(User.id == row.id).values(oidc_subject=subject))
        note(connection, "user.single_sign_on", row.name, subject=row.name)
    return CurrentUser(row.id, row.name, Role(row.role))


class LoginArrival(Record, frozen=True):
    """Where a login comes from: the client's address, its browser's cookie (digest) and what the browser says of itself."""

    address: str
    device: str
    agent: str = ""


def log_in(
    connection: Connection,
    user: CurrentUser,
    digest: str,
    seconds: float,
    arrival: LoginArrival,
    *,
    rehashed: str | None = None,
    oidc: bool = False,
) -> None:
    """Begin a session of ``user`` that ends after ``seconds`` at the latest, and remember where it began.

    ``digest`` is that of its cookie; ``rehashed`` the password's hash with today's parameters, when it was older.
    """
    address = arrival.address[:100]
    forget_attempts(connection, user.name, arrival)
    connection.execute(delete(Session).where(Session.expires_at <= now()))
    values = {"user_id": user.id, "created_at": now(), "seen_at": now(), "expires_at": now(seconds), "address": address}
    connection.execute(insert(Session).values(digest=digest, agent=arrival.agent[:200], oidc=oidc, **values))
    changed = {"logged_in_at": now()} | ({"password": rehashed} if rehashed else {})
    connection.execute(update(User).where(User.id == user.id).values(**changed))
    _remember_place(connection, user.id, arrival)
    note(connection, "login", user.name, subject=address, factor="oidc" if oidc else None)


def forget_attempts(connection: Connection, name: str, arrival: LoginArrival) -> None:
    """Take back the attempts of this name from this address and browser: the password was right."""
    places = (arrival.address[:100], f"device {arrival.device}")
    mine = and_(LoginAttempt.name == _folded(name), LoginAttempt.address.in_(places))
    connection.execute(delete(LoginAttempt).where(mine))


def _remember_place(connection: Connection, user_id: int, arrival: LoginArrival) -> None:
    own = LoginPlace.user_id == user_id
    marks = (f"address {arrival.address[:100]}", f"device {arrival.device}")
    connection.execute(delete(LoginPlace).where(own, or_(LoginPlace.mark.in_(marks), LoginPlace.seen_at <= now(-_PLACE_SECONDS))))
    latest = select(LoginPlace.seen_at).where(own).order_by(LoginPlace.seen_at.desc()).offset(_MAX_PLACES).limit(1)
    oldest = connection.scalar(latest)
    if oldest is not None:
        connection.execute(delete(LoginPlace).where(own, LoginPlace.seen_at <= oldest))
    rows = [{"user_id": user_id, "mark": mark} for mark in marks]
    connection.execute(insert(LoginPlace).values(seen_at=now()), rows)


# ---- sessions -------------------------------------------------------------------------------------------------------------


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
    access = _access(row.regions, row.batches)
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
