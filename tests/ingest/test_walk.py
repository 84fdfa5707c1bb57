"""Which files are found, in which order, and that every name can be told again."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from ingest.files.saved_pages import parts_of_pages
from ingest.files.walk import Found, Note, walk
from ingest.names import is_junk, natural, shown, unshown


def files(found: list[Found]) -> list[str]:
    return [item.path for item in found if item.note is None]


def test_folders_are_walked_in_natural_order_and_relative_paths_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("in/r10.txt", "in/r2.txt", "in/r.txt", "in/sub/a.txt", "in/2024 年/x.txt"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("x")
    assert files(list(walk(["in"]))) == ["in/2024 年/x.txt", "in/r2.txt", "in/r10.txt", "in/r.txt", "in/sub/a.txt"]


def test_what_is_no_document_is_passed_over_and_counted(tmp_path: Path) -> None:
    for name in ("~$r.docx", "a.tmp", "b.part", ".DS_Store", "Thumbs.db", "desktop.ini", "good.txt"):
        (tmp_path / name).write_text("x")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "sock"))
    (tmp_path / "out").symlink_to("/etc")
    (tmp_path / "dangling").symlink_to("nowhere")
    found = list(walk([str(tmp_path)]))
    assert [Path(path).name for path in files(found)] == ["good.txt"]
    notes = [item.note for item in found if item.note]
    assert sorted(notes) == sorted([Note.IGNORED] * 6 + [Note.SPECIAL] * 2 + [Note.LINK] * 2)


def test_a_given_path_is_taken_whatever_it_is_called_and_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / ".hidden.txt").write_text("x")
    (tmp_path / "link").symlink_to(".hidden.txt")
    os.mkfifo(tmp_path / "pipe")
    found = list(walk([str(tmp_path / ".hidden.txt"), str(tmp_path / "link"), str(tmp_path / "pipe")]))
    assert [item.note for item in found] == [None, None, Note.SPECIAL]
    with pytest.raises(FileNotFoundError):
        list(walk([str(tmp_path / "nothing")]))


def test_strange_names_are_kept_and_can_be_turned_back(tmp_path: Path) -> None:
    raw = [b"new\nline.txt", "表情😀.txt".encode(), b"gbk\xb1\xa8.txt", b"back\\xb1slash.txt", b"back\\slash.txt", b"\\\\xff\xff"]
    for name in raw:
        (Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))).write_text("x")
    found = [item for item in walk([str(tmp_path)]) if item.note is None]
    assert len(found) == len(raw)
    for item in found:
        item.shown.encode()  # can be stored
        assert os.path.exists(unshown(item.shown))
    assert len({item.shown for item in found}) == len(raw)
    assert shown("普通/名称 1.txt") == "普通/名称 1.txt"


def test_folders_deeper_than_python_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = 1200
    monkeypatch.chdir(tmp_path)
    for _ in range(deep):
        os.mkdir("d")
        os.chdir("d")
    Path("leaf.txt").write_text("x")
    try:
        assert len(files(list(walk([str(tmp_path)])))) == 1
    finally:  # the cleaning of temporary folders is not made for this depth
        os.remove("leaf.txt")
        for _ in range(deep):
            os.chdir("..")
            os.rmdir("d")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_noted(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    assert [item.note for item in walk([str(tmp_path)])] == [Note.UNREADABLE]


def test_natural_order_and_junk() -> None:
    assert sorted(["b", "b2", "b10", "2", "10", "01", "1"], key=natural) == ["01", "1", "2", "10", "b", "b2", "b10"]
    assert is_junk("a/__MACOSX/b.txt")
    assert not is_junk("./a/b.txt")


def test_the_folders_of_saved_pages_are_passed_over_and_counted(tmp_path: Path) -> None:
    names = (
        "甲局.html", "甲局_files/1.png", "甲局_files/2.png", "甲局_files/frame.html", "甲局_files/sub/a.css",
        "b.HTM", "B.files/a.js", "乙.html", "乙的文件/x.png",
        "annex_files/a.txt", "c_files",
    )  # fmt: skip
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    found = list(walk([str(tmp_path)], lambda _folder, _names: True))
    assert sorted(os.path.relpath(path, tmp_path) for path in files(found)) == sorted(
        ["annex_files/a.txt", "b.HTM", "c_files", "乙.html", "甲局.html"]
    )
    assert [item.note for item in found if item.note] == [Note.SAVED_PAGE] * 3
    assert len(files(list(walk([str(tmp_path / "甲局_files")])))) == 4  # a path that is given itself is taken


def test_members_of_saved_pages() -> None:
    members = ["a/x.html", "a/x_files/1.png", "a/x_files/deep/2.png", "a/x_filesystem/3.png", "b/x_files/4.png", "y_files.html"]
    assert parts_of_pages(members) == {"a/x_files/1.png", "a/x_files/deep/2.png"}
    assert parts_of_pages(["x_files/x.html", "x_files/x_files/1.png"]) == {"x_files/x_files/1.png"}
