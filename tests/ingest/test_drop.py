"""A drop of many files, copied slowly, in pieces, renamed, with junk between, while watchers are killed and started again: each
good file comes in once and whole, and none is missed.

``DROP_FILES`` says how many (default 240; `make drop` takes 5,000).
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from database.ledger import invariants
from database.models import Document, Source
from database.session import make_engine, reading
from tests.ingest.watching import start

pytestmark = pytest.mark.slow

FILES = int(os.environ.get("DROP_FILES", "240"))
WRITERS = 6
QUIET, PATIENCE = 0.4, 12.0
JUNK = ("~$report{}.docx", ".hidden{}", "report{}.tmp", "half{}.pdf.part", "Thumbs.db", "~lock{}#.lck")


class Drop:
    """Writers that fill a folder. ``good``: path inside the folder -> sha256; ``junk``: what must stay where it is."""

    def __init__(self, inbox: Path, outside: Path, seed: int) -> None:
        self.inbox, self.outside = inbox, outside
        self.good: dict[str, str] = {}
        self.junk: set[str] = set()
        self._numbers = iter(range(FILES))
        self._lock = threading.Lock()
        self._seed = seed
        self.errors: list[BaseException] = []

    def run(self) -> None:
        """Write everything; gives way to errors of the writers."""
        threads = [threading.Thread(target=self._writer, args=(n,)) for n in range(WRITERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _writer(self, number: int) -> None:
        rng = random.Random(f"{self._seed} {number}")
        try:
            while (one := self._next()) is not None:
                self._one(one, rng)
        except BaseException as error:  # noqa: BLE001 (told by the test)
            self.errors.append(error)

    def _next(self) -> int | None:
        with self._lock:
            return next(self._numbers, None)

    def _one(self, number: int, rng: random.Random) -> None:
        place = rng.choice(["", "", "2024年报/江苏省/淮安市/", f"乡镇{number % 7}/", "深/一/层/"])
        (self.inbox / place).mkdir(parents=True, exist_ok=True)
        pdf = rng.random() < 0.4
        body = b"%d %s\n" % (number, rng.randbytes(rng.randrange(10, 3000)).hex().encode())
        content = b"%PDF-1.4\n" + body + b"%%EOF\n" if pdf else body
        name = f"{place}报告 {number}.{'pdf' if pdf else 'txt'}"
        with self._lock:
            self.good[name] = hashlib.sha256(content).hexdigest()
        ways = [_at_once, _held_open, _renamed, _moved_in, _old_time, _folder_moved_in]
        rng.choice([*ways, _reopened] if pdf else ways)(self, self.inbox / name, content, rng)
        if rng.random() < 0.2:
            self._litter(place, number, rng)

    def _litter(self, place: str, number: int, rng: random.Random) -> None:
        name = place + rng.choice(JUNK).format(number)
        (self.inbox / name).write_bytes(rng.randbytes(50))
        with self._lock:
            self.junk.add(name)


def _at_once(_: Drop, path: Path, content: bytes, rng: random.Random) -> None:
    path.write_bytes(content)


def _pieces(content: bytes, rng: random.Random) -> Iterator[bytes]:
    cuts = sorted(rng.sample(range(1, len(content) - 6), 3))  # a PDF that lacks its last line end alone is whole
    yield from (content[a:b] for a, b in zip([0, *cuts], [*cuts, None], strict=True))


def _held_open(_: Drop, path: Path, content: bytes, rng: random.Random) -> None:
    """As a slow copy does it, with pauses longer than the quiet time; the file stays open."""
    with path.open("wb", buffering=0) as file:
        for piece in _pieces(content, rng):
            file.write(piece)
            time.sleep(rng.choice([0.01, 0.1, 2 * QUIET]))


def _reopened(_: Drop, path: Path, content: bytes, rng: random.Random) -> None:
    """A network copy of which nobody here knows that it goes on: only the format's end tells."""
    for piece in _pieces(content, rng):
        with path.open("ab") as file:
            file.write(piece)
        time.sleep(rng.choice([0.01, 2 * QUIET]))


def _renamed(_: Drop, path: Path, content: bytes, rng: random.Random) -> None:
    """Under a temporary name first, as browsers and good copiers do it."""
    part = path.with_name(path.name + rng.choice([".part", ".crdownload", ".tmp"]))
    with part.open("wb") as file:
        for piece in _pieces(content, rng):
            file.write(piece)
            time.sleep(0.02)
    time.sleep(rng.choice([0, 2 * QUIET]))
    part.rename(path)


