"""The API: who may ask, what is answered in which form, and that it says what the queries of the pages say."""

from __future__ import annotations

import csv
import io
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from sqlalchemy import select, update
from starlette.testclient import TestClient
from typer.testing import CliRunner

from codebook.records import Place, Reader, State
from console.cli import app
from console.web.pages.analysis import figures
from console.web.pages.api.endpoint import CSV, JSON, PARQUET, PROBLEM, accepted
from console.web.pages.api.resources import RESOURCES
from console.web.security import CallLimit, digest
from database import migrations
from database.access import Access
from database.models import ApiToken, Audit, Role, User
from database.reports.coverage import Listed, expect
from database.session import make_engine, run_transaction
from database.session import reading as reading_transaction
from database.users import accounts, tokens
from database.users.sessions import Demands
from database.users.tokens import TokenError
from runtime.settings import load_settings
from tests.console.test_export import add, load, reading, verdict

RECEIVED, GRANTED = "requests.new_received.total", "requests.granted.total"
ROOT = "/api/v1"


def fill(desk: Any) -> None:
    """Two filings of two regions, a doubt among their cells, and one agency that must report and has not."""
    cells = (
        reading(RECEIVED, 95, State.PROVEN, read_by=Reader.PDF, place=Place(3, box=(1.5, 2.0, 3.0, 4.0))),
        reading(GRANTED, 2, State.DOUBTFUL, doubt="两处不一致", candidates=(2, 3)),
    )
    load(desk.engine, add(desk.engine, "one.pdf"), verdict("洪泽区民政局", readings=cells))
    elsewhere = {"region": ("浙江省", "杭州市"), "region_code": "330100"}
    load(desk.engine, add(desk.engine, "two.pdf"), verdict("杭州市民政局", readings=(reading(RECEIVED, 7),), **elsewhere))
    listed = (Listed(2024, "洪泽区财政局", "洪泽区财政局|320813", "320813", "2025-01-31"),)
    run_transaction(desk.engine, lambda c: expect(c, listed, who="test"))


def token(desk: Any, name: str = "viewer", role: Role = Role.VIEW) -> str:
    return run_transaction(desk.engine, lambda c: tokens.add_token(c, name, "test", role, 30, who="test")).secret


@pytest.fixture
def api(desk: Any) -> TestClient:
    """A program with a viewer's token."""
    fill(desk)
    client = desk.client()
    client.headers["authorization"] = f"Bearer {token(desk)}"
    return client


def problem(answer: Any) -> str:
    assert answer.headers["content-type"] == PROBLEM
    said = answer.json()
    assert (said["type"], said["status"]) == ("about:blank", answer.status_code)
    return str(said["detail"])


# ---- what is answered -------------------------------------------------------------------------------------------------------


def test_values_come_with_evidence_and_a_doubt_is_no_number(api: TestClient) -> None:
    (one, two) = api.get(f"{ROOT}/values", params={"indicator": RECEIVED, "year": "2024"}).json()["items"]
    assert (one["agency"], one["value"], one["state"], one["page"]) == ("洪泽区民政局", 95, "proven", 3)
    assert (one["box"], one["raw"], one["read_by"]) == ([1.5, 2.0, 3.0, 4.0], "95", "pdf")
    assert (two["agency"], two["value"]) == ("杭州市民政局", 7)
    doubt, without = api.get(f"{ROOT}/values", params={"indicator": GRANTED}).json()["items"]
    assert (doubt["value"], doubt["state"], doubt["raw"]) == (None, "doubtful", "2")
    assert (without["value"], without["state"]) == (None, None)
    for region in ("32", "320000", "江苏省"):
        found = api.get(f"{ROOT}/values", params={"indicator": RECEIVED, "region": region}).json()["items"]
        assert [item["agency"] for item in found] == ["洪泽区民政局"]
    whole = api.get(f"{ROOT}/filings/{one['filing_id']}/values").json()["items"]
    assert {item["indicator"]: item["value"] for item in whole} == {RECEIVED: 95, GRANTED: None}


def test_a_list_is_read_part_by_part(api: TestClient) -> None:
    whole = api.get(f"{ROOT}/filings").json()["items"]
    first = api.get(f"{ROOT}/filings", params={"limit": 1})
    assert (first.json()["next"], len(whole)) == (whole[0]["id"], 2)
    address = first.links["next"]["url"]
    second = api.get(address).json()
    assert [*first.json()["items"], *second["items"]] == whole
    assert api.get(f"{ROOT}/filings", params={"after": second["next"]}).json() == {"items": [], "next": None}


