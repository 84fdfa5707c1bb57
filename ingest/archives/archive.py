"""Archives: looked through from end to end before anything in them is believed, then read member by member.

Nothing is unpacked to a path. A member is a stream; what has to be held to be looked at lies in memory or, beyond
``SPOOL`` bytes, in a temporary file without a name.
"""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import PurePosixPath
from typing import BinaryIO, NamedTuple, cast

from codebook.errors import GongkaiError
from ingest.archives import rar_files, zips
from ingest.archives.limits import Limits
from ingest.archives.mails import MAIL, attachments
from ingest.archives.outlook import OUTLOOK, outlook_attachments
from ingest.archives.streams import BROKEN_STREAM, BZIP2, GZIP, RAR, SEVEN_ZIP, TAR, XZ, ZIP, decompressed, is_tar_header
from ingest.archives.tars import Gauge, tar_members
from ingest.file_dates import moment_of
from ingest.names import is_junk

_MAILS = {MAIL: attachments, OUTLOOK: outlook_attachments}
SPOOL = 8 * 1024 * 1024
_DRIVE = re.compile(r"^[A-Za-z]:")
_PACKED_SUFFIX = re.compile(r"\.(?:gz|bz2|xz)$", re.I)
# RecursionError: tarfile calls itself for each header that speaks of the next one.
_BROKEN = (*zips.BROKEN, *rar_files.BROKEN, *BROKEN_STREAM, tarfile.TarError, RecursionError)


class Member(NamedTuple):
    """A file in an archive: path inside, a reader that must be used up before the next member is asked for, when it was changed
    last (None: the archive does not say), ``about``, what a mail says of what is attached to it: sender and subject, and
    ``refusal``, why its content cannot be read (None: it can).
    """

    name: str
    reader: BinaryIO
    dated_at: datetime | None
    about: tuple[str, ...] = ()
    refusal: GongkaiError | None = None


class Budget:
    """What an archive may still take, together with all that is nested in it.

    ``packed`` is the size of the outermost archive in bytes: ``limits.archive_ratio`` times as much may come out of all of it,
    nested archives included. None: its size is not known, and only the absolute limits hold.
    """

    def __init__(self, limits: Limits, packed: int | None = None) -> None:
        self.limits = limits
        self.members = limits.archive_members
        self._most = limits.archive_bytes
        if packed is not None:
            self._most = min(self._most, max(limits.archive_free, packed * limits.archive_ratio))
        self.bytes = self._most

    def check(self, members: int, size: int) -> None:
        """Raises GongkaiError file.bomb when this number of members, or of bytes in all, is more than is left."""
        if members > self.members:
            raise GongkaiError(
                "file.bomb", f"more than {self.members:,} files in the archive", f"at most {self.limits.archive_members:,}"
            )
        if size > self.bytes:
            raise GongkaiError("file.bomb", f"{size:,} bytes when unpacked", f"at most {self._most:,}")

    def take(self, members: int, size: int) -> None:
        """Check, and count them as used."""
        self.check(members, size)
        self.members -= members
        self.bytes -= size


def unpack(file: BinaryIO, media_type: str, name: str, budget: Budget) -> Iterator[Member]:
    """The files in an archive.

    ``file`` must be seekable; ``name`` is its own name, from which that of a single compressed file is made. Before the first
    member is given out the whole archive has been looked through, so that a refused one yields nothing.

    Raises GongkaiError: file.unsafe_archive, file.bomb, file.encrypted, file.unsupported, file.corrupt for the archive as a
    whole; reading a member may still raise one of ``BROKEN_MEMBER``.
    An OSError of the system is let through.
    """
    yield from _with_codes(_members(file, media_type, name, budget))


def unpack_volumes(paths: Sequence[str], budget: Budget) -> Iterator[Member]:
    """The files in a RAR archive whose volumes lie at ``paths``, in order. Raises as :func:`unpack`."""
    yield from _with_codes(_rar(rar_files.opened_volumes(paths, budget.limits), budget))


def _members(file: BinaryIO, media_type: str, name: str, budget: Budget) -> Iterator[Member]:
    if media_type == ZIP:
        yield from _zip(file, budget)
    elif media_type == TAR:
        yield from _tar(file, None, budget)
    elif media_type in (GZIP, BZIP2, XZ):
        yield from _compressed(file, media_type, name, budget)
    elif media_type == SEVEN_ZIP:
        yield from _seven_zip(file, budget)
    elif media_type == RAR:
        yield from _rar(rar_files.opened(file, budget.limits), budget)
    elif media_type in _MAILS:
        yield from _mail(file, media_type, budget)
    else:
        raise GongkaiError("file.unsupported", f"an archive of type {media_type}", "zip, tar, 7z or RAR")


