"""A dry run of a rule pack: over the reports in force on a year, what would be found with it, beside what is found without it.

Each report is checked alone and with that of its agency on the year before. What was read is taken as it is stored; nothing is
written. The rules between agencies (regions, texts that two share) are not tried: they need all reports at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec
from sqlalchemy import Engine

from codebook.records import Finding, Record, Severity, Snapshot
from codebook.rule_packs.packs import Pack, Packs, differences
from codebook.rules import RuleScope, RuleSet, national
from database.reports.scoring import FiledLine, FiledScope, filed_lines, pairs_of
from database.session import reading
from tasks.loading.rows import unpack
from tasks.validation.facts import Facts
from tasks.validation.rules.between_reports import found_between_years
from tasks.validation.validate import found_by

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
    for line, pair, (old, new) in _reports(engine, before, after, year, region_code):
        reports += 1
        if not (old.rules or new.rules):
            continue
        concerned += 1
        facts = Facts(unpack(line.body).report)
        for change, finding in _differences(_found(facts, pair, old), _found(facts, pair, new)):
            counts[change][finding.rule] += 1
            kept[change, finding.rule] += 1
            if kept[change, finding.rule] <= EXAMPLES:
                who = (change, line.document_id, line.agency)
                examples.append(TrialExample(*who, finding.rule, finding.severity, finding.message))
    came, went, changed = (dict(sorted(counts[change].items())) for change in ("came", "went", "changed"))
    return PackTrial(reports, concerned, came, went, changed, tuple(examples))


Pair = tuple[Snapshot, Snapshot]
Changes = tuple[RuleSet, RuleSet]  # the rules that differ, as they are without the pack and with it


def _reports(
    engine: Engine, before: Packs, after: Packs, year: int, region_code: str | None
) -> Iterator[tuple[FiledLine, Pair | None, Changes]]:
    """Each report in force on a year with the rules that differ for it and, where some of these compare years, with that of the
    year before.
    """
    after_filing = 0
    while True:
        with reading(engine) as connection:
            lines = filed_lines(connection, FiledScope(year, region_code), after_filing, BATCH)
            changes = {line.report_id: _changes(line, before, after) for line in lines}
            pairs = pairs_of(connection, [line for line in lines if any(map(_compares_years, changes[line.report_id]))])
        if not lines:
            return
        for line in lines:
            yield line, pairs.get(line.report_id), changes[line.report_id]
        after_filing = lines[-1].filing_id


def _changes(line: FiledLine, before: Packs, after: Packs) -> Changes:
    old, new = (packs.rules_for(line.region, line.region_code, line.year) or national() for packs in (before, after))
    return differences(old, new)


def _compares_years(rules: RuleSet) -> bool:
    return any(rule.scope is RuleScope.YEARS for rule in rules.rules.values())


def _found(facts: Facts, pair: Pair | None, rules: RuleSet) -> list[Finding]:
    return [*found_by(facts, rules), *(found_between_years(*pair, rules) if pair else ())]


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
