"""The rule pack of a finding

Revision: 0019, after 0018. A new column that may be null: programs of the version before go on beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column("gk_finding", sa.Column("pack", sa.String(length=80), nullable=True))


def downgrade() -> None:
    op.drop_column("gk_finding", "pack")
