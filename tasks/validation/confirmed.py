"""Who is to blame for a sum that does not hold: the source, once the pixels of the page have confirmed its numbers; else it may
be the reading, and the numbers that nobody confirmed are doubts.
"""

from __future__ import annotations

from collections.abc import Iterable, Set

import msgspec

from codebook.records import NOT_CONFIRMED, Finding, Origin, Reader, Reading, Report, Severity, State, WitnessKind
from codebook.rules import RuleScope, evaluate, expand, load_rules
from tasks.validation.facts import Facts
from tasks.validation.sums import broken
from tasks.validation.wording import words


def doubt_unconfirmed(report: Report) -> Report:
    """The report with those values as doubts that stand in a sum which would be an error of the office, though the pixels did not
    confirm them.

    Only where pixels were looked at, whether or not anything could be said of them: text, web pages and Word files have none, and
    of scans the picture itself was read.
    """
    if not any(reading.looked_at for reading in report.readings):
        return report
    facts = Facts(report)
    suspects: set[str] = set()
    for equation in expand(tuple(facts.readings), RuleScope.REPORT):
        result = evaluate(equation, facts.values, facts.unsettled)
        if result is not None and not result.holds and broken(equation, result, facts).severity is Severity.ERROR:
            suspects.update(cell for cell in equation.cells if _is_unconfirmed(facts.readings[cell]))
    if not suspects:
        return report
    readings = tuple(_doubted(reading) if reading.indicator in suspects else reading for reading in report.readings)
    return msgspec.structs.replace(report, readings=readings)


def held_back(findings: Iterable[Finding], facts: Facts) -> list[Finding]:
    """Return findings of broken sums without the errors that only a rule pack makes of numbers that the pixels did not confirm:
    those of a rule of its own are left out, those of a rule that it changes are warnings. A pack puts no value in doubt.
    """
    if not any(reading.looked_at for reading in facts.readings.values()):
        return list(findings)
    kept: list[Finding] = []
    for finding in findings:
        unconfirmed = any(cell in facts.readings and _is_unconfirmed(facts.readings[cell]) for cell in finding.cells)
        if finding.pack is None or finding.severity is not Severity.ERROR or not unconfirmed:
            kept.append(finding)
        elif finding.rule in load_rules():
            kept.append(msgspec.structs.replace(finding, severity=Severity.WARNING))
    return kept


def lowered_unconfirmed(findings: Iterable[Finding], facts: Facts) -> list[Finding]:
    """Return findings of which no error rests on a number of a PDF that no pixels confirmed: it is a warning that says why.

    Sums of tables put such numbers in doubt before (:func:`doubt_unconfirmed`). Left are numbers of the prose, which nobody looks
    for in the pixels, and rules that are no sums.
    """
    found = list(findings)
    if not any(finding.severity is Severity.ERROR for finding in found):
        return found
    is_looked_at = any(reading.looked_at for reading in facts.readings.values())
    suspects = {
        cell
        for cell, reading in facts.readings.items()
        if is_unseen_in_pixels(reading) and (is_looked_at or reading.origin is Origin.PROSE)
    }
    return lowered_where(found, suspects)


def lowered_where(findings: Iterable[Finding], suspects: Set[str]) -> list[Finding]:
    """Return findings in which errors that rest on cells of ``suspects`` are warnings, and say why."""
    return [
        msgspec.structs.replace(finding, severity=Severity.WARNING, message=f"{finding.message}{words().unconfirmed_note}")
        if finding.severity is Severity.ERROR and not suspects.isdisjoint(finding.cells)
        else finding
        for finding in findings
    ]


def is_unseen_in_pixels(reading: Reading) -> bool:
    """Return whether a number was read from the text of a PDF alone: its pixels did not show the same."""
    is_settled = reading.state in (State.READ, State.PROVEN)
    return is_settled and reading.read_by is Reader.PDF and WitnessKind.PIXELS not in reading.witnesses


def _is_unconfirmed(reading: Reading) -> bool:
    return is_unseen_in_pixels(reading) and reading.origin is Origin.TABLE


def _doubted(reading: Reading) -> Reading:
    candidates = () if reading.value is None else (reading.value,)
    return msgspec.structs.replace(reading, state=State.DOUBTFUL, doubt=NOT_CONFIRMED, candidates=candidates, witnesses=())
