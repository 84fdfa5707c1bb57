"""Problem sheets from the pages: counted first, made by another process, downloaded, and marked only when they are there."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import docx
import msgspec
import psutil
import pytest
from httpx2 import Response

from console.notices import jobs
from console.notices.gather import Selected
from console.notices.preview import preview
from database.access import Access
from database.findings import decisions
from database.models import FindingState
from database.session import reading, run_transaction
from database.users import accounts, audit
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
        job = made(desk)[0]
        assert desk.operator.get(f"{ADDRESS}/state", headers={"hx-request": "true"}).status_code == 200
        if not job.state.runs:
            return job
        time.sleep(0.1)
    raise AssertionError("not made in two minutes")


def made(desk: Desk) -> list[jobs.SheetsJob]:
    """The jobs of the operator, who is not bound."""
    return jobs.jobs_of(desk.settings.home, "operator", Access())


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
    assert made(filed) == []
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
    assert made(filed) == []


def test_a_process_that_was_ended_is_told_as_ended(filed: Desk, tmp_path: Path) -> None:
    begin(filed)
    until_made(filed)
    (folder,) = (filed.settings.home / jobs.FOLDER).iterdir()
    jobs.write(folder / jobs.STATE, jobs.SheetsState(1))
    (job,) = made(filed)
    assert "ended from outside" in job.state.problem
    assert "从外部结束" in filed.operator.get(f"{ADDRESS}/state").text


def test_sheets_are_not_seen_when_the_bounds_of_who_made_them_were_changed(filed: Desk) -> None:
    begin(filed)
    job = until_made(filed)
    run_transaction(filed.engine, lambda c: accounts.set_access(c, "operator", regions=["330000"], batches=None, who="test"))
    assert job.wanted.started_at.isoformat()[:4] not in filed.operator.get(f"{ADDRESS}/state").text
    assert filed.operator.get(f"{ADDRESS}/file", params={"name": job.name}).status_code == 404
    assert filed.post(filed.operator, f"{ADDRESS}/remove", name=job.name).status_code == 404
    run_transaction(filed.engine, lambda c: accounts.set_access(c, "operator", regions=None, batches=None, who="test"))
    assert filed.operator.get(f"{ADDRESS}/file", params={"name": job.name}).status_code == 200


def test_a_process_that_was_ended_while_it_marked_leaves_its_sheets(filed: Desk) -> None:
    begin(filed, mark_sent="yes")
    job = until_made(filed)
    state = jobs.SheetsState(2, documents=job.state.documents, packed=True)
    jobs.write(filed.settings.home / jobs.FOLDER / job.name / jobs.STATE, state)
    (job,) = made(filed)
    assert "after the sheets were complete" in job.state.problem
    page = filed.operator.get(f"{ADDRESS}/state").text
    assert "已登记发送 2 个" in page  # the database says so, not the job
    assert "未登记发送" not in page
    assert filed.operator.get(f"{ADDRESS}/file", params={"name": job.name}).status_code == 200


def test_a_process_that_was_ended_before_the_marking_is_said_to_have_marked_nothing(filed: Desk) -> None:
    begin(filed)
    job = until_made(filed)
    folder = filed.settings.home / jobs.FOLDER / job.name
    jobs.write(folder / jobs.WANTED, msgspec.structs.replace(job.wanted, mark_sent=True))
    jobs.write(folder / jobs.STATE, jobs.SheetsState(2, documents=job.state.documents, packed=True))
    page = filed.operator.get(f"{ADDRESS}/state").text
    assert "没有问题被登记为“已发送”" in page
    assert states(filed) == ["confirmed", "confirmed", "new"]


# ---- what happens to the process while it runs -----------------------------------------------------------------------------

# Runs the process as the pages do. Before the first statement that holds a text, once a file is in the folder, something happens.
PROCESS = """
import os, runpy, signal, sys
from pathlib import Path
from sqlalchemy import event
from sqlalchemy.engine import Engine

folder, file, text, what = Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
happened = []

