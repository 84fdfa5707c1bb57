"""What all tables share: the base class with its names of constraints, keys, and JSON columns that can be null."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, CheckConstraint, Integer, MetaData
from sqlalchemy.orm import DeclarativeBase

from database.clock import UtcDateTime

PREFIX = "gk_"

# SQLite numbers rows by itself only in a column of exactly this type.
Key = BigInteger().with_variant(Integer, "sqlite")

# JSON in which None is the database's NULL, not the JSON word null.
Nullable = JSON(none_as_null=True)


class Base(DeclarativeBase):
    """Base of all tables, with constraint names that migrations can rely on."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {datetime: UtcDateTime(), dict[str, Any]: JSON, list[str]: JSON, list[float]: JSON}


class View(DeclarativeBase):
    """Base of the views that programs read as tables. Migrations make them; they are no part of the metadata of the tables."""

    metadata = MetaData()
    type_annotation_map: ClassVar = Base.type_annotation_map


def one_of(column: str, kind: type[StrEnum]) -> CheckConstraint:
    """Return the constraint that ``column`` holds a member of ``kind``."""
    return CheckConstraint(f"{column} in ({', '.join(repr(str(v)) for v in kind)})", name=column)
