"""Reading packs: a file becomes a pack, or a list of all that is wrong with it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from codebook.book import load_book
from codebook.rule_packs.packs import EVERYWHERE, ChangedRule, OwnRule, Pack, Packs, changed, own_rule
from codebook.rules import SUM_FIELDS, Rule, RuleScope, fields, load_rules, rule_problems

SUFFIXES = (".yaml", ".yml")
MOST_BYTES = 1_000_000
"""Of a file with a pack."""
MOST_NAME = 60
"""Characters of the id of a pack or of a rule."""

_ID = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
_RULE_ID = re.compile(r"[a-z0-9_]+(?:\.[a-z0-9_]+)+")
_STEP = re.compile(r"\.([A-Za-z_]\w*)|\[(\d+|\.\.\.)\]")
_ALWAYS_FILLED = frozenset({"expected", "actual", "sentence"})
_KINDS: tuple[tuple[type, ...], ...] = ((bool,), (int, float), (str,), (list,), (dict,), (type(None),))

KeyPath = tuple[str | int, ...]


class PackProblem(NamedTuple):
    """What is wrong in a file: its name, the line (from 1), the key that it is about, and what was found and expected."""

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.key + ': ' if self.key else ''}{self.message}"


class PackError(ValueError):
    """A pack cannot be used; ``problems`` are all that is wrong."""

    def __init__(self, problems: Sequence[PackProblem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


def read_packs(folder: Path) -> Packs:
    """Read all packs of a folder: its files that end in .yaml or .yml. Raises PackError with all that is wrong."""
    if not folder.is_dir():
        raise PackError([PackProblem(str(folder), 1, "", "no such folder; expected a folder of YAML files")])
    packs: list[tuple[str, Pack]] = []
    wrong: list[PackProblem] = []
    for path in sorted(p for p in folder.iterdir() if p.suffix in SUFFIXES and not p.name.startswith(".")):
        try:
            packs.append((path.name, read_pack(path)))
        except PackError as error:
            wrong += error.problems
    wrong += _conflicts(packs)
    if wrong:
        raise PackError(wrong)
    return Packs(pack for _, pack in packs)


def read_pack(path: Path) -> Pack:
    """Read the pack in a file. Raises PackError with all that is wrong with it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PackError([PackProblem(path.name, 1, "", f"{error.strerror}; expected a file that can be read")]) from error
    if len(content) > MOST_BYTES:
        raise PackError([PackProblem(path.name, 1, "", f"{len(content):,} bytes; expected at most {MOST_BYTES:,}")])
    return parse_pack(content, path.name)


def parse_pack(content: bytes, file: str) -> Pack:
    """Return the pack that ``content`` says; ``file`` names it in errors. Raises PackError with all that is wrong."""
    try:
        text = content.decode("utf-8-sig")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        found = yaml.safe_load(text)
    except UnicodeDecodeError as error:
        raise PackError([PackProblem(file, 1, "", f"no UTF-8 (byte {error.start}); expected YAML in UTF-8")]) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise PackError([PackProblem(file, mark.line + 1 if mark else 1, "", _said(error))]) from error
    except (ValueError, RecursionError) as error:  # a date that there is not, an endless nesting
        raise PackError([PackProblem(file, 1, "", str(error)[:200])]) from error
    return _Reading(file, node).pack(found)


def _said(error: yaml.YAMLError) -> str:
    return f"no YAML: {getattr(error, 'problem', None) or str(error).splitlines()[0]}"


def _conflicts(packs: Sequence[tuple[str, Pack]]) -> Iterator[PackProblem]:
    """Packs of one id, and packs of one region and year that change the same rule: which of them holds would be chance."""
    for at, (file, pack) in enumerate(packs):
        for other_file, other in packs[:at]:
            if pack.id == other.id:
                yield PackProblem(file, 1, "id", f"{pack.id} is the id of {other_file} too; expected an id of its own")
            same = {*pack.rules, *pack.own} & {*other.rules, *other.own}
            if pack.chain == other.chain and _meet(pack.years, other.years) and same:
                names = ", ".join(sorted(same))
                yield PackProblem(file, 1, "rules", f"{other_file} changes {names} for the same region and years")


