"""What is refused when it comes in is in the books, and is read again when more can be read."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from codebook.records import Hints
from database.intake import register
from database.intake.refusals import RefusedDocument, refusals
from database.ledger import Arrival, balance
from database.models import Document, Failure, Source
from database.session import reading
from ingest.archives.limits import Limits
from ingest.files.refused import ReadAgain, read_again
from ingest.files.register_paths import ingest_paths, plan
from tests.ingest.test_register import rows, zipped

REPORT = "示例县教育局2024年政府信息公开工作年度报告（示例）\n".encode() * 400


class MemoryStore:
    """A store that goes with the test."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def put(self, data: bytes) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        self.kept[sha256] = data
        return sha256

    def get(self, sha256: str) -> bytes:
        return self.kept[sha256]

    def delete(self, sha256: str) -> bool:
        return self.kept.pop(sha256, None) is not None


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def refused(engine: Engine) -> list[RefusedDocument]:
    with reading(engine) as connection:
        return refusals(connection, list(connection.scalars(select(Document.id))))


def test_links_pipes_and_empty_folders_are_in_the_books(engine: Engine, store: MemoryStore, tmp_path: Path) -> None:
    inside = tmp_path / "in"
    (inside / "报告.pdf").mkdir(parents=True)
    (inside / "2024").mkdir()
    (inside / "a.txt").write_bytes(REPORT)
    (inside / "link.txt").symlink_to("a.txt")
    (inside / "gone.txt").symlink_to("nowhere")
    (inside / ".hidden").symlink_to("a.txt")
    os.mkfifo(inside / "pipe")
    for _ in range(2):  # a second time changes nothing
        summary = ingest_paths(plan([str(inside)]), engine=engine, store=store, limits=Limits())
    found = rows(engine)
    refusal = ("rejected", "file.not_regular")
    assert found == {
        f"{inside}/a.txt": ("processing", None),
        **{f"{inside}/{name}": refusal for name in ("link.txt", "gone.txt", "pipe", "报告.pdf")},
    }
    assert summary.passed_over == {"ignored": 1}
    with reading(engine) as connection:
        messages = dict(
            connection.execute(
                select(Source.path, Failure.message).join(Failure, Failure.document_id == Source.document_id)
            ).all()
        )
        assert balance(connection).holds
    assert messages[f"{inside}/gone.txt"] == "a symbolic link to nowhere; expected the file itself"


def test_a_file_that_takes_the_place_of_a_link_replaces_its_entry(engine: Engine, store: MemoryStore, tmp_path: Path) -> None:
    inside = tmp_path / "in"
    inside.mkdir()
    (inside / "a.txt").symlink_to("/elsewhere/a.txt")
    ingest_paths(plan([str(inside)], batch="b"), engine=engine, store=store, limits=Limits())
    (inside / "a.txt").unlink()
    (inside / "a.txt").write_bytes(REPORT)
    ingest_paths(plan([str(inside)], batch="b"), engine=engine, store=store, limits=Limits())
    with reading(engine) as connection:
        assert sorted(connection.scalars(select(Document.status))) == ["discarded", "processing"]


def test_an_archive_that_was_refused_gives_way_to_its_members(engine: Engine, store: MemoryStore, tmp_path: Path) -> None:
    (tmp_path / "pile.zip").write_bytes(zipped({"甲/a.txt": REPORT, "甲/b.txt": REPORT + b"b", "甲/none.txt": b""}))
    low = Limits(archive_bytes=1000)
    ingest_paths(plan([str(tmp_path / "pile.zip")]), engine=engine, store=store, limits=low, region=("江苏省",))
    path = str(tmp_path / "pile.zip")
    assert rows(engine) == {path: ("rejected", "file.bomb")}
    (one,) = refused(engine)
    assert one.sha256 in store.kept
    (tmp_path / "pile.zip").unlink()  # it is read from the store
    result = read_again([one], engine=engine, store=store, limits=Limits(), who="operator")
    assert result == ReadAgain(unpacked=1, members=2)
    assert result.started == 2
    found = rows(engine)
    assert found == {
        path: ("discarded", "file.bomb"),
        f"{path}!甲/a.txt": ("processing", None),
        f"{path}!甲/b.txt": ("processing", None),
        f"{path}!甲/none.txt": ("rejected", "file.empty"),
    }
    with reading(engine) as connection:
        hints = connection.scalar(select(Source.hints).where(Source.path == f"{path}!甲/a.txt"))
        assert balance(connection).holds
    assert hints["region"] == ["江苏省"]


def test_a_kind_that_is_read_by_now_is_admitted_with_all_that_was_known_of_it(engine: Engine, store: MemoryStore) -> None:
    sha256 = store.put(REPORT)
    hints = Hints("in/a.dat", ("江苏省", "示例市"), "示例县教育局", 2024)
    rejection = ("file.unsupported", "an unknown kind")
    with engine.begin() as connection:
        register(
            connection,
            "spring",
            [Arrival(sha256, "application/octet-stream", len(REPORT), "in/a.dat", hints, rejection=rejection)],
        )
    (one,) = refused(engine)
    assert (one.path, one.batch, one.hints) == ("in/a.dat", "spring", hints)
    assert read_again([one], engine=engine, store=store, limits=Limits(), who="operator") == ReadAgain(admitted=1)
    with reading(engine) as connection:
        document = connection.execute(select(Document.status, Document.media_type)).one()
        assert [tuple(row) for row in connection.execute(select(Failure.state, Failure.decided_by))] == [("requeued", "gongkai")]
        assert connection.scalar(select(Source.hints)) == {
            "path": "in/a.dat",
            "region": ["江苏省", "示例市"],
            "agency": "示例县教育局",
            "year": 2024,
        }
    assert tuple(document) == ("processing", "text/plain")
    assert refused(engine) == []


def test_what_is_refused_again_says_why_it_is_now(engine: Engine, store: MemoryStore) -> None:
    broken = b"PK\x03\x04 not a zip"
    with engine.begin() as connection:
        rejection = ("file.unsupported", "an unknown kind")
        register(
            connection,
            "b",
            [Arrival(store.put(broken), "application/octet-stream", len(broken), "in/a.rar", rejection=rejection)],
        )
    assert read_again(refused(engine), engine=engine, store=store, limits=Limits(), who="operator") == ReadAgain(refused=1)
    assert rows(engine) == {"in/a.rar": ("failed", "file.corrupt")}
    assert len(refused(engine)) == 1
