"""The type of a file by its content: a table of small files, and what must not fool it."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import tarfile
import zipfile

import pytest

from ingest.archives.mails import MAIL
from ingest.files.identify import DOCX, FLAT_DOCX, HTML, PDF, TEXT, ZIP, FileRole, identify

REPORT = "示例县人民政府2024年政府信息公开工作年度报告\n一、总体情况\n本年新收政府信息公开申请 10 件。\n"
PAGE = f"<html><body><table><tr><td>{REPORT}</td></tr></table></body></html>"


def zipped(*names: str, content: bytes = b"<x/>", method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name in names:
            archive.writestr(name, content)
    return out.getvalue()


def tarred() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        info = tarfile.TarInfo("a.txt")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"abc"))
    return out.getvalue()


def ole2(stream: str) -> bytes:
    entry = stream.encode("utf-16-le").ljust(64, b"\0") + bytes(64)
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + b"R\0o\0o\0t\0".ljust(128, b"\0") + entry + bytes(256)


WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ODT = "application/vnd.oasis.opendocument.text"
PACKAGE = "http://schemas.microsoft.com/office/2006/xmlPackage"
MHT = (
    "From: <由 Windows Internet Explorer 8 保存>\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
    'Content-Type: multipart/related;\r\n\ttype="text/html"; boundary="x"\r\n\r\n--x\r\n<html>'
)

TYPES = b'<Types><Override PartName="/a/main.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.\
document.main+xml"/></Types>'
ELSEWHERE = zipped("[Content_Types].xml", "_rels/.rels", "a/main.xml", content=TYPES)

KNOWN = {
    "pdf": (b"%PDF-1.7\n%...", PDF),
    "pdf after a mail header": (b"\r\n" * 300 + b"%PDF-1.4\n", PDF),
    "docx": (zipped("[Content_Types].xml", "word/document.xml"), DOCX),
    "old doc, wps": (ole2("WordDocument"), "application/msword"),
    "old workbook": (ole2("Workbook"), "application/vnd.ms-excel"),
    "ofd": (zipped("OFD.xml", "Doc_0/Document.xml"), "application/ofd"),
    "xlsx": (zipped("[Content_Types].xml", "xl/workbook.xml"), WORKBOOK),
    "rtf": (b"{\\rtf1\\ansi hello}", "application/rtf"),
    "odt": (zipped("mimetype", "content.xml", content=b"application/vnd.oasis.opendocument.text"), ODT),
    "mhtml": (b"MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=x\r\n\r\n<html>", "multipart/related"),
    "mhtml of a browser": (MHT.encode("gb18030"), "multipart/related"),
    "flat package": (f'<?xml version="1.0"?>\n<pkg:package xmlns:pkg="{PACKAGE}">'.encode(), FLAT_DOCX),
    "docx of the browser": (zipped("[Content_Types].xml", "_rels/.rels", "word/document2.xml"), DOCX),
    "docx with its main part elsewhere": (ELSEWHERE, DOCX),
    "docx without types": (zipped("_rels/.rels", "word/document.xml"), DOCX),
    "docx with backslashes": (zipped("[Content_Types].xml", "word\\document.xml"), DOCX),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(20), "image/png"),
    "jpeg": (b"\xff\xd8\xff\xe0" + bytes(20), "image/jpeg"),
    "tiff": (b"II*\0\x08\0\0\0", "image/tiff"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "image/heic"),
    "avif": (b"\0\0\0\x1cftypavif\0\0\0\0", "image/avif"),
    "jp2": (b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftyp", "image/jp2"),
    "webp": (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
    "bmp": (b"BM" + bytes(4) + bytes(4) + bytes(4) + b"\x28\0\0\0" + bytes(40), "image/bmp"),
    "gif": (b"GIF89a" + bytes(20), "image/gif"),
    "text utf-8": (REPORT.encode(), TEXT),
    "text with mark": (b"\xef\xbb\xbf" + REPORT.encode(), TEXT),
    "text gbk": (REPORT.encode("gbk"), TEXT),
    "text big5": ("示例縣人民政府年度報告\n一、總體情況".encode("big5"), TEXT),
    "text utf-16 with mark": (REPORT.encode("utf-16"), TEXT),
    "text utf-16 little end": (REPORT.encode("utf-16-le"), TEXT),
    "text utf-16 big end": (REPORT.encode("utf-16-be"), TEXT),
    "text with a few NULs": (REPORT.replace("10", "1\0000").encode(), TEXT),
    "text that begins like a bitmap": (b"BMW is not a report of an agency at all, it is a car.", TEXT),
    "ascii": (b"hello", TEXT),
    "one bad byte": (REPORT.encode("gbk") * 20 + b"\xff" + REPORT.encode("gbk"), TEXT),
    "markdown": (f"# 报告\n\n| a | b |\n|---|---|\n| 1<br>2 | 3 |\n\n{REPORT}".encode(), TEXT),
    "markdown with tags": (("# 报告\n" + "<p>一</p>\n" * 5).encode(), TEXT),
    "text with a comparison": (("行政许可 <10 件，a<b，" + REPORT).encode(), TEXT),
    "text like a mail": ("From: 一\nTo: 二\n\n".encode() + REPORT.encode(), TEXT),
    "html": (PAGE.encode(), HTML),
    "html gbk": (PAGE.encode("gbk"), HTML),
    "html utf-16": (PAGE.encode("utf-16"), HTML),
    "html utf-16 no mark": (PAGE.encode("utf-16-le"), HTML),
    "html after blank lines and a comment": (("\n \n<!-- saved from url -->\n" + PAGE).encode(), HTML),
    "xhtml": (('<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML">' + PAGE).encode(), HTML),
    "html fragment": (("政府信息公开<p>一</p><p>二</p><p>三</p>" + REPORT).encode(), HTML),
    "html far down": (("导航\n" * 2000 + PAGE).encode(), HTML),
}


@pytest.mark.parametrize("name", KNOWN)
def test_documents_are_told_by_their_content(name: str) -> None:
    content, media_type = KNOWN[name]
    found = identify(io.BytesIO(content))
    assert (found.media_type, found.role) == (media_type, FileRole.DOCUMENT)


ARCHIVES = {
    "zip": (zipped("a.txt"), ZIP),
    "zip that stores a pdf": (zipped("a.pdf", content=b"%PDF-1.4", method=zipfile.ZIP_STORED), ZIP),
    "empty zip": (zipped(), ZIP),
    "zip of web pages": (zipped("content.xml", "a.txt"), ZIP),
    "tar": (tarred(), "application/x-tar"),
    "mail": (
        b"From: a@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n boundary=x\r\n\r\n",
        MAIL,
    ),
    "tar.gz": (gzip.compress(tarred()), "application/gzip"),
    "tar.bz2": (bz2.compress(tarred()), "application/x-bzip2"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + bytes(30), "application/x-7z-compressed"),
    "rar": (b"Rar!\x1a\x07\x01\0" + bytes(30), "application/vnd.rar"),
    "tar.xz": (lzma.compress(tarred()), "application/x-xz"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives(name: str) -> None:
    content, media_type = ARCHIVES[name]
    found = identify(io.BytesIO(content))
    assert (found.media_type, found.role) == (media_type, FileRole.ARCHIVE)


REFUSED = {
    "empty": (b"", "file.empty"),
    "random bytes": (random.Random(7).randbytes(5000), "file.unsupported"),
    "few random bytes": (bytes([0x81, 0xFF, 0x01, 0x02, 0x90, 0x00, 0x13]), "file.unsupported"),
    "only NULs": (bytes(3000), "file.unsupported"),
    "compressed noise": (random.Random(8).randbytes(70000), "file.unsupported"),
    "odt": (zipped("mimetype", "content.xml"), "file.unsupported"),
    "old presentation": (ole2("PowerPoint Document"), "file.unsupported"),
    "encrypted docx": (ole2("EncryptedPackage"), "file.encrypted"),
    "docx without its text": (zipped("[Content_Types].xml", "docProps/app.xml"), "file.corrupt"),
    "cut docx": (zipped("[Content_Types].xml", "word/document.xml")[:150], "file.corrupt"),
    "xml": (b'<?xml version="1.0"?><data><a/></data>', "file.unsupported"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_with_a_code_and_a_next_step(name: str) -> None:
    content, code = REFUSED[name]
    found = identify(io.BytesIO(content))
    assert (found.role, found.code) == (FileRole.REFUSED, code)
    assert found.found
    assert found.expected


def test_the_file_is_left_at_its_start() -> None:
    file = io.BytesIO(REPORT.encode())
    identify(file)
    assert file.tell() == 0


def test_real_reports(corpus) -> None:
    for path in sorted((corpus / "documents").iterdir()):
        with path.open("rb") as file:
            assert identify(file).media_type == {".pdf": PDF, ".html": HTML, ".docx": DOCX, ".txt": TEXT}[path.suffix], path
