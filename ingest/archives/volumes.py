"""Archives in several files of one folder (see :mod:`ingest.archives.volume_sets`).

Put together in their order they are one archive; RAR volumes are each read as they are. The list of a split zip counts within its
volumes (PKWARE appnote 8.5) and is written again for the whole.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import BinaryIO, cast

from codebook.errors import GongkaiError
from ingest.archives.limits import Limits
from ingest.archives.progress import advanced

_END = struct.Struct("<4s4H2LH")  # appnote 4.3.16
_CHUNK = 1024 * 1024


@contextmanager
def joined(files: Iterator[BinaryIO], limits: Limits) -> Iterator[BinaryIO]:
    """The archive that these files are, put together in a temporary file without a name.

    Raises GongkaiError: file.too_large above the limit on unpacked archives, file.corrupt for a list that is damaged.
    """
    with tempfile.TemporaryFile() as whole:
        sizes = []
        for file in files:
            start = whole.tell()
            while chunk := file.read(_CHUNK):
                advanced(len(chunk))
                whole.write(chunk)
                if whole.tell() > limits.archive_bytes:
                    most = f"at most {limits.archive_bytes:,}"
                    raise GongkaiError("file.too_large", "volumes of an archive that are larger together", most)
            sizes.append(whole.tell() - start)
        _count_as_one(cast(BinaryIO, whole), [0, *accumulate(sizes)])
        whole.seek(0)
        yield cast(BinaryIO, whole)


def is_last_volume(tail: bytes, size: int) -> bool:
    """Return whether a file of ``size`` bytes that ends in these is the last volume of a split zip: its list counts volumes, or
    begins further on than the file is long.
    """
    if tail[-_END.size :][:4] != b"PK\x05\x06" or len(tail) < _END.size:
        return False
    _, volume, _, _, _, listed, offset, _ = _END.unpack(tail[-_END.size :])
    return bool(volume > 0 or offset + listed + _END.size > size)


def _count_as_one(whole: BinaryIO, starts: Sequence[int]) -> None:
    """Write the list of a split zip for one file. ``starts``: where each volume begins."""
    end = whole.seek(0, 2)
    whole.seek(max(0, end - _END.size))
    tail = whole.read()
    if not is_last_volume(tail, end):
        return
    sign, _, volume, _, entries, size, offset, comment = _END.unpack(tail)
    try:
        at = starts[volume] + offset
        whole.seek(at)
        listed = bytearray(whole.read(size))
        place = 0
        while place < len(listed):
            if listed[place : place + 4] != b"PK\x01\x02":
                raise ValueError("a list of members that breaks off")
            lengths = struct.unpack_from("<3H", listed, place + 28)
            disk, header = struct.unpack_from("<H", listed, place + 34)[0], struct.unpack_from("<L", listed, place + 42)[0]
            struct.pack_into("<H", listed, place + 34, 0)
            struct.pack_into("<L", listed, place + 42, starts[disk] + header)
            place += 46 + sum(lengths)
        whole.seek(at)
        whole.write(listed)
        whole.seek(end - _END.size)
        whole.write(_END.pack(sign, 0, 0, entries, entries, size, at, comment))
    except (IndexError, ValueError, struct.error) as error:  # also a zip of more than 4 GiB, whose list has other fields
        raise GongkaiError("file.corrupt", f"volumes of a zip that do not fit together ({error})", "all its volumes") from error
