"""The remark or note mark printed beside a number

Revision: 0013, after 0012. A new column that may be null: programs of the version before go on beside it. What was loaded before
has no notes until it is parsed again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column("gk_value", sa.Column("note", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("gk_value", "note")
