"""Archives: what is in them under which name, and the ones that are made to do harm."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import lzma
import stat
import struct
import tarfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from random import Random

import pytest

from codebook.errors import GongkaiError
from ingest.archives.archive import BROKEN_MEMBER, Budget, unpack
from ingest.archives.limits import Limits
from ingest.files.identify import MHTML, identify

SMALL = Limits(file_bytes=10_000, archive_members=50, archive_bytes=20_000_000, archive_free=4_000_000)


def contents(data: bytes, limits: Limits = SMALL, name: str = "archive.zip") -> dict[str, bytes]:
    file = io.BytesIO(data)
    return {path: reader.read(1_000_000) for path, reader, *_ in unpack(file, identify(file).media_type, name, Budget(limits))}


def zipped(members: dict[str, bytes], change: Callable[[zipfile.ZipInfo], None] = lambda info: None) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            change(info)
            archive.writestr(info, content)
    return out.getvalue()


def zip_with_raw_name(raw: bytes) -> bytes:
    """A zip as Windows in Chinese packs it: the name in bytes, no UTF-8 flag."""
    placeholder = "x" * len(raw)
    return zipped({placeholder: b"text"}).replace(placeholder.encode(), raw)


def tarred(
    *members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE, fmt: int = tarfile.GNU_FORMAT, encoding: str = "utf-8"
) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=fmt, encoding=encoding) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.type, info.size, info.linkname = kind, len(content), "/etc/passwd" if kind != tarfile.REGTYPE else ""
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def test_members_are_found_and_junk_is_not() -> None:
    data = zipped(
        {
            "a.txt": b"1",
            "d/": b"",
            "d/b.txt": b"2",
            "__MACOSX/._a.txt": b"x",
            "d/.DS_Store": b"x",
            "./e.txt": b"3",
            "w\\v.txt": b"4",
        }
    )
    assert contents(data) == {"a.txt": b"1", "d/b.txt": b"2", "e.txt": b"3", "w/v.txt": b"4"}


@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "utf-8"])
def test_names_without_the_utf8_flag(encoding: str) -> None:
    name = "洪泽区/2024年度报告.txt"
    assert contents(zip_with_raw_name(name.encode(encoding))) == {name: b"text"}


def test_a_gbk_name_whose_second_byte_is_a_backslash() -> None:
    name = "誠信.txt"
    assert b"\\" in name.encode("gbk")
    assert list(contents(zip_with_raw_name(name.encode("gbk")))) == [name]


def test_the_unicode_field_of_info_zip() -> None:
    raw = "示例.txt".encode("gbk")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo("x" * len(raw))
        body = b"\x01" + zlib.crc32(raw).to_bytes(4, "little") + "真名.txt".encode()
        info.extra = struct.pack("<HH", 0x7075, len(body)) + body
        archive.writestr(info, b"text")
    assert list(contents(out.getvalue().replace(b"x" * len(raw), raw))) == ["真名.txt"]


@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress, bz2.compress, lzma.compress])
def test_tar_in_every_packing(pack: Callable[[bytes], bytes]) -> None:
    data = pack(tarred(("a/一.txt", b"1" * 700), ("b.txt", b""), ("c.txt", b"3" * 512)))
    assert contents(data) == {"a/一.txt": b"1" * 700, "b.txt": b"", "c.txt": b"3" * 512}


def test_tar_names_in_gbk() -> None:
    assert list(contents(tarred(("报告.txt", b"1"), encoding="gbk"))) == ["报告.txt"]


def test_a_single_compressed_file() -> None:
    assert contents(gzip.compress(b"text"), name="in/report.txt.gz") == {"report.txt": b"text"}


UNSAFE = {
    "zip up": zipped({"good.txt": b"1", "../evil.txt": b"x"}),
    "zip up in the middle": zipped({"a/../../evil.txt": b"x"}),
    "zip up with backslash": zipped({"..\\evil.txt": b"x"}),
    "zip absolute": zipped({"/etc/evil": b"x"}),
    "zip drive": zipped({"C:\\evil.txt": b"x"}),
    "zip link": zipped({"link": b"/etc/passwd"}, lambda info: setattr(info, "external_attr", (stat.S_IFLNK | 0o777) << 16)),
    "zip device": zipped({"dev": b""}, lambda info: setattr(info, "external_attr", (stat.S_IFCHR | 0o777) << 16)),
    "tar up": tarred(("good.txt", b"1"), ("../evil.txt", b"x")),
    "tar absolute": tarred(("/evil.txt", b"x")),
    "tar link": tarred(("link", b""), kind=tarfile.SYMTYPE),
    "tar hard link": tarred(("link", b""), kind=tarfile.LNKTYPE),
    "tar device": tarred(("dev", b""), kind=tarfile.CHRTYPE),
    "tar pipe": tarred(("pipe", b""), kind=tarfile.FIFOTYPE),
}


@pytest.mark.parametrize("name", UNSAFE)
def test_an_unsafe_archive_yields_nothing(name: str) -> None:
    got: list[str] = []
    file = io.BytesIO(UNSAFE[name])
    with pytest.raises(GongkaiError) as raised:
        got.extend(path for path, *_ in unpack(file, identify(file).media_type, "a.zip", Budget(SMALL)))
    assert raised.value.code == "file.unsafe_archive"
    assert got == []


def zip_bomb() -> bytes:
    return zipped({"bomb.txt": bytes(15_000_000)})


def huge_pax() -> bytes:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 50_000_000
    return info.tobuf(tarfile.USTAR_FORMAT) + bytes(50_000_000)


def many_names() -> bytes:
    entry = zipped({"a": b""})
    end = entry.rindex(b"PK\x05\x06")
    return entry[:end] + entry[end : end + 12] + (4_000_000_000).to_bytes(4, "little") + entry[end + 16 :]


BOMBS = {
    "ratio": zip_bomb,
    "total": lambda: zipped({f"{i}.txt": bytes(3_000_000) for i in range(8)}),
    "count": lambda: zipped({f"{i}.txt": b"" for i in range(51)}),
    "directory": many_names,
    "tar count": lambda: tarred(*((f"{i}.txt", b"") for i in range(51))),
    "tar total": lambda: tarred(*((f"{i}.txt", bytes(3_000_000)) for i in range(8))),
    "tar.gz ratio": lambda: gzip.compress(tarred(("a.txt", bytes(15_000_000)))),
    "tar.xz ratio": lambda: lzma.compress(tarred(("a.txt", bytes(15_000_000)))),
    "gz ratio": lambda: gzip.compress(bytes(15_000_000)),
    "tar with a header of 50 MB": lambda: gzip.compress(huge_pax()),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_in_little_memory(name: str) -> None:
    data = BOMBS[name]()
    file = io.BytesIO(data)
    tracemalloc.start()
    try:
        with pytest.raises(GongkaiError) as raised:
            list(
                unpack(
                    file,
                    identify(io.BytesIO(data[:40] if name == "directory" else data)).media_type
                    if name != "directory"
                    else "application/zip",
                    "a",
                    Budget(SMALL),
                )
            )
        assert tracemalloc.get_traced_memory()[1] < 12_000_000
    finally:
        tracemalloc.stop()
    assert raised.value.code == "file.bomb"


ROWS = "本年新收政府信息公开申请数量\t12\n".encode() * 20_000  # 1 MB of one row pack several hundred times


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_members_that_repeat_one_row_are_no_bomb(pack: Callable[[bytes], bytes]) -> None:
    """Neither where they are small together, nor where they only come first in an archive that packs as others do."""
    limits = Limits(archive_free=3_000_000)
    small = pack(tarred(*((f"{i}.txt", b"%d\n" % i + ROWS) for i in range(3))))
    assert len(small) * limits.archive_ratio < 2 * len(ROWS)
    first = pack(tarred(*((f"{i}.txt", ROWS) for i in range(5)), ("z.bin", Random(1).randbytes(40_000))))
    assert len(contents(small, limits, "a.tar.gz")) == 3
    assert len(contents(first, limits, "a.tar.gz")) == 6
    with pytest.raises(GongkaiError, match=r"file\.bomb"):
        contents(pack(tarred(*((f"{i}.txt", ROWS) for i in range(5)))), limits, "a.tar.gz")


def encrypted() -> bytes:
    data = bytearray(zipped({"a.txt": b"secret"}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (encrypted(), "file.encrypted"),
        (zipped({"a.txt": b"1"})[:-30], "file.corrupt"),
        (gzip.compress(tarred(("a.txt", bytes(range(256)) * 40)))[:-200], "file.corrupt"),
        (tarred(("a.txt", b"1" * 2000), ("b.txt", b"2" * 2000))[:1500], "file.corrupt"),
        (lzma.compress(tarred(("a.txt", bytes(range(256)) * 40)))[:-120], "file.corrupt"),
    ],
)
def test_archives_that_cannot_be_read(data: bytes, code: str) -> None:
    media_type = {b"PK": "application/zip", b"\x1f\x8b": "application/gzip", b"\xfd7": "application/x-xz"}.get(
        data[:2], "application/x-tar"
    )
    with pytest.raises(GongkaiError) as raised:
        list(unpack(io.BytesIO(data), media_type, "a", Budget(SMALL)))
    assert raised.value.code == code


def test_a_tar_that_is_damaged_in_the_middle_is_not_taken_for_its_first_half() -> None:
    data = bytearray(tarred(("a.txt", b"1"), ("b.txt", b"2"), ("c.txt", b"3")))
    data[1024:1034] = b"\xff" * 10
    with pytest.raises(GongkaiError, match="damaged"):
        contents(bytes(data))


def test_a_member_whose_content_is_not_what_was_packed() -> None:
    data = zipped({"a.txt": b"0123456789" * 100, "b.txt": b"good"})
    broken = bytearray(data)
    broken[40:44] = b"\xff\xff\xff\xff"
    file = io.BytesIO(bytes(broken))
    seen = {}
    for path, reader, *_ in unpack(file, "application/zip", "a.zip", Budget(SMALL)):
        try:
            seen[path] = reader.read()
        except BROKEN_MEMBER:
            seen[path] = b"broken"
    assert seen == {"a.txt": b"broken", "b.txt": b"good"}


def mail(*parts: tuple[str, bytes, dict[str, str]], text: str = "请查收附件。") -> bytes:
    """A mail with these attachments: media type, content, further header fields."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.org", "b@example.org", "年度报告"
    message["Date"] = "Mon, 20 Jan 2025 09:30:00 +0800"
    message.set_content(text)
    for kind, content, fields in parts:
        main, _, sub = kind.partition("/")
        message.add_attachment(content, maintype=main, subtype=sub, **fields)
    return message.as_bytes()


