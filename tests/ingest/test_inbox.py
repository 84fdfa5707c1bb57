"""Watched folders: what is refused, how files are claimed and filed, what a place says, and the notes."""

from __future__ import annotations

import errno
import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from codebook.errors import UsageError
from database.intake.inboxes import FailedFile
from ingest.lists.manifest import load_manifest
from ingest.watching.failure_notes import sync_notes, write_note
from ingest.watching.folder_metadata import FolderPlace, Manifests, place
from ingest.watching.inbox import Inbox, fitted, open_inboxes


@pytest.fixture
def today() -> str:
    """The day of a test, not of the import: a run of all tests goes on past midnight."""
    return date.today().isoformat()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "in"
    made.mkdir()
    return made


def opened(folder: Path, *forbidden: Path, ignore: tuple[str, ...] = ()) -> Inbox:
    return open_inboxes([str(folder)], forbidden=forbidden, ignore=ignore)[0]


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {".gongkai/inbox"}


# ---- refusing ----


def refused(match: str, paths: list[Path], *forbidden: Path) -> None:
    with pytest.raises(UsageError, match=match):
        open_inboxes([str(path) for path in paths], forbidden=forbidden)


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    refused("no folders given", [])
    refused("no such folder", [tmp_path / "absent"])
    (tmp_path / "file").write_text("x")
    refused("no such folder", [tmp_path / "file"])


def test_an_inbox_in_or_around_our_own_data_or_another_inbox_is_refused(tmp_path: Path, folder: Path) -> None:
    home = tmp_path / "home"
    (home / "originals").mkdir(parents=True)
    refused("GONGKAI_HOME", [home / "originals"], home)
    refused("GONGKAI_HOME", [tmp_path], home)
    refused("GONGKAI_HOME", [home], home)
    (tmp_path / "way in").symlink_to(home)
    refused("GONGKAI_HOME", [tmp_path / "way in"], home)
    (folder / "below").mkdir()
    refused("another watched folder", [folder, folder / "below"], home)
    assert list(home.iterdir()) == [home / "originals"]


def test_a_link_out_is_refused_and_one_inside_is_not(tmp_path: Path, folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "a.txt").write_text("a")
    (folder / "inside").symlink_to("deep/a.txt")
    opened(folder)
    (folder / "deep" / "outside").symlink_to(tmp_path)
    refused("symbolic link out", [folder])


def test_a_folder_that_cannot_be_written_to_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(*_: Any, **__: Any) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with monkeypatch.context() as patch:
        patch.setattr("ingest.watching.inbox.os.makedirs", read_only)
        refused("Read-only file system; expected a folder that can be written to", [folder])
    with monkeypatch.context() as patch:
        patch.setattr("ingest.watching.inbox.os.rename", read_only)
        refused("Read-only file system", [folder])
    assert files(folder) == set()
    if os.geteuid():
        folder.chmod(0o500)
        refused("Permission denied", [folder])


def test_names_that_are_ours_are_refused_unless_we_made_them(folder: Path) -> None:
    (folder / "done").mkdir()
    refused("holds 'done'", [folder])
    (folder / "done").rmdir()
    opened(folder)
    (folder / "done").mkdir()
    opened(folder)


