"""The panel on disk: a Parquet file for each year with one row for each unit (an agency on a year), and a manifest.

A row has the unit, the facts of indicators.yaml, and for each cell of the forms its number (``ID``, null unless it is sure) and
whether it is known (``ID?``: 0 known, else one more than the place of the reason in REASONS; null where the report has no such
cell). Agencies of a list without a report have a row without a filing. Nothing here counts a document: a filing has one row.

A refresh reads from the database who is in force, and the cells of those filings alone that are new or were arranged again since
the refresh before. Files are never changed: new ones are written next to them, and the manifest names those that hold.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from fcntl import LOCK_EX, LOCK_UN, flock
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import msgspec
import polars as pl
from sqlalchemy import Connection, Engine, bindparam, text

from codebook.analysis.figures import REASONS, Omission
from codebook.analysis.lateness import Lateness, due_by_law, lateness
from codebook.book import load_book
from codebook.divisions import level_of, parent_code
from codebook.records import Record, State
from database.analysis.keys import city_of, county_of, province_of
from database.filings.in_force import SHOWN_SQL
from database.session import reading
from database.sql import chunks

_LAYOUT = 2  # raised when columns or codes of reasons change: older panels are made again
_READ_AT_ONCE = 2_000  # reports; some 400,000 cells
_ANSWERS_KEPT, _CELLS_OF_ONE, _CELLS_OF_ALL = 300, 250_000, 1_000_000  # of answers that are given again; a cell has some 60 bytes
_CHINA = timezone(timedelta(hours=8))
_KEPT_SECONDS = 3_600.0  # that a file stays which no manifest names any more
_LEVELS = {1: "province", 2: "city", 3: "county"}
KNOWN = 0
CODES: Mapping[Omission, int] = {reason: number for number, reason in enumerate(REASONS, start=1)}
_BLANK, _DOUBT, _NOT_SEEN = (CODES[each] for each in (Omission.BLANK, Omission.DOUBT, Omission.NOT_SEEN))
FACTS = ("unit.expected", "unit.filed", "unit.reported", "unit.passed", "unit.dated", "unit.late_days", "unit.late_workdays")


class PanelYear(Record, frozen=True):
    """The file of a year, its units, and the digest of what it was made from."""

    file: str
    units: int
    digest: str


class PanelManifest(Record, frozen=True):
    """Which files hold. ``made_at`` is the ISO moment (UTC) at which the database was read, ``version`` changes with any file."""

    layout: int
    version: str
    made_at: str
    years: dict[int, PanelYear]

    @property
    def units(self) -> int:
        """Units of all years."""
        return sum(year.units for year in self.years.values())


class _FilingInForce(NamedTuple):
    """A filing in force."""

    filing_id: int
    agency_id: int
    agency: str
    kind: str | None
    year: int
    editions: int
    region_code: str | None
    form: str
    document_id: int
    report_id: int
    arranged_at: Any


class _DueReport(NamedTuple):
    """An agency of a list on a year."""

    agency: str
    region_code: str | None
    due_on: str | None


_FILED = text(
    """
    select v.filing_id, v.agency_id, v.agency_name, v.agency_kind, v.year, v.editions,
        coalesce(a.region_code, v.region_code) as region_code, v.form, v.document_id, v.report_id, fl.arranged_at
    from gk_current_filing v join gk_filing fl on fl.id = v.filing_id join gk_agency a on a.id = v.agency_id
    order by v.filing_id
    """
)
_DATES = text(
    f"""
    select m.filing_id, r.published_on, r.doubts
    from gk_filing_document m join gk_document d on d.id = m.document_id and d.status in ({SHOWN_SQL})
        join gk_report r on r.id = d.report_id
    where r.published_on is not null
    """
)
_SEEN = text(
    """
    select m.filing_id, min(s.seen_at) as seen_at
    from gk_filing_document m join gk_document d on d.id = m.document_id and d.status <> 'discarded'
        join gk_source s on s.document_id = d.id
    group by m.filing_id
    """
)
_RULES = text(
    """
    select v.filing_id, v.rule, v.severity
    from gk_current_finding v left join gk_finding_case c on c.id = v.case_id
    where c.state is null or c.state <> 'dismissed'
    """
)
_EXPECTED = text(
    """
    select e.year, k.agency_id, a.name, coalesce(e.region_code, a.region_code) as region_code, e.due_on, a.kind
    from gk_expected e join gk_agency_key k on k.key = e.agency_key join gk_agency a on a.id = k.agency_id
    """
)
_CELLS = text("select report_id, indicator, value, state from gk_value where report_id in :ids").bindparams(
    bindparam("ids", expanding=True)
)


@cache
def cell_ids() -> tuple[str, ...]:
    """The cells of all forms, in printing order."""
    return tuple(load_book().indicators)


def manifest_of(folder: Path) -> PanelManifest | None:
    """Return the manifest of a panel; None where there is none, or one of another layout."""
    try:
        found = msgspec.json.decode((folder / "panel.json").read_bytes(), type=PanelManifest)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
    return found if found.layout == _LAYOUT else None


@contextmanager
def _alone(folder: Path) -> Any:
    """Wait until no other process refreshes the panel of a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        flock(lock, LOCK_EX)
        try:
            yield
        finally:
            flock(lock, LOCK_UN)


