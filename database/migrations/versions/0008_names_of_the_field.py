"""Columns and counters under the names of the field; the list of stages leaves the database

Revision: 0008, after 0007. It renames a column that workers write, so programs of the version before must be stopped: this is the
one step that is not for an upgrade while they run.

The stages are a table of the code (codebook.stages). A check that lists them would need a migration for each new stage.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | None = None
depends_on: str | None = None

STAGE_CHECK = "CONSTRAINT ck_gk_stage_stage CHECK (stage in ('extract', 'ocr', 'parse', 'validate', 'load'))"
STATE_CHECK = "CONSTRAINT ck_gk_stage_state CHECK"


def upgrade() -> None:
    op.alter_column("gk_stage", "rung_at", new_column_name="notified_at")
    op.execute("update gk_count set name = 'rescuer_runs' where name = 'recovery_sweeps'")
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(op.f("ck_gk_stage_stage"), "gk_stage", type_="check")
    else:
        _edit_table(f"{STAGE_CHECK}, ", "")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        stages = STAGE_CHECK.partition("CHECK (")[2].removesuffix(")")
        op.create_check_constraint(op.f("ck_gk_stage_stage"), "gk_stage", stages)
    else:
        _edit_table(STATE_CHECK, f"{STAGE_CHECK}, {STATE_CHECK}")
    op.execute("update gk_count set name = 'recovery_sweeps' where name = 'rescuer_runs'")
    op.alter_column("gk_stage", "notified_at", new_column_name="rung_at")


def _edit_table(old: str, new: str) -> None:
    """Replace a part of the definition of gk_stage in SQLite, which cannot drop a check.

    This is the way that its manual names for changes that leave the rows as they are (lang_altertable.html, section 7). To make
    the table anew is no way here: other tables refer to it.
    """
    connection = op.get_bind()
    definition = connection.scalar(sa.text("select sql from sqlite_schema where type = 'table' and name = 'gk_stage'"))
    edited = " ".join(definition.split()).replace(old, new)
    assert edited != " ".join(definition.split()), f"gk_stage has no {old!r}"
    version = connection.exec_driver_sql("pragma schema_version").scalar_one()
    connection.exec_driver_sql("pragma writable_schema = on")
    connection.execute(sa.text("update sqlite_schema set sql = :sql where type = 'table' and name = 'gk_stage'"), {"sql": edited})
    connection.exec_driver_sql(f"pragma schema_version = {version + 1}")
    connection.exec_driver_sql("pragma writable_schema = off")
    found = connection.exec_driver_sql("pragma integrity_check").scalar_one()
    assert found == "ok", found
