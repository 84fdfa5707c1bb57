"""Files as programs and accidents change them: archives, documents and pages with a few bytes changed, moved, cut or doubled."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.hostile.packed import zipped

SAMPLES = Path(__file__).resolve().parents[2] / "samples" / "reports"
_NUMBERS = (b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\0\0\0\x80")
Change = Callable[[bytearray, random.Random], bytearray]


def _tarred(members: list[tuple[str, bytes]], kind: int) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=kind) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return target.getvalue()


def _sample(suffix: str) -> bytes:
    return min(SAMPLES.glob(f"*.{suffix}")).read_bytes()


def seeds() -> list[tuple[str, bytes]]:
    """(suffix, content) of healthy files of every kind that is looked into."""
    text = _sample("txt")
    picture = b"\x89PNG\r\n\x1a\n"
    members = [
        ("a/报告1.txt", text[:600]),
        ("a/2.txt", text[:300]),
        ("b/p1.png", picture + b"x" * 50),
        ("b/p2.png", picture + b"y" * 50),
        ("n.zip", zipped(("z.txt", b"hi there"))),
    ]
    tar = _tarred(members, tarfile.GNU_FORMAT)
    methods = (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    return [
        *((".zip", zipped(*members, method=method)) for method in methods),
        (".tar", tar),
        (".tar", _tarred(members, tarfile.PAX_FORMAT)),
        (".tar", _tarred([("x" * 300, b"abc")], tarfile.GNU_FORMAT)),
        (".tar.gz", gzip.compress(tar)),
        (".tar.bz2", bz2.compress(tar)),
        (".tar.xz", lzma.compress(tar)),
        (".txt.gz", gzip.compress(text[:500])),
        (".txt.xz", lzma.compress(text[:500])),
        (".docx", _sample("docx")),
        (".pdf", _sample("pdf")),
        (".html", _sample("html")),
        (".txt", text),
        (".csv", "文件,机关,年度\na.txt,示例市教育局,2024\n".encode()),
        (".doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000)),
    ]


def _flip(data: bytearray, chance: random.Random) -> bytearray:
    data[chance.randrange(len(data))] = chance.randrange(256)
    return data


def _number(data: bytearray, chance: random.Random) -> bytearray:
    at = chance.randrange(len(data))
    data[at : at + 4] = chance.choice(_NUMBERS)
    return data


def _cut(data: bytearray, chance: random.Random) -> bytearray:
    return data[: chance.randrange(1, len(data) + 1)]


def _leave_out(data: bytearray, chance: random.Random) -> bytearray:
    at = chance.randrange(len(data))
    del data[at : at + chance.randrange(1, 60)]
    return data


def _double(data: bytearray, chance: random.Random) -> bytearray:
    at = chance.randrange(len(data))
    data[at:at] = data[at : at + chance.randrange(1, 60)] * chance.choice((1, 1, 1, 50))
    return data


_CHANGES: tuple[Change, ...] = (_flip, _flip, _flip, _number, _cut, _leave_out, _double)


def mutations(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """So many (suffix, content), the same for the same seed."""
    chance = random.Random(seed)
    healthy = seeds()
    for _ in range(count):
        suffix, content = chance.choice(healthy)
        data = bytearray(content)
        for _ in range(chance.choice((1, 1, 2, 4, 8))):
            data = chance.choice(_CHANGES)(data, chance) or bytearray(b"x")
        yield suffix, bytes(data)
