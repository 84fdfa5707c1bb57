"""How the runs of a document look: properties of the run, its styles and the document's defaults, as Word joins them.

Only what decides whether a text is seen, and at which height, is read: hidden text, strikes, colour and shading, size, raised and
lowered text. A property that a style turns on is turned off again by another style that turns it on (ISO/IEC 29500-1, 17.7.3).
"""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree

from codebook.records import LightRecord
from tasks.extraction.characters import PICTOGRAMS
from tasks.extraction.docx.markup import child_of, is_on, local_name, number_of, value_of
from tasks.extraction.docx.style_sheet import StyleSheet, named, shade_colour, shade_of

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


class RunLook(LightRecord, frozen=True):
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
    """How the runs and paragraphs of one document look that has these styles and a paper of this colour."""

    def __init__(self, sheet: StyleSheet, paper: str) -> None:
        self.paper = paper
        self._sheet = sheet
        self._looks: dict[tuple[object, ...], RunLook] = {}  # by what is set, and the surroundings: most runs are alike

    def look(self, run: etree._Element, around: RunSurroundings) -> RunLook:
        """How a run looks that stands in such a paragraph."""
        properties = child_of(run, "rPr")
        key = (around, *map(_written, () if properties is None else properties))
        if key not in self._looks:
            self._looks[key] = self._look(named(properties), around)
        return self._looks[key]

    def _look(self, own: Mapping[str, etree._Element], around: RunSurroundings) -> RunLook:
        sheet = self._sheet
        table = sheet.chain(around.table_style or sheet.defaults.get("table"))
        paragraph = sheet.chain(around.paragraph_style or sheet.defaults.get("paragraph"))
        character = sheet.chain(value_of(own.get("rStyle")) or sheet.defaults.get("character"))
        levels = (table, paragraph, character)
        joined: Mapping[str, etree._Element] = {**sheet.base, **table, **paragraph, **character, **own}
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
        if _is_set(self._sheet.base.get(name)):
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
        behind = behind or shade_colour(joined.get("shd")) or around.paragraph_shade or around.cell_shade
        if not behind:
            if around.table_style and self._sheet.is_shaded(around.table_style):
                return None if _is_close(colour, _rgb(self.paper)) else False
            behind = self.paper
        return _is_close(colour, _rgb(behind))

    def paragraph_shade(self, properties: etree._Element | None, style: str) -> str:
        """The shading of a paragraph that has such properties: its own or its style's ("": that of the default style)."""
        if shade := shade_of(properties):
            return shade
        return self._sheet.paragraph_shade(style or self._sheet.defaults.get("paragraph") or "")


class RunSurroundings(LightRecord, frozen=True):
    """What the look of a run depends on besides its own properties. Shades are colours, "" for none. ``is_drawn``: it stands in
    a drawing, whose colours are not read.
    """

    table_style: str = ""
    cell_shade: str = ""
    paragraph_style: str = ""
    paragraph_shade: str = ""
    is_drawn: bool = False


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
