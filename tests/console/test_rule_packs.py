"""Rule packs through the commands: they change findings of their region alone, are tried before they hold, and give scores."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import openpyxl
import pytest
from sqlalchemy import Engine, select
from typer.testing import CliRunner

from codebook.records import BlockSeen, Hints, Place, Status
from codebook.rule_packs.packs import Packs, install
from codebook.rule_packs.reading import parse_pack, read_packs
from codebook.stages import StageName
from console.cli import app
from console.rules import outdated as outdated_reports
from console.rules.outdated import outdated
from console.rules.scores import scores
from console.rules.trial import try_packs, with_pack
from database import migrations
from database.findings.decisions import decide
from database.findings.listing import CaseFilter, iterate
from database.ledger import Selection, reprocess
from database.models import Document, FindingRow, FindingState, ReportRow
from database.session import make_engine, reading, run_transaction
from runtime.settings import Settings, load_settings
from tasks.validation.validate import validate
from tests.conftest import REPOSITORY
from tests.inline import Inline
from tests.validation.makers import make

PACK = """
id: city
version: "2"
region: 江苏省/淮安市
years: [2023, null]
rules:
  requests.balance: {severity: warning, points: 4, messages: {main: "第一项加第二项为 {left}，第三项加第四项为 {right}。"}}
  years.jump: {enabled: false}
own:
  city.few:
    severity: info
    words: few are granted
    law: 示例
    messages: {main: "新收 {left} 件，予以公开 {right} 件。"}
    sums: [{left: {requests.new_received.total: 1}, relation: "<=", right: {requests.granted.total: 1}}]
