"""LibreOffice as the second way to an office document: what it makes readable, and what it must not do. It takes seconds to
start.
"""

from __future__ import annotations

import io
import socketserver
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from codebook.errors import GongkaiError
from codebook.records import Extraction, Hints, Line
from tasks.extraction.extract import extract
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.second_way import libreoffice
from tasks.flow import read_document
from tests.extraction import other_formats as formats
from tests.generator.documents import Wishes, make_document

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not libreoffice.can_convert(formats.RTF), reason="LibreOffice is not installed"),
]
WITH_OFFICE = ExtractionLimits(office_seconds=120)
MARKS = (rb"{\v 9}", rb"{\deleted 9}", rb"{\strike 9}", rb"{\super 1}", rb"{\up6 2}", rb"{\fs2 9}", rb"{\cf2 9}")
"""Characters that are not seen, or are no digits of the number before them."""


def all_text(extraction: Extraction) -> str:
    """The text of the lines of a document."""
    return "\n".join(block.text for page in extraction.pages for block in page.blocks if isinstance(block, Line))


def test_characters_that_are_not_seen_are_left_out_or_doubtful() -> None:
    """The first way refuses such a document, since it cannot say which characters they are."""
    document = make_document(70, "docx", Wishes(clean=True))
    data = formats.rtf(extract(document.data, document.media_type))
    data = data.replace(b"{\\rtf1", b"{\\rtf1{\\colortbl;\\red0\\green0\\blue0;\\red255\\green255\\blue255;}", 1)
    pieces = data.split(b"\\pard\\intbl 0\\cell")
    assert len(pieces) > 60
    marked = pieces[0]
    for at, piece in enumerate(pieces[1:]):
        mark = MARKS[at % len(MARKS)] if at % 3 == 0 else b""
        marked += b"\\pard\\intbl 0" + mark + b"\\cell" + piece
    with pytest.raises(GongkaiError) as caught:
        extract(marked, formats.RTF)
    assert caught.value.code == "file.unsupported"
    report = read_document(marked, formats.RTF, Hints(path=document.name), limits=WITH_OFFICE).report
    known = {reading.indicator: reading.value for reading in report.readings if not reading.state.unsettled}
    assert {cell: value for cell, value in known.items() if value != document.indicators.get(cell)} == {}
    assert len(known) >= len(document.indicators) - 25  # the others are doubts
    assert any("LibreOffice" in note for note in extract(marked, formats.RTF, WITH_OFFICE).notes)


def test_what_libreoffice_cannot_open_keeps_its_first_error() -> None:
    with pytest.raises(GongkaiError) as caught:
        extract(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "application/msword", WITH_OFFICE)
    assert (caught.value.code, "LibreOffice" in caught.value.found) == ("file.corrupt", False)


def test_a_conversion_ends_with_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    data = formats.rtf(extract(b"<p>7</p>", "text/html"))
    with pytest.raises(GongkaiError) as caught:
        libreoffice.converted(data, formats.RTF, 0)
    assert (caught.value.code, "more than 0 s" in caught.value.found) == ("file.corrupt", True)
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if _is_readable(path)]
    assert not [command for command in commands if str(tmp_path).encode() in command]


def _is_readable(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:  # it has ended meanwhile
        return False
    return True


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """The address of a server on this machine, and who asked it for something."""
    seen: list[str] = []

    class Recorder(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            seen.append(str(self.client_address))

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Recorder) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
        server.shutdown()
        thread.join()


def opened(body: str) -> bytes:
    """An OpenDocument text with this body."""
    made = formats.odt(extract("<p>示例县教育局</p>".encode(), "text/html"))
    target = io.BytesIO()
    listed = "<manifest:file-entry manifest:full-path='content.xml' manifest:media-type='text/xml'/>"
    more = (
        " xmlns:xlink='http://www.w3.org/1999/xlink'"
        " xmlns:draw='urn:oasis:names:tc:opendocument:xmlns:drawing:1.0'"
        " xmlns:svg='urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0'"
    )
    with zipfile.ZipFile(io.BytesIO(made)) as source, zipfile.ZipFile(target, "w") as package:
        for name in source.namelist():
            content = source.read(name).decode()
            if name == "content.xml":
                content = content.replace("<office:document-content ", f"<office:document-content {more} ", 1)
                content = content.replace("</office:text>", f"{body}</office:text>", 1)
            elif name == "META-INF/manifest.xml":
                content = content.replace("</manifest:manifest>", f"{listed}</manifest:manifest>")
            package.writestr(name, content)
    return target.getvalue()


def test_links_are_not_followed(asked: tuple[str, list[str]], tmp_path: Path) -> None:
    address, requests = asked
    secret = tmp_path / "secret.txt"
    secret.write_text("不应读到的内容")
    body = "".join(
        f"<text:section text:name='s{number}'><text:section-source xlink:href='{target}' xlink:type='simple'/>"
        "<text:p/></text:section>"
        for number, target in enumerate((secret.as_uri(), f"{address}/section.odt"))
    )
    body += (
        f"<text:p><draw:frame svg:width='9cm' svg:height='9cm'><draw:image xlink:href='{address}/a.png'/></draw:frame></text:p>"
    )
    made = libreoffice.converted(opened(body), formats.ODT, 120)
    extraction = extract(made, "application/vnd.openxmlformats-officedocument.wordprocessingml.document")
    assert "示例县教育局" in all_text(extraction)
    assert "不应读到的内容" not in all_text(extraction)
    assert requests == []
