"""Who a report is by, where, for which year, under what title and when it was published."""

# ruff: noqa: E501 - a text stands on one line beside what is expected of it
from __future__ import annotations

import json
import unicodedata

import pytest

from codebook.records import Extraction, Hints, Line, Page, PageKind, Place, Reader
from codebook.regions import load_regions
from codebook.text.fold import fold
from tasks.parsing.identity.identify import ReportIdentity, identify
from tasks.parsing.identity.names import find_date, find_title, is_date_line, is_name
from tasks.parsing.identity.region import Evidence, find_region
from tasks.parsing.outline import known_headings, read_outline
from tasks.parsing.parse import parse
from tasks.parsing.prose.lines import prose_lines
from tasks.validation.validate import doubts_of


def identity(text: str, hints: Hints | None = None, *, title: str | None = None, notes: tuple[str, ...] = ()) -> ReportIdentity:
    blocks = tuple(Line(raw, Place(1, None, number, 1)) for number, raw in enumerate(text.split("\n"), 1))
    page = Page(1, PageKind.TEXT, "", Reader.TXT, blocks)
    extraction = Extraction("text/plain", (page,), title=title, notes=notes)
    return identify(extraction, read_outline(prose_lines(extraction, {}, known_headings)), hints or Hints())


BODY = "\n一、总体情况\n本年度认真做好各项工作。\n二、主动公开政府信息情况\n无。\n三、收到和处理政府信息公开申请情况\n无。"


@pytest.mark.parametrize(
    ("title", "agency", "year"),
    [
        ("东城区某中心2021年政府信息公开工作年度报告", "东城区某中心", 2021),
        ("附件:示例市教育局2021年政府信息公开工作年度报告", "示例市教育局", 2021),
        ("2021年示例区示例局政府信息公开工作年度报告", "示例区示例局", 2021),
        ("示例縣人民政府2017年政府信息公開工作年度報告", "示例县人民政府", 2017),
        ("2024 年政府信息公开工作年度报告", None, 2024),
        ("关于2020年度政府信息公开工作情况的报告", None, 2020),
        ("示例局政府信息公开工作年度报告（2019年）", "示例局", 2019),
        ("示例局信息公开2016年年度报告", "示例局", 2016),
        ("示例市财政局2018年度政府信息公开年报", "示例市财政局", 2018),
        ("我局2020年政府信息公开工作年度报告", None, 2020),
        ("我镇2020年政府信息公开工作年度报告", None, 2020),
        ("本机关2020年度政府信息公开工作报告", None, 2020),
        ("首页>信息公开>示例县教育局2021年政府信息公开工作年度报告", "示例县教育局", 2021),
        ("国家税务总局淮安市洪泽区税务局2022年政府信息公开工作年度报告", "国家税务总局淮安市洪泽区税务局", 2022),
        ("高良涧街道2022年度政府信息公开工作年度报告", "高良涧街道", 2022),
        ("示例县二〇二〇年政府信息公开工作年度报告", "示例县", 2020),
        ("《示例局2021年政府信息公开工作年度报告》", "示例局", 2021),
        ("示例局关于2018年政府信息公开工作的报告", "示例局", 2018),
        ("苏州工业园区管理委员会2019年政府信息公开工作年度报告", "苏州工业园区管理委员会", 2019),
        ("江苏省财政厅2021年政务公开工作年度报告", "江苏省财政厅", 2021),
        ("示例大学2019年信息公开年度报告", "示例大学", 2019),
        ("南京大学2021-2022学年信息公开工作年度报告", "南京大学", 2022),
        ("中共淮安市委机构编制委员会办公室2021年政府信息公开工作年度报告", "中共淮安市委机构编制委员会办公室", 2021),
        ("XX市人力资源和社会保障局2019年政府信息公开工作年度报告", "XX市人力资源和社会保障局", 2019),
        ("北京市公安局朝阳分局2020年政府信息公开工作年度报告", "北京市公安局朝阳分局", 2020),
    ],
)
def test_titles(title: str, agency: str | None, year: int) -> None:
    found = find_title(fold(title).text, whole=True)
    assert found is not None
    assert (found.agency, found.year) == (agency, year)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2023- 01- 13", "2023-01-13"),
        ("2021.1.26", "2021-01-26"),
        ("2021/1/6", "2021-01-06"),
        ("２０２１年１月２６日", "2021-01-26"),
        ("二〇二一年一月二十六日", "2021-01-26"),
        ("二○二一年十二月三十一日", "2021-12-31"),
        ("二零二一年十月十日", "2021-10-10"),
        ("2018年3月", None),
        ("2021年13月1日", None),
        ("2021年2月30日", None),
    ],
)
def test_dates(text: str, day: str | None) -> None:
    found = find_date(fold(text).text)
    assert (found[0] if found else None) == day
    assert is_date_line(fold(text).text) == day


