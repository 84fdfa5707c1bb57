"""Documents as other programs print them: ``python -m tests.accuracy.printed --by chromium --count 50 --seed 1``.

Generated documents are laid on pages of any size and printed as PDF: Word documents by LibreOffice, web pages by a browser,
PDFs again by what a virtual printer is made of (``--by ghostscript``). Several printers print one after the other, as
``--by libreoffice ghostscript``. Prints how many cells are exact, doubtful and silently wrong, and what is not exact.

``--files`` prints PDFs of a folder again instead, and compares what is read then with what is read of the original.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from codebook.errors import GongkaiError
from codebook.records import Hints, Reading
from tasks.flow import read_document
from tests.accuracy.compare import Score, read_and_compare
from tests.accuracy.printers import PDF, PRINTERS, layouts, print_files, printed
from tests.accuracy.sweep import Tally, truth_of
from tests.generator.documents import Document, make_document


class Change(NamedTuple):
    """A cell of a file that is read otherwise after it was printed again."""

    indicator: str
    before: str
    after: str


def missing(names: Sequence[str]) -> list[str]:
    """Those of these printers that are not installed."""
    return [name for name in names if not PRINTERS[name].is_here]


def scores(names: Sequence[str], count: int, seed: int, folder: Path) -> Iterator[tuple[Document, Path, Score]]:
    """``count`` documents, printed by the printers of these names one after the other and read, with their scores."""
    kinds = layouts(PRINTERS[names[0]].takes)
    documents = [make_document(seed * 100_000 + at, kinds[at % len(kinds)]) for at in range(count)]
    for document, path in printed(documents, names, folder):
        yield document, path, read_and_compare(path.read_bytes(), PDF, path.name, truth_of(document))


def changes(files: Sequence[Path], names: Sequence[str], folder: Path) -> Iterator[tuple[Path, int, list[Change]]]:
    """PDFs with the number of their cells, and what is read otherwise of them after they were printed again."""
    for path in files:
        again = print_files([path], names, folder)[0]
        before, after = _readings(path), _readings(again)
        keys = dict.fromkeys((*before, *after))
        found = [Change(key, before.get(key, "-"), after.get(key, "-")) for key in keys if before.get(key) != after.get(key)]
        yield path, len(before), found


def _readings(path: Path) -> dict[str, str]:
    try:
        verdict = read_document(path.read_bytes(), PDF, Hints(path=path.name))
    except GongkaiError as error:
        return {"refused": str(error)}
    return {reading.indicator: _said(reading) for reading in verdict.report.readings}


def _said(reading: Reading) -> str:
    return str(reading.state) if reading.state.unsettled or reading.value is None else f"{reading.value}"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.accuracy.printed", description=__doc__)
    parser.add_argument("--by", nargs="+", choices=PRINTERS, default=["libreoffice"])
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="keep the printed documents in this folder")
    parser.add_argument("--files", type=Path, help="print the PDFs of this folder again")
    given = parser.parse_args()
    console = Console(width=130)
    if absent := missing(given.by):
        console.print(f"not installed: {', '.join(absent)}; nothing was printed")
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        if given.files:
            _print_changes(console, sorted(given.files.rglob("*.pdf")), given.by, folder)
        else:
            _print_scores(console, given.by, given.count, given.seed, folder)


def _print_changes(console: Console, files: Sequence[Path], names: Sequence[str], folder: Path) -> None:
    for path, cells, found in changes(files, names, folder):
        console.print(f"{path.parent.name}/{path.name}: {cells} cells, {len(found)} read otherwise")
        for change in found:
            console.print(f"  {change.indicator}: {change.before} -> {change.after}")


def _print_scores(console: Console, names: Sequence[str], count: int, seed: int, folder: Path) -> None:
    tallies: dict[tuple[str, str], Tally] = {}
    for document, path, score in scores(names, count, seed, folder):
        tallies.setdefault((document.layout, document.form), Tally()).add(document, score)
        if score.exact < score.cells or score.silent or score.false_errors:
            details = (*score.silent, *score.false_errors, score.failure or "")
            console.print(f"{path.name} ({document.form}): {score.doubtful} doubtful", *details, sep="\n  ")
    table = Table(title=f"Printed by {', then '.join(names)}")
    for head in ("layout", "form", "documents", "cells", "exact %", "doubtful", "silent", "refused", "with false errors"):
        table.add_column(head, justify="left" if head in ("layout", "form") else "right")
    for (layout, form), tally in [*sorted(tallies.items()), (("all", ""), sum_of(list(tallies.values())))]:
        exact = f"{100 * tally.exact / tally.cells:.2f}" if tally.cells else "-"
        counts = (tally.doubtful, tally.silent, tally.refused, tally.false_errors)
        table.add_row(layout, form, str(tally.documents), str(tally.cells), exact, *map(str, counts))
    console.print(table)


def sum_of(tallies: Sequence[Tally]) -> Tally:
    """The sum of all tallies."""
    total = Tally()
    for tally in tallies:
        total = total.plus(tally)
    return total


if __name__ == "__main__":
    main()
