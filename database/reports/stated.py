"""Values of the filings in force with their evidence, a page at a time: of one indicator over many filings, or of one filing.

The filings of a page are found first, by the indexes of gk_filing and gk_agency, then their values.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from codebook.filings import StoredCell
from codebook.records import UNSETTLED_STATES, Number, Record, State
from codebook.text.numbers import whole
from database.access import in_region as within
from database.access import region_prefix
from database.filings.in_force import DOCUMENT, FILING, MEMBER, is_shown, speaks
from database.models import AgencyRow, ReportRow
from database.values import cells_by_indicator, cells_of_report

_AGENCY = AgencyRow.__table__
_REPORT = ReportRow.__table__
_NO_NUMBER = {state.value for state in UNSETTLED_STATES} | {State.MISSING.value}


class ValueWithEvidence(Record, frozen=True):
    """What a filing in force states in a cell, and where.

    ``value`` is the number where it is sure, else null: never 0 in its place. ``state`` says why: read, proven and corrected
    have a number; doubtful, missing and not_seen have none; null where the report has no such cell. ``box`` is x0, top, x1,
    bottom in points, ``raw`` the text as it was read.
    """

    filing_id: int
    agency_id: int
    agency: str
    kind: str | None
    region_code: str | None
    year: int
    form: str
    indicator: str
    value: Number | None
    state: State | None
    raw: str | None
    page: int | None
    box: tuple[float, float, float, float] | None
    line: int | None
    column: int | None
    read_by: str | None
    score: float | None
    note: str | None
    document_id: int
    sha256: str


class ValueFilter(Record, frozen=True):
    """Of which filings: those that meet all conditions that are given. ``region`` is a region's code or its beginning."""

    year: int | None = None
    region: str | None = None
    kind: str | None = None
    agency_id: int | None = None


_FILING_FIELDS = (
    FILING.c.id.label("filing_id"),
    FILING.c.agency_id,
    _AGENCY.c.name.label("agency"),
    _AGENCY.c.kind,
    _AGENCY.c.region_code,
    FILING.c.year,
    _REPORT.c.form,
    DOCUMENT.c.id.label("document_id"),
    DOCUMENT.c.sha256,
    DOCUMENT.c.report_id,
)
_IN_FORCE = (
    FILING.join(_AGENCY, _AGENCY.c.id == FILING.c.agency_id)
    .join(MEMBER, MEMBER.c.filing_id == FILING.c.id)
    .join(DOCUMENT, DOCUMENT.c.id == MEMBER.c.document_id)
    .join(_REPORT, _REPORT.c.id == DOCUMENT.c.report_id)
)


def indicator_values(
    connection: Connection, indicator: str, wanted: ValueFilter, after: int = 0, limit: int = 100
) -> list[ValueWithEvidence]:
    """Return what the filings in force state for ``indicator``, by the number of the filing, behind ``after``."""
    query = select(*_FILING_FIELDS).select_from(_IN_FORCE).where(FILING.c.id > after, is_shown(DOCUMENT), speaks())
    if wanted.year is not None:
        query = query.where(FILING.c.year == wanted.year)
    if wanted.region:
        query = query.where(within(_AGENCY.c.region_code, region_prefix(wanted.region)))
    if wanted.kind:
        query = query.where(_AGENCY.c.kind == wanted.kind)
    if wanted.agency_id is not None:
        query = query.where(FILING.c.agency_id == wanted.agency_id)
    filings = connection.execute(query.order_by(FILING.c.id).limit(limit)).all()
    cells = dict(cells_by_indicator(connection, {row.report_id: [indicator] for row in filings}))
    return [_line(row, indicator, cells.get(row.report_id)) for row in filings]


def filing_values(connection: Connection, filing_id: int) -> list[ValueWithEvidence] | None:
    """Return all values of a filing in force by indicator; None when there is no such filing, or nothing of it is shown."""
    query = select(*_FILING_FIELDS).select_from(_IN_FORCE).where(FILING.c.id == filing_id, is_shown(DOCUMENT), speaks())
    row = connection.execute(query).first()
    if row is None:
        return None
    return [_line(row, cell.indicator, cell) for cell in cells_of_report(connection, row.report_id)]


def _line(row: Any, indicator: str, cell: StoredCell | None) -> ValueWithEvidence:
    who = (row.filing_id, row.agency_id, row.agency, row.kind, row.region_code, row.year, row.form, indicator)
    if cell is None:
        nothing = (None, None, None, None, None, None, None, None, None, None)
        return ValueWithEvidence(*who, *nothing, row.document_id, row.sha256)
    value = None if cell.state in _NO_NUMBER else whole(cell.value)
    box = None if not cell.box else (cell.box[0], cell.box[1], cell.box[2], cell.box[3])
    where = (cell.raw, cell.page, box, cell.line, cell.column, cell.read_by, cell.score, cell.note)
    return ValueWithEvidence(*who, value, State(cell.state), *where, row.document_id, row.sha256)
