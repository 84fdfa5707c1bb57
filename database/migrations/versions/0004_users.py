"""People who use the operators' pages: users, sessions, attempts to log in; indices that the pages need

Revision: 0004, after 0003. Only new tables and indices: programs of the version before go on beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from database.clock import UtcDateTime

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | None = None
depends_on: str | None = None

MOMENT = UtcDateTime()
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "gk_user",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("password", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=12), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.Column("entered_at", MOMENT, nullable=True),
        sa.Column("disabled_at", MOMENT, nullable=True),
        sa.CheckConstraint("role in ('view', 'operate', 'administer')", name=op.f("ck_gk_user_role")),
        sa.PrimaryKeyConstraint("id", name="pk_gk_user"),
        sa.UniqueConstraint("name", name="uq_gk_user_name"),
    )
    op.create_table(
        "gk_session",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("user_id", KEY, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("address", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["gk_user.id"], name="fk_gk_session_user_id"),
        sa.PrimaryKeyConstraint("digest", name="pk_gk_session"),
    )
    op.create_index("ix_gk_session_user_id", "gk_session", ["user_id"])
    op.create_table(
        "gk_knock",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("address", sa.String(length=100), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gk_knock"),
    )
    op.create_index("ix_gk_knock_at", "gk_knock", ["at"])
    # Counting a batch by status, listing the documents of a status or a batch from the newest on, and the rate of the last
    # minute, each from an index alone. They take the place of shorter ones.
    op.drop_index("ix_gk_document_batch_id", "gk_document")
    op.drop_index("ix_gk_document_status", "gk_document")
    op.drop_index("ix_gk_source_batch_id", "gk_source")
    op.create_index("ix_gk_document_batch_id_status", "gk_document", ["batch_id", "status"])
    op.create_index("ix_gk_document_status_id", "gk_document", ["status", "id"])
    op.create_index("ix_gk_document_finished_at", "gk_document", ["finished_at"])
    op.create_index("ix_gk_source_batch_id_document_id", "gk_source", ["batch_id", "document_id"])
    op.create_index(
        "ix_gk_source_again",
        "gk_source",
        ["batch_id", "document_id"],
        postgresql_where=sa.text("duplicate"),
        sqlite_where=sa.text("duplicate = 1"),
    )


def downgrade() -> None:
    op.drop_index("ix_gk_source_again", "gk_source")
    op.drop_index("ix_gk_source_batch_id_document_id", "gk_source")
    op.drop_index("ix_gk_document_finished_at", "gk_document")
    op.drop_index("ix_gk_document_status_id", "gk_document")
    op.drop_index("ix_gk_document_batch_id_status", "gk_document")
    op.create_index("ix_gk_source_batch_id", "gk_source", ["batch_id"])
    op.create_index("ix_gk_document_status", "gk_document", ["status"])
    op.create_index("ix_gk_document_batch_id", "gk_document", ["batch_id"])
    op.drop_table("gk_knock")
    op.drop_table("gk_session")
    op.drop_table("gk_user")
