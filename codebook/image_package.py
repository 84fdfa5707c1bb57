"""Page images that are one report, in one file: a zip of stored members ``0001.png``, ``0002.jpg``, … in the order of the pages.

Nothing in it depends on when, where or under which names the images came: the same pages give the same bytes, and so the same
sha256.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from typing import BinaryIO, cast

from codebook.errors import GongkaiError

MEDIA_TYPE = "application/x-gongkai-pages"
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".gif")

_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3


def pack(images: Iterable[tuple[str, bytes]]) -> bytes:
    """The package of ``images``: (file name, content) in the order of the pages. Of a name only the suffix is kept."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for number, (name, content) in enumerate(images, 1):
            suffix = next((s for s in SUFFIXES if name.lower().endswith(s)), "")
            info = zipfile.ZipInfo(f"{number:04}{suffix}", _EPOCH)
            info.create_system = _UNIX
            info.external_attr = 0o600 << 16
            archive.writestr(info, content)
    return target.getvalue()


def unpacked(data: bytes, max_pages: int) -> Iterator[BinaryIO]:
    """The images of a package in their order, each as a seekable file that is open until the next is asked for.

    Raises GongkaiError: ``file.corrupt`` when it is no such package, ``file.too_large`` beyond ``max_pages`` images.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > max_pages:
                raise GongkaiError("file.too_large", f"{len(members)} images", f"at most {max_pages}")
            if any(member.compress_type != zipfile.ZIP_STORED for member in members):
                raise GongkaiError("file.corrupt", "compressed members", "a package of page images")
            for member in members:
                with archive.open(member) as file:
                    yield cast(BinaryIO, file)
    except zipfile.BadZipFile as error:
        raise GongkaiError("file.corrupt", f"no package of page images: {error}", "a whole package") from error
