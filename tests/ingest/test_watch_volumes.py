"""Archives in volumes that come into a watched folder: taken together when all are there, and refused with what is missing."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from database.models import Failure, Source
from database.session import make_engine
from ingest.archives.limits import Limits
from ingest.archives.volume_sets import TAIL, says_more, volume_sets
from ingest.files.register_paths import ingest_paths, plan
from ingest.files.walk import Note, walk
from ingest.watching.inbox import open_inboxes
from ingest.watching.taken_together import Together
from runtime.failpoints import listen
from runtime.store import Store
from tests.ingest.test_rar_volumes import in_volumes
from tests.ingest.test_watch import files, rows, running, until, untouched
from tests.ingest.watching import watcher

REPORT = "洪泽区教育局2024年政府信息公开工作年度报告\n".encode() * 400
ZIP = Path(__file__).resolve().parents[2].parent / "shared" / "corpus" / "cases" / "50-archives"


@pytest.fixture
def engine(sqlite_url: str) -> Iterator[Engine]:
    made = make_engine(sqlite_url)
    yield made
    made.dispose()


@pytest.fixture
def parts(tmp_path: Path) -> dict[str, bytes]:
    """The volumes of a RAR archive with one report in it, by name."""
    (tmp_path / "made").mkdir()
    made = in_volumes(tmp_path / "made", {"教育局.txt": REPORT})
    assert len(made) > 3
    return {Path(path).name: Path(path).read_bytes() for path in made}


def paths(engine: Engine) -> list[str]:
    return [path for (path,) in rows(engine, select(Source.path).order_by(Source.path))]


def failures(engine: Engine) -> list[tuple[str, str]]:
    return [tuple(row) for row in rows(engine, select(Failure.code, Failure.message).order_by(Failure.id))]


@pytest.mark.parametrize("polls", [False, True])
def test_volumes_wait_for_each_other(
    sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path, parts: dict[str, bytes], polls: bool
) -> None:
    folder = inbox / "江苏省" / "淮安市"
    folder.mkdir(parents=True)
    *first, late = parts.items()
    with running(watcher(sqlite_url, str(tmp_path / "store"), inbox, polls=polls, patience=600.0)):
        for name, data in first:
            (folder / name).write_bytes(data)
        (inbox / "other.txt").write_text("it shows that the others were looked at")
        until(lambda: len(paths(engine)) == 1)
        time.sleep(1.0)  # longer than the quiet time: they are not taken
        assert {path.rpartition("/")[2] for path in untouched(inbox)} == {name for name, _ in first}
        (folder / late[0]).write_bytes(late[1])
        until(lambda: untouched(inbox) == set())
    lead = sorted(parts)[0]
    assert f"{folder}/{lead}!教育局.txt" in paths(engine)
    assert failures(engine) == []
    assert {path.split("/", 1)[1] for path in files(inbox / "done")} == {
        "other.txt",
        *(f"江苏省/淮安市/{lead}/{name}" for name in parts),
    }


def test_what_is_missing_is_named_when_patience_ends(
    sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path, parts: dict[str, bytes]
) -> None:
    names = sorted(parts)
    for name in (names[0], *names[2:]):
        (inbox / name).write_bytes(parts[name])
    with running(watcher(sqlite_url, str(tmp_path / "store"), inbox)):
        until(lambda: untouched(inbox) == set())
    assert paths(engine) == [f"{inbox}/{name}" for name in (names[0], *names[2:])]
    assert {code for code, _ in failures(engine)} == {"file.corrupt"}
    assert all(names[1] in message for _, message in failures(engine))
    lying = {path for path in files(inbox / "failed") if not path.endswith(".txt")}
    assert lying == {f"file.corrupt/{names[0]}/{name}" for name in (names[0], *names[2:])}


def test_a_claim_of_volumes_that_was_cut_off_is_taken_up_again(
    sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path, parts: dict[str, bytes]
) -> None:
    made = watcher(sqlite_url, str(tmp_path / "store"), inbox)
    lead, *others = sorted(parts)
    for name in others:
        (inbox / name).write_bytes(parts[name])
    held = inbox / ".gongkai" / "gathering" / "1-0.0v1f" / lead
    held.mkdir(parents=True)
    (held / lead).write_bytes(parts[lead])
    with running(made):
        until(lambda: untouched(inbox) == set())
    assert paths(engine) == [f"{inbox}/{lead}!教育局.txt"]


def test_a_folder_of_incomplete_volumes_says_what_is_missing(
    engine: Engine, tmp_path: Path, inbox: Path, parts: dict[str, bytes]
) -> None:
    names = sorted(parts)
    for name in names[1:]:
        (inbox / name).write_bytes(parts[name])
    (inbox / "report.z02").write_bytes(REPORT)  # only its name is that of a volume
    ingest_paths(plan([str(inbox)]), engine=engine, store=Store(str(tmp_path / "store")), limits=Limits())
    assert [code for code, _ in failures(engine)] == ["file.corrupt"] * (len(names) - 1)
    assert all(names[0] in message for _, message in failures(engine))


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        (["a.part01.rar", "a.part03.rar"], ("a.part02.rar",)),
        (["a.rar", "a.r01"], ("a.r00",)),
        (["a.r00"], ("a.rar",)),
        (["a.z01", "a.z03"], ("a.z02", "a.zip")),
        (["A.Z01", "A.ZIP"], ()),
        (["a.Z01", "a.zip"], ()),
        (["a.7z.002", "a.7z.003"], ("a.7z.001",)),
        (["a.zip.001", "a.zip.002"], ()),
    ],
)
def test_the_names_of_missing_volumes(names: list[str], missing: tuple[str, ...]) -> None:
    (found,) = volume_sets(names)
    assert (found.parts, found.missing) == (tuple(names), missing)


@pytest.mark.parametrize("names", [["a.zip"], ["a.rar"], ["a.001"], ["a.txt.z1"], [], ["a.part99999.rar"]])
def test_other_files_are_no_volumes(names: list[str]) -> None:
    assert [one for one in volume_sets(names) if len(one.parts) > 1] == []


def test_a_volume_says_whether_more_must_follow(parts: dict[str, bytes]) -> None:
    *others, last = (parts[name] for name in sorted(parts))
    assert [says_more(each[:TAIL], each[-TAIL:], size=len(each), count=1) for each in others] == [True] * len(others)
    assert not says_more(last[:TAIL], last[-TAIL:], size=len(last), count=1)
    old = b"Rar!\x1a\x07\x00" + bytes(57)
    assert says_more(old, bytes(40) + bytes.fromhex("c43d7b01400700"), size=64, count=1)
    assert not says_more(old, bytes(40) + bytes.fromhex("c43d7b00400700"), size=64, count=1)
    seven = b"7z\xbc\xaf\x27\x1c\0\4" + bytes(4) + (1000).to_bytes(8, "little") + (100).to_bytes(8, "little") + bytes(40)
    assert says_more(seven, bytes(64), size=1131, count=2)
    assert not says_more(seven, bytes(64), size=1132, count=2)


@pytest.mark.skipif(not ZIP.exists(), reason="the corpus is not there")
def test_the_last_volume_of_a_split_zip_counts_the_others() -> None:
    first, last = (ZIP / "split.z01").read_bytes(), (ZIP / "split.zip").read_bytes()
    assert says_more(last[:TAIL], last[-TAIL:], size=len(last), count=1)
    assert not says_more(first[:TAIL], last[-TAIL:], size=len(first) + len(last), count=2)


@pytest.mark.parametrize("others", [["A.zip"], ["A.ZIP", "A.zip"], ["A.ZIP"]])
def test_a_file_of_another_case_is_no_volume_where_the_exact_name_is_there(others: list[str]) -> None:
    for names in (["a.z01", "a.zip", *others], [*others, "a.z01", "a.zip"]):
        assert [one.parts for one in volume_sets(names)] == [("a.z01", "a.zip")]
    assert volume_sets(["A.rar", "a.r00", "a.rar", *others])[0].parts == ("a.rar", "a.r00")


@pytest.mark.parametrize("comment", [b"", b"c" * 300, b"c" * 65_535])
def test_pieces_of_a_zip_wait_for_the_one_with_its_list(comment: bytes) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as inner:
        inner.writestr("c.txt", REPORT)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as made:
        made.writestr("a.txt", REPORT)
        made.writestr("b.zip", held.getvalue())  # it has an end of its own
        made.writestr("c.txt", REPORT)
        made.comment = comment
    data = target.getvalue()
    inside = data.index(b"PK\x05\x06") + 22  # behind the end of the zip that it holds
    for at in (20_000, inside, inside + 100, len(data) - len(comment) - 30, len(data) - 1):
        assert says_more(data[:TAIL], data[:at][-TAIL:], size=at, count=2), at
    assert not says_more(data[:TAIL], data[-TAIL:], size=len(data), count=3)


def test_a_folder_or_a_link_with_the_name_of_a_volume_is_none(tmp_path: Path, parts: dict[str, bytes]) -> None:
    first, second, *_ = sorted(parts)
    place = tmp_path / "in"
    (place / first).mkdir(parents=True)
    (place / first / "old.txt").write_text("x")
    (place / second).write_bytes(parts[second])
    (place / "l.7z.001").symlink_to("nowhere")
    (place / "l.7z.002").write_bytes(b"x")
    found = {Path(one.path).name: (one.note, one.missing) for one in walk([str(place)])}
    assert found == {
        "old.txt": (None, ()),
        second: (None, (first,)),
        "l.7z.001": (Note.LINK, ()),
        "l.7z.002": (None, ("l.7z.001",)),
    }


def test_a_volume_beside_a_folder_of_the_name_of_another_does_not_wait_for_ever(
    sqlite_url: str, engine: Engine, tmp_path: Path, inbox: Path, parts: dict[str, bytes]
) -> None:
    first, second, *_ = sorted(parts)
    (inbox / first).mkdir()
    (inbox / first / "old.txt").write_text("x")
    (inbox / second).write_bytes(parts[second])
    with running(watcher(sqlite_url, str(tmp_path / "store"), inbox)):
        until(lambda: untouched(inbox) == set())
    assert paths(engine) == [f"{inbox}/{first}/old.txt", f"{inbox}/{second}"]
    assert [(code, first in message) for code, message in failures(engine)] == [("file.corrupt", True)]


@pytest.mark.parametrize("at", ["first", "second"])
def test_of_two_watchers_one_gets_all_volumes(inbox: Path, parts: dict[str, bytes], at: str) -> None:
    """The other one comes while they are being claimed."""
    names = sorted(parts)
    folder = inbox / "江苏省"
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(parts[name])
    (one,), (other,) = open_inboxes([str(inbox)], forbidden=[]), open_inboxes([str(inbox)], forbidden=[])
    lead = str(folder / names[0])
    got: list[str | None] = []

    def between(point: str, subject: object) -> None:
        if point == "after_gather" and subject == names[at == "second"] and not got:
            got.append("")  # it comes once
            got[0] = other.gather_volumes(lead, names, "b-0.0f")

    end = listen(between)
    try:
        staged = one.gather_volumes(lead, names, "a-0.0f")
    finally:
        end()
    assert staged is not None
    assert got == [None]
    assert {path.name for path in Path(staged).iterdir()} == set(names)
    assert (one.rounds(), one.gatherings()) == (["a-0.0f"], [])


def test_the_volumes_of_a_folder_are_found_once_in_a_turn(inbox: Path, parts: dict[str, bytes]) -> None:
    """A folder may hold ten thousand archives: each would be compared with all others."""
    for name, data in parts.items():
        (inbox / name).write_bytes(data)
    together = Together(open_inboxes([str(inbox)], forbidden=[])[0], lambda *_: None, 1.0)
    first, *others = [together.volumes_of(str(inbox / name)) for name in sorted(parts)]
    assert first is not None
    assert first.parts == tuple(sorted(parts))
    assert all(other is first for other in others)
    (inbox / "b.part2.rar").write_bytes(b"later in the turn")
    late = together.volumes_of(str(inbox / "b.part2.rar"))
    assert late is not None
    assert late.missing == ("b.part1.rar",)
    together.begin_turn()
    assert together.volumes_of(str(inbox / sorted(parts)[0])) is not first
