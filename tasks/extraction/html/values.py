"""Colours and lengths as CSS writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tinycss2
from tinycss2.color4 import parse_color

# CSS pixels; where a unit depends on font or window, on usual ones
_PIXELS = {"px": 1.0, "pt": 4 / 3, "pc": 16.0, "in": 96.0, "cm": 37.8, "mm": 3.78, "q": 0.945, "rem": 16.0, "vw": 12.8, "vh": 7.2}
_RELATIVE = {"em": 1.0, "%": 0.01, "ex": 0.5, "ch": 0.5}
_FONT = 16.0  # pixels of a usual font, where a sum mixes lengths that are relative to it with others
_CHOICES: dict[str, Callable[[list[float]], float]] = {
    "min": min,
    "max": max,
    "clamp": lambda values: max(values[0], min(values[1:])) if len(values) > 1 else values[0],
}
_MOST_NESTED = 8  # brackets in a sum
# from the values that a colour has by its light to red, green and blue
_TO_RED_GREEN_BLUE = {
    "xyz-d65": ((3.2404542, -1.5371385, -0.4985314), (-0.9692660, 1.8760108, 0.0415560), (0.0556434, -0.2040259, 1.0572252)),
    "xyz-d50": ((3.1338561, -1.6168667, -0.4906146), (-0.9787684, 1.9161415, 0.0334540), (0.0719453, -0.2289914, 1.4052427)),
}
_COLOUR_FUNCTIONS = "rgb rgba hsl hsla hwb lab lch oklab oklch color color-mix light-dark contrast-color"
_COLOURS = frozenset(_COLOUR_FUNCTIONS.split())
_LINEAR = 0.0031308  # below which light and value are in proportion

CURRENT, UNKNOWN = "currentcolor", "unknown"


class Colour(NamedTuple):
    """Red, green, blue and alpha, each from 0 to 1."""

    red: float
    green: float
    blue: float
    alpha: float = 1.0


class Length(NamedTuple):
    """A length in pixels, or as a multiple of the font's size (``is_relative``), or of what is around (``is_share`` too)."""

    value: float
    is_relative: bool = False
    is_share: bool = False

    def pixels(self, base: float = 16.0) -> float:
        """The length where the font, or what is around, is ``base`` pixels large."""
        return self.value * base if self.is_relative else self.value


TRANSPARENT = Colour(0, 0, 0, 0)


def solid(tokens: Sequence[Any]) -> list[Any]:
    """The tokens without white space and comments."""
    return [token for token in tokens if token.type not in ("whitespace", "comment")]


def colour_of(text: str) -> Colour | None:
    """The colour that an attribute of HTML names, None where it names none."""
    for written in (text.strip(), "#" + text.strip()):
        if isinstance(found := colour_in(tinycss2.parse_one_component_value(written)), Colour):
            return found
    return None


def colour_in(token: Any) -> Colour | str | None:
    """The colour of a token, CURRENT, UNKNOWN for one that has to be computed, None for what is no colour."""
    try:
        found = parse_color(token)
    except (AttributeError, TypeError, ValueError):
        return None
    if found is None:
        return UNKNOWN if token.type == "function" and token.lower_name in _COLOURS else None
    if found == "currentcolor":
        return CURRENT
    for space in ("srgb", *_TO_RED_GREEN_BLUE):
        try:
            parts = [float(part or 0) for part in found.to(space).coordinates]
        except NotImplementedError:
            continue
        if space != "srgb":
            light = (sum(a * b for a, b in zip(row, parts, strict=True)) for row in _TO_RED_GREEN_BLUE[space])
            parts = [min(1.0, max(0.0, _seen(part))) for part in light]
        red, green, blue = parts
        return Colour(red, green, blue, float(found.alpha))
    return UNKNOWN


def _seen(light: float) -> float:
    return 12.92 * light if light <= _LINEAR else 1.055 * light ** (1 / 2.4) - 0.055


def length_of(token: Any) -> Length | None:
    """The length of a token, None for what is none. A sum is worked out for a usual font."""
    if token.type == "number" and token.value == 0:
        return Length(0.0)
    if token.type == "percentage":
        return Length(token.value / 100, True, True)
    if token.type == "dimension":
        unit = token.lower_unit
        if unit in _PIXELS:
            return Length(token.value * _PIXELS[unit])
        if unit in _RELATIVE:
            return Length(token.value * _RELATIVE[unit], True)
    if token.type == "function" and (found := _computed(token, _MOST_NESTED)) is not None:
        return Length(found)
    return None


def _computed(token: Any, left: int) -> float | None:
    """The pixels (or the number) that ``calc()``, ``min()``, ``max()`` and ``clamp()`` come to."""
    if left == 0 or (token.type == "function" and token.lower_name not in ("calc", *_CHOICES)):
        return None
    parts: list[list[Any]] = [[]]
    for inner in solid(token.content if token.type == "() block" else token.arguments):
        if inner.type == "literal" and inner.value == ",":
            parts.append([])
        else:
            parts[-1].append(inner)
    values = [_sum(part, left - 1) for part in parts]
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return None
    return _CHOICES[token.lower_name](known) if token.type == "function" and token.lower_name in _CHOICES else known[0]


def _sum(tokens: Sequence[Any], left: int) -> float | None:
    """A sum of products; None where something in it is not known."""
    total, term, sign, operator = 0.0, 1.0, 1.0, "*"
    is_open = True  # a number has to follow
    for token in tokens:
        if token.type == "literal" and token.value in "+-*/" and not is_open:
            if token.value in "+-":
                total, term, sign = total + sign * term, 1.0, 1.0 if token.value == "+" else -1.0
            operator, is_open = token.value if token.value in "*/" else "*", True
            continue
        value = _value(token, left)
        if value is None or not is_open or (operator == "/" and value == 0):
            return None
        term = term / value if operator == "/" else term * value
        is_open = False
    return None if is_open else total + sign * term


def _value(token: Any, left: int) -> float | None:
    if token.type == "number":
        return float(token.value)
    if token.type in ("function", "() block"):
        return _computed(token, left)
    found = length_of(token)
    return None if found is None else found.pixels(_FONT)
