"""What a document may take: in force by default, and held by a real worker."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from codebook.stages import StageName
from ingest.archives.limits import Limits
from runtime.settings import Settings
from tasks.extraction.limits import ExtractionLimits as Readers
from tests.chaos.conftest import MakeCluster, MakeTrial
from tests.chaos.wellbeing import File
from tests.hostile.files import pdf
from tests.workers.cluster import children
from workers.app import make_app
from workers.stage_runner import REGISTRY


def test_every_limit_is_set_by_default(tmp_path: Path) -> None:
    made = Settings(home=tmp_path)
    assert 0 < made.memory_bytes <= 8 << 30
    assert 0 < made.resident_bytes < made.memory_bytes
    assert 0 < made.light_seconds <= 600
    assert 0 < made.ocr_seconds <= 600
    assert Limits.of(made) == Limits()
    assert made.max_pages == Readers().max_pages
    assert Readers().max_pixels <= 400_000_000
    assert made.window <= 5000


def test_every_stage_has_a_hard_and_a_soft_time_limit(tmp_path: Path) -> None:
    app = make_app(Settings(home=tmp_path))
    app.loader.import_default_modules()
    assert set(REGISTRY.functions) == set(StageName)
    for stage in StageName:
        task = app.tasks[f"gongkai.{stage}"]
        assert 0 < task.soft_time_limit < task.time_limit == Settings(home=tmp_path).time_limit(stage)


@pytest.mark.slow
def test_the_processes_of_a_worker_have_a_ceiling_and_the_limits_of_the_settings_hold(
    make_trial: MakeTrial, sqlite_url: str
) -> None:
    trial = make_trial(sqlite_url, max_pages=3)
    worker = trial.worker(concurrency=1)
    (child,) = children(worker.pid)
    assert trial.settings.memory_bytes == 4 << 30
    trial.until(lambda: psutil.Process(child).rlimit(psutil.RLIMIT_AS)[0] == 4 << 30, 10, "there is no ceiling")
    trial.rescuer()
    short, long = trial.register([File(pdf(3, "信"), "application/pdf"), File(pdf(4, "信"), "application/pdf")])
    trial.settle()
    codes = dict(trial.rows("select document_id, code from gk_failure"))
    assert codes == {short: "report.not_a_report", long: "file.too_large"}


@pytest.mark.slow
def test_a_small_urgent_batch_overtakes_a_large_one(make_cluster: MakeCluster, sqlite_url: str) -> None:
    """A batch of three hundred waits; one with a higher priority comes later, and is done while most of the first still waits."""
    cluster = make_cluster(sqlite_url, window=10)
    cluster.add(*[{"extract": ["slow:0.02"]} for _ in range(300)])
    cluster.worker()
    cluster.rescuer()
    cluster.until(lambda: list(cluster.statuses().values()).count("accepted") > 5)
    urgent = cluster.add({}, {}, {}, priority=5)
    cluster.until(lambda: all(cluster.statuses()[number] == "accepted" for number in urgent))
    assert list(cluster.statuses().values()).count("processing") > 100
