"""Which documents are of a region that a person typed: by the report in force, else by what the source says."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select, union_all

from codebook.records import Status
from codebook.regions import region_chains, region_codes
from database.access import in_region, region_prefix
from database.models import Document, ReportRow, Source

_UNREAD = [status.value for status in Status if status not in (Status.ACCEPTED, Status.NEEDS_REVIEW)]
_LEVELS = 3  # of a region that a source can name


def of_report(text: str) -> ColumnElement[bool]:
    """The condition that a report is of the region ``text``: a code or its beginning, names as pages print them, or, where no
    such region is known, parts of names with strokes between them. For queries of ReportRow.
    """
    codes = region_codes(text)
    if codes:
        return or_(*(_of_code(code) for code in codes))
    levels = (ReportRow.province, ReportRow.city, ReportRow.county)
    return and_(*(or_(*(level.contains(name, autoescape=True) for level in levels)) for name in _parts(text)))


def of_document(text: str) -> ColumnElement[bool]:
    """The same for documents, by their report in force; what could not be read is of the region that the manifest, the command
    line or its folder names. For queries of Document.

    Each way has an index of its own: of one condition with all of them a database reads every document.
    """
    shown = and_(Document.id == ReportRow.document_id, Document.report_id == ReportRow.id)
    read = select(ReportRow.document_id).join(Document, shown).where(of_report(text))
    named = exists(select(Source.id).where(Source.document_id == Document.id, _named(text)).correlate(Document))
    placeless = select(Document.id).join(ReportRow, shown).where(ReportRow.region_code.is_(None), named)
    unread = select(Document.id).where(Document.status.in_(_UNREAD), Document.report_id.is_(None), named)
    return Document.id.in_(union_all(read, placeless, unread))


def _of_code(code: str) -> ColumnElement[bool]:
    prefix = region_prefix(code)
    found = in_region(ReportRow.region_code, prefix)
    chain = region_chains().get(code.ljust(6, "0")[:6])
    if chain is None:
        return found
    levels = (ReportRow.province, ReportRow.city, ReportRow.county)
    return or_(found, and_(ReportRow.region_code.is_(None), or_(*(level == chain[-1] for level in levels))))


def _parts(text: str) -> list[str]:
    return [name.strip() for name in text.split("/") if name.strip()]


def _named(text: str) -> ColumnElement[bool]:
    """What a source says of the region: names from the province down, or from a lower level, each by itself or all in one."""
    said: list[Any] = [Source.hints["region"][level].as_string() for level in range(_LEVELS)]
    chains = [chain for code in region_codes(text) if (chain := region_chains().get(code.ljust(6, "0")[:6]))]
    if not chains:
        return and_(*(or_(*(level.contains(name, autoescape=True) for level in said)) for name in _parts(text)))
    ways: list[ColumnElement[bool]] = []
    for chain in chains:
        for first in range(len(chain)):
            names = chain[first:]
            ways.append(and_(*(level == name for level, name in zip(said, names, strict=False))))
            ways.append(said[0].startswith("".join(names), autoescape=True))
    return or_(*ways)
