"""Tables whose cells ran together: read where the sums leave one way, doubtful else, never silently wrong."""

from __future__ import annotations

import random

import pytest

from codebook.book import load_book
from codebook.records import Number, State
from tasks.parsing.tables.readers.cuts import cuts, tables
from tests.adversarial.base import make_report
from tests.adversarial.texts import squashed_text
from tests.parsing.table_check import read_text, score, values

HEADERS = {
    "2019": (
        "本年新制作数量本年新公开数量对外公开总数量",
        "上一年项目数量本年增/减处理决定数量",
        "上一年项目数量本年增/减",
        "采购项目数量采购总金额",
    ),
    "2021": ("本年制发件数本年废止件数现行有效件数", "本年处理决定数量", "本年收费金额（单位：万元）", ""),
}
CLAUSES = ("第二十条第（一）项", "第二十条第（五）项", "第二十条第（六）项", "第二十条第（八）项", "第二十条第（九）项")
APPLICANTS = "申请人情况自然人法人或其他组织总计商业企业科研机构社会公益组织法律服务机构其他"
RESULTS = "结果维持结果纠正其他结果尚未审结总计"


def table(dice: random.Random, form: str) -> dict[str, Number | None]:
    """The cells of a form with all its sums right."""
    book = load_book()
    undivided = form == "2019"
    rows = [row for row in book.blocks["requests"].rows if (not row.startswith("other.") if undivided else row != "other")]
    columns = list(book.blocks["requests"].columns)
    inner = [row for row in rows if row not in ("new_received", "carried_over", "total_handled", "carried_forward")]
    few = lambda most: dice.choice((0, 0, 0, dice.randrange(most)))  # noqa: E731
    grid = {row: [few(60) if at == 0 else few(4) for at in range(6)] for row in inner}
    grid["total_handled"] = [sum(grid[row][at] for row in inner) for at in range(6)]
    grid["carried_forward"] = [min(grid["total_handled"][at], few(9)) for at in range(6)]
    there = [a + b for a, b in zip(grid["total_handled"], grid["carried_forward"], strict=True)]
    grid["carried_over"] = [dice.randrange(0, max(1, one // 3 + 1)) for one in there]
    grid["new_received"] = [a - b for a, b in zip(there, grid["carried_over"], strict=True)]
    cells: dict[str, Number | None] = {}
    for row in rows:
        numbers = [*grid[row], sum(grid[row])]
        cells |= {f"requests.{row}.{column}": number for column, number in zip(columns, numbers, strict=True)}
    for group in book.blocks["disclosure"].groups:
        for row in group.rows:
            forms = book.blocks["disclosure"].rows[row].forms
            if not forms or form in forms:
                cells |= {f"disclosure.{row}.{column}": few(900) for column in group.columns[form]}
    for row in book.blocks["review"].rows:
        numbers = [few(30), few(5), few(5), few(5)]
        cells |= {f"review.{row}.{c}": n for c, n in zip(book.blocks["review"].columns, [*numbers, sum(numbers)], strict=True)}
    return cells


def run_together(cells: dict[str, Number | None], form: str) -> str:
    """The table as crawlers print it."""
    book = load_book()

    def row(name: str, columns: list[str]) -> str:
        return "".join("" if (value := cells[f"{name}.{column}"]) is None else str(value) for column in columns)

    text = "一、总体情况本年度工作有序推进。二、主动公开政府信息情况"
    headers = dict(
        zip(CLAUSES, (HEADERS[form][0], HEADERS[form][1], HEADERS[form][1], HEADERS[form][2], HEADERS[form][3]), strict=True)
    )
    for group in book.blocks["disclosure"].groups:
        if not group.columns[form]:
            continue
        text += group.clause + "信息内容" + headers[group.clause]
        for slug in group.rows:
            label = book.blocks["disclosure"].rows[slug]
            if not label.forms or form in label.forms:
                text += label.label + row(f"disclosure.{slug}", list(group.columns[form]))
    text += "三、收到和处理政府信息公开申请情况" + APPLICANTS
    before: tuple[str, ...] = ()
    for slug, label in book.blocks["requests"].rows.items():
        if f"requests.{slug}.total" not in cells:
            continue
        text += "".join(group for group in label.under if group not in before) + label.label
        text += row(f"requests.{slug}", list(book.blocks["requests"].columns))
        before = label.under
    text += "四、政府信息公开行政复议、行政诉讼情况行政复议行政诉讼" + RESULTS + "未经复议直接起诉复议后起诉" + RESULTS * 2
    text += "".join(row(f"review.{slug}", list(book.blocks["review"].columns)) for slug in book.blocks["review"].rows)
    return text + "五、存在的主要问题及改进情况存在公开不够及时的问题。六、其他需要报告的事项无。"


@pytest.mark.parametrize("form", ["2019", "2021"])
@pytest.mark.parametrize("seed", range(20))
def test_right_tables_are_read_or_in_doubt(form: str, seed: int) -> None:
    dice = random.Random(seed)
    cells = table(dice, form)
    read = read_text(run_together(cells, form))
    found = score(read, cells)
    assert found.wrong == []
    requests = [key for key in cells if key.startswith("requests.")]
    assert sum(key in values(read) for key in requests) >= 0.9 * len(requests)
    assert {block.block: block.form for block in read.blocks} == dict.fromkeys(("disclosure", "requests", "review"), form)


@pytest.mark.parametrize("form", ["2019", "2021"])
@pytest.mark.parametrize("seed", range(60))
def test_wrong_sums_and_blank_cells_are_never_silently_wrong(form: str, seed: int) -> None:
    dice = random.Random(seed)
    cells = table(dice, form)
    for cell in dice.sample(sorted(cells), dice.randrange(1, 4)):
        cells[cell] = None if dice.random() < 0.5 else dice.randrange(100)
    assert score(read_text(run_together(cells, form)), cells).wrong == []


def test_a_value_points_at_its_digits() -> None:
    text = run_together(table(random.Random(3), "2021"), "2021")
    for reading in read_text(text).readings:
        if reading.state is State.READ:
            at = (reading.place.column or 1) - 1
            assert text[at : at + len(reading.raw)] == reading.raw


def test_prose_about_the_same_rows_is_no_table() -> None:
    text = "本年新收政府信息公开申请数量13件，上年结转政府信息公开申请数量2件，予以公开7件。联系电话02512345678、02512345679。"
    assert read_text(text * 5).readings == ()


def test_every_cut_that_the_sum_allows() -> None:
    assert cuts(["713000074"], 7, lambda row: sum(row[:-1]) == row[-1]) == [(71, 3, 0, 0, 0, 0, 74)]
    assert cuts(["123"], 2, lambda _: True) == [(1, 23), (12, 3)]
    assert cuts(["12", "3"], 2, lambda _: True) == [(12, 3)]
    assert cuts(["100"], 2, lambda _: True) == [(10, 0)]
    assert cuts(["12"], 3, lambda _: True) == []
    assert cuts(["9" * 60], 15, lambda _: True) == []  # more ways than can be tried


def test_rows_are_chosen_together() -> None:
    rows = {"a": [(1, 23), (12, 3)], "b": [(2, 0), (20, 0)]}
    assert tables(rows, lambda way: way["a"][0] + way["b"][0] == 3) == [{"a": (1, 23), "b": (2, 0)}]


@pytest.mark.parametrize("seed", range(30))
def test_numbers_glued_to_the_numbers_of_labels_are_read_or_in_doubt(seed: int) -> None:
    sample = make_report(random.Random(seed), "2014")
    text = squashed_text(sample.paper, random.Random(seed))
    cells = sample.truth.indicators
    read = read_text(text)
    found = values(read)
    assert {key: value for key, value in found.items() if key in cells and cells[key] != value} == {}
    assert sum(key in found for key in cells) >= 0.7 * len(cells)
