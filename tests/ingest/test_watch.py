"""Watching real folders: each good file once, whole, and none missed, whatever people and machines do meanwhile."""

from __future__ import annotations

import hashlib
import io
import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, text

from codebook.errors import GongkaiError
from database.intake import inboxes
from database.intake.inboxes import WatcherState
from database.ledger import balance
from database.models import Batch, Document, Failure, Source
from database.models import Watcher as WatcherRow
from database.session import make_engine, reading, run_transaction
from ingest.files import bounded_reader
from ingest.watching import canary
from ingest.watching.heartbeat import Heartbeat, watch
from ingest.watching.inbox import open_inboxes
from ingest.watching.watcher import FolderWatcher
from tests.ingest import odd_reader
from tests.ingest.watching import start, watcher

PDF = b"%%PDF-1.4\n%s\n%%%%EOF\n"


@pytest.fixture
def engine(sqlite_url: str) -> Iterator[Engine]:
    made = make_engine(sqlite_url)
    yield made
    made.dispose()


@contextmanager
def running(*watchers: FolderWatcher) -> Iterator[None]:
    """Watchers that run inside the block, in threads."""
    stop = threading.Event()
    thread = threading.Thread(target=watch, args=(watchers, watchers[0]._context.engine, stop))
    thread.start()
    try:
        until(lambda: len(rows(watchers[0]._context.engine, select(WatcherRow.name))) == len(watchers))
        yield
        assert thread.is_alive()
    finally:
        stop.set()
        thread.join()


