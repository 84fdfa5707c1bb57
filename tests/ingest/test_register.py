"""Taking files in: what is registered of good, bad, changing and packed files, and that the books balance."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import threading
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from codebook.errors import GongkaiError, UsageError
from codebook.records import Hints
from database import migrations
from database.ledger import Queued, balance
from database.models import Batch, Document, Failure, Source, Stage
from database.session import make_engine, reading
from ingest.archives.limits import Limits
from ingest.files.register_paths import IngestSummary, begins_with_new, default_batch, ingest_paths, plan

REPORT = "示例县{}局2024年政府信息公开工作年度报告\n"
LIMITS = Limits(file_bytes=20_000, archive_bytes=1_000_000, archive_members=100, archive_depth=2)


class MemoryStore:
    """Where nothing is lost but everything goes with the test."""

    def __init__(self) -> None:
        self.kept: dict[str, int] = {}

    def put(self, data: bytes) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        self.kept[sha256] = len(data)
        return sha256


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = make_engine(f"sqlite:///{tmp_path_factory.mktemp('db') / 'test.db'}")
    migrations.upgrade(engine)
    yield engine
    engine.dispose()


def take(paths: list[str], *, batch: str | None = None, manifest: Path | None = None, **options: Any) -> IngestSummary:
    return ingest_paths(plan(paths, batch=batch, manifest=manifest), **options)


def rows(engine: Engine) -> dict[str, tuple[str, str | None]]:
    """What became of each path: the document's status, and the code of its failure."""
    query = (
        select(Source.path, Document.status, Failure.code)
        .join(Document, Document.id == Source.document_id)
        .outerjoin(Failure, Failure.document_id == Document.id)
        .order_by(Failure.id)
    )
    with reading(engine) as connection:
        return {path: (status, code) for path, status, code in connection.execute(query)}


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def test_every_file_ends_in_the_books(
    engine: Engine, store: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = {
        "in/a.txt": REPORT.format("财政").encode(),
        "in/copy of a.txt": REPORT.format("财政").encode(),
        "in/b.html": f"<html><body>{REPORT}</body></html>".encode("gbk"),
        "in/empty.txt": b"",
        "in/noise.pdf": os.urandom(3000),
        "in/large.txt": REPORT.encode() * 1000,
        "in/good.zip": zipped({"c/1.txt": b"one", "2.txt": b"two", "big.txt": b"0123456789" * 3000}),
        "in/evil.zip": zipped({"ok.txt": b"ok", "../evil.txt": b"x"}),
        "in/cut.zip": zipped({"ok.txt": b"ok"})[:-30],
        "in/void.zip": zipped({".DS_Store": b"x"}),
        "in/nested.zip": zipped({"inner.zip": zipped({"d.txt": b"deep", "deeper.zip": zipped({"e.txt": b"too deep"})})}),
        "in/one.txt.gz": gzip.compress(b"packed"),
        "in/.hidden": b"x",
    }
    for name, content in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(content)
    notified: list[Queued] = []
    summary = take(["in"], engine=engine, store=store, limits=LIMITS, batch="first", notify=notified.extend)
    assert rows(engine) == {
        "in/a.txt": ("processing", None),
        "in/b.html": ("processing", None),
        "in/copy of a.txt": ("processing", None),
        "in/cut.zip": ("failed", "file.corrupt"),
        "in/empty.txt": ("rejected", "file.empty"),
        "in/evil.zip": ("rejected", "file.unsafe_archive"),
        "in/good.zip!2.txt": ("processing", None),
        "in/good.zip!big.txt": ("rejected", "file.too_large"),
        "in/good.zip!c/1.txt": ("processing", None),
        "in/large.txt": ("rejected", "file.too_large"),
        "in/nested.zip!inner.zip!d.txt": ("processing", None),
        "in/nested.zip!inner.zip!deeper.zip": ("rejected", "file.bomb"),
        "in/noise.pdf": ("rejected", "file.unsupported"),
        "in/one.txt.gz!one.txt": ("processing", None),
        "in/void.zip": ("rejected", "file.empty"),
    }
    assert (summary.files, summary.documents, summary.duplicates, summary.archives) == (15, 14, 1, 7)
    assert summary.rejected == {
        "file.bomb": 1,
        "file.corrupt": 1,
        "file.empty": 2,
        "file.too_large": 2,
        "file.unsafe_archive": 1,
        "file.unsupported": 1,
    }
    assert summary.passed_over == {"ignored": 1}
    with reading(engine) as connection:
        books = balance(connection)
        assert books.holds
        assert books.registered == 15
        assert sorted(one.stage_id for one in notified) == sorted(connection.scalars(select(Stage.id)))
        assert set(connection.scalars(select(Document.sha256).where(Document.status == "processing")).all()) <= set(store.kept)
    again = take(["in"], engine=engine, store=store, limits=LIMITS, batch="second")
    assert (again.documents, again.duplicates, again.first) == (0, 15, None)


def test_what_is_known_of_a_file_is_kept_with_it(sqlite: Engine, store: MemoryStore, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("a")
    (tmp_path / "in" / "b.txt").write_text("b")
    (tmp_path / "list.csv").write_text("文件名,机关,年度,地区,批次\na.txt,示例局,2024,江苏省/示例市,春\nz.txt,别局,2024,,\n")
    summary = take(
        [str(tmp_path / "in")],
        engine=sqlite,
        store=store,
        limits=LIMITS,
        batch="all",
        region=("江苏省",),
        manifest=tmp_path / "list.csv",
    )
    with reading(sqlite) as connection:
        query = select(Batch.name, Source.hints).join(Source, Source.batch_id == Batch.id).order_by(Source.id)
        found = {name: hints for name, hints in connection.execute(query)}  # noqa: C416
    path = str(tmp_path / "in")
    assert found["春"] == {"path": f"{path}/a.txt", "agency": "示例局", "year": 2024, "region": ["江苏省", "示例市"]}
    assert found["all"] == {"path": f"{path}/b.txt", "region": ["江苏省"]}
    assert summary.problems == ("'z.txt' of the manifest fits no file",)
    assert Hints(path="x").region == ()


def test_a_file_that_is_refused_today_can_be_admitted_tomorrow(sqlite: Engine, store: MemoryStore, tmp_path: Path) -> None:
    (tmp_path / "big.txt").write_text("x" * 30_000)
    first = take([str(tmp_path / "big.txt")], engine=sqlite, store=store, limits=LIMITS)
    assert first.rejected == {"file.too_large": 1}
    second = take([str(tmp_path / "big.txt")], engine=sqlite, store=store, limits=Limits())
    assert (second.readmitted, second.duplicates, second.first) == (1, 0, 1)
    assert [status for status, _ in rows(sqlite).values()] == ["processing"]


def test_a_file_that_changes_is_in_the_books_until_it_comes_in_whole(sqlite: Engine, store: MemoryStore, tmp_path: Path) -> None:
    path = tmp_path / "in" / "growing.txt"
    path.parent.mkdir()
    path.write_bytes(b"x" * 9_000_000)
    os.truncate(path, 100_000_000)  # long enough to read that the writer gets its turn on a busy machine too
    (tmp_path / "in" / "other.txt").write_text("other")
    stop = threading.Event()

    def append() -> None:
        with path.open("ab", buffering=0) as file:
            while not stop.is_set():
                file.write(b"x")

    writer = threading.Thread(target=append)
    writer.start()
    try:
        summary = take([str(path.parent)], engine=sqlite, store=store, limits=Limits())
    finally:
        stop.set()
        writer.join()
    assert (summary.files, summary.rejected) == (2, {"file.changed": 1})
    take([str(path.parent)], engine=sqlite, store=store, limits=Limits())
    with reading(sqlite) as connection:
        assert sorted(connection.scalars(select(Document.status))) == ["discarded", "processing", "processing"]


def test_wrong_usage_registers_nothing(sqlite: Engine, store: MemoryStore, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    for paths in ([str(tmp_path / "a.txt"), str(tmp_path / "absent")], [], [str(tmp_path / "a.txt" / "b")]):
        with pytest.raises(UsageError, match="expected"):
            take(paths, engine=sqlite, store=store, limits=LIMITS)
    assert rows(sqlite) == {}


def test_a_fault_of_the_store_stops_the_run_and_keeps_what_was_done(sqlite: Engine, tmp_path: Path) -> None:
    class Full(MemoryStore):
        def put(self, data: bytes) -> str:
            raise GongkaiError("disk.full", "no space left on device")

    (tmp_path / "a.zip").write_bytes(zipped({"a.txt": b"a"}))
    (tmp_path / "a.txt").write_text("a")
    for name in ("a.zip", "a.txt"):
        with pytest.raises(GongkaiError) as raised:
            take([str(tmp_path / name)], engine=sqlite, store=Full(), limits=LIMITS)
        assert raised.value.code == "disk.full"
    assert rows(sqlite) == {}


def test_names_that_are_not_utf8_can_be_registered(engine: Engine, store: MemoryStore, tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path / "in")
    os.mkdir(folder)
    for name in (b"gbk\xb1\xa8.txt", b"new\nline.txt"):
        with open(folder + b"/" + name, "wb") as file:
            file.write(name)
    summary = take([str(tmp_path / "in")], engine=engine, store=store, limits=LIMITS)
    assert summary.documents == 2
    assert sorted(Path(path).name for path in rows(engine)) == ["gbk\\xb1\\xa8.txt", "new\nline.txt"]


def test_the_default_batch_is_named_after_folder_and_day(tmp_path: Path) -> None:
    assert default_batch([str(tmp_path / "x" / "..")]).startswith(f"{tmp_path.name} 2")
    assert len(default_batch(["长" * 300, "b"])) <= 200


@pytest.mark.slow
def test_ten_thousand_files_take_no_more_memory_than_a_few_hundred(sqlite: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(10_000):
        (folder / f"report {number}.txt").write_text(f"{number}")

    class Nowhere:
        def put(self, data: bytes) -> str:
            return hashlib.sha256(data).hexdigest()

    peaks: list[int] = []

    def progress(summary: IngestSummary) -> None:
        peaks.append(tracemalloc.get_traced_memory()[1])

    tracemalloc.start()
    try:
        summary = take([str(folder)], engine=sqlite, store=Nowhere(), limits=LIMITS, progress=progress)
    finally:
        tracemalloc.stop()
    assert (summary.documents, summary.expected) == (10_000, 10_000)
    assert peaks[-1] < peaks[1] + 8_000_000  # the names of one folder are held at a time


def test_the_priority_stands_at_the_work(sqlite: Engine, store: MemoryStore, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("一封信")
    ingest_paths(plan([str(tmp_path)]), engine=sqlite, store=store, limits=Limits(), priority=7)
    with sqlite.connect() as connection:
        assert connection.exec_driver_sql("select priority from gk_stage").scalars().all() == [7]


def test_whether_a_plan_begins_with_something_new_is_told_by_its_content(
    tmp_path: Path, sqlite: Engine, store: MemoryStore
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text(REPORT.format("甲"), encoding="utf-8")
    planned = plan([str(tmp_path / "in")])
    assert begins_with_new(planned, sqlite)
    ingest_paths(planned, engine=sqlite, store=store, limits=Limits())
    assert not begins_with_new(planned, sqlite)
    (tmp_path / "in" / "a.txt").rename(tmp_path / "in" / "b.txt")
    assert not begins_with_new(plan([str(tmp_path / "in")]), sqlite)
    (tmp_path / "in" / "b.txt").write_text(REPORT.format("乙"), encoding="utf-8")
    assert begins_with_new(plan([str(tmp_path / "in")]), sqlite)
    (tmp_path / "none").mkdir()
    assert not begins_with_new(plan([str(tmp_path / "none")]), sqlite)
