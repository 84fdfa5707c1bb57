"""Commands over all reports: who must report, who has, and the rules between reports."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from console.check import run_check
from console.cli import environment
from console.cli.terminal.output import Exit, counted, plain, say, show, show_json, table, wrong
from console.export.coverage import coverage_rows
from database.reports import coverage as covering
from database.session import reading, run_transaction
from ingest.lists.expected import read_expected

AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output, nothing else.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept with who decided.")]


def expect_agencies(
    path: Annotated[Path, typer.Argument(metavar="FILE.csv", help="List of the agencies that must report.")],
    *,
    year: Annotated[int | None, typer.Option(help="The year that they report on, for lists without such a column.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Agencies of the same years that it does not name go.")] = False,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Take in the list of the agencies that must report on a year, with the dates by which they must have published."""
    with environment.database(environment.settings(), make=True) as engine:
        items, problems = read_expected(path, year)
        act = covering.expect
        gone = run_transaction(engine, lambda c: act(c, items, who=environment.who(), reason=reason, replace=replace))
    for problem in problems:
        say(f"[yellow]list[/]: {plain(problem)}")
    years = Counter(item.year for item in items)
    if as_json:
        show_json({"years": dict(years), "replaced": gone, "problems": problems})
    else:
        say(", ".join(f"{n:,} agencies for {at}" for at, n in sorted(years.items())) or "no agency was taken in")
    raise typer.Exit(Exit.GOOD if items else Exit.USAGE)


def show_coverage(
    *,
    year: Annotated[int, typer.Option(help="The year that is reported on.")],
    region: Annotated[str | None, typer.Option(help="Only this region, by the beginning of its code: 32, 3208, 320813.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="Write all lines to this file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Which agencies of the list have no report on a year, and which are late. Exit code 3 when there are any."""
    with environment.database(environment.settings()) as engine, reading(engine) as connection:
        lines = covering.coverage(connection, year, date.today().isoformat(), region=region)
        others = covering.unlisted(connection, year, region=region)
    if not lines:
        wrong(f"no list of agencies for {year}; give one with `gongkai expect FILE.csv`")
    if out is not None:
        with out.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows(coverage_rows(lines))
    counts = Counter(line.standing for line in lines)
    if as_json:
        show_json({"counts": counts, "agencies": lines, "unlisted": others})
    else:
        made = table("agency", "region", "due", "standing", "published", "document", right=["document"])
        bad = (covering.Standing.ABSENT, covering.Standing.LATE)
        for line in (line for line in lines if line.standing in bad):
            number = str(line.document_id or "")
            made.add_row(
                plain(line.agency), line.region_code or "", line.due_on or "", line.standing, line.published_on or "", number
            )
        show(made)
        by_standing = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in sorted(counts.items()))
        unlisted = counted(len(others), "report")
        say(f"{counted(len(lines), 'agency', 'agencies')}: {by_standing}; {unlisted} of agencies that are not on the list")
    missing = counts[covering.Standing.ABSENT] + counts[covering.Standing.LATE]
    raise typer.Exit(Exit.ATTENTION if missing else Exit.GOOD)


def check_reports(as_json: AsJson = False) -> None:
    """Apply all rules between years and within regions again, to the reports in force."""
    with environment.database(environment.settings()) as engine:
        result = run_check(engine)
    if as_json:
        show_json(result)
    else:
        show(*(f"{name}: {value}" for name, value in _facts(result)))


def _facts(record: Any) -> list[tuple[str, Any]]:
    """The fields of a record as lines; counts by name are joined."""
    facts = msgspec.to_builtins(record).items()
    return [(name.replace("_", " "), _joined(value) if isinstance(value, dict) else value) for name, value in facts]


def _joined(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items())) or "none"
