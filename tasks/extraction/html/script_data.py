"""Numbers of a report that a page's own scripts hold as data and put into the page when a browser shows it.

What a script makes of them is not known. Where the page has no table of its own, data with labels of the form are read, each
cell in doubt; where they cannot be read, they are named among what was left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from html import unescape
from typing import Any

from lxml import etree

from codebook.book import load_book
from codebook.records import LeftOutKind
from codebook.text.fold import fold_label
from tasks.extraction.grid import NUMERIC, Slot
from tasks.extraction.text_flow import CellGrid, Flow, FlowPicture, Unsure

_MOST_CHARACTERS = 5_000_000  # of all scripts that are looked through
_MOST_VALUES = 50  # places of a script at which data are tried to be read
_LONGEST_VALUE = 1_000_000  # characters
_FEWEST_LABELS = 3
_FEWEST_NUMBERS = 4
_LONGEST_LABEL = 80
_DEEPEST = 8
_QUOTED = re.compile(r"""(?<=["'`])[^"'`\\\r\n]{3,80}(?=["'`])""")  # whichever of two quotes is the first
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
_TAGGED = re.compile(r">([^<>]{3,80})<")
_MARKUP = re.compile(r"\s{0,200}<(?:[a-z!])", re.I)
_BEGINS = re.compile(r"\[\s{0,40}[\[{]")
_DATA_TYPES = ("", "text/javascript", "application/javascript", "application/json", "application/ld+json", "module", "text/json")


def script_data(root: etree._Element, *, has_tables: bool) -> Flow:
    """The tables that scripts of a page hold as data, where it has none; else, or where they cannot be read, what names them."""
    texts = list(_scripts(root))
    labels = [label for text in texts for label in _labels_in(text)]
    labels += [label for text in _held_markup(root) for label in _labels_between_tags(text)]
    if len(set(labels)) < _FEWEST_LABELS:
        return []
    tables: list[CellGrid] = [] if has_tables else [table for text in texts for table in _tables(text)]
    return [*tables] if tables else [FlowPicture(f"script: {labels[0]}", kind=LeftOutKind.SCRIPT)]


def _scripts(root: etree._Element) -> Iterator[str]:
    left = _MOST_CHARACTERS
    for element in root.iter("script"):
        text = (element.text or "")[:left]
        if text and (element.get("type") or "").partition(";")[0].strip().lower() in _DATA_TYPES:
            left -= len(text)
            yield _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)


def holds_markup(element: etree._Element) -> bool:
    """Return whether a field holds a part of a page, which a script puts elsewhere, and no text for a reader."""
    return element.tag == "textarea" and _MARKUP.match(element.text or "") is not None


def _held_markup(root: etree._Element) -> Iterator[str]:
    """The texts in scripts, templates and fields that may hold parts of a page."""
    left = _MOST_CHARACTERS
    for element in root.iter("script", "textarea", "input"):
        text = ((element.get("value") if element.tag == "input" else element.text) or "")[:left]
        if "<" in text or "\\u003" in text.lower() or "&lt;" in text:
            left -= len(text)
            plain = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)
            yield unescape(plain) if "&lt;" in plain else plain


def _labels_between_tags(text: str) -> Iterator[str]:
    return (raw for raw in _TAGGED.findall(text) if fold_label(raw) in _labels())


@cache
def _labels() -> frozenset[str]:
    """The labels of rows of all forms, folded, as long as they name a row alone."""
    rows = (label for block in load_book().blocks.values() for label in block.rows.values())
    return frozenset(text for label in rows for raw in label.texts if len(text := fold_label(raw)) > 2)


def _labels_in(text: str) -> Iterator[str]:
    return (raw for raw in _QUOTED.findall(text) if fold_label(raw) in _labels())


def _tables(text: str) -> Iterator[CellGrid]:
    decoder = json.JSONDecoder()
    at = tried = 0
    while tried < _MOST_VALUES and (match := _BEGINS.search(text, at)) is not None:
        tried += 1
        part = text[match.start() : match.start() + _LONGEST_VALUE]
        try:
            value, end = decoder.raw_decode(part)
        except (ValueError, RecursionError):
            at = match.start() + 1
            continue
        at = match.start() + end
        yield from _in_value(value, 0)


def _in_value(value: Any, depth: int) -> Iterator[CellGrid]:
    """The tables in a value: lists of rows, each a list or an object of texts and numbers."""
    if depth > _DEEPEST or not isinstance(value, list | dict):
        return
    inner = list(value.values()) if isinstance(value, dict) else value
    rows = [_row(item) for item in inner] if isinstance(value, list) else []
    if rows and all(row is not None for row in rows) and _is_table(kept := [row for row in rows if row]):
        slots = [Slot[Flow](at, column, 1, 1, [Unsure(text)]) for at, row in enumerate(kept) for column, text in enumerate(row)]
        yield CellGrid(slots)
        return
    for item in inner:
        yield from _in_value(item, depth + 1)


def _row(item: Any) -> list[str] | None:
    """The texts of a row; None for what is none."""
    values = list(item.values()) if isinstance(item, dict) else item
    if not isinstance(values, list) or any(isinstance(value, list | dict) for value in values):
        return None
    return ["" if value is None or isinstance(value, bool) else str(value)[: 2 * _LONGEST_LABEL] for value in values]


def _is_table(rows: Sequence[Sequence[str]]) -> bool:
    labels = sum(any(fold_label(text) in _labels() for text in row) for row in rows)
    numbers = sum(NUMERIC.fullmatch(text) is not None for row in rows for text in row)
    return labels >= _FEWEST_LABELS and numbers >= _FEWEST_NUMBERS