def test_every_resource_answers_with_its_record(desk: Any, api: TestClient) -> None:
    operator = desk.client()
    operator.headers["authorization"] = f"Bearer {token(desk, 'operator', Role.OPERATE)}"
    needed = {"/values": {"indicator": RECEIVED}, "/coverage": {"year": 2024}}
    for resource in RESOURCES:
        path = ROOT + resource.path.replace("{id:int}", "1")
        answer = operator.get(path, params=needed.get(resource.path, {}))
        assert answer.status_code == 200, (path, answer.text)
        msgspec.json.decode(answer.content, type=resource.answer, strict=False)
        if resource.item is not None and resource.path != "/errors":
            assert answer.json()["items"], path


def test_findings_and_coverage_say_what_the_pages_say(api: TestClient) -> None:
    findings = api.get(f"{ROOT}/findings", params={"state": "new", "region": "320813"}).json()["items"]
    assert [(item["rule"], item["agency"]) for item in findings] == [("requests.balance", "洪泽区民政局")]
    detail = api.get(f"{ROOT}/findings/{findings[0]['id']}").json()
    assert detail["finding"]["id"] == findings[0]["id"]
    lines = api.get(f"{ROOT}/coverage", params={"year": 2024}).json()["items"]
    assert [(line["agency"], line["standing"]) for line in lines] == [("洪泽区财政局", "absent")]
    assert api.get(f"{ROOT}/coverage", params={"year": 2024, "standing": "late"}).json()["items"] == []


def test_a_list_is_json_csv_or_parquet_as_the_client_likes(api: TestClient) -> None:
    address = f"{ROOT}/values?indicator={RECEIVED}"
    numbers = [item["value"] for item in api.get(address, headers={"accept": JSON}).json()["items"]]
    table = api.get(address, headers={"accept": CSV})
    rows = list(csv.DictReader(io.StringIO(table.content.decode("utf-8-sig"))))
    frame = pl.read_parquet(io.BytesIO(api.get(address, headers={"accept": f"{PARQUET}, {JSON};q=0.1"}).content))
    assert [float(row["value"]) for row in rows] == frame["value"].to_list() == numbers == [95, 7]
    assert frame.schema["value"] == pl.Float64
    assert frame["box"].to_list() == ["[1.5,2.0,3.0,4.0]", None]
    assert api.get(f"{ROOT}/findings", headers={"accept": PARQUET}).status_code == 200
    assert "application/json" in problem(api.get(address, headers={"accept": "text/html"}))
    assert api.get(f"{ROOT}/filings/1", headers={"accept": CSV}).status_code == 406


def test_the_best_form_is_chosen() -> None:
    likes = {"*/*": JSON, "text/*": CSV, f"{CSV};q=0.2,{JSON};q=0.1": CSV, "text/csv;q=x, */*;q=0.1": JSON}
    assert {header: accepted(header, (JSON, CSV, PARQUET)) for header in likes} == likes


