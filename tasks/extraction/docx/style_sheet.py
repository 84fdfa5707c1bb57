"""The styles of a Word document: its part styles.xml, of which many documents have the same.

An office writes its reports from one template, and a program has one of its own, so that a part that is equal to the byte is
read once. What is kept of it is only read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from lxml import etree

from tasks.extraction.docx.markup import child_of, is_on, local_name, number_of, value_of
from tasks.extraction.docx.numbering import LEVELS
from tasks.extraction.docx.package import part_to_xml

_KEPT = 4  # style sheets that are remembered, ...
_MOST_BYTES = 512 * 1024  # ... none of them longer: as a tree it takes ten times as much memory


class StyleSheet:
    """The styles of a document by their ids. ``defaults``: type -> id of the style of what has none; ``base``: the run
    properties that all text has; ``lists``: paragraph style -> (list, level).
    """

    def __init__(self, styles: etree._Element | None) -> None:
        self.base: dict[str, etree._Element] = {}
        self.defaults: dict[str, str] = {}
        self._own: dict[str, etree._Element] = {}
        self._based: dict[str, str] = {}
        self._chains: dict[str, dict[str, etree._Element]] = {}
        self._shaded: dict[str, bool] = {}
        self._paragraph_shades: dict[str, str] = {}
        own_lists: dict[str, tuple[str, int] | None] = {}
        for element in styles if styles is not None else ():
            if local_name(element) == "docDefaults":
                self.base = named(child_of(child_of(element, "rPrDefault"), "rPr"))
            name = value_of(element, "styleId")
            if local_name(element) != "style" or name is None:
                continue
            self._own[name] = element
            self._based[name] = value_of(child_of(element, "basedOn")) or ""
            if is_on(value_of(element, "default") or "0"):
                self.defaults.setdefault(value_of(element, "type") or "", name)
            number = child_of(child_of(element, "pPr"), "numPr")
            if number is not None:
                own_lists[name] = _list_of(number)
        self.lists = self._inherited(own_lists)

    def _inherited(self, own: Mapping[str, tuple[str, int] | None]) -> dict[str, tuple[str, int]]:
        """The lists of all styles: their own, or that of the style that they are based on."""
        result: dict[str, tuple[str, int]] = {}
        for name in self._own if own else ():
            at, seen = name, {name}
            while at not in own and self._based.get(at) and self._based[at] not in seen:
                at = self._based[at]
                seen.add(at)
            if (found := own.get(at)) is not None:
                result[name] = found
        return result

    def _ancestry(self, name: str) -> Iterator[etree._Element]:
        """The style and those that it is based on, in this order."""
        seen: set[str] = set()
        while name in self._own and name not in seen:
            seen.add(name)
            yield self._own[name]
            name = self._based[name]

    def chain(self, name: str | None) -> Mapping[str, etree._Element]:
        """The run properties of a style, with those that it inherits; none for a style that there is not."""
        if not name or name not in self._own:
            return {}
        if name not in self._chains:
            found: dict[str, etree._Element] = {}
            for style in self._ancestry(name):
                found = named(child_of(style, "rPr")) | found
            self._chains[name] = found
        return self._chains[name]

    def is_shaded(self, name: str) -> bool:
        """Return whether a table style has a shading or colours of its own for some of its rows or columns."""
        if name not in self._own:
            return False
        if name not in self._shaded:
            self._shaded[name] = any(
                local_name(entry) in ("shd", "color") for style in self._ancestry(name) for entry in style.iter(etree.Element)
            )
        return self._shaded[name]

    def paragraph_shade(self, name: str) -> str:
        """The shading that a paragraph style gives, its own or an inherited one; "" for none."""
        if name not in self._own:
            return ""
        if name not in self._paragraph_shades:
            shades = (shade_of(child_of(style, "pPr")) for style in self._ancestry(name))
            self._paragraph_shades[name] = next(filter(None, shades), "")
        return self._paragraph_shades[name]


def read_style_sheet(data: bytes, name: str) -> StyleSheet:
    """The styles that the part ``name`` with these bytes holds. Raises ``file.corrupt`` when it is no XML."""
    return _remembered(data, name) if len(data) <= _MOST_BYTES else StyleSheet(part_to_xml(data, name))


@lru_cache(maxsize=_KEPT)
def _remembered(data: bytes, name: str) -> StyleSheet:
    return StyleSheet(part_to_xml(data, name))


def _list_of(number: etree._Element) -> tuple[str, int] | None:
    """The list and level that a paragraph's numbering names, None where it takes the paragraph out of all lists."""
    list_id = value_of(child_of(number, "numId"))
    return None if list_id in (None, "0") else (str(list_id), min(number_of(child_of(number, "ilvl"), 0), LEVELS - 1))


def named(properties: etree._Element | None) -> dict[str, etree._Element]:
    """Properties by their names, of several of one name the last."""
    return {local_name(entry): entry for entry in properties} if properties is not None else {}


def shade_of(properties: etree._Element | None) -> str:
    """The shading that the properties of a paragraph, cell or row name: a colour, "" for none."""
    return shade_colour(child_of(properties, "shd"))


def shade_colour(shading: etree._Element | None) -> str:
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
