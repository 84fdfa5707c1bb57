"""Every rule through the commands alone: files go in with ``gongkai ingest``, a list with ``gongkai expect``, and what
``gongkai check`` and ``gongkai export`` say must name each rule where an example breaks it, and not where one keeps it.

A rule that only a test can make fire is no rule of the product.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from functools import cache
from html import escape
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from codebook.filings import FiledReport
from codebook.records import Report, Snapshot
from codebook.rules import RuleScope, load_rules
from console.cli import app
from database.session import make_engine
from runtime.settings import load_settings
from tests.generator.world import Agency, pick_agency
from tests.inline import Inline
from tests.validation.examples import CASES
from tests.validation.makers import make
from tests.validation.printed import print_report, snapshot_report

# The place of all examples, and its code.
PLACE, CODE, ABOVE = "安宁市", "530181", ("云南省", "昆明市")


@cache
def places() -> dict[str, Agency]:
    """A county-level city for each rule: its reports must not meet those of another."""
    random, found = Random(1), dict[str, Agency]()
    while len(found) < len(CASES):
        agency = pick_agency(random, "government")
        county = agency.region[-1]
        if county.endswith("市") and len(county) == len(PLACE) and len(agency.region) == 3 and county != PLACE:
            found.setdefault(county, agency)
    return dict(zip(sorted(CASES), found.values(), strict=True))


def moved(report: Report, place: Agency) -> Report:
    """The report in the place of its rule."""
    if report.region != (*ABOVE, PLACE):
        return report
    assert report.agency is not None
    return msgspec.structs.replace(report, agency=named(report.agency, place), region=place.region, region_code=place.region_code)


def named(agency: str, place: Agency) -> str:
    """The name of an agency of the examples in another place."""
    full = "".join((*ABOVE, PLACE))
    return agency.replace(full, "".join(place.region)).replace(PLACE, place.region[-1])


def subjects(example: Any) -> tuple[list[Report], tuple[Any, ...]]:
    """The reports of an example, and the agencies that must report."""
    if isinstance(example, Report):
        return [example], ()
    if isinstance(example[1], FiledReport):
        return [make("report", {c: cell.value for c, cell in one.cells.items()}) for one in example], ()
    if isinstance(example[1], Snapshot):
        return [snapshot_report(one) for one in example], ()
    parent, children, expected = example
    return [snapshot_report(one) for one in (parent, *children)], expected or ()


def file_name(example: Any, number: int) -> str:
    """The name of a file of an example: its own, if it has one."""
    return example[number].path if isinstance(example, tuple) and isinstance(example[-1], FiledReport) else f"{number}.txt"


def as_page(printed: bytes) -> bytes:
    """A report as a web page shows it."""
    lines = "".join(f"<p>{escape(line)}</p>" for line in printed.decode().splitlines())
    return f'<html><head><meta charset="utf-8"></head><body>{lines}</body></html>'.encode()


def findings(home: Path, examples: dict[str, Any]) -> dict[str, set[str]]:
    """The rules that the commands find in the reports of each example."""
    files, listed = home / "in", home / "list.csv"
    with listed.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("单位名称", "行政区划代码", "年度"))
        for name, example in examples.items():
            reports, expected = subjects(example)
            place = places()[name]
            (files / name).mkdir(parents=True)
            for number, report in enumerate(reports):
                path = files / name / file_name(example, number)
                printed = print_report(moved(report, place))
                path.write_bytes(as_page(printed) if path.suffix == ".html" else printed)
            for each in expected:
                rows.writerow((named(each.agency, place), place.region_code, reports[0].year))

    def gongkai(*arguments: str) -> Any:
        done = CliRunner().invoke(app, [*arguments, "--json"])
        assert done.exit_code in (0, 3), done.output
        return json.loads(done.stdout)

    gongkai("ingest", str(files), "--no-wait")
    engine = make_engine(f"sqlite:///{load_settings().home / 'gongkai.db'}")
    inline = Inline(engine, load_settings().home)
    inline.work()
    gongkai("expect", str(listed))
    gongkai("check")
    out = home / "out.jsonl"
    done = CliRunner().invoke(app, ["export", "--format", "jsonl", "--out", str(out)])
    assert done.exit_code == 0, done.output
    engine.dispose()
    found: dict[str, set[str]] = {name: set() for name in examples}
    for line in map(json.loads, out.read_text("utf-8").splitlines()):
        found[Path(line["source"]["path"]).parent.name] |= {finding["rule"] for finding in line["findings"]}
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("GONGKAI_DATABASE_URL", "GONGKAI_BROKER_URL", "GONGKAI_STORE_URL"):
            patch.delenv(name, raising=False)
        yield patch
    load_settings.cache_clear()


def through_the_product(patch: pytest.MonkeyPatch, folder: Path, examples: dict[str, Any]) -> dict[str, set[str]]:
    patch.setenv("GONGKAI_HOME", str(folder / "home"))
    load_settings.cache_clear()
    return findings(folder, examples)


@pytest.fixture(scope="module")
def broken(home: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    return through_the_product(home, tmp_path_factory.mktemp("bad"), {name: case.bad(make) for name, case in CASES.items()})


@pytest.fixture(scope="module")
def kept(home: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    return through_the_product(home, tmp_path_factory.mktemp("good"), {name: case.good(make) for name, case in CASES.items()})


# Pages that lack are a matter of page images, which take long to recognise, parts that are left out one of web pages and Word
# documents (tests/extraction/test_pictures_inside.py): tests/ingest/test_pages.py and
# tests/parsing/test_parse.py have the way from the folder to the finding.
OF_PICTURES = {"page.missing", "part.left_out"}


@pytest.mark.parametrize("name", [name for name in load_rules() if name not in OF_PICTURES])
def test_a_broken_rule_is_found_by_the_commands(name: str, broken: dict[str, set[str]]) -> None:
    assert name in broken[name]


@pytest.mark.parametrize("name", list(load_rules()))
def test_a_kept_rule_is_not_found_by_the_commands(name: str, kept: dict[str, set[str]]) -> None:
    assert name not in kept[name]


def test_all_scopes_are_there() -> None:
    assert {row.scope for row in load_rules().values()} == set(RuleScope)
