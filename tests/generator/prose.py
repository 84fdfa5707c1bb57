"""Sentences of the chapters of the forms 2019 and 2021: composed here, with the numbers of the tables repeated in them."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from codebook.records import Number
from tests.generator.figures import Figures
from tests.generator.world import Agency

_OPENING = (
    "{year}年，{short}按照上级关于政务公开的统一安排，把公开透明贯穿于决策、执行、管理、服务、结果各环节，各项工作平稳推进。",
    "一年来，{short}坚持应公开尽公开，围绕群众办事和企业发展的实际需要，持续提高公开的质量与时效。",
    "{year}年，{short}对照条例要求逐项梳理职责，明确专人负责，政府信息公开工作有序开展。",
    "过去一年，{short}把政府信息公开作为改进作风、服务群众的一件实事来抓，取得了一定成效。",
)
_DISCLOSED = (
    "全年通过门户网站公开各类信息{a}条，其中工作动态{b}条、通知公告{c}条。",
    "累计在网站栏目更新信息{a}篇，微信公众号推送{b}篇，政务公开栏张贴{c}期。",
    "本年度编发政务简报{c}期，网站发布信息{a}条，新媒体发布{b}条。",
    "围绕财政预决算、重点项目、民生保障等内容主动公开信息{a}条，答复网民留言{c}条。",
)
_MANAGED = (
    "严格落实先审查后公开的要求，拟公开内容由经办科室起草、办公室核稿、分管领导签发。",
    "对历年公开内容作了一次全面清理，失效的及时标注，链接打不开的逐条修复。",
    "修订了信息发布审核办法，明确每个栏目的责任人和更新周期。",
    "建立台账，对每一条公开内容登记来源、审核人和发布时间。",
)
_PLATFORM = (
    "对网站专栏进行了改版，增设搜索和下载功能，方便群众查找。",
    "在便民服务中心设立查阅点，配备电脑和资料架，安排人员引导。",
    "维护好政务新媒体账号，关闭长期不更新的账号，集中力量办好一个。",
)
_SUPERVISED = (
    "将公开工作纳入年度考核，全年组织业务培训{c}场次，参训{b}人次。",
    "邀请代表、群众和企业评议公开工作，收集意见{c}条，均已整改。",
    "每季度开展一次自查，对发现的问题限期改正，未发生责任追究情形。",
)
_PROBLEMS = (
    "一是公开内容与群众期待还有差距，政策解读形式较为单一；二是个别科室主动公开意识不强，更新不够及时。",
    "主要存在经办人员变动频繁、业务不够熟练，答复文书不够规范等问题。",
    "存在的不足主要是栏目内容不够丰富，互动回应渠道偏少，基层公开标准化水平有待提高。",
)
_MEASURES = (
    "下一步，将加强培训和跟班学习，编印答复文书范本，提高办理质量。",
    "针对上述问题，{next_year}年将从三方面改进：完善制度，丰富解读形式，强化督促检查。",
    "今后将把更新频次列入考核，按月通报，并增加图解、视频等解读方式。",
)
_NO_FEE = (
    "{year}年未发出信息处理费收费通知，实际收取信息处理费0元。",
    "本年度收取信息处理费0元。除此之外，没有其他需要报告的事项。",
    "无。",
    "本单位无其他需要报告的事项。",
    "依据《政府信息公开信息处理费管理办法》，全年发出收费通知0件，总金额0元，实际收取0元。",
)
_FEE = "全年发出信息处理费收费通知{n}件，涉及金额{n}00元，申请人逾期均未缴纳，实际收取0元。"
_UNIT = ("件", "件", "件", "件", "条", "宗", "份", "起")


def _fill(rng: Random, template: str, agency: Agency, year: int) -> str:
    return template.format(
        year=year, next_year=year + 1, short=agency.short, a=rng.randint(40, 3000), b=rng.randint(20, 39), c=rng.randint(2, 19)
    )


def requests_sentence(rng: Random, agency: Agency, year: int, say: Mapping[str, Number]) -> str:
    """What the text repeats of table three. ``say`` holds what it states, which is the table's unless a slip is planted."""
    n, p, t, f, g = (
        int(say.get(f"requests.{row}.total", 0))
        for row in ("new_received", "carried_over", "total_handled", "carried_forward", "granted")
    )
    unit = rng.choice(_UNIT)
    if n == 0 and p == 0:
        return rng.choice(
            (
                f"{year}年，{agency.short}未收到政府信息公开申请。",
                "本年度没有收到政府信息公开申请。",
                f"{year}年共收到政府信息公开申请0{unit}。",
                f"全年收到政府信息公开申请0{unit}，上年结转0{unit}。",
            )
        )
    pieces = [
        rng.choice(
            (
                f"{year}年，{agency.short}共收到政府信息公开申请{n}{unit}",
                f"全年新收政府信息公开申请{n}{unit}",
                f"本年度收到依申请公开{n}{unit}",
                f"{year}年新收到政府信息公开申请{n}{unit}",
            )
        )
    ]
    if p or rng.random() < 0.4:
        pieces.append(rng.choice((f"上年结转{p}{unit}", f"上年度结转申请{p}{unit}")))
    if rng.random() < 0.6:
        pieces.append(rng.choice((f"办结{t}{unit}", f"本年度办结{t}{unit}", f"已答复{t}{unit}")))
    if g and rng.random() < 0.4:
        pieces.append(f"其中予以公开{g}{unit}")
    if f:
        pieces.append(rng.choice((f"结转下年度继续办理{f}{unit}", f"结转下年度办理{f}{unit}")))
    elif rng.random() < 0.4:
        pieces.append(rng.choice(("均已按期答复", "全部按时办结", "无结转下年度办理的申请")))
    return "，".join(pieces) + "。"