def _moved_in(drop: Drop, path: Path, content: bytes, rng: random.Random) -> None:
    made = drop.outside / path.name
    made.write_bytes(content)
    made.rename(path)


def _old_time(drop: Drop, path: Path, content: bytes, rng: random.Random) -> None:
    """A copy that keeps the original's time, which lies years back."""
    made = drop.outside / path.name
    made.write_bytes(content)
    os.utime(made, (1.5e9, 1.5e9))
    shutil.copy2(made, path)


def _folder_moved_in(drop: Drop, path: Path, content: bytes, rng: random.Random) -> None:
    """A whole folder comes in with one rename: nobody is told of the file in it."""
    folder = drop.outside / f"整包{path.stem}"
    folder.mkdir()
    (folder / path.name).write_bytes(content)
    old = str(path.relative_to(drop.inbox))
    new = path.parent / folder.name
    folder.rename(new)
    with drop._lock:
        drop.good[str((new / path.name).relative_to(drop.inbox))] = drop.good.pop(old)


def until(condition: Callable[[], Any], seconds: float, why: Callable[[], object]) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, why()
        time.sleep(0.2)


def lying(inbox: Path) -> set[str]:
    """What lies in the folder, but for what is ours."""
    found = {os.path.relpath(os.path.join(folder, name), inbox) for folder, _, names in os.walk(inbox) for name in names}
    return {name for name in found if not name.startswith(("done/", "failed/")) and name != ".gongkai/inbox"}


@pytest.mark.parametrize("polls", [False, True])
def test_each_good_file_once_no_half_file_none_missed(sqlite_url: str, tmp_path: Path, polls: bool) -> None:
    if polls and FILES > 1000:
        pytest.skip("the large drop goes through a folder with events")
    inbox, outside = tmp_path / "in", tmp_path / "outside"
    inbox.mkdir()
    outside.mkdir()
    drop = Drop(inbox, outside, seed=7)
    options = [f"quiet={QUIET}", f"patience={PATIENCE}", *(["poll"] if polls else [])]
    store = tmp_path / "store"
    engine = make_engine(sqlite_url)

    def watching() -> subprocess.Popen[bytes]:
        return start(sqlite_url, str(store), inbox, *options)

    def registered() -> int:
        with reading(engine) as connection:
            return int(connection.scalar(text("select count(*) from gk_source")) or 0)

    def came(wanted: float) -> bool:
        return registered() >= wanted

    began = time.monotonic()
    running = [watching()]
    writing = threading.Thread(target=drop.run)
    writing.start()
    kills = 0
    try:
        for share in (0.15, 0.35, 0.55, 0.75):
            until(partial(came, share * FILES), 60 + FILES / 5, registered)
            running[0].send_signal(signal.SIGKILL)
            running.pop(0).wait()
            kills += 1
            time.sleep(0.5)  # files come in while nobody looks
            running.append(watching())
            if share == 0.55:
                running.append(watching())  # a second one on the same folder
        writing.join()
        assert drop.errors == []
        wrote = time.monotonic() - began
        until(lambda: lying(inbox) == drop.junk, 60 + FILES / 10, lambda: sorted(lying(inbox) ^ drop.junk)[:20])
        took = time.monotonic() - began
        for process in running:
            process.send_signal(signal.SIGTERM)
        assert {process.wait(90) for process in running} <= {0, -signal.SIGTERM}  # one may hardly have begun
    finally:
        writing.join()
        for process in running:
            process.kill()
            process.wait()

    with reading(engine) as connection:
        query = select(Source.path, Document.sha256).join(Document, Document.id == Source.document_id)
        found = [(os.path.relpath(path, inbox), sha256) for path, sha256 in connection.execute(query)]
        assert invariants(connection) == []
    assert len(drop.good) == FILES
    assert sorted(found) == sorted(drop.good.items())
    kept = {path.name for path in store.rglob("*") if path.is_file() and not path.name.startswith(".")}  # a kill may leave a part
    assert kept == set(drop.good.values())
    filed = {
        str(path.relative_to(inbox / "done")).split("/", 1)[1]: path for path in (inbox / "done").rglob("*") if path.is_file()
    }
    assert {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in filed.items()} == drop.good
    print(f"\n{FILES} files by {WRITERS} writers in {wrote:.0f} s, {kills} kills; all in the books after {took:.0f} s")  # noqa: T201 (for whoever runs the large one)
    engine.dispose()