def until(condition: Callable[[], Any], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


def rows(engine: Engine, query: Any) -> list[Any]:
    with reading(engine) as connection:
        return list(connection.execute(query).all())


def sources(engine: Engine, inbox: Path) -> list[tuple[str, str]]:
    """Path inside the inbox and sha256 of every source."""
    query = select(Source.path, Document.sha256).join(Document, Document.id == Source.document_id)
    return sorted((os.path.relpath(path, inbox), sha256) for path, sha256 in rows(engine, query))


def files(folder: Path) -> set[str]:
    """The files below a folder, by their relative paths. Folders may vanish meanwhile: os.walk passes over them."""
    found = {os.path.relpath(os.path.join(top, name), folder) for top, _, names in os.walk(folder) for name in names}
    return found - {".gongkai/inbox"}


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def untouched(inbox: Path) -> set[str]:
    """What still lies where people put it, or on the way."""
    return {name for name in files(inbox) if not name.startswith(("done/", "failed/"))}


# ---- one after the other ----


@pytest.mark.parametrize("polls", [False, True])
def test_what_lies_there_and_what_comes_is_taken_once_with_batch_region_and_manifest(
    sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path, polls: bool
) -> None:
    (inbox / "年报").mkdir()
    (inbox / "年报" / "old.txt").write_text("old")
    (inbox / "manifest.csv").write_text("文件名,机关,批次\nnamed.txt,示例局,春\n")
    with running(watcher(sqlite_url, str(tmp_path / "store"), inbox, polls=polls)):
        until(lambda: len(sources(engine, inbox)) == 1)
        (inbox / "江苏省" / "淮安市").mkdir(parents=True)
        (inbox / "江苏省" / "淮安市" / "new.txt").write_text("new")
        (inbox / "named.txt").write_text("named")
        until(lambda: len(sources(engine, inbox)) == 3)
        until(lambda: untouched(inbox) == {"manifest.csv"})
    query = select(Source.path, Batch.name, Source.hints).join(Batch, Batch.id == Source.batch_id)
    found = {os.path.relpath(path, inbox): (batch, hints) for path, batch, hints in rows(engine, query)}
    assert {path: batch for path, (batch, _) in found.items()} == {
        "年报/old.txt": "年报",
        "江苏省/淮安市/new.txt": "test",
        "named.txt": "春",
    }
    assert found["江苏省/淮安市/new.txt"][1]["region"] == ["江苏省", "淮安市"]
    assert found["named.txt"][1]["agency"] == "示例局"
    assert {name.split("/", 2)[2] for name in files(inbox / "done") | files(inbox) if name.startswith("done/")} == set(found)
    assert rows(engine, select(WatcherRow.name)) == []  # signed off


def test_bad_files_lie_under_failed_with_a_note(sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("good.txt", "good")
        archive.writestr("in/empty.txt", "")
    with running(watcher(sqlite_url, str(tmp_path / "store"), inbox)):
        (inbox / "empty.txt").touch()
        (inbox / "noise.bin").write_bytes(bytes(range(256)) * 9)
        (inbox / "cut.zip").write_bytes(packed.getvalue()[:-10])
        (inbox / "mixed.zip").write_bytes(packed.getvalue())
        until(lambda: untouched(inbox) == set())
    numbers = {os.path.relpath(path, inbox): number for path, number in rows(engine, select(Source.path, Source.document_id))}
    day = next((inbox / "done").iterdir()).name
    assert files(inbox) == {
        "failed/file.empty/empty.txt",
        f"failed/file.empty/empty.txt.{numbers['empty.txt']}.gongkai.txt",
        "failed/file.unsupported/noise.bin",
        f"failed/file.unsupported/noise.bin.{numbers['noise.bin']}.gongkai.txt",
        "failed/file.corrupt/cut.zip",
        f"failed/file.corrupt/cut.zip.{numbers['cut.zip']}.gongkai.txt",
        f"failed/file.empty/mixed.zip!in/empty.txt.{numbers['mixed.zip!in/empty.txt']}.gongkai.txt",
        f"done/{day}/mixed.zip",
    }
    with reading(engine) as connection:
        assert balance(connection).holds


def test_a_failure_that_happens_later_is_noted_and_the_note_goes_with_it(
    sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path
) -> None:
    note = inbox / "failed" / "report.no_year" / "x" / "a.txt.1.gongkai.txt"
    with running(watcher(sqlite_url, str(tmp_path / "store"), inbox)):
        (inbox / "x").mkdir()
        (inbox / "x" / "a.txt").write_text("a")
        until(lambda: untouched(inbox) == set())
        with engine.begin() as connection:
            connection.execute(text("update gk_document set status = 'failed'"))
            failed = {
                "document_id": 1,
                "stage": "parse",
                "code": "report.no_year",
                "message": "none",
                "attempts": 1,
                "versions": {},
            }
            moment = select(Document.registered_at).scalar_subquery()
            connection.execute(Failure.__table__.insert().values(**failed, state="open", created_at=moment))
        until(note.exists)
        with engine.begin() as connection:
            connection.execute(text("update gk_failure set state = 'requeued'"))
        until(lambda: not note.exists())


def test_a_slow_writer_is_waited_for_and_taken_once(sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path) -> None:
    parts = [f"part {number}\n".encode() * 50 for number in range(5)]
    body = PDF % b"".join(parts)
    with running(watcher(sqlite_url, str(tmp_path / "store"), inbox)):
        with (inbox / "held.txt").open("wb") as held:  # pauses longer than the quiet time, but the file is held open
            for part in parts:
                held.write(part)
                held.flush()
                time.sleep(0.5)
        (inbox / "cut.pdf").write_bytes(body[:300])  # let go of, but without its end
        time.sleep(0.8)
        with (inbox / "cut.pdf").open("ab") as more:
            more.write(body[300:])
        until(lambda: untouched(inbox) == set())
    assert sources(engine, inbox) == [("cut.pdf", sha(body)), ("held.txt", sha(b"".join(parts)))]


def test_a_file_that_is_never_complete_is_taken_as_it_is(sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path) -> None:
    cut = (PDF % (b"x" * 500))[:300]
    with running(watcher(sqlite_url, str(tmp_path / "store"), inbox)):
        (inbox / "cut.pdf").write_bytes(cut)
        until(lambda: untouched(inbox) == set())
    assert sources(engine, inbox) == [("cut.pdf", sha(cut))]


def test_a_file_that_came_in_again_and_another_of_its_name(sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path) -> None:
    with running(watcher(sqlite_url, str(tmp_path / "store"), inbox)):
        for content in (b"one", b"one", b"two"):
            (inbox / "a.txt").write_bytes(content)
            until(lambda: untouched(inbox) == set())
    assert sources(engine, inbox) == sorted([("a.txt", sha(b"one")), ("a.txt", sha(b"two"))])
    day = next((inbox / "done").iterdir())
    assert [(day / name).read_bytes() for name in ("a.txt", "a (2).txt", "a (3).txt")] == [b"one", b"one", b"two"]


def test_links_that_come_later_are_left_alone_and_told_of(sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "a.txt").write_text("secret")
    made = watcher(sqlite_url, str(tmp_path / "store"), inbox)
    with running(made):
        (inbox / "way").symlink_to(tmp_path / "secret")
        (inbox / "file").symlink_to(tmp_path / "secret" / "a.txt")
        (inbox / "good.txt").write_text("good")
        until(lambda: made.state().blocked == 2)
        until(lambda: len(sources(engine, inbox)) == 1)
    assert sources(engine, inbox) == [("good.txt", sha(b"good"))]
    assert (tmp_path / "secret" / "a.txt").read_text() == "secret"


def test_faults_of_the_machine_are_waited_out(
    sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = watcher(sqlite_url, str(tmp_path / "store"), inbox)
    real, failing = made._context.store.put, threading.Event()

    def put(data: bytes) -> str:
        if failing.is_set():
            raise GongkaiError("store.unavailable", "asked for")
        return real(data)

    monkeypatch.setattr(made._context.store, "put", put)
    failing.set()
    with running(made):
        (inbox / "a.txt").write_text("a")
        until(lambda: "store.unavailable" in (made.state().problem or ""))
        assert sources(engine, inbox) == []
        assert len(untouched(inbox)) == 1
        failing.clear()
        until(lambda: untouched(inbox) == set())
    assert sources(engine, inbox) == [("a.txt", sha(b"a"))]


def test_a_file_that_trips_a_bug_ends_in_the_books_and_holds_nothing_up(
    sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded_reader, "MODULE", odd_reader.MODULE)
    with running(watcher(sqlite_url, str(tmp_path / "store"), inbox)):
        (inbox / "a.txt").write_text("evil: bug")
        (inbox / "b.txt").write_text("good")
        until(lambda: untouched(inbox) == set())
    assert (inbox / "failed" / "internal" / "a.txt").read_text() == "evil: bug"
    assert rows(engine, select(Failure.code, Document.status).join(Document)) == [("internal", "failed")]


def test_a_folder_that_is_not_mounted_is_noticed_and_not_written_to(
    sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path
) -> None:
    made = watcher(sqlite_url, str(tmp_path / "store"), inbox, polls=True, canary=0.3)
    with running(made):
        inbox.rename(tmp_path / "unmounted")
        inbox.mkdir()
        until(lambda: "mounted" in (made.state().problem or ""))
        (inbox / "a.txt").write_text("a")
        time.sleep(1)
        assert files(inbox) == {"a.txt"}
        shutil.rmtree(inbox)
        (tmp_path / "unmounted").rename(inbox)
        (inbox / "b.txt").write_text("b")
        until(lambda: len(sources(engine, inbox)) == 1)


# ---- alive but blind ----


def watched(engine: Engine) -> inboxes.WatcherItem:
    with reading(engine) as connection:
        (item,) = inboxes.watchers(connection, 3)
    return item


def test_canaries_come_through_and_are_taken_away(sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path) -> None:
    (inbox / f"gongkai-canary-{'0' * 32}.txt").write_text("gongkai canary somebody:1:dead\n")  # left by one that died
    (inbox / f"gongkai-canary-{'1' * 32}.txt").write_text("somebody's own file")
    with running(watcher(sqlite_url, str(tmp_path / "store"), inbox, canary=0.5)):
        until(lambda: watched(engine).canaries >= 3)
        item = watched(engine)
        assert (item.alive, item.blind) == (True, False)
        assert item.canary_age is not None
    until(lambda: untouched(inbox) == set())
    assert [path for path, _ in sources(engine, inbox)] == [f"gongkai-canary-{'1' * 32}.txt"]


def test_a_watcher_that_lives_but_sees_nothing_is_blind(
    sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = watcher(sqlite_url, str(tmp_path / "store"), inbox, polls=True, canary=0.2, rescan=0.2, stale=0.5)
    monkeypatch.setattr(made, "_notice", lambda _: None)
    with running(made):
        until(lambda: watched(engine).blind)
        assert canary.may_be_canary(next(iter(untouched(inbox))))
        monkeypatch.undo()
        until(lambda: not watched(engine).blind)


def test_a_watcher_that_is_gone_is_dead_until_another_takes_its_place(engine: Engine) -> None:
    def do(function: Callable[..., Any], *values: Any) -> Any:
        return run_transaction(engine, lambda c: function(c, *values))

    do(inboxes.beat, WatcherState("h:1:a#0", "h", "/in", False), None)
    do(inboxes.beat, WatcherState("h:1:a#1", "h", "/other", False, 3, 2, 1, "problem"), 60.0)
    with engine.begin() as connection:
        connection.execute(text("update gk_watcher set seen_at = '2001-01-01T00:00:00.000000Z'"))
    items = do(inboxes.watchers, 5)
    assert [(item.folder, item.alive, item.blind) for item in items] == [("/in", False, False), ("/other", False, False)]
    do(inboxes.beat, WatcherState("h:2:b#0", "h", "/in", False), None)
    assert [(item.name, item.alive) for item in do(inboxes.watchers, 5)] == [("h:2:b#0", True), ("h:1:a#1", False)]

    def take_place(dead: tuple[str, ...], silent: float) -> None:
        run_transaction(engine, lambda c: inboxes.take_place(c, "h", "/in", dead, stale_seconds=5, silent_seconds=silent))

    take_place((), 1e12)
    assert len(rows(engine, select(WatcherRow.name))) == 2
    do(inboxes.beat, WatcherState("h:3:c#0", "h", "/in", False), None)
    take_place(("h:2:b#0", "h:1:a#1"), 60)
    assert rows(engine, select(WatcherRow.name)) == [("h:3:c#0",)]


# ---- crashes and company ----


@pytest.mark.parametrize("point", ["after_take:kill", "after_register:kill"])
def test_a_crash_between_claim_and_filing_loses_nothing(
    sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path, point: str
) -> None:
    for name in ("a.txt", "x/b.txt", "empty.txt"):
        (inbox / name).parent.mkdir(exist_ok=True)
        (inbox / name).write_text("" if name == "empty.txt" else name)
    process = start(sqlite_url, str(tmp_path / "store"), inbox, GONGKAI_FAILPOINT=point)
    assert process.wait(90) == -signal.SIGKILL
    assert any(name.startswith(".gongkai/taken/") for name in files(inbox))
    with running(watcher(sqlite_url, str(tmp_path / "store"), inbox)):
        until(lambda: untouched(inbox) == set())
        until(lambda: not list((inbox / ".gongkai" / "taken").iterdir()))
    assert [path for path, _ in sources(engine, inbox)] == ["a.txt", "empty.txt", "x/b.txt"]
    assert len([name for name in files(inbox) if not name.endswith(".gongkai.txt")]) == 3


class People(threading.Thread):
    """Those who put files into a folder: slowly, in pieces, under temporary names, with junk between."""

    def __init__(self, inbox: Path, count: int, seed: int) -> None:
        super().__init__()
        self._inbox, self._count, self._random = inbox, count, random.Random(seed)
        self.expected: list[tuple[str, str]] = []
        self.junk: set[str] = set()

    def run(self) -> None:
        for number in range(self._count):
            folder = self._random.choice(["", "江苏省/淮安市/", "年报/", f"深/{number % 7}/"])
            (self._inbox / folder).mkdir(parents=True, exist_ok=True)
            name = f"{folder}报告 {number}.{self._random.choice(['txt', 'pdf', 'html'])}"
            body = f"{name} {self._random.random()}\n".encode() * self._random.randint(1, 60)
            content = PDF % body if name.endswith("pdf") else body
            self.expected.append((name, sha(content)))
            self._put(self._inbox / name, content, self._random.randrange(5))
            if number % 9 == 0:
                self._junk(number)
        self.expected.sort()

    def _put(self, path: Path, content: bytes, how: int) -> None:
        if how == 0:  # in pieces, held open
            with path.open("wb") as file:
                for at in range(0, len(content), len(content) // 3 + 1):
                    file.write(content[at : at + len(content) // 3 + 1])
                    file.flush()
                    time.sleep(0.02)
        elif how == 1:  # under a temporary name, then renamed
            part = path.with_name(path.name + ".part")
            part.write_bytes(content)
            time.sleep(0.01)
            part.rename(path)
        elif how == 2 and path.suffix == ".pdf":  # in two goes
            path.write_bytes(content[: len(content) // 2])
            time.sleep(0.01)
            with path.open("ab") as file:
                file.write(content[len(content) // 2 :])
        elif how == 3:  # renamed while it settles
            other = path.with_name(f"neu {path.name}")
            other.write_bytes(content)
            time.sleep(0.01)
            other.rename(path)
        else:
            path.write_bytes(content)

    def _junk(self, number: int) -> None:
        for name in (f"~$报告 {number}.docx", f".hidden{number}", f"x{number}.tmp", f"y{number}.crdownload"):
            (self._inbox / name).write_bytes(b"junk")
            self.junk.add(name)
        (self._inbox / f"gone {number}.txt").write_bytes(b"gone")
        (self._inbox / f"gone {number}.txt").unlink()


@pytest.mark.slow
@pytest.mark.parametrize("count", [500])
def test_five_hundred_files_with_kills_and_two_watchers(
    sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path, count: int
) -> None:
    store = str(tmp_path / "store")
    people = People(inbox, count, 7)
    processes = [start(sqlite_url, store, inbox), start(sqlite_url, store, inbox, "poll")]
    people.start()
    try:
        for turn in range(4):
            time.sleep(2.5)
            victim: subprocess.Popen[bytes] = processes.pop(turn % 2)
            victim.kill()
            victim.wait()
            processes.append(start(sqlite_url, store, inbox, *(["poll"] if turn % 2 else [])))
        people.join()
        until(lambda: untouched(inbox) == people.junk, 90)
    finally:
        people.join()
        for process in processes:
            process.terminate()
        ended = [process.wait(90) for process in processes]
        assert all(code in (0, -signal.SIGTERM) for code in ended)  # one that had hardly begun is ended by the signal itself
    assert sources(engine, inbox) == people.expected
    assert rows(engine, select(Failure.code)) == []
    assert Counter(row[0] for row in rows(engine, select(Document.status))) == {"processing": count}
    contents = [sha(path.read_bytes()) for path in (inbox / "done").rglob("*") if path.is_file()]
    assert sorted(contents) == sorted(expected for _, expected in people.expected)
    with reading(engine) as connection:
        assert balance(connection).holds


def test_two_watchers_on_one_folder_share_it(sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path) -> None:
    for number in range(150):
        (inbox / f"{number}.txt").write_text(str(number))
    pair = [
        watcher(sqlite_url, str(tmp_path / "store"), inbox, number=number, polls=bool(number), canary=1.0) for number in range(2)
    ]
    with running(*pair):
        until(lambda: len(sources(engine, inbox)) == 150)
        until(lambda: {name for name in untouched(inbox) if "canary" not in name} == set())
    assert sum(each.state().taken for each in pair) == 150
    assert len(sources(engine, inbox)) == 150
    assert rows(engine, select(Failure.code)) == []


def test_the_sign_of_life_is_given_at_once(sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path) -> None:
    made = watcher(sqlite_url, str(tmp_path / "store"), inbox, canary=10.0)
    heartbeat = Heartbeat(engine, [made])
    heartbeat.beat()
    item = watched(engine)
    assert (item.folder, item.alive, item.blind, item.canary_age) == (str(inbox), True, False, None)


def test_tries_of_watchers_that_live_do_not_count(inbox: Path) -> None:
    """Under load one takes another for dead, and both take up its file."""
    (opened,) = open_inboxes([str(inbox)], forbidden=[])
    staged = str(inbox / ".gongkai" / "taken" / "1-0.1" / "a.txt")
    assert [opened.begin_try(staged, f"host:{n}:x#0", lambda _: False) for n in range(5)] == [2] * 5
    assert opened.begin_try(staged, "host:9:x#0", lambda name: name in ("host:1:x#0", "host:2:x#0")) == 4
    opened.end_try(staged, "host:1:x#0")
    assert opened.begin_try(staged, "host:9:x#0", lambda name: name != "host:3:x#0") == 5
    opened.forget_tries(staged)
    assert list((inbox / ".gongkai" / "tries").iterdir()) == []


def test_a_file_that_is_in_the_books_is_not_given_up(sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path) -> None:
    """Its watcher ended between the books and its filing, and the next two before they came to it."""
    with running(watcher(sqlite_url, str(tmp_path / "store"), inbox)):
        (inbox / "a.txt").write_text("a")
        until(lambda: untouched(inbox) == set())
    (filed,) = (inbox / "done").rglob("a.txt")
    staged = inbox / ".gongkai" / "taken" / "1-0.1" / "a.txt"
    staged.parent.mkdir(parents=True)
    filed.rename(staged)
    (opened,) = open_inboxes([str(inbox)], forbidden=[])
    for number in (2**30, 2**30 + 1, 2**30 + 2):  # processes that do not exist
        opened.begin_try(str(staged), f"{socket.gethostname()}:{number}:x#0", lambda _: True)
    with running(watcher(sqlite_url, str(tmp_path / "store"), inbox)):
        until(lambda: untouched(inbox) == set())
    assert sources(engine, inbox) == [("a.txt", sha(b"a"))]
    assert rows(engine, select(Failure.code)) == []
    assert list((inbox / ".gongkai" / "tries").iterdir()) == []


def test_a_file_that_ends_three_watchers_is_put_aside(sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path) -> None:
    for name in ("a.txt", "evil.txt", "z.txt"):
        (inbox / name).write_text(name)
    for _ in range(3):
        process = start(sqlite_url, str(tmp_path / "store"), inbox, "poison=evil.txt")
        assert process.wait(60) == -signal.SIGKILL
    process = start(sqlite_url, str(tmp_path / "store"), inbox, "poison=evil.txt")
    until(lambda: untouched(inbox) <= {".gongkai/tries"}, 60)
    process.terminate()
    assert process.wait(60) == 0
    assert (inbox / "failed" / "worker.crashed" / "evil.txt").read_text() == "evil.txt"
    assert [name for name, sha256 in sources(engine, inbox) if sha256 == sha(name.encode())] == ["a.txt", "z.txt"]
    assert rows(engine, select(Failure.code)) == [("worker.crashed",)]
    assert list((inbox / ".gongkai" / "tries").iterdir()) == []
