"""The migrations make exactly the tables that the models declare, on both databases, and leave others' tables alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.command import downgrade
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import CheckConstraint, Connection, Engine, inspect, text
from sqlalchemy.exc import IntegrityError, OperationalError

from database import migrations
from database.models import PREFIX, Base
from database.monitoring.text_search import INDEX
from database.session import make_engine
from tests.servers import PostgresServer

# Alembic's own table, and those of FTS5, which the rows of gk_search fill.
APART = (migrations.VERSION_TABLE, INDEX)
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    """A database without tables."""
    if request.param == "sqlite":
        return make_engine(f"sqlite:///{tmp_path / 'empty.db'}", pooled=False)
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return make_engine(server.url(server.create()), pooled=False)


def test_migrations_are_one_chain_with_unique_numbers() -> None:
    directory = REPOSITORY / "database" / "migrations"
    files = sorted((directory / "versions").glob("[0-9]*.py"))
    numbers = [path.name.partition("_")[0] for path in files]
    assert numbers == [f"{number:04}" for number in range(1, len(files) + 1)]
    script = ScriptDirectory(str(directory))
    assert script.get_heads() == [numbers[-1]]
    assert [revision.revision for revision in script.walk_revisions()] == numbers[::-1]


def test_migrations_make_the_tables_of_the_models(engine: Engine) -> None:
    def ours(name: str | None, kind: str, _: object) -> bool:
        return kind != "table" or (str(name).startswith(PREFIX) and not str(name).startswith(APART))

    with engine.connect() as connection:
        options = {"include_name": ours, "compare_type": True, "version_table": migrations.VERSION_TABLE}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []
        for table in Base.metadata.tables.values():
            made = {check["name"] for check in inspect(connection).get_check_constraints(table.name)}
            assert made == {check.name for check in table.constraints if isinstance(check, CheckConstraint)}


def test_upgrade_again_changes_nothing(engine: Engine) -> None:
    assert migrations.current(engine) == migrations.head()
    migrations.upgrade(engine)
    assert migrations.current(engine) == migrations.head()


def test_down_and_up_again(empty: Engine) -> None:
    with empty.begin() as connection:
        connection.execute(text("create table theirs (id integer)"))
    migrations.upgrade(empty)
    with empty.begin() as connection:
        downgrade(migrations.config(connection), "base")
    with empty.connect() as connection:
        assert set(inspect(connection).get_table_names()) == {"theirs", migrations.VERSION_TABLE}
    migrations.upgrade(empty)
    assert migrations.current(empty) == migrations.head()


def test_back_to_the_version_before_and_forward(empty: Engine) -> None:
    migrations.upgrade(empty)
    migrations.downgrade(empty, "0002")
    assert migrations.current(empty) == "0002"
    with empty.connect() as connection:
        assert not inspect(connection).has_table("gk_watcher")
        assert inspect(connection).get_view_names()
    with pytest.raises(CommandError):
        migrations.downgrade(empty, "9999")
    migrations.upgrade(empty)
    assert migrations.current(empty) == migrations.head()


# One renames a column, one makes a view of a table that workers write; docs/deployment.md says so.
FOR_STOPPED_PROGRAMS = {"0008", "0027"}


def test_the_newest_file_is_the_head_of_the_chain():
    assert ScriptDirectory.from_config(migrations.config()).get_current_head() == migrations.head()


def steps() -> list[tuple[str, str]]:
    """The revisions, each with the one before it, but for those that need all programs stopped."""
    found = ScriptDirectory.from_config(migrations.config()).walk_revisions()
    pairs = sorted((str(one.down_revision), one.revision) for one in found if one.down_revision)
    return [pair for pair in pairs if pair[1] not in FOR_STOPPED_PROGRAMS]


def value_of(table: str, column: Any) -> Any:  # noqa: PLR0911 - a value for each type
    """Something that a column takes."""
    state = {"gk_stage": "queued", "gk_finding_case": "new", "gk_collect_address": "queued"}.get(table, "open")
    known = {
        "to_state": "new",
        "stage": "extract",
        "state": state,
        "status": "processing",
        "role": "view",
        "decided": "value",
        "source": "list",
        "outcome": "new",
    }
    kind = str(column["type"]).upper()
    if column["name"] in known and "INT" not in kind:
        return known[column["name"]]
    if "TIME" in kind:
        return "2024-01-01 00:00:00+00"
    if "JSON" in kind:
        return "{}"
    if "TSVECTOR" in kind:
        return "a"
    if "BYTEA" in kind or "BLOB" in kind:
        return b""
    if "BOOL" in kind:
        return False
    return "x" if any(name in kind for name in ("CHAR", "TEXT")) else 1


@pytest.mark.parametrize(("before", "after"), steps())
def test_programs_of_the_version_before_go_on_after_a_migration(empty: Engine, before: str, after: str) -> None:
    """What they read and write is still there: each migration adds (later ones take away what no program uses any more)."""
    migrations.upgrade(empty, before)
    with empty.connect() as connection:
        tables = {
            name: inspect(connection).get_columns(name)
            for name in inspect(connection).get_table_names()
            if name.startswith(PREFIX) and not name.startswith(APART)
        }
    migrations.upgrade(empty, after)
    with empty.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("set session_replication_role = replica"))  # rows without those that they refer to
        else:
            connection.exec_driver_sql("rollback")
            connection.exec_driver_sql("pragma foreign_keys = off")
            connection.exec_driver_sql("begin")
        for table, columns in tables.items():
            names = ", ".join(f'"{column["name"]}"' for column in columns)
            marks = ", ".join(f":{column['name']}" for column in columns)
            row = {column["name"]: value_of(table, column) for column in columns}
            connection.execute(text(f"insert into {table} ({names}) values ({marks})"), row)
            connection.execute(text(f"select {names} from {table}")).all()


def test_the_names_of_the_field_keep_all_rows_on_the_way_there_and_back(empty: Engine) -> None:
    """0008: ``rung_at`` becomes ``notified_at``, the counter of the rescuer gets its name, and any stage may be written."""
    migrations.upgrade(empty, "0007")
    moment = "2024-01-02T03:04:05.000000Z"
    with empty.begin() as connection:
        connection.execute(text(f"insert into gk_batch (id, name, priority, created_at) values (1, 'b', 0, '{moment}')"))
        connection.execute(
            text(
                "insert into gk_document (id, sha256, media_type, size, batch_id, status, run, registered_at) "
                f"values (1, 'a', 'text/plain', 1, 1, 'processing', 1, '{moment}')"
            )
        )
        for number, (stage, rung) in enumerate([("extract", f"'{moment}'"), ("parse", "null")], 1):
            connection.execute(
                text(
                    "insert into gk_stage (id, document_id, run, stage, page, state, queue, priority, attempts, fence, rung_at, "
                    f"crashes, losses, transients, created_at, updated_at) values ({number}, 1, 1, '{stage}', 0, 'queued', "
                    f"'documents', 0, 0, 0, {rung}, 0, 0, 0, '{moment}', '{moment}')"
                )
            )
        connection.execute(
            text("insert into gk_attempt (stage_id, fence, worker, started_at) values (1, 1, 'w', current_timestamp)")
        )
        connection.execute(text(f"insert into gk_count (name, value, counted_at) values ('recovery_sweeps', 7, '{moment}')"))

    def kept(column: str) -> tuple[list[Any], list[Any]]:
        with empty.connect() as connection:
            stages = connection.execute(text(f"select id, stage, {column} is null from gk_stage order by id")).all()
            return [tuple(row) for row in stages], list(connection.execute(text("select name, value from gk_count")).all())

    rows = [(1, "extract", False), (2, "parse", True)]
    migrations.upgrade(empty, "0008")
    assert kept("notified_at") == (rows, [("rescuer_runs", 7)])
    with empty.begin() as connection:
        connection.execute(text("update gk_stage set stage = 'translate' where id = 2"))
        connection.execute(text("update gk_stage set stage = 'parse' where id = 2"))
    migrations.downgrade(empty, "0007")
    assert kept("rung_at") == (rows, [("recovery_sweeps", 7)])
    with pytest.raises(IntegrityError), empty.begin() as connection:
        connection.execute(text("update gk_stage set stage = 'translate' where id = 2"))
    migrations.upgrade(empty)
    assert kept("notified_at") == (rows, [("rescuer_runs", 7)])


def test_two_upgrades_at_once(empty: Engine) -> None:
    url = empty.url.render_as_string(hide_password=False)
    script = "import sys; from database import migrations, session; migrations.upgrade(session.make_engine(sys.argv[1]))"
    processes = [subprocess.Popen([sys.executable, "-c", script, url], cwd=REPOSITORY) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    assert migrations.current(empty) == migrations.head()


def test_notes_go_on_the_way_back_and_every_value_stays(empty: Engine) -> None:
    migrations.upgrade(empty, "0021")  # the next one copies the values, and with them finds the report that is not there
    with empty.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("set session_replication_role = replica"))  # a row without the report that it refers to
        else:
            connection.exec_driver_sql("rollback")
            connection.exec_driver_sql("pragma foreign_keys = off")
            connection.exec_driver_sql("begin")
        names = "report_id, indicator, value, state, raw, origin, read_by, score, page, note"
        connection.execute(text(f"insert into gk_value ({names}) values (1, 'a', 7, 'read', '7①', 'table', 'pdf', 1, 1, '①')"))
    migrations.downgrade(empty, "0012")
    migrations.upgrade(empty, "0021")
    with empty.connect() as connection:
        assert connection.execute(text("select value, raw, note from gk_value")).all() == [(7, "7①", None)]


def test_values_of_sqlite_go_into_their_primary_key_and_back(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'values.db'}", pooled=False)
    migrations.upgrade(engine, "0021")
    names = "report_id, indicator, value, state, raw, origin, read_by, score, page, note, box"
    rows = [(2, "b", 1.5, "read"), (1, "z", None, "doubtful"), (1, "a", 7, "proven")]
    with engine.begin() as connection:
        connection.exec_driver_sql("rollback")
        connection.exec_driver_sql("pragma foreign_keys = off")
        connection.exec_driver_sql("begin")
        columns = inspect(connection).get_columns("gk_report")
        report = {column["name"]: value_of("gk_report", column) for column in columns}
        for number in (1, 2):
            marks = ", ".join(f":{name}" for name in report)
            connection.execute(text(f"insert into gk_report values ({marks})"), report | {"id": number, "document_id": number})
        values = f"insert into gk_value ({names}) values (?, ?, ?, ?, '7①', 'table', 'pdf', 1, 1, '①', '[1,2]')"
        for row in rows:
            connection.exec_driver_sql(values, row)

    def kept() -> tuple[list[Any], list[Any]]:
        with engine.connect() as connection:
            found = connection.execute(text("select * from gk_value order by report_id, indicator")).all()
            indexes = text("select sql from sqlite_master where tbl_name = 'gk_value' and type = 'index' and sql is not null")
            return [tuple(row) for row in found], sorted(connection.scalars(indexes))

    before = kept()
    assert [row[:4] for row in before[0]] == sorted(rows)
    migrations.upgrade(engine, "0022")
    assert kept() == before
    with engine.connect() as connection, pytest.raises(OperationalError, match="no such column: rowid"):
        connection.execute(text("select rowid from gk_value"))
    migrations.downgrade(engine, "0021")
    assert kept() == before
    with engine.connect() as connection:
        assert len(connection.execute(text("select rowid from gk_value")).all()) == 3


def test_values_of_postgresql_are_found_by_their_report_and_by_their_key_again(postgres_server: PostgresServer) -> None:
    engine = make_engine(postgres_server.url(postgres_server.create()), pooled=False)
    migrations.upgrade(engine, "0024")
    names = "report_id, indicator, value, state, raw, origin, read_by, score, page"
    with engine.begin() as connection:
        connection.execute(text("set session_replication_role = replica"))  # rows without the reports that they refer to
        for report, cell in ((2, "a"), (1, "b"), (1, "a")):
            row = f"({report}, '{cell}', 7, 'read', '7', 'table', 'pdf', 1, 1)"
            connection.execute(text(f"insert into gk_value ({names}) values {row}"))

    def kept() -> tuple[list[Any], set[str], list[str]]:
        with engine.connect() as connection:
            rows = [tuple(row) for row in connection.execute(text("select * from gk_value order by report_id, indicator"))]
            found = inspect(connection)
            indexes = {str(index["name"]) for index in found.get_indexes("gk_value")}
            return rows, indexes, found.get_pk_constraint("gk_value")["constrained_columns"]

    rows = kept()[0]
    migrations.upgrade(engine, "0026")
    assert kept() == (rows, {"ix_gk_value_report_id", "ix_gk_value_unsettled"}, [])
    migrations.downgrade(engine, "0024")
    assert kept() == (rows, {"ix_gk_value_unsettled"}, ["report_id", "indicator"])


ODD_VALUES: list[dict[str, Any]] = [
    {},
    {"indicator": "b", "value": None, "state": "missing", "raw": ""},
    {"indicator": "c", "value": None, "state": "not_seen", "raw": "", "page": 3, "box": "[1.5, 2, 3, 4]", "line": 2, "column": 9},
    {"indicator": "d", "value": None, "state": "doubtful", "raw": "7?", "doubt": "7 or 1", "candidates": "[7.0, 1.0]"},
    {"indicator": "e", "value": 1e-7, "raw": "1e-7", "score": 0.25, "note": "①", "sentence": '说"\\u0000\n', "line": 4},
    {"indicator": "f", "state": "proven", "witness": '{"state": "doubtful", "value": null, "documents": [4]}'},
    {"indicator": "g", "value": -0.5, "raw": "", "origin": "prose", "read_by": "ocr", "witnesses": '["ocr", "sum"]'},
    {"indicator": "h", "value": 12345678901234567890.0, "raw": "null", "correction_id": 2**40, "witnesses": "[]"},
    {"indicator": "i", "state": "other", "raw": "7.0", "box": "[0, 0, 0.125, 1e300]"},
]


def test_values_go_into_one_row_of_a_report_and_back(empty: Engine) -> None:
    """0027, over several blocks, with reports that have no values, one or all."""
    migrations.upgrade(empty, "0026")
    usual = {
        "indicator": "a",
        "value": 7,
        "state": "read",
        "raw": "7",
        "origin": "table",
        "read_by": "pdf",
        "score": 1,
        "page": 1,
    }
    numbers = [*range(1, 230), 1000, 5000]
    with empty.begin() as connection:
        _without_references(connection)
        columns = inspect(connection).get_columns("gk_report")
        report = {column["name"]: value_of("gk_report", column) for column in columns}
        marks = ", ".join(f":{name}" for name in report)
        connection.execute(
            text(f"insert into gk_report values ({marks})"),
            [report | {"id": number, "document_id": number} for number in numbers],
        )
        for number in numbers:
            some = ODD_VALUES if number % 100 == 0 else [] if number % 7 == 0 else ODD_VALUES[:1]
            for odd in some:
                row = usual | odd | {"report_id": number}
                names = ", ".join(f'"{name}"' for name in row)
                connection.execute(text(f"insert into gk_value ({names}) values ({', '.join(f':{n}' for n in row)})"), row)

    def kept() -> tuple[list[list[Any]], list[tuple[str, str]]]:
        with empty.connect() as connection:
            query = text("select * from gk_value order by report_id, indicator")
            rows = [[_of_json(each) for each in row] for row in connection.execute(query)]
            return rows, [(str(each["name"]), str(each["type"])) for each in inspect(connection).get_columns("gk_value")]

    before = kept()
    migrations.upgrade(empty)
    rows, columns = kept()
    assert rows == before[0]
    assert [name for name, _ in columns] == [name for name, _ in before[1]]
    if empty.dialect.name == "postgresql":
        assert columns == before[1]
    with empty.connect() as connection:
        packed = connection.scalar(text("select count(*) from gk_report_values"))
        assert packed == len({row[0] for row in rows}) < len(numbers)
        assert connection.scalar(text("select count(*) from gk_value_layout")) == 2
        assert connection.scalar(text("select count(*) from gk_unsettled_value")) == 2 * sum(n % 100 == 0 for n in numbers)
    migrations.downgrade(empty, "0026")
    assert kept() == before
    migrations.upgrade(empty)
    assert kept()[0] == before[0]


def test_values_whose_report_is_not_there_end_the_upgrade_and_stay(empty: Engine) -> None:
    migrations.upgrade(empty, "0026")
    row = "(7, 'a', 7, 'read', '7', 'table', 'pdf', 1, 1)"
    names = "report_id, indicator, value, state, raw, origin, read_by, score, page"
    with empty.begin() as connection:
        _without_references(connection)
        connection.execute(text(f"insert into gk_value ({names}) values {row}"))
    with pytest.raises(IntegrityError):
        migrations.upgrade(empty)
    with empty.connect() as connection:
        assert connection.execute(text("select report_id, value from gk_value")).all() == [(7, 7.0)]
    assert migrations.current(empty) == "0026"


def _without_references(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("set session_replication_role = replica"))
    else:
        connection.exec_driver_sql("rollback")
        connection.exec_driver_sql("pragma foreign_keys = off")
        connection.exec_driver_sql("begin")


def _of_json(value: Any) -> Any:
    """What a column holds, by its meaning: JSON may be written in several ways."""
    return json.loads(value) if isinstance(value, str) and value[:1] in ("[", "{") else value
