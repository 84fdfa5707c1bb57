"""A header that is printed again below a page break, in a table without lines: its columns are no rows of the table."""

from __future__ import annotations

import random

import pytest

from tests.parsing import table_render as render
from tests.parsing.table_check import read_text, score

NARROW = [
    "申请人情况",
    "（本列数据的勾稽关系为：第一项加第二项之和，  法人或其他组织",
    "等于第三项加第四项之和）",
    "自然人  总计",
]
NARROW += ["商业企  科研机  社会公  法律服", "其他", "业  构  益组织  务机构"]
WIDE = ["申请人情况", "自然人  法人或其他组织  总计", "商业企业  科研机构  社会公益组织  法律服务机构  其他"]


@pytest.mark.parametrize("header", [NARROW, WIDE], ids=["narrow columns", "wide columns"])
@pytest.mark.parametrize("form", ["2019", "2021"])
def test_a_header_that_is_printed_again_takes_no_rows_numbers(form: str, header: list[str]) -> None:
    printed = render.make(random.Random(4), form)
    rows = [row for row in printed.requests if not row.header]
    truth = {key: value for key, value in printed.truth.items() if key.startswith("requests.")}
    wrong: list[str] = []
    for at in range(1, len(rows)):
        lines = ["三、收到和处理政府信息公开申请情况", *header]
        for number, row in enumerate(rows):
            lines += [*(header if number == at else []), *row.labels[:-1], "  ".join([row.labels[-1], *row.values])]
        found = score(read_text("\n".join(lines)), truth)
        wrong += [f"before {rows[at].slug}: {found.exact} of {len(truth)}"] * (found.exact < len(truth)) + found.wrong
    assert wrong == []
