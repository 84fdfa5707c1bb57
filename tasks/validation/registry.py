"""Rules that are no sums: functions that name the id of a rule of ``codebook/data/rules``, checked both ways against its row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from codebook.records import Finding, Number, Place, Record, Severity
from codebook.rules import Rule, RuleScope, RuleSet, fields, load_rules
from tasks.validation.wording import show

# What every message may speak of: these are the finding's own fields.
COMMON_FIELDS = frozenset({"expected", "actual", "sentence"})

Options = TypeVar("Options", bound=Record)
Subject = TypeVar("Subject")


class NoOptions(Record, frozen=True):
    """What the function of a rule without options reads."""


class Bound(NamedTuple, Generic[Options]):
    """A rule's row of the data files, with its options as its function reads them."""

    rule: Rule
    options: Options


@dataclass(frozen=True)
class RuleFunction(Generic[Options, Subject]):
    """A function with the id of its rule, what it looks at, the placeholders that it fills and the type of its options.

    Called with what its scope looks at (facts, a pair of years, an area) it yields findings.
    """

    id: str
    function: Callable[[Bound[Options], Subject], Iterable[Finding]]
    scope: RuleScope
    fields: frozenset[str]
    options: type[Options]

    @cached_property
    def bound(self) -> Bound[Options]:
        """The rule's row and options. Raises msgspec.ValidationError when an option lacks, is unknown or of another type."""
        row = load_rules()[self.id]
        return Bound(row, msgspec.convert(row.options, self.options))

    def bound_in(self, rules: RuleSet | None) -> Bound[Options] | None:
        """The rule's row and options in a set of rules (None: those of the data files); None where the set lacks the rule."""
        return self.bound if rules is None else _bound(self, rules)

    def __call__(self, subject: Subject, rules: RuleSet | None = None) -> Iterable[Finding]:
        bound = self.bound_in(rules)
        return () if bound is None else self.function(bound, subject)


@lru_cache(maxsize=4096)
def _bound(function: RuleFunction[Options, Any], rules: RuleSet) -> Bound[Options] | None:
    row = rules.rules.get(function.id)
    return None if row is None else Bound(row, msgspec.convert(row.options, function.options))


FUNCTIONS: dict[str, RuleFunction[Any, Any]] = {}


def rule(
    name: str,
    *,
    fields: Iterable[str] = (),
    options: type[Options] = NoOptions,  # type: ignore[assignment]  # mypy: a default for a type variable
    scope: RuleScope = RuleScope.REPORT,
) -> Callable[[Callable[[Bound[Options], Subject], Iterable[Finding]]], RuleFunction[Options, Subject]]:
    """Make a function that of the rule ``name``. ``fields`` are the placeholders that it fills in the rule's messages."""

    def register(function: Callable[[Bound[Options], Subject], Iterable[Finding]]) -> RuleFunction[Options, Subject]:
        if name in FUNCTIONS:
            raise ValueError(f"rule {name} is registered twice")
        made = RuleFunction(name, function, scope, frozenset(fields), options)
        FUNCTIONS[name] = made
        return made

    return register


def checks(scope: RuleScope) -> tuple[RuleFunction[Any, Any], ...]:
    """Return the functions of a scope in the order of the rules. Raises ValueError when rows and functions do not fit."""
    check_registry()
    return tuple(FUNCTIONS[name] for name, row in load_rules().items() if row.scope is scope and not row.sums)


def check_registry() -> None:
    """Check that each rule is a sum or a function, not both, that its placeholders are filled and its options read.

    Raises ValueError with all that is wrong.
    """
    rules = load_rules()
    wrong = [f"{name}: a function without a row" for name in FUNCTIONS if name not in rules]
    for name, row in rules.items():
        known = FUNCTIONS.get(name)
        if (known is None) == (not row.sums):
            wrong.append(f"{name}: must be either sums or a function")
        if known is None:
            wrong += [f"{name}: option {option} is not read" for option in row.options]
            continue
        wrong += [f"{name}: scope {row.scope} is not the function's"] if row.scope is not known.scope else []
        used = {field for message in row.messages.values() for field in fields(message)} - COMMON_FIELDS
        wrong += [f"{name}: placeholder {field} is not both filled and used" for field in used ^ known.fields]
        try:
            msgspec.convert(row.options, known.options)
        except msgspec.ValidationError as error:
            wrong.append(f"{name}: options: {error}")
        wrong += [f"{name}: option {option} is not given" for option in set(known.options.__struct_fields__) - row.options.keys()]
    if wrong:
        raise ValueError("rules: " + "; ".join(wrong))


def option_problems(rule: Rule) -> list[str]:
    """Return what is wrong with the options of a rule that is a function, as its function reads them."""
    known = FUNCTIONS.get(rule.id)
    try:
        msgspec.convert(rule.options, known.options if known else NoOptions)
    except msgspec.ValidationError as error:
        return [f"options: {error}"]
    return []


def finding(
    row: Rule,
    cells: Iterable[str] = (),
    filled: Mapping[str, object] | None = None,
    *,
    message: str = "main",
    severity: Severity | None = None,
    expected: Number | None = None,
    actual: Number | None = None,
    sentence: str | None = None,
    place: Place | None = None,
    note: str = "",
) -> Finding:
    """Return a finding of the rule, its message filled, with ``note`` behind it.

    Raises KeyError when a placeholder of the message is not given.
    """
    shown = {
        "expected": "" if expected is None else show(expected),
        "actual": "" if actual is None else show(actual),
        "sentence": sentence or "",
    }
    text = row.messages[message].format(**{**shown, **(filled or {})}) + note
    return Finding(row.id, severity or row.severity, text, tuple(cells), expected, actual, sentence, place, row.pack)
