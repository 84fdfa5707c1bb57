"""What a reader of a web page sees is what is read: text hidden by styles, struck, added by styles, or the value of a field."""

from __future__ import annotations

import pytest

from codebook.errors import GongkaiError
from codebook.records import Line, Table
from tasks.extraction.extract import extract
from tasks.extraction.html.style_sheets import is_for_screen
from tasks.extraction.limits import ExtractionLimits
from tests.growth import assert_linear

SURE = 0.99


def cells(html: str) -> list[tuple[str, bool]]:
    """The texts of the cells of a page's table, each with whether it is sure."""
    [table] = [block for block in extract(html.encode(), "text/html").pages[0].blocks if isinstance(block, Table)]
    return [(cell.text, cell.score >= SURE) for cell in table.cells]


def shown(span: str, style: str = "", body: str = "") -> tuple[str, bool]:
    """What is read of a cell that holds 21 and this span, in a page with this sheet."""
    page = f"<html><head><style>{style}</style></head><body {body}><p>行政许可与行政处罚</p>"
    page += f"<table class=t id=n><tr><td>许可</td><td class=c>21{span}</td></tr><tr><td>处罚</td><td>7</td></tr></table></body>"
    found = cells(page)
    assert found[2:] == [("处罚", True), ("7", True)]
    return found[1]


INLINE = [
    "display:none",
    "DISPLAY : none",
    "visibility:hidden",
    "visibility:collapse",
    "opacity:0",
    "opacity:0%",
    "font-size:0",
    "font-size:0pt",
    "font-size:0.0em",
    "font:0/1 a",
    "color:#fff",
    "color:white",
    "color:rgb(255,255,255)",
    "color:hsl(0 0% 100%)",
    "color:#fdfdfd",
    "color:transparent",
    "color:rgba(0,0,0,.01)",
    "-webkit-text-fill-color:#fff",
    "color:red;background:red",
    "background-color:#000",
    "position:absolute;left:-9999px",
    "position:absolute;top:-200em",
    "position:relative;left:-99in",
    "margin-left:-9999px",
    "display:inline-block;text-indent:-9999px",
    "position:absolute;clip:rect(0,0,0,0)",
    "position:absolute;clip:rect(1px 1px 1px 1px)",
    "clip-path:inset(50%)",
    "clip-path:circle(0)",
    "transform:scale(0)",
    "filter:blur(1px) opacity(0)",
    "filter:opacity(0%)",
    "transform:translateX(-9999px)",
    "display:inline-block;height:0;overflow:hidden",
    "display:block;max-height:0;overflow-y:hidden",
    "position:absolute;width:1px;height:1px;overflow:hidden",
    "text-decoration:line-through",
    "text-decoration:red solid line-through",
    "content-visibility:hidden",
    "--x:none;display:var(--x)",
    "display:var(--y, none)",
    "color:black;color:white",
    "color:white!important;color:black",
    "color:oklch(1 0 0)",
    "color:lab(100% 0 0)",
    "font-size:calc(2px - 1px * 2)",
    "font-size:min(1em, 0px)",
    "font-size:clamp(0px, -1em, 0px)",
    "display:block;text-indent:100%;white-space:nowrap;overflow:hidden",
    "all:unset;display:none",
]


@pytest.mark.parametrize("style", INLINE)
def test_what_a_style_hides_is_not_read(style: str) -> None:
    assert shown(f'<span style="{style}">9</span>') == ("21", True)
    assert shown("<span class=h>9</span>", f".h{{{style}}}") == ("21", True)
    assert shown('<b><span class="a h">9<i>8</i></span></b>', f"@media screen{{td .h{{{style}}}}}") == ("21", True)


