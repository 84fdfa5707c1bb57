"""Doubts of reading that the form's own arithmetic settles: a candidate is taken when no other lets the sums come out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from codebook.phrases import load_phrases
from codebook.records import PIXELS_DIFFER, Number, Reading, Report, State, WitnessKind, witness_of
from codebook.rules import Equation, RuleScope, expand
from codebook.text.numbers import exact
from tasks.validation.wording import show, words, write_list

# The search gives up after this number of tried values: what is that ambiguous stays with a person.
MOST_STEPS = 2_000
# A number whose place was in doubt is taken only where this number of sums hold with it: its row and its column, as a rule.
LEAST_CHECKS = 2


def _domains(report: Report) -> dict[str, tuple[Number, ...]]:
    """Doubtful cells with at least two possible values.

    One possible value alone is tested by the sums only where the doubt is how it reads: other doubts are of another kind. Where
    the place of the numbers is in doubt, 0 is always possible too: that of a blank cell.
    """
    found = {}
    confirmable = {*words().may_be_confirmed, load_phrases().doubts.unsure}
    for reading in report.readings:
        if reading.state is State.DOUBTFUL and reading.candidates:
            values = dict.fromkeys(reading.candidates)
            if reading.value is not None:
                values.setdefault(reading.value)
            if reading.doubt in words().may_be_blank:
                values.setdefault(0)
            if len(values) > 1 or reading.doubt in confirmable:
                found[reading.indicator] = tuple(values)
    return found


def _usable(report: Report, domains: Mapping[str, Sequence[Number]]) -> list[Equation]:
    """The identities with a doubtful cell whose other cells are numbers or have candidates themselves."""
    firm = {r.indicator for r in report.readings if not r.state.unsettled and r.value is not None}
    return [
        equation
        for equation in expand(tuple(r.indicator for r in report.readings), RuleScope.REPORT)
        if equation.is_identity
        and any(cell in domains for cell in equation.cells)
        and all(cell in firm or cell in domains for cell in equation.cells)
    ]


def _components(equations: Sequence[Equation], domains: Mapping[str, Sequence[Number]]) -> list[list[Equation]]:
    """Equations that share a doubtful cell, directly or through others, together."""
    groups: list[tuple[set[str], list[Equation]]] = []
    for equation in equations:
        cells, together = {cell for cell in equation.cells if cell in domains}, [equation]
        apart = []
        for group in groups:
            if group[0] & cells:
                cells |= group[0]
                together = group[1] + together
            else:
                apart.append(group)
        groups = [*apart, (cells, together)]
    return [together for _, together in groups]


class _Search:
    """Backtracking over the candidates of one component, with bounds on what each equation can still reach."""

    def __init__(
        self, equations: Sequence[Equation], domains: Mapping[str, Sequence[Number]], values: Mapping[str, Number]
    ) -> None:
        self.steps = 0
        self.solutions: list[dict[str, Number]] = []
        self.rest = []  # of each equation: left minus right, of the cells that are set
        self.low, self.high = [], []  # what the cells that are not set can add at least and at most
        self.uses: dict[str, list[tuple[int, Number]]] = {}
        for index, equation in enumerate(equations):
            rest = low = high = 0.0
            for terms, sign in ((equation.left, 1), (equation.right, -1)):
                for cell, weight in terms:
                    if cell in domains:
                        self.uses.setdefault(cell, []).append((index, sign * weight))
                        reach = [sign * weight * value for value in domains[cell]]
                        low, high = low + min(reach), high + max(reach)
                    else:
                        rest += sign * weight * values[cell]
            self.rest.append(rest)
            self.low.append(low)
            self.high.append(high)
        self.domains = domains
        self.cells = list(self.uses)

    def _set(self, cell: str, value: Number, way: int) -> None:
        for index, weight in self.uses[cell]:
            reach = [weight * v for v in self.domains[cell]]
            self.rest[index] += way * weight * value
            self.low[index] -= way * min(reach)
            self.high[index] -= way * max(reach)

    def _possible(self, cell: str) -> bool:
        dust = 1e-6
        return all(self.rest[i] + self.low[i] <= dust and self.rest[i] + self.high[i] >= -dust for i, _ in self.uses[cell])

    def run(self, taken: dict[str, Number] | None = None, depth: int = 0) -> None:
        """Find up to two solutions: a second one is enough to know that the first is not the only one."""
        taken = {} if taken is None else taken
        if depth == len(self.cells):
            self.solutions.append(dict(taken))
            return
        cell = self.cells[depth]
        for value in self.domains[cell]:
            self.steps += 1
            if self.steps > MOST_STEPS or len(self.solutions) > 1:
                return
            self._set(cell, value, 1)
            if self._possible(cell):
                taken[cell] = value
                self.run(taken, depth + 1)
            self._set(cell, value, -1)


def _pinned(reading: Reading, value: Number, rules: Sequence[str]) -> Reading:
    phrases = words()
    note = (phrases.pinned if len(reading.candidates) > 1 else phrases.confirmed).format(
        doubt=reading.doubt or "",
        candidates=write_list([show(v) for v in reading.candidates]),
        value=show(value),
        rules=write_list(rules),
    )
    own = witness_of(reading.read_by)
    saw = WitnessKind.PIXELS if reading.doubt == PIXELS_DIFFER and value != reading.value else own
    witnesses = (saw, WitnessKind.SUM)
    return msgspec.structs.replace(reading, value=value, state=State.PROVEN, doubt=note, witnesses=witnesses)


def resolve_doubts(report: Report, leave: Collection[str] = ()) -> Report:
    """The report with those doubtful readings settled that the identities of the form pin.

    A doubtful cell becomes PROVEN when exactly one assignment of the candidates of it and of the doubtful cells that share its
    sums lets all of them come out; its ``doubt`` is kept, with how it was pinned. All others stay doubtful; nothing else changes.
    A cell that may be blank is never settled as 0, and not by a single sum. Cells in ``leave`` stay doubtful: a person must look.
    """
    domains = {cell: values for cell, values in _domains(report).items() if cell not in leave}
    if not domains:
        return report
    values = {r.indicator: r.value for r in report.readings if r.value is not None}
    unplaced = {r.indicator for r in report.readings if r.doubt in words().may_be_blank}
    taken: dict[str, tuple[Number, list[str]]] = {}
    for equations in _components(_usable(report, domains), domains):
        search = _Search(equations, domains, values)
        search.run()
        if len(search.solutions) == 1 and search.steps <= MOST_STEPS:
            for cell, value in search.solutions[0].items():
                checks = [equation.rule for equation in equations if cell in equation.cells]
                if cell not in unplaced or (value != 0 and len(checks) >= LEAST_CHECKS):
                    taken[cell] = (exact(value), list(dict.fromkeys(checks)))
    readings = tuple(_pinned(r, *taken[r.indicator]) if r.indicator in taken else r for r in report.readings)
    return msgspec.structs.replace(report, readings=readings) if taken else report
