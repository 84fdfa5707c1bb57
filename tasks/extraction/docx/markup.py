"""Elements of WordprocessingML by their local names: the transitional and the strict form differ in their namespaces alone."""

from __future__ import annotations

from lxml import etree


def local_name(element: etree._Element) -> str:
    """The name of an element without its namespace, "" for what is no element."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def child_of(element: etree._Element | None, name: str) -> etree._Element | None:
    """The first child of that name, None when there is none."""
    return next((child for child in element if local_name(child) == name), None) if element is not None else None


def value_of(element: etree._Element | None, name: str = "val") -> str | None:
    """The attribute of that name, whatever its namespace."""
    if element is None:
        return None
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), None)


def number_of(element: etree._Element | None, default: int, name: str = "val") -> int:
    """The attribute of that name as a whole number, ``default`` where it is none."""
    value = value_of(element, name) or ""
    return int(value) if value.isdecimal() and len(value) < 10 else default


def is_on(value: str | None) -> bool:
    """Return whether a property with this value is on; one without a value is."""
    return value not in ("0", "false", "off", "none")