@pytest.mark.parametrize(
    "style",
    [
        "color:red",
        "color:#ddd",
        "color:white;background:blue",
        "color:white;background:url(a.png)",
        "color:white;background-image:linear-gradient(red,blue)",
        "display:inline",
        "opacity:.9",
        "visibility:visible",
        "font-size:9px",
        "height:0;overflow:hidden",
        "left:-9999px",
        "text-decoration:underline",
        "display:none;display:inline",
        "display:none;display:bogus-value(",
        "color:white;color:initial",
        "clip:rect(0,0,0,0)",
        "transform:none",
        "display:none;all:revert",
        "color:oklch(0.4 0.1 20)",
        "font-size:calc(1rem + 2px)",
        "font-size:clamp(12px, 1vw, 20px)",
        "text-indent:2em;overflow:hidden",
        "-webkit-mask:none",
        "rotate:0deg",
        "letter-spacing:-0.5px",
        "background:color-mix(in srgb, red, blue);color:white",
    ],
)
def test_what_a_style_leaves_is_read(style: str) -> None:
    if style == "display:none;display:bogus-value(":
        assert shown(f'<span style="{style}">9</span>') == ("21", True)  # the second is none, and the first holds
        return
    assert shown(f'<span style="{style}">9</span>') == ("219", True)
    assert shown("<span class=h>9</span>", f".h{{{style}}}") == ("219", True)


@pytest.mark.parametrize(
    "markup",
    [
        "<del>9</del>",
        "<s>9</s>",
        "<strike>9</strike>",
        "<del><b>9</b></del>",
        "<span hidden>9</span>",
        "<span hidden=until-found>9</span>",
        "<template>9</template>",
        "<noscript>9</noscript>",
        "<!--9-->",
        "<input type=hidden value=9>",
        "<dialog>9</dialog>",
        "<details><summary></summary>9</details>",
        "<details>9<b>8</b></details>",
        "<button>关闭</button>",
        "<noframes>9</noframes>",
        "<noembed>9</noembed>",
        "<input type=submit value=保存>",
        "<font color=#FFFFFF>9</font>",
        "<font color=FFFFFF>9</font>",
        "<span style='visibility:hidden'>9<b style='color:red'>8</b></span>",
    ],
)
def test_markup_that_hides_or_strikes(markup: str) -> None:
    assert shown(markup) == ("21", True)


def test_what_replaces_a_struck_number_stays() -> None:
    page = "<table><tr><td>许可</td><td><del>21</del><ins>12</ins></td></tr><tr><td>处罚</td><td>7</td></tr></table>"
    assert cells(page)[1] == ("12", True)


@pytest.mark.parametrize(
    ("style", "text"),
    [
        (".h{display:none} .h{display:inline}", "219"),
        (".h{display:inline} .h{display:none}", "21"),
        ("span{display:inline} .h{display:none}", "21"),
        (".h{display:none} span{display:inline}", "21"),
        (".h{display:none!important} #x{display:inline}", "21"),
        (".h{display:none} #x{display:inline}", "219"),
        ("td.c > span{display:none}", "21"),
        ("tr > span{display:none}", "219"),
        ("table td span:first-child{display:none}", "21"),
        ("td:nth-child(2) span{display:none}", "21"),
        ("td:nth-child(1) span{display:none}", "219"),
        ("[data-k=v]{display:none}", "21"),
        ("[class^=h]{display:none}", "21"),
        (".t :not(b) .h{display:none}", "21"),
        ("span:hover{display:none}", "219"),
        ("@media print{.h{display:none}}", "219"),
        ("@media screen and (min-width:600px){.h{display:none}}", "21"),
        ("@media (max-width:600px){.h{display:none}}", "219"),
        ("@media print{.h{display:inline}} .h{display:none}", "21"),
        ("@media not print{.h{display:none}}", "21"),
        ("@supports (display:grid){.h{display:none}}", "21"),
        ("@supports not (display:grid){.c{display:none}}", "219"),
        ("@layer a{.h{display:none}}", "21"),
        ("<!-- .h{display:none} -->", "21"),
        ("/* .h{} */.h{display:none;}", "21"),
        ("!!! .h{display:none} .h{display:none}", "21"),
        (".h{display:none", "21"),
        (":root{--v:none} .h{display:var(--v)}", "21"),
        (".c{color:#fff} .h{color:red}", "9"),
        (".t{background:#123456} .h{color:#123456}", "21"),
        ("body{visibility:visible} .c{visibility:hidden} .h{visibility:visible}", "9"),
    ],
)
def test_the_cascade_of_a_page(style: str, text: str) -> None:
    found, is_sure = shown("<span class=h id=x data-k=v>9</span>", style)
    assert (found, is_sure) == (text, True)


