"""How the runs of a document look: properties of the run, its styles and the document's defaults, as Word joins them.

Only what decides whether a text is seen, and at which height, is read: hidden text, strikes, colour and shading, size, raised and
lowered text. A property that a style turns on is turned off again by another style that turns it on (ISO/IEC 29500-1, 17.7.3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from lxml import etree

from tasks.extraction.characters import PICTOGRAMS
from tasks.extraction.docx.markup import child_of, is_on, local_name, number_of, value_of

_TOGGLES = ("vanish", "strike")
_TINY = 3  # half points: a text so small is no text to a reader
_SAME = 12  # of 255, by which two colours differ at most that nobody can tell apart
_HIGHLIGHTS = {
    **{"white": "FFFFFF", "black": "000000", "none": "", "yellow": "FFFF00", "green": "00FF00", "cyan": "00FFFF"},
    **{"magenta": "FF00FF", "blue": "0000FF", "red": "FF0000", "darkBlue": "000080", "darkCyan": "008080"},
    **{"darkGreen": "008000", "darkMagenta": "800080", "darkRed": "800000", "darkYellow": "808000", "darkGray": "808080"},
    "lightGray": "C0C0C0",
}
_PAPER = frozenset(("background1", "light1", "bg1", "lt1"))  # the colour of a theme that is white
_NARROW = 25  # per cent of a character's width, below which nobody reads it
_OVERLAP = 4  # of 20ths of a point for each half point of size, by which characters stand on each other
_CLEAR = 95_000  # of 100 000: so transparent is what nobody sees


class RunLook(NamedTuple):
    """How a run looks. ``shift``: "superscript", "subscript" or ""; ``is_unsure``: it cannot be told whether it is seen. ``size``
    and ``rise`` above the line are in half points. ``is_symbols``: in a font whose characters are kept by codes of their own.
    """

    is_hidden: bool = False
    is_struck: bool = False
    is_unsure: bool = False
    shift: str = ""
    size: int = 21
    rise: int = 0
    is_symbols: bool = False


class Styles:
    """The styles of a document, from its part styles.xml (None where it has none)."""

    def __init__(self, styles: etree._Element | None, paper: str) -> None:
        self.paper = paper  # the colour of the page
        self._own: dict[str, etree._Element] = {}
        self._based: dict[str, str] = {}
        self._defaults: dict[str, str] = {}  # type -> id of the style of what has none
        self._chains: dict[str, dict[str, etree._Element]] = {}
        self._shaded: dict[str, bool] = {}
        self._paragraph_shades: dict[str, str] = {}
        self._looks: dict[tuple[object, ...], RunLook] = {}  # by what is set, and the surroundings: most runs are alike
        self._base: dict[str, etree._Element] = {}
        for element in styles if styles is not None else ():
            if local_name(element) == "docDefaults":
                self._base = _named(child_of(child_of(element, "rPrDefault"), "rPr"))
            name = value_of(element, "styleId")
            if local_name(element) != "style" or name is None:
                continue
            self._own[name] = element
            self._based[name] = value_of(child_of(element, "basedOn")) or ""
            if is_on(value_of(element, "default") or "0"):
                self._defaults.setdefault(value_of(element, "type") or "", name)

    def _ancestry(self, name: str) -> Iterator[etree._Element]:
        """The style and those that it is based on, in this order."""
        seen: set[str] = set()
        while name in self._own and name not in seen:
            seen.add(name)
            yield self._own[name]
            name = self._based[name]

    def _chain(self, name: str | None) -> dict[str, etree._Element]:
        """The run properties of a style, with those that it inherits."""
        if not name:
            return {}
        if name not in self._chains:
            found: dict[str, etree._Element] = {}
            for style in self._ancestry(name):
                found = _named(child_of(style, "rPr")) | found
            self._chains[name] = found
        return self._chains[name]

    def _is_shaded(self, name: str) -> bool:
        """Return whether a table style has a shading or colours of its own for some of its rows or columns."""
        if name not in self._shaded:
            self._shaded[name] = any(
                local_name(entry) in ("shd", "color") for style in self._ancestry(name) for entry in style.iter(etree.Element)
            )
        return self._shaded[name]

    def look(self, run: etree._Element, around: RunSurroundings) -> RunLook:
        """How a run looks that stands in such a paragraph."""
        properties = child_of(run, "rPr")
        key = (around, *map(_written, () if properties is None else properties))
        if key not in self._looks:
            self._looks[key] = self._look(_named(properties), around)
        return self._looks[key]

    def _look(self, own: Mapping[str, etree._Element], around: RunSurroundings) -> RunLook:
        table = self._chain(around.table_style or self._defaults.get("table"))
        paragraph = self._chain(around.paragraph_style or self._defaults.get("paragraph"))
        character = self._chain(value_of(own.get("rStyle")) or self._defaults.get("character"))
        levels = (table, paragraph, character)
        joined: Mapping[str, etree._Element] = {**self._base, **table, **paragraph, **character, **own}
        flags = {name: self._toggled(name, levels, own) for name in _TOGGLES}
        is_struck = flags["strike"] or _is_set(joined.get("dstrike"))
        size = number_of(joined.get("sz"), 21)
        is_same = self._is_on_its_colour(joined, around)
        is_dense = _signed(joined.get("spacing")) <= -_OVERLAP * size or number_of(joined.get("w"), 100) <= _NARROW
        font = (value_of(joined.get("rFonts"), "ascii") or "").lower()
        return RunLook(
            is_hidden=flags["vanish"] or is_same is True or size == 0 or _is_clear(joined.get("textFill")),
            is_struck=is_struck,
            is_unsure=is_same is None or 0 < size <= _TINY or is_dense or font.startswith(PICTOGRAMS),
            shift=value_of(joined.get("vertAlign")) or "",
            size=size,
            rise=_signed(joined.get("position")),
            is_symbols=font == "symbol",
        )

    def _toggled(self, name: str, levels: tuple[Mapping[str, etree._Element], ...], own: Mapping[str, etree._Element]) -> bool:
        if name in own:
            return _is_set(own[name])
        if _is_set(self._base.get(name)):
            return True
        return sum(_is_set(level.get(name)) for level in levels) % 2 == 1

    def _is_on_its_colour(self, joined: Mapping[str, etree._Element], around: RunSurroundings) -> bool | None:
        """Return whether a text has the colour of what is behind it, None where that is not known."""
        colour, highlight = _colour(joined), value_of(joined.get("highlight"))
        if colour is None and highlight == "black":
            return None  # programs show text without a colour of its own in black or in white there
        if colour is None or around.is_drawn:
            return False
        behind = _HIGHLIGHTS.get(highlight, "other") if highlight else ""
        behind = behind or _shade(joined.get("shd")) or around.paragraph_shade or around.cell_shade
        if not behind:
            if around.table_style and self._is_shaded(around.table_style):
                return None if _is_close(colour, _rgb(self.paper)) else False
            behind = self.paper
        return _is_close(colour, _rgb(behind))

    def paragraph_shade(self, properties: etree._Element | None, style: str) -> str:
        """The shading of a paragraph that has such properties: its own or its style's ("": that of the default style)."""
        if shade := _shade(child_of(properties, "shd")):
            return shade
        name = style or self._defaults.get("paragraph") or ""
        if name not in self._paragraph_shades:
            shades = (_shade(child_of(child_of(style, "pPr"), "shd")) for style in self._ancestry(name))
            self._paragraph_shades[name] = next(filter(None, shades), "")
        return self._paragraph_shades[name]


