"""What a file is, told from its bytes: the name is never believed.

>>> import io
>>> identify(io.BytesIO("<!DOCTYPE html><p>政府信息公开".encode("gb18030"))).media_type
'text/html'
"""

from __future__ import annotations

import re
import zipfile
from enum import StrEnum
from typing import BinaryIO

from codebook.errors import GongkaiError
from codebook.records import Record
from codebook.text.decoding import decode_sample
from ingest.archives.limits import MIB, Limits
from ingest.archives.mails import MAIL
from ingest.archives.outlook import OUTLOOK, is_message
from ingest.archives.streams import BZIP2, GZIP, RAR, RAR_MAGIC, SEVEN_ZIP, TAR, XZ, ZIP, is_tar_header
from ingest.archives.volumes import is_last_volume
from ingest.archives.zips import BROKEN, open_zip

SAMPLE = 64 * 1024  # bytes of the head that are looked at
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PDF = "application/pdf"
TEXT = "text/plain"
HTML = "text/html"
MHTML = "multipart/related"
_LEAST_FIELDS = 2  # of those that a mail has
FLAT_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.flat-opc+xml"
WORD_2003 = "application/x-word2003+xml"
_XML_DOCUMENTS = {
    "http://schemas.microsoft.com/office/2006/xmlPackage": FLAT_DOCX,
    "http://schemas.microsoft.com/office/word/2003/wordml": WORD_2003,
}
_NAMESPACES = 4_000  # characters at the start of an XML document in which they are declared
_LONGEST_TYPE = 200  # bytes


class FileRole(StrEnum):
    """What is done with a file: processed, unpacked, or refused with a code."""

    DOCUMENT = "document"
    ARCHIVE = "archive"
    REFUSED = "refused"


class FileIdentity(Record, frozen=True):
    """The media type of a content, and what follows from it. ``code``, ``found`` and ``expected`` say why it is refused."""

    media_type: str
    role: FileRole = FileRole.DOCUMENT
    code: str | None = None
    found: str = ""
    expected: str = ""


READABLE = "txt, HTML, DOCX, PDF, pictures, OFD, older Word, WPS, RTF or OpenDocument files, or workbooks"
SAVED = "the document opened and saved as DOCX, XLSX or PDF"


def _refused(media_type: str, found: str, expected: str = READABLE, code: str = "file.unsupported") -> FileIdentity:
    return FileIdentity(media_type, FileRole.REFUSED, code, found, expected)


OLE2_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PREFIXES: tuple[tuple[bytes, FileIdentity], ...] = (
    (b"\x89PNG\r\n\x1a\n", FileIdentity("image/png")),
    (b"\xff\xd8\xff", FileIdentity("image/jpeg")),
    (b"II*\0", FileIdentity("image/tiff")),
    (b"MM\0*", FileIdentity("image/tiff")),
    (b"II+\0\x08\0", FileIdentity("image/tiff")),
    (b"MM\0+\0\x08", FileIdentity("image/tiff")),
    (b"\0\0\0\x0cjP  \r\n\x87\n", FileIdentity("image/jp2")),  # ISO/IEC 15444-1, I.5.1
    (b"\xff\x4f\xff\x51", FileIdentity("image/jp2")),  # its bare codestream, A.4.1
    (b"GIF87a", FileIdentity("image/gif")),
    (b"GIF89a", FileIdentity("image/gif")),
    (b"\x1f\x8b\x08", FileIdentity(GZIP, FileRole.ARCHIVE)),
    (b"BZh", FileIdentity(BZIP2, FileRole.ARCHIVE)),
    (b"\xfd7zXZ\0", FileIdentity(XZ, FileRole.ARCHIVE)),
    (b"7z\xbc\xaf\x27\x1c", FileIdentity(SEVEN_ZIP, FileRole.ARCHIVE)),
    (RAR_MAGIC, FileIdentity(RAR, FileRole.ARCHIVE)),
    (b"\x28\xb5\x2f\xfd", _refused("application/zstd", "a zstd file", "a zip, tar, 7z or RAR archive")),
    (b"{\\rtf", FileIdentity("application/rtf")),
    (b"\x7fELF", _refused("application/x-executable", "a program")),
    (b"MZ\x90\0", _refused("application/x-msdownload", "a Windows program")),
    (b"SQLite format 3\0", _refused("application/vnd.sqlite3", "an SQLite database")),
)


