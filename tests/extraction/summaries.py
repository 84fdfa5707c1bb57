"""Summary workbooks (汇总表) of generated reports, in the ways in which offices lay out their heads."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import xlsxwriter

from codebook.book import Indicator, load_book
from tests.generator.documents import Document, Wishes, make_document

Path = tuple[str, ...]


class SummaryHead(NamedTuple):
    """The head of a column, and the indicator that it is ("": the text that ``text`` returns)."""

    path: Path
    indicator: str = ""
    text: Callable[[int, Document], str] = lambda _, __: ""


def units(count: int, seed: int = 9000) -> list[Document]:
    """Reports on the years of the form of 2021, of different agencies."""
    found: list[Document] = []
    while len(found) < count:
        one = make_document(seed, "docx", Wishes(clean=True, year=2024))
        seed += 1
        if one.form == "2021" and set(one.forms.values()) == {"2021"} and one.agency not in {other.agency for other in found}:
            found.append(one)
    return found


def _path(indicator: Indicator) -> Path:
    block = load_book().blocks[indicator.block]
    row = block.rows[indicator.row]
    column = block.columns[indicator.column] if indicator.column else None
    under = column.under if column else ()
    return (block.title, *row.under, row.label, *under, *((column.label,) if column else ()))


def heads(documents: Sequence[Document]) -> list[SummaryHead]:
    """Serial number, name, region and year, then all indicators of the reports with their labels as the form prints them."""
    keys = [key for key in load_book().indicators if any(key in one.indicators for one in documents)]
    return [
        SummaryHead(("序号",), text=lambda at, _: str(at)),
        SummaryHead(("单位名称",), text=lambda _, one: one.agency),
        SummaryHead(("所属地区",), text=lambda _, one: "/".join(one.region)),
        *(SummaryHead(_path(load_book().indicators[key]), key) for key in keys),
        SummaryHead(("备注",), text=lambda *_: ""),
    ]


def body(columns: Sequence[SummaryHead], documents: Sequence[Document]) -> Iterator[list[str | float]]:
    """The rows of the agencies."""
    for at, one in enumerate(documents, 1):
        yield [one.indicators.get(c.indicator, "") if c.indicator else c.text(at, one) for c in columns]


def total(columns: Sequence[SummaryHead], documents: Sequence[Document]) -> list[str | float]:
    """The row of sums."""
    sums = [sum(one.indicators.get(c.indicator, 0) for one in documents) if c.indicator else "" for c in columns]
    return ["合计", *sums[1:]]


def merged_workbook(
    columns: Sequence[SummaryHead], rows: Sequence[Sequence[str | float]], title: str = "2024年政府信息公开工作情况汇总表"
) -> bytes:
    """A workbook with a title, heads on as many rows as they need, merged where neighbours agree, and these rows."""
    target = io.BytesIO()
    depth = max(len(column.path) for column in columns)
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        sheet = book.add_worksheet("汇总表")
        sheet.merge_range(0, 0, 0, len(columns) - 1, title)
        for level in range(depth):
            start = 0
            for at in range(1, len(columns) + 1):
                prefix = columns[start].path[: level + 1]
                if (
                    at < len(columns)
                    and columns[at].path[: level + 1] == prefix
                    and len(prefix) == level + 1 < len(columns[start].path)
                ):
                    continue
                if len(prefix) == level + 1:
                    bottom = depth if len(columns[start].path) == level + 1 else level + 1
                    _write(sheet, level + 1, start, bottom, at - 1, prefix[-1])
                start = at
        for number, row in enumerate(rows, depth + 1):
            sheet.write_row(number, 0, row)
    return target.getvalue()


def _write(sheet: xlsxwriter.worksheet.Worksheet, top: int, left: int, bottom: int, right: int, text: str) -> None:
    if (top, left) == (bottom, right):
        sheet.write(top, left, text)
    else:
        sheet.merge_range(top, left, bottom, right, text)


def csv_text(
    columns: Sequence[SummaryHead], rows: Sequence[Sequence[str | float]], encoding: str = "gb18030", joint: str = "-"
) -> bytes:
    """The same with a head of one line, whose words are joined."""
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow([joint.join(column.path) for column in columns])
    writer.writerows(rows)
    return target.getvalue().encode(encoding)
