"""Tombstones of purged documents

Revision: 0010, after 0009. A new table only; programs of the version before go on beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from database.clock import UtcDateTime

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "gk_tombstone",
        sa.Column("document_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("purged_at", UtcDateTime(), nullable=False),
        sa.Column("purged_by", sa.String(100), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("document_id", name="pk_gk_tombstone"),
        sa.ForeignKeyConstraint(["document_id"], ["gk_document.id"], name="fk_gk_tombstone_document_id"),
        sa.UniqueConstraint("sha256", name="uq_gk_tombstone_sha256"),
    )


def downgrade() -> None:
    op.drop_table("gk_tombstone")
