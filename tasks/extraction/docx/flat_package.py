"""Word documents saved as one XML file (flat OPC): the same parts as in a DOCX, which is packed from them."""

from __future__ import annotations

import base64
import binascii
import io
import zipfile

import msgspec
from lxml import etree

from codebook.errors import GongkaiError
from codebook.records import Extraction
from tasks.extraction.docx.read_docx import compose_docx, read_docx
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.text_flow import Composition

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.flat-opc+xml"
_PACKAGE = "{http://schemas.microsoft.com/office/2006/xmlPackage}"
_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"


def read_flat_package(data: bytes, media_type: str, limits: ExtractionLimits) -> Extraction:
    """The extraction of a flat OPC document. Raises GongkaiError: ``file.too_large``, ``file.corrupt``, and as read_docx."""
    extraction = read_docx(_docx(data, limits), _DOCX, limits)
    return msgspec.structs.replace(extraction, media_type=media_type)


def compose_flat_package(data: bytes, limits: ExtractionLimits) -> Composition:
    """The pages of a flat OPC document with its pictures. Raises as :func:`read_flat_package`."""
    return compose_docx(_docx(data, limits), limits)


def _docx(data: bytes, limits: ExtractionLimits) -> bytes:
    if len(data) > limits.max_docx_part_bytes:
        raise GongkaiError("file.too_large", f"{len(data)} bytes of XML", f"at most {limits.max_docx_part_bytes}")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, huge_tree=False)
    try:
        root = etree.fromstring(data, parser)
        return _packed(root)
    except (etree.XMLSyntaxError, binascii.Error, ValueError) as error:
        raise GongkaiError(
            "file.corrupt", f"an XML document that cannot be read: {error}", "the document saved as DOCX"
        ) from error


def _packed(root: etree._Element) -> bytes:
    """The DOCX with the parts of a flat package."""
    target = io.BytesIO()
    overrides = []
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
        for part in root.iterchildren(f"{_PACKAGE}part"):
            name, kind = part.get(f"{_PACKAGE}name", ""), part.get(f"{_PACKAGE}contentType", "")
            overrides.append(f"<Override PartName={_quoted(name)} ContentType={_quoted(kind)}/>")
            package.writestr(name.lstrip("/"), _bytes(part))
        package.writestr("[Content_Types].xml", f'<Types xmlns="{_TYPES}">{"".join(overrides)}</Types>')
    return target.getvalue()


def _bytes(part: etree._Element) -> bytes:
    xml = part.find(f"{_PACKAGE}xmlData")
    if xml is not None and len(xml):
        return bytes(etree.tostring(xml[0], encoding="utf-8", xml_declaration=True, with_tail=False))
    binary = part.findtext(f"{_PACKAGE}binaryData")
    return base64.b64decode(binary) if binary else b""


def _quoted(text: str) -> str:
    return f'"{text.replace("&", "&amp;").replace("<", "&lt;").replace(chr(34), "&quot;")}"'
