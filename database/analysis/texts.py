"""Chapters of reports for analysis, and what a user sees of the panel."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, select

from database.access import Access, region_prefix
from database.analysis.queries import UnitSelection
from database.filings.in_force import DOCUMENT
from database.models import SectionRow


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


def seen_documents(connection: Connection) -> tuple[int, ...]:
    """Return the documents with a report that a connection with bounds shows (see database.access).

    Not filings: a filing is seen when any of its documents is, and the panel has the cells of the one in force.
    """
    return tuple(connection.scalars(select(DOCUMENT.c.id).where(DOCUMENT.c.report_id.is_not(None))))


def bounded(selection: UnitSelection, access: Access, documents: tuple[int, ...]) -> UnitSelection:
    """Return a selection that shows no more than a user may see: the filings of which one of ``documents`` is in force, and of
    the lists what lies in the user's regions.
    """
    listed = tuple(region_prefix(code) for code in access.regions or ()) if access.batches is None else ()
    return msgspec.structs.replace(selection, documents=documents, listed=listed)
