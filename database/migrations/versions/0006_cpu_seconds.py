"""What a try cost in CPU seconds and which engine did it; tries found by when they ended

Revision: 0006, after 0005. Only new columns and an index: programs of the version before go on beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    with op.batch_alter_table("gk_attempt") as table:
        table.add_column(sa.Column("cpu_seconds", sa.Double(), nullable=True))
        table.add_column(sa.Column("engine", sa.String(length=40), nullable=True))
        table.create_index("ix_gk_attempt_ended_at", ["ended_at"])


def downgrade() -> None:
    with op.batch_alter_table("gk_attempt") as table:
        table.drop_index("ix_gk_attempt_ended_at")
        table.drop_column("engine")
        table.drop_column("cpu_seconds")
