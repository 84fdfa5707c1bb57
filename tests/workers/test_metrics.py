"""Metrics: what is exported is what the database says, and what is watched for is exported."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, text

from codebook.records import Line, Place
from codebook.stages import StageName
from database import ledger
from database.intake import inboxes, register
from database.intake.inboxes import WatcherState
from database.ledger import Arrival, Fault, Next, Policy, Spent
from database.monitoring import measures
from database.session import make_engine, run_transaction
from runtime.settings import Settings
from workers.metrics import registry

REPOSITORY = Path(__file__).resolve().parents[2]
Samples = dict[tuple[str, tuple[str, ...]], float]


def arrival(name: str, **more: Any) -> Arrival:
    return Arrival(name * 64, "text/plain", 3, f"/in/{name}", **more)


@pytest.fixture
def filled(engine: Engine) -> Engine:
    """A database with one of everything that is measured."""

    def fill(connection: Any) -> None:
        made = register(connection, "b", [arrival("a"), arrival("b"), arrival("c"), arrival("d", rejection=("file.empty", "0"))])
        stages = [one.stage_id for one in made if one.stage_id is not None]
        first = ledger.claim(connection, stages[0], "w#1", 60)
        second = ledger.claim(connection, stages[1], "w#1", 60)
        assert first is not None
        assert second is not None
        ledger.fail(connection, second, Fault("file.changed", "x"), Policy(base_seconds=1000))
        ledger.set_pages(connection, first, 3)
        queued = ledger.complete(connection, first, Line("x", Place()), {}, [Next(StageName.OCR, 1)], spent=Spent(2.5, 1.25))
        page = ledger.claim(connection, queued.queued[0].stage_id, "w#1", 60)
        assert page is not None
        ledger.complete(connection, page, Line("x", Place()), {}, [Next(StageName.PARSE)], spent=Spent(5.0, 4.0, "rapidocr"))
        ledger.claim(connection, stages[2], "w#1", -100)
        ledger.beat(connection, "w", 30)
        measures.count(connection, measures.RESCUER_RUNS)
        measures.count(connection, measures.LEASES_EXPIRED, 2)
        measures.count(connection, measures.LEASES_EXPIRED, 3)
        inboxes.beat(connection, WatcherState("h:1:n#0", "h", '/in "1"\n', False, 7, 2, 1), 60)
        inboxes.canary_came(connection, ["h:1:n#0"], -1)

    run_transaction(engine, fill)
    return engine


def settings(engine: Engine, tmp_path: Path, **more: Any) -> Settings:
    return Settings(home=tmp_path, database_url=engine.url.render_as_string(hide_password=False), **more)


def parsed(exported: str) -> Samples:
    families = list(text_string_to_metric_families(exported))
    assert all(family.documentation for family in families)
    samples = [sample for family in families for sample in family.samples]
    found = {(sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value for sample in samples}
    assert len(found) == len(samples)
    return found


def test_what_is_exported_is_what_the_database_says(filled: Engine, tmp_path: Path) -> None:
    found = parsed(generate_latest(registry(filled, settings(filled, tmp_path))).decode())
    folder = '/in "1"\n'
    expected: Samples = {
        ("gongkai_database_up", ()): 1,
        ("gongkai_documents", ("processing",)): 3,
        ("gongkai_documents", ("rejected",)): 1,
        ("gongkai_documents", ("accepted",)): 0,
        ("gongkai_stages", ("documents", "extract", "done")): 1,
        ("gongkai_stages", ("documents", "parse", "queued")): 1,
        ("gongkai_stages", ("retry", "extract", "waiting")): 1,
        ("gongkai_stages", ("documents", "extract", "running")): 1,
        ("gongkai_queue_oldest_seconds", ("retry",)): 0,
        ("gongkai_failures", ("file.empty", "open")): 1,
        ("gongkai_attempts_total", ("done", "extract")): 1,
        ("gongkai_attempts_total", ("retry", "extract")): 1,
        ("gongkai_attempts_total", ("running", "extract")): 1,
        ("gongkai_attempt_faults_total", ("file.changed", "extract")): 1,
        ("gongkai_stage_seconds_sum", ("", "extract")): 2.5,
        ("gongkai_stage_seconds_count", ("", "extract")): 1,
        ("gongkai_cpu_seconds_total", ("", "extract")): 1.25,
        ("gongkai_cpu_seconds_total", ("rapidocr", "ocr")): 4,
        ("gongkai_pages_total", ("rapidocr", "ocr")): 1,
        ("gongkai_pages_total", ("", "extract")): 3,
        ("gongkai_leases_overdue", ()): 1,
        ("gongkai_workers", ()): 1,
        ("gongkai_rescuer_runs_total", ()): 1,
        ("gongkai_leases_expired_total", ()): 5,
        ("gongkai_messages_lost_total", ()): 0,
        ("gongkai_watcher_blind", (folder, "h", "h:1:n#0")): 1,
        ("gongkai_watcher_waiting_files", (folder, "h", "h:1:n#0")): 2,
        ("gongkai_watcher_blocked_files", (folder, "h", "h:1:n#0")): 1,
        ("gongkai_watcher_files_taken_total", (folder, "h", "h:1:n#0")): 7,
    }
    assert {key: found.get(key) for key in expected} == expected
    assert found["gongkai_rescuer_age_seconds", ()] < 60
    assert found["gongkai_watcher_age_seconds", (folder, "h", "h:1:n#0")] < 60
    assert found["gongkai_queue_oldest_seconds", ("documents",)] < 60


def test_the_age_of_a_queue_is_that_of_its_oldest_due_stage(filled: Engine, tmp_path: Path) -> None:
    with filled.begin() as connection:
        old = "'2020-01-01T00:00:00.000000Z'"
        connection.execute(text(f"update gk_stage set updated_at = {old} where stage = 'parse'"))
    found = parsed(generate_latest(registry(filled, settings(filled, tmp_path))).decode())
    assert found["gongkai_queue_oldest_seconds", ("documents",)] > 86_400 * 365


def test_an_answer_is_kept_for_some_seconds_and_a_lost_database_is_told_of(filled: Engine, tmp_path: Path) -> None:
    kept = registry(filled, settings(filled, tmp_path, metrics_seconds=60))
    before = parsed(generate_latest(kept).decode())
    run_transaction(filled, lambda c: ledger.beat(c, "another", 30))
    assert parsed(generate_latest(kept).decode())["gongkai_workers", ()] == before["gongkai_workers", ()]
    fresh = registry(filled, settings(filled, tmp_path))
    assert parsed(generate_latest(fresh).decode())["gongkai_workers", ()] == 2
    gone = make_engine(f"sqlite:///{tmp_path}/absent/none.db")
    assert parsed(generate_latest(registry(gone, settings(gone, tmp_path))).decode()) == {("gongkai_database_up", ()): 0}


def exported_names(engine: Engine, tmp_path: Path) -> set[str]:
    return {name for name, _ in parsed(generate_latest(registry(engine, settings(engine, tmp_path))).decode())}


def expressions() -> dict[str, list[str]]:
    rules = yaml.safe_load((REPOSITORY / "deploy" / "prometheus-alerts.yml").read_text())
    board = json.loads((REPOSITORY / "deploy" / "grafana-dashboard.json").read_text())
    return {
        "alerts": [rule["expr"] for group in rules["groups"] for rule in group["rules"]],
        "board": [target["expr"] for panel in board["panels"] for target in panel["targets"]],
    }


def test_alerts_and_dashboard_name_metrics_that_exist(filled: Engine, tmp_path: Path) -> None:
    names = exported_names(filled, tmp_path)
    for where, written in expressions().items():
        assert written
        for expression in written:
            used = set(re.findall(r"\bgongkai_\w+", expression))
            assert used, (where, expression)
            assert used <= names, (where, expression)
            assert expression.count("(") == expression.count(")"), expression


def test_every_metric_is_watched_or_shown(filled: Engine, tmp_path: Path) -> None:
    used = set(re.findall(r"\bgongkai_\w+", json.dumps(expressions())))
    assert exported_names(filled, tmp_path) - used == {"gongkai_rescuer_runs_total"}


def test_alerts_say_what_to_do_and_the_board_has_no_overlaps() -> None:
    rules = yaml.safe_load((REPOSITORY / "deploy" / "prometheus-alerts.yml").read_text())
    for rule in rules["groups"][0]["rules"]:
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert set(rule["annotations"]) == {"summary", "action"}
    board = json.loads((REPOSITORY / "deploy" / "grafana-dashboard.json").read_text())
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in board["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) == 23
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


@pytest.mark.slow
def test_the_endpoint_as_a_process(sqlite_url: str, tmp_path: Path) -> None:
    environment = {**os.environ, "GONGKAI_HOME": str(tmp_path), "GONGKAI_DATABASE_URL": sqlite_url, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-m", "console.cli", "metrics", "--port", "19465"]
    process = subprocess.Popen(command, env=environment, cwd=REPOSITORY)
    try:
        until = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen("http://127.0.0.1:19465/metrics", timeout=30) as answer:
                    found = parsed(answer.read().decode())
                break
            except OSError:
                assert time.monotonic() < until
                time.sleep(0.1)
        assert found["gongkai_database_up", ()] == 1
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(90) == 0
