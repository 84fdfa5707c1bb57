"""Cells as tests change them behind the program: found by a condition in SQL on the view ``gk_value``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, text

from codebook.filings import StoredCell
from database.values import cells_of_report, change_cells, write_cells
from database.values.packing import Layout, layout_id, layout_text, pack


def change_values(connection: Connection, where: str, fields: Mapping[str, Any], **bound: Any) -> int:
    """Set ``fields`` of the cells for which the condition holds; return how many there are."""
    found = _found(connection, where, bound)
    for report_id, indicators in found.items():
        change_cells(connection, report_id, dict.fromkeys(indicators, fields))
    return sum(map(len, found.values()))


def remove_values(connection: Connection, where: str, **bound: Any) -> int:
    """Remove the cells for which the condition holds; return how many there were."""
    found = _found(connection, where, bound)
    for report_id, indicators in found.items():
        left = [cell for cell in cells_of_report(connection, report_id) if cell.indicator not in indicators]
        connection.execute(text("delete from gk_report_values where report_id = :report"), {"report": report_id})
        write_cells(connection, report_id, left)
    return sum(map(len, found.values()))


def _found(connection: Connection, where: str, bound: Mapping[str, Any]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for report_id, indicator in connection.execute(text(f"select report_id, indicator from gk_value where {where}"), bound):
        found[report_id].append(indicator)
    return found


def packed_rows(rows: Iterable[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of gk_value_layout and gk_report_values for rows as gk_value shows them."""
    cells: dict[int, list[StoredCell]] = defaultdict(list)
    for row in rows:
        cells[row["report_id"]].append(StoredCell(**{name: value for name, value in row.items() if name != "report_id"}))
    layouts: dict[int, Layout] = {}
    values: list[dict[str, Any]] = []
    for report_id, those in cells.items():
        layout, packed = pack(those)
        number = layout_id(layout)
        layouts[number] = layout
        values.append({"report_id": report_id, "layout_id": number, **packed._asdict()})
    return [{"id": number, "indicators": layout_text(layout)} for number, layout in layouts.items()], values
