"""The command that writes the data to files."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from console.cli import environment
from console.cli.terminal.output import counted, plain, say, wrong
from console.cli.terminal.progress import CountBar
from console.export import ExportSummary, WorkbookOptions, export

Batch = Annotated[str | None, typer.Option(help="Only documents that were found in this batch.")]


class FileFormat(StrEnum):
    """What `export` writes."""

    JSONL = "jsonl"
    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"


class WorkbookLanguage(StrEnum):
    """The language of a workbook."""

    ZH = "zh"
    EN = "en"


def export_documents(  # noqa: PLR0917 (options of a command)
    form: Annotated[FileFormat, typer.Option("--format", help="What to write.")],
    out: Annotated[Path, typer.Option(help="File (jsonl, xlsx, .csv) or folder (csv, parquet) to write.")],
    batch: Batch = None,
    year: Annotated[int | None, typer.Option(help="Only reports on this year.")] = None,
    in_force: Annotated[
        bool | None,
        typer.Option(
            "--in-force/--all",
            help="One report for each agency and year (default of csv, xlsx, parquet), or every document (default of jsonl).",
            show_default=False,
        ),
    ] = None,
    language: Annotated[
        WorkbookLanguage, typer.Option(help="xlsx: sheets and headings in Chinese (zh), or the keys of the other formats (en).")
    ] = WorkbookLanguage.ZH,
    values: Annotated[
        bool, typer.Option("--values/--no-values", help="xlsx: with or without the long sheet, some 200 rows a report.")
    ] = True,
) -> None:
    """Write the data with evidence, findings and failures to files."""
    workbook = WorkbookOptions(language.value, values)
    with environment.database(environment.settings()) as engine, CountBar("documents written") as bar:
        try:
            written = export(engine, form.value, out, batch, year, in_force=in_force, progress=bar.show, workbook=workbook)
        except ValueError as error:
            wrong(str(error))
        except OSError as error:
            wrong(f"{out}: {error.strerror or error}; expected a place that can be written to")
    say(", ".join(counted(getattr(written, nouns), nouns[:-1]) for nouns in ("documents", "reports", "cells", "findings")))
    for line in _apart(written, form):
        say(line)
    for file in written.files:
        say(plain(file))


def _apart(written: ExportSummary, form: FileFormat) -> list[str]:
    """What is not among the reports, and where it is, so that nobody thinks it lost."""
    if not written.in_force:
        where = "written too"
    elif form is FileFormat.JSONL:
        where = "left out; --all writes every document"
    else:
        where = "in the table of documents alone; --all writes every document"
    found = []
    if written.others:
        found.append(f"{counted(written.others, 'document')} of other editions or renditions: {where}")
    if written.unfiled:
        found.append(f"{counted(written.unfiled, 'report')} without agency or year, to be reviewed: {where}")
    return found
