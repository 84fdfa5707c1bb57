"""All values of a report lie in one row

Revision: 0027, after 0026. The rows of gk_value took 29 of the 61 kB of a report in PostgreSQL. They are packed into
gk_report_values, over lists of indicators that many reports share (gk_value_layout). ``gk_value`` becomes a view with the same
columns, for questions in SQL. Programs of the version before cannot write it: all programs are ended before this migration, and
those of this version before the way back.

Rows are read and packed in blocks; both are kept until the transaction is over, which takes their room again. A report that has a
cell twice ends it (migration 0025 took away what prevented that on PostgreSQL; no program writes one), and so do values whose
report is not there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import CreateTable

from codebook.filings import StoredCell
from database.values.packing import Packed, layout_id, layout_text, pack

revision: str = "0027"
down_revision: str | None = "0026"
branch_labels: str | None = None
depends_on: str | None = None

BLOCK = 100
"""Reports of one block: some 20,000 cells."""

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NULLABLE = sa.JSON(none_as_null=True)
UNSETTLED = sa.text("unsettled is not null")
WERE_UNSETTLED = sa.text("state in ('doubtful', 'not_seen')")
_JSON = ("box", "candidates", "witness", "witnesses")
_STATE = """case {} when 'r' then 'read' when 'p' then 'proven' when 'c' then 'corrected' when 'd' then 'doubtful'
        when 'm' then 'missing' when 'n' then 'not_seen' else {} end"""

# Functions that return rows run once for each report; what is written in the list of columns, when a column is asked for.
_KIND = "case c.mark when '-' then c.odd::json -> 'kind' else p.kinds::json -> (ascii(c.mark) - 48) end"
_PLACE = "c.place::json"
_BOX = f"json_build_array({_PLACE} -> 2, {_PLACE} -> 3, {_PLACE} -> 4, {_PLACE} -> 5)"
_POSTGRESQL = f"""
create view gk_value as
select p.report_id, c.indicator::varchar(80) as indicator, c.number::double precision as value,
    ({_STATE.format("c.state", "c.odd::json ->> 'state'")})::varchar(10) as state,
    coalesce(c.raw, c.number, '') as raw,
    ({_KIND} ->> 1)::varchar(10) as origin,
    ({_KIND} ->> 2)::varchar(10) as read_by,
    coalesce((c.odd::json ->> 'score')::double precision, 1) as score,
    ({_KIND} ->> 0)::integer as page,
    coalesce(c.odd::json -> 'box', case json_array_length({_PLACE}) when 4 then {_PLACE} when 6 then {_BOX} end) as box,
    case json_array_length({_PLACE}) when 4 then null else ({_PLACE} ->> 0)::integer end as line,
    case json_array_length({_PLACE}) when 4 then null else ({_PLACE} ->> 1)::integer end as "column",
    c.odd::json ->> 'sentence' as sentence, c.odd::json ->> 'doubt' as doubt, c.odd::json -> 'candidates' as candidates,
    (c.odd::json ->> 'correction_id')::bigint as correction_id, p.witness::json -> c.indicator as witness,
    c.odd::json ->> 'note' as note,
    (select w from (select {_KIND} -> 3 as w) k where json_typeof(w) <> 'null') as witnesses
