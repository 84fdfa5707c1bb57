"""Elements of a page that are alike: most cells of a table look the same, and so need to be looked at once."""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree


def kinds_of(root: etree._Element) -> Mapping[etree._Element, int]:
    """The kind of each element below ``root`` and of ``root`` itself, in reading order: elements of one kind have the same tag
    and attributes, and so have all those around them.
    """
    numbers: dict[tuple[object, ...], int] = {}
    kinds: dict[etree._Element, int] = {}
    for element in root.iter(etree.Element):
        key = (kinds.get(element.getparent()), element.tag, *element.items())
        kinds[element] = numbers.setdefault(key, len(numbers))
    return kinds
