"""One document, one cell, the review and the coverage: what they show, and what people decide there."""

from __future__ import annotations

import csv
import html
import io
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image
from sqlalchemy import update

from codebook.agency_kinds import stored_key
from codebook.confidence import surety
from codebook.records import CONFLICT, Clue, Decided, Place, State
from console.web import i18n
from database.ledger import Selection, discard
from database.models import ReportRow, Source
from database.monitoring import queries
from database.reports import corrections, coverage
from database.reports.coverage import Listed
from database.session import reading, run_transaction
from database.users import accounts, audit
from tests.console.web.filed import (
    CELL,
    EVIL,
    HIGH,
    ROW,
    TOTAL,
    WIDE,
    box,
    file_pictured,
    file_scan,
    file_text,
    report,
    report_of_rows,
)
from tests.generator.documents import Wishes, make_document
from tests.inline import Inline


@pytest.fixture
def inline(desk: Any) -> Inline:
    """The machine behind the pages: the same database, the same store. Nobody is notified."""
    desk.app.state.context.notify = lambda queued: None
    return Inline(desk.engine, desk.settings.home)


@pytest.fixture
def document(inline: Inline) -> int:
    """A scan with a doubtful cell."""
    return file_scan(inline)


def value(desk: Any, document: int, cell: str = CELL) -> tuple[Any, ...]:
    with reading(desk.engine) as connection:
        item = queries.document(connection, document)
    found = next(v for v in item.values if v.indicator == cell)
    return (item.status, found.value, found.state)


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, name
    return html.unescape(found[1])


# ---- one document -----------------------------------------------------------------------------------------------------------


def test_a_document_shows_its_page_beside_its_numbers(desk: Any, document: int) -> None:
    page = desk.viewer.get(f"/documents/{document}").text
    assert f'src="/documents/{document}/pages/1.png"' in page
    assert re.search(
        rf'<rect class="doubtful" data-cell="{re.escape(CELL)}" x="200.0" y="400.0" width="45.0" height="20.0">', page
    )
    assert re.search(rf'<td class="field doubtful"><a data-cell="{re.escape(CELL)}"', page)
    assert "示例县教育局" in page
    assert "表三" in page
    assert EVIL not in page
    assert html.escape(EVIL).replace("&#x27;", "&#39;") in page
    assert "与表一致" in page  # what the text says of the total


def test_pictures_of_pages_and_cells(desk: Any, document: int) -> None:
    page = desk.viewer.get(f"/documents/{document}/pages/1.png")
    assert page.headers["content-type"] == "image/png"
    assert page.headers["cache-control"].startswith("private")
    with Image.open(io.BytesIO(page.content)) as picture:
        assert picture.width <= 1500
    crop = desk.viewer.get(f"/documents/{document}/crops/{CELL}.png")
    with Image.open(io.BytesIO(crop.content)) as picture:
        assert picture.width <= 1000
    for path in ("pages/2.png", "crops/requests.granted.total.png", "crops/nothing.png"):
        assert desk.viewer.get(f"/documents/{document}/{path}").status_code == 404
    for path in ("pages/1.png", f"crops/{CELL}.png", f"cells/{CELL}", "progress"):
        assert desk.client().get(f"/documents/{document}/{path}").headers["location"].startswith("/login")


def test_a_damaged_original_is_told_and_not_passed_on(desk: Any, inline: Inline) -> None:
    number = file_scan(inline)
    with reading(desk.engine) as connection:
        sha256 = queries.document(connection, number).sha256

    Path(inline.store.path(sha256)).write_bytes(b"<svg onload=alert(1)>")
    answer = desk.viewer.get(f"/documents/{number}/pages/1.png")
    assert answer.status_code == 503
    assert "svg" not in answer.headers["content-type"]


def test_a_web_page_is_shown_as_text_with_its_cells_marked(desk: Any, inline: Inline) -> None:
    number = file_text(inline)
    page = desk.viewer.get(f"/documents/{number}").text
    assert re.search(rf'<mark class="doubtful" data-cell="{re.escape(CELL)}">S</mark>', page)
    assert EVIL not in page
    assert desk.viewer.get(f"/documents/{number}/pages/1.png").status_code == 404
    case = desk.viewer.get(f"/documents/{number}/cells/{CELL}").text
    assert re.search(rf'<mark class="doubtful chosen" data-cell="{re.escape(CELL)}">', case)


