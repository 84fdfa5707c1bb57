"""7z, RAR, Deflate64 and archives in volumes: what is in them, and the ones that are made to do harm."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import py7zr
import pytest
import rars
from inflate64 import Deflater

from codebook.errors import GongkaiError
from ingest.archives.archive import BROKEN_MEMBER, Budget, unpack
from ingest.archives.limits import Limits
from ingest.archives.volume_sets import volume_sets
from ingest.archives.volumes import joined
from ingest.files.identify import identify
from ingest.files.walk import walk
from tests.ingest.test_archive import SMALL, contents, zipped


def seven_zipped(members: dict[str, bytes], **options: Any) -> bytes:
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w", **options) as archive:
        for name, data in members.items():
            archive.writestr(data, name)
    return out.getvalue()


def rarred(members: dict[str, bytes], **options: Any) -> bytes:
    builder = rars.RarBuilder(**options)
    for name, data in members.items():
        builder.add_bytes(data, name)
    return bytes(builder.to_bytes())


MEMBERS = {"报告/一.txt": "示例县\n".encode() * 500, "b.txt": b"2" * 70_000, "空.txt": b"", "报告/c.bin": bytes(range(256)) * 9}


def test_seven_zip() -> None:
    assert contents(seven_zipped(MEMBERS)) == MEMBERS


@pytest.mark.parametrize(
    "options", [{"format": "rar50"}, {"format": "rar40"}, {"format": "rar50", "solid": True}, {"format": "rar29"}]
)
def test_rar_of_each_generation(options: dict[str, Any]) -> None:
    assert contents(rarred(MEMBERS, **options)) == MEMBERS


def test_a_password_of_7z_and_rar_is_told() -> None:
    for data in (
        seven_zipped({"a.txt": b"1"}, password="x"),
        seven_zipped({"a.txt": b"1"}, password="x", header_encryption=True),
        rarred({"a.txt": b"1"}, password="x"),
        rarred({"a.txt": b"1"}, password="x", encrypt_headers=True),
    ):
        with pytest.raises(GongkaiError) as raised:
            contents(data)
        assert raised.value.code == "file.encrypted"


def with_link() -> bytes:
    builder = rars.RarBuilder()
    builder.add_bytes(b"1", "good.txt")
    builder.add_unix_symlink("link", "/etc/passwd")
    return bytes(builder.to_bytes())


def linked_seven_zip(folder: Path) -> bytes:
    (folder / "link").symlink_to("/etc/passwd")
    with py7zr.SevenZipFile(folder / "a.7z", "w") as archive:
        archive.write(folder / "link", "link")
    return (folder / "a.7z").read_bytes()


def test_links_in_7z_and_rar_are_refused(tmp_path: Path) -> None:
    for data in (with_link(), linked_seven_zip(tmp_path)):
        with pytest.raises(GongkaiError) as raised:
            contents(data)
        assert raised.value.code == "file.unsafe_archive"


@pytest.mark.parametrize("make", [seven_zipped, rarred])
def test_bombs_of_7z_and_rar_are_refused(make: Callable[[dict[str, bytes]], bytes]) -> None:
    for members in ({"bomb.txt": bytes(15_000_000)}, {f"{i}.txt": b"1" for i in range(51)}):
        file = io.BytesIO(make(members))
        with pytest.raises(GongkaiError) as raised:
            list(unpack(file, identify(file).media_type, "a", Budget(SMALL, len(file.getvalue()))))
        assert raised.value.code == "file.bomb"


@pytest.mark.parametrize("make", [seven_zipped, rarred])
@pytest.mark.parametrize("seed", range(40))
def test_damage_in_7z_and_rar_ends_in_a_code_and_never_in_another_content(
    make: Callable[[dict[str, bytes]], bytes], seed: int
) -> None:
    data = bytearray(make(MEMBERS))
    random = Random(seed)
    if seed % 4 == 0:
        data = data[: random.randrange(8, len(data))]
    else:
        for _ in range(random.choice((1, 1, 3, 20))):
            data[random.randrange(8, len(data))] ^= 1 << random.randrange(8)
    try:
        found = contents(bytes(data))
    except (GongkaiError, *BROKEN_MEMBER):
        return
    for name, content in found.items():
        assert content in MEMBERS.values(), name


def deflate64ed(members: dict[str, bytes]) -> bytes:
    """A zip whose members are packed with Deflate64 (method 9)."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            deflater = Deflater()
            packed = deflater.deflate(data) + deflater.flush()
            info = zipfile.ZipInfo(name)
            archive.writestr(info, packed)
            info.compress_type, info.CRC, info.file_size = 9, zlib.crc32(data), len(data)
    return out.getvalue()