def test_a_link_in_place_of_our_own_folder_is_refused(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (folder / ".gongkai").symlink_to(tmp_path / "elsewhere")
    refused("symbolic link", [folder])


# ---- what is wanted ----


def test_what_is_ours_hidden_or_temporary_is_not_taken(folder: Path) -> None:
    inbox = opened(folder, ignore=("*.bak", "Scratch"))
    taken = ["a.txt", "江苏省/a.pdf", "x/done/a.txt", "a manifest.csv"]
    left = [".hidden", "~$a.docx", "a.part", "a.pdf.crdownload", "x/.git/a", "a.tmp", "a.txt~", "a.lock", "up.filepart"]
    left += ["done/a.txt", "failed/x/a.txt", ".gongkai/taken/1/a.txt", "manifest.csv", "x/Manifest.CSV", "a.txt.7.gongkai.txt"]
    left += ["a.BAK", "scratch/a.txt"]
    assert [name for name in taken + left if inbox.wants(str(folder / name))] == taken


# ---- claiming and filing ----


def test_claiming_and_filing_keep_every_file(folder: Path, today: str) -> None:
    inbox = opened(folder)
    for text in ("one", "two", "three"):
        (folder / "x").mkdir(exist_ok=True)
        path = folder / "x" / "a.txt"
        path.write_text(text)
        staged = inbox.claim(str(path), f"w.{text}")
        assert staged is not None
        assert list(inbox.claimed(f"w.{text}")) == [(staged, "x/a.txt")]
        inbox.file_done(staged, "x/a.txt")
        inbox.close_round(f"w.{text}")
    assert inbox.claim(str(folder / "x" / "a.txt"), "w.4") is None
    assert files(folder) == {f"done/{today}/x/a.txt", f"done/{today}/x/a (2).txt", f"done/{today}/x/a (3).txt"}
    assert (folder / f"done/{today}/x/a (3).txt").read_text() == "three"
    assert inbox.rounds() == ["w.4"]


def test_a_file_whose_name_is_a_folder_of_another_finds_its_place(folder: Path, today: str) -> None:
    inbox = opened(folder)
    (folder / "x").write_text("file")
    inbox.file_done(str(folder / "x"), "x")
    (folder / "a.txt").write_text("below")
    inbox.file_done(str(folder / "a.txt"), "x/a.txt")
    assert files(folder) == {f"done/{today}/x", f"done/{today} (2)/x/a.txt"}


def test_a_link_on_the_way_is_not_followed(tmp_path: Path, folder: Path) -> None:
    inbox = opened(folder)
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "a.txt").write_text("a")
    (folder / "way").symlink_to(tmp_path / "theirs")
    with pytest.raises(OSError, match="symbolic link"):
        inbox.claim(str(folder / "way" / "a.txt"), "w.1")
    assert (tmp_path / "theirs" / "a.txt").exists()


def test_names_are_cut_between_characters() -> None:
    assert fitted("a", ".txt") == "a.txt"
    cut = fitted("报" * 85, ".7.gongkai.txt")
    assert cut == "报" * 80 + ".7.gongkai.txt"
    assert len(os.fsencode(fitted("x" + "报" * 85))) <= 255


# ---- what a place says ----


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ("a.txt", FolderPlace(None, ())),
        ("江苏省/a.txt", FolderPlace(None, ("江苏省",))),
        ("江苏/淮安/洪泽区/a.txt", FolderPlace(None, ("江苏省", "淮安市", "洪泽区"))),
        ("2024年报/江苏省/淮安市/附件/a.txt", FolderPlace("2024年报", ("江苏省", "淮安市"))),
        ("2024年报/附件/a.txt", FolderPlace("2024年报", ())),
        ("淮安市/洪泽区/a.txt", FolderPlace(None, ("江苏省", "淮安市", "洪泽区"))),
        ("鼓楼区/a.txt", FolderPlace(None, ())),  # in four cities
        ("江苏省/杭州市/a.txt", FolderPlace(None, ("江苏省",))),
    ],
)
def test_folders_name_batch_and_region(inner: str, expected: FolderPlace) -> None:
    assert place(inner) == expected


def test_the_nearest_manifest_speaks_when_it_has_settled(folder: Path) -> None:
    now, told = [0.0], dict[str, str | None]()
    manifests = Manifests(str(folder), 5, told.__setitem__, lambda path: load_manifest(Path(path)), lambda: now[0])
    assert manifests.of("x/y/a.txt") == (None, True)
    (folder / "x" / "y").mkdir(parents=True)
    (folder / "manifest.csv").write_text("文件名,机关\na.txt,上\n")
    assert manifests.of("x/y/a.txt") == (None, False)
    now[0] = 6
    (folder / "x" / "manifest.csv").write_text("文件名,机关\na.txt,近\n")
    assert manifests.of("x/y/a.txt")[1] is False
    assert manifests.of("a.txt")[1] is True
    now[0] = 12
    found, ready = manifests.of("x/y/a.txt")
    assert ready
    assert found is not None
    row = found.row("x/y/a.txt")
    assert row is not None
    assert row.hints.agency == "近"
    (folder / "manifest.csv").write_text("no header\n")
    assert manifests.of("a.txt") == (None, False)
    now[0] = 18
    assert manifests.of("a.txt") == (None, True)
    assert "no column names the files" in str(told[str(folder / "manifest.csv")])


