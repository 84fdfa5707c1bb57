"""Commands over all reports: who must report, who has, and the rules between reports."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table
from sqlalchemy import Engine

from codebook.divisions import names_of
from codebook.errors import UsageError
from console import filing
from console.check import run_check
from console.cli import environment
from console.cli.terminal.output import Exit, counted, plain, say, show, show_json, table, wrong
from console.export.coverage import coverage_rows, region_rows
from console.unknown_labels import unknown_labels
from database.access import region_prefix
from database.monitoring import queries
from database.reports import coverage as covering
from database.reports.coverage import CoverageLine, Level, RegionCounts, Standing
from database.session import reading, run_transaction
from ingest.lists.expected import ExpectedList, Usual, read_expected, region_named

AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output, nothing else.")]
_FIRST = 5  # lines of a list that are shown as they were understood

ListFile = Annotated[Path | None, typer.Argument(metavar="FILE", help="List of the agencies that must report: CSV or .xlsx.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept with who decided.")]


def expect_agencies(
    path: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="List of the agencies that must report: CSV, .xlsx.")
    ] = None,
    *,
    year: Annotated[int | None, typer.Option(help="The year that they report on, for lists without such a column.")] = None,
    region: Annotated[
        str, typer.Option(help="The region of agencies for which the list names none: 江苏省/淮安市, or a code.")
    ] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Agencies of the same years that it does not name go.")] = False,
    skip_refused: Annotated[
        bool, typer.Option("--skip-refused", help="Take the other lines when some are refused. Else nothing is taken.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be taken in, and change nothing.")] = False,
    remove: Annotated[
        str | None, typer.Option(metavar="AGENCY", help="Take this one off the list of --year instead; needs --reason.")
    ] = None,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Take in the list of the agencies that must report on a year, with the dates by which they must have published."""
    with environment.database(environment.settings(), make=True) as engine:
        if (path is None) == (remove is None):
            raise UsageError("expected a FILE with a list, or --remove AGENCY")
        if remove is not None:
            if year is None or not reason.strip():
                raise UsageError("--remove takes an agency off the list of one year, for a reason; expected --year and --reason")
            _remove(engine, _one_line(engine, remove, year, region), reason, as_json=as_json)
            return
        assert path is not None
        found = read_expected(path, Usual(year, region))
        taken = bool(found.items) and not dry_run and (skip_refused or not found.refused)
        gone = 0
        if taken:
            take, who = filing.expect, environment.who()
            items, source = found.items, path.name
            gone = run_transaction(engine, lambda c: take(c, items, who=who, reason=reason, replace=replace, source=source))
    years = Counter(item.year for item in found.items)
    if as_json:
        _show_list_as_json(found, years=dict(years), taken=taken, replaced=gone)
    else:
        _show_list(found)
        count = ", ".join(f"{n:,} agencies for {at}" for at, n in sorted(years.items())) or "no agency"
        refusal = f"; {counted(len(found.refused), 'line')} refused" if found.refused else ""
        say(f"{count}{refusal}{'' if taken else '; nothing was taken in'}")
        if found.refused and not taken and not dry_run:
            say("correct the refused lines and give the list again, or take the others with --skip-refused")
    is_good = taken or (dry_run and found.items and not found.refused)
    raise typer.Exit(Exit.GOOD if is_good else Exit.USAGE)


def _one_line(engine: Engine, agency: str, year: int, region: str) -> int:
    """The number of the only line of a year with this name. Raises UsageError."""
    prefix = region_prefix(region_named(region).code) if region else None
    with reading(engine) as connection:
        lines = covering.lines_named(connection, agency, year, region=prefix)
    if not lines:
        raise UsageError(f"{agency!r} is not on the list of {year}")
    if len(lines) > 1:
        codes = ", ".join(line.listed.region_code or "no region" for line in lines)
        raise UsageError(f"{agency!r} is on the list of {year} {len(lines)} times ({codes}); name one with --region")
    return lines[0].id


def _remove(engine: Engine, number: int, reason: str, *, as_json: bool) -> None:
    who = environment.who()
    listed = run_transaction(engine, lambda c: covering.remove_line(c, number, who=who, reason=reason))
    if as_json:
        show_json({"removed": listed})
    elif listed is not None:
        say(f"{plain(listed.agency)} was taken off the list of {listed.year}; a list that names it puts it back")


def _show_list_as_json(found: ExpectedList, **more: Any) -> None:
    notes = {
        name: [{"line": note.line, "key": note.key, "text": note.text()} for note in getattr(found, name)]
        for name in ("refused", "passed_over", "remarks")
    }
    columns = [{"header": column.header, "field": column.field} for column in found.columns]
    show_json({**more, "sheet": found.sheet, "titles": found.titles, "columns": columns, "preview": found.preview, **notes})


