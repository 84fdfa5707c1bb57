"""Views for analysts, generated from the codebook: the versions in force, in long and in wide form, findings and the
error queue.

The columns of a wide view are the ids of its indicators with underscores for dots. A wide view shows only values that
are sure: what is doubtful is null there and counted in ``doubtful_count``; what the source leaves blank is null too.
"""

from __future__ import annotations

from functools import cache
from typing import TypedDict

from sqlalchemy import Connection, inspect

from codebook.book import Indicator, load_book
from codebook.records import UNSETTLED_STATES, Record
from database.export_columns import (
    AGENCY_LEVEL,
    AGREED_BY,
    BLOCK_FORM,
    BODY,
    DOUBTFUL_COUNT,
    FILED,
    FINDING_ID,
    NOTE,
    PACK,
    PATH,
    SHA256,
    STATUS,
    VIEW_FINDINGS,
    VIEW_VALUES,
    WHO,
    Columns,
    selected,
)
from database.filings.in_force import FILED_SQL, SHOWN_SQL, SPEAKS_SQL
from database.models import PREFIX, Between, FailureState

_CASE_ID = FINDING_ID._replace(name="case_id", sql="f.case_id")  # ``finding_id`` of the view is that of the row
_LONGEST_NAME = 63  # bytes, of an identifier in PostgreSQL


class Wide(Record, frozen=True):
    """A wide table: one row for each report that has the block (in the form, where the form decides the columns)."""

    name: str
    block: str
    form: str | None
    indicators: tuple[Indicator, ...]


def column_name(indicator: str) -> str:
    """The column of an indicator.

    >>> column_name("requests.denied.state_secret.total")
    'requests_denied_state_secret_total'
    """
    return indicator.replace(".", "_")


@cache
def wide_tables() -> tuple[Wide, ...]:
    """The wide tables of the codebook: one for each block, or one for each form of a block whose columns depend on the
    form.

    Raises ValueError when two ids would give one column, or a name is longer than PostgreSQL takes.
    """
    book = load_book()
    tables: list[Wide] = []
    for name, block in book.blocks.items():
        if block.groups:
            tables += [Wide(f"{name}_{form}", name, form, book.of_form(form, name)) for form in block.forms]
        else:
            tables.append(Wide(name, name, None, tuple(i for i in book.indicators.values() if i.block == name)))
    for table in tables:
        names = [column_name(i.id) for i in table.indicators] + [f"{PREFIX}wide_{table.name}"]
        if len(set(names)) != len(names) or max(len(n.encode()) for n in names) > _LONGEST_NAME:
            raise ValueError(f"wide table {table.name}: names are too long or not distinct")
    return tuple(tables)


def create_views(connection: Connection) -> None:
    """Make all views again. Can be run again at any time; fails if somebody's own view stands on one of ours (PostgreSQL)."""
    wide = _wide_postgresql if connection.dialect.name == "postgresql" else _wide_sqlite
    there = inspect(connection).has_table("gk_filing")
    filed = _FILINGS if there else _BEFORE_FILINGS
    views = {
        "current_value": _CURRENT_VALUE.format(**filed, added=_added(connection, "value", (NOTE, AGREED_BY))),
        "current_finding": _CURRENT_FINDING.format(**filed, added=_added(connection, "finding", (PACK, _CASE_ID))),
        **({"current_filing": _CURRENT_FILING} if there else {}),
        "error_queue": _ERROR_QUEUE,
        **{f"wide_{table.name}": wide(table, filed) for table in wide_tables()},
    }
    drop_views(connection)
    for name, query in views.items():
        connection.exec_driver_sql(f"create view {PREFIX}{name} as {query}")


def _added(connection: Connection, table: str, later: Columns) -> str:
    """Those of the columns of ``table`` that were added later: a database that was taken back to a version before has not all of
    them.
    """
    there = {column["name"] for column in inspect(connection).get_columns(f"{PREFIX}{table}")}
    columns = tuple(column for column in later if column.sql.rpartition(".")[2] in there)
    return f", {selected(columns)}" if columns else ""


def drop_views(connection: Connection) -> None:
    """Drop all views of ours: those of today's codebook and those that an earlier one made. To be called before tables are
    changed, since PostgreSQL keeps a column that a view shows as it is.
    """
    for name in inspect(connection).get_view_names():
        if name.startswith(_OURS):
            connection.exec_driver_sql(f"drop view {connection.dialect.identifier_preparer.quote(name)}")


_OURS = (f"{PREFIX}current_", f"{PREFIX}wide_", f"{PREFIX}error_queue")
_FIRST_SOURCE = """
    left join gk_source s on s.id = (select min(first.id) from gk_source first where first.document_id = d.id)"""
_FILED = FILED_SQL + _FIRST_SOURCE