score: {warning: 1, most_a_rule: 6}
"""
REPORTS = REPOSITORY / "samples" / "reports"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
KINDS = {".txt": "text/plain", ".html": "text/html", ".docx": WORD, ".pdf": "application/pdf"}


@pytest.fixture
def city() -> Iterator[Packs]:
    """The pack, in use."""
    packs = Packs([parse_pack(PACK.encode(), "city.yaml")])
    install(packs)
    yield packs
    install(Packs())


def again(path: Path, region: tuple[str, ...]) -> bytes:
    """The content of a report; another one, which says the same, in each region."""
    if path.suffix != ".docx":
        return path.read_bytes() + b"\n" * (1 + (region[0] == "江苏省"))
    made = io.BytesIO(path.read_bytes())
    with zipfile.ZipFile(made, "a") as package:
        package.comment = region[0].encode()
    return made.getvalue()


def load(engine: Engine, home: Path) -> Inline:
    """The reports of one agency in the city on two years, and one of another region."""
    inline = Inline(engine, home)
    for path in sorted(REPORTS.glob("*教育局*")):
        for region in (("江苏省", "淮安市", "洪泽区"), ("云南省", "昆明市", "安宁市")):
            inline.add(
                again(path, region), KINDS[path.suffix], f"{region[2]}/{path.name}", hints=Hints(path=path.name, region=region)
            )
    inline.work()
    return inline


def packs_of(engine: Engine) -> set[tuple[str, int, str, str | None]]:
    query = select(ReportRow.region_code, ReportRow.year, FindingRow.rule, FindingRow.pack).join(
        FindingRow, FindingRow.report_id == ReportRow.id
    )
    with reading(engine) as connection:
        return {(row.region_code, row.year, row.rule, row.pack) for row in connection.execute(query)}


def test_a_finding_names_the_pack_that_changed_its_rule(engine: Engine, tmp_path: Path, city: Packs) -> None:
    load(engine, tmp_path)
    found = packs_of(engine)
    assert ("320813", 2024, "requests.balance", "city@2") in found
    assert ("320813", 2024, "city.few", "city@2") in found
    assert not any(rule == "years.jump" and code == "320813" for code, _, rule, _ in found)
    assert all(pack is None for code, _, _, pack in found if code != "320813")


def test_a_pack_never_changes_a_value_its_state_or_the_status(city: Packs) -> None:
    wrong = PACK.replace('relation: "<=", right: {requests.granted', 'relation: "=", right: {requests.denied.state_secret')
    district = wrong.replace("id: city", "id: b").replace("淮安市", "淮安市/洪泽区").replace("years.jump", "table.unreadable")
    packs = with_pack(city, parse_pack(district.encode(), "b.yaml"))
    region = {"region": ("江苏省", "淮安市", "洪泽区"), "region_code": "320813", "year": 2023}
    usual = make("report", {"requests.new_received.total": 3, "requests.denied.state_secret.total": 0})
    unread = msgspec.structs.replace(usual, blocks=(BlockSeen("review", "2021", Place(), readable=False),))
    statuses = []
    for report in (usual, unread):
        placed = msgspec.structs.replace(report, **region)
        with_packs, without = validate(placed, (), packs), validate(placed, (), Packs())
        assert (with_packs.report, with_packs.status) == (without.report, without.status)
        assert with_packs.findings != without.findings
        statuses.append(with_packs.status)
    assert statuses == [Status.ACCEPTED, Status.NEEDS_REVIEW]


def test_a_dry_run_says_what_would_come_and_go(engine: Engine, tmp_path: Path) -> None:
    load(engine, tmp_path)
    before = packs_of(engine)
    pack = parse_pack(PACK.encode(), "city.yaml")
    trial = try_packs(engine, Packs(), with_pack(Packs(), pack), 2024)
    jumps = [found for found in before if found[:3] == ("320813", 2024, "years.jump")]
    assert (trial.reports, trial.concerned) == (2, 1)
    assert trial.came == {"city.few": 1}
    assert trial.changed == {"requests.balance": 2}
    assert set(trial.went) == ({"years.jump"} if jumps else set())
    assert {example.change for example in trial.examples} >= {"came", "changed"}
    assert try_packs(engine, Packs(), with_pack(Packs(), pack), 2024, "530000").concerned == 0
    assert packs_of(engine) == before


def shown(engine: Engine) -> dict[int, set[tuple[object, ...]]]:
    """The findings of each document, as an office reads them."""
    told = (FindingRow.rule, FindingRow.severity, FindingRow.message, FindingRow.between, FindingRow.pack)
    query = select(ReportRow.document_id, *told).outerjoin(FindingRow, FindingRow.report_id == ReportRow.id)
    found: dict[int, set[tuple[object, ...]]] = {}
    with reading(engine) as connection:
        for document, *finding in connection.execute(query.join(Document, Document.report_id == ReportRow.id)):
            found.setdefault(document, set()).add(tuple(finding))
    return found


def apply(engine: Engine, inline: Inline, documents: Sequence[int]) -> None:
    """Validate documents again."""
    chosen = Selection(documents=tuple(documents))
    started = run_transaction(engine, lambda c: reprocess(c, chosen, StageName.VALIDATE, who="li", reason="new rules"))
    assert started == len(documents)
    inline.work()


@pytest.mark.parametrize("part", [2000, 1], ids=["one process", "two processes"])
def test_what_is_outdated_is_what_comes_out_otherwise(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    monkeypatch.setattr(outdated_reports, "_PART", part)
    inline = load(engine, tmp_path)
    city = PACK.replace("years.jump: {enabled: false}", "years.carry_over: {severity: info}")
    for packs in (Packs([parse_pack(city.encode(), "city.yaml")]), Packs()):
        before = shown(engine)
        looked = list(outdated(engine, packs))
        assert sum(one.reports for one in looked) == len(before) == 4
        documents = sorted(document for one in looked for document in one.documents)
        install(packs)
        try:
            apply(engine, inline, sorted(before))  # all of them
        finally:
            install(Packs())
        after = shown(engine)
        assert documents == [document for document in sorted(before) if before[document] != after[document]] != []
        assert [one.documents for one in outdated(engine, packs) if one.documents] == []
        with reading(engine) as connection:
            query = select(ReportRow.region_code).where(ReportRow.document_id.in_(documents))
            assert set(connection.scalars(query)) == {"320813"}


def test_a_report_loses_the_points_of_its_findings(engine: Engine, tmp_path: Path, city: Packs) -> None:
    load(engine, tmp_path)
    (score,) = scores(engine, city, 2024, "320800")
    assert score.lost["requests.balance"] == 6  # two findings of four points, at most six a rule
    assert score.score == 100 - sum(score.lost.values())
    assert list(scores(engine, city, 2024, "530000")) == []


def test_a_finding_that_was_dismissed_costs_no_points(engine: Engine, tmp_path: Path, city: Packs) -> None:
    load(engine, tmp_path)
    (before,) = scores(engine, city, 2024, "320800")
    with reading(engine) as connection:
        one, other, *_ = [line.id for line in iterate(connection, CaseFilter(rule="requests.balance", region="3208", year=2024))]
    run_transaction(engine, lambda c: decide(c, [one], FindingState.DISMISSED, who="li", reason="经核对原件"))
    run_transaction(engine, lambda c: decide(c, [other], FindingState.CONFIRMED, who="li", reason="经核对原件"))
    (after,) = scores(engine, city, 2024, "320800")
    assert after.lost == before.lost | {"requests.balance": 4}
    assert after.score == before.score + 2


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The data folder of the commands, with a folder of packs."""
    folder = tmp_path / "packs"
    folder.mkdir()
    (folder / "city.yaml").write_text(PACK)
    monkeypatch.setenv("GONGKAI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GONGKAI_RULE_PACKS", str(folder))
    load_settings.cache_clear()
    yield tmp_path
    load_settings.cache_clear()
    install(Packs())


