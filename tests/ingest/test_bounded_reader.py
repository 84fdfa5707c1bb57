"""What ends the process that reads files is in the books with a code and its path, and holds nothing else up."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from database.ledger import balance
from database.session import make_engine, reading
from ingest.archives.limits import MIB, Limits
from ingest.files import bounded_reader
from ingest.files.bounded_reader import BoundedReader
from ingest.files.intake import Intake, Taken, load_manifest
from ingest.files.keeping import Keeper
from ingest.files.register_paths import ingest_paths, plan
from ingest.files.walk import Found
from tests.ingest import odd_reader
from tests.ingest.test_register import MemoryStore, rows

LIMITS = Limits(seconds=1, memory_bytes=1024 * MIB)
CODES = {
    "loop": "stage.timeout",
    "kill": "worker.crashed",
    "abort": "worker.crashed",
    "exit": "worker.crashed",
    "memory": "worker.out_of_memory",
    "bug": "internal",
}


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_reader, "MODULE", odd_reader.MODULE)


@pytest.fixture
def engine(sqlite_url: str) -> Iterator[Engine]:
    made = make_engine(sqlite_url)
    yield made
    made.dispose()


def take(path: Path, limits: Limits = LIMITS) -> list[Taken]:
    with Keeper(MemoryStore()) as keeper, BoundedReader() as reader:
        return list(Intake(reader, keeper, limits).take(Found(str(path))))


def codes(taken: list[Taken]) -> dict[str, str | None]:
    return {one.arrival.path: one.arrival.rejection[0] if one.arrival.rejection else None for one in taken}


def test_ingest_goes_on_behind_whatever_ends_its_reader(odd: None, engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number, kind in enumerate(CODES):
        (folder / f"{number}-{kind}.txt").write_text(f"evil: {kind} ")
        (folder / f"{number}-good.txt").write_text(f"good {number}")
    summary = ingest_paths(plan([str(folder)]), engine=engine, store=MemoryStore(), limits=LIMITS)
    assert summary.documents == 2 * len(CODES)
    found = {Path(path).name: code for path, (_, code) in rows(engine).items()}
    assert {name.partition("-")[2].removesuffix(".txt"): code for name, code in found.items()} == {**CODES, "good": None}
    with reading(engine) as connection:
        assert balance(connection).holds


def test_a_reader_that_says_nothing_is_ended(odd: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_reader, "_SILENCE", 1.0)
    path = tmp_path / "a.txt"
    path.write_text("evil: sleep")
    assert codes(take(path)) == {str(path): "worker.crashed"}


def zipped(path: Path, members: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_the_rest_of_an_archive_is_read_behind_a_member_that_ends_the_reader(odd: None, tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "a.zip", {"1.txt": "one", "2.txt": "evil: kill", "3.txt": "three", "4.txt": "evil: abort", "5.txt": "5"}
    )
    store = MemoryStore()
    with Keeper(store) as keeper, BoundedReader() as reader:
        taken = list(Intake(reader, keeper, LIMITS).take(Found(str(path))))
    assert len(taken) == 5
    assert {path.partition("!")[2]: code for path, code in codes(taken).items()} == {
        "1.txt": None,
        "2.txt": "worker.crashed",
        "3.txt": None,
        "4.txt": "worker.crashed",
        "5.txt": None,
    }
    assert {one.arrival.sha256 for one in taken if one.arrival.rejection is None} == set(store.kept)
    assert all(one.arrival.size for one in taken)  # under their own contents, the refused ones too


def test_an_archive_that_ends_three_readers_is_given_up(odd: None, tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {f"{n}.txt": f"evil: kill {n}" for n in range(5)})
    assert codes(take(path)) == {
        f"{path}!0.txt": "worker.crashed",
        f"{path}!1.txt": "worker.crashed",
        str(path): "worker.crashed",
    }


def test_a_reader_serves_the_next_file_after_one_that_was_not_read_to_its_end(tmp_path: Path) -> None:
    first = zipped(tmp_path / "a.zip", {f"{n}.txt": f"{n}" * 100_000 for n in range(50)})
    (tmp_path / "b.txt").write_text("b")
    with Keeper(MemoryStore()) as keeper, BoundedReader() as reader:
        intake = Intake(reader, keeper, Limits())
        some = intake.take(Found(str(first)))
        next(some)
        some.close()  # type: ignore[attr-defined]
        assert codes(list(intake.take(Found(str(tmp_path / "b.txt"))))) == {str(tmp_path / "b.txt"): None}


def test_large_files_that_show_progress_may_take_their_time(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(10):
            archive.writestr(f"{number}.bin", os.urandom(8 * MIB))
    assert len(take(path, Limits(seconds=1))) == 10


def test_the_reader_has_no_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GONGKAI_DATABASE_URL", "postgresql://user:secret@host/db")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    (tmp_path / "a.txt").write_text("a")
    with Keeper(MemoryStore()) as keeper, BoundedReader() as reader:
        list(Intake(reader, keeper, LIMITS).take(Found(str(tmp_path / "a.txt"))))
        assert reader._process is not None
        assert b"secret" not in Path(f"/proc/{reader._process.pid}/environ").read_bytes()


def test_a_manifest_is_read_by_the_reader(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("文件,机关,年度\na.txt,示例市教育局,2024\n,,\n")
    with BoundedReader() as reader:
        manifest = load_manifest(path, reader, LIMITS)
    row = manifest.row("/in/a.txt")
    assert row is not None
    assert (row.hints.agency, row.hints.year) == ("示例市教育局", 2024)


def test_a_content_that_does_not_fit_its_name_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO(b"abc")
    with Keeper(MemoryStore()) as keeper, pytest.raises(Exception, match="another content"):
        keeper.keep("0" * 64, buffer.read())
