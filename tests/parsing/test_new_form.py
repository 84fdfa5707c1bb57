"""A form is data: an invented form of 2027 is added by data files alone, and its reports are read exactly."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from codebook import data
from codebook.book import load_book
from codebook.records import Hints
from tasks.flow import read_document
from tests.generator.documents import RENDERERS

ROOT = Path(__file__).parents[2]
LOAD = (
    "import sys, pathlib, codebook.data as d; d.use(pathlib.Path(sys.argv[1])); from codebook.book import load_book; load_book()"
)
PARTS = ("partially_granted.separated", "partially_granted.masked", "partially_granted.postponed")


def _edit(folder: Path, name: str) -> dict[str, Any]:
    return yaml.safe_load((folder / name).read_text(encoding="utf-8"))


def _write(folder: Path, name: str, content: Any) -> None:
    (folder / name).write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _inserted(rows: dict[str, Any], after: str, new: dict[str, Any]) -> dict[str, Any]:
    """``rows`` with ``new`` ones behind the row ``after``."""
    return {key: value for slug, row in rows.items() for key, value in ({slug: row} | (new if slug == after else {})).items()}


def _forms(folder: Path) -> None:
    forms = _edit(folder, "forms.yaml")
    forms["2021"]["years"] = [2021, 2026]
    chapter = {"number": 7, "title": "政府信息公开举报投诉处理情况"}
    forms["2027"] = {
        "notice": "示例办函〔2027〕1号",
        "years": [2027, None],
        "blocks": [*forms["2021"]["blocks"], "complaints"],
        "sections": [*forms["2021"]["sections"], chapter],
    }
    _write(folder, "forms.yaml", forms)


def _blocks(folder: Path) -> None:
    blocks = _edit(folder, "blocks.yaml")
    disclosure, requests = blocks["disclosure"], blocks["requests"]
    # a renamed column: the new name is printed, the old one is what reports of earlier forms print
    decisions = disclosure["columns"]["decisions"]
    decisions["variants"].append({"text": decisions["label"], "why": "the name of the column in form 2021"})
    decisions["label"] = "本年作出处理决定件数"
    # a new row in either table
    disclosure["rows"] = _inserted(disclosure["rows"], "coercion", {"confirmations": {"label": "行政确认", "since": "2027"}})
    next(group for group in disclosure["groups"] if "coercion" in group["rows"])["rows"].append("confirmations")
    denied = requests["rows"]["denied.administrative_inquiry"]["under"]
    new = {"denied.archives": {"label": "9.属于已移交档案馆的档案", "under": denied, "since": "2027"}}
    rows = _inserted(requests["rows"], "denied.administrative_inquiry", new)
    # a row split in three
    under = [*rows["partially_granted"]["under"], "（二）部分公开"]
    labels = ("1.区分处理后提供", "2.遮盖个人隐私后提供", "3.延期处理后部分提供")
    parts = {slug: {"label": label, "under": under, "since": "2027"} for slug, label in zip(PARTS, labels, strict=True)}
    rows["partially_granted"]["parts"] = list(PARTS)
    requests["rows"] = _inserted(rows, "partially_granted", parts)
    subtotal = {"partially_granted": {"label": "（二）部分公开", "under": under[:1], "since": "2027"}}
    requests["subtotals"] = subtotal | requests["subtotals"]
    # one block more of a known kind
    blocks["complaints"] = {
        "kind": "cross",
        "title": "政府信息公开举报投诉处理情况",
        "section": 7,
        "since": "2027",
        "rows": {"by_citizens": {"label": "公民举报投诉"}, "by_organizations": {"label": "法人举报投诉"}},
        "columns": {
            "confirmed": {"label": "查证属实"},
            "unfounded": {"label": "查无实据"},
            "transferred": {"label": "移送处理"},
            "total": {"label": "总计"},
        },
    }
    _write(folder, "blocks.yaml", blocks)


def _rules(folder: Path) -> None:
    rules = _edit(folder, "rules/tables.yaml")
    for row in rules["requests.column_sum"]["sums"]:
        row["left"] = {
            "requests.partially_granted.*.{column} | " * (slug == "requests.partially_granted.{column}") + slug: weight
            for slug, weight in row["left"].items()
        }
    left = {f"complaints.{{row}}.{column}": 1 for column in ("confirmed", "unfounded", "transferred")}
    row = {"block": "complaints", "over": "row", "left": left, "relation": "=", "right": {"complaints.{row}.total": 1}}
    rules["complaints.sum"] = rules["review.sum"] | {"since": "2027", "sums": [row]}
    _write(folder, "rules/tables.yaml", rules)
    messages = _edit(folder, "messages.yaml")
    messages["tables"]["complaints"] = "表五"
    messages["chapters"][7] = "第七部分"
    _write(folder, "messages.yaml", messages)


@pytest.fixture(scope="module")
def codebook_2027(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data files of today with those changes that the how-to of a new form names."""
    folder = tmp_path_factory.mktemp("codebook") / "data"
    shutil.copytree(Path(data.__file__).parent, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    _forms(folder)
    _blocks(folder)
    _rules(folder)
    return folder


def run(folder: Path, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.parsing.with_codebook", str(folder), module, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False)


@pytest.fixture(scope="module")
def read(codebook_2027: Path) -> dict[str, Any]:
    done = run(codebook_2027, "tests.parsing.read_generated", "2027", "2027", "2")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_cell_is_exact_in_every_layout(read: dict[str, Any]) -> None:
    layouts = {one["layout"] for one in read["sound"] if one["decidable"]}
    assert layouts == RENDERERS.keys() - {"vanished"}
    inexact = [one for one in read["sound"] if one["silent"] or one["wrong"] or one["exact"] + one["doubtful"] != one["cells"]]
    assert inexact == []
    assert [one for one in read["sound"] if one["doubtful"] and one["decidable"]] == []


def test_every_block_shows_the_new_form(read: dict[str, Any]) -> None:
    blocks = ("disclosure", "requests", "review", "complaints")
    assert [one["forms"] for one in read["sound"]] == [dict.fromkeys(blocks, "2027")] * len(read["sound"])


def test_its_sums_hold_and_are_checked(read: dict[str, Any]) -> None:
    assert [one["errors"] for one in read["sound"] if one["errors"]] == []
    assert "complaints.sum" in read["broken"]["complaints.by_organizations.total"]
    assert "review.sum" in read["broken"]["review.litigation_after_review.total"]
    assert "requests.balance" in read["broken"]["requests.carried_forward.total"]


def test_reports_of_earlier_forms_are_read_as_before(read: dict[str, Any]) -> None:
    now = [
        read_document(path.read_bytes(), "text/plain", Hints(path=path.name)).report
        for path in sorted((ROOT / "samples/reports").glob("*.txt"))
    ]
    assert [(one["form"], one["values"]) for one in read["samples"]] == [
        (report.form, {r.indicator: r.value for r in report.readings}) for report in now
    ]
    assert {report.form for report in now} == {"2021"}


def test_the_codebook_in_force_is_untouched() -> None:
    assert list(load_book().forms) == ["2014", "2019", "2021"]
    with pytest.raises(RuntimeError, match="read before"):
        data.use(Path("elsewhere"))


@pytest.mark.parametrize(
    ("name", "old", "new", "error"),
    [
        ("blocks.yaml", "kind: cross", "kind: circle", "Invalid enum value 'circle'"),
        ("blocks.yaml", "handled: total_handled", "handled: total_dealt_with", "requests: no row total_dealt_with"),
        ("blocks.yaml", "total_column: total", "total_column: business", "total_column business is not the last column"),
        ("blocks.yaml", "kind: list", "kind: cross", "statistics: kind cross needs columns"),
        ("forms.yaml", "fallback: true", "fallback: false", "0 forms are the fallback"),
    ],
)
def test_what_does_not_fit_is_an_error_at_load(tmp_path: Path, name: str, old: str, new: str, error: str) -> None:
    shutil.copytree(Path(data.__file__).parent, tmp_path / "data", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    path = tmp_path / "data" / name
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")
    command = [sys.executable, "-c", LOAD, str(tmp_path / "data")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False)
    assert error in done.stderr
