"""Decisions of people about single cells, and the agencies that must report

Revision: 0005, after 0004. New tables, a column that may be null, and an index: programs of the version before go on beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from database.clock import UtcDateTime

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | None = None
depends_on: str | None = None

MOMENT = UtcDateTime()
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
STANDS = sa.text("ended_at is null")
DOUBTFUL = sa.text("state = 'doubtful'")


def upgrade() -> None:
    op.create_table(
        "gk_correction",
        sa.Column("id", KEY, nullable=False),
        sa.Column("document_id", KEY, nullable=False),
        sa.Column("indicator", sa.String(length=80), nullable=False),
        sa.Column("decided", sa.String(length=10), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("read", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.String(length=100), nullable=False),
        sa.Column("decided_at", MOMENT, nullable=False),
        sa.Column("ended_by", sa.String(length=100), nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("ended_reason", sa.Text(), nullable=True),
        sa.Column("replaced_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("decided in ('value', 'blank', 'as_read')", name=op.f("ck_gk_correction_decided")),
        sa.ForeignKeyConstraint(["document_id"], ["gk_document.id"], name="fk_gk_correction_document_id"),
        sa.PrimaryKeyConstraint("id", name="pk_gk_correction"),
    )
    op.create_index("ix_gk_correction_document_id", "gk_correction", ["document_id", "indicator"])
    op.create_index(
        "ix_gk_correction_standing",
        "gk_correction",
        ["document_id", "indicator"],
        unique=True,
        postgresql_where=STANDS,
        sqlite_where=STANDS,
    )
    op.create_table(
        "gk_expected",
        sa.Column("id", KEY, nullable=False),
        sa.Column("year", sa.SmallInteger(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("agency_key", sa.String(length=220), nullable=False),
        sa.Column("region_code", sa.String(length=12), nullable=True),
        sa.Column("due_on", sa.String(length=10), nullable=True),
        sa.Column("listed_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gk_expected"),
        sa.UniqueConstraint("year", "agency_key", name="uq_gk_expected_year_agency_key"),
    )
    op.add_column("gk_value", sa.Column("correction_id", sa.BigInteger(), nullable=True))
    op.create_index("ix_gk_value_doubtful", "gk_value", ["report_id"], postgresql_where=DOUBTFUL, sqlite_where=DOUBTFUL)


def downgrade() -> None:
    op.drop_index("ix_gk_value_doubtful", "gk_value")
    op.drop_column("gk_value", "correction_id")
    op.drop_table("gk_expected")
    op.drop_table("gk_correction")