@pytest.mark.parametrize(
    "name",
    [
        "示例县人民政府",
        "河西街道办事处",
        "国家税务总局示例县税务局",
        "市中区教育局",
        "示例经济开发区管委会",
        "示例市公安局示例分局",
    ],
)
def test_names(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "我局",
        "本机关",
        "区财政局",
        "县政府办公室",
        "各部门",
        "市政府",
        "该局",
        "上级部门",
        "认真做好各项工作的局",
        "丽水市各县(市、区)政府",
        "全国海关",
        "高新技术产业开发区管委会",
        "县人民政府办公室",
        "由示例市财政局",
        "局",
        "门户网站",
    ],
)
def test_no_names(name: str) -> None:
    assert not is_name(name)


@pytest.mark.parametrize(
    ("agency", "chain"),
    [
        ("淮安市洪泽区人民政府", ("江苏省", "淮安市", "洪泽区")),
        ("洪泽区人民政府", ("江苏省", "淮安市", "洪泽区")),
        ("常熟市城市管理局", ("江苏省", "苏州市", "常熟市")),
        ("常熟城管局", ("江苏省", "苏州市", "常熟市")),
        ("密云县人民政府", ("北京市", "密云区")),
        ("江苏省淮安市楚州区教育局", ("江苏省", "淮安市", "淮安区")),
        ("江苏省财政厅", ("江苏省",)),
        ("上海海关", ("上海市",)),
        ("苏州工业园区管理委员会", ("江苏省", "苏州市")),
        ("昆山经济技术开发区管委会", ("江苏省", "苏州市", "昆山市")),
        ("国家税务总局淮安市洪泽区税务局", ("江苏省", "淮安市", "洪泽区")),
        ("北京市公安局朝阳分局", ("北京市", "朝阳区")),
        ("东莞市虎门镇人民政府", ("广东省", "东莞市")),
        ("常熟市虞山街道办事处", ("江苏省", "苏州市", "常熟市")),
        ("国家统计局常熟调查队", ("江苏省", "苏州市", "常熟市")),
        ("中共淮安市委机构编制委员会办公室", ("江苏省", "淮安市")),
        ("重庆市江北区人民政府", ("重庆市", "江北区")),
        ("延边州财政局", ("吉林省", "延边朝鲜族自治州")),
        ("河西街道办事处", ()),
        ("湖南路街道办事处", ()),
        ("城市管理局", ()),
        ("朝阳区财政局", ()),
        ("鼓楼区教育局", ()),
        ("南京市鼓楼区教育局", ("江苏省", "南京市", "鼓楼区")),
        ("国家税务总局", ()),
        ("平潭综合实验区管理委员会", ("福建省", "平潭综合实验区")),
        ("福建省平潭综合实验区财政金融局", ("福建省", "平潭综合实验区")),
        ("平潭县人民政府", ("福建省", "福州市", "平潭县")),
        ("河北雄安新区管理委员会", ("河北省", "雄安新区")),
        ("杨凌示范区管委会", ("陕西省", "杨凌农业高新技术产业示范区")),
        ("怀远二中", ("安徽省", "蚌埠市", "怀远县")),
        ("国网淮安市洪泽区供电公司", ("江苏省", "淮安市", "洪泽区")),
    ],
)
def test_regions_in_names(agency: str, chain: tuple[str, ...]) -> None:
    assert find_region(agency, (), []).chain == chain


