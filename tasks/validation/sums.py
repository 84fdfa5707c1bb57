"""Sums: every identity that a report prints, computed; what holds proves its cells, what does not is a finding."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from codebook.records import Finding, Number, Severity
from codebook.rules import Equation, Rule, RuleScope, RuleSet, SumResult, evaluate, expand, load_rules
from codebook.text.numbers import exact
from tasks.validation.facts import Facts
from tasks.validation.wording import column_label, lowered, row_label, show, table_of, words, write_terms


@lru_cache(maxsize=256)
def _phrase(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def describe(equation: Equation, result: SumResult, values: Mapping[str, Number | None]) -> dict[str, str]:
    """Return what the message of a sum may speak of (codebook.rules.SUM_FIELDS), without the years."""
    axis, block = equation.sum.over, equation.sum.block
    row = row_label(block, equation.at) if axis == "row" and block and equation.at else ""
    column = column_label(block, equation.at) if axis == "column" and block and equation.at else ""
    return {
        "table": table_of(equation.cells[0]),
        "row": row,
        "column": column,
        "left_terms": write_terms(equation.left, values, axis or ""),
        "right_terms": write_terms(equation.right, values, axis or ""),
        "left": show(result.left),
        "right": show(result.right),
        "difference": show(exact(abs(result.left - result.right))),
    }


def severity_of(equation: Equation, result: SumResult, rule: Rule) -> Severity:
    """Return how much a broken sum weighs: one level lower when blank cells were taken as 0."""
    severity = equation.sum.severity or rule.severity
    return lowered(severity) if result.blank else severity


def _softened(equation: Equation, result: SumResult, facts: Facts) -> bool:
    soft = equation.sum.soft
    if soft is None or (result.left > result.right) != (soft.greater == "left"):
        return False
    return any(_phrase(phrase).search(facts.text) for phrase in soft.phrases)


def broken(equation: Equation, result: SumResult, facts: Facts, rule: Rule | None = None) -> Finding:
    """The finding of a sum of ``rule`` (default: as the data files have it) that does not hold: expected is the left side, actual
    the right one, as a rule a printed total.
    """
    rule, row = rule or load_rules()[equation.rule], equation.sum
    severity, message = severity_of(equation, result, rule), row.message
    if row.soft is not None and _softened(equation, result, facts):
        message = row.soft.message
        severity = lowered(row.soft.severity) if result.blank else row.soft.severity
    return facts.finding(
        rule,
        equation.cells[-1:] + equation.cells[:-1] if len(equation.right) == 1 else equation.cells,
        {**describe(equation, result, facts.values)},
        message=message,
        severity=severity,
        expected=result.left,
        actual=result.right,
        note=words().blank_note if result.blank else "",
    )


def check_sums(facts: Facts, rules: RuleSet | None = None) -> tuple[list[Finding], set[str]]:
    """Findings of all broken sums of ``rules`` (default: those of the data files), and the cells that a satisfied identity of the
    data files without blanks pins: a pack's own sum proves nothing.
    """
    findings, proven = _check(facts, expand(tuple(facts.readings), RuleScope.REPORT), load_rules())
    return findings if rules is None else broken_sums(facts, rules), proven


def broken_sums(facts: Facts, rules: RuleSet) -> list[Finding]:
    """Findings of the broken sums of ``rules``, which prove nothing."""
    return _check(facts, expand(tuple(facts.readings), RuleScope.REPORT, rules), rules.rules)[0]


def _check(facts: Facts, equations: Iterable[Equation], rules: Mapping[str, Rule]) -> tuple[list[Finding], set[str]]:
    findings: list[Finding] = []
    proven: set[str] = set()
    for equation in equations:
        result = evaluate(equation, facts.values, facts.unsettled)
        if result is None:
            continue
        if not result.holds:
            findings.append(broken(equation, result, facts, rules[equation.rule]))
        elif equation.is_identity and not result.blank:
            proven.update(equation.cells)
    return findings, proven
