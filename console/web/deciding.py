"""What a form says about a cell, and writing it down as a decision."""

from __future__ import annotations

from typing import Any, NamedTuple

from codebook.book import load_book
from codebook.records import Decided, Number
from codebook.text.numbers import in_unit, read_number
from console.web.request import Visit
from console.web.security import Fields
from console.web.views import case
from database.reports import corrections
from database.reports.corrections import FACTS, Done, RefusedError, Seen


class Wish(NamedTuple):
    """What a person wants a cell to be, why, and what was seen when the choice was made."""

    decided: Decided
    value: Number | str | None
    reason: str
    seen: Seen


def parse(form: Fields, cell: str) -> Wish:
    """The wish of a form: one of the choices, or a typed value. Raises RefusedError when it is none."""
    chosen, typed = form.text("choice", 200), form.text("typed", 200)
    seen = Seen(form.number("standing"), None if cell in FACTS else form.text("mark", 16) or None)
    reason = form.text("reason", 500)
    if cell in FACTS:
        text = typed if chosen in ("", "typed") else chosen
        if not text:
            raise RefusedError("no_fact", "nothing was typed")
        return Wish(Decided.VALUE, text, reason, seen)
    if chosen in ("", "typed"):
        known = load_book().indicators.get(cell)
        value = in_unit(read_number(typed), known.unit if known else None) if typed else None
        if value is None:
            raise RefusedError("no_number", f"{typed!r} is no number")
        return Wish(Decided.VALUE, value, reason, seen)
    try:
        chosen_value = case.value_of(chosen)
    except ValueError:
        raise RefusedError("no_number", f"{chosen!r} is no choice") from None
    return Wish(Decided.BLANK if chosen_value is None else Decided.VALUE, chosen_value, reason, seen)


def decide(visit: Visit, document: int, cell: str, wish: Wish, *, pause: float) -> Done:
    """Write the decision in the person's name. Raises RefusedError, and OvertakenError when another was first."""
    fields: dict[str, Any] = {"who": visit.who, "reason": wish.reason, "seen": wish.seen, "pause": pause}
    return visit.write(lambda c: corrections.correct(c, document, cell, wish.decided, wish.value, **fields))
