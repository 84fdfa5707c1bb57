"""Drawing in a process of its own: what it gives, what it keeps, and what a bad document can do to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from codebook.errors import GongkaiError
from console.rendering import images
from console.rendering.images import Pictures, has_pages
from runtime.settings import Settings
from runtime.store import Store
from tests.ocr.papers import saved
from tests.ocr.test_render import marked


@pytest.fixture
def drawing(tmp_path: Path) -> Iterator[Pictures]:
    made = Pictures(Settings(home=tmp_path))
    yield made
    made.close()


def put(drawing: Pictures, data: bytes) -> str:
    return drawing._store.put(data)


def test_a_page_is_drawn_once_and_then_taken_from_the_store(drawing: Pictures) -> None:
    sha256 = put(drawing, saved(marked(600, 800), "PNG"))
    first = drawing.page(sha256, "image/png", 1)
    assert first.startswith(b"\x89PNG")
    process = drawing._process
    assert process is not None
    process.kill()
    process.wait()
    assert drawing.page(sha256, "image/png", 1) == first
    assert drawing._process is process  # nobody was asked
    assert drawing.cell(sha256, "image/png", 1, size=images.Size(600, 800), box=(100, 100, 160, 120)).startswith(b"\x89PNG")


def test_bad_documents_are_told_and_the_next_one_is_drawn(drawing: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    good = put(drawing, saved(marked(60, 80), "PNG"))
    with pytest.raises(GongkaiError, match=r"file\.corrupt"):
        drawing.page(put(drawing, b"%PDF-1.4 nothing"), "application/pdf", 1)
    with pytest.raises(LookupError):
        drawing.page(good, "image/png", 7)
    with pytest.raises(GongkaiError, match=r"store\.unavailable"):
        drawing.page("0" * 64, "image/png", 1)
    large = put(drawing, saved(marked(3000, 4000), "PNG"))  # it takes longer to draw than a timer to begin
    monkeypatch.setattr(images, "_SECONDS", 0.0)
    with pytest.raises(GongkaiError, match=r"page\.timeout"):
        drawing.page(large, "image/png", 1)
    monkeypatch.setattr(images, "_SECONDS", 30.0)
    assert drawing._process is None
    with pytest.raises(GongkaiError, match=r"page\.timeout"):  # it is remembered
        drawing.page(large, "image/png", 1)
    assert drawing._process is None
    assert drawing.page(put(drawing, saved(marked(62, 80), "PNG")), "image/png", 1).startswith(b"\x89PNG")
    monkeypatch.setattr(images.time, "monotonic", lambda: float("inf"))  # later
    assert drawing.page(large, "image/png", 1).startswith(b"\x89PNG")


def test_a_page_that_ends_the_process_is_told(drawing: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    good = put(drawing, saved(marked(60, 80), "PNG"))
    process = drawing._running()
    process.kill()  # in the middle, as it were: it is found dead only when it is asked
    monkeypatch.setattr(drawing, "_running", lambda: process)
    with pytest.raises(GongkaiError, match=r"page\.unreadable"):
        drawing.page(good, "image/png", 1)


def test_what_is_derived_may_be_deleted(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.keep_derived("abcd-1-1500.png", b"picture")
    assert store.derived("abcd-1-1500.png") == b"picture"
    assert store.derived("abcd-2-1500.png") is None
    for name in ("../x.png", "a/b.png", ".hidden", "x"):
        with pytest.raises(ValueError, match="no name"):
            store.derived(name)


def test_which_documents_have_pages() -> None:
    assert [has_pages(kind) for kind in ("application/pdf", "image/tiff", "application/x-gongkai-pages", "text/html")] == [
        True,
        True,
        True,
        False,
    ]
