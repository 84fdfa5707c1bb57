"""CSS declarations as far as they decide whether text is seen: each becomes names with values that are easy to compare.

Names are those of CSS, but for ``background`` (the colour alone), ``overflow``, ``clipped`` (nothing is left by ``clip``,
``clip-path`` or ``transform``) and ``line-through``. What is not understood is left out, as browsers do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import tinycss2

from tasks.extraction.characters import PICTOGRAMS
from tasks.extraction.html.values import TRANSPARENT, Colour, Length, colour_in, length_of, solid

INHERIT, INITIAL = "inherit", "initial"
_WIDE = {"inherit": INHERIT, "unset": "unset", "initial": INITIAL, "revert": INITIAL, "revert-layer": INITIAL}
_SIZES = {
    "xx-small": 9.0,
    "x-small": 10.0,
    "small": 13.0,
    "medium": 16.0,
    "large": 18.0,
    "x-large": 24.0,
    "xx-large": 32.0,
    "xxx-large": 48.0,
}
_MOST_VARIABLES = 10  # that refer to one another
_LONGEST_VALUE, _MOST_TOKENS = 1_000, 50  # characters of a value, and tokens of a property in it
_FAR = -500.0  # pixels to the left of or above the page
_WHOLE = {"turn": 1, "rad": 6.2832, "grad": 400}  # of a turn, in units other than degrees
_SLANT = 45  # degrees from which on a character is no longer one
_SPECK = 0.1  # of its size, to which text is drawn that nobody reads

PICTURE = "picture"  # a background that is no colour
MOVED = "moved"  # turned, or put elsewhere
BEYOND = "beyond"  # an indent of the whole width
TURNED = "turned"  # its characters are shown turned or mirrored

UNLAYERED = 1 << 30

Value = str | float | bool | Colour | Length | None


class Declaration(NamedTuple):
    """One property with its value; ``important``: marked so. ``layer``: the place of its cascade layer among all."""

    name: str
    value: Value
    important: bool
    layer: int = UNLAYERED


def declarations(nodes: Sequence[Any], variables: Mapping[str, Sequence[Any]]) -> Iterator[Declaration]:
    """The declarations among the parsed contents of a block that decide on what is seen. ``variables``: custom properties."""
    for node in nodes:
        if node.type == "declaration" and node.lower_name == "all" and (words := _words(node.value)) and words[0] in _WIDE:
            yield from (Declaration(name, _WIDE[words[0]], node.important) for name in _ALL)
            continue
        if node.type != "declaration" or (reader := _READERS.get(node.lower_name)) is None:
            continue
        tokens = _resolved(node.value, variables)
        wide = _WIDE.get(tokens[0].lower_value) if len(tokens) == 1 and tokens[0].type == "ident" else None
        for name, value in reader(tokens) if wide is None else ((name, wide) for name in _NAMES.get(node.lower_name, ())):
            yield Declaration(name, value, node.important)


def _resolved(value: Sequence[Any], variables: Mapping[str, Sequence[Any]]) -> list[Any]:
    """The value without white space, in which custom properties are replaced by what they stand for."""
    tokens = solid(value)
    for _ in range(_MOST_VARIABLES):
        if len(tokens) != 1 or tokens[0].type != "function" or tokens[0].lower_name != "var":
            break
        tokens = solid(_named(tokens[0], variables))
    return [_filled(token, variables, _MOST_VARIABLES) if token.type == "function" else token for token in tokens]


def _named(function: Any, variables: Mapping[str, Sequence[Any]]) -> Sequence[Any]:
    """What a ``var()`` stands for."""
    name, *rest = solid(function.arguments) or [None]
    known = variables.get(name.value) if name is not None and name.type == "ident" else None
    return known if known is not None else rest[1:]


def _filled(function: Any, variables: Mapping[str, Sequence[Any]], left: int) -> Any:
    """A function in whose values custom properties are replaced, and in those of functions in it."""
    inner = [token for token in function.arguments if token.type == "function"]
    if not inner or not left:
        return function
    parts: list[Any] = []
    for token in function.arguments:
        if token.type != "function":
            parts.append(token)
        elif token.lower_name == "var":
            parts += _named(token, variables)[:_MOST_TOKENS]
        else:
            parts.append(_filled(token, variables, left - 1))
    written = f"{function.name}({tinycss2.serialize(parts)[:_LONGEST_VALUE]})"
    found = tinycss2.parse_one_component_value(written)
    return found if found.type == "function" else function


def _words(tokens: Sequence[Any]) -> list[str]:
    return [token.lower_value for token in tokens if token.type == "ident"]


Found = Iterator[tuple[str, Value]]
Reader = Callable[[Sequence[Any]], Found]


def _word(name: str) -> Reader:
    def read(tokens: Sequence[Any]) -> Found:
        if words := _words(tokens):
            yield name, words[0]

    return read


def _length(name: str) -> Reader:
    def read(tokens: Sequence[Any]) -> Found:
        if tokens and (found := length_of(tokens[0])) is not None:
            yield name, found
        elif _words(tokens):
            yield name, None

    return read


def _vertical_align(tokens: Sequence[Any]) -> Found:
    if tokens and (found := length_of(tokens[0])) is not None:
        yield "vertical-align", found
    elif words := _words(tokens):
        yield "vertical-align", words[0]


def _opacity(tokens: Sequence[Any]) -> Found:
    if tokens and tokens[0].type in ("number", "percentage"):
        yield "opacity", float(tokens[0].value / (100 if tokens[0].type == "percentage" else 1))


def _filter(tokens: Sequence[Any]) -> Found:
    """The part that ``filter: opacity()`` leaves; 1 for other filters."""
    parts = [token for token in tokens if token.type == "function" and token.lower_name == "opacity"]
    found = [value for part in parts for _, value in _opacity(solid(part.arguments))]
    yield "filter", found[-1] if found else 1.0


def _colour(name: str) -> Reader:
    def read(tokens: Sequence[Any]) -> Found:
        if tokens and (found := colour_in(tokens[0])) is not None:
            yield name, found

    return read


def _background(tokens: Sequence[Any]) -> Found:
    colours = [found for token in tokens if (found := colour_in(token)) is not None]
    is_picture = any(token.type == "url" or (token.type == "function" and _draws(token)) for token in tokens)
    if colours or is_picture or "none" in _words(tokens):
        yield "background", PICTURE if is_picture else colours[-1] if colours else TRANSPARENT
        yield "stroke", any(map(_is_stroke, tokens))


def _background_image(tokens: Sequence[Any]) -> Found:
    if any(token.type in ("url", "function") for token in tokens):
        yield "background-image", PICTURE
        yield "stroke", any(map(_is_stroke, tokens))
    elif "none" in _words(tokens):
        yield "background-image", None
        yield "stroke", False


def _is_stroke(token: Any) -> bool:
    """Return whether a background may be a stroke through text: a gradient that is clear in a part."""
    if token.type != "function" or "gradient" not in token.lower_name:
        return False
    colours = map(colour_in, solid(token.arguments))
    return any(isinstance(one, Colour) and one.alpha == 0 for one in colours)


def _draws(function: Any) -> bool:
    return function.lower_name in ("url", "image", "image-set") or "gradient" in function.lower_name


def _font(tokens: Sequence[Any]) -> Found:
    for token in tokens:
        if token.type == "literal" and token.value == "/":
            return
        if (found := _size_of(token)) is not None:
            yield "font-size", found
            return


def _font_size(tokens: Sequence[Any]) -> Found:
    if tokens and (found := _size_of(tokens[0])) is not None:
        yield "font-size", found


def _size_of(token: Any) -> Length | None:
    if token.type == "ident":
        if token.lower_value in ("smaller", "larger"):
            return Length(5 / 6 if token.lower_value == "smaller" else 1.2, True)
        return Length(_SIZES[token.lower_value]) if token.lower_value in _SIZES else None
    return length_of(token)


def _overflow(tokens: Sequence[Any]) -> Found:
    if words := _words(tokens):
        yield "overflow", "hidden" if any(word in ("hidden", "clip") for word in words) else "visible"


def _clip(tokens: Sequence[Any]) -> Found:
    if tokens and tokens[0].type == "function" and tokens[0].lower_name == "rect":
        sides = [length_of(token) for token in solid(tokens[0].arguments) if token.type != "literal"]
        if len(sides) == 4:
            top, right, bottom, left = (None if side is None else side.pixels() for side in sides)
            is_flat = top is not None and bottom is not None and bottom - top <= 1
            is_narrow = left is not None and right is not None and right - left <= 1
            yield "clip", is_flat or is_narrow
    elif _words(tokens):
        yield "clip", False


def _clip_path(tokens: Sequence[Any]) -> Found:
    if tokens and tokens[0].type == "function":
        name, arguments = tokens[0].lower_name, solid(tokens[0].arguments)
        lengths = [found for token in arguments if (found := length_of(token)) is not None]
        yield (
            "clip-path",
            bool(lengths)
            and (
                (name == "inset" and lengths[0].is_relative and lengths[0].value >= 0.5)
                or (name in ("circle", "ellipse") and lengths[0].value == 0)
                or (name == "polygon" and not any(one.value for one in lengths))
            ),
        )
    elif _words(tokens):
        yield "clip-path", False


def _transform(tokens: Sequence[Any]) -> Found:
    """True for what leaves nothing, TURNED for what turns or mirrors characters, MOVED for what may put text elsewhere, False for
    nothing of this."""

    def is_gone(function: Any) -> bool:
        values = [token for token in solid(function.arguments) if token.type != "literal"]
        if function.lower_name.startswith("scale"):
            return any(token.type in ("number", "percentage") and abs(token.value) < _SPECK for token in values)
        if function.lower_name.startswith("translate"):
            lengths = [found for token in values if (found := length_of(token)) is not None]
            return any((one.value <= -5 if one.is_relative else one.value <= _FAR) for one in lengths)
        return False

    functions = [token for token in tokens if token.type == "function"]
    is_turned = any(_turns(token.lower_name, solid(token.arguments)) for token in functions)
    yield "shift", _farthest(token for one in functions if one.lower_name.startswith("translate") for token in one.arguments)
    yield "transform", any(map(is_gone, functions)) or (bool(functions) and (TURNED if is_turned else MOVED))


def _farthest(tokens: Iterable[Any]) -> Length | None:
    """The largest of some lengths, in whichever direction."""
    found = [length for token in tokens if (length := length_of(token)) is not None]
    return max(found, key=lambda length: abs(length.pixels()), default=None)


def _turns(name: str, values: Sequence[Any]) -> bool:
    """Return whether ``rotate``, ``scale``, ``skew`` or ``matrix`` with these values turn or mirror what is drawn."""
    numbers = [token for token in values if token.type in ("number", "percentage", "dimension")]
    if name.startswith("rotate"):
        return any(token.value % _WHOLE.get(getattr(token, "lower_unit", ""), 360) for token in numbers)
    if name.startswith("skew"):
        return any(abs(token.value) >= _SLANT for token in numbers)
    return name.startswith(("scale", "matrix")) and any(token.value < 0 for token in numbers[:4])


def _moving(name: str) -> Reader:
    """``translate``, ``rotate`` and ``scale`` as properties of their own."""

    def read(tokens: Sequence[Any]) -> Found:
        is_moved = any(token.type in ("dimension", "number", "percentage") for token in tokens)
        if name == "translate":
            yield "shift", _farthest(tokens)
        yield name, TURNED if _turns(name, tokens) else MOVED if is_moved and name != "rotate" else False

    return read


def _disguise(name: str) -> Reader:
    """Whether a property that leaves text as it is by ``none`` alone has another value."""

    def read(tokens: Sequence[Any]) -> Found:
        yield name, bool(tokens) and not any(word in ("none", "normal") for word in _words(tokens[:1]))

    return read


def _indent(tokens: Sequence[Any]) -> Found:
    """An indent; of all the width that there is, it is as good as endless where what is beyond is cut off."""
    if tokens and (found := length_of(tokens[0])) is not None:
        yield "text-indent", BEYOND if found.is_share and found.value >= 1 else found


def _variant(tokens: Sequence[Any]) -> Found:
    if {"super", "sub"} & set(words := _words(tokens)):
        yield "vertical-align", "super" if "super" in words else "sub"


def _margin(tokens: Sequence[Any]) -> Found:
    sides = [length_of(token) for token in tokens]
    if 1 <= len(sides) <= 4:
        yield "margin-top", sides[0]
        yield "margin-right", sides[1] if len(sides) > 1 else sides[0]
        yield "margin-left", sides[3] if len(sides) == 4 else sides[1] if len(sides) > 1 else sides[0]


def _order(tokens: Sequence[Any]) -> Found:
    if tokens and tokens[0].type == "number":
        yield "order", float(tokens[0].value)


def _zoom(tokens: Sequence[Any]) -> Found:
    if tokens and tokens[0].type in ("number", "percentage"):
        yield "zoom", float(tokens[0].value / (100 if tokens[0].type == "percentage" else 1)) or 1.0  # browsers take 0 for 1


def _flow(tokens: Sequence[Any]) -> Found:
    yield "flex-direction", next((word for word in _words(tokens) if word.startswith(("row", "column"))), "row")


def _family(tokens: Sequence[Any]) -> Found:
    """The first font that is named."""
    words: list[str] = []
    for token in tokens:
        if token.type == "string":
            words = [token.value]
            break
        if token.type != "ident":
            break
        words.append(token.value)
    if words:
        family = " ".join(words).lower()
        yield "font-family", family
        yield "pictograms", family in PICTOGRAMS


def _font_shorthand(tokens: Sequence[Any]) -> Found:
    yield from _font(tokens)
    sizes = [at for at, token in enumerate(tokens) if _size_of(token) is not None]
    if sizes:
        behind = tokens[sizes[-1] + 1 :]
        if behind and behind[0].type == "literal":  # the height of lines
            behind = behind[2:]
        yield from _family(behind)


def _decoration(tokens: Sequence[Any]) -> Found:
    yield "line-through", "line-through" in _words(tokens)


def _content(tokens: Sequence[Any]) -> Found:
    parts: list[str] = []
    for token in tokens:
        if token.type == "string":
            parts.append(token.value)
        elif token.type == "function" and token.lower_name == "attr" and (names := _words(solid(token.arguments))):
            parts.append(f"\0{names[0]}\0")
        elif token.type == "literal" and token.value == "/":
            break  # what follows is read aloud, not shown
        elif token.type == "ident" and token.lower_value in ("none", "normal"):
            yield "content", None
            return
        else:
            parts.append("\0\0")
    yield "content", "".join(parts)


_READERS: dict[str, Reader] = {
    "display": _word("display"),
    "visibility": _word("visibility"),
    "content-visibility": _word("content-visibility"),
    "position": _word("position"),
    "float": _word("float"),
    "unicode-bidi": _word("unicode-bidi"),
    "opacity": _opacity,
    "filter": _filter,
    "color": _colour("color"),
    "-webkit-text-fill-color": _colour("fill"),
    "background-color": _colour("background"),
    "background": _background,
    "background-image": _background_image,
    "font": _font_shorthand,
    "font-family": _family,
    "font-size": _font_size,
    "overflow": _overflow,
    "overflow-x": _overflow,
    "overflow-y": _overflow,
    **{name: _length(name) for name in ("left", "top", "right", "bottom", "letter-spacing")},
    "text-indent": _indent,
    **{name: _length(name) for name in ("margin-left", "margin-right", "margin-top")},
    "margin": _margin,
    **{name: _length(name) for name in ("height", "max-height", "width", "max-width")},
    "clip": _clip,
    "clip-path": _clip_path,
    "transform": _transform,
    **{name: _moving(name) for name in ("translate", "rotate", "scale")},
    "order": _order,
    "zoom": _zoom,
    "flex-direction": _flow,
    "flex-flow": _flow,
    "direction": _word("direction"),
    "text-decoration": _decoration,
    "text-decoration-line": _decoration,
    "vertical-align": _vertical_align,
    "content": _content,
    "font-variant": _variant,
    "font-variant-position": _variant,
    "-webkit-text-security": _disguise("security"),
    **{name: _disguise("mask") for name in ("mask", "mask-image", "-webkit-mask", "-webkit-mask-image")},
}
_NAMES: dict[str, tuple[str, ...]] = {
    "-webkit-text-fill-color": ("fill",),
    "background-color": ("background",),
    "font": ("font-size",),
    "overflow-x": ("overflow",),
    "overflow-y": ("overflow",),
    "text-decoration": ("line-through",),
    "text-decoration-line": ("line-through",),
    **{
        name: (name,)
        for name in (
            "display",
            "visibility",
            "content-visibility",
            "position",
            "float",
            "opacity",
            "filter",
            "color",
            "background",
            "font-size",
            "overflow",
            "text-indent",
            "letter-spacing",
            "vertical-align",
        )
    },
}
_ALL = (*dict.fromkeys(name for names in _NAMES.values() for name in names), "security", "mask", "clip", "clip-path", "transform")
