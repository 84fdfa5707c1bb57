"""The numbers of text pages beside their pixels: agreement, both numbers where they differ, and pages whose text lies."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import pytest

from codebook.records import Cell, Extraction, Line, PageKind, Table
from tasks.extraction.extract import extract
from tasks.ocr.engines.numbers import NumberReader, number_reader
from tasks.ocr.engines.recognise import LineReader, LineReading, rapid_reader
from tasks.ocr.prepare_image import Grey
from tasks.witness.confirm import PDF, confirm
from tests.witness.sheets import HEIGHT, Draw, Sheet, covered_by, dash, field, picture, stroke, swapped

NUMBERS = [["10", "2", "305", "0", "47", "0"], ["68", "0", "0", "19", "0", "7"], ["1234", "5", "3", "0", "0", "86"]]


@pytest.fixture(scope="module")
def reader() -> NumberReader:
    return number_reader()


def seen(data: bytes, reader: LineReader) -> Extraction:
    return confirm(extract(data, PDF), data, PDF, reader)


def cells(extraction: Extraction) -> list[list[Cell]]:
    """The cells behind the labels, by rows."""
    rows: dict[int, list[Cell]] = {}
    for page in extraction.pages:
        for block in page.blocks:
            if isinstance(block, Table):
                for cell in block.cells:
                    if cell.column:
                        rows.setdefault(cell.row, []).append(cell)
    return [row for _, row in sorted(rows.items())]


def drawn(rows: list[list[str]], draw: dict[tuple[int, int], Draw], font: str = "Helvetica") -> bytes:
    return Sheet(font).table(rows, draw).saved()


@pytest.mark.parametrize(
    "font", ["Helvetica", "Times-Roman", "Courier", "Helvetica-Oblique", "Times-Bold", "Vera", "STSong-Light"]
)
@pytest.mark.parametrize("size", [7, 10])
def test_what_the_text_says_is_seen(font: str, size: float, reader: NumberReader) -> None:
    extraction = seen(Sheet(font, size).table(NUMBERS).saved(), reader)
    assert [[cell.seen for cell in row] for row in cells(extraction)] == NUMBERS
    assert min(cell.seen_score for row in cells(extraction) for cell in row) > 0.9


def test_another_reader_sees_the_same() -> None:
    assert [
        [cell.seen for cell in row] for row in cells(seen(Sheet("Times-Roman").table(NUMBERS).saved(), rapid_reader()))
    ] == NUMBERS


@pytest.mark.parametrize("text", ["1,234", "12件", "12 件", "１２", "38.50", "1 234", "-3", "22（其中修订16件）", "7①", "12*"])
def test_a_number_is_compared_however_it_is_printed(text: str, reader: NumberReader) -> None:
    rows = [[text, *NUMBERS[0][1:]], *NUMBERS[1:]]
    found = cells(seen(Sheet(size=7).table(rows).saved(), reader))[0][0]
    assert found.seen in (
        None,
        text.replace("１２", "12").removesuffix(" 件").replace(" ", ""),
        text[: -len(text.lstrip("0123456789"))],
    )


@pytest.mark.parametrize("text", ["1234567", "234567.89", "4444444"])
def test_a_number_too_wide_for_its_cell_is_not_contradicted(text: str, reader: NumberReader) -> None:
    for size in (10.0, 10.5, 11.0, 11.5, 12.0):
        found = cells(seen(Sheet(size=size).table([[*NUMBERS[0][:5], text], *NUMBERS[1:]]).saved(), reader))[0]
        assert [cell.seen for cell in found if cell.seen not in (None, cell.text)] == []


def test_a_raised_mark_that_the_text_takes_for_a_digit(reader: NumberReader) -> None:
    def raised(sheet: Sheet, x: float, y: float, text: str) -> None:
        sheet.text(x + 5, y + 7, text[0])
        sheet.canvas.setFont("Helvetica", 5)
        sheet.canvas.drawString(x + 11, y + 11, text[1])

    data = drawn([["71", *NUMBERS[0][1:]], *NUMBERS[1:]], {(0, 0): raised})
    found = cells(confirm(says(extract(data, PDF), {(0, 0): "71"}), data, PDF, reader))[0][0]
    assert (found.text, found.seen) == ("71", "7")


def test_blank_cells_strokes_and_dashes_are_no_numbers(reader: NumberReader) -> None:
    rows = [["", "2", "305", "0", "47", "0"], ["", "0", "0", "19", "0", "7"], ["", "5", "3", "0", "0", "86"]]
    found = cells(seen(drawn(rows, {(1, 0): stroke, (2, 0): dash}), reader))
    assert [row[0].seen for row in found] == ["", None, None]


@pytest.mark.parametrize("text", ["/", "—", "-", "无"])
def test_what_stands_for_no_number_is_not_contradicted(text: str, reader: NumberReader) -> None:
    found = cells(seen(Sheet().table([[text, *NUMBERS[0][1:]], *NUMBERS[1:]]).saved(), reader))[0][0]
    assert found.seen is None or not any(char.isdigit() for char in found.seen)


def says(extraction: Extraction, texts: dict[tuple[int, int], str]) -> Extraction:
    """The extraction with another text in some cells, by row and place behind the label: a text layer that says so."""
    (page,) = extraction.pages
    (table,) = (block for block in page.blocks if isinstance(block, Table))
    told = tuple(msgspec.structs.replace(cell, text=texts.get((cell.row, cell.column - 1), cell.text)) for cell in table.cells)
    page = msgspec.structs.replace(page, blocks=(msgspec.structs.replace(table, cells=told),))
    return msgspec.structs.replace(extraction, pages=(page,))


@pytest.mark.parametrize("text", ["304", "3055", "30", "", "\ufffd\ufffd\ufffd", "a0b"])
def test_a_cell_whose_text_says_something_else(text: str, reader: NumberReader) -> None:
    data = Sheet().table(NUMBERS).saved()
    extraction = confirm(says(extract(data, PDF), {(0, 2): text}), data, PDF, reader)
    assert extraction.pages[0].kind is PageKind.TEXT
    found = [cell for row in cells(extraction) for cell in row]
    assert [cell.seen for cell in found] == [number for row in NUMBERS for number in row]
    assert [cell.text for cell in found if cell.text != cell.seen] == [text]


def test_a_number_that_is_not_printed_is_not_seen(reader: NumberReader) -> None:
    data = Sheet().table([["10", "2", "", *NUMBERS[0][3:]], *NUMBERS[1:]]).saved()
    found = cells(confirm(says(extract(data, PDF), {(0, 2): "305"}), data, PDF, reader))[0]
    assert (found[2].text, found[2].seen) == ("305", "")


def test_a_page_of_numbers_that_the_text_does_not_say_becomes_a_picture(reader: NumberReader) -> None:
    data = Sheet().table(NUMBERS).saved()
    silent = says(extract(data, PDF), {(r, c): "" for r in range(3) for c in range(6)})
    (page,) = confirm(silent, data, PDF, reader).pages
    assert (page.kind, page.blocks) == (PageKind.PICTURE, ())
    assert page.reason == "18 of 18 cells show another number than their text: read from the pixels"


@pytest.mark.parametrize("draw", [picture, field])
def test_numbers_that_are_pictures_or_form_fields_are_not_lost(draw: Draw, reader: NumberReader) -> None:
    """Extraction may have read them, or given the page up as a picture; else they are seen."""
    extraction = seen(drawn(NUMBERS, {(r, c): draw for r in range(3) for c in range(6)}), reader)
    (page,) = extraction.pages
    assert page.kind is PageKind.PICTURE or [[cell.seen for cell in row] for row in cells(extraction)] == NUMBERS


def test_a_number_under_a_white_box_is_not_confirmed(reader: NumberReader) -> None:
    extraction = seen(drawn(NUMBERS, {(0, 2): covered_by("91")}), reader)
    assert not any(cell.seen == "305" for row in cells(extraction) for cell in row)


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_page_that_lies_on_its_side(turn: int, reader: NumberReader) -> None:
    sheet = Sheet("Vera")
    sheet.canvas.setPageSize((HEIGHT, 595) if turn != 180 else (595, HEIGHT))
    sheet.canvas.rotate(turn)
    sheet.canvas.translate(*{90: (0, -HEIGHT), 180: (-595, -HEIGHT), 270: (-595, 0)}[turn])
    found = cells(seen(sheet.table(NUMBERS).saved(), reader))
    assert [[cell.text for cell in row] for row in found] == NUMBERS
    assert [[cell.seen for cell in row] for row in found] == NUMBERS


def test_a_page_whose_text_swaps_digits_becomes_a_picture_and_so_do_others_with_digits(reader: NumberReader) -> None:
    sheet = Sheet("Vera")
    for lines in (["12 of 305"], ["no digits here"]):
        for at, text in enumerate(lines):
            sheet.text(80, 700 - 20 * at, text)
        sheet.canvas.showPage()
    honest = sheet.table(NUMBERS).saved()
    assert {page.kind for page in seen(honest, reader).pages} == {PageKind.TEXT}
    lying = seen(swapped(honest, {"0": "6", "1": "7", "6": "0", "7": "1"}), reader)
    assert [page.kind for page in lying.pages] == [PageKind.PICTURE, PageKind.TEXT, PageKind.PICTURE]
    assert [block.text for block in lying.pages[1].blocks if isinstance(block, Line)] == ["no digits here"]


def test_one_swapped_digit_is_a_doubt_in_each_cell(reader: NumberReader) -> None:
    """Not a picture: it may be the reader that takes a digit of an odd font for another."""
    extraction = seen(swapped(Sheet("Vera").table(NUMBERS).saved(), {"0": "8"}), reader)
    assert extraction.pages[0].kind is PageKind.TEXT
    found = [cell for row in cells(extraction) for cell in row]
    assert {cell.text for cell in found if cell.text != cell.seen} == {"18", "385", "8"}
    assert [cell.seen for cell in found] == [text for row in NUMBERS for text in row]


def test_a_number_of_which_the_pixels_say_nothing_is_a_doubt_where_its_digit_is_swapped_elsewhere(reader: NumberReader) -> None:
    honest = drawn(NUMBERS, {(1, 1): touching, (1, 3): touching}, "Vera")
    found = cells(seen(swapped(honest, {"0": "8"}), reader))
    assert [(cell.text, cell.seen) for cell in (found[1][1], found[1][3])] == [("8", None), ("19", None)]
    assert [found[1][1].score < 0.9, found[1][3].score < 0.9] == [True, False]


def test_one_cell_that_shows_another_digit_puts_those_in_doubt_of_which_the_pixels_say_nothing(reader: NumberReader) -> None:
    honest = drawn(NUMBERS, {(1, 5): touching}, "Vera")
    found = cells(seen(swapped(honest, {"7": "2"}), reader))
    assert [(cell.text, cell.seen) for cell in (found[0][4], found[1][5], found[0][1])] == [("42", "47"), ("2", None), ("2", "2")]
    assert [cell.score < 0.9 for cell in (found[1][5], found[0][1])] == [True, False]


def test_a_page_with_one_digit_lies_where_another_page_does(reader: NumberReader) -> None:
    sheet = Sheet("Vera").table(NUMBERS)
    sheet.canvas.showPage()
    honest = sheet.table([["0"] * 6] * 3).saved()
    assert {page.kind for page in seen(honest, reader).pages} == {PageKind.TEXT}
    assert {page.kind for page in seen(swapped(honest, {"0": "6", "1": "7", "6": "0", "7": "1"}), reader).pages} == {
        PageKind.PICTURE
    }


def touching(sheet: Sheet, x: float, y: float, text: str) -> None:
    """The number, on the rule below it."""
    sheet.text(x + 5, y - 1, text)


class Misreader:
    """A reader that takes one digit for another now and then."""

    name = "misreader"

    def __init__(self, reader: LineReader, every: int) -> None:
        self.reader, self.every, self.count = reader, every, 0

    def read(self, crops: Sequence[Grey]) -> list[LineReading]:
        made = []
        for reading in self.reader.read(crops):
            self.count += 1
            wrong = self.count % self.every == 0
            text = reading.digits[0].translate(str.maketrans("0123456789", "8901234567")) if wrong else reading.digits[0]
            made.append(reading._replace(digits=(text, reading.digits[1])))
        return made


def test_a_number_misread_now_and_then_makes_no_doubt(reader: NumberReader) -> None:
    data = Sheet().table([*NUMBERS, *NUMBERS, *NUMBERS]).saved()
    for every in (4, 5, 7):
        found = [cell for row in cells(seen(data, Misreader(reader, every))) for cell in row]
        assert not [cell for cell in found if cell.seen not in (None, cell.text)]


class Forbidden:
    """A reader that must not be asked."""

    name = "forbidden"

    def read(self, crops: Sequence[Grey]) -> list[LineReading]:
        raise AssertionError(len(crops))


def test_what_has_no_table_or_no_pixels_costs_nothing() -> None:
    sheet = Sheet()
    sheet.text(80, 700, "12 of 305")
    data = sheet.saved()
    extraction = extract(data, PDF)
    assert confirm(extraction, data, PDF, Forbidden()) is extraction
    text = extract("收到 12 件".encode(), "text/plain")
    assert confirm(text, b"", "text/plain", Forbidden()) is text


def test_few_crops_are_read_of_many_numbers(reader: NumberReader) -> None:
    counted = Misreader(reader, 10**9)
    rows = [[str((r * 7 + c * 13) % 97) for c in range(6)] for r in range(9)]
    assert [[cell.seen for cell in row] for row in cells(seen(Sheet().table(rows).saved(), counted))] == rows
    assert counted.count <= 24


def test_a_page_of_noise_ends(reader: NumberReader) -> None:
    noise = np.random.default_rng(1)

    def scribble(sheet: Sheet, x: float, y: float, text: str) -> None:
        for _ in range(8):
            ax, bx = noise.uniform(x + 3, x + 40, 2)
            ay, by = noise.uniform(y + 4, y + 18, 2)
            sheet.canvas.line(ax, ay, bx, by)

    rows = [[""] * 6 for _ in range(10)]
    extraction = seen(drawn(rows, {(r, c): scribble for r in range(10) for c in range(6)}), reader)
    assert all(cell.seen in (None, "?", "") or cell.seen.isdecimal() for row in cells(extraction) for cell in row)


def test_cells_that_were_looked_at_are_marked_though_nothing_could_be_told(reader: NumberReader) -> None:
    def at_the_rule(sheet: Sheet, x: float, y: float, text: str) -> None:
        sheet.text(x - 1, y - 1, text)

    data = Sheet().table(NUMBERS, {(r, c): at_the_rule for r in range(3) for c in range(6)}).saved()
    found = [cell for row in cells(seen(data, reader)) for cell in row]
    assert {cell.seen for cell in found} == {None}
    assert all(cell.looked_at for cell in found)
    assert not any(cell.looked_at for row in cells(extract(data, PDF)) for cell in row)


def lines(extraction: Extraction) -> list[Line]:
    return [block for page in extraction.pages for block in page.blocks if isinstance(block, Line)]


def test_numbers_of_rows_without_lines_are_seen(reader: NumberReader) -> None:
    found = lines(seen(Sheet("Times-Roman").table(NUMBERS, ruled=False).saved(), reader))
    assert [[number.seen for number in line.numbers] for line in found] == NUMBERS
    assert [[line.text[number.start : number.end] for number in line.numbers] for line in found] == NUMBERS
    assert all(number.looked_at and number.seen_score > 0.9 for line in found for number in line.numbers)


def test_rows_without_lines_whose_text_lies_become_a_picture(reader: NumberReader) -> None:
    honest = Sheet("Vera").table(NUMBERS, ruled=False).saved()
    assert [page.kind for page in seen(honest, reader).pages] == [PageKind.TEXT]
    lying = seen(swapped(honest, {"0": "6", "1": "7", "6": "0", "7": "1"}), reader)
    assert [page.kind for page in lying.pages] == [PageKind.PICTURE]


def test_one_swapped_digit_of_rows_without_lines_is_seen(reader: NumberReader) -> None:
    extraction = seen(swapped(Sheet("Vera").table(NUMBERS, ruled=False).saved(), {"0": "8"}), reader)
    assert extraction.pages[0].kind is PageKind.TEXT
    found = [(line.text[number.start : number.end], number.seen) for line in lines(extraction) for number in line.numbers]
    assert [number for _, number in found] == [text for row in NUMBERS for text in row]
    assert {text for text, number in found if text != number} == {"18", "385", "8"}


def test_a_few_numbers_beside_each_other_in_prose_are_not_looked_at(reader: NumberReader) -> None:
    sheet = Sheet()
    for at, text in enumerate(("2024", "3")):
        sheet.text(100 + 200 * at, 700, text)
    (line,) = lines(seen(sheet.saved(), reader))
    assert [(number.seen, number.looked_at) for number in line.numbers] == [(None, False)] * 2


def underlined(sheet: Sheet, x: float, y: float, text: str) -> None:
    """The number with a line below it."""
    x, y = x + 4, y + 7
    sheet.text(x, y, text)
    sheet.canvas.setLineWidth(0.5)
    sheet.canvas.line(x, y - 1.5, x + sheet.canvas.stringWidth(text, sheet.font, sheet.size), y - 1.5)


@pytest.mark.parametrize("font", ["Helvetica", "Times-BoldOblique", "Vera"])
def test_underlined_numbers_are_seen_without_their_line(font: str, reader: NumberReader) -> None:
    font = font.replace("BoldOblique", "BoldItalic")
    every = {(r, c): underlined for r in range(3) for c in range(6)}
    found = [[cell.seen for cell in row] for row in cells(seen(drawn(NUMBERS, every, font), reader))]
    assert found == NUMBERS


def test_what_the_text_said_goes_with_a_page_that_becomes_a_picture(reader: NumberReader) -> None:
    honest = drawn(NUMBERS, {}, "Vera")
    lying = seen(swapped(honest, {"0": "6", "1": "7", "6": "0", "7": "1"}), reader)
    said = [text for _, text in lying.pages[0].said]
    change = str.maketrans("0167", "6701")
    assert said == [text.translate(change) for row in NUMBERS for text in row]
