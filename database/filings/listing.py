"""What people list of filings, and one filing with its history. Nothing here writes; answers are frozen records.

Lists are read by the last filing of the page before (never by an offset); the numbers of a page are found first, and what is
shown of them is read for these alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Connection, Select, func, literal, select, tuple_, union

from codebook.book import load_book
from codebook.filings import Dated, EditionEvidence
from codebook.records import Number, Record
from database.access import region_prefix
from database.filings.in_force import DOCUMENT, FILING, MEMBER, SHOWN, is_shown, speaks
from database.models import AgencyAlias, AgencyKeyRow, AgencyRow, Between, FindingRow, ReportRow, Source
from database.sql import chunks, values_down
from database.values import numbers_of

MOST = 10_000  # filings of a filter that are counted; beyond that it is "more"
_AGENCY = AgencyRow.__table__


class FilingFilter(Record, frozen=True):
    """Which filings are listed: those that meet all conditions that are given.

    ``region`` is the code of a region or its beginning, ``agency`` a part of any name of the agency. ``editions``: only those
    with more than one edition; ``chosen``: only those whose edition a person put in force. ``sort`` is one of SORTS, down with a
    minus before it.
    """

    year: int | None = None
    region: str | None = None
    agency: str | None = None
    agency_id: int | None = None
    editions: bool = False
    chosen: bool = False
    sort: str | None = None


class FilingLine(Record, frozen=True):
    """A filing in a list. ``document_id`` is the document in force with its ``status``, None when no document shows a report.

    ``reason`` says why its edition is in force, ``published_on`` is the ISO date that the report prints.
    """

    id: int
    agency_id: int
    agency: str
    region_code: str | None
    year: int
    editions: int
    documents: int
    reason: Dated | None
    chosen_by: str | None
    document_id: int | None = None
    status: str | None = None
    published_on: str | None = None


class EditionChange(Record, frozen=True):
    """A finding of the rules of filings: what an edition changed, or where two renditions differ.

    ``document_id`` is the document that the finding stands on, ``other_id`` the one it was compared with.
    """

    rule: str
    message: str
    cells: tuple[str, ...]
    document_id: int
    other_id: int | None


class FiledDocument(Record, frozen=True):
    """A document of a filing. ``rendition_of`` is the document that leads its edition, None for the leader.

    ``shown``: it shows a report; of those the one of least ``rank`` is in force. ``agency`` is the name that it prints,
    ``first_seen`` when it came in first.
    """

    document_id: int
    sha256: str
    path: str | None
    media_type: str
    pages: int | None
    status: str
    shown: bool
    in_force: bool
    edition: int
    rendition_of: int | None
    rank: int
    agency: str | None
    title: str | None
    published_on: str | None
    first_seen: datetime


class EditionItem(Record, frozen=True):
    """An edition of a filing with its documents, the leader first, and the findings on it: what it changed of the edition
    before, and where its renditions differ.
    """

    number: int
    dated: Dated | None
    in_force: bool
    documents: tuple[FiledDocument, ...]
    changes: tuple[EditionChange, ...] = ()

    @property
    def leader(self) -> FiledDocument:
        """The document that speaks for the edition: its first that shows a report, else the first."""
        return next((document for document in self.documents if document.shown), self.documents[0])


class StatedValue(Record, frozen=True):
    """What a document states in a cell; ``value`` is None for a blank one. ``leads``: it speaks for its edition."""

    document_id: int
    edition: int
    leads: bool
    value: Number | None
    state: str


class CellHistory(Record, frozen=True):
    """A cell in which documents of a filing differ, with what each states, in the order of the editions. Documents that do not
    state the cell are left out.
    """

    indicator: str
    stated: tuple[StatedValue, ...]

    def of_edition(self, number: int) -> StatedValue | None:
        """What the document that speaks for an edition states; None when it does not state the cell."""
        return next((each for each in self.stated if each.edition == number and each.leads), None)


class FilingItem(Record, frozen=True):
    """One filing with its history. ``unsorted`` are documents that show no report and are in no edition."""

    line: FilingLine
    chosen_document_id: int | None
    chosen_at: datetime | None
    chosen_why: str | None
    editions: tuple[EditionItem, ...]
    unsorted: tuple[FiledDocument, ...]
    cells: tuple[CellHistory, ...]


class DocumentFiling(Record, frozen=True):
    """The filing of a document: of whom, on which year, which of how many editions the document is, and what is in force."""

    filing_id: int
    agency_id: int
    agency: str
    year: int
    edition: int
    editions: int
    rendition_of: int | None
    in_force: bool
    document_in_force: int | None
    reason: Dated | None


# ---- lists ------------------------------------------------------------------------------------------------------------------


def filing_lines(connection: Connection, wanted: FilingFilter, before: int | None = None, limit: int = 50) -> list[FilingLine]:
    """Return the filings that are wanted, the newest year first or as they are sorted, behind ``before`` if given."""
    if wanted.sort is not None:
        return lines_of(connection, _sorted_ids(connection, wanted, wanted.sort, before, limit))
    query = _wanted(wanted).order_by(FILING.c.year.desc(), FILING.c.id.desc()).limit(limit)
    if before is not None:
        year = select(FILING.c.year).where(FILING.c.id == before).scalar_subquery()
        query = query.where(tuple_(FILING.c.year, FILING.c.id) < tuple_(year, before))
    return lines_of(connection, list(connection.scalars(query)))


SORTS = {"year": (FILING.c.year,), "agency": (_AGENCY.c.name,), "region": (func.coalesce(_AGENCY.c.region_code, ""),)}
"""By what filings are sorted, before their number."""


def _sorted_ids(connection: Connection, wanted: FilingFilter, sort: str, before: int | None, limit: int) -> list[int]:
    keys, down = (*SORTS[sort.removeprefix("-")], FILING.c.id), sort.startswith("-")
    query = _wanted(wanted)
    if wanted.region is None:
        query = query.join(_AGENCY, _AGENCY.c.id == FILING.c.agency_id)
    if before is not None:
        at = select(*keys).join(_AGENCY, _AGENCY.c.id == FILING.c.agency_id).where(FILING.c.id == before)
        last = connection.execute(at).first()
        if last is not None:
            place = tuple_(*(literal(value) for value in last))
            query = query.where(tuple_(*keys) < place if down else tuple_(*keys) > place)
    return list(connection.scalars(query.order_by(*(key.desc() if down else key for key in keys)).limit(limit)))


def count_filings(connection: Connection, wanted: FilingFilter, most: int = MOST) -> int:
    """Return how many filings are wanted; one more than ``most`` when they are more."""
    return connection.scalar(select(func.count()).select_from(_wanted(wanted).limit(most + 1).subquery())) or 0


def filing_years(connection: Connection) -> list[int]:
    """Return the years that filings are on, the newest first."""
    return values_down(connection, FILING.c.year)


def in_region(column: ColumnElement[Any], code: str) -> ColumnElement[bool]:
    """The condition that a code of a region is ``code``, begins with it, or lies within it."""
    return column.startswith(region_prefix(code), autoescape=True)


def named_like(text: str) -> CompoundSelect[int]:
    """The numbers of the agencies that have a name, canonical or other, that holds ``text``."""
    own = select(AgencyRow.id).where(AgencyRow.name.contains(text, autoescape=True))
    met = select(AgencyKeyRow.agency_id).join(AgencyAlias, AgencyAlias.key == AgencyKeyRow.key)
    return union(own, met.where(AgencyAlias.name.contains(text, autoescape=True)))


def _wanted(wanted: FilingFilter) -> Select[Any]:
    query = select(FILING.c.id)
    if wanted.year is not None:
        query = query.where(FILING.c.year == wanted.year)
    if wanted.agency_id is not None:
        query = query.where(FILING.c.agency_id == wanted.agency_id)
    if wanted.editions:
        query = query.where(FILING.c.editions > 1)
    if wanted.chosen:
        query = query.where(FILING.c.chosen_document_id.is_not(None))
    if wanted.region is not None:
        query = query.join(_AGENCY, _AGENCY.c.id == FILING.c.agency_id).where(in_region(_AGENCY.c.region_code, wanted.region))
    if wanted.agency is not None:
        query = query.where(FILING.c.agency_id.in_(named_like(wanted.agency)))
    return query


def lines_of(connection: Connection, ids: Sequence[int]) -> list[FilingLine]:
    """Return these filings, in this order; those that there are not are left out."""
    found: dict[int, FilingLine] = {}
    for part in chunks(ids):
        documents = select(func.count()).where(MEMBER.c.filing_id == FILING.c.id).correlate(FILING).scalar_subquery()
        query = select(
            FILING.c.id,
            FILING.c.agency_id,
            _AGENCY.c.name.label("agency"),
            _AGENCY.c.region_code,
            FILING.c.year,
            FILING.c.editions,
            documents.label("documents"),
            FILING.c.reason,
            FILING.c.chosen_by,
        ).join(_AGENCY, _AGENCY.c.id == FILING.c.agency_id)
        speaking = _speaking(connection, part)
        for row in connection.execute(query.where(FILING.c.id.in_(part))):
            fields = {**row._mapping, "reason": _dated(row.reason)}
            found[row.id] = FilingLine(**fields, **speaking.get(row.id, {}))
    return [found[number] for number in ids if number in found]


def _speaking(connection: Connection, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The documents in force of these filings."""
    query = (
        select(MEMBER.c.filing_id, MEMBER.c.document_id, DOCUMENT.c.status, ReportRow.published_on)
        .join(DOCUMENT, DOCUMENT.c.id == MEMBER.c.document_id)
        .join(ReportRow, ReportRow.id == DOCUMENT.c.report_id)
        .where(MEMBER.c.filing_id.in_(ids), is_shown(DOCUMENT), speaks())
    )
    fields = ("document_id", "status", "published_on")
    return {row.filing_id: {name: row._mapping[name] for name in fields} for row in connection.execute(query)}