@pytest.mark.parametrize("media", ["print", "speech", "screen and (max-width: 400px)"])
def test_a_sheet_for_something_else_does_not_count(media: str) -> None:
    page = f"<style media='{media}'>.h{{display:none}}</style><table><tr><td>许可<td>21<b class=h>9</b><tr><td>处罚<td>7</table>"
    assert cells(page)[1] == ("219", True)


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ("", True),
        ("all", True),
        ("screen", True),
        ("print", False),
        ("print, screen", True),
        ("only screen and (min-width: 1000px)", True),
        ("(min-width: 2000px)", False),
        ("(max-width: 90em)", True),
        ("not screen", False),
        ("not print and (max-width: 100px)", True),
        ("(prefers-color-scheme: dark)", False),
    ],
)
def test_media_queries(query: str, holds: bool) -> None:
    import tinycss2  # noqa: PLC0415

    assert is_for_screen(tinycss2.parse_component_value_list(query)) is holds


def test_text_that_styles_add_is_read() -> None:
    assert shown("<span class=h></span>", ".h::before{content:'9'}") == ("219", True)
    assert shown("<span class=h></span>", ".h:after{content:attr(data-x) '8'}") == ("218", True)
    assert shown("<span class=h data-x=4></span>", ".h:after{content:attr(data-x) '8'}") == ("2148", True)
    assert shown("<span class=h>9</span>", ".h::before{content:'8';display:none} .h::after{content:none}") == ("219", True)
    assert shown("<span class=h>9</span>", ".h::before{content:'8';color:white}") == ("219", True)
    assert shown("<span class=h>9</span>", ".h{display:none} .h::before{content:'8'}") == ("21", True)


def test_text_that_styles_add_and_that_is_not_known_is_a_doubt() -> None:
    assert shown("<span class=h></span>", ".h::before{content:counter(n)}") == ("21", False)
    page = "<style>.h::before{content:counter(n)}</style><table><tr><td>许可<td class=h><tr><td>处罚<td>7</table>"
    assert cells(page)[1] == ("", False)


@pytest.mark.parametrize(
    "style",
    [
        ".h::first-letter{font-size:0}",
        ".h::first-letter{color:transparent}",
        ".h::first-line{color:#fff}",
        ".h{position:relative} .h::after{content:'';position:absolute;left:0;right:0;top:50%;border-top:1px solid}",
    ],
)
def test_what_styles_do_to_a_part_of_a_number_is_a_doubt(style: str) -> None:
    assert shown("<span class=h>9</span>", style) == ("219", False)


def test_what_styles_do_to_the_first_letter_of_a_number_that_stays_is_passed_over() -> None:
    assert shown("<span class=h>9</span>", ".h::first-letter{font-size:120%;color:red}") == ("219", True)


def test_styles_in_addresses_count() -> None:
    sheet = "data:text/css,.h%7Bdisplay:none%7D"
    assert shown("<span class=h>9</span>", f"@import url('{sheet}');") == ("21", True)
    page = f"<link rel=stylesheet href='{sheet}'><table><tr><td>许可<td>21<b class=h>9</b><tr><td>处罚<td>7</table>"
    assert cells(page)[1] == ("21", True)


def test_a_property_of_the_page_is_known_to_the_style_of_an_element() -> None:
    assert shown("<span style='display:var(--x)'>9</span>", ":root{--x:none}") == ("21", True)


@pytest.mark.parametrize("name", ["font-variant-position:super", "font-variant:super"])
def test_a_raised_variant_of_a_font_is_a_note(name: str) -> None:
    assert shown(f"<span style='{name}'>1</span>") == ("21¹", True)


def test_white_text_of_a_page_whose_sheets_did_not_come_in_is_a_doubt() -> None:
    page = "<link rel=stylesheet href=a.css><table><tr><td>许可<td>21<b style='color:#fff'>9</b><tr><td>处罚<td>7</table>"
    assert cells(page) == [("许可", True), ("219", False), ("处罚", True), ("7", True)]
    assert shown("<span style='font-size:1px'>9</span>") == ("219", False)


