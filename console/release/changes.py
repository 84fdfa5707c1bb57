"""The change log of numbers: what a release states otherwise than the one before it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from codebook.errors import UsageError
from console.release.checks import open_tables, path_of
from console.release.rows import Row

_BATCH = 10_000
_CHANGES = """
select coalesce(b.agency_id, a.agency_id), coalesce(b.year, a.year), coalesce(b.indicator, a.indicator),
    case when b.code is null then 'added' when a.code is null then 'removed' else 'changed' end,
    b.value, a.value, b.code, a.code, b.edition, a.edition
from read_parquet({before}) b full join "values" a using (agency_id, year, indicator)
where b.code is distinct from a.code or b.value is distinct from a.value
order by coalesce(b.agency_id, a.agency_id)::bigint, 2, 3"""


def version_of(folder: Path) -> str:
    """Return the version of the release in ``folder``. Raises UsageError when there is none."""
    try:
        said = msgspec.json.decode((folder / "datapackage.json").read_bytes(), type=dict[str, object])
    except (OSError, msgspec.DecodeError) as error:
        raise UsageError(f"{folder}: {error}; expected the folder of a release") from error
    if not (folder / "data" / "parquet" / "values.parquet").exists():
        raise UsageError(f"{folder}: no data/parquet/values.parquet; expected the folder of a release")
    return str(said.get("version"))


def changed_rows(data: Path, previous: Path) -> Iterator[Row]:
    """Yield the numbers and codes that differ from the release in the folder ``previous``, by agency, year and indicator.

    ``data`` is the folder of the tables that were written.
    """
    database = open_tables(data)
    try:
        cursor = database.execute(_CHANGES.format(before=path_of(previous / "data", "values")))
        while rows := cursor.fetchmany(_BATCH):
            yield from rows
    finally:
        database.close()


def change_counts(data: Path) -> list[tuple[str, str, int]]:
    """Return how many numbers changed, by kind of change and block of the indicator."""
    database = open_tables(data)
    try:
        query = "select change, split_part(indicator, '.', 1), count(*) from changes group by all order by all"
        return [(str(change), str(block), int(count)) for change, block, count in database.execute(query).fetchall()]
    finally:
        database.close()