def refresh(engine: Engine, folder: Path) -> PanelManifest:
    """Bring the panel of a folder up to date with the database; return its manifest. One process at a time does it.

    ``engine`` must have no bounds: the panel has all filings, and queries bound what a user sees.
    """
    with _alone(folder):
        for pattern in (".year-*.parquet", "tmp*"):  # begun by a process that was ended: nobody else writes here now
            for path in folder.glob(pattern):
                path.unlink(missing_ok=True)
        before = manifest_of(folder)
        with reading(engine) as connection:
            made_at = datetime.now(UTC).isoformat(timespec="seconds")
            units = _units(connection)
            years = {year: _refreshed(connection, folder, year, rows, before) for year, rows in sorted(units.items())}
        version = hashlib.sha256("".join(f"{year}{each.digest}" for year, each in years.items()).encode()).hexdigest()[:16]
        manifest = PanelManifest(_LAYOUT, version, made_at, years)
        _put(folder / "panel.json", msgspec.json.encode(manifest))
        _drop_old(folder, manifest, before)
        return manifest


def _drop_old(folder: Path, manifest: PanelManifest, before: PanelManifest | None) -> None:
    """Delete the files that no manifest has named for an hour: others may read them until they look at the manifest again."""
    named = {each.file for each in manifest.years.values()}
    for each in before.years.values() if before is not None else ():
        if each.file not in named and (folder / each.file).exists():
            os.utime(folder / each.file)  # its hour begins
    for path in folder.glob("year-*.parquet"):
        if path.name not in named and path.stat().st_mtime < time.time() - _KEPT_SECONDS:
            path.unlink()


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