def test_codes_have_six_digits() -> None:
    assert find_region("淮安市洪泽区人民政府", (), []).code == "320813"
    assert find_region("淮安市人民政府", (), []).code == "320800"
    assert find_region("江苏省人民政府", (), []).code == "320000"
    assert find_region("平潭综合实验区管理委员会", (), []).code is None  # GB/T 2260 has none
    assert all(len(region.code) == 6 for region in load_regions().all)


@pytest.mark.parametrize(
    ("evidence", "chain"),
    [
        (Evidence("地址:长春市前进大街", "contact", 2), ("吉林省", "长春市", "朝阳区")),
        (Evidence("北京市/朝阳区", "folder", 2), ("北京市", "朝阳区")),
        (Evidence("来源:北京市朝阳区人民政府网站", "text", 1), ("北京市", "朝阳区")),
        (Evidence("上海市", "text", 1), ()),
    ],
)
def test_counties_of_the_same_name_are_told_by_other_evidence(evidence: Evidence, chain: tuple[str, ...]) -> None:
    found = find_region("朝阳区财政局", (), [evidence])
    assert found.chain == chain
    assert bool(found.note) == (not chain)


@pytest.mark.parametrize(
    ("agency", "hint", "chain"),
    [
        ("朝阳区财政局", ("吉林省", "长春市"), ("吉林省", "长春市", "朝阳区")),
        ("洪泽区财政局", ("江苏省",), ("江苏省", "淮安市", "洪泽区")),
        ("财政局", ("江苏", "淮安"), ("江苏省", "淮安市")),
        ("河西街道办事处", ("江苏省", "南京市", "建邺区"), ("江苏省", "南京市", "建邺区")),
        (None, ("江苏省", "淮安市", "洪泽区"), ("江苏省", "淮安市", "洪泽区")),
        ("示例局", ("某国", "某地"), ("某国", "某地")),
    ],
)
def test_hints_complete_and_override(agency: str | None, hint: tuple[str, ...], chain: tuple[str, ...]) -> None:
    assert find_region(agency, hint, []).chain == chain


def test_a_title_over_two_lines() -> None:
    found = identity("- 1 -\n淮安市洪泽区人民政府\n2024 年政府信息公开工作年度报告" + BODY)
    assert (found.agency, found.year, found.region_code) == ("淮安市洪泽区人民政府", 2024, "320813")
    assert found.title == "淮安市洪泽区人民政府2024年政府信息公开工作年度报告"


@pytest.mark.parametrize(
    "title",
    [
        "靖江市司法局\n2021年度\n政府信息公开工作年度报告",
        "靖江市司法局\n政府信息公开工作年度报告\n（2021年度）",
        "发布机构：靖江市司法局\n标题：2021年政府信息公开工作年度报告\n发文日期：2022-01-18",
        "索引号：014/2022 发布机构：靖江市司法局 名称：2021年政府信息公开工作年度报告",
    ],
)
def test_titles_over_several_lines_and_heads_of_pages(title: str) -> None:
    found = identity(title + BODY)
    assert (found.agency, found.year) == ("靖江市司法局", 2021)


def test_a_name_broken_over_two_lines() -> None:
    found = identity(
        "淮安市洪泽区住房和\n城乡建设局2024年政府信息公开工作年度报告" + BODY + "\n淮安市洪泽区住房和城乡建设局\n2025年1月20日"
    )
    assert (found.agency, found.published_on) == ("淮安市洪泽区住房和城乡建设局", "2025-01-20")


