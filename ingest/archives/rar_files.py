"""RAR archives (1.5 to 7), by rars. Members are unpacked in groups: a solid archive is not gone through for each of them."""

from __future__ import annotations

import io
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, BinaryIO, NamedTuple

import rars

from codebook.errors import GongkaiError
from ingest.archives.limits import MIB, Limits
from ingest.archives.progress import advanced
from ingest.file_dates import CHINA, moment_of

BROKEN = (rars.Error, OSError, ValueError, OverflowError)
_GROUP = 128 * MIB  # unpacked bytes that are held at a time
_DICTIONARY = 256 * MIB  # bytes of memory for unpacking; WinRAR packs with 32 MiB by itself
_UNIX = (1, 3)  # hosts of RAR 5 and of RAR 4 whose attributes are Unix modes
_HEADERS = 64 * MIB
_MODERN = "rar50_plus"


class RarMember(NamedTuple):
    """A member as the archive lists it: name, packed and unpacked size in bytes, when it was changed last."""

    info: Any
    name: str
    packed: int
    size: int
    dated_at: datetime | None


@contextmanager
def opened(file: BinaryIO, limits: Limits) -> Iterator[tuple[list[RarMember], Iterator[BinaryIO]]]:
    """The files in a RAR archive, and readers of them in the same order, made when they are asked for.

    Raises GongkaiError: file.encrypted, file.unsafe_archive for links, file.bomb for a member that packs too well, file.corrupt
    for one of several volumes.
    """
    with tempfile.NamedTemporaryFile(prefix="gongkai-") as copy:  # the library wants a path
        file.seek(0)
        shutil.copyfileobj(file, copy)
        copy.flush()
        archive = _archive(copy.name, limits)
        infos = [info for info in archive.infolist() if not info.is_dir()]
        if any(info.is_split_before or info.is_split_after for info in infos):
            expected = "all its volumes (.part1.rar and on, or .rar, .r00 and on) in one folder"
            raise GongkaiError("file.corrupt", "one of several volumes of a RAR archive", expected)
        listed = [_listed(archive, info, info.compress_size, limits) for info in infos]
        yield listed, _unpacked(archive, listed, limits)


@contextmanager
def opened_volumes(paths: Sequence[str], limits: Limits) -> Iterator[tuple[list[RarMember], Iterator[BinaryIO]]]:
    """The same of an archive in several volumes, by their paths in order; what is unpacked lies in a temporary folder. Raises as
    :func:`opened`; file.corrupt where a volume is missing.
    """
    found: list[tuple[rars.RarFile, list[Any]]] = []
    for path in paths:
        archive = _archive(path, limits)
        for info in archive.infolist():
            if info.is_split_before and found:
                found[-1][1].append(info)
            elif not info.is_dir():
                found.append((archive, [info]))
    if not found or found[0][1][0].is_split_before or found[-1][1][-1].is_split_after:
        raise GongkaiError("file.corrupt", "volumes of a RAR archive without the first or the last", "all its volumes")
    listed = [_listed(archive, parts[0], sum(part.compress_size for part in parts), limits) for archive, parts in found]
    with tempfile.TemporaryDirectory(prefix="gongkai-") as folder:
        yield listed, _unpacked_volumes(paths, folder, len(listed), limits)


def _unpacked_volumes(paths: Sequence[str], folder: str, members: int, limits: Limits) -> Iterator[BinaryIO]:
    unpacked = rars.extract_volumes(list(paths), path=folder, options=_options(limits, limits.archive_bytes))
    files = [path for path in unpacked if stat.S_ISREG(path.lstat().st_mode)]
    if len(files) != members:
        raise GongkaiError("file.corrupt", f"{len(files)} of {members} files in the volumes of a RAR archive", "all its volumes")
    for path in files:
        advanced(path.stat().st_size)
        with path.open("rb") as file:
            yield file
        path.unlink()


def _archive(path: str, limits: Limits) -> rars.RarFile:
    try:
        archive = rars.RarFile(path, options=_options(limits, limits.archive_bytes))
    except rars.PasswordRequired as error:
        raise _encrypted() from error
    if archive.needs_password:
        raise _encrypted()
    return archive


def _options(limits: Limits, most: int) -> rars.ReadOptions:
    return rars.ReadOptions(
        max_total_output_bytes=most,
        max_member_output_bytes=most,
        rar50_dictionary_size_limit=_DICTIONARY,
        max_header_count=2 * limits.archive_members,
        max_header_bytes=_HEADERS,
    )


def _encrypted() -> GongkaiError:
    return GongkaiError("file.encrypted", "a RAR archive with a password", "an archive without a password")


def _listed(archive: rars.RarFile, info: Any, packed: int, limits: Limits) -> RarMember:
    """A member of ``packed`` bytes in all volumes."""
    name = _name(info)
    if info.is_encrypted:
        raise _encrypted()
    if _is_link(archive, info):
        raise GongkaiError("file.unsafe_archive", f"a link or device in the archive: {name}", "ordinary files only")
    if info.file_size > limits.archive_free and not info.is_solid and info.file_size > packed * limits.archive_ratio:
        raise GongkaiError(
            "file.bomb",
            f"{name} unpacks {info.file_size // max(packed, 1):,} times larger",
            f"at most {limits.archive_ratio} times",
        )
    return RarMember(info, name, packed, info.file_size, _dated_at(archive, info))


def _name(info: Any) -> str:
    """The name of a member. Old archives of Windows in Chinese have it in GBK alone, without a word about it."""
    raw = bytes(info.orig_filename_bytes)
    if raw.isascii() or b"\0" in raw:  # behind a zero stands the name in Unicode
        return str(info.filename)
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return str(info.filename)


def _is_link(archive: rars.RarFile, info: Any) -> bool:
    if info.host_os in _UNIX and stat.S_IFMT(info.file_attr) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return True
    try:
        archive.readlink(info)
    except rars.Error:
        return False
    return True


def _dated_at(archive: rars.RarFile, info: Any) -> datetime | None:
    """The clock of the maker of an older archive is taken as that of China; RAR 5 keeps the moment in UTC."""
    if info.date_time is None:
        return None
    try:
        year, month, day, hour, minute, second = info.date_time
        zone = UTC if archive.family == _MODERN else CHINA
        return moment_of(datetime(year, month, day, hour, minute, second, tzinfo=zone).timestamp())
    except ValueError:
        return None


def _unpacked(archive: rars.RarFile, listed: list[RarMember], limits: Limits) -> Iterator[BinaryIO]:
    at = 0
    while at < len(listed):
        end, size = at + 1, listed[at].size
        while end < len(listed) and size + listed[end].size <= _GROUP:
            size += listed[end].size
            end += 1
        for content in archive.read_many([one.info for one in listed[at:end]], options=_options(limits, limits.archive_bytes)):
            advanced(len(content))
            yield io.BytesIO(content)
        at = end
