"""Each rule by itself: a report (a pair of years, a region) that breaks it, and one that does not."""

from __future__ import annotations

from typing import Any

import pytest

from codebook.records import Clue, Severity, Statement, StatementKind
from codebook.rules import RuleScope, load_rules
from tasks.loading.editions import arrange
from tasks.loading.relate import relate_filing
from tasks.validation.rules.between_reports import compare_region, compare_years
from tasks.validation.validate import validate
from tests.validation.examples import CASES, HERE, Make, N, changed, said, text, texts


def findings(scope: RuleScope, subject: Any) -> tuple[Any, ...]:
    if scope is RuleScope.REPORT:
        return validate(subject).findings
    if scope is RuleScope.FILING:
        return tuple(found for *_, found in relate_filing(subject[0].agency, 2022, arrange(subject, 2022)))
    return compare_years(*subject) if scope is RuleScope.YEARS else compare_region(*subject)


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
        ("宁海县", 2022, "2023-04-01", True),  # a place alone is its government
        ("宁海县人民政府", 2022, "2023-04-01", True),
        ("宁海县", 2022, "2023-03-31", False),
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


@pytest.mark.parametrize(
    "chapter",
    [
        "部门预算公开的格式还不统一，部分乡镇解释不细。明年将统一模板并抽查，纳入考核。",
        "解读形式单一，图解和短视频偏少。今后与融媒体中心合作，每季度推出解读产品。",
        "栏目内容陈旧，更新慢。拟于上半年清理，并明确专人负责。",
        "业务人员更换后答复文书质量参差。已组织两次培训，下半年再做一次评查。",
    ],
)
def test_a_problem_in_plain_words_is_no_empty_chapter(make: Make, chapter: str) -> None:
    assert "problems.empty" not in [f.rule for f in validate(text(five=chapter)(make)).findings]


@pytest.mark.parametrize(
    "chapter", ["无。", "本年度不存在问题。", "没有需要说明的问题。", "各项工作顺利，成效明显，群众满意，受到上级表扬。"]
)
def test_a_chapter_without_a_problem_is_empty(make: Make, chapter: str) -> None:
    assert "problems.empty" in [f.rule for f in validate(text(five=chapter)(make)).findings]


def test_the_list_of_the_chapters_is_no_copy(make: Make) -> None:
    """All offices of a county open with the words of its model."""
    contents = (
        "本报告由总体情况、主动公开政府信息情况、收到和处理政府信息公开申请情况、政府信息公开行政复议和提起行政诉讼情况、存在的主要问题及改进情况和其他需要报告的"
        "事项组成，公众可在县政府网站的信息公开专栏下载本报告的全文，也可到县档案馆和县图书馆的查阅点免费查阅。"
    )
    own = (
        "我局全年围绕水库安全发布工程公示和水情信息，按月更新采购公告。",
        "本局公开预算决算和绩效评价结果，规范会计师事务所年检信息。",
    )
    pair = texts(*(contents + each for each in own))(make)
    assert [f for f in compare_years(*pair) if f.rule == "text.copied"] == []
