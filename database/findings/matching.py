"""Which finding of a later run is the same case. Pure.

A case is the same when the rule, the other report of a pair, and the cells are the same; where one rule finds several things
about the same cells, or about none, the sentence tells them apart, or else the words of the message (numbers left out of both).
What is left over is paired by likeness: the office wrote its sentence again, a list of cells has become shorter, OCR read a
character otherwise. What was found changes in such a case, but it is the same case.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Any, NamedTuple

from rapidfuzz import fuzz

from codebook.text.fold import fold

ALIKE = 80.0
"""Per cent from which on two sentences are one, written again. Sentences of two findings of one rule share about half."""
MOST = 40_000
"""Pairs that are compared for likeness; of a region with more absent agencies only the same ones are paired."""
_NO_WORDS = re.compile(r"[\W\d_]+")


class Identity(NamedTuple):
    """By what a finding is known: rule, the other filing (or document) of a pair ("" for none), cells in their order by name, and
    the mark that tells it from others of the same cells. ``by_sentence``: the mark is that of a sentence.
    """

    rule: str
    other: str
    cells: tuple[str, ...]
    mark: str
    by_sentence: bool


def identity(rule: str, other: str, cells: Iterable[str], sentence: str | None, message: str) -> Identity:
    """Return by what a finding is known."""
    named = tuple(sorted(set(cells)))
    mark = words_of(sentence) if sentence else "" if named else words_of(message)
    return Identity(rule, other, named, mark, bool(sentence))


def identity_of(case: Mapping[str, Any]) -> Identity:
    """Return by what a case is known, from its columns or those that it would have."""
    other = "" if case["other_filing_id"] is None else str(case["other_filing_id"])
    return identity(case["rule"], other, case["cells"], case["sentence"], case["message"])


def words_of(text: str) -> str:
    """Return the words of a text, folded, without numbers, marks and spaces.

    >>> words_of("共收到 95 件，办结９４件。")
    '共收到件办结件'
    """
    return _NO_WORDS.sub("", fold(text).text)


def free_key(wanted: Identity, taken: Collection[str]) -> str:
    """Return the key of a new case: the first digest of its identity that none of the subject's cases has."""
    for number in count(1):
        text = json.dumps([wanted.rule, wanted.other, list(wanted.cells), wanted.mark, number], ensure_ascii=False)
        key = hashlib.sha256(text.encode()).hexdigest()
        if key not in taken:
            return key
    raise AssertionError("unreachable: there is always a next number")


def ended_key(key: str, number: int) -> str:
    """Return the key of a case that another goes on for: no other case has it."""
    return hashlib.sha256(f"{key} {number}".encode()).hexdigest()


def pair(cases: Sequence[Identity], found: Sequence[Identity], same_edition: Sequence[bool]) -> dict[int, int]:
    """Return which of ``found`` (by place) is which of ``cases``: {place in found: place in cases}; each at most once.

    ``same_edition`` says of each case whether the edition in force is the one in which it was found: then what differs is how we
    read or say it.
    """
    buckets: dict[tuple[str, str], tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for at, each in enumerate(cases):
        buckets[each.rule, each.other][0].append(at)
    for at, each in enumerate(found):
        buckets[each.rule, each.other][1].append(at)
    pairs: dict[int, int] = {}
    for old, new in buckets.values():
        if not old or not new:
            continue
        _take_same(pairs, old, new, cases, found)
        for likeness in (_same_cells, _like_cells, _like_sentence):
            _take(pairs, old, new, partial(_score, likeness, cases, found))
        if len(old) == len(new) and all(same_edition[at] for at in old):
            _take(pairs, old, new, partial(_score, _reworded, cases, found))
    return pairs


def _score(
    likeness: Callable[[Identity, Identity], float], cases: Sequence[Identity], found: Sequence[Identity], c: int, f: int
) -> float:
    return likeness(cases[c], found[f])


def _take_same(
    pairs: dict[int, int], old: list[int], new: list[int], cases: Sequence[Identity], found: Sequence[Identity]
) -> None:
    waiting: dict[tuple[tuple[str, ...], str], list[int]] = defaultdict(list)
    for at in old:
        waiting[cases[at].cells, cases[at].mark].append(at)
    for f in list(new):
        if same := waiting[found[f].cells, found[f].mark]:
            pairs[f] = same.pop(0)
            new.remove(f)
    taken = set(pairs.values())
    old[:] = [at for at in old if at not in taken]


def _take(pairs: dict[int, int], old: list[int], new: list[int], likeness: Callable[[int, int], float]) -> None:
    """Pair those of ``old`` and ``new`` that are alike at all, the most alike first, and take them out of both."""
    if len(old) * len(new) > MOST:
        return
    scored = [(-score, c, f) for c in old for f in new if (score := likeness(c, f)) > 0]
    for _, c, f in sorted(scored):
        if c in old and f in new:
            pairs[f] = c
            old.remove(c)
            new.remove(f)


def _same_cells(case: Identity, found: Identity) -> float:
    return 1 + fuzz.ratio(case.mark, found.mark) if case.cells and case.cells == found.cells else 0.0


def _like_cells(case: Identity, found: Identity) -> float:
    """How many of the cells are the same, where one list holds the other or they share half."""
    one, other = set(case.cells), set(found.cells)
    common = len(one & other)
    return common / len(one | other) if common and (one <= other or other <= one or 2 * common >= len(one | other)) else 0.0


def _like_sentence(case: Identity, found: Identity) -> float:
    if case.cells or found.cells or not (case.by_sentence and found.by_sentence):
        return 0.0
    return fuzz.ratio(case.mark, found.mark, score_cutoff=ALIKE)


def _reworded(case: Identity, found: Identity) -> float:
    """The words of a rule's message are others in another version of the rules; of one edition they are the same."""
    return 1 + fuzz.ratio(case.mark, found.mark) if not case.cells and not found.cells else 0.0
