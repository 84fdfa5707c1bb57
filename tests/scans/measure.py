"""Pages read and compared with what is known of them, cell by cell."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import cv2
import numpy as np
from numpy.typing import NDArray

from codebook.records import Cell, Page, Table
from tasks.ocr.engines.recognise import LineReader
from tasks.ocr.read_page import SURE, read_picture
from tests.generator.composer import Shape, compose_paper
from tests.generator.figures import compose
from tests.generator.grids import Look
from tests.generator.world import pick_agency, pick_year
from tests.scans.degrade import Wear, worn
from tests.scans.drawing import Drawn, Known, draw_beside, draw_numbers, draw_paper, pick_style

_MARKS = str.maketrans(dict.fromkeys("—－-–一_", "-"))


@dataclass(frozen=True)
class Read:
    """One known cell and what was read of it; ``text`` is None where no cell was found."""

    expected: str
    text: str | None
    score: float
    is_value: bool
    at: tuple[float, float]
    alternatives: tuple[tuple[str, float], ...] = ()

    @property
    def is_right(self) -> bool:
        """Whether it says the same, but for widths and spaces."""
        return self.text is not None and same_text(self.expected, self.text)

    @property
    def is_doubt(self) -> bool:
        """Whether it is called unsure, or missing."""
        return self.text is None or self.score < SURE

    @property
    def is_silent(self) -> bool:
        """Wrong, and not said to be unsure."""
        return not self.is_right and not self.is_doubt


@dataclass
class Outcome:
    """Counts over pages."""

    pages: int = 0
    seconds: float = 0.0
    grids: int = 0
    grids_right: int = 0
    reads: list[Read] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        """Count the pages of another."""
        self.pages += other.pages
        self.seconds += other.seconds
        self.grids += other.grids
        self.grids_right += other.grids_right
        self.reads += other.reads

    @property
    def values(self) -> list[Read]:
        """The cells that hold values."""
        return [read for read in self.reads if read.is_value]


def plain(text: str) -> str:
    """A text without widths and spaces; a dash is a dash."""
    folded = "".join(unicodedata.normalize("NFKC", text).split())
    return folded.translate(_MARKS) if len(folded) == 1 else folded


def same_text(expected: str, found: str) -> bool:
    """Whether two texts are the same to a reader of numbers."""
    return plain(expected) == plain(found)


def cells_of(page: Page) -> list[Cell]:
    """All cells of its tables."""
    return [cell for block in page.blocks if isinstance(block, Table) for cell in block.cells]


def compare_page(page: Page, drawn: Drawn, matrix: NDArray[np.float64]) -> Outcome:
    """What ``page`` says of the cells of ``drawn``, which lie where ``matrix`` moves them. Boxes are in pixels."""
    cells = cells_of(page)
    boxes = np.array([cell.place.box or (0, 0, 0, 0) for cell in cells], np.float64).reshape(-1, 4)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    outcome = Outcome(pages=1)
    for known in drawn.cells:
        x, y = _moved(matrix, (known.box[0] + known.box[2]) / 2, (known.box[1] + known.box[3]) / 2)
        hit = np.flatnonzero((boxes[:, 0] <= x) & (x <= boxes[:, 2]) & (boxes[:, 1] <= y) & (y <= boxes[:, 3]))
        if not hit.size:
            outcome.reads.append(Read(known.text, None, 0.0, known.is_value, (x, y)))
            continue
        cell = cells[int(hit[areas[hit].argmin()])]
        outcome.reads.append(Read(known.text, cell.text, cell.score, known.is_value, (x, y), cell.alternatives))
    found = [(block.rows, block.columns) for block in page.blocks if isinstance(block, Table)]
    outcome.grids = len(drawn.grids)
    for shape in drawn.grids:
        if shape in found:
            found.remove(shape)
            outcome.grids_right += 1
    return outcome


def _moved(matrix: NDArray[np.float64], x: float, y: float) -> tuple[float, float]:
    moved = matrix @ np.array([x, y, 1.0])
    return float(moved[0] / moved[2]), float(moved[1] / moved[2])


def read_worn(
    drawn: Drawn, wear: Wear, seed: int, reader: LineReader, *, dpi: int = 200, keep: Path | None = None
) -> tuple[Outcome, Page]:
    """A worn copy of a page, read and compared, with the seconds of CPU that reading took; written to ``keep`` when given."""
    image, matrix = worn(drawn.image, wear, seed, dpi)
    if keep:
        keep.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(keep), image[:, :, ::-1])
    start = time.process_time()
    page = read_picture(image, 1, reader)
    seconds = time.process_time() - start
    outcome = compare_page(page, drawn, matrix)
    outcome.seconds = seconds
    return outcome, page


def report_pages(seed: int, dpi: int = 200, rules: str | None = None) -> list[Drawn]:
    """The pages of a generated report."""
    rng = Random(f"scan/{seed}")
    agency, year = pick_agency(rng), pick_year(rng)
    figures = compose(rng, agency, year, hybrid=False)
    look = Look(rng.random() < 0.2, rng.random() < 0.2, rng.random() < 0.8, rng.random() < 0.8)
    paper = compose_paper(rng, agency, figures, Shape(look=look)).paper
    return draw_paper(paper, pick_style(rng, rules), dpi)


def number_page(seed: int, dpi: int = 200, rules: str | None = None) -> Drawn:
    """A page that is one large table of numbers, or two side by side."""
    rng = Random(f"numbers/{seed}")
    draw = draw_beside if rng.random() < 0.1 else draw_numbers
    return draw(rng, pick_style(rng, rules), dpi)


def corpus_pages(path: Path, dpi: int = 200) -> Iterator[Drawn]:
    """The pages of a PDF with text, rendered, with the cells that its text layer has."""
    import pdfplumber  # noqa: PLC0415 - slow to import, and only this needs it
    import pypdfium2  # noqa: PLC0415

    scale = dpi / 72
    rendered = pypdfium2.PdfDocument(path)
    with pdfplumber.open(path) as pdf:
        for number, page in enumerate(pdf.pages):
            image = np.ascontiguousarray(rendered[number].render(scale=scale).to_numpy()[:, :, ::-1])
            drawn = Drawn(image)
            for table in page.find_tables():
                for row, texts in zip(table.rows, table.extract(), strict=True):
                    for box, text in zip(row.cells, texts, strict=True):
                        if box is not None:
                            said = (text or "").replace("\n", "")
                            drawn.cells.append(Known(tuple(v * scale for v in box), said, said.strip().isdigit()))
                drawn.grids.append((len(table.rows), max(len(row.cells) for row in table.rows)))
            yield drawn


def scores(reads: Sequence[Read]) -> list[tuple[float, bool]]:
    """(score, right) of the cells that were found."""
    return [(read.score, read.is_right) for read in reads if read.text is not None]