def test_a_picture_inside_of_a_web_page_is_shown_with_its_boxes(desk: Any, inline: Inline) -> None:
    number = file_pictured(inline)
    page = desk.viewer.get(f"/documents/{number}").text
    assert f'src="/documents/{number}/pages/2.png"' in page
    assert f'src="/documents/{number}/pages/1.png"' not in page
    assert "落款" in page
    assert EVIL not in page
    for path in ("pages/2.png", f"crops/{CELL}.png"):
        answer = desk.viewer.get(f"/documents/{number}/{path}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert f'crops/{CELL}.png"' in desk.viewer.get(f"/documents/{number}/cells/{CELL}").text
    assert desk.viewer.get(f"/documents/{number}/pages/3.png").status_code == 404


def test_a_document_without_a_report_is_shown_with_what_there_is(desk: Any, inline: Inline) -> None:
    number = inline.add(b"", "text/plain", "in/empty.txt")
    inline.work()
    page = desk.viewer.get(f"/documents/{number}").text
    assert "file.empty" in page
    assert desk.viewer.get(f"/documents/{number}/cells/{CELL}").status_code == 404
    assert desk.viewer.get("/documents/999").status_code == 404


def test_a_failed_document_says_why_and_what_to_do(desk: Any, inline: Inline) -> None:
    number = inline.add(b" ", "text/plain", "in/空白 文件.txt")
    inline.work()
    for client, may in ((desk.viewer, False), (desk.operator, True)):
        top = client.get(f"/documents/{number}").text.partition('id="failed"')[2].partition("</section>")[0]
        assert i18n.label("zh", "code", "file.empty") in top
        assert i18n.label("zh", "step", "file.empty") in top
        assert f'href="/documents/{number}/original"' in top
        for act in ("reprocess", "discard"):
            assert (f"act={act}&amp;document={number}" in top) is may
    desk.viewer.post("/language", data={"csrf": desk.token(desk.viewer), "language": "en", "to": "/"})
    assert i18n.label("en", "step", "file.empty") in html.unescape(desk.viewer.get(f"/documents/{number}").text)
    answer = desk.viewer.get(f"/documents/{number}/original")
    assert (answer.content, answer.headers["content-type"]) == (b" ", "application/octet-stream")
    assert "%E7%A9%BA%E7%99%BD%20%E6%96%87%E4%BB%B6.txt" in answer.headers["content-disposition"]
    assert desk.client().get(f"/documents/{number}/original").headers["location"].startswith("/login")
    with reading(desk.engine) as connection:
        assert audit.trail(connection, action="download")[0].who == "viewer"
    assert desk.viewer.get("/documents/999/original").status_code == 404


def test_a_case_shows_the_sums_that_each_value_would_satisfy(desk: Any, document: int) -> None:
    page = desk.operator.get(f"/documents/{document}/cells/{CELL}").text
    assert re.findall(r'name="choice" value="([^"]+)"', page) == ["v3", "v8", "blank", "typed"]
    assert "自然人 3" in page
    assert "1 项不符" in page
    viewer = desk.viewer.get(f"/documents/{document}/cells/{CELL}").text
    assert 'name="choice"' not in viewer


def test_nothing_is_proposed_for_a_cell_that_was_not_seen(desk: Any, inline: Inline) -> None:
    """Enter must not say that it is blank: nobody has looked."""
    lines = make_document(7, "pipes", Wishes(clean=True)).data.decode().splitlines()
    cut = "\n".join(line for line in lines if "予以公开" not in line or "|" not in line)
    number = inline.add(cut.encode(), "text/plain", "in/cut.txt")
    inline.work()
    cell = "requests.granted.total"
    assert value(desk, number, cell) == ("needs_review", None, "not_seen")
    page = desk.operator.get(f"/documents/{number}/cells/{cell}").text
    offered = re.findall(r'<input type="radio" name="choice" value="([^"]+)"([^>]*)>', page)
    assert {key for key, _ in offered} >= {"blank", "typed"}
    assert [key for key, more in offered if "checked" in more] == []


def test_a_cell_is_corrected_validated_and_undone_from_the_document(desk: Any, inline: Inline, document: int) -> None:
    path = f"/documents/{document}/cells/{CELL}"
    case = desk.operator.get(path).text
    fields = {"standing": hidden(case, "standing"), "mark": hidden(case, "mark"), "reason": EVIL}
    answer = desk.post(desk.operator, path, choice="typed", typed="５", **fields)
    assert answer.headers["location"] == f"/documents/{document}?at={CELL}"
    assert value(desk, document)[0] == "processing"
    assert desk.viewer.get(f"/documents/{document}/progress").status_code == 204
    busy = desk.viewer.get(f"/documents/{document}").text
    assert "正在重新校验" in busy
    inline.work()
    assert desk.viewer.get(f"/documents/{document}/progress").headers["hx-refresh"] == "true"
    assert value(desk, document) == ("accepted", 5, "corrected")
    page = desk.viewer.get(f"/documents/{document}").text
    assert '<td class="field corrected">' in page
    assert EVIL not in page
    (number,) = re.findall(r"/corrections/(\d+)/undo", desk.operator.get(path).text)
    assert "/undo" not in desk.viewer.get(path).text
    assert desk.post(desk.viewer, f"/documents/{document}/corrections/{number}/undo").status_code == 403
    desk.post(desk.operator, f"/documents/{document}/corrections/{number}/undo")
    inline.work()
    assert value(desk, document) == ("needs_review", 3, "doubtful")
    desk.post(desk.operator, f"/documents/{document}/corrections/{number}/undo")  # again: nothing is changed
    assert "已不再有效" in desk.operator.get(f"/documents/{document}").text


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"choice": "typed", "typed": "many"}, "请填写数字"),
        ({"choice": "typed", "typed": "5.5"}, "应为整数"),
        ({"choice": "typed", "typed": "-5"}, "不能为负数"),
        ({"choice": "nonsense"}, "请填写数字"),
        ({"choice": "vx"}, "请填写数字"),
        ({}, "还没有选定"),
        ({"choice": "typed"}, "请填写数字"),
    ],
)
def test_what_cannot_be_decided_is_said(desk: Any, document: int, fields: dict[str, str], told: str) -> None:
    answer = desk.post(desk.operator, f"/documents/{document}/cells/{CELL}", **fields)
    assert (answer.status_code, told in answer.text) == (422, True)
    assert value(desk, document)[0] == "needs_review"


