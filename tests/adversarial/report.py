"""Silently wrong or lost cells of documents that deceive: ``python -m tests.adversarial.report --count 500 --seed 1``."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from multiprocessing import Pool
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.accuracy.compare import Score, read_and_compare
from tests.adversarial.kinds import KINDS, make_deception

_SURE = 0.95  # of the bound


@dataclass
class DeceptionTally:
    """Sums over the documents of one kind. ``accused``: documents with an error finding although the source is right."""

    documents: int = 0
    cells: int = 0
    exact: int = 0
    doubtful: int = 0
    silent: int = 0
    refused: int = 0
    crashed: int = 0
    accused: int = 0

    def add(self, score: Score) -> None:
        """Count one document. The cells of one that is refused are neither read nor wrong."""
        self.documents += 1
        self.cells += score.cells
        self.exact += score.exact
        self.doubtful += score.doubtful
        self.silent += len(score.silent)
        self.refused += score.failure is not None
        self.crashed += (score.failure or "").startswith("crash")
        self.accused += bool(score.false_errors)

    def plus(self, other: DeceptionTally) -> DeceptionTally:
        """The sum of two tallies."""
        return DeceptionTally(**{name: value + getattr(other, name) for name, value in asdict(self).items()})


def bound(silent: int, cells: int) -> float:
    """The share of silent cells that is excluded at 95 %: the largest under which so few are seen with 5 % chance.

    For none it is the rule of three, 3 / cells to a good approximation.
    """
    if not cells:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        seen = sum(_binomial(cells, middle, count) for count in range(silent + 1))
        low, high = (middle, high) if seen > 1 - _SURE else (low, middle)
    return high


def _binomial(trials: int, share: float, count: int) -> float:
    """The chance of ``count`` in ``trials``."""
    if not 0 < share < 1:
        return float(count == (trials if share else 0))
    ways = math.lgamma(trials + 1) - math.lgamma(count + 1) - math.lgamma(trials - count + 1)
    return math.exp(ways + count * math.log(share) + (trials - count) * math.log1p(-share))


def upwards(share: float, digits: int = 2) -> str:
    """A share with ``digits`` significant digits, never rounded down: 0.00002301 is 0.000024."""
    if share <= 0:
        return "0"
    step = 10.0 ** (math.floor(math.log10(share)) - digits + 1)
    return f"{math.ceil(share / step - 1e-9) * step:.{max(0, -math.floor(math.log10(step)))}f}"


def downwards(part: int, whole: int) -> str:
    """A share in per cent, never rounded up."""
    return f"{math.floor(10_000 * part / whole) / 100:.2f}" if whole else "-"


def _one(task: tuple[str, int]) -> tuple[str, int, Score]:
    kind, seed = task
    made = make_deception(kind, seed)
    return kind, seed, read_and_compare(made.data, made.media_type, made.name, made.truth)


def scores(count: int, seed: int, kinds: tuple[str, ...], processes: int) -> Iterator[tuple[str, int, Score]]:
    """The scores of ``count`` documents of the kinds in turn."""
    tasks = [(kinds[index % len(kinds)], seed * 1_000_000 + index) for index in range(count)]
    if processes == 1:
        yield from map(_one, tasks)
        return
    with Pool(processes, maxtasksperchild=200) as pool:
        yield from pool.imap_unordered(_one, tasks)


def _row(name: str, tally: DeceptionTally) -> tuple[str, ...]:
    read = tally.cells and tally.exact + tally.doubtful + tally.silent
    shares = (downwards(tally.exact, tally.cells), downwards(tally.doubtful, tally.cells))
    counts = (tally.silent, tally.refused, tally.crashed, tally.accused)
    return (name, str(tally.documents), str(tally.cells), *shares, *map(str, counts), upwards(bound(tally.silent, read)))


def table(tallies: dict[str, DeceptionTally]) -> Table:
    """The tallies by kind, and their sum."""
    result = Table(title="documents that deceive (shares of cells in per cent)")
    heads = ("kind", "docs", "cells", "exact", "doubtful", "silent", "refused", "crashed", "accused", "share silent < (95 %)")
    for head in heads:
        result.add_column(head, justify="left" if head == "kind" else "right")
    for name, tally in sorted(tallies.items()):
        result.add_row(*_row(name, tally))
    total = DeceptionTally()
    for tally in tallies.values():
        total = total.plus(tally)
    result.add_section()
    result.add_row(*_row("all", total))
    return result


def _kept(path: Path | None) -> dict[str, DeceptionTally]:
    if path is None or not path.exists():
        return {}
    return {name: DeceptionTally(**tally) for name, tally in json.loads(path.read_text(encoding="utf-8")).items()}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.adversarial.report", description=__doc__)
    parser.add_argument("--count", type=int, default=len(KINDS) * 4, help="documents, the kinds in turn")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", nargs="*", choices=sorted(KINDS), metavar="KIND")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--add-to", type=Path, help="a file of sums, to which these are added")
    parser.add_argument("--failures", type=int, default=30, help="documents with silent cells, refused or accused, to describe")
    parser.add_argument("--keep", type=Path, help="write the documents with silent cells to this folder")
    given = parser.parse_args()
    console = Console(width=150)
    tallies = _kept(given.add_to)
    shown = 0
    for kind, seed, score in scores(given.count, given.seed, tuple(given.kinds or KINDS), given.processes):
        tallies.setdefault(kind, DeceptionTally()).add(score)
        if (score.silent or score.failure or score.false_errors) and shown < given.failures:
            shown += 1
            for line in (*score.silent[:3], *([score.failure] if score.failure else ()), *score.false_errors[:1]):
                console.print(f"{kind} {seed}: {line}", highlight=False, markup=False)
        if score.silent and given.keep:
            given.keep.mkdir(parents=True, exist_ok=True)
            made = make_deception(kind, seed)
            (given.keep / made.name).write_bytes(made.data)
    if given.add_to:
        given.add_to.write_text(json.dumps({name: asdict(tally) for name, tally in tallies.items()}, indent=1), encoding="utf-8")
    console.print(table(tallies))


if __name__ == "__main__":
    main()
