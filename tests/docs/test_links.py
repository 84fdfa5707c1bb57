"""Links of the documentation lead somewhere: files, and chapters in them; pictures are there and small."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = sorted(path for where in ("*.md", "docs/**/*.md", "deploy/*.md", "samples/*.md") for path in REPOSITORY.glob(where))


def anchors(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", text, flags=re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_links_lead_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.S)
    text = re.sub(r"^(?: {7,}|\t).*$", "", text, flags=re.M)  # code by its indentation, also below an item of a list
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file.read_text()), target


def test_pages_that_are_named_by_their_path_are_there() -> None:
    for path in PAGES:
        for name in re.findall(r"`((?:docs|deploy|codebook/data)/[\w./-]+\.(?:md|yaml|yml|json))`", path.read_text()):
            assert (REPOSITORY / name).exists(), (path.name, name)


def test_pictures_are_used_and_small() -> None:
    used = {name for path in PAGES for name in re.findall(r"pictures/([\w.-]+\.png)", path.read_text())}
    there = {path.name: path.stat().st_size for path in (REPOSITORY / "docs" / "pictures").glob("*.png")}
    assert set(there) <= used
    assert all(size < 400_000 for size in there.values())