def test_a_typed_value_beside_another_choice_is_refused_and_kept_on_the_page(desk: Any, document: int) -> None:
    """Which of the two was meant is not guessed: neither is recorded."""
    path = f"/documents/{document}/cells/{CELL}"
    case = desk.operator.get(path).text
    fields = {"standing": hidden(case, "standing"), "mark": hidden(case, "mark"), "reason": "as printed"}
    for headers, status in (({}, 422), ({"hx-request": "true"}, 200)):
        sent = {"csrf": desk.token(desk.operator), "choice": "v3", "typed": "33", **fields}
        answer = desk.operator.post(path, data=sent, headers=headers)
        assert answer.status_code == status
        assert "选了一个值，又填了另一个" in answer.text
        assert 'name="typed" value="33"' in answer.text
        assert 'name="reason" value="as printed"' in answer.text
        assert not re.search(r'name="choice" value="[^"]+" checked', answer.text)  # it is asked again, not answered for anybody
        with reading(desk.engine) as connection:
            assert corrections.in_force(connection, document) == ()
    agreeing = desk.post(desk.operator, path, choice="v3", typed="３", **fields)
    assert agreeing.headers["location"] == f"/documents/{document}?at={CELL}"
    with reading(desk.engine) as connection:
        assert [each.value for each in corrections.in_force(connection, document)] == [3]


def test_a_typed_fact_beside_another_choice_is_refused(desk: Any, document: int) -> None:
    answer = desk.post(
        desk.operator, f"/documents/{document}/cells/report.agency", choice="示例县教育局", typed="示例县教育体育局"
    )
    assert answer.status_code == 422
    assert 'name="typed" value="示例县教育体育局"' in answer.text
    with reading(desk.engine) as connection:
        assert corrections.in_force(connection, document) == ()


def test_who_may_only_look_decides_nothing(desk: Any, document: int) -> None:
    assert desk.post(desk.viewer, f"/documents/{document}/cells/{CELL}", choice="v3").status_code == 403
    assert desk.viewer.get("/review").status_code == 403
    assert desk.post(desk.viewer, "/review", document=document, cell=CELL, choice="v3").status_code == 403
    assert desk.post(desk.operator, f"/documents/{document}/cells/no.cell", choice="v3").status_code == 404


def test_the_year_of_a_report_is_decided(desk: Any, inline: Inline) -> None:
    number = file_scan(inline, made=report(year=None))
    page = desk.operator.get(f"/documents/{number}").text
    assert "报告年度" in page
    desk.post(desk.operator, f"/documents/{number}/cells/report.year", choice="typed", typed="2024")
    desk.post(desk.operator, f"/documents/{number}/cells/{CELL}", choice="v3")
    inline.work()
    with reading(desk.engine) as connection:
        item = queries.document(connection, number)
    assert (item.status, item.reports[0].year) == ("accepted", 2024)


# ---- the review -------------------------------------------------------------------------------------------------------------


def decide(desk: Any, page: str, client: Any = None, **fields: str) -> str:
    """Send the form of a review page as the browser would, and give the next page."""
    client = client or desk.operator
    names = ("document", "cell", "standing", "mark")
    given = {name: hidden(page, name) for name in names} | fields
    answer = client.post("/review", data={"csrf": desk.token(client), **given}, headers={"hx-request": "true"})
    assert answer.status_code == 200, answer.text
    return answer.text


def undoable(page: str) -> list[str]:
    """The decisions that the key U of a review page undoes."""
    return re.findall(r'name="number" value="(\d+)"', page.partition('id="undo"')[2].partition("</form>")[0])


def test_doubts_one_after_the_other(desk: Any, inline: Inline) -> None:
    documents = [file_scan(inline, f"in/{at}.pdf", mark=at) for at in range(3)]
    assert re.findall(r"<b>(\d+)</b>", desk.operator.get("/review/left").text) == ["3", "3", "0"]
    page = desk.operator.get("/review").text
    seen = []
    for choice in ("v3", "blank", "v8"):
        seen.append(int(hidden(page, "document")))
        page = decide(desk, page, choice=choice)
        assert "已核定" in page
    assert seen == documents
    assert "没有待复核的数据" in page
    left = desk.operator.get("/review/left?batch=1").text
    assert re.findall(r"<b>(\d+)</b>", left) == ["0", "0", "3", "3"]  # nothing is left; three by me, today and in this batch
    # each had no other doubt: it does not wait for more
    assert [said.partition(": ")[2] for said in inline.work()] == ["validate: done"] * 3
    assert [value(desk, number)[1:] for number in documents] == [(3, "corrected"), (None, "corrected"), (8, "corrected")]


def test_a_decision_is_undone_and_asked_again(desk: Any, inline: Inline, document: int) -> None:
    page = decide(desk, desk.operator.get("/review").text, choice="v3")
    fields = {"csrf": desk.token(desk.operator), "number": hidden(page, "number")}
    again = desk.operator.post("/review/undo", data=fields, headers={"hx-request": "true"}).text
    assert hidden(again, "cell") == CELL
    assert "已撤销" in again
    with reading(desk.engine) as connection:
        assert corrections.in_force(connection, document) == ()


def test_skipping_goes_on_and_tells_at_the_end(desk: Any, inline: Inline) -> None:
    file_scan(inline, "in/1.pdf", mark=1)
    file_scan(inline, "in/2.pdf", mark=2)
    page = desk.operator.get("/review").text
    for _ in range(2):
        found = re.search(r'href="([^"]+)" hx-get', page)
        assert found is not None
        page = desk.operator.get(html.unescape(found[1])).text
    assert "跳过的还在" in page


