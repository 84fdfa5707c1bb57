"""What a second reader saw in the pixels of a cell: agreement is a witness, disagreement a doubt with both numbers."""

from __future__ import annotations

import msgspec
import pytest

from codebook.records import Cell, Line, LineNumber, Number, Page, PageKind, Place, Reader, Reading, Report, State, Table
from tasks.parsing.tables.read_tables import read_tables
from tasks.validation.validate import validate
from tests.validation.makers import report

COLUMNS = ["natural_person", "business", "research", "social", "legal", "other", "total"]
HEADER = ["", "自然人", "商业企业", "科研机构", "社会公益组织", "法律服务机构", "其他", "总计"]
ROWS = [
    "一、本年新收政府信息公开申请数量",
    "二、上年结转政府信息公开申请数量",
    "（一）予以公开",
    "（七）总计",
    "四、结转下年度继续办理",
]
FIRST = "requests.new_received.natural_person"
TOTAL = "requests.new_received.total"


def read(text: str, seen: str | None, rest: str | None = "0") -> dict[str, Reading]:
    """Table three of zeros, whose first number is ``text`` and was ``seen`` so, and the others ``rest``."""
    grid = [HEADER, [ROWS[0], text, *["0"] * 6], *([label, *["0"] * 7] for label in ROWS[1:])]
    cells = [
        Cell(r, c, shown, Place(1, (50 * c, 20 * r, 50 * c + 50, 20 * r + 20)), seen=rest if r and c else None, seen_score=0.99)
        for r, row in enumerate(grid)
        for c, shown in enumerate(row)
    ]
    cells = [msgspec.structs.replace(c, seen=seen) if (c.row, c.column) == (1, 1) else c for c in cells]
    table = Table(tuple(cells), len(grid), 8, Place(1, (50, 0, 450, 200)))
    return {r.indicator: r for r in read_tables((Page(1, PageKind.TEXT, "", Reader.PDF, (table,)),)).readings}


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        *(("1,234", "1234"), ("12件", "12"), ("１２", "12"), ("7①", "7"), ("1 234", "1234")),
        *(("0.50", "0.5"), ("12（其中1件）", "12"), ("—", "")),
    ],
)
def test_the_same_number_however_it_is_printed(text: str, seen: str) -> None:
    found = read(text, seen)[FIRST]
    assert (found.doubt, found.witnesses) == (None, ("text", "pixels"))


@pytest.mark.parametrize("text", ["3", "0"])
def test_another_number_is_a_doubt_with_both(text: str) -> None:
    found = read(text, "8")[FIRST]
    assert (found.state, found.doubt, found.candidates, found.witnesses) == (State.DOUBTFUL, "seen", (int(text), 8), ())


def test_a_number_that_only_the_page_shows() -> None:
    found = read("", "8")[FIRST]
    assert (found.state, found.doubt, found.value, found.candidates) == (State.DOUBTFUL, "seen", None, (8,))


def test_a_number_that_the_page_does_not_show() -> None:
    found = read("8", "")[FIRST]
    assert (found.state, found.doubt, found.candidates) == (State.DOUBTFUL, "unseen", (8,))


def test_what_was_not_looked_at_has_its_text_alone() -> None:
    found = read("8", None, None)
    assert {reading.witnesses for reading in found.values()} == {("text",)}


def verdict_of(found: dict[str, Reading]) -> dict[str, Reading]:
    made: Report = msgspec.structs.replace(report({}), readings=tuple(found.values()))
    return {r.indicator: r for r in validate(made).report.readings}


def test_two_witnesses_make_a_number_proven() -> None:
    alone = "requests.new_received.natural_person"
    found = {alone: read("8", "8")[FIRST]}
    assert (verdict_of(found)[alone].state, verdict_of(found)[alone].witnesses) == (State.PROVEN, ("text", "pixels"))
    found = {alone: read("8", None)[FIRST]}
    assert (verdict_of(found)[alone].state, verdict_of(found)[alone].witnesses) == (State.READ, ("text",))


@pytest.mark.parametrize(("text", "seen", "witnesses"), [("0", "8", ("text", "sum")), ("8", "0", ("pixels", "sum"))])
def test_the_sums_choose_between_text_and_pixels(text: str, seen: str, witnesses: tuple[str, ...]) -> None:
    found = verdict_of(read(text, seen))[FIRST]
    value: Number = 0
    assert (found.state, found.value, found.witnesses) == (State.PROVEN, value, witnesses)


def test_what_a_seal_left_of_numbers_is_no_label_and_no_blank() -> None:
    """The row is neither blank where a number is illegible, nor are its other numbers in doubt."""
    texts = [("2", 1.0), ("0", 0.999), ("0", 0.999), ("0", 0.999), ("驰", 0.1), ("公列\n0", 0.08), ("中", 0.4)]
    grid = [HEADER, *([label, *["0"] * 7] for label in ROWS)]
    cells = [
        Cell(r, c, shown, Place(1, (50 * c, 20 * r, 50 * c + 50, 20 * r + 20)), score=0.999)
        for r, row in enumerate(grid)
        for c, shown in enumerate(row)
    ]
    at = {(1, column + 1): text for column, text in enumerate(texts)}
    cells = [
        msgspec.structs.replace(c, text=at[c.row, c.column][0], score=at[c.row, c.column][1]) if (c.row, c.column) in at else c
        for c in cells
    ]
    table = Table(tuple(cells), len(grid), 8, Place(1, (50, 0, 450, 200)))
    found = {r.indicator: r for r in read_tables((Page(1, PageKind.PICTURE, "", Reader.OCR, (table,)),)).readings}
    row = [
        found[f"requests.new_received.{column}"]
        for column in (*COLUMNS[:3], "public_welfare", "legal_service", "other_org", "total")
    ]
    assert [(r.value, r.doubt) for r in row[:4]] == [(2, None), (0, None), (0, None), (0, None)]
    assert [r.state for r in row[4:]] == [State.DOUBTFUL] * 3


def in_lines(text: str, seen: str) -> dict[str, Reading]:
    """The same table as rows of text, whose first number is ``text`` and was ``seen`` so."""
    blocks = [Line("  ".join(HEADER[1:]), Place(1, (100, 0, 400, 10)))]
    for r, label in enumerate(ROWS):
        words = [label, text if r == 0 else "0", *["0"] * 6]
        at, numbers = len(label) + 2, []
        for c, word in enumerate(words[1:]):
            place = Place(1, (50 * c, 20 * r, 50 * c + 50, 20 * r + 20))
            numbers.append(LineNumber(at, at + len(word), place, seen if (r, c) == (0, 0) else word, 0.99, True))
            at += len(word) + 2
        blocks.append(Line("  ".join(words), Place(1, (0, 20 * r, 400, 20 * r + 20)), numbers=tuple(numbers)))
    return {r.indicator: r for r in read_tables((Page(1, PageKind.TEXT, "", Reader.PDF, tuple(blocks)),)).readings}


def test_what_was_seen_of_rows_without_lines_counts_as_in_cells() -> None:
    found = in_lines("12", "12")[FIRST]
    assert (found.doubt, found.witnesses, found.place.box, found.looked_at) == (None, ("text", "pixels"), (0, 0, 50, 20), True)
    other = in_lines("12", "18")[FIRST]
    assert (other.state, other.doubt, other.candidates) == (State.DOUBTFUL, "seen", (12, 18))
    unseen = in_lines("12", "")[FIRST]
    assert (unseen.state, unseen.doubt, unseen.candidates) == (State.DOUBTFUL, "unseen", (12,))
