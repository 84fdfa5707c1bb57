"""Contents and their identity, above all when a file does not hold still."""

from __future__ import annotations

import hashlib
import io
import os
import threading
import tracemalloc
from pathlib import Path

import pytest

from codebook.errors import GongkaiError
from ingest.files import fingerprint
from ingest.files.fingerprint import IN_MEMORY, content_from, content_of, stand_in


@pytest.mark.parametrize("size", [0, 5, IN_MEMORY, IN_MEMORY + 1])
def test_a_file_that_holds_still(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "f").write_bytes(data)
    with content_of(str(tmp_path / "f")) as content:
        assert (content.sha256, content.size) == (hashlib.sha256(data).hexdigest(), size)
        assert content.file is not None
        assert content.file.read() == data


def test_a_file_that_is_written_to_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(bytes(IN_MEMORY + 1))
    os.truncate(path, 100_000_000)  # long enough to read that the writer gets its turn on a busy machine too
    stop = threading.Event()

    def append() -> None:
        with path.open("ab", buffering=0) as file:
            while not stop.is_set():
                file.write(b"x")

    writer = threading.Thread(target=append)
    writer.start()
    try:
        with pytest.raises(GongkaiError) as raised, content_of(str(path)):
            pass
        assert raised.value.code == "file.changed"
    finally:
        stop.set()
        writer.join()


def test_a_file_that_settles_is_taken_at_the_second_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"half")
    digest, tries = hashlib.sha256, []

    def sha256(data: bytes) -> object:
        tries.append(data)
        if len(tries) == 1:
            path.write_bytes(b"half and half")
        return digest(data)

    monkeypatch.setattr(fingerprint.hashlib, "sha256", sha256)
    with content_of(str(path)) as content:
        assert content.size == 13
    assert tries == [b"half", b"half and half"]


@pytest.mark.parametrize("change", ["replace", "remove", "append"])
def test_a_large_file_must_hold_still_until_its_user_is_done(tmp_path: Path, change: str) -> None:
    path = tmp_path / "f"
    path.write_bytes(bytes(IN_MEMORY + 1))
    (tmp_path / "new").write_bytes(bytes(IN_MEMORY + 1))
    with pytest.raises(GongkaiError, match=r"file\.changed"), content_of(str(path)):
        _change(path, change)


def _change(path: Path, change: str) -> None:
    if change == "replace":
        path.with_name("new").replace(path)
    elif change == "remove":
        path.unlink()
    else:
        with path.open("ab") as file:
            file.write(b"x")


def test_what_the_caller_raises_is_not_tried_again(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    uses: list[int] = []
    with pytest.raises(GongkaiError), content_of(str(tmp_path / "f")):
        _refuse(uses)
    assert uses == [1]


def _refuse(uses: list[int]) -> None:
    uses.append(1)
    raise GongkaiError("file.changed", "later")


def test_a_huge_sparse_file_is_hashed_in_little_memory(tmp_path: Path) -> None:
    with (tmp_path / "f").open("wb") as file:
        file.truncate(200_000_000)
    tracemalloc.start()
    try:
        with content_of(str(tmp_path / "f")) as content:
            assert content.size == 200_000_000
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_a_pipe_or_a_link_in_the_place_of_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(GongkaiError), content_of(str(tmp_path / "pipe")):
        pass
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(OSError, match="link"), content_of(str(tmp_path / "link"), follow=False):
        pass


def test_streams() -> None:
    with content_from(io.BytesIO(b"abc"), len) as content:
        assert content.file is not None
        assert content.file.read() == b"abc"
    with content_from(io.BytesIO(bytes(5_000_000)), lambda head: 2_000_000) as content:
        assert (content.size, content.file) == (5_000_000, None)
        assert content.sha256 == hashlib.sha256(bytes(5_000_000)).hexdigest()


def test_stand_ins_differ_by_path_and_code() -> None:
    assert len({stand_in("a", "x"), stand_in("b", "x"), stand_in("a", "y\udcff")}) == 3
