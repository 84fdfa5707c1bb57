"""Whether an element's text may be shown elsewhere than where it is written: before other text, or over it."""

from __future__ import annotations

from collections.abc import Mapping

from tasks.extraction.html.declarations import MOVED, TURNED, Value
from tasks.extraction.html.values import Length

_BESIDE = 2.0  # pixels by which text is pushed over that before it
_ELSEWHERE = 12.0  # pixels by which a number is moved out of its place in a table
_MOVES = ("transform", "translate", "rotate", "scale")


def is_placed(values: Mapping[str, Value], size: float, is_table_part: bool) -> bool:
    """Return whether an element is taken out of the order in which its text is written. ``size`` of its font, in pixels."""
    if values.get("position") in ("absolute", "fixed"):
        return True
    if is_table_part:
        return False
    if values.get("float") in ("left", "right") or values.get("order") or values.get("direction") == "rtl":
        return True
    if any(values.get(name) in (MOVED, TURNED) for name in _MOVES) or str(values.get("flex-direction", "")).endswith("-reverse"):
        return True
    is_pulled = any(_pixels(values.get(name), size) <= -_BESIDE for name in ("margin-left", "margin-right"))
    is_pushed = any(abs(_pixels(values.get(name), size)) >= _BESIDE for name in ("left", "right"))
    return is_pulled or (is_pushed and values.get("position") in ("relative", "sticky"))


def is_elsewhere(values: Mapping[str, Value], size: float, tag: str) -> bool:
    """Return whether what an element of a table holds may be shown in another cell: a row or cell that is put in another order,
    or what is moved farther than a line is high.
    """
    if tag == "tr" and (values.get("direction") == "rtl" or str(values.get("flex-direction", "")).endswith("-reverse")):
        return True
    if tag in ("td", "th") and (values.get("float") == "right" or values.get("order")):
        return True
    shifts = [_pixels(values.get("shift"), size)]
    if values.get("position") in ("relative", "absolute", "fixed"):
        shifts += [_pixels(values.get(name), size) for name in ("left", "right", "top", "bottom")]
    shifts += [min(0.0, _pixels(values.get(name), size)) for name in ("margin-left", "margin-right", "margin-top")]
    return any(abs(shift) >= _ELSEWHERE for shift in shifts)


def _pixels(value: Value, size: float) -> float:
    return value.pixels(size) if isinstance(value, Length) else 0.0
