"""Numbers that a page's scripts hold as data are read in doubt, or said to be there; no such report is accepted as whole."""

from __future__ import annotations

import json

import pytest

from codebook.book import load_book
from codebook.errors import GongkaiError
from codebook.records import LeftOutKind, Line, State, Table
from tasks.extraction.extract import extract
from tasks.flow import read_document
from tests.extraction.other_formats import web_page
from tests.generator.documents import Wishes, make_document

ROWS = [label.label for label in load_book().blocks["requests"].rows.values()]
DOCUMENT = make_document(72, "docx", Wishes(clean=True, year=2024))
PAGE = web_page(extract(DOCUMENT.data, DOCUMENT.media_type))
TEXT = "<h1>示例县教育局2024年政府信息公开工作年度报告</h1><p>一、总体情况</p><p>本机关依法公开。</p>"


def page(script: str, *, kind: str = "") -> bytes:
    return f"<html><body>{TEXT}<div id='t'></div><script{kind}>{script}</script></body></html>".encode()


def rows(as_objects: bool = False) -> list[object]:
    names = ("name", "zrr", "qy", "ky", "gy", "fl", "qt", "zj")
    made = [[label, 2, 0, 0, 0, 0, 0, 2] for label in ROWS[:3]] + [[label, 0, 0, 0, 0, 0, 0, 0] for label in ROWS[3:]]
    return [dict(zip(names, row, strict=True)) for row in made] if as_objects else list(made)


@pytest.mark.parametrize(
    "script",
    [
        f"var data = {json.dumps(rows(), ensure_ascii=False)};",
        f"window.__INITIAL__={json.dumps({'a': {'table': rows(as_objects=True)}})}",
        f"render({json.dumps(rows(), ensure_ascii=False)}, 'x')",
    ],
)
def test_tables_of_a_script_are_read_in_doubt(script: str) -> None:
    extraction = extract(page(script), "text/html")
    tables = [block for one in extraction.pages for block in one.blocks if isinstance(block, Table)]
    assert tables
    assert all(cell.score < 1 for table in tables for cell in table.cells)
    verdict = read_document(page(script), "text/html")
    assert verdict.status == "needs_review"
    assert all(r.state not in (State.READ, State.PROVEN) for r in verdict.report.readings)


def test_data_that_are_no_json_are_said_to_be_there() -> None:
    script = "var t={" + ",".join(f"r{at}:{{n:'{label}',v:[1,2,3]}}" for at, label in enumerate(ROWS)) + "}"
    (left,) = extract(page(script), "text/html").left_out
    assert (left.kind, left.name) == (LeftOutKind.SCRIPT, f"script: {ROWS[0]}")
    with pytest.raises(GongkaiError) as caught:
        read_document(page(script), "text/html")
    assert caught.value.code == "report.tables_are_objects"


def test_a_page_that_shows_its_tables_needs_no_script() -> None:
    chart = f"<script>chart({json.dumps([[label, 99] for label in ROWS], ensure_ascii=False)})</script></body>"
    plain, scripted = (read_document(text.encode(), "text/html") for text in (PAGE, PAGE.replace("</body>", chart)))
    assert [(r.indicator, r.value, r.state) for r in scripted.report.readings] == [
        (r.indicator, r.value, r.state) for r in plain.report.readings
    ]
    assert scripted.status == plain.status
    assert [f.rule for f in scripted.findings] == [f.rule for f in plain.findings]


def test_a_table_that_is_missing_in_the_page_is_named_with_its_script() -> None:
    start = PAGE.rindex("<table")
    cut = PAGE[:start] + PAGE[PAGE.index("</table>", start) + len("</table>") :]
    data = f"<script>var t={json.dumps(rows(), ensure_ascii=False)}</script></body>"
    verdict = read_document(cut.replace("</body>", data).encode(), "text/html")
    assert verdict.status == "needs_review"
    assert "part.left_out" in {finding.rule for finding in verdict.findings}


@pytest.mark.parametrize("script", ["", "var a=[[1,2],[3,4]]", "[" * 100_000, '["新收","b"]', "var x=" + "[[1]," * 20_000])
def test_other_scripts_are_nothing(script: str) -> None:
    assert not extract(page(script), "text/html").left_out


MARKUP = "<table>" + "".join(f"<tr><td>{label}</td><td>{at}</td></tr>" for at, label in enumerate(ROWS)) + "</table>"


@pytest.mark.parametrize(
    "held",
    [
        f"<script>document.write('{MARKUP}')</script>",
        f"<script>a.innerHTML={json.dumps(MARKUP)}</script>",
        f"<script>a.innerHTML='{MARKUP.replace('</', '<' + chr(92) + '/')}'</script>",
        f"<script type='text/template'>{MARKUP}</script>",
        f"<textarea style='display:none'>{MARKUP}</textarea>",
        f"<textarea>{MARKUP}</textarea>",
        f"<input type=hidden value='{MARKUP.replace('<', '&lt;')}'>",
    ],
)
def test_tables_that_a_script_is_to_put_in_place_are_said_to_be_there(held: str) -> None:
    page = f"<html><body><h1>示例县教育局2024年政府信息公开工作年度报告</h1>{held}<p>以上。</p></body></html>".encode()
    found = extract(page, "text/html")
    assert [one.kind for one in found.left_out] == [LeftOutKind.SCRIPT]
    assert "table" not in "".join(block.text for block in found.pages[0].blocks if isinstance(block, Line))


def test_a_text_that_is_typed_into_a_field_is_read() -> None:
    found = extract("<p>报告</p><textarea>共 3 件</textarea>".encode(), "text/html")
    assert [block.text for block in found.pages[0].blocks if isinstance(block, Line)] == ["报告", "共 3 件"]
