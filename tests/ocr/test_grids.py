"""The grids of drawn pages with what copies do to rules: no reader is asked."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.ocr.blank_marks import DASH, mark_in
from tasks.ocr.cleaning.grey_ink import find_seals, without_grey_ink
from tasks.ocr.grids.edges import Way, judged
from tasks.ocr.grids.ruling import find_rules, straightening
from tasks.ocr.grids.table_grid import _in_characters, _positions
from tasks.ocr.prepare_image import ink, prepared, stretch
from tasks.ocr.read_page import Layout, _layout
from tests.generator.paper import Grid, GridCell
from tests.scans.degrade import LEVELS, Wear, worn
from tests.scans.drawing import Drawn, Sheet, Style
from tests.scans.fonts import chinese_fonts

pytestmark = pytest.mark.usefixtures("fonts")
Pixels = NDArray[np.uint8]
Spans = set[tuple[int, int, int, int]]

_HEADS = ("自然人", "商业企业", "科研机构", "社会公益组织", "法律服务机构", "其他", "总计")
_LABELS = (
    "（一）予以公开",
    "（二）部分公开（区分处理的，只计这一情形，不计其他情形）",
    "1.属于国家秘密",
    "2.其他法律行政法规禁止公开",
    "（七）总计",
)
_WIDTHS = [110.0, *[50.0] * 7]


def _table() -> Grid:
    """A part of table three: a head over two rows, merged cells, a label in two lines, numbers, dashes and blanks."""
    cells = [GridCell(0, 0, "三、本年度办理结果", row_span=2), GridCell(0, 1, "申请人情况", column_span=7)]
    cells += [GridCell(1, c + 1, text) for c, text in enumerate(_HEADS)]
    for r, label in enumerate(_LABELS):
        cells.append(GridCell(r + 2, 0, label))
        cells += [GridCell(r + 2, c + 1, ("0", "12", "—", "", "307", "1", "8")[(r + c) % 7], is_value=True) for c in range(7)]
    return Grid("part", 7, 8, tuple(cells))


def _drawn(rules: str = "plain", dpi: int = 200) -> Drawn:
    """The upper half of a page with that table under a heading."""
    font = chinese_fonts()[0]
    sheet = Sheet(Style(font, font, rules=rules, size=9.0), dpi)
    sheet.write(60, 50, "三、收到和处理政府信息公开申请情况", 14)
    sheet.write(60, 330, "本机关按照规定编制本年度报告，报告内容由总体情况等六个部分组成。", 12)
    sheet.table(_table(), (60, 70), _WIDTHS, 0, 7)
    drawn = sheet.finish()
    return replace(drawn, image=np.ascontiguousarray(drawn.image[: drawn.image.shape[0] // 2]))


def _rules(drawn: Drawn) -> NDArray[np.bool_]:
    """Where the rules of a drawn page are."""
    dark = (drawn.image[..., 0] < 150).astype(np.uint8)
    across = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((1, 60), np.uint8))
    return np.asarray((across | cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((45, 1), np.uint8))) > 0)


def _read(image: Pixels) -> Layout:
    picture = prepared(image).picture
    return _layout(picture._replace(grey=without_grey_ink(picture.grey).grey))


def _spans(layout: Layout) -> list[Spans]:
    return [{(c.row, c.column, c.row_span, c.column_span) for c in grid.cells} for grid in layout.grids]


WHOLE: Spans = {(c.row, c.column, c.row_span, c.column_span) for c in _table().cells}


@pytest.mark.parametrize("shade", [120, 200, 235])
@pytest.mark.parametrize("noise", [0.0, 4.0])
def test_faint_rules(shade: int, noise: float) -> None:
    drawn = _drawn()
    image = drawn.image.copy()
    image[_rules(drawn)] = shade
    page, _ = worn(image, Wear(skew=0.4, blur=0.4, noise=noise if shade < 235 else noise / 2), 3)
    assert _spans(_read(page)) == [WHOLE]


@pytest.mark.parametrize("left", [0.85, 0.7])
def test_broken_rules(left: float) -> None:
    """Rules of which pieces of a few pixels are gone."""
    drawn = _drawn()
    image = drawn.image.copy()
    rng = np.random.default_rng(2)
    gone = cv2.resize(
        (rng.random((image.shape[0] // 4, image.shape[1] // 4)) > left).astype(np.uint8), image.shape[1::-1], interpolation=0
    )
    image[_rules(drawn) & (gone > 0)] = 255
    page, _ = worn(image, Wear(skew=0.3, blur=0.5, noise=3), 4)
    assert _spans(_read(page)) == [WHOLE]


@pytest.mark.parametrize("rules", ["thin", "grey", "double", "dashed", "open", "tight"])
@pytest.mark.parametrize("dpi", [pytest.param(150, marks=pytest.mark.slow), 200, pytest.param(300, marks=pytest.mark.slow)])
def test_rules_of_all_looks(rules: str, dpi: int) -> None:
    page, _ = worn(_drawn(rules, dpi).image, Wear(skew=0.6, blur=0.4, noise=3), 5, dpi)
    assert _spans(_read(page)) == [WHOLE]


def test_a_rule_that_is_seen_in_part_goes_on_and_one_that_ends_does_not() -> None:
    drawn = _drawn()
    image = drawn.image.copy()
    rules = _rules(drawn)
    value = next(cell for cell in drawn.cells if cell.is_value and cell.text == "")
    _, y0, x1, y1 = (round(v) for v in value.box)
    side = (slice(y0 + 4, y1 - 4), slice(x1 - 3, x1 + 4))
    image[side][rules[side]] = 225
    image[y0 + 4 : y0 + (y1 - y0) // 2, x1 - 3 : x1 + 4] = 255
    assert _spans(_read(image)) == [WHOLE]
    image[y0 + 1 : y1 - 1, x1 - 4 : x1 + 5] = 255
    assert _spans(_read(image)) != [WHOLE]


def _sealed(image: Pixels, at: tuple[float, float], level: int) -> Pixels:
    """The page with a round grey seal, of which black ink shows through."""
    height, width = image.shape[:2]
    ink_of_seal = np.zeros((height, width), np.uint8)
    x, y, radius = round(at[0] * width), round(at[1] * height), round(0.1 * width)
    cv2.circle(ink_of_seal, (x, y), radius, 255, max(3, radius // 14))
    for angle in np.linspace(np.pi * 0.85, np.pi * 2.15, 9):
        place = (int(x + 0.75 * radius * np.cos(angle)), int(y + 0.75 * radius * np.sin(angle)))
        cv2.circle(ink_of_seal, place, radius // 12, 255, 5)
    points = [
        (x + radius * r * np.sin(i * np.pi / 5), y - radius * r * np.cos(i * np.pi / 5))
        for i in range(10)
        for r in [(0.34, 0.14)[i % 2]]
    ]
    cv2.fillPoly(ink_of_seal, [np.array(points, np.int32)], 255)
    share = cv2.GaussianBlur(ink_of_seal, (0, 0), 1.0)[..., None] / 255
    return np.asarray(image * (1 - share * (1 - level / 255)), np.uint8)


@pytest.mark.parametrize("at", [(0.35, 0.35), (0.6, 0.5), (0.8, 0.4)])
@pytest.mark.parametrize("level", [125, 170])
def test_a_grey_seal_breaks_no_grid(at: tuple[float, float], level: int) -> None:
    page, _ = worn(_sealed(_drawn().image, at, level), Wear(skew=0.4, blur=0.4, noise=3), 6)
    grey = prepared(page).picture.grey
    seals = find_seals(grey)
    assert [abs(seal.x / grey.shape[1] - at[0]) < 0.02 and abs(seal.level - level) < 25 for seal in seals] == [True]
    assert _spans(_read(page)) == [WHOLE]


def test_numbers_under_a_grey_seal_keep_their_strokes() -> None:
    clean = prepared(_drawn().image).picture.grey
    sealed = prepared(_sealed(_drawn().image, (0.6, 0.5), 160)).picture.grey
    before, after = ink(clean) > 0, ink(without_grey_ink(sealed).grey) > 0
    assert (before & ~after).sum() < 0.02 * before.sum()
    assert (ink(sealed) > 0).sum() - before.sum() > 4 * (after & ~before).sum()


@pytest.mark.parametrize("rules", ["plain", "thick", "dashed"])
def test_pages_without_a_seal_have_none(rules: str) -> None:
    page, _ = worn(_drawn(rules).image, Wear(skew=0.4, blur=1.0, noise=8, shade=0.3), 7)
    assert find_seals(prepared(page).picture.grey) == []


def test_strokes_of_tight_labels_are_no_columns() -> None:
    """A label in two lines fills its row: its upright strokes reach from rule to rule."""
    for dpi in (150, 200):
        page, _ = worn(_drawn("tight", dpi).image, Wear(skew=0.2, blur=0.8, noise=4, jpeg=60), 8, dpi)
        assert [(grid.rows, grid.columns) for grid in _read(page).grids] == [(7, 8)]


@pytest.mark.parametrize("text", ["-", "–", "—", "－"])
@pytest.mark.parametrize("dpi", [120, 200, pytest.param(300, marks=pytest.mark.slow)])
def test_dashes_by_their_shape(text: str, dpi: int) -> None:
    sheet = Sheet(Style(chinese_fonts()[0], chinese_fonts()[0]), dpi)
    sheet.write(100, 100, text, 10.5)
    image = np.ascontiguousarray(sheet.finish().image[: 2 * dpi])
    page, _ = worn(image, Wear(blur=0.5, noise=3), 9, dpi)
    marks, size = ink(prepared(page).picture.grey), round(9.5 * dpi / 72)
    rows, columns = np.nonzero(marks)
    box = (int(columns.min()) - 2, int(rows.min()) - 2, int(columns.max()) + 3, int(rows.max()) + 3)
    assert mark_in(marks, box, size) == DASH


@pytest.mark.parametrize("text", [".", "·", "1", "7", "、", "，", "。"])
def test_what_is_no_dash(text: str) -> None:
    sheet = Sheet(Style(chinese_fonts()[0], chinese_fonts()[0]), 200)
    sheet.write(100, 100, text, 10.5)
    marks = ink(sheet.finish().image[..., 0])
    rows, columns = np.nonzero(marks)
    box = (int(columns.min()) - 2, int(rows.min()) - 2, int(columns.max()) + 3, int(rows.max()) + 3)
    assert mark_in(marks, box, round(9.5 * 200 / 72)) != DASH


@pytest.mark.parametrize("wear", [Wear(), Wear(skew=0.5, blur=0.5, noise=4), Wear(bilevel=True)])
def test_a_fax_has_wide_characters_and_is_made_square(wear: Wear) -> None:
    page, _ = worn(_drawn().image, wear, 10)
    assert stretch(prepared(page).picture.grey) == 1
    fax = cv2.resize(page, (page.shape[1], page.shape[0] // 2), interpolation=cv2.INTER_AREA)
    picture = prepared(np.asarray(fax, np.uint8)).picture
    assert abs(picture.grey.shape[0] - page.shape[0]) <= 2
    assert _spans(_read(np.asarray(fax, np.uint8))) == [WHOLE]
    x0, y0, x1, y1 = picture.source_box((0, 0, picture.grey.shape[1], picture.grey.shape[0]))
    assert abs((y1 - y0) - fax.shape[0]) < 0.03 * fax.shape[0] + 20
    assert abs((x1 - x0) - fax.shape[1]) < 0.03 * fax.shape[1] + 20


@pytest.mark.parametrize("wear", [Wear(), Wear(skew=0.5, blur=0.6, noise=5, jpeg=60), Wear(blur=0.5, bilevel=True)])
def test_a_table_without_rules_has_rows_and_columns(wear: Wear) -> None:
    """Labels over one or two lines stand beside their numbers, blanks are cells, and each number is in its own one."""
    drawn = _drawn("none")
    page, moved = worn(drawn.image, wear, 9)
    layout = _read(page)
    assert len(layout.grids) == 1
    rows: dict[int, dict[int, set[str]]] = {}
    for cell, lines in zip(layout.grids[0].cells, layout.cell_lines[0], strict=True):
        texts = {_text_at(layout, drawn, moved, box) for box in lines}
        rows.setdefault(cell.row, {}).setdefault(cell.column, set()).update(texts)
    first = layout.grids[0].columns - 7
    body = [row for row in rows.values() if len(row) >= 8][-len(_LABELS) :]
    for r, (row, label) in enumerate(zip(body, _LABELS, strict=True)):
        texts = [("0", "12", "—", "", "307", "1", "8")[(r + c) % 7] for c in range(7)]
        assert [row[first + c] for c in range(7)] == [{text} - {""} for text in texts]
        assert set().union(*(texts for column, texts in row.items() if column < first)) == {label}


@pytest.mark.parametrize("seed", [1, 2])
def test_a_table_without_rules_below_another_one(seed: int) -> None:
    """Its numbers stand in other columns than those above it, which come close."""
    drawn = _drawn("none")
    clean = np.full((drawn.image.shape[0] + 460, *drawn.image.shape[1:]), 255, np.uint8)
    clean[460:] = drawn.image
    font = chinese_fonts()[0]
    sheet = Sheet(Style(font, font, rules="none", size=9.0), 200)
    cells = [
        GridCell(r, c, text, is_value=c == 2)
        for r in range(8)
        for c, text in enumerate((("规章", "行政许可", "行政处罚", "行政强制")[r % 4], "本年处理决定的数量（件）", str(r * r)))
    ]
    sheet.table(Grid("part", 8, 3, tuple(cells)), (60, 20), [140.0, 250.0, 140.0], 0, 8)
    clean[:520] = np.minimum(clean[:520], sheet.finish().image[:520])
    page, _ = worn(clean, Wear(skew=0.4, blur=0.5, noise=4, jpeg=70), seed)
    layout = _read(page)
    assert layout.grids[-1].columns >= 8
    assert [
        sum(1 for cell, lines in zip(layout.grids[-1].cells, layout.cell_lines[-1], strict=True) if cell.row == row and lines)
        for row in range(layout.grids[-1].rows - 5, layout.grids[-1].rows)
    ] == [7, 7, 7, 7, 7]


def test_strokes_of_labels_do_not_turn_a_page_without_rules() -> None:
    """Many lines close to each other, whose strokes lie in lines that lean this way and that."""
    font = chinese_fonts()[0]
    sheet = Sheet(Style(font, font, rules="none", size=10.5), 200)
    words = ("本年新收政府信息公开申请", "上年结转政府信息公开申请", "其他法律行政法规禁止公开", "保护第三方合法权益信息")
    for row in range(36):
        text = words[row % 4][row // 4 % 3 :]
        sheet.write(70 + 9 * (row % 5), 60 + row * 12.2, text, 10.5)
        sheet.write(330 + 70 * (row % 3), 60 + row * 12.2, "018"[row % 3], 10.5)
    page, _ = worn(sheet.finish().image, Wear(blur=0.6, noise=4, jpeg=60), 3)
    picture = prepared(page).picture
    assert straightening(find_rules(picture.grey)) is not None
    moved = _layout(picture).picture.to_source @ np.linalg.inv(picture.to_source)
    assert np.allclose(moved, np.eye(3))


def _text_at(layout: Layout, drawn: Drawn, moved: NDArray[np.float64], box: tuple[int, int, int, int]) -> str:
    """What the cell of the clean page says in which the middle of a line lies."""
    x0, y0, x1, y1 = layout.picture.source_box(box)
    x, y = cv2.perspectiveTransform(np.array([[[(x0 + x1) / 2, (y0 + y1) / 2]]]), np.linalg.inv(moved))[0, 0]
    return next(cell.text for cell in drawn.cells if cell.box[0] <= x < cell.box[2] and cell.box[1] <= y < cell.box[3])


def test_characters_that_fill_their_rows_make_no_column() -> None:
    """The same character with an upright stroke in a whole column of low rows, brackets in a label."""
    font = chinese_fonts()[0]
    sheet = Sheet(Style(font, font, rules="tight", size=9.0, padding=1.0), 200)
    cells = [
        GridCell(r, c, text, is_value=c == 2)
        for r in range(14)
        for c, text in enumerate((f"（{'一二三'[r % 3]}）申请答复数", "件", str(r)))
    ]
    sheet.table(Grid("part", 14, 3, tuple(cells)), (60, 60), [230.0, 110.0, 120.0], 0, 14)
    for seed, blur in enumerate((0.3, 0.8, 1.1)):
        page, _ = worn(sheet.finish().image, Wear(blur=blur, noise=4, jpeg=60), seed)
        assert [(grid.rows, grid.columns, len(grid.cells)) for grid in _read(page).grids] == [(14, 3, 42)]


def test_brackets_that_fill_low_rows_are_no_rules() -> None:
    """Rows as low as their characters: a bracket reaches from one rule to the next, as an upright rule does."""
    marks = np.zeros((320, 700), np.uint8)
    lines, places = [21, 131, 241, 461, 678], [21, 41, 101, 121, 181, 201, 261]
    for y in places:
        marks[y - 1 : y + 2, 20:680] = 255
    for x in (21, 678):
        marks[20:263, x - 1 : x + 2] = 255
    drawn = np.array([[True] * 6, [True, False] * 3, [False, True] * 3, [False, True] * 3, [True] * 6])
    for top, bottom in ((21, 41), (101, 121), (181, 201)):
        marks[top:bottom, 130:133] = 255  # a bracket in a low row, with the characters beside it
        marks[top + 4 : bottom - 4, 112:122] = marks[top + 4 : bottom - 4, 141:151] = 255
    for top, bottom in ((41, 101), (121, 181), (201, 261)):
        marks[top:bottom, 240:243] = marks[top:bottom, 460:463] = 255
    rules = find_rules(cv2.bitwise_not(marks).astype(np.uint8))
    grey, turned, down = (np.ascontiguousarray(mask.T) for mask in (rules.grey, marks, rules.down))
    way = Way(grey, turned, down, turned, 4, rules.thickness, 5 * rules.thickness)
    stroke = _in_characters(way, drawn, judged(way, lines, places), lines, places)
    assert (stroke & drawn).tolist() == [row.tolist() if at == 1 else [False] * 6 for at, row in enumerate(drawn)]


def test_a_rule_between_characters_that_touch_it_is_told_by_its_ink() -> None:
    """Labels that fill their cells from rule to rule: strokes of a row of characters are thinner than the rule is black."""
    marks = np.zeros((300, 700), np.uint8)
    lines, places = [21, 121, 221], [21, 241, 461, 678]
    for y in lines:
        marks[y - 1 : y + 2, 20:680] = 255
    for x in places:
        marks[20:223, x - 1 : x + 2] = 255
    for x in range(252, 400, 20):  # characters above and below the second rule, whose level strokes are near it
        marks[104:107, x : x + 17] = marks[116:118, x : x + 17] = marks[124:126, x : x + 17] = marks[136:139, x : x + 17] = 255
        marks[96:147, x + 8 : x + 12] = 255
    rules = find_rules(cv2.bitwise_not(marks).astype(np.uint8))
    way = Way(rules.grey, marks, rules.across, np.zeros_like(marks), 4, rules.thickness, np.inf)
    assert judged(way, lines, places)[1, 1, 2] == 1.0


def test_a_last_row_without_a_rule_below_it() -> None:
    """A page break leaves out the rule below a row that goes on."""
    drawn = _drawn()
    image = drawn.image.copy()
    bottom = round(max(cell.box[3] for cell in drawn.cells))
    left, right = (round(edge(cell.box[i] for cell in drawn.cells)) for edge, i in ((min, 0), (max, 2)))
    beside = image[bottom - 6, left - 4 : right + 4]
    image[bottom - 3 : bottom + 4, left - 4 : right + 4] = beside
    page, _ = worn(image, Wear(skew=0.3, blur=0.4, noise=3), 5)
    assert _spans(_read(page)) == [WHOLE]


@pytest.mark.parametrize(("length", "place"), [(400, 13), (500, 17)])
def test_a_heading_close_to_a_rule_does_not_move_it_as_the_other_one_of_a_double_rule_does(length: int, place: int) -> None:
    """What is left of a rule that lies beside its place is a line of the cells above it."""
    mask = np.zeros((40, 600), np.uint8)
    mask[10:17, 50:550] = 255
    mask[20:25, 50 : 50 + length] = 255
    assert _positions(mask, 1, 60, 14) == [place]


def test_a_rule_that_characters_touch_from_both_sides_is_no_stroke_of_them() -> None:
    """As on a fax, whose characters are drawn out: a rule has ink all the way, the line between characters has not."""
    marks = np.zeros((240, 700), np.uint8)
    lines, places = [21, 81, 141, 201], [21, 241, 461, 678]
    for y in lines:
        marks[y - 1 : y + 2, 20:680] = 255
    for x in places:
        marks[20:203, x - 1 : x + 2] = 255
    for x in range(250, 440, 16):  # one row of characters above the third rule, one below it
        marks[126:158, x : x + 4] = marks[126:129, x : x + 14] = marks[154:157, x : x + 14] = 255
    rules = find_rules(cv2.bitwise_not(marks).astype(np.uint8))
    way = Way(rules.grey, marks, rules.across, rules.horizontal, 4, rules.thickness, np.inf)
    drawn = np.ones((4, 3), bool)
    assert not _in_characters(way, drawn, judged(way, lines, places), lines, places).any()


def test_the_evidence_for_an_edge_does_not_depend_on_the_others_of_its_line() -> None:
    rules = find_rules(prepared(_drawn("grey").image).picture.grey)
    way = Way(rules.grey, rules.marks, rules.across, rules.horizontal, 4, rules.thickness, np.inf)
    lines, places = [2, 196, 260, 400, 692, 1166], [167, 180, 475, 476, 610, 750, 1444]
    together = judged(way, lines, places)
    assert together.any(axis=(0, 1)).all()
    for edge in range(6):
        assert np.array_equal(together[:, [edge]], judged(way, lines, places[edge : edge + 2]))


@pytest.mark.parametrize("wear", [Wear(), Wear(skew=0.5, blur=0.5, noise=4)])
def test_a_fax_of_hardly_anything_but_digits_is_made_square(wear: Wear) -> None:
    """Digits drawn twice as wide are as wide as Chinese characters; a page on its side has wide digits, too."""
    font = chinese_fonts()[0]
    sheet = Sheet(Style(font, font, size=9.0), 200)
    cells = [GridCell(r, c, "信访举报投诉类申请" if c == 0 else "0", is_value=c > 0) for r in range(14) for c in range(13)]
    sheet.table(Grid("part", 14, 13, tuple(cells)), (40, 60), [112.0, *[33.0] * 12], 0, 14)
    page, _ = worn(sheet.finish().image, wear, 10)
    assert stretch(prepared(page).picture.grey) == 1
    assert stretch(np.ascontiguousarray(prepared(page).picture.grey.T)) == 1
    fax = cv2.resize(page, (page.shape[1], page.shape[0] // 2), interpolation=cv2.INTER_AREA)
    assert abs(prepared(np.asarray(fax, np.uint8)).picture.grey.shape[0] - page.shape[0]) <= 2


def test_specks_at_rules_break_none() -> None:
    drawn = _drawn()
    image = drawn.image.copy()
    for number, cell in enumerate(drawn.cells):
        x0, y0, x1, _ = (round(v) for v in cell.box)
        cv2.circle(image, (x0 + (x1 - x0) * (1 + number % 3) // 4, y0 - 4), 4, (30, 30, 30), -1)
    page, _ = worn(image, Wear(skew=0.3, blur=0.5, noise=4), 5)
    assert _spans(_read(page)) == [WHOLE]


@pytest.mark.parametrize("seed", [4, 5])
def test_digits_below_each_other_are_no_rule(seed: int) -> None:
    """In low rows a column of digits is ink nearly all the way; where no digit stands, as between rows, a rule goes on."""
    font = chinese_fonts()[0]
    sheet = Sheet(Style(font, font, rules="tight", size=10.5), 200)
    cells = [
        GridCell(r, c, ("其中：主动公开政府信息数", "条", "08"[r % 2])[c], is_value=c == 2) for r in range(34) for c in range(3)
    ]
    sheet.table(Grid("list", 30, 3, tuple(cells)), (60, 60), [190.0, 140.0, 140.0], 0, 30)
    drawn = sheet.finish()
    image = drawn.image.copy()
    image[_rules(drawn)] = 120
    page, _ = worn(image, replace(LEVELS["3"], skew=1.0), seed)
    assert [(grid.rows, grid.columns) for grid in _read(page).grids] == [(30, 3)]


@pytest.mark.parametrize("seed", [1, 2])
def test_noise_and_the_rest_of_a_seal_are_no_rules(seed: int) -> None:
    """Where long rules are lines without gaps, what is seen along a row or two, and faintly, is none."""
    font = chinese_fonts()[0]
    sheet = Sheet(Style(font, font, padding=3, size=8.0), 200)
    labels = ("其中：主动公开规范性文件数", "2.政府网站公开政府信息数", "一、主动公开情况")
    cells = [
        GridCell(r, c, (labels[r % 3], "件次条"[r % 3], "0834"[r % 4])[c], is_value=c == 2) for r in range(40) for c in range(3)
    ]
    sheet.table(Grid("list", 40, 3, tuple(cells)), (60, 60), [160.0] * 3, 0, 40)
    drawn = sheet.finish()
    image = drawn.image.copy()
    image[_rules(drawn)] = 110
    page, _ = worn(image, replace(LEVELS["3"], skew=1.0, seal=True), seed)
    assert [(grid.rows, grid.columns) for grid in _read(page).grids] == [(40, 3)]
