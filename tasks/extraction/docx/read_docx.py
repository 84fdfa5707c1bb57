"""Word documents: paragraphs and tables in body order, read from the parts of the package themselves.

Only the parts that are needed are unpacked, within limits, and their XML is read without entities, DTDs or network. Deleted text
of tracked changes is left out, inserted text is kept; text boxes follow the paragraph that they hang on; headers and footers are
not read.
"""

from __future__ import annotations

import posixpath
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO

from lxml import etree

from codebook.errors import GongkaiError
from codebook.records import Extraction, Page, PageKind, Reader
from tasks.extraction.docx.numbering import Numbering, read_numbering
from tasks.extraction.grid import Slot
from tasks.extraction.joining import gaps_within
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.raised import lowered, raised
from tasks.extraction.text_flow import CellGrid, Flow, compose

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_ENTRY = "EncryptedPackage".encode("utf-16-le")
# what the zip reader raises for damaged packages, and for methods of compression that DOCX does not allow
_BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, struct.error, ValueError, EOFError, OSError, NotImplementedError, RuntimeError)
_MEGABYTE = 1024 * 1024
_RISE = 4  # half points by which a note mark is moved up at least
# what is in the XML but not on the page: tracked deletions, field codes, pinyin over characters, properties
_UNSEEN = frozenset(
    ("del", "moveFrom", "instrText", "delText", "rt", "rPr", "pPr", "tblPr", "tblGrid", "sectPr", "sdtPr", "footnoteReference")
)
_BREAKS = frozenset(("br", "cr"))
_PLAIN = {"tab": "\t", "noBreakHyphen": "-", "ptab": "\t"}


def read_docx(data: bytes, media_type: str, limits: ExtractionLimits) -> Extraction:
    """Lines and tables of a DOCX (whole file, bytes).

    Raises GongkaiError: ``file.encrypted`` (a password protects it), ``file.unsupported`` (an old binary .doc), ``file.corrupt``,
    ``file.bomb`` or ``file.too_large`` (beyond ``limits``), ``file.empty`` (no text and no picture).
    """
    parts = _Parts(data, limits)
    name = parts.main()
    styles = parts.related(name, "styles")
    numbering = read_numbering(parts.related(name, "numbering"), styles)
    body = next((child for child in parts.xml(name) if _tag(child) == "body"), None)
    if body is None:
        raise GongkaiError("file.corrupt", f"{name} has no body", "a Word document")
    walker = _DocxWalker(numbering, _shifting_styles(styles), limits)
    blocks = compose(walker.flow(body), limits)
    notes = list(numbering.notes)
    if walker.contents:
        notes.append("docx.table_of_contents left out")
    if walker.pictures:
        notes.append(f"pictures={walker.pictures}")
    if not blocks and not walker.pictures:
        raise GongkaiError("file.empty", "a document without text", "text")
    kind = PageKind.TEXT if blocks else PageKind.PICTURE
    page = Page(1, kind, f"{len(blocks)} blocks, {walker.pictures} pictures", Reader.DOCX, blocks)
    return Extraction(media_type, (page,), title=parts.title(), notes=tuple(notes), page_gaps=gaps_within(page))


