"""A panel figure from a release: applications received by year and city, with the units that are not in it.

``python docs/examples/panel_figure.py RELEASE [--indicator ID] [--out figure.svg]`` needs duckdb alone. It prints the table and
draws a line for each city. Blanks, marks and doubts are no zeros: they are counted beside the sum.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from xml.sax.saxutils import escape

import duckdb

QUERY = """
select coalesce(city, province, '?') as place, year, sum(value) as total, count(value) as units,
    count(*) - count(value) as without
from panel where indicator = $indicator and kind is distinct from 'government'
group by place, year order by place, year"""
WIDTH, HEIGHT, EDGE = 900, 480, 60
COLOURS = ("#0b6e99", "#c0561f", "#2f7d32", "#7a3e9d", "#8a6d00", "#b3325f", "#4c5a67", "#00796b")


def read(folder: Path, indicator: str) -> list[tuple[str, int, float | None, int, int]]:
    """Return place, year, sum, units with a sure number, and units without one."""
    database = duckdb.connect()
    database.execute("set file_search_path = '" + str(folder).replace("'", "''") + "'")
    database.execute((folder / "views.sql").read_text(encoding="utf-8"))
    return database.execute(QUERY, {"indicator": indicator}).fetchall()


def draw(rows: list[tuple[str, int, float | None, int, int]], title: str) -> str:
    """Return the figure as SVG."""
    years = sorted({row[1] for row in rows})
    most = max((row[2] or 0 for row in rows), default=0) or 1
    step = (WIDTH - 3 * EDGE) / max(1, len(years) - 1)
    lines = []
    for number, place in enumerate(sorted({row[0] for row in rows})):
        colour = COLOURS[number % len(COLOURS)]
        points = [
            (EDGE + years.index(year) * step, HEIGHT - EDGE - total / most * (HEIGHT - 2 * EDGE))
            for name, year, total, _, _ in rows
            if name == place and total is not None
        ]
        if points:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            x, y = points[-1]
            lines.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
            lines.append(f'<text x="{x + 6:.1f}" y="{y:.1f}" fill="{colour}" font-size="12">{escape(place)}</text>')
    axis = [
        f'<text x="{EDGE + n * step:.1f}" y="{HEIGHT - EDGE / 2}" font-size="12">{year}</text>' for n, year in enumerate(years)
    ]
    head = f'<text x="{EDGE}" y="{EDGE / 2}" font-size="15">{escape(title)} (0 – {most:,.0f})</text>'
    body = "".join((head, *axis, *lines))
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">{body}</svg>\n'


def main() -> None:
    """Print the table and write the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("release", type=Path)
    parser.add_argument("--indicator", default="requests.new_received.total")
    parser.add_argument("--out", type=Path, default=Path("figure.svg"))
    given = parser.parse_args()
    rows = read(given.release.resolve(), given.indicator)
    for place, year, total, units, without in rows:
        shown = "" if total is None else f"{total:g}"
        sys.stdout.write(f"{place}\t{year}\t{shown}\t{units} units, {without} without a sure number\n")
    given.out.write_text(draw(rows, given.indicator), encoding="utf-8")


if __name__ == "__main__":
    main()