def _show_list(found: ExpectedList) -> None:
    """Which column was taken as what, the first lines, and what is to be said of lines."""
    used = ", ".join(f"{plain(column.header)} = {column.field}" for column in found.columns if column.field)
    unused = ", ".join(plain(column.header) for column in found.columns if not column.field and column.header)
    if found.titles:
        say(f"above the header: {plain(' / '.join(found.titles))}")
    say(f"columns: {used}{'; not used: ' + unused if unused else ''}")
    made = table("year", "agency", "region", "due")
    for item in found.items[:_FIRST]:
        made.add_row(str(item.year), plain(item.agency), item.region_code or "", item.due_on or "")
    if found.items:
        show(made)
    for style, notes in (
        ("red]refused", found.refused),
        ("yellow]passed over", found.passed_over),
        ("yellow]list", found.remarks),
    ):
        for note in notes:
            say(f"[{style}[/]: {plain(note.text())}")


def show_coverage(
    *,
    year: Annotated[int, typer.Option(help="The year that is reported on.")],
    region: Annotated[str | None, typer.Option(help="Only this region, by the beginning of its code: 32, 3208, 320813.")] = None,
    by: Annotated[Level | None, typer.Option(help="Count the agencies of each region of this level.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Write all lines (with --by: the counts) to this file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Which agencies of the list have no report on a year, and which are late. Exit code 3 when there are any."""
    with environment.database(environment.settings()) as engine, reading(engine) as connection:
        lines = covering.coverage(connection, year, date.today().isoformat(), region=region)
        others = covering.unlisted(connection, year, region=region)
    if not lines:
        wrong(f"no list of agencies for {year}; give one with `gongkai expect FILE.csv`")
    regions = covering.by_region(lines, by) if by is not None else []
    if out is not None:
        with out.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows(coverage_rows(lines) if by is None else region_rows(regions))
    counts = Counter(line.standing for line in lines)
    if as_json:
        more = {"regions": regions} if by is not None else {}
        show_json({"counts": counts, **more, "agencies": lines, "unlisted": others})
    else:
        show(_regions(regions) if by is not None else _open_lines(lines))
        by_standing = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in sorted(counts.items()))
        unlisted = counted(len(others), "report")
        say(f"{counted(len(lines), 'agency', 'agencies')}: {by_standing}; {unlisted} of agencies that are not on the list")
    missing = counts[Standing.ABSENT] + counts[Standing.LATE]
    raise typer.Exit(Exit.ATTENTION if missing else Exit.GOOD)


def _open_lines(lines: Sequence[CoverageLine]) -> Table:
    """The agencies whose report is not there, or late, those first of which nothing came in."""
    settled = (Standing.IN_TIME, Standing.UNDATED, Standing.NOT_DUE)
    order = list(Standing)
    made = table("agency", "region", "due", "standing", "published", "first seen", "document", right=["document"])
    for line in sorted((line for line in lines if line.standing not in settled), key=lambda line: order.index(line.standing)):
        dates = (line.published_on or "", line.first_seen_on or "")
        standing = line.standing.replace("_", " ")
        made.add_row(plain(line.agency), line.region_code or "", line.due_on or "", standing, *dates, str(line.document_id or ""))
    return made


def _regions(regions: Sequence[RegionCounts]) -> Table:
    shown = [standing for standing in Standing if any(each.counts.get(standing) for each in regions)]
    names = [standing.replace("_", " ") for standing in shown]
    made = table("region", "", "agencies", *names, right=["agencies", *names])
    for each in regions:
        numbers = [str(each.counts.get(standing, 0)) for standing in shown]
        made.add_row(each.region_code or "", plain("/".join(names_of(each.region_code or ""))), str(each.total), *numbers)
    return made


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


def list_labels(
    *,
    unknown: Annotated[bool, typer.Option("--unknown", help="Labels of tables of numbers that no form has.")] = False,
    batch: Annotated[str | None, typer.Option(help="Only documents that were found in this batch.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of labels, those of the most documents first.")] = 200,
    as_json: AsJson = False,
) -> None:
    """Labels and headers of tables that matched nothing, by how many documents print them."""
    if not unknown:
        raise UsageError("expected --unknown: docs/glossary.md lists the labels that are known")
    with environment.database(environment.settings()) as engine, reading(engine) as connection:
        if batch is not None and not queries.has_batch(connection, batch):
            wrong(f"no batch is called {batch!r}; `gongkai status` lists them")
        labels = unknown_labels(connection, queries.DocumentScope(batch=batch))
    if as_json:
        show_json(labels[:limit])
        return
    made = table("label", "kind", "documents", "numbers", "for example", right=("documents", "numbers"))
    for each in labels[:limit]:
        first = each.examples[0]
        where = f"{first.document_id} {plain(first.path or '')}, page {first.page}"
        made.add_row(plain(each.label), each.kind, f"{each.documents:,}", f"{each.numbers:,}", where)
    if labels:
        show(made)
    say(f"{counted(len(labels), 'label')} of tables that no form has{f', {limit:,} shown' if len(labels) > limit else ''}")
