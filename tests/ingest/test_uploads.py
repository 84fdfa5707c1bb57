"""Uploads: files that come in piece by piece are whole, under their path, and nobody reaches what is not theirs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Engine, select

from codebook.errors import GongkaiError, UsageError
from database import migrations
from database.models import Batch, Document, Source
from database.session import make_engine, reading
from ingest.archives.limits import Limits
from ingest.files.uploads import Uploads, UploadSize
from tests.ingest.test_refused import MemoryStore

REPORT = "示例县教育局2024年政府信息公开工作年度报告（示例）\n".encode() * 100


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Engine]:
    engine = make_engine(f"sqlite:///{tmp_path / 'test.db'}")
    migrations.upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return Uploads(tmp_path / "uploads", Limits(archive_bytes=100_000))


def send(uploads: Uploads, name: str, path: str, data: bytes, piece: int = 1000) -> None:
    for at in range(0, max(1, len(data)), piece):
        uploads.receive(1, name, path, at=at, data=data[at : at + piece], last=at + piece >= len(data))


def test_what_is_sent_is_a_batch_under_its_paths(uploads: Uploads, books: Engine) -> None:
    name = uploads.begin(1)
    send(uploads, name, "年报/甲局.txt", REPORT)
    send(uploads, name, "年报/乙局.txt", REPORT + b"b")
    send(uploads, name, "丙局.txt", REPORT)
    send(uploads, name, "空.txt", b"")
    assert uploads.size(1, name) == UploadSize(4, 3 * len(REPORT) + 1)
    store = MemoryStore()
    summary = uploads.register(1, name, engine=books, store=store, batch="上传 甲", region=("江苏省",))
    assert (summary.files, summary.documents, summary.duplicates, summary.rejected) == (4, 3, 1, {"file.empty": 1})
    with reading(books) as connection:
        found = connection.execute(select(Source.path, Source.hints, Batch.name).join(Batch, Batch.id == Source.batch_id)).all()
        kept = set(connection.scalars(select(Document.sha256).where(Document.size > 0)))
    assert sorted(path for path, _, _ in found) == sorted(["年报/甲局.txt", "年报/乙局.txt", "丙局.txt", "空.txt"])
    assert {batch for _, _, batch in found} == {"上传 甲"}
    assert all(hints["region"] == ["江苏省"] for _, hints, _ in found)
    assert kept == set(store.kept)
    assert not uploads.exists(1, name)


def test_a_piece_that_comes_twice_is_taken_once_and_a_missing_one_is_said(uploads: Uploads, books: Engine) -> None:
    name, data, random = uploads.begin(1), Random(3).randbytes(20_000), Random(4)
    at = 0
    while at < len(data):
        end = min(len(data), at + random.randrange(1, 3000))
        again = max(0, at - random.randrange(0, 2000))  # as a browser sends that got no answer
        assert uploads.receive(1, name, "a.bin", at=again, data=data[again:end], last=end == len(data)) == end
        at = end
    with pytest.raises(ValueError, match="0 bytes are there"):
        uploads.receive(1, name, "b.bin", at=5, data=b"x", last=True)
    assert uploads.size(1, name) == UploadSize(1, len(data))
    store = MemoryStore()
    uploads.register(1, name, engine=books, store=store, batch="b")
    assert list(store.kept.values()) == [data]


@pytest.mark.parametrize("path", ["../a.txt", "a/../../b", "/", "", "a\nb", "x" * 256, "年" * 100 + ".txt", "a/" * 600 + "b"])
def test_a_path_that_leads_out_or_cannot_be_kept_is_refused(uploads: Uploads, tmp_path: Path, path: str) -> None:
    name = uploads.begin(1)
    with pytest.raises(GongkaiError) as raised:
        send(uploads, name, path, b"x")
    assert raised.value.code == "file.unsafe_archive"
    assert uploads.size(1, name) == UploadSize(0, 0)


def test_a_path_from_windows_or_the_root_stays_inside(uploads: Uploads, tmp_path: Path) -> None:
    name = uploads.begin(1)
    send(uploads, name, "/etc/passwd", b"x")
    send(uploads, name, "年报\\甲.txt", b"x")
    found = sorted(
        str(path.relative_to(tmp_path / "uploads" / "1" / name / "files")) for path in tmp_path.rglob("*") if path.is_file()
    )
    assert found == ["etc/passwd", "年报/甲.txt"]


def test_nobody_reaches_the_upload_of_another(uploads: Uploads) -> None:
    name = uploads.begin(1)
    for who, other in ((2, name), (1, "0" * 32), (1, "../1"), (1, "")):
        assert not uploads.exists(who, other)
        with pytest.raises(KeyError):
            uploads.receive(who, other, "a.txt", at=0, data=b"x", last=True)
        with pytest.raises(KeyError):
            uploads.size(who, other)


def test_a_file_above_the_limit_is_refused(uploads: Uploads) -> None:
    name = uploads.begin(1)
    with pytest.raises(GongkaiError) as raised:
        send(uploads, name, "a.bin", bytes(100_001))
    assert raised.value.code == "file.too_large"
    assert uploads.size(1, name).files == 0


def test_uploads_that_were_left_are_deleted_after_a_week(uploads: Uploads, tmp_path: Path) -> None:
    old, young = uploads.begin(1), uploads.begin(2)
    long_ago = time.time() - 8 * 86_400
    os.utime(tmp_path / "uploads" / "1" / old, (long_ago, long_ago))
    uploads.begin(1)
    assert (uploads.exists(1, old), uploads.exists(2, young)) == (False, True)


def test_two_files_of_one_name_are_both_kept(uploads: Uploads, books: Engine) -> None:
    name = uploads.begin(1)
    for data in (REPORT, REPORT + b"2", REPORT, REPORT + b"3"):
        send(uploads, name, "甲/年报.txt", data)
    assert uploads.size(1, name).files == 3
    store = MemoryStore()
    uploads.register(1, name, engine=books, store=store, batch="b")
    assert sorted(store.kept.values()) == [REPORT, REPORT + b"2", REPORT + b"3"]
    with reading(books) as connection:
        assert sorted(connection.scalars(select(Source.path))) == ["甲/年报 (2).txt", "甲/年报 (3).txt", "甲/年报.txt"]


def test_a_file_that_did_not_come_in_whole_stops_the_registering(uploads: Uploads, books: Engine) -> None:
    name = uploads.begin(1)
    send(uploads, name, "a.txt", REPORT)
    uploads.receive(1, name, "b.txt", at=0, data=b"half", last=False)
    with pytest.raises(UsageError, match="1 files"):
        uploads.register(1, name, engine=books, store=MemoryStore(), batch="b")
    assert uploads.exists(1, name)
    uploads.drop(1, name, "b.txt")
    assert uploads.register(1, name, engine=books, store=MemoryStore(), batch="b").files == 1


def test_another_file_that_begins_under_a_path_takes_nothing_of_the_one_before(uploads: Uploads, books: Engine) -> None:
    name = uploads.begin(1)
    uploads.receive(1, name, "a.txt", at=0, data=b"x" * 900, last=False)
    send(uploads, name, "a.txt", b"short")
    store = MemoryStore()
    uploads.register(1, name, engine=books, store=store, batch="b")
    assert list(store.kept.values()) == [b"short"]


def test_a_folder_that_is_half_deleted_stops_nobody(uploads: Uploads, tmp_path: Path) -> None:
    (tmp_path / "uploads" / "1" / ("0" * 32)).mkdir(parents=True)
    assert uploads.exists(2, uploads.begin(2))
