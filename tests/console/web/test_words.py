"""Every text that people see stands in the data files, in both languages."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from console.web import words
from tests.conftest import REPOSITORY

WEB = REPOSITORY / "console" / "web"
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))
# Namespaces that are looked up by a name of the domain.
LABELS = set(re.findall(r'label\("(\w+)"', "".join(path.read_text() for path in [*TEMPLATES, *WEB.rglob("*.py")])))
NAMED = {"problem", "language"}


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("key", sorted(words.words()))
def test_a_word_says_the_same_in_both_languages(key: str) -> None:
    word = words.words()[key]
    assert word.zh.strip()
    assert word.en.strip()
    assert fields(word.zh) == fields(word.en)


def test_every_word_that_is_used_is_there_and_every_word_is_used() -> None:
    sources = [*TEMPLATES, *WEB.rglob("*.py")]
    text = "".join(path.read_text() for path in sources)
    used = set(re.findall(r'"([a-z_]+\.[a-z0-9_.]+)"', text)) & {*words.words()} | set(
        re.findall(r'(?:\bt|notify)\(\s*"([a-z_]+\.[a-z0-9_.]+)"', text)
    )
    assert used <= set(words.words())
    by_name = {key for key in words.words() if key.split(".")[0] in LABELS | NAMED}
    assert set(words.words()) - used - by_name == set()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_holds_no_text_of_its_own(path: Path) -> None:
    text = re.sub(r"\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}|<pre>.*?</pre>|<!doctype html>", " ", path.read_text(), flags=re.S)
    assert re.findall(r">([^<>]*[A-Za-z\u4e00-\u9fff][^<>]*)<", text) == []
    assert re.findall(r'(?:title|placeholder|aria-label|alt)="([^"]*[A-Za-z\u4e00-\u9fff][^"]*)"', text) == []
    assert re.findall(r"<script(?![^>]*src=)|\bon\w+=|\bstyle=|javascript:", text) == []


def test_no_chinese_stands_in_code() -> None:
    for path in [*WEB.rglob("*.py"), *WEB.joinpath("static").glob("pages.*")]:
        text = path.read_text()
        if path.name == "__init__.py":
            text = re.sub(r'""".*?"""', "", text, flags=re.S)
        assert not re.search(r"[\u4e00-\u9fff]", text), path
