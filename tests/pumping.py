"""Finding patterns whose time grows faster than their input.

A regular expression is pumped: sentences are made from its own parse tree, one part is repeated more and more often, and the
processor seconds of a search are compared. Use it in a test::

    from tests.pumping import Target, pump, pump_all

    def test_my_pattern_is_linear() -> None:
        assert pump(re.compile(r"(?:a|b)*+c")) is None

    def test_my_patterns_are_linear() -> None:
        assert pump_all([Target("labels.MARK", MARK), Target("labels.LINE", LINE, "fullmatch")]) == []

``pump`` looks at one pattern, ``pump_all`` at many, in a child process that the kernel ends when one search takes more than
``LIMIT`` processor seconds. Both are bounded (at most ``TRIES`` sentences a repetition) and seeded: the same pattern is pumped
with the same sentences each time. Patterns over bytes are pumped with the Latin-1 bytes of the sentences.

The judgement is a ratio of two means of processor seconds of the same process, with a margin of four: an input that is
``LENGTHS[-1] / LENGTHS[-2]`` times as long may take four times that ratio. Times below ``FLOOR`` seconds are never an error.
"""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any, Literal, NamedTuple

Method = Literal["search", "match", "fullmatch"]

LENGTHS = (1_000, 4_000, 32_000)  # characters of a pumped text
FLOOR = 0.01  # seconds of the longest text below which its growth is not judged
MEASURED = 0.1  # processor seconds of the repeated searches by which a growth is confirmed; a clock may tick in 4 ms
LIMIT = 1  # processor seconds after which a search counts as endless
TRIES = 6  # sentences for each repetition
LEAST_REPEAT = 6  # repetitions of at most fewer copies are not pumped: they are bounded
_STOPS = ",。\n1a>"  # characters of which one may end a repetition of all characters but some
_ANY = "按a中1 .，的政公\n>|-"
_CATEGORY = {
    sre.CATEGORY_DIGIT: "19",
    sre.CATEGORY_SPACE: " \t\n",
    sre.CATEGORY_WORD: "a1_中",
    sre.CATEGORY_NOT_DIGIT: "a中",
    sre.CATEGORY_NOT_SPACE: "a中",
    sre.CATEGORY_NOT_WORD: " .",
}
_REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT)


class Target(NamedTuple):
    """A pattern to pump: where it stands, for the message, and the method by which it is used."""

    name: str
    pattern: re.Pattern[Any]
    method: Method = "search"


class Growth(NamedTuple):
    """A text whose search takes too long: ``prefix``, then ``unit`` repeated, then ``ending``.

    ``seconds`` are processor seconds for 20 to 40 copies and for ``LENGTHS``; the last is infinite where the search did not end.
    """

    name: str
    prefix: str
    unit: str
    ending: str
    seconds: tuple[float, ...]


# ---- sentences from a parse tree -------------------------------------------------------------------------------------------


def _matches(item: Any, char: str) -> bool:
    op, value = item
    if op is sre.LITERAL:
        return ord(char) == value
    if op is sre.RANGE:
        return value[0] <= ord(char) <= value[1]
    return char in _CATEGORY.get(value, "")


def _member(items: Any, chance: random.Random) -> str:
    """A character of a class."""
    if items and items[0][0] is sre.NEGATE:
        allowed = [c for c in _ANY if not any(_matches(item, c) for item in items[1:])]
        return chance.choice(allowed or ["中"])
    op, value = chance.choice(items)
    if op is sre.LITERAL:
        return chr(value)
    if op is sre.RANGE:
        return chr(chance.randint(value[0], min(value[1], value[0] + 40)))
    return chance.choice(_CATEGORY.get(value, "a"))


