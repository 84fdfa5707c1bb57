"""Reports whose cells are all blank: they are reports, and say so. A table that is empty beside others is in doubt."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from codebook.records import Hints, State, Status, Verdict
from tasks.flow import read_document
from tests.generator.composer import Shape, compose_paper
from tests.generator.documents import RENDERERS
from tests.generator.figures import Figures, compose
from tests.generator.paper import Paper, Text
from tests.generator.world import pick_agency

LAYOUTS = ("html", "html_plain", "docx", "pdf", "pipes", "tabs", "markdown", "cell_a_line_pipe")


def paper_of(seed: int, blocks: tuple[str, ...], mark: str, *, prose: bool = False) -> tuple[Paper, Figures]:
    """A report on 2023 whose tables ``blocks`` have ``mark`` in each cell; with its sentences, or without."""
    rng = random.Random(seed)
    agency = pick_agency(rng)
    figures = compose(rng, agency, 2023, hybrid=False)
    blank = {cell: mark for cell in figures.values if cell.split(".")[0] in blocks}
    figures = replace(figures, blanks=blank)
    paper = compose_paper(rng, agency, figures, Shape()).paper
    if prose:
        return paper, figures
    silent = [part for part in paper.parts if not isinstance(part, Text) or part.role == "title" or "件" not in part.text]
    return replace(paper, parts=silent), figures


def read(paper: Paper, layout: str) -> Verdict:
    data, media_type, suffix, _ = RENDERERS[layout](paper, random.Random(1), False, "utf-8")
    return read_document(data, media_type, Hints(path=f"report{suffix}"))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("mark", ["—", "/", ""])
def test_a_report_without_a_number_is_a_report_with_blank_cells(layout: str, mark: str) -> None:
    paper, figures = paper_of(3, ("disclosure", "requests", "review"), mark)
    verdict = read(paper, layout)
    assert {r.indicator: (r.value, r.state) for r in verdict.report.readings} == dict.fromkeys(
        figures.values, (None, State.MISSING)
    )
    rules = {finding.rule for finding in verdict.findings}
    assert "report.blank" in rules
    assert ("table.blank" in rules) == (not mark)
    assert verdict.status is (Status.ACCEPTED if mark else Status.NEEDS_REVIEW)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("block", ["disclosure", "requests", "review"])
def test_a_table_that_is_empty_beside_others_is_in_doubt(layout: str, block: str) -> None:
    paper, figures = paper_of(4, (block,), "")
    verdict = read(paper, layout)
    own = {r.indicator: r.state for r in verdict.report.readings if r.indicator.startswith(f"{block}.")}
    assert set(own) == {cell for cell in figures.values if cell.startswith(f"{block}.")}
    assert all(state.unsettled for state in own.values())
    assert verdict.status is Status.NEEDS_REVIEW


def test_a_table_of_strokes_that_the_text_contradicts_is_for_review() -> None:
    paper, _ = paper_of(5, ("requests",), "—", prose=True)
    verdict = read(paper, "docx")
    assert "table.blank" in {finding.rule for finding in verdict.findings}
    assert verdict.status is Status.NEEDS_REVIEW