def _put(path: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    Path(name).replace(path)


_SQL_TYPES = {
    pl.Int64: "bigint",
    pl.Int16: "smallint",
    pl.UInt8: "utinyint",
    pl.Float64: "double",
    pl.String: "varchar",
    pl.List(pl.String): "varchar[]",
}


class _UnitRow(NamedTuple):
    """A row of the panel without its cells: the columns of the unit in their order, and the digest of its cells."""

    columns: tuple[Any, ...]
    report_id: int | None
    cells: str


UNIT_COLUMNS: Mapping[str, Any] = {
    "agency_id": pl.Int64,
    "agency": pl.String,
    "year": pl.Int16,
    "kind": pl.String,
    "level": pl.String,
    "region_code": pl.String,
    "province_code": pl.String,
    "city_code": pl.String,
    "county_code": pl.String,
    "parent_code": pl.String,
    "filing_id": pl.Int64,
    "document_id": pl.Int64,
    "report_id": pl.Int64,
    "form": pl.String,
    "due_on": pl.String,
    "published_on": pl.String,
    "first_seen_on": pl.String,
    "rules": pl.List(pl.String),
    **dict.fromkeys(FACTS, pl.Float64),
    **{f"{name}?": pl.UInt8 for name in FACTS},
}


def _units(connection: Connection) -> dict[int, list[_UnitRow]]:
    """The units of all years: the filings in force, and agencies of the lists that have none."""
    dates: dict[int, str] = {}
    for filing_id, published_on, doubts in connection.execute(_DATES):
        if "report.published_on" not in (doubts or ""):
            dates[filing_id] = min(published_on, dates.get(filing_id, published_on))
    seen = {row.filing_id: _day(row.seen_at) for row in connection.execute(_SEEN)}
    rules: dict[int, set[str]] = defaultdict(set)
    for filing_id, rule, severity in connection.execute(_RULES):
        rules[filing_id] |= {rule, "any"} if severity == "error" else {rule}
    due: dict[tuple[int, int], _DueReport] = {}
    kinds: dict[int, str | None] = {}
    for year, agency_id, agency, region_code, due_on, kind in connection.execute(_EXPECTED):
        due[year, agency_id] = _DueReport(agency, region_code, due_on)
        kinds[agency_id] = kind
    found: dict[int, list[_UnitRow]] = defaultdict(list)
    for row in connection.execute(_FILED):
        filed = _FilingInForce(*row)
        listed = due.pop((filed.year, filed.agency_id), None)
        dated = (dates.get(filed.filing_id), seen.get(filed.filing_id))
        found[filed.year].append(_filed_row(filed, listed, dated, rules.get(filed.filing_id, set())))
    for (year, agency_id), listed in sorted(due.items()):
        found[year].append(_absent_row(year, agency_id, kinds[agency_id], listed))
    return found


def _day(moment: Any) -> str:
    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    day: str = at.astimezone(_CHINA).date().isoformat()
    return day


def _where(kind: str | None, region_code: str | None) -> tuple[Any, ...]:
    level = "town" if kind == "town" else _LEVELS.get(level_of((), region_code) or 0)
    above = parent_code(region_code[:6]) if region_code else None
    return (kind, level, region_code, province_of(region_code), city_of(region_code), county_of(region_code), above)


def _filed_row(
    filed: _FilingInForce, listed: _DueReport | None, dated: tuple[str | None, str | None], rules: set[str]
) -> _UnitRow:
    published_on, first_seen_on = dated
    due_on = (listed.due_on if listed else None) or due_by_law(filed.agency, filed.year)
    late = lateness(due_on, published_on, first_seen_on)
    facts: dict[str, float | Omission | None] = {
        "unit.expected": 1 if listed else Omission.NOT_LISTED,
        "unit.filed": 1 if listed else Omission.NOT_LISTED,
        "unit.reported": 1,
        "unit.passed": int(filed.editions <= 1 and "any" not in rules),
        "unit.dated": 1 if isinstance(late, Lateness) else late,
        "unit.late_days": late.days if isinstance(late, Lateness) else late,
        "unit.late_workdays": (Omission.NO_CALENDAR if late.workdays is None else late.workdays)
        if isinstance(late, Lateness)
        else late,
    }
    columns = (
        filed.agency_id,
        filed.agency,
        filed.year,
        *_where(filed.kind, filed.region_code),
        filed.filing_id,
        filed.document_id,
        filed.report_id,
        filed.form,
        due_on,
        published_on,
        first_seen_on,
        sorted(rules),
        *_as_columns(facts),
    )
    return _UnitRow(columns, filed.report_id, f"{filed.report_id} {filed.arranged_at}")


def _absent_row(year: int, agency_id: int, kind: str | None, listed: _DueReport) -> _UnitRow:
    facts: dict[str, float | Omission | None] = dict.fromkeys(FACTS, Omission.NO_FILING)
    facts |= {"unit.expected": 1, "unit.filed": 0}
    due_on = listed.due_on or due_by_law(listed.agency, year)
    where = _where(kind, listed.region_code)
    columns = (agency_id, listed.agency, year, *where, None, None, None, None, due_on, None, None, [], *_as_columns(facts))
    return _UnitRow(columns, None, "")


def _as_columns(facts: Mapping[str, float | Omission | None]) -> tuple[Any, ...]:
    values = [None if isinstance(facts[name], Omission) else facts[name] for name in FACTS]
    codes = [CODES[found] if isinstance(found := facts[name], Omission) else KNOWN for name in FACTS]
    return (*values, *codes)


def _refreshed(
    connection: Connection, folder: Path, year: int, rows: Sequence[_UnitRow], before: PanelManifest | None
) -> PanelYear:
    """The file of a year: the one of before where nothing changed, else a new one with the cells that are still good."""
    seed = f"{_LAYOUT} {load_book().version} {[(row.columns, row.cells) for row in rows]!r}"
    digest = hashlib.sha256(seed.encode()).hexdigest()[:16]
    old = before.years.get(year) if before is not None else None
    if old is not None and old.digest == digest and (folder / old.file).exists():
        return old
    units = pl.DataFrame([(*row.columns, row.cells) for row in rows], schema={**UNIT_COLUMNS, "cells": pl.String}, orient="row")
    kept = _kept_cells(folder / old.file, units) if old is not None and (folder / old.file).exists() else None
    have = set(kept["report_id"]) if kept is not None else set()
    parts = [kept] if kept is not None else []
    wanted = [row.report_id for row in rows if row.report_id is not None and row.report_id not in have]
    parts += [_read_cells(connection, list(part)) for part in chunks(wanted, _READ_AT_ONCE)]
    cells = pl.concat(parts) if parts else _empty_cells()
    file = f"year-{year}-{digest}.parquet"
    joined = units.join(cells, on="report_id", how="left", maintain_order="left").sort(
        "province_code", "city_code", "county_code", "agency_id", nulls_last=True
    )
    made = folder / f".{file}"
    joined.write_parquet(made, compression="zstd", row_group_size=50_000)
    made.replace(folder / file)
    return PanelYear(file, len(rows), digest)


def _cell_columns() -> dict[str, Any]:
    return {name: kind for cell in cell_ids() for name, kind in ((cell, pl.Float64), (f"{cell}?", pl.UInt8))}


def _empty_cells() -> pl.DataFrame:
    return pl.DataFrame(schema={"report_id": pl.Int64, **_cell_columns()})


def _kept_cells(path: Path, units: pl.DataFrame) -> pl.DataFrame | None:
    """The cells of the file of before whose reports are still in force and were not arranged again."""
    old = pl.scan_parquet(path)
    if set(_cell_columns()) - set(old.collect_schema().names()):
        return None  # another codebook
    good = units.select("report_id", "cells").filter(pl.col("report_id").is_not_null())
    columns = ("report_id", *_cell_columns())
    return old.join(good.lazy(), on=["report_id", "cells"], how="semi").select(*columns).collect()


def _read_cells(connection: Connection, reports: list[int]) -> pl.DataFrame:
    """The cells of some reports, a row for each report that has any."""
    rows = connection.execute(_CELLS, {"ids": reports}).all()
    if not rows:
        return _empty_cells()
    report, cell, value, state = zip(*rows, strict=True)
    long = pl.DataFrame(
        {"report_id": report, "cell": cell, "value": value, "state": state},
        schema={"report_id": pl.Int64, "cell": pl.String, "value": pl.Float64, "state": pl.String},
    ).filter(pl.col("cell").is_in(cell_ids()))
    sure = pl.col("state").is_in([each.value for each in State if not each.unsettled and each is not State.MISSING])
    code = (
        pl.when(sure & pl.col("value").is_not_null())
        .then(KNOWN)
        .when(pl.col("state") == State.MISSING.value)
        .then(_BLANK)
        .when(pl.col("state") == State.NOT_SEEN.value)
        .then(_NOT_SEEN)
        .otherwise(_DOUBT)
        .cast(pl.UInt8)
    )
    coded = long.select("report_id", "cell", pl.when(code == KNOWN).then("value").alias("value"), code.alias("code"))
    numbers = coded.pivot("cell", index="report_id", values="value")
    codes = coded.pivot("cell", index="report_id", values="code").rename(lambda name: name if name == "report_id" else f"{name}?")
    wide = numbers.join(codes, on="report_id")
    lacking = [pl.lit(None, dtype=kind).alias(name) for name, kind in _cell_columns().items() if name not in wide.columns]
    return wide.with_columns(lacking).select("report_id", *_cell_columns())


def question_key(query: str, parameters: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """Return what a question is kept by: as short for a hundred thousand numbers as for one.

    >>> len(question_key("select 1", {"numbers": list(range(100_000))}))
    32
    """
    return hashlib.sha256(f"{query}\0{parameters!r}".encode()).digest()


def _opened(folder: Path, manifest: PanelManifest) -> duckdb.DuckDBPyConnection:
    """A connection with the files of a manifest as the view ``panel``. Raises duckdb.IOException where one is not there."""
    connection = duckdb.connect(config={"autoinstall_known_extensions": False, "autoload_known_extensions": False})
    files = [str(folder / each.file) for each in manifest.years.values()]
    connection.execute("set parquet_metadata_cache = true")
    if files:
        named = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
        connection.execute(f"create view panel as select * from read_parquet([{named}])")
    else:
        columns = (f'"{name}" {_SQL_TYPES[kind]}' for name, kind in {**UNIT_COLUMNS, **_cell_columns()}.items())
        connection.execute(f"create table panel ({', '.join(columns)})")
    return connection


def _asked(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: Mapping[str, Any] | Sequence[Any]
) -> list[tuple[Any, ...]]:
    cursor = connection.cursor()
    try:
        return cursor.execute(query, parameters).fetchall()
    finally:
        cursor.close()


class Panel:
    """A panel to be asked with DuckDB: the files that a manifest names. Threads share it; each asks with a cursor of its own.

    Where another process has deleted files since, it opens those that the manifest of the folder names by then.
    """

    def __init__(self, folder: Path, manifest: PanelManifest) -> None:
        self.manifest, self._folder = manifest, folder
        self._answers: OrderedDict[bytes, list[tuple[Any, ...]]] = OrderedDict()
        self._cells = 0
        self._lock = threading.Lock()
        self._connection = _opened(folder, manifest)

    def ask(self, query: str, parameters: Mapping[str, Any] | Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query. The same question has the same answer: small ones are kept."""
        key = question_key(query, parameters)
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]
            connection = self._connection
        try:
            rows = _asked(connection, query, parameters)
        except duckdb.IOException:
            connection = self._opened_again(connection)
            rows = _asked(connection, query, parameters)
        if _cells_in(rows) <= _CELLS_OF_ONE:
            with self._lock:
                if connection is self._connection:
                    self._cells += _cells_in(rows) - _cells_in(self._answers.pop(key, []))
                    self._answers[key] = rows
                while len(self._answers) > _ANSWERS_KEPT or self._cells > _CELLS_OF_ALL:
                    self._cells -= _cells_in(self._answers.popitem(last=False)[1])
        return rows

    @property
    def cells_kept(self) -> int:
        """The cells of all answers that are kept."""
        return self._cells

    def _opened_again(self, failed: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        """A connection to the files of the folder's manifest, in place of one whose files are gone. Raises duckdb.IOException
        where these are gone too.
        """
        with self._lock:
            if self._connection is failed and (manifest := manifest_of(self._folder)) is not None:
                # The connection before is not closed: another thread may ask it now. It goes when nobody holds it.
                self._connection = _opened(self._folder, manifest)
                self.manifest = manifest
                self._answers.clear()
                self._cells = 0
            return self._connection

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _cells_in(rows: Sequence[tuple[Any, ...]]) -> int:
    return len(rows) * len(rows[0]) if rows else 0
