"""Rule packs: what they change of the rules and for whom, and that all that is wrong with one is said with its line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from codebook.records import Severity
from codebook.rule_packs.packs import Pack, Packs, overlaid
from codebook.rule_packs.reading import PackError, parse_pack, read_pack, read_packs
from codebook.rules import load_rules
from tests.conftest import REPOSITORY

(EXAMPLE,) = (REPOSITORY / "samples" / "rule-packs").glob("*.yaml")
HEAD = 'id: a\nversion: "1"\nregion: 江苏省/淮安市\nyears: [2021, null]\n'
OWN = """own:
  a.more:
    severity: warning
    words: w
    law: l
    messages: {main: "{left} > {right}。"}
    sums: [{left: {requests.new_received.total: 1}, relation: "<=", right: {requests.granted.total: 1}}]
"""


def problems(text: str) -> list[tuple[int, str]]:
    with pytest.raises(PackError) as error:
        parse_pack(text.encode(), "a.yaml")
    return [(problem.line, problem.key) for problem in error.value.problems]


def pack(text: str = "rules: {years.jump: {enabled: false}}", head: str = HEAD) -> Pack:
    return parse_pack((head + text).encode(), "a.yaml")


def test_the_example_is_in_order_and_changes_what_it_says() -> None:
    example = read_pack(EXAMPLE)
    rules = overlaid([example]).rules
    assert "years.jump" not in rules
    assert rules["text.copied"].options == load_rules()["text.copied"].options | {"least_ratio": 0.5}
    assert (rules["text.copied"].severity, rules["text.copied"].pack) == (Severity.ERROR, "shili-huaian@2025.1")
    assert rules["text.copied"].messages["other"] == load_rules()["text.copied"].messages["other"]
    assert rules["requests.balance"] is load_rules()["requests.balance"]
    assert list(rules)[-1] == "shili.business_requests"


@pytest.mark.parametrize(
    ("region", "code", "year", "fits"),
    [
        (("江苏省", "淮安市", "洪泽区"), "320813", 2022, True),
        (("江苏省", "淮安市"), "320800", 2021, True),
        (("江苏省", "淮安市"), None, 2022, True),
        (("江苏省", "淮安市"), "320800", 2020, False),
        (("江苏省", "淮安市"), "320800", None, False),
        (("江苏省",), "320000", 2022, False),
        (("江苏省", "南京市"), "320100", 2022, False),
        ((), None, 2022, False),
    ],
)
def test_a_pack_is_for_the_reports_of_its_region_and_years(
    region: tuple[str, ...], code: str | None, year: int | None, fits: bool
) -> None:
    packs = Packs([pack()])
    assert (packs.rules_for(region, code, year) is not None) is fits


def test_the_pack_of_the_smaller_region_has_the_last_word() -> None:
    everywhere = parse_pack(
        b'id: all\nversion: "1"\nregion: "*"\nyears: [null, null]\nrules: {text.copied: {points: 1}}', "b.yaml"
    )
    city = pack("rules: {text.copied: {points: 2}}")
    rules = Packs([city, everywhere]).rules_for(("江苏省", "淮安市"), "320800", 2022)
    elsewhere = Packs([city, everywhere]).rules_for(("云南省",), "530000", 2022)
    assert rules is not None
    assert elsewhere is not None
    assert [rules.rules["text.copied"].points, elsewhere.rules["text.copied"].points] == [2, 1]


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("id: A b\n" + HEAD[6:] + "score: {full: 9}", 1, "id"),
        (HEAD.replace('"1"', "1.5") + "score: {full: 9}", 2, "version"),
        (HEAD.replace("[2021, null]", "[2024, 2021]") + "score: {full: 9}", 4, "years"),
        (HEAD + "rule: {}\n", 1, ""),
        (HEAD, 1, ""),
        (HEAD + "rules:\n  text.copie: {enabled: false}", 6, "rules.text.copie"),
        (HEAD + "rules:\n  text.copied:\n    options: {least_ration: 0.5}", 7, "rules.text.copied.options.least_ration"),
        (HEAD + 'rules:\n  text.copied:\n    options: {least_ratio: "50%"}', 7, "rules.text.copied.options.least_ratio"),
        (HEAD + "rules:\n  text.copied:\n    options:\n      stock: [a, 3]", 8, "rules.text.copied.options.stock.1"),
        (HEAD + "rules:\n  text.copied:\n    severity: fatal", 7, "rules.text.copied.severity"),
        (HEAD + "rules:\n  text.copied:\n    messages: {main: '{nothing}'}", 7, "rules.text.copied.messages.main"),
        (HEAD + "rules:\n  text.copied:\n    messages: {main: '{year'}", 7, "rules.text.copied.messages.main"),
        (HEAD + "rules:\n  text.copied:\n    messages: {first: a}", 7, "rules.text.copied.messages.first"),
        (HEAD + "rules:\n  text.copied: {enabled: false}\n  text.copied: {points: 1}", 7, "rules.text.copied"),
        (HEAD + "rules:\n  filing.changed: {enabled: false}", 6, "rules.filing.changed"),
        (HEAD + "rules:\n  text.copied:\n    sums: []\n    point: 3", 6, "rules.text.copied"),
        (HEAD + OWN.replace("a.more", "text.copied"), 6, "own.text.copied"),
        (HEAD + OWN.replace("a.more", "more"), 6, "own.more"),
        (HEAD + OWN.replace("granted", "grantet"), 11, "own.a.more.sums.0.right.requests.grantet.total"),
        (HEAD + OWN.replace("{left} >", "{leftt} >"), 10, "own.a.more.messages.main"),
        (HEAD + OWN.replace('"<="', '"<"'), 11, "own.a.more.sums.0.relation"),
        (HEAD + OWN.replace("    law: l\n", ""), 6, "own.a.more"),
        ("a: [", 1, ""),
        ("- 1", 1, ""),
        ("", 1, ""),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_key(text: str, line: int, key: str) -> None:
    assert problems(text) == [(line, key)]


def test_all_that_is_wrong_is_said_at_once() -> None:
    assert problems(HEAD + "rules:\n  a.b: {enabled: false}\n  text.copied: {severity: x}\n") == [
        (6, "rules.a.b"),
        (7, "rules.text.copied.severity"),
    ]


def test_a_folder_is_read_whole_and_two_packs_do_not_contradict_each_other(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(HEAD + "rules: {years.jump: {enabled: false}}")
    (tmp_path / "b.yaml").write_text(HEAD.replace("id: a", "id: b") + "rules: {text.copied: {enabled: false}}")
    (tmp_path / "note.txt").write_text("no pack")
    assert [pack.id for pack in read_packs(tmp_path).packs] == ["a", "b"]
    (tmp_path / "b.yaml").write_text(HEAD.replace("id: a", "id: b") + "rules: {years.jump: {points: 1}}")
    with pytest.raises(PackError, match=r"b\.yaml:1: rules: a\.yaml changes years\.jump"):
        read_packs(tmp_path)
    (tmp_path / "b.yaml").write_text(HEAD + "score: {full: 9}")
    with pytest.raises(PackError, match=r"b\.yaml:1: id: a is the id of a\.yaml"):
        read_packs(tmp_path)
    with pytest.raises(PackError, match="no such folder"):
        read_packs(tmp_path / "none")
