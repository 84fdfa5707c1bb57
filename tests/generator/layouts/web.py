"""The report as a web page: tables with rowspan and colspan, nested markup, and what a site puts around its text."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from random import Random

from tests.generator.paper import Grid, GridCell, Heading, Paper, Text

_STYLE = "font-family:仿宋_GB2312;font-size:{size}.0pt;mso-hansi-font-family:{font};color:black"


def _span(cell: GridCell) -> str:
    rows = f' rowspan="{cell.row_span}"' if cell.row_span > 1 else ""
    return rows + (f' colspan="{cell.column_span}"' if cell.column_span > 1 else "")


def _plain(text: str, rng: Random) -> str:
    return escape(text) or "&nbsp;"


def _broken(text: str, rng: Random) -> str:
    """A label whose words the page breaks with <br>, as the notice's own table does."""
    if len(text) in (4, 6) and text.endswith(("企业", "机构", "组织", "维持", "纠正", "结果", "审结")):
        return escape(text[:2]) + "<br/>" + escape(text[2:])
    return _plain(text, rng)


def _word(text: str, rng: Random) -> str:
    """What Word and WPS export: a paragraph in each cell, the text cut into spans at arbitrary places."""
    spans, rest = [], text
    while rest:
        size = rng.randint(1, max(1, len(rest)))
        lang = ' lang="EN-US"' if rest[:size].isascii() else ""
        style = _STYLE.format(size=rng.choice((10, 12, 16)), font="宋体")
        spans.append(f'<span{lang} style="{style}">{escape(rest[:size])}</span>')
        rest = rest[size:]
    inner = "".join(spans) or '<span lang="EN-US"><o:p>&nbsp;</o:p></span>'
    return f'<p class="MsoNormal" align="center" style="text-align:center;line-height:150%">{inner}</p>'


_HEADER_ROWS = {"requests": 3, "review": 3, "statistics": 1}


Fill = Callable[[GridCell], str | None]  # the markup of a cell; None: as always


def _no_fill(cell: GridCell) -> str | None:
    return None


def _table(grid: Grid, rng: Random, fill: Callable[[str, Random], str], sections: bool, own: Fill) -> str:
    head = _HEADER_ROWS.get(grid.name, 0) if sections else 0
    rows = []
    for index in range(grid.rows):
        tag = "th" if index < head else "td"
        cells = "".join(f"<{tag}{_span(cell)}>{own(cell) or fill(cell.text, rng)}</{tag}>" for cell in grid.row(index))
        rows.append(f"<tr>{cells}</tr>")
    if head:
        return f'<table border="1"><thead>{"".join(rows[:head])}</thead><tbody>{"".join(rows[head:])}</tbody></table>'
    return f'<table border="1" cellspacing="0" cellpadding="0">{"".join(rows)}</table>'


def page_body(paper: Paper, rng: Random, style: str, own: Fill = _no_fill) -> str:
    """Return the article alone, in the markup "plain", "nested" or "word"; ``own`` writes the cells of its tables."""
    fill = {"word": _word, "plain": _plain, "nested": _broken}[style]
    pieces: list[str] = []
    for part in paper.parts:
        if isinstance(part, Grid):
            table = _table(part, rng, fill, sections=style == "nested" and rng.random() < 0.5, own=own)
            pieces.append(f"<div><div align='center'>{table}</div></div>" if style != "plain" else table)
        elif style == "word":
            pieces.append(_word(part.text, rng))
        elif isinstance(part, Heading):
            pieces.append(f"<p><strong>{escape(part.text)}</strong></p>")
        elif isinstance(part, Text) and part.role == "title":
            pieces.append(f"<h1>{escape(part.text)}</h1>")
        else:
            pieces.append(f"<p>&emsp;&emsp;{escape(part.text)}</p>" if rng.random() < 0.5 else f"<p>{escape(part.text)}</p>")
    return "\n".join(pieces)


def _title(paper: Paper) -> str:
    texts = [p.text for p in paper.parts if isinstance(p, Text) and p.role == "title"]
    return escape(texts[0]) if texts else "政府信息公开"


def render_page(paper: Paper, layout: str, rng: Random, charset: str) -> str:
    """The page, declaring ``charset``. Layouts: "html" (nested divs), "html_plain" (a bare page), "html_word" (exported from a
    word processor), "html_layout" (the article inside a layout table, with navigation in other cells)."""
    style = {"html": "nested", "html_plain": "plain", "html_word": "word", "html_layout": "nested"}[layout]
    body = page_body(paper, rng, style)
    before = "".join(f"<li><a href='#'>{escape(line)}</a></li>" for line in paper.before)
    after = "".join(f"<p>{escape(line)}</p>" for line in paper.after)
    script = "<script>var hits = 2023; if (hits < 10) { document.write('<td>9</td>'); }</script>"
    head = f'<head><meta charset="{charset}"/><title>{_title(paper)}</title><style>td {{width: 50%}}</style></head>'
    if layout == "html_word":
        head = (
            f'<head><meta http-equiv="Content-Type" content="text/html; charset={charset}"/>'
            "<meta name='Generator' content='Word processor'/>"
            "<style><!-- /* 样式 */ p.MsoNormal {margin:0cm;} --></style><!--[if gte mso 9]><xml></xml><![endif]--></head>"
        )
        body = f'<div class="WordSection1">{body}</div>{after}'
        return f'<html xmlns:o="urn:schemas-microsoft-com:office:office">{head}<body>{body}</body></html>'
    if layout == "html_layout":
        return (
            f"<!DOCTYPE html><html>{head}<body>{script}<table width='980'><tr><td colspan='2'><ul>{before}</ul></td></tr>"
            f"<tr><td width='200'>栏目导航<br/>机构职能<br/>年报</td><td>{body}</td></tr>"
            f"<tr><td colspan='2'>{after}</td></tr></table></body></html>"
        )
    if layout == "html_plain":
        return f"<html>{head}<body>{body}{after}</body></html>"
    body = f"<div class='main'><div class='article'><div id='zoom'>{body}</div></div></div><div class='footer'>{after}</div>"
    return f"<!DOCTYPE html>\n<html lang='zh'>{head}<body>{script}<div class='header'><ul>{before}</ul></div>{body}</body></html>"


PAGES = ("html", "html_plain", "html_word", "html_layout")
