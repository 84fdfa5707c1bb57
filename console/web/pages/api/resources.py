"""The resources of the API. Each takes the request and its parameters, and returns records of the queries of the pages."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated, Any, TypeVar

import msgspec
from starlette.exceptions import HTTPException

from codebook.book import load_book
from codebook.records import Record
from console.export.headings import printed_name
from console.release.schema import english_label
from console.web.pages.api import figures
from console.web.pages.api.endpoint import ApiError, ApiList, ApiResource, NoParameters, Number64, Text, route
from console.web.pages.api.openapi import description
from console.web.pages.coverage import visible_lines
from console.web.request import PageRequest
from console.web.views.regions import region_code
from database.access import region_prefix
from database.filings import agencies, listing
from database.filings.agencies import AgencyFilter, AgencyItem, AgencyLine
from database.filings.listing import FilingFilter, FilingItem, FilingLine
from database.findings import listing as cases
from database.findings.listing import CaseEvidence, CaseFilter, CaseLine, MoveItem
from database.models import FindingState, Role
from database.monitoring import listings, queries
from database.monitoring.listings import BatchLine
from database.monitoring.read_models import FailureItem
from database.reports import stated
from database.reports.coverage import CoverageLine, Standing
from database.reports.stated import ValueFilter, ValueWithEvidence

Year = Annotated[int, msgspec.Meta(ge=1, le=9999, description="The year that is reported on")]
Region = Annotated[
    str, msgspec.Meta(min_length=1, max_length=100, description="A region with all in it: code (GB/T 2260) or name")
]
After = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1, description="`next` of the part before")]
Limit = Annotated[int, msgspec.Meta(ge=1, le=1000, description="Items of a part")]

T = TypeVar("T")


class FilingParameters(Record, frozen=True):
    """Which filings."""

    year: Year | None = None
    region: Region | None = None
    agency: Text | None = None
    agency_id: Number64 | None = None
    after: After | None = None
    limit: Limit = 100


class AgencyParameters(Record, frozen=True):
    """Which agencies."""

    text: Text | None = None
    region: Region | None = None
    kind: Text | None = None
    after: After | None = None
    limit: Limit = 100


class ValueParameters(Record, frozen=True):
    """Of which cell and of which filings."""

    indicator: Annotated[str, msgspec.Meta(min_length=1, max_length=80, description="Id of a cell (see /indicators)")]
    year: Year | None = None
    region: Region | None = None
    kind: Text | None = None
    agency_id: Number64 | None = None
    after: After = 0
    limit: Limit = 100


class FindingParameters(Record, frozen=True):
    """Which findings."""

    state: FindingState | None = None
    rule: Text | None = None
    severity: Text | None = None
    region: Region | None = None
    year: Year | None = None
    filing: Number64 | None = None
    after: After | None = None
    limit: Limit = 100


class CoverageParameters(Record, frozen=True):
    """The list of which year."""

    year: Year
    region: Region | None = None
    standing: Standing | None = None
    after: After = 0
    limit: Limit = 1000


class PartParameters(Record, frozen=True):
    """Which part of a list."""

    after: After | None = None
    limit: Limit = 100


class ErrorParameters(Record, frozen=True):
    """Which failures."""

    code: Text | None = None
    batch: Text | None = None
    after: After | None = None
    limit: Limit = 100


class CellIndicator(Record, frozen=True):
    """A cell of the forms. ``unit`` is null for counts."""

    id: str
    block: str
    label_zh: str
    label_en: str
    unit: str | None
    signed: bool
    forms: tuple[str, ...]


class FindingDetail(Record, frozen=True):
    """A finding with its history and what it rests on."""

    finding: CaseLine
    moves: tuple[MoveItem, ...]
    evidence: CaseEvidence


def _part(items: Sequence[T], limit: int, keys: Sequence[int]) -> ApiList[T]:
    return ApiList(tuple(items), keys[-1] if len(items) == limit and keys else None)


def _found(item: T | None) -> T:
    if item is None:
        raise HTTPException(404)
    return item


def _region(text: str | None) -> str | None:
    """The code of a region. Raises ApiError 404 where there is no such, or where several have the name."""
    if text is None:
        return None
    code = region_code(text)
    if code is None:
        raise ApiError(404, f"no region {text!r}, or several of this name")
    return code


def filings(request: PageRequest, asked: FilingParameters) -> ApiList[FilingLine]:
    """The filings (one for each agency and year), the newest year first, each with its document in force."""
    wanted = FilingFilter(asked.year, _region(asked.region), asked.agency, asked.agency_id)
    with request.reading() as connection:
        lines = listing.filing_lines(connection, wanted, asked.after, asked.limit)
    return _part(lines, asked.limit, [line.id for line in lines])


def filing(request: PageRequest, _: NoParameters) -> FilingItem:
    """A filing with its editions, their documents, what each edition changed, and the cells in which documents differ."""
    with request.reading() as connection:
        return _found(listing.filing_item(connection, request.number("id")))


def values_of_filing(request: PageRequest, _: NoParameters) -> ApiList[ValueWithEvidence]:
    """All values of a filing in force, with their evidence."""
    with request.reading() as connection:
        return ApiList(tuple(_found(stated.filing_values(connection, request.number("id")))), None)


def agency_list(request: PageRequest, asked: AgencyParameters) -> ApiList[AgencyLine]:
    """The agencies of the register."""
    with request.reading() as connection:
        wanted = AgencyFilter(asked.text, _region(asked.region), asked.kind)
        lines = agencies.agency_lines(connection, wanted, asked.after, asked.limit)
    return _part(lines, asked.limit, [line.id for line in lines])


def agency(request: PageRequest, _: NoParameters) -> AgencyItem:
    """An agency with its names, filings and decisions."""
    with request.reading() as connection:
        return _found(agencies.agency_item(connection, request.number("id")))


def values(request: PageRequest, asked: ValueParameters) -> ApiList[ValueWithEvidence]:
    """What filings in force state in a cell, by the number of the filing, with evidence.

    A filing without the cell is in the list too, with state null: who asks sees who is not in a sum. The report of a government
    covers its departments and towns: choose by ``kind`` before you add.
    """
    if asked.indicator not in load_book().indicators:
        raise ApiError(404, f"no indicator {asked.indicator!r}")
    wanted = ValueFilter(asked.year, _region(asked.region), asked.kind, asked.agency_id)
    with request.reading() as connection:
        lines = stated.indicator_values(connection, asked.indicator, wanted, asked.after, asked.limit)
    return _part(lines, asked.limit, [line.filing_id for line in lines])


def finding_list(request: PageRequest, asked: FindingParameters) -> ApiList[CaseLine]:
    """The findings (cases), the newest first. One whose state is new was made by a rule, and nobody has confirmed it."""
    region = _region(asked.region)
    wanted = CaseFilter(
        asked.state,
        asked.rule,
        asked.severity,
        region_prefix(region) if region else None,
        asked.year,
        filing=asked.filing,
    )
    with request.reading() as connection:
        numbers = cases.case_numbers(connection, wanted, after=asked.after, limit=asked.limit)
        lines = cases.case_lines(connection, numbers)
    return ApiList(tuple(lines), numbers[-1] if len(numbers) == asked.limit else None)


def finding(request: PageRequest, _: NoParameters) -> FindingDetail:
    """A finding with its history, and the cells that it rests on."""
    number = request.number("id")
    with request.reading() as connection:
        line = _found(cases.case_line(connection, number))
        return FindingDetail(line, tuple(cases.moves(connection, number)), cases.evidence(connection, line))


def coverage(request: PageRequest, asked: CoverageParameters) -> ApiList[CoverageLine]:
    """The agencies that must report on a year, and how they stand, by the number of their line."""
    region = _region(asked.region)
    prefix = region_prefix(region) if region else ""
    lines = visible_lines(request, asked.year)
    chosen = [
        line
        for line in sorted(lines, key=lambda line: line.id)
        if line.id > asked.after and (line.region_code or "").startswith(prefix) and asked.standing in (None, line.standing)
    ][: asked.limit]
    return _part(chosen, asked.limit, [line.id for line in chosen])


def indicators(_: PageRequest, __: NoParameters) -> ApiList[CellIndicator]:
    """The cells of the forms, in printing order."""
    found = [
        CellIndicator(each.id, each.block, printed_name(each.id), english_label(each.id), each.unit, each.signed, each.forms)
        for each in load_book().indicators.values()
    ]
    return ApiList(tuple(found), None)


def batches(request: PageRequest, asked: PartParameters) -> ApiList[BatchLine]:
    """The batches, the newest first, with what became of their documents."""
    with request.reading() as connection:
        lines = listings.batch_lines(connection, asked.after, asked.limit)
    return _part(lines, asked.limit, [line.id for line in lines])


def errors(request: PageRequest, asked: ErrorParameters) -> ApiList[FailureItem]:
    """The failures in the error queue, the newest first."""
    with request.reading() as connection:
        items = queries.failures(connection, code=asked.code, batch=asked.batch, before=asked.after, limit=asked.limit)
    return _part(items, asked.limit, [item.id for item in items])


def openapi(_: PageRequest, __: NoParameters) -> dict[str, Any]:
    """This description."""
    return description((*RESOURCES, *figures.RESOURCES), version("gongkai"))


RESOURCES = (
    ApiResource("/openapi.json", "openapi", "The description of the API", openapi, NoParameters, dict[str, Any]),
    ApiResource("/indicators", "indicators", "Indicators", indicators, NoParameters, ApiList[CellIndicator]),
    ApiResource("/agencies", "agencies", "Agencies", agency_list, AgencyParameters, ApiList[AgencyLine]),
    ApiResource("/agencies/{id:int}", "agency", "An agency", agency, NoParameters, AgencyItem),
    ApiResource("/filings", "filings", "Filings", filings, FilingParameters, ApiList[FilingLine]),
    ApiResource("/filings/{id:int}", "filing", "A filing", filing, NoParameters, FilingItem),
    ApiResource(
        "/filings/{id:int}/values",
        "filing_values",
        "Values of a filing",
        values_of_filing,
        NoParameters,
        ApiList[ValueWithEvidence],
    ),
    ApiResource("/values", "values", "Values of an indicator", values, ValueParameters, ApiList[ValueWithEvidence]),
    ApiResource("/findings", "findings", "Findings", finding_list, FindingParameters, ApiList[CaseLine]),
    ApiResource("/findings/{id:int}", "finding", "A finding", finding, NoParameters, FindingDetail),
    ApiResource("/coverage", "coverage", "Coverage", coverage, CoverageParameters, ApiList[CoverageLine]),
    ApiResource("/batches", "batches", "Batches", batches, PartParameters, ApiList[BatchLine], Role.OPERATE),
    ApiResource("/errors", "errors", "Error queue", errors, ErrorParameters, ApiList[FailureItem], Role.OPERATE),
)
ROUTES = tuple(route(resource) for resource in RESOURCES)
