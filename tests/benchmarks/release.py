"""What a release of many filings takes: ``python -m tests.benchmarks.release [FILINGS] [--cells 6] [--twice]``.

Fills an SQLite database with invented filings, makes a release of them by the command, and prints seconds, the greatest memory of
the process and the size of what was written. ``--cells 0`` gives every report all cells of its form. ``--twice`` makes a second
one and compares the digests of all files; ``--folder`` is where there is room for it (default: the folder for temporary files).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from codebook.book import load_book
from database import migrations
from database.session import make_engine
from tests.benchmarks.filled import fill_filings
from tests.benchmarks.measure import run

FEW = (
    "requests.new_received.total", "requests.carried_over.total", "requests.granted.total", "requests.partially_granted.total",
    "requests.total_handled.total", "requests.carried_forward.total",
)  # fmt: skip


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def measure(home: Path, filings: int, cells: int, *, twice: bool) -> None:
    """Fill, release, print."""
    every = tuple(load_book().indicators)
    engine = make_engine(f"sqlite:///{home / 'gongkai.db'}")
    migrations.upgrade(engine)
    began = time.perf_counter()
    made = fill_filings(engine, filings, every if cells == 0 else FEW[:cells], texts=True)
    engine.dispose()
    say(f"{made:,} filings filled in {time.perf_counter() - began:.0f} s")
    digests = []
    for number in range(1 + twice):
        out = home / f"release-{number}"
        took = run(["console.cli", "release", "--version", "1", "--out", str(out)], {"GONGKAI_HOME": str(home)})
        if took.code:
            raise RuntimeError(took.output + took.errors)
        size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
        say(f"{took.seconds:,.0f} s, {took.peak / 1e6:,.0f} MB of memory, {size / 1e6:,.0f} MB written")
        digests.append((out / "SHA256SUMS").read_text(encoding="utf-8"))
    if twice:
        say(f"both have the same {len(digests[0].splitlines())} digests" if len(set(digests)) == 1 else "THE DIGESTS DIFFER")


def main() -> None:
    """Measure in a folder of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("filings", type=int, nargs="?", default=300_000)
    parser.add_argument("--cells", type=int, default=len(FEW))
    parser.add_argument("--twice", action="store_true")
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        measure(Path(folder), given.filings, given.cells, twice=given.twice)


if __name__ == "__main__":
    main()
