"""Leases and shares of the review, and decisions that were made in one step

Revision: 0017, after 0016. Two new tables, and a column that may be null: programs of the version before go on beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from database.clock import UtcDateTime

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "gk_review_lease",
        sa.Column("document_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("who", sa.String(100), nullable=False),
        sa.Column("taken_at", UtcDateTime(), nullable=False),
        sa.Column("lease_until", UtcDateTime(), nullable=False),
        sa.Column("taken_from", sa.String(100), nullable=True),
        sa.ForeignKeyConstraint(["document_id"], ["gk_document.id"], name="fk_gk_review_lease_document_id_gk_document"),
        sa.PrimaryKeyConstraint("document_id", name="pk_gk_review_lease"),
    )
    op.create_index("ix_gk_review_lease_who", "gk_review_lease", ["who"])
    op.create_table(
        "gk_review_share",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("who", sa.String(100), nullable=False),
        sa.Column("batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("region_code", sa.String(12), nullable=True),
        sa.Column("made_by", sa.String(100), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["gk_batch.id"], name="fk_gk_review_share_batch_id_gk_batch"),
        sa.PrimaryKeyConstraint("id", name="pk_gk_review_share"),
    )
    op.add_column("gk_correction", sa.Column("step", sa.BigInteger(), nullable=True))
    op.create_index("ix_gk_correction_decided_by", "gk_correction", ["decided_by", "id"])


def downgrade() -> None:
    op.drop_index("ix_gk_correction_decided_by", "gk_correction")
    op.drop_column("gk_correction", "step")
    op.drop_table("gk_review_share")
    op.drop_table("gk_review_lease")
