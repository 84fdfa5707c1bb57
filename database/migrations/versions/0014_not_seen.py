"""Cells that the form demands and of which nothing was found

Revision: 0014, after 0013. An index: that of the doubtful cells has those of the state ``not_seen`` too. Programs of the version
before go on beside it. What was loaded before has no such cells until it is parsed again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | None = None
depends_on: str | None = None

DOUBTFUL = sa.text("state = 'doubtful'")
UNSETTLED = sa.text("state in ('doubtful', 'not_seen')")


def upgrade() -> None:
    op.create_index("ix_gk_value_unsettled", "gk_value", ["report_id"], postgresql_where=UNSETTLED, sqlite_where=UNSETTLED)
    op.drop_index("ix_gk_value_doubtful", "gk_value")


def downgrade() -> None:
    op.create_index("ix_gk_value_doubtful", "gk_value", ["report_id"], postgresql_where=DOUBTFUL, sqlite_where=DOUBTFUL)
    op.drop_index("ix_gk_value_unsettled", "gk_value")