def test_the_attachments_of_a_mail_are_its_files() -> None:
    inner = mail(("application/pdf", b"%PDF-1.4", {"filename": "内.pdf"}))
    outer = mail(("application/msword", b"old", {"filename": "示例县报告.doc"}), ("application/octet-stream", b"x", {}))
    message = message_from_bytes(outer, policy=policy.default)
    message.add_attachment(message_from_bytes(inner, policy=policy.default))
    found = list(unpack(io.BytesIO(message.as_bytes()), "message/rfc822", "a.eml", Budget(SMALL)))
    assert [(one.name, one.reader.read()) for one in found] == [
        ("示例县报告.doc", b"old"),
        ("2.bin", b"x"),
        ("内.pdf", b"%PDF-1.4"),
    ]
    assert found[0].dated_at is not None
    assert found[0].dated_at.isoformat() == "2025-01-20T09:30:00+08:00"


def test_a_name_in_an_older_encoding() -> None:
    encoded = base64.b64encode("附件.docx".encode("gb18030")).decode()
    data = mail(("application/octet-stream", b"a", {"filename": "NAME"}))
    assert list(contents(data.replace(b'"NAME"', f'"=?gb18030?B?{encoded}?="'.encode()))) == ["附件.docx"]


@pytest.mark.parametrize(
    ("page", "fields", "comes_in"),
    [
        ('<p>请查收<img src="cid:l@x">', {"filename": "l.png", "cid": "<l@x>", "disposition": "inline"}, False),
        ("<p>请查收<img src='CID:l%40x'>", {"cid": "<l@x>", "disposition": "inline"}, False),
        ("<p>请查收附件", {"filename": "l.png", "cid": "<l@x>", "disposition": "inline"}, True),
        ('<p>请查收<img src="cid:other">', {"filename": "l.png", "cid": "<l@x>", "disposition": "inline"}, True),
        ('<p>请查收<img src="cid:l@x">', {"filename": "l.png", "cid": "<l@x>"}, True),
        ("<p>请查收附件", {"filename": "l.png", "cid": "<l@x>"}, True),
        ("<p>请查收附件", {"disposition": "inline"}, True),
    ],
)
def test_only_a_picture_that_the_text_shows_is_one_of_the_text(page: str, fields: dict[str, str], comes_in: bool) -> None:
    """Some programs give a Content-ID to every attached file, a scan among them."""
    message = EmailMessage()
    message["From"], message["Subject"], message["MIME-Version"] = "a@example.org", "年度报告", "1.0"
    message.set_content(page, subtype="html")
    message.add_attachment(b"scan", "image", "png", **fields)
    assert (b"scan" in contents(message.as_bytes()).values()) is comes_in


