"""How long an export of many reports takes, and how much memory.

``python -m tests.benchmarks.export [--reports 30000] [--format xlsx] [--no-values]``: fills an SQLite database with invented
reports, each the one of its agency and year and with all cells of its form, exports them by the command, and prints seconds by
the clock and of the processor, the greatest memory of the process, and the size of what was written.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from codebook.book import load_book
from database import migrations
from database.session import make_engine
from tests.benchmarks.filled import fill_filings
from tests.benchmarks.measure import run


def fill_reports(url: str, reports: int) -> int:
    """Fill the database with about ``reports`` reports of all cells; return how many there are."""
    engine = make_engine(url)
    migrations.upgrade(engine)
    made = fill_filings(engine, reports, tuple(load_book().indicators), texts=True)
    engine.dispose()
    return made


def main() -> None:
    """Fill, export, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=int, default=30_000)
    parser.add_argument("--format", default="xlsx")
    parser.add_argument("--no-values", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        made = fill_reports(f"sqlite:///{home / 'gongkai.db'}", chosen.reports)
        sys.stdout.write(f"{made:,} reports\n")
        out = home / f"out.{chosen.format}"
        command = ["console.cli", "export", "--format", chosen.format, "--out", str(out)]
        took = run([*command, *(["--no-values"] if chosen.no_values else [])], {"GONGKAI_HOME": folder})
        size = sum(file.stat().st_size for file in (out.rglob("*") if out.is_dir() else [out]))
        spent = f"{took.seconds:,.0f} s by the clock, {took.processor:,.0f} s of the processor"
        sys.stdout.write(f"{spent}, {took.peak / 1e6:,.0f} MB of memory, {size / 1e6:,.0f} MB written, code {took.code}\n")
        sys.stdout.write(took.output + took.errors)


if __name__ == "__main__":
    main()
