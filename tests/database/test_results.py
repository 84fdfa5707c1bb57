"""Writing reports: versions, the pointer, failures, and the findings between reports, in whichever order they come."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable

import msgspec
import pytest
from sqlalchemy import Connection, Engine, func, insert, select, update

from codebook.records import BlockSeen, Place, Reader, Reading, Report, Section, State, Status, Verdict
from database.clock import now
from database.models import Base, ValueRow
from database.reports.neighbours import REPORT, report_key_of
from database.reports.results import DOCUMENT, FAILURE, FINDING
from database.reports.snapshots import snapshots
from database.session import make_engine, run_transaction
from tasks.loading.rows import unpack
from tasks.loading.task import load_verdict
from tasks.validation.rules.between_reports import snapshot_of

SOURCE, BATCH = Base.metadata.tables["gk_source"], Base.metadata.tables["gk_batch"]
VERSIONS = {"code": "1"}
BETWEEN = ("years.carry_over", "region.exceeds")


def register(engine: Engine, count: int) -> list[int]:
    """That many documents which are being processed."""
    with engine.begin() as connection:
        batch = connection.execute(insert(BATCH).values(name="一批", priority=0, created_at=now())).inserted_primary_key[0]
        return [_register(connection, batch, f"in/{n}.txt") for n in range(count)]


def _register(connection: Connection, batch: int, path: str) -> int:
    key = hashlib.sha256(path.encode()).hexdigest()
    row = {"sha256": key, "media_type": "text/plain", "size": 1, "batch_id": batch, "status": "processing", "run": 1}
    number: int = connection.execute(insert(DOCUMENT).values(row).values(registered_at=now())).inserted_primary_key[0]
    source = {"document_id": number, "batch_id": batch, "path": path, "path_key": key, "duplicate": False, "hints": {}}
    connection.execute(insert(SOURCE).values(source).values(seen_at=now()))
    return number


def verdict(agency: str = "洪泽区民政局", year: int = 2022, status: Status = Status.ACCEPTED, **cells: float) -> Verdict:
    """A report with these cells of table three, column 总计, by row; a cell ending in ``_doubtful`` is doubtful."""
    readings = []
    for row, value in cells.items():
        state = State.DOUBTFUL if row.endswith("_doubtful") else State.READ
        indicator = f"requests.{row.removesuffix('_doubtful')}.total"
        readings.append(Reading(indicator, value, state, str(value), Place(1, line=5, column=2), Reader.TXT))
    region = ("江苏省", "淮安市", "洪泽区")
    sections = (Section(1, "总体情况", f"{year}年，{agency}认真做好政府信息公开工作。", Place()),)
    blocks = (BlockSeen("requests", "2021", Place()),)
    report = Report(agency, region, "320813", year, "2021", None, None, "simplified", sections, blocks, tuple(readings))
    return Verdict(report, (), status)


def load(engine: Engine, document: int, loaded: Verdict) -> int:
    return run_transaction(engine, lambda connection: load_verdict(connection, document, loaded, VERSIONS))[0]


def between(engine: Engine, rules: Iterable[str] = BETWEEN) -> list[tuple[str, int, int]]:
    """(rule, document of the finding, document of the other report) of findings between reports."""
    one, other = REPORT.alias(), REPORT.alias()
    query = (
        select(FINDING.c.rule, one.c.document_id, other.c.document_id)
        .join(one, one.c.id == FINDING.c.report_id)
        .join(other, other.c.id == FINDING.c.other_report_id)
        .where(FINDING.c.rule.in_(list(rules)))
    )
    with engine.connect() as connection:
        return sorted((rule, a, b) for rule, a, b in connection.execute(query))


def test_a_cell_with_two_values_is_refused(engine: Engine):
    (document,) = register(engine, 1)
    once = verdict(new_received=3)
    (reading,) = once.report.readings
    twice = msgspec.structs.replace(once.report, readings=(reading, msgspec.structs.replace(reading, value=4)))
    with pytest.raises(ValueError, match="two values"):
        load(engine, document, msgspec.structs.replace(once, report=twice))
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(REPORT)).scalar_one() == 0


def test_a_new_result_is_a_new_version_and_the_pointer_moves(engine: Engine):
    (document,) = register(engine, 1)
    first = load(engine, document, verdict(new_received=3))
    second = load(engine, document, verdict(new_received=4, status=Status.NEEDS_REVIEW))
    with engine.connect() as connection:
        rows = connection.execute(select(REPORT.c.id, REPORT.c.version, REPORT.c.body).order_by(REPORT.c.version)).all()
        pointer = connection.execute(select(DOCUMENT.c.report_id, DOCUMENT.c.status, DOCUMENT.c.finished_at)).one()
        kept = connection.execute(select(ValueRow.report_id, ValueRow.value).order_by(ValueRow.report_id)).all()
    assert [(row.id, row.version) for row in rows] == [(first, 1), (second, 2)]
    assert unpack(rows[0].body) == verdict(new_received=3)
    assert (pointer.report_id, pointer.status) == (second, "needs_review")
    assert pointer.finished_at is not None
    assert [tuple(row) for row in kept] == [(first, 3.0), (second, 4.0)]


def test_an_identical_result_makes_no_version_but_takes_the_new_stamp(engine: Engine):
    (document,) = register(engine, 1)
    first = load(engine, document, verdict(new_received=3))
    with engine.begin() as connection:
        again, _ = load_verdict(connection, document, verdict(new_received=3), {"code": "2"})
    with engine.connect() as connection:
        assert connection.execute(select(REPORT.c.id, REPORT.c.versions)).all() == [(first, {"code": "2"})]
        assert connection.scalar(select(func.count()).select_from(ValueRow)) == 1
    assert again == first


def test_open_failures_of_the_document_are_resolved_and_no_others(engine: Engine):
    one, other = register(engine, 2)
    with engine.begin() as connection:
        for document, state in ((one, "open"), (one, "discarded"), (other, "open")):
            row = {"document_id": document, "stage": "parse", "page": 0, "code": "internal", "message": "x", "attempts": 1}
            connection.execute(insert(FAILURE).values(**row, versions={}, state=state, created_at=now()))
    load(engine, one, verdict())
    with engine.connect() as connection:
        states = connection.execute(select(FAILURE.c.document_id, FAILURE.c.state).order_by(FAILURE.c.id)).all()
    assert [tuple(s) for s in states] == [(one, "resolved"), (one, "discarded"), (other, "open")]


def test_the_snapshot_of_the_rows_is_that_of_the_verdict(engine: Engine):
    (document,) = register(engine, 1)
    loaded = verdict(new_received=3, granted=2.5, total_handled_doubtful=7)
    number = load(engine, document, loaded)
    with engine.connect() as connection:
        assert snapshots(connection, [number]) == {number: snapshot_of(loaded)}
        assert report_key_of(connection, document).reports_to == "320813"  # type: ignore[union-attr]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 2, 1)])
def test_years_are_compared_in_whatever_order_they_come(engine: Engine, order: tuple[int, ...]):
    documents = register(engine, 3)
    reports = [
        verdict(year=2021, carried_forward=5),
        verdict(year=2022, carried_over=4, carried_forward=1),
        verdict(year=2023, carried_over=1),
    ]
    for place in order:
        load(engine, documents[place], reports[place])
    assert between(engine) == [("years.carry_over", documents[1], documents[0])]


def test_reprocessing_replaces_the_findings_on_both_sides(engine: Engine):
    one, two = register(engine, 2)
    load(engine, one, verdict(year=2021, carried_forward=5))
    load(engine, two, verdict(year=2022, carried_over=4))
    assert between(engine) == [("years.carry_over", two, one)]
    load(engine, one, verdict(year=2021, carried_forward=4))  # it had been misread
    assert between(engine) == []
    load(engine, one, verdict(year=2021, carried_forward=6))
    load(engine, one, verdict(year=2020, carried_forward=6))  # and so had the year
    assert between(engine) == []


def test_of_two_documents_for_a_year_the_older_one_speaks_and_the_other_steps_in(engine: Engine):
    page, pdf, later = register(engine, 3)
    load(engine, later, verdict(year=2022, carried_over=4))
    load(engine, pdf, verdict(year=2021, carried_forward=5))
    assert between(engine) == [("years.carry_over", later, pdf)]
    load(engine, page, verdict(year=2021, carried_forward=5, granted=1))
    assert between(engine) == [("years.carry_over", later, page)]
    load(engine, page, verdict(year=2019))
    assert between(engine) == [("years.carry_over", later, pdf)]


def test_a_failed_document_is_compared_with_no_other(engine: Engine):
    one, two = register(engine, 2)
    load(engine, one, verdict(year=2021, carried_forward=5))
    with engine.begin() as connection:
        connection.execute(update(DOCUMENT).where(DOCUMENT.c.id == one).values(status="failed"))
    load(engine, two, verdict(year=2022, carried_over=4))
    assert between(engine) == []
    load(engine, one, verdict(year=2021, carried_forward=5))
    assert between(engine) == [("years.carry_over", two, one)]


@pytest.mark.parametrize("parent_first", [True, False])
def test_a_child_that_exceeds_its_government_is_found_on_the_governments_report(engine: Engine, parent_first: bool):
    parent, small, large = register(engine, 3)
    reports = {
        parent: verdict("淮安市洪泽区人民政府", new_received=10),
        small: verdict("洪泽区民政局", new_received=9),
        large: verdict("洪泽区老子山镇人民政府", new_received=11),
    }
    for document in reports if parent_first else reversed(reports):
        load(engine, document, reports[document])
    assert between(engine) == [("region.exceeds", parent, large)]
    load(engine, parent, verdict("淮安市洪泽区人民政府", new_received=8))
    assert between(engine) == [("region.exceeds", parent, small), ("region.exceeds", parent, large)]


def test_without_agency_or_year_a_report_is_loaded_and_compared_with_none(engine: Engine):
    one, two = register(engine, 2)
    load(engine, one, verdict(year=2021, carried_forward=5))
    unknown = verdict(year=2022, carried_over=4)
    nameless = Report(**{f: getattr(unknown.report, f) for f in unknown.report.__struct_fields__} | {"agency": None})
    load(engine, two, Verdict(nameless, (), Status.NEEDS_REVIEW))
    assert between(engine) == []


def test_a_thousand_cells_that_look_like_commands_are_only_text(engine: Engine):
    (document,) = register(engine, 1)
    nasty = "'); drop table gk_value; --\t\\.\n\\N %s %(x)s :name \x00 =1+1"
    loaded = verdict(agency=nasty, new_received=1)
    number = load(engine, document, loaded)
    with engine.connect() as connection:
        assert connection.scalar(select(REPORT.c.agency).where(REPORT.c.id == number)) == nasty.replace("\0", "\ufffd")


@pytest.mark.slow
def test_two_years_loaded_at_the_same_moment_see_each_other(postgres_url: str):
    engine = make_engine(postgres_url)
    pairs = [register_pair(engine, n) for n in range(12)]
    for n, (one, two) in enumerate(pairs):
        start = threading.Barrier(2)

        def run(document: int, loaded: Verdict, start: threading.Barrier = start) -> None:
            start.wait()
            load(engine, document, loaded)

        agency = f"洪泽区第{n}局"
        threads = [
            threading.Thread(target=run, args=(one, verdict(agency, 2021, carried_forward=5))),
            threading.Thread(target=run, args=(two, verdict(agency, 2022, carried_over=4))),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert between(engine) == [("years.carry_over", two, one) for one, two in pairs]
    engine.dispose()


def register_pair(engine: Engine, number: int) -> tuple[int, int]:
    with engine.begin() as connection:
        batch = connection.execute(insert(BATCH).values(name=f"b{number}", priority=0, created_at=now())).inserted_primary_key[0]
        return _register(connection, batch, f"{number}/1"), _register(connection, batch, f"{number}/2")


def test_a_second_loader_waits_until_the_first_one_has_committed(postgres_url: str):
    """The same with the order forced: the second one begins while the first has written but not committed."""
    engine = make_engine(postgres_url)
    one, two = register(engine, 2)
    with engine.begin() as connection:
        load_verdict(connection, one, verdict(year=2021, carried_forward=5), VERSIONS)
        second = threading.Thread(target=load, args=(engine, two, verdict(year=2022, carried_over=4)))
        second.start()
        second.join(0.3)
        assert second.is_alive()
    second.join(60)
    assert between(engine) == [("years.carry_over", two, one)]
    engine.dispose()
