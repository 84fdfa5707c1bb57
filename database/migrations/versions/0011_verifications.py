"""What verifications found

Revision: 0011, after 0010. A new table only; programs of the version before go on beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from database.clock import UtcDateTime

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "gk_verification",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("began_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=False),
        sa.Column("who", sa.String(100), nullable=False),
        sa.Column("quick", sa.Boolean(), nullable=False),
        sa.Column("summary", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gk_verification"),
    )


def downgrade() -> None:
    op.drop_table("gk_verification")
