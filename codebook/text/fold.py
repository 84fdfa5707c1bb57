"""Folding: what two spellings of the same words have in common, for comparing; what is stored stays raw.

Folded text is simplified script, NFKC (half-width), characters in place of radicals, mainland words, without pinyin behind
characters, marks of notes behind numbers, and the spaces that line up Chinese text. :func:`fold` keeps for each folded
character the raw one that it came from.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache, lru_cache

import msgspec
import opencc

from codebook import data
from codebook.records import LightRecord

_HAN = r"\u3400-\u9fff\uf900-\ufaff"
# 據(jù), 文(wen): a syllable in brackets behind a character. Tone marks are optional, capitals are not pinyin (LED).
_PINYIN = re.compile(
    rf"(?<=[{_HAN}])(?:[(（][a-zü\u00e0-\u00ff\u0101\u0113\u011b\u012b\u014d\u016b\u01ce-\u01dc\u0144\u0148\u01f9]{{1,6}}[)）])+"
)
# 和(he)(he) doubles the character too: what is left of 和和 after the pinyin is taken off is one 和.
_DOUBLED = re.compile(rf"([{_HAN}])\1(?=[(（][a-zü]{{1,6}}[)）][(（][a-zü]{{1,6}}[)）])")
_FIRST_HAN, _LAST_HAN = chr(0x3400), chr(0x9FFF)
_SHORT = 300  # characters of a text whose folding is remembered: 2,000 of these take at most 10 MB
_UNIFIED = chr(0x4E00)
_IDEOGRAPHS = (*range(0x2E80, 0xA000), *range(0xF900, 0xFB00))
# Spaces that are not one between two characters of ASCII.
_SPACE = re.compile(r"\s{2,}|[^\S ]|(?<![\x00-\x7f]) | (?![\x00-\x7f])")
# ideographic spaces, zero-width characters, soft hyphens and private-use icons of web pages
_INVISIBLE = re.compile("[\u200b-\u200f\u2028\u2029\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\u00ad\ue000-\uf8ff\ufffc\x00]")
# The mark of a note behind a number is no digit of it: 7① is no 71, though its compatibility character is 1.
_NOTE_MARK = re.compile("(?<=[0-9０-９])[①-⓿⁰-⁹¹²³₀-₉❶-➓]+")
_DROPPED = re.compile(f"[{_INVISIBLE.pattern[1:-1]}①-⓿⁰-⁹¹²³₀-₉❶-➓]")
_LABEL_NOISE = re.compile(r"[\s\W_]+")


def is_han(char: str) -> bool:
    """Return whether ``char`` is a Chinese character (of the unified ideographs and their first extension)."""
    return _FIRST_HAN <= char <= _LAST_HAN


class FoldingWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The replacements of words.yaml."""

    taiwan: dict[str, str]
    variants: dict[str, str]
    changed_in_words: str


class RadicalFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """radicals.yaml: radicals, each with the character that it means."""

    radicals: dict[str, str]


class Folded(LightRecord, frozen=True):
    """Folded text; ``origins[i]`` is the index in the raw text of the character that ``text[i]`` came from."""

    text: str
    origins: tuple[int, ...]

    def raw_span(self, start: int, end: int) -> tuple[int, int]:
        """The span of raw text from which the folded characters start..end (end excluded) came."""
        if start >= end:
            at = self.origins[start] if start < len(self.origins) else (self.origins[-1] + 1 if self.origins else 0)
            return at, at
        return self.origins[start], self.origins[end - 1] + 1


@cache
def _converter() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


@cache
def _file() -> FoldingWords:
    return msgspec.yaml.decode(data.read("words.yaml"), type=FoldingWords)


@cache
def _words() -> tuple[re.Pattern[str], dict[str, str]]:
    table = _file().taiwan | _file().variants
    return re.compile("|".join(sorted(map(re.escape, table), key=len, reverse=True))), table


@cache
def _radicals() -> dict[str, str]:
    return msgspec.yaml.decode(data.read("text/radicals.yaml"), type=RadicalFile).radicals


def _normal(char: str) -> str:
    """The characters of a compatibility character or a radical."""
    return _radicals().get(char) or unicodedata.normalize("NFKC", char)


class _NormalForms(dict[int, str]):
    """The table by which a text is translated to normal forms, filled as characters come."""

    def __missing__(self, number: int) -> str:
        char = chr(number)
        form = self[number] = char if _UNIFIED <= char <= _LAST_HAN or char.isascii() else _normal(char)
        return form


_NORMAL_FORMS = _NormalForms()


