"""Plain text: from bytes to numbered lines."""

from __future__ import annotations

import re

from codebook.errors import GongkaiError
from codebook.records import Extraction, Line, Page, PageKind, Place, Reader
from codebook.text import decoding
from codebook.text.decoding import Decoded
from tasks.extraction.joining import drop_page_numbers, gaps_of, gaps_within
from tasks.extraction.limits import ExtractionLimits

_NEWLINE = re.compile(r"\r\n|\n|\r")
_SHOWN = re.compile(r"[^\r\n\f]")
_DIGIT = re.compile(r"\d")
_UNSURE = 0.5  # the score of a line that may show a number in a comment
_VISIBLE = re.compile("[^\\s\u200b-\u200f\u2060\ufeff\x1a]")


def decode(data: bytes, limits: ExtractionLimits, declared: str | None = None) -> Decoded:
    """Return the text of ``data``. Raises as :func:`codebook.text.decoding.decode`, and ``file.too_large`` above the limit."""
    if len(data) > limits.max_text_bytes:
        raise GongkaiError("file.too_large", f"{len(data)} bytes of text", f"at most {limits.max_text_bytes}")
    return decoding.decode(data, declared)


def without_comments(text: str) -> tuple[str, frozenset[int]]:
    """``text`` with blanks in the place of its comments (``<!-- … -->``), which Markdown does not show, and the numbers of the
    lines in which one held a digit: in a text that is shown as it is, that would be seen.
    """
    pieces: list[str] = []
    numbers: set[int] = set()
    at, line = 0, 1
    while (begin := text.find("<!--", at)) >= 0 and (end := text.find("-->", begin + 4)) >= 0:
        end += 3
        line += len(_NEWLINE.findall(text[at:begin]))
        comment = text[begin:end]
        numbers.update(line + n for n, part in enumerate(_NEWLINE.split(comment)) if _DIGIT.search(part))
        pieces += [text[at:begin], _SHOWN.sub(" ", comment)]
        line += len(_NEWLINE.findall(comment))
        at = end
    return "".join([*pieces, text[at:]]), frozenset(numbers)


def split_lines(text: str, limits: ExtractionLimits) -> tuple[tuple[Line, ...], ...]:
    """The lines of each page (form feeds end pages), numbered from 1 through the whole text; empty lines are counted, not kept.
    Comments are blanks. A line in which one held a digit is not sure.

    Raises ``file.too_large`` above ``limits.max_lines`` lines that hold something.
    """
    pages: list[tuple[Line, ...]] = []
    lines: list[Line] = []
    number, start, kept = 1, 0, 0
    text, unsure = without_comments(text)
    end = len(text)
    while start <= end:
        match = _NEWLINE.search(text, start)
        stop = match.start() if match else end
        column = 1
        for index, piece in enumerate(text[start:stop].split("\f")):
            if index:
                pages.append(tuple(lines))
                lines = []
            if _VISIBLE.search(piece):
                kept += 1
                if kept > limits.max_lines:
                    raise GongkaiError("file.too_large", f"more than {limits.max_lines} lines", f"at most {limits.max_lines}")
                place = Place(page=len(pages) + 1, line=number, column=column if column > 1 else None)
                lines.append(Line(piece, place, _UNSURE if number in unsure else 1.0))
            column += len(piece) + 1
        number += 1
        start = match.end() if match else end + 1
    pages.append(tuple(lines))
    while len(pages) > 1 and not pages[-1]:  # pdftotext ends each page, the last one too, with a form feed
        pages.pop()
    return tuple(pages)


def read_text(data: bytes, media_type: str, limits: ExtractionLimits) -> Extraction:
    """Lines of a plain text. Raises as :func:`decode`, and ``file.empty`` when nothing but white space is there."""
    decoded = decode(data, limits)
    found = split_lines(decoded.text, limits)
    if not any(found):
        raise GongkaiError("file.empty", f"{len(data)} bytes of white space", "text")
    pages = tuple(
        Page(number, PageKind.TEXT, f"{sum(len(line.text) for line in lines)} characters", Reader.TXT, lines)
        for number, lines in enumerate(found, 1)
    )
    gaps = gaps_of(pages) if len(pages) > 1 else gaps_within(pages[0])
    if len(pages) > 1:
        pages = drop_page_numbers(pages)
    return Extraction(media_type, pages, encoding=decoded.encoding, notes=decoded.notes, page_gaps=gaps)
