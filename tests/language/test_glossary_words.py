"""The texts in Chinese use the words of the glossary, not the ones that it lists as not used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

_TEXTS = sorted(
    [
        *(REPOSITORY / "console" / "web" / "words").glob("*.yaml"),
        *(REPOSITORY / "console" / folder / name for folder, name in (("export", "headings.yaml"), ("notices", "words.yaml"))),
        *(REPOSITORY / "runtime" / "language" / "chinese").glob("*.yaml"),
        *(REPOSITORY / "codebook" / "data" / name for name in ("errors.yaml", "messages.yaml", "notes.yaml")),
        *(REPOSITORY / "codebook" / "data" / "rules").glob("*.yaml"),
        *(path for folder in ("docs", "deploy") for path in (REPOSITORY / folder).glob("*.zh-CN.md")),
    ]
)
# A word of another sense that contains one that is not used.
_OTHER = re.compile(
    r"行政机关|国家机关|审判机关|检察机关|司法机关|机关法人|机关事业|事业编制|发文机关|本机关|上级机关|机关或|现在效"
)


def unused() -> dict[str, str]:
    """Return the words that are not used, each with the one that is."""
    chapter = (REPOSITORY / "docs" / "glossary.md").read_text(encoding="utf-8").split("## `pages`", 1)[1]
    rows = re.findall(r"^\| (\S+) \| .* \| ([^|]+) \|$", chapter, re.M)
    return {
        word: said
        for said, words in rows
        for word in words.split("、")
        if word.strip() and not word.startswith("-") and word != "not"
    }


def test_the_glossary_names_words_that_are_not_used() -> None:
    assert len(unused()) > 10


@pytest.mark.parametrize("path", _TEXTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_text_says_things_as_the_glossary_does(path: Path) -> None:
    text = _OTHER.sub("", path.read_text(encoding="utf-8"))
    if path.parent.name == "rules":
        text = text.replace("机关", "")  # quotes law and reports
    lines = text.splitlines()
    found = [f"{n}: {word}, say {said}" for n, line in enumerate(lines, 1) for word, said in unused().items() if word in line]
    assert found == []
