"""Archives in several files of one folder: ``a.z01``, ``a.z02``, ``a.zip``, pieces such as ``a.7z.001`` and ``a.zip.001``, RAR
volumes such as ``a.part1.rar``, or ``a.rar``, ``a.r00``.

Put together in their order they are one archive; RAR volumes are each read as they are. The list of a split zip counts within its
volumes (PKWARE appnote 8.5) and is written again for the whole.
"""

from __future__ import annotations

import re
import struct
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import BinaryIO, cast

from codebook.errors import GongkaiError
from ingest.archives.limits import Limits
from ingest.archives.progress import advanced

_END = struct.Struct("<4s4H2LH")  # appnote 4.3.16
_CHUNK = 1024 * 1024
_DIGITS = (2, 3)  # of the number of a volume
_RAR_PART = re.compile(r"(.{1,250})\.part(\d{1,4})\.rar", re.IGNORECASE)
_OLD_RAR_PART = re.compile(r"(.{1,250})\.r(\d\d)", re.IGNORECASE)


def volumes(names: Sequence[str]) -> dict[str, list[str]]:
    """The names of the volumes of each archive among the files of a folder, in order, by the name under which it is registered.

    An archive of which a volume is missing between others is none.

    >>> volumes(["a.z01", "a.zip", "b.7z.001", "b.7z.002", "c.z02", "c.zip"])
    {'a.zip': ['a.z01', 'a.zip'], 'b.7z.001': ['b.7z.001', 'b.7z.002']}
    >>> volumes(["a.part1.rar", "a.part2.rar", "b.rar", "b.r00", "c.rar"])
    {'a.part1.rar': ['a.part1.rar', 'a.part2.rar'], 'b.rar': ['b.rar', 'b.r00']}
    """
    there = set(names)
    split: dict[str, dict[int, str]] = defaultdict(dict)
    pieces: dict[str, dict[int, str]] = defaultdict(dict)
    for name in names:
        stem, _, end = name.rpartition(".")
        number = end[1:] if end[:1] in ("z", "Z") else end
        if not (number.isascii() and number.isdecimal()) or len(number) not in _DIGITS:
            continue
        if number != end:
            split[stem][int(number)] = name
        elif stem.lower().endswith((".zip", ".7z")):
            pieces[stem][int(number)] = name
    groups = _rar_volumes(names)
    for stem, parts in split.items():
        last = next((name for name in (f"{stem}.zip", f"{stem}.ZIP", f"{stem}.Zip") if name in there), None)
        if last is not None and sorted(parts) == list(range(1, len(parts) + 1)):
            groups[last] = [*(parts[number] for number in sorted(parts)), last]
    for parts in pieces.values():
        if len(parts) > 1 and sorted(parts) == list(range(1, len(parts) + 1)):
            groups[parts[1]] = [parts[number] for number in sorted(parts)]
    return groups


def _rar_volumes(names: Sequence[str]) -> dict[str, list[str]]:
    parts: dict[str, dict[int, str]] = defaultdict(dict)
    for name in names:
        if (match := _RAR_PART.fullmatch(name)) is not None:
            parts[match[1]][int(match[2])] = name
        elif (match := _OLD_RAR_PART.fullmatch(name)) is not None:
            parts[f"{match[1]}."][2 + int(match[2])] = name  # behind .rar, which is the first
    for name in names:
        stem, _, end = name.rpartition(".")
        if end.lower() == "rar" and f"{stem}." in parts:
            parts[f"{stem}."][1] = name
    whole = (found for found in parts.values() if len(found) > 1 and sorted(found) == list(range(1, len(found) + 1)))
    return {found[1]: [found[number] for number in sorted(found)] for found in whole}


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
