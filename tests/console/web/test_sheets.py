"""Problem sheets from the pages: counted first, made by another process, downloaded, and marked only when they are there."""

from __future__ import annotations

import io
import re
import time
import zipfile
from pathlib import Path

import docx
import pytest
from httpx2 import Response

from console.notices import jobs
from database.findings import decisions
from database.models import FindingState
from database.session import reading, run_transaction
from database.users import audit
from tests.console.web.conftest import Desk
from tests.database.test_finding_cases import balance, cases, wrong
from tests.database.test_results import load, register, verdict

ADDRESS = "/findings/notices"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database: each test starts a process."""
    return sqlite_url


@pytest.fixture
def filed(desk: Desk, database_url: str) -> Desk:
    """Three agencies with a finding each: two are confirmed."""
    for document, agency in zip(register(desk.engine, 3), ("洪泽区民政局", "洪泽区财政局", "洪泽区教育局"), strict=True):
        load(desk.engine, document, wrong(verdict(agency, year=2022, new_received=3), balance(3)))
    decide(desk, FindingState.CONFIRMED, 1, 2)
    desk.app.state.context.settings = desk.settings.model_copy(update={"database_url": database_url})
    return desk


def decide(desk: Desk, to: FindingState, *numbers: int) -> None:
    run_transaction(desk.engine, lambda c: decisions.decide(c, numbers, to, who="li", reason="经核对"))


def seen(page: str) -> str:
    """The mark of what a page counted."""
    found = re.search(r'name="seen" value="(\w+)"', page)
    assert found is not None
    return found[1]


def begin(desk: Desk, **fields: str) -> Response:
    """Count, then begin."""
    page = desk.operator.get(ADDRESS, params={"year": "2022", "region": "洪泽区"}).text
    given = {"year": "2022", "region": "洪泽区", "due": "2026-03-31", "issuer": "示例市", "seen": seen(page)}
    return desk.post(desk.operator, ADDRESS, **(given | fields))


def until_made(desk: Desk) -> jobs.SheetsJob:
    """The last job, when it has ended."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        job = jobs.jobs_of(desk.settings.home, "operator")[0]
        assert desk.operator.get(f"{ADDRESS}/state", headers={"hx-request": "true"}).status_code == 200
        if not job.state.runs:
            return job
        time.sleep(0.1)
    raise AssertionError("not made in two minutes")


def states(desk: Desk) -> list[str]:
    return [state for _, state, *_ in cases(desk.engine)]


def test_sheets_are_counted_made_and_marked_when_they_are_there(filed: Desk) -> None:
    page = filed.operator.get(ADDRESS, params={"year": "2022", "region": "洪泽区"}).text
    assert "将生成 2 份整改通知，共 2 个已确认的问题" in page
    answer = begin(filed)
    assert (answer.status_code, answer.headers["location"].split("?")[0]) == (303, ADDRESS)
    job = until_made(filed)
    assert job.state.issued is not None, job.state.problem
    assert (job.state.issued.notices, job.state.issued.marked) == (2, 0)
    assert states(filed) == ["confirmed", "confirmed", "new"]  # a draft changes nothing

    assert begin(filed, mark_sent="yes", reason="第一批").status_code == 303
    job = until_made(filed)
    assert job.wanted.mark_sent
    assert states(filed) == ["sent", "sent", "new"]
    with reading(filed.engine) as connection:
        (entry,) = audit.trail(connection, action="finding_sent")
    assert (entry.who, entry.reason) == ("operator", "第一批")

    answer = filed.operator.get(f"{ADDRESS}/file", params={"name": job.name})
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        names = sorted(packed.namelist())
        notices = [name for name in names if name.endswith(".docx")]
        texts = ["\n".join(p.text for p in docx.Document(io.BytesIO(packed.read(name))).paragraphs) for name in notices]
    assert [name.partition("/")[0] for name in notices] == ["整改通知", "整改通知"]
    assert [name for name in names if name.endswith(".xlsx")] == ["江苏省淮安市洪泽区_2022年度_年度报告问题台账.xlsx"]
    assert sorted(re.findall("洪泽区..局(?=：)", "\n".join(texts))) == ["洪泽区民政局", "洪泽区财政局"]

    filed.post(filed.operator, f"{ADDRESS}/remove", name=job.name)
    assert filed.operator.get(f"{ADDRESS}/file", params={"name": job.name}).status_code == 404


def test_nothing_is_made_of_what_the_person_did_not_see(filed: Desk) -> None:
    old = seen(filed.operator.get(ADDRESS, params={"year": "2022"}).text)
    decide(filed, FindingState.DISMISSED, 1)
    assert begin(filed, seen=old).status_code == 409
    assert begin(filed, due="soon").status_code == 422
    assert jobs.jobs_of(filed.settings.home, "operator") == []
    begin(filed, mark_sent="yes")
    job = until_made(filed)
    assert job.state.issued is not None, job.state.problem
    assert job.state.issued.marked == 1
    assert states(filed) == ["dismissed", "sent", "new"]


def test_sheets_belong_to_who_made_them_and_are_gone_with_a_purged_document(filed: Desk) -> None:
    begin(filed)
    job = until_made(filed)
    assert filed.administrator.get(f"{ADDRESS}/file", params={"name": job.name}).status_code == 404
    assert filed.post(filed.administrator, f"{ADDRESS}/remove", name=job.name).status_code == 404
    for name in ("..", "0" * 24, job.name[:-1] + "/"):
        assert filed.operator.get(f"{ADDRESS}/file", params={"name": name}).status_code == 404
    assert filed.viewer.get(ADDRESS).status_code == 403
    document = job.state.documents[0]
    filed.post(filed.administrator, f"/documents/{document}/purge", reason="涉密", confirm=str(document))
    assert jobs.jobs_of(filed.settings.home, "operator") == []


def test_a_process_that_was_ended_is_told_as_ended(filed: Desk, tmp_path: Path) -> None:
    begin(filed)
    until_made(filed)
    (folder,) = (filed.settings.home / jobs.FOLDER).iterdir()
    jobs.write(folder / jobs.STATE, jobs.SheetsState(1))
    (job,) = jobs.jobs_of(filed.settings.home, "operator")
    assert "ended from outside" in job.state.problem
    assert "从外部结束" in filed.operator.get(f"{ADDRESS}/state").text
