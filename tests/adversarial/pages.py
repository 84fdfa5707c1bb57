"""Reports as web pages in which text is there that a reader does not see, or a number is written in an odd way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from random import Random

from tests.adversarial import page_rows
from tests.adversarial.page_rows import TABLE_KINDS, Change
from tests.adversarial.printing import other_number
from tests.generator.layouts.web import page_body
from tests.generator.paper import GridCell, Paper

_STYLE = """
:root {--none: none} .old {display: none} .ghost {visibility: hidden} .away {position: absolute; left: -9999px}
td .tiny {font-size: 0} span[data-draft] {display: none !important} .shown {display: inline}
.back {float: right} .rear {display: flex; flex-direction: row-reverse; justify-content: flex-end}
.sprite {background: url(n.png)}
@font-face {font-family: Own; src: url(own.woff2)} .own {font-family: Own, serif}
.struck {position: relative} .struck::after {content: ""; position: absolute; left: 0; right: 0; top: 50%; border-top: 1px solid}
.headless::first-letter {font-size: 0}
.blank {color: transparent} table td > i.gone {display:none} .thin {opacity: 0} .cut {text-indent: -9999px; display: inline-block}
"""
_HIDING = (
    '<span style="display:none">{0}</span>',
    '<span style="display: none !important;">{0}</span>',
    '<span style="visibility:hidden">{0}</span>',
    "<span hidden>{0}</span>",
    '<span class="old">{0}</span>',
    '<b class="big old">{0}</b>',
    '<span class="ghost">{0}</span>',
    '<span class="tiny">{0}</span>',
    "<span data-draft='1'>{0}</span>",
    '<i class="gone">{0}</i>',
    '<span class="thin">{0}</span>',
    '<span style="font-size:0">{0}</span>',
    "<template>{0}</template>",
    "<script>{0}</script>",
    "<!-- {0} -->",
    "<div style='display:none'><p>{0}</p></div>",
    "<select style='display:none'><option>{0}</option></select>",
    "<input type='hidden' value='{0}'>",
    "<noframes>{0}</noframes>",
    "<span style='color:oklch(1 0 0)'>{0}</span>",
    "<span style='font-size:calc(0px)'>{0}</span>",
    "<span style='display:var(--none)'>{0}</span>",
    "<div style='text-indent:100%;white-space:nowrap;overflow:hidden'>{0}</div>",
)
_DRAWN = (
    "<i class='sprite' style='display:inline-block;width:20px'></i>",
    "<svg width='30' height='14'><text x='2' y='12'>{0}</text></svg>",
    "<canvas width='30' height='14'></canvas>",
    "<input placeholder='{0}'>",
    "<img src='n/{0}.png'>",
    "<iframe srcdoc='{0}'></iframe>",
)
_UNREAD = ("约{0}", "{0}%", "〇", "O", "{0}/9", "{0}^2", "见附件")
_MARKS = (
    "<a href='#n{0}'>{0}</a>",
    "<small style='position:relative;top:-.5em'>{0}</small>",
    "<sup>{0}</sup>",
    "<sup>[{0}]</sup>",
    "<sup><a href='#n{0}'>{0}</a></sup>",
    '<span style="vertical-align:super">{0}</span>',
)

_INPUTS = (
    '<input value="{0}">',
    "<input type='text' readonly value='{0}'/>",
    "<textarea>{0}</textarea>",
    "<select><option>9</option><option selected>{0}</option></select>",
)


def _hidden(dice: Random, text: str) -> str:
    unseen = dice.choice(_HIDING).format(other_number(dice, text))
    return "".join(dice.sample((escape(text), unseen), 2))


def _deleted(dice: Random, text: str) -> str:
    tag = dice.choice(("del", "s", "strike"))
    new = dice.choice(("<ins>{0}</ins>", "{0}", "<b>{0}</b>")).format(escape(text))
    old = f"<{tag}>{other_number(dice, text)}</{tag}>"
    return f"{old} {new}" if dice.random() < 0.7 else f"{new} {old}"


def _input(dice: Random, text: str) -> str:
    return dice.choice(_INPUTS).format(escape(text))


def _noted(dice: Random, text: str) -> str:
    mark = dice.choice(("1", "2", "①", "③", "12", "*"))
    return escape(text) + (mark if mark in "①③*" and dice.random() < 0.5 else dice.choice(_MARKS).format(mark))


def _remarked(dice: Random, text: str) -> str:
    return escape(text) + dice.choice(("（其中修订1件）", "（含下属单位2件）", "(见注3)", "（注）", "<br/>（其中新增1件）"))


def _pieces(dice: Random, text: str) -> str:
    joint = dice.choice(("</span><span>", "<wbr>", "</font><font>", "<!-- -->", "\u200b"))
    inner = joint.join(escape(char) for char in text)
    return f"<span>{inner}</span>" if "span" in joint else f"<font>{inner}</font>" if "font" in joint else inner


def _broken(dice: Random, text: str) -> str:
    if len(text) < 2:
        return escape(text)
    at = dice.randrange(1, len(text))
    joint = dice.choice(("<br/>", "</p><p>", "<br>\n", "</div><div>"))
    inner = f"{text[:at]}{joint}{text[at:]}"
    return f"<p>{inner}</p>" if "p>" in joint else f"<div>{inner}</div>" if "div" in joint else inner


def _reordered(dice: Random, text: str) -> str:
    """Digits that are written in another order than they are shown."""
    places = list(enumerate(text))
    dice.shuffle(places)
    kind = dice.choice(("order", "place", "float", "rear", "over"))
    if kind == "order":
        return "<div style='display:flex'>" + "".join(f"<i style='order:{at}'>{char}</i>" for at, char in places) + "</div>"
    if kind == "place":
        digits = "".join(f"<i style='position:absolute;left:{at * 0.6}em'>{char}</i>" for at, char in places)
        return f"<div style='position:relative'>{digits}</div>"
    if kind == "over":
        return f"<i>{other_number(dice, text)}</i><b style='margin-left:-4em;background:#fff'>{text}</b>"
    digits = "".join(f"<i class='{'back' if kind == 'float' else ''}'>{char}</i>" for char in reversed(text))
    return digits if kind == "float" else f"<div class='rear'>{digits}</div>"


def _own_font(dice: Random, text: str) -> str:
    """Digits that a font of the page draws as others."""
    by = dice.randrange(1, 10)
    return f"<span class='own'>{''.join(str((int(c) - by) % 10) if c.isdecimal() else c for c in text)}</span>"


def _drawn(dice: Random, text: str) -> str:
    return dice.choice(_DRAWN).format(text)


def _unread(dice: Random, text: str) -> str:
    return dice.choice(_UNREAD).format(text)


_DISGUISES = (
    "<b style='display:inline-block;transform:rotate(180deg)'>{0}</b>",
    "<b style='display:inline-block;transform:scaleX(-1)'>{0}</b>",
    "<b style='display:inline-block;rotate:180deg'>{0}</b>",
    "<b style='-webkit-mask:linear-gradient(transparent,transparent)'>{0}</b>",
    "<b style='-webkit-text-security:disc'>{0}</b>",
    "<b style='letter-spacing:-1em'>{0}</b>",
    "<b style='font-family:Wingdings'>{0}</b>",
    "<b class='struck'>{0}</b>",
    "<b class='headless'>{0}</b>",
    "<b style='color:color-mix(in srgb, white, white)'>{0}</b>",
    "<b style='display:inline-block;width:2px;overflow:hidden'>{0}</b>",
    "<span><template shadowrootmode=open>7</template>{0}</span>",
    "<input type=password value='{0}'>",
)


def _disguised(dice: Random, text: str) -> str:
    """Another number, of which nobody can say from the markup what is seen."""
    return dice.choice(_DISGUISES).format(other_number(dice, text))


Write = Callable[[Random, str], str]


@dataclass(frozen=True)
class PageKind:
    """How a kind writes a number's cell, and what it does to the tables afterwards."""

    write: Write | None = None
    change: Change | None = None


