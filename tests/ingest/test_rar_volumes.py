"""RAR archives in several volumes of one folder."""

from __future__ import annotations

import io
from pathlib import Path
from random import Random
from typing import Any

import pytest
import rars

from codebook.errors import GongkaiError
from ingest.archives.archive import Budget, unpack, unpack_volumes
from ingest.archives.limits import Limits
from ingest.archives.streams import RAR
from ingest.files.identify import identify
from ingest.files.messages import FoundDocument
from ingest.files.read_file import FileReader
from ingest.files.walk import walk
from tests.ingest.test_archive import SMALL

RANDOM = Random(5)
MEMBERS = {f"报告/{number}.txt": f"{RANDOM.randbytes(1500).hex()} 示例县".encode() for number in range(4)}


def in_volumes(folder: Path, members: dict[str, bytes], name: str = "a.part1.rar", **options: Any) -> list[str]:
    builder = rars.RarBuilder(**{"volume_size": 4000, "store": True, **options})
    for inner, data in members.items():
        builder.add_bytes(data, inner)
    builder.write_volumes(str(folder / name))
    return sorted(str(path) for path in folder.iterdir())


class Outlet:
    """Counts what is kept."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def looking(self, path: str, content: Any) -> None:
        """Nobody wants to know."""

    def keep(self, content: Any, file: Any) -> None:
        self.kept[content.sha256] = file.read()


def read(folder: Path, limits: Limits = Limits()) -> list[FoundDocument]:  # noqa: B008 (frozen)
    found: list[FoundDocument] = []
    for each in walk([str(folder)]):
        reader = FileReader(Outlet(), limits, lambda *_: False)
        found += reader.read(each.path, each.shown, volumes=each.volumes)
    return found


@pytest.mark.parametrize("options", [{}, {"store": False}, {"solid": True, "store": False}])
def test_volumes_are_one_archive(tmp_path: Path, options: dict[str, Any]) -> None:
    paths = in_volumes(tmp_path, MEMBERS, **options)
    assert len(paths) > 1
    limits = Budget(Limits(), sum(Path(path).stat().st_size for path in paths))
    assert {member.name: member.reader.read() for member in unpack_volumes(paths, limits)} == MEMBERS
    found = read(tmp_path)
    assert [one.path.partition("!")[2] for one in found] == list(MEMBERS)
    assert {one.path.partition("!")[0] for one in found} == {paths[0]}
    assert all(one.rejection is None for one in found)


def test_volumes_of_old_names(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    for number, path in enumerate(in_volumes(tmp_path / "new", MEMBERS)):
        (tmp_path / ("b.rar" if number == 0 else f"b.r{number - 1:02}")).write_bytes(Path(path).read_bytes())
        Path(path).unlink()
    (tmp_path / "new").rmdir()
    assert [one.path.partition("!")[2] for one in read(tmp_path)] == list(MEMBERS)


def test_a_volume_that_is_missing_is_said(tmp_path: Path) -> None:
    paths = in_volumes(tmp_path, MEMBERS)
    with pytest.raises(GongkaiError) as caught:
        list(unpack_volumes(paths[:-1], Budget(Limits())))
    assert caught.value.code == "file.corrupt"
    Path(paths[1]).unlink()
    assert {one.rejection[0] for one in read(tmp_path) if one.rejection} == {"file.corrupt"}
    with pytest.raises(GongkaiError, match="in one folder"):
        list(unpack(io.BytesIO(Path(paths[0]).read_bytes()), RAR, "a", Budget(Limits())))


def test_a_bomb_in_volumes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    paths = in_volumes(tmp_path / "1", {"a.bin": RANDOM.randbytes(9_000), "bomb.txt": bytes(15_000_000)}, store=False)
    with pytest.raises(GongkaiError) as caught:
        list(unpack_volumes(paths, Budget(SMALL, 10_000)))
    assert caught.value.code == "file.bomb"


def test_a_message_of_outlook_is_refused_with_what_to_do() -> None:
    entry = "__properties_version1.0".encode("utf-16-le").ljust(64, b"\0") + bytes(64)
    found = identify(io.BytesIO(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(512, b"\0") + entry))
    assert (found.code, ".eml" in found.expected) == ("file.unsupported", True)