def test_a_signature_names_the_body_but_not_the_year() -> None:
    found = identity(
        "2020年，我局认真贯彻条例。现将我局2020年度政府信息公开工作报告如下：" + BODY + "\n常熟市城市管理局\n2021年1月26日"
    )
    assert (found.agency, found.year, found.published_on) == ("常熟市城市管理局", 2020, "2021-01-26")


def test_the_year_of_the_signature_alone_is_weak_evidence() -> None:
    found = identity("现将政府信息公开工作报告如下：" + BODY + "\n常熟市城市管理局\n2021年1月26日")
    assert found.year == 2020
    assert any("发布日期推断" in note for note in found.notes)


def test_our_bureau_is_no_body() -> None:
    found = identity("我局2020年政府信息公开工作年度报告" + BODY)
    assert (found.agency, found.year, found.region) == (None, 2020, ())


def test_the_host_of_the_page_is_not_the_body() -> None:
    found = identity("东城区某某中心2021年政府信息公开工作年度报告\n来源：北京市东城区人民政府\n日期：2022-01-20 10:00" + BODY)
    assert (found.agency, found.region, found.published_on) == ("东城区某某中心", ("北京市", "东城区"), "2022-01-20")


def test_links_to_other_reports_are_not_the_title() -> None:
    links = "\n".join(f"示例市{x}局2021年政府信息公开工作年度报告" for x in ("教育", "财政", "民政", "水利"))
    found = identity(
        "示例市审计局2021年政府信息公开工作年度报告"
        + BODY
        + "\n相关链接\n"
        + links
        + "\n上一篇：示例市司法局2020年政府信息公开工作年度报告"
    )
    assert (found.agency, found.year) == ("示例市审计局", 2021)


@pytest.mark.parametrize(
    "period",
    [
        "自2024年1月1日起至2024年12月31日止",
        "自20241月1日至202412月31日止",
        "2024年1月1日—12月31日",
        "从 2024 年 1 月 1 日到 2024 年 12 月 31 日",
    ],
)
def test_the_period_of_the_statistics_gives_the_year(period: str) -> None:
    assert identity(f"本报告所列数据的统计期限{period}。" + BODY + "\n示例市审计局\n2025年3月1日").year == 2024


def test_title_and_period_disagree() -> None:
    found = identity("示例市审计局2023年政府信息公开工作年度报告\n本报告所列数据统计期限自2022年1月1日至2022年12月31日。" + BODY)
    assert found.year == 2023
    assert any("2022" in note for note in found.notes)


def test_contact_and_section_six() -> None:
    found = identity(
        "本报告电子版可下载。请与示例市审计局办公室联系。"
        + BODY
        + "\n六、其他需要报告的事项\n2022年度示例市审计局收取信息处理费情况为0。"
    )
    assert (found.agency, found.year) == ("示例市审计局", 2022)


def test_a_contact_names_the_office_of_the_body() -> None:
    assert identity("如有疑问，请与示例县人民政府办公室联系。" + BODY).agency == "示例县人民政府"
    assert identity("如有意见建议，请联系示例县审计局办公室，地址：人民路1号。" + BODY).agency == "示例县审计局"


def test_a_signature_without_a_date() -> None:
    assert (
        identity(
            "现将2023年度工作情况报告如下。" + BODY + "\n威信县商务局\n上一篇：大庆市水利局2020年政府信息公开工作年度报告"
        ).agency
        == "威信县商务局"
    )


@pytest.mark.parametrize(
    "title",
    [
        "固安县审计局2024年政府\n信息公开工作年度报告",
        "固安县审计局2024年政府信息公开工作年度\n报告",
        "2024年固安县审计局政府信息公开工作年度报\n告",
    ],
)
def test_a_title_broken_inside_its_words(title: str) -> None:
    found = identity(title + "\n根据条例有关规定，编制本报告。" + BODY)
    assert (found.agency, found.year, found.title) == ("固安县审计局", 2024, title.replace("\n", ""))