def test_the_commands_about_rules(home: Path) -> None:
    settings = Settings()
    (home / "home").mkdir()
    engine = make_engine(settings.database)
    migrations.upgrade(engine)
    install(read_packs(home / "packs"))
    load(engine, home / "home")
    run = CliRunner().invoke
    file = str(home / "packs" / "city.yaml")
    assert run(app, ["rules", "lint", file]).exit_code == 0
    (listed,) = json.loads(run(app, ["rules", "list", "--json"]).stdout)
    assert (listed["id"], listed["version"], listed["own"]) == ("city", "2", ["city.few"])
    assert "requests.balance" in run(app, ["rules", "list", "--all"]).stdout
    (home / "new.yaml").write_text(PACK.replace('"2"', '"3"').replace("points: 4", "points: 5").replace("第一项加", "首项加"))
    tried = json.loads(
        run(app, ["rules", "try", str(home / "new.yaml"), "--year", "2024", "--region", "江苏省", "--json"]).stdout
    )
    assert tried["changed"] == {"requests.balance": 2}
    for name in ("scores.csv", "scores.xlsx"):
        made = run(app, ["rules", "scores", "--year", "2024", "--region", "320800", "--out", str(home / name)])
        assert made.exit_code == 0, made.output
    with (home / "scores.csv").open(encoding="utf-8-sig") as sheet:
        (row,) = csv.DictReader(sheet)
    assert (row["单位"], row["requests.balance"]) == ("示例市示例区教育局", "6")
    assert float(row["得分"]) + float(row["扣分合计"]) == 100
    cells = list(openpyxl.load_workbook(home / "scores.xlsx").active.iter_rows(values_only=True))
    assert [str(value) for value in cells[1][:5]] == [*list(row.values())[:5]]
    (home / "packs" / "city.yaml").write_text((home / "new.yaml").read_text())
    load_settings.cache_clear()  # as a process that starts
    assert json.loads(run(app, ["rules", "apply", "--dry-run", "--json"]).stdout) == {
        "reports": 4,
        "outdated": 2,
        "started": 0,
        "outcome": None,
    }
    applied = run(app, ["rules", "apply", "--region", "江苏省", "--reason", "another version"])
    assert applied.exit_code == 0, applied.output
    assert {pack for findings in shown(engine).values() for *_, pack in findings} == {None, "city@3"}
    assert "0 of them" in run(app, ["rules", "apply"]).output
    (home / "bad.yaml").write_text(PACK.replace("years.jump", "years.jumps"))
    wrong = run(app, ["rules", "lint", str(home / "bad.yaml")])
    assert wrong.exit_code == 3
    assert "bad.yaml:8: rules.years.jumps: no such rule; did you mean years.jump?" in wrong.output


def test_a_pack_that_is_wrong_stops_every_command_with_its_line(home: Path) -> None:
    (home / "packs" / "city.yaml").write_text(PACK.replace("years.jump", "years.jumps"))
    answer = CliRunner().invoke(app, ["rules", "list"])
    assert answer.exit_code == 2
    assert "GONGKAI_RULE_PACKS" in answer.output
    assert "city.yaml:8" in answer.output


def test_a_draft_is_checked_with_the_packs_of_its_region(home: Path) -> None:
    (path,) = REPORTS.glob("*教育局2024*")
    run = CliRunner().invoke(app, ["check-draft", "--json", "--region", "江苏省/淮安市/洪泽区", str(path)])
    assert run.exit_code == 3, run.output
    (draft,) = json.loads(run.stdout)
    assert {finding.get("pack") for finding in draft["findings"]} == {"city@2"}
