"""Who is to blame for a sum that does not hold: the source, once the pixels of the page have confirmed its numbers; else it may
be the reading, and the numbers that nobody confirmed are doubts.
"""

from __future__ import annotations

import msgspec

from codebook.records import NOT_CONFIRMED, Origin, Reader, Reading, Report, Severity, State, WitnessKind
from codebook.rules import RuleScope, evaluate, expand
from tasks.validation.facts import Facts
from tasks.validation.sums import broken


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


def _is_unconfirmed(reading: Reading) -> bool:
    return (
        reading.state is State.READ
        and reading.read_by is Reader.PDF
        and reading.origin is Origin.TABLE
        and WitnessKind.PIXELS not in reading.witnesses
    )


def _doubted(reading: Reading) -> Reading:
    candidates = () if reading.value is None else (reading.value,)
    return msgspec.structs.replace(reading, state=State.DOUBTFUL, doubt=NOT_CONFIRMED, candidates=candidates, witnesses=())
