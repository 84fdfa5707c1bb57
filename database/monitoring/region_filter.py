"""Which documents are of a region that a person typed: by the report in force, else by what the source says."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select

from codebook.regions import region_chains, region_codes
from database.access import in_region, region_prefix
from database.models import Document, ReportRow, Source

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
    """The same for documents, of which ReportRow is the report in force, or null: what could not be read is of the region that
    the manifest, the command line or its folder names.
    """
    # With a limit PostgreSQL asks for the sources of single documents, and does not look through all of them first.
    named = select(Source.id).where(Source.document_id == Document.id, _named(text)).correlate(Document).limit(1)
    return or_(of_report(text), and_(ReportRow.region_code.is_(None), named.scalar_subquery().is_not(None)))


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