class _Filed(TypedDict):
    """What views of reports select from, the columns of the filing at their end, and the condition that the other report of a
    finding is in force.
    """

    in_force: str
    filing: str
    witness: str
    other: str


_FILINGS: _Filed = {
    "in_force": _FILED,
    "filing": f", {selected((*FILED, *BODY))}",
    "witness": ", v.witness",
    "other": f"""join gk_filing_document m on m.document_id = o.id
        where o.report_id = f.other_report_id and o.status in ({SHOWN_SQL})
            and (f."between" = '{Between.FILING.value}' or {SPEAKS_SQL})""",
}
# For a database that was taken back to a version before there were filings: every document that shows a report.
_BEFORE_FILINGS: _Filed = {
    "in_force": f"gk_document d join gk_report r on r.id = d.report_id and d.status in ({SHOWN_SQL}){_FIRST_SOURCE}",
    "filing": "",
    "witness": "",
    "other": f"where o.report_id = f.other_report_id and o.status in ({SHOWN_SQL})",
}

_CURRENT_FILING = f"""
select fl.id as filing_id, fl.agency_id, a.name as agency_name, a.kind as agency_kind, fl.year, m.edition, fl.editions, r.agency,
    r.province, r.city, r.county, r.region_code, r.form, r.published_on, s.seen_at as first_seen_at, d.status, s.path, d.sha256,
    d.id as document_id, r.id as report_id, {selected((AGENCY_LEVEL,))}
from {_FILED}"""

_CURRENT_VALUE = f"""
select {selected(VIEW_VALUES)}, d.id as document_id, r.id as report_id, r.version{{filing}}{{witness}}{{added}}
from {{in_force}} join gk_value v on v.report_id = r.id"""

_CURRENT_FINDING = f"""
select {selected(VIEW_FINDINGS)}, f.place, f."between", f.other_report_id, {selected((PATH, SHA256))}, d.id as document_id,
    r.id as report_id, f.id as finding_id{{filing}}{{added}}
from {{in_force}} join gk_finding f on f.report_id = r.id
where f.other_report_id is null or exists (select 1 from gk_document o {{other}})"""

_ERROR_QUEUE = f"""
select f.id as failure_id, f.document_id, s.path, d.sha256, d.media_type, d.status, b.name as batch, f.stage, f.page, f.code,
    f.message, f.attempts, f.created_at
from gk_failure f join gk_document d on d.id = f.document_id join gk_batch b on b.id = d.batch_id
    left join gk_source s on s.id = (select min(first.id) from gk_source first where first.document_id = d.id)
where f.state = '{FailureState.OPEN.value}'"""

_UNSETTLED = f"v.state in ({', '.join(repr(state.value) for state in UNSETTLED_STATES)})"


def _wide_columns(table: Wide, cell: str, filing: str) -> str:
    cells = ", ".join(f"{cell.format(id=i.id)} as {column_name(i.id)}" for i in table.indicators)
    return (
        f"{selected((*WHO, BLOCK_FORM, STATUS, PATH, SHA256))}, d.id as document_id, r.id as report_id, "
        f"{selected((DOUBTFUL_COUNT,))}, {cells}{filing}"
    )


def _block_condition(table: Wide) -> str:
    form = f" and b.form = '{table.form}'" if table.form else ""
    return f"b.report_id = r.id and b.block = '{table.block}'{form}"


def _of_block(table: Wide) -> str:
    prefix = f"{table.block}."
    return f"substr(v.indicator, 1, {len(prefix)}) = '{prefix}'"


# A report's cells are gathered once into a JSON object, from which the columns are taken: four times as fast as a
# condition for each column. On PostgreSQL the object is made report by report, so that a filter on agency or year saves
# the rest.
def _wide_postgresql(table: Wide, filed: _Filed) -> str:
    return f"""
select {_wide_columns(table, "(c.cells ->> '{id}')::double precision", filed["filing"])}
from {filed["in_force"]} join gk_block b on {_block_condition(table)}
    left join lateral (
        select jsonb_object_agg(v.indicator, v.value) filter (where not {_UNSETTLED}) as cells,
            count(*) filter (where {_UNSETTLED}) as doubtful_count
        from gk_value v
        where v.report_id = r.id and {_of_block(table)}
    ) c on true"""


def _wide_sqlite(table: Wide, filed: _Filed) -> str:
    cell = "json_extract(c.cells, '$.\"{id}\"')"
    return f"""
select {_wide_columns(table, cell, filed["filing"])}
from {filed["in_force"]} join gk_block b on {_block_condition(table)}
    left join (
        select v.report_id, json_group_object(v.indicator, v.value) filter (where not {_UNSETTLED}) as cells,
            count(*) filter (where {_UNSETTLED}) as doubtful_count
        from gk_value v
        where {_of_block(table)}
        group by v.report_id
    ) c on c.report_id = r.id"""
