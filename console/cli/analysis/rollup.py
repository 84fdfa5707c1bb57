"""The roll-up of a region: what its government states beside the sum of the reports under it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from codebook.analysis.figures import Omission
from codebook.analysis.rollup import AreaPart, AreaRollup, CellRollup
from codebook.book import load_book
from codebook.errors import UsageError
from console.analysis.document import write_document
from console.analysis.keeper import PANEL
from console.analysis.layout import cells_of, form_of_year
from console.analysis.rows import shown_number
from console.analysis.words import word
from console.analysis.workbook import agency_names, gaps_of, write_workbook
from console.cli import environment
from console.cli.analysis.indicators import spoken
from console.cli.terminal.output import Exit, counted, plain, say, show, show_json, table, wrong
from database.analysis.panel import Panel
from database.analysis.queries import area_rollup
from database.analysis.refresh import refresh
from ingest.lists.expected import region_named
from tasks.validation.wording import cell_label, table_of


def roll_up_region(
    *,
    region: Annotated[str, typer.Option(help="The region of the government, by name or code.")],
    year: Annotated[int, typer.Option(help="The year that is reported on.")],
    cell: Annotated[list[str] | None, typer.Option(metavar="ID", help="Only these cells. Default: all of the form.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Show cells that agree too.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the filled tables: .xlsx or .docx; each sum opens into its agencies."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output, nothing else.")] = False,
) -> None:
    """Add up the reports of a region, beside what its government states; who is missing, who exceeds. Exit code 3 when a number
    cannot be right.
    """
    settings = environment.settings()
    with environment.database(settings) as engine:
        code = region_named(region).code[:6].ljust(6, "0")
        form = form_of_year(year)
        if form is None:
            raise UsageError(f"there was no national form for reports on {year}")
        cells = tuple(cell or cells_of(form))
        if unknown := [name for name in cells if name not in load_book().indicators]:
            raise UsageError(f"there is no cell {unknown[0]!r}; `gongkai export` has them in its table of labels")
        if out is not None and out.suffix.lower() not in (".xlsx", ".docx"):
            raise UsageError(f"{out}: expected a file that ends in .xlsx or .docx")
        folder = settings.home / PANEL
        panel = Panel(folder, refresh(engine, folder))
        rollup = area_rollup(panel, code, year, cells)
    if not rollup.members and rollup.own is None:
        wrong(f"no report and no list of agencies of {region} on {year}")
    if out is not None:
        try:
            write = write_workbook if out.suffix.lower() == ".xlsx" else write_document
            write(rollup, form, out, spoken())
        except OSError as error:
            wrong(f"{out}: {error.strerror or error}; expected a place that can be written to")
    differ = [each for each in rollup.cells if each.contradicts or each.exceeds]
    if as_json:
        show_json({"rollup": rollup, "differences": {each.cell: each.difference for each in rollup.cells}})
    else:
        _show(rollup, rollup.cells if every else differ)
        if out is not None:
            say(plain(out))
    raise typer.Exit(Exit.ATTENTION if differ else Exit.GOOD)


def _show(rollup: AreaRollup, cells: tuple[CellRollup, ...] | list[CellRollup]) -> None:
    names = agency_names(rollup)
    made = table(
        "cell", "stated", "own level", "below", "towns", "sum", "difference", "vertical", "not in it", "exceeds",
        right=("stated", "own level", "below", "towns", "sum", "difference", "vertical"),
    )  # fmt: skip
    for each in cells:
        stated = word("omissions", each.stated, spoken()) if isinstance(each.stated, Omission) else shown_number(each.stated)
        over = word("sheets", "separator", spoken()).join(names.get(number, str(number)) for number in each.exceeds)
        made.add_row(
            plain(f"{table_of(each.cell)}{cell_label(each.cell)}"),
            plain(stated),
            shown_number(each.own_level.value),
            shown_number(each.parts[AreaPart.LOWER].value),
            shown_number(each.parts[AreaPart.TOWN].value),
            shown_number(each.computed.value),
            shown_number(each.difference),
            shown_number(each.parts[AreaPart.VERTICAL].value),
            plain(gaps_of(each.computed, names, spoken())),
            plain(over),
        )
    show(made)
    for unit in rollup.doubles:
        say(plain(f"{unit.agency}: {word('sheets', 'doubles', spoken())}"))
    absent = len(rollup.absent)
    say(f"{counted(len(rollup.members), 'agency', 'agencies')}, {absent:,} without a report; {counted(len(cells), 'cell')} shown")