@pytest.mark.parametrize(
    "markup",
    [
        "<bdo dir=rtl>9</bdo>",
        "<b style='unicode-bidi:bidi-override;direction:rtl'>9</b>",
        "9<script>document.write('8')</script>",
        "<span style='position:absolute;left:0;background:#fff'>9</span>",
        "<b style='position:absolute'><i>9</i></b>",
        "<b style='float:left'>9</b>",
        "<b style='order:-1'>9</b>",
        "<b style='position:relative;left:-2em'>9</b>",
        "<b style='margin-left:-1.2em;background:#fff'>9</b>",
        "<b style='margin:0 0 0 -20px'>9</b>",
        "<b style='display:inline-block;transform:translateX(-20px)'>9</b>",
        "<b style='translate:-20px'>9</b>",
        "<b style='font-size:50%'>9</b>",
        "<b style='zoom:.1'>9</b>",
        "<b style='display:inline-block;transform:rotate(180deg)'>9</b>",
        "<b style='display:inline-block;transform:scaleX(-1)'><i>9</i></b>",
        "<b style='display:inline-block;transform:matrix(-1, 0, 0, 1, 0, 0)'>9</b>",
        "<b style='display:inline-block;rotate:.5turn'>9</b>",
        "<b style='display:inline-block;scale:-1 1'>9</b>",
        "<b style='-webkit-mask:linear-gradient(transparent,transparent)'>9</b>",
        "<b style='mask-image:url(a.svg)'>9</b>",
        "<b style='-webkit-text-security:disc'>9</b>",
        "<b style='letter-spacing:-.6em'>9</b>",
        "<b style='font-family:Wingdings'>9</b>",
        "<font face='Webdings, SimSun'>9</font>",
        "<b style='color:color-mix(in srgb, white, white)'>9</b>",
        "<b style='background:linear-gradient(transparent 45%,red 45%,red 55%,transparent 55%)'>9</b>",
        "<b style='display:inline-block;width:4px;overflow:hidden'>9</b>",
        "<b style='display:inline-block;width:.3em;overflow:hidden'>9</b>",
        "9<span><template shadowrootmode=open>8</template></span>",
        "<b id=late>9</b><script>document.getElementById('late').textContent = '8'</script>",
        "<b id=late>9</b><script>$('#late').text(8)</script>",
    ],
)
def test_what_a_page_shows_otherwise_than_it_is_written_is_a_doubt(markup: str) -> None:
    assert shown(markup) == ("219", False)


@pytest.mark.parametrize(
    "markup",
    [
        "<i style='float:right'>1</i><i style='float:right'>2</i>",
        "<div style='display:flex;flex-direction:row-reverse'><i>1</i><i>2</i></div>",
        "<div style='display:flex;flex-flow:row-reverse wrap'><i>1</i><i>2</i></div>",
        "<div style='display:flex'><i style='order:2'>1</i><i style='order:1'>2</i></div>",
        "<b style='position:absolute;left:1em'>1</b><b style='position:absolute;left:0'>2</b>",
        "<div dir=rtl><i style='display:inline-block'>1</i><i style='display:inline-block'>2</i></div>",
    ],
)
def test_digits_that_are_put_in_another_order_are_a_doubt(markup: str) -> None:
    page = f"<div style='float:left'><table><tr><td>许可<td>{markup}<tr><td>处罚<td><i>7</i><b>0</b></table></div>"
    found = cells(page)
    assert not found[1][1]
    assert found[3] == ("70", True)


def test_digits_in_a_font_of_the_page_are_a_doubt_where_no_words_are_in_it() -> None:
    face = "@font-face{font-family:'Own One';src:url(a.woff2)} .n{font-family:\"own one\",serif} .w{font:bold 12px/1.5 Own One}"
    rows = "<tr><td class={0}>许可<td class=n>21<tr><td>处罚<td><b style='font-family:SimSun'>7</b></table>"
    assert cells(f"<style>{face}</style><table>" + rows.format("x")) == [
        ("许可", True),
        ("21", False),
        ("处罚", True),
        ("7", True),
    ]
    assert all(sure for _, sure in cells(f"<style>{face}</style><table>" + rows.format("w")))
    assert all(sure for _, sure in cells("<style>.n{font-family:own one}</style><table>" + rows.format("x")))


@pytest.mark.parametrize(
    "markup",
    [
        "<i style='background:url(n.png) -9px 0'></i>",
        "<i class=s></i>",
        "<input placeholder=21>",
        "<img src=n.png>",
        "<svg><text>2</text></svg>",
        "<input type=password value=21>",
        "<ol><li value=21></li></ol>",
        "<div><template shadowrootmode=open>21</template></div>",
        "<b id=late></b><script>document.querySelector('#late').innerText = 21</script>",
    ],
)
def test_a_cell_without_text_that_draws_something_is_a_doubt(markup: str) -> None:
    page = (
        f"<style>.s{{background-image:url(n.png)}}</style><table><tr><td>许可<td>{markup}<tr><td>处罚<td>7<i class=s></i></table>"
    )
    assert cells(page)[1:] == [("", False), ("处罚", True), ("7", True)]


