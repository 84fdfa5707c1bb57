"""OFD: the same cells as the PDF that it was made from, and what it says is not seen is not read."""

from __future__ import annotations

import io
import zipfile

import pytest

from codebook.errors import GongkaiError
from codebook.records import Reader
from tasks.extraction.extract import extract
from tasks.flow import read_document
from tests.extraction.ofd_files import ofd
from tests.extraction.test_other_formats import problems
from tests.generator.documents import Document, Wishes, make_document

OFD = "application/ofd"


def report(seed: int) -> Document:
    return make_document(seed, "pdf", Wishes(clean=True))


@pytest.mark.parametrize("seed", range(300, 308))
def test_every_cell_is_that_of_the_pdf(seed: int) -> None:
    document = report(seed)
    assert problems(ofd(document.data, packed=seed % 2 == 0, template=seed % 3 == 0), document) == []


@pytest.mark.parametrize(
    "hidden", ['Visible="false"', 'Alpha="0"', '<ofd:FillColor Value="255 255 255"/>', '<ofd:FillColor Value="0" Alpha="0"/>']
)
def test_what_is_not_seen_is_not_read(hidden: str) -> None:
    document = report(301)
    assert problems(ofd(document.data, hidden=hidden), document) == []


def test_a_number_has_its_page_and_its_box() -> None:
    document = report(302)
    readings = read_document(ofd(document.data), OFD).report.readings
    same = {r.indicator: r.place for r in read_document(document.data, "application/pdf").report.readings}
    assert all(reading.read_by is Reader.OFD and reading.place.box for reading in readings)
    for reading in readings:
        place = same[reading.indicator]
        assert reading.place.page == place.page
        assert reading.place.box == pytest.approx(place.box, abs=3)


def changed(data: bytes, part: str, content: bytes | None) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(target, "w") as package:
        for name in source.namelist():
            if name != part:
                package.writestr(name, source.read(name))
            elif content is not None:
                package.writestr(name, content)
    return target.getvalue()


DEEP = (
    b'<ofd:Page xmlns:ofd="o"><ofd:Content>' + b"<ofd:PageBlock>" * 50 + b"</ofd:PageBlock>" * 50 + b"</ofd:Content></ofd:Page>"
)
IMAGE = (
    b'<ofd:Page xmlns:ofd="o"><ofd:Content><ofd:ImageObject ResourceID="8" Boundary="10 10 190 270"/></ofd:Content></ofd:Page>'
)
ENTITY = b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><ofd:OFD xmlns:ofd="o">&x;</ofd:OFD>'


@pytest.mark.parametrize(
    ("part", "content", "code"),
    [
        ("Doc_0/Pages/Page_0/Content.xml", None, "file.corrupt"),
        ("Doc_0/Pages/Page_0/Content.xml", b"<ofd:Page", "file.corrupt"),
        ("Doc_0/Pages/Page_0/Content.xml", DEEP, "file.bomb"),
        ("Doc_0/Document.xml", None, "file.corrupt"),
        ("OFD.xml", b'<ofd:OFD xmlns:ofd="o"/>', "file.corrupt"),
        ("OFD.xml", ENTITY, "file.corrupt"),
    ],
)
def test_a_broken_document_is_refused(part: str, content: bytes | None, code: str) -> None:
    with pytest.raises(GongkaiError) as caught:
        extract(changed(ofd(report(303).data), part, content), OFD)
    assert caught.value.code == code


def test_a_scan_in_ofd_is_named() -> None:
    """Pictures are not read: nobody takes what is missing for blank."""
    data = ofd(report(303).data)
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        pages = [name for name in package.namelist() if name.endswith("Content.xml")]
    for name in pages:
        data = changed(data, name, IMAGE)
    with pytest.raises(GongkaiError) as caught:
        extract(data, OFD)
    assert (caught.value.code, "picture 8 on page 1" in caught.value.found) == ("report.tables_are_pictures", True)
