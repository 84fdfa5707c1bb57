"""The real reports, from their truth files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pypdfium2
import pytest

from codebook.records import Line, Origin, Report, Section
from tasks.extraction.extract import extract
from tests.validation import makers
from tests.validation.makers import HERE, reading, report

_TITLE = re.compile(r"^([一二三四五六])、(.{2,30})$")


_MEDIA_TYPES = {
    ".html": "text/html",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


def _text_of(path: Path) -> str:
    if path.suffix == ".pdf":
        document = pypdfium2.PdfDocument(path)
        return "\n".join(page.get_textpage().get_text_range().replace("\r", "") for page in document)
    if path.suffix in _MEDIA_TYPES:
        pages = extract(path.read_bytes(), _MEDIA_TYPES[path.suffix]).pages
        return "\n".join(block.text for page in pages for block in page.blocks if isinstance(block, Line))
    return path.read_text(encoding="utf-8")


def _split(text: str) -> tuple[Section, ...]:
    found: list[tuple[int | None, str, list[str]]] = [(None, "", [])]
    for line in text.splitlines():
        match = _TITLE.match(line.strip())
        number = "一二三四五六".index(match[1]) + 1 if match else None
        if match and number == (found[-1][0] or 0) + 1:
            found.append((number, match[2], []))
        else:
            found[-1][2].append(line)
    return tuple(Section(number, title, "\n".join(lines), HERE) for number, title, lines in found)


@pytest.fixture(scope="session")
def real_reports(corpus: Path) -> dict[str, Report]:
    """Name of a real document -> the report that a perfect reader makes of it (chapters split by their printed numbers)."""
    found = {}
    for path in sorted((corpus / "truth").glob("*.json")):
        truth = json.loads(path.read_text(encoding="utf-8"))
        if truth.get("layout") == "squashed":  # it has no lines to split at; the page that it was copied from is read too
            continue
        prose = {"origin": Origin.PROSE} if truth["form"] == "2014" else {}
        found[path.stem] = report(
            {},
            agency=truth["agency"],
            region=tuple(truth["region"] or ()),
            region_code=None,
            year=truth["year"],
            form=truth["form"],
            published_on=truth["published_on"],
            sections=_split(_text_of(corpus / "documents" / truth["file"])),
            readings=tuple(reading(cell, value, **prose) for cell, value in truth["indicators"].items()),
        )
    return found


@pytest.fixture(scope="session")
def make() -> Callable[..., object]:
    """The makers of reports by name: ``make("report", values)``."""
    return makers.make
