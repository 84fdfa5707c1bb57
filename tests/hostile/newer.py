"""Hostile files of the kinds that came last: binary workbooks, summaries, volumes, portfolios, messages, data of scripts."""

from __future__ import annotations

import io
import struct
import tempfile
import zipfile
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from random import Random
from typing import NamedTuple

import pikepdf
import rars

from tests.extraction import xlsb_files as binary
from tests.hostile.office import OLE2, XXE_HEAD, workbook
from tests.hostile.packed import zipped
from tests.ingest import outlook_files as outlook
from tests.ingest.test_portfolios import pdf

MIB = 1024 * 1024
LETTER = "这是一封信，不是报告。".encode()
FAR = binary.row_head(1_048_575) + binary.cell(16_383, 1.0)
EVERYTHING = (0, 1_048_575, 0, 16_383)
MERGED = (
    b'<c r="A1"><v>1</v></c></row></sheetData><mergeCells count="1"><mergeCell ref="A1:XFD1048576"/></mergeCells><sheetData>'
    b'<row r="2">'
)
_MAILS = 60  # in each other
LABELS = ("一、本年新收政府信息公开申请数量", "二、上年结转政府信息公开申请数量", "四、结转下年度继续办理")


class NewerFile(NamedTuple):
    """A file, or several of one archive by their names, and how it ends: as in :class:`tests.hostile.files.Hostile`."""

    name: str
    data: bytes | dict[str, bytes]
    ends: tuple[str, str | None] | None
    members: dict[str, tuple[str, str | None]] | None = None


def _rejected(code: str) -> tuple[str, str]:
    return "rejected", code


def _failed(code: str) -> tuple[str, str]:
    return "failed", code


_LETTER = _rejected("report.not_a_report")


def _named(**parts: bytes) -> bytes:
    """A binary workbook with other parts in the place of its own."""
    target = io.BytesIO()
    whole = binary.xlsb({"a": binary.sheet({0: ["x", 1.0]})})
    with zipfile.ZipFile(io.BytesIO(whole)) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
        for name in source.namelist():
            package.writestr(name, parts.get(name.rpartition("/")[2].partition(".")[0], source.read(name)))
    return target.getvalue()


def _strings(count: int) -> bytes:
    return binary.record(159, struct.pack("<II", count, count)) + binary.record(160)


def binary_workbooks() -> Iterator[NewerFile]:
    """Workbooks that ask for more room, time or trust than they are worth."""
    plain = binary.sheet({0: ["x", 1.0]})
    yield NewerFile("far.xlsb", binary.xlsb({"a": binary.sheet({0: ["x"]}, more=FAR)}), _rejected("file.too_large"))
    yield NewerFile("zeros.xlsb", binary.xlsb({"a": plain + bytes(70 * MIB)}), _rejected("file.bomb"))
    yield NewerFile("strings.xlsb", binary.xlsb({"a": plain}, strings=_strings(0xFFFF_FFFF)), _failed("file.corrupt"))
    yield NewerFile("cut.xlsb", binary.xlsb({"a": plain[:-7]}), _failed("file.corrupt"))
    yield NewerFile("sizes.xlsb", binary.xlsb({"a": plain[:40] + b"\x05\xff\xff\xff\x7f"}), _failed("file.corrupt"))
    yield NewerFile("merged.xlsb", binary.xlsb({"a": binary.sheet({0: ["x", 1.0]}, [EVERYTHING])}), _LETTER)
    yield NewerFile("merges.xlsb", binary.xlsb({"a": binary.sheet({0: ["x", 1.0]}, [(1, 9, 1, 9)] * 200_000)}), _LETTER)
    yield NewerFile("xxe.xlsb", _named(workbook=XXE_HEAD + b"<d>&x;</d>"), _failed("file.corrupt"))
    yield NewerFile("empty.xlsb", binary.xlsb({"a": binary.sheet({})}), _rejected("file.empty"))


def summaries() -> Iterator[NewerFile]:
    """Workbooks and lists of agencies without end."""
    yield NewerFile("merged.xlsx", workbook(MERGED), _LETTER)
    heads = "单位名称,本年新收政府信息公开申请数量,结转下年度继续办理"
    rows = "\n".join(f"县{number}局,1,2" for number in range(110_000))
    yield NewerFile("agencies.csv", f"{heads}\n{rows}".encode(), _rejected("file.bomb"))
    wide = ",".join(["单位名称", *["其他-总计-行政复议-其他结果"] * 1_500])
    yield NewerFile("wide.csv", f"{wide}\n{','.join(['某局'] + ['1'] * 1_500)}".encode(), _LETTER)
    yield NewerFile("quotes.csv", f'{heads}\n"{"某局," * 300_000}'.encode(), _LETTER)
    yield NewerFile("head.csv", ("单位名称," + "新收（" * 200_000 + ",结转下年度\n某局,1,2").encode(), _LETTER)
    formula = f"{heads}\n=cmd|'/C calc'!A0,1,2\n../../evil,3,4\n"
    yield NewerFile("formula.csv", formula.encode(), None, {"2": ("good", None), "3": ("good", None)})


