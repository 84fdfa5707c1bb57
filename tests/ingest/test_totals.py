"""Sums in summaries beside the sums of their rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from codebook.sheets.delimited import read_delimited
from codebook.sheets.summary import find_summary
from codebook.sheets.totals import different_totals
from ingest.archives.limits import Limits
from ingest.files.register_paths import ingest_paths, plan
from tests.ingest.test_refused import MemoryStore

HEAD = "单位名称,本年新收政府信息公开申请数量,结转下年度继续办理"


def differing(*lines: str) -> list[tuple[int, int, str, str]]:
    sheet = read_delimited("\n".join([HEAD, *lines]), 10_000)
    assert sheet is not None
    summary = find_summary(sheet)
    assert summary is not None
    assert not any("计" in row.values[0].text for table in summary.tables for row in table.rows)
    return [tuple(one) for table in summary.tables for one in different_totals(table)]


@pytest.mark.parametrize(
    "lines",
    [
        ("甲局,1,2", "乙局,3,4", "合计,4,6"),
        ("合计,4,6", "甲局,1,2", "乙局,3,4"),
        ("甲局,1,2", "小计,1,2", "乙局,3,4", "丙局,1,1", "小计,4,5", "总计,5,7"),
        ("小计,1,2", "甲局,1,2", "小计,4,5", "乙局,3,4", "丙局,1,1", "合计,5,7"),
        ("甲局,1,/", "乙局,,4", '合计,1,"4"'),
        ('甲局,"1,000",2', "乙局,3,4", '合计,"1,003",6.0'),
        ("甲局,1,2", "乙局,3,4", "合计,,"),
        ("甲局,/,2", "乙局,,4", "合计,0,6"),
        ("甲局,1,2", "乙局,3,4"),
        ("甲局,12件,2", "乙局,3（含转送1件）,4", "丙局,1 200,约3", "合计,1215,9"),
        ("甲局,1,见附件", "乙局,3,4", "合计,4件,4"),
        ("甲局,约3,2", "乙局,3,4", "合计,6,6"),
        ("甲局,1,2", "小计,约1,2", "乙局,3,4", "合计,9,6"),
        ("某市,4,6", "甲县,1,2", "乙县,3,4", "某市,9,8", "丙县,8,0", "丁县,1,8", "合计,13,14"),
        ("某市,4,6", "甲县,4,6", "某市,9,8", "丙县,8,0", "丁县,1,8", "合计,13,14"),
        ("甲县,1,2", "乙县,3,4", "某市,4,6", "丙局,1,1", "合计,5,7"),
        ("某省,13,14", "某市,4,6", "甲县,1,2", "乙县,3,4", "某市,9,8", "丙县,8,0", "丁县,1,8", "合计,13,14"),
        ("某市,10,6", "甲县,3,1", "乙县,1,2", "丙县,2,3", "丁县,4,0", "戊局,5,5", "合计,15,11"),
        ("某市,4,6", "甲县,1,2", "乙县,3,4", "小计,4,6", "丙局,1,1", "小计,1,1", "总计,5,7"),
    ],
)
def test_sums_that_can_be_right_are_not_named(lines: tuple[str, ...]) -> None:
    assert differing(*lines) == []


def test_a_sum_that_differs_is_named() -> None:
    assert differing("甲局,1,2", "乙局,3,4", "合计,5,6") == [(4, 2, "5", "4")]
    assert differing("甲局,1件,2", "乙局,3（含转送1件）,约4", "合计,5,7") == [(4, 2, "5", "4")]
    assert differing("甲局,5,7", "乙局,3,4", "丙局,9,8", "合计,14,19") == [(5, 2, "14", "17")]
    assert differing("某市,4,6", "甲县,1,2", "乙县,3,4", "丙局,1,1", "合计,7,7") == [(6, 2, "7", "9")]
    assert differing("甲局,1,2", "小计,9,2", "乙局,3,4", "小计,3,4", "合计,4,6") == [(3, 2, "9", "4")]


def test_a_notice_says_so_and_no_report_comes_of_it(engine: object, tmp_path: Path) -> None:
    path = tmp_path / "汇总.csv"
    path.write_text("\n".join([HEAD, "甲县教育局,1,2", "甲县民政局,3,4", "合计,5,6"]))
    summary = ingest_paths(plan([str(path)]), engine=engine, store=MemoryStore(), limits=Limits())  # type: ignore[arg-type]
    assert summary.documents == 2
    assert summary.notices == (f"{path}!4: column 2 states a sum of 5, the rows add up to 4",)
