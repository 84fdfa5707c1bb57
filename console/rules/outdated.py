"""The reports in force whose findings are not those that the rule packs in use make: what has to be validated again after packs
were changed. All others would come out as they are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from typing import NamedTuple

from sqlalchemy import Engine

from codebook.errors import UsageError
from codebook.records import Finding, Snapshot
from codebook.rule_packs.packs import Pack, Packs
from database.reports.scoring import FiledLine, FiledScope, YearsLine, filed_lines, filed_years, pairs_of, years_lines
from database.session import make_engine, reading
from runtime.process_pool import process_pool
from tasks.loading.rows import finding_row, unpack
from tasks.validation.rules.between_reports import compare_years
from tasks.validation.validate import findings_of

BATCH = 100  # reports that are read at once
_PART = 2000  # numbers of filings that a process goes through at once; with fewer filings than that there is one process


class Looked(NamedTuple):
    """A part of the reports: how many were looked at, and the documents whose findings would be others."""

    reports: int
    documents: list[int]


def outdated(engine: Engine, packs: Packs, year: int | None = None, region_code: str | None = None) -> Iterator[Looked]:
    """Look through the reports in force on a year (None: on all), of a region (None: of all), part by part.

    Each report is checked as it is stored, alone and with that of its agency on the year before; nothing is written. Rules that
    compare agencies are those of ``gongkai check``. Raises UsageError when a process that checks is ended from outside.
    """
    with reading(engine) as connection:
        years = [found for found in filed_years(connection) if year in (None, found.year)]
    if sum(found.filings for found in years) < _PART:
        yield from (look_through(engine, packs, FiledScope(found.year, region_code)) for found in years)
        return
    url = engine.url.render_as_string(hide_password=False)
    with process_pool() as pool:
        jobs = [
            pool.submit(_look_in_process, url, packs.packs, FiledScope(found.year, region_code, after + _PART), after)
            for found in years
            for after in range(found.first - 1, found.last, _PART)
        ]
        try:
            yield from (job.result() for job in jobs)
        except BrokenProcessPool as error:
            raise UsageError("a process that checks reports was ended from outside; give the command again") from error
        finally:
            pool.shutdown(cancel_futures=True)


def _look_in_process(url: str, packs: tuple[Pack, ...], scope: FiledScope, after: int) -> Looked:
    return look_through(_engine(url), Packs(packs), scope, after)


@cache
def _engine(url: str) -> Engine:
    return make_engine(url)


def look_through(engine: Engine, packs: Packs, scope: FiledScope, after: int = 0) -> Looked:
    """Look through the reports of ``scope`` behind the filing ``after``: see :func:`outdated`."""
    reports, documents = 0, list[int]()
    while True:
        with reading(engine) as connection:
            lines = filed_lines(connection, scope, after, BATCH)
            pairs = pairs_of(connection, lines)
            standing = _standing(years_lines(connection, [line.report_id for line in lines]))
        if not lines:
            return Looked(reports, documents)
        reports += len(lines)
        documents += [line.document_id for line in lines if _is_outdated(line, pairs.get(line.report_id), standing, packs)]
        after = lines[-1].filing_id


Standing = dict[int, list[YearsLine]]


def _standing(lines: Sequence[YearsLine]) -> Standing:
    found: Standing = defaultdict(list)
    for line in lines:
        found[line.report_id].append(line)
    return found


def _is_outdated(line: FiledLine, pair: tuple[Snapshot, Snapshot] | None, standing: Standing, packs: Packs) -> bool:
    verdict = unpack(line.body)
    alone, _ = findings_of(verdict.report, packs.rules_for(line.region, line.region_code, line.year))
    if alone != verdict.findings:
        return True
    years = [_line(line.report_id, finding) for finding in compare_years(*pair, packs)] if pair else []
    return sorted(years, key=repr) != sorted(standing[line.report_id], key=repr)


def _line(report_id: int, finding: Finding) -> YearsLine:
    """A finding between years as it is stored."""
    message = str(finding_row(finding)["message"])
    return YearsLine(report_id, finding.rule, finding.severity, message, finding.cells, finding.pack)
