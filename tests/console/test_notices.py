"""Notices to agencies and the workbook of a region: what goes out, what does not, and that offices can open it."""

from __future__ import annotations

import io
import re
import shutil
import sqlite3
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import docx
import msgspec
import openpyxl
import pytest
import python_calamine
from PIL import Image
from sqlalchemy import Connection, Engine, event

from codebook.agency_kinds import stored_key
from codebook.errors import UsageError
from codebook.records import Hints
from console.notices.answers import AnswerRow, plan, read_answers, take_in
from console.notices.document import NoticeTemplate, default_template, open_template
from console.notices.gather import Selected
from console.notices.issue import Issued, IssueOptions, issue
from console.notices.ledger import write_ledger
from console.notices.preview import has_office, preview
from console.notices.records import AgencyNotice, LateUnit, Point, RegionCount, RegionSheets, Unit
from console.notices.words import category_of, notice_words
from database.findings import decisions, listing
from database.findings.evidence import own_cells
from database.findings.listing import CaseFilter, CaseLine
from database.models import FindingState
from database.reports.coverage import Listed, expect
from database.session import make_engine, reading, run_transaction
from database.users import audit
from runtime.language import in_chinese
from tasks.validation.wording import cell_label
from tests.database.test_finding_cases import balance, wrong
from tests.database.test_results import load, register, verdict
from tests.generator.documents import Wishes, make_document
from tests.inline import Inline

PLANTS = ("requests.row_sum", "requests.column_sum", "requests.balance")
COLUMNS = "序号 单位 区划 年度 问题类别 位置 报告原文 应为/差额 依据 截图 链接 整改要求 时限 反馈 复核结果 状态"


# ---- from frozen records ----------------------------------------------------------------------------------------------------


def picture(folder: Path) -> Path:
    path = folder / "cut.png"
    Image.new("RGB", (1100, 90), "white").save(path)
    return path


def point(case: int = 7, **changed: Any) -> Point:
    known: dict[str, Any] = {
        "case": case,
        "rule": "requests.balance",
        "category": "勾稽不符",
        "severity": "error",
        "sheet": "",
        "place": "表三 总计",
        "message": "合计 4 <> 7 & 相差 3",
        "original": "=1+1",
        "expected": "应为 4，实为 7，相差 3",
        "basis": "国办公开办函〔2021〕30号",
        "requirement": "核对并更正。",
        "link": "https://pages.example/documents/1",
        "state": "已确认",
    }
    return Point(**(known | changed))


def notice(*points: Point, number: int = 1, name: str = "示例区教育局") -> AgencyNotice:
    unit = Unit(("filing", number), name, "江苏省淮安市洪泽区", "部门", "县级")
    return AgencyNotice(number, unit, 2024, points, "2026-03-01", "2026-02-10", "示例市人民政府办公室", "张三")


def text_of(path: Path) -> str:
    return "\n".join(paragraph.text for paragraph in docx.Document(str(path)).paragraphs)


def test_a_notice_says_every_point_with_its_picture(tmp_path: Path):
    target = tmp_path / "notice.docx"
    open_template(None).render(notice(point(7, picture=picture(tmp_path)), point(8, expected="")), target)
    text = text_of(target)
    assert text.startswith("政府信息公开工作年度报告\n整改通知\n\n示例区教育局：")
    assert "存在以下 2 个问题" in text
    assert "2026 年 3 月 1 日 前" in text
    assert "1. 【勾稽不符】表三 总计\n问题：合计 4 <> 7 & 相差 3\n报告原文：=1+1\n应为（差额）：应为 4，实为 7，相差 3\n" in text
    assert "（问题编号 7）" in text
    assert text.count("应为（差额）") == 1  # a line without anything to say is left out
    assert text.endswith("示例市人民政府办公室\n2026 年 2 月 10 日")
    assert "{{" not in text
    assert len(docx.Document(str(target)).inline_shapes) == 1