def review_sentence(rng: Random, year: int, say: Mapping[str, Number]) -> str:
    """What the text repeats of table four."""
    reconsideration = int(say.get("review.reconsideration.total", 0))
    litigation = int(say.get("review.litigation_direct.total", 0)) + int(say.get("review.litigation_after_review.total", 0))
    if not reconsideration and not litigation:
        return rng.choice(
            (
                "未发生因政府信息公开引发的行政复议和行政诉讼。",
                f"{year}年没有因政府信息公开被申请行政复议、提起行政诉讼的情况。",
                "全年无因信息公开引起的行政复议、行政诉讼案件。",
            )
        )
    return rng.choice(
        (
            f"因政府信息公开被申请行政复议{reconsideration}件，被提起行政诉讼{litigation}件。",
            f"全年发生政府信息公开行政复议{reconsideration}件、行政诉讼{litigation}件。",
        )
    )


def overview(rng: Random, agency: Agency, figures: Figures, say: Mapping[str, Number]) -> list[str]:
    """Chapter one, with the five usual parts or as plain paragraphs."""
    year = figures.year
    active = [_fill(rng, rng.choice(_DISCLOSED), agency, year)]
    asked = [requests_sentence(rng, agency, year, say)]
    if rng.random() < 0.7:
        asked.append(review_sentence(rng, year, say))
    managed, platform, supervised = (_fill(rng, rng.choice(pool), agency, year) for pool in (_MANAGED, _PLATFORM, _SUPERVISED))
    paragraphs = [_fill(rng, rng.choice(_OPENING), agency, year)]
    style = rng.choice(("numbered", "ordinal", "plain"))
    topics = (
        ("主动公开", " ".join(active)), ("依申请公开", "".join(asked)), ("政府信息管理", managed),
        ("政府信息公开平台建设", platform), ("监督保障", supervised),
    )  # fmt: skip
    for index, (topic, text) in enumerate(topics):
        if style == "numbered":
            paragraphs.append(f"（{'一二三四五'[index]}）{topic}情况。{text}")
        elif style == "ordinal":
            paragraphs.append(f"{index + 1}.{topic}。{text}")
        else:
            paragraphs.append(text)
    return paragraphs


def problems(rng: Random, agency: Agency, year: int) -> list[str]:
    """Chapter five: a problem and a measure."""
    return [_fill(rng, rng.choice(_PROBLEMS), agency, year), _fill(rng, rng.choice(_MEASURES), agency, year)]


def other_matters(rng: Random, agency: Agency, figures: Figures) -> list[str]:
    """Chapter six; it speaks of fee notices when table three counts unpaid ones."""
    unpaid = figures.get("requests.other.fee_not_paid.total")
    if unpaid:
        return [_FEE.format(n=unpaid)]
    return [_fill(rng, rng.choice(_NO_FEE), agency, figures.year)]


def period(year: int, rng: Random) -> str:
    """The sentence on the statistical period."""
    return rng.choice(
        (
            f"本报告所列数据的统计期限自{year}年1月1日起至{year}年12月31日止。",
            f"报告中数据统计时间为{year}年1月1日至{year}年12月31日。",
        )
    )


def contact(agency: Agency, rng: Random) -> str:
    """The sentence that says whom to ask."""
    office = agency.name if agency.name.endswith("办公室") else agency.name + "办公室"
    return rng.choice(
        (
            f"如对本报告有疑问，请与{office}联系（电话：0{rng.randint(310, 999)}-{rng.randint(2000000, 8999999)}）。",
            f"如有意见建议，请联系{office}，地址：人民路{rng.randint(1, 200)}号，邮编：{rng.randint(100, 850)}000。",
        )
    )
