"""Hostile files: what each of them is, and the state in which it must end."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.pdfdoc import PDFObject
from reportlab.pdfgen.canvas import Canvas

from tests.generator.documents import Wishes, make_document
from tests.hostile.newer import newer_files
from tests.hostile.office import BOMB_SHEET, BOMB_TABLE, FLAT, OLE2, XXE_HEAD, open_document, workbook

MIB = 1024 * 1024
RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


@dataclass(frozen=True)
class Hostile:
    """A file. ``ends``: (status, code of the failure or None) of the document, "accepted" standing for a report that was read;
    None when it must not become a document at all. ``members``: for each file in an archive, by its path inside.
    """

    name: str | bytes
    data: bytes | Callable[[Path], None]
    ends: tuple[str, str | None] | None
    members: dict[str, tuple[str, str | None]] | None = None


GOOD = ("good", None)
LETTER = ("rejected", "report.not_a_report")


def refused(code: str, status: str = "rejected") -> tuple[str, str]:
    return status, code


def report(seed: int, layout: str = "pipes") -> bytes:
    """A healthy report."""
    return make_document(seed, layout, Wishes(clean=True)).data


def zipped(*members: tuple[str, bytes], mode: int | None = None, flags: int = 0) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            if mode is not None:
                info.external_attr = mode << 16
            archive.writestr(info, data)
    data = target.getvalue()
    return data.replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01") if flags else data


def tarred(*members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE, link: str = "/etc/passwd") -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.type, info.size, info.linkname = kind, len(data), link if kind != tarfile.REGTYPE else ""
            archive.addfile(info, io.BytesIO(data))
    return target.getvalue()


def docx(document: bytes, **more: bytes) -> bytes:
    """A DOCX with this main part."""
    types = (
        b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        b'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        b'<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.'
        b'wordprocessingml.document.main+xml"/></Types>'
    )
    rels = (
        b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        + f'<Relationship Id="r" Target="word/document.xml" Type="{RELATION}/officeDocument"/></Relationships>'.encode()
    )
    parts = {"[Content_Types].xml": types, "_rels/.rels": rels, "word/document.xml": document, **more}
    return zipped(*parts.items())


def docx_in_docx(depth: int) -> bytes:
    """A DOCX in a DOCX in a DOCX: Word puts each in the place of its chunk."""
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="c" Target="c.docx" Type="{RELATION}/aFChunk"/></Relationships>'
    ).encode()
    office = b'xmlns:r="' + RELATION.encode() + b'"'
    data = docx(
        b"<w:document " + WORD + b"><w:body><w:p><w:r><w:t>" + letter("deep") + b"</w:t></w:r></w:p></w:body></w:document>"
    )
    body = b"<w:document " + WORD + b" " + office + b"><w:body><w:altChunk r:id='c'/></w:body></w:document>"
    for _ in range(depth):
        data = docx(body, **{"word/_rels/document.xml.rels": relations, "word/c.docx": data})
    return data


WORD = b'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
XXE = (
    b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><w:document '
    + WORD
    + b"><w:body><w:p><w:r><w:t>&x;</w:t></w:r></w:p>"
    b"</w:body></w:document>"
)
LAUGHS = (
    b"<!DOCTYPE d [<!ENTITY a0 'ha'>"
    + b"".join(b"<!ENTITY a%d '%s'>" % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12))
    + b"]><w:document "
    + WORD
    + b"><w:body><w:p><w:r><w:t>&a11;</w:t></w:r></w:p></w:body></w:document>"
)


def png(width: int, height: int, rows: int) -> bytes:
    """A PNG whose header promises so many pixels, with the first rows of them."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    body = zlib.compress(bytes((width + 1) * rows), 9)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def tiff(width: int, height: int, loop: bool = False) -> bytes:
    """A TIFF whose directory promises so many pixels; ``loop``: it names itself as the next page, without end."""
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8),
            (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, 16)]  # fmt: skip
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<I", 8) + directory + struct.pack("<I", 8 if loop else 0)


def pdf(pages: int, text: str = "", *, encrypt: str | None = None, script: str = "") -> bytes:
    """A PDF by reportlab."""
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    target = io.BytesIO()
    canvas = Canvas(target, encrypt=encrypt)
    for _ in range(pages):
        if text:
            canvas.setFont("STSong-Light", 12)
            canvas.drawString(70, 700, text)
        canvas.showPage()
    if script:
        canvas._doc.Catalog.OpenAction = _literal(f"<< /S /JavaScript /JS ({script}) >>")
    canvas.save()
    return target.getvalue()