def test_a_link_to_a_note_behind_a_number_is_its_mark() -> None:
    assert shown("<a href='#n1'>1</a>") == ("21¹", True)
    assert shown("<a href='#n1'>1</a>2") == ("21¹2", True)
    assert shown("<a href='a.htm#n1'>1</a>") == ("211", True)
    assert shown("<small style='position:relative;top:-.5em'>1</small>") == ("21¹", True)
    page = "<table><tr><td>许可<td><a href='#list'>21</a><tr><td>处罚<td>7</table>"
    assert cells(page)[1] == ("21", True)


def test_rows_and_cells_that_are_hidden() -> None:
    page = (
        "<style>tr.x{display:none} td:nth-child(3){display:none}</style><p>一段正文在这里。</p><table><tr><td>许可<td>1<td>8</tr>"
        "<tr class=x><td>假<td>9<td>8</tr><tr><td>处罚<td>7<td>8</tr></table>"
    )
    assert [text for text, _ in cells(page)] == ["许可", "1", "处罚", "7"]


ALIKE = "<table><tr><td>许可<td>1<td>8</tr><tr><td>处罚<td>2<td>9</tr><tr><td>强制<td>3<td></tr></table>"


@pytest.mark.parametrize(
    ("style", "texts"),
    [
        ("td{color:red}", "许可 1 8 处罚 2 9 强制 3 "),
        ("tr + tr td{display:none}", "许可 1 8"),
        ("tr ~ tr ~ tr td{display:none}", "许可 1 8 处罚 2 9"),
        ("td + td + td{display:none}", "许可 1 处罚 2 强制 3"),
        ("tr:nth-child(2){display:none}", "许可 1 8 强制 3 "),
        ("tr:not(:first-child){display:none}", "许可 1 8"),
        ("tr:is(:last-child){display:none}", "许可 1 8 处罚 2 9"),
        ("tr:has(td:empty){display:none}", "许可 1 8 处罚 2 9"),
        ("table{tr + &{color:red} tr{& + tr{display:none}}}", "许可 1 8"),
        ("tr:hover td, tr:not(.a) td:is(td){color:red}", "许可 1 8 处罚 2 9 强制 3 "),
    ],
)
def test_elements_that_are_alike_may_be_hidden_by_what_is_beside_or_in_them(style: str, texts: str) -> None:
    assert [text for text, _ in cells(f"<style>{style}</style><p>一段正文在这里。</p>{ALIKE}")] == texts.split(" ")


def test_elements_that_are_alike_may_differ_in_what_is_around_them() -> None:
    page = "<style>.h .n{display:none} .c::after{content:'4'}</style><p>一段正文在这里。</p><table>"
    page += "<tr><td>许可<td class=c>1<b class=n>9</b></tr><tr class=h><td>处罚<td class=c>2<b class=n>9</b></tr>"
    page += "<tr><td>强制<td style='display:none'>3<b class=n>9</b></tr></table>"
    assert [text for text, _ in cells(page)] == ["许可", "194", "处罚", "24", "强制"]


def test_summaries_that_are_alike_take_the_looks_of_their_own_cells() -> None:
    folded = "<details><summary>{}</summary>8</details>"
    page = "<table><tr><td>许可<td>" + folded.format(1) + "</tr><tr style='visibility:hidden'><td>处罚<td>" + folded.format(2)
    page += "</tr><tr><td>强制<td>" + folded.format(3) + "</tr></table>"
    before = cells(page)
    assert [text for text, _ in before][:2] == ["许可", "1"]
    assert [text for text, _ in before][-2:] == ["强制", "3"]


def test_white_on_dark_is_seen() -> None:
    page = "<table><tr bgcolor=#003366><th style='color:#fff'>项目<td style='color:white'>5</tr><tr><td>处罚<td>7</tr></table>"
    assert [text for text, _ in cells(page)] == ["项目", "5", "处罚", "7"]
    page = "<body bgcolor=black text=white><table><tr><td>许可<td>5<font color=black>9</font></tr><tr><td>处罚<td>7</tr></table>"
    assert [text for text, _ in cells(page)] == ["许可", "5", "处罚", "7"]