def _meet(one: tuple[int | None, int | None], other: tuple[int | None, int | None]) -> bool:
    first, last = max(one[0] or 0, other[0] or 0), min(one[1] or 9999, other[1] or 9999)
    return first <= last


class _Reading:
    """A file being read: where each key stands, and what is wrong so far."""

    def __init__(self, file: str, node: yaml.Node | None) -> None:
        self._file = file
        self._lines: dict[KeyPath, int] = {}
        self._wrong: list[PackProblem] = []
        if node is not None:
            self._locate(node, (), set())

    def _locate(self, node: yaml.Node, path: KeyPath, above: set[int]) -> None:
        self._lines.setdefault(path, node.start_mark.line + 1)
        if id(node) in above:  # an anchor that holds itself
            return
        above = above | {id(node)}
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                name = str(key.value)
                if name in seen:
                    self._add((*path, name), "said twice", key.start_mark.line + 1)
                seen.add(name)
                self._lines.setdefault((*path, name), key.start_mark.line + 1)
                self._locate(value, (*path, name), above)
        elif isinstance(node, yaml.SequenceNode):
            for place, value in enumerate(node.value):
                self._locate(value, (*path, place), above)

    def _add(self, path: KeyPath, message: str, line: int | None = None) -> None:
        at = path
        while line is None:
            line = self._lines.get(at) if at else self._lines.get((), 1)
            at = at[:-1]
        self._wrong.append(PackProblem(self._file, line, ".".join(map(str, path)), message))

    def _convert(self, value: Any, kind: Any, path: KeyPath) -> Any:
        """``value`` as ``kind``; None when it does not fit, which is noted."""
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            what, _, where = str(error).partition(" - at `$")
            steps = tuple(_step(name, place) for name, place in _STEP.findall(where))
            self._add((*path, *steps), what)
            return None

    def pack(self, found: Any) -> Pack:
        """The pack. Raises PackError."""
        if not isinstance(found, dict):
            self._add((), "expected a mapping with the keys id, version, region, years and rules or own")
            raise PackError(self._wrong)
        head = {key: value for key, value in found.items() if key not in ("rules", "own")}
        pack = self._convert(head, Pack, ())
        rules = self._each(found, "rules", ChangedRule)
        own = self._each(found, "own", OwnRule)
        for name, change in rules.items():
            self._check_change(name, change)
        for name, row in own.items():
            self._check_own(name, row)
        if pack is not None:
            self._check_head(pack)
            if not (rules or own or pack.score) and not self._wrong:
                self._add((), "it changes nothing; expected rules, own or score")
        if self._wrong or pack is None:
            raise PackError(sorted(set(self._wrong), key=lambda problem: (problem.line, problem.key)))
        complete: Pack = msgspec.structs.replace(pack, rules=rules, own=own)
        return complete

    def _each(self, found: Mapping[str, Any], part: str, kind: Any) -> dict[str, Any]:
        rows = found.get(part)
        if rows is None:
            return {}
        if not isinstance(rows, dict):
            self._add((part,), "expected a mapping from ids of rules")
            return {}
        read = {str(name): self._convert(row or {}, kind, (part, str(name))) for name, row in rows.items()}
        return {name: row for name, row in read.items() if row is not None}

    def _check_head(self, pack: Pack) -> None:
        if not _ID.fullmatch(pack.id) or len(pack.id) > MOST_NAME:
            self._add(("id",), f"{pack.id!r}; expected small letters, digits and hyphens, {MOST_NAME} at most")
        if not 0 < len(pack.version) <= 19 or "@" in pack.version:
            self._add(("version",), "expected 1 to 19 characters")
        if not pack.region.strip():
            self._add(("region",), f"expected the names from the province down (a/b), or {EVERYWHERE!r}")
        first, last = pack.years
        if first is not None and last is not None and first > last:
            self._add(("years",), f"{first} is later than {last}; expected the first and the last year")

    def _check_change(self, name: str, change: ChangedRule) -> None:
        path = ("rules", name)
        rule = load_rules().get(name)
        if rule is None:
            near = difflib.get_close_matches(name, load_rules(), 1)
            self._add(path, "no such rule" + (f"; did you mean {near[0]}?" if near else "; see `gongkai rules list --all`"))
            return
        if rule.scope is RuleScope.FILING:
            self._add(path, "rules on the documents of a filing hold everywhere; a pack does not change them")
        for key, value in change.options.items():
            if key not in rule.options:
                known = ", ".join(rule.options) or "none"
                self._add((*path, "options", key), f"no option of {name}; its options are: {known}")
            else:
                self._same_kind(value, rule.options[key], (*path, "options", key))
        filled = SUM_FIELDS if rule.sums else {*_ALWAYS_FILLED, *(f for text in rule.messages.values() for f in fields(text))}
        for key, text in change.messages.items():
            if key not in rule.messages:
                self._add((*path, "messages", key), f"no message of {name}; its messages are: {', '.join(rule.messages)}")
            self._check_text(text, filled, (*path, "messages", key))
        if change.sums and not rule.sums:
            self._add((*path, "sums"), f"{name} is no sum: options are what can be changed of it")
        elif change.sums:
            self._check_sums(changed(rule, change, ""), path)

    def _check_own(self, name: str, own: OwnRule) -> None:
        path = ("own", name)
        if name in load_rules():
            self._add(path, "this is a rule already: change it under rules")
        if not _RULE_ID.fullmatch(name) or len(name) > MOST_NAME:
            self._add(path, f"expected an id such as city.staff: small letters and digits, a dot, {MOST_NAME} characters at most")
        if own.scope not in (RuleScope.REPORT, RuleScope.YEARS):
            self._add((*path, "scope"), f"{own.scope}; expected report or years")
            return
        if not own.sums:
            self._add((*path, "sums"), "expected at least one sum")
        for key, text in own.messages.items():
            self._check_text(text, SUM_FIELDS, (*path, "messages", key))
        self._check_sums(own_rule(name, own, ""), path)

    def _check_sums(self, rule: Rule, path: KeyPath) -> None:
        try:
            wrong = rule_problems(rule, load_book())
        except (KeyError, ValueError, IndexError) as error:
            wrong = [f"{type(error).__name__}: {error}"]
        for problem in wrong:
            if problem.startswith("unknown placeholder"):
                continue  # said with the line of the message
            named = problem.rpartition(" ")[2]
            self._add(next((at for at in self._lines if at[: len(path)] == path and at[-1] == named), (*path, "sums")), problem)

    def _check_text(self, text: str, known: Iterable[str], path: KeyPath) -> None:
        try:
            used = fields(text)
        except ValueError as error:
            self._add(path, f"{error}; expected text with placeholders such as {{left}}")
            return
        for field in sorted(used - set(known)):
            self._add(path, f"unknown placeholder {{{field}}}; known are: {', '.join(sorted(known))}")

    def _same_kind(self, value: Any, usual: Any, path: KeyPath) -> None:
        """Note where ``value`` is of another kind than ``usual``, the value of the data files."""
        kind = next(kinds for kinds in _KINDS if type(usual) in kinds)
        if type(value) not in kind:
            self._add(path, f"{type(value).__name__}; expected {kind[-1].__name__}, as in {usual!r}")
        elif isinstance(usual, dict):
            for key in {*usual} ^ {*value}:
                self._add((*path, str(key)), "expected the keys " + ", ".join(map(str, usual)))
            for key in {*usual} & {*value}:
                self._same_kind(value[key], usual[key], (*path, str(key)))
        elif isinstance(usual, list) and usual:
            for place, one in enumerate(value):
                self._same_kind(one, usual[0], (*path, place))


def _step(name: str, place: str) -> str | int:
    return name or (int(place) if place.isdigit() else place)
