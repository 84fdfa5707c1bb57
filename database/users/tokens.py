"""Tokens of programs: each belongs to a user, sees what the user sees, and may do at most what its own role may.

Only digests are kept. Making and revoking a token is in the audit trail.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, insert, or_, select, update

from codebook.records import Record
from database.access import Access
from database.clock import now
from database.models import ApiToken, Role, User
from database.users.accounts import AccountError
from database.users.audit import note
from database.users.names import normal
from database.users.sessions import CurrentUser, Demands, duty_of, password_is_old

MOST_DAYS = 366
"""How long a token can last."""
MOST_TOKENS = 20
"""Valid tokens of one user."""
_SECRET_BYTES = 32
_USED_SECONDS = 60.0  # the last use is kept at most so often
_DAY = 86_400.0


class TokenError(ValueError):
    """A token that cannot be made. The message says what was found and what is expected."""


class TokenItem(Record, frozen=True):
    """A token, without itself."""

    id: int
    user: str
    label: str
    role: Role
    created_at: datetime
    created_by: str
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


class MadeToken(NamedTuple):
    """A new token: its number, and itself, which is shown once."""

    number: int
    secret: str


class TokenUser(Record, frozen=True):
    """The user of a valid token, with the lesser of both roles. ``due``: its use should be marked."""

    token_id: int
    user: CurrentUser
    due: bool


def add_token(connection: Connection, user: str, label: str, role: Role, days: int, *, who: str, reason: str = "") -> MadeToken:
    """Make a token of ``user`` that ends after ``days``, and keep its digest. Return it.

    Raises AccountError ``unknown`` for a user that there is not or that is disabled, TokenError for a role above that of the
    user, for more than MOST_DAYS or MOST_TOKENS, and for a label that is empty.
    """
    row = connection.execute(
        select(User.id, User.name, User.role).where(User.name == normal(user), User.disabled_at.is_(None)).with_for_update()
    ).one_or_none()
    if row is None:
        raise AccountError("unknown", user)
    if not Role(row.role).includes(role):
        raise TokenError(f"the role {role} is above that of {row.name}, which is {row.role}")
    if not 1 <= days <= MOST_DAYS:
        raise TokenError(f"{days} days; expected 1 to {MOST_DAYS}")
    if not label.strip():
        raise TokenError("a token without a label; expected what it is for")
    valid = (ApiToken.user_id == row.id, ApiToken.revoked_at.is_(None), ApiToken.expires_at > now())
    if len(connection.scalars(select(ApiToken.id).where(*valid)).all()) >= MOST_TOKENS:
        raise TokenError(f"{row.name} has {MOST_TOKENS} tokens; revoke one first")
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    values = {
        "user_id": row.id,
        "label": label.strip()[:60],
        "digest": _digest(secret),
        "role": role.value,
        "created_by": who[:100],
    }
    made = insert(ApiToken).values(**values, created_at=now(), expires_at=now(days * _DAY)).returning(ApiToken.id)
    number = int(connection.scalar(made) or 0)
    note(connection, "token.add", who, reason=reason, subject=row.name, token=number, label=values["label"], role=role, days=days)
    return MadeToken(number, secret)


def revoke_token(connection: Connection, number: int, *, who: str, reason: str = "", owner: str | None = None) -> bool:
    """End a token at once; with ``owner``, only one of this user. Return whether there was such a valid token."""
    valid = [ApiToken.id == number, ApiToken.revoked_at.is_(None)]
    if owner is not None:
        valid.append(ApiToken.user_id == select(User.id).where(User.name == owner).scalar_subquery())
    ended = connection.execute(update(ApiToken).where(*valid).values(revoked_at=now())).rowcount
    if ended:
        name = connection.scalar(select(User.name).join(ApiToken, ApiToken.user_id == User.id).where(ApiToken.id == number))
        note(connection, "token.revoke", who, reason=reason, subject=name or "", token=number)
    return bool(ended)


def tokens(connection: Connection, owner: str | None = None) -> list[TokenItem]:
    """Return the tokens, the newest first; with ``owner``, those of one user."""
    query = select(ApiToken, User.name.label("user")).join(User, User.id == ApiToken.user_id).order_by(ApiToken.id.desc())
    if owner is not None:
        query = query.where(User.name == owner)
    return [
        TokenItem(
            row.id,
            row.user,
            row.label,
            Role(row.role),
            row.created_at,
            row.created_by,
            row.expires_at,
            row.used_at,
            row.revoked_at,
        )
        for row in connection.execute(query)
    ]


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def token_user(connection: Connection, secret: str, demands: Demands) -> TokenUser | None:
    """Return the user of a token; None when it is not valid (any more), or its user is disabled.

    The user's ``duty`` is that of a session, by the role of the user; none for who logs in by single sign-on alone.
    """
    due = or_(ApiToken.used_at.is_(None), ApiToken.used_at <= now(-_USED_SECONDS))
    fields = (User.id, User.name, User.role, User.regions, User.batches, User.password, User.must_change, User.totp_key)
    more = (ApiToken.id.label("token_id"), ApiToken.role.label("token_role"), due.label("due"))
    query = (
        select(*fields, *more, password_is_old(demands).label("old"))
        .join(User, User.id == ApiToken.user_id)
        .where(
            ApiToken.digest == _digest(secret),
            ApiToken.revoked_at.is_(None),
            ApiToken.expires_at > now(),
            User.disabled_at.is_(None),
        )
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    roles = sorted((Role(row.role), Role(row.token_role)), key=list(Role).index)
    access = Access(*(None if each is None else tuple(each) for each in (row.regions, row.batches)))
    duty = duty_of(row, demands) if row.password else None
    return TokenUser(row.token_id, CurrentUser(row.id, row.name, roles[0], access, duty), bool(row.due))


def mark_used(connection: Connection, number: int) -> None:
    """Keep that a token was used now."""
    connection.execute(update(ApiToken).where(ApiToken.id == number).values(used_at=now()))
