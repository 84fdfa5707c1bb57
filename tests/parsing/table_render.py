"""Invented reports printed in many layouts, with the truth of what was printed: the other half of the table readers' tests."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import opencc

from codebook.book import load_book

BOOK = load_book()
REQUESTS = BOOK.blocks["requests"]
COLUMNS = tuple(REQUESTS.columns)
TRIPLE = ("other.not_corrected_in_time", "other.fee_not_paid", "other.miscellaneous")
BALANCE = ("new_received", "carried_over", "total_handled", "carried_forward")

Cells = list[str]


@dataclass
class Row:
    """A printed row: label cells (group labels first), values, and the slug of the row (None for headers)."""

    labels: Cells
    values: Cells
    slug: str | None = None
    header: bool = False
    group: str | None = None


@dataclass
class Printed:
    """Tables of a report as rows, and what they say (None: blank, or a mark)."""

    form: str
    disclosure: list[Row] = field(default_factory=list)
    requests: list[Row] = field(default_factory=list)
    review: list[Row] = field(default_factory=list)
    truth: dict[str, int | float | None] = field(default_factory=dict)
    extra_at: int | None = None


def heavy(rng: random.Random) -> int:
    """A count as reports have it: mostly 0, mostly small, sometimes thousands."""
    if rng.random() < 0.72:
        return 0
    return int(rng.paretovariate(0.7)) % 40_000


def request_rows(form: str, single: bool) -> list[str]:
    return [row for row in REQUESTS.rows if (not row.startswith("other.") if form == "2019" or single else row != "other")]


def make(
    rng: random.Random, form: str = "2021", single: bool = False, extra_at: int | None = None, subtotals: bool = False
) -> Printed:
    """A report whose sums hold."""
    printed = Printed(form, extra_at=extra_at)
    _disclosure(rng, printed)
    _requests(rng, printed, single, extra_at, subtotals)
    _review(rng, printed)
    return printed


def _disclosure(rng: random.Random, printed: Printed) -> None:
    block = BOOK.blocks["disclosure"]
    for group in block.groups:
        columns = group.columns[printed.form]
        if not columns:
            continue
        rows = [row for row in group.rows if printed.form in (block.rows[row].forms or block.forms)]
        printed.disclosure.append(Row([group.clause], [], header=True))
        labels = []
        for slug in columns:
            text = block.columns[slug].label
            if printed.form == "2019":
                text = {"decisions": "处理决定数量", "amount": "采购总金额"}.get(slug, text)
            elif slug == "amount":
                text = "本年收费金额（单位：万元）"
            labels.append(text)
        printed.disclosure.append(Row(["信息内容"], labels, header=True))
        for row in rows:
            label = block.rows[row].label
            if printed.form == "2019" and row == "normative_documents":
                label = "规范性文件"
            values: list[int | float] = [heavy(rng) for _ in columns]
            if columns[-1] == "amount" and rng.random() < 0.5:
                values[-1] = round(values[-1] + rng.randrange(100) / 100, 2)
            if "change" in columns and rng.random() < 0.4:
                values[columns.index("change")] = -rng.randrange(1, 9)
            for slug, value in zip(columns, values, strict=True):
                printed.truth[f"disclosure.{row}.{slug}"] = value
            printed.disclosure.append(Row([label], [str(v) for v in values], row))


def _requests(rng: random.Random, printed: Printed, single: bool, extra_at: int | None, subtotals: bool) -> None:
    rows = request_rows(printed.form, single)
    table: dict[str, list[int]] = {}
    for row in rows:
        table[row] = [heavy(rng) if rng.random() < 0.5 else 0 for _ in range(6)]
    parts = [row for row in rows if row not in BALANCE]
    table["total_handled"] = [sum(table[row][c] for row in parts) for c in range(6)]
    for c in range(6):
        most = table["total_handled"][c] + table["carried_forward"][c]
        table["carried_over"][c] = min(table["carried_over"][c], most)
        table["new_received"][c] = most - table["carried_over"][c]
    header = [REQUESTS.columns[c].label for c in COLUMNS]
    if extra_at is not None:
        header.insert(extra_at, "法人小计")
    printed.requests.append(
        Row(["（本列数据的勾稽关系为：第一项加第二项之和，等于第三项加第四项之和）"], ["申请人情况"], header=True)
    )
    printed.requests.append(Row([], ["自然人", "法人或其他组织", "总计"], header=True))
    printed.requests.append(Row([], [h for h in header if h not in ("自然人", "总计")], header=True))
    seen: set[str] = set()
    for row in rows:
        label = REQUESTS.rows[row]
        groups = []
        for text in label.under:
            if text not in seen:
                groups.append(text)
                seen.add(text)
        values = table[row]
        if groups and subtotals and len(label.under) == 2:
            under = [r for r in rows if len(REQUESTS.rows[r].under) == 2 and REQUESTS.rows[r].under[1] == label.under[1]]
            sums = [sum(table[r][c] for r in under) for c in range(6)]
            printed.requests.append(Row(groups, _line(sums, extra_at), None, group=label.under[1]))
            groups = []
        for slug, value in zip(COLUMNS, [*values, sum(values)], strict=True):
            printed.truth[f"requests.{row}.{slug}"] = value
        printed.requests.append(
            Row([*groups, label.label], _line(values, extra_at), row, group=label.under[-1] if label.under else None)
        )


def _line(values: list[int], extra_at: int | None) -> Cells:
    line = [*values, sum(values)]
    if extra_at is not None:
        line.insert(extra_at, sum(values[1:]))
    return [str(v) for v in line]


def _review(rng: random.Random, printed: Printed) -> None:
    block = BOOK.blocks["review"]
    columns = [label.label for label in block.columns.values()]
    printed.review.append(Row([], ["行政复议", "行政诉讼"], header=True))
    printed.review.append(Row([], [*columns, "未经复议直接起诉", "复议后起诉"], header=True))
    printed.review.append(Row([], [*columns, *columns], header=True))
    line: Cells = []
    for row in block.rows:
        values = [heavy(rng) for _ in range(4)]
        values.append(sum(values))
        line += map(str, values)
        for slug, value in zip(block.columns, values, strict=True):
            printed.truth[f"review.{row}.{slug}"] = value
    printed.review.append(Row([], line, "all"))


# ---- what goes wrong in real reports ---------------------------------------------------------------------------------------


def blank_cells(rng: random.Random, printed: Printed, share: float, mark: str = "") -> None:
    """Leave cells of the table of requests blank, or fill them with a mark."""
    for row in printed.requests:
        if row.slug is None:
            continue
        for at in range(len(row.values)):
            if rng.random() < share:
                row.values[at] = mark
                column = _columns(printed)[at]
                if column:
                    printed.truth[f"requests.{row.slug}.{column}"] = None


def _columns(printed: Printed) -> list[str | None]:
    columns: list[str | None] = list(COLUMNS)
    if printed.extra_at is not None:
        columns.insert(printed.extra_at, None)
    return columns


def blank_totals(printed: Printed) -> None:
    """总计 is filled only on the rows 一, 二, （七） and 四."""
    for row in printed.requests:
        if row.slug and row.slug not in BALANCE:
            row.values[-1] = ""
            printed.truth[f"requests.{row.slug}.total"] = None


def misprint(rng: random.Random, printed: Printed, count: int) -> None:
    """Drop or replace one character in labels of rows (and of headers of table two)."""
    rows = [row for row in (*printed.disclosure, *printed.requests) if row.labels and (row.slug or row.header)]
    for row in rng.sample(rows, min(count, len(rows))):
        text = row.labels[-1]
        at = rng.randrange(len(text))
        row.labels[-1] = text[:at] + rng.choice(["", "某", "丁"]) + text[at + 1 :]


def drop_row(rng: random.Random, printed: Printed) -> str:
    row = rng.choice([r for r in printed.requests if r.slug and len(r.labels) == 1 and r.slug not in TRIPLE])
    printed.requests.remove(row)
    for column in COLUMNS:
        del printed.truth[f"requests.{row.slug}.{column}"]
    return str(row.slug)


def duplicate_row(rng: random.Random, printed: Printed) -> str:
    row = rng.choice([r for r in printed.requests if r.slug and len(r.labels) == 1])
    printed.requests.insert(printed.requests.index(row) + 1, Row(list(row.labels), list(row.values), row.slug))
    return str(row.slug)


def swap_rows(rng: random.Random, printed: Printed) -> None:
    rows = [r for r in printed.requests if r.slug and len(r.labels) == 1]
    one, two = rng.sample(rows, 2)
    i, j = printed.requests.index(one), printed.requests.index(two)
    printed.requests[i], printed.requests[j] = two, one


def lose_label(rng: random.Random, printed: Printed) -> str:
    """A row's label is not there at all; its values are."""
    row = rng.choice([r for r in printed.requests if r.slug and len(r.labels) == 1])
    row.labels = []
    return str(row.slug)


