"""Rules that are no sums: functions registered under the ids of rules.yaml, checked both ways."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from codebook.records import Finding, Number, Place, Severity
from codebook.rules import Rule, Scope, fields, load_rules
from tasks.validation.wording import show

# What every message may speak of: these are the finding's own fields.
COMMON_FIELDS = frozenset({"expected", "actual", "sentence"})

Check = Callable[..., Iterable[Finding]]


class Registered(NamedTuple):
    """A function with the scope that it serves, the placeholders that it fills and the options that it reads."""

    function: Check
    scope: Scope
    fields: frozenset[str]
    options: frozenset[str]


FUNCTIONS: dict[str, Registered] = {}


def rule(
    name: str, *, fields: Iterable[str] = (), options: Iterable[str] = (), scope: Scope = Scope.REPORT
) -> Callable[[Check], Check]:
    """Register a function as the rule ``name``. Called with the rule's row and what its scope looks at, it yields findings."""

    def register(function: Check) -> Check:
        if name in FUNCTIONS:
            raise ValueError(f"rule {name} is registered twice")
        FUNCTIONS[name] = Registered(function, scope, frozenset(fields), frozenset(options))
        return function

    return register


def check_registry() -> None:
    """Each rule is a sum or a function, not both; its placeholders are filled, its options are read. Raises ValueError."""
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
        wrong += [f"{name}: option {option} is not both given and read" for option in set(row.options) ^ known.options]
    if wrong:
        raise ValueError("rules: " + "; ".join(wrong))


def finding(
    name: str,
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
    """A finding of the rule ``name``, its message filled, with ``note`` behind it.

    Raises KeyError when a placeholder of the message is not given.
    """
    shown = {
        "expected": "" if expected is None else show(expected),
        "actual": "" if actual is None else show(actual),
        "sentence": sentence or "",
    }
    text = row.messages[message].format(**{**shown, **(filled or {})}) + note
    return Finding(name, severity or row.severity, text, tuple(cells), expected, actual, sentence, place)