def test_nothing_is_sent_again_that_the_client_has(api: TestClient) -> None:
    first = api.get(f"{ROOT}/indicators")
    again = api.get(f"{ROOT}/indicators", headers={"if-none-match": f'W/"x", {first.headers["etag"]}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    other = api.get(f"{ROOT}/indicators", headers={"if-none-match": '"x"'})
    assert other.status_code == 200


def answered(api: TestClient, path: str, **asked: object) -> dict[str, Any]:
    """The answer, once the panel is there."""
    for _ in range(120):
        answer = api.get(ROOT + path, params=asked)
        if answer.status_code != 503:
            break
        time.sleep(0.5)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_what_compares_two_years_is_asked_of_a_region(desk: Any, api: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    load(desk.engine, add(desk.engine, "before.pdf"), verdict("洪泽区民政局", 2023, (reading(RECEIVED, 95), reading(GRANTED, 2))))
    asked = {"indicator": "table_repeat", "year": 2024, "region": "320813"}
    units = answered(api, "/figures/units", **asked)["items"]
    # What was granted is in doubt, and compared with nothing.
    assert [(line["agency"], line["figure"]["numerator"], line["figure"]["denominator"]) for line in units] == [
        ("洪泽区民政局", 1, 1)
    ]
    (line,) = answered(api, "/figures", **asked)["items"]
    assert (line["figure"]["numerator"], line["figure"]["units"], line["figure"]["left_out"]) == (1, 1, {})
    (alone,) = answered(api, "/figures/units", **{**asked, "year": 2023})["items"]
    assert alone["figure"]["why"] == "no_year_before"
    monkeypatch.setattr(figures, "MOST_COMPARED", 0)
    assert "choose a region" in problem(api.get(f"{ROOT}/figures", params=asked))


def test_figures_and_the_roll_up_say_who_is_not_in_them(desk: Any, api: TestClient) -> None:
    (line,) = answered(api, "/figures", indicator=RECEIVED, year=2024, region="320000")["items"]
    assert (line["key"], line["figure"]["numerator"], line["figure"]["units"]) == ("320800", 95, 1)
    assert line["figure"]["left_out"] == {}
    (rate,) = answered(api, "/figures", indicator="grant_rate", year=2024, region="3208")["items"]
    assert rate["figure"]["units"] == 0
    units = answered(api, "/figures/units", indicator=RECEIVED, year=2024)["items"]
    assert {unit["agency"]: unit["figure"].get("numerator") for unit in units} == {
        "洪泽区民政局": 95,
        "杭州市民政局": 7,
    }
    whole = answered(api, "/rollup", area="320813", year=2024, cells=f"{RECEIVED},{GRANTED}")
    assert {cell["cell"]: cell["computed"]["value"] for cell in whole["cells"]} == {RECEIVED: 95, GRANTED: None}
    assert "grant_rate" in {each["id"] for each in answered(api, "/derived")["items"]}
    assert api.get(f"{ROOT}/figures", params={"indicator": "no_such", "year": 2024}).status_code == 404
    twice = api.get(f"{ROOT}/figures", params={"indicator": RECEIVED, "year": 2024, "basis": "areas", "by": "all"})
    assert twice.status_code == 400
    run_transaction(desk.engine, lambda c: c.execute(update(User).where(User.name == "viewer").values(regions=["330000"])))
    text = api.get(f"{ROOT}/figures/units", params={"indicator": RECEIVED, "year": 2024}).text
    assert "杭州市民政局" in text
    assert "洪泽区" not in text


# ---- errors -----------------------------------------------------------------------------------------------------------------


BAD = (
    "year=x",
    "year=-1",
    "year=2024.0",
    "year=null",
    "year=99999",
    "limit=0",
    "limit=1001",
    "after=" + "9" * 30,
    "unknown=1",
    "year=2024&year=2023",
    "agency=%00",
    "agency=",
    "agency_id=0",
)


def test_a_parameter_that_does_not_fit_is_refused(api: TestClient) -> None:
    for query in BAD:
        answer = api.get(f"{ROOT}/filings?{query}")
        assert answer.status_code == 400, query
        assert problem(answer)


def test_what_is_not_there_is_not_found(api: TestClient) -> None:
    for path in ("/filings/9", "/agencies/9", "/findings/9", "/filings/9/values", "/values?indicator=no.such", "/nothing"):
        answer = api.get(ROOT + path)
        assert answer.status_code == 404, path
        assert problem(answer)
    assert api.get(f"{ROOT}/filings?region=nowhere").status_code == 404
    assert api.post(f"{ROOT}/filings").status_code == 405


# ---- who may ask ------------------------------------------------------------------------------------------------------------


def test_without_a_valid_token_nothing_is_answered(desk: Any, api: TestClient) -> None:
    for header in ({}, {"authorization": "Bearer nothing"}, {"authorization": "Basic x"}, {"authorization": ""}):
        answer = desk.client().get(f"{ROOT}/filings", headers=header)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), header
        assert "洪泽区" not in answer.text
    logged_in = desk.viewer
    assert logged_in.get(f"{ROOT}/filings").status_code == 200
    assert logged_in.get(f"{ROOT}/filings", headers={"authorization": "Bearer nothing"}).status_code == 401


def test_a_token_may_do_no_more_than_its_user_and_its_role(desk: Any, api: TestClient) -> None:
    assert api.get(f"{ROOT}/errors").status_code == 403
    lesser = desk.client()
    lesser.headers["authorization"] = f"Bearer {token(desk, 'administrator', Role.VIEW)}"
    assert lesser.get(f"{ROOT}/batches").status_code == 403
    with pytest.raises(TokenError, match="above that of viewer"):
        token(desk, "viewer", Role.OPERATE)
    own = token(desk, "operator", Role.OPERATE)
    run_transaction(desk.engine, lambda c: accounts.set_role(c, "operator", Role.VIEW, who="test"))
    demoted = desk.client()
    demoted.headers["authorization"] = f"Bearer {own}"
    assert demoted.get(f"{ROOT}/batches").status_code == 403


def test_a_token_sees_what_its_user_sees(desk: Any, api: TestClient) -> None:
    run_transaction(desk.engine, lambda c: c.execute(update(User).where(User.name == "viewer").values(regions=["330000"])))
    for path in ("/filings", "/agencies", "/findings", f"/values?indicator={RECEIVED}", "/coverage?year=2024"):
        for accept in (JSON, CSV):
            text = api.get(ROOT + path, headers={"accept": accept}).text
            assert "洪泽区" not in text, path
    assert "杭州市民政局" in api.get(f"{ROOT}/filings").text
    for path in ("/filings/1", "/filings/1/values", "/agencies/1", "/findings/1"):
        assert api.get(ROOT + path).status_code == 404, path
    assert Access(("330000",)).bound


def test_a_token_ends(desk: Any, api: TestClient) -> None:
    def again() -> int:
        return api.get(f"{ROOT}/indicators").status_code

    with desk.engine.begin() as connection:
        (item,) = tokens.tokens(connection)
    assert again() == 200
    with desk.engine.begin() as connection:
        assert tokens.tokens(connection)[0].used_at is not None
        connection.execute(update(ApiToken).values(expires_at=ApiToken.created_at))
    assert again() == 401
    with desk.engine.begin() as connection:
        connection.execute(update(ApiToken).values(expires_at=item.expires_at))
        connection.execute(update(User).where(User.name == "viewer").values(disabled_at=User.created_at))
    assert again() == 401
    with desk.engine.begin() as connection:
        connection.execute(update(User).values(disabled_at=None))
    assert again() == 200
    assert run_transaction(desk.engine, lambda c: tokens.revoke_token(c, item.id, who="test"))
    assert not run_transaction(desk.engine, lambda c: tokens.revoke_token(c, item.id, who="test"))
    assert again() == 401
    with reading_transaction(desk.engine) as connection:
        acts = connection.execute(select(Audit.action, Audit.detail).where(Audit.action.like("token.%")).order_by(Audit.id)).all()
    assert [act.action for act in acts] == ["token.add", "token.revoke"]
    assert acts[0].detail["subject"] == "viewer"


def test_too_many_calls_have_to_wait(desk: Any, api: TestClient) -> None:
    context = desk.app.state.context
    context.settings = desk.settings.model_copy(update={"console_api_per_minute": 3})
    codes = [api.get(f"{ROOT}/indicators").status_code for _ in range(8)]
    assert 429 in codes  # the window of a minute may end once meanwhile
    assert codes[:3] == [200] * 3
    answer = next(each for each in (api.get(f"{ROOT}/indicators") for _ in range(8)) if each.status_code == 429)
    assert answer.headers["retry-after"] == "60"
    context.settings = desk.settings.model_copy(update={"console_api_per_minute": 0})
    assert api.get(f"{ROOT}/indicators").status_code == 200


def test_bad_tokens_lock_nobody_else_out(desk: Any, api: TestClient) -> None:
    bad = {"authorization": "Bearer nothing"}
    codes = [desk.client().get(f"{ROOT}/indicators", headers=bad).status_code for _ in range(140)]
    assert set(codes) == {401, 429}  # the window of a minute may end once meanwhile
    assert codes[:60] == [401] * 60
    assert api.get(f"{ROOT}/indicators").status_code == 200


def test_a_token_waits_for_what_its_user_must_do_first(desk: Any, api: TestClient) -> None:
    def asked(**values: Any) -> tuple[int, str]:
        run_transaction(desk.engine, lambda c: c.execute(update(User).where(User.name == "viewer").values(**values)))
        answer = api.get(f"{ROOT}/filings")
        assert (answer.status_code == 403) is ("洪泽区" not in answer.text)
        return answer.status_code, problem(answer) if answer.status_code != 200 else ""

    def demand(**settings: Any) -> None:
        desk.app.state.context.settings = desk.settings.model_copy(update=settings)

    assert asked(must_change=False) == (200, "")
    code, why = asked(must_change=True)
    assert code == 403
    assert "another password" in why
    session = desk.viewer.get(f"{ROOT}/filings")
    assert (session.status_code, problem(session)) == (403, why)
    assert asked(must_change=False) == (200, "")
    demand(console_password_days=30)
    assert asked(must_change=False) == (200, "")
    assert asked(password_at=datetime(2020, 1, 1, tzinfo=UTC)) == (403, why)
    demand(console_totp_roles="view")
    code, why = asked(totp_key=None)
    assert code == 403
    assert "second factor" in why
    own = desk.client().get(f"{ROOT}/filings", headers={"authorization": f"Bearer {token(desk, 'operator', Role.VIEW)}"})
    assert own.status_code == 200  # the role of the user counts, not that of the token
    assert asked(totp_key="x") == (200, "")
    demand(console_password_days=30, console_totp_roles="view")
    assert asked(totp_key=None, password="") == (200, "")  # the provider of single sign-on sees to both


def test_a_limit_forgets_old_callers() -> None:
    limit = CallLimit()
    assert all(limit.take("one", 2) for _ in range(2))
    assert not limit.take("one", 2)
    assert limit.take("other", 2)


# ---- the page of tokens -----------------------------------------------------------------------------------------------------


def test_a_person_makes_and_revokes_a_token_on_the_page(desk: Any) -> None:
    wrong = desk.post(desk.viewer, "/tokens", label="x", role="view", days="30", old="wrong")
    assert wrong.status_code == 403
    above = desk.post(desk.viewer, "/tokens", label="x", role="operate", days="30", old="correct horse battery")
    assert above.status_code == 422
    page = desk.post(desk.viewer, "/tokens", label="面板数据", role="view", days="30", old="correct horse battery").text
    secret = page.split("<code>", 1)[1].split("</code>", 1)[0]
    program = desk.client()
    program.headers["authorization"] = f"Bearer {secret}"
    assert program.get(f"{ROOT}/indicators").status_code == 200
    with reading_transaction(desk.engine) as connection:
        (item,) = tokens.tokens(connection)
        assert connection.scalar(select(ApiToken.digest)) == digest(secret) != secret
    assert secret not in desk.viewer.get("/tokens").text
    assert "面板数据" in desk.administrator.get("/tokens").text
    assert "面板数据" not in desk.operator.get("/tokens").text
    assert desk.post(desk.operator, "/tokens/revoke", number=str(item.id)).status_code == 404
    assert program.get(f"{ROOT}/indicators").status_code == 200
    assert desk.post(desk.viewer, "/tokens/revoke", number=str(item.id)).status_code == 303
    assert program.get(f"{ROOT}/indicators").status_code == 401


def test_the_commands_make_list_and_revoke_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GONGKAI_HOME", str(tmp_path))
    load_settings.cache_clear()
    engine = make_engine(f"sqlite:///{tmp_path / 'gongkai.db'}")
    migrations.upgrade(engine)
    run_transaction(engine, lambda c: accounts.add_user(c, "li", "", Role.VIEW, who="test"))
    run = CliRunner()
    made = run.invoke(app, ["token", "add", "li", "--label", "panel"])
    assert made.exit_code == 0, made.output
    with reading_transaction(engine) as connection:
        known = tokens.token_user(connection, made.stdout.strip(), Demands())
    assert known is not None
    assert known.user.name == "li"
    (item,) = json.loads(run.invoke(app, ["token", "list", "--json"]).stdout)
    assert (item["user"], item["label"], item["role"]) == ("li", "panel", "view")
    assert made.stdout.strip() not in json.dumps(item)
    for wrong in (
        ["li", "--label", "x", "--role", "operate"],
        ["nobody", "--label", "x"],
        ["li", "--label", "x", "--days", "900"],
    ):
        assert run.invoke(app, ["token", "add", *wrong]).exit_code == 2, wrong
    assert run.invoke(app, ["token", "revoke", str(item["id"])]).exit_code == 0
    assert run.invoke(app, ["token", "revoke", str(item["id"])]).exit_code == 2
    engine.dispose()
    load_settings.cache_clear()
