"""Word documents as LibreOffice prints them: ``python -m tests.accuracy.printed_word --count 50 --seed 1``.

Generated documents are laid on pages of any size and made PDF by LibreOffice, which is no part of the project: its page breaks
cut rows and labels anywhere. Prints how many cells are exact, doubtful and silently wrong, and what is not exact.
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import docx
from docx.document import Document as WordFile
from docx.oxml.ns import qn
from docx.oxml.parser import OxmlElement
from docx.shared import Cm, Length
from rich.console import Console
from rich.table import Table

from tests.accuracy.compare import Score, read_and_compare
from tests.accuracy.sweep import Tally, truth_of
from tests.generator.documents import Document, make_document

PROGRAM = shutil.which("soffice")
_TWIP = 635  # EMU
_TOGETHER = 25  # documents that LibreOffice prints at once


def printed(documents: Sequence[Document], folder: Path) -> Iterator[tuple[Document, Path]]:
    """Print Word documents into ``folder``. Raises subprocess.CalledProcessError when LibreOffice fails."""
    for at in range(0, len(documents), _TOGETHER):
        files = {folder / f"{Path(each.name).stem}.docx": each for each in documents[at : at + _TOGETHER]}
        for path, document in files.items():
            word = docx.Document(io.BytesIO(document.data))
            _lay(word, Random(document.name))
            word.save(str(path))
        profile = f"-env:UserInstallation=file://{folder}/profile"
        command = [PROGRAM or "soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", str(folder), *map(str, files)]
        subprocess.run(command, check=True, capture_output=True, timeout=600)
        yield from ((document, path.with_suffix(".pdf")) for path, document in files.items())


def _lay(word: WordFile, rng: Random) -> None:
    """Lay a document on pages of a size of its own, its tables as wide as the text."""
    page, height = Cm(rng.choice((18, 21, 29.7))), Cm(rng.uniform(11, 29.7))
    side, top = Cm(rng.uniform(1.5, 3)), Cm(rng.uniform(1.5, 2.5))
    for section in word.sections:
        section.page_width, section.page_height = page, height
        section.left_margin = section.right_margin = side
        section.top_margin = section.bottom_margin = top
    for table in word.element.body.iter(qn("w:tbl")):
        _widen(table, Length(page - 2 * side))


def _widen(table: OxmlElement, width: Length) -> None:
    """Let a table have columns of one width that fill ``width``."""
    asked = table.tblPr.find(qn("w:tblW"))
    if asked is None:
        asked = OxmlElement("w:tblW")
        table.tblPr.append(asked)
    asked.set(qn("w:type"), "pct")
    asked.set(qn("w:w"), "5000")
    columns = table.tblGrid.findall(qn("w:gridCol"))
    for column in columns:
        column.set(qn("w:w"), str(width // _TWIP // len(columns)))
    for cell in list(table.iter(qn("w:tcW"))):
        cell.getparent().remove(cell)


def scores(count: int, seed: int, folder: Path) -> Iterator[tuple[Document, Path, Score]]:
    """``count`` documents, printed and read, with their scores."""
    documents = [make_document(seed * 100_000 + at, "docx") for at in range(count)]
    for document, path in printed(documents, folder):
        yield document, path, read_and_compare(path.read_bytes(), "application/pdf", path.name, truth_of(document))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.accuracy.printed_word", description=__doc__)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="keep the printed documents in this folder")
    given = parser.parse_args()
    console = Console(width=130)
    if PROGRAM is None:
        console.print("LibreOffice is not installed: nothing was printed")
        return
    tallies: dict[str, Tally] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = (given.keep or Path(scratch)).resolve()  # LibreOffice takes its profile by an absolute address
        folder.mkdir(parents=True, exist_ok=True)
        for document, path, score in scores(given.count, given.seed, folder):
            tallies.setdefault(document.form, Tally()).add(document, score)
            if score.exact < score.cells:
                console.print(f"{path.name}: {score.doubtful} doubtful", *score.silent, score.failure or "", sep="\n  ")
    table = Table(title="Word documents printed by LibreOffice")
    for head in ("form", "documents", "cells", "exact %", "doubtful", "silent", "refused", "with false errors"):
        table.add_column(head, justify="left" if head == "form" else "right")
    for form, tally in sorted(tallies.items()):
        exact = f"{100 * tally.exact / tally.cells:.2f}" if tally.cells else "-"
        counts = (tally.doubtful, tally.silent, tally.refused, tally.false_errors)
        table.add_row(form, str(tally.documents), str(tally.cells), exact, *map(str, counts))
    console.print(table)


if __name__ == "__main__":
    main()
