"""Small files that make whoever reads them work, remember or call without end."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile


def comments_then_text(count: int) -> bytes:
    """A text that begins like a web page with so many comments, and is none."""
    return b"<!--a-->" * count + "这是一封信。".encode()


def blank_lines_after_paragraph(count: int) -> bytes:
    """Tags, and then blank lines."""
    return b"<p>a</p><p>b</p><p>c</p>" + b"\n" * count + b"x"


def long_number_name(digits: int = 5_000) -> bytes:
    """A zip of pictures whose names are numbers that Python refuses to convert."""
    return zipped(("1" * digits + ".png", b"a"), ("2" * digits + ".png", b"b"))


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these members."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return target.getvalue()


def long_name_headers(count: int) -> bytes:
    """A tar with so many headers that each hold the name of the next."""
    name = tarfile.TarInfo("././@LongLink")
    name.type, name.size = tarfile.GNUTYPE_LONGNAME, 5
    one = name.tobuf(tarfile.GNU_FORMAT) + b"abcd\0".ljust(512, b"\0")
    last = tarfile.TarInfo("x")
    last.size = 3
    return one * count + last.tobuf() + b"abc".ljust(512, b"\0") + bytes(1024)


def pax_headers(count: int) -> bytes:
    """A tar with so many extended headers one after the other."""
    header = tarfile.TarInfo("p")
    header.type, header.size = tarfile.XHDTYPE, 11
    one = header.tobuf(tarfile.USTAR_FORMAT) + b"11 path=ab\n".ljust(512, b"\0")
    last = tarfile.TarInfo("x")
    last.size = 3
    return one * count + last.tobuf() + b"abc".ljust(512, b"\0") + bytes(1024)


def lzma_dictionary(size: int = 0xFFFF_FFFF) -> bytes:
    """A zip with an LZMA member whose properties ask for a dictionary of so many bytes."""
    data = bytearray(zipped(("a.txt", b"hello" * 100), method=zipfile.ZIP_LZMA))
    start = 30 + len("a.txt") + 4 + 1
    data[start : start + 4] = struct.pack("<I", size)
    return bytes(data)


def whole_ratio(members: int = 400, size: int = 1_000_000) -> bytes:
    """A zip of members that are each small enough to be let through by themselves, and different."""
    return zipped(*((f"{number}.txt", b"%07d" % number + b"a" * size) for number in range(members)))


def overlapping(copies: int = 50) -> bytes:
    """A zip whose list names one member again and again."""
    data = zipped(("0.txt", b"abcdefgh" * 50))
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    entry = data[start:end]
    entries = b"".join(entry.replace(b"0.txt", b"%05d" % number) for number in range(copies))
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, copies, copies, len(entries), start, 0)
    return data[:start] + entries + tail


def many_entries(count: int, name: bytes = b"a") -> bytes:
    """A zip whose list has so many entries of 46 bytes and a name, all of one empty member."""
    data = zipped((name.decode(), b""))
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    size = (end - start) * count
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, size, start, 0)
    return data[:start] + data[start:end] * count + tail


def sparse_tar(size: int = 10_000_000_000) -> bytes:
    """A tar of 10 kB with a sparse file of so many bytes."""
    info = tarfile.TarInfo("sparse.txt")
    info.type, info.size = tarfile.GNUTYPE_SPARSE, 512
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[386:398] = b"%011o\0" % 0
    block[398:410] = b"%011o\0" % 512
    block[483:495] = b"%011o\0" % size if size < 8**11 else b"\x80" + size.to_bytes(11, "big")
    block[148:156] = b"        "
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + "一份很大的文件".encode().ljust(512, b"a") + bytes(1024)


def nested_bombs(inner: int = 100, size: int = 1_000_000) -> bytes:
    """A zip of zips, each of which packs well: the ratios multiply."""
    return zipped(*((f"{n}.zip", zipped((f"{n}.txt", b"%07d" % n + b"a" * size))) for n in range(inner)))
