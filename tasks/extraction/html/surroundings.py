"""What surrounds the content of a web page: menus, footers and buttons, told by what they are called and by what they hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from lxml import etree

from tasks.extraction.grid import NUMERIC
from tasks.extraction.words import patterns, words

_SPACES = re.compile(r"[ \t\r\n\f]+")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_FRAME = frozenset(("html", "body", "table", "thead", "tbody", "tfoot", "tr", "td", "th", "p", "br"))
_LONG_CHROME = 200  # characters outside links that no menu or footer has


class Holding(NamedTuple):
    """What an element holds with all that is below it.

    ``size``: characters without white space; ``linked``: those in links; ``text``: the text itself, None where it is longer
    than ``_LONGEST_TEXT``. ``heading``: it holds a heading, or what is marked as the page's main part; ``numbers``: tables with
    numbers; ``numeric``: it holds a cell with a number, outside of deeper tables or in them.
    """

    size: int
    linked: int
    text: str | None
    heading: bool
    numbers: int
    numeric: bool


_UNSHOWN = frozenset(("head", "script", "style", "template", "noscript", "title"))
_LONGEST_TEXT = 2 * _LONG_CHROME + 1
_MAIN = frozenset(("h1", "h2", "article", "main"))


class Holdings:
    """What elements hold, found when it is asked for: it matters of few elements of a page."""

    def __init__(self) -> None:
        self._found: dict[etree._Element, Holding] = {}

    def of(self, root: etree._Element) -> Holding:
        """Return what an element holds, from the leaves up: each is looked at once, however deep they are nested."""
        if root not in self._found:
            for _, element in etree.iterwalk(root, events=("end",)):
                if isinstance(element.tag, str) and element not in self._found:
                    self._found[element] = _content(element, self._found)
        return self._found[root]


def _content(element: etree._Element, found: dict[etree._Element, Holding]) -> Holding:
    tag = element.tag
    if tag in _UNSHOWN:
        return Holding(0, 0, "", False, 0, False)
    parts = [_shrunk(element.text)]
    size, linked, heading, numbers, numeric, long = len(parts[0]), 0, tag in _MAIN, 0, False, False
    for child in element:
        inner = found.get(child)
        if inner is not None:
            size += inner.size
            linked += inner.linked
            heading = heading or inner.heading
            numbers += inner.numbers
            numeric = numeric or inner.numeric
            long = long or inner.text is None
            parts.append(inner.text or "")
        parts.append(tail := _shrunk(child.tail))
        size += len(tail)
    text = None if long or size >= _LONGEST_TEXT else "".join(parts)
    if tag == "a":
        linked += size
    if tag == "td" and text is not None:
        numeric = numeric or NUMERIC.fullmatch(text) is not None
    return Holding(size, linked, text, heading, numbers + (tag == "table" and numeric), numeric)


def _shrunk(text: str | None) -> str:
    return _SPACES.sub("", text) if text else ""


def surroundings(root: etree._Element, held: Holdings) -> Iterator[etree._Element]:
    """The elements that are not content: the head, and menus, footers and buttons that are surely such."""
    for element in root.iter(etree.Element):
        tag = element.tag
        if tag == "head":
            yield element
        elif tag in _FRAME:
            continue
        elif (tag in words().chrome.soft_tags or _is_named_chrome(element)) and _is_dispensable(held.of(element)):
            yield element


def is_main(content: Holding, whole: Holding) -> bool:
    """Return whether most of the page's text, or all its tables of numbers, are in an element: then a script shows it."""
    return 2 * content.size > whole.size or (whole.numbers > 0 and content.numbers == whole.numbers)


def _is_named_chrome(element: etree._Element) -> bool:
    label = f"{element.get('id') or ''} {element.get('class') or ''}"
    names = words().chrome.names
    return label != " " and any(word.lower() in names for word in _WORD.findall(label))


def _is_dispensable(content: Holding) -> bool:
    """Return whether what looks like a menu or footer holds no heading, no numbers in a table, no long text and no word of a
    report.
    """
    if content.heading or content.numbers or content.size - content.linked > _LONG_CHROME:
        return False
    return content.linked * 2 > content.size or content.text is None or not patterns().chrome_keep.search(content.text)
