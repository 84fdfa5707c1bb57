"""A row of gk_report for tests that need one and do not care what is in it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, Connection, Table, insert

from database.clock import UtcDateTime
from database.models import ReportRow


def something(kind: Any) -> Any:
    """A value that a column of this type takes."""
    if isinstance(kind, UtcDateTime):
        return datetime.now(UTC)
    return {} if isinstance(kind, JSON) else kind.python_type()


def insert_report(connection: Connection, document_id: int, version: int) -> int:
    """A row of gk_report with something in every column that must have something; gives its number."""
    table = ReportRow.__table__
    assert isinstance(table, Table)
    row: dict[str, Any] = {}
    for column in table.columns:
        if not column.nullable and column.default is None and column.name != "id":
            row[column.name] = something(column.type)
    row |= {"document_id": document_id, "version": version, "status": "accepted"}
    return int(connection.execute(insert(table).values(row).returning(table.c.id)).scalar_one())
