"""Whether a document of an older format holds characters that are hidden, raised, lowered, white, deleted or put aside.

The library that reads these formats does not say which they are: a hidden 9 before a 7, or a note mark, would be a digit.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib

from lxml import etree

from tasks.extraction.office.word97_properties import character_properties

# [MS-DOC] 2.6.1: sprmCFVanish (0x083C) that is set, sprmCIss (0x2A48) with superscript or subscript, sprmCFDStrike (0x2A53),
# sprmCFRMarkDel (0x0800) with the time of the deletion (0x6864), sprmCCv (0x6870) white, sprmCHpsPos (0x4845) up or down.
_DOC = re.compile(
    rb"\x3c\x08[\x01\x80\x81]|\x48\x2a[\x01\x02]|\x53\x2a\x01|\x00\x08\x01.{0,14}\x64\x68"
    rb"|\x70\x68\xff\xff\xff\x00|\x45\x48[\x01-\x30\xd0-\xff][\x00\xff]",
    re.DOTALL,
)
# RTF 1.9.1: \v hides, \super, \sub, \up and \dn raise and lower; with the parameter 0 they end it. \deleted marks what a tracked
# change took out.
_RTF = re.compile(rb"\\(?:v|deleted)(?:1)?(?![a-z0-9])|\\(?:super|sub)(?![a-z0-9])|\\(?:up|dn)[1-9]")
# Text in the colour of what is behind it: \\cf names its colour, \\chcbpat, \\highlight and \\cb that of the ground.
_SAME = re.compile(
    rb"\\cf([1-9][0-9]{0,2})(?![0-9])(?:\\(?!chcbpat|highlight|cb[0-9])[a-z]+-?[0-9]*+ ?){0,12}"
    rb"\\(?:chcbpat|highlight|cb)\1(?![0-9])"
)
_COLOURS = re.compile(rb"\{\\colortbl([^{}]*)\}")
_PART = re.compile(rb"\\(?:red|green|blue)([0-9]{1,3})(?![0-9])")
_WHITE = 250  # of 255
_BOXES = re.compile(rb"\\(trowd|intbl|row|shptxt|dptxbxtext)(?![a-z])")
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_FO = "{urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0}"
_TINY = re.compile(r"(?:[0-2](?:\.[0-9]+)?|3)pt")
# What is not among the text of a cell: text that a condition hides, comments, and readings above characters.
_BESIDE = (
    f"{_TEXT}hidden-text",
    f"{_TEXT}hidden-paragraph",
    f"{_TEXT}ruby-text",
    "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}annotation",
)
_MOST = 50 * 1024 * 1024  # bytes of a part


def has_unseen_marks(data: bytes, kind: str) -> bool:
    """Return whether a document (``doc``, ``rtf`` or ``odt``) hides, raises or lowers characters, or has text boxes in a table,
    with which the library loses the rest of the row; True also where that cannot be found out.
    """
    if kind == "doc":
        properties = character_properties(data)
        return _DOC.search(data if properties is None else properties) is not None
    if kind == "rtf":
        marked = _RTF.search(data) is not None or _SAME.search(data) is not None
        return marked or _has_white_text(data) or _has_box_in_table(data)
    try:
        return _odt(data)
    except zipfile.BadZipFile:
        return False  # its reader says so
    except (zlib.error, KeyError, EOFError, NotImplementedError, RuntimeError, etree.XMLSyntaxError):
        return True


def _has_white_text(data: bytes) -> bool:
    """Whether a colour of text is white (RTF 1.9.1: \\colortbl lists colours, \\cf names one by its place)."""
    for table in _COLOURS.finditer(data):
        for number, entry in enumerate(table[1].split(b";")):
            parts = [int(part) for part in _PART.findall(entry)]
            if len(parts) == 3 and min(parts) >= _WHITE and re.search(rb"\\cf%d(?![0-9])" % number, data[table.end() :]):
                return True
    return False


def _has_box_in_table(data: bytes) -> bool:
    is_in_row = False
    for mark in _BOXES.finditer(data):
        if mark[1] in (b"shptxt", b"dptxbxtext"):
            if is_in_row:
                return True
        else:
            is_in_row = mark[1] != b"row"
    return False


def _odt(data: bytes) -> bool:
    """OpenDocument 1.3, part 3, 20.393 (text:display) and 20.384 (style:text-position), of styles that are used."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        names = [name for name in ("content.xml", "styles.xml") if name in package.NameToInfo]
        if "content.xml" not in names:
            return False
        if any(package.getinfo(name).file_size > _MOST for name in names):
            return True
        roots = [etree.fromstring(package.read(name), parser) for name in names]
    marked: set[str] = set()
    tiny: set[str] = set()
    parents: dict[str, str] = {}
    for root in roots:
        for style in root.iter(f"{_STYLE}style"):
            name = style.get(f"{_STYLE}name", "")
            parents[name] = style.get(f"{_STYLE}parent-style-name", "")
            if any(_is_marked(look) for look in style.iter(f"{_STYLE}text-properties")):
                marked.add(name)
            if any(_TINY.fullmatch(look.get(f"{_FO}font-size", "")) for look in style.iter(f"{_STYLE}text-properties")):
                tiny.add(name)
    written = (element for element in roots[0].iter(f"{_TEXT}span", f"{_TEXT}p") if (element.text or "").strip())
    if any(element.get(f"{_TEXT}style-name") in tiny for element in written):
        return True
    if any(next(cell.iter(*_BESIDE), None) is not None for cell in roots[0].iter(f"{_TABLE}table-cell")):
        return True
    used = {element.get(f"{_TEXT}style-name") for element in roots[0].iter(f"{_TEXT}span", f"{_TEXT}p", f"{_TEXT}h", f"{_TEXT}a")}
    for name in used:
        at, steps = name or "", 0
        while at and steps <= len(parents):
            if at in marked:
                return True
            at, steps = parents.get(at, ""), steps + 1
    return False


def _is_marked(look: etree._Element) -> bool:
    position = look.get(f"{_STYLE}text-position", "0%").split()[0]
    colour = look.get(f"{_FO}color", "").lower()
    is_same = colour != "" and colour == look.get(f"{_FO}background-color", "#ffffff").lower()
    return is_same or look.get(f"{_TEXT}display", "true") not in ("true", "") or position not in ("0%", "0")
