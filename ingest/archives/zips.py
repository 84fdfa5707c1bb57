"""Zip files as they are met in offices: names in GBK without a word about it, sizes that lie, directories made to hurt."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import BinaryIO, cast

from codebook.errors import GongkaiError
from ingest.archives import deflate64
from ingest.archives.limits import DIRECTORY_BYTES_PER_MEMBER, LZMA_DICTIONARY, Limits
from ingest.file_dates import CHINA, moment_of

_END = struct.Struct("<4s4H2LH")  # PKWARE appnote 4.3.16
_END64_LOCATOR = struct.Struct("<4sLQL")  # 4.3.15
_END64 = struct.Struct("<4sQ2H2L4Q")  # 4.3.14
_ENTRY = 46  # bytes of an entry of the central directory before its name, extra field and comment (4.3.12)
_ENTRY_LENGTHS = struct.Struct("<3H")
_LOCAL = struct.Struct("<26x2H")  # the lengths of name and extra field in the header before a member's data (4.3.7)
_LZMA = struct.Struct("<2xH")  # version and size of the properties, before the data of an LZMA member (5.8.8)
_UTF8_NAME = 0x800  # 4.4.4, bit 11
_ENCRYPTED = 0x1
_UNICODE_PATH = 0x7075  # Info-ZIP's extra field with the name in UTF-8
_TIMESTAMP = 0x5455
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, deflate64.METHOD)
# What zipfile raises on a file that is not whole.
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OverflowError, struct.error, OSError, NotImplementedError)


def open_zip(file: BinaryIO, limits: Limits) -> zipfile.ZipFile:
    """Open a zip after its directory was found small enough to be read into memory.

    Raises GongkaiError: file.bomb when it lists too much, file.corrupt when it cannot be opened.
    """
    try:
        start, size = _directory(file)
        if size > limits.archive_members * DIRECTORY_BYTES_PER_MEMBER:
            raise GongkaiError(
                "file.bomb", f"a zip whose list of members takes {size:,} bytes", f"at most {limits.archive_members:,} members"
            )
        file.seek(start)
        if _has_more_entries(file.read(size), limits.archive_members):
            raise GongkaiError("file.bomb", "a zip that lists too many members", f"at most {limits.archive_members:,} members")
        file.seek(0)
        return zipfile.ZipFile(file)
    except BROKEN as error:
        raise GongkaiError("file.corrupt", f"a zip file that cannot be opened ({error})", "a whole zip file") from error


def _has_more_entries(directory: bytes, most: int) -> bool:
    """Return whether a central directory lists more than ``most`` members. Counted before zipfile makes half a kilobyte of
    each.
    """
    at = 0
    for _ in range(most + 1):
        if directory[at : at + 4] != b"PK\x01\x02" or at + _ENTRY > len(directory):
            return False
        name, extra, comment = _ENTRY_LENGTHS.unpack_from(directory, at + 28)
        at += _ENTRY + name + extra + comment
    return True


def _directory(file: BinaryIO) -> tuple[int, int]:
    """Return where the central directory begins, and its size in bytes, as zipfile finds it: it ends where its end record
    begins. (0, 0) when there is no end record (zipfile then says so).
    """
    end = file.seek(0, 2)
    file.seek(max(0, end - 65536 - _END.size))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + _END.size:
        return 0, 0
    size = int(_END.unpack_from(tail, at)[5])
    stop = max(0, end - 65536 - _END.size) + at
    if at >= _END64_LOCATOR.size and tail[at - _END64_LOCATOR.size :][:4] == b"PK\x06\x07":
        file.seek(_END64_LOCATOR.unpack_from(tail, at - _END64_LOCATOR.size)[2])
        record = file.read(_END64.size)
        if len(record) == _END64.size and record[:4] == b"PK\x06\x06":
            size = int(_END64.unpack(record)[8])
            stop -= _END64_LOCATOR.size + _END64.size
    return max(0, stop - size), size


def open_member(archive: zipfile.ZipFile, file: BinaryIO, info: zipfile.ZipInfo) -> BinaryIO:
    """A reader of a member, of the listed size at most and with its CRC checked. Raises one of BROKEN where it is damaged."""
    if info.compress_type == deflate64.METHOD:
        return cast(BinaryIO, deflate64.Deflate64Reader(file, info))
    return cast(BinaryIO, archive.open(info))


def member_names(members: list[zipfile.ZipInfo]) -> list[str]:
    """The names of the members, in their order, as their maker meant them.

    A name with the UTF-8 flag, or with Info-ZIP's Unicode field, says so itself. Others are bytes (read as cp437 by zipfile):
    all of an archive are in one encoding, UTF-8 if that fits them all, else GB18030 (Windows in Chinese), else Big5.
    """
    stated = [_stated_name(info) for info in members]
    raw = [info.orig_filename.encode("cp437", "replace") for info, name in zip(members, stated, strict=True) if name is None]
    encoding = next((e for e in ("ascii", "utf-8", "gb18030", "big5hkscs") if _all_decode(raw, e)), "cp437")
    return [
        info.orig_filename.encode("cp437", "replace").decode(encoding, "replace") if name is None else name
        for info, name in zip(members, stated, strict=True)
    ]


def _all_decode(names: list[bytes], encoding: str) -> bool:
    try:
        return all(name.decode(encoding) is not None for name in names)
    except UnicodeDecodeError:
        return False


def _stated_name(info: zipfile.ZipInfo) -> str | None:
    if info.flag_bits & _UTF8_NAME:
        return info.orig_filename
    extra = info.extra
    while len(extra) >= 4:
        tag, size = struct.unpack_from("<HH", extra)
        body = extra[4 : 4 + size]
        if (
            tag == _UNICODE_PATH
            and len(body) > 5
            and body[1:5] == zlib.crc32(info.orig_filename.encode("cp437", "replace")).to_bytes(4, "little")
        ):
            return body[5:].decode("utf-8", "replace")
        extra = extra[4 + size :]
    return None


def dated_at(info: zipfile.ZipInfo) -> datetime | None:
    """Return when a member was changed last. Info-ZIP's extended timestamp (tag 0x5455) is exact; else local time is stored."""
    extra = info.extra
    while len(extra) >= 4:
        tag, size = struct.unpack_from("<HH", extra)
        body = extra[4 : 4 + size]
        if tag == _TIMESTAMP and len(body) >= 5 and body[0] & 1:
            return moment_of(int.from_bytes(body[1:5], "little", signed=True))
        extra = extra[4 + size :]
    try:
        return moment_of(datetime(*info.date_time, tzinfo=CHINA).timestamp())
    except ValueError:  # a month 0
        return None


