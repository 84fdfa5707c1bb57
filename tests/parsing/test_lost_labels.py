"""Labels of a drawn table that were not read: rows are named by the order of the form where the sums agree, else doubted."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from codebook.book import load_book
from codebook.records import Cell, Extraction, Hints, Line, Page, PageKind, Place, Reader, State, Table
from tasks.parsing.parse import parse
from tasks.parsing.tables.cells import TablesRead
from tasks.parsing.tables.read_tables import read_tables
from tasks.validation.validate import validate
from tests.parsing import table_garble, table_grids
from tests.parsing import table_render as render
from tests.parsing.table_check import score
from tests.parsing.table_render import Printed, Row


def _rows(printed: Printed) -> dict[str, Row]:
    return {row.slug: row for row in printed.requests if row.slug}


def _settled(printed: Printed, change: Callable[[Table], Table] = lambda table: table) -> TablesRead:
    """The readings of a scanned report after validation, so that what sums prove is settled."""
    pages = table_garble.pages(printed, change)
    report = validate(parse(Extraction("image/png", pages), Hints())).report
    return TablesRead(report.readings, report.extras, report.blocks, ())


def _to_be_cut(seed: int, slug: str) -> tuple[Printed, int, int]:
    """A printed report, where a row stands in it, and after how many characters its label is to be cut."""
    printed = render.make(random.Random(seed), "2021")
    row = _rows(printed)[slug]
    return printed, printed.requests.index(row), seed % (len(row.labels[-1]) - 3) + 1


def _doubts(read: TablesRead) -> set[str]:
    return {reading.indicator for reading in read.readings if reading.state is State.DOUBTFUL}


SEALED = ("unable.still_unclear", "not_processed.petition", "not_processed.duplicate", "not_processed.publication")


@pytest.mark.parametrize("left", ["", "请", "口木|一", "示例市示例局"])
def test_rows_under_a_seal_are_proven(left: str) -> None:
    printed = render.make(random.Random(3), "2021")
    for slug in SEALED:
        _rows(printed)[slug].labels[-1] = left
    read = _settled(printed)
    assert score(read, printed.truth) == (len(printed.truth), 0, [])
    states = {reading.indicator: reading.state for reading in read.readings}
    assert states["requests.not_processed.petition.total"] is State.PROVEN


def test_a_label_without_its_ordinal_is_read() -> None:
    printed = render.make(random.Random(4), "2021")
    _rows(printed)["other.miscellaneous"].labels[-1] = "其他"
    assert score(_settled(printed), printed.truth) == (len(printed.truth), 0, [])


def test_rows_of_a_table_of_zeros_are_known_by_order_and_count() -> None:
    printed = render.make(random.Random(5), "2019")
    for row in _rows(printed).values():
        row.values = ["0"] * 7
    for key in printed.truth:
        if key.startswith("requests."):
            printed.truth[key] = 0
    for slug in SEALED:
        _rows(printed)[slug].labels[-1] = ""
    assert score(_settled(printed), printed.truth) == (len(printed.truth), 0, [])


def test_where_the_sums_do_not_agree_the_value_is_the_only_candidate() -> None:
    printed = render.make(random.Random(6), "2021")
    _rows(printed)["not_processed.petition"].labels[-1] = ""
    total = _rows(printed)["total_handled"].values
    total[0] = str(int(total[0]) + 1)  # the source's own mistake
    read = read_tables(table_garble.pages(printed))
    found = {reading.indicator: reading for reading in read.readings}
    doubt = found["requests.not_processed.petition.natural_person"]
    value = printed.truth["requests.not_processed.petition.natural_person"]
    assert (doubt.state, doubt.doubt, doubt.value, doubt.candidates) == (State.DOUBTFUL, "label", value, (value,))
    assert found["requests.not_processed.petition.business"].state is State.READ  # its column agrees


def test_a_row_that_is_left_out_is_not_made_up_of_its_neighbours() -> None:
    printed = render.make(random.Random(7), "2021")
    rows = _rows(printed)
    printed.requests.remove(rows["not_processed.duplicate"])
    rows["not_processed.petition"].labels[-1] = rows["not_processed.publication"].labels[-1] = ""
    read = _settled(printed)
    doubts = _doubts(read)
    for slug in ("petition", "duplicate", "publication"):
        assert {f"requests.not_processed.{slug}.{column}" for column in render.COLUMNS} <= doubts
    wrong = [key for key in printed.truth if "not_processed" not in key and key in doubts]
    assert not wrong


@pytest.mark.parametrize("slug", ["denied.prohibited_by_law", "unable.not_held", "not_processed.petition", "other.fee_not_paid"])
def test_numbers_beside_the_first_half_of_a_label_that_a_page_break_cuts_are_not_lost(slug: str) -> None:
    wrong: list[str] = []
    for seed in range(12):
        printed, at, half = _to_be_cut(seed, slug)
        row = printed.requests[at]
        label = row.labels[-1]
        rest = replace(row, labels=[label[half:]], values=[""] * len(row.values))
        printed.requests[at : at + 1] = [replace(row, labels=[*row.labels[:-1], label[:half]]), rest]
        wrong += [f"{seed} {label[:half]}: {each}" for each in score(_settled(printed), printed.truth).wrong]
    assert wrong == []


@pytest.mark.parametrize("slug", ["denied.prohibited_by_law", "unable.still_unclear", "not_processed.duplicate"])
@pytest.mark.parametrize("is_named_again", [False, True])
def test_numbers_beside_the_second_half_of_a_label_that_a_page_break_cuts_are_not_lost(slug: str, is_named_again: bool) -> None:
    wrong: list[str] = []
    for seed in range(12):
        printed, at, half = _to_be_cut(seed, slug)
        row = printed.requests[at]
        label = row.labels[-1]
        group = next(each.labels[0] for each in reversed(printed.requests[:at]) if len(each.labels) == 2)
        rest = replace(row, labels=[*([group] if is_named_again else row.labels[:-1]), label[half:]])
        begun = replace(row, labels=[*row.labels[:-1], label[:half]], values=[""] * len(row.values))
        printed.requests[at : at + 1] = [begun, rest]
        wrong += [f"{seed} {label[:half]}: {each}" for each in score(_settled(printed), printed.truth).wrong]
    assert wrong == []


@pytest.mark.parametrize("half", [4, 8, 15])
@pytest.mark.parametrize("beside", [0, 1])
def test_a_number_beside_one_half_of_a_label_of_the_statistics_is_not_lost(half: int, beside: int) -> None:
    slug = "response.interviews_by_principal"
    texts = {name: label.texts[0] for name, label in load_book().blocks["statistics"].rows.items()}
    rows = [[text, "3"] for text in texts.values()]
    at = list(texts).index(slug)
    rows[at : at + 1] = [[text, "7" if n == beside else ""] for n, text in enumerate((texts[slug][:half], texts[slug][half:]))]
    cells = [
        Cell(r, c, text, Place(1, (200 * c, 20 * r, 200 * c + 200, 20 * r + 20)))
        for r, row in enumerate(rows)
        for c, text in enumerate(row)
    ]
    table = Table(tuple(cells), len(rows), 2, Place(1, (0, 0, 400, 20 * len(rows))))
    read = read_tables((Page(1, PageKind.TEXT, "", Reader.DOCX, (table,)),))
    found = next(reading for reading in read.readings if reading.indicator == f"statistics.{slug}")
    assert found.value == 7 or (found.state is State.DOUBTFUL and 7 in found.candidates)


@pytest.mark.parametrize("text", ["()", "（ ）", "||", "[]"])
def test_brackets_in_the_place_of_a_number_are_one_that_was_not_read(text: str) -> None:
    printed = render.make(random.Random(11), "2021")
    _rows(printed)["granted"].values[2] = text
    (page,) = table_garble.pages(printed)
    surely = [
        msgspec.structs.replace(
            block, cells=tuple(msgspec.structs.replace(cell, score=1.0) if cell.text == text else cell for cell in block.cells)
        )
        if isinstance(block, Table)
        else block
        for block in page.blocks
    ]
    read = read_tables((msgspec.structs.replace(page, blocks=tuple(surely)),))
    found = {reading.indicator: reading for reading in read.readings}
    assert found["requests.granted.research"].state is State.DOUBTFUL
    assert found["requests.granted.business"].state is State.READ  # the rest of the row is sure


def test_a_piece_of_a_label_names_no_other_row() -> None:
    printed = render.make(random.Random(8), "2019", subtotals=True)
    rows = _rows(printed)
    rows["not_processed.petition"].labels[-1] = "申请"  # half of 2.重复申请, which stands below
    rows["not_processed.duplicate"].labels[-1] = ""
    printed.requests.remove(next(row for row in printed.requests if row.group == "（四）无法提供" and not row.slug))
    assert not score(_settled(printed), printed.truth).wrong


def test_swapped_rows_are_not_named_by_order() -> None:
    printed = render.make(random.Random(9), "2021")
    rows = _rows(printed)
    one, two = (printed.requests.index(rows[slug]) for slug in ("denied.prohibited_by_law", "denied.internal_affairs"))
    printed.requests[one], printed.requests[two] = printed.requests[two], printed.requests[one]
    rows["not_processed.duplicate"].labels[-1] = ""
    doubts = _doubts(_settled(printed))
    assert "requests.not_processed.duplicate.total" in doubts


def test_the_parts_of_a_divided_row_are_not_taken_for_it() -> None:
    for subtotals in (False, True):
        printed = render.make(random.Random(10), "2021", subtotals=subtotals)
        for slug in ("other.not_corrected_in_time", "other.fee_not_paid", "other.miscellaneous"):
            _rows(printed)[slug].labels[-1] = ""
        assert score(_settled(printed), printed.truth) == (len(printed.truth), 0, []), subtotals


def test_labels_in_one_cell_belong_to_its_two_rows() -> None:
    printed = render.make(random.Random(11), "2021")
    for seed in range(5):
        read = _settled(printed, lambda table, seed=seed: table_garble.join_labels(random.Random(seed), table, 3))
        assert score(read, printed.truth) == (len(printed.truth), 0, []), seed


def test_a_row_whose_label_cells_are_not_merged() -> None:
    printed = render.make(random.Random(12), "2019")

    def parted(table: Table) -> Table:
        cells = []
        for cell in table.cells:
            if cell.text == "（七）总计":
                cells.append(msgspec.structs.replace(cell, column_span=1))
                cells.append(msgspec.structs.replace(cell, column=2, column_span=1, text=""))
            else:
                cells.append(cell)
        return msgspec.structs.replace(table, cells=tuple(cells))

    _rows(printed)["other"].labels[-1] = ""
    read = _settled(printed, parted)
    assert not score(read, printed.truth).wrong
    assert not any("total_handled" in doubt for doubt in _doubts(read))


def test_a_label_on_a_line_outside_of_the_grid_makes_no_second_row() -> None:
    printed = render.make(random.Random(14), "2021")
    _rows(printed)["carried_forward"].labels[-1] = ""
    (page,) = table_garble.pages(printed)
    at = next(at for at, block in enumerate(page.blocks) if isinstance(block, Table)) + 3
    outside = Line("四、结转下年度继续办理", Place(1))
    blocks = (*page.blocks[:at], outside, *page.blocks[at:])
    read = read_tables((msgspec.structs.replace(page, blocks=blocks),))
    assert score(read, printed.truth) == (len(printed.truth), 0, [])


def test_digits_among_other_text_are_no_blank_row() -> None:
    printed = render.make(random.Random(13), "2021")
    for row in printed.disclosure:
        if row.slug in ("rules", "licensing"):
            row.values = [f"样{value}稿" for value in row.values]
    doubts = _doubts(read_tables(table_grids.pages(printed, "spans", random.Random(1))))
    assert {key for key in printed.truth if key.startswith(("disclosure.rules.", "disclosure.licensing."))} <= doubts


def _drop(count: int) -> Callable[[random.Random, Printed], object]:
    return lambda rng, printed: [render.drop_row(rng, printed) for _ in range(count)]


def _keep_a_swapped_label(printed: Printed) -> None:
    """Of two rows that changed places one keeps its label: where both are lost, nothing shows it."""
    order = list(render.REQUESTS.rows)
    data = [row for row in printed.requests if row.slug]
    ranks = [order.index(row.slug or "") for row in data]
    for row, rank, sorted_rank in zip(data, ranks, sorted(ranks), strict=True):
        if rank > sorted_rank:
            row.labels = [render.REQUESTS.rows[row.slug or ""].label]


FLAWS: dict[str, Callable[[random.Random, Printed], object]] = {
    "nothing else": lambda rng, printed: None,
    "a row left out": _drop(1),
    "two rows left out": _drop(2),
    "swapped rows": render.swap_rows,
    "a row printed twice": render.duplicate_row,
    "blank cells": lambda rng, printed: render.blank_cells(rng, printed, 0.05),
}


@pytest.mark.parametrize("flaw", FLAWS)
@pytest.mark.parametrize("count", [2, 6, 14])
def test_garbled_labels_put_no_number_in_another_row(flaw: str, count: int) -> None:
    for seed in range(8):
        rng = random.Random(f"{flaw}/{count}/{seed}")
        printed = render.make(rng, rng.choice(["2019", "2021"]), rng.random() < 0.3, subtotals=rng.random() < 0.4)
        FLAWS[flaw](rng, printed)
        together = rng.random() < 0.5
        table_garble.garble_labels(rng, printed.requests, count, together=together)
        _keep_a_swapped_label(printed)
        joined = rng.choice([0, 2])
        read = _settled(printed, lambda table, rng=rng, joined=joined: table_garble.join_labels(rng, table, joined))
        result = score(read, printed.truth)
        assert not result.wrong, seed
        assert result.doubtful <= (40 if flaw == "nothing else" and count < 10 else 210)


def _with_one_label(table: Table, text: str, above: str) -> Table:
    """A table in which the rule between the label ``above`` and that of the next row was lost, and both were read as ``text``."""
    upper = next(cell for cell in table.cells if cell.text == above)
    cells = [cell for cell in table.cells if cell != upper and (cell.row, cell.column) != (upper.row + 1, upper.column)]
    joined = msgspec.structs.replace(upper, text=text, row_span=2)
    return msgspec.structs.replace(table, cells=tuple(sorted([*cells, joined], key=lambda cell: (cell.row, cell.column))))


@pytest.mark.parametrize("text", ["规性\n文件", "规章\n规范性文件", "规范性文件"])
def test_rows_of_one_label_in_a_table_of_items_are_in_doubt(text: str) -> None:
    printed = render.make(random.Random(6), "2021")
    page = table_garble.pages(printed)[0]
    blocks = tuple(
        _with_one_label(block, text, "规章") if isinstance(block, Table) and any(c.text == "规章" for c in block.cells) else block
        for block in page.blocks
    )
    report = validate(parse(Extraction("image/png", (msgspec.structs.replace(page, blocks=blocks),)), Hints())).report
    rows = [r for r in report.readings if r.indicator.startswith(("disclosure.rules.", "disclosure.normative_documents."))]
    assert len(rows) == 6
    assert all(reading.state in (State.DOUBTFUL, State.NOT_SEEN) for reading in rows)
