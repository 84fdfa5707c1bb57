"""What a value would mean for a cell: which sums of the form would hold with it, which not, and what the text says.

For people who decide on a doubt; nothing is stored. The rules see a candidate as they would see the decision.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from codebook.records import Number, Origin, Report, State, StatementKind
from codebook.rules import Equation, RuleScope, evaluate, expand
from tasks.validation.corrections import told
from tasks.validation.facts import Facts
from tasks.validation.wording import cell_label, show, table_of, words, write_terms


class Check(NamedTuple):
    """A sum (or a sentence of the text) that speaks of the cell, with the value put in.

    ``holds`` is None where it cannot be told: ``open_cells`` are the other doubtful cells of it. ``left`` and ``right`` are the
    sides in words with their values, ``left_value`` and ``right_value``; ``sentence`` is set for what the text says.
    """

    rule: str
    holds: bool | None
    identity: bool
    where: str
    left: str
    left_value: Number | None
    relation: str
    right: str
    right_value: Number | None
    cells: tuple[str, ...]
    open_cells: tuple[str, ...] = ()
    sentence: str | None = None


class Trial(NamedTuple):
    """A possible value of a cell (None: blank) with everything that speaks of it."""

    value: Number | None
    checks: tuple[Check, ...]

    @property
    def held(self) -> int:
        """How many of the checks hold."""
        return sum(check.holds is True for check in self.checks)

    @property
    def broken(self) -> int:
        """How many do not."""
        return sum(check.holds is False for check in self.checks)


def possible_values(report: Report, cell: str) -> tuple[Number | None, ...]:
    """The values to choose from for a cell, the likeliest first: what was taken, the candidates, and blank where nothing else is
    known.
    """
    reading = next((r for r in report.readings if r.indicator == cell), None)
    if reading is None:
        return (None,)
    values: dict[Number | None, None] = {} if reading.value is None else {reading.value: None}
    values |= dict.fromkeys(reading.candidates)
    return tuple(values) or (None,)


def trials(report: Report, cell: str, values: Iterable[Number | None]) -> tuple[Trial, ...]:
    """Each of ``values`` tried in ``cell`` of ``report``, whose doubts are settled as far as sums settle them."""
    facts = Facts(report)
    equations = [e for e in expand(tuple(dict.fromkeys((*facts.readings, cell))), RuleScope.REPORT) if cell in e.cells]
    return tuple(Trial(value, (*_sums(facts, equations, cell, value), *_text(facts, cell, value))) for value in values)


def _sums(facts: Facts, equations: Iterable[Equation], cell: str, value: Number | None) -> Iterable[Check]:
    values = {**facts.values, cell: value}
    unsettled = facts.unsettled - {cell}
    for equation in equations:
        open_cells = tuple(c for c in dict.fromkeys(equation.cells) if c in unsettled)
        outcome = evaluate(equation, values, unsettled)
        if outcome is None and not open_cells:
            continue  # it says nothing of this report, as when a side that must be stated is blank
        yield Check(
            equation.rule,
            None if outcome is None else outcome.holds,
            equation.is_identity,
            _where(equation),
            write_terms(equation.left, values, equation.sum.over or ""),
            None if outcome is None else outcome.left,
            equation.sum.relation.value,
            write_terms(equation.right, values, equation.sum.over or ""),
            None if outcome is None else outcome.right,
            equation.cells,
            open_cells,
        )


def _where(equation: Equation) -> str:
    """The table, and the row or column that a sum runs over: 表三·总计."""
    axis, first = equation.sum.over, equation.cells[0]
    if axis is None or equation.at is None:
        return table_of(first)
    return words().joint.join((table_of(first), cell_label(first, without="column" if axis == "row" else "row")))


def _text(facts: Facts, cell: str, value: Number | None) -> Iterable[Check]:
    """Yield what sentences of the text state about this cell alone."""
    reading = facts.readings.get(cell)
    if reading is not None and reading.origin is Origin.PROSE and reading.state is not State.DOUBTFUL:
        return
    for statement in facts.report.statements:
        if statement.indicators == (cell,) and statement.scope is None and statement.kind is not StatementKind.ALL:
            yield Check(
                "prose",
                value == statement.value,
                False,
                "",
                told(value),
                value,
                "=",
                show(statement.value),
                statement.value,
                (cell,),
                sentence=statement.sentence,
            )