def _dated(stored: Mapping[str, Any] | None) -> Dated | None:
    return None if stored is None else Dated(EditionEvidence(stored["by"]), stored["value"])


# ---- one filing -------------------------------------------------------------------------------------------------------------


def filing_item(connection: Connection, filing_id: int) -> FilingItem | None:
    """Return a filing with its history, None when there is none of this number."""
    lines = lines_of(connection, [filing_id])
    if not lines:
        return None
    choice = (FILING.c.chosen_document_id, FILING.c.chosen_at, FILING.c.chosen_why)
    chosen = connection.execute(select(*choice).where(FILING.c.id == filing_id)).one()
    documents, dates = _documents(connection, filing_id)
    changes = _changes(connection, {each.document_id: each.edition for each in documents})
    sorted_by: dict[int, list[FiledDocument]] = defaultdict(list)
    for document in documents:
        sorted_by[document.edition].append(document)
    editions = tuple(
        EditionItem(
            number,
            dates.get(number),
            any(each.in_force for each in those),
            tuple(those),
            tuple(changes.get(number, ())),
        )
        for number, those in sorted(sorted_by.items())
        if number
    )
    return FilingItem(
        lines[0],
        chosen.chosen_document_id,
        chosen.chosen_at,
        chosen.chosen_why,
        editions,
        tuple(sorted_by.get(0, ())),
        _cells(connection, editions),
    )


