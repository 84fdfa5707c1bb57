"""Sums of the tries of each batch

Revision: 0026, after 0025. New tables, which the rescuer fills in pieces, with the tries of before first: until it has, what is
not summed up is counted as before. Programs of the version before go on beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from database.clock import UtcDateTime

revision: str = "0026"
down_revision: str | None = "0025"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "gk_batch_spent",
        sa.Column("batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("stage", sa.String(length=10), nullable=False),
        sa.Column("engine", sa.String(length=40), nullable=False),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("cpu_seconds", sa.Double(), nullable=False),
        sa.Column("began", UtcDateTime(), nullable=True),
        sa.Column("ended", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["gk_batch.id"], name="fk_gk_batch_spent_batch_id"),
        sa.PrimaryKeyConstraint("batch_id", "media_type", "stage", "engine", name="pk_gk_batch_spent"),
    )
    op.create_table(
        "gk_spent_until",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("until", UtcDateTime(), nullable=True),
        sa.Column("next_until", UtcDateTime(), nullable=True),
        sa.Column("next_xid", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_gk_spent_until"),
    )


def downgrade() -> None:
    op.drop_table("gk_spent_until")
    op.drop_table("gk_batch_spent")
