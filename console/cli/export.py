"""The command that writes the data to files."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from console.cli import environment
from console.cli.terminal.output import counted, plain, say, wrong
from console.export import export

Batch = Annotated[str | None, typer.Option(help="Only documents that were found in this batch.")]


class FileFormat(StrEnum):
    """What `export` writes."""

    JSONL = "jsonl"
    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"


def export_documents(
    form: Annotated[FileFormat, typer.Option("--format", help="What to write.")],
    out: Annotated[Path, typer.Option(help="File (jsonl, xlsx, .csv) or folder (csv, parquet) to write.")],
    batch: Batch = None,
    year: Annotated[int | None, typer.Option(help="Only reports on this year.")] = None,
) -> None:
    """Write the data with evidence, findings and failures to files."""
    with environment.database(environment.settings()) as engine:
        try:
            written = export(engine, form.value, out, batch, year)
        except ValueError as error:
            wrong(str(error))
        except OSError as error:
            wrong(f"{out}: {error.strerror or error}; expected a place that can be written to")
    say(", ".join(counted(getattr(written, nouns), nouns[:-1]) for nouns in ("documents", "reports", "cells", "findings")))
    for file in written.files:
        say(plain(file))
