"""The second look at the numbers of PDF pages: ``python -m tests.benchmarks.witness --count 20 [FILE...]``.

CPU milliseconds a page with tables or rows of numbers: of reading it, of the look, and of pdfplumber's ``extract_tables`` on the
same pages in the same process; the ratio is that of reading and look together. And how many numbers of honest pages were
confirmed, left open, or seen otherwise (which would be false doubts).
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pdfplumber
from rich.console import Console
from rich.table import Table as Shown

from codebook.records import Cell, Extraction, Line, PageKind, Table
from codebook.text.numbers import read_number
from tasks.extraction.extract import extract
from tasks.ocr.engines.numbers import number_reader
from tasks.ocr.engines.recognise import LineReader
from tasks.witness.confirm import PDF, confirm
from tests.generator.documents import RENDERERS, make_document


class Looked(NamedTuple):
    """What a look at one document cost (seconds), and what became of its numbers."""

    pages: int
    read: float
    look: float
    plumber: float
    numbers: int
    confirmed: int
    otherwise: int
    pictures: int


def _cells(extraction: Extraction) -> Iterator[Cell]:
    for page in extraction.pages:
        for block in page.blocks:
            if isinstance(block, Table):
                yield from block.cells


def look(data: bytes, reader: LineReader) -> Looked:
    """Look at one PDF in both ways."""
    before = time.process_time()
    extraction = extract(data, PDF)
    start = time.process_time()
    seen = confirm(extraction, data, PDF, reader)
    middle = time.process_time()
    rows = (page.number for page in extraction.pages for block in page.blocks if isinstance(block, Line) and block.numbers)
    pages = sorted({*(cell.place.page for cell in _cells(extraction)), *rows})
    plumber = time.process_time()
    with pdfplumber.open(io.BytesIO(data)) as document:
        for number in pages:
            document.pages[number - 1].extract_tables()
    end = time.process_time()
    numbers = [(cell, read_number(cell.text).value) for cell in _cells(seen)]
    numbers = [(cell, value) for cell, value in numbers if value is not None]
    confirmed = sum(cell.seen is not None and read_number(cell.seen).value == value for cell, value in numbers)
    open_ones = sum(cell.seen is None for cell, _ in numbers)
    pictures = sum(page.kind is PageKind.PICTURE for page in seen.pages) - sum(
        page.kind is PageKind.PICTURE for page in extraction.pages
    )
    odd = len(numbers) - confirmed - open_ones + sum(bool(cell.seen) and not cell.text.strip() for cell in _cells(seen))
    return Looked(len(pages), start - before, middle - start, end - plumber, len(numbers), confirmed, odd, pictures)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.witness", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    parser.add_argument("--count", type=int, default=20, help="generated documents of each PDF layout")
    parser.add_argument("--seed", type=int, default=5)
    given = parser.parse_args()
    reader = number_reader()
    confirm(extract(make_document(given.seed, "pdf").data, PDF), make_document(given.seed, "pdf").data, PDF, reader)  # warm
    sources = {
        f"{layout} (generated)": [make_document(given.seed + i, layout) for i in range(given.count)] for layout in _layouts()
    }
    work = {name: [document.data for document in documents] for name, documents in sources.items()}
    work |= {path.name[-40:]: [path.read_bytes()] for path in given.files}
    table = Shown(title="milliseconds of CPU a page with tables")
    for head in (
        "documents",
        "pages",
        "read",
        "look",
        "pdfplumber",
        "ratio",
        "numbers",
        "confirmed",
        "open",
        "otherwise",
        "pages given up",
    ):
        table.add_column(head, justify="left" if head == "documents" else "right")
    for name, each in work.items():
        found = [look(data, reader) for data in each]
        pages, numbers = sum(one.pages for one in found), sum(one.numbers for one in found)
        parts = [sum(each) for each in zip(*((one.read, one.look, one.plumber) for one in found), strict=True)]
        ours, theirs = parts[0] + parts[1], parts[2]
        confirmed, odd = sum(one.confirmed for one in found), sum(one.otherwise for one in found)
        costs = [f"{1000 * seconds / max(1, pages):.0f}" for seconds in parts]
        ratio = f"{ours / theirs:.2f}" if theirs else ""
        counts = [str(n) for n in (numbers, confirmed, numbers - confirmed - odd, odd, sum(one.pictures for one in found))]
        table.add_row(name, str(pages), *costs, ratio, *counts)
    Console(width=150).print(table)


def _layouts() -> list[str]:
    return [name for name in RENDERERS if make_document(1, name).media_type == PDF]


if __name__ == "__main__":
    main()