def changed_template(old: str, new: str) -> bytes:
    document = docx.Document(io.BytesIO(default_template()))
    for paragraph in document.paragraphs:
        for run in paragraph.runs:
            run.text = run.text.replace(old, new)
    content = io.BytesIO()
    document.save(content)
    return content.getvalue()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{{ 时限 }}", "", "the field 时限 is missing"),
        ("{{ 单位 }}", "{{ 单位 }}{{ 电话 }}", "there is no field 电话"),
        ("{{ 点.说明 }}", "{{ 点.解释 }}", "there is no field 点.解释"),
        ("{%p endfor %}", "", "expected {{ field }}"),
        ("{{ 单位 }}", "{{ 单位 ", "expected {{ field }}"),
    ],
)
def test_a_template_that_does_not_fit_is_refused_by_the_name_of_the_field(old: str, new: str, said: str):
    with pytest.raises(UsageError) as caught:
        NoticeTemplate(changed_template(old, new), "mine/notice.docx")
    assert said in str(caught.value)
    assert str(caught.value).startswith("mine/notice.docx: ")


def test_a_template_of_the_office_is_used(tmp_path: Path):
    (tmp_path / "notice.docx").write_bytes(changed_template("整改通知", "核查意见书"))
    open_template(tmp_path).render(notice(point()), tmp_path / "out.docx")
    assert "核查意见书" in text_of(tmp_path / "out.docx")
    with pytest.raises(UsageError, match=r"notice\.docx"):
        open_template(tmp_path / "nowhere")
    (tmp_path / "bad.docx").write_bytes(b"no zip")
    with pytest.raises(UsageError, match="no Word document"):
        open_template(tmp_path / "bad.docx")


def test_the_workbook_of_a_region_has_every_point_where_it_belongs(tmp_path: Path):
    copied, jump = point(8, sheet="copied", category="文本雷同", severity="warning"), point(9, sheet="years", category="跨年不符")
    late = LateUnit("示例区财政局", "江苏省淮安市洪泽区", "迟报", "2025-01-31", "2025-03-01", "2025-03-02", "说明原因。")
    notices = (notice(point(7, picture=picture(tmp_path)), copied), notice(jump, number=2, name="示例区民政局"))
    counts = RegionCount(3, {"late": 1, "in_time": 2})
    sheets = RegionSheets("江苏省淮安市", 2024, "2026-03-01", "2026-02-10", "示例市", notices, (late,), counts)
    write_ledger(sheets, tmp_path / "out.xlsx", {1: "整改通知/1.docx"})
    book = openpyxl.load_workbook(tmp_path / "out.xlsx")
    assert book.sheetnames == ["汇总", "逐单位", "迟报漏报", "雷同", "跨年", "明细", "说明"]
    header, *rows = list(book["明细"].iter_rows(min_row=3, values_only=True))
    assert " ".join(header[:16]) == COLUMNS
    found = [dict(zip(header, row, strict=True)) for row in rows]
    assert [(row["序号"], row["单位"], row["问题编号"]) for row in found] == [
        (1, "示例区教育局", 7),
        (2, "示例区教育局", 8),
        (3, "示例区民政局", 9),
    ]
    assert found[0]["报告原文"] == "'=1+1"  # never a formula
    assert (found[0]["反馈"], found[0]["复核结果"], found[0]["状态"]) == (None, None, "已确认")
    assert [row[17].value for row in book["雷同"].iter_rows(min_row=4)] == [8]
    assert [row[17].value for row in book["跨年"].iter_rows(min_row=4)] == [9]
    with zipfile.ZipFile(tmp_path / "out.xlsx") as packed:
        assert [name for name in packed.namelist() if name.startswith("xl/media/")] == ["xl/media/image1.png"]
    assert [row[1] for row in book["迟报漏报"].iter_rows(min_row=4, values_only=True)] == ["示例区财政局"]
    units = list(book["逐单位"].iter_rows(min_row=4, values_only=True))
    assert [row[6:10] for row in units] == [(2, 1, 1, 0), (1, 1, 0, 0)]
    summary = {row[0]: row[1:3] for row in book["汇总"].iter_rows(min_row=4, values_only=True)}
    assert summary["合计"] == (2, 3)
    assert summary["应报单位"][0] == 3
    assert summary["迟报"][0] == 1
    again = python_calamine.CalamineWorkbook.from_path(str(tmp_path / "out.xlsx"))
    assert len(again.get_sheet_by_name("明细").to_python()) == 6