def test_deflate64() -> None:
    members = {"一.txt": "示例县\n".encode() * 40_000, "b.bin": bytes(range(256)) * 400}
    assert contents(deflate64ed(members)) == members
    wrong = bytearray(deflate64ed(members))
    wrong[60] ^= 0x10
    with pytest.raises(BROKEN_MEMBER):
        contents(bytes(wrong))


def volumes_of(data: bytes, size: int) -> list[bytes]:
    """A zip cut into volumes as Info-ZIP does (zip -s): a mark at the start, and a list that counts within volumes."""
    whole = bytearray(b"PK\x07\x08" + data)
    end = whole.rindex(b"PK\x05\x06")
    at = int.from_bytes(whole[end + 16 : end + 20], "little") + 4
    start, place = at, at
    while whole[place : place + 4] == b"PK\x01\x02":
        header = int.from_bytes(whole[place + 42 : place + 46], "little") + 4
        struct.pack_into("<H", whole, place + 34, header // size)
        struct.pack_into("<L", whole, place + 42, header % size)
        place += 46 + sum(struct.unpack_from("<3H", whole, place + 28))
    struct.pack_into("<2H", whole, end + 4, end // size, start // size)
    struct.pack_into("<L", whole, end + 16, start % size)
    return [bytes(whole[i : i + size]) for i in range(0, len(whole), size)]


def test_a_zip_in_volumes_is_one_archive(tmp_path: Path) -> None:
    members = {f"{n}.bin": Random(n).randbytes(3000) for n in range(5)}
    cut = volumes_of(zipped(members), 4000)
    assert len(cut) > 3
    for number, data in enumerate(cut[:-1], 1):
        (tmp_path / f"年报.z{number:02}").write_bytes(data)
    (tmp_path / "年报.zip").write_bytes(cut[-1])
    (found,) = walk([str(tmp_path)])
    assert [Path(volume).name for volume in found.volumes] == [*(f"年报.z{n:02}" for n in range(1, len(cut))), "年报.zip"]
    with joined(map(io.BytesIO, cut), Limits()) as whole:
        assert identify(whole).media_type == "application/zip"
        assert contents(whole.read()) == members
    for lone in (cut[0], cut[-1]):
        assert identify(io.BytesIO(lone)).code == "file.corrupt"


def test_pieces_of_7z_are_one_archive_and_a_missing_piece_leaves_them_apart(tmp_path: Path) -> None:
    data = seven_zipped(MEMBERS)
    pieces = [data[:100], data[100:250], data[250:]]
    sets = volume_sets(["a.7z.001", "a.7z.003", "b.7z.002", "c.zip.001", "c.zip.002"])
    assert {one.lead: list(one.parts) for one in sets if one.is_whole} == {"c.zip.001": ["c.zip.001", "c.zip.002"]}
    with joined(map(io.BytesIO, pieces), Limits()) as whole:
        assert contents(whole.read()) == MEMBERS


def test_files_of_one_name_in_a_7z_keep_their_contents() -> None:
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w") as archive:
        for data in (b"", b"first", b"second"):
            archive.writestr(data, "a.txt")
        archive.writestr(b"other", "b.txt")
    file = io.BytesIO(out.getvalue())
    found = [(name, reader.read(100)) for name, reader, *_ in unpack(file, identify(file).media_type, "a.7z", Budget(SMALL))]
    assert found == [("a.txt", b""), ("a.txt", b"first"), ("a.txt", b"second"), ("b.txt", b"other")]


def test_a_7z_with_a_wrong_checksum_is_damaged() -> None:
    data = bytearray(seven_zipped({"a.txt": b"0123456789" * 30}, filters=[{"id": py7zr.FILTER_COPY}]))
    data[data.index(b"0123456789") + 3] ^= 1
    with pytest.raises(GongkaiError) as raised:
        contents(bytes(data))
    assert raised.value.code == "file.corrupt"
