"""Openings of reports: each layout of a file filled in with each of its bodies (notation: tuned.yaml)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from codebook.records import Extraction, Hints, Line, Page, PageKind, Place, Reader
from tasks.parsing.identity.identify import ReportIdentity, identify
from tasks.parsing.outline import known_headings, read_outline
from tasks.parsing.prose.lines import prose_lines

CHAPTERS = """二、主动公开政府信息情况
本年度主动公开政府信息共计30条。
三、收到和处理政府信息公开申请情况
本年度未收到政府信息公开申请。
四、政府信息公开行政复议、行政诉讼情况
无。
五、存在的主要问题及改进情况
公开内容有待进一步充实。
六、其他需要报告的事项
无其他需要报告的事项。"""


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A body that reports, and how it is spoken of."""

    name: str
    region: tuple[str, ...]
    host: str
    we: str
    relative: str
    kind: str


class Layout(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a report begins and ends."""

    id: str
    text: str
    end: str = ""
    day: bool = False
    agency: str = ""
    only_for: tuple[str, ...] = ()
    not_for: tuple[str, ...] = ()


class OpeningFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of openings."""

    bodies: tuple[Body, ...]
    layouts: tuple[Layout, ...]


class Opening(NamedTuple):
    """A report to read, and what is right for it; ``day`` None: the layout prints none."""

    layout: str
    text: str
    agency: str | None
    region: tuple[str, ...]
    year: int
    day: str | None


class Rates(NamedTuple):
    """How many openings are read rightly, not at all, and wrongly, and what was not right."""

    right: int
    unread: int
    wrong: int
    failures: tuple[str, ...]


def openings(path: Path) -> Iterator[Opening]:
    """Yield each layout filled in with each body that it is for."""
    file = msgspec.yaml.decode(path.read_bytes(), type=OpeningFile)
    for number, layout in enumerate(file.layouts):
        for turn, body in enumerate(file.bodies):
            if (layout.only_for and body.kind not in layout.only_for) or body.kind in layout.not_for:
                continue
            year = 2009 + (number + turn) % 15
            month, date = 1 + (number + turn) % 3, 1 + (7 * number + turn) % 28
            values = {
                "name": body.name,
                "host": body.host,
                "we": body.we,
                "relative": body.relative,
                "place": body.region[-1] if body.region else body.name,
                "year": str(year),
                "next": str(year + 1),
                "day": f"{year + 1}-{month:02d}-{date:02d}",
                "day_cn": f"{year + 1}年{month}月{date}日",
            }
            agency = None if layout.agency == "none" else body.name
            yield Opening(
                layout.id,
                "\n".join((layout.text.format(**values), CHAPTERS, layout.end.format(**values))).strip("\n"),
                agency,
                body.region if agency else (),
                year,
                values["day"] if layout.day else None,
            )


def read(text: str) -> ReportIdentity:
    """Return who a text says that it is by, and when."""
    blocks = tuple(Line(raw, Place(1, None, number, 1)) for number, raw in enumerate(text.split("\n"), 1))
    extraction = Extraction("text/plain", (Page(1, PageKind.TEXT, "", Reader.TXT, blocks),))
    return identify(extraction, read_outline(prose_lines(extraction, {}, known_headings)), Hints())


def rates(path: Path) -> dict[str, Rates]:
    """Return the rates of each fact (agency, region, year, published_on) over all openings of a file."""
    counts = {fact: [0, 0, 0] for fact in ("agency", "region", "year", "published_on")}
    failures: dict[str, list[str]] = {fact: [] for fact in counts}
    for opening in openings(path):
        found = read(opening.text)
        pairs = {
            "agency": (opening.agency, found.agency),
            "region": (opening.region or None, found.region or None),
            "year": (opening.year, found.year),
            "published_on": (opening.day, found.published_on),
        }
        for fact, (expected, actual) in pairs.items():
            place = 0 if expected == actual else 1 if actual is None else 2
            counts[fact][place] += 1
            if place:
                failures[fact].append(f"{opening.layout}, {opening.agency}: {actual}, expected {expected}")
    return {fact: Rates(*counts[fact], tuple(failures[fact])) for fact in counts}
