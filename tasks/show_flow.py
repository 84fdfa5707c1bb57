"""Print what each stage made of one document: ``python -m tasks.flow FILE``, to see where a number was lost or changed.

First the pages with their lines and tables as extraction (and OCR) read them, then what parsing found in them (who, when, blocks,
chapters, every reading with its evidence, statements of the text), then the verdict: states that changed, doubts and findings.
"""

from __future__ import annotations

import argparse
import mimetypes
import sys
from collections.abc import Iterator
from functools import singledispatch
from pathlib import Path

from codebook.errors import GongkaiError
from codebook.records import Extraction, Hints, Line, Page, Place, Reading, Record, Report, State, Table, Verdict
from tasks.flow import read_document

_WIDTH = 100  # characters of a text that are shown


def show(data: bytes, media_type: str, path: str = "") -> Iterator[str]:
    """Yield the lines that describe what each stage made of a document; the last one is the error where it could not be read."""
    made: list[Record] = []
    try:
        made.append(read_document(data, media_type, Hints(path=path), watch=made.append))
    except GongkaiError as error:
        error_line = f"error: {error}"
    else:
        error_line = ""
    for record in made:
        yield from describe(record)
    if error_line:
        yield error_line


@singledispatch
def describe(record: Record) -> Iterator[str]:
    """Yield the lines that describe what a stage made. Raises TypeError for a record that no stage makes."""
    raise TypeError(type(record).__name__)


@describe.register
def _(extraction: Extraction) -> Iterator[str]:
    yield f"extract: {extraction.media_type}, pages {len(extraction.pages)}, encoding {extraction.encoding or '-'}"
    yield from (f"  note: {note}" for note in extraction.notes)
    for page in extraction.pages:
        yield from _page(page)


@describe.register
def _(report: Report) -> Iterator[str]:
    yield f"parse: {report.agency or '-'}, year {report.year or '-'}, form {report.form}, {report.script}"
    yield f"  title: {report.title or '-'}"
    yield f"  region: {'/'.join(report.region) or '-'} {report.region_code or ''}".rstrip()
    for clue in report.clues:
        yield f"  clue: {clue.field} = {clue.value}, from {clue.source}: {_cut(clue.raw)}"
    for block in report.blocks:
        note = "" if block.readable else f", not readable: {block.note}"
        yield f"  block: {block.block}, form {block.form}, {_place(block.place)}{note}"
    for section in report.sections:
        yield f"  chapter: {section.number or '-'} {section.title}: {len(section.text)} characters, {_place(section.place)}"
    yield from (f"  reading: {_reading(reading)}" for reading in report.readings)
    for statement in report.statements:
        yield f"  statement: {' + '.join(statement.indicators)} = {statement.value}, {_cut(statement.sentence)}"
    yield from (f"  note: {note}" for note in report.notes)


@describe.register
def _(verdict: Verdict) -> Iterator[str]:
    states = {state: sum(reading.state is state for reading in verdict.report.readings) for state in State}
    yield f"validate: {verdict.status.value}, " + ", ".join(f"{state.value} {count}" for state, count in states.items() if count)
    yield from (f"  doubt: {_reading(r)}" for r in verdict.report.readings if r.state.unsettled)
    for finding in verdict.findings:
        yield f"  finding: {finding.severity.value} {finding.rule}: {finding.message}"


def _page(page: Page) -> Iterator[str]:
    lines, tables = (sum(isinstance(block, kind) for block in page.blocks) for kind in (Line, Table))
    counts = f"{lines} lines, {tables} tables"
    yield f"  page {page.number}: {page.kind.value} ({page.reason}), read by {page.read_by.value}, {counts}"
    for block in page.blocks:
        if isinstance(block, Line):
            yield f"    line: {_cut(block.text)}"
            continue
        yield f"    table: {block.rows} rows, {block.columns} columns"
        for number in range(block.rows):
            cells = [_cut(cell.text) for cell in block.cells if cell.row == number]
            yield f"      | {' | '.join(cells)} |"


def _reading(reading: Reading) -> str:
    value = "-" if reading.value is None else f"{reading.value:g}" if isinstance(reading.value, float) else str(reading.value)
    doubt = f", {reading.doubt}, candidates {list(reading.candidates)}" if reading.state is State.DOUBTFUL else ""
    place, raw = _place(reading.place), _cut(reading.raw)
    return f"{reading.indicator} = {value}, {reading.state.value}{doubt}, {reading.read_by.value} {raw!r}, {place}"


def _place(place: Place) -> str:
    parts = [f"page {place.page}"]
    parts += [f"line {place.line}"] if place.line else []
    parts += [f"column {place.column}"] if place.column else []
    parts += [f"box {[round(value) for value in place.box]}"] if place.box else []
    return " ".join(parts)


def _cut(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _WIDTH else flat[: _WIDTH - 1] + "…"


def main() -> None:
    """Read the command line, and print. The media type is taken from the name's ending: nothing is registered or stored."""
    parser = argparse.ArgumentParser(prog="python -m tasks.flow", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument(
        "--media-type", help="of the file, where its name does not show it (default: by its ending, or plain text)"
    )
    given = parser.parse_args()
    media_type = given.media_type or mimetypes.guess_type(given.file.name)[0] or "text/plain"
    sys.stdout.writelines(f"{line}\n" for line in show(given.file.read_bytes(), media_type, given.file.name))
