"""Who agrees on a number

Revision: 0015, after 0014. A new column that may be null: programs of the version before go on beside it. What was loaded before
has no witnesses until it is parsed again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column("gk_value", sa.Column("witnesses", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    op.drop_column("gk_value", "witnesses")
