"""Outputs can be found again by what they were made of

Revision: 0002, after 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None

KEYED = sa.text("made_from is not null")


def upgrade() -> None:
    op.add_column("gk_output", sa.Column("made_from", sa.String(length=64), nullable=True))
    op.create_index("ix_gk_output_made_from", "gk_output", ["made_from"], postgresql_where=KEYED, sqlite_where=KEYED)


def downgrade() -> None:
    op.drop_index("ix_gk_output_made_from", "gk_output")
    op.drop_column("gk_output", "made_from")
