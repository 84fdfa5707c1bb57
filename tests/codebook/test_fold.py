"""Folding by whole lines makes what folding character by character makes."""

from __future__ import annotations

import re
import subprocess
import unicodedata
from pathlib import Path

import opencc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import yaml

from codebook import data
from codebook.text.fold import Folded, fold, fold_label

_T2S = opencc.OpenCC("t2s")
_RADICALS = yaml.decode(data.read("text/radicals.yaml"))["radicals"]
_ROWS = yaml.decode(data.read("words.yaml"))
_TABLE = _ROWS["taiwan"] | _ROWS["variants"]
_PATTERN = re.compile("|".join(sorted(map(re.escape, _TABLE), key=len, reverse=True)))
_TRICKY = "資訊网路徵復據文和（(ju)he）)　 \t\u00a0\u3000\u200b\ufeff①²❸7０①：，…㈠㎡½⺠⼈﹙ﬁ\ue000\x00品質 水準\n12 3"


def straightforward(raw: str) -> Folded:
    """Fold with a step for each character, as the words of the module say."""
    han = r"\u3400-\u9fff\uf900-\ufaff"
    invisible = re.compile(
        "[\u200b-\u200f\u2028\u2029\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\u00ad\ue000-\uf8ff\ufffc\x00]"
    )
    syllable = r"[a-zü\u00e0-\u00ff\u0101\u0113\u011b\u012b\u014d\u016b\u01ce-\u01dc\u0144\u0148\u01f9]{1,6}"
    pinyin = re.compile(rf"(?<=[{han}])(?:[(（]{syllable}[)）])+")
    note = re.compile("(?<=[0-9０-９])[①-⓿⁰-⁹¹²³₀-₉❶-➓]+")
    drop = {m.start() for m in invisible.finditer(raw)}
    for pattern in (note, pinyin):
        for match in pattern.finditer(raw):
            drop |= set(range(*match.span()))
    drop |= {m.start() for m in re.finditer(rf"([{han}])\1(?=[(（][a-zü]{{1,6}}[)）][(（][a-zü]{{1,6}}[)）])", raw)}
    chars: list[tuple[str, int]] = []
    for index, char in enumerate(raw):
        if index not in drop:
            plain = "\u4e00" <= char <= "\u9fff" or char.isascii()
            form = char if plain else _RADICALS.get(char) or unicodedata.normalize("NFKC", char)
            chars += [(piece, index) for piece in form]
    text = "".join(piece for piece, _ in chars)
    simple = _T2S.convert(text)
    if len(simple) != len(text):
        simple = "".join(c if len(c := _T2S.convert(x)) == 1 else x for x in text)
    origins = [index for _, index in chars]
    out: list[tuple[str, int]] = []
    last = 0
    for match in _PATTERN.finditer(simple):
        out += zip(simple[last : match.start()], origins[last : match.start()], strict=True)
        new, size = _TABLE[match.group()], len(match.group())
        out += [(char, origins[match.start() + min(i * size // len(new), size - 1)]) for i, char in enumerate(new)]
        last = match.end()
    out += zip(simple[last:], origins[last:], strict=True)
    kept: list[tuple[str, int]] = []
    for at, (char, origin) in enumerate(out):
        if not char.isspace():
            kept.append((char, origin))
            continue
        if at and out[at - 1][0].isspace():
            continue
        end = at
        while end < len(out) and out[end][0].isspace():
            end += 1
        if at and end < len(out) and out[at - 1][0].isascii() and out[end][0].isascii():
            kept.append((" ", origin))
    return Folded("".join(char for char, _ in kept), tuple(origin for _, origin in kept))


@given(st.text(st.one_of(st.sampled_from(_TRICKY), st.characters(exclude_categories=["Cs"])), max_size=40))
def test_a_text_is_folded_as_character_by_character(raw: str) -> None:
    assert fold(raw) == straightforward(raw)


@given(st.text(st.sampled_from(_TRICKY), min_size=301, max_size=400))
def test_a_long_text_is_folded_as_a_short_one(raw: str) -> None:
    assert fold(raw) == straightforward(raw)


@given(st.text(st.sampled_from(_TRICKY), max_size=30))
def test_a_label_is_the_folded_text_without_its_marks(raw: str) -> None:
    assert fold_label(raw) == re.sub(r"[\s\W_]+", "", straightforward(raw).text)


def test_each_character_by_itself() -> None:
    usual = (*range(0x3400), *range(0x4E00, 0x9FFF, 7), *range(0xF900, 0x10000), *range(0x2F800, 0x2FA20))
    for raw in (f"a{chr(number)}中" for number in usual):
        assert fold(raw) == straightforward(raw), ascii(raw)


@pytest.mark.parametrize("dictionary", ["TSPhrases", "TSCharacters", "TSCharactersExt"])
def test_all_that_opencc_changes_is_changed(dictionary: str, tmp_path: Path) -> None:
    room = Path(opencc.__file__).parent / "clib"
    source, entries = room / "share" / "opencc" / f"{dictionary}.ocd2", tmp_path / "entries.txt"
    subprocess.run(
        [room / "bin" / "opencc_dict", "-i", source, "-f", "ocd2", "-o", entries, "-t", "text"], check=True, capture_output=True
    )
    keys = [line.partition("\t")[0] for line in entries.read_text().splitlines()]
    assert len(keys) > 100
    assert [key for key in keys if fold(key) != straightforward(key)] == []
