"""Word documents as Word 2003 wrote them in XML, made from a DOCX or from a body."""

from __future__ import annotations

import io
import zipfile

from lxml import etree

_NEW = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_SPACES = (
    'xmlns:w="http://schemas.microsoft.com/office/word/2003/wordml" '
    'xmlns:wx="http://schemas.microsoft.com/office/word/2003/auxHint" '
    'xmlns:aml="http://schemas.microsoft.com/aml/2001/core" xmlns:v="urn:schemas-microsoft-com:vml" '
    'xmlns:o="urn:schemas-microsoft-com:office:office" xmlns:own="urn:example:own"'
)
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<?mso-application progid="Word.Document"?>\n'
_OLD_NAMES = {"vMerge": "vmerge", "hMerge": "hmerge", "numPr": "listPr", "numId": "ilfo"}


def word_2003(body: str, *, before: str = "") -> bytes:
    """A document with this body; ``before`` stands in front of it (lists, styles)."""
    properties = "<o:DocumentProperties><o:Title>x</o:Title></o:DocumentProperties>"
    held = f"<wx:sect><wx:sub-section>{body}</wx:sub-section><w:sectPr/></wx:sect>"
    document = f'{properties}{before}<w:docPr><w:view w:val="print"/></w:docPr><w:body>{held}</w:body>'
    return f'{_HEAD}<w:wordDocument {_SPACES} w:macrosPresent="no" xml:space="preserve">{document}</w:wordDocument>'.encode()


def from_docx(docx: bytes) -> bytes:
    """The text and tables of a DOCX."""
    with zipfile.ZipFile(io.BytesIO(docx)) as package:
        body = etree.fromstring(package.read("word/document.xml")).find(f"{{{_NEW}}}body")
    assert body is not None
    return word_2003("".join(_written(child) for child in body if not child.tag.endswith("}sectPr")))


def _written(element: etree._Element) -> str:
    name = element.tag.rpartition("}")[2]
    name = _OLD_NAMES.get(name, name)
    attributes = "".join(f' w:{key.rpartition("}")[2]}="{value}"' for key, value in element.items() if "space" not in key)
    inner = "".join([_escaped(element.text), *(_written(child) + _escaped(child.tail) for child in element)])
    return f"<w:{name}{attributes}>{inner}</w:{name}>"


def _escaped(text: str | None) -> str:
    return (text or "").replace("&", "&amp;").replace("<", "&lt;")
