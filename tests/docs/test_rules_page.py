"""The page on the rules is that of the rules and examples of today."""

from __future__ import annotations

from pathlib import Path

from codebook.rules import load_rules
from tests.validation.reference import rules_page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "rules.md"


def test_the_page_on_the_rules_is_current() -> None:
    assert PAGE.read_text("utf-8") == rules_page(), "run: python -m tests.validation.reference > docs/rules.md"


def test_every_rule_has_its_section() -> None:
    page = PAGE.read_text("utf-8")
    for rule in load_rules().values():
        assert f"\n### {rule.id}\n" in page
        assert rule.law in page


def test_the_readmes_name_the_number_of_rules() -> None:
    number = len(load_rules())
    assert f" {number} rules." in (PAGE.parents[1] / "README.md").read_text("utf-8")
    assert f" {number} \u6761\u89c4\u5219" in (PAGE.parents[1] / "README.zh-CN.md").read_text("utf-8")
