"""Web pages that came in with what they show: one file with their pictures, and the documents in their frames."""

from __future__ import annotations

import base64
import gzip
import io
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from PIL import Image

from ingest.archives.limits import Limits
from ingest.files.fingerprint import Content
from ingest.files.identify import MHTML, identify
from ingest.files.page_parts import with_parts
from ingest.files.read_file import FileReader
from ingest.files.register_paths import ingest_paths, plan
from tests.ingest.test_refused import MemoryStore
from tests.ingest.test_register import rows, zipped


def picture(shade: int = 0) -> bytes:
    target = io.BytesIO()
    Image.new("L", (400, 300), shade).save(target, "PNG")
    return target.getvalue()


def parts_of(archive: bytes) -> dict[str | None, bytes]:
    parts = message_from_bytes(archive, policy=policy.default).walk()
    return {part["Content-Location"]: part.get_payload(decode=True) for part in parts if not part.is_multipart()}  # type: ignore[misc]


FILES = {
    "a_files/1.png": picture(),
    "甲_files/图 2.png": picture(9),
    "f.html": b"<p>frame</p>",
    "r.pdf": b"%PDF-1.7",
    "s.js": b"x=1",
}


@pytest.mark.parametrize(
    ("shown", "path"),
    [
        ('<img src="a_files/1.png">', "a_files/1.png"),
        ("<IMG width=3 SRC='./a_files/1.png' >", "./a_files/1.png"),
        ("<img alt=x data-src=a_files/1.png>", "a_files/1.png"),
        ('<img src="甲_files/图 2.png">', "甲_files/图 2.png"),
        ('<img src="%E7%94%B2_files/%E5%9B%BE%202.png">', "%E7%94%B2_files/%E5%9B%BE%202.png"),
        ('<img src="a_files\\1.png?v=1&amp;w=2">', "a_files\\1.png?v=1&w=2"),
        ('<iframe src="f.html"></iframe>', "f.html"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_what_a_page_shows_is_in_its_archive_under_the_address_that_it_has_there(shown: str, path: str, encoding: str) -> None:
    page = f"<html><body>示例县年报{shown}</body></html>".encode(encoding)
    found = with_parts(page, "page.html", FILES.get, 10_000_000)
    assert found.archive is not None
    assert identify(io.BytesIO(found.archive)).media_type == MHTML
    parts = parts_of(found.archive)
    assert list(parts) == ["page.html", path]
    assert parts["page.html"] == page
    assert parts[path] in FILES.values()
    assert with_parts(page, "page.html", FILES.get, 10_000_000) == found


@pytest.mark.parametrize(
    "shown",
    [
        '<img src="../a_files/1.png">',
        '<img src="/a_files/1.png">',
        '<img src="http://elsewhere/a_files/1.png">',
        '<img src="file:///etc/passwd">',
        '<img src="missing.png">',
        '<script src="s.js"></script>',
        '<img src="s.js">',
        "<img src>",
    ],
)
def test_nothing_else_is_taken(shown: str) -> None:
    page = f"<html><body>示例县年报{shown}</body></html>".encode()
    assert with_parts(page, "page.html", lambda path: FILES.get(path.removeprefix("../")), 10_000_000).archive is None


def test_a_document_in_a_frame_is_named_and_too_much_is_left_out() -> None:
    page = b'<iframe src="r.pdf"></iframe><img src="a_files/1.png">'
    assert with_parts(page, "page.html", FILES.get, 10_000_000).documents == ("r.pdf",)
    assert with_parts(page, "page.html", FILES.get, 100) == (None, ("r.pdf",))
    last = b'<img src="a_files/1.png"><iframe src="r.pdf"></iframe>'
    assert with_parts(last, "page.html", FILES.get, 100) == (None, ("r.pdf",))
    later = with_parts('<img src="甲_files/图 2.png" data-original="a_files/1.png">'.encode(), "page.html", FILES.get, 10_000_000)
    assert later.archive is not None
    assert list(parts_of(later.archive)) == ["page.html", "甲_files/图 2.png", "a_files/1.png"]


def test_a_saved_page_is_the_same_document_in_a_folder_and_in_an_archive(engine: Any, tmp_path: Path) -> None:
    inside = tmp_path / "in"
    saved = {
        "年报.html": '<html><p>示例县<img src="年报_files/1.png"><iframe src="年报_files/附件.pdf"></iframe></html>'.encode(),
        "年报_files/1.png": picture(),
        "年报_files/附件.pdf": b"%PDF-1.7 nothing",
        "年报_files/logo.css": b"p{}",
    }
    for name, data in saved.items():
        (inside / "甲" / name).parent.mkdir(parents=True, exist_ok=True)
        (inside / "甲" / name).write_bytes(data)
    (inside / "pile.zip").write_bytes(zipped({f"乙/{name}": data for name, data in saved.items()}))
    store = MemoryStore()
    summary = ingest_paths(plan([str(inside)]), engine=engine, store=store, limits=Limits())
    assert (summary.files, summary.documents, summary.duplicates) == (4, 2, 2)
    assert set(rows(engine)) == {
        f"{inside}/甲/年报.html",
        f"{inside}/甲/年报.html!年报_files/附件.pdf",
        f"{inside}/pile.zip!乙/年报.html",
        f"{inside}/pile.zip!乙/年报.html!年报_files/附件.pdf",
    }
    kept = sorted(store.kept.values(), key=len)
    assert kept[0] == b"%PDF-1.7 nothing"
    assert parts_of(kept[1])["年报_files/1.png"] == picture()


def test_a_link_beside_a_page_is_not_followed(engine: Any, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(picture())
    inside = tmp_path / "in"
    inside.mkdir()
    (inside / "a.html").write_text('<html><body>示例县年报<img src="b.png"></body></html>')
    (inside / "b.png").symlink_to(tmp_path / "secret.png")
    store = MemoryStore()
    ingest_paths(plan([str(inside / "a.html")]), engine=engine, store=store, limits=Limits())
    assert [len(data) for data in store.kept.values()] == [len((inside / "a.html").read_bytes())]


def part(kind: str, location: str, content: bytes) -> bytes:
    coded = base64.encodebytes(content)
    head = f"--b\r\nContent-Type: {kind}\r\nContent-Location: {location}\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return head.encode() + coded


PDF_FILE = b"%PDF-1.7 nothing" + bytes(100)
SHELL = "<html><p>示例县年报<iframe src='http://a.cn/r.pdf'></iframe></html>".encode()
WEB_ARCHIVE = b"".join(
    [
        b'MIME-Version: 1.0\r\nContent-Type: multipart/related; type="text/html"; boundary="b"\r\n\r\n',
        part("text/html", "http://a.cn/1.html", SHELL),
        part("application/pdf", "http://a.cn/x/%E6%8A%A5%E5%91%8A.pdf?v=1", PDF_FILE),
        part("image/png", "http://a.cn/1.png", picture()),
        part("font/woff", "http://a.cn/1.woff", b"wOFF" + bytes(200)),
        part("application/json", "http://a.cn/1.json", b'{"a": 1}'),
        b"--b--\r\n",
    ]
)
DATA_PAGE = b"<p>x</p><embed src='data:application/pdf;base64," + base64.b64encode(PDF_FILE) + b"'>"


@pytest.mark.parametrize(("name", "data", "inner"), [("a.mht", WEB_ARCHIVE, "a.mht!报告.pdf"), ("a.html", DATA_PAGE, "a.html!1")])
def test_a_document_that_a_page_holds_in_itself_comes_in(engine: Any, tmp_path: Path, name: str, data: bytes, inner: str) -> None:
    (tmp_path / name).write_bytes(data)
    store = MemoryStore()
    ingest_paths(plan([str(tmp_path / name)]), engine=engine, store=store, limits=Limits())
    assert set(rows(engine)) == {f"{tmp_path}/{name}", f"{tmp_path}/{inner}"}
    assert PDF_FILE in store.kept.values()
    low = Limits(archive_members=0)
    assert list(rows_of(tmp_path / name, low).values()) == ["file.bomb", None]


def rows_of(path: Path, limits: Limits) -> dict[str, str | None]:
    """The code of each document that comes of a file."""
    found = FileReader(Nobody(), limits, lambda *_: False).read(str(path), path.name)
    return {one.path: one.rejection[0] if one.rejection else None for one in found}


class Nobody:
    """Keeps nothing."""

    def looking(self, path: str, content: Content) -> None:
        """Nobody follows the reading."""

    def keep(self, content: Content, file: BinaryIO) -> None:
        """Nothing is kept."""


def test_pages_in_each_other_end(tmp_path: Path) -> None:
    inner = WEB_ARCHIVE
    for _ in range(6):
        head = b'MIME-Version: 1.0\r\nContent-Type: multipart/related; type="text/html"; boundary="b"\r\n\r\n'
        inner = head + part("application/octet-stream", "http://a.cn/in.mht", gzip.compress(inner)) + b"--b--\r\n"
    (tmp_path / "a.mht").write_bytes(inner)
    assert next(iter(rows_of(tmp_path / "a.mht", Limits(archive_depth=3)).values())) == "file.bomb"


HEAD = b'MIME-Version: 1.0\r\nContent-Type: multipart/related; type="text/html"; boundary="b"\r\n\r\n'
PROGRAM = b"\x7fELF" + bytes(200)


def held(folder: Path, *parts: bytes, limits: Limits = Limits()) -> dict[str, str | None]:  # noqa: B008 (frozen)
    """The code of each document that comes of a web archive with these parts, by its name in it."""
    (folder / "a.mht").write_bytes(b"".join([HEAD, part("text/html", "http://a.cn/1.html", SHELL), *parts, b"--b--\r\n"]))
    return {path.partition("!")[2]: code for path, code in rows_of(folder / "a.mht", limits).items()}


def test_a_document_that_is_refused_is_said_and_a_font_is_not(tmp_path: Path) -> None:
    font = part("font/woff", "http://a.cn/1.woff", b"wOFF" + bytes(200))
    found = held(
        tmp_path,
        part("application/pdf", "http://a.cn/x?f=1", PROGRAM),
        part("application/octet-stream", "http://a.cn/r.doc", PROGRAM + b"2"),
        part("application/octet-stream", "http://a.cn/p", PROGRAM),
        font,
    )
    assert found == {"x": "file.unsupported", "r.doc": "file.unsupported", "": None}
    (tmp_path / "a.html").write_bytes(
        DATA_PAGE.replace(b"='>", b"'>") + DATA_PAGE.replace(b"pdf", b"font-woff").replace(b"='>", b"'>")
    )
    assert rows_of(tmp_path / "a.html", Limits()) == {"a.html!1": "file.corrupt", "a.html": None}


def test_documents_beyond_the_limits_are_said(tmp_path: Path) -> None:
    many = [part("application/pdf", f"http://a.cn/{number}.pdf", PDF_FILE + b"%d" % number) for number in range(503)]
    found = held(tmp_path, *[part("font/woff", "http://a.cn/1.woff", b"wOFF" + bytes(200))] * 100, *many)
    assert {name: code for name, code in found.items() if code} == {"500.pdf": "file.bomb"}
    assert len(found) == 502
    deep = held(tmp_path, part("application/pdf", "http://a.cn/r.pdf", PDF_FILE), limits=Limits(archive_depth=0))
    assert deep == {"r.pdf": "file.bomb", "": None}


def test_parts_of_one_name_have_paths_of_their_own(tmp_path: Path) -> None:
    parts = [part("application/pdf", f"http://a.cn/{at.decode()}/r.pdf", PDF_FILE + at) for at in (b"1", b"2", b"2", b"3")]
    assert held(tmp_path, *parts) == {"r.pdf": None, "r (2).pdf": None, "r (3).pdf": None, "": None}
