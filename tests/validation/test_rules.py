"""Each rule by itself: a report (a pair of years, a region) that breaks it, and one that does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from codebook.records import BlockSeen, Clue, Extra, Place, Severity, Statement, StatementKind
from codebook.rules import Scope, load_rules
from tasks.validation.rules.between_reports import compare_region, compare_years
from tasks.validation.validate import validate

Make = Callable[..., Any]
HERE = Place(line=1)
TEXT = (
    "本局按照部署扎实推进政务公开，围绕城市更新、垃圾分类、户外广告、停车管理等群众关心的事项发布信息，"
    "回应社会关切，开展培训，听取意见，改进网站栏目，完善目录，规范答复文书，加强保密审查，接受监督，"
    "定期通报检查结果，压实科室责任，推动工作落到实处。"
)


class Case(NamedTuple):
    """``bad`` breaks the rule once, with these cells and severity; ``good`` keeps it. Both are made by ``make``."""

    bad: Callable[[Make], Any]
    good: Callable[[Make], Any]
    cells: tuple[str, ...] = ()
    severity: Severity | None = None


def said(cells: tuple[str, ...], value: float, kind: StatementKind = StatementKind.NUMBER, **more: Any) -> Statement:
    return Statement(cells, value, kind, more.pop("raw", f"申请{value}件"), "一句话。", Place(line=9), "test", **more)


def changed(form: str = "2021", **report: Any) -> Callable[..., Callable[[Make], Any]]:
    """``changed()(cell=1)``: a report of zeros in which these cells differ; ``__`` stands for a dot."""

    def of(**cells: Any) -> Callable[[Make], Any]:
        named = {cell.replace("__", "."): value for cell, value in cells.items()}
        return lambda m: m(
            "report", m("values", form, **named), form=form, year={"2021": 2022, "2019": 2020, "2014": 2016}[form], **report
        )

    return of


def text(cells: dict[str, Any] | None = None, fields: dict[str, Any] | None = None, **chapters: str) -> Callable[[Make], Any]:
    """A report of zeros with these chapters, cells and fields."""
    return lambda m: m("report", m("values", **(cells or {})), sections=m("sections", **chapters), **(fields or {}))


def stats(**cells: Any) -> Callable[[Make], Any]:
    """A report of form 2014 that states these cells alone."""
    named = {f"statistics.{cell.replace('__', '.')}": value for cell, value in cells.items()}
    return lambda m: m("report", named, form="2014", year=2016)


def years(earlier: dict[str, Any], later: dict[str, Any], year: int = 2022, **more: Any) -> Callable[[Make], Any]:
    return lambda m: (m("snapshot", earlier, year - 1, **more), m("snapshot", later, year, **more))


def texts(earlier: str, later: str, number: int = 1) -> Callable[[Make], Any]:
    return lambda m: (
        m("snapshot", {}, 2021, sections=((number, earlier),)),
        m("snapshot", {}, 2022, sections=((number, later),)),
    )


def area(parent: dict[str, Any], *children: dict[str, Any], expected: tuple[str, ...] | None = None) -> Callable[[Make], Any]:
    names = ("安宁市城市管理局", "安宁市人民政府办公室", "安宁市教育局")

    def made(m: Make) -> Any:
        under = [m("snapshot", values, agency=name) for values, name in zip(children, names, strict=False)]
        return m("snapshot", parent, agency="安宁市人民政府"), under, expected

    return made


N, P, T, F = (f"requests.{row}.total" for row in ("new_received", "carried_over", "total_handled", "carried_forward"))
FEE = "requests.other.fee_not_paid.total"
SLIP = "disclosure.fees.amount"
REPLIES = (
    "already_disclosed",
    "granted",
    "partially_granted",
    "denied",
    "not_this_agency",
    "nonexistent",
    "amendment_requested",
    "other_channel",
)
REASONS = ("state_secret", "trade_secret", "privacy", "security", "not_government_information", "other")
eight = {f"replies__{kind}": 1 for kind in REPLIES}
six = {f"replies__denied_{reason}": 1 for reason in REASONS}
CHANNELS = {"channel__gazette": 1, "channel__website": 5, "channel__microblog": 1, "channel__wechat": 1, "channel__other": 2}
ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
flows = {"requests.new_received.natural_person": 3, "requests.granted.natural_person": 3, "disclosure.licensing.decisions": 40}

CASES: dict[str, Case] = {
    "requests.balance": Case(
        changed()(requests__new_received__natural_person=3, requests__total_handled__natural_person=2),
        changed()(requests__new_received__business=3, requests__total_handled__business=2, requests__carried_forward__business=1),
        ("requests.new_received.natural_person", "requests.total_handled.natural_person"),
    ),
    "requests.column_sum": Case(
        changed()(requests__total_handled__total=2, requests__granted__total=1),
        changed()(requests__total_handled__total=2, requests__granted__total=1, requests__other__miscellaneous__total=1),
        ("requests.total_handled.total", "requests.granted.total", "requests.other.fee_not_paid.total"),
    ),
    "requests.row_sum": Case(
        changed()(requests__granted__total=3, requests__granted__business=1),
        changed()(requests__granted__total=None, requests__granted__business=1),  # a blank 总计 is no error
        ("requests.granted.total", "requests.granted.business"),
    ),
    "requests.subtotal": Case(
        changed(extras=(Extra("requests", "denied", "total", 2, "2", HERE),))(requests__denied__state_secret__total=1),
        changed(extras=(Extra("requests", "denied", "organizations", 1, "1", HERE),))(requests__denied__state_secret__business=1),
        ("requests.denied.state_secret.total",),
        ERROR,
    ),
    "requests.count": Case(
        changed()(requests__granted__business=-1), changed()(requests__granted__business=1), ("requests.granted.business",), ERROR
    ),
    "requests.backlog": Case(
        changed()(requests__new_received__total=20, requests__carried_forward__total=11),
        changed()(requests__new_received__total=19, requests__carried_forward__total=19),
        (N, P, F),
        WARNING,
    ),
    "requests.unpaid_fee": Case(text({FEE: 1}, six="无"), text({FEE: 1}, six="发出收费通知1件，总金额100元。"), (FEE,), WARNING),
    "review.sum": Case(
        changed()(review__reconsideration__total=2, review__reconsideration__upheld=1),
        changed()(review__reconsideration__total=2, review__reconsideration__upheld=1, review__reconsideration__pending=1),
        ("review.reconsideration.total", "review.reconsideration.upheld"),
        ERROR,
    ),
    "review.after_review": Case(
        years(
            {"review.reconsideration.total": 1}, {"review.reconsideration.total": 1, "review.litigation_after_review.total": 3}
        ),
        years(
            {"review.reconsideration.total": 2}, {"review.reconsideration.total": 1, "review.litigation_after_review.total": 3}
        ),
        ("review.litigation_after_review.total",),
        WARNING,
    ),
    "disclosure.count": Case(
        changed()(disclosure__licensing__decisions=1.5),
        changed("2019")(disclosure__licensing__change=-3, disclosure__procurement__amount=2.5, disclosure__procurement__items=1),
        ("disclosure.licensing.decisions",),
        ERROR,
    ),
    "disclosure.in_force": Case(
        changed()(disclosure__normative_documents__issued=4, disclosure__normative_documents__in_force=3),
        changed()(
            disclosure__normative_documents__issued=4,
            disclosure__normative_documents__in_force=3,
            disclosure__normative_documents__repealed=1,
        ),
        ("disclosure.normative_documents.in_force",),
        WARNING,
    ),
    "disclosure.rules_power": Case(
        changed()(disclosure__rules__in_force=1),
        changed(agency="昆明市人民政府", region=("云南省", "昆明市"), region_code="530100")(disclosure__rules__in_force=1),
        ("disclosure.rules.in_force",),
        WARNING,
    ),
    "disclosure.published_stock": Case(
        changed("2019")(disclosure__normative_documents__newly_disclosed=2, disclosure__normative_documents__total_disclosed=1),
        changed("2019")(disclosure__normative_documents__newly_disclosed=2, disclosure__normative_documents__total_disclosed=2),
        ("disclosure.normative_documents.total_disclosed",),
        WARNING,
    ),
    "disclosure.procurement": Case(
        changed("2019")(disclosure__procurement__items=4),
        changed("2019")(disclosure__procurement__items=4, disclosure__procurement__amount=0.5),
        ("disclosure.procurement.items", "disclosure.procurement.amount"),
        WARNING,
    ),
    "disclosure.unit_slip": Case(years({SLIP: 25}, {SLIP: 251000}), years({SLIP: 25}, {SLIP: 2510}), (SLIP,), WARNING),
    "statistics.requests_sum": Case(
        stats(requests__received=9, requests__in_person=4, requests__fax=1, requests__online=2, requests__letter=1),
        stats(requests__received=8, requests__in_person=4, requests__fax=1, requests__online=2, requests__letter=1),
        ("statistics.requests.received",),
        ERROR,
    ),
    "statistics.concluded_sum": Case(
        stats(requests__concluded=9, requests__on_time=4, requests__extended=1),
        stats(requests__received=9, requests__on_time=4, requests__extended=1),
        ("statistics.requests.concluded",),
        ERROR,
    ),
    "statistics.replies_sum": Case(
        stats(replies__total=9, **eight), stats(replies__total=8, **eight), ("statistics.replies.total",), WARNING
    ),
    "statistics.denied_sum": Case(
        stats(replies__denied=7, **six), stats(replies__denied=5, **six), ("statistics.replies.denied",), WARNING
    ),
    "statistics.channels": Case(
        stats(disclosed=11, **CHANNELS), stats(disclosed=7, **CHANNELS), ("statistics.disclosed",), WARNING
    ),
    "statistics.review_sum": Case(
        stats(litigation__total=3, litigation__upheld=1, litigation__corrected=1, litigation__other=0),
        stats(reconsideration__total=3, reconsideration__upheld=1, reconsideration__corrected=1, reconsideration__other=1),
        ("statistics.litigation.total",),
        ERROR,
    ),
    "statistics.staff_sum": Case(
        stats(organization__staff=5, organization__staff_full_time=2, organization__staff_part_time=2),
        stats(organization__staff=4, organization__staff_full_time=2, organization__staff_part_time=2),
        ("statistics.organization.staff",),
        ERROR,
    ),
    "statistics.principal": Case(
        stats(response__press_by_principal=2, response__press_conferences=1),
        stats(response__press_by_principal=1, response__press_conferences=1),
        ("statistics.response.press_by_principal",),
        ERROR,
    ),
    "statistics.normative": Case(
        stats(normative_disclosed=5, normative_issued=4), stats(normative_disclosed=3, normative_issued=4), (), WARNING
    ),
    "narrative.contradiction": Case(
        changed(statements=(said((N,), 7),))(requests__new_received__total=5),
        changed(
            statements=(said((N,), 7, alternatives=((N, P),)), said((N,), 9, scope="own_office"), said((N,), 6, raw="近6件"))
        )(requests__new_received__total=5, requests__carried_over__total=2),
        (N,),
        WARNING,
    ),
    "narrative.none": Case(
        changed(statements=(said((F,), 0, StatementKind.ALL),))(requests__carried_forward__total=1),
        changed(statements=(said((N,), 0, StatementKind.NONE),))(requests__carried_forward__total=1),
        (F,),
        ERROR,
    ),
    "narrative.sum": Case(
        text(one="全年共主动公开各类信息432条，其中在政府网站公开98条，在政务微信公开335条。"),
        text(one="全年共公开信息1389条，其中电话807条，现场582条，查阅410条。共发文100件，其中通知20件，公告5件。"),
        (),
        WARNING,
    ),
    "narrative.percentage": Case(
        text(one="全年共收到申请200件，其中网络申请50件，占总数的35%。"),
        text(one="全年共收到申请232件，当面申请137件，占总数的59%。今年收到120件，比上年100件增长20%。"),
        (),
        WARNING,
    ),
    "narrative.fee": Case(
        text(six="本机关信息处理费：发出收费通知2件，总金额100元，实际收取的总金额为300元。"),
        text(six="发出信息处理费收费通知的件数和总金额以及实际收取的总金额均为0。"),
        (),
        WARNING,
    ),
    "section.missing": Case(
        lambda m: m("report", m("values"), sections=tuple(s for s in m("sections") if s.number != 6)), text(six="无"), (), WARNING
    ),
    "table.missing": Case(
        lambda m: m("report", {cell: value for cell, value in m("values").items() if not cell.startswith("review.")}),
        lambda m: m(
            "report",
            {cell: value for cell, value in m("values").items() if not cell.startswith("review.")},
            blocks=(BlockSeen("review", "2021", HERE, readable=False),),
        ),
        (),
        ERROR,
    ),
    "table.unreadable": Case(
        changed(blocks=(BlockSeen("review", "2021", HERE, readable=False, note="图片"),))(),
        changed(blocks=(BlockSeen("review", "2021", HERE),))(),
        (),
        ERROR,
    ),
    "table.blank_cells": Case(
        changed()(review__reconsideration__other=None, review__reconsideration__total=None),
        changed()(),
        ("review.reconsideration.other", "review.reconsideration.total"),
        INFO,
    ),
    "year.mismatch": Case(
        text(preface="本报告数据统计期限为2021年1月1日至2021年12月31日。"),
        text(preface="本报告数据统计期限自20221月1日至202212月31日。"),
        (),
        ERROR,
    ),
    "publication.late": Case(
        changed(published_on="2023-02-20")(), changed(published_on="2023-02-20", agency="安宁市人民政府")(), (), WARNING
    ),
    "problems.empty": Case(text(five="无"), text(five="主要问题是解读不多；下一步将加强解读。"), (), WARNING),
    "citation.outdated": Case(
        text(preface="根据国办公开办函〔2019〕60号编制。"), text(preface="根据国办公开办函〔2021〕30号编制。"), (), INFO
    ),
    "years.carry_over": Case(years({F: 3}, {P: 2}), years({F: 3}, {P: 3}), (P, F), ERROR),
    "years.in_force": Case(
        years(
            {"disclosure.rules.in_force": 3},
            {f"disclosure.rules.{c}": v for c, v in (("issued", 1), ("repealed", 0), ("in_force", 5))},
        ),
        years(
            {"disclosure.rules.in_force": 3},
            {f"disclosure.rules.{c}": v for c, v in (("issued", 1), ("repealed", 2), ("in_force", 2))},
        ),
        ("disclosure.rules.in_force",),
        WARNING,
    ),
    "years.published_stock": Case(
        years(
            {"disclosure.rules.total_disclosed": 3},
            {"disclosure.rules.total_disclosed": 3, "disclosure.rules.newly_disclosed": 1},
            2020,
            form="2019",
        ),
        years(
            {"disclosure.rules.total_disclosed": 3},
            {"disclosure.rules.total_disclosed": 4, "disclosure.rules.newly_disclosed": 1},
            2020,
            form="2019",
        ),
        ("disclosure.rules.total_disclosed",),
        WARNING,
    ),
    "years.jump": Case(years({N: 10}, {N: 60}), years({N: 10}, {N: 50}), (N,), INFO),
    "years.same_tables": Case(
        years(flows, flows), years(flows, flows | {"requests.granted.natural_person": 2}), tuple(flows), WARNING
    ),
    "text.copied": Case(texts(TEXT, TEXT.replace("完善目录", "更新目录")), texts(TEXT, TEXT[::-1]), (), WARNING),
    "region.exceeds": Case(area({N: 3}, {N: 4}), area({N: 3}, {N: 3}), (N,), WARNING),
    "region.sum": Case(
        area({N: 9}, {N: 4}, {N: 4}, expected=("安宁市城市管理局", "安宁市人民政府办公室")),
        area({N: 8}, {N: 4}, {N: 4}, expected=("安宁市城市管理局", "安宁市人民政府办公室")),
        (N,),
        INFO,
    ),
    "region.absent": Case(
        area({N: 9}, {N: 4}, expected=("城市管理局", "安宁市教育局")),
        area({N: 9}, {N: 4}, expected=("云南省昆明市安宁市城市管理局",)),
        (),
        INFO,
    ),
}


def findings(scope: Scope, subject: Any) -> tuple[Any, ...]:
    if scope is Scope.REPORT:
        return validate(subject).findings
    return compare_years(*subject) if scope is Scope.YEARS else compare_region(*subject)


def test_every_rule_has_a_case() -> None:
    assert set(CASES) == set(load_rules())


@pytest.mark.parametrize("name", CASES)
def test_a_broken_rule_is_found(name: str, make: Make) -> None:
    case, row = CASES[name], load_rules()[name]
    found = [f for f in findings(row.scope, case.bad(make)) if f.rule == name]
    assert len(found) == 1, [f.message for f in found]
    assert set(case.cells) <= set(found[0].cells)
    assert found[0].severity is (case.severity or row.severity)
    assert "{" not in found[0].message
    assert found[0].message.endswith(("。", "）"))


@pytest.mark.parametrize("name", CASES)
def test_a_kept_rule_is_not_found(name: str, make: Make) -> None:
    found = findings(load_rules()[name].scope, CASES[name].good(make))
    assert [f.message for f in found if f.rule == name] == []


def test_a_message_says_what_to_look_at(make: Make) -> None:
    bad = changed()(requests__new_received__natural_person=95, requests__total_handled__natural_person=94)(make)
    (found,) = [f for f in validate(bad).findings if f.rule == "requests.balance"]
    assert (found.expected, found.actual) == (95, 94)
    for part in (
        "表三“自然人”列",
        "本年新收政府信息公开申请数量 95",
        "上年结转政府信息公开申请数量 0",
        "总计 94",
        "相差 1",
        "核对",
    ):
        assert part in found.message


@pytest.mark.parametrize(
    ("sentence", "severity"),
    [("", Severity.ERROR), ("因同一申请可以多种申请方式提出，故分类申请之和大于申请总数。", Severity.WARNING)],
)
def test_one_request_in_several_ways(make: Make, sentence: str, severity: Severity) -> None:
    values = {f"statistics.requests.{way}": 3 for way in ("in_person", "fax", "online", "letter")} | {
        "statistics.requests.received": 11
    }
    made = make("report", values, form="2014", year=2016, sections=make("sections", one=sentence))
    (found,) = [f for f in validate(made).findings if f.rule == "statistics.requests_sum"]
    assert found.severity is severity


@pytest.mark.parametrize(
    ("fields", "severity"),
    [
        ({"clues": (Clue("year", "2021", "title", "2021年度报告"),)}, Severity.ERROR),
        ({"clues": (Clue("year", "2021", "folder", "2021"),)}, None),
        ({"published_on": "2022-06-01"}, Severity.WARNING),
        ({"published_on": "2025-06-01"}, Severity.WARNING),
        ({"published_on": "2023-06-01"}, None),
    ],
)
def test_years_that_disagree(make: Make, fields: dict[str, Any], severity: Severity | None) -> None:
    found = [f.severity for f in validate(make("report", make("values"), **fields)).findings if f.rule == "year.mismatch"]
    assert found == ([severity] if severity else [])


@pytest.mark.parametrize(
    ("agency", "year", "published", "late"),
    [
        ("安宁市连然街道办事处", 2022, "2023-05-01", False),  # not named by article 49
        ("安宁市人民政府", 2022, "2023-04-01", True),
        ("安宁市教育局", 2017, "2018-03-30", False),  # until 2018 all had until 31 March
        ("安宁市教育局", 2022, "2025-03-30", False),  # a migrated page
        ("安宁市指挥中心", 2022, "2023-03-30", False),  # its kind is not told by its name
    ],
)
def test_deadlines(make: Make, agency: str, year: int, published: str, late: bool) -> None:
    made = make("report", make("values"), agency=agency, year=year, published_on=published)
    assert any(f.rule == "publication.late" for f in validate(made).findings) is late


@pytest.mark.parametrize(
    ("sentence", "wrong"),
    [
        ("今年收到申请120件，比上年100件增长20%。", False),
        ("今年收到申请120件，比上年100件增长30%。", True),
        ("2022年收到申请120件，2021年收到100件，同比增长20%。", False),
        ("收到申请120件，比上年增加20件，增长20%。", False),  # 20 is the difference
        ("今年收到申请80件，比去年的100件下降20%。", False),
        ("今年收到申请80件，比去年的100件下降25%。", True),
        ("今年收到申请120件，办结率100%。", False),
        ("共收到申请3件，其中网络申请1件，占33.3%。", False),
        ("共收到申请3件，其中网络申请1件，占34%。", True),
        ("全年共公开信息300条。共收到申请8件，网络申请6件，占总数的3%。", True),
        ("申请涉及事项304项。全年共收到申请232件，属于已公开74件，占总数的24%。", False),  # of 304, which the text names too
    ],
)
def test_percentages(make: Make, sentence: str, wrong: bool) -> None:
    found = validate(text(one=sentence)(make)).findings
    assert [f.rule for f in found] == (["narrative.percentage"] if wrong else [])


@pytest.mark.parametrize(
    ("sentence", "wrong"),
    [
        ("共受理申请10件，其中网络申请5件，信函申请4件。", True),
        ("共受理申请10件，其中网络申请5件。", False),  # one part is an example
        ("共受理申请10件，其中网络申请5件，信函申请2件。", False),  # parts far below the total are examples
        ("共受理申请10件，其中网络申请5件，信函申请4件等。", False),
        ("共受理申请10件，其中自然人10件，网络申请6件。", False),  # two breakdowns
        ("共受理申请10件，其中网络、信函、当面申请分别为5件、1件、1件。", True),
        ("共受理申请10件，其中网络申请5件，信函申请4人次。", False),
        ("共受理申请10件，其中网络申请5件，信函申请4件，办结1件。", True),
        ("共收到申请5份，上年度结转0份，办结3份，其中予以公开2份，结转下年度2份。", False),
    ],
)
def test_parts_of_a_total(make: Make, sentence: str, wrong: bool) -> None:
    found = validate(text(one=sentence)(make)).findings
    assert [f.rule for f in found] == (["narrative.sum"] if wrong else [])


@pytest.mark.parametrize(
    ("six", "messages"),
    [
        ("发出信息处理费收费通知的件数为0件，总金额为0元，实际收取的总金额为0元。", 0),
        ("发出信息处理费收费通知2件，总金额0.01万元，实际收取100元。", 0),
        ("发出信息处理费收费通知2件，总金额0元。", 1),
        ("信息处理费：发出收费通知0件，实际收取30元。", 1),
        ("全年行政事业性收费通知2件，总金额0元。", 0),  # another fee
    ],
)
def test_fees_for_processing(make: Make, six: str, messages: int) -> None:
    assert [f.rule for f in validate(text(six=six)(make)).findings] == ["narrative.fee"] * messages


def test_a_quotation_is_more_than_a_number(make: Make) -> None:
    told = Statement((N,), 7, StatementKind.NUMBER, "7", "2022年我局收到政府信息公开申请7件，均已答复。", HERE, "test")
    made = make("report", {N: 5}, statements=(told,))
    (found,) = [f for f in validate(made).findings if f.rule == "narrative.contradiction"]
    assert "申请7件" in found.message


def test_chapters_out_of_order_and_empty(make: Make) -> None:
    made = make("sections", six="")
    swapped = (made[0], made[1], made[2], made[3], made[5], made[4], made[6])
    found = [
        f.message for f in validate(make("report", make("values"), sections=swapped)).findings if f.rule == "section.missing"
    ]
    assert len(found) == 2
    assert any("次序" in message for message in found)
    assert any("没有内容" in message for message in found)


def test_a_chapter_whose_table_was_read_is_there(make: Make) -> None:
    made = tuple(s for s in make("sections") if s.number != 3)
    assert validate(make("report", make("values"), sections=made)).findings == ()


def test_one_sentence_is_one_finding(make: Make) -> None:
    cells = {"review.reconsideration.total": 1, "review.reconsideration.upheld": 1, N: 0}
    nothing = tuple(
        said((cell,), 0, StatementKind.NONE) for cell in ("review.reconsideration.total", "review.litigation_direct.total")
    )
    made = make("report", make("values", **cells), statements=nothing + nothing)
    assert [f.cells for f in validate(made).findings] == [("review.reconsideration.total",)]
