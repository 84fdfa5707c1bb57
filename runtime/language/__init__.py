"""The language in which people are addressed, and the Chinese of the texts that the code says in English.

The code says everything in English. :func:`said` returns a text in the language of the environment, :func:`in_chinese` in
Chinese: both look the English up in the data files under ``chinese/``, also a text whose values are filled in already, such as
the details of an error that the database keeps. ``docs/adr/0045-one-store-of-words.md`` says why.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import msgspec

from codebook.errors import CODES

ENGLISH, CHINESE = "en", "zh"
_LOCALES = ("LC_ALL", "LC_MESSAGES", "LANG")  # the first that is set decides, as POSIX has it
_VALUE = re.compile(r"\{[^{}]*\}")
_ENGLISH = re.compile(r"[A-Za-z]")
_COMMA = "\uff0c"
_COUNTED = re.compile(r"(?<![\d,.])([\d,.]++) (.++)")


def language(environment: Mapping[str, str] | None = None) -> str:
    """Return ``zh`` where the locale of the environment is Chinese, else ``en``.

    >>> language({"LANG": "zh_CN.UTF-8"}), language({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}), language({})
    ('zh', 'en', 'en')
    """
    given = os.environ if environment is None else environment
    locale = next((given[name] for name in _LOCALES if given.get(name)), "")
    return CHINESE if locale.lower().startswith("zh") else ENGLISH


class _Filled(str):
    """A value of a template: ``{}`` as it is, ``{:t}`` in Chinese, ``{:l}`` each part of a list in Chinese."""

    __slots__ = ()

    def __format__(self, form: str) -> str:
        if form == "l":
            return _COMMA.join(_counted(part) for part in self.split(", "))
        return in_chinese(str(self)) if form == "t" else str(self)


def _counted(part: str) -> str:
    """Return a part of a list in Chinese; a number before a word goes behind it."""
    match = _COUNTED.fullmatch(part)
    return f"{in_chinese(match[2])} {match[1]}" if match else in_chinese(part)


class Template(msgspec.Struct, frozen=True):
    """A text with values: the English around them, which finds the values, and the Chinese into which they go."""

    around: tuple[str, ...]
    chinese: str

    @property
    def weight(self) -> int:
        """Of two templates that fit a text, the one that says more of it itself is meant."""
        return sum(map(len, self.around))

    def fits(self, text: str) -> bool:
        """Return whether all that is around the values is in ``text``. It is quick, and leaves few to :meth:`values`."""
        return text.startswith(self.around[0]) and text.endswith(self.around[-1]) and all(part in text for part in self.around)

    def values(self, text: str) -> tuple[str, ...] | None:
        """Return the values in ``text``, None when it is not of this template."""
        match = re.fullmatch("(.*?)".join(map(re.escape, self.around)), text, re.DOTALL)
        return match.groups() if match else None


class Catalogue(msgspec.Struct, frozen=True):
    """Texts by their English: those without values, and templates, the most particular first."""

    whole: Mapping[str, str]
    templates: tuple[Template, ...]


def read_catalogue(folder: Traversable) -> Catalogue:
    """Return the texts of all files of a folder: mappings from English to Chinese.

    Raises msgspec.ValidationError when a file is no such mapping.
    """
    whole: dict[str, str] = {}
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".yaml"):
            whole |= msgspec.yaml.decode(file.read_bytes(), type=dict[str, str])
    templates = (Template(tuple(_VALUE.split(text)), chinese) for text, chinese in whole.items() if _VALUE.search(text))
    return Catalogue(whole, tuple(sorted(templates, key=lambda each: -each.weight)))


@cache
def catalogue() -> Catalogue:
    """Return the texts of this package, read when the first text is looked up."""
    return read_catalogue(files(__name__).joinpath("chinese"))


@lru_cache(maxsize=4096)
def in_chinese(text: str) -> str:
    """Return a text in Chinese; the text itself where the catalogue does not have it."""
    if not _ENGLISH.search(text):
        return text
    known = catalogue()
    if (chinese := known.whole.get(text)) is not None:
        return chinese
    for template in known.templates:
        if template.fits(text) and (values := template.values(text)) is not None:
            return template.chinese.format(*map(_Filled, values))
    return text


def said(text: str) -> str:
    """Return a text in the language of the environment."""
    return in_chinese(text) if language() == CHINESE else text


class ErrorWords(msgspec.Struct, frozen=True):
    """What an error code means, and what to do next."""

    meaning: str
    next_step: str


@cache
def error_words(language: str) -> Mapping[str, ErrorWords]:
    """Return the words of each error code in a language. Raises KeyError for a code that has no English."""
    if language == CHINESE:
        return {name: ErrorWords(code.meaning, code.next_step) for name, code in CODES.items()}
    english = msgspec.yaml.decode(files(__name__).joinpath("english", "errors.yaml").read_bytes(), type=dict[str, ErrorWords])
    return {name: english[name] for name in CODES}
