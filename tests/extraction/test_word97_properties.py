"""Hidden characters of a Word 97 document are looked for where properties are, and not in its pictures and positions."""

from __future__ import annotations

import struct

import pytest

from tasks.extraction.office.unseen_marks import has_unseen_marks
from tasks.extraction.office.word97_properties import character_properties

_SECTOR = 512
_END, _FREE, _FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
RAISED = b"\x48\x2a\x01"
HIDDEN = b"\x3c\x08\x01"
PLAIN = b"\x36\x08\x00"


def compound(streams: dict[str, bytes]) -> bytes:
    """A compound file ([MS-CFB]) with streams of at least 4096 bytes each."""
    bodies = {name: body.ljust(max(4096, -(-len(body) // _SECTOR) * _SECTOR), b"\0") for name, body in streams.items()}
    entries = [_entry("Root Entry", 5, child=1, start=_END, size=0)]
    fat = [_FAT, _END]  # sector 0 is the table of sectors, 1 the directory
    for number, (name, body) in enumerate(bodies.items(), 1):
        start, count = len(fat), len(body) // _SECTOR
        fat += [*range(start + 1, start + count), _END]
        right = number + 1 if number < len(bodies) else _FREE
        entries.append(_entry(name, 2, right=right, start=start, size=len(body)))
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    head += struct.pack("<HHHHH6xIIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 1, 0, 4096, _END, 0, _END, 0, 0)
    head = head.ljust(_SECTOR, b"\xff")
    table = struct.pack(f"<{len(fat)}I", *fat).ljust(_SECTOR, b"\xff")
    assert len(fat) <= 128
    assert len(entries) <= 4
    return head + table + b"".join(entries).ljust(_SECTOR, b"\0") + b"".join(bodies.values())


def _entry(name: str, kind: int, *, right: int = _FREE, child: int = _FREE, start: int, size: int) -> bytes:
    raw = name.encode("utf-16-le") + b"\0\0"
    body = raw.ljust(64, b"\0") + struct.pack("<HBBIII", len(raw), kind, 1, _FREE, right, child)
    return body + bytes(36) + struct.pack("<IQ", start, size)


def word(*, run: bytes = PLAIN, style: bytes = b"", hasty: bytes = b"", beside: bytes = b"", runs: int = 1) -> bytes:
    """A Word 97 document ([MS-DOC]) with one run of text, one style, a hasty piece, and any bytes where pictures and text are."""
    pages = struct.pack("<III", 0x800, 0x900, 2)  # one page of formatted text: the third
    pieces = (b"\x01" + struct.pack("<H", len(hasty)) + hasty if hasty else b"") + b"\x02" + beside
    table = style + pages + pieces
    page = bytearray(512)
    page[511], page[8], page[2 * 100] = runs, 100, len(run)
    page[201 : 201 + len(run)] = run
    document = bytearray(1024)
    struct.pack_into("<HH", document, 0, 0xA5EC, 0xC1)
    for number, (place, length) in {1: (0, len(style)), 12: (len(style), 12), 33: (len(style) + 12, len(pieces))}.items():
        struct.pack_into("<II", document, 0x9A + 8 * number, place, length)
    return compound({"WordDocument": bytes(document + page) + beside, "0Table": table, "Data": beside * 300})


def test_what_looks_like_a_property_in_pictures_and_positions_is_none() -> None:
    data = word(beside=RAISED + HIDDEN + b"\x53\x2a\x01")
    assert RAISED in data
    assert character_properties(data) is not None
    assert not has_unseen_marks(data, "doc")


@pytest.mark.parametrize("mark", [RAISED, HIDDEN], ids=["raised", "hidden"])
@pytest.mark.parametrize("place", ["run", "style", "hasty"])
def test_a_property_is_found_in_runs_styles_and_pieces(place: str, mark: bytes) -> None:
    properties = {"run": PLAIN, "style": b"", "hasty": b"", place: PLAIN + mark + b"\0\0"}
    assert has_unseen_marks(word(**properties), "doc")  # type: ignore[arg-type]


def test_of_what_is_not_built_so_all_bytes_are_searched() -> None:
    broken = word(beside=RAISED, runs=0)
    assert character_properties(broken) is None
    assert has_unseen_marks(broken, "doc")
    assert character_properties(broken[:700]) is None
