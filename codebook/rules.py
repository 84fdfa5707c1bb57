"""The rules that a report, a series of reports and a region must satisfy, loaded from ``data/rules/`` into frozen records.

A rule that is a sum is rows of weighted terms (:class:`Sum`): :func:`expand` writes them out for the cells that a report prints,
:func:`evaluate` computes one of them under the one null rule. A rule that is no sum is a function of ``tasks.validation.rules``
that names the same id. Ids never change.

>>> load_rules()["requests.balance"].sums[0].relation
<Relation.EQUAL: '='>
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import cache, lru_cache
from string import Formatter
from typing import Any, Literal, NamedTuple

import msgspec

from codebook import data
from codebook.book import Codebook, load_book, take_forms
from codebook.records import LightRecord, Number, Record, Severity
from codebook.text.numbers import exact

# What the message of a sum may speak of; `year` and `last_year` only between years.
SUM_FIELDS = frozenset(
    {"table", "row", "column", "left_terms", "right_terms", "left", "right", "difference", "year", "last_year"}
)
# Cells of two reports stand in one mapping: earlier:<id> and later:<id>.
PREFIXES = ("earlier:", "later:")

Side = Literal["left", "right"]


class RuleScope(StrEnum):
    """What a rule looks at: one report, one agency's reports on two consecutive years, a body and those under it, or two
    documents of one filing.
    """

    REPORT = "report"
    YEARS = "years"
    REGION = "region"
    FILING = "filing"


# The files, in the order in which findings are listed, each with what its rules look at.
FILES: dict[str, RuleScope] = {
    "tables": RuleScope.REPORT,
    "text": RuleScope.REPORT,
    "completeness": RuleScope.REPORT,
    "years": RuleScope.YEARS,
    "region": RuleScope.REGION,
    "filing": RuleScope.FILING,
}


class Relation(StrEnum):
    """How the left side of a sum must stand to the right one."""

    EQUAL = "="
    AT_MOST = "<="
    AT_LEAST = ">="


class Softening(Record, frozen=True):
    """An exception of a sum: when ``greater`` is the greater side and the text has one of ``phrases``, it weighs less."""

    greater: Side
    phrases: tuple[str, ...]
    severity: Severity
    message: str


class Sum(Record, frozen=True):
    """``left relation right``, both weighted terms: indicator pattern -> weight.

    ``{row}`` or ``{column}`` in a pattern runs over the rows or columns of ``block`` (of those in ``only``, if given). ``*``
    means those rows that the report prints; a pattern without it must be printed, or the sum does not run; ``a | b`` means a
    where it is printed, else b. ``stated`` sides must hold a number (else nothing was said that could be wrong), ``at_least``
    are values below which the sum says nothing, ``absent`` must not be printed; ``years`` bound the (later) report's year.
    """

    left: dict[str, Number]
    relation: Relation
    right: dict[str, Number]
    block: str | None = None
    over: Literal["row", "column"] | None = None
    only: tuple[str, ...] = ()
    stated: tuple[Side, ...] = ()
    at_least: dict[str, Number] = msgspec.field(default_factory=dict)
    absent: tuple[str, ...] = ()
    years: tuple[int | None, int | None] = (None, None)
    severity: Severity | None = None
    message: str = "main"
    soft: Softening | None = None


class Rule(Record, frozen=True):
    """One rule. ``words`` say in English what must hold, ``law`` where it comes from, ``exceptions`` when it does not hold.

    ``messages`` are Chinese templates by name ("main" is the usual one). ``options`` are what its function needs to know, as
    they stand in the file: the function declares their type. ``id``, ``file`` (of FILES) and ``scope`` follow from where the
    rule stands, ``forms`` from its ``since``, ``until`` and ``form``. ``pack`` names the pack that changed the rule or made it,
    with its version (codebook.rule_packs), and ``points`` are what a finding of it costs there.
    """

    id: str
    file: str
    scope: RuleScope
    severity: Severity
    forms: tuple[str, ...]
    words: str
    law: str
    messages: dict[str, str]
    exceptions: tuple[str, ...] = ()
    sums: tuple[Sum, ...] = ()
    options: dict[str, Any] = msgspec.field(default_factory=dict)
    pack: str | None = None
    points: float | None = None


class RuleSet:
    """Rules that hold together for a report: those of the data files, or with what the packs of a region change of them.

    Two sets are the same only when they are one object, so that what was computed for a set can be kept.
    """

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self.rules = dict(rules)
        self.order = {name: place for place, name in enumerate(self.rules)}


class Equation(NamedTuple):
    """One sum written out for cells that a report prints. ``at`` is the slug of the row or column that it belongs to."""

    rule: str
    sum: Sum
    at: str | None
    left: tuple[tuple[str, Number], ...]
    right: tuple[tuple[str, Number], ...]
    cells: tuple[str, ...]

    @property
    def is_identity(self) -> bool:
        """Whether both sides are equal when the report is right: then it pins its cells."""
        return self.sum.relation is Relation.EQUAL


class SumResult(LightRecord, frozen=True):
    """An equation computed: whether it holds, its two sides, and whether blank cells were taken as 0 for it."""

    holds: bool
    left: Number
    right: Number
    blank: bool


def evaluate(equation: Equation, values: Mapping[str, Number | None], unsettled: Collection[str] = ()) -> SumResult | None:
    """Compute an equation under the null rule; ``values`` hold None for a blank cell.

    None when it says nothing: a cell of it is doubtful or was not seen (``unsettled``), a side that must be stated is blank, or a
    guard is not reached.
    With blank cells it is tried with blank = 0, and the result says so.
    """
    total = {"left": 0.0, "right": 0.0}
    blank = False
    for side, terms in (("left", equation.left), ("right", equation.right)):
        stated = False
        for cell, weight in terms:
            if cell in unsettled:
                return None
            value = values.get(cell)
            if value is None:
                blank = True
            else:
                stated = True
                total[side] += weight * value
        if not stated and side in equation.sum.stated:
            return None
    if any((values.get(cell) or 0) < least for cell, least in equation.sum.at_least.items()):
        return None
    left, right = exact(total["left"]), exact(total["right"])
    relation = equation.sum.relation
    holds = left == right or (relation is Relation.AT_MOST and left < right) or (relation is Relation.AT_LEAST and left > right)
    return SumResult(holds, left, right, blank)


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", r"[^.]+"))


def _printed(pattern: str, printed: Collection[str]) -> list[str] | None:
    """The cells that a term means, in the report's order; None when a cell that must be printed is not."""
    for alternative in pattern.split(" | "):
        if "*" not in alternative:
            if alternative in printed:
                return [alternative]
        elif found := [cell for cell in printed if _pattern(alternative).fullmatch(cell)]:
            return found
    return [] if "*" in pattern else None