class _Parts:
    """The package, unpacked part by part within the limits."""

    def __init__(self, data: bytes, limits: ExtractionLimits) -> None:
        self.limits = limits
        if not data:
            raise GongkaiError("file.empty", "0 bytes")
        if data.startswith(_OLE):
            if _ENCRYPTED_ENTRY in data:
                raise GongkaiError("file.encrypted", "an encrypted Office document", "a document without a password")
            raise GongkaiError("file.unsupported", "an old binary Office document", "a DOCX document")
        try:
            self.zip = zipfile.ZipFile(BytesIO(data))
        except _BROKEN_ZIP as error:
            raise GongkaiError("file.corrupt", f"no ZIP package: {error}", "a DOCX document") from error
        entries = self.zip.infolist()
        if len(entries) > limits.max_docx_entries:
            raise GongkaiError("file.bomb", f"{len(entries)} entries", f"at most {limits.max_docx_entries}")
        if (size := sum(entry.file_size for entry in entries)) > limits.max_docx_bytes:
            raise GongkaiError("file.bomb", f"{size} bytes unpacked", f"at most {limits.max_docx_bytes}")
        for entry in entries:
            if entry.file_size > _MEGABYTE and entry.file_size > limits.max_ratio * max(1, entry.compress_size):
                raise GongkaiError("file.bomb", f"{entry.filename} grows {entry.file_size // max(1, entry.compress_size)}-fold")
        self.names = {entry.filename.lstrip("/").lower(): entry for entry in entries}

    def read(self, name: str) -> bytes | None:
        """The bytes of a part, None when there is none."""
        entry = self.names.get(name.lstrip("/").lower())
        if entry is None:
            return None
        if entry.flag_bits & 1:
            raise GongkaiError("file.encrypted", f"{name} has a password", "a document without a password")
        if entry.file_size > self.limits.max_docx_part_bytes:
            raise GongkaiError("file.too_large", f"{name}: {entry.file_size} bytes", f"at most {self.limits.max_docx_part_bytes}")
        try:
            return self.zip.read(entry)
        except _BROKEN_ZIP as error:
            raise GongkaiError("file.corrupt", f"{name}: {error}", "a whole package") from error

    def xml(self, name: str) -> etree._Element:
        """A part as XML. Raises ``file.corrupt`` when it is absent or no XML."""
        data = self.read(name)
        if data is None:
            raise GongkaiError("file.corrupt", f"{name} is missing", "a DOCX document")
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

    def main(self) -> str:
        """The name of the main part."""
        for target, kind in self.relations(""):
            if kind == "officeDocument":
                return target
        raise GongkaiError("file.corrupt", "no main document", "a DOCX document")

    def related(self, name: str, kind: str) -> etree._Element | None:
        """The part of that kind which ``name`` refers to, None when there is none."""
        for target, found in self.relations(name):
            if found == kind and target.lstrip("/").lower() in self.names:
                return self.xml(target)
        return None

    def relations(self, name: str) -> Iterator[tuple[str, str]]:
        """(target, last word of the type) of each relation of a part; "" is the package."""
        folder, base = posixpath.split(name)
        path = posixpath.join(folder, "_rels", f"{base}.rels")
        if name and path.lower() not in self.names:
            return
        for relation in self.xml(path):
            target = relation.get("Target") or ""
            if relation.get("TargetMode") != "External":
                yield (
                    posixpath.normpath(posixpath.join(folder, target)).lstrip("/"),
                    (relation.get("Type") or "").rpartition("/")[2],
                )

    def title(self) -> str | None:
        """The title in the document's properties."""
        if "docprops/core.xml" not in self.names:
            return None
        return next(
            (child.text for child in self.xml("docProps/core.xml") if _tag(child) == "title" and (child.text or "").strip()), None
        )


class _DocxWalker:
    """Turns body, cells and text boxes into flows."""

    def __init__(self, numbering: Numbering, shifting: dict[str, str], limits: ExtractionLimits) -> None:
        self.numbering = numbering
        self.shifting = shifting
        self.limits = limits
        self.pictures = 0
        self.contents = False

    def flow(self, parent: etree._Element) -> Flow:
        """Paragraphs and tables of a body, cell or text box, in order."""
        found: Flow = []
        for child in parent:
            tag = _tag(child)
            if tag == "p":
                found += self.paragraph(child)
            elif tag == "tbl":
                found.append(self.table(child))
            elif tag in ("sdt", "sdtContent", "customXml", "ins", "moveTo", "AlternateContent", "Choice", "smartTag"):
                if tag == "sdt" and _is_contents(child):
                    self.contents = True
                else:
                    found += self.flow(child)
        return found

    def paragraph(self, paragraph: etree._Element) -> Flow:
        """The lines of a paragraph (it may hold line breaks), then what stands in its text boxes."""
        pieces: list[str] = []
        boxes: Flow = []
        self._collect(paragraph, pieces, boxes)
        text = "".join(pieces)
        if text.strip():
            text = self.numbering.label(paragraph) + text
        return [line for line in text.split("\n") if line.strip()] + boxes

    def _collect(self, root: etree._Element, pieces: list[str], boxes: Flow) -> None:
        """Texts of the runs below ``root`` in order. Depth is bounded by the XML reader."""
        for child in root:
            tag = _tag(child)
            if tag == "t":
                pieces.append("".join(child.itertext(etree.Element)))
            elif tag in _PLAIN:
                pieces.append(_PLAIN[tag])
            elif tag in _BREAKS:
                pieces.append("" if _value(child, "type") in ("page", "column") else "\n")
            elif tag == "txbxContent":
                boxes += self.flow(child)
            elif tag == "AlternateContent":
                self._collect(next(iter(child), child), pieces, boxes)  # the first choice; the others say the same again
            elif tag in ("drawing", "pict", "object"):
                self.pictures += any(_tag(inner) in ("blip", "imagedata") for inner in child.iter(etree.Element))
                self._collect(child, pieces, boxes)
            elif tag == "r":
                if not _is_hidden(child):
                    begin = len(pieces)
                    self._collect(child, pieces, boxes)
                    if change := self._shift(child):
                        pieces[begin:] = [change(piece) for piece in pieces[begin:]]
            elif tag not in _UNSEEN:
                self._collect(child, pieces, boxes)

    def _shift(self, run: etree._Element) -> Callable[[str], str] | None:
        """Return what raises or lowers the text of a run, None where it stands on the line.

        A run that is moved up is raised only in a paragraph that does not begin so: that one is set higher as a whole.
        """
        shift = _value(_property(run, "vertAlign")) or self.shifting.get(_value(_property(run, "rStyle")) or "")
        if shift is None and _moved_up(run) and not _moved_up(_first_run(run)):
            shift = "superscript"
        return {"superscript": raised, "subscript": lowered}.get(shift or "")

    def table(self, table: etree._Element) -> CellGrid:
        """The cells of a table with their spans: vertical merges become row spans of the cell where they begin."""
        slots: list[Slot[Flow]] = []
        open_at: dict[int, int] = {}  # column -> index of the cell that a vertical merge continues
        row = 0
        for line in _descend(table, "tr"):
            if any(_tag(mark) == "del" for mark in _properties(line)):
                continue
            column = _number(_property(line, "gridBefore"), 0)
            ended = set(open_at)
            for cell in _descend(line, "tc"):
                span = max(1, _number(_property(cell, "gridSpan"), 1))
                if column + span > self.limits.max_columns:
                    raise GongkaiError(
                        "file.too_large", f"a table of {column + span} columns", f"at most {self.limits.max_columns}"
                    )
                merge = _property(cell, "vMerge")
                at = open_at.get(column)
                if (
                    _continues(merge)
                    and at is not None
                    and slots[at].column_span == span
                    and slots[at].row + slots[at].row_span == row
                ):
                    slots[at] = slots[at]._replace(row_span=slots[at].row_span + 1, content=slots[at].content + self.flow(cell))
                    ended.discard(column)
                elif _continues(_property(cell, "hMerge")) and slots and slots[-1].row == row:
                    slots[-1] = slots[-1]._replace(column_span=slots[-1].column_span + span)
                else:
                    slots.append(Slot(row, column, 1, span, self.flow(cell)))
                    if merge is not None:
                        open_at[column] = len(slots) - 1
                        ended.discard(column)
                column += span
            for gone in ended:
                del open_at[gone]
            row += 1
        return CellGrid(slots)


