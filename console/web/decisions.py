"""From the form of a case to a decision: what the form says, whether it contradicts itself, and writing it down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from codebook.records import Decided, Number
from console.decided_value import typed_value
from console.web.request import PageRequest
from console.web.security import Fields
from console.web.views import case
from database.reports import corrections
from database.reports.corrections import FACTS, CorrectionItem, CorrectionRefusedError, Done, OvertakenError, Seen

_LONGEST = 200  # characters of a value
_LONGEST_REASON = 500
_TYPED = "typed"  # the choice of another value than those that are offered
_MOST_IN_ROW = 40  # characters of a value that is typed into a row


class Wish(NamedTuple):
    """What a person wants a cell to be, why, and what was on the page when the choice was made."""

    decided: Decided
    value: Number | str | None
    reason: str
    seen: Seen


class Draft(NamedTuple):
    """What a refused form held, to be shown again. ``choice`` is None when no choice is marked, so that it is asked again."""

    choice: str | None
    typed: str
    reason: str
    row: Mapping[str, str]

    def asked_again(self) -> Draft:
        """Return the draft without its choice: something has changed since it was made, so that nobody's choice is repeated."""
        return self._replace(choice=_TYPED if self.typed else None)


def parse(form: Fields, cell: str) -> Wish:
    """Return the wish of a form: one of the choices, or a typed value.

    Raises RefusedError when it is neither (``no_choice`` when nothing was chosen at all), and RefusedError ``two_values`` when a
    value is typed beside another choice: which of them was meant is not guessed.
    """
    chosen, typed = form.text("choice", _LONGEST), form.text("typed", _LONGEST)
    seen = Seen(form.number("standing"), None if cell in FACTS else form.text("mark", 16) or None)
    reason = form.text("reason", _LONGEST_REASON)
    if not chosen and not typed:
        raise CorrectionRefusedError("no_choice", f"{cell}: nothing was chosen and nothing typed")
    if chosen in ("", _TYPED):
        return Wish(Decided.VALUE, typed_value(cell, typed), reason, seen)
    decided, value = _choice(cell, chosen)
    if typed and not _same(cell, typed, value):
        raise CorrectionRefusedError("two_values", f"{typed!r} was typed, and {chosen!r} was chosen")
    return Wish(decided, value, reason, seen)


def _choice(cell: str, chosen: str) -> tuple[Decided, Number | str | None]:
    if cell in FACTS:
        return Decided.VALUE, chosen
    try:
        value = case.value_of(chosen)
    except ValueError:
        raise CorrectionRefusedError("no_number", f"{chosen!r} is no choice") from None
    return (Decided.BLANK if value is None else Decided.VALUE), value


def _same(cell: str, typed: str, value: Number | str | None) -> bool:
    try:
        return typed_value(cell, typed) == value
    except CorrectionRefusedError:
        return False


def parse_row(form: Fields, cell: str, cells: Sequence[str], marks: Sequence[str], *, of: str = "row") -> list[tuple[str, Wish]]:
    """Return the wishes of a form for the ``cells`` of a row, or ``of`` a table; a field without anything is blank.

    Raises RefusedError when one of them is no value, and RefusedError ``value_beside_row`` when the form holds another value for
    the single ``cell`` than for the same cell of the row.
    """
    wishes = []
    for each, mark in zip(cells, marks, strict=True):
        typed = form.text(f"{of}:{each}", _MOST_IN_ROW)
        choice = [("choice", _TYPED), ("typed", typed)] if typed else [("choice", "blank")]
        wishes.append((each, parse(Fields([*choice, ("mark", mark)]), each)))
    chosen, typed = form.text("choice", _LONGEST), form.text("typed", _LONGEST)
    if typed or chosen not in ("", _TYPED, form.text("offered", _LONGEST)):
        single = parse(form, cell)
        if all((wish.decided, wish.value) != (single.decided, single.value) for each, wish in wishes if each == cell):
            raise CorrectionRefusedError("value_beside_row", f"{cell}: the row says another value than the choice")
    return wishes


def check_row_untouched(form: Fields) -> None:
    """Raise RefusedError ``row_beside_value`` when a row was filled in on a form that is sent for a single value."""
    for cell in form.each("row_cell"):
        if form.text(f"row:{cell}", _MOST_IN_ROW) != form.text(f"row_shown:{cell}", _MOST_IN_ROW):
            raise CorrectionRefusedError("row_beside_value", f"{cell}: the row was filled in, and a single value was confirmed")


def draft_of(form: Fields) -> Draft:
    """Return what a form held. Where a choice and a typed value contradict each other, no choice is marked."""
    chosen, typed = form.text("choice", _LONGEST), form.text("typed", _LONGEST)
    row = {cell: form.text(f"row:{cell}", _MOST_IN_ROW) for cell in form.each("row_cell")}
    return Draft(None if typed and chosen != _TYPED else chosen or None, typed, form.text("reason", _LONGEST_REASON), row)


def decide(request: PageRequest, document: int, cell: str, wish: Wish, *, pause: float) -> Done:
    """Write the decision in the person's name; a form that is sent twice decides once.

    Raises RefusedError, OvertakenError when another was first, and HTTPException 404 when the person may not see the document.
    """
    request.require([document])
    fields: dict[str, Any] = {"who": request.user_name, "reason": wish.reason, "seen": wish.seen, "pause": pause}
    try:
        return request.write(lambda c: corrections.correct(c, document, cell, wish.decided, wish.value, **fields))
    except OvertakenError as error:
        if error.by is None or not _is_own(error.by, wish, request.user_name):
            raise
        return Done(error.by.number, None)


def _is_own(standing: CorrectionItem, wish: Wish, who: str) -> bool:
    """Return whether the decision that stands is this very wish, sent before by the same person from the same page."""
    value = standing.text if isinstance(wish.value, str) else standing.value
    same = standing.decided == wish.decided and value == wish.value and standing.reason == wish.reason
    return same and standing.ended_at is None and standing.decided_by == who


def decide_row(request: PageRequest, document: int, wishes: Sequence[tuple[str, Wish]], *, pause: float) -> list[int]:
    """Write the decisions about the cells of a row in one transaction, all or none. Return their numbers.

    Raises RefusedError, OvertakenError when another was first, and HTTPException 404 when the person may not see the document.
    """
    request.require([document])
    fields: dict[str, Any] = {"who": request.user_name, "reason": request.form.text("reason", _LONGEST_REASON), "pause": pause}

    def write(connection: Connection) -> list[int]:
        numbers: list[int] = []
        for cell, w in wishes:
            step = numbers[0] if numbers else None
            done = corrections.correct(connection, document, cell, w.decided, w.value, seen=w.seen, step=step, **fields)
            numbers.append(done.number)
        return numbers

    return request.write(write)


def notify_overtaken(request: PageRequest, error: OvertakenError) -> None:
    """Show who was first, and what holds now."""
    if error.by is None:
        request.notify("case.read_anew", good=False)
    elif error.by.ended_at is not None:
        request.notify("case.overtaken_undone", good=False, who=error.by.ended_by or "")
    else:
        request.notify("case.overtaken", good=False, who=error.by.decided_by, value=error.by.told or request.t("case.blank"))
