"""Reports and snapshots made of a few values, for tests of the rules."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from codebook.book import load_book
from codebook.filings import FiledCell, FiledReport
from codebook.records import Number, Place, Reader, Reading, Report, Section, Snapshot, State

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


def filed(values: Mapping[str, Number | None], name: str = "年报.txt", **more: object) -> FiledReport:
    """A document of the filing on 2022 of one agency, as a file ``name`` brought it."""
    cells = {cell: FiledCell(value, State.MISSING if value is None else State.READ) for cell, value in values.items()}
    number = sum(name.encode())
    fields = {
        "document_id": number,
        "report_id": number,
        "sha256": hashlib.sha256(name.encode()).hexdigest(),
        "path": name,
        "agency": "安宁市城市管理局",
        "title": None,
        "reader": Reader(name.rpartition(".")[2]),
        "published_on": None,
        "dated_on": None,
        "seen_at": f"2023-02-01T00:00:{number % 60:02}+00:00",
        "cells": cells,
        "sections": tuple((section.number, section.title, section.text) for section in sections()),
    } | more
    return FiledReport(**fields)


_MAKERS: dict[str, Callable[..., object]] = {
    "reading": reading,
    "report": report,
    "values": form_values,
    "sections": sections,
    "snapshot": snapshot,
    "filed": filed,
}


def make(name: str, *arguments: object, **more: object) -> object:
    """Return what the maker ``name`` makes: ``make("report", values)``."""
    return _MAKERS[name](*arguments, **more)