@pytest.mark.parametrize(("attached", "size"), [(False, 4), (True, 4), (True, 200_000)])
def test_a_scan_in_the_text_of_a_mail_comes_in_with_the_text(attached: bool, size: int) -> None:
    """Pasted into the text it is shown by its identifier; a logo beside what is attached stays away."""
    message = EmailMessage()
    message["From"], message["Subject"], message["MIME-Version"] = "a@example.org", "年度报告", "1.0"
    message.set_content("<p>年报如下<img src='CID:l%40x'>", subtype="html", charset="gb18030")
    message.add_attachment(b"s" * size, "image", "png", cid="<l@x>", disposition="inline")
    if attached:
        message.add_attachment(b"old", "application", "msword", filename="报告.doc")
    found = contents(message.as_bytes(), Limits())
    expected = ["报告.doc"] if attached else []
    if size > 100_000 or not attached:
        expected.append(f"{len(expected) + 1}.mht")
        archive = message_from_bytes(found[expected[-1]], policy=policy.default)
        page, picture = archive.iter_parts()
        assert page.get_payload(decode=True) == "\ufeff<p>年报如下<img src='CID:l%40x'>\n".encode()
        assert (picture["Content-Location"], picture.get_payload(decode=True)) == ("CID:l%40x", b"s" * size)
        assert identify(io.BytesIO(found[expected[-1]])).media_type == MHTML
    assert list(found) == expected


