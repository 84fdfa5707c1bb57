"""Small tables in flattened text, each with one thing that real flattened text does."""

from __future__ import annotations

import pytest

from codebook.book import load_book
from codebook.records import Place, Reader, State
from tasks.parsing.tables.tokens import AtomKind, TextLine, lines_to_atoms, value_token
from tests.parsing.table_check import read_text, values

HEADER = (
    "（本列数据的勾稽关系为：第一项加第二项之和，等于第三项加第四项之和）\n自然人 法人或其他组织 总计\n"
    "商业企业 科研机构 社会公益组织 法律服务机构 其他\n"
)
FILLED = {
    "new_received": "3 1 0 0 0 0 4",
    "granted": "2 0 0 0 0 0 2",
    "partially_granted": "1 0 0 0 0 0 1",
    "other": "0 1 0 0 0 0 1",
    "total_handled": "3 1 0 0 0 0 4",
}
ROWS = [slug for slug in load_book().blocks["requests"].rows if not slug.startswith("other.")]


def requests(changed: dict[str, list[str]] | None = None) -> str:
    """A table of requests of form 2019, a row a line, with some rows printed otherwise."""
    labels = load_book().blocks["requests"].rows
    lines: list[str] = []
    for slug in ROWS:
        lines += (changed or {}).get(slug) or [f"{labels[slug].label} {FILLED.get(slug, '0 0 0 0 0 0 0')}"]
    return HEADER + "\n".join(lines)


def _atoms(text: str) -> list[tuple[str, str]]:
    return [
        (a.kind.name, a.raw)
        for a in lines_to_atoms([TextLine(line, 1, n, Place(), Reader.TXT) for n, line in enumerate(text.split("\n"))])
    ]


def test_atoms() -> None:
    assert _atoms("规章 | 0 |  | 3 |") == [("TEXT", "规章"), ("VALUE", "0"), ("BLANK", ""), ("VALUE", "3")]
    assert _atoms("规章 |\n0 |\n||") == [("TEXT", "规章"), ("VALUE", "0"), ("BLANK", ""), ("BLANK", "")]
    assert _atoms("| | 规章 | 0 |\n|---|---|---|") == [("BLANK", ""), ("TEXT", "规章"), ("VALUE", "0")]
    assert _atoms("0 0（二）部分公开2 1.属于国家秘密") == [
        ("VALUE", "0"),
        ("VALUE", "0"),
        ("TEXT", "（二）部分公开"),
        ("VALUE", "2"),
        ("TEXT", "1.属于国家秘密"),
    ]
    assert _atoms("- 4 -\n第 3 页 共 5 页") == []
    assert _atoms("1 .属于国家秘密")[0] == ("TEXT", "1")


def test_digits_run_together_are_no_number() -> None:
    assert value_token("000").kind.name == "OTHER"  # type: ignore[union-attr]
    assert value_token("0") is not None
    assert value_token("、") is None


def test_prose_is_no_table() -> None:
    read = read_text(
        "2021年新收政府信息公开申请2件，予以公开2件。\n（一）予以公开2件；（二）部分公开0件；\n未经复议直接起诉0件，结果维持0件。"
    )
    assert read.readings == ()
    assert AtomKind.PROSE in {a.kind for a in lines_to_atoms([TextLine("一二三四五六七八九十" * 8, 1, 0, Place(), Reader.TXT)])}


def test_places_are_those_of_the_numbers() -> None:
    text = "前言\n" + requests()
    line = text.split("\n")[7]
    read = read_text(text)
    reading = {r.indicator: r for r in read.readings}["requests.partially_granted.natural_person"]
    assert reading.place == Place(1, None, 8, line.index(" 1 ") + 2)
    assert (reading.raw, reading.state, reading.read_by) == ("1", State.READ, Reader.TXT)


@pytest.mark.parametrize(
    ("lines", "value"),
    [
        (["1.属于国家秘密 0 5 0 0 0 0 5"], 5),
        (["1.属于国家秘密", "0 5 0 0 0 0 5"], 5),
        (["0 5 0 0 0 0 5", "1.属于国家秘密"], 5),
        (["1.属于国家", "0 5 0 0 0 0 5", "秘密"], 5),
        (["本", "1.属于国家秘密 0 5 0 0 0 0 5"], 5),
        (["年 1.属于国家秘密 0 5 0 0 0 0 5"], 5),
        (["1.属于国家", "- 4 -", "秘密 0 5 0 0 0 0 5"], 5),
    ],
)
def test_labels_around_their_values(lines: list[str], value: int) -> None:
    text = requests({"denied.state_secret": lines})
    assert values(read_text(text))["requests.denied.state_secret.business"] == value


