"""Messages of Outlook: what is attached to them comes in as what is attached to a mail does."""

from __future__ import annotations

import io
from pathlib import Path
from random import Random

import pytest

from codebook.errors import GongkaiError
from ingest.archives.archive import Budget, Member, unpack
from ingest.archives.limits import Limits
from ingest.archives.outlook import OUTLOOK
from ingest.files.identify import FileRole, identify
from tests.ingest.outlook_files import attached, compound, forwarded, message
from tests.ingest.test_portfolios import read

REPORT = "洪泽区教育局2024年政府信息公开工作年度报告\n".encode() * 200
FORM = "一、本年新收政府信息公开申请数量 12\n四、结转下年度继续办理 3\n"


def members(data: bytes, limits: Limits = Limits()) -> list[tuple[Member, bytes]]:  # noqa: B008 (frozen)
    file = io.BytesIO(data)
    found = identify(file)
    assert (found.media_type, found.role) == (OUTLOOK, FileRole.ARCHIVE)
    return [(one, one.reader.read()) for one in unpack(file, OUTLOOK, "a.msg", Budget(limits))]


@pytest.mark.parametrize("ansi", [False, True])
def test_what_is_attached_comes_in_with_sender_and_subject(ansi: bool) -> None:
    word = compound({"WordDocument": b"old", "0Table": b"x"})
    data = compound(
        message(
            "2024年年度报告",
            attached("附件 1.txt", REPORT),
            attached("报告.doc", word),
            attached("l.png", b"l", inline=True),
            html='<img src="cid:x@y">',
            ansi=ansi,
        )
    )
    first, second = members(data)
    assert (first[0].name, first[1], second[0].name, second[1]) == ("附件 1.txt", REPORT, "报告.doc", word)
    assert first[0].about[-1] == "2024年年度报告"
    assert first[0].about[0].endswith("洪泽区教育局")
    assert first[0].dated_at is not None
    assert first[0].dated_at.year == 2024


@pytest.mark.parametrize("hidden", [None, False])
def test_a_scan_with_an_identifier_comes_in_unless_the_text_shows_it(hidden: bool | None) -> None:
    """Some programs give a Content-ID to every attached file."""
    scan = attached("年报.jpg", b"j" * 5000, inline=True, hidden=hidden)
    assert [one.name for one, _ in members(compound(message("a", scan, text="请查收附件")))] == ["年报.jpg"]
    assert [one.name for one, _ in members(compound(message("a", scan, html="<img src=cid:other>")))] == ["年报.jpg"]
    assert [one.name for one, _ in members(compound(message("a", scan, html="<img src=cid:x@y>")))] == ["1.mht"]


def test_a_hidden_picture_is_one_of_the_text() -> None:
    logo = attached("l.png", b"l" * 5000, inline=True, hidden=True)
    assert [one.name for one, _ in members(compound(message("a", logo, attached("b.txt", REPORT))))] == ["b.txt"]


def test_an_object_of_another_program_is_refused_with_its_name(tmp_path: Path) -> None:
    objects = [forwarded({"WordDocument": b"old", "0Table": b"x"}) for _ in range(2)]
    objects[0]["__substg1.0_3001001F"] = "年报/2024.doc".encode("utf-16-le")
    found = read(tmp_path, compound(message("a", *objects, attached("b.txt", REPORT))))
    assert {path: one.rejection and one.rejection[0] for path, one in found.items()} == {
        "a.pdf!年报 2024.doc": "file.unsupported",
        "a.pdf!object 2": "file.unsupported",
        "a.pdf!b.txt": None,
    }


def test_a_message_that_is_attached_is_looked_into() -> None:
    inner = message("内", attached("b.txt", REPORT), inner=True)
    data = compound(message("外", forwarded(message("中", forwarded(inner), inner=True)), attached("../../c.txt", b"c" * 5000)))
    assert [(one.name, one.about[-1]) for one, _ in members(data)] == [("b.txt", "内"), ("c.txt", "外")]


def test_the_text_of_a_message_comes_in_where_nothing_is_attached_or_it_is_a_report() -> None:
    letter = attached("l.txt", b"l" * 5000)
    assert [one.name for one, _ in members(compound(message("a", text="你好")))] == ["1.txt"]
    assert [one.name for one, _ in members(compound(message("a", letter, text="你好", html="<p>你好")))] == ["l.txt"]
    assert [one.name for one, _ in members(compound(message("a", letter, text=FORM)))] == ["l.txt", "2.txt"]
    assert [one.name for one, _ in members(compound(message("a", letter, text=FORM, html=f"<p>{FORM}")))] == ["l.txt", "2.html"]


def test_limits_hold() -> None:
    data = compound(message("a", *(attached(f"{n}.txt", REPORT) for n in range(6))))
    with pytest.raises(GongkaiError, match=r"file\.bomb"):
        members(data, Limits(archive_members=5))
    with pytest.raises(GongkaiError, match=r"file\.too_large"):
        members(data, Limits(file_bytes=5_000))
    deep = message("end", text="x", inner=True)
    for _ in range(30):
        deep = message("more", forwarded(deep), inner=True)
    with pytest.raises(GongkaiError, match=r"file\.bomb"):
        members(compound(deep))


def test_parts_that_share_their_bytes_are_a_bomb() -> None:
    """Directory entries that lead to one stream: each seems as large as the file."""
    data = bytearray(compound(message("a", *(attached(f"{n}.txt", REPORT * 9) for n in range(9)))))
    name = "__substg1.0_37010102".encode("utf-16-le")
    places = [at for at in range(len(data)) if data[at : at + len(name)] == name and at % 128 == 0]
    first = data[places[0] + 116 : places[0] + 128]
    for at in places:
        data[at + 116 : at + 128] = first[:4] + (len(data) // 2).to_bytes(8, "little")
    with pytest.raises(GongkaiError, match=r"file\.(?:bomb|corrupt)"):
        members(bytes(data))


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_message_is_refused_or_read_in_part(tmp_path: Path, seed: int) -> None:
    rng = Random(seed)
    data = bytearray(
        compound(message("a", attached("a.txt", REPORT), forwarded(message("b", attached("b.txt", REPORT), inner=True))))
    )
    for _ in range(rng.randrange(1, 30)):
        data[rng.randrange(512, 4_000)] = rng.randrange(256)
    found = read(tmp_path, bytes(data[: rng.randrange(600, len(data))] if seed % 3 == 0 else data))
    assert found
    codes = {one.rejection[0] for one in found.values() if one.rejection}
    assert codes <= {"file.corrupt", "file.unsupported", "file.bomb", "file.empty", "file.encrypted", "file.too_large"}
