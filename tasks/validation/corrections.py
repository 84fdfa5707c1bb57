"""What people decided, put over what was read: before the rules are applied, so that these see the decided values.

The reading keeps its evidence: raw text, place, reader, candidates. A decision stays in force when the document is read again.
Where the new reading contradicts it, it is asked about again (see docs/adr/0006-corrections.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from codebook.records import (
    CONFLICT,
    DECISION,
    OVERRULED,
    Clue,
    Correction,
    Number,
    Place,
    Reader,
    Reading,
    Report,
    State,
    WitnessKind,
)
from codebook.regions import load_regions
from tasks.validation.wording import show, words

FACTS = ("report.agency", "report.region", "report.year")


class Applied(NamedTuple):
    """A report with the decisions in it. ``contested`` are the cells whose decision a later reading contradicts: doubtful, with
    the decided value, and not to be settled by sums.
    """

    report: Report
    contested: frozenset[str]


def apply(report: Report, corrections: Sequence[Correction]) -> Applied:
    """Put ``corrections`` (those in force, one a cell) over ``report``, which is as it was parsed."""
    if not corrections:
        return Applied(report, frozenset())
    of_cells = {c.indicator: c for c in corrections if c.indicator not in FACTS}
    readings = [_decided(r, of_cells.pop(r.indicator)) if r.indicator in of_cells else r for r in report.readings]
    usual = Counter(r.read_by for r in report.readings).most_common(1)
    readings += [_unread(c, usual[0][0] if usual else Reader.TXT) for c in of_cells.values()]
    report = msgspec.structs.replace(report, readings=tuple(readings))
    for correction in corrections:
        if correction.indicator in FACTS:
            report = _with_fact(report, correction)
    cells = {c.indicator for c in corrections}
    return Applied(report, frozenset(r.indicator for r in readings if r.indicator in cells and r.state is State.DOUBTFUL))


def agrees(correction: Correction, now: Reading | None) -> bool:
    """Return whether the decision stands with the reading of today: it is the one that was decided on, or does not contradict
    it.

    It is the same when its raw text or its value is; so it is when the cell was not seen then and is not now. Another reading
    contradicts the decision when neither its value nor any of its candidates is what was decided; one that is doubtful and has no
    candidates contradicts nothing.
    """
    then = _seen(correction.read)
    if now is not None and now.state is State.NOT_SEEN:
        return then is None
    if now is None or then is None:
        return now is then or (now is not None and correction.value in _possible(now))
    if now.raw.strip() == then.raw.strip() or (now.value is not None and now.value == then.value):
        return True
    possible = _possible(now)
    return correction.value in possible or not possible


def _seen(reading: Reading | None) -> Reading | None:
    """Return the reading; None for a cell of which nothing was found."""
    return None if reading is not None and reading.state is State.NOT_SEEN else reading


def _possible(reading: Reading) -> tuple[Number | None, ...]:
    """Return what a reading may be, by itself: None is blank."""
    if reading.state is State.DOUBTFUL:
        return (*reading.candidates, *(() if reading.value is None else (reading.value,)))
    return (None if reading.state is State.MISSING else reading.value,)


def _decided(reading: Reading, correction: Correction) -> Reading:
    value = _number(correction)
    if agrees(correction, reading):
        return msgspec.structs.replace(reading, value=value, state=State.CORRECTED, witnesses=_agreeing(reading, value))
    if reading.state is State.NOT_SEEN:
        return _unread(correction, reading.read_by)
    doubt = words().contested.format(decided=told(value), then=_then(correction), now=reading.raw.strip() or words().blank)
    candidates = dict.fromkeys(v for v in (value, *_possible(reading)) if v is not None)
    return _doubted(reading, value, doubt=doubt, candidates=tuple(candidates))


def _doubted(reading: Reading, value: Number | None, doubt: str, candidates: tuple[Number, ...]) -> Reading:
    """The reading with a decided value that is asked about again: nobody agrees with it."""
    return msgspec.structs.replace(reading, value=value, state=State.DOUBTFUL, doubt=doubt, candidates=candidates, witnesses=())


def _agreeing(reading: Reading, value: Number | None) -> tuple[str, ...]:
    """Return the witnesses of a decided value: those of the reading, where it was the same, and the person."""
    return (*reading.witnesses, WitnessKind.PERSON) if value == reading.value else (WitnessKind.PERSON,)


def _unread(correction: Correction, reader: Reader) -> Reading:
    """The reading of a cell that is not read (any more)."""
    value = _number(correction)
    if (then := _seen(correction.read)) is None:
        return Reading(correction.indicator, value, State.CORRECTED, "", Place(), reader, witnesses=(WitnessKind.PERSON,))
    doubt = words().lost.format(decided=told(value), then=_then(correction))
    candidates = () if value is None else (value,)
    return _doubted(then, value, doubt=doubt, candidates=candidates)


def _number(correction: Correction) -> Number | None:
    if isinstance(correction.value, str):
        raise ValueError(f"correction {correction.number} of {correction.indicator}: {correction.value!r} is no number")
    return correction.value


def told(value: Number | None) -> str:
    """A value as sentences name it; the word for blank where there is none."""
    return words().blank if value is None else show(value)


def _then(correction: Correction) -> str:
    return (correction.read.raw.strip() if correction.read else "") or words().blank


# ---- facts ----------------------------------------------------------------------------------------------------------------


def _with_fact(report: Report, correction: Correction) -> Report:
    """The report with its agency, region or year as a person decided; evidence against it is no longer a doubt."""
    field, told_by = correction.indicator.partition(".")[2], str(correction.value)
    clues = tuple(
        msgspec.structs.replace(clue, source=OVERRULED) if clue.field == field and clue.source == CONFLICT else clue
        for clue in report.clues
    )
    report = msgspec.structs.replace(report, clues=(*clues, Clue(field, told_by, DECISION, told_by)))
    if field == "year":
        return msgspec.structs.replace(report, year=int(told_by))
    if field == "agency":
        return msgspec.structs.replace(report, agency=told_by)
    names = tuple(name for name in told_by.split("/") if name)
    known = load_regions().chain(names)
    return msgspec.structs.replace(report, region=known.chain if known else names, region_code=known.code if known else None)
