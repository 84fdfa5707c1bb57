"""Redis emptied, restarted, full, cut off, and messages that come again and again: it only carries notifications."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from codebook.stages import StageName
from database.intake import register, to_notify
from database.ledger import Arrival, Queued
from database.session import run_transaction
from tests.chaos.conftest import Expect, MakeCluster, MakeTrial
from tests.chaos.proxy import Proxy
from tests.chaos.trial import Trial, reports
from tests.servers import RedisServer

pytestmark = pytest.mark.slow

Proxies = Callable[[Path], Proxy]


def supervised(trial: Trial, workers: list) -> None:
    """Start again the workers that ended, as systemd would."""
    for number, worker in enumerate(workers):
        if worker.poll() is not None:
            workers[number] = trial.worker()


def test_redis_is_down_for_a_while_with_work_in_flight(
    make_trial: MakeTrial, expect: Expect, database_url: str, redis_server: RedisServer
) -> None:
    trial, files = make_trial(database_url), reports(60)
    workers = [trial.worker()]
    trial.rescuer()
    trial.register(files[:50])
    trial.until(lambda: trial.finished() > 2)
    redis_server.client.flushall()
    trial.register(files[50:55])
    trial.until(lambda: trial.finished() > 20)
    redis_server.kill()
    trial.register(files[55:])
    time.sleep(4)
    assert not trial.working()
    redis_server.start()
    before = trial.finished()
    trial.until(lambda: trial.finished() > before, 60, "nothing was sent again")
    supervised(trial, workers)
    trial.well(expect(files))
    assert [tuple(row) for row in trial.rows("select sum(crashes), sum(losses) from gk_stage")] == [(0, 0)]


def test_fifteen_restarts_of_redis_leave_nobody_deaf(
    make_trial: MakeTrial, expect: Expect, sqlite_url: str, redis_server: RedisServer
) -> None:
    trial, files = make_trial(sqlite_url), reports(60)
    workers = [trial.worker()]
    trial.rescuer()
    for number in range(15):
        trial.register(files[4 * number : 4 * number + 4])
        time.sleep(0.1 + 0.05 * number)
        redis_server.kill()
        time.sleep(0.05 * (number % 4))
        redis_server.start()
        supervised(trial, workers)
    trial.well(expect(files))
    supervised(trial, workers)
    trial.register(probe := reports(2, seed=9))
    trial.until(lambda: trial.finished() == 62, 60, "a worker is deaf")
    trial.well(expect([*files, *probe]))


def test_redis_without_memory_stops_nothing_but_messages(
    make_trial: MakeTrial, expect: Expect, sqlite_url: str, redis_server: RedisServer
) -> None:
    trial, files = make_trial(sqlite_url), reports(20)
    redis_server.client.config_set("maxmemory", "1")
    trial.register(files)
    trial.rescuer()
    time.sleep(1.5)
    assert (trial.notifier.depths() or {}).get("documents", 0) == 0
    assert {row.state for row in trial.stages()} == {"queued"}
    redis_server.client.config_set("maxmemory", "0")
    trial.worker()
    trial.well(expect(files))


def test_every_message_comes_five_times_and_those_in_hand_once_more(
    make_trial: MakeTrial, expect: Expect, postgres_url: str, redis_server: RedisServer
) -> None:
    trial, files = make_trial(postgres_url), reports(40)
    trial.register(files, notify=False)
    queued = [Queued(row[0], StageName.EXTRACT, "documents") for row in trial.rows("select id from gk_stage")]
    assert len(trial.notifier.send(queued * 5)) == 200
    before = redis_server.client.lrange("documents", 0, -1)
    trial.worker()
    trial.rescuer()
    trial.until(lambda: trial.finished() > 5)
    redis_server.client.rpush("documents", *before)  # all of them again, as after the visibility timeout
    trial.well(expect(files))
    assert {row.attempts for row in trial.stages()} == {1}


def test_the_way_to_redis_freezes(
    make_trial: MakeTrial, expect: Expect, postgres_url: str, redis_server: RedisServer, make_proxy: Proxies
) -> None:
    """Connections hang in silence; the worker goes on with what it has, and hears again afterwards."""
    trial, files = make_trial(postgres_url), reports(50)
    proxy = make_proxy(redis_server.socket)
    worker = trial.worker(GONGKAI_BROKER_URL=f"redis://127.0.0.1:{proxy.port}/0")
    trial.rescuer()
    trial.register(files[:30])
    trial.until(lambda: trial.finished() > 3)
    proxy.freeze()
    time.sleep(3)
    trial.register(files[30:])
    proxy.cut()  # what hung is dead, what is new goes through
    proxy.thaw()
    supervised(trial, [worker])
    trial.well(expect(files), 90)


def test_a_broken_redis_does_not_hold_up_registering(
    make_trial: MakeTrial, expect: Expect, sqlite_url: str, redis_server: RedisServer
) -> None:
    trial, files = make_trial(sqlite_url), reports(40)
    redis_server.kill()
    began = time.monotonic()
    for file in files:
        trial.register([file])
    assert time.monotonic() - began < 30  # none waits for the broker's timeout
    redis_server.start()
    trial.rescuer()
    trial.worker()
    trial.well(expect(files))


def brought(redis_server: RedisServer) -> int:
    """How many documents the messages of the queue bring."""
    bodies = [json.loads(base64.b64decode(json.loads(one)["body"])) for one in redis_server.client.lrange("documents", 0, -1)]
    return sum(len(stages) if isinstance(stages, list) else 1 for (stages,), *_ in bodies)


def test_twenty_thousand_documents_are_a_window_of_messages(
    make_trial: MakeTrial, sqlite_url: str, redis_server: RedisServer
) -> None:
    """Backpressure: what waits, waits in the database; Redis and the one who registers stay small."""
    trial = make_trial(sqlite_url)
    arrivals = [Arrival(f"{number:064x}", "text/plain", 1, f"/in/{number}") for number in range(20_000)]
    for start in range(0, len(arrivals), 200):
        part = arrivals[start : start + 200]
        made = run_transaction(trial.engine, lambda c, part=part: register(c, "large", part))
        trial.notifier.notify(to_notify(made))
    rescuer = psutil.Process(trial.rescuer().pid)
    sweeps = "select value from gk_count where name = 'rescuer_runs'"
    trial.until(lambda: (trial.rows(sweeps) or [(0,)])[0][0] >= 5, 60, "the rescuer does not sweep")
    # A worker of great appetite: whatever comes is taken at once, and the window grows, but not beyond what is allowed.
    deepest = 0
    for _ in range(8):
        deepest = max(deepest, brought(redis_server))
        redis_server.client.delete("documents")
        seen = trial.rows(sweeps)[0][0]
        trial.until(lambda seen=seen: trial.rows(sweeps)[0][0] > seen + 1, 60)
    depths = trial.notifier.depths() or {}
    assert 500 <= deepest <= max(deepest, brought(redis_server)) <= trial.settings.window == 2000
    assert depths["ocr"] == depths["retry"] == 0
    assert redis_server.client.info("memory")["used_memory"] < 20_000_000
    assert rescuer.memory_info().rss < 250_000_000


def test_a_worker_without_redis_keeps_time_and_ends_when_asked(
    make_cluster: MakeCluster, sqlite_url: str, redis_server: RedisServer, make_proxy: Proxies
) -> None:
    """Its signs of life for Flower must not hold up the loop in which signals are heard, and Celery forgets the time limits of
    what runs.
    """
    cluster = make_cluster(sqlite_url, light_seconds=8)
    proxy = make_proxy(redis_server.socket)
    worker = cluster.worker(concurrency=1, GONGKAI_BROKER_URL=f"redis://127.0.0.1:{proxy.port}/0")
    (document,) = cluster.add({"extract": ["hang"]})
    cluster.until(lambda: cluster.rows("select 1 from gk_stage where state = 'running'"))
    redis_server.kill()
    proxy.cut()
    cluster.until(lambda: cluster.outcomes(document) == ["crashed"], 60, "the time limit was not kept")
    assert cluster.rows("select code from gk_attempt") == [("stage.timeout",)]
    time.sleep(3)  # the dead process is replaced
    worker.terminate()
    worker.wait(90)
