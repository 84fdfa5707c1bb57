"""Files that bind several reports: of several agencies, or of several years of one agency, with or without contents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from tests.generator.composer import Shape, compose_paper, pick_shape
from tests.generator.documents import RENDERERS
from tests.generator.figures import compose
from tests.generator.paper import Paper, Part, Text
from tests.generator.world import Agency, pick_agency

_TITLE = "政府信息公开工作年度报告"


@dataclass(frozen=True)
class Volume:
    """A file and the reports that it binds, in their order, as (agency, year)."""

    data: bytes
    media_type: str
    reports: tuple[tuple[str, int], ...]


def report_paper(rng: Random, agency: Agency, year: int, named: str = "title") -> Paper:
    """Return one report; ``named`` is where its agency stands (see :class:`Shape`)."""
    figures = compose(rng, agency, year)
    picked = pick_shape(rng, figures.form)
    return compose_paper(rng, agency, figures, Shape(named, picked.look, picked.dated, picked.statistics)).paper


def pick_reports(rng: Random, count: int, *, years_of_one: bool = False, since: int = 2014) -> list[tuple[Agency, int]]:
    """Return ``count`` different agencies with one year, or one agency with as many years that follow each other."""
    year = rng.randint(since, 2025 - (count if years_of_one else 0))
    if years_of_one:
        agency = pick_agency(rng)
        return [(agency, year + step) for step in range(count)]
    found: dict[str, Agency] = {}
    while len(found) < count:
        agency = pick_agency(rng)
        found.setdefault(agency.name, agency)
    return [(agency, year) for agency in found.values()]


def contents_page(reports: Sequence[tuple[Agency, int]]) -> list[Part]:
    """Return a cover and a table of contents with page numbers."""
    lines = [f"{agency.name}{year}年{_TITLE}{'.' * 12}{3 * number + 1}" for number, (agency, year) in enumerate(reports)]
    return [Text(f"{_TITLE}汇编", "title"), Text("目录"), *map(Text, lines)]


def bind(seed: int, layout: str, papers: Sequence[Paper], before: Sequence[Part] = ()) -> tuple[bytes, str]:
    """Return papers, one after the other, as one file of a layout of ``RENDERERS``, and its media type."""
    rng = Random(f"{seed}/{layout}")
    parts = [*before, *(part for paper in papers for part in paper.parts)]
    data, media_type, _, _ = RENDERERS[layout](Paper(parts), rng, False, "utf-8")
    return data, media_type


def make_volume(
    seed: int,
    layout: str,
    count: int,
    *,
    years_of_one: bool = False,
    contents: bool = False,
    named: str = "title",
    since: int = 2014,
) -> Volume:
    """Return a file that binds ``count`` reports, the same for the same arguments."""
    rng = Random(f"volume/{seed}/{layout}/{count}/{years_of_one}")
    reports = pick_reports(rng, count, years_of_one=years_of_one, since=since)
    papers = [report_paper(rng, agency, year, named) for agency, year in reports]
    data, media_type = bind(seed, layout, papers, contents_page(reports) if contents else ())
    return Volume(data, media_type, tuple((agency.name, year) for agency, year in reports))