def test_the_second_operator_is_told(desk: Any, document: int) -> None:
    one, other = desk.operator, desk.administrator
    first = one.get("/review").text
    assert "没有待复核的数据" in other.get("/review").text  # it is handed out already
    second = other.get(f"/review?document={document}&cell={CELL}").text
    assert "operator 自" in second
    decide(desk, first, one, choice="v3")
    told = decide(desk, second, other, choice="v8", reason="看过原件")
    assert "operator 刚刚已核定为 3" in told
    assert 'name="reason" value="看过原件"' in told
    assert not re.search(r'name="choice" value="[^"]+" checked', told)
    with reading(desk.engine) as connection:
        (kept,) = corrections.in_force(connection, document)
    assert (kept.by, kept.value) == ("operator", 3)
    told = decide(desk, told, other, choice="v8")  # having seen it, the other decides again
    with reading(desk.engine) as connection:
        (kept,) = corrections.in_force(connection, document)
    assert (kept.by, kept.value) == ("administrator", 8)


def test_two_reviewers_are_never_sent_to_the_same_document(desk: Any, inline: Inline) -> None:
    documents = [file_scan(inline, f"in/{at}.pdf", mark=at) for at in range(4)]
    one, other = desk.operator, desk.administrator
    mine, theirs = one.get("/review").text, other.get("/review").text
    assert [int(hidden(page, "document")) for page in (mine, theirs)] == documents[:2]
    assert int(hidden(one.get("/review").text, "document")) == documents[0]  # asked for again: it is theirs still
    mine = decide(desk, mine, one, choice="v3")
    assert int(hidden(mine, "document")) == documents[2]  # not the one that the other has
    skip = f"/review?after={documents[1]}&after_cell={CELL}"
    assert int(hidden(other.get(skip).text, "document")) == documents[3]
    assert int(hidden(other.get("/review").text, "document")) == documents[1]  # given back when it was skipped


def test_a_document_is_taken_over_in_sight_of_who_had_it(desk: Any, document: int) -> None:
    one, other = desk.operator, desk.administrator
    mine = one.get("/review").text
    where = {"document": document, "cell": CELL}
    assert desk.post(one, "/review/hold", **where).status_code == 204
    theirs = other.get(f"/review?document={document}&cell={CELL}").text
    refused = decide(desk, theirs, other, choice="v8", reason="看过")
    assert "现由 operator 复核，未作记录" in refused
    assert 'value="v8" checked' in refused
    assert 'name="reason" value="看过"' in refused
    assert desk.post(other, "/review/take", **where).headers["location"] == f"/review?document={document}&cell={CELL}"

    told = desk.post(one, "/review/hold", **where)
    assert (told.status_code, "administrator 于" in told.text, "接手了该文档" in told.text) == (200, True, True)
    assert "现由 administrator 复核，未作记录" in decide(desk, mine, one, choice="v3")
    with reading(desk.engine) as connection:
        assert corrections.in_force(connection, document) == ()
        assert audit.trail(connection, action="review.take_over")[0].subject == "operator"
    desk.post(other, "/review/leave", **where)
    assert desk.post(one, "/review/hold", **where).status_code == 204  # nobody has it: it is theirs again
    assert "已核定" in decide(desk, mine, one, choice="v3")


def test_parts_are_handed_out_on_the_page(desk: Any, inline: Inline) -> None:
    first = file_scan(inline, "in/1.pdf", mark=1, batch="甲")
    second = file_scan(
        inline, "in/2.pdf", report(region=("江苏省", "淮安市", "洪泽区"), region_code="320813"), mark=2, batch="乙"
    )
    admin, operator = desk.administrator, desk.operator
    assert desk.post(admin, "/review/share", to="administrator", of_batch="1").status_code == 303
    assert desk.post(admin, "/review/share", to="operator", of_region="江苏省淮安市洪泽区").status_code == 303
    assert int(hidden(operator.get("/review").text, "document")) == second
    assert int(hidden(admin.get("/review").text, "document")) == first
    wrong = desk.post(admin, "/review/share", to="operator", of_region="没有这里")
    assert "没有这里" in wrong.text
    assert 'name="of_region" maxlength="100" size="18" value="没有这里"' in wrong.text
    page = operator.get("/review?person=administrator").text
    assert "option selected>administrator" in page
    end = re.findall(r'name="end" value="(\d+)"', page)[0]
    desk.post(admin, "/review/share", end=end)
    desk.post(admin, "/review/leave", document=first)
    desk.post(operator, "/review/leave", document=second)
    assert int(hidden(operator.get("/review").text, "document")) == first


def test_several_steps_are_undone_and_what_cannot_be_says_why(desk: Any, inline: Inline) -> None:
    documents = [file_scan(inline, f"in/{at}.pdf", mark=at) for at in range(4)]
    page = desk.operator.get("/review").text
    for _ in documents:
        page = decide(desk, page, choice="v3")
    inline.work()
    path = f"/documents/{documents[1]}/cells/{CELL}"
    case = desk.administrator.get(path).text
    desk.post(desk.administrator, path, choice="v8", standing=hidden(case, "standing"), mark=hidden(case, "mark"))
    inline.work()
    run_transaction(desk.engine, lambda c: discard(c, Selection(documents=(documents[0],)), who="lead", reason="twice"))

    page = desk.operator.get("/review").text
    assert "administrator 于" in page  # by whom the second one was replaced
    assert "该文档目前没有可更正的数据，不能撤销" in page  # the first one was discarded
    undone = []
    for _ in range(2):
        fields = {"csrf": desk.token(desk.operator), "number": undoable(page)}
        page = desk.operator.post("/review/undo", data=fields, headers={"hx-request": "true"}).text
        undone.append(int(hidden(page, "document")))
    assert undone == [documents[3], documents[2]]  # the newest first
    assert 'id="undo"' not in page  # nothing is left that can be undone
    again = desk.operator.post("/review/undo", data=fields, headers={"hx-request": "true"}).text
    assert "已不再有效" in again
    with reading(desk.engine) as connection:
        assert [len(corrections.in_force(connection, number)) for number in documents[2:]] == [0, 0]


