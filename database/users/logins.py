"""Logging in: attempts and their limits, the password, the second factor, and the session at the end.

Passwords come here as hashes, cookies as digests; all time is the database's own. What is decided is written to the audit trail
in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, or_, select, update

from codebook.records import Record
from database.clock import now
from database.models import LoginAttempt, LoginPlace, LoginStep, Role, Session, User
from database.users.audit import note
from database.users.names import NAME_LENGTH, normal, skeleton
from database.users.sessions import CurrentUser

# How many attempts within how many seconds: by one name from one address (or one known browser), by one address, for one name
# from anywhere. Addresses and browsers from which a user has logged in before are bound by the first alone: wrong attempts from
# elsewhere lock nobody out.
ATTEMPT_SECONDS = 900.0
MAX_ATTEMPTS_OF_PAIR = 5
MAX_ATTEMPTS_OF_ADDRESS = 40
MAX_ATTEMPTS_OF_NAME = 60
_PLACE_SECONDS = 180 * 86_400.0  # an address or a browser is known for so long after its last login
_MAX_PLACES = 40  # of one user
STEP_SECONDS = 300.0  # the second factor must come so soon after the password
_MAX_TRIES = 5  # wrong codes of one login


class Credentials(Record, frozen=True):
    """What is kept to check who logs in."""

    user: CurrentUser
    password: str
    totp_key: str | None


class Factor(Record, frozen=True):
    """The second factor of a user: the key, the last time step that was used, and digests of the recovery codes that are left."""

    key: str
    step: int
    recovery_codes: tuple[str, ...]


class Proof(Record, frozen=True):
    """How a second factor was shown: by the code of a time step, or by a recovery code (its digest)."""

    step: int | None = None
    recovery_code: str | None = None


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
