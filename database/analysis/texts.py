"""Chapters of reports for analysis, and what a user sees of the panel."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, select

from database.access import Access, region_prefix
from database.analysis.queries import UnitSelection
from database.filings.in_force import DOCUMENT
from database.models import FilingRow, SectionRow


class ChapterText(msgspec.Struct, frozen=True):
    """A chapter of a report: its number in the form (None: none of it), title and text."""

    number: int | None
    title: str
    text: str


def chapters_of(connection: Connection, documents: Sequence[int]) -> dict[int, list[ChapterText]]:
    """Return the chapters of the reports that documents show, by document, in printing order."""
    query = (
        select(DOCUMENT.c.id, SectionRow.number, SectionRow.title, SectionRow.text)
        .join(SectionRow, SectionRow.report_id == DOCUMENT.c.report_id)
        .where(DOCUMENT.c.id.in_(list(documents)))
        .order_by(DOCUMENT.c.id, SectionRow.position)
    )
    found: dict[int, list[ChapterText]] = defaultdict(list)
    for document_id, *chapter in connection.execute(query):
        found[document_id].append(ChapterText(*chapter))
    return found


def seen_filings(connection: Connection) -> tuple[int, ...]:
    """Return the filings that a connection with bounds shows (see database.access)."""
    return tuple(connection.scalars(select(FilingRow.id)))


def bounded(selection: UnitSelection, access: Access, filings: tuple[int, ...]) -> UnitSelection:
    """Return a selection that shows no more than a user may see: ``filings``, and of the lists what lies in their regions."""
    listed = tuple(region_prefix(code) for code in access.regions or ()) if access.batches is None else ()
    return msgspec.structs.replace(selection, filings=filings, listed=listed)
