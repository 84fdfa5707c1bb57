"""How often rules accuse reports that are right: ``python -m tests.validation.precision --count 1000 --seed 1`` prints a table.

Generated reports without planted errors, each with true sentences in wordings that real reports use: one number for several
outcomes, parts of all requests in work, parts by office, half-year or channel, notes that say what a number includes, numbers of
table two in chapter one. Every error and warning in one of them is false. The wordings are made by hand and not those by which
the phrases were written; ``--write`` keeps the figures for docs/rules.md.

``--pairs 1000`` counts the rules between reports: reports of one agency on two years, the second of which carries on the
numbers of the first; a government whose numbers hold those of two departments; and the texts of these. The generator chooses
among few sentences, so that two texts may be the same by chance.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import NamedTuple

from codebook.records import Finding, Hints, Number, Severity, Snapshot
from tasks.flow import read_document
from tasks.validation.rules.between_reports import compare_region, compare_texts, compare_years, snapshot_of
from tests.generator.documents import Document, Wishes, make_document
from tests.generator.figures import Figures, compose
from tests.generator.world import Agency, pick_agency

FIGURES = Path(__file__).with_name("precision.json")
_SUBJECTS = ("教育局", "财政局")  # of two departments under one government
LAYOUTS = ("tabs", "pipes", "markdown", "columns")
_CHAPTER = re.compile(r"^(?:#+\s*)?二、.*$", re.M)

Values = Mapping[str, Number]


class Accusation(NamedTuple):
    """A false finding: the report's seed, the rule, the true sentences, what an office would read."""

    seed: int
    rule: str
    sentences: str
    message: str


def _cut(random: Random, total: int, parts: int) -> list[int]:
    """``total`` cut into parts."""
    places = sorted(random.randint(0, total) for _ in range(parts - 1))
    return [b - a for a, b in zip([0, *places], [*places, total], strict=True)]


def _group(values: Values, row: str) -> int:
    return int(sum(v for k, v in values.items() if k.startswith(f"requests.{row}.") and k.endswith(".total")))


def sentences(random: Random, values: Values) -> Iterator[str]:
    """Sentences that are true of the tables with these values."""

    def cell(name: str) -> int:
        return int(values.get(name, 0))

    new, over = cell("requests.new_received.total"), cell("requests.carried_over.total")
    handled, forward = cell("requests.total_handled.total"), cell("requests.carried_forward.total")
    granted, partial = cell("requests.granted.total"), cell("requests.partially_granted.total")
    denied, unable = _group(values, "denied"), _group(values, "unable")
    first, second = _cut(random, new, 2)
    a, b, c = _cut(random, new, 3)
    x, y = _cut(random, new + over, 2)
    yield from (
        f"全年共受理依申请公开{new + over}件（含上年结转{over}件），已答复{handled}件，结转下年{forward}件。",
        f"本年度办理申请{handled}件，其中公开或部分公开{granted + partial}件，不予公开{denied}件，无法提供{unable}件。",
        f"共办结{handled}件，予以公开、部分公开合计{granted + partial}件。",
        f"办结{handled}件（其中{min(over, handled)}件为上年度结转），予以公开和部分公开共{granted + partial}件。",
        f"上半年收到政府信息公开申请{first}件，下半年收到政府信息公开申请{second}件，全年{new}件。",
        f"全年新收政府信息公开申请{new}件，其中网络申请{a}件、信函申请{b}件、当面申请{c}件。",
        f"其中局机关受理申请{first}件，所属单位受理申请{second}件。",
        f"本年新收申请{new}件，加上年结转{over}件，全年应办{new + over}件，其中已办结{handled}件，正在办理{forward}件。",
        f"全年共处理申请{new + over}件，其中本级{x}件，街道{y}件。",
        f"收到申请{new}件（不含上年结转的{over}件）。",
        f"平均每月收到申请{new / 12:.1f}件。",
    )
    if "disclosure.normative_documents.in_force" in values:
        issued, gone = cell("disclosure.normative_documents.issued"), cell("disclosure.normative_documents.repealed")
        force, licences = cell("disclosure.normative_documents.in_force"), cell("disclosure.licensing.decisions")
        p, q = _cut(random, licences, 2)
        yield from (
            f"本年制发行政规范性文件{issued}件，废止{gone}件，现行有效{force}件。",
            f"截至年底，现行有效的行政规范性文件共{force}件。",
            f"全年作出行政许可决定{licences}件，其中市级{p}件、区级{q}件。",
        )