def test_a_mail_without_attachments_is_its_text() -> None:
    assert list(contents(mail(text="示例县人民政府年度报告")).values()) == ["示例县人民政府年度报告\n".encode()]


def test_a_report_in_the_text_of_a_mail_comes_in_beside_what_is_attached() -> None:
    """A mail program attaches a logo to each mail."""
    logo = ("image/png", b"logo", {"filename": "logo.png"})
    text = "一、本年新收政府信息公开申请数量 12\n四、结转下年度继续办理 3\n"
    assert list(contents(mail(logo, text=text))) == ["logo.png", "2.txt"]
    assert list(contents(mail(logo, text="请查收年度报告。"))) == ["logo.png"]
    message = EmailMessage()
    message["From"], message["Subject"], message["MIME-Version"] = "a@example.org", "年度报告", "1.0"
    message.set_content(text)
    message.add_alternative(f"<table><tr><td>{text.replace('政府', '<b>政府</b>')}</table>", subtype="html")
    message.add_attachment(b"logo", "image", "png", filename="logo.png")
    assert list(contents(message.as_bytes())) == ["logo.png", "2.html"]


@pytest.mark.parametrize("name", ["../up.txt", "/etc/passwd", "C:\\up.txt"])
def test_an_attachment_has_no_path(name: str) -> None:
    assert list(contents(mail(("text/csv", b"a", {"filename": name})))) == [name.replace("\\", "/").rpartition("/")[2]]


def test_a_mail_that_is_too_large_or_of_too_many_parts_is_refused() -> None:
    with pytest.raises(GongkaiError, match=r"file\.too_large"):
        contents(mail(("application/pdf", bytes(20_000), {"filename": "a.pdf"})))
    with pytest.raises(GongkaiError, match=r"file\.bomb"):
        contents(mail(*[("application/pdf", b"a", {"filename": "a.pdf"})] * 60), Limits(archive_members=50))
