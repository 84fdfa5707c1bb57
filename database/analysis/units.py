"""The units of the panel without their cells: the filings in force, and agencies of the lists that have none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from codebook.analysis.figures import Omission
from codebook.analysis.lateness import Lateness, due_by_law, lateness
from codebook.divisions import level_of, parent_code
from database.analysis.columns import CODES, FACTS, KNOWN
from database.analysis.keys import city_of, county_of, province_of
from database.filings.in_force import SHOWN_SQL

_CHINA = timezone(timedelta(hours=8))
_LEVELS = {1: "province", 2: "city", 3: "county"}


class _FilingInForce(NamedTuple):
    """A filing in force."""

    filing_id: int
    agency_id: int
    agency: str
    kind: str | None
    year: int
    editions: int
    region_code: str | None
    form: str
    document_id: int
    report_id: int
    arranged_at: Any


class _DueReport(NamedTuple):
    """An agency of a list on a year."""

    agency: str
    region_code: str | None
    due_on: str | None


_FILED = text(
    """
    select v.filing_id, v.agency_id, v.agency_name, v.agency_kind, v.year, v.editions,
        coalesce(a.region_code, v.region_code) as region_code, v.form, v.document_id, v.report_id, fl.arranged_at
    from gk_current_filing v join gk_filing fl on fl.id = v.filing_id join gk_agency a on a.id = v.agency_id
    order by v.filing_id
    """
)
_DATES = text(
    f"""
    select m.filing_id, r.published_on, r.doubts
    from gk_filing_document m join gk_document d on d.id = m.document_id and d.status in ({SHOWN_SQL})
        join gk_report r on r.id = d.report_id
    where r.published_on is not null
    """
)
_SEEN = text(
    """
    select m.filing_id, min(s.seen_at) as seen_at
    from gk_filing_document m join gk_document d on d.id = m.document_id and d.status <> 'discarded'
        join gk_source s on s.document_id = d.id
    group by m.filing_id
    """
)
_RULES = text(
    """
    select v.filing_id, v.rule, v.severity
    from gk_current_finding v left join gk_finding_case c on c.id = v.case_id
    where c.state is null or c.state <> 'dismissed'
    """
)
_EXPECTED = text(
    """
    select e.year, k.agency_id, a.name, coalesce(e.region_code, a.region_code) as region_code, e.due_on, a.kind
    from gk_expected e join gk_agency_key k on k.key = e.agency_key join gk_agency a on a.id = k.agency_id
    """
)


class PanelUnit(NamedTuple):
    """A row of the panel without its cells: the columns of the unit in their order, and the digest of its cells."""

    columns: tuple[Any, ...]
    report_id: int | None
    cells: str


def unit_rows(connection: Connection) -> dict[int, list[PanelUnit]]:
    """The units of all years: the filings in force, and agencies of the lists that have none."""
    dates: dict[int, str] = {}
    for filing_id, published_on, doubts in connection.execute(_DATES):
        if "report.published_on" not in (doubts or ""):
            dates[filing_id] = min(published_on, dates.get(filing_id, published_on))
    seen = {row.filing_id: _day(row.seen_at) for row in connection.execute(_SEEN)}
    rules: dict[int, set[str]] = defaultdict(set)
    for filing_id, rule, severity in connection.execute(_RULES):
        rules[filing_id] |= {rule, "any"} if severity == "error" else {rule}
    due: dict[tuple[int, int], _DueReport] = {}
    kinds: dict[int, str | None] = {}
    for year, agency_id, agency, region_code, due_on, kind in connection.execute(_EXPECTED):
        due[year, agency_id] = _DueReport(agency, region_code, due_on)
        kinds[agency_id] = kind
    found: dict[int, list[PanelUnit]] = defaultdict(list)
    for row in connection.execute(_FILED):
        filed = _FilingInForce(*row)
        listed = due.pop((filed.year, filed.agency_id), None)
        dated = (dates.get(filed.filing_id), seen.get(filed.filing_id))
        found[filed.year].append(_filed_row(filed, listed, dated, rules.get(filed.filing_id, set())))
    for (year, agency_id), listed in sorted(due.items()):
        found[year].append(_absent_row(year, agency_id, kinds[agency_id], listed))
    return found


def _day(moment: Any) -> str:
    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    day: str = at.astimezone(_CHINA).date().isoformat()
    return day


def _where(kind: str | None, region_code: str | None) -> tuple[Any, ...]:
    level = "town" if kind == "town" else _LEVELS.get(level_of((), region_code) or 0)
    above = parent_code(region_code[:6]) if region_code else None
    return (kind, level, region_code, province_of(region_code), city_of(region_code), county_of(region_code), above)


def _filed_row(
    filed: _FilingInForce, listed: _DueReport | None, dated: tuple[str | None, str | None], rules: set[str]
) -> PanelUnit:
    published_on, first_seen_on = dated
    due_on = (listed.due_on if listed else None) or due_by_law(filed.agency, filed.year)
    late = lateness(due_on, published_on, first_seen_on)
    facts: dict[str, float | Omission | None] = {
        "unit.expected": 1 if listed else Omission.NOT_LISTED,
        "unit.filed": 1 if listed else Omission.NOT_LISTED,
        "unit.reported": 1,
        "unit.passed": int(filed.editions <= 1 and "any" not in rules),
        "unit.dated": 1 if isinstance(late, Lateness) else late,
        "unit.late_days": late.days if isinstance(late, Lateness) else late,
        "unit.late_workdays": (Omission.NO_CALENDAR if late.workdays is None else late.workdays)
        if isinstance(late, Lateness)
        else late,
    }
    columns = (
        filed.agency_id,
        filed.agency,
        filed.year,
        *_where(filed.kind, filed.region_code),
        filed.filing_id,
        filed.document_id,
        filed.report_id,
        filed.form,
        due_on,
        published_on,
        first_seen_on,
        sorted(rules),
        *_as_columns(facts),
    )
    return PanelUnit(columns, filed.report_id, f"{filed.report_id} {filed.arranged_at}")


def _absent_row(year: int, agency_id: int, kind: str | None, listed: _DueReport) -> PanelUnit:
    facts: dict[str, float | Omission | None] = dict.fromkeys(FACTS, Omission.NO_FILING)
    facts |= {"unit.expected": 1, "unit.filed": 0}
    due_on = listed.due_on or due_by_law(listed.agency, year)
    where = _where(kind, listed.region_code)
    columns = (agency_id, listed.agency, year, *where, None, None, None, None, due_on, None, None, [], *_as_columns(facts))
    return PanelUnit(columns, None, "")


def _as_columns(facts: Mapping[str, float | Omission | None]) -> tuple[Any, ...]:
    values = [None if isinstance(facts[name], Omission) else facts[name] for name in FACTS]
    codes = [CODES[found] if isinstance(found := facts[name], Omission) else KNOWN for name in FACTS]
    return (*values, *codes)
