"""Pages that are made to be slow: they take linear time, or are refused with a code."""

from __future__ import annotations

import glob
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from codebook.errors import GongkaiError
from codebook.records import Extraction, Hints
from tasks.extraction.extract import extract
from tasks.extraction.limits import ExtractionLimits
from tasks.parsing.parse import parse
from tasks.validation.validate import validate
from tests.extraction.shared_pdf import drawn, shared_content
from tests.growth import assert_linear, in_child
from tests.hostile.files import docx

HTML, TEXT, PDF = "text/html", "text/plain", "application/pdf"
SAMPLE = Path(glob.glob(str(Path(__file__).resolve().parents[2] / "samples/reports/*教育局2023*.txt"))[0]).read_text("utf-8")


def page(body: str) -> bytes:
    return f"<html><body>{body}</body></html>".encode()


def read(media_type: str) -> Callable[[bytes], Extraction]:
    return lambda data: extract(data, media_type)


def parsed(data: bytes) -> object:
    try:
        return parse(extract(data, TEXT), Hints())
    except GongkaiError as error:
        return error.code


def with_line(line: str) -> bytes:
    """A report with one line more, in its first table."""
    before, mark, behind = SAMPLE.partition("规章 |")
    return f"{before}{line}\n{mark}{behind}".encode()


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(
            lambda n: page(("<div class=nav>政" * 200 + "</div>" * 200) * n + "<p>政府信息公开</p>"), id="menus in menus"
        ),
        pytest.param(lambda n: page("<table><tr><td>1" + "　" * 200 * n + "x</td><td>2</td></tr></table>"), id="wide blanks"),
        pytest.param(lambda n: page("<table><tr>" + "<td>1</td>" * 40 * n + "</tr></table>"), id="cells of a row"),
        pytest.param(lambda n: page("<a href=x>" + "<p>政</p>" * 100 * n), id="open links"),
        pytest.param(lambda n: b'<meta charset="' + b"\n" * 100 * n + b'"><p>' + "政".encode(), id="a charset that is none"),
        pytest.param(lambda n: page("<!--" * 300 * n + "-->政"), id="comments"),
    ],
)
def test_web_pages_take_linear_time(make: Callable[[int], bytes]) -> None:
    assert_linear(read(HTML), make, 12)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(lambda n: "1" + "　" * 500 * n + "x", id="wide blanks"),
        pytest.param(lambda n: "|" + "---|" * 100 * n + "x", id="a rule that is none"),
        pytest.param(lambda n: "| " * 200 * n, id="empty cells"),
        pytest.param(lambda n: "12 | " * 100 * n, id="cells of numbers"),
        pytest.param(lambda n: "12 " * 100 * n, id="numbers"),
        pytest.param(lambda n: "本年新收 12 " * 50 * n, id="labels and numbers"),
        pytest.param(lambda n: "（" * 300 * n, id="parentheses"),
    ],
)
def test_lines_of_a_report_take_linear_time(line: Callable[[int], str]) -> None:
    assert_linear(parsed, lambda n: with_line(line(n)), 12)


def test_a_table_of_more_labels_and_values_than_can_be_aligned_is_refused() -> None:
    assert in_child(parsed, with_line("规章 | 0 | " * 8_000)) == "table.unreadable"


def test_a_small_pdf_that_shows_a_large_content_on_each_page_is_refused() -> None:
    data = shared_content(100, drawn(1_000))
    assert len(data) < 50_000
    assert len(extract(data, PDF).pages) == 100
    with pytest.raises(GongkaiError, match=r"file\.too_large.*up to page 31"):
        extract(data, PDF, ExtractionLimits(max_document_objects=30_900))


@pytest.mark.parametrize("depth", [41, 300])
def test_tables_in_tables_without_end_are_refused(depth: int) -> None:
    nested = "<table><tr><td>政" * depth + "</td></tr></table>" * depth
    with pytest.raises(GongkaiError, match=r"file\.bomb"):
        extract(page(nested), HTML)
    word = "xmlns:w='http://schemas.openxmlformats.org/wordprocessingml/2006/main'"
    begin, end = "<w:tbl><w:tr><w:tc>", "<w:p><w:r><w:t>政</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"
    document = f"<w:document {word}><w:body>{begin * depth}{end * depth}</w:body></w:document>".encode()
    with pytest.raises(GongkaiError, match=r"file\.(bomb|corrupt)"):
        extract(docx(document), "application/vnd.openxmlformats-officedocument.wordprocessingml.document")


@pytest.mark.parametrize("digits", [16, 300, 309, 4_301, 50_000])
@pytest.mark.parametrize("fraction", ["", ".5"])
def test_a_number_with_more_digits_than_a_count_has_is_a_doubt(digits: int, fraction: str) -> None:
    changed = SAMPLE.replace("行政处罚 | 0 |", f"行政处罚 | {'9' * digits}{fraction} |")
    assert changed != SAMPLE
    report = parse(extract(changed.encode(), TEXT), Hints())
    (reading,) = [one for one in report.readings if one.raw.startswith("9999999999999999")]
    assert (reading.value, reading.state) == (None, "doubtful")


def test_clause_headings_in_one_cell_are_no_bug() -> None:
    for heading in ("第二十条第（一）项", "第二十条第（五）项", "（一）", "一、总体情况", "二、主动公开政府信息情况"):
        for cells in (f"{heading * 20} | 1 | 2", f"规章 | {heading * 20} |", heading * 20):
            assert parsed(with_line(cells)) is not None


@pytest.mark.parametrize("number", ["9" * 16, "1" * 309, "1" * 5_000, "9" * 310 + ".5", "９" * 20])
def test_a_number_that_no_report_counts_is_never_taken_for_one(number: str) -> None:
    for match in list(re.finditer(r"\d+", SAMPLE))[::4]:
        changed = SAMPLE[: match.start()] + number + SAMPLE[match.end() :]
        verdict = validate(parse(extract(changed.encode(), TEXT), Hints()))
        values = [one.value for one in (*verdict.report.readings, *verdict.report.statements) if one.value is not None]
        assert max(values) < 10**6
