"""Renditions of one edition as witnesses of each other: what two of them say independently is proven, a doubt of one is settled
by another, and what they say differently is a finding.

Two documents are independent when they were read by different readers (a page and its PDF, a scan and a Word file): the same
misreading in both is then not to be expected. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from codebook.filings import FiledCell, FiledReport
from codebook.records import UNSETTLED_STATES, Number, State


class Testimony(NamedTuple):
    """What renditions say about a cell of one document: its state and value by them, and the documents (ids) that say so."""

    indicator: str
    state: State
    value: Number | None
    documents: tuple[int, ...]


def vouch(document: FiledReport, renditions: Sequence[FiledReport]) -> list[Testimony]:
    """Return the cells of ``document`` that other renditions of its edition prove or settle.

    A value that was read surely becomes proven when an independent rendition states the same and none another. A doubt, or
    a cell that was not seen, is settled by what all independent renditions that are sure state, where the doubt does not exclude
    it. What a person decided, and what is blank in both, stays as it is.
    """
    others = [other for other in renditions if other.reader is not None and other.reader is not document.reader]
    found = []
    for indicator, cell in document.cells.items():
        if cell.state not in (State.READ, *UNSETTLED_STATES):
            continue
        said = [(other, its) for other in others if (its := other.cells.get(indicator)) is not None and its.sure]
        values = {its.value for _, its in said}
        if len(values) != 1 or not _can_be(cell, value := next(iter(values))):
            continue
        state = State.MISSING if value is None else State.PROVEN
        found.append(Testimony(indicator, state, value, tuple(sorted(other.document_id for other, _ in said))))
    return found


def _can_be(cell: FiledCell, value: Number | None) -> bool:
    if cell.sure:
        return cell.value == value
    return not cell.candidates or value in cell.candidates


def disagreements(document: FiledReport, other: FiledReport) -> tuple[str, ...]:
    """Return the cells of which two renditions of an edition say different things: both surely, or one surely what the doubt of
    the other excludes.
    """
    found = []
    for indicator, cell in document.cells.items():
        its = other.cells.get(indicator)
        if its is None or not (cell.sure or its.sure):
            continue
        doubt, sure = (cell, its) if its.sure else (its, cell)
        if not _can_be(doubt, sure.value):
            found.append(indicator)
    return tuple(found)
