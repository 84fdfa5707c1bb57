"""The words of the pages, in Chinese and English, from the data files under ``words/``.

The error codes (namespaces ``code`` and ``step``) have their words in the codebook and in :mod:`runtime.language`, which commands
use too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import msgspec
from markupsafe import Markup

from codebook.book import load_book
from codebook.records import Record
from codebook.rules import load_rules
from console.notices.words import category_of
from console.web.finding_messages import english_cell, english_sum, in_english
from runtime.language import CHINESE, ENGLISH, error_words
from tasks.validation.wording import cell_label, table_of

# Chinese characters with the marks and numbers between them.
_HAN = re.compile(r"([\u4e00-\u9fff]++(?:[^\u4e00-\u9fffA-Za-z“” ]{1,12}[\u4e00-\u9fff]++)*+)")

LANGUAGES = {"zh": "zh-CN", "en": "en"}
DEFAULT = "zh"


class Word(Record, frozen=True):
    """One text in both languages. ``{name}`` stands for a value that is filled in."""

    zh: str
    en: str

    def of(self, language: str) -> str:
        """The text in a language of :data:`LANGUAGES`."""
        return self.en if language == "en" else self.zh


@cache
def words() -> Mapping[str, Word]:
    """All words by ``namespace.key``. A file holds namespaces, and each of them keys.

    Raises ValueError when two files have the same namespace, msgspec.ValidationError when a language is absent.
    """
    found: dict[str, Word] = {}
    seen: dict[str, str] = {}
    for file in sorted(files(__package__).joinpath("words").iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".yaml"):
            continue
        for namespace, entries in msgspec.yaml.decode(file.read_bytes(), type=dict[str, dict[str, Word]]).items():
            if namespace in seen:
                raise ValueError(f"the namespace {namespace} stands in {seen[namespace]} and {file.name}")
            seen[namespace] = file.name
            found |= {f"{namespace}.{key}": word for key, word in entries.items()}
    return found | _of_errors()


def _of_errors() -> dict[str, Word]:
    """Meaning and next step of each error code. Raises KeyError for a code that has no English."""
    chinese, english = error_words(CHINESE), error_words(ENGLISH)
    meanings = {f"code.{name}": Word(words.meaning, english[name].meaning) for name, words in chinese.items()}
    return meanings | {f"step.{name}": Word(words.next_step, english[name].next_step) for name, words in chinese.items()}


def translate(language: str, key: str, /, **values: object) -> str:
    """The text of ``key`` with its values filled in. Raises KeyError for a key, or a value, that there is not."""
    return words()[key].of(language).format(**values)


def label(language: str, namespace: str, name: object) -> str:
    """The word for a name of the domain; the name itself where there is none."""
    word = words().get(f"{namespace}.{name}")
    return word.of(language) if word is not None else str(name)


def cell_name(language: str, cell: str) -> str:
    """Return what people call a cell, with its table. Ids that the codebook does not know stay as they are."""
    if cell not in load_book().indicators:
        return cell
    return f"{table_of(cell)} {cell_label(cell)}" if language == DEFAULT else english_cell(cell)


def printed_as(language: str, cell: str) -> Markup:
    """Return the attribute that shows, on pages in English, what the form calls a cell."""
    return Markup("") if language == DEFAULT else Markup(' title="{}"').format(cell_name(DEFAULT, cell))


def sum_text(language: str, cells: tuple[str, ...], text: str) -> str:
    """Return a side of a sum over ``cells``, or where it runs."""
    return text if language == DEFAULT else english_sum(cells, text)


def rule_category(language: str, rule: str) -> str:
    """Return what kind of problems a rule finds, as notices call it."""
    category = category_of(rule)
    return category.name if language == DEFAULT else category.english


def finding_text(language: str, rule: str, message: str) -> Markup:
    """What a finding says. In English, what stays in Chinese, such as quotations and names, is marked as Chinese. A message that
    has no English, such as one of a rule pack, stands behind the rule, as what must hold.

    >>> finding_text("en", "requests.unknown", "<b>")
    Markup('<span lang="zh-CN">&lt;b&gt;</span>')
    """
    if language == DEFAULT:
        return Markup("{}").format(message)
    if (english := in_english(rule, message)) is not None:
        marked = Markup('<span lang="zh-CN">{}</span>')
        return Markup("").join(marked.format(part) if at % 2 else part for at, part in enumerate(_HAN.split(english)))
    known = load_rules().get(rule)
    must = f"{known.words[:1].upper()}{known.words[1:]}. " if known is not None else ""
    return Markup('{}<span lang="zh-CN">{}</span>').format(must, message)
