"""Batches take turns

Revision: 0007, after 0006. New columns have a default, so that programs of the version before go on beside it; the index by which
they take work is replaced by one that serves them as well.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | None = None
depends_on: str | None = None

OPEN = sa.text("state in ('queued', 'waiting')")


def upgrade() -> None:
    op.add_column("gk_batch", sa.Column("turn", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("gk_stage", sa.Column("turn", sa.BigInteger(), server_default="0", nullable=False))
    op.create_index("ix_gk_stage_turn", "gk_stage", ["queue", "priority", "turn", "id"], postgresql_where=OPEN, sqlite_where=OPEN)
    op.drop_index("ix_gk_stage_due", "gk_stage")


def downgrade() -> None:
    op.create_index("ix_gk_stage_due", "gk_stage", ["queue", "priority", "id"], postgresql_where=OPEN, sqlite_where=OPEN)
    op.drop_index("ix_gk_stage_turn", "gk_stage")
    op.drop_column("gk_stage", "turn")
    op.drop_column("gk_batch", "turn")