def lose_headers(printed: Printed) -> None:
    printed.requests[:] = [row for row in printed.requests if not row.header]


def blank_disclosure(rng: random.Random, printed: Printed, share: float = 0.15) -> None:
    """Leave cells of table two blank."""
    for row in printed.disclosure:
        keys = [key for key in printed.truth if row.slug and key.startswith(f"disclosure.{row.slug}.")]
        for at, key in enumerate(keys):
            if rng.random() < share:
                row.values[at] = ""
                printed.truth[key] = None


def blank_rows(rng: random.Random, printed: Printed) -> None:
    """Leave whole rows of table two and of the table of requests blank."""
    for block, rows, share in (("disclosure", printed.disclosure, 0.3), ("requests", printed.requests, 0.1)):
        for row in rows:
            if row.slug and rng.random() < share:
                row.values = [""] * len(row.values)
                for key in printed.truth:
                    if key.startswith(f"{block}.{row.slug}."):
                        printed.truth[key] = None


def blank_zeros(rng: random.Random, printed: Printed, share: float = 1.0) -> None:
    """Leave zeros of the table of requests blank."""
    for row in printed.requests:
        for at, column in enumerate(COLUMNS if row.slug else ()):
            if row.values[at] == "0" and rng.random() < share:
                row.values[at] = ""
                printed.truth[f"requests.{row.slug}.{column}"] = None