def test_a_row_is_decided_at_once_and_undone_at_once(desk: Any, inline: Inline) -> None:
    made = report()
    readings = tuple(
        msgspec.structs.replace(r, state=State.DOUBTFUL, doubt="label", candidates=(r.value or 0,), score=0.99)
        for r in made.readings
    )
    number = file_scan(inline, made=msgspec.structs.replace(made, readings=readings))
    page = desk.operator.get("/review").text
    assert 'data-sure="yes"' in page
    cells, marks = (re.findall(rf'name="row_{name}" value="([^"]+)"', page) for name in ("cell", "mark"))
    assert len(cells) == 7
    typed = {f"row:{cell}": text for cell, text in zip(cells, ("5", "0", "0", "", "0", "0", "5"), strict=True)}
    after = decide(desk, page, row="1", row_cell=cells, row_mark=marks, **typed)
    assert "7 处" in after
    inline.work()
    assert [value(desk, number, f"{ROW}.{column}")[1] for column in ("natural_person", "public_welfare", "total")] == [5, None, 5]
    numbers = undoable(after)
    assert len(numbers) == 7
    fields = {"csrf": desk.token(desk.operator), "number": numbers}
    desk.operator.post("/review/undo", data=fields, headers={"hx-request": "true"})
    with reading(desk.engine) as connection:
        assert corrections.in_force(connection, number) == ()
    wrong = decide(desk, page, row="1", row_cell=cells, row_mark=marks, **(typed | {f"row:{TOTAL}": "x"}))
    assert "请填写数字" in wrong
    with reading(desk.engine) as connection:
        assert corrections.in_force(connection, number) == ()  # all or none


def test_a_table_is_decided_at_once_and_undone_at_once(desk: Any, inline: Inline) -> None:
    number = file_scan(inline, made=report_of_rows())
    page = desk.operator.get("/review").text
    cells, marks = (re.findall(rf'name="table_{name}" value="([^"]+)"', page) for name in ("cell", "mark"))
    shown = dict(re.findall(r'name="(table:[^"]+)" value="([^"]*)"', page))
    assert len(cells) == len(marks) == len(shown) == 20  # one of the 21 may be another number
    assert "requests.denied.state_secret.business" not in cells
    after = decide(desk, page, table="1", table_cell=cells, table_mark=marks, reason="与原件一致", **shown)
    assert "20 处" in after
    assert hidden(after, "cell") == "requests.denied.state_secret.business"
    assert 'id="whole"' not in after
    with reading(desk.engine) as connection:
        kept = corrections.in_force(connection, number)
        told = [entry for entry in audit.trail(connection, limit=50) if entry.action == "correct"]
    assert {(c.reason, c.by) for c in kept} == {("与原件一致", "operator")}
    assert len(kept) == len(told) == 20
    decide(desk, after, choice="v3")
    inline.work()
    assert value(desk, number, "requests.partially_granted.total")[1:] == (2, "corrected")
    numbers = undoable(after)
    fields = {"csrf": desk.token(desk.operator), "number": numbers}
    desk.operator.post("/review/undo", data=fields, headers={"hx-request": "true"})
    with reading(desk.engine) as connection:
        assert [c.indicator for c in corrections.in_force(connection, number)] == ["requests.denied.state_secret.business"]


def test_a_table_is_decided_whole_or_not_at_all(desk: Any, inline: Inline) -> None:
    number = file_scan(inline, made=report_of_rows())
    page = desk.operator.get("/review").text
    cells, marks = (re.findall(rf'name="table_{name}" value="([^"]+)"', page) for name in ("cell", "mark"))
    shown = dict(re.findall(r'name="(table:[^"]+)" value="([^"]*)"', page))
    told = decide(desk, page, table="1", table_cell=cells, table_mark=[*marks[:-1], "0" * 16], **shown)
    assert "重新识别" in told  # one of the cells is no longer what the page had shown
    row = {"row_cell": cells[:7], "row_mark": marks[:7]}
    changed = {f"row_shown:{cells[0]}": "1", f"row:{cells[0]}": "4"}
    told = decide(desk, page, table="1", table_cell=cells, table_mark=marks, **shown, **row, **changed)
    assert "整行中填了数值" in told
    fields = {"csrf": desk.token(desk.operator), "document": str(number), "cell": cells[0], "table": "1"}
    assert desk.operator.post("/review", data=fields).status_code == 404
    with reading(desk.engine) as connection:
        assert corrections.in_force(connection, number) == ()


def test_pictures_of_a_row_and_of_its_table(desk: Any, inline: Inline) -> None:
    number = file_scan(inline, made=report_of_rows())
    page = desk.operator.get("/review").text
    assert f'src="/documents/{number}/rows/requests.granted.natural_person.png"' in page
    assert page.count(f"/documents/{number}/tables/") == 1
    heights = []
    for what in ("rows", "tables"):
        answer = desk.viewer.get(f"/documents/{number}/{what}/requests.granted.total.png")
        with Image.open(io.BytesIO(answer.content)) as picture:
            heights.append(picture.height * HIGH / WIDE / picture.width)
    row, table = (height * WIDE for height in heights)
    assert 20 < row < table < HIGH / 2
    for path in ("rows/requests.carried_over.total.png", "tables/nothing.png", "rows/report.year.png"):
        assert desk.viewer.get(f"/documents/{number}/{path}").status_code == 404
    assert desk.client().get(f"/documents/{number}/rows/{CELL}.png").headers["location"].startswith("/login")