def test_a_page_that_a_script_shows_is_read() -> None:
    table = "<table><tr><td>许可<td>21</tr><tr><td>处罚<td>7</tr></table>"
    for style in ("display:none", "opacity:0", "visibility:hidden", "color:#fff", "position:absolute;left:-9999px"):
        assert [text for text, _ in cells(f"<style>.tab{{{style}}}</style><div class=tab><p>正文</p>{table}</div>")] == [
            "许可",
            "21",
            "处罚",
            "7",
        ]


def test_what_is_folded_in_a_page_is_read_and_a_summary_is_seen() -> None:
    assert shown("<details><summary>9</summary>8</details>")[0] == "21\n9"
    assert shown("<details open><summary></summary>9</details>")[0] == "21\n9"
    table = "<table><tr><td>许可</td><td>7</td></tr><tr><td>处罚</td><td>8</td></tr></table>"
    page = f"<details><summary>年报</summary>{table}</details>"
    assert [text for text, _ in cells(page)] == ["许可", "7", "处罚", "8"]


def test_a_number_placed_by_itself_alone_in_its_cell_is_sure() -> None:
    alone = "<b style='position:absolute;top:2px'>21</b>"
    page = f"<table><tr><td>许可</td><td>{alone}</td></tr><tr><td>处罚</td><td>7</td></tr></table>"
    assert cells(page)[1] == ("21", True)


@pytest.mark.parametrize(
    "row",
    [
        "<tr style='display:flex;flex-direction:row-reverse'><td>2<td>1",
        "<tr dir=rtl><td>2<td>1",
        "<tr style='direction:rtl'><td>2<td>1",
        "<tr style='display:flex'><td style='order:2'>2<td style='order:1'>1",
        "<tr><td style='float:right'>2<td style='float:right'>1",
        "<tr><td style='position:relative;left:60px'>2<td style='position:relative;left:-60px'>1",
        "<tr><td style='transform:translateX(60px)'>2<td style='translate:-5em'>1",
        "<tr><td><b style='position:relative;top:24px'>2</b><td><b style='position:absolute;right:80px'>1</b>",
        "<tr><td><p style='margin-left:-60px'>2</p><td><p style='margin-top:-3em'>1</p>",
    ],
)
def test_numbers_that_are_shown_in_another_cell_are_doubts(row: str) -> None:
    page = f"<table><tr><td>许可<td>处罚</tr>{row}</tr><tr><td>3<td><b style='position:relative;top:-2px'>4</b></tr></table>"
    found = cells(page)
    assert [is_sure for _, is_sure in found] == [True, True, False, False, True, True]


def test_values_of_fields_are_text() -> None:
    page = (
        "<table><tr><td>许可<td><input value=21 readonly><tr><td>处罚<td><textarea> 7\n</textarea><tr><td>强制"
        "<td><select><option value=1>3<option selected>4</select><tr><td>收费<td><select><option>5<option>6</select>"
        "<tr><td>规章<td><input type=number value='0'><tr><td>文件<td><input type=checkbox value=9 checked>2"
        "<tr><td>采购<td><button>8</button></table>"
    )
    assert [text for text, _ in cells(page)][1::2] == ["21", "7", "4", "5", "0", "2", "8"]
    lines = extract("<p>许可 <input value=21> 件</p><select><option>友情链接</select>".encode(), "text/html").pages[0].blocks
    assert [line.text for line in lines if isinstance(line, Line)] == ["许可 21 件"]


def test_raised_by_a_style_sheet_is_a_note() -> None:
    assert shown("<span class=h>1</span>", ".h{vertical-align:super}") == ("21¹", True)
    assert shown("<sup>1</sup>", "sup{vertical-align:baseline}") == ("211", True)


HOSTILE = [
    ("b " + "div " * 12, "<div>" * 150 + "政" + "</div>" * 150),
    ("b ~ * ~ * ~ p", "<p>政</p>" * 3_000),
    ("p:has(~ b)", "<p>政</p>" * 4_000),
    (":nth-last-child(2n+1 of p)", "<p>政</p>" * 4_000),
]


