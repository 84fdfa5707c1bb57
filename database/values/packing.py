"""All cells of a report in one row, and back again: pure functions.

A column of the row holds one thing of every cell, in the order of a layout (the ids of the indicators, sorted). What is usual
takes no room. The view ``gk_value`` (migration 0027) reads the same columns in SQL:

``numbers``  JSON array of the values; a whole number below 1e15 is written without a fraction
``states``   a letter for each cell, see :data:`STATES`; ``?``: the state stands in ``odd``
``marks``    a character for each cell: its place in ``kinds``, from ``0`` on; ``-``: the kind stands in ``odd``
``kinds``    JSON array of the different [page, origin, read_by, witnesses] of the cells
``places``   JSON array of null, [line, column], [x0, top, x1, bottom], or all six; null when no cell has any
``raws``     JSON array of the texts; null for one that is the whole number as digits, or empty where there is no number; null
             as a whole when all are
``odd``      JSON array of null, or an object with what else a cell has that most have not; it ends with the last that has any
``unsettled`` JSON object of the unsettled cells, indicator to correction_id; null when there is none
``witness``  JSON object of the cells that other renditions prove or settle, indicator to ``witness``; null when there is none
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from math import isfinite
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec

from codebook.filings import StoredCell
from codebook.records import UNSETTLED_STATES, State

Layout = tuple[str, ...]

STATES = {
    State.READ.value: "r",
    State.PROVEN.value: "p",
    State.CORRECTED.value: "c",
    State.DOUBTFUL.value: "d",
    State.MISSING.value: "m",
    State.NOT_SEEN.value: "n",
}
"""The letter of a state in the column ``states``."""
NAMES = {letter: state for state, letter in STATES.items()}
"""The state of a letter."""
UNSETTLED_LETTERS = frozenset(STATES[state.value] for state in UNSETTLED_STATES)
_OTHER_STATE, _OTHER_KIND = "?", "-"
_FIRST_MARK = ord("0")
_KINDS = 44  # marks from 0 to [: what stands in JSON and in SQL as it is
_WHOLE = 1e15
_BOX = 4
_PLACE = 2
_encode = msgspec.json.Encoder().encode
_decode: Callable[[str], Any] = msgspec.json.Decoder().decode
_split = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Packed(NamedTuple):
    """The columns of gk_report_values, but for the report and the layout. See the module."""

    numbers: str
    states: str
    marks: str
    kinds: str
    places: str | None
    raws: str | None
    odd: str | None
    unsettled: str | None
    witness: str | None


def layout_id(layout: Layout) -> int:
    """Return the number of a layout, the first 8 bytes of its SHA-256: a number has one meaning in every database and after every
    rollback.
    """
    return int.from_bytes(hashlib.sha256("\n".join(layout).encode()).digest()[:8], signed=True)


def layout_text(layout: Layout) -> str:
    """Return the column ``indicators`` of gk_value_layout: a JSON array."""
    return _json(layout)


def layout_of(text: str) -> Layout:
    """Return the layout of a column ``indicators``."""
    return tuple(_decode(text))


# ---- packing ----------------------------------------------------------------------------------------------------------------


def pack(cells: Iterable[StoredCell]) -> tuple[Layout, Packed]:
    """Return the layout of the cells of a report, at least one, and the columns.

    Raises ValueError when a cell has two values, a number that is not finite, or a text with the character 0, which PostgreSQL
    cannot hold.
    """
    columns = list(zip(*sorted(cells, key=itemgetter(0)), strict=True))
    (layout, values, states, raw, origin, read_by, score, page, box, line, column, sentence, doubt) = columns[:13]
    candidates, corrections, witness, note, witnesses = columns[13:]
    if len(set(layout)) < len(layout):
        raise ValueError("a cell of the report has two values")
    odd: list[dict[str, Any] | None] = [None] * len(layout)
    _note_odd(odd, "score", score, 1.0)
    others = ("sentence", sentence), ("doubt", doubt), ("candidates", candidates), ("correction_id", corrections), ("note", note)
    for name, column_of in others:
        _note_odd(odd, name, column_of, None)
    numbers = [None if value is None else _number(value) for value in values]
    letters = "".join([STATES.get(state, _OTHER_STATE) for state in states])
    if _OTHER_STATE in letters:
        _note_odd(odd, "state", [None if state in STATES else state for state in states], None)
    marks, kinds = _kinds(odd, page, origin, read_by, witnesses)
    places = _places(odd, box, line, column)
    raws = [None if text == _usual(number) else text for text, number in zip(raw, numbers, strict=True)]
    packed = Packed(
        _json(numbers),
        letters,
        marks,
        _json(kinds),
        _json(places) if any(places) else None,
        None if raws.count(None) == len(raws) else _json(raws),
        _json(_trimmed(odd)) if any(odd) else None,
        _unsettled(layout, letters, corrections),
        _settled(layout, witness),
    )
    if any(text is not None and "\\u0000" in text for text in packed) and _has_nul([*columns[1:]]):
        raise ValueError("a text of the report has the character 0")
    return layout, packed


def _json(value: Any) -> str:
    return _encode(value).decode()


def _number(value: float) -> float:
    value = float(value)
    if value.is_integer() and -_WHOLE < value < _WHOLE:
        return int(value)
    if not isfinite(value):
        raise ValueError(f"{value} is no number of a report")
    return value


def _usual(number: float | None) -> str | None:
    """The raw text that needs no room beside the number."""
    if number is None:
        return ""
    return str(number) if isinstance(number, int) else None


def _note_odd(odd: list[dict[str, Any] | None], name: str, column: Sequence[Any], usual: Any) -> None:
    if column.count(usual) == len(column):
        return
    for at, value in enumerate(column):
        if value != usual:
            found = odd[at]
            if found is None:
                odd[at] = {name: value}
            else:
                found[name] = value


def _kinds(odd: list[dict[str, Any] | None], page: Any, origin: Any, read_by: Any, witnesses: Any) -> tuple[str, list[Any]]:
    known: dict[tuple[Any, ...], str] = {}
    agreed = [None if each is None else tuple(each) for each in witnesses]
    marks: list[str] = []
    for at, kind in enumerate(zip(page, origin, read_by, agreed, strict=True)):
        mark = known.get(kind)
        if mark is None:
            if len(known) < _KINDS:
                mark = known[kind] = chr(_FIRST_MARK + len(known))
            else:
                mark = _OTHER_KIND
                odd[at] = (odd[at] or {}) | {"kind": kind}
        marks.append(mark)
    return "".join(marks), list(known)


def _places(odd: list[dict[str, Any] | None], box: Any, line: Any, column: Any) -> list[list[Any] | None]:
    found: list[list[Any] | None] = []
    for at, (rectangle, row, place) in enumerate(zip(box, line, column, strict=True)):
        corners = () if rectangle is None else rectangle
        if corners and len(corners) != _BOX:
            odd[at] = (odd[at] or {}) | {"box": rectangle}
            corners = ()
        named = () if row is None and place is None else (row, place)
        found.append([*named, *corners] or None)
    return found


def _trimmed(odd: list[Any]) -> list[Any]:
    last = max(at for at, each in enumerate(odd) if each)
    return odd[: last + 1]


def _unsettled(layout: Layout, letters: str, corrections: Sequence[int | None]) -> str | None:
    if not UNSETTLED_LETTERS & set(letters):
        return None
    there = zip(layout, letters, corrections, strict=True)
    return _json({indicator: number for indicator, letter, number in there if letter in UNSETTLED_LETTERS})


def _settled(layout: Layout, witness: Sequence[Any]) -> str | None:
    if witness.count(None) == len(witness):
        return None
    return _json({indicator: each for indicator, each in zip(layout, witness, strict=True) if each is not None})


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(map(_has_nul, (*value, *value.values())))
    return isinstance(value, (list, tuple)) and any(map(_has_nul, value))


# ---- unpacking --------------------------------------------------------------------------------------------------------------


def unpack(layout: Layout, packed: Packed) -> list[StoredCell]:
    """Return the cells of a report, by indicator: what :func:`pack` was given, with lists as lists and numbers as floats.

    Raises ValueError for columns that :func:`pack` did not make.
    """
    try:
        return _unpack(layout, packed)
    except (LookupError, TypeError, ValueError, msgspec.MsgspecError) as error:
        raise ValueError(f"the values of a report cannot be read: {error!r}") from error


def _unpack(layout: Layout, packed: Packed) -> list[StoredCell]:
    numbers = unpack_numbers(packed.numbers)
    values = [None if number is None else float(number) for number in numbers]
    texts: Iterable[str] = map(_shown, numbers)
    if packed.raws is not None:
        texts = [_shown(number) if raw is None else raw for raw, number in zip(_decode(packed.raws), numbers, strict=True)]
    odd: list[Any] = [] if packed.odd is None else _decode(packed.odd)
    odd += [None] * (len(layout) - len(odd))
    known = {chr(_FIRST_MARK + at): kind for at, kind in enumerate(_decode(packed.kinds))}
    kinds = [known[mark] if mark != _OTHER_KIND else odd[at]["kind"] for at, mark in enumerate(packed.marks)]
    states = [NAMES[letter] if letter != _OTHER_STATE else odd[at]["state"] for at, letter in enumerate(packed.states)]
    places: list[Any] = [None] * len(layout) if packed.places is None else _decode(packed.places)
    witness = {} if packed.witness is None else _decode(packed.witness)
    rows = zip(layout, values, states, texts, kinds, odd, places, map(witness.get, layout), strict=True)
    return [_cell(*row) for row in rows]


def unpack_one(layout: Layout, packed: Packed, indicator: str) -> StoredCell | None:
    """Return one cell of a report, None when it has no such cell."""
    at = bisect_left(layout, indicator)
    if at == len(layout) or layout[at] != indicator:
        return None
    number = unpack_numbers(packed.numbers)[at]
    raw, place, odd = (_one(column, at) for column in (packed.raws, packed.places, packed.odd))
    mark, letter = packed.marks[at], packed.states[at]
    kind = odd["kind"] if mark == _OTHER_KIND else _decode(packed.kinds)[ord(mark) - _FIRST_MARK]
    state = odd["state"] if letter == _OTHER_STATE else NAMES[letter]
    witness = None if packed.witness is None else _decode(packed.witness).get(indicator)
    value, text = None if number is None else float(number), _shown(number) if raw is None else raw
    return _cell(indicator, value, state, text, kind, odd, place, witness)


def _one(column: str | None, at: int) -> Any:
    """One place of a column: the others are only passed over."""
    if column is None:
        return None
    places = _split(column)
    return msgspec.json.decode(places[at]) if at < len(places) else None


def _shown(number: float | None) -> str:
    return "" if number is None else str(number)


def _cell(  # noqa: PLR0917 - made by the thousand
    indicator: str, value: float | None, state: str, raw: str, kind: Any, odd: Any, place: list[Any] | None, witness: Any
) -> StoredCell:
    line = column = box = None
    if place is not None:
        if len(place) != _BOX:
            line, column = place[:_PLACE]
        if len(place) != _PLACE:
            box = place[-_BOX:]
    page, origin, read_by, witnesses = kind
    if odd is None:
        places = (page, box, line, column)
        return StoredCell(
            indicator, value, state, raw, origin, read_by, 1.0, *places, None, None, None, None, witness, None, witnesses
        )
    return StoredCell(
        indicator,
        value,
        state,
        raw,
        origin,
        read_by,
        odd.get("score", 1.0),
        page,
        odd.get("box", box),
        line,
        column,
        odd.get("sentence"),
        odd.get("doubt"),
        odd.get("candidates"),
        odd.get("correction_id"),
        witness,
        odd.get("note"),
        witnesses,
    )


def unpack_numbers(numbers: str) -> list[float | None]:
    """Return the values alone, in the order of the layout; whole numbers as int."""
    found: list[float | None] = _decode(numbers)
    return found
