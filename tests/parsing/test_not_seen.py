"""Rows, columns and tables cut out of generated documents at random: nothing of them is unseen in silence or taken for blank."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BytesIO

import pypdfium2
import pytest

from codebook.records import Cell, Extraction, Hints, Line, Page, PageKind, Place, Reader, Severity, State, Status, Table, Verdict
from tasks.flow import read_document
from tasks.parsing.parse import parse
from tests.generator.composer import Shape, compose_paper
from tests.generator.documents import RENDERERS
from tests.generator.figures import Figures, compose
from tests.generator.grids import Look, disclosure_grid, requests_grid, review_grid
from tests.generator.paper import Grid, GridCell, Paper
from tests.generator.world import pick_agency

LAYOUTS = ("html", "html_plain", "docx", "pdf", "pipes", "tabs", "markdown", "columns", "cell_a_line", "one_line")
KINDS = ("end", "middle", "scattered", "table", "rest", "columns")


def without(grid: Grid, rows: frozenset[int] = frozenset(), columns: frozenset[int] = frozenset()) -> Grid:
    """The grid without these rows and columns: what is below moves up, spans shrink."""
    kept_rows = [row for row in range(grid.rows) if row not in rows]
    kept_columns = [column for column in range(grid.columns) if column not in columns]
    cells: list[GridCell] = []
    for cell in grid.cells:
        down = [row for row in range(cell.row, cell.row + cell.row_span) if row not in rows]
        across = [c for c in range(cell.column, cell.column + cell.column_span) if c not in columns]
        if down and across:
            at = {"row": kept_rows.index(down[0]), "column": kept_columns.index(across[0])}
            cells.append(replace(cell, **at, row_span=len(down), column_span=len(across)))
    return Grid(grid.name, len(kept_rows), len(kept_columns), tuple(cells))


@dataclass
class Cutting:
    """A document with a part cut out: what it prints by indicator, and what is gone."""

    paper: Paper
    figures: Figures
    gone: set[str]


def named_grids(figures: Figures) -> dict[str, Grid]:
    """The tables with the ids of their cells in the place of the numbers."""
    named = replace(figures, raw={key: key for key in figures.values}, blanks={})
    return {
        "disclosure": disclosure_grid(named),
        "requests": requests_grid(named, Look()),
        "review": review_grid(named),
    }


def ids(grid: Grid) -> set[str]:
    return {cell.text for cell in grid.cells if cell.is_value}


def tables(paper: Paper) -> Iterator[tuple[int, Grid]]:
    return ((index, part) for index, part in enumerate(paper.parts) if isinstance(part, Grid))


def value_rows(grid: Grid) -> list[int]:
    return sorted({cell.row for cell in grid.cells if cell.is_value})


def cut(rng: random.Random, kind: str) -> Cutting:
    year = rng.choice((2019, 2020, 2021, 2022, 2023, 2024))
    agency = pick_agency(rng)
    figures = compose(rng, agency, year, hybrid=False)
    paper = compose_paper(rng, agency, figures, Shape()).paper
    named = named_grids(figures)
    fit = {"columns": ("requests",), "table": tuple(named), "rest": tuple(named)}.get(kind, ("disclosure", "requests"))
    index, grid = rng.choice([each for each in tables(paper) if each[1].name in fit])
    names, rows, columns = named[grid.name], value_rows(grid), frozenset[int]()
    lost: frozenset[int] = frozenset()
    if kind == "end":
        lost = frozenset(range(rows[-rng.randint(1, len(rows) - 3)], grid.rows))
    elif kind == "middle":
        first = rng.randrange(1, len(rows) - 1)
        lost = frozenset(rows[first : first + rng.randint(1, len(rows) - 1 - first)])
    elif kind == "scattered":
        lost = frozenset(rng.sample(rows, rng.randint(1, len(rows) // 2)))
    elif kind == "columns":
        all_columns = sorted({cell.column for cell in grid.cells if cell.is_value})
        columns = frozenset(rng.sample(all_columns, rng.randint(1, 3)))
    if kind in ("table", "rest"):
        later = {cell for other, part in tables(paper) if other > index for cell in ids(named[part.name])}
        gone = ids(names) | (later if kind == "rest" else set())
        parts = [*paper.parts[:index], *(paper.parts[index + 1 :] if kind == "table" else [])]
        return Cutting(replace(paper, parts=parts), figures, gone)
    parts = [*paper.parts[:index], without(grid, lost, columns), *paper.parts[index + 1 :]]
    return Cutting(replace(paper, parts=parts), figures, ids(names) - ids(without(names, lost, columns)))


def read(cutting: Cutting, layout: str, rng: random.Random) -> Verdict:
    data, media_type, suffix, _ = RENDERERS[layout](cutting.paper, rng, False, "utf-8")
    return read_document(data, media_type, Hints(path=f"report{suffix}"))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_what_is_cut_out_is_not_seen_and_nothing_else(layout: str, kind: str, seed: int) -> None:
    rng = random.Random(f"{layout}/{kind}/{seed}")
    cutting = cut(rng, kind)
    if cutting.gone >= cutting.figures.values.keys():
        pytest.skip("nothing is left")
    verdict = read(cutting, layout, rng)
    readings = {reading.indicator: reading for reading in verdict.report.readings}
    assert verdict.status is Status.NEEDS_REVIEW
    assert {cell for cell in cutting.gone if cell not in readings or not readings[cell].state.unsettled} == set()
    there = cutting.figures.values.keys() - cutting.gone
    assert {cell for cell in there if cell not in readings or readings[cell].state is State.NOT_SEEN} == set()
    sure = {cell: readings[cell].value for cell in there if not readings[cell].state.unsettled}
    assert sure == {cell: cutting.figures.values[cell] for cell in sure}
    assert "table.rows_missing" in {finding.rule for finding in verdict.findings} or cutting.gone.isdisjoint(
        cell for cell, reading in readings.items() if reading.state is State.NOT_SEEN
    )


# ---- copies that end early, and files without a page -------------------------------------------------------------------------


def whole(rng: random.Random) -> Cutting:
    """A document from which nothing is cut yet."""
    agency = pick_agency(rng)
    figures = compose(rng, agency, rng.choice((2020, 2022, 2024)), hybrid=False)
    return Cutting(compose_paper(rng, agency, figures, Shape()).paper, figures, set())


def check_nothing_is_silent(verdict: Verdict, figures: Figures) -> None:
    """Each cell is read as it is printed, or a person is asked about it; then the report is for review."""
    readings = {reading.indicator: reading for reading in verdict.report.readings}
    assert figures.values.keys() - readings.keys() == set()
    sure = {cell: readings[cell].value for cell in figures.values if not readings[cell].state.unsettled}
    assert sure == {cell: figures.values[cell] for cell in sure}
    assert verdict.status is Status.NEEDS_REVIEW or sure.keys() == figures.values.keys()
    assert [finding.message for finding in verdict.findings if finding.severity is Severity.ERROR and finding.cells] == []


@pytest.mark.parametrize("layout", ["pipes", "tabs", "markdown", "columns", "cell_a_line", "one_line", "html", "html_plain"])
@pytest.mark.parametrize("seed", range(6))
def test_a_copy_that_ends_anywhere(layout: str, seed: int) -> None:
    rng = random.Random(f"{layout}/{seed}")
    cutting = whole(rng)
    data, media_type, suffix, _ = RENDERERS[layout](cutting.paper, rng, False, "utf-8")
    text = data.decode()
    first = text.index("申请人情况")
    for _ in range(3):
        end = rng.randrange(first, len(text))
        verdict = read_document(text[:end].encode(), media_type, Hints(path=f"report{suffix}"))
        check_nothing_is_silent(verdict, cutting.figures)


@pytest.mark.parametrize("layout", ["pdf", "pdf_borderless"])
@pytest.mark.parametrize("seed", range(6))
def test_a_file_without_one_of_its_pages(layout: str, seed: int) -> None:
    rng = random.Random(f"{layout}/{seed}")
    cutting = whole(rng)
    data, media_type, suffix, _ = RENDERERS[layout](cutting.paper, rng, False, "utf-8")
    document = pypdfium2.PdfDocument(data)
    document.del_page(rng.randrange(1, len(document)))
    out = BytesIO()
    document.save(out)
    check_nothing_is_silent(read_document(out.getvalue(), media_type, Hints(path=f"report{suffix}")), cutting.figures)


def test_a_table_without_cells_at_the_end() -> None:
    """What stands last in a document is its last text or cell: the number before an empty table may be cut off."""
    title = Line("某某市财政局2023年政府信息公开工作年度报告", Place(1, line=1))
    kinds = ("自然人", "商业企业", "科研机构", "社会公益组织", "法律服务机构", "其他", "总计")
    rows = (("", *kinds), ("一、本年新收政府信息公开申请数量", *"4000004"), ("二、上年结转政府信息公开申请数量", *"1000001"))
    cells = tuple(Cell(r, c, text, Place(1, line=2 + r, column=c)) for r, row in enumerate(rows) for c, text in enumerate(row))
    printed = Table(cells, 3, 8, Place(1, line=2))
    page = Page(1, PageKind.TEXT, "", Reader.DOCX, (title, printed, Table((), 0, 0, Place(1, line=5))))
    report = parse(Extraction("text/plain", (page,)), Hints())
    total = next(reading for reading in report.readings if reading.indicator == "requests.carried_over.total")
    assert (total.state, total.doubt, total.candidates) == (State.DOUBTFUL, "cut", (1,))
    assert not [reading for reading in report.readings if reading.state.unsettled and reading.witnesses]


@pytest.mark.parametrize("rest", ["", "   □", "   口"])
def test_a_label_of_a_picture_without_number_and_without_cell_is_no_blank(rest: str) -> None:
    """Nothing drawn shows that its cell is blank: the number may be what was not recognised. In text, only a character may be."""
    texts = ("第二十条第（六）项", "信息内容   本年处理决定数量", f"行政处罚{rest}", "行政强制   4")
    lines = tuple(Line(text, Place(page=1, box=(0, 20.0 * at, 90, 20.0 * at + 9))) for at, text in enumerate(texts))
    found: dict[Reader, State] = {}
    for reader, kind, media_type in ((Reader.OCR, PageKind.PICTURE, "image/png"), (Reader.TXT, PageKind.TEXT, "text/plain")):
        page = Page(1, kind, "", reader, lines)
        readings = {r.indicator: r for r in parse(Extraction(media_type, (page,)), Hints()).readings}
        assert readings["disclosure.coercion.decisions"].value == 4
        found[reader] = readings["disclosure.penalties.decisions"].state
    assert found == {Reader.OCR: State.DOUBTFUL, Reader.TXT: State.DOUBTFUL if "口" in rest else State.MISSING}