def _tag(element: etree._Element) -> str:
    """The local name: the transitional and the strict form of the format differ only in their namespaces."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _value(element: etree._Element | None, name: str = "val") -> str | None:
    if element is None:
        return None
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), None)


def _number(element: etree._Element | None, default: int) -> int:
    value = _value(element) or ""
    return int(value) if value.isdecimal() else default


def _properties(element: etree._Element) -> list[etree._Element]:
    return [entry for child in element if _tag(child) in ("tcPr", "trPr", "pPr", "rPr", "sdtPr") for entry in child]


def _property(element: etree._Element, name: str) -> etree._Element | None:
    return next((entry for entry in _properties(element) if _tag(entry) == name), None)


def _continues(merge: etree._Element | None) -> bool:
    return merge is not None and _value(merge) != "restart"


def _descend(parent: etree._Element, name: str) -> Iterator[etree._Element]:
    """The rows of a table or cells of a row, also those inside content controls and tracked insertions."""
    for child in parent:
        tag = _tag(child)
        if tag == name:
            yield child
        elif tag in ("sdt", "sdtContent", "customXml", "ins", "moveTo"):
            yield from _descend(child, name)


def _is_contents(control: etree._Element) -> bool:
    """Return whether a content control is a generated table of contents."""
    gallery = next(
        (entry for found in _properties(control) for entry in found.iter(etree.Element) if _tag(entry) == "docPartGallery"), None
    )
    return _value(gallery) == "Table of Contents"


def _is_hidden(run: etree._Element) -> bool:
    hidden = _property(run, "vanish")
    return hidden is not None and _value(hidden) not in ("0", "false", "off")


def _moved_up(run: etree._Element) -> bool:
    """Return whether a run is moved up by ``_RISE`` or more."""
    value = _value(_property(run, "position")) or ""
    return value.isdecimal() and int(value) >= _RISE


def _first_run(run: etree._Element) -> etree._Element:
    """The first run with text of the paragraph in which a run stands."""
    paragraph = next((parent for parent in run.iterancestors() if _tag(parent) == "p"), run)
    runs = (element for element in paragraph.iter(etree.Element) if _tag(element) == "r")
    return next((found for found in runs if any(_tag(child) == "t" and child.text for child in found)), run)


def _shifting_styles(styles: etree._Element | None) -> dict[str, str]:
    """The ids of the character styles that raise or lower text, their own or by the style that they are based on, with how."""
    own: dict[str, str] = {}
    bases: dict[str, str] = {}
    for style in styles if styles is not None else ():
        name = _value(style, "styleId")
        if name is None or _value(style, "type") != "character":
            continue
        if shift := _value(_property(style, "vertAlign")):
            own[name] = shift
        based = next((_value(entry) for entry in style if _tag(entry) == "basedOn"), None)
        if based:
            bases[name] = based
    for name in bases:
        seen, at = {name}, name
        while at not in own and at in bases and bases[at] not in seen:
            at = bases[at]
            seen.add(at)
        if at in own:
            own.setdefault(name, own[at])
    return own