def _terms(
    side: Mapping[str, Number], where: Mapping[str, str], printed: Collection[str]
) -> tuple[tuple[str, Number], ...] | None:
    terms: list[tuple[str, Number]] = []
    for pattern, weight in side.items():
        found = _printed(pattern.format(**where), printed)
        if found is None:
            return None
        terms += [(cell, weight) for cell in found]
    return tuple(terms) or None


def members(row: Sum, book: Codebook) -> tuple[str | None, ...]:
    """The slugs that a sum runs over: of its block's rows or columns, or (None,) when it runs once."""
    if row.over is None or row.block is None:
        return (None,)
    block = book.blocks[row.block]
    return row.only or tuple(block.rows if row.over == "row" else block.columns)


@lru_cache(maxsize=512)
def expand(printed: tuple[str, ...], scope: RuleScope, rules: RuleSet | None = None) -> tuple[Equation, ...]:
    """All sums of ``scope`` written out for a report that prints the cells ``printed``, in the order of the rules.

    Without ``rules``, those of the data files: what settles a doubt or proves a number is never a sum of a pack.
    """
    book, present = load_book(), dict.fromkeys(printed)
    found: list[Equation] = []
    for name, rule in (rules.rules if rules else load_rules()).items():
        for row in rule.sums if rule.scope is scope else ():
            if any(cell in present for cell in row.absent):
                continue
            for at in members(row, book):
                where: dict[str, str] = {row.over: at} if row.over and at else {}
                left, right = _terms(row.left, where, present), _terms(row.right, where, present)
                if left and right:
                    found.append(Equation(name, row, at, left, right, tuple(cell for cell, _ in left + right)))
    return tuple(found)


