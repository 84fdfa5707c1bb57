"""The question of a real day, asked everywhere: applications received in 2023 by city, with the grant rate, and who is not in it.

The answer is that of a script which was written from the definitions alone (:mod:`tests.analysis.independent`).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from html import unescape
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest
from typer.testing import CliRunner

from console.analysis.words import word, word_names
from console.cli import app, environment
from console.release import release
from database.models import Role
from database.session import run_transaction
from database.users import tokens
from runtime.settings import Settings
from tests.analysis.independent import Independent
from tests.analysis.world import World, make_world
from tests.console.web.conftest import Desk
from tests.console.web.test_analysis import there

YEAR, INDICATORS = 2023, ("received", "grant_rate")
OF_RELEASE = """
with counted as (
    select city_code, derived, count(*) as units, sum(numerator) as n, sum(denominator) as d from rates
    where year = 2023 and left_out is null and coalesce(kind, '') not in ('government', 'vertical_body') group by all),
lacking as (
    select city_code, derived, why, count(*) as units from left_out
    where year = 2023 and coalesce(kind, '') not in ('government', 'vertical_body') group by all)
select city_code, derived, null, units, n, d from counted union all select city_code, derived, why, units, null, null from lacking
"""


class CityAnswer(NamedTuple):
    """An indicator of a city: units in it, numerator, denominator, and by reason those that are not."""

    units: int
    numerator: float | None
    denominator: float | None
    left_out: dict[str, int]


Answers = dict[tuple[str, str], CityAnswer]


def collected(rows: Iterable[tuple[str, str, str | None, int, float | None, float | None]]) -> Answers:
    """(city, indicator, reason, units, numerator, denominator) of each reason, and of those without one."""
    found: Answers = {}
    for city, indicator, reason, units, numerator, denominator in rows:
        known = found.setdefault((city, indicator), CityAnswer(0, None, None, {}))
        if reason is None:
            found[city, indicator] = known._replace(units=units, numerator=numerator, denominator=denominator)
        else:
            known.left_out[reason] = units
    return found


def independent(world: World) -> Answers:
    """What is true."""
    figures = Independent(world).figures()
    return collected(
        (key, indicator, reason, units, n, d)
        for (basis, by, key, year, indicator, reason), (units, n, d) in figures.items()
        if (basis, by, year) == ("units", "city", YEAR) and indicator in INDICATORS
    )


def of_row(row: dict[str, Any], *, words: dict[str, str]) -> CityAnswer:
    """A line of a file of figures, whose columns have those names."""
    left_out = {reason: int(row[name]) for reason, name in words.items() if int(row[name] or 0)}
    units, numerator, denominator = int(row["units"]), row["numerator"], row["denominator"]
    return CityAnswer(units, number(numerator) if units else None, number(denominator) if units else None, left_out)


def number(shown: Any) -> float | None:
    return None if shown in ("", "—", None) else float(str(shown).replace(",", ""))


def of_command(tmp_path: Path) -> Answers:
    out = tmp_path / "cities.csv"
    answer = CliRunner().invoke(app, ["indicators", *INDICATORS, "--year", str(YEAR), "--by", "city", "--out", str(out)])
    assert answer.exit_code == 0, answer.output
    words = {reason: word("omissions", reason, "en") for reason in word_names("omissions")}
    rows = csv.DictReader(out.read_text(encoding="utf-8-sig").splitlines())
    return {(row["region_code"], row["indicator"]): of_row(row, words=words) for row in rows}


def of_api(desk: Desk) -> Answers:
    secret = run_transaction(desk.engine, lambda c: tokens.add_token(c, "viewer", "test", Role.VIEW, 1, who="test")).secret
    client = desk.client()
    client.headers["authorization"] = f"Bearer {secret}"
    found: Answers = {}
    for indicator in INDICATORS:
        answer = client.get("/api/v1/figures", params={"indicator": indicator, "year": YEAR, "by": "city"})
        for line in answer.json()["items"]:
            figure = line["figure"]
            found[line["key"], indicator] = CityAnswer(
                figure["units"], figure.get("numerator"), figure.get("denominator"), figure["left_out"]
            )
    return found


def of_pages(desk: Desk, provinces: set[str]) -> tuple[Answers, Answers]:
    """The tables of the pages of the provinces, and the files that they link to."""
    shown: Answers = {}
    filed: Answers = {}
    reasons = {word("omissions", reason, "zh"): reason for reason in word_names("omissions")}
    columns = {name: word("columns", name, "zh") for name in ("region_code", "numerator", "denominator", "units")}
    for province in provinces:
        for indicator in INDICATORS:
            page = there(desk, f"/analysis?year={YEAR}&region={province}&indicator={indicator}")
            table = page[page.index('<caption class="unseen">') :]
            rows = re.findall(r"<tr><td>(.*?)</tr>", table[: table.index("</table>")], re.DOTALL)
            (link,) = set(re.findall(r'href="(/analysis/file\?(?!chart)[^"]*?)"', page)) - {
                link for link in re.findall(r'href="(/analysis/file[^"]*)"', page) if "chart=" in link
            }
            file = csv.DictReader(io.StringIO(desk.viewer.get(unescape(link)).content.decode("utf-8-sig")))
            lines = list(file)
            assert len(lines) == len(rows)
            for row, line in zip(rows, lines, strict=True):
                cells = [re.sub(r"<[^>]+>", "", cell).strip() for cell in row.split("</td>")]
                city = line[columns["region_code"]]
                left_out = dict(part.rsplit(" ", 1) for part in cells[7].split("、") if " " in part)
                units = int(cells[6].replace(",", ""))
                ends = (number(cells[2]), number(cells[3])) if units else (None, None)
                counts = {reasons[name]: int(count.replace(",", "")) for name, count in left_out.items()}
                shown[city, indicator] = CityAnswer(units, *ends, counts)
                english = {**{name: line[zh] for name, zh in columns.items()}, **line}
                filed[city, indicator] = of_row(english, words={reason: zh for zh, reason in reasons.items()})
    return shown, filed


def of_release(desk: Desk, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Answers:
    release(desk.engine, "2026.1", folder)
    monkeypatch.chdir(folder)
    with duckdb.connect("gongkai.duckdb", read_only=True) as database:
        rows = database.execute(OF_RELEASE).fetchall()
    return collected(row for row in rows if row[1] in INDICATORS)


def test_page_api_duckdb_and_csv_answer_alike(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = make_world(desk.engine, provinces=2, agencies=50, years=(2022, 2023), odd=True)
    settings = Settings(home=desk.settings.home, database_url=desk.engine.url.render_as_string(hide_password=False))
    monkeypatch.setattr(environment, "settings", lambda: settings)
    assert [unit for unit in world.units if unit.kind is None and unit.year == YEAR]
    there(desk, "/analysis")
    expected = independent(world)
    assert sum(len(each.left_out) for each in expected.values()) > 3
    assert of_command(tmp_path) == expected
    assert of_api(desk) == expected
    shown, filed = of_pages(desk, {key[0][:2] for key in expected})
    assert shown == expected
    assert filed == expected
    assert of_release(desk, tmp_path / "release", monkeypatch) == expected
