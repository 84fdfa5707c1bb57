"""From verdict to rows, and where a report stands."""

from __future__ import annotations

import pytest

from codebook.divisions import by_level, parent_code
from codebook.records import BlockSeen, Finding, Place, Reader, Reading, Report, Section, Severity, State, Status, Verdict
from tasks.loading.relate import standing
from tasks.loading.rows import report_rows, unpack


def report(**fields: object) -> Report:
    known: dict[str, object] = {
        "agency": "淮安市洪泽区人民政府",
        "region": ("江苏省", "淮安市", "洪泽区"),
        "region_code": "320813",
        "year": 2024,
        "form": "2021",
        "title": None,
        "published_on": None,
        "script": "simplified",
        "sections": (),
        "blocks": (),
        "readings": (),
    }
    return Report(**(known | fields))  # type: ignore[arg-type]


def read(indicator: str, value: float | None, state: State = State.READ, **fields: object) -> Reading:
    raw = "" if value is None else str(value)
    return Reading(indicator, value, state, raw, Place(3, box=(1.0, 2.0, 3.0, 4.0)), Reader.PDF, **fields)  # type: ignore[arg-type]


def test_a_verdict_becomes_rows_and_its_body_gives_it_back():
    verdict = Verdict(
        report(
            readings=(read("requests.new_received.total", 95, State.PROVEN), read("disclosure.fees.amount", 14319.91)),
            sections=(Section(1, "总体情况", "正文", Place()),),
            blocks=(BlockSeen("requests", "2021", Place()),),
        ),
        (Finding("requests.balance", Severity.ERROR, "不符", ("requests.new_received.total",), 4, 3, place=Place(2, line=7)),),
        Status.ACCEPTED,
    )
    rows = report_rows(verdict)
    row = rows["gk_report"][0]
    assert unpack(row["body"]) == verdict
    assert (row["province"], row["city"], row["county"], row["governs"], row["reports_to"]) == (
        "江苏省",
        "淮安市",
        "洪泽区",
        "320813",
        "320800",
    )
    assert [(v.indicator, v.value, v.state, v.box) for v in rows["gk_value"]] == [
        ("requests.new_received.total", 95.0, "proven", (1.0, 2.0, 3.0, 4.0)),
        ("disclosure.fees.amount", 14319.91, "read", (1.0, 2.0, 3.0, 4.0)),
    ]
    assert rows["gk_finding"][0]["place"] == {"page": 2, "box": None, "line": 7, "column": None}
    assert rows["gk_finding"][0]["between"] is None
    # disclosure was read though no table of it was seen (its numbers stand in prose): the block is there, in the
    # report's form
    assert rows["gk_block"] == [
        {"block": "requests", "form": "2021", "readable": True},
        {"block": "disclosure", "form": "2021", "readable": True},
    ]


def test_what_postgresql_cannot_hold_is_replaced_and_equal_verdicts_have_equal_digests():
    verdict = Verdict(report(sections=(Section(1, "一\0", "二\0三", Place()),)), (), Status.ACCEPTED)
    first, second = report_rows(verdict), report_rows(verdict)
    assert first["gk_section"][0]["text"] == "二\ufffd三"
    assert first["gk_report"][0]["digest"] == second["gk_report"][0]["digest"]


def test_a_name_too_long_for_a_key_still_has_one():
    row = report_rows(Verdict(report(agency="长" * 400 + "局"), (), Status.NEEDS_REVIEW))["gk_report"][0]
    assert len(row["agency_key"]) == 64
    assert row["agency"] == "长" * 400 + "局"


@pytest.mark.parametrize(
    ("agency", "code", "expected"),
    [
        ("淮安市洪泽区人民政府", "320813", ("320813", "320800")),
        ("淮安市洪泽区民政局", "320813", (None, "320813")),
        ("洪泽区老子山镇人民政府", "320813", (None, "320813")),
        ("江苏省人民政府", "320000", ("320000", None)),
        ("北京市东城区人民政府", "110101", ("110101", "110000")),
        ("淮安市洪泽区民政局", None, (None, None)),
        (None, "320813", (None, None)),
    ],
)
def test_a_report_stands_under_the_government_above(
    agency: str | None, code: str | None, expected: tuple[str | None, str | None]
):
    assert standing(agency, code) == expected


def test_the_code_above():
    codes = {
        "320813": "320800",
        "320800": "320000",
        "320000": None,
        "110101": "110000",
        "500230": "500000",
        "429004": "420000",
        "320813100": "320813",
        "320813100201": "320813100",
    }
    assert {code: parent_code(code) for code in codes} == codes


def test_levels_of_a_region():
    assert by_level(("江苏省", "淮安市"), "320800") == ("江苏省", "淮安市", None)
    assert by_level(("北京市", "东城区"), "110101") == ("北京市", None, "东城区")
    assert by_level((), None) == (None, None, None)