PAGE_KINDS: dict[str, PageKind] = {
    "html plain": PageKind(),
    "html hidden": PageKind(_hidden),
    "html deleted": PageKind(_deleted),
    "html inputs": PageKind(_input),
    "html note marks": PageKind(_noted),
    "html remarks": PageKind(_remarked),
    "html numbers in pieces": PageKind(_pieces),
    "html broken numbers": PageKind(_broken),
    "html other order": PageKind(_reordered),
    "html font of its own": PageKind(_own_font),
    "html drawn numbers": PageKind(_drawn),
    "html text for numbers": PageKind(_unread),
    "html disguised numbers": PageKind(_disguised),
    **{name: PageKind(change=change) for name, change in TABLE_KINDS.items()},
}


def page_deceiving(paper: Paper, dice: Random, kind: PageKind) -> bytes:
    """The report as a web page of a kind, with a random share of its numbers touched."""
    share = dice.choice((0.05, 0.3, 1.0))

    def own(cell: GridCell) -> str | None:
        touched = kind.write and cell.is_value and cell.text and dice.random() < share
        return kind.write(dice, cell.text) if touched and kind.write else None

    body = page_body(paper, dice, dice.choice(("plain", "nested", "word")), own)
    if kind.change:
        body = page_rows.changed_body(body, dice, kind.change)
    head = f"<head><meta charset='utf-8'><title>年度报告</title><style>{_STYLE}{page_rows.STYLE}</style></head>"
    return f"<!DOCTYPE html><html>{head}<body><div id='zoom'>{body}</div></body></html>".encode()