def test_a_page_saved_as_one_line_with_its_surroundings() -> None:
    text = (
        "字号：大 中 小    打印本页    关闭窗口 贵阳市南明区乐岗街道办事处2016年政府信息公开工作年度报告 发布时间：2017-03-16 10:48    来源：南明区人民政府 "
        + BODY.replace("\n", " ") * 2
        + " 贵阳市南明区乐岗街道办事处 2017年3月10日 上一篇：大庆市水利局2016年政府信息公开工作年度报告 下一篇：没有了"
    )
    found = identity(text)
    assert (found.agency, found.year, found.published_on) == ("贵阳市南明区乐岗街道办事处", 2016, "2017-03-16")


def test_a_bare_town_is_completed_by_the_text() -> None:
    found = identity("黄集镇2022年政府信息公开工作年度报告\n本报告由黄集镇人民政府编制。" + BODY)
    assert found.agency == "黄集镇人民政府"
    assert identity("黄集镇2022年政府信息公开工作年度报告" + BODY).agency == "黄集镇"


def test_a_manifest_overrides() -> None:
    hints = Hints("a.txt", ("江苏省", "淮安市"), "示例市水利局", 2019, "2020-01-15")
    found = identity("示例市审计局2021年政府信息公开工作年度报告" + BODY, hints)
    assert (found.agency, found.year, found.published_on, found.region) == (
        "示例市水利局",
        2019,
        "2020-01-15",
        ("江苏省", "淮安市"),
    )


def test_file_names_and_folders() -> None:
    found = identity("编制本报告。" + BODY, Hints("江苏省/淮安市/洪泽区/洪泽区水利局2022年政府信息公开工作年度报告.pdf"))
    assert (found.agency, found.year, found.region_code) == ("洪泽区水利局", 2022, "320813")
    found = identity("编制本报告。" + BODY, Hints("7700013_2022年新城区医疗保障局政府信息公开工作年度报告.html"))
    assert (found.agency, found.year) == ("新城区医疗保障局", 2022)
    assert identity("编制本报告。" + BODY, Hints("x/洪泽区水利局_2022.txt")).agency == "洪泽区水利局"
    assert identity("编制本报告。" + BODY, Hints("吉林省/长春市/2022/朝阳区水利局.txt")).region == ("吉林省", "长春市", "朝阳区")


def test_metadata_of_a_page() -> None:
    found = identity(
        "编制本报告。" + BODY,
        title="示例市审计局2021年政府信息公开工作年度报告_年度报告_示例市人民政府",
        notes=("meta.PubDate=2022-01-28 09:30", "meta.SiteName=示例市人民政府"),
    )
    assert (found.agency, found.year, found.published_on) == ("示例市审计局", 2021, "2022-01-28")


def test_a_page_saved_as_one_line() -> None:
    text = "示例市审计局2021年政府信息公开工作年度报告 发布时间：2022-01-20 来源：示例市 " + BODY.replace("\n", " ") * 3
    found = identity(text)
    assert (found.agency, found.year, found.published_on) == ("示例市审计局", 2021, "2022-01-20")


def test_a_signature_at_the_end_of_one_line() -> None:
    text = ("2020年，我局认真做好政府信息公开工作。" + BODY + "\n六、其他需要报告的事项\n无").replace("\n", " ")
    found = identity(text + " 常熟市城市管理局 2021年 1月26日")
    assert (found.agency, found.year, found.published_on) == ("常熟市城市管理局", 2020, "2021-01-26")


@pytest.mark.parametrize("shape", ["分享到： 日期：2022年1月7日  浏览次数：64次 {0}", "{0} 总金额0元。 2022年1月7日 上一篇：无"])
def test_dates_in_a_page_saved_as_one_line(shape: str) -> None:
    text = (
        "现将2021年度政府信息公开工作情况报告如下。"
        + BODY.replace("\n", " ")
        + " 六、其他需要报告的事项 依据办法，全年发出收费通知0件。"
    )
    assert identity(shape.format(text)).published_on == "2022-01-07"