def plain(cell: str) -> str:
    """The indicator id of a cell of two reports: without ``earlier:`` and ``later:``."""
    return cell.partition(":")[2] if cell.startswith(PREFIXES) else cell


@cache
def year_cells() -> frozenset[str]:
    """The indicators that stand in the sums between two years of the data files."""
    printed = tuple(f"{when}{cell}" for when in PREFIXES for cell in load_book().indicators)
    return frozenset(plain(cell) for equation in expand(printed, RuleScope.YEARS) for cell in equation.cells)


def fields(template: str) -> set[str]:
    """The names of the placeholders of a message template."""
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


def rule_problems(rule: Rule, book: Codebook) -> list[str]:
    """Return what is wrong with a rule: indicators, messages and placeholders that its sums name and that there are not."""
    wrong = [] if "main" in rule.messages else ["no main message"]
    for row in rule.sums:
        used = [row.message, row.soft.message] if row.soft else [row.message]
        wrong += [f"no message {message}" for message in used if message not in rule.messages]
        for message in used:
            wrong += [f"unknown placeholder {field}" for field in fields(rule.messages.get(message, "")) - SUM_FIELDS]
        for at in members(row, book):
            where: dict[str, str] = {row.over: at} if row.over and at else {}
            for pattern in (*row.left, *row.right, *row.at_least, *row.absent):
                for one in pattern.format(**where).split(" | "):
                    if not any(_pattern(plain(one)).fullmatch(cell) for cell in book.indicators):
                        wrong.append(f"no indicator {one}")
    return sorted(set(wrong))


def _check(rules: Mapping[str, Rule], book: Codebook) -> None:
    """Every indicator, form, message and placeholder that a sum names exists. Raises ValueError with all that is wrong."""
    wrong = [f"{name}: {problem}" for name, rule in rules.items() for problem in rule_problems(rule, book)]
    if wrong:
        raise ValueError("rules: " + "; ".join(wrong))


def _read(name: str, scope: RuleScope, forms: Sequence[str]) -> Iterator[Rule]:
    """The rules of a file."""
    rows = msgspec.yaml.decode(data.read(f"rules/{name}.yaml"), type=dict[str, dict[str, Any]])
    for rule, row in rows.items():
        if given := row.keys() & {"id", "file", "scope", "pack", "points"}:
            raise ValueError(f"{rule}: {sorted(given)} follow from where the rule stands")
        row |= {"forms": take_forms(row, forms, rule), "id": rule, "file": name, "scope": scope}
        yield msgspec.convert(row, Rule)


@cache
def load_rules() -> dict[str, Rule]:
    """The rules by id, checked, in the order in which findings are listed.

    Raises msgspec.ValidationError on an unknown key, ValueError on a bad reference or a file that is not among FILES.
    """
    book = load_book()
    if wrong := set(data.names("rules")) ^ {f"rules/{name}.yaml" for name in FILES}:
        raise ValueError(f"rules: files {sorted(wrong)} are not both there and named in codebook.rules.FILES")
    read = [rule for name, scope in FILES.items() for rule in _read(name, scope, tuple(book.forms))]
    rules = {rule.id: rule for rule in read}
    if len(rules) != len(read):
        raise ValueError("rules: an id stands in two files")
    _check(rules, book)
    return rules


@cache
def national() -> RuleSet:
    """Return the rules of the data files as a set (see :func:`load_rules`)."""
    return RuleSet(load_rules())
