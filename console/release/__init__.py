"""Releases: the data as a folder that can be cited, checked and joined without this program.

``data/parquet`` and ``data/csv`` hold the same tables (``tables.yaml`` names columns, keys and meanings): values in long and in
wide form, filings, editions, agencies, indicators, texts, findings. With them come metadata (Frictionless, CSVW, DCAT, DataCite,
CITATION.cff), the codebook in both languages, a DuckDB file with views, the report of checks, the change log of numbers and the
digests of all files.

A release is of the filings in force. It holds no path, no name of an operator and no dismissed finding; in texts the contact
lines of persons are masked. The same database and the same version make the same bytes.

A release is written beside its place and moved there when its checks have passed.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine

from codebook.errors import UsageError
from codebook.records import Record
from console.export import workplace
from console.export.read import read_documents
from console.export.writers import CsvWriter, ParquetWriter
from console.release.about import ReleaseFacts, release_facts
from console.release.absent import absent_rows
from console.release.changes import changed_rows, version_of
from console.release.checks import check_files, contents
from console.release.database_file import write_database
from console.release.digests import write_digests
from console.release.figures import derived_rows
from console.release.metadata import ReleaseIdentity, write_metadata
from console.release.pages import ReleaseReport, write_pages
from console.release.repeats import repeat_rows
from console.release.rows import DocumentRows, Row, code_rows, comparability_rows, indicator_rows
from console.release.schema import release_tables


class ReleaseSummary(Record, frozen=True):
    """What was released: its folder, and how many filings, cells, findings and changed numbers, checks and files."""

    folder: Path
    date: str
    filings: int
    cells: int
    findings: int
    changes: int
    masked: int
    checks: int
    files: int


def release(
    engine: Engine,
    version: str,
    out: Path,
    *,
    date: str | None = None,
    facts: ReleaseFacts | None = None,
    previous: Path | None = None,
    mask: bool = True,
    progress: Callable[[int], object] | None = None,
) -> ReleaseSummary:
    """Write the release ``version`` to the folder ``out``, which must not be there or be empty.

    ``date`` (ISO) is that of the release; without one, the day on which the latest document came in. ``previous`` is the folder
    of the release before, for the change log. ``mask`` False leaves the contact lines of persons in the texts. ``progress`` is
    called with the number of documents read so far.

    Raises UsageError for a folder that is in use or a ``previous`` that is no release, ReleaseError when a check fails, OSError
    when the files cannot be written; then nothing is left behind.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is in use; expected a folder that is not there yet, or an empty one")
    before = version_of(previous) if previous is not None else None
    with workplace(out) as work:
        made = work / "release"
        data = made / "data"
        rows, counts = _write_tables(engine, data, progress, mask=mask)
        counts |= _write_rows(data, {"absent": absent_rows(engine, data), "repeats": repeat_rows(engine, data, rows.reports)})
        changes = () if previous is None else changed_rows(data, previous)
        counts |= _write_rows(data, {"changes": changes})
        checks = check_files(data, rows.filings)
        shutil.rmtree(data / ".duckdb", ignore_errors=True)
        identity = ReleaseIdentity(version, date or rows.latest or "1970-01-01", before, mask)
        told = facts or release_facts()
        write_database(made)
        write_pages(made, told, identity, ReleaseReport(tuple(checks), contents(data), rows.masked, rows.left_out))
        write_metadata(made, told, identity)
        shutil.rmtree(data / ".duckdb", ignore_errors=True)
        files = write_digests(made)
        if out.exists():
            out.rmdir()
        made.replace(out)
    written = (counts["values"], counts["findings"], counts["changes"], rows.masked.total())
    return ReleaseSummary(out, identity.date, rows.filings, *written, len(checks), files)


def _write_tables(
    engine: Engine, data: Path, progress: Callable[[int], object] | None, *, mask: bool
) -> tuple[DocumentRows, Counter[str]]:
    rows, counts = DocumentRows(mask=mask), Counter[str]()
    fixed = {"derived": derived_rows, "indicators": indicator_rows, "comparability": comparability_rows, "codes": code_rows}
    with _writing(data, [name for name in release_tables() if name not in ("absent", "changes", "repeats")]) as write:
        for table, make in fixed.items():
            for row in make():
                write(table, row)
        documents = 0
        for chunk in read_documents(engine):
            for exported in chunk:
                for table, row in rows.of_document(exported):
                    write(table, row)
                    counts[table] += 1
            documents += len(chunk)
            if progress is not None:
                progress(documents)
        for row in rows.agencies():
            write("agencies", row)
    return rows, counts


def _write_rows(data: Path, tables: dict[str, Iterable[Row]]) -> Counter[str]:
    counts = Counter[str]()
    with _writing(data, list(tables)) as write:
        for table, rows in tables.items():
            for row in rows:
                write(table, row)
                counts[table] += 1
    return counts


@contextmanager
def _writing(data: Path, names: list[str]) -> Iterator[Callable[[str, Row], None]]:
    """A function that adds a row to both files of a table; they are complete when the ``with`` statement ends."""
    for kind in ("csv", "parquet"):
        (data / kind).mkdir(parents=True, exist_ok=True)
    types = {name: release_tables()[name].types for name in names}
    csv = CsvWriter({name: data / "csv" / f"{name}.csv" for name in names}, types)
    parquet = ParquetWriter({name: data / "parquet" / f"{name}.parquet" for name in names}, types)

    def write(table: str, row: Row) -> None:
        csv.write(table, row)
        parquet.write(table, row)

    yield write
    csv.close()
    parquet.close()
