"""Word's fields: what stands in their codes is not on the page, and a list of a form shows the entry that is chosen."""

from __future__ import annotations

import re
from typing import NamedTuple

from lxml import etree

from tasks.extraction.docx.markup import child_of, local_name, number_of, value_of

# fields that show a number which may not be among their results, or move what follows
_COUNTING = re.compile(r"\s*+(?:=|(?:EQ|ADVANCE|QUOTE|SEQ|LISTNUM|AUTONUM|AUTONUMLGL|AUTONUMOUT)\b)", re.IGNORECASE)


class ParagraphFields(NamedTuple):
    """The fields of a paragraph. ``codes``: texts that are code; ``chosen``: what a list shows, by the mark that begins it.
    ``is_unknown``: one of them shows a number that is not written.
    """

    codes: set[etree._Element]
    chosen: dict[etree._Element, str]
    is_unknown: bool = False


class _Open:
    """A field that has begun and not ended."""

    def __init__(self, mark: etree._Element) -> None:
        self.mark = mark
        self.code: list[etree._Element] | None = []  # None once its result began
        self.has_result = False
        self.instruction = ""


NONE = ParagraphFields(set(), {})


def fields_of(paragraph: etree._Element) -> ParagraphFields:
    """The fields that begin and go on in a paragraph. A field whose result does not begin there has no code: what is shown of
    a damaged field must not be lost.
    """
    if next(paragraph.iter("{*}fldChar"), None) is None:
        return NONE
    codes: set[etree._Element] = set()
    chosen: dict[etree._Element, str] = {}
    stack: list[_Open] = []
    is_unknown = False
    for element in paragraph.iter(etree.Element):
        tag = local_name(element)
        if tag == "fldChar":
            kind = value_of(element, "fldCharType")
            if kind == "begin":
                stack.append(_Open(element))
            elif stack and kind == "separate":
                codes.update(stack[-1].code or ())
                stack[-1].code = None
            elif stack and kind == "end":
                field = stack.pop()
                if not field.has_result and (entry := _chosen(field.mark)):
                    chosen[field.mark] = entry
                is_unknown = is_unknown or (not field.has_result and counts(field.instruction))
        elif tag == "instrText" and stack:
            stack[-1].instruction += element.text or ""
        elif tag == "t" and stack:
            for field in (stack[0], stack[-1]):  # those between are code where the first is
                if field.code is not None:
                    field.code.append(element)
            stack[-1].has_result = stack[-1].code is None
    return ParagraphFields(codes, chosen, is_unknown) if codes or chosen or is_unknown else NONE


def counts(instruction: str) -> bool:
    """Return whether a field with this code shows a number whether or not it was written down: EQ, =, SEQ."""
    return _COUNTING.match(instruction) is not None


def _chosen(mark: etree._Element) -> str:
    """The entry that a list of a form shows."""
    entries = child_of(child_of(mark, "ffData"), "ddList")
    if entries is None:
        return ""
    texts = [value_of(entry) or "" for entry in entries if local_name(entry) == "listEntry"]
    at = number_of(child_of(entries, "result"), number_of(child_of(entries, "default"), 0))
    return texts[at] if at < len(texts) else ""
