"""The values of PostgreSQL are found by their report

Revision: 0025, after 0024. The primary key of report and indicator held both of each cell a second time: 14.5 of 72 kB for each
report. An index of the report alone names the report once for its 200 cells: 1.2 kB. Nothing changes on SQLite, whose rows lie in
the primary key, nor for programs of the version before. Building either index locks the table against writers.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0025"
down_revision: str | None = "0024"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_index("ix_gk_value_report_id", "gk_value", ["report_id"], sqlite_where=sa.text("0"))
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("pk_gk_value", "gk_value")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.create_primary_key("pk_gk_value", "gk_value", ["report_id", "indicator"])
    op.drop_index("ix_gk_value_report_id", "gk_value")