# ---- from the database ------------------------------------------------------------------------------------------------------


@pytest.fixture
def desk(sqlite_url: str, tmp_path: Path) -> Iterator[Inline]:
    """Reports with planted errors, as PDF, and one as text."""
    engine = make_engine(sqlite_url)
    worker = Inline(engine, tmp_path / "home")
    for number, plant in enumerate(PLANTS):
        add(worker, number, plant, "pdf")
    add(worker, 9, "requests.balance", "docx")
    worker.work()
    yield worker
    engine.dispose()


def add(worker: Inline, seed: int, plant: str, layout: str) -> None:
    made = make_document(seed, layout, Wishes(clean=True, plant=plant, year=2024))
    worker.add(made.data, made.media_type, made.name, hints=Hints(path=made.name, region=made.region))


def cases(engine: Engine, **wanted: Any) -> list[CaseLine]:
    with reading(engine) as connection:
        return list(listing.iterate(connection, CaseFilter(**wanted)))


def confirm(engine: Engine, numbers: Sequence[int], to: FindingState = FindingState.CONFIRMED) -> None:
    run_transaction(engine, lambda c: decisions.decide(c, numbers, to, who="li", reason="经核对原件"))


def send(desk: Inline, out: Path, **options: Any) -> Issued:
    return issue(desk.engine, desk.settings, Selected("", 2024), IssueOptions(out, **options))


def test_only_confirmed_findings_go_out_and_nothing_is_sent_before_it_is_asked(desk: Inline, tmp_path: Path):
    planted = [line for line in cases(desk.engine) if line.rule in PLANTS]
    assert {line.rule for line in planted} == set(PLANTS)
    assert send(desk, tmp_path / "none").notices == 0
    dismissed, *mine = planted
    confirm(desk.engine, [line.id for line in mine])
    confirm(desk.engine, [dismissed.id], FindingState.DISMISSED)
    draft = send(desk, tmp_path / "out", issuer="示例市")
    assert (draft.points, draft.marked) == (len(mine), 0)
    assert draft.notices == len({line.filing_id or -line.document_id for line in mine})
    assert {line.state for line in cases(desk.engine, state="confirmed")} == {"confirmed"}

    files = sorted(Path(draft.folder).iterdir())
    assert len(files) == draft.notices
    texts = {path.name: text_of(path) for path in files}
    for line in mine:
        (text,) = [text for text in texts.values() if f"（问题编号 {line.id}）" in text]
        assert f"{line.agency}：" in text
        assert line.message in text
        assert category_of(line.rule).requirement in text
    assert not [text for text in texts.values() if f"（问题编号 {dismissed.id}）" in text]
    pictures = sum(len(docx.Document(str(path)).inline_shapes) for path in files)
    drawn = [line for line in mine if str(line.path).endswith(".pdf")]
    assert pictures == len(drawn) == draft.points - draft.without_picture > 0

    sent = send(desk, tmp_path / "sent", mark_sent=True, who="王五", reason="第一批")
    assert sent.marked == len(mine)
    assert {line.state for line in cases(desk.engine) if line.id in {each.id for each in mine}} == {"sent"}
    with reading(desk.engine) as connection:
        (entry,) = audit.trail(connection, action="finding_sent")
    assert (entry.who, entry.reason, entry.count) == ("王五", "第一批", len(mine))
    states = [row[15] for row in openpyxl.load_workbook(sent.workbook)["明细"].iter_rows(min_row=4, values_only=True)]
    assert states == ["已发送"] * len(mine)
    assert send(desk, tmp_path / "again").notices == 0


