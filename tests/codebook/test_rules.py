"""The rules as data: ids, references both ways, expansion, and the null rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from codebook import data
from codebook.book import load_book, take_forms
from codebook.rules import FILES, Equation, Relation, Rule, RuleScope, Sum, evaluate, expand, fields, load_rules
from tasks.validation import registry
from tasks.validation.registry import FUNCTIONS, check_registry
from tasks.validation.validate import report_checks
from tasks.validation.wording import cell_label, words

# Rules that the product has beyond those of the domain.
ADDED = {
    "part.left_out": "warning",
    "page.missing": "warning",
    "table.rows_missing": "warning",
    "table.blank": "warning",
    "report.blank": "warning",
    "table.unknown": "warning",
    "filing.changed": "info",
    "filing.renditions_differ": "warning",
}


def test_ids_and_severities_are_the_contract(corpus: Path) -> None:
    path = corpus.parent / "domain" / "rules.yaml"
    if not path.is_file():
        pytest.skip(f"the rules of the domain are not at {path}")
    groups = msgspec.yaml.decode(path.read_bytes())
    contract = {name: row["severity"] for group in groups.values() for name, row in group.items()}
    assert {name: str(row.severity) for name, row in load_rules().items()} == contract | ADDED


def test_functions_and_rows_fit_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    report_checks()
    check_registry()
    assert set(FUNCTIONS) == {name for name, row in load_rules().items() if not row.sums}
    for name in ("requests.balance", "requests.nonsense"):  # a sum, and no rule at all
        with monkeypatch.context() as patch:
            patch.setitem(FUNCTIONS, name, FUNCTIONS["requests.count"])
            with pytest.raises(ValueError, match=name):
                check_registry()
    with monkeypatch.context() as patch:
        patch.delitem(FUNCTIONS, "requests.count")
        with pytest.raises(ValueError, match=r"requests\.count"):
            check_registry()


def test_every_message_is_used() -> None:
    for name, row in load_rules().items():
        used = {row_sum.message for row_sum in row.sums} | {s.soft.message for s in row.sums if s.soft}
        if row.sums:
            assert used == set(row.messages), name


def test_every_sum_is_reached_by_some_form() -> None:
    book = load_book()
    printed = {form: tuple(i.id for i in book.of_form(form)) for form in book.forms}
    both = tuple(f"{when}:{cell}" for form in ("2019", "2021") for cell in printed[form] for when in ("earlier", "later"))
    reached = {e.rule for cells in printed.values() for e in expand(cells, RuleScope.REPORT)} | {
        e.rule for e in expand(both, RuleScope.YEARS)
    }
    assert reached == {name for name, row in load_rules().items() if row.sums}


def test_the_undivided_row_stands_in_for_three() -> None:
    cells = ["requests.granted.total", "requests.partially_granted.total", "requests.denied.state_secret.total"]
    cells += ["requests.unable.not_held.total", "requests.not_processed.petition.total", "requests.total_handled.total"]

    def parts(*more: str) -> set[str]:
        (equation,) = [e for e in expand((*cells, *more), RuleScope.REPORT) if e.rule == "requests.column_sum"]
        return {cell for cell, _ in equation.left if ".other" in cell}

    assert parts("requests.other.total") == {"requests.other.total"}
    assert parts("requests.other.miscellaneous.total") == {"requests.other.miscellaneous.total"}
    assert parts("requests.other.total", "requests.other.miscellaneous.total") == {"requests.other.miscellaneous.total"}


@pytest.mark.parametrize(
    ("values", "doubtful", "holds", "blank"),
    [
        ({"a": 1, "b": 2, "c": 3}, (), True, False),
        ({"a": 1, "b": 2, "c": 4}, (), False, False),
        ({"a": 1, "b": None, "c": 1}, (), True, True),
        ({"a": 1, "b": None, "c": 3}, (), False, True),
        ({"a": 1, "c": 3}, ("b",), None, None),  # a misreading is no error of the source
        ({"a": 0.1, "b": 0.2, "c": 0.3}, (), True, False),  # no dust of binary fractions
        ({"a": 1, "b": 2, "c": None}, (), None, None),  # the side that must be stated is blank
    ],
)
def test_null_rule(values: dict[str, float | None], doubtful: tuple[str, ...], holds: bool | None, blank: bool | None) -> None:
    row = Sum({"a": 1, "b": 1}, Relation.EQUAL, {"c": 1}, stated=("right",))
    outcome = evaluate(Equation("test", row, None, (("a", 1), ("b", 1)), (("c", 1),), ("a", "b", "c")), values, doubtful)
    assert (outcome.holds if outcome else None, outcome.blank if outcome else None) == (holds, blank)


def test_unknown_keys_are_refused() -> None:
    row = {
        "id": "a.b",
        "file": "tables",
        "scope": "report",
        "severity": "error",
        "forms": ["2021"],
        "words": "",
        "law": "",
        "messages": {"main": ""},
    }
    assert msgspec.convert(row | {"exceptions": ["x"]}, Rule).exceptions == ("x",)
    with pytest.raises(msgspec.ValidationError, match="sum_rows"):
        msgspec.convert(row | {"sum_rows": []}, Rule)


def test_options_have_the_types_that_functions_declare(monkeypatch: pytest.MonkeyPatch) -> None:
    report_checks()
    rules = load_rules()
    for change, wrong in (
        ({"least_mentions": "two"}, "int"),
        ({"least_mention": 2}, "least_mention"),
    ):
        options = rules["year.mismatch"].options | change
        changed = rules | {"year.mismatch": msgspec.structs.replace(rules["year.mismatch"], options=options)}
        with monkeypatch.context() as patch:
            patch.setattr(registry, "load_rules", lambda changed=changed: changed)
            with pytest.raises(ValueError, match=wrong):
                check_registry()
    without = {k: v for k, v in rules["year.mismatch"].options.items() if k != "sources"}
    changed = rules | {"year.mismatch": msgspec.structs.replace(rules["year.mismatch"], options=without)}
    monkeypatch.setattr(registry, "load_rules", lambda: changed)
    with pytest.raises(ValueError, match="sources"):
        check_registry()


def test_the_files_of_the_rules_are_those_that_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "names", lambda folder="": [f"rules/{name}.yaml" for name in (*FILES, "more")])
    load_rules.cache_clear()
    with pytest.raises(ValueError, match=r"more\.yaml"):
        load_rules()
    monkeypatch.undo()
    load_rules.cache_clear()


FORMS = ("2014", "2019", "2021")


@pytest.mark.parametrize(
    ("row", "forms"),
    [
        ({}, FORMS),
        ({"since": "2019"}, ("2019", "2021")),
        ({"until": "2019"}, ("2014", "2019")),
        ({"since": "2019", "until": "2019"}, ("2019",)),
        ({"form": "2014"}, ("2014",)),
    ],
)
def test_forms_of_a_row(row: dict[str, str], forms: tuple[str, ...]) -> None:
    left = row | {"label": "x"}
    assert take_forms(left, FORMS, "test") == forms
    assert left == {"label": "x"}
    assert take_forms({"since": "2019"}, (*FORMS, "2027"), "test") == ("2019", "2021", "2027")  # a new form needs no change


@pytest.mark.parametrize(
    "row",
    [
        {"forms": ["2019", "2021"]},
        {"since": "2020"},
        {"since": 2019},
        {"since": "2021", "until": "2019"},
        {"form": "2019", "until": "2021"},
    ],
)
def test_forms_that_are_not_said_right(row: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"block\.row"):
        take_forms(row, FORMS, "block.row")


def test_messages_are_chinese_and_end() -> None:
    for name, row in load_rules().items():
        for text in row.messages.values():
            assert text.endswith(("。", "）。")), name
            assert fields(text) or name in ("problems.empty", "report.blank"), name
            assert row.words, name
            assert row.law, name


@pytest.mark.parametrize(
    ("cell", "label"),
    [
        ("requests.new_received.natural_person", "本年新收政府信息公开申请数量·自然人"),
        ("requests.denied.state_secret.total", "不予公开·属于国家秘密·总计"),
        ("requests.other.miscellaneous.other_org", "其他处理·其他·法人或其他组织·其他"),
        ("requests.partially_granted.business", "部分公开·商业企业"),
        ("review.litigation_direct.total", "行政诉讼·未经复议直接起诉·总计"),
        ("statistics.litigation.corrected", "行政诉讼数量·被依法纠错数"),
        ("disclosure.fees.amount", "行政事业性收费·本年收费金额"),
    ],
)
def test_labels_are_those_of_the_form(cell: str, label: str) -> None:
    assert cell_label(cell) == label


def test_tables_have_names() -> None:
    assert set(words().tables) == set(load_book().blocks)
