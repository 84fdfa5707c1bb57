"""From a verdict to rows: plain dictionaries by table name, ready for bulk insert. Nothing here opens a connection."""

from __future__ import annotations

import hashlib
import zlib
from typing import Any, TypeVar

from codebook.agency_kinds import stored_key
from codebook.book import load_book
from codebook.divisions import by_level
from codebook.filings import StoredCell
from codebook.records import Finding, Place, Reading, Report, State, Verdict, decode, encode
from tasks.loading.relate import standing
from tasks.validation.validate import doubts

Row = dict[str, Any]
Rows = dict[str, list[Any]]
T = TypeVar("T", str, str | None)

# Body and evidence are compressed for storage: on verdicts of 200 readings, level 3 takes a third of the time of level
# 6 for a tenth more bytes.
_LEVEL = 3
_NUL = {0: "\ufffd"}  # PostgreSQL cannot hold the character 0


def unpack(body: bytes) -> Verdict:
    """The verdict that stands in the column ``body``. Raises zlib.error or msgspec.ValidationError when ``body`` is
    something else.
    """
    return decode(zlib.decompress(body), Verdict)


def report_rows(verdict: Verdict, row: Row | None = None) -> Rows:
    """The rows of one report, by table name, without ``report_id`` (the database gives it out); under gk_value the cells, which
    are packed into one row. ``row`` is its :func:`report_row` where that was made before.

    ``gk_report`` has exactly one row. Order within ``gk_section``, ``gk_value`` and ``gk_finding`` is that of the
    report.
    """
    report = verdict.report
    decided = {correction.indicator: correction.number for correction in verdict.corrections}
    return {
        "gk_report": [report_row(verdict) if row is None else row],
        "gk_block": _block_rows(report),
        "gk_section": [
            {"position": position, "number": section.number, "title": _text(section.title), "text": _text(section.text)}
            for position, section in enumerate(report.sections)
        ],
        "gk_value": [_cell(reading, decided.get(reading.indicator)) for reading in report.readings],
        "gk_finding": [finding_row(finding) for finding in verdict.findings],
    }


def finding_row(finding: Finding, *, between: str | None = None, other_report_id: int | None = None) -> Row:
    """The row of a finding. ``between`` says how it came of comparing reports ("years", "region", "check"), with the
    other report.
    """
    return {
        "other_report_id": other_report_id,
        "between": between,
        "rule": finding.rule,
        "severity": finding.severity.value,
        "message": _text(finding.message),
        "cells": list(finding.cells),
        "expected": _number(finding.expected),
        "actual": _number(finding.actual),
        "sentence": _text(finding.sentence),
        "place": _place(finding.place),
        "pack": finding.pack,
    }


def report_row(verdict: Verdict) -> Row:
    """The row of gk_report."""
    report = verdict.report
    body = encode(verdict)
    province, city, county = by_level(report.region, report.region_code)
    governs, reports_to = standing(report.agency, report.region_code)
    return {
        "status": verdict.status.value,
        "agency": _text(report.agency),
        "agency_key": None if report.agency is None else stored_key(report.agency, report.region_code),
        "region": list(report.region),
        "province": province,
        "city": city,
        "county": county,
        "region_code": report.region_code,
        "governs": governs,
        "reports_to": reports_to,
        "year": report.year,
        "form": report.form,
        "title": _text(report.title),
        "published_on": report.published_on,
        "script": report.script,
        "body": zlib.compress(body, _LEVEL),
        "digest": hashlib.sha256(body).hexdigest(),
        "doubts": [name for name in doubts(verdict) if name.startswith("report.")],
    }


def _block_rows(report: Report) -> list[Row]:
    """The blocks that were seen, and those that have values though no table was seen (numbers that stand only in prose)."""
    book = load_book()
    found: dict[str, Row] = {}
    for seen in report.blocks:
        if seen.block not in found or (seen.readable and not found[seen.block]["readable"]):
            found[seen.block] = {"block": seen.block, "form": seen.form, "readable": seen.readable}
    read = {
        book.indicators[r.indicator].block
        for r in report.readings
        if r.state is not State.NOT_SEEN and r.indicator in book.indicators
    }
    for reading in report.readings:
        indicator = book.indicators.get(reading.indicator)
        if indicator is not None and indicator.block not in found:
            form = report.form if report.form in indicator.forms else indicator.forms[0]
            found[indicator.block] = {"block": indicator.block, "form": form, "readable": indicator.block in read}
    return list(found.values())


def _cell(reading: Reading, correction: int | None) -> StoredCell:
    place = reading.place
    return StoredCell(
        reading.indicator,
        _number(reading.value),
        reading.state.value,
        _text(reading.raw),
        reading.origin.value,
        reading.read_by.value,
        float(reading.score),
        place.page,
        place.box,
        place.line,
        place.column,
        _text(reading.sentence),
        _text(reading.doubt),
        [float(c) for c in reading.candidates] or None,
        correction,
        None,
        _text(reading.note),
        reading.witnesses or None,
    )


def _place(place: Place | None) -> Row | None:
    if place is None:
        return None
    return {
        "page": place.page,
        "box": None if place.box is None else list(place.box),
        "line": place.line,
        "column": place.column,
    }


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


def _text(text: T) -> T:
    return text.translate(_NUL) if text is not None and "\0" in text else text
