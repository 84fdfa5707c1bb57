"""Users who are bound to regions or batches: no route shows or changes anything of another region or batch."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from starlette.testclient import TestClient

from database.access import ACCESS, Access
from database.clock import now
from database.models import (
    AgencyRow,
    Batch,
    CorrectionRow,
    Document,
    Failure,
    FilingRow,
    FindingCase,
    ReportRow,
    Role,
    Source,
    Stage,
)
from database.reports.coverage import Listed, expect
from database.session import reading, run_transaction
from database.users import accounts
from database.users.accounts import AccountError
from tests.console.web.filed import CELL, file_scan, report
from tests.database.test_filings import dated
from tests.database.test_finding_cases import balance, wrong
from tests.database.test_results import load, register, verdict
from tests.inline import Inline
from tests.security.test_routes import TABLE, filled

OWN, FOREIGN = "示例县教育局", "外地县财政局"
MARKS = (FOREIGN, "foreign-path", "foreign-batch", "浙江省", "杭州市")
PUBLIC = {"3301": "浙江省 杭州市", "330000": "浙江省", "浙江": "浙江省"}  # regions as GB/T 2260 names them, shown to who asks
BOUNDS = {
    "region": {"regions": ["320000"], "batches": None},
    "batch": {"regions": None, "batches": ["own-batch"]},
    "both": {"regions": ["320800"], "batches": ["own-batch"]},
}


class Office:
    """Two documents of two regions and batches, each with a doubt, a failure and a place on the list of agencies; and an operator
    who is bound to those of the first.
    """

    def __init__(self, desk: Any, bounds: dict[str, Any]) -> None:
        self.desk, self.engine = desk, desk.engine
        inline = Inline(desk.engine, desk.settings.home)
        self.own = file_scan(inline, "own-path/a.pdf", report(agency=OWN), mark=1, batch="own-batch")
        elsewhere = {"region": ("浙江省", "杭州市"), "region_code": "330100", "agency": FOREIGN}
        self.foreign = file_scan(inline, "foreign-path/b.pdf", report(**elsewhere), mark=2, batch="foreign-batch")
        with desk.engine.begin() as connection:
            for number in (self.own, self.foreign):
                connection.exec_driver_sql(
                    "insert into gk_failure (document_id, stage, page, code, message, attempts, versions, state, created_at) "
                    f"values ({number}, 'parse', 0, 'internal', 'x', 1, '{{}}', 'open', '2026-01-01 00:00:00+00')"
                )
            self.foreign_batch = connection.scalar(select(Batch.id).where(Batch.name == "foreign-batch"))
            self.foreign_finding = connection.scalar(select(FindingCase.id).where(FindingCase.document_id == self.foreign))
        assert self.foreign_finding is not None
        run_transaction(desk.engine, lambda c: accounts.set_access(c, "operator", **bounds, who="test"))
        self.client: TestClient = desk.operator

    def foreign_number(self, path: str) -> str:
        """The number of what is foreign and of the kind that a page is about."""
        kinds = {"/batches": self.foreign_batch, "/findings": self.foreign_finding}
        page = path.removeprefix("/api/v1")
        return str(next((number for start, number in kinds.items() if page.startswith(start)), self.foreign))

    def state(self) -> list[Any]:
        """All that acts change, of the foreign document."""
        with reading(self.engine) as connection:
            document = connection.execute(select(Document.status, Document.run).where(Document.id == self.foreign)).all()
            failures = connection.execute(select(Failure.id, Failure.state).where(Failure.document_id == self.foreign)).all()
            made = connection.execute(select(CorrectionRow.id, CorrectionRow.ended_at)).all()
            stages = connection.execute(select(Stage.id, Stage.state).where(Stage.document_id == self.foreign)).all()
            agencies = connection.execute(select(AgencyRow.id, AgencyRow.name, AgencyRow.merged_into)).all()
            filings = connection.execute(select(FilingRow.id, FilingRow.agency_id, FilingRow.chosen_document_id)).all()
            cases = connection.execute(select(FindingCase.id, FindingCase.state)).all()
        return [cases, document, failures, made, stages, agencies, filings]


@pytest.fixture(params=BOUNDS)
def office(desk: Any, request: pytest.FixtureRequest) -> Office:
    return Office(desk, BOUNDS[request.param])


def content(answer: Any) -> str:
    """The text of an answer, unpacked."""
    if answer.headers.get("content-type") == "application/zip" or answer.content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            return " ".join(archive.read(name).decode("utf-8", "replace") for name in archive.namelist())
    return str(answer.text)


def test_what_is_ones_own_is_there(office: Office) -> None:
    for path in ("/documents", f"/documents/{office.own}", "/review", "/downloads/file?format=jsonl"):
        answer = office.client.get(path)
        assert answer.status_code == 200, path
        assert OWN in answer.text, path
    assert office.client.get(f"/documents/{office.own}/pages/1.png").status_code == 200
    assert "own-batch" in office.client.get("/batches").text
    done = office.desk.post(office.client, f"/documents/{office.own}/cells/{CELL}", choice="v3", reason="x")
    assert done.headers["location"].startswith(f"/documents/{office.own}")
    with reading(office.engine) as connection:
        assert connection.scalars(select(CorrectionRow.document_id)).all() == [office.own]


def test_no_page_shows_what_is_foreign(office: Office) -> None:
    queries: list[dict[str, Any]] = [{}, {"document": office.foreign, "cell": CELL, "act": "discard", "code": "internal"}]
    queries += [{"batch": office.foreign_batch}, {"batch": "foreign-batch", "code": "internal", "act": "reprocess"}]
    queries += [{"region": "3301"}, {"region": "浙江", "text": str(office.foreign)}]
    queries += [{"text": "财政", "agency": "财政", "find": "财政", "case": "1"}]
    queries += [{"indicator": CELL}, {"year": 2024}, {"indicator": CELL, "region": "330000", "agency_id": office.foreign}]
    for path in [path for (method, path), role in TABLE.items() if method == "GET" and role is not Role.ADMINISTER]:
        number = office.foreign_number(path)
        address = filled(path, number).replace(f"/crops/{number}", f"/crops/{CELL}").replace(f"/cells/{number}", f"/cells/{CELL}")
        forms: list[dict[str, Any]] = [{"format": form} for form in ("jsonl", "csv")] if path == "/downloads/file" else []
        for query in queries + forms:
            answer = office.client.get(address, params=query)
            assert answer.status_code < 500, (path, query)
            if "{id}" in path:
                refused = (404, 400) if query and path.startswith("/api/") else (404,)  # a parameter that the API does not know
                assert answer.status_code in refused, (path, query)
            shown, asked = content(answer), " ".join(map(str, query.values()))
            if path.startswith("/analysis") and str(query.get("region")) in PUBLIC:
                asked += PUBLIC[str(query["region"])]
            for mark in MARKS:
                assert mark in asked or mark not in shown, (path, query, mark)


def test_no_act_changes_what_is_foreign(office: Office) -> None:
    made = office.desk.post(office.desk.administrator, f"/documents/{office.foreign}/cells/{CELL}", choice="v3", reason="x")
    assert made.status_code == 303
    with reading(office.engine) as connection:
        correction = connection.scalars(select(CorrectionRow.id)).one()
    before, token = office.state(), office.desk.token(office.client)
    common = {"document": office.foreign, "cell": CELL, "choice": "v8", "number": correction, "reason": "x", "csrf": token}
    common |= {"other": office.foreign, "name": "外地县审计局", "case": 1, "find": FOREIGN}
    row = {"row": "1", "row_cell": CELL, "row_mark": "x", f"row:{CELL}": "8"}
    for path in [path for method, path in TABLE if method == "POST" and TABLE[method, path] is Role.OPERATE]:
        address = path.replace("{id}", office.foreign_number(path)).replace("{cell}", CELL).replace("{number}", str(correction))
        for more in ({}, row, {"batch": "foreign-batch"}, {"act": "discard", "count": 1}, {"act": "reprocess", "count": 1}):
            answer = office.client.post(address, data={**common, **more})
            scripts = (403,) if path.startswith("/upload/") else ()  # what only a script of ours sends, with a header
            assert answer.status_code in (303, 404, 422, *scripts), (path, more)
        if "{number}" in path:  # under the address of one's own document
            own = path.replace("{id}", str(office.own)).replace("{number}", str(correction))
            assert office.client.post(own, data=common).status_code == 404
    assert office.state() == before


def test_a_decision_about_many_takes_only_ones_own(office: Office) -> None:
    """All failures of a code are chosen: of both documents, but one is seen."""
    question = office.client.get("/decide?act=discard&code=internal").text
    mark = question.partition('name="mark" value="')[2][:64]
    answer = office.desk.post(office.client, "/decide", act="discard", code="internal", count=1, mark=mark, reason="x")
    assert answer.status_code == 303
    with reading(office.engine) as connection:
        states = {row.document_id: row.state for row in connection.execute(select(Failure.document_id, Failure.state))}
    assert states == {office.own: "discarded", office.foreign: "open"}


def test_the_list_of_agencies_is_that_of_the_region(desk: Any) -> None:
    office = Office(desk, BOUNDS["region"])
    rows = [Listed(2024, OWN, "a", "320813", None), Listed(2024, FOREIGN, "b", "330100", None)]
    run_transaction(desk.engine, lambda c: expect(c, rows, who="test"))
    page = office.client.get("/coverage", params={"year": 2024}).text
    assert OWN in page
    assert FOREIGN not in page
    assert FOREIGN in desk.viewer.get("/coverage", params={"year": 2024}).text


def test_bounds_are_valid_from_the_next_request_on_and_leave_others_alone(office: Office) -> None:
    """Connections are used again by people with other bounds, and by none."""
    for _ in range(8):  # the driver prepares a statement after some uses
        assert FOREIGN not in office.client.get("/documents").text
        assert FOREIGN in office.desk.viewer.get("/documents").text
        assert office.client.get(f"/documents/{office.foreign}").status_code == 404
        assert office.desk.viewer.get(f"/documents/{office.foreign}").status_code == 200
    years = {who.get("/downloads").text.count("<option") for who in (office.client, office.desk.viewer)}
    assert len(years) == 2
    run_transaction(office.engine, lambda c: accounts.set_access(c, "operator", None, None, who="test"))
    assert FOREIGN in office.client.get("/documents").text


def test_a_report_that_moves_to_another_region_goes_with_it(desk: Any) -> None:
    office = Office(desk, BOUNDS["region"])
    with desk.engine.begin() as connection:
        connection.execute(update(ReportRow).where(ReportRow.document_id == office.own).values(region_code="330100"))
    assert office.client.get(f"/documents/{office.own}").status_code == 404


def test_a_case_of_an_edition_out_of_bounds_is_not_seen(desk: Any) -> None:
    """Both editions are of one filing; the second came in with another batch."""
    first, second = register(desk.engine, 2)
    load(desk.engine, first, dated(wrong(verdict(new_received=3, carried_over=9), balance(3)), "2023-01-20"))
    load(desk.engine, second, dated(wrong(verdict(new_received=4, carried_over=9), balance(9, "carried_over")), "2023-03-01"))
    with desk.engine.begin() as connection:
        batch = connection.execute(insert(Batch).values(name="B", priority=0, created_at=now())).inserted_primary_key[0]
        connection.execute(update(Source).where(Source.document_id == second).values(batch_id=batch))
        there = connection.execute(select(FindingCase.document_id, FindingCase.filing_id).order_by(FindingCase.id)).all()
    assert {document for document, _ in there} == {first, second}
    assert len({filing for _, filing in there}) == 1
    access = Access(batches=(batch - 1,))
    with reading(desk.engine.execution_options(**{ACCESS: access})) as connection:
        assert connection.scalars(select(FindingCase.document_id)).all() == [first]
    with desk.engine.begin() as connection:
        connection.execute(update(FindingCase).where(FindingCase.document_id == first).values(other_document_id=second))
    with reading(desk.engine.execution_options(**{ACCESS: access})) as connection:
        assert connection.scalars(select(FindingCase.document_id)).all() == []


FIGURES = (
    "/analysis?year=2022&indicator=requests.new_received.total",
    "/analysis/file?year=2022&indicator=requests.new_received.total",
    "/analysis/indicator?year=2022&indicator=requests.new_received.total&basis=all",
    "/analysis/indicator/file?year=2022&indicator=requests.new_received.total&basis=all",
    "/analysis/agencies/1",
    "/analysis/agencies/1/file",
    "/analysis/compare?one=1&other=1&all=1",
    "/api/v1/figures?year=2022&indicator=requests.new_received.total",
    "/api/v1/figures/units?year=2022&indicator=requests.new_received.total",
    "/api/v1/rollup?year=2022&area=320813&cells=requests.new_received.total",
)


def test_figures_of_an_edition_out_of_bounds_are_not_seen(desk: Any) -> None:
    """Both editions are of one filing; the one in force came in with another batch."""
    first, second = register(desk.engine, 2)
    load(desk.engine, first, dated(verdict(new_received=314159), "2023-01-20"))
    load(desk.engine, second, dated(verdict(new_received=271828), "2023-03-01"))
    with desk.engine.begin() as connection:
        own = connection.scalar(select(Batch.name))
        batch = connection.execute(insert(Batch).values(name="B", priority=0, created_at=now())).inserted_primary_key[0]
        connection.execute(update(Source).where(Source.document_id == second).values(batch_id=batch))

    def shown(path: str) -> str:
        for _ in range(20):
            answer = desk.viewer.get(path)
            if answer.status_code != 503:
                break
        assert answer.status_code in (200, 404), path
        return content(answer).replace(",", "")

    def has(path: str) -> bool:
        return "271828" in shown(path) or f"/documents/{second}" in shown(path)

    assert [path for path in FIGURES if not has(path)] == []
    run_transaction(desk.engine, lambda c: accounts.set_access(c, "viewer", None, ["B"], who="test"))
    assert [path for path in FIGURES if not has(path)] == []
    run_transaction(desk.engine, lambda c: accounts.set_access(c, "viewer", None, [own], who="test"))
    assert [path for path in FIGURES if has(path)] == []
    assert "民政局" not in " ".join(map(shown, FIGURES))


def test_no_bounds_at_all_is_not_the_same_as_none_that_fit(desk: Any) -> None:
    Office(desk, BOUNDS["region"])
    for access in (Access(regions=()), Access(batches=()), Access(regions=("110000",))):
        with reading(desk.engine.execution_options(**{ACCESS: access})) as connection:
            assert connection.scalars(select(Document.id)).all() == []
            assert connection.scalars(select(Batch.id)).all() == []


def test_who_is_bound_is_no_administrator(desk: Any) -> None:
    run_transaction(desk.engine, lambda c: accounts.set_access(c, "viewer", ["320800"], None, who="test"))
    for act in (
        lambda c: accounts.set_role(c, "viewer", Role.ADMINISTER, who="test"),
        lambda c: accounts.set_access(c, "administrator", ["320800"], None, who="test"),
    ):
        with pytest.raises(AccountError) as raised:
            run_transaction(desk.engine, act)
        assert raised.value.key == "bound_administrator"


def test_bounds_are_set_on_the_page_of_users(desk: Any) -> None:
    office = Office(desk, BOUNDS["batch"])
    admin = desk.administrator
    for fields, said in (
        ({"regions": "999999"}, "地区代码不存在"),
        ({"batches": "no such batch"}, "没有批次"),
    ):
        answer = desk.post(admin, "/users/change", name="viewer", act="save", role="view", role_shown="view", **fields)
        assert said in answer.text
    desk.post(admin, "/users/change", name="viewer", act="save", role="view", regions="320800，330100", batches="own-batch")
    with reading(office.engine) as connection:
        found = {user.name: user.access for user in accounts.users(connection)}
    assert found["viewer"].regions == ("320800", "330100")
    assert len(found["viewer"].batches or ()) == 1
    assert "320800, 330100" in admin.get("/users").text
    assert "限定范围" in admin.get("/audit").text
