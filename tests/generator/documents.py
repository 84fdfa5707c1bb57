"""Documents with known truth: bytes, media type, file name, and what a reader must find."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from codebook.records import Number
from tests.generator import marks, noise
from tests.generator.composer import Composed, Shape, compose_paper, pick_shape
from tests.generator.figures import Figures, Plant, compose, further_blocks
from tests.generator.layouts.print import pick_press, render_pdf
from tests.generator.layouts.text import TABLES, render_text
from tests.generator.layouts.web import PAGES, render_page
from tests.generator.layouts.word import render_docx
from tests.generator.paper import Paper
from tests.generator.world import Agency, pick_agency, pick_year

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
# (paper, rng, in traditional script, wished encoding) -> bytes, media type, suffix, encoding
Renderer = Callable[[Paper, Random, bool, str | None], tuple[bytes, str, str, str]]


_TRACELESS = ("vanished", "pdf_text", "columns", "pdf_borderless")  # layouts in which an empty cell leaves nothing behind


@dataclass(frozen=True)
class Document:
    """A generated file with its truth. ``blanks`` are the cells that it prints without a number; ``traits`` name what was done
    to it. ``forms`` gives the form of each block (they differ in hybrids)."""

    name: str
    data: bytes
    media_type: str
    layout: str
    form: str
    forms: dict[str, str]
    agency: str
    region: tuple[str, ...]
    region_code: str
    year: int
    published_on: str | None
    indicators: dict[str, Number]
    blanks: tuple[str, ...] = ()
    plants: tuple[Plant, ...] = ()
    traits: tuple[str, ...] = ()
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def is_decidable(self) -> bool:
        """Whether the file itself says which cell each number belongs to: not where blanks leave no trace."""
        return not (self.blanks and self.layout in _TRACELESS and "blank_marks" not in self.traits)

    def truth(self) -> dict[str, Any]:
        """The truth in the shape of the corpus' truth files, with what was planted beside it."""
        return {
            "file": self.name, "form": self.form, "agency": self.agency, "region": list(self.region), "year": self.year,
            "published_on": self.published_on, "indicators": self.indicators,
            "blanks": list(self.blanks), "plants": [{"rule": p.rule, "cells": list(p.cells)} for p in self.plants],
            "region_code": self.region_code, "forms": self.forms, "layout": self.layout, "media_type": self.media_type,
            "traits": list(self.traits),
        }  # fmt: skip

    def truth_json(self) -> bytes:
        """The truth as UTF-8 JSON."""
        return (json.dumps(self.truth(), ensure_ascii=False, indent=1) + "\n").encode()


@dataclass(frozen=True)
class Wishes:
    """What a document should be; None leaves it to chance. ``clean`` switches all noise, blanks and planted errors off."""

    clean: bool = False
    plant: str | None = None
    shape: Shape | None = None
    agency: Agency | None = None
    year: int | None = None
    figures: Figures | None = None
    encoding: str | None = None


def _encode(text: str, rng: Random, traditional: bool, wish: str | None) -> tuple[bytes, str]:
    kinds = ("utf-8", "utf-8-sig", "utf-16", "gb18030", "gbk") + (("big5hkscs",) if traditional else ())
    kind = wish or rng.choices(kinds, (12, 2, 1, 3, 2, 2)[: len(kinds)])[0]
    if kind == "utf-16":
        kind = rng.choice(("utf-16-le", "utf-16-be"))
        mark = codecs.BOM_UTF16_LE if kind == "utf-16-le" else codecs.BOM_UTF16_BE
        return mark + text.encode(kind), kind
    try:
        return text.encode(kind), kind
    except UnicodeEncodeError:  # a character that the old encoding lacks: such a page is served in UTF-8
        return text.encode(), "utf-8"


def _text_renderer(layout: str) -> Renderer:
    def render(paper: Paper, rng: Random, traditional: bool, encoding: str | None) -> tuple[bytes, str, str, str]:
        data, kind = _encode(render_text(paper, layout, rng), rng, traditional, encoding)
        return data, "text/plain", ".txt", kind

    return render


def _page_renderer(layout: str) -> Renderer:
    def render(paper: Paper, rng: Random, traditional: bool, encoding: str | None) -> tuple[bytes, str, str, str]:
        kind = encoding or rng.choice(("utf-8", "utf-8", "gb18030", "gbk", "big5hkscs" if traditional else "utf-8"))
        declared = {"gb18030": "gb2312", "big5hkscs": "big5"}.get(kind, kind)
        if rng.random() < 0.08:  # a page that declares one encoding and uses another
            declared = "gb2312" if kind == "utf-8" else "utf-8"
        page = render_page(paper, layout, rng, declared)
        try:
            data = page.encode(kind)
        except UnicodeEncodeError:
            data = page.encode(kind, "xmlcharrefreplace")
        return data, "text/html", rng.choice((".html", ".htm")), f"{kind} as {declared}"

    return render


def _docx_renderer(paper: Paper, rng: Random, traditional: bool, encoding: str | None) -> tuple[bytes, str, str, str]:
    return render_docx(paper, rng), DOCX, ".docx", "utf-8"


