"""The package of a DOCX: its parts, unpacked one by one within limits, and the relations between them.

Names of parts are compared without regard to case, with strokes of either kind and with or without the leading one, as Word does.
"""

from __future__ import annotations

import posixpath
import struct
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import NamedTuple
from urllib.parse import unquote

from lxml import etree

from codebook.errors import GongkaiError
from tasks.extraction.docx.markup import local_name
from tasks.extraction.limits import ExtractionLimits

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_ENTRY = "EncryptedPackage".encode("utf-16-le")
# what the zip reader raises for damaged packages, and for methods of compression that DOCX does not allow
_BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, struct.error, ValueError, EOFError, OSError, NotImplementedError, RuntimeError)
_MEGABYTE = 1024 * 1024
_USUAL_MAIN = "word/document.xml"


class PartRelation(NamedTuple):
    """A relation of a part: its id, the last word of its type, the name of the part or address, and whether that is outside."""

    id: str
    kind: str
    target: str
    is_external: bool = False


class Unpacked:
    """Counts what is unpacked of a document and of those in it: a small file may hold another over and over."""

    def __init__(self, most: int) -> None:
        self.most, self.size = most, 0

    def add(self, size: int) -> None:
        """Count these bytes. Raises ``file.bomb`` beyond the limit."""
        self.size += size
        if self.size > self.most:
            raise GongkaiError("file.bomb", f"more than {self.most} bytes unpacked", f"at most {self.most}")


def part_to_xml(data: bytes, name: str) -> etree._Element:
    """The bytes of the part ``name`` as XML. Raises ``file.corrupt`` when they are none."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise GongkaiError("file.corrupt", f"{name}: {error}", "well-formed XML") from error
    if root.getroottree().docinfo.internalDTD is not None:  # ISO/IEC 29500-2 forbids them: only an attack has one
        raise GongkaiError("file.corrupt", f"{name} declares a document type", "XML without DTD")
    return root


class DocxPackage:
    """The package. Raises ``file.encrypted``, ``file.unsupported`` (an old binary document), ``file.corrupt``, ``file.bomb``."""

    def __init__(self, data: bytes, limits: ExtractionLimits, unpacked: Unpacked) -> None:
        self.limits = limits
        self._unpacked = unpacked
        if not data:
            raise GongkaiError("file.empty", "0 bytes")
        if data.startswith(_OLE):
            if _ENCRYPTED_ENTRY in data:
                raise GongkaiError("file.encrypted", "an encrypted Office document", "a document without a password")
            raise GongkaiError("file.unsupported", "an old binary Office document", "a DOCX document")
        try:
            self._zip = zipfile.ZipFile(BytesIO(data))
        except _BROKEN_ZIP as error:
            raise GongkaiError("file.corrupt", f"no ZIP package: {error}", "a DOCX document") from error
        entries = self._zip.infolist()
        if len(entries) > limits.max_docx_entries:
            raise GongkaiError("file.bomb", f"{len(entries)} entries", f"at most {limits.max_docx_entries}")
        if (size := sum(entry.file_size for entry in entries)) > limits.max_docx_bytes:
            raise GongkaiError("file.bomb", f"{size} bytes unpacked", f"at most {limits.max_docx_bytes}")
        for entry in entries:
            if entry.file_size > _MEGABYTE and entry.file_size > limits.max_ratio * max(1, entry.compress_size):
                raise GongkaiError("file.bomb", f"{entry.filename} grows {entry.file_size // max(1, entry.compress_size)}-fold")
        self._names = {_key(entry.filename): entry for entry in entries}
        self._relations: dict[str, tuple[PartRelation, ...]] = {}

    def __contains__(self, name: str) -> bool:
        return _key(name) in self._names

    def read(self, name: str) -> bytes | None:
        """The bytes of a part, None when there is none."""
        entry = self._names.get(_key(name))
        if entry is None:
            return None
        if entry.flag_bits & 1:
            raise GongkaiError("file.encrypted", f"{name} has a password", "a document without a password")
        if entry.file_size > self.limits.max_docx_part_bytes:
            raise GongkaiError("file.too_large", f"{name}: {entry.file_size} bytes", f"at most {self.limits.max_docx_part_bytes}")
        self._unpacked.add(entry.file_size)
        try:
            return self._zip.read(entry)
        except _BROKEN_ZIP as error:
            raise GongkaiError("file.corrupt", f"{name}: {error}", "a whole package") from error

    def xml(self, name: str) -> etree._Element:
        """A part as XML. Raises ``file.corrupt`` when it is absent or no XML."""
        data = self.read(name)
        if data is None:
            raise GongkaiError("file.corrupt", f"{name} is missing", "a DOCX document")
        return part_to_xml(data, name)

    def main(self) -> str:
        """The name of the main part: as the package's relations say, else where Word puts it."""
        if "_rels/.rels" in self:
            for relation in self.relations(""):
                if relation.kind == "officeDocument" and not relation.is_external:
                    return relation.target
        if _USUAL_MAIN in self:
            return _USUAL_MAIN
        raise GongkaiError("file.corrupt", "no main document", "a DOCX document")

    def related(self, name: str, kind: str) -> etree._Element | None:
        """The part of that kind which ``name`` refers to, None when there is none."""
        part = self.related_name(name, kind)
        return None if part is None else self.xml(part)

    def related_name(self, name: str, kind: str) -> str | None:
        """The name of the part of that kind which ``name`` refers to, None when there is none."""
        for relation in self.relations(name):
            if relation.kind == kind and not relation.is_external and relation.target in self:
                return relation.target
        return None

    def relations(self, name: str) -> tuple[PartRelation, ...]:
        """The relations of a part; "" is the package."""
        if name not in self._relations:
            self._relations[name] = tuple(self._relations_of(name))
        return self._relations[name]

    def _relations_of(self, name: str) -> Iterator[PartRelation]:
        folder, base = posixpath.split(name)
        path = posixpath.join(folder, "_rels", f"{base}.rels")
        if name and path not in self:
            return
        for relation in self.xml(path):
            target = (relation.get("Target") or "").replace("\\", "/")
            kind = (relation.get("Type") or "").rpartition("/")[2]
            if relation.get("TargetMode") == "External":
                yield PartRelation(relation.get("Id") or "", kind, target, True)
            else:
                full = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
                yield PartRelation(relation.get("Id") or "", kind, full if full in self else unquote(full))

    def title(self) -> str | None:
        """The title in the document's properties."""
        if "docProps/core.xml" not in self:
            return None
        return next((c.text for c in self.xml("docProps/core.xml") if local_name(c) == "title" and (c.text or "").strip()), None)


def _key(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()