def identify(file: BinaryIO) -> FileIdentity:
    """The identity of the content of a seekable binary file, which is then at its start again. Bad content raises nothing."""
    file.seek(0)
    head = file.read(SAMPLE)
    try:
        return _by_magic(file, head) or _by_text(head)
    finally:
        file.seek(0)


def _by_magic(file: BinaryIO, head: bytes) -> FileIdentity | None:
    if not head:
        return _refused("application/x-empty", "0 bytes", "a file with content", "file.empty")
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):  # before PDF: a zip may hold one uncompressed in its first kilobyte
        return _zip(file)
    if head.startswith(b"PK\x07\x08PK\x03\x04"):  # the mark of a split zip (PKWARE appnote 8.5.3), whole or its first volume
        whole = _zip(file)
        return whole if whole.code is None else _VOLUME
    if _is_last_volume(file):
        return _VOLUME
    if head.startswith(OLE2_MAGIC):
        return _ole2(file)
    return next((identity for magic, identity in _PREFIXES if head.startswith(magic)), None) or _by_structure(head)


_VOLUME = _refused(ZIP, "one volume of a split zip", "all its volumes (.z01 and on, and .zip) in one folder", "file.corrupt")


def _is_last_volume(file: BinaryIO) -> bool:
    size = file.seek(0, 2)
    file.seek(max(0, size - 22))
    return is_last_volume(file.read(), size)


# Brands of pictures in ISO base media files (ISO/IEC 23008-12, AV1 Image File Format).
_FTYP = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"hevc", b"hevx"), "image/heic"),
    **dict.fromkeys((b"avif", b"avis"), "image/avif"),
}


def _by_structure(head: bytes) -> FileIdentity | None:
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return FileIdentity("image/webp")
    if head[4:8] == b"ftyp" and (kind := _FTYP.get(head[8:12])) is not None:
        return FileIdentity(kind)
    if head[:2] == b"BM" and head[6:10] == b"\0\0\0\0" and head[14:18] in _BMP_HEADERS:
        return FileIdentity("image/bmp")
    if is_tar_header(head[:512]):
        return FileIdentity(TAR, FileRole.ARCHIVE)
    if b"%PDF-" in head[:1024]:  # ISO 32000 annex H: readers accept the header anywhere in the first 1024 bytes
        return FileIdentity(PDF)
    return None