def _pdf_renderer(ruled: bool) -> Renderer:
    def render(paper: Paper, rng: Random, traditional: bool, encoding: str | None) -> tuple[bytes, str, str, str]:
        press = pick_press(rng, ruled)
        traits = [press.ruled or "no_lines", *(["repeat"] if press.repeat else []), *(["split"] if press.split else [])]
        return render_pdf(paper, press), "application/pdf", ".pdf", "+".join(traits)

    return render


TEXT_LAYOUTS = tuple(TABLES)
RENDERERS: dict[str, Renderer] = {
    **{name: _text_renderer(name) for name in TABLES},
    **{name: _page_renderer(name) for name in PAGES},
    "docx": _docx_renderer,
    "pdf": _pdf_renderer(ruled=True),
    "pdf_borderless": _pdf_renderer(ruled=False),
}


def _disturb(rng: Random, paper: Paper, layout: str) -> tuple[Paper, list[str], bool]:
    """Noise on the text: (paper, traits, whether it is in traditional script)."""
    traits: list[str] = []
    if rng.random() < 0.15:
        paper, traits = noise.misprint(rng, paper), [*traits, "misprints"]
    if rng.random() < 0.05:
        paper, traits = noise.lose_headings(rng, paper), [*traits, "lost_headings"]
    if rng.random() < 0.2:
        paper, traits = noise.odd_characters(rng, paper), [*traits, "odd_characters"]
    if rng.random() < 0.03:
        paper, traits = noise.broken_period(paper), [*traits, "broken_period"]
    traditional = rng.random() < 0.2 and not layout.startswith("pdf_b") and layout != "pdf"
    if traditional:
        script = rng.choice(noise.SCRIPTS)
        paper, traits = noise.to_script(paper, script), [*traits, script]
        if rng.random() < 0.2 and layout != "columns":
            paper, traits = noise.with_pinyin(rng, paper), [*traits, "pinyin"]
    return paper, traits, traditional


def _figures(rng: Random, agency: Agency, year: int, wishes: Wishes, layout: str) -> tuple[Figures, list[str]]:
    if wishes.figures:
        return wishes.figures, []
    figures = compose(rng, agency, year, hybrid=not wishes.clean and rng.random() < 0.1)
    traits = ["single_other"] if figures.single_other else ["columns_2019"] if figures.form != figures.disclosure_form else []
    if wishes.plant or (not wishes.clean and rng.random() < 0.12):
        marks.plant(rng, figures, wishes.plant)
    elif layout == "vanished" or (not wishes.clean and rng.random() < 0.15):
        style = "empty" if layout == "vanished" else rng.choice(("totals", "marks", "empty"))
        marks.leave_blank(rng, figures, style)
        traits.append(f"blank_{style}")
    if not wishes.clean and rng.random() < 0.15:
        marks.dress_numbers(rng, figures)
        traits.append("dressed")
    if not wishes.clean and rng.random() < 0.06:
        marks.spread_digits(figures)
        traits.append("full_width")
    return figures, traits


def make_document(seed: int, layout: str, wishes: Wishes | None = None) -> Document:
    """One document, the same for the same seed, layout and wishes. Raises KeyError for an unknown layout."""
    wishes = wishes or Wishes()
    rng = Random(f"{seed}/{layout}")
    agency = wishes.agency or pick_agency(rng)
    year = wishes.year or pick_year(rng)
    figures, traits = _figures(rng, agency, year, wishes, layout)
    shape = wishes.shape or (Shape() if wishes.clean else pick_shape(rng, figures.form))
    if not wishes.clean and not wishes.shape and figures.form != "2014" and not figures.blanks and rng.random() < 0.04:
        shape = Shape(shape.named, shape.look, shape.dated, shape.statistics, shape.web, slip=True)
    if figures.form == "2014" and any(t.startswith("blank") for t in traits):
        shape = Shape(shape.named, shape.look, shape.dated, "table", shape.web)
    composed: Composed = compose_paper(rng, agency, figures, shape)
    paper, more, traditional = (composed.paper, [], False) if wishes.clean else _disturb(rng, composed.paper, layout)
    data, media_type, suffix, encoding = RENDERERS[layout](paper, rng, traditional, wishes.encoding)
    forms = {"statistics": "2014"} if figures.form == "2014" else {
        "disclosure": figures.disclosure_form,
        **dict.fromkeys(("requests", "review", *further_blocks(figures.form)), figures.form),
    }  # fmt: skip
    return Document(
        f"{seed:05}_{composed.stem}{suffix}", data, media_type, layout, figures.form, forms, agency.name, agency.region,
        agency.region_code, year, composed.published_on, figures.known(), tuple(figures.blanks), tuple(figures.plants),
        (*traits, *more, shape.named, encoding),
    )  # fmt: skip


def make_documents(
    count: int, seed: int, layouts: Sequence[str] | None = None, wishes: Wishes | None = None
) -> Iterator[Document]:
    """``count`` documents, the layouts in turn."""
    names = list(layouts or RENDERERS)
    for index in range(count):
        yield make_document(seed * 100_000 + index, names[index % len(names)], wishes)
