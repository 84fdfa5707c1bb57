"""Exports: JSON Lines by the contract, and tables as CSV, XLSX or Parquet.

JSON Lines holds one object for each document: source, status, report, filing, sections, indicators, evidence, doubts,
findings, error. The other forms hold the same as tables: ``values`` (one row for each cell, with its evidence), ``wide_…`` (one
row for each report, a column for each indicator; only values that are sure, with the number of doubtful ones beside
them), ``findings``, ``documents`` and ``labels`` (what the forms print for each id).

An export is of the reports in force (one for each agency and year) or of all documents; the table of documents has all of
them in both.

An export is written beside its place and moved there when it is complete: what stands at the place is never half an
export.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
from sqlalchemy import Engine

from codebook.records import Record
from console.export import cells
from console.export.headings import Language
from console.export.read import Exported, read_documents
from console.export.workbook import WorkbookContents, XlsxWriter
from console.export.writers import CsvWriter, ParquetWriter, Writer

Form = Literal["jsonl", "csv", "xlsx", "parquet"]


class ExportSummary(Record, frozen=True):
    """What an export holds: numbers of documents, of reports in force among them, of their other editions and renditions
    (``others``), of reports that are in no filing since their agency or year is not known (``unfiled``), of cells and findings;
    and the files, in their final place. ``in_force``: others and unfiled reports are in the table of documents alone.
    """

    documents: int
    reports: int
    others: int
    unfiled: int
    cells: int
    findings: int
    in_force: bool
    files: tuple[Path, ...]


class _Tally:
    def __init__(self, *, in_force: bool) -> None:
        self.in_force = in_force
        self.documents = self.reports = self.others = self.unfiled = self.cells = self.findings = 0

    def add(self, exported: Exported, cells: int, findings: int) -> None:
        self.documents += 1
        if exported.has_report:
            self.reports += exported.in_force is True
            self.others += exported.in_force is False
            self.unfiled += exported.in_force is None
        self.cells += cells
        self.findings += findings

    def summary(self, files: list[Path]) -> ExportSummary:
        counts = (self.documents, self.reports, self.others, self.unfiled, self.cells, self.findings)
        return ExportSummary(*counts, self.in_force, tuple(files))


class WorkbookOptions(NamedTuple):
    """How a workbook is written.

    ``language``: of its sheets, headings and names. ``values`` False leaves the long table out, which has some 200 rows a report.
    """

    language: Language = "zh"
    values: bool = True


IN_CHINESE = WorkbookOptions()


class _Job(NamedTuple):
    chunks: Iterator[list[Exported]]
    tally: _Tally
    batch: str | None
    year: int | None
    options: WorkbookOptions


class ExportStoppedError(Exception):
    """Nobody wants the export any more."""


def export(
    engine: Engine,
    form: Form,
    out: Path,
    batch: str | None = None,
    year: int | None = None,
    *,
    in_force: bool | None = None,
    stop: Callable[[], bool] = lambda: False,
    progress: Callable[[int], object] | None = None,
    workbook: WorkbookOptions = IN_CHINESE,
) -> ExportSummary:
    """Export the documents, or those of a batch or of a year, to ``out``.

    ``in_force`` True: one report for each agency and year, with its findings. Other documents are rows of the table of documents
    alone; ``jsonl`` leaves them out. False: all documents. None: ``jsonl`` has all documents, tables have the reports in force.

    ``jsonl`` and ``xlsx`` write the file ``out``. ``parquet`` writes a folder with one file for each table. ``csv``
    writes a folder as well; when ``out`` ends in ``.csv``, that file is the table of values, and the others stand
    beside it as ``NAME_findings.csv`` and so on.

    A document has one line (row), with its first source; for a batch, its first source in that batch. Documents that
    failed or were rejected have their error and no report; one that is being processed for the first time has neither;
    one that is being processed again has the report that is in force meanwhile. With ``year``, only documents whose
    report is on that year. After every 200 documents ``stop`` is asked, and ``progress`` is called with the number so far.
    ``workbook`` is for ``xlsx`` alone.

    Raises ValueError when there is no such batch or form, OSError when the files cannot be written, ExportStoppedError
    when ``stop`` says so; then nothing is left behind.
    """
    writers: dict[str, Callable[[_Job, Path], ExportSummary]] = {
        "jsonl": _write_jsonl,
        "csv": _write_csv,
        "xlsx": _write_xlsx,
        "parquet": _write_parquet,
    }
    if form not in writers:
        raise ValueError(f"an export is one of {', '.join(writers)}, not {form!r}")
    tally = _Tally(in_force=in_force_by_default(form) if in_force is None else in_force)
    chunks = _watched(stop, progress, read_documents(engine, batch, year))
    return writers[form](_Job(chunks, tally, batch, year, workbook), out)


def in_force_by_default(form: str) -> bool:
    """Whether an export in this form is of the reports in force, unless it is asked for all documents."""
    return form != "jsonl"


def _watched(
    stop: Callable[[], bool], progress: Callable[[int], object] | None, chunks: Iterator[list[Exported]]
) -> Iterator[list[Exported]]:
    documents = 0
    for chunk in chunks:
        if stop():
            raise ExportStoppedError
        yield chunk
        documents += len(chunk)
        if progress is not None:
            progress(documents)


@contextmanager
def workplace(out: Path) -> Iterator[Path]:
    """A folder on the file system of ``out`` for files in the making; gone afterwards, whatever happens."""
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write_jsonl(job: _Job, out: Path) -> ExportSummary:
    encoder = msgspec.json.Encoder()
    with workplace(out) as folder:
        made = folder / "export.jsonl"
        with made.open("wb") as file:
            for chunk in job.chunks:
                for exported in chunk:
                    line = cells.json_line(exported, in_force=job.tally.in_force)
                    if line is None:
                        job.tally.add(exported, 0, 0)
                        continue
                    job.tally.add(exported, len(line["indicators"]), len(line["findings"]))
                    file.write(encoder.encode(line) + b"\n")
        made.replace(out)
    return job.tally.summary([out])


def _fill(job: _Job, writer: Writer, left_out: Container[str] = ()) -> None:
    for row in cells.label_rows():
        writer.write("labels", row)
    for chunk in job.chunks:
        for exported in chunk:
            found, findings = cells.cells(exported), 0
            for table, row in cells.table_rows(exported, found, in_force=job.tally.in_force, left_out=left_out):
                writer.write(table, row)
                findings += table == "findings"
            written = exported.in_force or not job.tally.in_force
            job.tally.add(exported, len(found) if written else 0, findings)
    writer.close()


def _write_xlsx(job: _Job, out: Path) -> ExportSummary:
    with workplace(out) as folder:
        made = folder / "export.xlsx"
        left_out = () if job.options.values else ("values",)
        now = datetime.now().astimezone().replace(tzinfo=None)
        contents = WorkbookContents(now, job.tally.in_force, job.batch, job.year, left_out)
        _fill(job, XlsxWriter(made, job.options.language, contents), left_out)
        made.replace(out)
    return job.tally.summary([out])


def _write_csv(job: _Job, out: Path) -> ExportSummary:
    names = {table: f"{table}.csv" for table in cells.tables()}
    target = out
    if out.suffix.lower() == ".csv" and not out.is_dir():
        names = {table: out.name if table == "values" else f"{out.stem}_{table}.csv" for table in names}
        target = out.parent
    return _write_folder(job, out, target, names, CsvWriter)


def _write_parquet(job: _Job, out: Path) -> ExportSummary:
    return _write_folder(job, out, out, {table: f"{table}.parquet" for table in cells.tables()}, ParquetWriter)


def _write_folder(
    job: _Job,
    out: Path,
    target: Path,
    names: dict[str, str],
    make: Callable[[dict[str, Path], dict[str, cells.Table]], Writer],
) -> ExportSummary:
    """Files are made apart and moved into ``target`` one by one at the end; other files there stay."""
    with workplace(out) as folder:
        _fill(job, make({table: folder / name for table, name in names.items()}, cells.tables()))
        target.mkdir(parents=True, exist_ok=True)
        files = [(folder / name).replace(target / name) for name in names.values()]
    return job.tally.summary(files)
