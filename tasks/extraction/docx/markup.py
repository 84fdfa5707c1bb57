"""Elements of WordprocessingML by their local names: the transitional and the strict form differ in their namespaces alone."""

from __future__ import annotations

from functools import lru_cache

from lxml import etree

_KNOWN = ("http://schemas.microsoft.com/", "http://schemas.openxmlformats.org/", "http://purl.oclc.org/ooxml/")


def local_name(element: etree._Element) -> str:
    """The name of an element without its namespace, "" for what is no element."""
    tag = element.tag
    return _local(tag) if isinstance(tag, str) else ""


@lru_cache(maxsize=1_000)
def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def child_of(element: etree._Element | None, name: str) -> etree._Element | None:
    """The first child of that name, None when there is none."""
    for child in element if element is not None else ():  # faster than a search by lxml: most elements have few children
        if local_name(child) == name:
            return child
    return None


def value_of(element: etree._Element | None, name: str = "val") -> str | None:
    """The attribute of that name, whatever its namespace."""
    if element is None:
        return None
    for key, value in element.items():
        if _local(key) == name:
            return str(value)
    return None


def number_of(element: etree._Element | None, default: int, name: str = "val") -> int:
    """The attribute of that name as a whole number, ``default`` where it is none."""
    value = value_of(element, name) or ""
    return int(value) if value.isdecimal() and len(value) < 10 else default


def is_on(value: str | None) -> bool:
    """Return whether a property with this value is on; one without a value is."""
    return value not in ("0", "false", "off", "none")


def choice_of(alternatives: etree._Element) -> etree._Element:
    """The first of several forms of the same whose markup is known, as Word takes it; an empty element where none is."""
    for child in alternatives.iterchildren(etree.Element):
        names = (value_of(child, "Requires") or "").split()
        if local_name(child) == "Fallback" or all(child.nsmap.get(name, _KNOWN[0]).startswith(_KNOWN) for name in names):
            return child
    return etree.Element("none")
