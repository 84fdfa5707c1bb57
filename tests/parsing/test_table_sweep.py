"""Invented reports in every layout with everything that goes wrong in real ones: nothing may be wrong without a doubt."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tasks.parsing.tables.read_tables import read_tables
from tests.parsing import table_grids
from tests.parsing import table_render as render
from tests.parsing.table_check import Score, read_text, score
from tests.parsing.table_render import Printed

Layout = Callable[[random.Random, Printed], list[str]]
Flaw = Callable[[random.Random, Printed], object]

LAYOUTS: dict[str, Layout] = {
    "pipes": lambda rng, p: render.pipes(p),
    "pipes, blanks lost": lambda rng, p: render.pipes(p, vanish=True),
    "markdown": lambda rng, p: render.markdown(p),
    "tabs": lambda rng, p: render.tabs(p),
    "tabs, blanks lost": lambda rng, p: render.tabs(p, vanish=True),
    "a cell a line": lambda rng, p: render.cell_lines(p),
    "a cell a line with pipes": lambda rng, p: render.cell_lines(p, pipe=True, vanish=False),
    "a cell a line with pipes, blanks lost": lambda rng, p: render.cell_lines(p, pipe=True, vanish=True),
    "spaces": lambda rng, p: render.spaces(p),
    "wide spaces": lambda rng, p: render.spaces(p, "    "),
    "one line": lambda rng, p: render.one_line(p),
    "one line with pipes": lambda rng, p: render.one_line(p, pipe=True),
    "from a PDF": render.flattened,
    "from a PDF, one line": lambda rng, p: [" ".join(render.flattened(rng, p))],
}
GRIDS = ("spans", "packed", "broken", "one")

# What changes the print but loses nothing: every cell must be exact.
HARMLESS: dict[str, Flaw] = {
    "as it should be": lambda rng, p: None,
    "marks for blanks": lambda rng, p: render.blank_cells(rng, p, 0.2, rng.choice(["/", "无"])),
    "blank totals": lambda rng, p: render.blank_totals(p),
    "a row dropped": render.drop_row,
    "a row doubled": render.duplicate_row,
    "two rows swapped": render.swap_rows,
    "no header": lambda rng, p: render.lose_headers(p),
    "thousands": lambda rng, p: render.thousands(p),
    "an item without header": render.lose_disclosure_header,
    "three misprints": lambda rng, p: render.misprint(rng, p, 3),
}
# What loses something: the cells may be doubtful, never wrong.
HARMFUL: dict[str, Flaw] = {
    "twelve misprints": lambda rng, p: render.misprint(rng, p, 12),
    "blank cells": lambda rng, p: render.blank_cells(rng, p, 0.03),
    "a label lost": render.lose_label,
    "blank cells in table two": render.blank_disclosure,
    "blank rows": render.blank_rows,
    "blank zeros": render.blank_zeros,
    "some blank zeros": lambda rng, p: render.blank_zeros(rng, p, 0.2),
    "blank reviews": render.blank_review,
    "a label of table two lost": render.lose_disclosure_label,
    "headings are 0": render.zero_headings,
    "table two misprinted": render.misprint_disclosure,
}


def _combined(rng: random.Random, printed: Printed) -> None:
    untrue = ("marks for blanks", "a row doubled")  # with these, what the others spoil is no longer what the truth says
    flaws = {name: flaw for name, flaw in (HARMLESS | HARMFUL).items() if name not in untrue}
    for name in rng.sample(sorted(flaws), 3):
        try:
            flaws[name](rng, printed)
        except (IndexError, ValueError, KeyError):  # the flaw finds nothing left to spoil
            continue


def _report(rng: random.Random, flaw: Flaw) -> Printed:
    printed = render.make(rng, rng.choice(["2019", "2021"]), rng.random() < 0.3)
    flaw(rng, printed)
    return printed


def _read(layout: str, rng: random.Random, printed: Printed) -> Score:
    return score(read_text("\n".join(LAYOUTS[layout](rng, printed))), printed.truth)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("flaw", HARMLESS)
def test_nothing_is_lost_in_any_layout(layout: str, flaw: str) -> None:
    rng = random.Random(f"{layout}/{flaw}")
    printed = _report(rng, HARMLESS[flaw])
    result = _read(layout, rng, printed)
    assert not result.wrong
    # Rows of six values that run together on one line cannot be told apart by their sums. Where nothing keeps values with their
    # label, those before a row that is not printed may be its own.
    unsure = (flaw, layout) == ("blank totals", "from a PDF, one line") or flaw == "a row dropped"
    assert result.doubtful <= (200 if unsure and "PDF" in layout else 7 if unsure else 0)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("flaw", HARMFUL)
def test_nothing_is_wrong_without_a_doubt(layout: str, flaw: str) -> None:
    for seed in range(2):
        rng = random.Random(f"{layout}/{flaw}/{seed}")
        assert not _read(layout, rng, _report(rng, HARMFUL[flaw])).wrong


@pytest.mark.parametrize("layout", LAYOUTS)
def test_nothing_is_wrong_when_several_things_go_wrong(layout: str) -> None:
    for seed in range(8):
        rng = random.Random(f"{layout}/{seed}")
        assert not _read(layout, rng, _report(rng, _combined)).wrong


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("special", ["subtotals", "subtotal column first", "subtotal column last"])
def test_printed_subtotals_are_extras_and_shift_nothing(layout: str, special: str) -> None:
    rng = random.Random(f"{layout}/{special}")
    extra = {"subtotal column first": 1, "subtotal column last": 6}.get(special)
    printed = render.make(rng, "2021", False, extra, subtotals=special == "subtotals")
    read = read_text("\n".join(LAYOUTS[layout](rng, printed)))
    assert score(read, printed.truth) == (len(printed.truth), 0, [])
    assert {(e.row, e.column) for e in read.extras} >= (
        {("denied", "total")} if extra is None else {("new_received", "organizations"), ("carried_forward", "organizations")}
    )


@pytest.mark.parametrize("mode", GRIDS)
@pytest.mark.parametrize("flaw", [*HARMLESS, *HARMFUL, "combined"])
def test_grids(mode: str, flaw: str) -> None:
    rng = random.Random(f"{mode}/{flaw}")
    printed = _report(rng, (HARMLESS | HARMFUL).get(flaw, _combined))
    result = score(read_tables(table_grids.pages(printed, mode, rng)), printed.truth)
    assert not result.wrong
    assert result.doubtful == 0 or flaw not in HARMLESS


def _pinyin(lines: list[str]) -> list[str]:
    return [line.replace("据", "据(jù)").replace("关", "关(guān)").replace("结", "结(jié)") for line in lines]


WRITINGS: dict[str, Callable[[list[str]], list[str]]] = {
    "traditional": render.traditional,
    "of Taiwan": lambda lines: render.traditional(lines, "s2twp"),
    "full-width digits": render.full_width,
    "pinyin": _pinyin,
    "circled numbers": lambda lines: [line.replace("（一）", "㈠").replace("（三）", "㈢") for line in lines],
    "printed twice": lambda lines: lines + lines,
    "blank lines": lambda lines: [part for line in lines for part in (line, "")],
    "indented": lambda lines: [f"\u3000\u3000{line}  " for line in lines],
    "no titles": lambda lines: [line for line in lines if line not in render.TITLES],
    "navigation": lambda lines: [
        "首页 | 政务公开 | 年报",
        *(f"{y}年政府信息公开工作年度报告 {y}-01-31" for y in range(2015, 2024)),
        *lines,
    ],
}


@pytest.mark.parametrize("writing", WRITINGS)
def test_writings(writing: str) -> None:
    for layout, written in LAYOUTS.items():
        rng = random.Random(f"{layout}/{writing}")
        printed = _report(rng, HARMLESS["as it should be"])
        lines = WRITINGS[writing](written(rng, printed))
        assert score(read_text("\n".join(lines)), printed.truth) == (len(printed.truth), 0, []), layout