from gk_report_values p join gk_value_layout l on l.id = p.layout_id
    cross join lateral rows from (
        json_array_elements_text(l.indicators::json), json_array_elements_text(p.numbers::json), string_to_table(p.states, null),
        string_to_table(p.marks, null), json_array_elements_text(p.places::json), json_array_elements_text(p.raws::json),
        json_array_elements_text(p.odd::json)
    ) as c(indicator, number, state, mark, place, raw, odd)"""
_POSTGRESQL_UNSETTLED = """
create view gk_unsettled_value as
select p.report_id, u.key::varchar(80) as indicator, u.value::bigint as correction_id
from gk_report_values p cross join lateral json_each_text(p.unsettled::json) u
where p.unsettled is not null"""


def _sqlite_view() -> str:
    def kind(at: int) -> str:
        mark = "substr(p.marks, c.key + 1, 1)"
        own = f"json_extract(p.odd, '$[' || c.key || '].kind[{at}]')"
        shared = f"json_extract(p.kinds, '$[' || (unicode({mark}) - 48) || '][{at}]')"
        return f"case {mark} when '-' then {own} else {shared} end"

    def odd(name: str) -> str:
        return f"json_extract(p.odd, '$[' || c.key || '].{name}')"

    def place(at: int) -> str:
        return f"json_extract(p.places, '$[' || c.key || '][{at}]')"

    length = "json_array_length(p.places, '$[' || c.key || ']')"
    whole_place = "json_extract(p.places, '$[' || c.key || ']')"
    number = "json_extract(p.numbers, '$[' || c.key || ']')"
    box = f"json_array({place(2)}, {place(3)}, {place(4)}, {place(5)})"
    state = _STATE.format("substr(p.states, c.key + 1, 1)", odd("state"))
    return f"""
create view gk_value as
select p.report_id, c.value as indicator, cast({number} as real) as value, {state} as state,
    coalesce(json_extract(p.raws, '$[' || c.key || ']'), cast({number} as text), '') as raw,
    {kind(1)} as origin, {kind(2)} as read_by, coalesce(cast({odd("score")} as real), 1.0) as score, {kind(0)} as page,
    coalesce({odd("box")}, case {length} when 4 then {whole_place} when 6 then {box} end) as box,
    case when {length} <> 4 then {place(0)} end as line, case when {length} <> 4 then {place(1)} end as "column",
    {odd("sentence")} as sentence, {odd("doubt")} as doubt, {odd("candidates")} as candidates,
    {odd("correction_id")} as correction_id, json_extract(p.witness, '$."' || c.value || '"') as witness,
    {odd("note")} as note, {kind(3)} as witnesses
