"""Word documents saved as XML by Word 2003 (WordprocessingML of 2003): packed as a DOCX, whose elements they became.

What differs is renamed: merged cells, lists, tracked changes (AML), notes that stand in the text, and wrappers that only Word
itself needs. Pictures stand in the file as base64, under names that shapes refer to.
"""

from __future__ import annotations

import base64
import binascii
import io
import zipfile
from collections.abc import Iterator
from xml.sax.saxutils import quoteattr

import msgspec
from lxml import etree

from codebook.errors import GongkaiError
from codebook.records import Extraction
from tasks.extraction.docx.markup import local_name, value_of
from tasks.extraction.docx.read_docx import compose_docx, read_docx
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.text_flow import Composition

MEDIA_TYPE = "application/x-word2003+xml"
_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_OLD = "http://schemas.microsoft.com/office/word/2003/wordml"
_CHANGES = "http://schemas.microsoft.com/aml/2001/core"
_NEW = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_VML = "urn:schemas-microsoft-com:vml"
_MICROSOFT = "urn:schemas-microsoft-com:office:"
_W = f"{{{_NEW}}}"
_RENAMED = {
    "wordDocument": "document",
    "vmerge": "vMerge",
    "hmerge": "hMerge",
    "listPr": "numPr",
    "ilfo": "numId",
    "footnote": "footnoteReference",  # it stands in the text, at its mark
    "endnote": "footnoteReference",
    "lists": "numbering",
    "listDef": "abstractNum",
    "list": "num",
    "ilst": "abstractNumId",
    "nfc": "numFmt",
    "cfChunk": "customXml",
}
_ATTRIBUTES = {"listDefId": "abstractNumId", "ilfo": "numId"}
_TRACKED = {"Word.Insertion": "ins", "Word.Deletion": "del", "Word.CellDeletion": "cellDel", "Word.Numbering": "numberingChange"}
# The numbers of kinds of list numbers ([MS-OSHARED] 2.2.1.3) by the names that they have in a DOCX.
_FORMATS = {
    **dict(enumerate(("decimal", "upperRoman", "lowerRoman", "upperLetter", "lowerLetter"))),
    **{10: "ideographDigital", 11: "japaneseCounting", 14: "decimalFullWidth", 15: "decimalHalfWidth"},
    **{17: "japaneseDigitalTenThousand", 18: "decimalEnclosedCircle", 19: "decimalFullWidth2", 22: "decimalZero", 23: "bullet"},
    **{28: "decimalEnclosedCircleChinese", 33: "taiwaneseCounting", 35: "taiwaneseCountingThousand", 36: "taiwaneseDigital"},
    **{37: "chineseCounting", 38: "chineseLegalSimplified", 39: "chineseCountingThousand", 255: "none"},
}


def read_word2003(data: bytes, media_type: str, limits: ExtractionLimits) -> Extraction:
    """The extraction of an XML document of Word 2003. Raises GongkaiError: ``file.too_large``, ``file.corrupt``, and as
    read_docx.
    """
    return msgspec.structs.replace(read_docx(_docx(data, limits), _DOCX, limits), media_type=media_type)


def compose_word2003(data: bytes, limits: ExtractionLimits) -> Composition:
    """The pages of an XML document of Word 2003 with its pictures. Raises as :func:`read_word2003`."""
    return compose_docx(_docx(data, limits), limits)


def _docx(data: bytes, limits: ExtractionLimits) -> bytes:
    if len(data) > limits.max_docx_part_bytes:
        raise GongkaiError("file.too_large", f"{len(data)} bytes of XML", f"at most {limits.max_docx_part_bytes}")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True, huge_tree=False
    )
    try:
        root = etree.fromstring(data, parser)
        pictures = list(_take_pictures(root))
        for element in root.iter(etree.Element):
            _rename(element)
        return _packed(root, pictures)
    except (etree.XMLSyntaxError, binascii.Error, ValueError) as error:
        raise GongkaiError(
            "file.corrupt", f"an XML document that cannot be read: {error}", "the document saved as DOCX"
        ) from error


def _take_pictures(root: etree._Element) -> Iterator[bytes]:
    """Yield the pictures, taken out of the document; shapes refer to them by ``pic1`` and on."""
    numbers: dict[str, int] = {}
    for held in list(root.iter(f"{{{_OLD}}}binData")):
        name = value_of(held, "name") or ""
        if name not in numbers and name.startswith("wordml://"):
            numbers[name] = len(numbers) + 1
            yield base64.b64decode("".join((held.text or "").split()))
        held.clear()
    for shown in root.iter(f"{{{_VML}}}imagedata"):
        if (number := numbers.get(value_of(shown, "src") or "")) is not None:
            shown.set(f"{{{_OFFICE}}}id", f"pic{number}")


def _rename(element: etree._Element) -> None:
    """Give an element, and its attributes, the names of a DOCX."""
    name = local_name(element)
    space = str(element.tag).rpartition("}")[0].removeprefix("{")
    if space == _OLD:
        element.tag = _W + _RENAMED.get(name, name)
    elif space == _CHANGES:
        kind = _TRACKED.get(value_of(element, "type") or "", "" if name == "annotation" else "customXml")
        element.tag = _W + (kind or "rt")  # a comment, like a reading above characters, is no text of the document
    elif space != _VML and not space.startswith(_MICROSOFT):
        element.tag = f"{_W}customXml"  # sections of Word, and elements of other schemas around paragraphs
    for key, value in list(element.items()):
        old = key.rpartition("}")[2]
        if key.startswith(f"{{{_OLD}}}"):
            del element.attrib[key]
            element.set(_W + _ATTRIBUTES.get(old, old), _FORMATS.get(_whole(value), "decimal") if name == "nfc" else value)


def _whole(value: str) -> int:
    return int(value) if value.isdecimal() and len(value) < 4 else 0


def _packed(root: etree._Element, pictures: list[bytes]) -> bytes:
    """The DOCX with the parts of a document whose elements have their new names."""
    parts = {"styles": "styles", "numbering": "numbering", "docPr": "settings"}
    target = io.BytesIO()
    relations = []
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
        for child in list(root):
            if (part := parts.get(local_name(child))) is not None:
                root.remove(child)
                package.writestr(f"word/{part}.xml", etree.tostring(child, encoding="utf-8", with_tail=False))
                relations.append((part, part, f"{part}.xml"))
        for number, picture in enumerate(pictures, 1):
            package.writestr(f"word/media/{number}", picture)
            relations.append((f"pic{number}", "image", f"media/{number}"))
        package.writestr("word/document.xml", etree.tostring(root, encoding="utf-8"))
        package.writestr("word/_rels/document.xml.rels", _relations(relations))
        package.writestr("_rels/.rels", _relations([("main", "officeDocument", "word/document.xml")]))
        package.writestr("[Content_Types].xml", f'<Types xmlns="{_PACKAGE}/content-types"/>')
    return target.getvalue()


def _relations(found: list[tuple[str, str, str]]) -> str:
    rows = (f'<Relationship Id="{key}" Type="{_OFFICE}/{kind}" Target={quoteattr(target)}/>' for key, kind, target in found)
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{"".join(rows)}</Relationships>'