def test_a_date_before_the_years_end_is_not_the_publication() -> None:
    found = identity("示例市审计局2021年政府信息公开工作年度报告\n发布日期：2019-05-15" + BODY)
    assert found.published_on is None
    assert any("2019-05-15" in note for note in found.notes)


def test_each_fact_has_its_clue() -> None:
    found = identity("示例市审计局2021年政府信息公开工作年度报告" + BODY + "\n示例市审计局\n2022年1月20日")
    assert {clue.field for clue in found.clues} >= {"agency", "year", "title", "published_on"}
    assert next(c for c in found.clues if c.field == "agency").source == "title"


def test_the_corpus(corpus) -> None:
    for path in sorted((corpus / "documents").glob("00?_*.txt")):  # the others: tests/accuracy/test_corpus.py
        truth = json.loads((corpus / "truth" / f"{path.stem}.json").read_text(encoding="utf-8"))
        found = identity(path.read_text(encoding="utf-8"), Hints(path.name))
        assert (found.agency, list(found.region), found.year, found.published_on) == (
            truth["agency"], truth["region"] or [], truth["year"], truth["published_on"],
        ), path.name  # fmt: skip


def test_a_given_region_against_the_bodys_name_is_a_doubt() -> None:
    lines = (
        "北京市密云区水务局2022年政府信息公开工作年度报告",
        "一、总体情况",
        "二、主动公开政府信息情况",
        "信息内容 | 本年处理决定数量 |",
        "行政许可 | 3 |",
        "信息内容 | 本年处理决定数量 |",
        "行政处罚 | 0 |",
        "行政强制 | 7 |",
    )
    blocks = tuple(Line(text, Place(line=number)) for number, text in enumerate(lines, 1))
    extraction = Extraction("text/plain", (Page(1, PageKind.TEXT, "", Reader.TXT, blocks),))
    assert "report.region" not in doubts_of(parse(extraction, Hints()))
    assert "report.region" not in doubts_of(parse(extraction, Hints(region=("北京市",))))
    disputed = parse(extraction, Hints(region=("江苏省",)))
    assert disputed.region == ("江苏省",)
    assert "report.region" in doubts_of(disputed)


@pytest.mark.parametrize(
    "opening",
    [
        "本报告根据《中华人民共和国政府信息公开条例》和省政府办公厅通知要求，由靖江市司法局编制。",
        "本年度报告由靖江市司法局（以下简称“我局”）根据《条例》编制而成。",
        "根据条例规定，现向社会公布靖江市司法局2022年度政府信息公开工作年度报告。",
        "现予公布靖江市司法局2022年政府信息公开年度报告，请社会各界监督。",
    ],
)
def test_an_agency_that_a_sentence_names(opening: str) -> None:
    assert identity(opening + "统计期限自2022年1月1日起至2022年12月31日止。" + BODY).agency == "靖江市司法局"


def test_many_agencies_are_none() -> None:
    opening = "本报告综合2022年度靖江市各镇（街道）和市级各部门的政府信息公开年度报告编制而成。请与靖江市人民政府办公室联系。"
    assert identity(opening + BODY).agency == "靖江市人民政府"


@pytest.mark.parametrize(
    "head",
    [
        "来源：靖江市司法局 发布时间：2023-01-20 09:30 浏览次数：112",
        "作者：办公室　日期：2023年1月20日　点击数：5",
        "文号： | 无 | 公开日期： | 2023-01-20 |",
        "【字体：大 中 小】信息来源：靖江市司法局办公室信息员张三李四供稿并校对 更新时间：2023-01-20 打印本页",
    ],
)
def test_the_day_behind_other_entries_of_the_head(head: str) -> None:
    found = identity("靖江市司法局2022年政府信息公开工作年度报告\n" + head + BODY)
    assert found.published_on == "2023-01-20"


