"""Who may use the pages, their sessions and login attempts, and the audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, false
from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Base, Key, Nullable, one_of
from database.plain_records import Role


class User(Base):
    """A person who may use the operators' pages. ``password`` is an Argon2 hash, empty for who logs in by single sign-on alone.

    Rows stay when a person may no longer use them (``disabled_at``): what they did is signed with their name. ``skeleton`` is
    the name with look-alike characters made equal (null where an earlier version made two such users). ``must_change``: the
    password was set by somebody else. ``totp_key`` is the key of the second factor, ``totp_step`` the last time step that was
    used, and ``recovery_codes`` are digests. ``oidc_subject`` is the digest of issuer and subject of single sign-on. ``regions``
    (codes) and ``batches`` (ids) bound what the user sees and decides; null: everything.
    """

    __tablename__ = "gk_user"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(60), unique=True)
    password: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(12))
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    logged_in_at: Mapped[datetime | None] = mapped_column("entered_at")  # a new column name would stop older programs
    disabled_at: Mapped[datetime | None]
    skeleton: Mapped[str | None] = mapped_column(String(240))
    password_at: Mapped[datetime | None]
    must_change: Mapped[bool] = mapped_column(default=False, server_default=false())
    totp_key: Mapped[str | None] = mapped_column(String(64))
    totp_step: Mapped[int | None] = mapped_column(BigInteger)
    recovery_codes: Mapped[list[str] | None] = mapped_column(Nullable)
    oidc_subject: Mapped[str | None] = mapped_column(String(64))
    regions: Mapped[list[str] | None] = mapped_column(Nullable)
    batches: Mapped[list[int] | None] = mapped_column(Nullable)
    __table_args__ = (
        one_of("role", Role),
        Index("ux_gk_user_skeleton", "skeleton", unique=True),
        Index("ux_gk_user_oidc_subject", "oidc_subject", unique=True),
    )


class Session(Base):
    """Somebody who logged in. ``digest`` is the SHA-256 of the cookie: who reads the database cannot take over a session.

    ``agent`` is what the browser says of itself; ``oidc``: the login was that of single sign-on.
    """

    __tablename__ = "gk_session"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("gk_user.id"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    address: Mapped[str] = mapped_column(String(100))
    agent: Mapped[str | None] = mapped_column(String(200))
    oidc: Mapped[bool] = mapped_column(default=False, server_default=false())


class ApiToken(Base):
    """A token by which a program asks as its user. ``digest`` is the SHA-256 of the token; ``role`` bounds that of the user.

    ``used_at`` is kept to the minute. Rows stay when a token ends.
    """

    __tablename__ = "gk_api_token"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("gk_user.id"), index=True)
    label: Mapped[str] = mapped_column(String(60))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    role: Mapped[str] = mapped_column(String(12))
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(100))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    __table_args__ = (one_of("role", Role),)


class LoginStep(Base):
    """A login whose password was right and whose second factor is awaited. ``digest`` is the SHA-256 of its cookie."""

    __tablename__ = "gk_login_step"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("gk_user.id"), index=True)
    tries: Mapped[int]
    expires_at: Mapped[datetime]


class LoginPlace(Base):
    """Where a user has logged in before: ``mark`` is ``address A``, or ``device D`` with the digest of a browser's cookie."""

    __tablename__ = "gk_login_place"
    user_id: Mapped[int] = mapped_column(ForeignKey("gk_user.id"), primary_key=True)
    mark: Mapped[str] = mapped_column(String(120), primary_key=True)
    seen_at: Mapped[datetime]


class LoginAttempt(Base):
    """An attempt to log in that did not succeed, or has not yet. They are counted to slow down who guesses passwords.

    ``address`` is the client's, or ``device D`` for a browser that the user has logged in with before.
    """

    __tablename__ = "gk_knock"  # as programs of earlier versions know it
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(60))
    address: Mapped[str] = mapped_column(String(100))
    at: Mapped[datetime] = mapped_column(index=True)


class Audit(Base):
    """One act of a person: re-processing, discarding, corrections, logins, users.

    The rows are a chain: ``digest`` is the SHA-256 of the row with the digest of the row before (``previous``), written in the
    transaction of the act (see database.users.audit). Both are null in rows that a program of an earlier version wrote.
    """

    __tablename__ = "gk_audit"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    at: Mapped[datetime]
    who: Mapped[str] = mapped_column(String(100))
    action: Mapped[str] = mapped_column(String(40))
    detail: Mapped[dict[str, Any]]
    previous: Mapped[str | None] = mapped_column(String(64))
    digest: Mapped[str | None] = mapped_column(String(64))


class AuditHead(Base):
    """The end of the audit chain, one row: the digest of the last entry and how many entries there are. Writers lock it."""

    __tablename__ = "gk_audit_head"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    entries: Mapped[int] = mapped_column(BigInteger)
