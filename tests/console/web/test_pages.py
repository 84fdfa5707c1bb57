"""What the pages show, and what people do with them."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from typing import Any

import openpyxl
import pytest
from sqlalchemy import func, select, text, update

from console.web.pages import downloads, routes
from database.models import Audit, Document, Failure, ReportRow, Role, Source
from database.monitoring import listings, queries
from database.session import reading
from database.users import accounts, audit
from runtime.store import Store
from tests.benchmarks.filling import fill
from tests.console.test_export_filings import Family

COUNT = 400


@pytest.fixture
def filled(desk: Any) -> Any:
    """An application with some hundred invented documents."""
    fill(desk.engine, COUNT, seed=3)
    return desk


def one(desk: Any, query: Any) -> Any:
    with reading(desk.engine) as connection:
        return connection.execute(query).scalar_one()


def numbers(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'<td class="number"><a href="/documents/(\d+)">', page)]


# ---- roles ------------------------------------------------------------------------------------------------------------------

PAGES = ["/batches", "/batches/1", "/documents", "/errors", "/downloads", "/account"]


def test_everyone_who_is_logged_in_sees_the_pages(filled: Any) -> None:
    guest = filled.client()
    for path in PAGES:
        assert filled.viewer.get(path).status_code == 200, path
        assert guest.get(path).headers["location"].startswith("/login"), path


def test_what_needs_a_higher_role_is_refused(filled: Any) -> None:
    ask = "/decide?act=discard&code=internal"
    assert [c.get(ask).status_code for c in (filled.viewer, filled.operator, filled.administrator)] == [403, 200, 200]
    assert filled.post(filled.viewer, "/decide", act="discard", code="internal", count=1, reason="x").status_code == 403
    for path in ("/users", "/audit"):
        answers = [c.get(path).status_code for c in (filled.viewer, filled.operator, filled.administrator)]
        assert answers == [403, 403, 200]
    for path in ("/users/add", "/users/change", "/users/password"):
        assert filled.post(filled.operator, path, name="viewer", role="administer", act="role").status_code == 403
    viewed = filled.viewer.get("/errors").text
    assert "/decide" not in viewed
    assert "/users" not in viewed
    assert one(filled, select(func.count()).select_from(Document).where(Document.status == "discarded")) == 0


def test_every_act_needs_its_token(filled: Any) -> None:
    acts = [route.path for route in routes() if "POST" in (route.methods or ())]
    assert len(acts) > 5
    for path in acts:
        answer = filled.administrator.post(re.sub(r"\{.*?\}", "1", path), data={"csrf": "wrong"})
        assert answer.status_code == 403, path


# ---- batches and documents --------------------------------------------------------------------------------------------------


def test_batches_by_status_and_by_their_last_key(filled: Any) -> None:
    page = filled.viewer.get("/batches").text
    assert "示例省2024年度" in page
    following = filled.viewer.get(re.search(r'rel="next" href="([^"]+)"', page)[1]).text
    listed = [re.findall(r'<a href="/batches/(\d+)"', each) for each in (page, following)]
    assert len(listed[0]) == 50
    assert sorted({*map(int, listed[0]), *map(int, listed[1])}) == list(range(1, len(listed[0]) + len(listed[1]) + 1))
    open_now = one(filled, select(func.count()).where(Document.status == "processing"))
    newest = filled.viewer.get("/batches/61").text
    assert f'status=processing">{open_now}</a>' in newest
    assert 'hx-trigger="every 5s"' in newest
    assert 'hx-trigger="every' not in filled.viewer.get("/batches/1").text
    assert filled.viewer.get("/batches/99").status_code == 404
    assert filled.viewer.get(f"/batches/{9**30}").status_code == 404
    assert filled.viewer.get("/batches/61/findings").status_code == 200
    assert "预计剩余" in filled.viewer.get("/batches/61/spent").text
    took = filled.viewer.get("/batches/1/spent").text
    assert "预计剩余" not in took
    assert "解析" in took
    assert filled.viewer.get("/batches/99/spent").status_code == 404


def test_documents_are_listed_once_each_by_their_last_key(filled: Any) -> None:
    path, seen = "/documents", []
    while path:
        page = filled.viewer.get(path).text
        seen += numbers(page)
        found = re.search(r'rel="next" href="([^"]+)"', page)
        path = found[1].replace("&amp;", "&") if found else None
    assert seen == list(range(COUNT, 0, -1))


FILTERS = [
    ("status=failed", select(Document.id).where(Document.status == "failed")),
    ("code=page.timeout", select(Failure.document_id).where(Failure.code == "page.timeout")),
    (
        "year=2022&agency=审计局",
        select(ReportRow.document_id).where(ReportRow.year == 2022, ReportRow.agency.like("%审计局")),
    ),
    ("region=示例省/示例二市", select(ReportRow.document_id).where(ReportRow.city == "示例二市")),
    ("batch=2", select(Source.document_id).where(Source.batch_id == 2).distinct()),
    ("text=教育局2021年 .html", select(Source.document_id).where(Source.path.like("%教育局2021年%.html")).distinct()),
    ("text=17", select(Document.id).where(Document.id == 17)),
    ("text=%25", select(Document.id).where(Document.id < 0)),
    ("status=nonsense&year=x&batch=99999999999999999999", select(Document.id)),
]


def test_filters(filled: Any) -> None:
    for parameters, query in FILTERS:
        with reading(filled.engine) as connection:
            expected = sorted(connection.scalars(query), reverse=True)
        page = filled.viewer.get(f"/documents?{parameters}").text
        assert numbers(page) == expected[:50], parameters
        if len(expected) >= 50:
            page = filled.viewer.get(f"/documents/count?{parameters}").text
        assert f"共 {len(expected)} 份" in page, parameters


def test_a_batch_counts_what_was_found_in_it_again(filled: Any) -> None:
    with reading(filled.engine) as connection:
        lines = listings.batch_lines(connection, limit=100)
        assert {line.name: dict(line.statuses) for line in lines} == {
            line.name: queries.status_counts(connection, queries.DocumentScope(batch=line.name)) for line in lines
        }
        assert sum(line.documents for line in lines) > COUNT


# ---- the error queue --------------------------------------------------------------------------------------------------------


def mark_of(question: str) -> str:
    """By which the question knows later which documents it was about."""
    found = re.search(r'name="mark" value="(\w+)"', question)
    assert found is not None
    return found[1]


def test_reprocess_all_of_a_code_with_the_count_first(filled: Any) -> None:
    wanted = select(func.count()).where(Failure.code == "page.timeout", Failure.state == "open")
    count = one(filled, wanted)
    assert count > 1
    client = filled.operator
    assert f"<b>{count}</b>" in client.get("/errors").text
    question = client.get("/decide?act=reprocess&code=page.timeout").text
    assert f'name="count" value="{count}"' in question
    fields = {"act": "reprocess", "code": "page.timeout", "count": count, "mark": mark_of(question)}
    assert filled.post(client, "/decide", **fields).status_code == 422  # no reason
    assert filled.post(client, "/decide", **{**fields, "mark": "0" * 64}, reason="新模型").status_code == 422  # as many others
    assert filled.post(client, "/decide", **{**fields, "count": count - 1}, reason="新模型").status_code == 422
    assert one(filled, wanted) == count
    answer = filled.post(client, "/decide", **fields, reason="新模型")
    assert answer.status_code == 303
    assert f"{count} 份文档已开始重新处理" in client.get(answer.headers["location"]).text
    assert one(filled, wanted) == 0
    assert one(filled, select(func.count()).where(Failure.code == "page.timeout", Failure.state == "requeued")) == count
    with reading(filled.engine) as connection:
        entry = audit.trail(connection, action="reprocess")[0]
    assert (entry.who, entry.count, entry.reason) == ("operator", count, "新模型")


def test_discard_what_is_marked(filled: Any) -> None:
    with reading(filled.engine) as connection:
        marked = list(connection.scalars(select(Failure.document_id).where(Failure.code == "internal").limit(2)))
    client = filled.operator
    question = client.get("/decide", params={"act": "discard", "document": marked, "to": "/errors?code=internal"}).text
    assert 'name="count" value="2"' in question
    answer = filled.post(
        client,
        "/decide",
        act="discard",
        document=marked,
        count=2,
        mark=mark_of(question),
        reason="重复报送",
        to="/errors?code=internal",
    )
    assert answer.headers["location"] == "/errors?code=internal"
    with reading(filled.engine) as connection:
        assert set(connection.scalars(select(Document.status).where(Document.id.in_(marked)))) == {"discarded"}


def test_what_was_not_kept_at_the_door_is_not_processed_again(filled: Any) -> None:
    with filled.engine.begin() as connection:
        often = select(Failure.code).group_by(Failure.code).order_by(func.count().desc(), Failure.code).limit(1)
        code = connection.scalar(often)
        ids = list(connection.scalars(select(Failure.document_id).where(Failure.code == code).order_by(Failure.id)))
        connection.execute(update(Failure).where(Failure.document_id.in_(ids)).values(stage="register"))
        kept = Store(filled.settings.store).put(b"kept")
        connection.execute(update(Document).where(Document.id == ids[0]).values(sha256=kept))
    assert len(ids) > 1
    question = filled.operator.get(f"/decide?act=reprocess&code={code}").text
    assert 'name="count" value="1"' in question
    assert f"另有 {len(ids) - 1} 份登记时即不予受理" in question


def test_a_decision_needs_a_selection_that_can_be(desk: Any) -> None:
    for query in ("", "code=no.such", "stage=none", "batch=none", "status=none", "document=x"):
        assert desk.operator.get(f"/decide?act=discard&{query}").status_code == 404, query
    assert desk.operator.get("/decide?act=burn&code=internal").status_code == 404


# ---- downloads --------------------------------------------------------------------------------------------------------------


def test_downloads(filled: Any) -> None:
    lines = filled.viewer.get("/downloads/file?format=jsonl").text.splitlines()
    assert len(lines) == COUNT
    assert json.loads(lines[0])["source"]["batch"]
    answer = filled.viewer.get("/downloads/file?format=xlsx&batch=2")
    assert "filename*=UTF-8''gongkai-" in answer.headers["content-disposition"]
    book = openpyxl.load_workbook(io.BytesIO(answer.content), read_only=True)
    sources = one(filled, select(func.count(Source.document_id.distinct())).where(Source.batch_id == 2))
    assert len(list(book["文档清单"].rows)) == 1 + sources
    for form in ("csv", "parquet"):
        packed = zipfile.ZipFile(io.BytesIO(filled.viewer.get(f"/downloads/file?format={form}&year=2021").content))
        assert f"values.{form}" in packed.namelist()
    assert filled.viewer.get("/downloads/file?format=exe").status_code == 404
    assert filled.viewer.get("/downloads/file?format=xlsx&batch=99").status_code == 404
    assert not list(filled.settings.home.glob("download-*"))
    assert one(filled, select(func.count()).where(Audit.action == "download", Audit.who == "viewer")) == 4


def test_a_download_is_of_the_reports_in_force_or_of_all_documents(desk: Any) -> None:
    family = Family(desk.engine)

    def rows(query: str) -> list[str]:
        packed = zipfile.ZipFile(io.BytesIO(desk.viewer.get(f"/downloads/file?{query}").content))
        return sorted({row["path"] for row in csv.DictReader(io.StringIO(packed.read("values.csv").decode("utf-8-sig")))})

    def paths(query: str) -> list[str]:
        answer = desk.viewer.get(f"/downloads/file?{query}").text
        return sorted(json.loads(line)["source"]["path"] for line in answer.splitlines())

    in_force = ["other.txt", "page.html"]
    assert rows("format=csv") == rows("format=csv&which=in_force") == in_force
    assert rows("format=csv&which=all") == ["old.html", "other.txt", "page.html", "scan.pdf", "undated.txt"]
    assert paths("format=jsonl&which=in_force") == in_force
    assert len(paths("format=jsonl")) == len(paths("format=jsonl&which=all")) == len(family.sha256)
    assert desk.viewer.get("/downloads/file?format=csv&which=some").status_code == 404
    page = desk.viewer.get("/downloads?which=all").text
    assert re.findall(r'name="which" value="(\w+)"( checked)?', page) == [("in_force", ""), ("all", " checked")]
    with reading(desk.engine) as connection:
        noted = connection.execute(select(Audit.detail).where(Audit.action == "download").order_by(Audit.id)).scalars().all()
    assert [detail["in_force"] for detail in noted[:3]] == [True, True, False]


def test_a_third_download_at_once_has_to_wait(filled: Any) -> None:
    turns = [downloads._TURN.acquire(blocking=False) for _ in range(2)]
    try:
        assert filled.viewer.get("/downloads/file?format=jsonl").headers["location"] == "/downloads"
    finally:
        for _ in turns:
            downloads._TURN.release()
    assert filled.viewer.get("/downloads/file?format=jsonl").status_code == 200


# ---- users ------------------------------------------------------------------------------------------------------------------


def test_users_are_made_changed_and_disabled(desk: Any) -> None:
    admin, password = desk.administrator, "correct horse battery"
    assert desk.post(admin, "/users/add", name="李强", role="view", password=password, reason="新同事").status_code == 303
    client = desk.logged_in("李强")
    assert client.get("/batches").headers["location"] == "/account"  # the first password is changed before anything else
    own = "quite another phrase"
    assert desk.post(client, "/account", old=password, new=own, again=own).status_code == 303
    assert client.get("/decide?act=discard&code=internal").status_code == 403
    desk.post(admin, "/users/change", name="李强", act="save", role="operate")
    assert client.get("/decide?act=discard&code=internal").status_code == 200
    desk.post(admin, "/users/password", name="李强", password="another good one")
    assert client.get("/batches").status_code == 303
    desk.post(admin, "/users/change", name="李强", act="disable")
    assert desk.post(desk.client(), "/login", name="李强", password="another good one").status_code == 403
    with reading(desk.engine) as connection:
        trail = audit.trail(connection, who="administrator")
    acts = ["user.disable", "user.password", "user.role", "user.add", "login"]
    assert [entry.action for entry in trail if entry.subject == "李强" or entry.action == "login"] == acts
    assert "新同事" in admin.get("/audit").text
    assert "another good one" not in admin.get("/audit").text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "a@b", "password": "correct horse"}, "用户名只能包含"),
        ({"name": "viewer", "password": "correct horse"}, "已存在"),
        ({"name": "new", "password": "short"}, "密码过短"),
    ],
)
def test_users_that_cannot_be_made(desk: Any, fields: dict[str, str], said: str) -> None:
    answer = desk.post(desk.administrator, "/users/add", act="add", role="operate", reason="新同事", **fields)
    assert (answer.status_code, said in answer.text) == (422, True)
    assert f'value="{fields["name"]}"' in answer.text  # what was typed is there again, but for the password
    assert 'value="新同事"' in answer.text
    assert fields["password"] not in answer.text


def test_what_did_not_change_on_the_page_of_users_is_not_written(desk: Any) -> None:
    """One form a line: a role that was chosen is saved with the bounds. Another administrator's change is not undone by it."""
    desk.post(desk.administrator, "/users/change", name="viewer", act="save", role="operate", role_shown="view")
    stale = {"role": "view", "role_shown": "view", "regions": "320800", "regions_shown": "", "batches": "", "batches_shown": ""}
    answer = desk.post(desk.administrator, "/users/change", name="viewer", act="save", **stale)
    assert answer.status_code == 303
    with reading(desk.engine) as connection:
        (user,) = [each for each in accounts.users(connection) if each.name == "viewer"]
    assert (user.role, user.access.regions) == (Role.OPERATE, ("320800",))
    wrong = desk.post(desk.administrator, "/users/change", name="viewer", act="save", **{**stale, "regions": "999999"})
    assert wrong.status_code == 422
    assert 'name="regions" size="10" maxlength="4000" value="999999"' in wrong.text