@pytest.mark.parametrize(("selector", "body"), HOSTILE)
def test_selectors_that_take_a_browser_minutes_are_refused(selector: str, body: str) -> None:
    rules = "".join(f"{selector}, .x{n} {selector} {{color:red}}" for n in range(20))
    with pytest.raises(GongkaiError, match=r"file\.bomb"):
        extract(f"<style>{rules}</style>{body}".encode(), "text/html", ExtractionLimits(max_style_steps=2_000_000))


def test_sheets_that_are_longer_than_any_are_refused() -> None:
    with pytest.raises(GongkaiError, match=r"file\.bomb"):
        extract(b"<style>" + b".a{color:red}" * 100 + b"</style><p>x", "text/html", ExtractionLimits(max_style_characters=1_000))


@pytest.mark.parametrize(
    ("sheet", "text"),
    [
        (".a { & b { display: none } }", "21"),
        (".a { color: red; b { display: none } }", "21"),
        (".a { &:hover { color: red } > b.h { display: none } color: black }", "21"),
        (".z, .a { b, i { display: none } }", "21"),
        (".z { b { display: none } }", "219"),
        (".a { @media print { b { display: none } } @media screen { color: red } }", "219"),
        (".a { @media screen { b { display: none } } }", "21"),
        (".a b { display: none } .a { b { display: inline !important } }", "219"),
        ("@layer base, top; @layer top { .h { display: none } } @layer base { .h { display: inline } }", "21"),
        (".h { display: none } @layer top { .h { display: inline } }", "21"),
        ("@layer top { .h { display: none } } .h { display: inline }", "219"),
        ("@layer a { .h { display: none !important } } @layer b { .h { display: inline !important } }", "21"),
        ("@layer a { @layer in { .h { display: inline } } .h { display: none } }", "21"),
        ("@layer a.in { .h { display: none } } @layer a { .h { display: inline } }", "219"),
        ("@layer { .h { display: none } } @layer { .h { display: inline } }", "219"),
        ("@layer a { b.h { display: none } } @layer b { .h { display: inline } }", "219"),
    ],
)
def test_nested_rules_and_layers_count_as_a_browser_counts_them(sheet: str, text: str) -> None:
    assert shown("<span class=a><b class=h>9</b></span>", sheet) == (text, True)


@pytest.mark.parametrize(
    "sheet",
    [
        "@media screen{" * 3_000 + ".h{display:none}",
        "a" + "(" * 50_000 + "{}",
        ":not(" * 3_000 + "a" + ")" * 3_000 + "{display:none}",
        ":root{--a:var(--b);--b:var(--a)} .h{display:var(--a)}",
        "".join(f":root{{--a{n}:var(--a{n + 1}) var(--a{n + 1})}}" for n in range(60)) + ".h{display:var(--a0)}",
        "{}{}{}}}}}]]]>.h{color:;display:}",
        ".h{color:color(xyz 1 2 3);color:lab(1 2 3);opacity:calc(1);font-size:calc(10px);left:min(1px)}",
        ".a{" * 3_000 + ".h{display:none}",
        "@layer " + "a." * 3_000 + "b{.h{display:none}} @layer " + "a." * 3_000 + "c{.h{display:inline}}",
        ".a{&:not(" + ":not(" * 3_000 + "{display:none}}",
        ".h{content:counters(a,'x')} svg|.h{display:none} @namespace x y; x|b{color:red} ::slotted(b){color:red}",
    ],
)
def test_sheets_made_to_break_the_reader(sheet: str) -> None:
    assert shown("<span class=h>9</span>", sheet) == ("219", True)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda n: f"<style>{'.a{color:red} ' * 200 * n}</style><p class=b>政".encode(), id="rules"),
        pytest.param(lambda n: b"<style>.a{display:none}</style>" + b"<p style='color:red'>x</p>" * 400 * n, id="elements"),
        pytest.param(lambda n: "".join(f"<i style='left:{k}px'>政</i>" for k in range(300 * n)).encode(), id="styles"),
        pytest.param(lambda n: b"<style>" + b"@media screen{.a{color:red}}" * 100 * n + b"</style><p>x", id="media"),
    ],
)
def test_styles_take_linear_time(make) -> None:
    assert_linear(lambda data: extract(data, "text/html"), make, 12)