def sentence(tree: Iterable[Any], chance: random.Random) -> str:
    """Return a text that the parse tree matches, without regard to what it says of the text around."""
    made = ""
    for op, value in tree:
        if op is sre.LITERAL:
            made += chr(value)
        elif op is sre.NOT_LITERAL:
            made += "中" if value != ord("中") else "a"
        elif op is sre.ANY:
            made += chance.choice(_ANY.replace("\n", ""))
        elif op is sre.IN:
            made += _member(value, chance)
        elif op is sre.BRANCH:
            made += sentence(chance.choice(value[1]), chance)
        elif op is sre.SUBPATTERN:
            made += sentence(value[3], chance)
        elif op is sre.ATOMIC_GROUP:
            made += sentence(value, chance)
        elif op in _REPEATS:
            for _ in range(chance.randint(value[0], min(value[0] + 1, value[1]))):
                made += sentence(value[2], chance)
    return made


def _repeats(tree: Iterable[Any], before: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Each repetition of the tree that may be long, with what stands before it."""
    for op, value in tree:
        if op in _REPEATS:
            if value[1] >= LEAST_REPEAT:
                yield before, value[2]
            yield from _repeats(value[2], before)
        elif op is sre.SUBPATTERN:
            yield from _repeats(value[3], before)
        elif op is sre.ATOMIC_GROUP:
            yield from _repeats(value, before)
        elif op is sre.BRANCH:
            for branch in value[1]:
                yield from _repeats(branch, before)
        elif op in (sre.ASSERT, sre.ASSERT_NOT):
            yield from _repeats(value[1], before)
        before = (*before, (op, value))


def _endings(body: Any) -> list[str]:
    """What follows the repeated part: something on which a pattern must fail, even one that repeats all characters but some."""
    op, value = body[0] if len(body) == 1 else (None, None)
    if op is sre.NOT_LITERAL:
        return ["\0", chr(value)]
    if op is sre.ANY:
        return ["\0", "\n"]
    if op is sre.IN and value[0][0] is sre.NEGATE:
        return ["\0", *[stop for stop in _STOPS if any(_matches(item, stop) for item in value[1:])][:1]]
    return ["\0"]


def pumps(pattern: re.Pattern[Any], seed: int = 7) -> list[tuple[str, str, str]]:
    """Return (prefix, unit, ending) of the texts with which ``pattern`` is pumped."""
    chance = random.Random(seed)
    source = pattern.pattern.decode("latin-1") if isinstance(pattern.pattern, bytes) else pattern.pattern
    tree = _parser.parse(
        source, pattern.flags & ~(re.UNICODE | re.DEBUG) if isinstance(pattern.pattern, bytes) else pattern.flags
    )
    found: dict[tuple[str, str, str], None] = {}
    for before, body in _repeats(tree):
        endings = _endings(body)
        for _ in range(TRIES):
            prefix, unit = sentence(before, chance), sentence(body, chance)
            for start, part in (
                (prefix, unit),
                ("", unit),
                ("", prefix + unit),
                ("", prefix),
                ("", unit + sentence(body, chance)),
            ):
                if part:
                    found.update(((start, part, ending), None) for ending in endings)
    return list(found)


# ---- measuring, in the child ------------------------------------------------------------------------------------------------


def _search(target: Target, text: str) -> Callable[[], object]:
    data: Any = text.encode("latin-1", "replace") if isinstance(target.pattern.pattern, bytes) else text
    return partial(getattr(target.pattern, target.method), data)


def _seconds(target: Target, text: str, *, times: int = 1) -> float:
    """The least seconds of ``times`` searches; the kernel ends the process after ``LIMIT`` processor seconds."""
    act = _search(target, text)
    best = float("inf")
    signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT)
    for _ in range(times):
        start = time.perf_counter()
        act()
        best = min(best, time.perf_counter() - start)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return best


def _mean_processor_seconds(target: Target, text: str) -> float:
    """The processor seconds of one search, from as many as fill ``MEASURED`` seconds: many ticks of a coarse clock."""
    act = _search(target, text)
    signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT + MEASURED)
    start, searches = time.process_time(), 0
    while (spent := time.process_time() - start) < MEASURED:
        act()
        searches += 1
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return spent / searches


def _growth(target: Target, prefix: str, unit: str, ending: str) -> tuple[float, ...] | None:
    """The seconds of a text that grows too fast, or None."""
    seconds: list[float] = []
    for copies in (20, 30, 40):
        seconds.append(_seconds(target, prefix + unit * copies + ending))
        if seconds[-1] > 0.5:
            return tuple(seconds)
    for length in LENGTHS:
        seconds.append(_seconds(target, prefix + unit * (length // len(unit)) + ending, times=2))
        if length != LENGTHS[0] and seconds[-1] < max(1e-4, 6 * seconds[-2]):  # as good as linear: no need to go further
            return None
    if seconds[-1] <= FLOOR:
        return None
    # What looks slow is measured once more by the processor's clock, which other processes do not disturb
    shorter, longer = (_mean_processor_seconds(target, prefix + unit * (length // len(unit)) + ending) for length in LENGTHS[-2:])
    bound = 4 * LENGTHS[-1] / LENGTHS[-2] * max(1e-4, shorter)
    return (*seconds[:-2], shorter, longer) if longer > max(FLOOR, bound) else None


def _child() -> None:
    """Pump the patterns of standard input, and announce each text before it is searched."""
    targets = [
        Target(name, re.compile(source.encode("latin-1") if binary else source, flags), method)
        for name, source, binary, flags, method in json.load(sys.stdin)
    ]
    for number, target in enumerate(targets):
        for prefix, unit, ending in pumps(target.pattern):
            _tell("try", number, prefix, unit, ending)
            if seconds := _growth(target, prefix, unit, ending):
                _tell("slow", number, prefix, unit, ending, *seconds)
                break
        _tell("done", number)


def _tell(*words: object) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


# ---- the parent -------------------------------------------------------------------------------------------------------------


def _packed(target: Target) -> tuple[str, str, bool, int, Method]:
    source = target.pattern.pattern
    binary = isinstance(source, bytes)
    return (
        target.name,
        source.decode("latin-1") if binary else source,
        binary,
        target.pattern.flags & ~(re.DEBUG | (0 if binary else re.UNICODE)),
        target.method,
    )


def pump_all(targets: Sequence[Target]) -> list[Growth]:
    """Return a text for each of ``targets`` that does not match in linear time. Raise RuntimeError when the child is broken."""
    found: list[Growth] = []
    first = 0
    while first < len(targets):
        child = subprocess.run(
            [sys.executable, "-m", "tests.pumping"],
            input=json.dumps([_packed(target) for target in targets[first:]]),
            capture_output=True,
            text=True,
            cwd=Path(__file__).resolve().parent.parent,
            check=False,
        )
        told = [json.loads(line) for line in child.stdout.splitlines()]
        found += [Growth(targets[first + n].name, *text, tuple(seconds)) for w, n, *text, seconds in _slow(told) if w]
        if child.returncode == 0:
            break
        if child.returncode != -signal.SIGVTALRM or not told or told[-1][0] != "try":
            raise RuntimeError(f"the child that pumps ended with {child.returncode}: {child.stderr[-2000:]}")
        _, number, prefix, unit, ending = told[-1]
        found.append(Growth(targets[first + number].name, prefix, unit, ending, (float("inf"),)))
        first += number + 1
    return found


def _slow(told: list[list[Any]]) -> Iterator[tuple[Any, ...]]:
    for word, *rest in told:
        if word == "slow":
            yield (word, *rest[:4], rest[4:])


def pump(pattern: re.Pattern[Any] | str, method: Method = "search") -> Growth | None:
    """Return a text for which ``pattern`` does not match in linear time, or None. Raise re.error for a bad pattern."""
    compiled = re.compile(pattern)
    return next(iter(pump_all([Target(str(compiled.pattern), compiled, method)])), None)


if __name__ == "__main__":
    _child()
