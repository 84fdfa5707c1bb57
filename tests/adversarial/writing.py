"""Reports as DOCX in which text is there that a reader does not see, or a number is written in an odd way."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from random import Random
from typing import Any
from xml.sax.saxutils import escape

from docx.document import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import RGBColor

from tests.adversarial.printing import other_number
from tests.generator.layouts.word import render_docx
from tests.generator.paper import GridCell, Paper

_W14 = "http://schemas.microsoft.com/office/word/2010/wordml"
_MATH = "http://schemas.openxmlformats.org/officeDocument/2006/math"
_HIDDEN, _HIDDEN_PARAGRAPH = "Draft", "DraftLine"


def _run(text: str, properties: str = "", tag: str = "t") -> str:
    return f"<w:r><w:rPr>{properties}</w:rPr><w:{tag} xml:space='preserve'>{escape(text)}</w:{tag}></w:r>"


def _paragraph(*runs: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr>{''.join(runs)}</w:p>"


def _either(dice: Random, seen: str, unseen: str) -> str:
    return _paragraph(*dice.sample((seen, unseen), 2))


def _vanish(dice: Random, text: str) -> str:
    mark = dice.choice(
        (
            "<w:vanish/>",
            "<w:vanish w:val='1'/>",
            "<w:webHidden/><w:vanish w:val='true'/>",
            "<w:color w:val='auto' w:themeColor='background1'/>",
            "<w:color w:val='FFFF00'/><w:highlight w:val='yellow'/>",
            f"<w14:textFill xmlns:w14='{_W14}'><w14:noFill/></w14:textFill>",
        )
    )
    return _either(dice, _run(text), _run(other_number(dice, text), mark))


def _styled(dice: Random, text: str) -> str:
    return _either(dice, _run(text), _run(other_number(dice, text), f"<w:rStyle w:val='{_HIDDEN}'/>"))


def _styled_paragraph(dice: Random, text: str) -> str:
    hidden = _paragraph(_run(other_number(dice, text)), properties=f"<w:pStyle w:val='{_HIDDEN_PARAGRAPH}'/>")
    return "".join(dice.sample((_paragraph(_run(text)), hidden), 2))


def _shown_again(dice: Random, text: str) -> str:
    return _paragraph(_run(text, f"<w:rStyle w:val='{_HIDDEN}'/><w:vanish w:val='0'/><w:color w:val='000000'/>"))


def _deleted(dice: Random, text: str) -> str:
    who = "w:id='1' w:author='示例' w:date='2024-01-01T00:00:00Z'"
    kind = dice.choice(("del", "moveFrom"))
    old = f"<w:{kind} {who}>{_run(other_number(dice, text), tag='delText' if kind == 'del' else 't')}</w:{kind}>"
    return _paragraph(*dice.sample((f"<w:ins {who}>{_run(text)}</w:ins>", old), 2))


def _raised(dice: Random, text: str) -> str:
    mark = dice.choice(("1", "2", "①", "②", "12", "[1]", "*"))
    if mark in "①②*" and dice.random() < 0.5:
        return _paragraph(_run(text + mark))
    look = dice.choice(("<w:vertAlign w:val='superscript'/>", "<w:position w:val='8'/><w:sz w:val='12'/>"))
    return _paragraph(_run(text), _run(mark, look))


def _remarked(dice: Random, text: str) -> str:
    remark = dice.choice(("（其中修订1件）", "（含下属单位2件）", "(见注3)", "（注）", "（件）"))
    return _paragraph(_run(text), _run(remark))


_WINGDINGS = "<w:rFonts w:ascii='Wingdings' w:hAnsi='Wingdings'/>"


def _otherwise(dice: Random, text: str) -> str:
    """Digits squeezed to nothing, much smaller, in a formula, turned round, or a field without its result."""
    look = dice.choice(("<w:w w:val='1'/>", "<w:spacing w:val='-400'/>", "<w:sz w:val='9'/>", "", _WINGDINGS, "private"))
    if look == _WINGDINGS:
        return _paragraph(_run(other_number(dice, text), look))
    if look == "private":
        return _paragraph(_run(text[:-1] + "\ue001"))
    if look:
        return _paragraph(_run(text), _run(other_number(dice, text), look))
    raised = f"<m:e><m:r><m:t>{text}</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup>"
    begin, end = (f"<w:r><w:fldChar w:fldCharType='{name}'/></w:r>" for name in ("begin", "end"))
    code = f"<w:r><w:instrText> EQ \\o({text},) </w:instrText></w:r>"
    return _paragraph(
        dice.choice(
            (
                f"<m:oMath xmlns:m='{_MATH}'><m:sSup>{raised}</m:sSup></m:oMath>",
                f"<w:bdo w:val='rtl'>{_run(text[::-1])}</w:bdo>",
                f"{begin}{code}{end}",
            )
        )
    )


def _runs(dice: Random, text: str) -> str:
    return _paragraph(*(_run(char) for char in text))


def _broken(dice: Random, text: str) -> str:
    if len(text) < 2:
        return _paragraph(_run(text))
    at = dice.randrange(1, len(text))
    if dice.random() < 0.5:
        return _paragraph(_run(text[:at]), "<w:r><w:br/></w:r>", _run(text[at:]))
    return _paragraph(_run(text[:at])) + _paragraph(_run(text[at:]))


def _controlled(dice: Random, text: str) -> str:
    kind = dice.choice(("field", "field", "control"))
    if kind == "control":
        return f"<w:sdt><w:sdtPr/><w:sdtContent>{_paragraph(_run(text))}</w:sdtContent></w:sdt>"
    inner = f"<w:fldSimple w:instr=' =SUM(LEFT) {dice.randrange(99)} '>{_run(text)}</w:fldSimple>"
    begin, middle, end = (f"<w:r><w:fldChar w:fldCharType='{name}'/></w:r>" for name in ("begin", "separate", "end"))
    code = f"<w:r><w:instrText> = {dice.randrange(999)} </w:instrText></w:r>"
    return _paragraph(dice.choice((inner, f"{begin}{code}{middle}{_run(text)}{end}")))


def _styles(document: Document, dice: Random) -> None:
    """Styles that hide their text, by themselves or by what they are based on."""
    for name, kind in ((_HIDDEN, WD_STYLE_TYPE.CHARACTER), (_HIDDEN_PARAGRAPH, WD_STYLE_TYPE.PARAGRAPH)):
        style = document.styles.add_style(name, kind)
        owner = style
        if dice.random() < 0.5:
            owner = document.styles.add_style(f"{name}Base", kind)
            style.base_style = owner
        if dice.random() < 0.7:
            owner.font.hidden = True
        else:
            owner.font.color.rgb = RGBColor(255, 255, 255)
            owner.font.hidden = True


def _deleted_rows(document: Document, dice: Random) -> None:
    """Rows with other numbers before rows of the form, deleted or hidden."""
    for table in document.tables:
        rows = [row for row in table._tbl.tr_lst if row.find(f".//{qn('w:vMerge')}") is None]  # noqa: SLF001 - no other way
        for row in dice.sample(rows, min(2, len(rows))):
            row.addprevious(_unseen_copy(row, dice))


def _unseen_copy(row: Any, dice: Random) -> Any:
    copy = deepcopy(row)
    for text in copy.iter(qn("w:t")):
        text.text = other_number(dice, text.text) if text.text.isdecimal() else text.text
    if dice.random() < 0.5:
        for run in list(copy.iter(qn("w:r"))):
            run.get_or_add_rPr().append(OxmlElement("w:vanish"))
        copy.get_or_add_trPr().append(OxmlElement("w:hidden"))
        return copy
    for run in list(copy.iter(qn("w:r"))):
        for text in run.iter(qn("w:t")):
            text.tag = qn("w:delText")
        run.addprevious(outer := _by_somebody("w:del"))
        outer.append(run)
    copy.get_or_add_trPr().append(_by_somebody("w:del"))
    return copy


def _by_somebody(tag: str) -> Any:
    mark = OxmlElement(tag)
    mark.set(qn("w:author"), "示例")
    mark.set(qn("w:id"), "7")
    return mark


Write = Callable[[Random, str], str]


@dataclass(frozen=True)
class WordKind:
    """How a kind writes a number's cell, and what it does to the document afterwards."""

    write: Write | None = None
    change: Callable[[Document, Random], None] | None = None