def _documents(connection: Connection, filing_id: int) -> tuple[list[FiledDocument], dict[int, Dated | None]]:
    """The documents of a filing by rank, and the dates of its editions."""
    path = select(Source.path).where(Source.document_id == DOCUMENT.c.id).order_by(Source.duplicate, Source.id).limit(1)
    seen = select(func.min(Source.seen_at)).where(Source.document_id == DOCUMENT.c.id)
    query = (
        select(
            DOCUMENT.c.id.label("document_id"),
            DOCUMENT.c.sha256,
            path.correlate(DOCUMENT).scalar_subquery().label("path"),
            DOCUMENT.c.media_type,
            DOCUMENT.c.pages,
            DOCUMENT.c.status,
            DOCUMENT.c.report_id,
            MEMBER.c.edition,
            MEMBER.c.rendition_of,
            MEMBER.c.rank,
            MEMBER.c.dated,
            ReportRow.agency,
            ReportRow.title,
            ReportRow.published_on,
            func.coalesce(seen.correlate(DOCUMENT).scalar_subquery(), DOCUMENT.c.registered_at).label("first_seen"),
        )
        .join(MEMBER, MEMBER.c.document_id == DOCUMENT.c.id)
        .outerjoin(ReportRow, ReportRow.id == DOCUMENT.c.report_id)
        .where(MEMBER.c.filing_id == filing_id)
        .order_by(MEMBER.c.rank, DOCUMENT.c.id)
    )
    documents: list[FiledDocument] = []
    dates: dict[int, Dated | None] = {}
    for row in connection.execute(query):
        shown = row.report_id is not None and row.status in SHOWN
        fields = {name: value for name, value in row._mapping.items() if name not in ("report_id", "dated")}
        first = shown and not any(each.shown for each in documents)
        documents.append(FiledDocument(**fields, shown=shown, in_force=first))
        dates.setdefault(row.edition, _dated(row.dated))
    return documents, dates


