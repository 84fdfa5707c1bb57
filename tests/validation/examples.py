"""For each rule two reports (pairs of years, regions): one that breaks it, and one like it that keeps it.

Tests apply the rules to them, take them through the whole product as documents, and make docs/rules.md of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from codebook.book import load_book
from codebook.records import (
    BlockSeen,
    Extra,
    LeftOut,
    LeftOutKind,
    Place,
    Severity,
    State,
    Statement,
    StatementKind,
    UnknownTable,
)
from tasks.validation.rules.between_reports import Expected

Make = Callable[..., Any]
HERE = Place(line=1)
OWN_TABLE = (
    ("指标名称", "本年度", "历年累计"),
    ("窗口接待数", "31", "402"),
    ("公报赠阅数", "12", "98"),
    ("听证会次数", "2", "7"),
    ("公开栏更新数", "52", "611"),
)
TEXT = (
    "本局按照部署扎实推进政务公开，围绕城市更新、垃圾分类、户外广告、停车管理等群众关心的事项发布信息，"
    "回应社会关切，开展培训，听取意见，改进网站栏目，完善目录，规范答复文书，加强保密审查，接受监督，"
    "定期通报检查结果，压实科室责任，推动工作落到实处。"
)
OTHER_TEXT = (
    "全年召开两次专题会议研究财政预决算公开，新建养老服务、义务教育、医疗救助三个专栏，上线智能问答，"
    "答复网民留言，举办政府开放日，走访社区收集建议，修订公文公开属性认定办法，对超期栏目逐一整改，"
    "并把公开质量列入年终评议，结果向社会通报。"
)


class Case(NamedTuple):
    """``bad`` breaks the rule once, with these cells and severity; ``good`` keeps it. Both are made by ``make``."""

    bad: Callable[[Make], Any]
    good: Callable[[Make], Any]
    cells: tuple[str, ...] = ()
    severity: Severity | None = None


def said(
    cells: tuple[str, ...], value: float, kind: StatementKind = StatementKind.NUMBER, sentence: str = "", **more: Any
) -> Statement:
    """A statement as the parser finds it in ``sentence``."""
    return Statement(cells, value, kind, more.pop("raw", f"申请{value}件"), sentence or "一句话。", Place(line=9), "test", **more)


def changed(form: str = "2021", **report: Any) -> Callable[..., Callable[[Make], Any]]:
    """``changed()(cell=1)``: a report of zeros in which these cells differ; ``__`` stands for a dot."""

    def of(**cells: Any) -> Callable[[Make], Any]:
        named = {cell.replace("__", "."): value for cell, value in cells.items()}
        return lambda m: m(
            "report", m("values", form, **named), form=form, year={"2021": 2022, "2019": 2020, "2014": 2016}[form], **report
        )

    return of


def not_seen(*rows: str) -> Callable[[Make], Any]:
    """A report of zeros of which these rows of table three were not found."""

    def made(m: Make) -> Any:
        values = m("values")
        gone = [cell for cell in values if cell.startswith(tuple(f"requests.{row}." for row in rows))]
        unseen = tuple(m("reading", cell, None, state=State.NOT_SEEN) for cell in gone)
        seen = tuple(m("reading", cell, value) for cell, value in values.items() if cell not in gone)
        return m("report", {}, readings=(*seen, *unseen))

    return made


def empty_review(m: Make) -> Any:
    """A report of zeros whose table four is empty, and in doubt for it."""
    made = m("report", m("values"))
    doubted = {"value": None, "state": State.DOUBTFUL, "raw": "", "doubt": "empty"}
    readings = tuple(msgspec.structs.replace(r, **doubted) if r.indicator.startswith("review.") else r for r in made.readings)
    return msgspec.structs.replace(made, readings=readings)


def text(cells: dict[str, Any] | None = None, fields: dict[str, Any] | None = None, **chapters: str) -> Callable[[Make], Any]:
    """A report of zeros with these chapters, cells and fields."""
    return lambda m: m("report", m("values", **(cells or {})), sections=m("sections", **chapters), **(fields or {}))


def stats(**cells: Any) -> Callable[[Make], Any]:
    """A report of form 2014 in which these cells are not 0; None for a row that it does not print."""
    named = {f"statistics.{cell.replace('__', '.')}": value for cell, value in cells.items()}

    def made(m: Make) -> Any:
        values = m("values", "2014") | named
        return m("report", {cell: value for cell, value in values.items() if value is not None}, form="2014", year=2016)

    return made


def years(earlier: dict[str, Any], later: dict[str, Any], year: int = 2022, **more: Any) -> Callable[[Make], Any]:
    return lambda m: (m("snapshot", earlier, year - 1, **more), m("snapshot", later, year, **more))


def texts(earlier: str, later: str, number: int = 1) -> Callable[[Make], Any]:
    return lambda m: (
        m("snapshot", {}, 2021, sections=((number, earlier),)),
        m("snapshot", {}, 2022, sections=((number, later),)),
    )


def area(parent: dict[str, Any], *children: dict[str, Any], expected: tuple[str, ...] = ()) -> Callable[[Make], Any]:
    names = ("安宁市城市管理局", "安宁市人民政府办公室", "安宁市教育局")

    def made(m: Make) -> Any:
        under = [m("snapshot", values, agency=name) for values, name in zip(children, names, strict=False)]
        names_expected = tuple(Expected(name, "530181") for name in expected)
        return m("snapshot", parent, agency="安宁市人民政府"), under, names_expected or None

    return made


def documents(files: dict[str, dict[str, Any]]) -> Callable[[Make], Any]:
    """The documents of one filing: a file name and the cells that are not 0 for each."""
    return lambda m: tuple(m("filed", m("values") | cells, name) for name, cells in files.items())


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
        stats(requests__received=9, requests__concluded=None, requests__on_time=4, requests__extended=1),
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
        changed(statements=(said((N,), 7, sentence="全年新收政府信息公开申请7件。"),))(requests__new_received__total=5),
        changed(
            agency="安宁市人民政府",
            statements=(
                said((N,), 7, sentence="全年共收到政府信息公开申请7件。", alternatives=((N, P),)),
                said((N,), 9, sentence="市政府办公室收到政府信息公开申请9件。", scope="own_office"),
                said((N,), 6, sentence="其中通过网络收到政府信息公开申请近6件。", raw="近6件"),
            ),
        )(requests__new_received__total=5, requests__carried_over__total=2),
        (N,),
        WARNING,
    ),
    "narrative.none": Case(
        changed(statements=(said((F,), 0, StatementKind.ALL, "全年收到政府信息公开申请，全部办结。"),))(
            requests__carried_forward__total=1
        ),
        changed(statements=(said((N,), 0, StatementKind.NONE, "全年未收到政府信息公开申请。"),))(
            requests__carried_forward__total=1
        ),
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
        lambda m: m(
            "report",
            {cell: value for cell, value in m("values").items() if not cell.startswith("review.")},
            sections=tuple(s for s in m("sections") if s.number != 4),
        ),
        lambda m: m(
            "report",
            {cell: value for cell, value in m("values").items() if not cell.startswith("review.")},
            blocks=(BlockSeen("review", "2021", HERE, readable=False),),
        ),
        (),
        ERROR,
    ),
    "part.left_out": Case(
        changed(left_out=(LeftOut(LeftOutKind.OBJECT, "Excel.Sheet.12", HERE),))(), changed(left_out=())(), (), WARNING
    ),
    "page.missing": Case(changed(missing_pages=(2, 4))(), changed()(), (), WARNING),
    "table.rows_missing": Case(
        not_seen("carried_forward"),
        changed()(),
        tuple(f"requests.carried_forward.{column}" for column in load_book().blocks["requests"].columns),
        WARNING,
    ),
    "table.blank": Case(
        empty_review,
        changed()(review__reconsideration__other=None),
        (),
        WARNING,
    ),
    "report.blank": Case(
        lambda m: m("report", dict.fromkeys(m("values"))), changed()(review__reconsideration__other=None), (), WARNING
    ),
    "table.unreadable": Case(
        changed(blocks=(BlockSeen("review", "2021", HERE, readable=False),))(),
        changed(blocks=(BlockSeen("review", "2021", HERE),))(),
        (),
        ERROR,
    ),
    "table.unknown": Case(
        changed(unknown_tables=(UnknownTable(HERE, OWN_TABLE),))(),
        changed()(),
        (),
        WARNING,
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
    "text.copied": Case(texts(TEXT, TEXT.replace("完善目录", "更新目录")), texts(TEXT, OTHER_TEXT), (), WARNING),
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
    "filing.changed": Case(
        documents({"年报.txt": {N: 3}, "年报（更正）.txt": {N: 4}}),
        documents({"年报.txt": {N: 3}, "年报.html": {N: 3}}),
        (N,),
    ),
    "filing.renditions_differ": Case(
        documents({"年报.txt": {N: 3}, "年报.html": {N: 4}}),
        documents({"年报.txt": {N: 3}, "年报（更正）.txt": {N: 4}}),
        (N,),
    ),
}
