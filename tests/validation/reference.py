"""The page on the rules, made of their data and of the examples: ``python -m tests.validation.reference > docs/rules.md``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from codebook.book import load_book
from codebook.filings import FiledReport
from codebook.records import Finding, Number, Report, Snapshot, State
from codebook.rules import FILES, Rule, RuleScope, load_rules
from tasks.loading.editions import arrange
from tasks.loading.relate import relate_filing
from tasks.validation.rules.between_reports import compare_region, compare_years
from tasks.validation.validate import validate
from tests.validation.examples import CASES
from tests.validation.makers import make, sections
from tests.validation.precision import FIGURES

_HEAD = """# Rules

Each rule with the law that it comes from, when it does not apply, and two examples: one that breaks it, with what an office
then reads, and one like it that keeps it. Messages, limits and words of a rule stand in `codebook/data/rules/`;
[how-to.md](how-to.md) says how to change a rule and how to add one. An example names only what matters: all other cells are 0,
all other chapters are there and say nothing. This page is made by `python -m tests.validation.reference`; what is measured beside
a rule is counted by `python -m tests.validation.precision`, on generated reports with sentences in wordings of real ones.
"""
_TITLES = {
    "tables": "The tables of a report",
    "text": "The text beside the tables",
    "completeness": "What a report must have",
    "years": "One agency, two consecutive years",
    "region": "A government and the bodies under it, one year",
    "filing": "The documents of one agency on one year",
}
_USUAL = "安宁市城市管理局"  # who reports, where an example does not say it


def rules_page() -> str:
    """Return the whole page."""
    parts = [_HEAD]
    for name in FILES:
        rules = [rule for rule in load_rules().values() if rule.file == name]
        lines = [f"## {_TITLES[name]}", f"`codebook/data/rules/{name}.yaml`", ""]
        lines += ["| rule | severity | what must hold |", "|---|---|---|"]
        lines += [f"| [{rule.id}](#{rule.id.replace('.', '')}) | {rule.severity} | {rule.words} |" for rule in rules]
        parts += ["\n".join(lines) + "\n", *map(_section, rules)]
    return "\n".join(parts)


def _section(rule: Rule) -> str:
    case = CASES[rule.id]
    bad, good = case.bad(make), case.good(make)
    (found,) = (finding for finding in _findings(rule.scope, bad) if finding.rule == rule.id)
    lines = [f"### {rule.id}", f"{rule.words[:1].upper()}{rule.words[1:]}.", ""]
    lines += [f"Severity: {rule.severity}. {_forms(rule)} Law: {rule.law}.", ""]
    if rule.scope is not RuleScope.FILING:
        lines += [_measured(rule), ""]
    if rule.exceptions:
        lines += ["Not applied:", *(f"- {exception}" for exception in rule.exceptions), ""]
    lines += ["Breaks it:", *_told(bad), "", f"> {found.message}", "", "Keeps it:", *_told(good)]
    return "\n".join(lines) + "\n"


def _measured(rule: Rule) -> str:
    """How often the rule accused generated reports that are right, with true sentences (tests.validation.precision)."""
    figures = json.loads(FIGURES.read_text())
    if rule.scope is not RuleScope.REPORT:
        between = figures["false_between"].get(rule.id, 0)
        return f"Measured: {between} false errors or warnings in {figures['pairs']:,} pairs of generated reports that are right."
    false = figures["false"].get(rule.id, 0)
    return f"Measured: {false} false errors or warnings in {figures['reports']:,} generated reports that are right."


def _findings(scope: RuleScope, example: Any) -> tuple[Finding, ...]:
    if scope is RuleScope.REPORT:
        return validate(example).findings
    if scope is RuleScope.FILING:
        return tuple(found for *_, found in relate_filing(example[0].agency, 2022, arrange(example, 2022)))
    return compare_years(*example) if scope is RuleScope.YEARS else compare_region(*example)


def _forms(rule: Rule) -> str:
    every = tuple(load_book().forms)
    if rule.forms == every:
        return "All forms."
    if len(rule.forms) == 1:
        return f"Form {rule.forms[0]}."
    return f"Forms {rule.forms[0]} to {rule.forms[-1]}." if rule.forms[-1] != every[-1] else f"Forms from {rule.forms[0]} on."


def _told(example: Any) -> list[str]:
    """An example as a list: what of it is not as usual."""
    if isinstance(example, Report):
        return _items(_report(example))
    if isinstance(example[1], FiledReport):
        return [f"- `{one.path}`: {_cells({c: cell.value for c, cell in one.cells.items() if cell.value})}" for one in example]
    if isinstance(example[1], Snapshot):
        return [item for one in example for item in _items(_snapshot(one, f"{one.year}: "))]
    parent, children, expected = example
    told = [item for one in (parent, *children) for item in _items(_snapshot(one, f"{one.agency}: "))]
    return [*told, *([f"- expected to report: {'、'.join(each.agency for each in expected)}"] if expected else [])]


def _items(lines: Iterable[str]) -> list[str]:
    return [f"- {line}" for line in lines] or ["- nothing out of the ordinary"]


def _cells(values: Mapping[str, Number | None]) -> str:
    return ", ".join(f"`{cell}` {'blank' if value is None else value}" for cell, value in values.items())


def _snapshot(one: Snapshot, who: str) -> Iterator[str]:
    if one.values:
        yield who + _cells(one.values)
    for number, text in one.sections:
        yield f"{who}chapter {number} says “{text}”"


def _not_read(report: Report) -> Iterator[str]:
    if report.missing_pages:
        yield f"page images {', '.join(map(str, report.missing_pages))} did not come in"
    if unseen := [r.indicator for r in report.readings if r.state is State.NOT_SEEN]:
        yield f"not in the document: {', '.join(f'`{cell}`' for cell in unseen)}"
    if empty := {r.indicator.partition(".")[0] for r in report.readings if r.doubt == "empty"}:
        yield f"table {', '.join(f'`{block}`' for block in sorted(empty))} is empty"
    if report.page_gaps:
        yield f"no page has the printed number {', '.join(map(str, report.page_gaps))}"


def _unusual(values: Mapping[str, Number | None]) -> Iterator[str]:
    if values and all(value is None for value in values.values()):
        yield "every cell blank"
    elif told := {cell: value for cell, value in values.items() if value != 0}:
        yield _cells(told)


def _report(report: Report) -> Iterator[str]:
    if report.agency != _USUAL or report.published_on:
        published = f", published on {report.published_on}" if report.published_on else ""
        yield f"report of {report.agency} on {report.year}{published}"
    values = {r.indicator: None if r.state is State.MISSING else r.value for r in report.readings if not r.state.unsettled}
    yield from _unusual(values)
    printed = {load_book().indicators[cell].block for cell in values}
    yield from _not_read(report)
    unreadable = {seen.block: seen.note for seen in report.blocks if not seen.readable}
    for block in load_book().forms[report.form].blocks:
        if block in unreadable:
            yield f"table `{block}` cannot be read{f': {unreadable[block]}' if unreadable[block] else ''}"
        elif block not in printed:
            yield f"no table `{block}`"
    for cell in load_book().of_form(report.form):
        if cell.block == "statistics" and cell.id not in values:
            yield f"no row `{cell.id}`"
    for extra in report.extras:
        yield f"a printed subtotal `{extra.block}.{extra.row}.{extra.column}` {extra.raw}"
    for statement in report.statements:
        yield f"the text says “{statement.sentence}”"
    usual = {section.number: section for section in sections()}
    for number in usual.keys() - {section.number for section in report.sections}:
        yield f"no chapter {number}"
    for section in report.sections:
        if section.text != usual[section.number].text:
            yield f"{'the preface' if section.number is None else f'chapter {section.number}'} says “{section.text}”"


if __name__ == "__main__":
    sys.stdout.write(rules_page())
