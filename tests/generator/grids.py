"""The tables of the forms as grids, as the notices print them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

from codebook.book import load_book
from tests.generator.figures import COLUMNS, PARTS, RESULTS, REVIEWS, Figures, outcome_rows
from tests.generator.paper import Grid, GridCell

_NOTE = "（本列数据的勾稽关系为：第一项加第二项之和，等于第三项加第四项之和）"
# (label, key or None) of the 2014-2018 statistics table, in the order of the notice
_STATISTICS: tuple[tuple[str, str | None], ...] = (
    ("一、主动公开情况", None),
    ("（一）主动公开政府信息数（不同渠道和方式公开相同信息计1条）", "disclosed"),
    ("其中：主动公开规范性文件数", "normative_disclosed"),
    ("制发规范性文件总数", "normative_issued"),
    ("重点领域公开政府信息数", "key_area_disclosed"),
    ("（二）通过不同渠道和方式公开政府信息的情况", None),
    ("1.政府公报公开政府信息数", "channel.gazette"),
    ("2.政府网站公开政府信息数", "channel.website"),
    ("3.政务微博公开政府信息数", "channel.microblog"),
    ("4.政务微信公开政府信息数", "channel.wechat"),
    ("5.其他方式公开政府信息数", "channel.other"),
    ("二、回应解读情况", None),
    ("（一）回应公众关注热点或重大舆情数（不同方式回应同一热点或舆情计1次）", "response.total"),
    ("（二）通过不同渠道和方式回应解读的情况", None),
    ("1.参加或举办新闻发布会总次数", "response.press_conferences"),
    ("其中：主要负责同志参加新闻发布会次数", "response.press_by_principal"),
    ("2.政府网站在线访谈次数", "response.interviews"),
    ("其中：主要负责同志参加政府网站在线访谈次数", "response.interviews_by_principal"),
    ("3.政策解读稿件发布数", "response.policy_explanations"),
    ("4.微博微信回应事件数", "response.social_media"),
    ("5.其他方式回应事件数", "response.other"),
    ("三、依申请公开情况", None),
    ("（一）收到申请数", "requests.received"),
    ("1.当面申请数", "requests.in_person"),
    ("2.传真申请数", "requests.fax"),
    ("3.网络申请数", "requests.online"),
    ("4.信函申请数", "requests.letter"),
    ("（二）申请办结数", "requests.concluded"),
    ("1.按时办结数", "requests.on_time"),
    ("2.延期办结数", "requests.extended"),
    ("（三）申请答复数", "replies.total"),
    ("1.属于已主动公开范围数", "replies.already_disclosed"),
    ("2.同意公开答复数", "replies.granted"),
    ("3.同意部分公开答复数", "replies.partially_granted"),
    ("4.不同意公开答复数", "replies.denied"),
    ("其中：涉及国家秘密", "replies.denied_state_secret"),
    ("涉及商业秘密", "replies.denied_trade_secret"),
    ("涉及个人隐私", "replies.denied_privacy"),
    ("危及国家安全、公共安全、经济安全和社会稳定", "replies.denied_security"),
    ("不是《条例》所指政府信息", "replies.denied_not_government_information"),
    ("法律法规规定的其他情形", "replies.denied_other"),
    ("5.不属于本行政机关公开数", "replies.not_this_agency"),
    ("6.申请信息不存在数", "replies.nonexistent"),
    ("7.告知作出更改补充数", "replies.amendment_requested"),
    ("8.告知通过其他途径办理数", "replies.other_channel"),
    ("四、行政复议数量", "reconsideration.total"),
    ("（一）维持具体行政行为数", "reconsideration.upheld"),
    ("（二）被依法纠错数", "reconsideration.corrected"),
    ("（三）其他情形数", "reconsideration.other"),
    ("五、行政诉讼数量", "litigation.total"),
    ("（一）维持具体行政行为或者驳回原告诉讼请求数", "litigation.upheld"),
    ("（二）被依法纠错数", "litigation.corrected"),
    ("（三）其他情形数", "litigation.other"),
    ("六、举报投诉数量", "complaints"),
    ("七、依申请公开信息收取的费用", "fees_collected"),
    ("八、机构建设和保障经费情况", None),
    ("（一）政府信息公开工作专门机构数", "organization.offices"),
    ("（二）设置政府信息公开查阅点数", "organization.reading_points"),
    ("（三）从事政府信息公开工作人员数", "organization.staff"),
    ("1.专职人员数（不包括政府公报及政府网站工作人员数）", "organization.staff_full_time"),
    ("2.兼职人员数", "organization.staff_part_time"),
    ("（四）政府信息公开专项经费（不包括用于政府公报编辑管理及政府网站建设维护等方面的经费）", "organization.budget"),
    ("九、政府信息公开会议和培训情况", None),
    ("（一）召开政府信息公开工作会议或专题会议数", "training.meetings"),
    ("（二）举办各类培训班数", "training.courses"),
    ("（三）接受培训人员数", "training.trainees"),
)


@dataclass(frozen=True)
class Look:
    """Choices of the tables' look: an extra column 法人小计, printed subtotals on the group rows, the long note of (二), the
    note of table three."""

    organizations_column: bool = False
    subtotal_rows: bool = False
    long_note: bool = True
    note: bool = True


def _label(block: str, row: str) -> str:
    return load_book().blocks[block].rows[row].label


class _Sheet:
    """Cells are put row by row; the grid is as wide as it was declared."""

    def __init__(self, name: str, columns: int) -> None:
        self.name, self.columns, self.rows = name, columns, 0
        self.cells: list[GridCell] = []

    def put(self, column: int, text: str, row_span: int = 1, column_span: int = 1, is_value: bool = False) -> None:
        self.cells.append(GridCell(self.rows, column, text, row_span, column_span, is_value))

    def grid(self) -> Grid:
        return Grid(self.name, self.rows, self.columns, tuple(self.cells))


def disclosure_grid(figures: Figures) -> Grid:
    """Table two: four columns, each item under its own header row."""
    block = load_book().blocks["disclosure"]
    form = figures.disclosure_form
    sheet = _Sheet("disclosure", 4)
    for group in block.groups:
        columns = group.columns[form]
        if not columns:
            continue
        spans = {3: (1, 1, 1), 2: (1, 2), 1: (3,)}[len(columns)]
        sheet.put(0, group.clause, column_span=4)
        sheet.rows += 1
        sheet.put(0, "信息内容")
        at = 1
        for column, span in zip(columns, spans, strict=True):
            label = block.columns[column].label
            if form == "2019":
                label = {"decisions": "处理决定数量", "amount": "采购总金额"}.get(column, label)
            elif column == "amount":
                label = "本年收费金额（单位：万元）"
            sheet.put(at, label, column_span=span)
            at += span
        sheet.rows += 1
        for row in group.rows:
            if form not in (block.rows[row].forms or block.forms):
                continue
            label = block.rows[row].label
            sheet.put(0, "规范性文件" if form == "2019" and row == "normative_documents" else label)
            at = 1
            for column, span in zip(columns, spans, strict=True):
                sheet.put(at, figures.text(f"disclosure.{row}.{column}"), column_span=span, is_value=True)
                at += span
            sheet.rows += 1
    return sheet.grid()


def _requests_header(sheet: _Sheet, look: Look) -> None:
    extra = int(look.organizations_column)
    sheet.put(0, _NOTE if look.note else "", row_span=3, column_span=3)
    sheet.put(3, "申请人情况", column_span=7 + extra)
    sheet.rows += 1
    sheet.put(3, "自然人", row_span=2)
    sheet.put(4, "法人或其他组织", column_span=5 + extra)
    sheet.put(9 + extra, "总计", row_span=2)
    sheet.rows += 1
    names = ("商业企业", "科研机构", "社会公益组织", "法律服务机构", "其他", *(("法人小计",) if extra else ()))
    for column, name in enumerate(names):
        sheet.put(4 + column, name)
    sheet.rows += 1


def _numbers(sheet: _Sheet, look: Look, text: Callable[[str], str], subtotal: str) -> None:
    for column, name in enumerate(PARTS):
        sheet.put(3 + column, text(name), is_value=True)
    if look.organizations_column:
        sheet.put(9, subtotal)
    sheet.put(9 + int(look.organizations_column), text("total"), is_value=True)
    sheet.rows += 1


def requests_grid(figures: Figures, look: Look) -> Grid:
    """Table three: three columns of labels and seven of numbers."""
    sheet = _Sheet("requests", 10 + int(look.organizations_column))
    _requests_header(sheet, look)
    rows = outcome_rows(figures.form, figures.single_other)

    def organizations(row: str) -> str:
        return str(sum(figures.get(f"requests.{row}.{c}") for c in PARTS[1:]))

    def numbers(row: str) -> None:
        _numbers(sheet, look, lambda c: figures.text(f"requests.{row}.{c}"), organizations(row))

    for row in ("new_received", "carried_over"):
        sheet.put(0, _label("requests", row), column_span=3)
        numbers(row)
    labels = load_book().blocks["requests"].rows
    groups = [(title, list(group)) for title, group in groupby(rows, key=lambda row: "".join(labels[row].under[1:]))]
    grouped = sum(bool(title) for title, _ in groups)
    sheet.put(0, "三、本年度办理结果", row_span=len(rows) + 1 + (grouped if look.subtotal_rows else 0))
    for title, members in groups:
        for row in members if not title else ():
            text = _label("requests", row)
            sheet.put(1, text if look.long_note or row != "partially_granted" else "（二）部分公开", column_span=2)
            numbers(row)
        if not title:
            continue
        if look.subtotal_rows:
            sheet.put(1, title, column_span=2)
            sums = {c: str(sum(figures.get(f"requests.{r}.{c}") for r in members)) for c in COLUMNS}
            other = str(sum(int(organizations(r)) for r in members))
            _numbers(sheet, look, sums.__getitem__, other)
        else:
            sheet.put(1, title, row_span=len(members))
        for row in members:
            flat = look.subtotal_rows
            sheet.put(1 if flat else 2, _label("requests", row), column_span=2 if flat else 1)
            numbers(row)
    sheet.put(1, "（七）总计", column_span=2)
    numbers("total_handled")
    sheet.put(0, _label("requests", "carried_forward"), column_span=3)
    numbers("carried_forward")
    return sheet.grid()


def review_grid(figures: Figures) -> Grid:
    """Table four: one row of fifteen numbers under three levels of headers."""
    sheet = _Sheet("review", 15)
    names = [load_book().blocks["review"].columns[c].label for c in (*RESULTS, "total")]
    sheet.put(0, "行政复议", column_span=5)
    sheet.put(5, "行政诉讼", column_span=10)
    sheet.rows += 1
    for column, name in enumerate(names):
        sheet.put(column, name, row_span=2)
    sheet.put(5, "未经复议直接起诉", column_span=5)
    sheet.put(10, "复议后起诉", column_span=5)
    sheet.rows += 1
    for column, name in enumerate(names * 2):
        sheet.put(5 + column, name)
    sheet.rows += 1
    keys = [f"review.{row}.{column}" for row in REVIEWS for column in (*RESULTS, "total")]
    for column, key in enumerate(keys):
        sheet.put(column, figures.text(key), is_value=True)
    sheet.rows += 1
    return sheet.grid()


def cross_grid(figures: Figures, name: str) -> Grid:
    """A block of few rows by few columns as table four is printed: all numbers in one row."""
    block = load_book().blocks[name]
    sheet = _Sheet(name, len(block.rows) * len(block.columns))
    for number, label in enumerate(block.rows.values()):
        sheet.put(number * len(block.columns), label.label, column_span=len(block.columns))
    sheet.rows += 1
    for column, label in enumerate([*block.columns.values()] * len(block.rows)):
        sheet.put(column, label.label)
    sheet.rows += 1
    for column, key in enumerate(f"{name}.{row}.{column}" for row in block.rows for column in block.columns):
        sheet.put(column, figures.text(key), is_value=True)
    sheet.rows += 1
    return sheet.grid()


def statistics_grid(figures: Figures) -> Grid:
    """The statistics table of 2014-2018: label, unit, number."""
    rows = load_book().blocks["statistics"].rows
    sheet = _Sheet("statistics", 3)
    for column, name in enumerate(("统计指标", "单位", "统计数")):
        sheet.put(column, name)
    sheet.rows += 1
    for label, key in _STATISTICS:
        if key and f"statistics.{key}" not in figures.values:
            continue
        sheet.put(0, label)
        sheet.put(1, (rows[key].unit or "") if key else "——")
        if key:
            sheet.put(2, figures.text(f"statistics.{key}"), is_value=True)
        else:
            sheet.put(2, "——")
        sheet.rows += 1
    return sheet.grid()
