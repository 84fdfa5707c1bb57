"""Packs, and the rules that they make of those of the data files. The packs of an installation are installed once a process."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from codebook.book import load_book
from codebook.records import Number, Record, Severity
from codebook.regions import load_regions
from codebook.rules import FILES, Rule, RuleScope, RuleSet, Sum, load_rules

EVERYWHERE = "*"

_SPLIT = re.compile(r"[/\s]+")


class ChangedRule(Record, frozen=True):
    """What a pack changes of a rule; what it leaves out stays. Not ``enabled``: the rule says nothing. ``messages``, ``options``
    change key by key, ``sums`` as a whole. ``points`` are what each finding costs.
    """

    enabled: bool = True
    severity: Severity | None = None
    words: str | None = None
    law: str | None = None
    messages: dict[str, str] = msgspec.field(default_factory=dict)
    options: dict[str, Any] = msgspec.field(default_factory=dict)
    sums: tuple[Sum, ...] = ()
    points: float | None = None


class OwnRule(Record, frozen=True):
    """A rule of the region's own: sums over the cells of one report, or (``scope`` years) of two."""

    severity: Severity
    words: str
    law: str
    messages: dict[str, str]
    sums: tuple[Sum, ...]
    scope: RuleScope = RuleScope.REPORT
    points: float | None = None


class Scoring(Record, frozen=True):
    """The score of a report: ``full`` points, less what its findings cost, by severity where a rule says nothing of its own; a
    rule costs at most ``most_a_rule``.
    """

    full: float = 100
    error: float = 0
    warning: float = 0
    info: float = 0
    most_a_rule: float | None = None


class Pack(Record, frozen=True):
    """A pack. ``region`` runs from the province down (江苏省/淮安市) or is ``*``; ``years`` are the first and the last year of
    the reports that it is for.
    """

    id: str
    version: str
    region: str
    years: tuple[int | None, int | None]
    title: str = ""
    rules: dict[str, ChangedRule] = msgspec.field(default_factory=dict)
    own: dict[str, OwnRule] = msgspec.field(default_factory=dict)
    score: Scoring | None = None

    @property
    def stamp(self) -> str:
        """The name that findings bear: id and version."""
        return f"{self.id}@{self.version}"

    @property
    def chain(self) -> tuple[str, ...]:
        """The names of the region, from the province down; none for the whole country."""
        if self.region == EVERYWHERE:
            return ()
        names = tuple(name for name in _SPLIT.split(self.region) if name)
        known = load_regions().chain(names)
        return known.chain if known else names

    def is_for(self, region: Sequence[str], code: str | None, year: int | None) -> bool:
        """Return whether the pack is for the report of an agency of this region (names from the province down, and its code) on
        this year.
        """
        first, last = self.years
        if year is None or (first is not None and year < first) or (last is not None and year > last):
            return False
        chain = self.chain
        if not chain:
            return True
        known = load_regions().chain(chain)
        if known is not None and code:
            return code.startswith(_prefix(known.code))
        return tuple(region[: len(chain)]) == chain


def _prefix(code: str) -> str:
    """The beginning that the codes of a region and of all within it share."""
    while len(code) > 2 and code.endswith("00"):
        code = code[:-2]
    return code


class Packs:
    """The packs of an installation."""

    def __init__(self, packs: Iterable[Pack] = ()) -> None:
        self.packs = tuple(sorted(packs, key=lambda pack: (len(pack.chain), pack.id)))
        self._sets: dict[tuple[str, ...], RuleSet] = {}

    def chosen(self, region: Sequence[str], code: str | None, year: int | None) -> tuple[Pack, ...]:
        """Return the packs that are for a report, those of larger regions first."""
        return tuple(pack for pack in self.packs if pack.is_for(region, code, year))

    def rules_for(self, region: Sequence[str], code: str | None, year: int | None) -> RuleSet | None:
        """Return the rules for a report; None where no pack changes those of the data files."""
        if not self.packs or not (chosen := self.chosen(region, code, year)):
            return None
        key = tuple(pack.id for pack in chosen)
        if key not in self._sets:
            self._sets[key] = overlaid(chosen)
        return self._sets[key]


def overlaid(packs: Iterable[Pack]) -> RuleSet:
    """Return the rules of the data files with what ``packs`` change of them, one after the other."""
    rules = dict(load_rules())
    for pack in packs:
        for name, change in pack.rules.items():
            if not change.enabled:
                rules.pop(name, None)
            elif name in rules:
                rules[name] = changed(rules[name], change, pack.stamp)
        for name, own in pack.own.items():
            rules[name] = own_rule(name, own, pack.stamp)
    return RuleSet(rules)


@lru_cache(maxsize=256)
def differences(before: RuleSet, after: RuleSet) -> tuple[RuleSet, RuleSet]:
    """Return the rules of two sets that are not the same in both: as ``before`` and as ``after`` have them.

    What the two sets find in a report differs by what these rules find: no rule looks at the findings of another.
    """
    return _without(before, after), _without(after, before)


def _without(rules: RuleSet, others: RuleSet) -> RuleSet:
    return RuleSet({name: rule for name, rule in rules.rules.items() if others.rules.get(name) != rule})


def changed(rule: Rule, change: ChangedRule, stamp: str) -> Rule:
    return msgspec.structs.replace(
        rule,
        severity=change.severity or rule.severity,
        words=change.words or rule.words,
        law=change.law or rule.law,
        messages=rule.messages | change.messages,
        options=rule.options | change.options,
        sums=change.sums or rule.sums,
        points=rule.points if change.points is None else change.points,
        pack=stamp,
    )


def own_rule(name: str, own: OwnRule, stamp: str) -> Rule:
    forms = tuple(load_book().forms)
    file = next(file for file, scope in FILES.items() if scope is own.scope)
    return Rule(name, file, own.scope, own.severity, forms, own.words, own.law, own.messages, (), own.sums, {}, stamp, own.points)


def points_of(rule: Rule | None, severity: Severity, scoring: Scoring) -> Number:
    """Return what a finding costs: what its rule says, else what its severity costs."""
    if rule is not None and rule.points is not None:
        return rule.points
    costs = {Severity.ERROR: scoring.error, Severity.WARNING: scoring.warning, Severity.INFO: scoring.info}
    return costs[severity]


# ---- the packs of this installation ---------------------------------------------------------------------------------------

_IN_USE: list[Packs] = [Packs()]


def install(packs: Packs) -> None:
    """Let this process use ``packs``: what it checks from now on is checked with them."""
    _IN_USE[0] = packs


def installed() -> Packs:
    """Return the packs that this process uses."""
    return _IN_USE[0]
