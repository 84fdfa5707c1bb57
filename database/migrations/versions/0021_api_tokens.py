"""Tokens of programs that ask the API

Revision: 0021, after 0020. A new table: programs of the version before go on beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from database.clock import UtcDateTime

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "gk_api_token",
        sa.Column("id", key, nullable=False),
        sa.Column("user_id", key, nullable=False),
        sa.Column("label", sa.String(60), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("role", sa.String(12), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(100), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("role in ('view', 'operate', 'administer')", name=op.f("ck_gk_api_token_role")),
        sa.ForeignKeyConstraint(["user_id"], ["gk_user.id"], name="fk_gk_api_token_user_id_gk_user"),
        sa.PrimaryKeyConstraint("id", name="pk_gk_api_token"),
        sa.UniqueConstraint("digest", name="uq_gk_api_token_digest"),
    )
    op.create_index("ix_gk_api_token_user_id", "gk_api_token", ["user_id"])


def downgrade() -> None:
    op.drop_table("gk_api_token")