def _literal(code: str) -> object:
    class Literal(PDFObject):  # type: ignore[misc]
        def format(self, _: object) -> bytes:
            return code.encode()

    return Literal()


def pdf_bomb() -> bytes:
    """A page whose content unpacks to 100 MB."""
    packed = zlib.compress(b"0 0 m " * 17_000_000, 9)
    return _pdf_of(b"<< /Length %d /Filter /FlateDecode >>\nstream\n" % len(packed) + packed + b"\nendstream")


def pdf_circle() -> bytes:
    """A tree of pages that is its own child."""
    return (
        b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n"
        b"2 0 obj\n<< /Type /Pages /Kids [2 0 R] /Count 1 >>\nendobj\n"
        b"trailer\n<< /Root 1 0 R /Size 3 >>\n%%EOF\n"
    )


def _pdf_of(content: bytes) -> bytes:
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R >>",
        content,
    ]
    body, places = b"%PDF-1.4\n", []
    for number, one in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n" % number + one + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 5\n0000000000 65535 f \n" + table
    return body + head + b"trailer\n<< /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(body)


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.mkdir()
    (path / "inside.txt").write_text("目录里的一封信。")


def _link(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.write("一".encode() * 100)
        file.truncate(300 * MIB)


def _deep(path: Path) -> None:
    for _ in range(60):
        path = path / "很深的目录"
    path.mkdir(parents=True)
    (path / "deep.txt").write_text("很深的一封信。")


def letter(text: str) -> bytes:
    return f"这是一封信，不是报告。{text}".encode()


def nested(depth: int) -> bytes:
    data = letter("nested")
    for number in range(depth):
        data = zipped((f"{number}.zip" if number else "letter.txt", data))
    return data


MARKER = "gongkai-was-executed"
SHELL = f"touch {MARKER}"


def hostile_files() -> Iterator[Hostile]:
    """All of them; the healthy ones among them are there to show that they are read as if they were alone."""
    # ---- healthy ----
    yield Hostile("healthy-1.txt", report(901), GOOD)
    yield Hostile("healthy-2.txt", report(902, "cell_a_line_pipe"), GOOD)
    yield Hostile("healthy-3.docx", report(903, "docx"), GOOD)
    yield Hostile("healthy-4.pdf", report(904, "pdf"), GOOD)
    yield Hostile("healthy-5.html", report(905, "html"), GOOD)
    # ---- names ----
    yield Hostile("two\nlines.txt", report(906), GOOD)
    yield Hostile("bell\x07 tab\t escape\x1b[31m.txt", letter("control"), LETTER)
    yield Hostile("😀🏛️年报.txt", letter("emoji"), LETTER)
    yield Hostile("长" * 82 + ".txt", letter("250 bytes"), LETTER)
    yield Hostile("--help", letter("dashes"), LETTER)
    yield Hostile("-rf.txt", letter("dash"), LETTER)
    yield Hostile(f"$({SHELL}).txt", letter("shell"), LETTER)
    yield Hostile(f"`{SHELL}`; {SHELL} | {SHELL} & .txt", letter("shell 2"), LETTER)
    yield Hostile(b"gbk-\xb1\xa8\xb8\xe6.txt", letter("bytes"), LETTER)
    yield Hostile("=HYPERLINK(1).txt", letter("formula in a name"), LETTER)
    yield Hostile("'; drop table gk_document; --.txt", letter("sql in a name"), LETTER)
    yield Hostile("<img src=x onerror=alert(1)>.txt", letter("html in a name"), LETTER)
    yield Hostile("a\\..\\..\\evil.txt", letter("backslashes"), LETTER)
    yield Hostile("%s%n{0}{self}.txt", letter("format"), LETTER)
    yield Hostile("\u202etxt.fdp", letter("right to left"), LETTER)
    # ---- not files ----
    yield Hostile("pipe.pdf", _fifo, refused("file.not_regular"))
    yield Hostile("folder.pdf", _folder, None)
    yield Hostile("link-to-passwd.txt", _link("/etc/passwd"), refused("file.not_regular"))
    yield Hostile("link-to-nothing.txt", _link("/nowhere"), refused("file.not_regular"))
    yield Hostile("link-to-itself.txt", _link("link-to-itself.txt"), refused("file.not_regular"))
    yield Hostile("link-to-above", _link(".."), refused("file.not_regular"))
    yield Hostile("deep", _deep, None)
    yield Hostile(".hidden.txt", letter("hidden"), None)
    # ---- texts ----
    yield Hostile("empty.txt", b"", refused("file.empty"))
    yield Hostile("spaces.txt", b" \n\t\r\n" * 1000, refused("file.empty"))
    yield Hostile("nul.txt", b"\0" * 10_000, refused("file.unsupported"))
    yield Hostile("some-nul.txt", letter("nul").replace("信".encode(), "\0信".encode()), LETTER)
    yield Hostile(
        "random.txt", bytes(zlib.crc32(bytes([n % 251, n // 251])) & 0xFF for n in range(20_000)), refused("file.unsupported")
    )
    yield Hostile(
        "mixed-charsets.txt", "这是报告吗".encode("gb18030") * 40 + "這是報告嗎".encode() * 40, refused("file.unsupported")
    )
    yield Hostile("latin.txt", b"caf\xe9 d\xe9j\xe0 vu \xfc\xf6\xe4\xdf " * 50, refused("file.unsupported"))
    yield Hostile("one-line.txt", "一".encode() * MIB, LETTER)
    yield Hostile("too-many-lines.txt", b"1\n" * 600_000, refused("file.too_large"))
    yield Hostile("too-large.txt", _sparse, refused("file.too_large"))
    yield Hostile("formula.txt", report(907).replace("政府信息".encode(), "=cmd|'/C calc'!A0政府信息".encode(), 1), GOOD)
    yield Hostile("sql.txt", letter("'; drop table gk_value; -- \\x00 %s :name"), LETTER)
    yield Hostile("script.html", b"<html><script>fetch('http://127.0.0.1:9/')</script><img src='http://127.0.0.1:9/x'>"
                  + letter("html"), LETTER)  # fmt: skip
    yield Hostile("deep.html", b"<div>" * 50_000 + letter("deep"), refused("file.bomb"))
    yield Hostile("entities.html", b"<!DOCTYPE html [<!ENTITY a 'x'>]><p>&a;&#0;&#x110000;&#xD800;</p>" + letter("e"), LETTER)
    yield Hostile(
        "wide.html", b"<table><tr>" + b"<td colspan=99999>1</td>" * 50 + b"</tr></table>" + letter("w"), refused("file.too_large")
    )
    yield Hostile("styles.html", b"<style>" + b"b " + b"div " * 12 + b"{color:red}</style>" + b"<div>" * 200 + letter("styles"),
                  refused("file.bomb"))  # fmt: skip
    yield Hostile("white.html", b"<style>*{color:#fff;font-size:0}</style><p hidden>" + letter("white"), LETTER)
    # ---- PDF ----
    yield Hostile("encrypted.pdf", pdf(1, "报告", encrypt="secret"), refused("file.encrypted"))
    yield Hostile("truncated.pdf", pdf(3, "报告")[:-400], refused("file.corrupt", "failed"))
    yield Hostile("blank-3000.pdf", pdf(3000), refused("file.too_large"))
    yield Hostile("script.pdf", pdf(1, "这是一封信，不是报告。", script=f"app.launchURL('file:///bin/sh -c {SHELL}')"), LETTER)
    yield Hostile("bomb.pdf", pdf_bomb(), LETTER)
    yield Hostile("circle.pdf", pdf_circle(), refused("file.corrupt", "failed"))
    yield Hostile("header-only.pdf", b"%PDF-1.7\n%%EOF", refused("file.corrupt", "failed"))
    # ---- pictures ----
    yield Hostile("bomb.png", png(60_000, 60_000, 100), refused("page.too_large", "failed"))
    yield Hostile("bomb.tiff", tiff(100_000, 100_000), refused("page.too_large", "failed"))
    yield Hostile("endless.tiff", tiff(4, 4, loop=True), refused("report.not_a_report"))
    yield Hostile("half.png", png(100, 100, 100)[:40], refused("file.corrupt", "failed"))
    # ---- Office ----
    yield Hostile("xxe.docx", docx(XXE), refused("file.corrupt", "failed"))
    yield Hostile("laughs.docx", docx(LAUGHS), refused("file.corrupt", "failed"))
    yield Hostile("bomb.docx", docx(b"<w:document>" + b" " * (200 * MIB)), refused("file.bomb"))
    yield Hostile("in-itself.docx", docx_in_docx(8), refused("file.bomb"))
    yield Hostile("in-another.docx", docx_in_docx(2), LETTER)
    yield Hostile("xxe.ofd", zipped(("OFD.xml", XXE)), refused("file.corrupt", "failed"))
    yield Hostile("xxe.xml", b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><d>&x;</d>',
                  refused("file.unsupported"))  # fmt: skip
    yield Hostile("bomb.xlsx", workbook(b'<c r="XFD1048576"><v>1</v></c>'), refused("file.too_large"))
    yield Hostile(
        "xxe.xlsx", workbook(b'<c r="A1" t="s"><v>0</v></c>', head=XXE_HEAD, text=b"&x;"), refused("file.corrupt", "failed")
    )
    yield Hostile("bomb.ods", open_document("spreadsheet", BOMB_SHEET), refused("file.too_large"))
    yield Hostile("xxe.odt", open_document("text", b"<text:p>&x;</text:p>", head=XXE_HEAD), LETTER)
    yield Hostile("bomb.odt", open_document("text", BOMB_TABLE), refused("file.bomb"))
    yield Hostile("deep.rtf", b"{\\rtf1" + b"{" * 2_000_000, refused("file.empty"))
    yield Hostile("half.doc", OLE2 + bytes(5000), refused("file.unsupported"))
    yield Hostile("laughs.xml", FLAT + LAUGHS, refused("file.corrupt", "failed"))
    head = b"MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=x\r\n\r\n"
    yield Hostile("no-page.mht", head + b"--x--", refused("file.corrupt", "failed"))
    yield Hostile("program.docx", b"\x7fELF" + bytes(500), refused("file.unsupported"))
    yield Hostile("outside.docx", docx(
        b"<w:document " + WORD + b"><w:body><w:p><w:r><w:t>" + letter("") + b"</w:t></w:r></w:p></w:body></w:document>",
        **{"word/_rels/document.xml.rels": (
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            f'<Relationship Id="i" TargetMode="External" Target="http://127.0.0.1:9/x" Type="{RELATION}/image"/>'
            f'<Relationship Id="t" TargetMode="External" Target="file:///etc/passwd" Type="{RELATION}/attachedTemplate"/>'
            "</Relationships>").encode()}), LETTER)  # fmt: skip
    # ---- archives ----
    yield Hostile("good.zip", zipped(("in/报告.txt", report(908)), ("in/letter.txt", letter("in a zip"))), None,
                  {"in/报告.txt": GOOD, "in/letter.txt": LETTER})  # fmt: skip
    yield Hostile("bomb.zip", zipped(("bomb.txt", bytes(60 * MIB))), refused("file.bomb"))
    yield Hostile("nested.zip", nested(7), None, {"6.zip!5.zip!4.zip!3.zip": refused("file.bomb")})
    yield Hostile("self-like.zip.gz", gzip.compress(nested(1)), None, {"self-like.zip!letter.txt": LETTER})
    yield Hostile("traversal.zip", zipped(("../../evil.txt", letter("up"))), refused("file.unsafe_archive"))
    yield Hostile("absolute.zip", zipped(("/tmp/evil-gongkai.txt", letter("abs"))), refused("file.unsafe_archive"))
    yield Hostile("link.zip", zipped(("link", b"/etc/passwd"), mode=stat.S_IFLNK | 0o777), refused("file.unsafe_archive"))
    yield Hostile("traversal.tar", tarred(("../../evil.txt", letter("up"))), refused("file.unsafe_archive"))
    yield Hostile("link.tar", tarred(("link", b""), kind=tarfile.SYMTYPE), refused("file.unsafe_archive"))
    yield Hostile("hard-link.tar", tarred(("link", b""), kind=tarfile.LNKTYPE), refused("file.unsafe_archive"))
    yield Hostile("device.tar", tarred(("null", b""), kind=tarfile.CHRTYPE), refused("file.unsafe_archive"))
    yield Hostile("locked.zip", zipped(("a.txt", letter("locked")), flags=1), refused("file.encrypted"))
    yield Hostile("half.zip", zipped(("a.txt", letter("half")))[:-30], refused("file.corrupt", "failed"))
    yield Hostile("empty.zip", zipped(), refused("file.empty"))
    yield Hostile("bomb.bz2", bz2.compress(bytes(200 * MIB)), refused("file.bomb"))


def write_all(folder: Path) -> dict[str, Hostile]:
    """Write them into ``folder``; gives them by the name by which they are shown."""
    written = {}
    for newer in newer_files():
        parts = newer.data if isinstance(newer.data, dict) else {newer.name: newer.data}
        for name, data in parts.items():
            (folder / name).write_bytes(data)
        written[newer.name] = Hostile(newer.name, b"", newer.ends, newer.members)
    for one in hostile_files():
        path = folder / os.fsdecode(one.name)
        if callable(one.data):
            one.data(path)
        else:
            path.write_bytes(one.data)
        written[os.fsdecode(one.name)] = one
    return written
