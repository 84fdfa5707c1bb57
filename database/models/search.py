"""By what documents are searched, and the filters of lists that people keep."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Base, Key


class SearchRow(Base):
    """The pieces (codebook.text.grams) of a document's title, agency, region, path and chapters, as they were loaded last.

    PostgreSQL keeps a ``tsvector`` with a GIN index. SQLite keeps the pieces with spaces between them; triggers carry them into
    ``gk_search_index``, a table of FTS5; the index by its own pieces is empty there.
    """

    __tablename__ = "gk_search"
    document_id: Mapped[int] = mapped_column(ForeignKey("gk_document.id"), primary_key=True, autoincrement=False)
    grams: Mapped[Any] = mapped_column(TSVECTOR().with_variant(Text(), "sqlite"))
    __table_args__ = (Index("ix_gk_search_grams", "grams", postgresql_using="gin", sqlite_where=text("0")),)


class SavedFilter(Base):
    """A filter of a list (``page``) that a person keeps under a name. ``query`` are the parameters of its address."""

    __tablename__ = "gk_saved_filter"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    who: Mapped[str] = mapped_column(String(100))
    page: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(60))
    query: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime]
    __table_args__ = (UniqueConstraint("who", "page", "name"),)
