"""What happens to a report's text between the office and the file: script, pinyin, misprints, spaces, lost headings."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from random import Random

import opencc

from tests.generator.marks import full_width
from tests.generator.paper import Grid, GridCell, Paper

SCRIPTS = ("s2t", "s2tw", "s2twp")
_TAIWAN_KEEPS = {"檔案": "文件", "專案": "項目", "釋出": "發佈"}
_PINYIN = {
    "據": "jù", "關": "guān", "領": "lǐng", "導": "dǎo", "構": "gòu", "設": "shè", "務": "wù", "責": "zé",
    "應": "yīng", "態": "tài", "網": "wǎng", "絡": "luò", "認": "rèn", "報": "bào", "規": "guī", "標": "biāo",
    "嚴": "yán", "進": "jìn", "結": "jié", "轉": "zhuǎn", "業": "yè", "許": "xǔ", "處": "chù", "罰": "fá",
    "強": "qiáng", "護": "hù", "權": "quán", "穩": "wěn", "屬": "shǔ", "類": "lèi", "內": "nèi", "過": "guò",
    "執": "zhí", "確": "què", "復": "fù", "議": "yì", "訴": "sù", "訟": "sòng", "總": "zǒng", "計": "jì",
    "開": "kāi", "購": "gòu", "費": "fèi", "項": "xiàng", "無": "wú", "當": "dāng", "舉": "jǔ", "訪": "fǎng",
    "請": "qǐng",
}  # fmt: skip
_KNOWN_MISPRINTS = (
    ("上年结转政府", "上年结收政府"),
    ("其他对外管理", "其他对完管理"),
    ("处理决定数量", "处理绝对数量"),
    ("法律行政法规禁止公开", "法律行政止公开"),
)
_CIRCLED = str.maketrans({"一": "㈠", "二": "㈡", "三": "㈢", "四": "㈣", "五": "㈤", "六": "㈥", "七": "㈦", "八": "㈧"})
_BRACKETED = re.compile(r"^[（(]([一二三四五六七八])[）)]")
_YEAR = re.compile(r"(?<!\d)(20\d\d)(?=年)")
_BROKEN_DATE = re.compile(r"(20\d\d)年1月1日")


@cache
def _converter(config: str) -> opencc.OpenCC:
    return opencc.OpenCC(config)


def to_script(paper: Paper, config: str) -> Paper:
    """In traditional characters. With "s2twp" Taiwan's words stand beside the mainland's, as on sites that convert pages."""

    def change(text: str) -> str:
        text = _converter(config).convert(text)
        for wrong, right in _TAIWAN_KEEPS.items():
            text = text.replace(wrong, right)
        return text

    return paper.map_text(change)


def with_pinyin(rng: Random, paper: Paper) -> Paper:
    """Pinyin in brackets behind some traditional characters."""
    chosen = {char for char in _PINYIN if rng.random() < 0.25}
    return paper.map_text(lambda text: "".join(f"{c}({_PINYIN[c]})" if c in chosen else c for c in text))


def misprint(rng: Random, paper: Paper, rate: float = 0.06) -> Paper:
    """Labels of tables with a known misprint, or with one character lost from a long one."""

    def change(cell: GridCell) -> str:
        text = cell.text
        if cell.is_value:
            return text
        for right, wrong in _KNOWN_MISPRINTS:
            if right in text and rng.random() < 0.3:
                return text.replace(right, wrong)
        if len(text) >= 9 and "元" not in text and rng.random() < rate:
            at = rng.randrange(4, len(text) - 1)
            return text[:at] + text[at + 1 :]
        return text

    return _tables(paper, change)


def lose_headings(rng: Random, paper: Paper) -> Paper:
    """The note of table three, and one clause line of table two, replaced by 0."""
    clause = rng.choice(("第二十条第（六）项", "第二十条第（五）项", "第二十条第（八）项"))
    return _tables(paper, lambda cell: "0" if cell.text.startswith("（本列数据") or cell.text == clause else cell.text)


def _tables(paper: Paper, change: Callable[[GridCell], str]) -> Paper:
    parts = [part.texts(change) if isinstance(part, Grid) else part for part in paper.parts]
    return Paper(parts, paper.before, paper.after)


def odd_characters(rng: Random, paper: Paper) -> Paper:
    """One of: half-width brackets, ㈠ for （一）, spaces around years, full-width years, spaces inside short labels."""
    kind = rng.choice(("half", "circled", "spaced_years", "full_years", "spaced_labels"))
    if kind == "half":
        return paper.map_text(lambda t: t.translate(str.maketrans("（）：，；", "():,;")))
    if kind == "circled":
        return paper.map_text(lambda t: _BRACKETED.sub(lambda m: m[1].translate(_CIRCLED), t))
    if kind == "spaced_years":
        return paper.map_text(lambda t: _YEAR.sub(r" \1 ", t), tables=False)
    if kind == "full_years":
        return paper.map_text(lambda t: _YEAR.sub(lambda m: full_width(m[1]), t), tables=False)
    return _tables(
        paper, lambda c: " ".join(c.text) if not c.is_value and 1 < len(c.text) <= 4 and not c.text.isascii() else c.text
    )


def broken_period(paper: Paper) -> Paper:
    """The characters that copying drops from dates: 20241月1日."""
    return paper.map_text(lambda t: _BROKEN_DATE.sub(r"\g<1>1月1日", t), tables=False)
