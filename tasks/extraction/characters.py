"""Characters that are not shown as they are written: raised, lowered, in another order, or whatever a font draws for them.

Raised and lowered ones are marks of notes and exponents, no digits of the number before them. A source says it by markup or by
size and place; in the text they become the characters of Unicode that say the same: 7¹. After U+202E the number 21 is seen as 12.
What a character for private use shows, only its font knows: it may be a digit.
"""

from __future__ import annotations

import re

import msgspec

from codebook.records import Block, Extraction, Line, Page
from codebook.text.fold import is_han

PICTOGRAMS = ("wingdings", "wingdings 2", "wingdings 3", "webdings", "marlett", "zapf dingbats", "zapfdingbats")
"""Fonts that draw other signs than digits, in lower case."""
_UNCLEAR = re.compile("[\u202e\ue000-\uf8ff\U000f0000-\U0010ffff]")
_OVERRIDE = "\u202e"
_UNSURE = 0.5  # the score of what is not read as it is shown
_PLAIN = "0123456789+-=()（）"
_RAISED = str.maketrans(_PLAIN + "abcde", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾⁽⁾" + "ᵃᵇᶜᵈᵉ")
_LOWERED = str.maketrans(_PLAIN, "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎₍₎")


def raised(text: str) -> str:
    """Return ``text`` as it is written above the line; what has no raised character stays.

    >>> raised("注1")
    '注¹'
    """
    return text.translate(_RAISED)


def lowered(text: str) -> str:
    """Return ``text`` as it is written below the line."""
    return text.translate(_LOWERED)


def doubt_unclear(extraction: Extraction) -> Extraction:
    """The extraction with cells and lines whose characters are turned around as unsure, and so
    are those that hold a character for private use and no Chinese: their places in it are kept.
    """
    return msgspec.structs.replace(
        extraction, pages=tuple(_page(page) if _is_unclear(page) else page for page in extraction.pages)
    )


def _is_unclear(page: Page) -> bool:
    texts = (one.text for block in page.blocks for one in ((block,) if isinstance(block, Line) else block.cells))
    return _UNCLEAR.search("".join(texts)) is not None


def _page(page: Page) -> Page:
    return msgspec.structs.replace(page, blocks=tuple(map(_block, page.blocks)))


def _block(block: Block) -> Block:
    if isinstance(block, Line):
        return msgspec.structs.replace(block, score=_score(block.text, block.score))
    cells = (msgspec.structs.replace(cell, score=_score(cell.text, cell.score)) for cell in block.cells)
    return msgspec.structs.replace(block, cells=tuple(cells))


def _score(text: str, score: float) -> float:
    if _OVERRIDE in text or (_UNCLEAR.search(text) and not any(map(is_han, text))):
        return min(score, _UNSURE)
    return score