def test_the_last_administrator_cannot_be_taken_away_on_the_page(desk: Any) -> None:
    answer = desk.post(desk.administrator, "/users/change", name="administrator", act="save", role="view")
    assert (answer.status_code, "最后一个管理员" in answer.text) == (422, True)


def test_ones_own_password(desk: Any) -> None:
    client, old, new = desk.viewer, "correct horse battery", "quite another one"
    assert desk.post(client, "/account", old="wrong", new=new, again=new).status_code == 403
    assert desk.post(client, "/account", old=old, new=new, again="other").status_code == 422
    other = desk.client()
    desk.post(other, "/login", name="viewer", password=old)
    assert desk.post(client, "/account", old=old, new=new, again=new).status_code == 303
    assert client.get("/batches").status_code == 200
    assert other.get("/batches").status_code == 303
    with reading(desk.engine) as connection:
        assert accounts.users(connection)[-1].name == "viewer"


# ---- what documents and people write ----------------------------------------------------------------------------------------

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7 * 7 }}"


def test_text_of_documents_is_inert(filled: Any) -> None:
    with filled.engine.begin() as connection:
        connection.execute(text("update gk_source set path = :evil where document_id > 300"), {"evil": EVIL})
        connection.execute(text("update gk_report set agency = :evil, city = :evil"), {"evil": f"=cmd|{EVIL}"})
        connection.execute(text("update gk_failure set message = :evil"), {"evil": EVIL})
        connection.execute(text("update gk_batch set name = :evil where id = 61"), {"evil": EVIL})
    paths = ["/batches", "/batches/61", "/documents", "/errors?code=page.timeout", "/downloads", f"/documents?text={EVIL}"]
    paths += [f"/errors?batch={EVIL}", "/decide?act=reprocess&code=internal"]
    for path in paths:
        page = filled.operator.get(path).text
        assert "<script>alert" not in page, path
        assert "<img" not in page, path
        assert "49" not in re.findall(r"onerror=alert\(2\)&gt;(..)", page), path
    book = openpyxl.load_workbook(io.BytesIO(filled.viewer.get("/downloads/file?format=xlsx").content))
    agencies = [cell.value for cell in book["文档清单"]["B"]] + [cell.value for row in book["逐项数据"].rows for cell in row]
    assert any(str(value).startswith("'=cmd|") for value in agencies)
    assert all(cell.data_type != "f" for sheet in book for row in sheet.rows for cell in row)


def test_the_notice_of_a_cookie_says_only_our_words(desk: Any) -> None:
    client = desk.viewer
    client.cookies.set("gongkai_notice", "eyJrZXkiOiJubyIsInZhbHVlcyI6e319")
    assert client.get("/batches").status_code == 200
    client.cookies.set("gongkai_notice", "%%%")
    assert client.get("/batches").status_code == 200
