"""A dry run of a rule pack: over the reports in force on a year, what would be found with it, beside what is found without it.

Each report is checked alone and with that of its agency on the year before. What was read is taken as it is stored; nothing is
written. The rules between agencies (regions, texts that two share) are not tried: they need all reports at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec
from sqlalchemy import Connection, Engine

from codebook.records import Finding, Record, Report, Severity, Snapshot
from codebook.rule_packs.packs import Pack, Packs
from database.reports import results
from database.reports.results import ReportKey
from database.reports.scoring import FiledLine, filed_lines
from database.session import reading
from tasks.loading.rows import unpack
from tasks.validation.rules.between_reports import compare_years
from tasks.validation.validate import findings_of

BATCH = 100  # reports
EXAMPLES = 5
"""Findings of each rule and kind of change that are kept as examples."""


class TrialExample(Record, frozen=True):
    """A finding that would come, go or change. ``change``: came, went or changed."""

    change: str
    document_id: int
    agency: str
    rule: str
    severity: Severity
    message: str


class PackTrial(Record, frozen=True):
    """What a pack would change: the number of reports that it is for, and of findings by rule that would come, go, or weigh or
    say something else.
    """

    reports: int = 0
    concerned: int = 0
    came: dict[str, int] = msgspec.field(default_factory=dict)
    went: dict[str, int] = msgspec.field(default_factory=dict)
    changed: dict[str, int] = msgspec.field(default_factory=dict)
    examples: tuple[TrialExample, ...] = ()


def with_pack(packs: Packs, pack: Pack) -> Packs:
    """Return ``packs`` with ``pack`` in the place of the one of its id, or besides them."""
    return Packs((*(each for each in packs.packs if each.id != pack.id), pack))


def try_packs(engine: Engine, before: Packs, after: Packs, year: int, region_code: str | None = None) -> PackTrial:
    """Compare what is found by two collections of packs in the reports in force on a year, of a region (None: of all)."""
    counts: dict[str, Counter[str]] = {"came": Counter(), "went": Counter(), "changed": Counter()}
    kept: Counter[tuple[str, str]] = Counter()
    examples: list[TrialExample] = []
    reports = concerned = 0
    for line, report, pair in _reports(engine, year, region_code):
        reports += 1
        if before.chosen(line.region, line.region_code, year) == after.chosen(line.region, line.region_code, year):
            continue
        concerned += 1
        for change, finding in _differences(_found(report, pair, before), _found(report, pair, after)):
            counts[change][finding.rule] += 1
            kept[change, finding.rule] += 1
            if kept[change, finding.rule] <= EXAMPLES:
                who = (change, line.document_id, line.agency)
                examples.append(TrialExample(*who, finding.rule, finding.severity, finding.message))
    came, went, changed = (dict(sorted(counts[change].items())) for change in ("came", "went", "changed"))
    return PackTrial(reports, concerned, came, went, changed, tuple(examples))


Pairs = Sequence[tuple[Snapshot, Snapshot]]


def _reports(engine: Engine, year: int, region_code: str | None) -> Iterator[tuple[FiledLine, Report, Pairs]]:
    """Each report in force on a year with its own words, and with the report of the year before, if there is one."""
    after = 0
    while True:
        with reading(engine) as connection:
            lines = filed_lines(connection, year, region_code, after, BATCH)
            earlier = {line.report_id: _year_before(connection, line) for line in lines}
            ids = [number for pair in earlier.items() for number in pair if number is not None]
            known = results.snapshots(connection, ids)
        if not lines:
            return
        for line in lines:
            before = earlier[line.report_id]
            there = before in known and line.report_id in known
            pairs = [(known[before], known[line.report_id])] if there and before is not None else []
            yield line, unpack(line.body).report, pairs
        after = lines[-1].filing_id


def _year_before(connection: Connection, line: FiledLine) -> int | None:
    near = results.neighbours(connection, ReportKey(line.report_id, line.agency_id, line.year, None, None))
    current = near.years.get(line.year - 1)
    return current.report_id if current else None


def _found(report: Report, pairs: Pairs, packs: Packs) -> list[Finding]:
    rules = packs.rules_for(report.region, report.region_code, report.year)
    found, _ = findings_of(report, rules)
    return [*found, *(finding for earlier, later in pairs for finding in compare_years(earlier, later, packs))]


def _differences(before: Sequence[Finding], after: Sequence[Finding]) -> Iterator[tuple[str, Finding]]:
    """(came, went or changed; the finding). Two findings are the same when they say the same of the same cells."""
    old, new = ({_key(finding): finding for finding in some} for some in (before, after))
    for key in new.keys() - old.keys():
        yield "came", new[key]
    for key in old.keys() - new.keys():
        yield "went", old[key]
    for key in old.keys() & new.keys():
        if (old[key].severity, old[key].message) != (new[key].severity, new[key].message):
            yield "changed", new[key]


def _key(finding: Finding) -> tuple[object, ...]:
    place = finding.place and (finding.place.page, finding.place.line, finding.place.column)
    return finding.rule, finding.cells, finding.expected, finding.actual, finding.sentence, place
