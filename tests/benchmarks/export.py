"""How long an export of many reports takes, and how much memory.

``python -m tests.benchmarks.export [--reports 30000] [--format xlsx] [--no-values]``: fills an SQLite database with invented
reports that have all cells of the form 2021, exports them by the command, and prints seconds, the greatest memory of the process,
and the size of what was written.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import text

from codebook.book import load_book
from database import migrations
from database.session import make_engine
from tests.benchmarks.filling import fill
from tests.benchmarks.measure import run

_WORDS = ("select id from gk_report", "delete from gk_value")
_BLOCKS = ("disclosure", "requests", "review")


def _cells() -> list[str]:
    book = load_book()
    return [i.id for block in _BLOCKS for i in book.of_form("2021", block)]


def fill_cells(url: str, reports: int) -> int:
    """Fill the database with ``reports`` reports of all cells. Return the number of cells."""
    engine = make_engine(url)
    migrations.upgrade(engine)
    fill(engine, round(reports / 0.93))
    cells = _cells()
    with engine.begin() as connection:
        ids = [row.id for row in connection.execute(text(_WORDS[0]))][:reports]
        connection.execute(text(_WORDS[1]))
        raw = connection.connection.cursor()
        columns = "report_id, indicator, value, state, raw, origin, read_by, score, page, witnesses"
        statement = f"insert into gk_value ({columns}) values (?, ?, ?, 'proven', ?, 'table', 'pdf', 1.0, 2, ?)"
        raw.executemany(statement, _rows(ids, cells))
        statement = "insert into gk_block (report_id, block, form, readable) values (?, ?, '2021', 1)"
        raw.executemany(statement, [(number, block) for number in ids for block in _BLOCKS])
    engine.dispose()
    return len(ids) * len(cells)


def _rows(ids: list[int], cells: list[str]) -> Iterator[tuple[object, ...]]:
    agreed = json.dumps(["text", "sum"])
    for number in ids:
        for place, indicator in enumerate(cells):
            value = (number * 31 + place * 7) % 400
            yield number, indicator, float(value), str(value), agreed


def main() -> None:
    """Fill, export, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=int, default=30_000)
    parser.add_argument("--format", default="xlsx")
    parser.add_argument("--no-values", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        cells = fill_cells(f"sqlite:///{home / 'gongkai.db'}", chosen.reports)
        sys.stdout.write(f"{chosen.reports:,} reports, {cells:,} cells\n")
        out = home / f"out.{chosen.format}"
        command = ["console.cli", "export", "--format", chosen.format, "--out", str(out)]
        took = run([*command, *(["--no-values"] if chosen.no_values else [])], {"GONGKAI_HOME": folder})
        size = sum(file.stat().st_size for file in (out.rglob("*") if out.is_dir() else [out]))
        sys.stdout.write(
            f"{took.seconds:,.0f} s, {took.peak / 1e6:,.0f} MB of memory, {size / 1e6:,.0f} MB written, code {took.code}\n"
        )
        sys.stdout.write(took.output + took.errors)


if __name__ == "__main__":
    main()
