"""How many links of an address were not followed

Revision: 0023, after 0022. A new column that may be empty: programs of the version before go on beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0023"
down_revision: str | None = "0022"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column("gk_collect_address", sa.Column("left_out", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("gk_collect_address", "left_out")
