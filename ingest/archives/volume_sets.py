"""Which files of a folder are volumes of one archive, by their names, which of them are missing, and whether more must follow.

``a.z01``, ``a.z02``, ``a.zip``; pieces such as ``a.7z.001`` and ``a.zip.001``; RAR volumes such as ``a.part1.rar``, or ``a.rar``,
``a.r00``.
"""

from __future__ import annotations

import re
import struct
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

_END = struct.Struct("<4s4H2LH")  # the end of a zip (PKWARE appnote 4.3.16)
_RAR_PART = re.compile(r"(.{1,250})\.part(\d{1,4})\.rar", re.IGNORECASE)
_OLD_RAR_PART = re.compile(r"(.{1,250})\.r(\d\d)", re.IGNORECASE)
_SPLIT_ZIP = re.compile(r"(.{1,250})\.z(\d{2,3})", re.IGNORECASE)
_PIECE = re.compile(r"(.{1,250}\.(?:zip|7z))\.(\d{2,3})", re.IGNORECASE)
_MOST = 999  # volumes of an archive
_NAMED = 5  # missing ones that are named
TAIL = 65_535 + _END.size  # with the longest comment of a zip
"""Bytes of the end of a volume by which :func:`says_more` knows whether it is the last one."""
_RAR_TAIL = 64
_RAR_4, _RAR_5 = b"Rar!\x1a\x07\x00", b"Rar!\x1a\x07\x01\x00"
_END_OF_RAR_5 = re.compile(rb"\x03\x05[\x00-\x7f]([\x00-\x7f])\Z")  # size, type, flags, and whether more follow
_END_OF_RAR_4 = 0x7B
_SEVEN_ZIP = struct.Struct("<6s2sLQQL")  # 7zFormat.txt: sign, version, checksum, then place, size and checksum of the list


