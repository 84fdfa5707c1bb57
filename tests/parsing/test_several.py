"""Files that bind several reports are named as such, and no report alone is, whatever else stands in its file."""

from __future__ import annotations

import ctypes
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random

import opencc
import pypdfium2 as pdfium
import pytest
from sqlalchemy import Engine, func, select

from codebook.errors import GongkaiError
from codebook.records import Hints
from database.models import Base
from database.reports.results import DOCUMENT, FAILURE
from database.session import reading
from tasks.extraction.extract import extract
from tasks.parsing.parse import parse
from tasks.parsing.several_reports.find_reports import find_reports
from tests.generator.documents import DOCX, RENDERERS, Wishes, make_document
from tests.generator.layouts.web import page_body
from tests.generator.paper import Grid, Heading, Paper, Part, Text
from tests.generator.volumes import bind, make_volume, pick_reports, report_paper
from tests.inline import Inline

CORPUS = Path(os.environ.get("GONGKAI_CORPUS", Path(__file__).resolve().parents[2].parent / "shared" / "corpus"))
SAMPLES = sorted((Path(__file__).resolve().parents[2] / "samples" / "reports").iterdir())
REAL = sorted((CORPUS / "documents").iterdir()) if (CORPUS / "documents").exists() else []
MEDIA_TYPES = {".txt": "text/plain", ".pdf": "application/pdf", ".html": "text/html", ".docx": DOCX}
LAYOUTS = ("pipes", "cell_a_line", "markdown", "pdf_text", "one_line", "html", "html_word", "html_layout", "docx", "pdf")


def found(data: bytes, media_type: str) -> tuple[tuple[str | None, int | None], ...]:
    """The reports that a file is said to hold."""
    return tuple((report.agency, report.year) for report in find_reports(extract(data, media_type)))


# ---- several ----


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("count", "years_of_one", "contents"), [(2, False, False), (2, True, False), (5, False, True)], ids=["two", "years", "five"]
)
def test_each_report_of_a_volume_is_named(layout: str, count: int, years_of_one: bool, contents: bool) -> None:
    volume = make_volume(1, layout, count, years_of_one=years_of_one, contents=contents, since=2019)
    assert found(volume.data, volume.media_type) == volume.reports


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("years_of_one", [False, True])
def test_reports_of_which_some_are_told_in_sentences_are_several(layout: str, years_of_one: bool) -> None:
    volume = make_volume(4, layout, 3, years_of_one=years_of_one, since=2014)
    assert len(found(volume.data, volume.media_type)) >= 2


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("named", ["signature", "attachment"])
def test_reports_without_titles_are_known_by_their_chapters(layout: str, named: str) -> None:
    volume = make_volume(2, layout, 3, named=named, since=2021)
    assert len(found(volume.data, volume.media_type)) == 3


def test_pdfs_put_together_page_by_page() -> None:
    rng = Random(5)
    reports = pick_reports(rng, 3, since=2021)
    merged = pdfium.PdfDocument.new()
    first_pages = []
    for agency, year in reports:
        first_pages.append(len(merged) + 1)
        data, _ = bind(5, "pdf", [report_paper(rng, agency, year)])
        merged.import_pages(pdfium.PdfDocument(data))
    target = io.BytesIO()
    merged.save(target)
    bound = find_reports(extract(target.getvalue(), "application/pdf"))
    assert [(report.agency, report.year, report.place.page) for report in bound] == [
        (agency.name, year, page) for (agency, year), page in zip(reports, first_pages, strict=True)
    ]


def html_table(rows: Iterable[Sequence[Paper]]) -> bytes:
    """A page with a table whose cells are papers."""
    cells = [[f"<td>{page_body(paper, Random(1), 'plain')}</td>" for paper in row] for row in rows]
    table = "".join(f"<tr>{''.join(row)}</tr>" for row in cells)
    return f"<html><head><meta charset='utf-8'></head><body><table>{table}</table></body></html>".encode()


def by_chapter(paper: Paper) -> list[Paper]:
    """What stands before the first chapter, and each chapter, as papers."""
    pieces: list[list[Part]] = [[]]
    for part in paper.parts:
        if isinstance(part, Heading):
            pieces.append([])
        pieces[-1].append(part)
    return [Paper(piece) for piece in pieces]


def two_on_a_sheet(papers: Sequence[Paper]) -> bytes:
    """The pages of two reports side by side on landscape sheets."""
    documents = [pdfium.PdfDocument(bind(5, "pdf", [paper])[0]) for paper in papers]
    pages = pdfium.PdfDocument.new()
    for index in range(max(map(len, documents))):
        for document in documents:
            if index < len(document):
                pages.import_pages(document, [index])
            else:
                pages.new_page(595, 842)
    sheets = pdfium.raw.FPDF_ImportNPagesToOne(pages, ctypes.c_float(1190), ctypes.c_float(842), 2, 1)
    target = io.BytesIO()
    pdfium.PdfDocument(sheets).save(target)
    return target.getvalue()