def test_a_day_in_the_text_is_no_publication() -> None:
    found = identity("靖江市司法局2022年政府信息公开工作年度报告" + BODY + "\n展览开放时间：2023-02-01，地点：图书馆。")
    assert found.published_on is None


def test_radicals_in_place_of_characters() -> None:
    """As some PDF files write 人民 and 长: U+2F08, U+2EA0, U+2ED3."""
    found = identity("靖江市\u2f08\u2ea0政府2022年政府信息公开工作年度报告" + BODY)
    assert (found.agency, found.region[-1:]) == ("靖江市人民政府", ("靖江市",))
    assert fold("\u2ed3城\u2ee2鞍山\u2ef0港").text == "长城马鞍山龙港"


@pytest.mark.parametrize(
    ("title", "agency"),
    [
        ("怀远二中2022年政府信息公开工作年度报告", "怀远二中"),
        ("海关总署(本级机关)2020年政府信息公开工作年度报告", "海关总署"),
        ("宁海县人民政府办公室(本级)2020年政府信息公开工作年度报告", "宁海县人民政府办公室(本级)"),
        ("宁海县教育局(宁海县体育局)2020年政府信息公开工作年度报告", "宁海县教育局"),
        ("广州海关关区2021年政府信息公开工作年度报告", "广州海关"),
        ("海关总署2010年海关信息公开工作年度报告", "海关总署"),
        ("2022年示例镇人民政府信息公开工作年度报告", "示例镇人民政府"),
        ("2022年示例镇政府信息公开工作年度报告", "示例镇"),
        ("示例市审计局关于印发2022年政府信息公开工作年度报告的通知", "示例市审计局"),
        ("省政府办公厅关于做好2022年政府信息公开工作年度报告编制工作的通知", None),
        ("标 题 示例市审计局政府信息公开工作2022年度报告", "示例市审计局"),
    ],
)
def test_titles_whose_words_run_into_the_name(title: str, agency: str | None) -> None:
    found = find_title(fold(title).text, whole=True)
    assert (found.agency if found else None) == agency


def test_a_division_alone_in_the_title_is_its_government() -> None:
    assert identity("宁海县2022年政府信息公开工作年度报告" + BODY).agency == "宁海县人民政府"
    assert identity("浙江省宁波市2022年政府信息公开工作年度报告" + BODY).agency == "浙江省宁波市人民政府"
    assert identity("锡林郭勒盟2022年政府信息公开工作年度报告" + BODY).agency == "锡林郭勒盟行政公署"
    assert identity("平潭综合实验区2022年政府信息公开工作年度报告" + BODY).agency == "平潭综合实验区"


def test_a_town_is_named_as_in_its_signature() -> None:
    found = identity("2018年示例镇政府信息公开工作年度报告" + BODY + "\n遂溪县示例镇人民政府\n2019年1月10日")
    assert (found.agency, found.region[-1:]) == ("遂溪县示例镇人民政府", ("遂溪县",))


@pytest.mark.parametrize(
    ("we", "agency"),
    [("我校", None), ("我局", "宁海县教育局"), ("我县", None), ("本机关", "宁海县教育局")],
)
def test_a_contact_of_another_kind_of_body_is_none(we: str, agency: str | None) -> None:
    """As a school names the bureau that answers for it; the bureau's name is left as a note."""
    found = identity(f"{we}认真做好公开工作。如有疑问，请与宁海县教育局办公室联系（电话：00000000）。" + BODY)
    assert found.agency == agency
    assert any("宁海县教育局" in note for note in found.notes) == (agency is None)


