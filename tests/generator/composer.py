"""One report as a paper: which chapters, where the agency is named, what stands around the text."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from codebook.book import load_book
from codebook.records import Number
from tests.generator import prose
from tests.generator.figures import Figures, Plant, further_blocks
from tests.generator.grids import Look, cross_grid, disclosure_grid, requests_grid, review_grid, statistics_grid
from tests.generator.narrative import chapters_2014
from tests.generator.paper import Heading, Paper, Part, Text
from tests.generator.world import Agency, form_of_year, pick_agency

_NUMERALS = "一二三四五六七八九十"
_TITLE = "政府信息公开工作年度报告"


@dataclass(frozen=True)
class Shape:
    """Choices of one report. ``named`` is where the agency stands: title, attachment, signature, contact or file_name."""

    named: str = "title"
    look: Look = field(default_factory=Look)
    dated: str = ""  # "meta", "signature" or ""
    statistics: str = "both"  # form 2014: "table", "prose" or "both"
    web: bool = False
    slip: bool = False  # plant narrative.contradiction


@dataclass(frozen=True)
class Composed:
    """A paper and what is known of it beside its numbers."""

    paper: Paper
    published_on: str | None
    stem: str


def pick_shape(rng: Random, form: str) -> Shape:
    """A random shape; odd ones are rare."""
    look = Look(rng.random() < 0.05, rng.random() < 0.05, rng.random() < 0.6, rng.random() < 0.9)
    named = rng.choices(("title", "attachment", "signature", "contact", "file_name"), (68, 8, 10, 8, 6))[0]
    dated = rng.choices(("", "meta", "signature"), (5, 3, 3))[0]
    statistics = rng.choices(("table", "prose", "both"), (3, 3, 4))[0]
    return Shape(named, look, dated, statistics, rng.random() < 0.4)


def _title(rng: Random, agency: Agency, year: int) -> str:
    return rng.choice(
        (
            f"{agency.name}{year}年{_TITLE}",
            f"{agency.name}{year}年{_TITLE}",
            f"{year}年{agency.name}{_TITLE}",
            f"{agency.name}{year}年政府信息公开年度报告",
        )
    )


def _date(rng: Random, agency: Agency, year: int) -> tuple[int, int, int]:
    late = agency.is_government or agency.kind in ("city",) or year < 2019
    return year + 1, rng.randint(2, 3) if late else 1, rng.randint(1, 28)


def _dates(rng: Random, shape: Shape, agency: Agency, year: int) -> tuple[str | None, str, str]:
    """(ISO date or None, publication line, signature date)."""
    y, m, d = _date(rng, agency, year)
    iso = f"{y}-{m:02}-{d:02}"
    if shape.dated == "meta":
        line = rng.choice(
            (
                f"发布日期：{iso}",
                f"发布时间：{iso} 10:{rng.randint(10, 59)}    来源：{agency.host}",
                f"日期：{y}年{m}月{d}日  浏览次数：{rng.randint(20, 999)}次",
            )
        )
        return iso, line, ""
    if shape.dated == "signature":
        return iso, "", f"{y}年{m}月{d}日"
    return None, "", ""


def _chapters(rng: Random, agency: Agency, figures: Figures, shape: Shape) -> list[Part]:
    say: dict[str, Number] = dict(figures.values)
    if shape.slip:
        key = "requests.new_received.total"
        honest = {figures.get(f"requests.{row}.total") for row in ("new_received", "total_handled", "carried_over")}
        honest.add(figures.get(key) + figures.get("requests.carried_over.total"))
        say[key] = next(n for n in range(figures.get(key) + rng.randint(1, 6), 10**9) if n not in honest)
        figures.plants.append(Plant("narrative.contradiction", ("requests.new_received.total",)))
    parts: list[Part] = [Heading("一、总体情况")]
    parts += [Text(p) for p in prose.overview(rng, agency, figures, say)]
    parts += [Heading("二、主动公开政府信息情况"), disclosure_grid(figures)]
    parts += [Heading("三、收到和处理政府信息公开申请情况"), requests_grid(figures, shape.look)]
    parts += [Heading("四、政府信息公开行政复议、行政诉讼情况"), review_grid(figures)]
    parts += [Heading("五、存在的主要问题及改进情况"), *map(Text, prose.problems(rng, agency, figures.year))]
    parts += [Heading("六、其他需要报告的事项"), *map(Text, prose.other_matters(rng, agency, figures))]
    for name in further_blocks(figures.form):
        block = load_book().blocks[name]
        parts += [Heading(f"{_NUMERALS[(block.section or 0) - 1]}、{block.title}"), cross_grid(figures, name)]
    return parts


def _chapters_2014(rng: Random, agency: Agency, figures: Figures, shape: Shape) -> list[Part]:
    parts: list[Part] = [Heading("一、概述"), Text(prose.overview(rng, agency, figures, {})[0])]
    number = 1
    if shape.statistics != "table":
        loose = shape.statistics == "prose" and not figures.raw and rng.random() < 0.6
        for title, paragraphs in chapters_2014(rng, figures, loose):
            parts.append(Heading(f"{_NUMERALS[number]}、{title}"))
            parts += map(Text, paragraphs)
            number += 1
    parts.append(Heading(f"{_NUMERALS[number]}、存在的主要问题及改进情况"))
    parts += map(Text, prose.problems(rng, agency, figures.year))
    if shape.statistics != "prose":
        parts += [Text("政府信息公开情况统计表", "caption"), Text(f"（{figures.year}年度）", "caption"), statistics_grid(figures)]
    return parts


def _web(rng: Random, agency: Agency, year: int) -> tuple[list[str], list[str]]:
    other = pick_agency(rng, "bureau")
    before = ["首页 > 政务公开 > 政府信息公开年报", "字号：大 中 小    打印本页    关闭窗口", "分享到："]
    after = [
        f"上一篇：{other.name}{year}年{_TITLE}", "下一篇：没有了",
        "扫一扫在手机打开当前页", "网站地图 | 联系我们 | 使用帮助 | 隐私声明",
        f"主办：{agency.host}    网站标识码：{rng.randint(1000000000, 9999999999)}",
        "您访问的链接即将离开本网站，是否继续？",
    ]  # fmt: skip
    return rng.sample(before, rng.randint(1, 3)), after[: rng.randint(1, 6)]


def compose_paper(rng: Random, agency: Agency, figures: Figures, shape: Shape) -> Composed:
    """The report of an agency with these figures. Adds to ``figures.plants`` when the shape asks for a slip of the text."""
    year = figures.year
    published, meta, signed = _dates(rng, shape, agency, year)
    title = _title(rng, agency, year)
    named = shape.named
    parts: list[Part] = []
    if named == "title":
        parts.append(Text(title, "title"))
    elif named == "contact":
        parts.append(Text(f"{_TITLE}（{year}年）", "title"))
    if meta:
        parts.append(Text(meta, "meta"))
    law = "根据《中华人民共和国政府信息公开条例》有关规定，编制本报告。"
    if form_of_year(year) != "2014" and rng.random() < 0.5:
        law = "依据《中华人民共和国政府信息公开条例》（国务院令第711号）第五十条规定，编制本报告。"
    if named in ("signature", "file_name", "attachment") or rng.random() < 0.3:
        law = f"现将{year}年度政府信息公开工作情况报告如下。" + law
    law += prose.period(year, rng) if named in ("signature", "contact", "file_name") or rng.random() < 0.5 else ""
    law += prose.contact(agency, rng) if named == "contact" or rng.random() < 0.3 else ""
    parts.append(Text(law))
    parts += (_chapters_2014 if figures.form == "2014" else _chapters)(rng, agency, figures, shape)
    if named == "attachment":
        parts.append(Text(f"附件：{title}", "attachment"))
    if named == "signature" or (signed and named == "title"):
        parts.append(Text(agency.name, "signature"))
    if signed:
        parts.append(Text(signed, "signature"))
    before, after = _web(rng, agency, year) if shape.web else ([], [])
    stem = title if named == "file_name" or rng.random() < 0.15 else f"{rng.getrandbits(48):012x}"
    return Composed(Paper(parts, before, after), published, stem)
