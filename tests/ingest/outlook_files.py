"""Messages of Outlook for tests: compound files ([MS-CFB]) with folders, and the properties of messages in them ([MS-OXMSG])."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

_SECTOR = 512
_END, _FREE, _FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
Tree = Mapping[str, Any]  # name -> bytes of a stream, or another such
_LEAST = 4096  # bytes of a stream that lies in sectors of its own


def compound(tree: Tree) -> bytes:
    """A compound file with these streams, each filled up with zeros to ``_LEAST`` bytes, and folders."""
    entries: list[list[Any]] = [["Root Entry", 5, _FREE, _FREE, b""]]

    def add(folder: Tree, above: int) -> None:
        before: int | None = None
        for name, value in folder.items():
            number = len(entries)
            entries.append([name, 2 if isinstance(value, bytes) else 1, _FREE, _FREE, value if isinstance(value, bytes) else b""])
            entries[above if before is None else before][3 if before is None else 2] = number
            before = number
            if not isinstance(value, bytes):
                add(value, number)

    add(tree, 0)
    sectors = -(-len(entries) * 128 // _SECTOR)
    bodies = [
        body.ljust(max(_LEAST, -(-len(body) // _SECTOR) * _SECTOR), b"\0") if kind == 2 else b""
        for _, kind, _, _, body in entries
    ]
    tables = -(-(sum(map(len, bodies)) // _SECTOR + sectors + 8) // 126)
    fat = [_FAT] * tables + [*range(tables + 1, tables + sectors), _END]
    directory = b""
    for (name, kind, right, child, body), padded in zip(entries, bodies, strict=True):
        start, count = (len(fat), len(padded) // _SECTOR) if kind == 2 else (_END if kind == 5 else 0, 0)
        fat += [*range(start + 1, start + count), _END] if count else []
        raw = name.encode("utf-16-le") + b"\0\0"
        size = max(len(body), _LEAST) if kind == 2 else 0
        head = raw.ljust(64, b"\0") + struct.pack("<HBBIII", len(raw), kind, 1, _FREE, right, child)
        directory += head + bytes(36) + struct.pack("<IQ", start, size)
    assert tables <= 109
    start = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    start += struct.pack("<HHHHH6xIIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, tables, tables, 0, _LEAST, _END, 0, _END, 0, 0)
    start = start[:76] + struct.pack("<109I", *range(tables), *[_FREE] * (109 - tables))
    table = struct.pack(f"<{len(fat)}I", *fat).ljust(tables * _SECTOR, b"\xff")
    return start + table + directory.ljust(sectors * _SECTOR, b"\0") + b"".join(bodies)


def _filled(body: bytes) -> bytes:
    return body.ljust(max(_LEAST, -(-len(body) // _SECTOR) * _SECTOR), b"\0")


def message(
    subject: str,
    *attached: Tree,
    sender: str = "洪泽区教育局",
    text: str = "",
    html: str = "",
    ansi: bool = False,
    inner: bool = False,
) -> dict[str, Any]:
    """The folder of a message: of a file, or (``inner``) of one that is attached. ``ansi``: its texts are in GB18030."""
    moment = (133_500_000_000_000_000).to_bytes(8, "little")
    properties = bytes(24 if inner else 32) + struct.pack("<HHI", 0x0040, 0x0039, 6) + moment
    found: dict[str, Any] = {"__properties_version1.0": properties}
    for key, value in (("0037", subject), ("0C1A", "洪泽区教育局"), ("1000", text)):
        if value:
            name, data = ("001E", value.encode("gb18030")) if ansi else ("001F", value.encode("utf-16-le"))
            found[f"__substg1.0_{key}{name}"] = data
    if html:
        found["__substg1.0_10130102"] = html.encode()
    return found | {f"__attach_version1.0_#{number:08X}": one for number, one in enumerate(attached)}


def attached(name: str, data: bytes, *, inline: bool = False, hidden: bool | None = None) -> dict[str, Any]:
    """The folder of a file that is attached; ``inline``: a picture with a Content-ID; ``hidden``: whether it says that it is."""
    found = {"__substg1.0_37010102": data, "__substg1.0_3707001F": name.encode("utf-16-le")}
    if hidden is not None:
        found["__properties_version1.0"] = bytes(8) + struct.pack("<HHIQ", 0x000B, 0x7FFE, 6, hidden)
    if inline:
        found |= {"__substg1.0_3712001F": "x@y".encode("utf-16-le"), "__substg1.0_370E001F": "image/png".encode("utf-16-le")}
    return found


def forwarded(inner: Tree) -> dict[str, Any]:
    """The folder of a message that is attached."""
    return {"__substg1.0_3701000D": inner}