def with_sentences(document: Document, some: str) -> bytes:
    """The document's text with sentences at the end of its first chapter."""
    text = document.data.decode()
    return _CHAPTER.sub(lambda found: f"{some}\n{found[0]}", text, count=1).encode()


def accusations(seed: int, layout: str) -> tuple[str, list[Accusation]]:
    """The form of a clean report, and the errors and warnings that are found in it."""
    document = make_document(seed, layout, Wishes(clean=True, encoding="utf-8"))
    random = Random(seed)
    values = {cell: value for cell, value in document.truth()["indicators"].items() if value is not None}
    known = list(sentences(random, values)) if any(cell.startswith("requests.") for cell in values) else []
    some = "".join(random.sample(known, min(3, len(known))))
    verdict = read_document(with_sentences(document, some), document.media_type, Hints())
    found = [f for f in verdict.findings if f.severity is not Severity.INFO]
    return document.form, [Accusation(seed, f.rule, some, f.message) for f in found]


def between_reports(seed: int) -> list[Finding]:
    """The errors and warnings between reports that are right: two departments on two years, and their government."""
    random = Random(f"between/{seed}")
    government, year = pick_agency(random, "government"), random.choice((2020, 2022, 2023))
    over = compose(random, government, year)
    found: list[Finding] = []
    under: list[Snapshot] = []
    for number, subject in enumerate(_SUBJECTS):
        department = replace(government, name=f"{government.region[-1]}{subject}", short="我局", kind="bureau")
        last = compose(random, department, year - 1)
        this = compose(random, department, year, last=last)
        earlier, later = (_snapshot(10 * seed + 2 * number + at, department, each) for at, each in enumerate((last, this)))
        found += compare_years(earlier, later)
        under.append(later)
        for cell, value in this.values.items():
            over.values[cell] = round(over.values.get(cell, 0) + value, 6)
    found += compare_region(_snapshot(10 * seed + 9, government, over), under)
    found += compare_texts(*under)
    return [each for each in found if each.severity is not Severity.INFO]


def _snapshot(seed: int, agency: Agency, figures: Figures) -> Snapshot:
    wishes = Wishes(clean=True, agency=agency, year=figures.year, figures=figures, encoding="utf-8")
    document = make_document(seed, "tabs", wishes)
    read = snapshot_of(read_document(document.data, document.media_type, Hints(region=agency.region)))
    if read is None:
        raise ValueError(f"{document.name}: the agency or the year was not read")
    return read


def _say(*lines: object, sep: str = " ") -> None:
    sys.stdout.write(sep.join(map(str, lines)) + "\n")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.validation.precision", description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pairs", type=int, default=0, help="pairs of years, two for each government")
    parser.add_argument("--write", action="store_true", help="keep the figures for docs/rules.md")
    given = parser.parse_args()
    if given.pairs:
        _count_between(given.pairs, write=given.write)
        return
    found: list[Accusation] = []
    for number in range(given.count):
        found += accusations(given.seed * 1_000_000 + number, LAYOUTS[number % len(LAYOUTS)])[1]
    for each in found:
        _say(each.seed, each.rule, each.message, each.sentences, sep="\n  ")
    false = Counter(each.rule for each in found)
    accused = len({each.seed for each in found})
    _say(f"{given.count} clean reports: {len(found)} false errors and warnings in {accused}")
    for rule, count in false.most_common():
        _say(f"{rule:32}{count:6}{1000 * count / given.count:8.2f} per 1,000")
    if given.write:
        _keep(reports=given.count, seed=given.seed, false=dict(sorted(false.items())))


def _count_between(pairs: int, *, write: bool) -> None:
    found = [each for seed in range(pairs // len(_SUBJECTS)) for each in between_reports(seed)]
    for each in found:
        _say(each.rule, each.message, sep="\n  ")
    _say(f"{pairs} pairs of years, {pairs // len(_SUBJECTS)} governments: {len(found)} false errors and warnings")
    if write:
        _keep(pairs=pairs, false_between=dict(sorted(Counter(each.rule for each in found).items())))


def _keep(**figures: object) -> None:
    FIGURES.write_text(json.dumps(json.loads(FIGURES.read_text()) | figures) + "\n")


if __name__ == "__main__":
    main()