@pytest.mark.slow
def test_the_notices_say_the_planted_errors_as_they_are_printed(sqlite_url: str, tmp_path: Path):
    """The whole chain, from PDFs with a planted error each, and two without: the right agencies get the right numbers."""
    engine = make_engine(sqlite_url)
    worker = Inline(engine, tmp_path / "home")
    plants = (*PLANTS, "review.sum")
    made = {}
    for seed in range(3 * len(plants) + 2):
        plant = plants[seed % len(plants)] if seed < 3 * len(plants) else None
        document = make_document(500 + seed, "pdf", Wishes(clean=True, plant=plant, year=2024))
        number = worker.add(document.data, document.media_type, document.name, hints=Hints(path=document.name))
        made[number] = document
    worker.work()
    found = [line for line in cases(engine, severity="error") if line.document_id in made]
    confirm(engine, [line.id for line in found])
    out = issue(engine, worker.settings, Selected("", 2024), IssueOptions(tmp_path / "out"))
    texts = {path: text_of(path) for path in sorted(Path(out.folder).iterdir())}
    for number, document in made.items():
        mine = [line for line in found if line.document_id == number]
        assert bool(mine) == bool(document.plants), (document.name, [line.message for line in mine])
        for plant in document.plants:
            assert [line for line in mine if line.rule == plant.rule and set(line.cells) & set(plant.cells)], plant
        for line in mine:
            (text,) = [text for text in texts.values() if f"（问题编号 {line.id}）" in text]
            assert text.split("\n")[3] == f"{line.agency}："
            (block,) = [each for each in re.split(r"(?m)^\d+\. 【", text) if f"（问题编号 {line.id}）" in each]
            said = dict(re.findall(r"([^；：\n]+)：([\d.]+)(?=；|\n|$)", block.split("报告原文：")[1].split("\n")[0]))
            truth = {cell_label(cell): document.indicators[cell] for cell in line.cells if cell in document.indicators}
            assert said, block
            assert {label: float(value) for label, value in said.items()} == {label: float(truth[label]) for label in said}
    assert (out.points, out.without_picture, out.notices) == (len(found), 0, 3 * len(plants))
    assert sum(len(docx.Document(str(path)).inline_shapes) for path in texts) == out.points
    if has_office():
        assert issue(engine, worker.settings, Selected("", 2024), IssueOptions(tmp_path / "pdf", pdf=True)).pdf == out.notices
    engine.dispose()


def test_no_notice_of_an_earlier_run_lies_among_those_that_are_sent(desk: Inline, tmp_path: Path):
    kept, dismissed = [line.id for line in cases(desk.engine) if line.rule in PLANTS][:2]
    confirm(desk.engine, [kept, dismissed])
    draft = send(desk, tmp_path / "out")
    confirm(desk.engine, [dismissed], FindingState.DISMISSED)
    with pytest.raises(UsageError, match="holds files already"):
        send(desk, tmp_path / "out", mark_sent=True, who="li", reason="第一批")
    assert {line.id for line in cases(desk.engine, state="confirmed")} == {kept}  # nothing was sent
    shutil.rmtree(draft.folder)
    sent = send(desk, tmp_path / "out", mark_sent=True, who="li", reason="第一批")
    (text,) = [text_of(path) for path in Path(sent.folder).iterdir()]
    assert f"（问题编号 {kept}）" in text