@event.listens_for(Engine, "before_cursor_execute")
def before(connection, cursor, statement, *others):
    if happened or text not in statement.lower() or not (folder / file).exists():
        return
    happened.append(statement)
    if what == "end":
        os.kill(os.getpid(), signal.SIGTERM)
    else:
        from console.notices.jobs import forget
        from database.intake.purging import purge
        from database.session import make_engine, run_transaction
        from runtime.settings import load_settings
        settings = load_settings()
        run_transaction(make_engine(settings.database), lambda c: purge(c, int(what), who="test", reason="test"))
        print(forget(settings.home, int(what)), flush=True)

sys.argv = ["job_process", str(folder)]
runpy.run_module("console.notices.job_process", run_name="__main__")
"""


def run_process(desk: Desk, folder: Path, file: str, text: str, what: str) -> subprocess.CompletedProcess[str]:
    """Make the sheets of a folder in a process to which something happens on the way."""
    settings = desk.app.state.context.settings
    command = [sys.executable, "-c", PROCESS, str(folder), file, text, what]
    environment = {**os.environ, **settings.environment()}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


def wanted(desk: Desk) -> Path:
    """A folder in which sheets that are marked at the end are wanted, not yet begun."""
    counted = preview(desk.engine, Selected("320813", 2022))
    return jobs.begin(
        desk.settings.home,
        jobs.SheetsWanted(
            who="operator",
            access=Access(),
            region="320813",
            year=2022,
            issuer="示例市",
            contact="",
            due_on="2026-03-31",
            pdf=False,
            mark_sent=True,
            reason="",
            seen=counted.mark,
            units=len(counted.units),
            points=counted.points,
            started_at=datetime.now(UTC),
        ),
    )


@pytest.mark.slow
def test_a_process_that_is_to_end_while_it_marks_ends_after_the_marking(filed: Desk) -> None:
    folder = wanted(filed)
    run = run_process(filed, folder, jobs.FILE, "update gk_finding_case", "end")
    assert run.returncode == 0, run.stderr
    (job,) = made(filed)
    assert job.state.issued is not None
    assert job.state.issued.marked == 2
    assert states(filed) == ["sent", "sent", "new"]


@pytest.mark.slow
def test_a_process_that_is_to_end_before_marks_nothing_and_leaves_nothing(filed: Desk) -> None:
    folder = wanted(filed)
    run = run_process(filed, folder, jobs.STATE, "select", "end")
    assert run.returncode == 143, run.stderr
    (job,) = made(filed)
    assert "nothing was marked" in job.state.problem
    assert sorted(path.name for path in folder.iterdir()) == [jobs.LOCK, jobs.STATE, jobs.WANTED]
    assert states(filed) == ["confirmed", "confirmed", "new"]


@pytest.mark.slow
def test_sheets_that_are_being_made_are_gone_with_a_purged_document(filed: Desk) -> None:
    folder = wanted(filed)
    with reading(filed.engine) as connection:
        document = connection.exec_driver_sql("select min(document_id) from gk_finding_case").scalar_one()
    run = run_process(filed, folder, jobs.STATE, "select", str(document))
    assert run.stdout.splitlines()[:1] == ["1"], run.stderr  # the purge has found them
    assert not folder.exists()


WRITERS = """
import sys, time
from pathlib import Path
from console.notices.document import open_template
from console.notices.writing import NoticeWriter
from tests.console.test_notices import notice, point

if __name__ == "__main__":
    writer = NoticeWriter(open_template(None), 100)
    for _ in writer.write([(notice(point(), number=n), Path(sys.argv[1]) / f"{n}.docx") for n in range(1, 9)]):
        pass
    print("written", flush=True)
    time.sleep(600)
"""


@pytest.mark.slow
def test_processes_that_write_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    script = tmp_path / "writers.py"
    script.write_text(WRITERS, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    with subprocess.Popen([sys.executable, str(script), str(tmp_path)], stdout=subprocess.PIPE, env=environment) as parent:
        try:
            assert parent.stdout is not None
            assert parent.stdout.readline() == b"written\n"
            children = psutil.Process(parent.pid).children(recursive=True)
            assert len(children) >= 2
        finally:
            parent.send_signal(signal.SIGKILL)
    _, alive = psutil.wait_procs(children, timeout=60)
    for child in alive:
        child.kill()
    assert alive == []
