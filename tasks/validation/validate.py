"""The validation stage: a report as read becomes a verdict, with its states settled and its findings.

What is doubtful in the reading is settled here or stays doubtful; what the source itself got wrong is kept as printed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any

import msgspec

from codebook.records import (
    CONFLICT,
    Correction,
    Finding,
    Origin,
    Reading,
    Report,
    State,
    StatementKind,
    Status,
    Verdict,
    WitnessKind,
)
from codebook.rule_packs.packs import Packs, installed
from codebook.rules import RuleScope, RuleSet, national
from tasks.validation.confirmed import doubt_unconfirmed, held_back, lowered_unconfirmed
from tasks.validation.corrections import apply
from tasks.validation.doubts import resolve_doubts
from tasks.validation.facts import Facts
from tasks.validation.registry import FUNCTIONS, RuleFunction, checks
from tasks.validation.rules import between_reports, completeness, filings, tables, text, unread
from tasks.validation.sums import broken_sums, check_sums

# The modules that register rules; named here so that none is forgotten when the rules are first asked for.
ROOMS = (tables, text, completeness, unread, between_reports, filings)
FOR_REVIEW: tuple[str, ...] = (
    tables.table_unreadable.id,
    unread.part_left_out.id,
    unread.page_missing.id,
    unread.table_blank.id,
    unread.table_unknown.id,
)
"""Rules whose findings make a document one for review: something of the report was not read."""


@cache
def report_checks() -> tuple[RuleFunction[Any, Facts], ...]:
    """The functions that look at one report, in the order of the rules. Raises ValueError when rows and functions do not fit."""
    return checks(RuleScope.REPORT)


_SETTLED = (State.READ, State.PROVEN)


def _told_by_prose(facts: Facts) -> set[str]:
    """Table cells whose value a statement of the text repeats exactly: two independent readings."""
    return {
        statement.indicators[0]
        for statement in facts.report.statements
        if statement.scope is None
        and statement.kind in (StatementKind.NUMBER, StatementKind.NONE)
        and len(statement.indicators) == 1
        and statement.indicators[0] in facts.readings
        and facts.readings[statement.indicators[0]].origin is Origin.TABLE
        and facts.number(statement.indicators[0]) == statement.value
    }


def _settle(report: Report, by_sums: Collection[str], by_prose: Collection[str]) -> Report:
    """The report with what sums and prose agree with among the witnesses; two of these make a value that was read proven."""
    readings = tuple(
        _with_witnesses(r, r.indicator in by_sums, r.indicator in by_prose) if r.state in _SETTLED else r for r in report.readings
    )
    return msgspec.structs.replace(report, readings=readings)


def _with_witnesses(reading: Reading, sum_holds: bool, prose_agrees: bool) -> Reading:
    """A value that was read, with what agrees with it among its witnesses."""
    witnesses = reading.witnesses
    if sum_holds and WitnessKind.SUM not in witnesses:
        witnesses = (*witnesses, WitnessKind.SUM)
    if prose_agrees and WitnessKind.PROSE not in witnesses:
        witnesses = (*witnesses, WitnessKind.PROSE)
    is_proven = reading.state is State.PROVEN or sum_holds or prose_agrees or len(witnesses) > 1
    state = State.PROVEN if is_proven else State.READ
    if state is reading.state and witnesses is reading.witnesses:
        return reading
    return msgspec.structs.replace(reading, state=state, witnesses=witnesses)


def doubts_of(report: Report) -> tuple[str, ...]:
    """Return what could not be determined of a report: ids of cells that are doubtful or were not seen, ``report.agency``
    and ``report.year`` when unknown, and facts with evidence against them, such as ``report.region``.
    """
    cells = [r.indicator for r in report.readings if r.state.unsettled]
    unknown = [name for name, value in (("report.agency", report.agency), ("report.year", report.year)) if value is None]
    disputed = [f"report.{clue.field}" for clue in report.clues if clue.source == CONFLICT]
    return tuple(dict.fromkeys((*cells, *unknown, *disputed)))


def doubts(verdict: Verdict) -> tuple[str, ...]:
    """Return what could not be determined of the report of a verdict: see :func:`doubts_of`."""
    return doubts_of(verdict.report)


def settled_by_sums(report: Report, corrections: Sequence[Correction] = ()) -> Report:
    """The report with people's decisions over it, those of its doubts settled that the sums then pin, and those of its values
    doubted that a broken sum puts in question (see :func:`tasks.validation.confirmed.doubt_unconfirmed`)."""
    applied = apply(report, corrections)
    return doubt_unconfirmed(resolve_doubts(applied.report, leave=applied.contested))


def _was_left_unread(facts: Facts, findings: Sequence[Finding] | None) -> bool:
    """Return whether something of the report was not read: by ``findings``, or, where those are a pack's, by the rules."""
    if findings is not None:
        return any(finding.rule in FOR_REVIEW for finding in findings)
    return any(True for name in FOR_REVIEW for _ in FUNCTIONS[name](facts))


def findings_of(report: Report, rules: RuleSet | None) -> tuple[tuple[Finding, ...], set[str]]:
    """Return what the rules that concern a report alone find in it, and the cells that sums prove. ``rules`` None: those of the
    data files.
    """
    facts = Facts(report)
    broken, proven = check_sums(facts, rules)
    order = rules.order if rules else national().order
    return tuple(sorted(_with_checks(broken, facts, rules), key=lambda f: order[f.rule])), proven


def found_by(facts: Facts, rules: RuleSet) -> list[Finding]:
    """Return what ``rules``, which may be some of those that hold for a report, find in it, in no order that matters."""
    return _with_checks(broken_sums(facts, rules), facts, rules)


def _with_checks(broken: Iterable[Finding], facts: Facts, rules: RuleSet | None) -> list[Finding]:
    """The findings of broken sums, and those of the rules that are no sums, as far as the pixels bear them out."""
    found = held_back(broken, facts)
    for check in report_checks():
        found += check(facts, rules)
    return lowered_unconfirmed(found, facts)


def validate(report: Report, corrections: Sequence[Correction] = (), packs: Packs | None = None) -> Verdict:
    """Check a report against all rules that concern it alone, and settle how sure each value is.

    READ cells become PROVEN when the pixels show the same, an identity of the form holds with them, or the text repeats them;
    DOUBTFUL ones when the identities leave only one of their candidates. No value that was read is changed: a source whose own
    sums fail is kept as printed, with findings, and accepted. NEEDS_REVIEW when the reading leaves a doubt, a cell was not seen,
    a table could not be read, is unknown or empty, or a page is missing.

    ``corrections`` are the decisions of people that are in force, one a cell: the rules see the decided values. ``packs`` are the
    rule packs of regions (default: those of this installation): they change findings, never a value, its state or the status.
    """
    report = settled_by_sums(report, corrections)
    facts = Facts(report)
    of_region = (packs or installed()).rules_for(report.region, report.region_code, report.year)
    findings, proven = findings_of(report, of_region)
    settled = _settle(report, proven, _told_by_prose(facts))
    notes = tuple(dict.fromkeys((*report.notes, *text.alternative_notes(facts))))
    settled = msgspec.structs.replace(settled, notes=notes)
    review = bool(doubts_of(settled)) or _was_left_unread(facts, findings if of_region is None else None)
    return Verdict(settled, findings, Status.NEEDS_REVIEW if review else Status.ACCEPTED, tuple(corrections))
