"""Checking that a regular expression matches in time linear in its input.

Python's engine backtracks. Two shapes make it slow on a text that somebody can write:

- *exponential*: a repetition that reads the same text in two ways, such as ``(?:按.{0,16}|了)*答复``;
- *quadratic*: two repetitions in a row that read the same text, where the search itself counts as one, since it begins again
  at each character: ``复议.*各`` reads the text to its end from each 复议.

:func:`weakness_of` finds both in the parse tree. The pattern becomes an automaton whose states are the characters of the pattern
(Glushkov's construction); a repetition is weak when one word leads two runs from a state back to it on different ways
(exponential), or leads one run round a first loop, one from the first loop to a second, and one round the second (quadratic).
See Weideman et al., "Analyzing matching time behavior of backtracking regular expression matchers by using ambiguity of NFA".

What helps: words of which none begins another; a gap or a repetition with a bound; a possessive repetition or an atomic group
(``*+``, ``(?>...)``); a word before the repetition that the repetition does not read; ``(?<!\\d)`` before ``\\d++``.

Bounded repetitions outside of unbounded ones cost a factor, not a power, and pass. A pattern that repeats, and has a
backreference, is refused.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any, Literal, NamedTuple

Method = Literal["search", "match", "fullmatch"]

_LONG = 10  # copies of a bounded repetition above which two ways to read one text are as bad as without a bound
_SAMPLES = "\0\n 0a_Zé中。"  # one character of each kind that a class may hold, besides those that the pattern names
_KINDS = {
    sre.CATEGORY_DIGIT: r"\d",
    sre.CATEGORY_NOT_DIGIT: r"\D",
    sre.CATEGORY_SPACE: r"\s",
    sre.CATEGORY_NOT_SPACE: r"\S",
    sre.CATEGORY_WORD: r"\w",
    sre.CATEGORY_NOT_WORD: r"\W",
}
# An unbounded repetition, or one of more than nine copies of a group; escaped characters are taken out before.
_MAY_BE_LONG = re.compile(r"\*|(?<!\d\})(?<![?*+])\+|,\}|\)\{\d*,?\d{2,}\}")
_REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT)
_SEARCH = -1  # the state of a search that has not begun to match


class Weakness(NamedTuple):
    """What makes a pattern slow: texts that repeat ``unit`` take exponential or quadratic time."""

    kind: Literal["exponential", "quadratic"]
    unit: str

    def __str__(self) -> str:
        return f"{self.kind} time for texts that repeat {self.unit!r}"


class _Part(NamedTuple):
    """A part of the pattern as an automaton.

    ``first`` maps the states that may come first to the characters (a bit each) that may stand before them; ``last`` are those
    that may come last, ``free`` those of them after which the pattern has matched whatever follows. ``twice`` says that the part
    may be empty in two ways.
    """

    nullable: bool
    first: dict[int, int]
    last: frozenset[int]
    free_nullable: bool
    free: frozenset[int]
    twice: bool = False


class _Loop(NamedTuple):
    """A long repetition: its states and one of them (all lie on one cycle), whether the engine may come back to try it again (not
    a possessive one), and whether it has a bound."""

    states: frozenset[int]
    one: int
    again: bool
    bounded: bool


class _Automaton:
    """The automaton of a parse tree. ``edges`` maps a state to its followers with the characters allowed before each."""

    def __init__(self, tree: Any, flags: int, method: Method) -> None:
        self.method = method
        self.samples = sorted({*_SAMPLES, *_named(tree)}, reverse=True)  # Chinese first: the words that are found read better
        self.bits = {sample: 1 << bit for bit, sample in enumerate(self.samples)}
        self.everything = (1 << len(self.samples)) - 1
        self.reads: list[int] = []
        self.edges: list[dict[int, int]] = []
        self.back: set[tuple[int, int]] = set()  # edges of possessive repetitions only
        self.double: set[tuple[int, int]] = set()  # edges by which two runs may take different ways
        self.loops: list[_Loop] = []
        self.atoms: list[frozenset[int]] = []  # states of atomic groups: once they have matched, nobody comes back
        self.twice: set[int] = set()  # states behind which a part may be empty in two ways
        self.limited = False  # whether some edge depends on the character before
        self.whole = self._sequence(tree, flags)
        self.free = self.whole.free if method != "fullmatch" else frozenset()
        self._keep_one_of_each_kind()

    def _keep_one_of_each_kind(self) -> None:
        """Leave one of the characters between which no state and no lookbehind makes a difference."""
        masks = {*self.reads, *self.whole.first.values(), *(before for edges in self.edges for before in edges.values())}
        kinds: dict[tuple[int, ...], int] = {}
        for bit in range(len(self.samples)):
            kinds.setdefault(tuple(mask >> bit & 1 for mask in masks), 1 << bit)
        self.everything = sum(kinds.values())
        self.reads = [characters & self.everything for characters in self.reads]

    def _state(self, characters: int) -> _Part:
        self.reads.append(characters)
        self.edges.append({})
        new = frozenset({len(self.reads) - 1})
        return _Part(False, dict.fromkeys(new, self.everything), new, False, new)

    def _join(self, last: Iterable[int], first: dict[int, int], *, possessive: bool = False) -> None:
        for state in last:
            for follower, before in first.items():
                known = follower in self.edges[state]
                if (known and (state, follower) not in self.back and not possessive) or state in self.twice:
                    self.double.add((state, follower))
                if possessive and not known:
                    self.back.add((state, follower))
                elif not possessive:
                    self.back.discard((state, follower))
                self.edges[state][follower] = self.edges[state].get(follower, 0) | before

    def _sequence(self, tree: Any, flags: int) -> _Part:
        whole = _Part(True, {}, frozenset(), True, frozenset())
        begin = self.everything  # what may stand before a state that begins the sequence
        ends: dict[int, int] = {}  # the states that come last so far, with the characters that a lookbehind allows there
        for op, value in tree:
            limit = self._limit(op, value, flags)
            if limit != self.everything:
                begin, ends, self.limited = begin & limit, {state: allowed & limit for state, allowed in ends.items()}, True
                whole = whole._replace(free=frozenset(), free_nullable=False)
                continue
            part = self._part(op, value, flags)
            for state, allowed in ends.items():
                self._join([state], {follower: before & allowed for follower, before in part.first.items()})
            if part.twice:
                self.twice |= ends.keys()
            first = {state: before & begin for state, before in part.first.items()} if whole.nullable else {}
            ends = {**(ends if part.nullable else {}), **dict.fromkeys(part.last, self.everything)}
            whole = _Part(
                whole.nullable and part.nullable,
                {**whole.first, **first},
                frozenset(ends),
                whole.free_nullable and part.free_nullable,
                part.free | whole.free if part.free_nullable else part.free,
                whole.nullable and part.nullable and (whole.twice or part.twice),
            )
        return whole

    def _limit(self, op: Any, value: Any, flags: int) -> int:
        """The characters that a lookbehind of one character, or the beginning of the text, allows before what follows."""
        if op is sre.AT and value in (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING):
            return self._members([(sre.LITERAL, 10)], flags) if flags & re.MULTILINE and value is sre.AT_BEGINNING else 0
        if op in (sre.ASSERT, sre.ASSERT_NOT) and value[0] < 0 and len(value[1]) == 1:
            kind, inner = value[1][0]
            if kind in (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN):
                members = self._leaf(kind, inner, flags)
                return members if op is sre.ASSERT else self.everything & ~members
        return self.everything

    def _part(self, op: Any, value: Any, flags: int) -> _Part:
        if op in (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN):
            part = self._state(self._leaf(op, value, flags))
        elif op is sre.BRANCH:
            part = self._branch([self._sequence(branch, flags) for branch in value[1]])
        elif op is sre.SUBPATTERN:
            part = self._sequence(value[3], (flags | value[1]) & ~value[2])
        elif op is sre.ATOMIC_GROUP and len(value) == 1 and value[0][0] is sre.MAX_REPEAT:
            part = self._repeat(sre.POSSESSIVE_REPEAT, value[0][1], flags)
        elif op is sre.ATOMIC_GROUP:
            start = len(self.reads)
            part = self._sequence(value, flags)
            self.atoms.append(frozenset(range(start, len(self.reads))))
        elif op in _REPEATS:
            part = self._repeat(op, value, flags)
        elif op in (sre.ASSERT, sre.ASSERT_NOT) and value[0] > 0:
            part = _Part(True, self._sequence(value[1], flags).first, frozenset(), False, frozenset())
        elif op in (sre.ASSERT, sre.ASSERT_NOT, sre.AT):
            part = _Part(True, {}, frozenset(), False, frozenset())
        else:
            raise ValueError(f"a pattern that can be checked has no {str(op).lower()}")
        return part

    def _branch(self, parts: list[_Part]) -> _Part:
        first: dict[int, int] = {}
        for part in parts:
            first |= part.first
        empty = [part for part in parts if part.nullable]
        return _Part(
            bool(empty),
            first,
            frozenset(state for part in parts for state in part.last),
            any(part.free_nullable for part in parts),
            frozenset(state for part in parts for state in part.free),
            len(empty) > 1 or any(part.twice for part in empty),
        )

    def _repeat(self, op: Any, value: tuple[int, int, Any], flags: int) -> _Part:
        least, most, tree = value
        start = len(self.reads)
        body = self._sequence(tree, flags)
        states = frozenset(range(start, len(self.reads)))
        if most > 1:
            self._join(body.last, body.first, possessive=op is sre.POSSESSIVE_REPEAT)
        if op is sre.POSSESSIVE_REPEAT:
            self.atoms.append(states)
        if body.last and (most is sre.MAXREPEAT or (most > _LONG and (len(states) > 1 or states & self.twice))):
            self.loops.append(_Loop(states, min(body.last), op is not sre.POSSESSIVE_REPEAT, most is not sre.MAXREPEAT))
        return body._replace(
            nullable=body.nullable or not least,
            free_nullable=body.free_nullable or not least,
            twice=op is not sre.POSSESSIVE_REPEAT and (body.twice or (body.nullable and not least)),
        )

    def _leaf(self, op: Any, value: Any, flags: int) -> int:
        if op is sre.ANY:
            return self.everything if flags & re.DOTALL else self.everything & ~self._members([(sre.LITERAL, 10)], 0)
        if op is sre.NOT_LITERAL:
            return self.everything & ~self._members([(sre.LITERAL, value)], flags)
        if op is sre.LITERAL:
            return self._members([(op, value)], flags)
        negated = bool(value) and value[0][0] is sre.NEGATE
        members = self._members(value[1:] if negated else value, flags)
        return self.everything & ~members if negated else members

    def _members(self, items: Any, flags: int) -> int:
        found = 0
        for op, value in items:
            if op is sre.LITERAL:
                found |= self.bits[chr(value)]
            else:
                found |= sum(bit for char, bit in self.bits.items() if _holds(op, value, char))
        if flags & re.IGNORECASE:
            both = [char for char, bit in self.bits.items() if bit & found]
            found |= sum(self.bits.get(form, 0) for form in {c.swapcase() for c in both} - set(both))
        return found

    # ---- runs of several copies of the automaton over one word -----------------------------------------------------------

    def _steps(
        self, states: tuple[int, ...], before: int | None, within: int, edges: Any
    ) -> Iterator[tuple[tuple[int, ...], int]]:
        """The states after one more character, the same for all, with that character (an index of the samples)."""
        options = [edges(state) for state in states]
        chosen: list[tuple[tuple[int, ...], int]] = [((), within)]
        for of_one in options:
            chosen = [
                ((*head, follower), characters & self._reads(follower))
                for head, characters in chosen
                for follower, allowed in of_one
                if characters & self._reads(follower) and (before is None or allowed >> before & 1)
            ]
        for following, characters in chosen:
            if before is None:
                yield following, (characters & -characters).bit_length() - 1
            else:
                yield from ((following, bit) for bit in range(len(self.samples)) if characters >> bit & 1)

    def _reads(self, state: int) -> int:
        return self.everything if state == _SEARCH else self.reads[state]

    def _followers(self, state: int) -> Iterable[tuple[int, int]]:
        if state == _SEARCH:
            return [(_SEARCH, self.everything), *self.whole.first.items()]
        return self.edges[state].items()

    def _retried(self, state: int) -> Iterable[tuple[int, int]]:
        """The followers to which the engine may come back: not those of a possessive repetition."""
        return [(f, allowed) for f, allowed in self.edges[state].items() if (state, f) not in self.back]

    def exponential(self) -> str | None:
        """Return a word that leads two runs from a state of a loop back to it on different ways, or None."""
        for loop in self.loops:
            if not loop.again or loop.states & self.free:
                continue
            inside = _characters(self, loop.states)

            def edges(state: int, loop: _Loop = loop) -> Iterable[tuple[int, int]]:
                return [(f, allowed) for f, allowed in self._retried(state) if f in loop.states]

            state = (loop.one, loop.one)
            if word := self._word(state, state, inside, edges, apart=True):
                return word
        return None

    def quadratic(self) -> str | None:
        """Return a word that leads one run round a loop, one from there to a second loop, and one round the second, or None."""
        unbounded = [loop for loop in self.loops if not loop.bounded]
        for second in unbounded:
            if second.states & self.free:
                continue
            inside = _characters(self, second.states)
            if self.method == "search" and second.one in self._reachable(inside):
                word = self._word((_SEARCH, second.one), (second.one, second.one), inside, self._followers)
                if word:
                    return word
            for first in unbounded:
                if word := self._rescans(first, second, inside):
                    return word
        return None

    def _rescans(self, first: _Loop, second: _Loop, inside: int) -> str | None:
        """Return a word with which ``second`` reads on from each round of ``first``, or None."""
        nested = second.states < first.states  # then each round may try it, whether or not somebody comes back
        left = any(first.states <= atom and not second.states <= atom for atom in self.atoms)
        if first is second or not (nested or first.again) or left:
            return None
        both = inside & _characters(self, first.states)
        for start in first.states - second.states if both else ():
            for end in (second.states - first.states if first.states < second.states else second.states) & self._reachable(
                both, start
            ):
                if word := self._word((start, start, end), (start, end, end), both, self._followers):
                    return word
        return None

    def _reachable(self, characters: int, start: int = _SEARCH) -> set[int]:
        """The states to which some word of ``characters`` leads from ``start``."""
        found: set[int] = set()
        open_ends = [start]
        while open_ends:
            for follower, _ in self._followers(open_ends.pop()):
                if follower not in found and self._reads(follower) & characters:
                    found.add(follower)
                    open_ends.append(follower)
        return found

    def _word(self, start: tuple[int, ...], goal: tuple[int, ...], inside: int, edges: Any, *, apart: bool = False) -> str | None:
        """The shortest word of the characters ``inside`` that leads each run from its start to its goal.

        With ``apart`` the runs must have gone different ways.
        """
        begins: list[int | None] = [None]
        if self.limited:  # the character before the word is the last one of the word
            ends = self._reads(goal[-1]) & inside
            begins = [bit for bit in range(len(self.samples)) if ends >> bit & 1]
        for begin in begins:
            first: Any = (start, begin, False)
            came: dict[Any, tuple[Any, int] | None] = {first: None}
            waiting: deque[Any] = deque([first])
            while waiting:
                key = waiting.popleft()
                states, before, parted = key
                for following, bit in self._steps(states, before, inside, edges):
                    differ = parted or (apart and (following[0] != following[1] or self._doubled(states, following)))
                    new = (following, bit if before is not None else None, differ)
                    if new in came:
                        continue
                    came[new] = (key, bit)
                    if following == goal and differ == apart and (before is None or bit == begin):
                        return self._spell(came, new)
                    waiting.append(new)
        return None

    def _doubled(self, states: tuple[int, ...], following: tuple[int, ...]) -> bool:
        return states[0] == states[1] and (states[0], following[0]) in self.double

    def _spell(self, came: Any, key: Any) -> str:
        word = ""
        while came[key] is not None:
            key, bit = came[key]
            word = self.samples[bit] + word
        return word


def _characters(automaton: _Automaton, states: Iterable[int]) -> int:
    found = 0
    for state in states:
        found |= automaton.reads[state]
    return found


def _named(tree: Any) -> Iterator[str]:
    """The characters that a parse tree names, and the neighbours of its ranges."""
    for op, value in tree:
        if op in (sre.LITERAL, sre.NOT_LITERAL):
            yield from {chr(value), chr(value).swapcase()[:1]}
        elif op is sre.RANGE:
            yield from (chr(c) for c in (value[0] - 1, *value, value[1] + 1) if 0 <= c <= 0x10FFFF)
        elif op is sre.IN:
            yield from _named(value)
        elif op is sre.BRANCH:
            for branch in value[1]:
                yield from _named(branch)
        elif op is sre.SUBPATTERN:
            yield from _named(value[3])
        elif op is sre.ATOMIC_GROUP:
            yield from _named(value)
        elif op in _REPEATS:
            yield from _named(value[2])
        elif op in (sre.ASSERT, sre.ASSERT_NOT):
            yield from _named(value[1])


def _holds(op: Any, value: Any, char: str) -> bool:
    """Return whether a range or a category of a class holds ``char``."""
    if op is sre.RANGE:
        return bool(value[0] <= ord(char) <= value[1])
    return re.fullmatch(_KINDS[value], char) is not None


def weakness_of(pattern: re.Pattern[str] | str, method: Method = "search") -> Weakness | None:
    """Return what makes ``pattern`` slow when it is used with ``method``, or None.

    Raise re.error for a pattern that is none, ValueError for a backreference.

    >>> weakness_of("复议.*各")
    Weakness(kind='quadratic', unit='复议')
    >>> weakness_of("复议[^,。]{0,20}各")
    """
    compiled = re.compile(pattern)
    if not _MAY_BE_LONG.search(re.sub(r"\\.", "x", compiled.pattern)):
        return None  # most patterns: not worth an automaton
    tree = _parser.parse(compiled.pattern, compiled.flags)
    automaton = _Automaton(tree, compiled.flags, method)
    if word := automaton.exponential():
        return Weakness("exponential", word)
    if word := automaton.quadratic():
        return Weakness("quadratic", word)
    return None