def _changes(connection: Connection, editions: Mapping[int, int]) -> dict[int, list[EditionChange]]:
    """The findings within a filing, by the edition that they are about. ``editions`` are those of its documents.

    They stand on the document in force. What an edition changed is compared with the leader of the one before it
    (:func:`tasks.loading.relate.relate_filing`); renditions that differ are of the edition in force.
    """
    one, other = ReportRow.__table__.alias("one"), ReportRow.__table__.alias("other")
    query = (
        select(
            FindingRow.rule,
            FindingRow.message,
            FindingRow.cells,
            one.c.document_id,
            other.c.document_id.label("other_id"),
        )
        .join(one, one.c.id == FindingRow.report_id)
        .outerjoin(other, other.c.id == FindingRow.other_report_id)
        .where(FindingRow.between == Between.FILING.value, one.c.document_id.in_(list(editions)))
        .order_by(FindingRow.id)
    )
    found: dict[int, list[EditionChange]] = defaultdict(list)
    for row in connection.execute(query):
        change = EditionChange(**{**row._mapping, "cells": tuple(row.cells)})
        of_this = row.rule != "filing.changed" or row.other_id not in editions
        found[editions[row.document_id] if of_this else editions[row.other_id] + 1].append(change)
    return found


def _cells(connection: Connection, editions: Iterable[EditionItem]) -> tuple[CellHistory, ...]:
    """The cells in which the documents of editions differ, in the order of the book."""
    documents = [(document, document is edition.leader) for edition in editions for document in edition.documents]
    shown = {document.document_id: (document.edition, leads) for document, leads in documents if document.shown}
    if len(shown) < 2:
        return ()
    query = select(DOCUMENT.c.report_id, DOCUMENT.c.id).where(DOCUMENT.c.id.in_(list(shown)))
    documents_of = {row.report_id: row.id for row in connection.execute(query)}
    stated: dict[str, dict[int, StatedValue]] = defaultdict(dict)
    for each in numbers_of(connection, documents_of):
        number = documents_of[each.report_id]
        for indicator, value, state in each.cells():
            stated[indicator][number] = StatedValue(number, *shown[number], value, state)
    differ = [indicator for indicator, by in stated.items() if len({each.value for each in by.values()}) > 1]
    return tuple(
        CellHistory(indicator, tuple(stated[indicator][number] for number in shown if number in stated[indicator]))
        for indicator in load_book().in_order(differ)
    )


def filing_of_document(connection: Connection, document_id: int) -> DocumentFiling | None:
    """Return the filing of a document, None when it is in none."""
    query = select(MEMBER.c.filing_id, MEMBER.c.edition, MEMBER.c.rendition_of).where(MEMBER.c.document_id == document_id)
    row = connection.execute(query).one_or_none()
    lines = lines_of(connection, [row.filing_id]) if row is not None else []
    if row is None or not lines:
        return None
    line = lines[0]
    return DocumentFiling(
        line.id,
        line.agency_id,
        line.agency,
        line.year,
        row.edition,
        line.editions,
        row.rendition_of,
        line.document_id == document_id,
        line.document_id,
        line.reason,
    )


def replaced(connection: Connection, documents: Collection[int]) -> frozenset[int]:
    """Return those of these documents whose edition is not in force, since another edition of their filing is."""
    mine = MEMBER.alias("mine")
    query = (
        select(mine.c.document_id)
        .join(MEMBER, MEMBER.c.filing_id == mine.c.filing_id)
        .join(DOCUMENT, DOCUMENT.c.id == MEMBER.c.document_id)
        .where(mine.c.document_id.in_(documents), mine.c.edition != 0, MEMBER.c.edition != mine.c.edition)
        .where(is_shown(DOCUMENT), speaks())
    )
    return frozenset(connection.scalars(query))
