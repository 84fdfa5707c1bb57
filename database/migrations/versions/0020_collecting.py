"""Addresses that are collected from portals

Revision: 0020, after 0019. Three new tables: programs of the version before go on beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from database.clock import UtcDateTime

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: str | None = None
depends_on: str | None = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "gk_collect_host",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("name", sa.String(270), nullable=False),
        sa.Column("owner", sa.String(200), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("next_at", UtcDateTime(), nullable=True),
        sa.Column("pauses", sa.Integer(), nullable=False),
        sa.Column("robots", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("robots_at", UtcDateTime(), nullable=True),
        sa.Column("stopped_code", sa.String(40), nullable=True),
        sa.Column("stopped_why", sa.Text(), nullable=True),
        sa.Column("stopped_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_gk_collect_host"),
        sa.UniqueConstraint("name", name="uq_gk_collect_host_name"),
    )
    op.create_table(
        "gk_collect_address",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("url_key", sa.String(64), nullable=False),
        sa.Column("host_id", _KEY, nullable=False),
        sa.Column("batch_id", _KEY, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("hints", sa.JSON(), nullable=False),
        sa.Column("found_on", _KEY, nullable=True),
        sa.Column("root_id", sa.BigInteger(), nullable=True),
        sa.Column("moved_to", sa.BigInteger(), nullable=True),
        sa.Column("hops", sa.SmallInteger(), nullable=False),
        sa.Column("moves", sa.SmallInteger(), nullable=False),
        sa.Column("page_number", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("visit", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("crashes", sa.Integer(), nullable=False),
        sa.Column("transients", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=True),
        sa.Column("code", sa.String(40), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("etag", sa.String(300), nullable=True),
        sa.Column("modified", sa.String(100), nullable=True),
        sa.Column("sha256", sa.String(64), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(10), nullable=True),
        sa.Column("document_id", _KEY, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("fetched_at", UtcDateTime(), nullable=True),
        sa.Column("seen_at", UtcDateTime(), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("state in ('queued', 'running', 'waiting', 'done', 'failed')", name="state"),
        sa.ForeignKeyConstraint(["batch_id"], ["gk_batch.id"], name="fk_gk_collect_address_batch_id_gk_batch"),
        sa.ForeignKeyConstraint(["document_id"], ["gk_document.id"], name="fk_gk_collect_address_document_id_gk_document"),
        sa.ForeignKeyConstraint(
            ["found_on"], ["gk_collect_address.id"], name="fk_gk_collect_address_found_on_gk_collect_address"
        ),
        sa.ForeignKeyConstraint(["host_id"], ["gk_collect_host.id"], name="fk_gk_collect_address_host_id_gk_collect_host"),
        sa.PrimaryKeyConstraint("id", name="pk_gk_collect_address"),
        sa.UniqueConstraint("url_key", name="uq_gk_collect_address_url_key"),
    )
    op.create_index("ix_gk_collect_address_batch", "gk_collect_address", ["batch_id", "state"])
    op.create_index("ix_gk_collect_address_batch_id", "gk_collect_address", ["batch_id"])
    op.create_index("ix_gk_collect_address_document_id", "gk_collect_address", ["document_id"])
    op.create_index("ix_gk_collect_address_found_on", "gk_collect_address", ["found_on"])
    op.create_index("ix_gk_collect_address_root_id", "gk_collect_address", ["root_id"])
    op.create_index("ix_gk_collect_address_turn", "gk_collect_address", ["host_id", "state", "id"])
    op.create_table(
        "gk_collect_visit",
        sa.Column("address_id", _KEY, nullable=False),
        sa.Column("visit", sa.Integer(), nullable=False),
        sa.Column("fetched_at", UtcDateTime(), nullable=False),
        sa.Column("outcome", sa.String(10), nullable=False),
        sa.Column("code", sa.String(40), nullable=True),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("sha256", sa.String(64), nullable=True),
        sa.Column("warc", sa.String(100), nullable=True),
        sa.CheckConstraint("outcome in ('new', 'changed', 'unchanged', 'listed', 'moved', 'failed')", name="outcome"),
        sa.ForeignKeyConstraint(
            ["address_id"], ["gk_collect_address.id"], name="fk_gk_collect_visit_address_id_gk_collect_address"
        ),
        sa.PrimaryKeyConstraint("address_id", "visit", name="pk_gk_collect_visit"),
    )


def downgrade() -> None:
    op.drop_table("gk_collect_visit")
    op.drop_table("gk_collect_address")
    op.drop_table("gk_collect_host")