def test_a_row_and_a_single_value_that_contradict_each_other_are_refused(desk: Any, inline: Inline) -> None:
    made = report()
    readings = tuple(
        msgspec.structs.replace(r, state=State.DOUBTFUL, doubt="label", candidates=(r.value or 0, 9), score=0.99)
        for r in made.readings
    )
    number = file_scan(inline, made=msgspec.structs.replace(made, readings=readings))
    page = desk.operator.get("/review").text
    cells, marks = (re.findall(rf'name="row_{name}" value="([^"]+)"', page) for name in ("cell", "mark"))
    shown = dict(re.findall(r'name="(row_shown:[^"]+)" value="([^"]*)"', page))
    assert len(shown) == len(cells) == 7
    row = {"row_cell": cells, "row_mark": marks, **shown}
    typed = {f"row:{cell}": shown[f"row_shown:{cell}"] for cell in cells}
    offered = {"offered": hidden(page, "offered")}

    # The single value is confirmed while the row holds something else than it showed.
    told = decide(desk, page, choice=offered["offered"], **offered, **row, **(typed | {f"row:{TOTAL}": "7"}))
    assert "整行中填了数值" in told
    assert f'name="row:{TOTAL}" value="7"' in told
    # The row is confirmed while another single value is typed, or chosen.
    for single in ({"choice": "typed", "typed": "7"}, {"choice": "v9"}):
        told = decide(desk, page, row="1", **single, **offered, **row, **typed)
        assert "与整行中的不同" in told
    with reading(desk.engine) as connection:
        assert corrections.in_force(connection, number) == ()
    # Nothing contradicts when both say the same.
    decide(desk, page, row="1", choice="v9", **offered, **row, **(typed | {f"row:{CELL}": "9"}))
    with reading(desk.engine) as connection:
        assert len(corrections.in_force(connection, number)) == 7


def test_a_refused_review_keeps_what_was_typed(desk: Any, document: int) -> None:
    page = desk.operator.get("/review").text
    told = decide(desk, page, choice="v8", typed="33", offered="v3")
    assert hidden(told, "cell") == CELL
    assert 'name="typed" value="33"' in told
    given = {name: hidden(page, name) for name in ("document", "cell", "standing", "mark")}
    answer = desk.post(desk.operator, "/review", choice="v8", typed="33", **given)  # a browser without scripts
    assert (answer.status_code, 'name="typed" value="33"' in answer.text) == (422, True)
    with reading(desk.engine) as connection:
        assert corrections.in_force(connection, document) == ()


def test_a_browser_without_scripts_is_led_on(desk: Any, document: int) -> None:
    page = desk.operator.get("/review").text
    given = {name: hidden(page, name) for name in ("document", "cell", "standing", "mark")}
    answer = desk.post(desk.operator, "/review", choice="v3", **given)
    assert answer.headers["location"] == f"/review?after={document}&after_cell={CELL}"


def test_a_value_that_was_read_with_a_low_score_is_not_proposed(desk: Any, inline: Inline) -> None:
    """Below the score of surety.yaml a third of the values is wrong: Enter must not confirm the first of them."""
    least, marked = surety().proposed, []
    page = ""
    for at, (score, doubt) in enumerate(((least, "ocr"), (least - 0.01, "ocr"), (0.999, "seen"))):
        made = report()
        unsure = {"state": State.DOUBTFUL, "value": 5, "raw": "5", "candidates": (5, 8)}
        first = msgspec.structs.replace(made.readings[0], doubt=doubt, score=score, **unsure)
        total = msgspec.structs.replace(made.readings[-1], doubt="ocr", score=0.5, **unsure)  # the sum cannot tell
        readings = (first, *made.readings[1:-1], total)
        number = file_scan(inline, f"in/{at}.pdf", msgspec.structs.replace(made, readings=readings, statements=()), mark=at)
        page = desk.operator.get(f"/review?document={number}&cell={CELL}").text
        marked.append(re.findall(r'name="choice" value="([^"]+)" checked', page))
        assert [hidden(page, "offered")] == (marked[-1] or [""])
    assert marked == [["v5"], [], []]
    assert "还没有选定" in decide(desk, page, choice="")


@pytest.mark.parametrize("doubt", ["label", "shown", "text"])
def test_an_unlikely_number_of_a_row_is_filled_in_before_the_row_is_confirmed(desk: Any, inline: Inline, doubt: str) -> None:
    made = report()
    readings = tuple(
        msgspec.structs.replace(r, state=State.DOUBTFUL, doubt=doubt, candidates=(r.value or 0,)) for r in made.readings
    )
    number = file_scan(inline, made=msgspec.structs.replace(made, readings=readings))  # the first has a score of 0.61
    page = desk.operator.get("/review").text
    assert f'name="row:{CELL}" value="?"' in page
    assert 'data-sure=""' in page
    cells, marks = (re.findall(rf'name="row_{name}" value="([^"]+)"', page) for name in ("cell", "mark"))
    row = {"row": "1", "row_cell": cells, "row_mark": marks}
    typed = {f"row:{cell}": "0" for cell in cells} | {f"row:{TOTAL}": "5"}
    told = decide(desk, page, **row, **(typed | {f"row:{CELL}": "?"}))
    assert "请填写数字" in told
    with reading(desk.engine) as connection:
        assert corrections.in_force(connection, number) == ()
    assert "7 处" in decide(desk, page, **row, **(typed | {f"row:{CELL}": "5"}))


