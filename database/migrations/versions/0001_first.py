"""The first tables: ledger and results

Revision: 0001, the first.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from database.clock import UtcDateTime

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None

# SQLite gives out row numbers by itself only to a column of exactly the type INTEGER.
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = UtcDateTime()
DUE = sa.text("state in ('queued', 'waiting')")
RUNNING = sa.text("state = 'running'")


def upgrade() -> None:
    op.create_table(
        "gk_audit",
        sa.Column("id", KEY, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("who", sa.String(length=100), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gk_audit"),
    )
    op.create_table(
        "gk_batch",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gk_batch"),
        sa.UniqueConstraint("name", name="uq_gk_batch_name"),
    )
    op.create_table(
        "gk_worker",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("steady_since", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_gk_worker"),
    )
    op.create_table(
        "gk_document",
        sa.Column("id", KEY, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("batch_id", KEY, nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=True),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("report_id", KEY, nullable=True),
        sa.Column("registered_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["gk_batch.id"], name="fk_gk_document_batch_id"),
        sa.ForeignKeyConstraint(["report_id"], ["gk_report.id"], name="fk_gk_document_report_id", use_alter=True),
        sa.PrimaryKeyConstraint("id", name="pk_gk_document"),
        sa.UniqueConstraint("sha256", name="uq_gk_document_sha256"),
    )
    op.create_index("ix_gk_document_batch_id", "gk_document", ["batch_id"])
    op.create_index("ix_gk_document_status", "gk_document", ["status"])

    op.create_table(
        "gk_failure",
        sa.Column("id", KEY, nullable=False),
        sa.Column("document_id", KEY, nullable=False),
        sa.Column("stage", sa.String(length=10), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("versions", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("decided_by", sa.String(length=100), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("state in ('open', 'requeued', 'resolved', 'discarded')", name=op.f("ck_gk_failure_state")),
        sa.ForeignKeyConstraint(["document_id"], ["gk_document.id"], name="fk_gk_failure_document_id"),
        sa.PrimaryKeyConstraint("id", name="pk_gk_failure"),
    )
    op.create_index("ix_gk_failure_document_id", "gk_failure", ["document_id"])
    op.create_index("ix_gk_failure_state_code", "gk_failure", ["state", "code"])

    op.create_table(
        "gk_output",
        sa.Column("document_id", KEY, nullable=False),
        sa.Column("stage", sa.String(length=10), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("versions", sa.JSON(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["gk_document.id"], name="fk_gk_output_document_id"),
        sa.PrimaryKeyConstraint("document_id", "stage", "page", name="pk_gk_output"),
    )
    op.create_table(
        "gk_report",
        sa.Column("id", KEY, nullable=False),
        sa.Column("document_id", KEY, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("agency", sa.Text(), nullable=True),
        sa.Column("agency_key", sa.String(length=220), nullable=True),
        sa.Column("region", sa.JSON(), nullable=False),
        sa.Column("province", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("county", sa.Text(), nullable=True),
        sa.Column("region_code", sa.String(length=12), nullable=True),
        sa.Column("governs", sa.String(length=12), nullable=True),
        sa.Column("reports_to", sa.String(length=12), nullable=True),
        sa.Column("year", sa.SmallInteger(), nullable=True),
        sa.Column("form", sa.String(length=10), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("published_on", sa.String(length=10), nullable=True),
        sa.Column("script", sa.String(length=20), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("doubts", sa.JSON(), nullable=False),
        sa.Column("versions", sa.JSON(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["gk_document.id"], name="fk_gk_report_document_id"),
        sa.PrimaryKeyConstraint("id", name="pk_gk_report"),
        sa.UniqueConstraint("document_id", "version", name="uq_gk_report_document_id_version"),
    )
    op.create_index("ix_gk_report_agency", "gk_report", ["agency_key", "year", "document_id"])
    op.create_index("ix_gk_report_governs", "gk_report", ["governs", "year", "document_id"])
    op.create_index("ix_gk_report_region", "gk_report", ["region_code", "year"])
    op.create_index("ix_gk_report_reports_to", "gk_report", ["reports_to", "year"])

    op.create_table(
        "gk_source",
        sa.Column("id", KEY, nullable=False),
        sa.Column("document_id", KEY, nullable=False),
        sa.Column("batch_id", KEY, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("path_key", sa.String(length=64), nullable=False),
        sa.Column("duplicate", sa.Boolean(), nullable=False),
        sa.Column("hints", sa.JSON(), nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["gk_batch.id"], name="fk_gk_source_batch_id"),
        sa.ForeignKeyConstraint(["document_id"], ["gk_document.id"], name="fk_gk_source_document_id"),
        sa.PrimaryKeyConstraint("id", name="pk_gk_source"),
        sa.UniqueConstraint("document_id", "path_key", name="uq_gk_source_document_id_path_key"),
    )
    op.create_index("ix_gk_source_batch_id", "gk_source", ["batch_id"])
    op.create_index("ix_gk_source_document_id", "gk_source", ["document_id"])

    op.create_table(
        "gk_stage",
        sa.Column("id", KEY, nullable=False),
        sa.Column("document_id", KEY, nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(length=10), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("queue", sa.String(length=20), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=True),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("next_attempt_at", MOMENT, nullable=True),
        sa.Column("rung_at", MOMENT, nullable=True),
        sa.Column("crashes", sa.Integer(), nullable=False),
        sa.Column("losses", sa.Integer(), nullable=False),
        sa.Column("transients", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.CheckConstraint("stage in ('extract', 'ocr', 'parse', 'validate', 'load')", name=op.f("ck_gk_stage_stage")),
        sa.CheckConstraint(
            "state in ('queued', 'running', 'waiting', 'done', 'failed', 'rejected', 'discarded')", name=op.f("ck_gk_stage_state")
        ),
        sa.ForeignKeyConstraint(["document_id"], ["gk_document.id"], name="fk_gk_stage_document_id"),
        sa.PrimaryKeyConstraint("id", name="pk_gk_stage"),
        sa.UniqueConstraint("document_id", "run", "stage", "page", name="uq_gk_stage_document_id_run_stage_page"),
    )
    op.create_index("ix_gk_stage_due", "gk_stage", ["queue", "priority", "id"], postgresql_where=DUE, sqlite_where=DUE)
    op.create_index("ix_gk_stage_lease", "gk_stage", ["lease_until"], postgresql_where=RUNNING, sqlite_where=RUNNING)

    op.create_table(
        "gk_attempt",
        sa.Column("stage_id", KEY, nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(length=200), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("outcome", sa.String(length=10), nullable=True),
        sa.Column("code", sa.String(length=40), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["stage_id"], ["gk_stage.id"], name="fk_gk_attempt_stage_id"),
        sa.PrimaryKeyConstraint("stage_id", "fence", name="pk_gk_attempt"),
    )
    op.create_table(
        "gk_finding",
        sa.Column("id", KEY, nullable=False),
        sa.Column("report_id", KEY, nullable=False),
        sa.Column("other_report_id", KEY, nullable=True),
        sa.Column("between", sa.String(length=10), nullable=True),
        sa.Column("rule", sa.String(length=60), nullable=False),
        sa.Column("severity", sa.String(length=10), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("cells", sa.JSON(), nullable=False),
        sa.Column("expected", sa.Double(), nullable=True),
        sa.Column("actual", sa.Double(), nullable=True),
        sa.Column("sentence", sa.Text(), nullable=True),
        sa.Column("place", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["other_report_id"], ["gk_report.id"], name="fk_gk_finding_other_report_id"),
        sa.ForeignKeyConstraint(["report_id"], ["gk_report.id"], name="fk_gk_finding_report_id"),
        sa.PrimaryKeyConstraint("id", name="pk_gk_finding"),
    )
    op.create_index("ix_gk_finding_other_report_id", "gk_finding", ["other_report_id"])
    op.create_index("ix_gk_finding_report_id", "gk_finding", ["report_id"])
    op.create_index("ix_gk_finding_rule", "gk_finding", ["rule"])

    op.create_table(
        "gk_block",
        sa.Column("report_id", KEY, nullable=False),
        sa.Column("block", sa.String(length=20), nullable=False),
        sa.Column("form", sa.String(length=10), nullable=False),
        sa.Column("readable", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["report_id"], ["gk_report.id"], name="fk_gk_block_report_id"),
        sa.PrimaryKeyConstraint("report_id", "block", name="pk_gk_block"),
    )
    op.create_table(
        "gk_section",
        sa.Column("report_id", KEY, nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["report_id"], ["gk_report.id"], name="fk_gk_section_report_id"),
        sa.PrimaryKeyConstraint("report_id", "position", name="pk_gk_section"),
    )
    op.create_table(
        "gk_value",
        sa.Column("report_id", KEY, nullable=False),
        sa.Column("indicator", sa.String(length=80), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("origin", sa.String(length=10), nullable=False),
        sa.Column("read_by", sa.String(length=10), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("box", sa.JSON(), nullable=True),
        sa.Column("line", sa.Integer(), nullable=True),
        sa.Column("column", sa.Integer(), nullable=True),
        sa.Column("sentence", sa.Text(), nullable=True),
        sa.Column("doubt", sa.Text(), nullable=True),
        sa.Column("candidates", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["report_id"], ["gk_report.id"], name="fk_gk_value_report_id"),
        sa.PrimaryKeyConstraint("report_id", "indicator", name="pk_gk_value"),
    )

    # A document points to its report, which points back; SQLite took both at once.
    if op.get_bind().dialect.name == "postgresql":
        op.create_foreign_key("fk_gk_document_report_id", "gk_document", "gk_report", ["report_id"], ["id"])


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("fk_gk_document_report_id", "gk_document", type_="foreignkey")
    else:
        # Rows that point to each other would hold each other fast.
        op.execute("update gk_document set report_id = null")
    op.drop_table("gk_value")
    op.drop_table("gk_section")
    op.drop_table("gk_block")
    op.drop_index("ix_gk_finding_rule", "gk_finding")
    op.drop_index("ix_gk_finding_report_id", "gk_finding")
    op.drop_index("ix_gk_finding_other_report_id", "gk_finding")

    op.drop_table("gk_finding")
    op.drop_table("gk_attempt")
    op.drop_index("ix_gk_stage_lease", "gk_stage")
    op.drop_index("ix_gk_stage_due", "gk_stage")

    op.drop_table("gk_stage")
    op.drop_index("ix_gk_source_document_id", "gk_source")
    op.drop_index("ix_gk_source_batch_id", "gk_source")

    op.drop_table("gk_source")
    op.drop_index("ix_gk_report_reports_to", "gk_report")
    op.drop_index("ix_gk_report_region", "gk_report")
    op.drop_index("ix_gk_report_governs", "gk_report")
    op.drop_index("ix_gk_report_agency", "gk_report")

    op.drop_table("gk_report")
    op.drop_table("gk_output")
    op.drop_index("ix_gk_failure_state_code", "gk_failure")
    op.drop_index("ix_gk_failure_document_id", "gk_failure")

    op.drop_table("gk_failure")
    op.drop_index("ix_gk_document_status", "gk_document")
    op.drop_index("ix_gk_document_batch_id", "gk_document")

    op.drop_table("gk_document")
    op.drop_table("gk_worker")
    op.drop_table("gk_batch")
    op.drop_table("gk_audit")
