"""Mutated files beside good ones, through both ways in: all good ones are read, the others end with codes, nothing grows."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from codebook.errors import CODES, GongkaiError
from codebook.records import Hints
from database.ledger import balance
from database.models import Document, Failure, Source
from database.session import make_engine, reading
from ingest.archives.limits import MIB, Limits
from ingest.files.bounded_reader import MODULE, BoundedReader
from ingest.files.intake import Intake
from ingest.files.keeping import Keeper
from ingest.files.register_paths import ingest_paths, plan
from ingest.files.walk import Found
from ingest.watching.heartbeat import watch
from runtime.store import Store
from tasks.extraction.extract import extract
from tasks.parsing.parse import parse
from tests.growth import peak_memory
from tests.hostile.mutations import mutations
from tests.ingest.test_register import MemoryStore
from tests.ingest.watching import watcher

SEED = 20261129
LIMITS = Limits(seconds=20, memory_bytes=1024 * MIB)
DOOR = {"file.corrupt", "file.unsupported", "file.empty", "file.bomb", "file.unsafe_archive", "file.encrypted", "file.too_large"}


@pytest.fixture
def engine(sqlite_url: str) -> Iterator[Engine]:
    made = make_engine(sqlite_url)
    yield made
    made.dispose()


def fill(folder: Path, bad: int, good: int) -> int:
    """Put mutated and good files into a folder; the bytes of all."""
    folder.mkdir(exist_ok=True)
    for number, (suffix, content) in enumerate(mutations(SEED, bad)):
        (folder / f"bad-{number}{suffix}").write_bytes(content)
    for number in range(good):
        (folder / f"good-{number}.txt").write_text(f"示例市{number}局2024年政府信息公开工作年度报告\n" * 20)
    return sum(path.stat().st_size for path in folder.iterdir())


def check(engine: Engine, store: Path, good: int, size: int) -> None:
    query = select(Source.path, Document.status, Failure.code).join(Document, Document.id == Source.document_id)
    with reading(engine) as connection:
        found = connection.execute(query.outerjoin(Failure, Failure.document_id == Document.id)).all()
        assert balance(connection).holds
    fine = [path for path, status, code in found if Path(path).name.startswith("good-") and code is None]
    assert len(fine) == good
    assert {code for _, status, code in found if code is not None} <= DOOR
    assert {status for _, status, code in found if code is None} == {"processing"}
    assert sum(path.stat().st_size for path in store.rglob("*") if path.is_file()) <= 20 * size


def through_ingest(engine: Engine, folder: Path, bad: int, good: int) -> None:
    size = fill(folder / "in", bad, good)
    with peak_memory(MODULE) as peak:
        ingest_paths(plan([str(folder / "in")]), engine=engine, store=Store(str(folder / "store")), limits=LIMITS)
    assert 0 < peak.bytes < LIMITS.memory_bytes
    check(engine, folder / "store", good, size)


def through_watch(url: str, engine: Engine, folder: Path, bad: int, good: int) -> None:
    size = fill(folder / "in", bad, good)
    made = watcher(url, str(folder / "store"), folder / "in", patience=1.0)
    stop = threading.Event()
    thread = threading.Thread(target=watch, args=((made,), engine, stop))
    end = time.monotonic() + 300
    with peak_memory(MODULE) as peak:
        thread.start()
        while any(path.is_file() for path in (folder / "in").iterdir()) or list((folder / "in" / ".gongkai/taken").rglob("*.*")):
            assert time.monotonic() < end, "not all was taken"
            assert thread.is_alive()
            time.sleep(0.2)
        stop.set()
        thread.join()
    assert 0 < peak.bytes < LIMITS.memory_bytes
    check(engine, folder / "store", good, size)


def test_mutated_files_beside_good_ones_through_ingest(engine: Engine, tmp_path: Path) -> None:
    through_ingest(engine, tmp_path, 120, 20)


def test_mutated_files_beside_good_ones_through_watch(sqlite_url: str, engine: Engine, tmp_path: Path) -> None:
    through_watch(sqlite_url, engine, tmp_path, 120, 20)


@pytest.mark.slow
def test_a_thousand_mutated_files_beside_a_hundred_good_ones(sqlite_url: str, engine: Engine, tmp_path: Path) -> None:
    through_ingest(engine, tmp_path, 1000, 100)


@pytest.mark.slow
def test_a_thousand_mutated_files_beside_a_hundred_good_ones_are_watched(sqlite_url: str, engine: Engine, tmp_path: Path) -> None:
    through_watch(sqlite_url, engine, tmp_path, 1000, 100)


def test_what_is_taken_of_mutated_files_is_read_or_refused(tmp_path: Path) -> None:
    codes: Counter[str] = Counter()
    with Keeper(MemoryStore()) as keeper, BoundedReader() as reader:
        for number, (suffix, content) in enumerate(mutations(SEED + 1, 150)):
            path = tmp_path / f"{number}{suffix}"
            path.write_bytes(content)
            for taken in Intake(reader, keeper, LIMITS).take(Found(str(path))):
                if taken.arrival.rejection is not None:
                    codes[taken.arrival.rejection[0]] += 1
                elif "!" not in taken.arrival.path:
                    codes[_read(content, taken.arrival.media_type)] += 1
    assert set(codes) <= CODES.keys() | {"read"}
    assert "internal" not in codes
    assert codes["read"] > 10


def _read(content: bytes, media_type: str) -> str:
    try:
        parse(extract(content, media_type), Hints())
    except GongkaiError as error:
        return error.code
    return "read"