def test_a_form_that_is_sent_twice_decides_once(desk: Any, document: int) -> None:
    """A double click, or the button for going back: the same person wants the same, and nobody has to be told."""
    page = desk.operator.get("/review").text
    decide(desk, page, choice="v3", reason="看过")
    after = decide(desk, page, choice="v3", reason="看过")
    assert "已核定" in after
    other = decide(desk, page, choice="v8", typed="")
    assert "operator 刚刚已核定为 3" in other
    with reading(desk.engine) as connection:
        assert [(c.by, c.value) for c in corrections.in_force(connection, document)] == [("operator", 3)]


def test_what_was_typed_survives_that_another_was_first(desk: Any, document: int) -> None:
    path = f"/documents/{document}/cells/{CELL}"
    page = desk.operator.get(path).text
    fields = {"standing": hidden(page, "standing"), "mark": hidden(page, "mark")}
    desk.post(desk.administrator, path, choice="v8", **fields)
    answer = desk.post(desk.operator, path, choice="typed", typed="33", reason="放大看过", **fields)
    assert answer.status_code == 409
    assert "administrator 刚刚已核定为 8" in answer.text
    assert 'name="typed" value="33"' in answer.text
    assert 'name="reason" value="放大看过"' in answer.text
    again = {"standing": hidden(answer.text, "standing"), "mark": hidden(answer.text, "mark")}
    desk.post(desk.operator, path, choice="typed", typed="33", reason="放大看过", **again)
    with reading(desk.engine) as connection:
        assert [c.value for c in corrections.in_force(connection, document)] == [33]


def test_the_place_of_a_number_is_shown_with_its_row_and_the_heads(desk: Any, document: int) -> None:
    page = desk.operator.get(f"/documents/{document}/cells/{CELL}").text
    assert f'src="/documents/{document}/rows/{CELL}.png"' in page
    answer = desk.viewer.get(f"/documents/{document}/rows/{CELL}.png")
    with Image.open(io.BytesIO(answer.content)) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    red = np.flatnonzero((pixels[:, :, 0] > pixels[:, :, 2] + 100).any(axis=0)) * WIDE / pixels.shape[1]
    framed = [x for x in red if box(0)[0] - 2 <= x <= box(0)[2] + 2]
    assert framed  # the cell itself is framed, so that a place that slipped by a row or a column is seen


def test_the_evidence_of_agency_and_year_is_shown(desk: Any, inline: Inline) -> None:
    first, second = (50.0, 60.0, 400.0, 80.0), (50.0, 700.0, 300.0, 720.0)
    clues = (
        Clue("year", "2024", "title", "2024年报告", Place(1, first)),
        Clue("year", "2023", CONFLICT, "2023年", Place(1, second)),
        Clue("agency", "示例县教育局", "title", "示例县教育局", Place(1, first)),
    )
    number = file_scan(inline, made=report(clues=clues))
    page = desk.operator.get(f"/review?document={number}&cell=report.year").text
    assert re.findall(rf"/documents/{number}/clues/(\d+)\.png", page) == ["0", "1"]
    assert not re.search(r'name="choice" value="[^"]+" checked', page)  # the evidence disagrees
    answer = desk.operator.get(f"/documents/{number}/clues/1.png")
    assert answer.headers["content-type"] == "image/png"
    assert desk.operator.get(f"/documents/{number}/clues/9.png").status_code == 404
    assert desk.client().get(f"/documents/{number}/clues/1.png").headers["location"].startswith("/login")

    lines = (
        Clue("agency", "示例县教育局", "signature", "落款", Place(line=3)),
        Clue("agency", "示例县", CONFLICT, "标题", Place(line=1)),
    )
    text = file_text(inline, made=report(clues=lines))
    page = desk.operator.get(f"/review?document={text}&cell=report.agency").text
    assert re.findall(r'<p class="line here"><span class="at">(\d)', page) == ["1", "3"]


def test_by_batch_and_region(desk: Any, inline: Inline) -> None:
    file_scan(inline, "in/1.pdf", mark=1, batch="甲")
    second = file_scan(inline, "in/2.pdf", report(region=("浙江省",), region_code="330000"), mark=2, batch="乙")
    assert int(hidden(desk.operator.get("/review?region=浙江").text, "document")) == second
    assert int(hidden(desk.operator.get("/review?batch=2").text, "document")) == second
    assert "没有待复核的数据" in desk.operator.get("/review?region=西藏").text


def test_what_waits_for_its_validation_is_not_asked_again(desk: Any, inline: Inline) -> None:
    """Two doubts in one document: the first decision waits for the second, which makes one run of both."""
    made = report()
    second = msgspec.structs.replace(made.readings[1], state=State.DOUBTFUL, doubt="ocr", candidates=(0, 9), raw="O")
    number = file_scan(inline, made=msgspec.structs.replace(made, readings=(made.readings[0], second, *made.readings[2:])))
    page = decide(desk, desk.operator.get("/review").text, choice="v3")
    assert hidden(page, "cell") == f"{ROW}.business"
    assert inline.work() == []
    decide(desk, page, choice="v9")
    inline.work()
    with reading(desk.engine) as connection:
        item = queries.document(connection, number)
    assert (item.run, len(item.reports)) == (2, 2)


