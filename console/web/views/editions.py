"""The editions of a filing side by side: the cells in which they differ, as the forms name them, and what changed in chapters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from typing import NamedTuple

from codebook.book import load_book
from codebook.filings import FiledReport
from codebook.records import Number
from console.web.views.case import place_of
from tasks.loading.editions import difference
from tasks.loading.witnesses import disagreements
from tasks.validation.wording import cell_label, table_of

_SENTENCE = re.compile(r"[^\u3002\uff1b\uff01\uff1f\n]+[\u3002\uff1b\uff01\uff1f\n]*|\n+")
_WORD = re.compile(r"\d+(?:\.\d+)?|[A-Za-z]+|.", re.DOTALL)  # numbers are compared as a whole
_MOST_SENTENCES = 2000  # of a chapter that is compared sentence by sentence
_MOST_CHARACTERS = 600  # of a passage that is compared word by word
_LEAST_LIKENESS = 0.5  # of two passages, from 0 to 1: below it, they are shown as wholly different
_CONTEXT = 45  # characters of an unchanged passage that are kept at each of its ends


class SideValue(NamedTuple):
    """A cell in one of several documents. ``value`` is None for a blank one; ``changed``: the document differs here."""

    document_id: int
    value: Number | None
    doubtful: bool
    changed: bool


class ComparedCell(NamedTuple):
    """A cell in which documents differ, with what each says (None: it does not state the cell)."""

    cell: str
    label: str
    sides: tuple[SideValue | None, ...]


class ComparedTable(NamedTuple):
    """The cells of one table of the form in which documents differ. ``name`` is what messages call it."""

    name: str
    cells: tuple[ComparedCell, ...]


class TextPassage(NamedTuple):
    """A part of a chapter, and whether the other edition has other words there."""

    text: str
    changed: bool


class ChapterChange(NamedTuple):
    """A chapter whose words changed between two documents, as each has it."""

    title: str
    earlier: tuple[TextPassage, ...]
    later: tuple[TextPassage, ...]


class Step(NamedTuple):
    """What an edition changed of the one before it: the documents that lead both, and the chapters whose words changed."""

    earlier: FiledReport
    later: FiledReport
    cells: tuple[str, ...]
    chapters: tuple[ChapterChange, ...]


def steps(leaders: Sequence[FiledReport]) -> list[Step]:
    """Return what each edition changed of the one before it. ``leaders`` lead the editions, in the order of time."""
    found = []
    for earlier, later in pairwise(leaders):
        between = difference(earlier, later)
        chapters = tuple(_chapter(earlier, later, number, title) for number, title in between.chapters)
        found.append(Step(earlier, later, between.cells, chapters))
    return found


def compared_editions(steps: Sequence[Step]) -> list[ComparedTable]:
    """Return the cells that changed from edition to edition, with the value of each edition."""
    leaders = [step.earlier for step in steps[:1]] + [step.later for step in steps]
    changed = {leaders[0].document_id: frozenset[str]()} if leaders else {}
    changed |= {step.later.document_id: frozenset(step.cells) for step in steps}
    return _tables(leaders, changed)


def compared_renditions(documents: Sequence[FiledReport]) -> list[ComparedTable]:
    """Return the cells in which documents of one edition differ from the first of them."""
    changed = {other.document_id: frozenset(disagreements(documents[0], other)) for other in documents[1:]}
    return _tables(documents, {documents[0].document_id: frozenset[str](), **changed})


def _tables(documents: Sequence[FiledReport], changed: Mapping[int, frozenset[str]]) -> list[ComparedTable]:
    """Return the cells that any of the documents changes, in the order of the forms, table by table."""
    found: dict[str, list[ComparedCell]] = {}
    for cell in sorted(frozenset[str]().union(*changed.values()), key=place_of):
        known = cell in load_book().indicators
        sides = tuple(_side(document, cell, changed[document.document_id]) for document in documents)
        row = ComparedCell(cell, cell_label(cell) if known else cell, sides)
        found.setdefault(table_of(cell) if known else "", []).append(row)
    return [ComparedTable(name, tuple(cells)) for name, cells in found.items()]


def _side(document: FiledReport, cell: str, changed: frozenset[str]) -> SideValue | None:
    its = document.cells.get(cell)
    if its is None:
        return None
    return SideValue(document.document_id, its.value, its.state.unsettled, cell in changed)


def _chapter(earlier: FiledReport, later: FiledReport, number: int | None, title: str) -> ChapterChange:
    old, new = (next((text for at, _, text in each.sections if at == number), "") for each in (earlier, later))
    return ChapterChange(title, *compared_texts(old, new))


def compared_texts(old: str, new: str) -> tuple[tuple[TextPassage, ...], tuple[TextPassage, ...]]:
    """Return two texts with the passages in which they differ; long passages that both have are cut in the middle.

    >>> compared_texts("a; b; c", "a; b; c")
    ((TextPassage(text='a; b; c', changed=False),), (TextPassage(text='a; b; c', changed=False),))
    """
    before, after = _SENTENCE.findall(old), _SENTENCE.findall(new)
    if max(len(before), len(after)) > _MOST_SENTENCES:
        return (TextPassage(old, changed=True),), (TextPassage(new, changed=True),)
    sides: tuple[list[TextPassage], list[TextPassage]] = ([], [])
    words = [_plain(sentence) for sentence in before], [_plain(sentence) for sentence in after]
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, *words, autojunk=False).get_opcodes():
        one, other = "".join(before[i1:i2]), "".join(after[j1:j2])
        for side, passages in zip(sides, _passages(tag, one, other), strict=True):
            side.extend(passages)
    return tuple(_cut(sides[0])), tuple(_cut(sides[1]))


def _plain(sentence: str) -> str:
    return "".join(sentence.split())


def _passages(tag: str, one: str, other: str) -> tuple[list[TextPassage], list[TextPassage]]:
    """Return the passages of two parts of texts that correspond: word by word where they are alike."""
    if tag == "equal":
        return [TextPassage(one, changed=False)], [TextPassage(other, changed=False)]
    if one and other and max(len(one), len(other)) <= _MOST_CHARACTERS:
        mine, its = _WORD.findall(one), _WORD.findall(other)
        matcher = SequenceMatcher(None, mine, its, autojunk=False)
        if matcher.ratio() >= _LEAST_LIKENESS:
            codes = matcher.get_opcodes()
            return (
                [TextPassage("".join(mine[i1:i2]), changed=tag != "equal") for tag, i1, i2, _, _ in codes if i1 < i2],
                [TextPassage("".join(its[j1:j2]), changed=tag != "equal") for tag, _, _, j1, j2 in codes if j1 < j2],
            )
    return [TextPassage(one, changed=True)] if one else [], [TextPassage(other, changed=True)] if other else []


def _cut(passages: Sequence[TextPassage]) -> Iterator[TextPassage]:
    """Yield the passages, neighbours of one kind joined, and long ones that did not change cut."""
    joined: list[TextPassage] = []
    for passage in passages:
        if joined and joined[-1].changed == passage.changed:
            joined[-1] = TextPassage(joined[-1].text + passage.text, passage.changed)
        else:
            joined.append(passage)
    for at, passage in enumerate(joined):
        text, last = passage.text, at == len(joined) - 1
        if not passage.changed and len(joined) > 1 and len(text) > 3 * _CONTEXT:
            head = "" if at == 0 else text[:_CONTEXT]
            tail = "" if last else text[-_CONTEXT:]
            text = f"{head} … {tail}".strip()
        yield TextPassage(text, passage.changed)
