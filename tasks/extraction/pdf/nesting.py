"""How much a page draws by forms that draw forms: twenty forms of a few bytes, each drawn twice by the one before, are a million.

pdfium reads all of it when it loads the page and cannot be stopped, so it is counted before.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections import Counter
from io import BytesIO
from itertools import islice
from typing import Any

from pdfminer.pdfdocument import PDFDocument
from pdfminer.pdfpage import PDFPage
from pdfminer.pdfparser import PDFParser
from pdfminer.pdftypes import PDFStream, resolve1
from pdfminer.psexceptions import PSException
from pdfminer.psparser import literal_name

from codebook.errors import GongkaiError

_FORM = re.compile(rb"/Subtype\s*/Form\b|/S\w*#[0-9A-Fa-f]{2}|/F\w*#[0-9A-Fa-f]{2}|/#[0-9A-Fa-f]{2}")
_DRAW = re.compile(rb"/([^\s/\[\]<>(){}%]+)\s+Do\b")
_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
_EACH = 64  # bytes that the drawing of a form costs at least
_MOST = 32 * 1024 * 1024  # bytes of contents that a page may draw
_BROKEN = (PSException, ValueError, TypeError, LookupError, AttributeError, RecursionError, AssertionError, struct.error)


def refuse_deep_forms(data: bytes) -> None:
    """Raise GongkaiError ``page.too_large`` for a PDF (whole file) of which a page draws more than 32 MiB of contents by forms.

    Each form counts as often as it is drawn. Nothing is raised for a file with less than two forms, and for one whose objects
    cannot be read here: pdfium may read it for all that, and the limits of time hold.
    """
    if len(list(islice(_FORM.finditer(data), 2))) < 2:
        return
    try:
        contents = _DrawnContents()
        for number, page in enumerate(PDFPage.create_pages(PDFDocument(PDFParser(BytesIO(data)))), 1):
            size = contents.drawn(list(map(resolve1, page.contents)), page.resources)
            if size > _MOST:
                found = f"forms in forms that draw more than {size // (1024 * 1024):,} MB of contents"
                raise GongkaiError("page.too_large", found, f"at most {_MOST // (1024 * 1024)} MB", page=number)
    except _BROKEN:
        return


class _DrawnContents:
    """Sizes of contents with all that they draw, in bytes. Each form is measured once."""

    def __init__(self) -> None:
        self.sizes: dict[int, int] = {}
        self.room = 2 * _MOST  # bytes that are still unpacked; of what lies behind, the packed size counts

    def drawn(self, streams: list[Any], resources: Any) -> int:
        """The size of a page's contents."""
        size, uses = 0, Counter[str]()
        for stream in streams:
            content = self._unpacked(stream)
            size += len(content)
            uses.update(_names(content))
        return size + self._of(uses, resources)

    def _of(self, uses: Counter[str], resources: Any) -> int:
        objects = resolve1((resolve1(resources) or {}).get("XObject")) or {}
        size = 0
        for name, count in uses.items():
            form = resolve1(objects.get(name))
            if isinstance(form, PDFStream) and literal_name(resolve1(form.get("Subtype"))) == "Form":
                size += count * self._form(form, resources)
        return size

    def _form(self, form: PDFStream, around: Any) -> int:
        key = form.objid or id(form)
        if key not in self.sizes:
            self.sizes[key] = _EACH  # as long as it is open: one that draws itself is not drawn again
            content = self._unpacked(form)
            self.sizes[key] = _EACH + len(content) + self._of(_names(content), form.get("Resources", around))
        return self.sizes[key]

    def _unpacked(self, stream: Any) -> bytes:
        if not isinstance(stream, PDFStream):
            return b""
        packed: bytes = stream.rawdata or b""
        filters = [literal_name(name) for name, _ in stream.get_filters()]
        if stream.decipher is None and not filters:
            data = packed
        elif stream.decipher is None and filters in (["FlateDecode"], ["Fl"]):
            try:
                data = zlib.decompressobj().decompress(packed, max(1, self.room))
            except zlib.error:
                data = packed
        else:
            data = stream.get_data() if len(packed) < self.room >> 10 else packed
        self.room -= len(data)
        return data


def _names(content: bytes) -> Counter[str]:
    """The names of what contents draw, and how often."""
    names = (_ESCAPE.sub(lambda code: bytes([int(code[1], 16)]), name) for name in _DRAW.findall(content))
    return Counter(name.decode("latin-1") for name in names)
