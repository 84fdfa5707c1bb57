"""Every text that people see stands in the data files, in both languages."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from console.web import i18n
from tests.conftest import REPOSITORY

WEB = REPOSITORY / "console" / "web"
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))
SOURCES = "".join(path.read_text() for path in [*TEMPLATES, *WEB.rglob("*.py")])


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("key", sorted(i18n.words()))
def test_a_word_says_the_same_in_both_languages(key: str) -> None:
    word = i18n.words()[key]
    assert word.zh.strip()
    assert word.en.strip()
    assert fields(word.zh) == fields(word.en)


def test_every_word_that_is_used_is_there_and_every_word_is_used() -> None:
    known = set(i18n.words())
    named = set(re.findall(r'"([a-z_]+\.[a-z0-9_.]+)"', SOURCES))
    assert set(re.findall(r'(?:\bt|notify)\(\s*"([a-z_]+\.[a-z0-9_.]+)"\s*[,)]', SOURCES)) <= known
    # What is put together: t("decide.would_" ~ act), f"password.{weak}", label("status", name).
    begun = set(re.findall(r'"([a-z_]+\.[a-z0-9_.]*)" ~', SOURCES)) | set(re.findall(r'f"([a-z_]+\.[a-z0-9_]*)\{', SOURCES))
    begun |= {f"{namespace}." for namespace in re.findall(r'label\("(\w+)"', SOURCES)}
    assert {key for key in known - named if not key.startswith(tuple(begun))} == set()


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
