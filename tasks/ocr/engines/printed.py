"""The closed set of what the tables of the forms print, but for numbers: labels, heads of columns, units and notes.

>>> known_label("(一)予以公开")
'（一）予以公开'
>>> known_label("(一)予以公布") is None
True
"""

from __future__ import annotations

import re
from functools import cache

import msgspec

from codebook.book import Block, load_book
from codebook.data import read
from codebook.records import Record

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}


class PrintedFile(Record, frozen=True):
    """The file printed.yaml: ``texts`` besides labels and titles; ``before`` are patterns of what may stand before a label."""

    texts: tuple[str, ...]
    before: tuple[str, ...]


@cache
def _file() -> PrintedFile:
    return msgspec.yaml.decode(read("printed.yaml"), type=PrintedFile)


def half_width(text: str) -> str:
    """A text with full-width forms as half-width ones and without spaces; otherwise each character stays what it is."""
    return "".join(text.translate(_FULL_WIDTH).split())


def _of_block(block: Block) -> set[str]:
    labels = [label for part in (block.rows, block.columns, block.subtotals, block.extra_columns) for label in part.values()]
    texts = {text for label in labels for text in (*label.texts, *label.under)}
    return {block.title, *texts, *(group.clause for group in block.groups)}


@cache
def printed_texts() -> dict[str, str]:
    """All texts, as the forms print them, by the same in half width."""
    book = load_book()
    texts = {text for block in book.blocks.values() for text in _of_block(block)}
    texts |= {title for form in book.forms.values() for chapter in form.sections for title in (chapter.title, *chapter.variants)}
    return {half_width(text): "".join(text.split()) for text in sorted({*texts, *_file().texts})}


@cache
def _before() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in _file().before))


def known_label(text: str) -> str | None:
    """Return the label that ``text`` is, in half width or full width, as the forms print it; None for any other text.

    What may stand before a label (a number, "of these") is kept as it is; the result has as many characters as ``text`` without
    its spaces.
    """
    said = half_width(text)
    if found := printed_texts().get(said):
        return found
    mark = _before().match(said)
    rest = printed_texts().get(said[mark.end() :]) if mark else None
    return said[: mark.end()] + rest if mark and rest else None


def begins_label(text: str) -> bool:
    """Return whether ``text`` begins with what may stand before a label: a number, "of these".

    >>> begins_label("3.其他"), begins_label("3")
    (True, False)
    """
    return _before().match(half_width(text)) is not None