@pytest.mark.parametrize("years_of_one", [False, True])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_reports_side_by_side(seed: int, years_of_one: bool) -> None:
    rng = Random(seed)
    reports = pick_reports(rng, 2, years_of_one=years_of_one, since=2021)
    papers = [report_paper(rng, agency, year) for agency, year in reports]
    expected = tuple((agency.name, year) for agency, year in reports)
    assert found(html_table([papers]), "text/html") == expected
    assert found(html_table(zip(*map(by_chapter, papers), strict=True)), "text/html") == expected
    assert found(two_on_a_sheet(papers), "application/pdf") == expected


@pytest.mark.parametrize("named", ["signature", "contact", "attachment"])
def test_contents_do_not_name_a_report_without_a_title(named: str) -> None:
    """Every part would else be by the last agency that the contents list."""
    volume = make_volume(3, "docx", 3, contents=True, named=named, since=2021)
    assert [agency for agency, _ in found(volume.data, volume.media_type)] == [agency for agency, _ in volume.reports]


def test_two_towns_that_have_nothing_but_noughts_are_two() -> None:
    agency = pick_reports(Random(1), 1, since=2021)[0][0]
    parts: list[Part] = []
    for part in report_paper(Random(1), agency, 2023).parts[1:]:
        nought = part.texts(lambda cell: "0" if cell.is_value else cell.text) if isinstance(part, Grid) else part
        parts.append(Text("全年未收到申请，工作正常开展，没有其他情况。") if isinstance(nought, Text) else nought)
    towns = ("示例县青山镇人民政府", "示例县柳河镇人民政府")
    papers = [Paper([Text(f"{town}2023年政府信息公开工作年度报告", "title"), *parts]) for town in towns]
    assert found(*bind(1, "pipes", papers)) == tuple((town, 2023) for town in towns)


@pytest.mark.skipif(not REAL, reason=f"the corpus is not at {CORPUS}; set GONGKAI_CORPUS")
def test_two_real_reports_in_one_pdf() -> None:
    file = CORPUS / "cases" / "11-many-reports-one-file" / "two-reports.pdf"
    with pytest.raises(GongkaiError) as caught:
        parse(extract(file.read_bytes(), "application/pdf"), Hints(path=file.name))
    assert caught.value.code == "report.several"
    assert caught.value.found == "2份年度报告：上海市嘉定区人民政府2024年（第1页起）；天津市武清区人民政府2024年（第4页起）"


def test_a_volume_goes_to_the_error_queue_and_stores_no_number(engine: Engine, tmp_path: Path) -> None:
    volume = make_volume(1, "pipes", 2, since=2021)
    inline = Inline(engine, tmp_path)
    number = inline.add(volume.data, volume.media_type, "汇编.txt")
    inline.work()
    with reading(engine) as connection:
        assert connection.scalar(select(DOCUMENT.c.status).where(DOCUMENT.c.id == number)) == "rejected"
        code, message = connection.execute(select(FAILURE.c.code, FAILURE.c.message)).one()
        assert code == "report.several"
        assert all(agency in message and str(year) in message for agency, year in volume.reports)
        for table in ("gk_report", "gk_report_values"):
            assert connection.scalar(select(func.count()).select_from(Base.metadata.tables[table])) == 0


# ---- one ----


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_the_samples_are_one_each(path: Path) -> None:
    assert found(path.read_bytes(), MEDIA_TYPES[path.suffix]) == ()


@pytest.mark.parametrize("path", REAL or ["corpus"], ids=lambda path: getattr(path, "name", path))
@pytest.mark.skipif(not REAL, reason=f"the corpus is not at {CORPUS}; set GONGKAI_CORPUS")
def test_real_documents_are_one_each(path: Path) -> None:
    assert found(path.read_bytes(), MEDIA_TYPES[path.suffix]) == ()


@pytest.mark.parametrize("layout", RENDERERS)
def test_generated_reports_are_one_each(layout: str) -> None:
    documents = [make_document(seed, layout) for seed in range(6000, 6006)]
    assert [found(document.data, document.media_type) for document in documents] == [()] * 6


AGENCY, YEAR = pick_reports(Random(9), 1, since=2021)[0][0], 2023
OTHER = "示例县青山镇人民政府"
PAPER = report_paper(Random(9), AGENCY, YEAR)
CHAPTERS = [part.text for part in PAPER.parts if isinstance(part, Heading)]


def title(name: str = AGENCY.name, year: int = YEAR) -> str:
    return f"{name}{year}年政府信息公开工作年度报告"


