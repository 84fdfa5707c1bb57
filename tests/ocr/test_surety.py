"""What was not surely read in a picture is a doubt, with what it may say; the sums of the form may settle it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from codebook.confidence import surety
from codebook.records import Cell, Extraction, Hints, Line, PageKind, Reader, Reading, Report, State, Table
from tasks.extraction.extract import extract
from tasks.parsing.parse import parse
from tasks.validation.doubts import resolve_doubts

SAMPLES = Path(__file__).resolve().parents[2] / "samples" / "reports"
NEW = "requests.new_received.total"


@pytest.fixture(scope="module")
def scanned() -> Extraction:
    """A shipped PDF sample as if it had been read from pictures, every cell surely."""
    file = next(iter(sorted(SAMPLES.glob("*.pdf"))))
    found = extract(file.read_bytes(), "application/pdf")
    pages = tuple(msgspec.structs.replace(page, kind=PageKind.PICTURE, read_by=Reader.OCR) for page in found.pages)
    return msgspec.structs.replace(found, pages=pages)


def by_id(report: Report) -> dict[str, Reading]:
    return {reading.indicator: reading for reading in report.readings}


def read(extraction: Extraction, *places: Any, **changed: Any) -> dict[str, Reading]:
    """The readings after the cells at ``places`` were changed."""
    return by_id(parse(altered(extraction, *places, **changed), Hints()))


def altered(extraction: Extraction, *places: Any, **changed: Any) -> Extraction:
    def cell(one: Cell) -> Cell:
        return msgspec.structs.replace(one, **changed) if one.place in places else one

    def block(one: Any) -> Any:
        return msgspec.structs.replace(one, cells=tuple(map(cell, one.cells))) if isinstance(one, Table) else one

    pages = tuple(msgspec.structs.replace(page, blocks=tuple(map(block, page.blocks))) for page in extraction.pages)
    return msgspec.structs.replace(extraction, pages=pages)


def unsure_lines(extraction: Extraction, score: float) -> Extraction:
    def line(block: Any) -> Any:
        return msgspec.structs.replace(block, score=score) if isinstance(block, Line) else block

    pages = tuple(msgspec.structs.replace(page, blocks=tuple(map(line, page.blocks))) for page in extraction.pages)
    return msgspec.structs.replace(extraction, pages=pages)


def test_sure_cells_are_readings(scanned: Extraction) -> None:
    readings = read(scanned)
    assert NEW in readings
    assert State.DOUBTFUL not in {reading.state for reading in readings.values()}
    assert {reading.read_by for reading in readings.values()} == {Reader.OCR}


def test_an_unsure_number_is_a_doubt_with_candidates(scanned: Extraction) -> None:
    sure = read(scanned)[NEW]
    other = f"{int(sure.value or 0) + 1}"
    unsure = read(scanned, sure.place, score=surety().cell - 0.001, alternatives=((other, 0.6), ("x", 0.1)))[NEW]
    assert (unsure.state, unsure.doubt, unsure.value) == (State.DOUBTFUL, "ocr", sure.value)
    assert unsure.candidates == (sure.value, int(other))
    assert read(scanned, sure.place, score=surety().cell)[NEW].state is State.READ


@pytest.mark.parametrize("text", ["", "O", "。", "l/"])
def test_something_that_is_no_number_is_a_doubt(scanned: Extraction, text: str) -> None:
    before = read(scanned)
    after = read(scanned, before[NEW].place, text=text, score=0.5, alternatives=(("0", 0.4),))
    assert (after[NEW].state, after[NEW].doubt, after[NEW].value) == (State.DOUBTFUL, "ocr", None)
    assert after[NEW].candidates == (0,)
    assert {key: one.value for key, one in after.items() if key != NEW} == {
        key: one.value for key, one in before.items() if key != NEW
    }


def test_a_sure_blank_stays_a_blank(scanned: Extraction) -> None:
    assert read(scanned, read(scanned)[NEW].place, text="", score=1.0)[NEW].state is State.MISSING


def test_two_rows_whose_rule_was_not_seen_are_doubts(scanned: Extraction) -> None:
    sure = read(scanned)
    first, second = sure[NEW].place, sure["requests.carried_over.total"].place

    def mixed(block: Any) -> Any:
        if not isinstance(block, Table) or first not in [cell.place for cell in block.cells]:
            return block
        row, below = (next(cell.row for cell in block.cells if cell.place == place) for place in (first, second))
        under = {cell.column: cell.text for cell in block.cells if cell.row == below}
        cells = [
            msgspec.structs.replace(cell, text=f"{cell.text}\n{under[cell.column]}") if cell.row == row else cell
            for cell in block.cells
            if cell.row != below
        ]
        return msgspec.structs.replace(block, cells=tuple(cells))

    pages = tuple(msgspec.structs.replace(page, blocks=tuple(map(mixed, page.blocks))) for page in scanned.pages)
    after = by_id(parse(msgspec.structs.replace(scanned, pages=pages), Hints()))
    mixed_rows = {key for key in after if key.startswith(("requests.new_received.", "requests.carried_over."))}
    assert {after[key].state for key in mixed_rows} == {State.DOUBTFUL}
    assert {key: after[key].value for key in after if key not in mixed_rows} == {
        key: sure[key].value for key in after if key not in mixed_rows
    }


def test_the_sums_settle_what_is_unsure(scanned: Extraction) -> None:
    sure = read(scanned)[NEW]
    wrong = f"{int(sure.value or 0) + 30}"
    misread = altered(scanned, sure.place, text=wrong, score=0.8, alternatives=((sure.raw, 0.5),))
    settled = by_id(resolve_doubts(parse(misread, Hints())))[NEW]
    assert (settled.value, settled.state) == (sure.value, State.PROVEN)
    assert settled.raw == wrong
    assert settled.doubt


def test_the_sums_confirm_a_number_without_an_alternative_but_not_a_wrong_one(scanned: Extraction) -> None:
    sure = read(scanned)[NEW]
    kept = by_id(resolve_doubts(parse(altered(scanned, sure.place, score=0.9), Hints())))[NEW]
    assert (kept.value, kept.state) == (sure.value, State.PROVEN)
    wrong = altered(scanned, sure.place, score=0.9, text=f"{int(sure.value or 0) + 1}")
    assert by_id(resolve_doubts(parse(wrong, Hints())))[NEW].state is State.DOUBTFUL


def test_numbers_in_unsure_lines_are_no_witnesses(scanned: Extraction) -> None:
    report = parse(scanned, Hints())
    assert report.statements
    unsure = parse(unsure_lines(scanned, 0.9), Hints())
    assert unsure.statements == ()
    assert unsure.sections == report.sections


def test_numbers_of_prose_are_doubts_in_unsure_lines() -> None:
    said = ["示例市民政局2016年政府信息公开工作年度报告", "一、概述", "二、主动公开情况", "2016年，全年主动公开政府信息125条。"]
    found = extract("\n".join(said).encode(), "text/plain")
    key = next(iter(by_id(parse(found, Hints()))))
    sure, unsure = (by_id(parse(unsure_lines(found, score), Hints()))[key] for score in (1.0, 0.9))
    assert (sure.value, sure.state) == (125, State.READ)
    assert (unsure.value, unsure.state) == (125, State.DOUBTFUL)