def check_member(file: BinaryIO, info: zipfile.ZipInfo, name: str, limits: Limits) -> None:
    """Refuse a member that must not be unpacked (its name is checked elsewhere).

    Raises GongkaiError: file.unsafe_archive for links and devices, file.encrypted, file.bomb by its ratio or the memory that it
    asks for, file.unsupported for a method that cannot be unpacked.
    """
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise GongkaiError("file.unsafe_archive", f"a link or device in the archive: {name}", "ordinary files only")
    if info.flag_bits & _ENCRYPTED:
        raise GongkaiError("file.encrypted", f"a member with a password: {name}", "an archive without a password")
    if info.file_size > limits.archive_free and info.file_size > info.compress_size * limits.archive_ratio:
        raise GongkaiError(
            "file.bomb",
            f"{name} unpacks {info.file_size // max(info.compress_size, 1):,} times larger",
            f"at most {limits.archive_ratio} times",
        )
    if info.compress_type not in _METHODS:
        raise GongkaiError(
            "file.unsupported", f"compression method {info.compress_type} of {name}", "an archive packed with deflate"
        )
    if info.compress_type == zipfile.ZIP_LZMA and (wanted := _lzma_dictionary(file, info)) > LZMA_DICTIONARY:
        raise GongkaiError("file.bomb", f"{name} asks for {wanted:,} bytes to unpack it", f"at most {LZMA_DICTIONARY:,}")


def _lzma_dictionary(file: BinaryIO, info: zipfile.ZipInfo) -> int:
    """The bytes of memory that an LZMA member asks for: four bytes of its properties, behind one with other settings."""
    file.seek(info.header_offset)
    header = file.read(_LOCAL.size)
    if len(header) < _LOCAL.size:
        return 0  # reading the member says what is wrong
    file.seek(sum(_LOCAL.unpack(header)), 1)
    start = file.read(_LZMA.size + 5)
    return int.from_bytes(start[-4:], "little") if len(start) == _LZMA.size + 5 else 0


def check_overlaps(members: Sequence[zipfile.ZipInfo]) -> None:
    """Raises GongkaiError file.bomb when members lie over each other: the same bytes would be unpacked again and again."""
    end = -1
    for info in sorted(members, key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise GongkaiError("file.bomb", f"members that lie over each other: {info.filename!r}", "members one after the other")
        end = info.header_offset + _LOCAL.size + info.compress_size