# ---- notes ----


def failure(folder: Path, inner: str, code: str = "report.no_year", number: int = 7) -> FailedFile:
    return FailedFile(number, f"{folder}/{inner}", code, "found\n=this", datetime.now(UTC))


def test_notes_come_and_go_with_the_failures(folder: Path) -> None:
    inbox = opened(folder)
    later, member = failure(folder, "x/a.txt"), failure(folder, "b.zip!in/c.txt", "file.empty", 8)
    assert sync_notes(inbox, lambda: [later, member]) == (2, 0)
    note = folder / "failed/report.no_year/x/a.txt.7.gongkai.txt"
    text = note.read_text()
    assert all(
        each in text
        for each in ("report.no_year", "无法确定报告年度", "请在清单文件中写明年度", "gongkai show 7", "found\\n=this")
    )
    assert files(folder) == {str(note.relative_to(folder)), "failed/file.empty/b.zip!in/c.txt.8.gongkai.txt"}
    assert sync_notes(inbox, lambda: [later, member]) == (0, 0)
    assert sync_notes(inbox, lambda: [later]) == (0, 1)
    assert sync_notes(inbox, lambda: [failure(folder, "x/a.txt", "report.no_agency")]) == (1, 1)
    assert files(folder) == {"failed/report.no_agency/x/a.txt.7.gongkai.txt"}


def test_an_original_beside_a_note_is_filed_when_the_failure_is_dealt_with(folder: Path, today: str) -> None:
    inbox = opened(folder)
    for text in ("one", "two"):
        (folder / "a.txt").write_text(text)
        lies = inbox.file_failed(str(folder / "a.txt"), "a.txt", "file.corrupt")
        write_note(inbox, failure(folder, "a.txt", "file.corrupt", len(text)), os.path.basename(lies))
    assert sync_notes(inbox, lambda: [failure(folder, "a.txt", "file.corrupt", 3)]) == (0, 0)
    assert sync_notes(inbox, list) == (0, 2)
    assert files(folder) == {f"done/{today}/a.txt", f"done/{today}/a (2).txt"}


def test_a_stored_path_cannot_lead_out_of_the_folder(folder: Path) -> None:
    inbox = opened(folder)
    write_note(inbox, failure(folder, "a.zip!x/../../../../evil"))
    assert not [path for path in folder.parent.rglob("evil*") if folder not in path.parents]


@pytest.mark.parametrize("links", [True, False])
def test_filing_replaces_nothing_and_a_kill_in_the_middle_leaves_no_second_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    (inbox,) = open_inboxes([str(tmp_path)], forbidden=[])
    if not links:

        def refused(*_: object) -> None:
            raise PermissionError(errno.EPERM, "no hard links here")

        monkeypatch.setattr(os, "link", refused)
    for number in range(2):
        staged = Path(inbox.taken, f"r.{number}", "a.txt")
        staged.parent.mkdir()
        staged.write_text(str(number))
        filed = inbox.file_done(str(staged), "a.txt")
        assert (Path(filed).read_text(), staged.exists()) == (str(number), False)
    assert Path(filed).name == "a (2).txt"
    if links:
        os.link(filed, staged)  # as a kill leaves it between the new name and the end of the old one
        assert inbox.file_done(str(staged), "a.txt") == filed
        assert not staged.exists()
    assert sorted(path.name for path in Path(filed).parent.iterdir()) == ["a (2).txt", "a.txt"]


def test_a_folder_takes_an_empty_name_and_replaces_nothing_that_holds_something(folder: Path, today: str) -> None:
    inbox = opened(folder)
    (folder / "done" / today / "页_files").mkdir(parents=True)  # left by a process that ended between two steps
    (folder / "done" / today / "卷").write_text("a file")
    filed = []
    for text in ("one", "two"):
        for name in ("页_files", "卷"):
            (folder / name).mkdir()
            (folder / name / "1.png").write_text(text)
            filed.append(os.path.relpath(inbox.file_done(str(folder / name), name), folder / "done" / today))
    assert filed == ["页_files", "卷 (2)", "页_files (2)", "卷 (3)"]
    assert [(folder / "done" / today / name / "1.png").read_text() for name in filed] == ["one", "one", "two", "two"]
    assert (folder / "done" / today / "卷").read_text() == "a file"
