"""Tables of numbers that no form has are kept as printed; tables of the form and other tables are not among them."""

from __future__ import annotations

import pytest

from codebook.records import Cell, Page, PageKind, Place, Reader, Table
from tasks.parsing.tables.read_tables import read_tables
from tests.parsing.table_check import read_text

ROWS = (
    ("项目", "单位", "2016年", "累计"),
    ("公开栏发布数", "条", "31", "402"),
    ("窗口接待数", "人次", "1205", "9911"),
    ("受理咨询数", "件", "17", "—"),
    ("公报赠阅数", "份", "0", "120"),
    ("听证会次数", "次", "2", ""),
)


def test_a_grid_is_kept_as_printed() -> None:
    cells = tuple(
        Cell(row, column, text, Place(1, None, 7 + row)) for row, texts in enumerate(ROWS) for column, text in enumerate(texts)
    )
    read = read_tables((Page(1, PageKind.TEXT, "", Reader.HTML, (Table(cells, len(ROWS), 4, Place(1, None, 7)),)),))
    assert [(table.place.line, table.rows) for table in read.unknown] == [(7, (*ROWS[:-1], ROWS[-1][:-1]))]
    assert read.readings == ()


@pytest.mark.parametrize("separator", ["|", "\t", " | ", ","])
def test_lines_of_cells_are_kept_too(separator: str) -> None:
    text = "统计表如下\n" + "\n".join(separator.join(row) for row in ROWS) + "\n以上数据来自各部门。"
    (table,) = read_text(text).unknown
    assert [row[0] for row in table.rows] == [row[0] for row in ROWS]
    assert "1205" in table.rows[2]


def test_a_table_in_a_line_of_text_is_kept_too() -> None:
    """The header's words are no row; a sentence with four numbers is none either."""
    rows = [[text for text in row if text not in ("", "—")] for row in ROWS]
    text = (
        "本年度工作有序推进，共受理 3 件、答复 3 件、公开 2 件、其他 1 件，无收费。" * 2
        + "附表 "
        + " ".join(" ".join(row) for row in rows)
    )
    (table,) = read_text(text).unknown
    assert [list(row) for row in table.rows] == rows[1:]
    assert text[(table.place.column or 0) - 1 :].startswith("公开栏发布数")


@pytest.mark.parametrize(
    "text",
    [
        "规章|0|0|0\n行政规范性文件|7|2|40\n",
        "索引号|014/2023-1|分类|年报\n发布机构|示例局|发布日期|2023-01-20\n",
        "栏目 | 首页 | 公开\n政策 | 解读 | 互动\n",
        "窗口接待数 31 402\n受理咨询数 17 20\n",
    ],
)
def test_tables_of_the_form_and_heads_of_pages_are_none(text: str) -> None:
    header = "信息内容|本年制发件数|本年废止件数|现行有效件数\n"
    assert read_text(header + text).unknown == ()
