"""Cases of findings as tables and lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.table import Table

from console.cli.terminal.output import plain, table
from console.cli.terminal.tables import number, when
from database.findings.listing import CaseLine, MoveItem


def cases_of_findings(lines: Iterable[CaseLine]) -> Table:
    """Return cases one by one: state, rule, whose report on which year, and what was found."""
    made = table("finding", "state", "severity", "rule", "year", "agency", "message", right=("finding", "year"))
    for line in lines:
        agency = plain(line.agency or line.path or "")
        made.add_row(str(line.id), line.shown_state, line.severity, line.rule, str(line.year or ""), agency, plain(line.message))
    return made


def case_parts(line: CaseLine, history: Sequence[MoveItem]) -> list[Any]:
    """Return one case with its history."""
    facts = table("", "")
    for name, value in (
        ("finding", str(line.id)),
        ("state", line.shown_state + (f" by {line.settled_by}" if line.settled_by else "")),
        ("rule", f"{line.rule} ({line.severity})"),
        ("report", plain(f"{line.agency or line.path or ''} {line.year or ''}")),
        ("document", str(line.document_id)),
        ("message", plain(line.message)),
        ("sentence", plain(line.sentence or "")),
        ("cells", plain(", ".join(line.cells))),
        ("expected", number(line.expected)),
        ("actual", number(line.actual)),
    ):
        facts.add_row(name, value)
    moved = table("at", "who", "from", "to", "reason")
    moved.add_row(when(line.opened_at), "gongkai", "", "new", "")
    for move in history:
        seen = " ".join(f"{key} {move.detail[key]}" for key in ("by", "edition", "document", "undone") if move.detail.get(key))
        moved.add_row(when(move.at), plain(move.who or "gongkai"), move.from_state, move.to_state, plain(move.reason or seen))
    return [facts, moved]
