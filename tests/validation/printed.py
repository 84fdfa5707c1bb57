"""Reports of the examples as documents: a text file that prints the cells, chapters and sentences of a report."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from codebook.book import load_book
from codebook.records import Extra, Report, Snapshot, State
from tests.generator.figures import COLUMNS, Figures
from tests.generator.grids import Look, disclosure_grid, requests_grid, review_grid, statistics_grid
from tests.generator.layouts.text import render_text
from tests.generator.paper import Grid, Heading, Paper, Part, Text
from tests.validation.makers import form_values, report, sections

_NUMERALS = "一二三四五六"
_UNREADABLE = "（本表以图片形式公开）"


def snapshot_report(snapshot: Snapshot) -> Report:
    """The report that a snapshot was made of: its other cells are 0, its other chapters those of every example."""
    values = form_values(snapshot.form) | snapshot.values if snapshot.form != "2014" else snapshot.values
    names = ("one", "two", "three", "four", "five", "six")
    texts = {names[number - 1]: text for number, text in snapshot.sections if number}
    return report(
        values,
        agency=snapshot.agency,
        region=snapshot.region,
        region_code=snapshot.region_code,
        year=snapshot.year,
        form=snapshot.form,
        sections=sections(**texts),
    )


def print_report(made: Report) -> bytes:
    """A text file (UTF-8) from which the report can be read."""
    parts: list[Part] = [Text(f"{made.agency}{made.year}年政府信息公开工作年度报告", "title")]
    if made.published_on:
        parts.append(Text(f"发布日期：{made.published_on}", "meta"))
    grids = _grids(made)
    for section in made.sections:
        if section.number is not None:
            parts.append(Heading(f"{_NUMERALS[section.number - 1]}、{section.title}"))
        if section.text:
            parts.append(Text(section.text))
        if section.number == 1:
            parts += [Text(statement.sentence) for statement in made.statements]
            parts += [Text(" | ".join(row)) for table in made.unknown_tables for row in table.rows]
        parts += grids.pop(section.number, [])
    parts += [part for some in grids.values() for part in some]
    return render_text(Paper(parts), "pipes", Random(1)).encode()


def _grids(made: Report) -> dict[int | None, list[Part]]:
    """The tables by chapter; one that cannot be read is a caption and a picture that is not there."""
    values = {r.indicator: r.value or 0 for r in made.readings}
    blanks = {r.indicator: "" for r in made.readings if r.state is State.MISSING or (r.state is State.DOUBTFUL and not r.raw)}
    assert made.year is not None
    figures = Figures(made.year, made.form, values, blanks=blanks, disclosure_form=made.form)
    blocks = {load_book().indicators[cell].block for cell in values}
    unseen = {load_book().indicators[r.indicator].row for r in made.readings if r.state is State.NOT_SEEN}
    unreadable = {seen.block for seen in made.blocks if not seen.readable}
    if made.form == "2014":
        return {None: [Text("政府信息公开情况统计表", "caption"), statistics_grid(figures)]}
    look = Look(
        organizations_column=any(e.column == "organizations" for e in made.extras),
        subtotal_rows=any(e.row in load_book().blocks["requests"].subtotals for e in made.extras),
    )
    grids: dict[int | None, list[Part]] = {}
    for block, chapter in (("disclosure", 2), ("requests", 3), ("review", 4)):
        if block in unreadable:
            grids[chapter] = [Text(_UNREADABLE)]
        elif block in blocks:
            grid = requests_grid(figures, look) if block == "requests" else None
            grid = grid or (disclosure_grid(figures) if block == "disclosure" else review_grid(figures))
            for extra in made.extras if block == "requests" else ():
                grid = _with_extra(grid, extra)
            for row in unseen if block == "requests" else ():
                grid = _without_row(grid, load_book().blocks[block].rows[row].label)
            grids[chapter] = [grid]
    return grids


def _with_extra(grid: Grid, extra: Extra) -> Grid:
    """The grid with what the report prints as a subtotal."""
    labels = load_book().blocks["requests"]
    label = labels.subtotals[extra.row].label if extra.row in labels.subtotals else labels.rows[extra.row].label
    row = next(cell.row for cell in grid.cells if cell.text == label)
    column = (
        9 if extra.column == "organizations" else grid.columns - 1 if extra.column == "total" else 3 + COLUMNS.index(extra.column)
    )
    return grid.texts(lambda cell: extra.raw if (cell.row, cell.column) == (row, column) else cell.text)


def _without_row(grid: Grid, label: str) -> Grid:
    """The grid without the row of this label."""
    row = next(cell.row for cell in grid.cells if cell.text == label)
    kept = (cell for cell in grid.cells if cell.row != row)
    cells = tuple(
        replace(cell, row=cell.row - (cell.row > row), row_span=cell.row_span - (cell.row < row < cell.row + cell.row_span))
        for cell in kept
    )
    return replace(grid, rows=grid.rows - 1, cells=cells)
