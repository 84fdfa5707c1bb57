"""Every kind of document that deceives a program, by its name: a seed gives the file and its right values."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from random import Random

from tests.accuracy.compare import Truth
from tests.adversarial.base import Sample, leave_blank, make_report, mark_all_blank
from tests.adversarial.pages import PAGE_KINDS, page_deceiving
from tests.adversarial.printing import PDF_KINDS, print_deceiving, without_rows
from tests.adversarial.texts import pick_style, squashed_text, text_of
from tests.adversarial.writing import WORD_KINDS, write_deceiving
from tests.generator.documents import DOCX
from tests.generator.layouts.text import render_text
from tests.generator.paper import Grid, Paper

_PDF, _HTML, _TXT = "application/pdf", "text/html", "text/plain"


@dataclass(frozen=True)
class Deception:
    """A file of a kind with its right values."""

    kind: str
    seed: int
    data: bytes
    media_type: str
    truth: Truth

    @property
    def name(self) -> str:
        """A file name by which it can be made again."""
        ending = {_PDF: ".pdf", DOCX: ".docx", _HTML: ".html", _TXT: ".txt"}[self.media_type]
        return f"{self.kind.replace(' ', '-')}-{self.seed}{ending}"


Make = Callable[[Random], tuple[bytes, str, Truth]]


def _printed(name: str) -> Make:
    def make(dice: Random) -> tuple[bytes, str, Truth]:
        sample = make_report(dice)
        return print_deceiving(sample.paper, dice, PDF_KINDS[name]), _PDF, sample.truth

    return make


def _written(name: str) -> Make:
    def make(dice: Random) -> tuple[bytes, str, Truth]:
        sample = make_report(dice)
        return write_deceiving(sample.paper, dice, WORD_KINDS[name]), DOCX, sample.truth

    return make


def _paged(name: str) -> Make:
    def make(dice: Random) -> tuple[bytes, str, Truth]:
        sample = make_report(dice)
        return page_deceiving(sample.paper, dice, PAGE_KINDS[name]), _HTML, sample.truth

    return make


def _any_format(dice: Random, paper: Paper) -> tuple[bytes, str]:
    """The paper in a format of four."""
    kind = dice.choice((_PDF, DOCX, _HTML, _TXT))
    if kind == _PDF:
        return print_deceiving(paper, dice, PDF_KINDS["pdf plain"]), kind
    if kind == DOCX:
        return write_deceiving(paper, dice, WORD_KINDS["docx plain"]), kind
    if kind == _HTML:
        return page_deceiving(paper, dice, PAGE_KINDS["html plain"]), kind
    return text_of(paper, pick_style(dice)).encode(), kind


def _rows_missing(dice: Random) -> tuple[bytes, str, Truth]:
    """Rows of one table are gone."""
    sample = make_report(dice)
    grids = [
        part for part in sample.paper.parts if isinstance(part, Grid) and part.name in ("disclosure", "requests", "statistics")
    ]
    hurt = dice.choice(grids)
    parts = [without_rows(dice, part) if part is hurt else part for part in sample.paper.parts]
    return *_any_format(dice, replace(sample.paper, parts=parts)), sample.truth


def _cut_off(dice: Random) -> tuple[bytes, str, Truth]:
    """The document ends behind a table, or in the middle of it."""
    sample = make_report(dice)
    at = [number for number, part in enumerate(sample.paper.parts) if isinstance(part, Grid)]
    last = dice.choice(at)
    parts = list(sample.paper.parts[: last + 1])
    grid = parts[-1]
    if isinstance(grid, Grid) and grid.name != "review" and dice.random() < 0.7:
        rows = dice.randrange(4, grid.rows) if grid.rows > 5 else grid.rows
        cells = (replace(cell, row_span=min(cell.row_span, rows - cell.row)) for cell in grid.cells if cell.row < rows)
        parts[-1] = replace(grid, rows=rows, cells=tuple(cells))
    return *_any_format(dice, replace(sample.paper, parts=parts, after=[])), sample.truth


def _all_blank(dice: Random) -> tuple[bytes, str, Truth]:
    """Every cell is a mark."""
    sample = make_report(dice, change=mark_all_blank)
    return *_any_format(dice, sample.paper), sample.truth


def _some_blank(dice: Random) -> tuple[bytes, str, Truth]:
    """Cells are printed blank, or as marks."""
    sample = make_report(dice, change=leave_blank)
    return *_any_format(dice, sample.paper), sample.truth


def _text(write: Callable[[Sample, Random], str]) -> Make:
    def make(dice: Random) -> tuple[bytes, str, Truth]:
        sample = make_report(dice)
        return write(sample, dice).encode(), _TXT, sample.truth

    return make


def _broken_text(sample: Sample, dice: Random) -> str:
    """Text of a PDF or of pipes whose numbers have remarks, or go on in the next line."""
    share = dice.choice((0.05, 0.3))
    layout = dice.choice(("pipes", "tabs", "markdown", "columns", "pdf_text", "tabs_tight", "cell_a_line"))
    mark = dice.choice(("（件）", "（其中修订1件）", "①", "*", "（注1）"))
    parts = [
        part.texts(lambda c: c.text + mark if c.is_value and c.text and dice.random() < share else c.text)
        if isinstance(part, Grid)
        else part
        for part in sample.paper.parts
    ]
    return render_text(replace(sample.paper, parts=parts), layout, dice)


_UNREAD = (
    *(
        "〇",
        "O",
        "约{0}",
        "{0}%",
        "{0}^2",
        "{0}[^1]",
        "**{0}**",
        "`{0}`",
        "~~9~~{0}",
        "{0}/9",
        "见附件",
        "同上",
        "1<br>0",
        "{0}<br>",
        "?",
    ),
    *("<!-- 9 -->{0}", "{0}<!-- 9 -->", "1e2", "0x10", "{0}：9", "<del>9</del>{0}", "{0}<sup>1</sup>", "{0}→9"),
)


def _unread_text(sample: Sample, dice: Random) -> str:
    """Text in whose tables stand texts where numbers should be, or numbers with the marks of Markdown or HTML."""
    share = dice.choice((0.05, 0.3, 1.0))
    written = dice.choice(_UNREAD)
    layout = dice.choice(("pipes", "tabs", "markdown", "markdown_filled", "tabs_tight", "columns", "pdf_text", "cell_a_line"))
    parts = [
        part.texts(lambda c: written.format(c.text) if c.is_value and c.text and dice.random() < share else c.text)
        if isinstance(part, Grid)
        else part
        for part in sample.paper.parts
    ]
    return render_text(replace(sample.paper, parts=parts), layout, dice)


def _commented_text(sample: Sample, dice: Random) -> str:
    """Text in which rows of tables stand a second time in comments, with other numbers."""
    lines = []
    for line in render_text(sample.paper, dice.choice(("tabs", "markdown", "markdown_filled", "columns")), dice).splitlines():
        if any(char.isdecimal() for char in line) and dice.random() < 0.2:
            other = "".join(str((int(char) + 1) % 10) if char.isdecimal() else char for char in line)
            lines.append(dice.choice(("<!-- {0} -->", "<!--\n{0}\n-->")).format(other))
        lines.append(line)
    return "\n".join(lines) + "\n"


KINDS: dict[str, Make] = {
    **{name: _printed(name) for name in PDF_KINDS},
    **{name: _written(name) for name in WORD_KINDS},
    **{name: _paged(name) for name in PAGE_KINDS},
    "any rows missing": _rows_missing,
    "any cut off": _cut_off,
    "any all blank": _all_blank,
    "any some blank": _some_blank,
    "text repeated labels": _text(lambda sample, dice: text_of(sample.paper, pick_style(dice))),
    "text squashed": _text(lambda sample, dice: squashed_text(sample.paper, dice)),
    "text remarks": _text(_broken_text),
    "text for numbers": _text(_unread_text),
    "text comments": _text(_commented_text),
}
SLOW = ("pdf lying map", "pdf little pictures", "pdf outlines")  # pages that are read from their pixels


def make_deception(kind: str, seed: int) -> Deception:
    """One file, the same for the same kind and seed. Raises KeyError for an unknown kind."""
    dice = Random(zlib.crc32(f"{kind}/{seed}".encode()))
    data, media_type, truth = KINDS[kind](dice)
    return Deception(kind, seed, data, media_type, truth)


def make_deceptions(count: int, seed: int, kinds: tuple[str, ...] = tuple(KINDS)) -> Iterator[Deception]:
    """``count`` files, the kinds in turn."""
    for index in range(count):
        yield make_deception(kinds[index % len(kinds)], seed * 1_000_000 + index)
