"""The checker is checked: without the fence, or with one row changed by hand, the common assertion must be red."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from database.session import make_engine
from tests.chaos.conftest import Expect, MakeTrial
from tests.chaos.trial import reports, send
from tests.chaos.wellbeing import File, assert_all_is_well, undisturbed
from tests.workers.cluster import children

pytestmark = pytest.mark.slow


def test_without_the_fence_a_frozen_worker_is_found_out(make_trial: MakeTrial, expect: Expect, postgres_url: str) -> None:
    trial = make_trial(postgres_url, lease_seconds=3, heartbeat_seconds=0.5, beat_seconds=0.4, stale_seconds=1.9)
    files = reports(3)
    frozen = trial.odd("unfenced,late", concurrency=1)
    trial.rescuer()
    trial.register(files[:1])
    trial.until(lambda: trial.rows("select 1 from gk_stage where stage = 'load' and state = 'running'"))
    family = [frozen.pid, *children(frozen.pid)]
    for pid in family:
        send(pid, signal.SIGSTOP)
    trial.odd("unfenced,late", concurrency=1, LATE_SECONDS="6")
    trial.until(lambda: trial.rows("select 1 from gk_stage where stage = 'load' and state = 'running' and fence > 1"))
    for pid in family:
        send(pid, signal.SIGCONT)
    trial.settle()
    with pytest.raises(AssertionError):
        trial.well(expect(files[:1]), 20)


HARM = {
    "a document": "delete from gk_document where id = 3",
    "a source": "delete from gk_source where id = 3",
    "a value": "delete from gk_report_values where report_id = 1",
    "a number": "update gk_report_values set numbers = replace(numbers, '[', '[1') where report_id = 1",
    "a finding": "delete from gk_finding where id = (select min(id) from gk_finding)",
    "a section": "delete from gk_section where report_id = 1 and position = 1",
    "a failure": "delete from gk_failure",
    "an effect": "delete from effects where document_id = (select min(document_id) from effects)",
    "an effect twice": "insert into effects select * from effects",
    "a try": "delete from gk_attempt where stage_id = 1",
    "a status": "update gk_document set status = 'processing' where id = 1",
    "a pointer": "update gk_document set report_id = (select max(id) from gk_report) where id = 1",
    "a stage": "update gk_stage set state = 'queued' where id = 1",
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[File]]:
    """A database after an undisturbed run, as the machine would leave it."""
    folder, files = tmp_path_factory.mktemp("finished"), reports(20)
    undisturbed(files, folder)
    return folder / "undisturbed.db", files


@pytest.mark.parametrize("what", [None, *HARM])
def test_one_row_by_hand_is_found_out(
    finished: tuple[Path, list[File]], expect: Expect, what: str | None, tmp_path: Path
) -> None:
    path, files = finished
    copy = tmp_path / "copy.db"
    copy.write_bytes(path.read_bytes())
    engine = make_engine(f"sqlite:///{copy}", pooled=False)
    if what is None:
        assert_all_is_well(engine, expect(files))
        return
    with engine.connect() as connection:  # constraints off: harm as it is done with a database's own tools
        connection.exec_driver_sql("rollback")
        connection.exec_driver_sql("pragma foreign_keys = off")
        assert connection.exec_driver_sql(HARM[what]).rowcount
        connection.exec_driver_sql("begin")
    with pytest.raises(AssertionError):
        assert_all_is_well(engine, expect(files))
