"""Accuracy on generated documents: ``python -m tests.accuracy.report --count 500 --seed 7``."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.accuracy.compare import Score
from tests.accuracy.sweep import Tally, sweep
from tests.generator.documents import RENDERERS, Document

_FACTS = ("form", "year", "agency", "region", "published_on")


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f}" if whole else "-"


def _row(name: str, tally: Tally) -> tuple[str, ...]:
    facts = (_share(tally.right[fact], tally.documents) for fact in _FACTS)
    planted = f"{tally.planted - tally.missed}/{tally.planted}"
    numbers = (_share(tally.exact, tally.cells), _share(tally.doubtful, tally.cells), _share(tally.doubtful_right, tally.cells))
    return (
        name,
        str(tally.documents),
        str(tally.cells),
        *numbers,
        str(tally.silent),
        str(tally.refused),
        *facts,
        planted,
        str(tally.false_errors),
    )


def _table(tallies: dict[str, Tally]) -> Table:
    table = Table(title="accuracy on generated documents (shares in per cent)")
    heads = (
        "layout",
        "docs",
        "cells",
        "exact",
        "doubtful",
        "of them right",
        "silent",
        "refused",
        *_FACTS,
        "planted found",
        "docs with false errors",
    )
    for head in heads:
        table.add_column(head, justify="left" if head == "layout" else "right")
    for name, tally in tallies.items():
        table.add_row(*_row(name, tally))
    total = Tally()
    for tally in tallies.values():
        total = total.plus(tally)
    table.add_section()
    table.add_row(*_row("all", total))
    return table


def _lines(score: Score) -> Iterable[str]:
    yield from (f"silent: {line}" for line in score.silent[:4])
    if score.doubtful:
        yield f"doubtful: {score.doubtful} cells, {score.doubtful_right} of them with the right value first"
    yield from (f"{name}: {what}" for name, what in score.wrong.items())
    yield from (f"false error: {line}" for line in score.false_errors[:3])
    yield from (f"planted and not found: {rule}" for rule in score.missed_rules)
    if score.failure:
        yield f"refused: {score.failure}"


def _show(console: Console, failures: list[tuple[Document, Score]], limit: int, keep: Path | None) -> None:
    for document, score in failures[:limit]:
        console.print(f"\n[bold]{document.layout}[/bold] {document.name} ({', '.join(document.traits)})", highlight=False)
        for line in _lines(score):
            console.print("  " + line, highlight=False, markup=False)
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
        for document, _ in failures:
            (keep / document.name).write_bytes(document.data)
            (keep / f"{document.name}.truth.json").write_bytes(document.truth_json())


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.accuracy.report", description=__doc__)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--layouts", nargs="*", choices=sorted(RENDERERS), metavar="LAYOUT")
    parser.add_argument("--failures", type=int, default=20, help="how many imperfect documents to describe")
    parser.add_argument("--keep", type=Path, help="write the imperfect documents to this folder")
    given = parser.parse_args()
    tallies: dict[str, Tally] = {}
    failures: list[tuple[Document, Score]] = []
    for document, score in sweep(given.count, given.seed, given.layouts):
        name = document.layout if document.is_decidable else f"{document.layout} (blanks without a trace)"
        tallies.setdefault(name, Tally()).add(document, score)
        if not score.is_perfect:
            failures.append((document, score))
    console = Console(width=220)
    console.print(_table(dict(sorted(tallies.items()))))
    failures.sort(key=lambda pair: (not pair[1].silent, not pair[1].failure, -pair[1].doubtful))
    _show(console, failures, given.failures, given.keep)


if __name__ == "__main__":
    main()