def blank_review(rng: random.Random, printed: Printed) -> None:
    """Leave cells of the table of reviews blank."""
    keys = [key for key in printed.truth if key.startswith("review.")]
    for at, key in enumerate(keys):
        if rng.random() < 0.1:
            printed.review[-1].values[at] = ""
            printed.truth[key] = None


def lose_disclosure_label(rng: random.Random, printed: Printed) -> None:
    """A row's label of table two is not there at all; its values are."""
    rng.choice([row for row in printed.disclosure if row.slug]).labels = [""]


def lose_disclosure_header(rng: random.Random, printed: Printed) -> None:
    """The header of one item of table two is not there."""
    printed.disclosure.remove(rng.choice([row for row in printed.disclosure if row.labels == ["信息内容"]]))


def zero_headings(rng: random.Random, printed: Printed) -> None:
    """A heading of table two, and the note of the table of requests, are replaced by 0."""
    rng.choice([row for row in printed.disclosure if row.header and row.labels != ["信息内容"]]).labels = ["0"]
    printed.requests[0].labels = ["0"]


def misprint_disclosure(rng: random.Random, printed: Printed) -> None:
    """Misprint every other label and header of table two."""
    for row in printed.disclosure:
        if rng.random() < 0.5:
            cells = row.values if row.values and not row.slug and rng.random() < 0.5 else row.labels
            which = rng.randrange(len(cells))
            at = rng.randrange(len(cells[which]))
            cells[which] = cells[which][:at] + rng.choice(["", "某", "丁"]) + cells[which][at + 1 :]


# ---- layouts ------------------------------------------------------------------------------------------------------------------

TITLES = ("二、主动公开政府信息情况", "三、收到和处理政府信息公开申请情况", "四、政府信息公开行政复议、行政诉讼情况")
BEFORE = (
    "一、总体情况",
    "2023年，我局新收政府信息公开申请12件，其中自然人11件，予以公开3件，主动公开规章0件、行政规范性文件2件。",
    "全年作出行政许可 120 件，行政处罚 31 件。",
)
AFTER = ("五、存在的主要问题及改进情况", "存在人员不足等问题，2024 年将加强培训。", "六、其他需要报告的事项", "无")


def _tables(printed: Printed) -> list[tuple[list[Row], int, int]]:
    """Each table with its number of label columns and of value columns."""
    values = len(COLUMNS) + (printed.extra_at is not None)
    return [(printed.disclosure, 1, 3), (printed.requests, 3, values), (printed.review, 0, 15)]


def _shell(bodies: list[list[str]]) -> list[str]:
    lines = list(BEFORE)
    for title, body in zip(TITLES, bodies, strict=True):
        lines += [title, *body]
    return [*lines, *AFTER]


def pipes(printed: Printed, vanish: bool = False) -> list[str]:
    """`label | 0 | 0 | |`: what merged cells leave is padded at the end of the row."""
    return _shell([[_pipe_row(row, depth + width, vanish) for row in rows] for rows, depth, width in _tables(printed)])


def _pipe_row(row: Row, width: int, vanish: bool) -> str:
    cells = [*row.labels, *(v for v in row.values if v or not vanish)]
    cells += [""] * (width - len(cells))
    return " | ".join(cells) + " |"


