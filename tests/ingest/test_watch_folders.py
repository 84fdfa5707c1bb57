"""Watched folders and ``gongkai ingest`` take the same documents from the same files: folders and archives of page images, and
saved web pages, whatever happens while they are copied.
"""

from __future__ import annotations

import io
import os
import signal
import tarfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import Engine, select

from codebook import image_package
from database import migrations
from database.models import Document, Failure, Source
from database.session import make_engine
from ingest.archives.limits import Limits
from ingest.files.register_paths import ingest_paths, plan
from runtime.store import Store
from tests.ingest.test_watch import files, rows, running, sources, until, untouched
from tests.ingest.watching import start, watcher

DATED = 1_700_000_000
PAGE = "<html><body><h1>{}2024年政府信息公开工作年度报告</h1></body></html>"


@pytest.fixture
def engine(sqlite_url: str) -> Iterator[Engine]:
    made = make_engine(sqlite_url)
    yield made
    made.dispose()


def picture(width: int) -> bytes:
    target = io.BytesIO()
    Image.new("L", (width, 20), "white").save(target, "PNG")
    return target.getvalue()


def put(folder: Path, *names: str) -> None:
    """Files with contents that are told by their paths, pictures for .png."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(name))
        os.utime(path, (0, DATED + len(name)))


def content(name: str) -> bytes:
    if name.endswith(".png"):
        return picture(10 + sum(name.encode()) % 5000)
    return PAGE.format(name).encode() if name.endswith(".html") else f"{name}: 2024年政府信息公开工作年度报告".encode()


def zipped(*names: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name, (2024, 5, 1, 9, 0, 2 * len(name))), content(name))
    return target.getvalue()


def tarred(*names: str) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(content(name))
            archive.addfile(info, io.BytesIO(content(name)))
    return target.getvalue()


def fill(folder: Path) -> None:
    """Everything that people hand in."""
    put(
        folder,
        "甲局.txt",
        "深/一/乙局.txt",
        "深/一/页/1.png",
        "深/一/页/2.png",
        "深/一/页/10.png",
        "丁局/2021.png",
        "丁局/2022.png",
    )
    put(folder, "缺页/page1.png", "缺页/page2.png", "缺页/page4.png", "单页/1.png", "混/1.png", "混/2.png", "混/说明.txt")
    put(folder, "层/1.png", "层/2.png", "层/下/p1.png", "层/下/p2.png", "机关/甲局1.png", "机关/乙局2.png")
    put(folder, "网页/丙局.html", "网页/丙局_files/1.png", "网页/丙局_files/2.png", "网页/丙局_files/frame.html")
    put(folder, "戊局.html", "戊局的文件/a.png", "己局.files/1.png", "己局.files/2.png", "己局.html", "附件_files/庚局.txt")
    (folder / "pages.zip").write_bytes(zipped("1.png", "2.png", "4.png"))
    (folder / "多份.zip").write_bytes(
        zipped("甲/1.png", "甲/2.png", "乙/p1.png", "乙/p2.png", "辛局.html", "辛局_files/1.png", "a.txt")
    )
    (folder / "网页" / "packed.tgz").write_bytes(
        tarred("x/壬局.html", "x/壬局.files/1.png", "x/壬局.files/2.png", "x/y/1.png", "x/y/2.png")
    )
    put(folder, "Thumbs.db", "页/.DS_Store", "页/IMG_0231.png", "页/IMG_0232.png", "页/Thumbs.db")
    (folder / "空").mkdir()
    (folder / "empty.txt").touch()
    for top, _, names in os.walk(folder):
        for name in names:
            os.utime(os.path.join(top, name), (0, DATED + len(name)))


def documents(engine: Engine, store: Store, folder: Path) -> dict[str, list[Any]]:
    """What is known of each source, by its path inside the folder: content, size, type, pages, hints and why it was refused."""
    query = (
        select(Source.path, Document.sha256, Document.media_type, Document.size, Source.hints, Failure.code, Source.dated_at)
        .join(Document, Document.id == Source.document_id)
        .outerjoin(Failure, Failure.document_id == Document.id)
    )
    found: dict[str, list[Any]] = {}
    for path, sha256, media_type, size, hints, code, dated in rows(engine, query):
        inner = os.path.relpath(path, folder)
        assert hints["path"] == path
        missing = image_package.missing_pages(store.get(sha256)) if media_type == image_package.MEDIA_TYPE else ()
        given = {name: value for name, value in hints.items() if name != "path"}
        assert inner not in found
        # A stand-in is made from the path.
        found[inner] = [sha256 if code is None else None, media_type, size, given, code, dated, missing]
    return found


def ingested(folder: Path, tmp_path: Path, manifest: Path | None = None) -> dict[str, list[Any]]:
    made = make_engine(f"sqlite:///{tmp_path / 'ingested.db'}")
    migrations.upgrade(made)
    store = Store(str(tmp_path / "ingested"))
    ingest_paths(plan([str(folder)], manifest=manifest), engine=made, store=store, limits=Limits())
    found = documents(made, store, folder)
    made.dispose()
    return found


# ---- the same documents ----


@pytest.mark.parametrize("polls", [False, True])
def test_watching_and_ingesting_the_same_files_give_the_same_documents(
    sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path, polls: bool
) -> None:
    (tmp_path / "given").mkdir()
    fill(tmp_path / "given")
    expected = ingested(tmp_path / "given", tmp_path)
    assert len(expected) == 28
    assert expected["缺页"][-1] == expected["pages.zip"][-1] == (3,)
    store = str(tmp_path / "store")
    if polls:  # it lies there, or it is copied in
        fill(inbox)
    with running(watcher(sqlite_url, store, inbox, polls=polls)):
        if not polls:
            fill(inbox)
        until(lambda: len(sources(engine, inbox)) >= len(expected))
        until(lambda: untouched(inbox) == {"Thumbs.db"})
    assert documents(engine, Store(store), inbox) == expected
    done = next((inbox / "done").iterdir())
    assert files(done / "网页" / "丙局_files") == {"1.png", "2.png", "frame.html"}
    assert files(done / "深" / "一" / "页") == {"1.png", "2.png", "10.png"}


def test_page_images_in_the_folder_itself_are_one_report_too(
    sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path
) -> None:
    (tmp_path / "given").mkdir()
    put(tmp_path / "given", "1.png", "2.png", "3.png")
    with running(watcher(sqlite_url, str(tmp_path / "store"), inbox, canary=0.3)):
        put(inbox, "1.png", "2.png", "3.png")
        until(lambda: {name for name in untouched(inbox) if "canary" not in name} == set())
    assert documents(engine, Store(str(tmp_path / "store")), inbox) == ingested(tmp_path / "given", tmp_path)
    assert sorted(name.split("/", 2)[2] for name in files(inbox) if name.startswith("done/")) == [
        "in/1.png", "in/2.png", "in/3.png",
    ]  # fmt: skip


def test_a_manifest_decides_what_is_one_report(sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path) -> None:
    (inbox / "manifest.csv").write_text("文件,机关\none,示例市民政局\nmany/1.png,示例市教育局\n")
    put(tmp_path / "given", "one/封面.png", "one/正文.png")
    (tmp_path / "given" / "one" / "manifest.csv").write_text("文件,机关\none,示例市民政局\n")
    put(inbox, "one/封面.png", "one/正文.png", "many/1.png", "many/2.png", "own/1.png", "own/2.png")
    (inbox / "own" / "manifest.csv").write_text("文件,机关\nown,示例市财政局\n")
    with running(watcher(sqlite_url, str(tmp_path / "store"), inbox)):
        until(lambda: untouched(inbox) == {"manifest.csv"})
    found = {os.path.relpath(path, inbox): hints for path, hints in rows(engine, select(Source.path, Source.hints))}
    assert list(ingested(tmp_path / "given", tmp_path, tmp_path / "given" / "one" / "manifest.csv")) == ["one"]
    assert {path: hints.get("agency") for path, hints in found.items()} == {
        "one": "示例市民政局", "many/1.png": "示例市教育局", "many/2.png": None, "own": "示例市财政局",
    }  # fmt: skip


def test_the_folder_of_pages_says_its_region_and_not_its_batch(
    sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path
) -> None:
    put(inbox, "江苏省/淮安市/1.png", "江苏省/淮安市/2.png")
    with running(watcher(sqlite_url, str(tmp_path / "store"), inbox)):
        until(lambda: untouched(inbox) == set())
    assert [hints["region"] for (hints,) in rows(engine, select(Source.hints))] == [["江苏省", "淮安市"]]


# ---- while it is copied ----


def test_a_page_that_is_late_is_waited_for_and_the_folder_moved_in_is_taken_whole(
    sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path
) -> None:
    put(tmp_path, "neu/1.png", "neu/2.png")
    with running(watcher(sqlite_url, str(tmp_path / "store"), inbox, patience=8)):
        put(inbox, "r/1.png", "r/2.png", "r/4.png")
        (tmp_path / "neu").rename(inbox / "neu")
        until(lambda: len(sources(engine, inbox)) == 1)  # the folder that is whole
        put(inbox, "r/3.png")
        until(lambda: untouched(inbox) == set())
    assert [path for path, _ in sources(engine, inbox)] == ["neu", "r"]
    store = Store(str(tmp_path / "store"))
    assert [image_package.missing_pages(store.get(sha256)) for _, sha256 in sources(engine, inbox)] == [(), ()]


def test_pages_that_come_after_their_folder_was_taken_make_the_whole_report(
    sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path
) -> None:
    with running(watcher(sqlite_url, str(tmp_path / "store"), inbox, patience=30)):
        put(inbox, "r/1.png", "r/2.png")
        until(lambda: untouched(inbox) == set())
        put(inbox, "r/3.png")
        until(lambda: untouched(inbox) == set())
        put(inbox, "r/4.png", "r/5.png")
        until(lambda: untouched(inbox) == set())
    wanted = [[f"r/{number}.png" for number in range(1, last + 1)] for last in (2, 3, 5)]
    packed = [image_package.pack([(name, content(name)) for name in names]) for names in wanted]
    store = Store(str(tmp_path / "store"))
    assert sorted(store.get(sha256) for _, sha256 in sources(engine, inbox)) == sorted(packed)


def test_the_first_page_alone_is_waited_with(sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path) -> None:
    with running(watcher(sqlite_url, str(tmp_path / "store"), inbox, patience=15)):
        put(inbox, "r/1.png")
        time.sleep(1.0)  # longer than the quiet time
        put(inbox, "r/2.png")
        until(lambda: untouched(inbox) == set())
    assert [path for path, _ in sources(engine, inbox)] == ["r"]


def test_the_folder_of_a_saved_page_may_come_before_it_or_after(
    sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path
) -> None:
    with running(watcher(sqlite_url, str(tmp_path / "store"), inbox, patience=4)):
        put(inbox, "a_files/1.png", "a_files/2.png", "a_files/frame.html", "b.html")
        until(lambda: len(sources(engine, inbox)) == 1)
        put(inbox, "a.html", "b.files/1.png", "b.files/x.html")
        until(lambda: untouched(inbox) == set())
    assert [path for path, _ in sources(engine, inbox)] == ["a.html", "b.html"]
    done = next((inbox / "done").iterdir())
    assert {"a_files/1.png", "b.files/x.html"} <= files(done)


def test_a_refused_folder_lies_under_failed_with_a_note_and_goes_to_done_when_it_is_settled(
    sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path
) -> None:
    with running(watcher(sqlite_url, str(tmp_path / "store"), inbox, limits=Limits(file_bytes=50))):
        put(inbox, "x/r/1.png", "x/r/2.png", "x/r.html", "x/r_files/1.png")
        until(lambda: untouched(inbox) == set())
        failed = inbox / "failed" / "file.too_large" / "x"
        assert {"r/1.png", "r/2.png", "r.html", "r_files/1.png"} <= files(failed)
        until(lambda: len([name for name in files(failed) if name.endswith(".gongkai.txt")]) == 2)  # written after the filing
        with engine.begin() as connection:
            connection.execute(Failure.__table__.update().values(state="requeued"))
        until(lambda: not [name for name in files(failed) if name.endswith(".gongkai.txt")])
    done = next((inbox / "done").iterdir())
    assert {"x/r/1.png", "x/r/2.png", "x/r.html", "x/r_files/1.png"} <= files(done)


def test_a_page_that_cannot_be_read_refuses_its_folder_as_a_whole(
    sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path
) -> None:
    put(inbox, "r/1.png")
    (inbox / "r" / "2.png").write_bytes(picture(9)[:-20])  # cut: taken as it is after the patience, and told when it is read
    with running(watcher(sqlite_url, str(tmp_path / "store"), inbox)):
        until(lambda: untouched(inbox) == set())
    assert [path for path, _ in sources(engine, inbox)] == ["r"]


# ---- crashes and company ----


@pytest.mark.parametrize("point", ["after_take:kill", "after_register:kill", "after_gather:kill"])
def test_a_crash_while_folders_are_claimed_loses_nothing_and_takes_nothing_twice(
    sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path, point: str
) -> None:
    top = ["1.png", "2.png"] if point.startswith("after_gather") else []
    names = [*top, *([] if top else ["x/r/1.png", "x/r/2.png", "x/r/3.png", "p.html", "p_files/1.png", "p_files/2.png"])]
    put(inbox, *names)
    process = start(sqlite_url, str(tmp_path / "store"), inbox, GONGKAI_FAILPOINT=point)
    assert process.wait(90) == -signal.SIGKILL
    with running(watcher(sqlite_url, str(tmp_path / "store"), inbox)):
        until(lambda: untouched(inbox) == set())
        until(lambda: not list((inbox / ".gongkai" / "taken").iterdir()))
    assert [path for path, _ in sources(engine, inbox)] == (["."] if top else ["p.html", "x/r"])
    filed = sorted(name.split("/", 2)[2] for name in files(inbox) if name.startswith("done/"))
    assert filed == sorted(f"in/{name}" if top else name for name in names)
    assert rows(engine, select(Failure.code)) == []


def test_two_watchers_share_folders_of_pages(sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path) -> None:
    for number in range(30):
        put(inbox, *(f"r{number}/{number}-{page}.png" for page in (1, 2, 3)), f"s{number}.html", f"s{number}_files/1.png")
    pair = [watcher(sqlite_url, str(tmp_path / "store"), inbox, number=number, polls=bool(number)) for number in range(2)]
    with running(*pair):
        until(lambda: untouched(inbox) == set(), 40)
    expected = [f"r{number}" for number in range(30)] + [f"s{number}.html" for number in range(30)]
    assert [path for path, _ in sources(engine, inbox)] == sorted(expected)
    assert sum(each.state().taken for each in pair) == 60


@pytest.mark.slow
def test_folders_and_saved_pages_come_in_once_and_whole_while_watchers_are_killed(
    sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path
) -> None:
    store = str(tmp_path / "store")
    processes = [start(sqlite_url, store, inbox, "patience=8"), start(sqlite_url, store, inbox, "poll", "patience=8")]
    names = []
    try:
        for number in range(40):
            pages = [f"深/r{number}/{number}-{page}.png" for page in range(1, 2 + number % 5)]
            made = [*(pages if len(pages) > 1 else []), f"s{number}.html", f"s{number}_files/1.png", f"s{number}_files/2.png"]
            names += made
            for name in made:
                put(inbox, name)
                time.sleep(0.02)
            if number % 10 == 9:
                victim = processes.pop(0)
                victim.kill()
                victim.wait()
                processes.append(start(sqlite_url, store, inbox, *(["poll"] if number % 20 == 9 else []), "patience=8"))
        until(lambda: untouched(inbox) == set(), 240)
    finally:
        for process in processes:
            process.terminate()
        assert all(process.wait(90) in (0, -signal.SIGTERM) for process in processes)
    kept, found = Store(store), dict(sources(engine, inbox))
    for number in range(40):
        pages = [name for name in names if name.startswith(f"深/r{number}/")]
        if pages:
            assert kept.get(found.pop(f"深/r{number}")) == image_package.pack([(name, content(name)) for name in pages])
        assert kept.get(found.pop(f"s{number}.html")) == content(f"s{number}.html")
    assert found == {}
    assert sorted(name.split("/", 2)[2] for name in files(inbox)) == sorted(names)