# ---- the coverage -----------------------------------------------------------------------------------------------------------


def test_coverage_and_its_file(desk: Any, inline: Inline, document: int) -> None:
    assert "gongkai expect" in desk.viewer.get("/coverage").text
    names = ("示例县教育局", "示例县民政局", f"=1+1{EVIL}")
    listed = [Listed(2024, name, stored_key(name, "320800"), "320800", "2025-01-10") for name in names]
    run_transaction(desk.engine, lambda c: coverage.expect(c, listed, who="test"))
    page = desk.viewer.get("/coverage").text
    assert "逾期公布" in page
    assert "江苏省 淮安市" in page
    assert EVIL not in page
    late = desk.viewer.get("/coverage?standing=late&year=2024&region=3208").text
    assert "示例县教育局" in late
    assert "示例县民政局" not in late
    answer = desk.viewer.get("/coverage/file?year=2024")
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert {row["agency"]: row["standing"] for row in rows} == {
        "示例县教育局": "late",
        "示例县民政局": "absent",
        f"'=1+1{EVIL}": "absent",
    }
    assert desk.client().get("/coverage/file?year=2024").headers["location"].startswith("/login")


def test_coverage_by_region_and_what_came_in(desk: Any, inline: Inline, document: int) -> None:
    rows = (("示例县教育局", "320800"), ("洪泽区水利局", "320813"), ("洪泽区民政局", "320813"), ("盐城市林业局", "320900"))
    listed = [Listed(2024, name, stored_key(name, code), code, "2025-01-10") for name, code in rows]
    run_transaction(desk.engine, lambda c: coverage.expect(c, listed, who="test"))
    waiting = inline.add(b"waits", "application/pdf", "in/洪泽区水利局2024年年报.pdf")
    page = desk.viewer.get("/coverage?year=2024&by=county").text
    assert '<a href="/coverage?year=2024&amp;region=320813">江苏省 淮安市 洪泽区</a>' in page
    assert '<a class="processing" href="/coverage?year=2024&amp;region=320813&amp;standing=in_work">1</a>' in page
    assert "处理中" in page
    assert f'href="/documents/{waiting}"' in page
    assert "region=3208&" not in page.partition('id="regions"')[2].partition("</table>")[0]  # the city stands beside its counties
    cities = desk.viewer.get("/coverage?year=2024&by=city").text
    assert '<a href="/coverage?year=2024&amp;region=3208">江苏省 淮安市</a>' in cities
    answer = desk.viewer.get("/coverage/file?year=2024&by=city")
    assert "by-city" in answer.headers["content-disposition"]
    counts = {row["region_code"]: row for row in csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))}
    assert (counts["320800"]["agencies"], counts["320800"]["in_work"], counts["320800"]["absent"]) == ("3", "1", "1")
    with desk.engine.begin() as connection:
        connection.execute(update(ReportRow).values(published_on=None))
        connection.execute(update(Source).values(seen_at=datetime(2025, 1, 10, 4, tzinfo=UTC)))
    page = desk.viewer.get("/coverage?year=2024&standing=in_time").text
    assert "不晚于 2025-01-10" in page
    rows = csv.DictReader(io.StringIO(desk.viewer.get("/coverage/file?year=2024").content.decode("utf-8-sig")))
    line = next(row for row in rows if row["agency"] == "示例县教育局")
    assert (line["published_on"], line["first_seen_on"], line["region"]) == ("", "2025-01-10", "江苏省/淮安市")


def test_who_is_bound_to_a_region_learns_that_something_came_in(desk: Any, inline: Inline) -> None:
    """A document that was not read is of no region: its number is not shown, but its agency is not called absent."""
    listed = [Listed(2024, "洪泽区水利局", stored_key("洪泽区水利局", "320813"), "320813", None)]
    run_transaction(desk.engine, lambda c: coverage.expect(c, listed, who="test"))
    number = inline.add(b"waits", "application/pdf", "in/洪泽区水利局2024年年报.pdf")
    assert f'href="/documents/{number}"' in desk.viewer.get("/coverage?year=2024").text
    run_transaction(desk.engine, lambda c: accounts.set_access(c, "operator", regions=["320800"], batches=None, who="test"))
    page = desk.operator.get("/coverage?year=2024").text
    assert "处理中" in page
    assert f'href="/documents/{number}"' not in page
    rows = csv.DictReader(io.StringIO(desk.operator.get("/coverage/file?year=2024").content.decode("utf-8-sig")))
    assert [(row["standing"], row["document"]) for row in rows] == [("in_work", "")]


def test_coverage_takes_strange_requests(desk: Any) -> None:
    for query in ("year=99999999", "year=x", "region='", "region=99", "standing=none", "year=0"):
        assert desk.viewer.get(f"/coverage?{query}").status_code == 200
        assert desk.viewer.get(f"/coverage/file?{query}").status_code == 200


def test_decisions_stand_in_the_audit_trail(desk: Any, document: int) -> None:
    decide(desk, desk.operator.get("/review").text, choice="v3", reason="看过原件")
    page = desk.administrator.get("/audit").text
    assert "核定数据" in page
    assert "看过原件" in page


def test_a_decision_that_was_made_by_hand_elsewhere_is_seen(desk: Any, inline: Inline, document: int) -> None:
    told = {"who": "li@host", "reason": ""}
    run_transaction(desk.engine, lambda c: corrections.correct(c, document, CELL, Decided.VALUE, 5, **told))
    inline.work()
    assert "li@host" in desk.operator.get(f"/documents/{document}/cells/{CELL}").text
