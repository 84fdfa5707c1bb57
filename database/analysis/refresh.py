"""Bringing the panel up to date: who is in force is read from the database, and the cells of those filings alone that are new or
were arranged again since the refresh before.

A year has four files. One has a row for each unit with its facts and, for each cell of the forms, its number (``ID``, null
unless it is sure) and whether it is known (``ID?``: see :data:`~database.analysis.columns.CODES`; null where the report has no
such cell), and those cells of the year before with which indicators compare it (``before.ID``). The second has the units with
the numerators, denominators and reasons of the derived indicators, the third their sums by region
(:mod:`database.analysis.sums`), the fourth contradictions between governments and those under them. Agencies of a list without a
report have a row without a filing. Nothing here counts a document: a filing has one row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl
from sqlalchemy import Connection, Engine, text

from codebook.book import load_book
from database.analysis.cells import empty_cells, kept_cells, read_cells, with_cells_before
from database.analysis.columns import OFFLINE, UNIT_COLUMNS, quoted
from database.analysis.contradictions import write_contradictions
from database.analysis.expressions import figure_columns
from database.analysis.manifest import LAYOUT, PanelManifest, PanelYear, drop_old, manifest_of, refreshing, write_manifest
from database.analysis.sums import write_sums
from database.analysis.units import PanelUnit, unit_rows
from database.session import reading
from database.sql import chunks

_READ_AT_ONCE = 2_000  # reports; some 400,000 cells
_ROW_GROUP = 50_000  # rows of a Parquet file that are read together

_CHANGES = text(
    """
    select (select max(id) from gk_report), (select count(*) from gk_filing), (select max(arranged_at) from gk_filing),
        (select max(finished_at) from gk_document), (select max(changed_at) from gk_finding_case),
        (select count(*) from gk_expected), (select max(listed_at) from gk_expected),
        (select max(decided_at) from gk_agency_decision), (select max(ended_at) from gk_agency_decision)
    """
)


def changes_of(connection: Connection) -> str:
    """Return a text that is another one when the panel has to be brought up to date: a few aggregates, quickly asked."""
    return f"{load_book().version} {tuple(connection.execute(_CHANGES).one())!r}"


def refresh(engine: Engine, folder: Path) -> PanelManifest:
    """Bring the panel of a folder up to date with the database; return its manifest. One process at a time does it.

    ``engine`` must have no bounds: the panel has all filings, and queries bound what a user sees.
    """
    with refreshing(folder):
        before = manifest_of(folder)
        with reading(engine) as connection:
            made_at = datetime.now(UTC).isoformat(timespec="seconds")
            units = unit_rows(connection)
            digests = {year: _digest_of(rows) for year, rows in units.items()}
            years: dict[int, PanelYear] = {}
            for year, rows in sorted(units.items()):
                # A year has cells of the one before: it is made again when one of both changed, not with every earlier one.
                digest = hashlib.sha256(f"{digests[year]} {digests.get(year - 1)}".encode()).hexdigest()[:16]
                files, last = PanelYear.named(year, len(rows), digest), years.get(year - 1)
                years[year] = _refreshed(connection, folder, rows, before, year=year, made=files, last=last)
        version = hashlib.sha256("".join(f"{year}{each.digest}" for year, each in years.items()).encode()).hexdigest()[:16]
        manifest = PanelManifest(LAYOUT, version, made_at, years)
        write_manifest(folder, manifest)
        drop_old(folder, manifest, before)
        return manifest


def _digest_of(rows: Sequence[PanelUnit]) -> str:
    """The digest of what a year is made from."""
    seed = f"{LAYOUT} {load_book().version} {[(row.columns, row.cells) for row in rows]!r}"
    return hashlib.sha256(seed.encode()).hexdigest()[:16]


def _refreshed(
    connection: Connection,
    folder: Path,
    rows: Sequence[PanelUnit],
    before: PanelManifest | None,
    *,
    year: int,
    made: PanelYear,
    last: PanelYear | None,
) -> PanelYear:
    """The files of a year: those of before where nothing changed, else new ones (``made``) with the cells that are still good.
    ``last`` are those of the year before.
    """
    old = before.years.get(year) if before is not None else None
    if old is not None and old.digest == made.digest and all((folder / name).exists() for name in old.files):
        return old
    units = pl.DataFrame([(*row.columns, row.cells) for row in rows], schema={**UNIT_COLUMNS, "cells": pl.String}, orient="row")
    kept = kept_cells(folder / old.file, units) if old is not None and (folder / old.file).exists() else None
    have = set(kept["report_id"]) if kept is not None else set()
    parts = [kept] if kept is not None else []
    wanted = [row.report_id for row in rows if row.report_id is not None and row.report_id not in have]
    parts += [read_cells(connection, list(part)) for part in chunks(wanted, _READ_AT_ONCE)]
    cells = pl.concat(parts) if parts else empty_cells()
    joined = units.join(cells, on="report_id", how="left", maintain_order="left")
    joined = with_cells_before(joined, folder / last.file if last is not None else None).sort(
        "province_code", "city_code", "county_code", "agency_id", nulls_last=True
    )
    begun = folder / f".{made.file}"
    joined.write_parquet(begun, compression="zstd", row_group_size=_ROW_GROUP)
    begun.replace(folder / made.file)
    write_figures(folder, made, year)
    return made


def write_figures(folder: Path, files: PanelYear, year: int) -> None:
    """Write the derived indicators of the units of a year, from the file that has their cells, and what is made of both."""
    cells, made = folder / files.file, folder / f".{files.figures}"
    columns = [quoted(name) for name in UNIT_COLUMNS] + [f"{sql} as {quoted(name)}" for name, sql in figure_columns(year).items()]
    source, target = (str(path).replace("'", "''") for path in (cells, made))
    with duckdb.connect(config=dict(OFFLINE)) as database:
        database.execute(
            f"copy (select {', '.join(columns)} from read_parquet('{source}'))"
            f" to '{target}' (format parquet, compression zstd, row_group_size {_ROW_GROUP})"
        )
    made.replace(folder / files.figures)
    write_sums(folder / files.figures, folder / files.sums)
    write_contradictions(folder / files.file, folder / files.contradictions)
