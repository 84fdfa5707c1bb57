"""Page images that are one report, in one file: a zip of stored members ``0001.png``, ``0002.jpg``, … in the order of the pages.

A number that is left out is a page that was missing when the images came in. Nothing else in it depends on when, where or under
which names the images came: the same pages give the same bytes, and so the same sha256.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, cast

from codebook.errors import GongkaiError

MEDIA_TYPE = "application/x-gongkai-pages"
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".heic", ".avif", ".jp2")

_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_NUMBER = re.compile(r"[0-9]{4,18}")


def pack(images: Sequence[tuple[str, bytes]], numbers: Sequence[int] | None = None) -> bytes:
    """The package of ``images``: (file name, content) in the order of the pages. Of a name only the suffix is kept.

    ``numbers`` are those of the pages, counted from 1 (default: no page is missing). A second image of a page is ``0001-2.png``.
    """
    target = io.BytesIO()
    seen: Counter[int] = Counter()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for number, (name, content) in zip(numbers or range(1, len(images) + 1), images, strict=True):
            suffix = next((s for s in SUFFIXES if name.lower().endswith(s)), "")
            seen[number] += 1
            again = f"-{seen[number]}" if seen[number] > 1 else ""
            info = zipfile.ZipInfo(f"{number:04}{again}{suffix}", _EPOCH)
            info.create_system = _UNIX
            info.external_attr = 0o600 << 16
            archive.writestr(info, content)
    return target.getvalue()


def missing_pages(data: bytes) -> tuple[int, ...]:
    """Return the numbers of the pages that were missing when the package was made. Raises GongkaiError file.corrupt."""
    with _opened(data) as archive:
        numbers = {int(match[0]) for member in archive.infolist() if (match := _NUMBER.match(member.filename))}
    return tuple(sorted(set(range(1, max(numbers, default=0))) - numbers))


def unpacked(data: bytes, max_pages: int) -> Iterator[BinaryIO]:
    """The images of a package in their order, each as a seekable file that is open until the next is asked for.

    Raises GongkaiError: ``file.corrupt`` when it is no such package, ``file.too_large`` beyond ``max_pages`` images.
    """
    with _opened(data) as archive:
        members = archive.infolist()
        if len(members) > max_pages:
            raise GongkaiError("file.too_large", f"{len(members)} images", f"at most {max_pages}")
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise GongkaiError("file.corrupt", "compressed members", "a package of page images")
        for member in members:
            with archive.open(member) as file:
                yield cast(BinaryIO, file)


@contextmanager
def _opened(data: bytes) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield archive
    except zipfile.BadZipFile as error:
        raise GongkaiError("file.corrupt", f"no package of page images: {error}", "a whole package") from error