WORD_KINDS: dict[str, WordKind] = {
    "docx plain": WordKind(),
    "docx hidden run": WordKind(_vanish),
    "docx hidden by style": WordKind(_styled, _styles),
    "docx hidden paragraph": WordKind(_styled_paragraph, _styles),
    "docx shown in spite of style": WordKind(_shown_again, _styles),
    "docx deleted": WordKind(_deleted),
    "docx hidden or deleted rows": WordKind(None, _deleted_rows),
    "docx note marks": WordKind(_raised),
    "docx remarks": WordKind(_remarked),
    "docx a run a digit": WordKind(_runs),
    "docx broken numbers": WordKind(_broken),
    "docx fields and controls": WordKind(_controlled),
    "docx shown otherwise": WordKind(_otherwise),
}


def write_deceiving(paper: Paper, dice: Random, kind: WordKind) -> bytes:
    """The report as a DOCX of a kind, with a random share of its numbers touched."""
    share = dice.choice((0.05, 0.3, 1.0))

    def fill(cell: GridCell) -> str | None:
        touched = kind.write and cell.is_value and cell.text and dice.random() < share
        return kind.write(dice, cell.text) if touched and kind.write else None

    change = kind.change
    return render_docx(paper, dice, fill, (lambda document: change(document, dice)) if change else None)
