"""Which stages were claimed together

Revision: 0024, after 0023. A new column that may be null: programs of the version before claim each stage alone, and go on
beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0024"
down_revision: str | None = "0023"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column("gk_stage", sa.Column("block", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("gk_stage", "block")
