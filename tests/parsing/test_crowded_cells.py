"""Drawn cells that hold the labels, or the numbers, of several rows: what cannot be placed is in doubt, never blank."""

from __future__ import annotations

from io import BytesIO

import pytest
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from codebook.book import load_book
from codebook.records import Hints, Reading, State, Table
from tasks.extraction.extract import extract
from tasks.parsing.parse import parse

pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
COLUMNS = ["自然人", "商业企业", "科研机构", "社会公益组织", "法律服务机构", "其他", "总计"]
LABELS = ["一、本年新收政府信息公开申请数量", "二、上年结转政府信息公开申请数量", "（一）予以公开"]
ROWS = "new_received", "carried_over", "granted"


def readings(*rows: str) -> dict[str, Reading]:
    """The readings of table three with these rows of cells."""
    header = "".join(f"<td>{name}</td>" for name in ("申请人情况", *COLUMNS))
    body = "".join(f"<tr>{row}</tr>" for row in (header, *rows))
    page = f"<meta charset=utf-8><p>三、收到和处理政府信息公开申请情况</p><table>{body}</table>"
    report = parse(extract(page.encode(), "text/html"), Hints())
    return {reading.indicator: reading for reading in report.readings}


def row(label: str, values: list[str]) -> str:
    return "".join(f"<td>{text}</td>" for text in (label, *values))


@pytest.mark.parametrize("between", ["<br>", "</p><p>"])
def test_numbers_of_several_rows_in_a_cell_leave_no_row_blank(between: str) -> None:
    numbers = [between.join(str(n + column) for n in range(3)) for column in range(7)]
    found = readings(row(between.join(LABELS), numbers))
    for name in ROWS:
        assert {found[f"requests.{name}.{column}"].state for column in ("natural_person", "total")} == {State.DOUBTFUL}


def test_numbers_beside_several_labels_are_nobodys_for_sure() -> None:
    found = readings(row(LABELS[0], ["1"] * 6 + ["6"]), row("<br>".join(LABELS[1:]), ["0"] * 7))
    assert found["requests.new_received.total"].state is State.READ
    assert {found[f"requests.{name}.total"].state for name in ROWS[1:]} == {State.DOUBTFUL}


def test_numbers_below_the_headings_leave_no_row_blank() -> None:
    header = "".join(f"<td>{name}<br>3<br>0<br>2</td>" for name in COLUMNS)
    page = f"<meta charset=utf-8><p>三、收到和处理政府信息公开申请情况</p><table><tr><td>申请人情况</td>{header}</tr>"
    page += "".join(f"<tr><td>{label}</td>{'<td></td>' * 7}</tr>" for label in LABELS) + "</table>"
    found = {reading.indicator: reading for reading in parse(extract(page.encode(), "text/html"), Hints()).readings}
    assert {found[f"requests.{name}.total"].state for name in ROWS if f"requests.{name}.total" in found} <= {
        State.DOUBTFUL,
        State.NOT_SEEN,
    }


@pytest.mark.parametrize(
    ("written", "state"), [("\u202e21\u202c", State.DOUBTFUL), ("\u202d21\u202c", State.READ), ("\u206621\u2069", State.READ)]
)
def test_a_number_whose_characters_are_turned_around_is_in_doubt(written: str, state: State) -> None:
    rows = [row(label, ["0"] * 7) for label in LABELS[1:]]
    found = readings(row(LABELS[0], ["0"] * 6 + [written]), *rows)["requests.new_received.total"]
    assert (found.state, found.value) == (state, 21)


@pytest.mark.parametrize("between", ["<br>", ""])
@pytest.mark.parametrize("at", [1, 2, 3, 4, 10])
def test_a_cell_with_labels_that_run_together_is_nobodys_row(at: int, between: str) -> None:
    block = load_book().blocks["requests"]
    rows = [slug for slug, label in block.rows.items() if not label.parts]
    labels = [block.rows[slug].label.split("（区分")[0] for slug in rows]
    crowded = between.join(labels[at : at + 2])
    found = readings(
        *(row(label, ["0"] * 7) for label in labels[:at]),
        row(crowded, ["1"] * 6 + ["6"]),
        *(row(label, ["0"] * 7) for label in labels[at + 2 :]),
    )
    assert {found[f"requests.{slug}.{column}"].state for slug in rows[at : at + 2] for column in ("natural_person", "total")} == {
        State.DOUBTFUL
    }


HEADER = ["申请人情况  法人或其他组织", "自然人  总计", "社会公益法律服务", "商业企业科研机构  其他", "组织  机构"]


@pytest.mark.parametrize(
    ("header", "state"),
    [(HEADER, State.DOUBTFUL), ([*HEADER[:2], "其他"], State.READ), ([HEADER[2], *HEADER[:2], "其他"], State.DOUBTFUL)],
)
def test_a_header_with_other_text_between_its_labels_lacks_no_column(header: list[str], state: State) -> None:
    rows = [
        f"{label}  {' '.join(values)}"
        for label, values in zip(LABELS, (["5", "2", "7"], ["0"] * 3, ["5", "2", "7"]), strict=True)
    ]
    text = "\n".join(["三、收到和处理政府信息公开申请情况", *header, *rows])
    found = {reading.indicator: reading for reading in parse(extract(text.encode(), "text/plain"), Hints()).readings}
    assert found["requests.granted.other_org"].state is state


def ruled_by_columns(filled: int, *, rows: bool) -> bytes:
    """A PDF of table three whose labels stand in one cell; ``rows``: lines between the rows of the values."""
    block = load_book().blocks["requests"]
    labels = [label.label.split("（区分")[0] for label in block.rows.values() if not label.parts]
    labels = [label for label in labels if len(label) < 20]
    edges = [40, 240, *(240 + 40 * column for column in range(1, 8))]
    out = BytesIO()
    canvas = Canvas(out, pagesize=(595, 842))
    canvas.setFont("STSong-Light", 9)
    canvas.drawString(40, 800, "三、收到和处理政府信息公开申请情况")
    bottom = 752 - 20 * len(labels)
    for y in (780, 760, bottom):
        canvas.line(edges[0], y, edges[-1], y)
    for x in edges:
        canvas.line(x, 780, x, bottom)
    for column, name in enumerate(["申请人情况", *(name[:4] for name in COLUMNS)]):
        canvas.drawString(edges[column] + 1, 766, name)
    for at, label in enumerate(labels):
        canvas.drawString(edges[0] + 2, 744 - 20 * at, label)
        if rows and at:
            canvas.line(edges[1], 756 - 20 * at, edges[-1], 756 - 20 * at)
        for column in range(7 if at == filled else 0):
            canvas.drawString(edges[column + 1] + 12, 744 - 20 * at, "6" if column == 6 else "1")
    canvas.save()
    return out.getvalue()


@pytest.mark.parametrize(("filled", "name"), [(0, "new_received"), (2, "granted")])
def test_the_only_row_of_a_table_ruled_by_columns_keeps_its_numbers(filled: int, name: str) -> None:
    report = parse(extract(ruled_by_columns(filled, rows=False), "application/pdf"), Hints())
    found = {reading.indicator: reading for reading in report.readings}
    assert found[f"requests.{name}.total"].value == 6
    assert found["requests.carried_forward.total"].value is None


@pytest.mark.parametrize("rows", [True, False])
def test_labels_in_one_cell_beside_ruled_rows_leave_the_grid(rows: bool) -> None:
    blocks = extract(ruled_by_columns(2, rows=rows), "application/pdf").pages[0].blocks
    assert any(isinstance(block, Table) for block in blocks) is rows
