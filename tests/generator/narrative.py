"""The narrative of 2014-2018, which carries every indicator of the statistics table in varied wording."""

from __future__ import annotations

from functools import partial
from random import Random

from tests.generator.figures import Figures


def _n(figures: Figures, key: str, part: str = "") -> str:
    return figures.text(f"statistics.{part}{key}")


def _disclosure(rng: Random, f: Figures, year: int) -> list[str]:
    n = partial(_n, f)
    first = rng.choice(
        (
            f"{year}年主动公开政府信息{n('disclosed')}条。主动公开规范性文件{n('normative_disclosed')}条，制发规范性文件{n('normative_issued')}件。",
            f"全年共主动公开政府信息{n('disclosed')}条，其中主动公开规范性文件{n('normative_disclosed')}条；全年制发规范性文件总数{n('normative_issued')}件。",
            f"{year}年主动公开政府信息数{n('disclosed')}条。主动公开规范性文件数{n('normative_disclosed')}条，制发规范性文件总数{n('normative_issued')}件。",
        )
    )
    first += rng.choice(
        (f"重点领域公开政府信息{n('key_area_disclosed')}条。", f"重点领域公开政府信息数{n('key_area_disclosed')}条。")
    )
    unit = rng.choice(("条", "条", "数"))
    order = [
        ("gazette", "政府公报"),
        ("website", "政府网站"),
        ("microblog", "政务微博"),
        ("wechat", "政务微信"),
        ("other", "其他方式"),
    ]
    if unit == "数":
        parts = [f"{name}公开政府信息数{n('channel.' + key)}" for key, name in order]
    else:
        parts = [f"{name}公开政府信息{n('channel.' + key)}条" for key, name in order]
    second = (
        rng.choice(("通过不同渠道和方式公开政府信息的情况：", "按公开渠道划分，")) + rng.choice(("；", "，")).join(parts) + "。"
    )
    return [first, second]


def _response(rng: Random, f: Figures) -> list[str]:
    n = partial(_n, f, part="response.")
    variants = (
        f"回应公众关注热点或重大舆情{n('total')}次。参加或举办新闻发布会{n('press_conferences')}次，其中主要负责同志参加新闻发布会{n('press_by_principal')}次；"
        f"政府网站在线访谈{n('interviews')}次，其中主要负责同志参加政府网站在线访谈{n('interviews_by_principal')}次；"
        f"发布政策解读稿件{n('policy_explanations')}篇；微博微信回应事件{n('social_media')}次；其他方式回应事件{n('other')}次。",
        f"回应公众关注热点或重大舆情数{n('total')}次。包括，参加或举办新闻发布会总次数{n('press_conferences')}次（主要负责同志参加新闻发布会次数"
        f"{n('press_by_principal')}次），政府网站在线访谈次数{n('interviews')}次（主要负责同志参加政府网站在线访谈次数"
        f"{n('interviews_by_principal')}次），政策解读稿件发布数{n('policy_explanations')}篇，微博微信回应事件数{n('social_media')}次，其他方式回应事件数{n('other')}次。",
    )
    return [rng.choice(variants)]


def _requests(rng: Random, f: Figures, year: int) -> list[str]:
    n = partial(_n, f)
    received = rng.choice(
        (
            f"{year}年共收到政府信息公开申请{n('requests.received')}件。其中当面申请{n('requests.in_person')}件，以传真形式申请{n('requests.fax')}件，"
            f"通过网络提交申请{n('requests.online')}件，以信函形式申请{n('requests.letter')}件。",
            f"收到申请数{n('requests.received')}件，其中：当面申请数{n('requests.in_person')}件，传真申请数{n('requests.fax')}件，"
            f"网络申请数{n('requests.online')}件，信函申请数{n('requests.letter')}件。",
        )
    )
    concluded = rng.choice(
        (
            f"申请办结{n('requests.concluded')}件，其中按时办结{n('requests.on_time')}件，延期办结{n('requests.extended')}件。",
            f"申请办结数{n('requests.concluded')}件：按时办结数{n('requests.on_time')}件，延期办结数{n('requests.extended')}件。",
        )
    )
    r = partial(_n, f, part="replies.")
    reasons = (
        f"涉及国家秘密{r('denied_state_secret')}件，涉及商业秘密{r('denied_trade_secret')}件，涉及个人隐私{r('denied_privacy')}件，"
        f"危及国家安全、公共安全、经济安全和社会稳定{r('denied_security')}件，不是《条例》所指政府信息{r('denied_not_government_information')}件，"
        f"法律法规规定的其他情形{r('denied_other')}件"
    )
    replies = rng.choice(
        (
            f"申请答复数{r('total')}件，其中：属于已主动公开范围数{r('already_disclosed')}件，同意公开答复数{r('granted')}件，"
            f"同意部分公开答复数{r('partially_granted')}件，不同意公开答复数{r('denied')}件（{reasons}），不属于本行政机关公开数{r('not_this_agency')}件，"
            f"申请信息不存在数{r('nonexistent')}件，告知作出更改补充数{r('amendment_requested')}件，告知通过其他途径办理数{r('other_channel')}件。",
            f"在已答复的{r('total')}件申请中：“属于已主动公开范围”{r('already_disclosed')}件；“同意公开”{r('granted')}件；“同意部分公开”{r('partially_granted')}件；"
            f"“不同意公开”{r('denied')}件，其中，{reasons}；“不属于本行政机关公开”{r('not_this_agency')}件；“申请信息不存在”{r('nonexistent')}件；"
            f"“告知作出更改补充”{r('amendment_requested')}件；“告知通过其他途径办理”{r('other_channel')}件。",
        )
    )
    return [received, concluded, replies]


