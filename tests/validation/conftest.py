"""Reports made of a few values, and the real ones from their truth files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pypdfium2
import pytest

from codebook.book import load_book
from codebook.records import Line, Number, Origin, Place, Reader, Reading, Report, Section, Snapshot, State
from tasks.extraction.extract import extract

HERE = Place(line=1)
PREFACE = "根据《中华人民共和国政府信息公开条例》编制本报告。"
CHAPTERS = (
    (1, "总体情况", "本年度主动公开各类信息若干，认真办理依申请公开，工作有序推进。"),
    (2, "主动公开政府信息情况", ""),
    (3, "收到和处理政府信息公开申请情况", ""),
    (4, "政府信息公开行政复议、行政诉讼情况", ""),
    (5, "存在的主要问题及改进情况", "存在公开内容不全面的问题，下一步将加强培训。"),
    (6, "其他需要报告的事项", "无"),
)


def reading(cell: str, value: Number | None, **more: object) -> Reading:
    """A reading from a table; None is a blank cell."""
    state = State.MISSING if value is None else State.READ
    fields = {"state": state, "raw": "" if value is None else str(value), "place": HERE, "read_by": Reader.TXT} | more
    return Reading(indicator=cell, value=value, **fields)


def form_values(form: str = "2021", **changes: Number | None) -> dict[str, Number | None]:
    """All cells of a form at 0, with the undivided row （六） in form 2019 and the three rows in 2021."""
    undivided = {f"requests.other.{column}" for column in load_book().blocks["requests"].columns}
    return {i.id: 0 for i in load_book().of_form(form) if form == "2019" or i.id not in undivided} | changes


def sections(**texts: str) -> tuple[Section, ...]:
    """The chapters of the form; ``five="…"`` replaces the text of chapter five, ``preface`` is what stands before the first."""
    names = ("one", "two", "three", "four", "five", "six")
    made = [Section(n, title, texts.get(names[n - 1], text), Place(line=n)) for n, title, text in CHAPTERS]
    return (Section(None, "", texts.get("preface", PREFACE), HERE), *made)


def report(values: Mapping[str, Number | None], **more: object) -> Report:
    """A report with these values; any field of Report may be given."""
    fields = {
        "agency": "安宁市城市管理局",
        "region": ("云南省", "昆明市", "安宁市"),
        "region_code": "530181",
        "year": 2022,
        "form": "2021",
        "title": None,
        "published_on": None,
        "script": "simplified",
        "sections": sections(),
        "blocks": (),
        "readings": tuple(reading(cell, value) for cell, value in values.items()),
    } | more
    return Report(**fields)


def snapshot(values: Mapping[str, Number], year: int = 2022, **more: object) -> Snapshot:
    """What the rules between reports need."""
    fields = {
        "agency": "安宁市城市管理局",
        "region": ("云南省", "昆明市", "安宁市"),
        "region_code": "530181",
        "form": "2021",
    } | more
    return Snapshot(year=year, values=dict(values), **fields)


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
    """The makers above by name: ``make("report", values)`` (test modules cannot import a conftest)."""
    makers = {"reading": reading, "report": report, "values": form_values, "sections": sections, "snapshot": snapshot}
    return lambda name, *args, **more: makers[name](*args, **more)
