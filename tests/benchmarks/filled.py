"""A database of filings, for what is measured over agencies and years: each agency has one report on each year.

The documents of :mod:`tests.benchmarks.filling` are editions of few filings; here every document is a filing of its own, in the
3,200 real regions, with invented numbers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

from sqlalchemy import Engine, text

from codebook.book import load_book
from codebook.divisions import Region, all_divisions
from database.blob import pack
from tests.benchmarks.filling import defer_references, write_rows

YEARS = range(2019, 2024)
_KINDS = ("government", "government_office", "vertical_body", "town")
_NAMES = {"government": "人民政府", "government_office": "人民政府办公室", "vertical_body": "税务局", "town": "示例镇人民政府"}
_TEXT = "{name}{year}年认真做好政府信息公开工作，主动公开信息{number}条。联系人：张三，电话：0517-8000{number:04}。" * 3
_AT = datetime(2024, 6, 1, tzinfo=UTC)
_PART = 2_000  # agencies that are written at once
_ORDER = (
    "agency", "agency_key", "expected", "document", "source", "report", "section", "block", "value", "filing", "filing_document",
    "finding_case", "finding",
)  # fmt: skip


def regions() -> list[Region]:
    """The regions in which agencies are, those of Taiwan, Hong Kong and Macao without."""
    return [region for region in all_divisions() if region.code[:2] < "70"]


def agencies(count: int) -> Iterator[tuple[int, str, str, Region]]:
    """Number, name, kind and region of invented agencies: of each region first its government, office, tax office and town."""
    places = regions()
    for number in range(count):
        region, turn = places[number % len(places)], number // len(places)
        kind = _KINDS[turn] if turn < len(_KINDS) else "department"
        yield number + 1, region.chain[-1] + _NAMES.get(kind, f"第{turn}局"), kind, region


def fill_filings(engine: Engine, filings: int, cells: Sequence[str], *, texts: bool = False, seed: int = 1) -> int:
    """Fill an empty database with about ``filings`` filings of those ``cells``; return how many there are.

    One in a hundred cells is a doubt, one in fifty blank; one agency in twenty of the list has no report. ``texts``: each report
    has a chapter with a contact line.
    """
    rng, made, ids = Random(seed), 0, _Numbers()
    body = pack({})
    with engine.begin() as connection:
        write_rows(connection, "gk_batch", [{"id": 1, "name": "基准", "priority": 0, "created_at": _AT}])
    for part in _parts(agencies(round(filings / len(YEARS) / 0.95))):
        rows: dict[str, list[dict[str, Any]]] = {name: [] for name in _ORDER}
        for number, name, kind, region in part:
            key = f"{name}|{region.code}"
            rows["agency"].append({"id": number, "name": name, "kind": kind, "region_code": region.code, "created_at": _AT})
            rows["agency_key"].append({"key": key, "agency_id": number})
            for year in YEARS:
                listed = {"id": ids.next("expected"), "year": year, "agency": name, "agency_key": key, "listed_at": _AT}
                rows["expected"].append({**listed, "region_code": region.code, "due_on": None})
                if rng.random() < 0.95:
                    made += 1
                    _filing(rows, made, (number, name, key, region), year, rng, cells, body, texts=texts)
        _write(engine, rows)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze" if engine.dialect.name == "postgresql" else "analyze"))
    return made


class _Numbers:
    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def next(self, name: str) -> int:
        self._last[name] = self._last.get(name, 0) + 1
        return self._last[name]


def _parts(found: Iterable[Any]) -> Iterator[list[Any]]:
    part: list[Any] = []
    for each in found:
        part.append(each)
        if len(part) == _PART:
            yield part
            part = []
    if part:
        yield part


def _filing(
    rows: dict[str, list[dict[str, Any]]],
    number: int,
    who: tuple[int, str, str, Region],
    year: int,
    rng: Random,
    cells: Sequence[str],
    body: bytes,
    *,
    texts: bool,
) -> None:
    agency, name, key, region = who
    form = next(form for form, each in load_book().forms.items() if each.covers(year))
    sha256 = hashlib.sha256(str(number).encode()).hexdigest()
    day = f"{year + 1}-{rng.choice(('01', '02', '03', '04'))}-{rng.randrange(1, 29):02}"
    rows["document"].append(
        {"id": number, "sha256": sha256, "media_type": "text/html", "size": 1, "batch_id": 1, "status": "accepted", "run": 1}
        | {"pages": 2, "report_id": None, "registered_at": _AT, "finished_at": _AT}
    )
    rows["source"].append(
        {"id": number, "document_id": number, "batch_id": 1, "path": f"{number}.html", "path_key": sha256, "duplicate": False}
        | {"hints": "{}", "seen_at": datetime.fromisoformat(f"{day}T04:00:00+00:00")}
    )
    rows["report"].append(
        {"id": number, "document_id": number, "version": 1, "status": "accepted", "agency": name, "agency_key": key}
        | {"region": json.dumps(region.chain, ensure_ascii=False), "region_code": region.code, "year": year, "form": form}
        | {"province": region.chain[0], "published_on": day, "script": "simplified", "body": body, "digest": sha256}
        | {"title": f"{name}{year}年政府信息公开工作年度报告", "doubts": "[]", "versions": "{}", "created_at": _AT}
    )
    rows["filing"].append({"id": number, "agency_id": agency, "year": year, "editions": 1, "created_at": _AT, "arranged_at": _AT})
    rows["filing_document"].append({"document_id": number, "filing_id": number, "edition": 1, "rank": 0})
    if texts:
        shown = _TEXT.format(name=name, year=year, number=number % 10_000)
        rows["section"].append({"report_id": number, "position": 1, "number": 1, "title": "总体情况", "text": shown})
    there = {indicator.id for indicator in load_book().of_form(form)}
    blocks = set()
    for cell in cells:
        if cell not in there:
            continue
        blocks.add(cell.partition(".")[0])
        drawn = rng.random()
        state = "doubtful" if drawn < 0.01 else "missing" if drawn < 0.03 else "proven"
        value = None if state != "proven" else float(int(rng.expovariate(1 / 20)))
        rows["value"].append(
            {
                "report_id": number,
                "indicator": cell,
                "value": value,
                "state": state,
                "raw": "" if value is None else str(int(value)),
            }
            | {"origin": "table", "read_by": "html", "score": 1.0, "page": 1}
        )
    rows["block"] += [{"report_id": number, "block": block, "form": form, "readable": True} for block in sorted(blocks)]
    if rng.random() < 0.1:
        finding = {"rule": "requests.balance", "severity": rng.choice(("error", "warning")), "message": "示例", "cells": "[]"}
        state = {"report_id": number, "edition": 1, "key": str(number), "batch_id": 1, "present": True, "state": "new"}
        case = {"id": number, "document_id": number, "filing_id": number, "opened_at": _AT, "changed_at": _AT}
        rows["finding_case"].append({**finding, **state, **case})
        rows["finding"].append({**finding, "id": number, "report_id": number, "case_id": number})


def _write(engine: Engine, rows: dict[str, list[dict[str, Any]]]) -> None:
    with engine.begin() as connection:
        defer_references(connection)
        for name in _ORDER:
            write_rows(connection, f"gk_{name}", rows[name])
        # Afterwards: SQLite looks through all that may name a report while one is named that is not there yet.
        connection.execute(text("update gk_document set report_id = id where report_id is null"))
