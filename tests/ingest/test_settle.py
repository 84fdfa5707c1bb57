"""When a file is quiet and whole."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.watching.stability import Settler, looks_whole


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def zipped(comment: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.txt", "text " * 100)
        archive.comment = comment
    return out.getvalue()


PDF = b"%PDF-1.4\n" + b"x" * 5000 + b"\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 3000 + b"\0\0\0\0IEND\xaeB`\x82"
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 3000 + b"\xff\xd9"
TIFF = b"II*\0" + (4000).to_bytes(4, "little") + bytes(4100)


@pytest.mark.parametrize("content", [PDF, zipped(), zipped(b"comment"), PNG, JPEG, TIFF, b"text", b"<html>no end"])
def test_whole_files(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert looks_whole(str(path))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        PDF[:4],
        PNG[:7],
        b"PK",
        PDF[:-8],
        PDF[:2000],
        zipped()[:-1],
        zipped(b"comment")[:-3],
        PNG[:-9],
        JPEG[:-2],
        TIFF[:3000],
    ],
)
def test_files_that_lack_their_end(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert not looks_whole(str(path))


def test_a_file_that_is_held_open_for_writing_is_not_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.write(b"text")
        file.flush()
        assert not looks_whole(str(path))
        with path.open("rb"):
            pass
    with path.open("rb"):
        assert looks_whole(str(path))


def test_links_pipes_and_what_is_absent_are_not_whole(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("text")
    (tmp_path / "link").symlink_to("target")
    os.mkfifo(tmp_path / "pipe")
    assert not any(looks_whole(str(tmp_path / name)) for name in ("link", "pipe", "absent"))


def test_a_file_is_ready_when_it_was_quiet_for_the_whole_time(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "a.txt"
    settler = Settler(5, 60, clock)
    path.write_text("one")
    settler.see(str(path))
    clock.now += 4.9
    assert settler.due(10) == []
    path.write_text("more")
    settler.see(str(path))
    clock.now += 4.9
    assert settler.due(10) == []
    clock.now += 0.2
    (ready,) = settler.due(10)
    assert (ready.path, ready.whole, ready.snapshot.size) == (str(path), True, 4)
    assert (settler.due(10), len(settler), settler.next_due()) == ([], 0, None)


def test_a_change_that_nobody_told_of_is_seen_when_it_is_due(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "a.txt"
    settler = Settler(5, 60, clock)
    path.write_text("one")
    settler.see(str(path))
    clock.now += 4
    path.write_text("changed")
    clock.now += 2
    assert settler.due(10) == []
    clock.now += 4
    assert settler.due(10) == []
    clock.now += 1.1
    assert [ready.snapshot.size for ready in settler.due(10)] == [7]


def test_the_same_size_with_another_time_or_another_file_of_that_name_is_a_change(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "a.txt"
    settler = Settler(5, 60, clock)

    def replace() -> None:
        (tmp_path / "new").write_text("two")
        (tmp_path / "new").replace(path)

    changes: list[Callable[[], object]] = [lambda: os.utime(path, ns=(1, 1)), replace]
    path.write_text("one")
    settler.see(str(path))
    for change in changes:
        clock.now += 5.1
        change()
        assert settler.due(10) == []
    clock.now += 5.1
    assert len(settler.due(10)) == 1


def test_an_incomplete_file_waits_longer_and_is_then_taken_as_it_is(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "a.pdf"
    settler = Settler(5, 60, clock)
    path.write_bytes(PDF[:-8])
    settler.see(str(path))
    for _ in range(11):
        clock.now += 5.1
        assert settler.due(10) == []
    clock.now += 5.1
    (ready,) = settler.due(10)
    assert not ready.whole


def test_what_is_gone_is_not_waited_for_and_a_limit_leaves_the_rest(tmp_path: Path) -> None:
    clock = Clock()
    settler = Settler(5, 60, clock)
    for number in range(5):
        (tmp_path / f"{number}.txt").write_text("text")
        settler.see(str(tmp_path / f"{number}.txt"))
    (tmp_path / "0.txt").unlink()
    clock.now += 6
    assert [len(settler.due(3)), len(settler.due(3))] == [3, 1]
