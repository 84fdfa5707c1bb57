"""A process that draws pages of documents, apart from the pages' own: a document that breaks or hangs the drawing ends this
process alone. ``python -m console.rendering.renderer`` reads requests from standard input, one JSON object a line.

The answer is a line with ``{"bytes": N}`` and then N bytes of PNG, or ``{"code": …, "found": …}``.
"""

from __future__ import annotations

import resource
import sys
from functools import lru_cache
from typing import BinaryIO

import msgspec

from codebook.errors import GongkaiError
from codebook.records import Record
from runtime.store import Store
from tasks.ocr.preview import Size, page_png, page_strips_png
from tasks.ocr.render import Pixels, render


class StripsWanted(Record, frozen=True):
    """Strips (top, bottom) of a page in the place of the whole, ``boxes`` framed.

    ``size`` is that of the page in their measure, ``widest`` is in pixels.
    """

    size: tuple[float, float]
    strips: tuple[tuple[float, float], ...]
    boxes: tuple[tuple[float, float, float, float], ...]
    widest: int


class Wanted(Record, frozen=True):
    """A page of a document in a store. ``memory``: bytes of address space at most."""

    store: str
    sha256: str
    media_type: str
    page: int
    memory: int
    strips: StripsWanted | None = None


class Answer(Record, frozen=True):
    """What follows: a number of bytes, or nothing because of ``code`` (empty: there is no such page)."""

    bytes: int = 0
    code: str | None = None
    found: str = ""


def _draw(wanted: Wanted) -> tuple[Answer, bytes]:
    try:
        resource.setrlimit(resource.RLIMIT_AS, (wanted.memory, wanted.memory))
        if wanted.strips is not None:
            asked = wanted.strips
            pixels = _pixels(wanted.store, wanted.sha256, wanted.media_type, wanted.page, asked.widest)
            png = page_strips_png(pixels, Size(*asked.size), asked.strips, asked.boxes)
        else:
            png = page_png(Store(wanted.store).get(wanted.sha256), wanted.media_type, wanted.page)
    except GongkaiError as error:
        return Answer(code=error.code, found=error.found), b""
    except LookupError as error:
        return Answer(code="", found=str(error)), b""
    except MemoryError:
        return Answer(code="page.too_large", found="more memory than a page may need"), b""
    return Answer(bytes=len(png)), png


@lru_cache(maxsize=1)
def _pixels(store: str, sha256: str, media_type: str, page: int, widest: int) -> Pixels:
    """A drawn page; the last one is kept, since a page has several findings."""
    return render(Store(store).get(sha256), media_type, page, widest=widest).pixels


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""
    for line in requests:
        answer, png = _draw(msgspec.json.decode(line, type=Wanted))
        answers.write(msgspec.json.encode(answer) + b"\n" + png)
        answers.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