def _disputes(rng: Random, f: Figures, year: int) -> list[str]:
    n = partial(_n, f)
    lines = [
        f"{year}年因政府信息公开申请行政复议{n('reconsideration.total')}件，其中维持具体行政行为{n('reconsideration.upheld')}件，"
        f"被依法纠错{n('reconsideration.corrected')}件，其他情形{n('reconsideration.other')}件。",
        f"因政府信息公开提起行政诉讼{n('litigation.total')}件，其中维持具体行政行为或者驳回原告诉讼请求{n('litigation.upheld')}件，"
        f"被依法纠错{n('litigation.corrected')}件，其他情形{n('litigation.other')}件。",
    ]
    lines.append(rng.choice((f"收到与政府信息公开有关的举报投诉{n('complaints')}件。", f"举报投诉数量{n('complaints')}件。")))
    lines.append(f"依申请公开信息收取的费用{n('fees_collected')}万元。")
    return lines


def _organization(rng: Random, f: Figures) -> list[str]:
    n = partial(_n, f)
    staff = rng.choice(
        (
            f"设有政府信息公开工作专门机构{n('organization.offices')}个，设置政府信息公开查阅点{n('organization.reading_points')}个，"
            f"从事政府信息公开工作人员{n('organization.staff')}人，其中专职人员{n('organization.staff_full_time')}人，兼职人员{n('organization.staff_part_time')}人。"
            f"政府信息公开专项经费{n('organization.budget')}万元。",
            f"政府信息公开工作专门机构数{n('organization.offices')}个，设置政府信息公开查阅点数{n('organization.reading_points')}个；"
            f"从事政府信息公开工作人员数{n('organization.staff')}人，其中，专职人员数{n('organization.staff_full_time')}人，"
            f"兼职人员数{n('organization.staff_part_time')}人；政府信息公开专项经费{n('organization.budget')}万元。",
        )
    )
    training = rng.choice(
        (
            f"召开政府信息公开工作会议或专题会议{n('training.meetings')}次，举办各类培训班{n('training.courses')}次，接受培训人员{n('training.trainees')}人次。",
            f"召开政府信息公开工作会议或专题会议数{n('training.meetings')}次；举办各类培训班数{n('training.courses')}次；接受培训人员数{n('training.trainees')}人次。",
        )
    )
    return [staff, training]


def _share(part: str, whole: str) -> str:
    return f"，占总数的{round(100 * int(part) / int(whole))}%" if int(whole) else ""


def _loose_requests(rng: Random, f: Figures, year: int) -> list[str]:
    """As offices tell it that do not follow the table: shares beside the numbers, replies in time for requests concluded."""
    n = partial(_n, f, part="requests.")
    received = n("received")
    ways = (("in_person", "当面申请"), ("fax", "以传真形式申请"), ("online", "通过网络提交申请"), ("letter", "以信函形式申请"))
    told = "；".join(f"{label}{n(key)}件{_share(n(key), received)}" for key, label in ways)
    f.unstated.add("statistics.requests.concluded")
    first = rng.choice(
        (f"{year}年申请总数为{received}件。申请方式中，{told}。", f"全年共受理政府信息公开申请{received}件，其中{told}。")
    )
    second = f"以上申请中，按期答复{n('on_time')}件，延期答复{n('extended')}件。"
    return [first, second, _requests(rng, f, year)[2]]


def _loose_disputes(rng: Random, f: Figures, year: int) -> list[str]:
    """Where nothing happened one sentence says so, and the kinds of outcome are not told."""
    lines = _disputes(rng, f, year)
    nothing = {
        "reconsideration": ("未发生因政府信息公开引发的行政复议案件。", "全年没有因政府信息公开被申请行政复议。"),
        "litigation": ("未发生因政府信息公开引发的行政诉讼案件。", "全年没有因政府信息公开被提起行政诉讼。"),
    }
    for index, (kind, sentences) in enumerate(nothing.items()):
        if f.get(f"statistics.{kind}.total") == 0:
            lines[index] = rng.choice(sentences)
            f.unstated |= {f"statistics.{kind}.{result}" for result in ("upheld", "corrected", "other")}
    if f.get("statistics.complaints") == 0:
        lines[2] = "未接到与政府信息公开有关的举报投诉。"
    if not f.values["statistics.fees_collected"]:
        lines[3] = rng.choice(("全年未收取依申请公开政府信息费用。", "依申请公开政府信息未收取任何费用。"))
    return lines


def chapters_2014(rng: Random, figures: Figures, loose: bool = False) -> list[tuple[str, list[str]]]:
    """The chapters with numbers of a report on 2014-2018: (title without number, paragraphs). ``loose`` tells some of them in
    other words than the table's and leaves out what did not happen: ``figures.unstated`` then names what is not said."""
    year = figures.year
    requests, disputes = (_loose_requests, _loose_disputes) if loose else (_requests, _disputes)
    return [
        ("主动公开情况", _disclosure(rng, figures, year)),
        ("回应关切与政策解读情况", _response(rng, figures)),
        ("依申请公开情况", requests(rng, figures, year)),
        ("行政复议、行政诉讼和举报投诉情况", disputes(rng, figures, year)),
        ("机构建设、经费和培训情况", _organization(rng, figures)),
    ]