def test_a_marking_whose_answer_was_lost_is_found_again(desk: Inline, tmp_path: Path):
    numbers = [line.id for line in cases(desk.engine) if line.rule in PLANTS][:2]
    confirm(desk.engine, numbers)
    lost: list[str] = []

    @event.listens_for(desk.engine, "after_cursor_execute")
    def seen(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "insert into gk_finding_act" in statement.lower():
            lost.append(statement)

    @event.listens_for(desk.engine, "commit")
    def lose(connection: Connection) -> None:
        if len(lost) == 1:
            lost.append("")
            connection.connection.commit()
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR  # type: ignore[misc]
            raise error

    sent = send(desk, tmp_path / "out", mark_sent=True, who="li", reason="第一批")
    assert len(lost) == 2
    assert sent.marked == 2
    assert {line.id for line in cases(desk.engine, state="sent")} == set(numbers)
    with reading(desk.engine) as connection:
        assert [entry.count for entry in audit.trail(connection, action="finding_sent")] == [2]


def test_nothing_is_sent_when_a_finding_moved_since_it_was_counted(desk: Inline, tmp_path: Path):
    first, second = [line.id for line in cases(desk.engine) if line.rule in PLANTS][:2]
    confirm(desk.engine, [first, second])
    old = preview(desk.engine, Selected("", 2024))
    assert (old.points, sum(count for *_, count in old.units)) == (2, 2)
    options = IssueOptions(tmp_path / "out", mark_sent=True, who="li", seen=old.mark)

    def move() -> None:
        confirm(desk.engine, [first], FindingState.DISMISSED)

    with pytest.raises(UsageError, match="while the sheets were made"):
        issue(desk.engine, desk.settings, Selected("", 2024), options, made=move)
    with pytest.raises(UsageError, match="since they were counted"):
        issue(desk.engine, desk.settings, Selected("", 2024), options._replace(out=tmp_path / "again"))
    assert not (tmp_path / "again").exists()
    assert {line.id: line.state for line in cases(desk.engine)}[second] == "confirmed"


def test_the_answers_come_back_by_the_number_of_the_case(desk: Inline, tmp_path: Path):
    mine = [line for line in cases(desk.engine) if line.rule in PLANTS][:4]
    confirm(desk.engine, [line.id for line in mine])
    sent = send(desk, tmp_path, mark_sent=True, who="li", reason="第一批")
    answers = {
        mine[0].id: ("已更正", ""),
        mine[1].id: ("已更正重发", "已整改"),
        mine[2].id: ("口径如此", "解释成立"),
        mine[3].id: ("", "好"),
    }
    filled = filled_in(Path(sent.workbook), tmp_path / "back.xlsx", answers)
    with reading(desk.engine) as connection:
        planned = plan(connection, read_answers(filled))
    assert {line.state for line in cases(desk.engine) if line in mine} <= {"sent"}
    assert [(refused.row.case, refused.why) for refused in planned.refused] == [
        (mine[3].id, "the result is one of 已整改, 解释成立, 未整改")
    ]
    moved = run_transaction(desk.engine, lambda c: take_in(c, planned, who="王五"))
    assert {state.value: count for state, count in moved.items()} == {"answered": 3, "settled": 1, "dismissed": 1}
    now = {line.id: (line.state, line.reason) for line in cases(desk.engine)}
    assert [now[line.id] for line in mine] == [
        ("answered", "已更正"),
        ("settled", "已更正重发"),
        ("dismissed", "口径如此"),
        ("sent", "第一批"),
    ]
    with reading(desk.engine) as connection:
        again = plan(connection, read_answers(filled))
    assert (again.moves, again.unchanged) == ((), 3)


def test_answers_of_a_report_without_an_agency_are_taken_and_every_refusal_has_its_chinese(sqlite_url: str):
    engine = make_engine(sqlite_url)
    unnamed, named, other, unsent = register(engine, 4)
    for number, agency in ((unnamed, None), (named, "洪泽区民政局"), (other, "洪泽区财政局"), (unsent, "洪泽区教育局")):
        loaded = wrong(verdict(new_received=3), balance(3))
        load(engine, number, msgspec.structs.replace(loaded, report=msgspec.structs.replace(loaded.report, agency=agency)))
    first, second, third, fourth = (line.id for line in sorted(cases(engine), key=lambda line: line.document_id))
    for state in (FindingState.CONFIRMED, FindingState.SENT):
        confirm(engine, [first, second, third], state)
    rows = [
        AnswerRow("明细", 4, first, "", "已更正", ""),
        AnswerRow("明细", 5, 1 << 63, "", "已更正", ""),
        AnswerRow("明细", 6, None, "", "已更正", ""),
        AnswerRow("明细", 7, second, "洪泽区民政局", "已更正", ""),
        AnswerRow("雷同", 4, second, "洪泽区民政局", "未更正", ""),
        AnswerRow("明细", 8, third, "洪泽区审计局", "已更正", ""),
        AnswerRow("明细", 9, fourth, "洪泽区教育局", "已更正", ""),
    ]
    with reading(engine) as connection:
        planned = plan(connection, rows)
        elsewhere = plan(connection, [AnswerRow("明细", 4, first, "洪泽区民政局", "已更正", "")])
        unclear = plan(connection, [AnswerRow("明细", 4, first, "", "已更正", "好")])
    engine.dispose()
    assert [(move.case, move.to) for move in planned.moves] == [(first, FindingState.ANSWERED)]
    refused = [each for one in (planned, elsewhere, unclear) for each in one.refused]
    assert sorted(each.row.row for each in refused) == [4, 4, 4, 5, 6, 7, 8, 9]
    said = {in_chinese(each.why) for each in refused}
    assert len(said) == 7
    assert not [text for text in said if re.search("[a-z]", text)]


def filled_in(path: Path, target: Path, answers: Mapping[int, tuple[str, str]]) -> Path:
    book = openpyxl.load_workbook(path)
    for row in book["明细"].iter_rows(min_row=4):
        if row[17].value in answers:
            row[13].value, row[14].value = (text or None for text in answers[row[17].value])
    book.save(target)
    return target


def test_a_file_that_is_no_workbook_of_a_region_is_refused(tmp_path: Path):
    (tmp_path / "a.xlsx").write_bytes(b"no zip")
    with pytest.raises(UsageError, match="cannot be read"):
        read_answers(tmp_path / "a.xlsx")
    openpyxl.Workbook().save(tmp_path / "b.xlsx")
    with pytest.raises(UsageError, match="has no sheet 明细"):
        read_answers(tmp_path / "b.xlsx")


def test_who_was_late_stands_in_the_workbook(desk: Inline, tmp_path: Path):
    absent = "洪泽区财政局"
    listed = Listed(2024, absent, stored_key(absent, "320813"), "320813", "2025-01-31")
    run_transaction(desk.engine, lambda c: expect(c, [listed], who="li"))
    made = send(desk, tmp_path)
    assert (made.notices, made.late) == (0, 1)
    rows = list(openpyxl.load_workbook(made.workbook)["迟报漏报"].iter_rows(min_row=4, values_only=True))
    assert [(row[1], row[2], row[4], row[5]) for row in rows] == [
        (absent, "江苏省淮安市洪泽区", "漏报（未见报告）", "2025-01-31")
    ]


def test_a_cell_of_the_year_before_is_not_printed_in_this_report():
    cells = ("earlier:requests.carried_forward.total", "later:requests.carried_over.total")
    assert own_cells("years.carry_over", cells) == ["requests.carried_over.total"]
    assert own_cells("requests.balance", ("requests.carried_forward.total",)) == ["requests.carried_forward.total"]


def test_every_rule_has_a_category_and_the_template_names_known_fields():
    words = notice_words()
    assert set(words.needed) <= set(words.fields)
    assert msgspec.structs.fields(Point)
    open_template(None)