def markdown(printed: Printed) -> list[str]:
    """Every row has all cells; merged ones are blank behind the first, group labels stand once."""
    bodies = []
    for rows, depth, width in _tables(printed):
        body = []
        for number, row in enumerate(rows):
            place = 0
            if row.group and depth == 3:
                place = min(2, len(REQUESTS.rows[row.slug].under)) if row.slug else 2
                place -= len(row.labels) - 1
                place = max(place, 0)
            labels = ([""] * place + row.labels + [""] * depth)[:depth]
            cells = [*labels, *row.values]
            cells += [""] * (depth + width - len(cells))
            body.append("| " + " | ".join(cells) + " |")
            if not number:
                body.append("|" + "---|" * (depth + width))
        bodies.append(body)
    return _shell(bodies)


def tabs(printed: Printed, vanish: bool = False) -> list[str]:
    return _shell(
        [["\t".join([*r.labels, *(v for v in r.values if v or not vanish)]) for r in rows] for rows, _, _ in _tables(printed)]
    )


def cell_lines(printed: Printed, pipe: bool = False, vanish: bool = True) -> list[str]:
    """One cell a line; with ``pipe`` each ends in a pipe, and runs of pipes end a row."""
    bodies = []
    for rows, depth, width in _tables(printed):
        body = []
        for row in rows:
            cells = [*row.labels, *(v for v in row.values if v or not vanish)]
            body += [f"{cell} |".lstrip() if pipe else cell for cell in cells if cell or pipe]
            if pipe and len(cells) < depth + width:
                body.append("|" * (depth + width - len(cells)))
        bodies.append(body)
    return _shell(bodies)


def spaces(printed: Printed, gap: str = " ") -> list[str]:
    return _shell([[gap.join([*row.labels, *(v for v in row.values if v)]) for row in rows] for rows, _, _ in _tables(printed)])


def one_line(printed: Printed, pipe: bool = False) -> list[str]:
    if pipe:
        return ["|" * 200 + " " + " | ".join(line.rstrip(" |") for line in pipes(printed))]
    return [" ".join(spaces(printed))]


UPRIGHT = "三、本年度办理结果"


def flattened(rng: random.Random, printed: Printed) -> list[str]:
    """As text taken from a PDF: long labels wrapped with the values on any of their lines, the group label from top to bottom."""
    upright = list(UPRIGHT)
    bodies = []
    for rows, depth, _ in _tables(printed):
        body: list[str] = []
        groups: list[str] = []
        for row in rows:
            values = " ".join(v for v in row.values if v)
            if row.header or depth != 3:
                body.append(" ".join([*row.labels, values]).strip())
                continue
            labels = [label for label in row.labels if label != UPRIGHT]
            if len(labels) > 1:
                groups.append(labels[0])
            label = labels[-1] if labels else ""
            inside = row.slug is None or row.slug not in ("new_received", "carried_over", "carried_forward")
            lead = upright.pop(0) + " " if inside and upright and rng.random() < 0.5 else ""
            body += _wrapped(rng, label, values, lead)
            if groups and rng.random() < 0.6:
                body.append(groups.pop())
            if inside and upright and rng.random() < 0.4:
                body.append(upright.pop(0))
            if rng.random() < 0.05:
                body.append(f"- {rng.randrange(1, 9)} -")
        bodies.append(body)
    return _shell(bodies)


def _wrapped(rng: random.Random, label: str, values: str, lead: str) -> list[str]:
    choice = rng.random()
    if choice < 0.5 or not label:
        return [f"{lead}{label} {values}".strip()]
    if choice < 0.62:
        return [values, lead + label]
    if choice < 0.74 or len(label) < 10:
        return [lead + label, values]
    cut = rng.randrange(4, len(label) - 3)
    if choice < 0.87:
        return [lead + label[:cut], values, label[cut:]]
    if choice < 0.94:
        return [f"{lead}{label[:cut]} {values}", label[cut:]]
    return [lead + label[:cut], f"{label[cut:]} {values}"]


# ---- writing ---------------------------------------------------------------------------------------------------------------

_WIDE = str.maketrans("0123456789", "０１２３４５６７８９")


def traditional(lines: list[str], scheme: str = "s2t") -> list[str]:
    converter = opencc.OpenCC(scheme)
    return [converter.convert(line) for line in lines]


def full_width(lines: list[str]) -> list[str]:
    return [line.translate(_WIDE) for line in lines]


def thousands(printed: Printed) -> None:
    """1234 is printed 1,234."""
    for row in (*printed.disclosure, *printed.requests, *printed.review):
        if row.slug is not None:
            row.values = [f"{int(v):,}" if v.lstrip("-").isdigit() else v for v in row.values]