class RunSurroundings(NamedTuple):
    """What the look of a run depends on besides its own properties. Shades are colours, "" for none. ``is_drawn``: it stands in
    a drawing, whose colours are not read.
    """

    table_style: str = ""
    cell_shade: str = ""
    paragraph_style: str = ""
    paragraph_shade: str = ""
    is_drawn: bool = False


def shade_of(properties: etree._Element | None) -> str:
    """The shading that the properties of a cell or row name: a colour, "" for none."""
    return _shade(child_of(properties, "shd"))


def _named(properties: etree._Element | None) -> dict[str, etree._Element]:
    return {local_name(entry): entry for entry in properties} if properties is not None else {}


def _is_set(element: etree._Element | None) -> bool:
    return element is not None and is_on(value_of(element))


def _written(entry: etree._Element) -> tuple[object, ...]:
    """All that is written of a property: of a fill, it is what stands in the element."""
    return (entry.tag, *entry.items(), etree.tostring(entry) if len(entry) else b"")


def _signed(element: etree._Element | None) -> int:
    """The value of a property as a whole number with its sign, 0 where it is none."""
    value = value_of(element) or ""
    return int(value) if value.removeprefix("-").isdecimal() and len(value) < 9 else 0


def _is_clear(fill: etree._Element | None) -> bool:
    """Return whether characters are filled with nothing."""
    if fill is None:
        return False
    parts = {local_name(part): part for part in fill.iter(etree.Element)}
    return "noFill" in parts or number_of(parts.get("alpha"), 0) >= _CLEAR


def _colour(joined: Mapping[str, etree._Element]) -> tuple[int, int, int] | None:
    """The colour of a text: what its characters are filled with, or its own. A theme's colour counts before the one beside it."""
    filled = joined.get("textFill")
    solid = child_of(filled, "solidFill")
    if solid is not None and len(solid) == 1:
        name = value_of(solid[0])
        return _rgb("FFFFFF" if name in _PAPER and not len(solid[0]) else name)
    own = joined.get("color")
    if value_of(own, "themeColor") in _PAPER and not value_of(own, "themeShade"):
        return _rgb("FFFFFF")
    return _rgb(value_of(own))


def _shade(shading: etree._Element | None) -> str:
    """The colour of a shading: its fill, or its foreground where the pattern is solid. "" for none."""
    if shading is None:
        return ""
    pattern, fill = value_of(shading) or "clear", value_of(shading, "fill") or "auto"
    if pattern == "solid":
        fill = value_of(shading, "color") or "auto"
        return "000000" if fill == "auto" else fill
    if pattern not in ("clear", "nil"):
        return "other"
    return "" if fill == "auto" else fill


def _rgb(colour: str | None) -> tuple[int, int, int] | None:
    if colour is None or len(colour) != 6:
        return None
    try:
        value = int(colour, 16)
    except ValueError:
        return None
    return value >> 16, value >> 8 & 255, value & 255


def _is_close(one: tuple[int, int, int], other: tuple[int, int, int] | None) -> bool:
    return other is not None and all(abs(a - b) <= _SAME for a, b in zip(one, other, strict=True))
