"""Accounts: the audit trail as a chain, second factor, single sign-on, known places, rights by region and batch

Revision: 0009, after 0008. New tables, and columns that are null or have a default: programs of the version before go on beside
it (their audit entries are then outside of the chain, which `gongkai audit verify` reports). Entries that are there are chained.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC

import sqlalchemy as sa
from alembic import op

from database.clock import UtcDateTime
from database.users.names import skeleton

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | None = None
depends_on: str | None = None

MOMENT = UtcDateTime()
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
GENESIS = "0" * 64
ROWS = 1000

USER_COLUMNS = (
    "skeleton",
    "password_at",
    "must_change",
    "totp_key",
    "totp_step",
    "recovery_codes",
    "oidc_subject",
    "regions",
    "batches",
)
AUDIT = sa.table(
    "gk_audit",
    sa.column("id", KEY),
    sa.column("at", MOMENT),
    sa.column("who", sa.String),
    sa.column("action", sa.String),
    sa.column("detail", sa.JSON),
    sa.column("previous", sa.String),
    sa.column("digest", sa.String),
)
USER = sa.table("gk_user", sa.column("id", KEY), sa.column("name", sa.String), sa.column("skeleton", sa.String))
HEAD = sa.table("gk_audit_head", sa.column("id", KEY), sa.column("digest", sa.String), sa.column("entries", sa.BigInteger))


def upgrade() -> None:
    op.add_column("gk_user", sa.Column("skeleton", sa.String(length=240), nullable=True))
    op.add_column("gk_user", sa.Column("password_at", MOMENT, nullable=True))
    op.add_column("gk_user", sa.Column("must_change", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("gk_user", sa.Column("totp_key", sa.String(length=64), nullable=True))
    op.add_column("gk_user", sa.Column("totp_step", sa.BigInteger(), nullable=True))
    op.add_column("gk_user", sa.Column("recovery_codes", sa.JSON(), nullable=True))
    op.add_column("gk_user", sa.Column("oidc_subject", sa.String(length=64), nullable=True))
    op.add_column("gk_user", sa.Column("regions", sa.JSON(), nullable=True))
    op.add_column("gk_user", sa.Column("batches", sa.JSON(), nullable=True))
    op.create_index("ux_gk_user_skeleton", "gk_user", ["skeleton"], unique=True)
    op.create_index("ux_gk_user_oidc_subject", "gk_user", ["oidc_subject"], unique=True)
    op.add_column("gk_session", sa.Column("agent", sa.String(length=200), nullable=True))
    op.add_column("gk_session", sa.Column("oidc", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "gk_login_step",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("user_id", KEY, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["gk_user.id"], name="fk_gk_login_step_user_id"),
        sa.PrimaryKeyConstraint("digest", name="pk_gk_login_step"),
    )
    op.create_index("ix_gk_login_step_user_id", "gk_login_step", ["user_id"])
    op.create_table(
        "gk_login_place",
        sa.Column("user_id", KEY, nullable=False),
        sa.Column("mark", sa.String(length=120), nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["gk_user.id"], name="fk_gk_login_place_user_id"),
        sa.PrimaryKeyConstraint("user_id", "mark", name="pk_gk_login_place"),
    )
    op.create_table(
        "gk_audit_head",
        sa.Column("id", KEY, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gk_audit_head"),
    )
    op.add_column("gk_audit", sa.Column("previous", sa.String(length=64), nullable=True))
    op.add_column("gk_audit", sa.Column("digest", sa.String(length=64), nullable=True))
    chain_entries(op.get_bind())
    fold_names(op.get_bind())


def chain_entries(connection: sa.Connection) -> None:
    """Give each entry that is there its digest, in the order of their numbers."""
    previous, last, count = GENESIS, 0, 0
    fields = (AUDIT.c.id, AUDIT.c.at, AUDIT.c.who, AUDIT.c.action, AUDIT.c.detail)
    while rows := connection.execute(sa.select(*fields).where(AUDIT.c.id > last).order_by(AUDIT.c.id).limit(ROWS)).all():
        for number, at, who, action, detail in rows:
            entry = [previous, at.astimezone(UTC).isoformat(timespec="microseconds"), who, action, detail]
            text = json.dumps(entry, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
            digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
            connection.execute(sa.update(AUDIT).where(AUDIT.c.id == number).values(previous=previous, digest=digest))
            previous, last, count = digest, number, count + 1
    if count:  # else the first entry makes the head
        connection.execute(sa.insert(HEAD).values(id=1, digest=previous, entries=count))


def fold_names(connection: sa.Connection) -> None:
    """Give each user the skeleton of the name; of two that look alike the later one has none, and goes by the exact name."""
    taken: set[str] = set()
    for number, name in connection.execute(sa.select(USER.c.id, USER.c.name).order_by(USER.c.id)).all():
        folded = skeleton(name)
        if folded not in taken:
            taken.add(folded)
            connection.execute(sa.update(USER).where(USER.c.id == number).values(skeleton=folded))


def downgrade() -> None:
    op.drop_column("gk_audit", "digest")
    op.drop_column("gk_audit", "previous")
    op.drop_table("gk_audit_head")
    op.drop_table("gk_login_place")
    op.drop_table("gk_login_step")
    op.drop_column("gk_session", "oidc")
    op.drop_column("gk_session", "agent")
    op.drop_index("ux_gk_user_oidc_subject", "gk_user")
    op.drop_index("ux_gk_user_skeleton", "gk_user")
    for name in reversed(USER_COLUMNS):
        op.drop_column("gk_user", name)