def volumes() -> Iterator[NewerFile]:
    """RAR volumes that are not whole, or too much."""
    made = _in_volumes({"a.txt": LETTER + Random(2).randbytes(9_000).hex().encode(), "b.txt": LETTER})
    names = sorted(made)
    yield NewerFile("single.part2.rar", made[names[1]], _failed("file.corrupt"))
    yield NewerFile(
        "gap.part1.rar", {f"gap.part{at}.rar": made[name] for at, name in enumerate(names, 1) if at != 2}, _failed("file.corrupt")
    )
    torn = {f"torn.part{at}.rar": made[name][:-60] + bytes(60) for at, name in enumerate(names, 1)}
    yield NewerFile("torn.part1.rar", torn, _failed("file.corrupt"))
    bomb = _in_volumes({"bomb.txt": bytes(40 * MIB), "noise.bin": Random(3).randbytes(9_000)}, store=False)
    yield NewerFile(
        "bomb.part1.rar", {f"bomb.part{at}.rar": bomb[name] for at, name in enumerate(sorted(bomb), 1)}, _rejected("file.bomb")
    )


def _in_volumes(members: dict[str, bytes], *, store: bool = True) -> dict[str, bytes]:
    builder = rars.RarBuilder(volume_size=4_000, store=store)
    for name, data in members.items():
        builder.add_bytes(data, name)
    with tempfile.TemporaryDirectory() as folder:
        builder.write_volumes(f"{folder}/v.part1.rar")
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def portfolios() -> Iterator[NewerFile]:
    """PDFs with files that are no documents, too many, too large, or PDFs again."""
    inner = pdf({"a.txt": LETTER})
    for _ in range(7):
        inner = pdf({"in.pdf": inner})
    path = "!".join(["in.pdf"] * 4)
    yield NewerFile("loop.pdf", inner, None, {path: _rejected("report.in_another_file")})
    yield NewerFile("attached-bomb.pdf", pdf({"bomb.txt": bytes(210 * MIB)}), _rejected("report.in_another_file"))
    yield NewerFile("outside.pdf", pdf({"../../evil.txt": LETTER}), None, {"evil.txt": _LETTER})
    yield NewerFile("program.pdf", pdf({"a.exe": b"MZ\x90\0" + bytes(500)}), _rejected("report.in_another_file"))
    yield NewerFile(
        "attached-zip.pdf", pdf({"a.zip": zipped(("../evil.txt", LETTER))}), None, {"a.zip": _rejected("file.unsafe_archive")}
    )
    locked = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf({}))) as document:
        document.save(locked, encryption=pikepdf.Encryption(owner="x", user="x"))
    yield NewerFile("locked.pdf", pdf({"b.pdf": locked.getvalue()}), None, {"b.pdf": _rejected("file.encrypted")})
    yield NewerFile("torn-file.pdf", pdf({"a.docx": b"PK\x03\x04" + bytes(200)}), _rejected("report.in_another_file"))


def messages() -> Iterator[NewerFile]:
    """Messages of Outlook, and mails without end."""
    entry = "__properties_version1.0".encode("utf-16-le").ljust(64, b"\0") + bytes(64)
    message = OLE2.ljust(512, b"\0") + entry
    yield NewerFile("outlook.msg", message, _rejected("file.unsupported"))
    yield NewerFile("outlook.eml", message + bytes(5_000), _rejected("file.unsupported"))
    inner = outlook.message("end", text="x", inner=True)
    for _ in range(30):
        inner = outlook.message("more", outlook.forwarded(inner), inner=True)
    yield NewerFile("deep.msg", outlook.compound(inner), _rejected("file.bomb"))
    file = outlook.attached("../../evil.txt", LETTER.ljust(5_000))
    yield NewerFile("outside.msg", outlook.compound(outlook.message("a", file)), None, {"evil.txt": _LETTER})
    yield NewerFile("cut.msg", outlook.compound(outlook.message("a", file))[:3_000], _failed("file.corrupt"))
    mail = _mail("end")
    for _ in range(_MAILS):
        outer = _mail("更多")
        outer.add_attachment(mail)
        mail = outer
    yield NewerFile("nested.eml", mail.as_bytes(), None, {f"{at}.txt": _LETTER for at in range(1, _MAILS + 2)})


def _mail(text: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"], mail["MIME-Version"] = "a@example.org", "b@example.org", text, "1.0"
    mail.set_content(text)
    return mail


def scripts() -> Iterator[NewerFile]:
    """Pages whose scripts hold data without end."""
    label = f'["{LABELS[0]}",1,2],["{LABELS[1]}",3,4],["{LABELS[2]}",5,6]'

    def page(script: str) -> bytes:
        return f"<html><body><p>这是一封信，不是报告。</p><script>{script}</script></body></html>".encode()

    yield NewerFile("script-100.html", page("var a=[" + f"[{label}]," * 500_000 + "]"), _rejected("file.too_large"))
    yield NewerFile("script-deep.html", page("var a=" + "[" * 400_000), _LETTER)
    yield NewerFile("script-objects.html", page("var a=" + '[{"a":' * 100_000), _LETTER)
    yield NewerFile("script-rows.html", page("var a=[" + ",".join([label] * 30_000) + "]"), _LETTER)
    yield NewerFile("script-quotes.html", page('"' * 3_000_000), _LETTER)
    yield NewerFile("script-escapes.html", page("\\u0022" * 500_000), _LETTER)
    yield NewerFile("script-many.html", page("</script><script>".join(["[[1]]"] * 20_000)), _LETTER)


def newer_files() -> Iterator[NewerFile]:
    """All of them."""
    for make in (binary_workbooks, summaries, volumes, portfolios, messages, scripts):
        yield from make()