def test_a_source_is_the_body_only_where_the_text_speaks_as_one() -> None:
    head = "2022年政府信息公开工作年度报告\n来源：宁海县水利局 发布时间：2023-01-20\n{}认真做好公开工作。"
    assert identity(head.format("我局") + BODY).agency == "宁海县水利局"
    assert identity(head.format("我校") + BODY).agency is None
    assert identity(head.format("本单位") + BODY).agency is None


@pytest.mark.parametrize(
    ("head", "day"),
    [
        ("发布日期 | 2023-01-20 | 成文日期 | 2023-01-10 |", "2023-01-20"),
        ("成文日期 | 2023-01-10 | 发布日期 | 2023-01-20 |", "2023-01-20"),
        ("生成日期 | 2023-01-10 16:24:38 | 是否有效 |", "2023-01-10"),
        ("成文日期 | | 有效期至 | 2028-12-31 |", None),
        ("发布日期\n2023-01-20\n有效性", "2023-01-20"),
        ("2023年01月20日 (点击: 5) |", "2023-01-20"),
        ("示例网|2023-01-20|浏览:45", "2023-01-20"),
        ("【发布日期：2023-01-20】【来源：示例】", "2023-01-20"),
    ],
)
def test_the_day_in_the_head_of_a_page(head: str, day: str | None) -> None:
    assert identity("靖江市司法局2022年政府信息公开工作年度报告\n" + head + BODY).published_on == day


def test_every_radical_is_folded_in_place() -> None:
    """A radical is one character, and so is what it becomes: positions stay."""
    radicals = [chr(code) for code in range(0x2E81, 0x2FD6) if unicodedata.category(chr(code)) != "Cn"]
    assert len(radicals) > 320
    for radical in radicals:
        folded = fold(f"甲{radical}乙")
        assert (len(folded.text), folded.origins) == (3, (0, 1, 2)), radical
        assert not 0x2E80 <= ord(folded.text[1]) < 0x2FE0, radical


def test_a_department_of_any_place_is_none_where_no_place_is_known() -> None:
    text = "发布机构 | 教育局 | 发布日期 | 2023-01-20 |\n2022年政府信息公开工作年度报告" + BODY
    assert identity(text).agency is None
    assert identity(text, Hints("a.txt", ("江苏省", "淮安市"))).agency == "教育局"
    assert identity("现公布海关总署2022年政府信息公开工作年度报告。" + BODY).agency == "海关总署"


@pytest.mark.parametrize(
    "opening",
    [
        "示例办2022年政府信息公开工作年度报告\n本报告由宁海县示例管理办公室（以下简称示例办）编制。",
        "现公布宁海县示例管理办公室（以下简称“示例办”）2022年政府信息公开工作报告。请与示例办综合处联系。",
    ],
)
def test_an_abbreviation_is_not_another_agency(opening: str) -> None:
    assert identity(opening + BODY).agency == "宁海县示例管理办公室"


def test_a_report_on_a_school_year_may_be_published_in_its_last_year() -> None:
    found = identity("示例大学2021-2022学年信息公开工作年度报告\n发布时间：2022/11/17 14:32:41" + BODY)
    assert (found.year, found.published_on) == (2022, "2022-11-17")


def test_links_behind_the_text_are_no_signature() -> None:
    text = "2022年政府信息公开工作年度报告\n我局认真做好公开工作。" + BODY
    links = ("浙江省水利厅", "宁波市水利局", "宁海县水利局")
    assert identity("\n".join((text, *links))).agency is None
    assert identity("\n".join((text, *links[:2], "宁海县人民政府办公室"))).agency is None
    assert identity("\n".join((text, links[-1], "宁海县人民政府"))).agency == links[-1]
    assert identity("\n".join((text, "本报告由宁海县水利局编制。", *links))).agency == links[-1]


def test_a_second_name_in_brackets_is_left_out() -> None:
    opening = "根据条例要求，由宁海县示例管理办公室（示例委员会办公室）编制的2017年度政府信息公开工作年度报告。"
    assert identity(opening + BODY).agency == "宁海县示例管理办公室"
