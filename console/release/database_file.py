"""The DuckDB file of a release: views over its Parquet files, with the joins that every reader makes first."""

from __future__ import annotations

from pathlib import Path

import duckdb

from console.release.schema import release_tables
from database.analysis.columns import quoted

NAME = "gongkai.duckdb"
# A format without random numbers in its head, which every DuckDB from 1.0 on reads: the same data make the same bytes.
_STORAGE = "v1.0.0"

_VIEWS = {
    "sure_values": """
select v.filing_id, v.indicator, v.agency_id, v.year, v.value from "values" v where v.code = 'value'""",
    "panel": """
select v.agency_id, a.name as agency, a.kind, a.level, a.province, a.city, a.county, a.region_code, v.year, f.form, v.indicator,
    i.label_zh, i.label_en, i.unit, v.value, v.code, v.state, v.page, v.raw, f.sha256, v.filing_id, v.edition
from "values" v join filings f using (filing_id) join agencies a on a.agency_id = v.agency_id
    join indicators i using (indicator)""",
    "rates": """
select g.agency_id, a.name as agency, a.kind, a.level, a.province, a.city, a.county, a.region_code, a.city_code, g.year, f.form,
    g.derived, d.name_zh, d.name_en, g.numerator, g.denominator, g.value, g.left_out, g.filing_id
from figures g join filings f using (filing_id) join agencies a on a.agency_id = g.agency_id join derived d using (derived)""",
    "left_out": """
with d as (select distinct derived from figures)
select f.filing_id, a.agency_id, a.name as agency, a.kind, a.city_code, f.year, d.derived,
    coalesce(g.left_out, 'not_in_form') as why
from filings f join agencies a using (agency_id) cross join d
    left join figures g on g.filing_id = f.filing_id and g.derived = d.derived
where g.filing_id is null or g.left_out is not null
union all
select null, b.agency_id, b.name, b.kind, b.city_code, b.year, d.derived, 'no_filing' from absent b cross join d""",
    "agencies_without_a_sure_value": """
select v.indicator, v.year, a.agency_id, a.name as agency, a.city, v.code
from "values" v join agencies a using (agency_id) where v.code <> 'value'""",
}


def write_database(folder: Path) -> None:
    """Write the DuckDB file of the release in ``folder``, and ``views.sql``, which makes the same views in any DuckDB.

    The views name the files relative to the folder: open the file there, or set ``file_search_path``.
    """
    tables = {name: f"select * from read_parquet('data/parquet/{name}.parquet')" for name in release_tables()}
    statements = [f"create view {quoted(name)} as {query.strip()};\n" for name, query in {**tables, **_VIEWS}.items()]
    (folder / "views.sql").write_text("".join(statements), encoding="utf-8")
    database = duckdb.connect(config={"threads": 1})
    try:
        database.execute("set file_search_path = '" + str(folder).replace("'", "''") + "'")
        database.execute(f"attach '{str(folder / NAME).replace(chr(39), chr(39) * 2)}' as release (storage_version '{_STORAGE}')")
        database.execute("use release")
        for statement in statements:
            database.execute(statement)
        database.execute("use memory")
        database.execute("detach release")
    finally:
        database.close()
