"""Watched folders, and counts of what recovery finds

Revision: 0003, after 0002. Only new tables: programs of the version before go on beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from database.clock import UtcDateTime

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None

MOMENT = UtcDateTime()


def upgrade() -> None:
    op.create_table(
        "gk_watcher",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("host", sa.String(length=200), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("polls", sa.Boolean(), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("canary_at", MOMENT, nullable=True),
        sa.Column("canary_by", MOMENT, nullable=True),
        sa.Column("canaries", sa.Integer(), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("blocked", sa.Integer(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_gk_watcher"),
    )
    op.create_table(
        "gk_count",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("counted_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_gk_count"),
    )


def downgrade() -> None:
    op.drop_table("gk_count")
    op.drop_table("gk_watcher")