def _with_codes(members: Iterator[Member]) -> Iterator[Member]:
    """The members, with a code for whatever the reader of an archive raises."""
    try:
        yield from members
    except MemoryError as error:
        raise GongkaiError("file.bomb", "an archive that takes more memory than there is", "an ordinary archive") from error
    except _BROKEN as error:
        if isinstance(error, OSError) and error.errno:
            raise  # the system could not read it: no word about what is in it
        raise GongkaiError("file.corrupt", f"an archive that cannot be read ({error})", "a whole archive") from error


BROKEN_MEMBER = _BROKEN


def check_name(name: str) -> None:
    """Raises GongkaiError file.unsafe_archive for a name that could lead out of the folder that it is unpacked in."""
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or _DRIVE.match(name) or ".." in parts or "\0" in name:
        raise GongkaiError(
            "file.unsafe_archive", f"an unsafe name in the archive: {name!r}", "names inside the archive's own folder"
        )


def _clean(name: str) -> str:
    """The member's path with forward slashes and without ``./``."""
    return str(PurePosixPath(name.replace("\\", "/")))


def _zip(file: BinaryIO, budget: Budget) -> Iterator[Member]:
    with zips.open_zip(file, budget.limits) as archive:
        infos = archive.infolist()
        names = zips.member_names(infos)
        for info, name in zip(infos, names, strict=True):
            check_name(name)
            check_name(info.orig_filename)
            zips.check_member(file, info, name, budget.limits)
        zips.check_overlaps(infos)
        files = [(info, _clean(name)) for info, name in zip(infos, names, strict=True) if not name.endswith(("/", "\\"))]
        budget.take(len(files), sum(info.file_size for info, _ in files))
        for info, name in files:
            if is_junk(name):
                continue
            with zips.open_member(archive, file, info) as member:
                yield Member(name, member, zips.dated_at(info))


def _seven_zip(file: BinaryIO, budget: Budget) -> Iterator[Member]:
    from ingest.archives.sevenzips import SevenZip  # noqa: PLC0415 (its library takes a third of a second to load)

    most = budget.bytes
    archive = SevenZip(file)
    listed = archive.members()
    budget.take(len(listed), sum(member.size for member in listed))
    for member in listed:
        check_name(member.name)
    for member, reader in zip(listed, archive.unpack(most), strict=False):
        if not is_junk(_clean(member.name)):
            yield Member(_clean(member.name), reader, member.dated_at)


def _rar(
    archive: AbstractContextManager[tuple[list[rar_files.RarMember], Iterator[BinaryIO]]], budget: Budget
) -> Iterator[Member]:
    with archive as (listed, readers):
        budget.take(len(listed), sum(member.size for member in listed))
        for member in listed:
            check_name(member.name)
        for member, reader in zip(listed, readers, strict=True):
            if not is_junk(_clean(member.name)):
                yield Member(_clean(member.name), reader, member.dated_at)


def _tar(file: BinaryIO, media_type: str | None, budget: Budget) -> Iterator[Member]:
    packed = file.seek(0, io.SEEK_END) if media_type else None

    def gauge() -> Gauge:
        file.seek(0)
        stream = decompressed(file, media_type) if media_type else file
        return Gauge(stream, packed, budget.limits, budget.bytes)

    members = size = 0
    for info, name, reader in tar_members(gauge()):
        check_name(name)
        members += reader is not None
        size += info.size
        budget.check(members, size)
    budget.take(members, size)
    for info, name, reader in tar_members(gauge()):
        if reader is not None and not is_junk(_clean(name)):
            yield Member(_clean(name), reader, moment_of(info.mtime))


def _mail(file: BinaryIO, media_type: str, budget: Budget) -> Iterator[Member]:
    found = list(_MAILS[media_type](file, budget.limits))
    budget.take(len(found), sum(len(each.content) for each in found))
    for each in found:
        check_name(each.name)
        if not is_junk(each.name):
            yield Member(each.name, io.BytesIO(each.content), each.sent_at, each.about, each.refusal)


def _compressed(file: BinaryIO, media_type: str, name: str, budget: Budget) -> Iterator[Member]:
    """A compressed tar, or a single compressed file, which is then the only member."""
    file.seek(0)
    if is_tar_header(decompressed(file, media_type).read(tarfile.BLOCKSIZE)):
        yield from _tar(file, media_type, budget)
        return

    packed = file.seek(0, io.SEEK_END)

    def gauge() -> Gauge:
        file.seek(0)
        return Gauge(decompressed(file, media_type), packed, budget.limits, budget.bytes)

    measured = gauge()
    while measured.read(SPOOL // 8):
        pass
    budget.take(1, measured.tell())
    yield Member(_PACKED_SUFFIX.sub("", PurePosixPath(name).name) or "content", cast(BinaryIO, gauge()), None)