def looks_packed(head: bytes) -> bool:
    """Return whether a content with these first bytes may be an archive (or an Office document, which is a zip)."""
    return head.startswith((b"PK", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!")) or is_tar_header(head[:512])


_BMP_HEADERS = tuple(size.to_bytes(4, "little") for size in (12, 40, 52, 56, 64, 108, 124))


_PARTS = (
    ("word/document.xml", DOCX, None),
    ("xl/workbook.xml", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", None),
    ("xl/workbook.bin", "application/vnd.ms-excel.sheet.binary.macroenabled.12", None),
    ("ppt/presentation.xml", "application/vnd.openxmlformats-officedocument.presentationml.presentation", "a presentation"),
    ("ofd.xml", "application/ofd", None),
    ("content.xml", "application/vnd.oasis.opendocument", "an OpenDocument file"),
)
_OPEN_DOCUMENTS = ("application/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.spreadsheet")


_MAIN_TYPES = {b"wordprocessingml.": "word/document.xml", b"spreadsheetml.sheet.main": "xl/workbook.xml"}
_WORD_PART = re.compile(r"word/document\d*+\.xml")

# The parts of an Office document are unpacked into memory by its reader. A table of zeros packs 100 times.
_OFFICE_BYTES = 512 * MIB
_OFFICE_RATIO = 200
_OFFICE_FREE = 32 * MIB


def _zip(file: BinaryIO) -> FileIdentity:
    try:
        with open_zip(file, Limits()) as archive:
            names = {name.lower().lstrip("/").replace("\\", "/") for name in archive.namelist()}
            size = sum(info.file_size for info in archive.infolist())
            packed = sum(info.compress_size for info in archive.infolist())
            open_document = _open_document(archive)
            if "[content_types].xml" in names and not any(name.startswith(("word/", "xl/", "ppt/")) for name in names):
                names |= _main_part(archive)
    except GongkaiError as error:
        return _refused(ZIP, error.found, error.expected, error.code)
    office = "[content_types].xml" in names or "_rels/.rels" in names
    if office and any(_WORD_PART.fullmatch(name) for name in names):
        names.add("word/document.xml")  # what its main part is called, the package's relations say
    for part, media_type, called in (*((name, open_document, None) for name in _open_parts(open_document)), *_PARTS):
        if part in names and (office or not part.startswith(("word/", "xl/", "ppt/"))):
            if part == "content.xml" and "mimetype" not in names:
                continue
            if called is None and (size > _OFFICE_BYTES or size > packed * _OFFICE_RATIO + _OFFICE_FREE):
                return FileIdentity(
                    media_type,
                    FileRole.REFUSED,
                    "file.bomb",
                    f"a document of {size:,} bytes in {packed:,}",
                    f"at most {_OFFICE_BYTES:,}",
                )
            if called is None:
                return FileIdentity(media_type)
            return _refused(media_type, called, SAVED)
    if office:
        return _refused(ZIP, "an Office file without its main part", "a whole DOCX file", "file.corrupt")
    return FileIdentity(ZIP, FileRole.ARCHIVE)


def _open_document(archive: zipfile.ZipFile) -> str:
    """The media type that an OpenDocument package names in its first part; "" for another zip (OpenDocument 1.3, part 2, 3.3)."""
    info = archive.NameToInfo.get("mimetype")
    if info is None or info.file_size > _LONGEST_TYPE or info.flag_bits & 1:
        return ""
    try:
        return archive.read(info).decode("ascii", "replace").strip().removesuffix("-template")
    except BROKEN:
        return ""


def _main_part(archive: zipfile.ZipFile) -> set[str]:
    """The usual name of the main part of an Office document that keeps it elsewhere: its list of types says what it is."""
    info = next((one for one in archive.infolist() if one.filename.lower().lstrip("/\\") == "[content_types].xml"), None)
    if info is None or info.file_size > MIB or info.flag_bits & 1:
        return set()
    try:
        types = archive.read(info)
    except BROKEN:
        return set()
    return {name for kind, name in _MAIN_TYPES.items() if kind in types}


def _open_parts(media_type: str) -> tuple[str, ...]:
    """The main part of an OpenDocument package of a kind that is read."""
    return ("content.xml",) if media_type in _OPEN_DOCUMENTS else ()


_WISHES = {OUTLOOK: "the message saved as .eml, or the files that are attached to it"}
_OLE2_STREAMS = (
    ("EncryptedPackage", "application/x-ole-encrypted", "file.encrypted", "a DOCX file with a password"),
    ("WordDocument", "application/msword", "", ""),  # .doc of Word 97 to 2003, .wps
    ("Workbook", "application/vnd.ms-excel", "", ""),
    ("Book", "application/vnd.ms-excel", "", ""),
    ("PowerPoint Document", "application/vnd.ms-powerpoint", "file.unsupported", "an old presentation"),
    ("__properties_version1.0", OUTLOOK, "file.unsupported", "a message of Outlook (.msg)"),
)


def _ole2(file: BinaryIO) -> FileIdentity:
    """The kind of an OLE2 compound file, by the names in its directory: entries of 128 bytes that begin with a UTF-16 name."""
    wanted = {name.encode("utf-16-le").ljust(64, b"\0"): row for name, *row in _OLE2_STREAMS}
    found: list[tuple[str, str, str]] = []
    file.seek(0)
    while chunk := file.read(SAMPLE):
        for start in range(0, len(chunk), 128):
            row = wanted.get(chunk[start : start + 64])
            if row:
                found.append((row[0], row[1], row[2]))
    if any(media_type == OUTLOOK for media_type, _, _ in found) and is_message(file):
        return FileIdentity(OUTLOOK, FileRole.ARCHIVE)  # before Word: what is attached to it may be that
    for _, media_type, code, called in _OLE2_STREAMS:
        if (media_type, code, called) in found:
            if not code:
                return FileIdentity(media_type)
            wish = _WISHES.get(media_type, SAVED) if code == "file.unsupported" else "the file without its password"
            return _refused(media_type, called, wish, code)
    return _refused("application/x-ole-storage", "an unknown OLE2 file")


# ---- text -------------------------------------------------------------------------------------------------------------------

_TAGS = (
    "html|head|body|meta|title|link|script|style|div|table|tbody|thead|tr|td|th|p|span|section|article|center|font|ul|ol|li|h[1-6]"
    "|a|img|form|iframe|br|hr|strong|b"
)
_STARTS_HTML = re.compile(rf"<(?:!doctype\s+html|(?:{_TAGS})(?=[\s/>]))", re.I)
_SPACE = re.compile(r"\s*+")
_HAS_HTML = re.compile(r"<!doctype\s+html|<(?:html|body)(?=[\s>])", re.I)
_TAG = re.compile(rf"</?(?:{_TAGS})(?:\s[^<>]*)?/?>", re.I)
_BLOCK_END = re.compile(r"</(?:p|div|td|tr|table|li)>", re.I)
_MARKDOWN = re.compile(r"^(?:#{1,6} \S|\|?[ \t]*+:?-{3,}+:?[ \t]*+\|)", re.M)
_XML = re.compile(r"\s*<\?xml\b|\s*<(?:svg|rss|feed|w:document|w:wordDocument)[\s>]", re.I)
_HEADER_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9-]{1,60}):")  # RFC 5322, 2.2
_MAIL_FIELDS = frozenset(("from", "to", "date", "subject", "message-id", "received"))


def _by_text(head: bytes) -> FileIdentity:
    text = decode_sample(head)
    if text is None:
        return FileIdentity(
            "application/octet-stream",
            FileRole.REFUSED,
            "file.unsupported",
            "bytes that are neither text nor a known format",
            READABLE,
        )
    if (kind := _message_type(text)) is not None:
        return FileIdentity(MHTML) if kind == MHTML else FileIdentity(MAIL, FileRole.ARCHIVE)
    if is_html(text):
        return FileIdentity(HTML)
    return _xml(text) if _XML.match(text) else FileIdentity(TEXT)


def _xml(text: str) -> FileIdentity:
    """A document that is one XML file: its namespaces say whose."""
    found = next((media_type for space, media_type in _XML_DOCUMENTS.items() if space in text[:_NAMESPACES]), None)
    return FileIdentity(found) if found is not None else _refused("application/xml", "an XML file", SAVED)


def _message_type(text: str) -> str | None:
    """The type of a MIME message by its header (RFC 2045): MHTML of a page that a browser saved, MAIL; None for other texts."""
    fields: dict[str, str] = {}
    last = ""
    for line in text.lstrip("\r\n").splitlines():
        if not line.strip():
            break
        if line[0] in " \t" and last:
            fields[last] += line
        elif (found := _HEADER_FIELD.match(line)) is not None:
            last = found[1].lower()
            fields[last] = line[found.end() :]
        else:
            return None
    kind = fields.get("content-type", "").partition(";")[0].strip().lower()
    if kind == MHTML:
        return MHTML
    is_mail = "mime-version" in fields and kind and len(_MAIL_FIELDS & fields.keys()) >= _LEAST_FIELDS
    return MAIL if is_mail else None


def is_html(text: str) -> bool:
    """Return whether the beginning of a text is HTML: it starts with a tag, or has the frame of a page, or is full of closed
    tags.

    Markdown with tags in it stays text: its rows and headings are lines.
    """
    if _STARTS_HTML.match(text, _after_prologue(text)) or _HAS_HTML.search(text):
        return True
    return bool(_BLOCK_END.search(text)) and len(_TAG.findall(text)) >= 5 and not _MARKDOWN.search(text)


def _after_prologue(text: str) -> int:
    """Return where the first element can begin: behind white space, an XML declaration and comments.

    A loop, and no pattern: one for any number of comments tries each of their ends in turn, which takes exponential time.
    """
    at = _first_visible(text, 0)
    if text.startswith("<?xml", at) and (end := text.find("?>", at)) >= 0:
        at = _first_visible(text, end + 2)
    while text.startswith("<!--", at) and (end := text.find("-->", at)) >= 0:
        at = _first_visible(text, end + 3)
    return at


def _first_visible(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
