"""Agencies as a register, and filings: one report for each agency and year

Revision: 0012, after 0011. New tables, and columns that may be null: programs of the version before go on beside it. What they
load meanwhile, and what was there before, gets its filings from `gongkai db upgrade` or `gongkai check`.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from database.clock import UtcDateTime

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | None = None
depends_on: str | None = None

MOMENT = UtcDateTime()
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NULLABLE = sa.JSON(none_as_null=True)
OPEN = sa.text("state = 'open'")
CHOSEN = sa.text("chosen_document_id is not null")


def _refers(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [to], name=f"fk_{table}_{column}")


def upgrade() -> None:
    op.create_table(
        "gk_agency",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("named", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=True),
        sa.Column("region_code", sa.String(12), nullable=True),
        sa.Column("superior_id", KEY, nullable=True),
        sa.Column("merged_into", KEY, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gk_agency"),
        _refers("gk_agency", "superior_id", "gk_agency.id"),
        _refers("gk_agency", "merged_into", "gk_agency.id"),
    )
    op.create_index("ix_gk_agency_region_code", "gk_agency", ["region_code"])
    op.create_index("ix_gk_agency_merged_into", "gk_agency", ["merged_into"])
    op.create_table(
        "gk_agency_key",
        sa.Column("key", sa.String(220), nullable=False),
        sa.Column("agency_id", KEY, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_gk_agency_key"),
        _refers("gk_agency_key", "agency_id", "gk_agency.id"),
    )
    op.create_index("ix_gk_agency_key_agency_id", "gk_agency_key", ["agency_id"])
    op.create_table(
        "gk_agency_alias",
        sa.Column("key", sa.String(220), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("source", sa.String(10), nullable=False),
        sa.Column("region_code", sa.String(12), nullable=True),
        sa.Column("document_id", KEY, nullable=True),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", "name", "source", name="pk_gk_agency_alias"),
        sa.CheckConstraint("source in ('list', 'report', 'person')", name=op.f("ck_gk_agency_alias_source")),
        _refers("gk_agency_alias", "key", "gk_agency_key.key"),
        _refers("gk_agency_alias", "document_id", "gk_document.id"),
    )
    op.create_table(
        "gk_agency_case",
        sa.Column("id", KEY, nullable=False),
        sa.Column("one_id", KEY, nullable=False),
        sa.Column("other_id", KEY, nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("decided_by", sa.String(100), nullable=True),
        sa.Column("decided_why", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_gk_agency_case"),
        sa.CheckConstraint("state in ('open', 'joined', 'apart')", name=op.f("ck_gk_agency_case_state")),
        sa.UniqueConstraint("one_id", "other_id", name="uq_gk_agency_case_one_id_other_id"),
        _refers("gk_agency_case", "one_id", "gk_agency.id"),
        _refers("gk_agency_case", "other_id", "gk_agency.id"),
    )
    op.create_index("ix_gk_agency_case_other_id", "gk_agency_case", ["other_id"])
    op.create_index("ix_gk_agency_case_open", "gk_agency_case", ["id"], postgresql_where=OPEN, sqlite_where=OPEN)
    op.create_table(
        "gk_agency_decision",
        sa.Column("id", KEY, nullable=False),
        sa.Column("action", sa.String(12), nullable=False),
        sa.Column("agency_id", KEY, nullable=False),
        sa.Column("other_id", KEY, nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.String(100), nullable=False),
        sa.Column("decided_at", MOMENT, nullable=False),
        sa.Column("ended_by", sa.String(100), nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("ended_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_gk_agency_decision"),
        _refers("gk_agency_decision", "agency_id", "gk_agency.id"),
        _refers("gk_agency_decision", "other_id", "gk_agency.id"),
    )
    op.create_index("ix_gk_agency_decision_agency_id", "gk_agency_decision", ["agency_id"])
    op.create_index("ix_gk_agency_decision_other_id", "gk_agency_decision", ["other_id"])
    op.create_table(
        "gk_agency_succession",
        sa.Column("predecessor_id", KEY, nullable=False),
        sa.Column("successor_id", KEY, nullable=False),
        sa.Column("year", sa.SmallInteger(), nullable=True),
        sa.PrimaryKeyConstraint("predecessor_id", "successor_id", name="pk_gk_agency_succession"),
        _refers("gk_agency_succession", "predecessor_id", "gk_agency.id"),
        _refers("gk_agency_succession", "successor_id", "gk_agency.id"),
    )
    op.create_index("ix_gk_agency_succession_successor_id", "gk_agency_succession", ["successor_id"])
    op.create_table(
        "gk_filing",
        sa.Column("id", KEY, nullable=False),
        sa.Column("agency_id", KEY, nullable=False),
        sa.Column("year", sa.SmallInteger(), nullable=False),
        sa.Column("editions", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("reason", NULLABLE, nullable=True),
        sa.Column("chosen_document_id", KEY, nullable=True),
        sa.Column("chosen_by", sa.String(100), nullable=True),
        sa.Column("chosen_at", MOMENT, nullable=True),
        sa.Column("chosen_why", sa.Text(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("arranged_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_gk_filing"),
        sa.UniqueConstraint("agency_id", "year", name="uq_gk_filing_agency_id_year"),
        _refers("gk_filing", "agency_id", "gk_agency.id"),
        _refers("gk_filing", "chosen_document_id", "gk_document.id"),
    )
    op.create_index("ix_gk_filing_year_id", "gk_filing", ["year", "id"])
    op.create_index("ix_gk_filing_chosen", "gk_filing", ["chosen_document_id"], postgresql_where=CHOSEN, sqlite_where=CHOSEN)
    op.create_table(
        "gk_filing_document",
        sa.Column("document_id", KEY, autoincrement=False, nullable=False),
        sa.Column("filing_id", KEY, nullable=False),
        sa.Column("edition", sa.SmallInteger(), nullable=False),
        sa.Column("rendition_of", sa.BigInteger(), nullable=True),
        sa.Column("rank", sa.SmallInteger(), nullable=False),
        sa.Column("dated", NULLABLE, nullable=True),
        sa.PrimaryKeyConstraint("document_id", name="pk_gk_filing_document"),
        _refers("gk_filing_document", "document_id", "gk_document.id"),
        _refers("gk_filing_document", "filing_id", "gk_filing.id"),
    )
    op.create_index("ix_gk_filing_document_filing_id_rank", "gk_filing_document", ["filing_id", "rank"])
    op.add_column("gk_source", sa.Column("dated_at", MOMENT, nullable=True))
    op.add_column("gk_value", sa.Column("witness", NULLABLE, nullable=True))


def downgrade() -> None:
    _forget_witnesses()
    op.execute("delete from gk_finding where \"between\" = 'filing'")
    op.drop_column("gk_value", "witness")
    op.drop_column("gk_source", "dated_at")
    for table in ("filing_document", "filing", "agency_succession", "agency_decision", "agency_case", "agency_alias"):
        op.drop_table(f"gk_{table}")
    op.drop_table("gk_agency_key")
    op.drop_table("gk_agency")


def _forget_witnesses() -> None:
    """Let each document say what it says alone: the version before would keep for ever what other renditions settled."""
    state, value = "witness ->> 'state'", "cast(witness ->> 'value' as double precision)"
    if op.get_bind().dialect.name == "sqlite":
        state, value = "json_extract(witness, '$.state')", "json_extract(witness, '$.value')"
    witnessed = "select 1 from gk_value v where v.report_id = gk_document.report_id and v.witness is not null"
    op.execute(
        "update gk_document set status = (select r.status from gk_report r where r.id = gk_document.report_id) "
        f"where status in ('accepted', 'needs_review') and exists ({witnessed})"
    )
    op.execute(f"update gk_value set state = {state}, value = {value} where witness is not null")