def test_a_full_row_of_blanks_is_missing_not_shifted() -> None:
    text = (
        "第二十条第（一）项⏎信息内容⏎本年制发件数⏎本年废止件数⏎现行有效件数⏎规章⏎0⏎1⏎2⏎行政规范性文件⏎第二十条第（五）项⏎"
        "信息内容⏎本年处理决定数量⏎行政许可⏎7⏎第二十条第（六）项⏎信息内容⏎本年处理决定数量⏎行政处罚⏎行政强制⏎3"
    )
    read = read_text(text.replace("⏎", "\n"))
    states = {r.indicator: (r.value, r.state) for r in read.readings}
    assert states["disclosure.rules.in_force"] == (2, State.READ)
    assert states["disclosure.normative_documents.issued"] == (None, State.MISSING)
    assert states["disclosure.licensing.decisions"] == (7, State.READ)
    assert states["disclosure.penalties.decisions"] == (None, State.MISSING)


def test_a_lost_blank_is_settled_by_the_sums_or_doubtful() -> None:
    text = requests({"partially_granted": ["（二）部分公开 1 0 0 0 0 1"]})
    found = {r.indicator: r for r in read_text(text).readings}
    assert found["requests.partially_granted.natural_person"].value == 1
    assert found["requests.partially_granted.total"].value == 1
    between = found["requests.partially_granted.research"]
    assert (between.state, between.value, between.candidates) == (State.DOUBTFUL, None, (0,))


def test_marks_are_kept_and_are_not_zero() -> None:
    text = requests({"denied.state_secret": ["1.属于国家秘密 / — 无 0 0 0 0"]})
    found = {r.indicator: r for r in read_text(text).readings}
    reading = found["requests.denied.state_secret.natural_person"]
    assert (reading.value, reading.state, reading.raw) == (None, State.MISSING, "/")


def test_units_in_cells_and_headers() -> None:
    lines = ["第二十条第（八）项", "信息内容 本年收费金额（单位：万元）", "行政事业性收费 251000元", "第二十条第（六）项"]
    lines += ["信息内容 本年处理决定数量", "行政处罚 40個", "行政强制 1,234"]
    found = values(read_text("\n".join(lines)))
    assert found == {"disclosure.fees.amount": 25.1, "disclosure.penalties.decisions": 40, "disclosure.coercion.decisions": 1234}
    doubtful = read_text("\n".join(lines).replace("万元", "元").replace("251000元", "251000")).readings
    assert {r.indicator: r.candidates for r in doubtful if r.state is State.DOUBTFUL} == {
        "disclosure.fees.amount": (251000, 25.1)
    }


def test_a_glued_row_is_doubtful() -> None:
    text = requests({"denied.state_secret": ["1.属于国家秘密 0000000"]})
    found = {r.indicator: r for r in read_text(text).readings}
    assert found["requests.denied.state_secret.total"].state is State.DOUBTFUL


def test_reviews_in_several_forms() -> None:
    labels = "行政复议 行政诉讼\n结果维持 结果纠正 其他结果 尚未审结 总计 未经复议直接起诉 复议后起诉\n"
    flat = labels + "结果 结果 其他 尚未 总计\n维持 纠正 结果 审结\n1 1 0 0 2 1 0 0 0 1 2 0 1 0 3"
    rows = "结果维持 结果纠正 其他结果 尚未审结 总计\n行政复议 1 1 0 0 2\n未经复议直接起诉 1 0 0 0 1\n复议后起诉 2 0 1 0 3"
    columns = "行政复议 未经复议直接起诉 复议后起诉\n结果维持 1 1 2\n结果纠正 1 0 0\n其他结果 0 0 1\n尚未审结 0 0 0\n总计 2 1 3"
    expected = values(read_text(flat))
    assert len(expected) == 15
    assert expected["review.litigation_after_review.other"] == 1
    assert values(read_text(rows)) == values(read_text(columns)) == expected
