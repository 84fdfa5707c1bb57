"""Checking all reports again: what loading keeps up, and what needs all of them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from sqlalchemy import Engine, delete, insert, select, update

from codebook.records import BlockSeen, Place, Reader, Reading, Report, Section, State, Status, Verdict
from console import filing
from console.check import run_check
from database.clock import now
from database.filings import register as agencies
from database.filings.register import AgencyName
from database.models import AliasSource, Base
from database.reports import coverage
from database.reports.neighbours import REPORT
from database.reports.results import DOCUMENT, FINDING
from database.session import run_transaction
from ingest.lists.expected import read_expected
from tasks.loading.copies import TextIndex, sketch
from tasks.loading.relate import AREA_RULES
from tasks.loading.task import load_verdict
from tests.database.test_results import register

BATCH = Base.metadata.tables["gk_batch"]
SOURCE = Base.metadata.tables["gk_source"]
OWN = (
    "我局围绕民生实事公开养老服务、救助标准和社区建设情况，开设专栏，"
    "回应群众留言，组织业务培训，整理历史文件，完善目录，落实保密审查。"
)
OTHER = (
    "财政预决算按时公开，专项资金分配结果逐项列明，采购信息全部上网，"
    "国有资产报告首次公布，部门网站改版升级，新增政策问答机器人和地图。"
)


def load(engine: Engine, agency: str, year: int, text: str = "", **cells: float) -> int:
    """A new document with this report; the number of the document."""
    readings = tuple(
        Reading(f"requests.{row}.total", value, State.READ, str(value), Place(), Reader.TXT) for row, value in cells.items()
    )
    report = Report(
        agency,
        ("江苏省", "淮安市", "洪泽区"),
        "320813",
        year,
        "2021",
        None,
        None,
        "simplified",
        (Section(1, "总体情况", text, Place()),),
        (BlockSeen("requests", "2021", Place()),),
        readings,
    )
    with engine.begin() as connection:
        batch = connection.scalar(select(BATCH.c.id)) or connection.scalar(
            insert(BATCH).values(name="b", priority=0, created_at=now()).returning(BATCH.c.id)
        )
        key = hashlib.sha256(f"{agency}{year}{text}".encode()).hexdigest()
        row = {"sha256": key, "media_type": "text/plain", "size": 1, "batch_id": batch, "status": "processing", "run": 1}
        statement = insert(DOCUMENT).values(**row, registered_at=now()).returning(DOCUMENT.c.id)
        document: int = connection.execute(statement).scalar_one()
    run_transaction(engine, lambda c: load_verdict(c, document, Verdict(report, (), Status.ACCEPTED), {}))
    return document


def found(engine: Engine, rule: str) -> list[tuple[str, str | None]]:
    """(agency of the report, agency of the other report) of the findings by this rule."""
    other = REPORT.alias()
    query = (
        select(REPORT.c.agency, other.c.agency)
        .select_from(FINDING.join(REPORT, REPORT.c.id == FINDING.c.report_id))
        .outerjoin(other, other.c.id == FINDING.c.other_report_id)
        .where(FINDING.c.rule == rule)
    )
    with engine.connect() as connection:
        return sorted(tuple(row) for row in connection.execute(query))  # type: ignore[misc]


def test_a_check_finds_again_what_loading_had_found(engine: Engine):
    load(engine, "洪泽区民政局", 2021, carried_forward=5)
    load(engine, "洪泽区民政局", 2022, carried_over=4)
    load(engine, "洪泽区人民政府", 2022, carried_over=3)
    before = {rule: found(engine, rule) for rule in ("years.carry_over", "region.exceeds")}
    assert all(before.values())
    with engine.begin() as connection:
        connection.execute(delete(FINDING))
    counts = run_check(engine)
    assert {rule: found(engine, rule) for rule in before} == before
    assert (counts.reports, counts.findings["years.carry_over"]) == (3, 1)
    assert run_check(engine) == counts


def test_findings_on_a_report_that_was_taken_back_are_forgotten(engine: Engine):
    document = load(engine, "洪泽区民政局", 2021, carried_forward=5)
    load(engine, "洪泽区民政局", 2022, carried_over=4)
    with engine.begin() as connection:
        connection.execute(update(DOCUMENT).where(DOCUMENT.c.id == document).values(status="discarded"))
    assert run_check(engine).stale > 0
    assert found(engine, "years.carry_over") == []


def take_in(engine: Engine, path: Path, *lines: str) -> None:
    """Take in a list of agencies as ``gongkai expect --replace`` does."""
    path.write_text("\n".join(("单位名称,行政区划代码,年度", *lines)), "utf-8-sig")
    found = read_expected(path)
    assert found.refused == ()
    run_transaction(engine, lambda c: coverage.expect(c, found.items, who="li", replace=True))


def test_agencies_of_the_list_that_are_absent_and_sums(engine: Engine, tmp_path: Path):
    load(engine, "洪泽区人民政府", 2022, new_received=5)
    load(engine, "洪泽区民政局", 2022, new_received=3)
    load(engine, "洪泽区财政局", 2022, new_received=4)
    assert run_check(engine).findings.keys().isdisjoint(AREA_RULES)  # without a list nothing is expected
    names = ["洪泽区民政局", "江苏省淮安市洪泽区财政局", "洪泽区教育局", "仁和镇人民政府"]
    under = [f"{name},320813,2022" for name in names]
    elsewhere = ["某局,320900,2022", "洪泽区人民政府,320813,2022", "无名局,,2022", "江苏省人民政府,320000,2022"]
    take_in(engine, tmp_path / "list.csv", *under, *elsewhere)
    counts = run_check(engine)
    assert counts.without_government == (("320800", 2022), ("320900", 2022))
    assert counts.without_region == 1
    assert found(engine, "region.absent") == [("洪泽区人民政府", None)] * 2
    assert found(engine, "region.sum") == [("洪泽区人民政府", None)]
    assert run_check(engine) == counts
    early = run_check(engine, today="2023-01-20").findings  # departments are due by 31 January; the law names no date for a town
    assert (early["region.absent"], early["region.sum"]) == (1, 1)
    assert run_check(engine) == counts
    take_in(engine, tmp_path / "list.csv", *under[:2])
    assert found(engine, "region.absent")
    assert run_check(engine).findings == {"region.sum": 1}  # what the old list had named is forgotten
    take_in(engine, tmp_path / "list.csv", "某局,320900,2022")
    assert run_check(engine).findings == {}


def test_an_agency_is_absent_only_when_nothing_of_it_came_in(engine: Engine, tmp_path: Path):
    """The check accuses whom the coverage calls absent, and nobody else."""
    load(engine, "洪泽区人民政府", 2022, new_received=9)
    load(engine, "洪泽区民政局", 2022, new_received=3)
    names = ("洪泽区民政局", "洪泽区教育局", "洪泽区财政局", "洪泽区水利局")
    take_in(engine, tmp_path / "list.csv", *(f"{name},320813,2022" for name in names))
    assert run_check(engine).findings["region.absent"] == 3
    (broken,) = register(engine, 1)
    with engine.begin() as connection:
        connection.execute(update(DOCUMENT).where(DOCUMENT.c.id == broken).values(status="failed"))
        path = {"path": "2022/江苏省/淮安市/洪泽区教育局2022年年报.pdf", "hints": {}}
        connection.execute(update(SOURCE).where(SOURCE.c.document_id == broken).values(**path))
    assert run_check(engine).findings["region.absent"] == 2
    with engine.begin() as connection:
        listed = [AgencyName(name, "320813", AliasSource.LIST).key for name in ("洪泽区财政局", "洪泽区民政局")]
        one, other = (agencies.agency_of(connection, key) for key in listed)
        assert one is not None
        assert other is not None
        filing.join(connection, one, other, who="li", reason="合署办公")
    messages = [message for message in absent(engine) if "水利局" in message]
    assert run_check(engine).findings["region.absent"] == 1
    assert absent(engine) == messages


def absent(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(select(FINDING.c.message).where(FINDING.c.rule == "region.absent")))


def test_cells_of_a_finding_stand_in_the_order_of_the_form(engine: Engine):
    """However they were written, and whatever the database returns first."""
    order = ["new_received", "carried_over", "granted", "total_handled", "carried_forward"]
    load(engine, "洪泽区民政局", 2022, **dict.fromkeys(reversed(order), 4))
    load(engine, "洪泽区人民政府", 2022, **dict.fromkeys(order, 3))
    query = select(FINDING.c.message, FINDING.c.cells).where(FINDING.c.rule == "region.exceeds")
    with engine.connect() as connection:
        message, cells = connection.execute(query).one()
    assert [cell.split(".")[1] for cell in cells] == order
    assert message.index("本年新收") < message.index("上年结转") < message.index("结转下年度")


def test_text_that_two_agencies_share_is_found_and_no_other(engine: Engine):
    preface = "根据《中华人民共和国政府信息公开条例》的规定，编制本报告。"
    load(engine, "洪泽区财政局", 2022, preface + OTHER * 2)
    load(engine, "洪泽区民政局", 2022, preface + OWN * 2)
    load(engine, "洪泽区教育局", 2022, preface + OWN * 2 + "共3项。")
    load(engine, "洪泽区交通局", 2021, preface + OWN * 2)
    counts = run_check(engine)
    assert found(engine, "text.copied") == [("洪泽区教育局", "洪泽区民政局")]
    assert run_check(engine) == counts


def test_the_index_proposes_what_resembles_and_nothing_else():
    index = TextIndex()
    index.add(1, [(1, OWN * 2), (5, OTHER * 2)])
    assert index.candidates([(1, OWN * 2 + "另有补充说明。")]) == [1]
    assert index.candidates([(1, OTHER * 2)]) == []  # another chapter
    assert index.candidates([(1, "无")]) == []
    assert len(sketch(OWN * 2)) == 16
