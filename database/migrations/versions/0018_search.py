"""The search in the text of documents, filters that people keep, and which queues a worker serves

Revision: 0018, after 0017. New tables, and a column that may be null: programs of the version before go on beside it. Documents
that were loaded before are found by their text when they are loaded again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

from database.clock import UtcDateTime

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: str | None = None
depends_on: str | None = None

# What FTS5 holds follows the rows of gk_search.
_SQLITE = (
    "create virtual table gk_search_index using fts5"
    "(grams, content='gk_search', content_rowid='document_id', detail=none, columnsize=0)",
    "create trigger gk_search_insert after insert on gk_search begin"
    " insert into gk_search_index(rowid, grams) values (new.document_id, new.grams); end",
    "create trigger gk_search_delete after delete on gk_search begin"
    " insert into gk_search_index(gk_search_index, rowid, grams) values ('delete', old.document_id, old.grams); end",
    "create trigger gk_search_update after update on gk_search begin"
    " insert into gk_search_index(gk_search_index, rowid, grams) values ('delete', old.document_id, old.grams);"
    " insert into gk_search_index(rowid, grams) values (new.document_id, new.grams); end",
)


def upgrade() -> None:
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "gk_search",
        sa.Column("document_id", key, nullable=False, autoincrement=False),
        sa.Column("grams", TSVECTOR().with_variant(sa.Text(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["gk_document.id"], name="fk_gk_search_document_id_gk_document"),
        sa.PrimaryKeyConstraint("document_id", name="pk_gk_search"),
    )
    op.create_table(
        "gk_saved_filter",
        sa.Column("id", key, nullable=False),
        sa.Column("who", sa.String(100), nullable=False),
        sa.Column("page", sa.String(20), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gk_saved_filter"),
        sa.UniqueConstraint("who", "page", "name", name="uq_gk_saved_filter_who_page_name"),
    )
    op.create_index("ix_gk_search_grams", "gk_search", ["grams"], postgresql_using="gin", sqlite_where=sa.text("0"))
    op.add_column("gk_worker", sa.Column("queues", sa.String(100), nullable=True))
    if op.get_bind().dialect.name == "sqlite":
        for statement in _SQLITE:
            op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name in ("insert", "delete", "update"):
            op.execute(f"drop trigger gk_search_{name}")
        op.execute("drop table gk_search_index")
    op.drop_column("gk_worker", "queues")
    op.drop_table("gk_saved_filter")
    op.drop_table("gk_search")
