"""Findings as cases: their states, the moves between them, and what people decided

Revision: 0016, after 0015. New tables, and a column that may be null: programs of the version before go on beside it, but
cannot remove a filing that has cases. What was found before becomes cases in the state "new" by `gongkai db upgrade` or
`gongkai check`.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from database.clock import UtcDateTime

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: str | None = None
depends_on: str | None = None

MOMENT = UtcDateTime()
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NULLABLE = sa.JSON(none_as_null=True)
STATES = "('new', 'confirmed', 'dismissed', 'sent', 'answered', 'settled', 'reopened')"
FILED = sa.text("filing_id is not null")
UNFILED = sa.text("filing_id is null")
INDEXES = {
    "state": ["state", "id"],
    "changed": ["changed_at", "id"],
    "agency_id": ["agency_id"],
    "grouped": ["state", "settled_by", "severity", "rule"],
    "counted": ["year", "region_code", "rule", "severity", "state", "settled_by", "agency_kind", "batch_id", "present"],
    "document_id": ["document_id"],
    "other_filing_id": ["other_filing_id"],
    "other_document_id": ["other_document_id"],
}


def _refers(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [to], name=f"fk_{table}_{column}")


def upgrade() -> None:
    op.create_table(
        "gk_finding_case",
        sa.Column("id", KEY, nullable=False),
        sa.Column("filing_id", KEY, nullable=True),
        sa.Column("document_id", KEY, nullable=False),
        sa.Column("report_id", sa.BigInteger(), nullable=False),
        sa.Column("edition", sa.SmallInteger(), nullable=True),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("rule", sa.String(60), nullable=False),
        sa.Column("severity", sa.String(10), nullable=False),
        sa.Column("between", sa.String(10), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("cells", sa.JSON(), nullable=False),
        sa.Column("expected", sa.Double(), nullable=True),
        sa.Column("actual", sa.Double(), nullable=True),
        sa.Column("sentence", sa.Text(), nullable=True),
        sa.Column("place", NULLABLE, nullable=True),
        sa.Column("other_filing_id", sa.BigInteger(), nullable=True),
        sa.Column("other_document_id", sa.BigInteger(), nullable=True),
        sa.Column("agency_id", sa.BigInteger(), nullable=True),
        sa.Column("year", sa.SmallInteger(), nullable=True),
        sa.Column("region_code", sa.String(12), nullable=True),
        sa.Column("agency_kind", sa.String(20), nullable=True),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("present", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("settled_by", sa.String(10), nullable=True),
        sa.Column("held", sa.String(10), nullable=True),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.Column("changed_by", sa.String(100), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_gk_finding_case"),
        sa.CheckConstraint(f"state in {STATES}", name=op.f("ck_gk_finding_case_state")),
        _refers("gk_finding_case", "filing_id", "gk_filing.id"),
        _refers("gk_finding_case", "document_id", "gk_document.id"),
    )
    for subject, column, rows in (("filed", "filing_id", FILED), ("unfiled", "document_id", UNFILED)):
        name = f"ux_gk_finding_case_{subject}"
        op.create_index(name, "gk_finding_case", [column, "key"], unique=True, postgresql_where=rows, sqlite_where=rows)
    for name, columns in INDEXES.items():
        op.create_index(f"ix_gk_finding_case_{name}", "gk_finding_case", columns)
    op.create_table(
        "gk_finding_act",
        sa.Column("id", KEY, nullable=False),
        sa.Column("to_state", sa.String(10), nullable=False),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.Column("wanted", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.String(100), nullable=False),
        sa.Column("decided_at", MOMENT, nullable=False),
        sa.Column("ended_by", sa.String(100), nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_gk_finding_act"),
        sa.CheckConstraint(f"to_state in {STATES}", name=op.f("ck_gk_finding_act_to_state")),
    )
    op.create_index("ix_gk_finding_act_decided_by_id", "gk_finding_act", ["decided_by", "id"])
    op.create_table(
        "gk_finding_move",
        sa.Column("id", KEY, nullable=False),
        sa.Column("case_id", KEY, nullable=False),
        sa.Column("from_state", sa.String(10), nullable=False),
        sa.Column("to_state", sa.String(10), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("who", sa.String(100), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("detail", NULLABLE, nullable=True),
        sa.Column("act_id", KEY, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_gk_finding_move"),
        _refers("gk_finding_move", "case_id", "gk_finding_case.id"),
        _refers("gk_finding_move", "act_id", "gk_finding_act.id"),
    )
    op.create_index("ix_gk_finding_move_case_id", "gk_finding_move", ["case_id"])
    op.create_index("ix_gk_finding_move_act_id", "gk_finding_move", ["act_id"])
    op.add_column("gk_finding", sa.Column("case_id", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("gk_finding", "case_id")
    op.drop_table("gk_finding_move")
    op.drop_table("gk_finding_act")
    op.drop_table("gk_finding_case")
