"""Invented agencies with filings over some years, written to the database, and what is true of them.

Everything that makes counting hard is planted: agencies of the list without a report, reports of agencies that no list names,
earlier editions with other numbers, documents that failed, reports in the form of other years, blank cells, doubts that hold a
number, cells not seen, findings that were dismissed, dates that are missing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from sqlalchemy import Engine, insert, text

from codebook.book import load_book
from codebook.divisions import Region, all_divisions, parent_code
from database.models import Base
from tests.value_rows import packed_rows

NOW = datetime(2026, 6, 1, tzinfo=UTC)
TABLES = {name.removeprefix("gk_"): table for name, table in Base.metadata.tables.items()}
KINDS = ("government", "government_office", "vertical_body", "department", "department", "department", "town", "town")
_NAMES = {
    "government": "人民政府",
    "government_office": "人民政府办公室",
    "vertical_body": "税务局",
    "department": "第{}局",
    "town": "第{}镇人民政府",
}
_STATES = ("read", "proven", "corrected", "doubtful", "missing", "not_seen")
_WEIGHTS = (80, 15, 3, 1, 2, 1)
_RULES = (("requests.balance", "error"), ("review.sum", "error"), ("years.jump", "info"), ("text.copied", "warning"))


class TrueUnit(NamedTuple):
    """An agency on a year as it is."""

    agency_id: int
    year: int
    kind: str | None
    region: str
    form: str | None
    listed: bool
    due_on: str | None
    published_on: str | None
    seen_on: str | None
    editions: int
    rules: list[str]
    errors: bool


class TrueCell(NamedTuple):
    """A cell of the report in force of an agency on a year. ``value`` is what stands in the database, sure or not."""

    agency_id: int
    year: int
    cell: str
    value: float | None
    state: str


class World(NamedTuple):
    """All that is true."""

    units: list[TrueUnit]
    cells: list[TrueCell]


def used_cells(form: str) -> list[str]:
    """The cells of a form that are filled: totals, and what indicators need of other columns."""
    more = (
        "requests.new_received.natural_person",
        "requests.new_received.legal_service",
        "disclosure.",
        "review.",
        "statistics.",
    )
    return [i.id for i in load_book().of_form(form) if i.id.endswith(".total") or i.id.startswith(more)]


def _regions(rng: Random, provinces: int, agencies: int) -> list[Region]:
    divisions = [region for region in all_divisions() if region.code[:2] < "70"]
    found: list[Region] = []
    tops = [region for region in divisions if len(region.chain) == 1]
    each = max(1, agencies // provinces // len(KINDS) - 1)
    for top in rng.sample(tops, k=min(provinces, len(tops))):
        inside = [region for region in divisions if region.within(top) and not region.code.endswith("00")]
        chosen = {top.code: top}
        for county in rng.sample(inside, k=min(each, len(inside))):
            chosen[county.code] = county
            above = parent_code(county.code)
            chosen |= {region.code: region for region in divisions if region.code == above and len(chosen) < each}
        found += chosen.values()
    return found


class _Writer:
    def __init__(self, rng: Random, years: Sequence[int]) -> None:
        self.rng, self.years = rng, years
        self.rows: dict[str, list[dict[str, Any]]] = {name: [] for name in (*_ORDER, "value")}
        self.units: list[TrueUnit] = []
        self.cells: list[TrueCell] = []
        self.documents = self.filings = self.findings = self.expected = 0
        self.rows["batch"].append({"id": 1, "name": "示例", "priority": 0, "turn": 0, "created_at": NOW})

    def agency(self, number: int, name: str, kind: str | None, region: Region) -> None:
        self.rows["agency"].append({"id": number, "name": name, "kind": kind, "region_code": region.code, "created_at": NOW})
        key = f"{region.code}:{name}"
        self.rows["agency_key"].append({"key": key, "agency_id": number})
        for year in self.years:
            listed = self.rng.random() < 0.95
            due_on = f"{year + 1}-02-20" if listed and self.rng.random() < 0.2 else None
            if listed:
                self.expected += 1
                self.rows["expected"].append(
                    {"id": self.expected, "year": year, "agency": name, "agency_key": key, "region_code": region.code}
                    | {"due_on": due_on, "listed_at": NOW}
                )
            if self.rng.random() < 0.94:
                self.filing(number, name, kind, region, year, listed, due_on)
            elif listed:
                self.units.append(TrueUnit(number, year, kind, region.code, None, True, due_on, None, None, 0, [], False))

    def filing(
        self, number: int, name: str, kind: str | None, region: Region, year: int, listed: bool, due_on: str | None
    ) -> None:
        rng = self.rng
        self.filings += 1
        forms = list(load_book().forms.items())
        usual = next(form for form, each in forms if each.covers(year))
        form = rng.choice([each for each, _ in forms]) if rng.random() < 0.03 else usual
        editions = 2 if rng.random() < 0.1 else 1
        filing = {"id": self.filings, "agency_id": number, "year": year, "editions": editions, "created_at": NOW}
        self.rows["filing"].append({**filing, "arranged_at": NOW})
        broken = rng.random() < 0.05
        published = _day(rng, year) if rng.random() < 0.9 else None
        seen = _day(rng, year) or ""
        told: list[str] = []
        for rank in range(editions + broken):
            spoken = rank == int(broken)
            dated = published if spoken else None
            status = "failed" if broken and rank == 0 else "accepted"
            document = self.document(
                name, region, year, form, (self.filings, editions - max(0, rank - broken), rank), status, dated, seen
            )
            cells = list(self.values(document, number, year, form, spoken))
            if spoken:
                self.cells += cells
                told = self.judge(document)
        errors = any(severity == "error" for rule, severity in _RULES if rule in told)
        self.units.append(
            TrueUnit(number, year, kind, region.code, form, listed, due_on, published, seen, editions, told, errors)
        )

    def document(
        self,
        name: str,
        region: Region,
        year: int,
        form: str,
        place: tuple[int, int, int],
        status: str,
        dated: str | None,
        seen: str,
    ) -> int:
        self.documents += 1
        number = self.documents
        filing, edition, rank = place
        sha256 = hashlib.sha256(str(number).encode()).hexdigest()
        self.rows["document"].append(
            {"id": number, "sha256": sha256, "media_type": "text/plain", "size": 1, "batch_id": 1, "status": status}
            | {"run": 1, "report_id": None, "registered_at": NOW}
        )
        self.rows["source"].append(
            {"id": number, "document_id": number, "batch_id": 1, "path": f"{number}.txt", "path_key": sha256}
            | {"duplicate": False, "hints": {}, "seen_at": datetime.fromisoformat(f"{seen}T04:00:00+00:00")}
        )
        self.rows["report"].append(
            {"id": number, "document_id": number, "version": 1, "status": "accepted", "agency": name}
            | {"agency_key": f"{region.code}:{name}", "region": list(region.chain), "region_code": region.code, "year": year}
            | {"form": form, "published_on": dated, "script": "simplified", "body": b"", "digest": sha256, "doubts": []}
            | {"versions": {}, "created_at": NOW}
        )
        self.rows["filing_document"].append({"document_id": number, "filing_id": filing, "edition": edition, "rank": rank})
        return number

    def values(self, report: int, agency: int, year: int, form: str, spoken: bool) -> Iterator[TrueCell]:
        for cell in used_cells(form):
            if self.rng.random() < 0.001:
                continue  # a table that the report lacks: no row at all
            state = self.rng.choices(_STATES, _WEIGHTS)[0]
            money = load_book().indicators[cell].unit == "万元"
            value: float | None = self.rng.randrange(10_000) / 100 if money else float(int(self.rng.expovariate(1 / 20)))
            if state in ("missing", "not_seen") or (state == "doubtful" and self.rng.random() < 0.5):
                value = None
            self.rows["value"].append(
                {"report_id": report, "indicator": cell, "value": value, "state": state, "raw": "", "origin": "table"}
                | {"read_by": "txt", "score": 1.0, "page": 1}
            )
            if spoken:
                yield TrueCell(agency, year, cell, value, state)

    def judge(self, report: int) -> list[str]:
        stands = []
        for rule, severity in _RULES:
            if self.rng.random() < 0.1:
                self.findings += 1
                number = self.findings
                dismissed = self.rng.random() < 0.3
                case = {"id": number, "document_id": report, "filing_id": self.filings, "rule": rule, "severity": severity}
                self.rows["finding_case"].append(_case(case, "dismissed" if dismissed else "new"))
                self.rows["finding"].append(
                    {"id": number, "report_id": report, "rule": rule, "severity": severity, "message": "示例", "cells": []}
                    | {"case_id": number}
                )
                if not dismissed:
                    stands.append(rule)
        return stands


def _case(known: dict[str, Any], state: str) -> dict[str, Any]:
    more = {
        "report_id": known["document_id"],
        "edition": 1,
        "key": str(known["id"]),
        "message": "示例",
        "cells": [],
        "batch_id": 1,
    }
    return {**known, **more, "present": True, "state": state, "opened_at": NOW, "changed_at": NOW}


def _day(rng: Random, year: int) -> str:
    return (date(year + 1, 1, 1) + timedelta(days=rng.randrange(150))).isoformat()


_ORDER = (
    "batch", "agency", "agency_key", "expected", "document", "source", "report", "value_layout", "report_values", "filing",
    "filing_document",
    "finding_case", "finding",
)  # fmt: skip


def make_world(engine: Engine, *, provinces: int, agencies: int, years: Sequence[int], seed: int = 1, odd: bool = False) -> World:
    """Fill an empty database, and return what is true of it. ``odd``: with an agency whose kind nobody knows."""
    rng = Random(seed)
    writer = _Writer(rng, years)
    made = 0
    for region in _regions(rng, provinces, agencies):
        for place, kind in enumerate(KINDS):
            if kind == "town" and region.code.endswith("00"):
                continue
            made += 1
            writer.agency(made, region.chain[-1] + _NAMES[kind].format("甲乙丙丁戊己庚辛"[place]), kind, region)
    if odd:
        writer.agency(made + 1, f"{region.chain[-1]}服务中心", None, region)
    writer.rows["value_layout"], writer.rows["report_values"] = packed_rows(writer.rows["value"])
    with engine.begin() as connection:
        for name in _ORDER:
            rows = writer.rows[name]
            for start in range(0, len(rows), 20_000):
                connection.execute(insert(TABLES[name]), rows[start : start + 20_000])
        connection.execute(text("update gk_document set report_id = id"))
    return World(writer.units, writer.cells)