class VolumeSet(NamedTuple):
    """The volumes of one archive in a folder, in order, and the names of those that must lie between or before them and do not.
    The archive is registered under the name of its ``lead``.
    """

    lead: str
    parts: tuple[str, ...]
    missing: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether there are several volumes, and none is missing between or before them."""
        return len(self.parts) > 1 and not self.missing


def volume_sets(names: Sequence[str]) -> list[VolumeSet]:
    """The sets of volumes among the names of the files of a folder, also those that are not whole.

    >>> volume_sets(["a.part1.rar", "a.part3.rar", "b.zip"])
    [VolumeSet(lead='a.part1.rar', parts=('a.part1.rar', 'a.part3.rar'), missing=('a.part2.rar',))]
    >>> volume_sets(["c.z01"]), volume_sets(["c.rar"])
    ([VolumeSet(lead='c.z01', parts=('c.z01',), missing=('c.zip',))], [])
    >>> whole = volume_sets(["a.z01", "a.zip", "b.7z.001", "b.7z.002", "c.z02", "c.zip"])
    >>> {one.lead: one.parts for one in whole if one.is_whole}
    {'a.zip': ('a.z01', 'a.zip'), 'b.7z.001': ('b.7z.001', 'b.7z.002')}
    >>> whole = volume_sets(["a.part1.rar", "a.part2.rar", "b.rar", "b.r00", "c.rar"])
    >>> {one.lead: one.parts for one in whole if one.is_whole}
    {'a.part1.rar': ('a.part1.rar', 'a.part2.rar'), 'b.rar': ('b.rar', 'b.r00')}
    """
    there: dict[str, list[str]] = defaultdict(list)
    for name in names:
        there[name.lower()].append(name)
    found: dict[tuple[str, str], dict[int, str]] = defaultdict(dict)
    for name in names:
        for kind, pattern, first in (("part", _RAR_PART, 1), ("r", _OLD_RAR_PART, 2), ("z", _SPLIT_ZIP, 1), ("piece", _PIECE, 1)):
            match = pattern.fullmatch(name)
            if match is not None and (number := int(match[2]) + (first if kind == "r" else 0)) > 0:
                found[kind, match[1]].setdefault(number, name)
    made = []
    for (kind, stem), parts in found.items():
        last = max(parts)
        if last > _MOST:
            continue
        if kind == "r" and (start := _most_like(f"{stem}.rar", there)) is not None:
            parts[1] = start
        missing = [_name(kind, stem, number, parts[last]) for number in range(1, last) if number not in parts]
        ordered = [parts[number] for number in sorted(parts)]
        lead = ordered[0]
        if kind == "z":
            end = _most_like(f"{stem}.zip", there)
            ordered += [end] if end is not None else []
            missing += [] if end is not None else [f"{stem}.zip"]
            lead = end if end is not None else lead
        made.append(VolumeSet(lead, tuple(ordered), tuple(missing)))
    return made


def _most_like(name: str, there: Mapping[str, Sequence[str]]) -> str | None:
    """Of the files that have this name but for case, the one that is most like it. ``there``: names by their lower case."""
    stem = name.rpartition(".")[0]
    same = there.get(name.lower(), ())
    return min(same, key=lambda each: (each != name, each.rpartition(".")[0] != stem), default=None)


def _name(kind: str, stem: str, number: int, like: str) -> str:
    """The name of a volume of the same archive as ``like``."""
    if kind == "r" and number == 1:
        return f"{stem}.rar"
    shown = number - 2 if kind == "r" else number
    digits = re.search(r"(?<!\d)\d++(?=(?:\.rar)?\Z)", like, re.IGNORECASE)
    width = len(digits[0]) if digits is not None else 1
    head = {"part": ".part", "r": ".r", "z": ".z", "piece": "."}[kind]
    return f"{stem}{head}{shown:0{width}}{'.rar' if kind == 'part' else ''}"


def named(missing: Sequence[str]) -> str:
    """Names of missing volumes for a message."""
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    return ", ".join(missing[:_NAMED]) + more


def volumes_by_name(names: Iterable[str]) -> dict[str, VolumeSet | None]:
    """The files of a folder by name, each with the archive that it is a volume of, whole or not; None for other files.

    >>> found = volumes_by_name(["a.z01", "a.zip", "c.rar"])
    >>> found["a.z01"].lead, found["a.zip"].is_whole, found["c.rar"]
    ('a.zip', True, None)
    """
    found: dict[str, VolumeSet | None] = dict.fromkeys(names)
    for one in volume_sets(list(found)):
        if one.is_whole or one.missing:
            found |= {part: one for part in one.parts if found[part] is None}
    return found


def may_be_volume(name: str) -> bool:
    """Return whether a file of this name may be a volume of an archive, or the first or last file of one in volumes."""
    low = name.lower()
    return low.endswith((".zip", ".rar")) or any(p.fullmatch(name) for p in (_OLD_RAR_PART, _SPLIT_ZIP, _PIECE))


def says_more(head: bytes, tail: bytes, *, size: int, count: int) -> bool:
    """Return whether an archive of which ``count`` volumes of ``size`` bytes together are there says that it has more.

    ``head``: the beginning of the first volume; ``tail``: the last ``TAIL`` bytes of the last one. False where nobody can know.
    """
    if head.startswith(_RAR_5):
        found = _END_OF_RAR_5.search(tail[-_RAR_TAIL:])
        return found is not None and bool(found[1][0] & 1)
    if head.startswith(_RAR_4):
        tail = tail[-_RAR_TAIL:]
        return any(_ends_rar_4(tail[at:]) for at in range(len(tail) - 6))
    if head.startswith(b"7z\xbc\xaf\x27\x1c") and len(head) >= _SEVEN_ZIP.size:
        *_, start, listed, _ = _SEVEN_ZIP.unpack_from(head)
        return bool(_SEVEN_ZIP.size + start + listed > size)
    end = _end_of_zip(tail)
    if not end:
        return count > 1 and head.startswith((b"PK\x03\x04", b"PK\x07\x08"))  # it ends with its list, which is not there yet
    _, volume, _, _, _, listed, offset, _ = _END.unpack_from(end)
    ends = offset + listed + len(end)
    if head.startswith(b"PK\x03\x04") and count > 1 and volume == 0 and ends < size:
        return True  # the end of a zip that lies in it
    return bool(volume > count - 1 or (count > volume and ends > size))


def _end_of_zip(tail: bytes) -> bytes:
    """The record that a zip ends with, and its comment; nothing where these bytes do not end so."""
    at = tail.rfind(b"PK\x05\x06")
    while at >= 0:
        if at + _END.size <= len(tail) and at + _END.size + int.from_bytes(tail[at + 20 : at + 22], "little") == len(tail):
            return tail[at:]
        at = tail.rfind(b"PK\x05\x06", 0, at)
    return b""


def _ends_rar_4(block: bytes) -> bool:
    """Return whether these bytes are the last block of a RAR 4 volume, and it says that another follows."""
    kind, flags, length = block[2], int.from_bytes(block[3:5], "little"), int.from_bytes(block[5:7], "little")
    return kind == _END_OF_RAR_4 and length == len(block) and bool(flags & 1)