from gk_report_values p cross join gk_value_layout l cross join json_each(l.indicators) c
where l.id = p.layout_id"""


_SQLITE_UNSETTLED = """
create view gk_unsettled_value as
select p.report_id, u.key as indicator, u.value as correction_id
from gk_report_values p cross join json_each(p.unsettled) u
where p.unsettled is not null"""


def upgrade() -> None:
    op.create_table(
        "gk_value_layout",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("indicators", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gk_value_layout"),
    )
    op.create_table(
        "gk_report_values",
        sa.Column("report_id", KEY, autoincrement=False, nullable=False),
        sa.Column("layout_id", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("numbers", "states", "marks", "kinds")),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("places", "raws", "odd", "unsettled", "witness")),
        sa.ForeignKeyConstraint(["report_id"], ["gk_report.id"], name="fk_gk_report_values_report_id"),
        sa.PrimaryKeyConstraint("report_id", name="pk_gk_report_values"),
    )
    connection = op.get_bind()
    postgresql = connection.dialect.name == "postgresql"
    if postgresql:
        # Compressed wherever it helps, and kept in the row: it is read as a whole.
        op.execute("alter table gk_report_values set (toast_tuple_target = 128)")
        for name in Packed._fields:
            op.execute(f"alter table gk_report_values alter column {name} set storage main")
    _pack_all(connection)
    op.drop_table("gk_value")
    op.create_index(
        "ix_gk_report_values_unsettled", "gk_report_values", ["report_id"], postgresql_where=UNSETTLED, sqlite_where=UNSETTLED
    )
    connection.exec_driver_sql(_POSTGRESQL if postgresql else _sqlite_view())
    connection.exec_driver_sql(_POSTGRESQL_UNSETTLED if postgresql else _SQLITE_UNSETTLED)


def downgrade() -> None:
    _make_values("gk_value_before")
    op.execute("insert into gk_value_before select * from gk_value order by report_id, indicator")
    op.execute("drop view gk_unsettled_value")
    op.execute("drop view gk_value")
    op.drop_table("gk_report_values")
    op.drop_table("gk_value_layout")
    op.rename_table("gk_value_before", "gk_value")
    op.create_index("ix_gk_value_report_id", "gk_value", ["report_id"], sqlite_where=sa.text("0"))
    op.create_index(
        "ix_gk_value_unsettled", "gk_value", ["report_id"], postgresql_where=WERE_UNSETTLED, sqlite_where=WERE_UNSETTLED
    )


def _make_values(name: str) -> None:
    connection = op.get_bind()
    of_sqlite = [] if connection.dialect.name == "postgresql" else [("report_id", "indicator")]
    metadata = sa.MetaData()
    report = sa.Table("gk_report", metadata, sa.Column("id", KEY))
    table = sa.Table(
        name,
        metadata,
        sa.Column("report_id", KEY, nullable=False),
        sa.Column("indicator", sa.String(80), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("origin", sa.String(10), nullable=False),
        sa.Column("read_by", sa.String(10), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("box", NULLABLE, nullable=True),
        sa.Column("line", sa.Integer(), nullable=True),
        sa.Column("column", sa.Integer(), nullable=True),
        sa.Column("sentence", sa.Text(), nullable=True),
        sa.Column("doubt", sa.Text(), nullable=True),
        sa.Column("candidates", NULLABLE, nullable=True),
        sa.Column("correction_id", sa.BigInteger(), nullable=True),
        sa.Column("witness", NULLABLE, nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("witnesses", NULLABLE, nullable=True),
        sa.ForeignKeyConstraint(["report_id"], [report.c.id], name="fk_gk_value_report_id"),
        *(sa.PrimaryKeyConstraint(*columns, name="pk_gk_value") for columns in of_sqlite),
        sqlite_with_rowid=False,
    )
    # The way back of 0022 asks for the words at the very end.
    connection.exec_driver_sql(str(CreateTable(table).compile(connection)).strip())


def _pack_all(connection: sa.Connection) -> None:
    names = ", ".join(f'cast("{name}" as text)' if name in _JSON else f'"{name}"' for name in StoredCell._fields)
    of_block = sa.text(
        f"select report_id, {names} from gk_value where report_id between :first and :last order by report_id, indicator"
    )
    columns = ["report_id", "layout_id", *Packed._fields]
    insert = sa.text(f"insert into gk_report_values ({', '.join(columns)}) values ({', '.join(f':{name}' for name in columns)})")
    known = set[int]()
    for first, last in _blocks(connection):
        made = []
        rows = connection.execute(of_block, {"first": first, "last": last}).all()
        for report_id, cells in groupby(rows, itemgetter(0)):
            layout, packed = pack([_cell(row[1:]) for row in cells])
            number = layout_id(layout)
            if number not in known:
                known.add(number)
                there = {"id": number, "indicators": layout_text(layout)}
                connection.execute(sa.text("insert into gk_value_layout (id, indicators) values (:id, :indicators)"), there)
            made.append({"report_id": report_id, "layout_id": number, **packed._asdict()})
        if made:
            connection.execute(insert, made)


def _blocks(connection: sa.Connection) -> Iterator[tuple[int, int]]:
    """The numbers of reports with values in blocks, first and last."""
    after = sa.text("select distinct report_id from gk_value where report_id > :last order by report_id limit :block")
    last = -(2**63)
    while ids := connection.execute(after, {"last": last, "block": BLOCK}).scalars().all():
        last = ids[-1]
        yield ids[0], last


def _cell(row: Any) -> StoredCell:
    cell = dict(zip(StoredCell._fields, row, strict=True))
    cell = {name: text.replace("\0", "\ufffd") if isinstance(text, str) else text for name, text in cell.items()}
    return StoredCell(**cell | {name: None if cell[name] is None else json.loads(cell[name]) for name in _JSON})
