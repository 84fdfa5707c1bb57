"""The values of SQLite lie in their primary key

Revision: 0022, after 0021. A table with row numbers keeps its primary key a second time, as an index: 8 of 57 kB for each report.
The rows are copied in one transaction, which takes as much room again until it is over. Nothing changes on PostgreSQL, nor for
programs of the version before.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision: str = "0022"
down_revision: str | None = "0021"
branch_labels: str | None = None
depends_on: str | None = None

_ENDING = " WITHOUT ROWID"
_PARTS = text("select sql from sqlite_master where tbl_name = 'gk_value' and type = :kind and sql is not null")


def upgrade() -> None:
    _copied(_ENDING)


def downgrade() -> None:
    _copied("")


def _copied(ending: str) -> None:
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    (table,) = connection.scalars(_PARTS, {"kind": "table"})
    indexes = connection.scalars(_PARTS, {"kind": "index"}).all()
    op.rename_table("gk_value", "gk_value_before")
    op.execute(table.removesuffix(_ENDING) + ending)
    op.execute("insert into gk_value select * from gk_value_before order by report_id, indicator")
    op.drop_table("gk_value_before")
    for index in indexes:
        op.execute(index)