def texts(*lines: str) -> list[Part]:
    return [Text(line) for line in lines]


def before(heading: int, more: list[Part]) -> Paper:
    """The report with something before one of its chapters, counted from 0."""
    at = next(index for index, part in enumerate(PAPER.parts) if isinstance(part, Heading) and part.text == CHAPTERS[heading])
    return Paper([*PAPER.parts[:at], *more, *PAPER.parts[at:]])


def before_each(line: str) -> Paper:
    """The report with a line before each of its chapters, as the head of a page."""
    return Paper([p for part in PAPER.parts for p in ([Text(line), part] if isinstance(part, Heading) else [part])])


def table_of_the_year_before(name: str) -> list[Part]:
    earlier = report_paper(Random(name), AGENCY, YEAR - 1)
    return [*texts("上一年度数据对照："), *(part for part in earlier.parts if isinstance(part, Grid) and part.name == name)]


LINKS = texts(*(title(name, year) for year in (2020, 2021, 2022) for name in (OTHER, AGENCY.name)))
CONTENTS = texts("目录", *(f"{text}{'.' * 9}{number}" for number, text in enumerate(CHAPTERS, 1)))
ENGLISH = texts(
    "Annual Report on Government Information Disclosure of 2023",
    "I. General situation",
    "In 2023 the office received requests for information and answered all of them within the time of the law.",
    "II. Disclosure at own initiative",
    "III. Requests for information",
)
DEPARTMENTS = texts(
    "（一）教育局。2023年主动公开信息12条，收到申请3件，均已答复。",
    "（二）民政局。2023年主动公开信息15条，收到申请1件，均已答复。",
    "（三）财政局。2023年主动公开信息18条，未收到申请。",
)
SUMMARY: list[Part] = [Text(f"一图读懂{title()}", "title")]
for chapter in CHAPTERS:
    SUMMARY += [Heading(chapter), Text("要点见正文，全年工作平稳有序，群众满意度持续提高。")]
ONE: dict[str, Paper] = {
    "its own contents": Paper([*PAPER.parts[:1], *CONTENTS, *PAPER.parts[1:]]),
    "a list of other reports above": Paper([*LINKS, *PAPER.parts]),
    "a list of other reports below": Paper([*PAPER.parts, *texts("相关链接"), *LINKS]),
    "the next and the last": Paper([*PAPER.parts, *texts(f"上一篇：{title(OTHER)}", f"下一篇：{title(year=2022)}")]),
    "a link in the middle": before(3, LINKS[:2]),
    "attachments": Paper([*PAPER.parts, *texts(f"附件1：{title()}", f"附件2：{title(OTHER)}")]),
    "a citation": before(1, texts(f"上年度情况见《{title(year=2022)}》。")),
    "a citation on a line of its own": before(2, texts(f"《{title(year=2022)}》")),
    "the table of the year before": before(4, table_of_the_year_before("requests")),
    "its title before each chapter": before_each(title()),
    "a wrong year in the head of each page": before_each(title(year=2022)),
    "itself once more": Paper([*PAPER.parts, *PAPER.parts]),
    "an English translation": Paper([*PAPER.parts, *ENGLISH]),
    "departments in its text": before(1, DEPARTMENTS),
    "a summary with the same chapters": Paper([*PAPER.parts, *SUMMARY]),
}


@pytest.mark.parametrize("layout", ["pipes", "one_line", "html", "docx", "pdf"])
@pytest.mark.parametrize("name", ONE)
def test_one_report_with(name: str, layout: str) -> None:
    data, kind = bind(3, layout, [ONE[name]])
    assert found(data, kind) == ()


def test_a_copy_in_which_some_cells_are_misread_is_one_report() -> None:
    busy = report_paper(Random(2), AGENCY, YEAR)

    def misread(part: Part) -> Part:
        return (
            part.texts(lambda cell: "7" if cell.is_value and cell.row % 9 == 4 else cell.text) if isinstance(part, Grid) else part
        )

    copy = Paper([misread(part) for part in busy.parts])
    assert copy != busy
    assert found(*bind(1, "html", [busy, copy])) == ()


def test_two_reports_of_one_agency_and_year_with_other_numbers_are_two() -> None:
    papers = [report_paper(Random(seed), AGENCY, YEAR) for seed in (1, 2)]
    assert found(*bind(1, "html", papers)) == ((AGENCY.name, YEAR), (AGENCY.name, YEAR))


def test_a_report_in_both_scripts_is_one() -> None:
    document = make_document(3, "pipes", Wishes(clean=True, agency=AGENCY, year=YEAR, encoding="utf-8"))
    text = document.data.decode()
    assert found((text + "\n" + opencc.OpenCC("s2t").convert(text)).encode(), "text/plain") == ()