@cache
def _not_simplified() -> re.Pattern[str]:
    """The characters without which a text is in simplified script: those that are changed by themselves, or in some words. Those
    beyond the basic plane are not looked up: they are rare.
    """
    characters = [chr(number) for number in _IDEOGRAPHS]
    simplified = _converter().convert("\n".join(characters)).split("\n")
    changed = [one for one, other in zip(characters, simplified, strict=True) if one != other]
    return re.compile(f"[{''.join(changed)}{_file().changed_in_words}\U00010000-\U0010ffff]")


def _simplify(text: str) -> str:
    """Simplified script, character by character: the result is as long as ``text``."""
    if _not_simplified().search(text) is None:
        return text
    result = _converter().convert(text)
    return result if len(result) == len(text) else "".join(c if len(c := _converter().convert(x)) == 1 else x for x in text)


def fold(raw: str) -> Folded:
    """Fold a line or a text; spaces between words of Latin script and between numbers are kept as one."""
    return _fold_short(raw) if len(raw) <= _SHORT else _fold(raw)


@lru_cache(maxsize=2_000)
def _fold_short(raw: str) -> Folded:
    """The lines of a document are looked at several times, by its reports, its chapters and its names."""
    return _fold(raw)


def _fold(raw: str) -> Folded:
    """Most lines have each folded character in the place of its raw one: they are translated as a whole, and only the others
    character by character."""
    drop = _dropped(raw)
    text = raw.translate(_NORMAL_FORMS)
    origins: Sequence[int] = range(len(raw))
    if drop or len(text) != len(raw):
        forms = [(index, _NORMAL_FORMS[ord(char)]) for index, char in enumerate(raw) if index not in drop]
        text = "".join(form for _, form in forms)
        origins = [index for index, form in forms for _ in form]
    text, origins = _replace_words(_simplify(text), origins)
    return _squeeze(text, origins)


def _dropped(raw: str) -> set[int]:
    """The characters that are none of the text: invisible ones, marks of notes, pinyin, the first of two by two syllables."""
    drop = set()
    if _DROPPED.search(raw):
        drop = {match.start() for match in _INVISIBLE.finditer(raw)}
        for match in _NOTE_MARK.finditer(raw):
            drop.update(range(match.start(), match.end()))
    if "(" in raw or "（" in raw:
        for match in _PINYIN.finditer(raw):
            drop.update(range(match.start(), match.end()))
        drop.update(match.start() for match in _DOUBLED.finditer(raw))
    return drop


def _replace_words(text: str, origins: Sequence[int]) -> tuple[str, Sequence[int]]:
    """The text with mainland words in the place of others, and the origins of its characters."""
    pattern, table = _words()
    first = pattern.search(text)
    if first is None:
        return text, origins
    out: list[str] = []
    where: list[int] = []
    last = 0
    for match in pattern.finditer(text, first.start()):
        new = table[match.group()]
        out.append(text[last : match.start()])
        where += origins[last : match.start()]
        out.append(new)
        size = len(match.group())
        where += [origins[match.start() + min(i * size // len(new), size - 1)] for i in range(len(new))]
        last = match.end()
    out.append(text[last:])
    where += origins[last:]
    return "".join(out), where


def _squeeze(text: str, origins: Sequence[int]) -> Folded:
    """Spaces next to a Chinese character or mark are dropped, others become one."""
    spaces = _SPACE.search(text) if text.split(maxsplit=1) != [text] else None
    if spaces is None:
        return Folded(text, tuple(origins))
    out: list[str] = []
    where: list[int] = []
    last = 0
    for match in _SPACE.finditer(text, spaces.start()):
        first, end = match.span()
        out.append(text[last:first])
        where += origins[last:first]
        if first and end < len(text) and text[first - 1].isascii() and text[end].isascii():
            out.append(" ")
            where.append(origins[first])
        last = end
    out.append(text[last:])
    where += origins[last:]
    return Folded("".join(out), tuple(where))


@lru_cache(maxsize=20_000)
def fold_label(raw: str) -> str:
    """Return what two printings of a label have in common: folded, and without spaces, brackets, quotes and marks.

    >>> fold_label("（二）部分公開（區分處理的，只計這一情形）")
    '二部分公开区分处理的只计这一情形'
    """
    return _LABEL_NOISE.sub("", fold(raw).text)


def script_of(text: str) -> str:
    """``"traditional"`` when a text has characters that simplified script does not use, else ``"simplified"``.

    A few characters are not enough (quotations, names): more than one in fifty Chinese characters must differ.
    """
    han = re.sub(rf"[^{_HAN}]", "", text)
    if not han:
        return "simplified"
    simplified = _simplify(han)
    changed = 0 if simplified == han else sum(a != b for a, b in zip(han, simplified, strict=True))
    return "traditional" if changed * 50 > len(han) else "simplified"
