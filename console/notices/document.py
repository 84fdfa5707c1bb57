"""A notice as a Word document, from a template: a DOCX with fields as ``{{ name }}`` (docxtpl, which is Jinja in Word).

The office may put a template of its own in the place of ours. It is checked before anything is written: a field that does not
exist, a needed one that it lacks, or a mark that is not closed is an error that names it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.opc.exceptions import OpcError
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from docxtpl import DocxTemplate, InlineImage
from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import SandboxedEnvironment
from PIL import Image

from codebook.errors import UsageError
from console.notices.records import AgencyNotice, Point
from console.notices.words import TemplateFonts, long_date, notice_words

TEMPLATE = "notice.docx"
"""The name of a template in the folder of templates."""
_PICTURE = (156.0, 90.0)  # millimetres, at most
_BODY, _TITLE, _LINE = Pt(16), Pt(22), Pt(28)  # GB/T 9704: size three, size two, and the distance of lines
_MARGINS = (Mm(37), Mm(35), Mm(28), Mm(26))  # GB/T 9704: top, bottom, left, right
_LOOP = re.compile(r"\{%p?\s*for\s+(\w+)\s+in\s+(\w+)")
_FIELD = re.compile(r"\{\{([^{}]{0,300})\}")
_DOTTED = re.compile(r"(?<!\w)(\w++)\.(\w++)")


class _CompilingOnce(SandboxedEnvironment):
    """A sandbox that compiles a text once: every notice has the same, and compiling took half of its time."""

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, autoescape=True)
        self._compiled: dict[str, Template] = {}

    def from_string(self, source: Any, *options: Any, **named: Any) -> Any:
        """Return the template of ``source``."""
        if options or named or not isinstance(source, str):
            return super().from_string(source, *options, **named)
        if source not in self._compiled:
            self._compiled[source] = super().from_string(source)
        return self._compiled[source]


class NoticeTemplate:
    """A template, checked. ``render`` may be called again and again.

    Raises UsageError when it cannot be opened, or its fields are not those of a notice.
    """

    def __init__(self, content: bytes, name: str) -> None:
        self.content, self.name = content, name
        self._environment = _CompilingOnce()
        self._check()

    def _check(self) -> None:
        words = notice_words()
        try:
            template = DocxTemplate(BytesIO(self.content))
            template.init_docx()
            used = template.get_undeclared_template_variables(self._environment)
            source = template.get_xml()
        except TemplateError as error:
            raise UsageError(f"{self.name}: {error}; expected {{{{ field }}}} and {{% … %}} that are closed") from error
        except (OSError, KeyError, ValueError, SyntaxError, BadZipFile, OpcError) as error:
            raise UsageError(f"{self.name} is no Word document (.docx): {error}") from error
        known = set(words.fields.values())
        wrong = [f"there is no field {each}" for each in sorted(used - known)]
        text = re.sub(r"<[^<>]++>", "", source)
        points = words.fields["points"]
        loops = {variable for variable, listed in _LOOP.findall(text) if listed == points}
        known_of_point = set(words.point_fields.values())
        wrong += [
            f"there is no field {owner}.{field}"
            for owner, field in sorted({found for field in _FIELD.findall(text) for found in _DOTTED.findall(field)})
            if owner in loops and field not in known_of_point
        ]
        wrong += [f"the field {words.fields[each]} is missing" for each in words.needed if words.fields[each] not in used]
        if wrong:
            fields = ", ".join((*words.fields.values(), *(f"{points}: {each}" for each in words.point_fields.values())))
            raise UsageError(f"{self.name}: {'; '.join(wrong)}; the fields are {fields}")

    def render(self, notice: AgencyNotice, target: Path) -> None:
        """Write ``notice`` to ``target``. Raises UsageError when the template fails with it."""
        template = DocxTemplate(BytesIO(self.content))
        template.init_docx()
        try:
            template.render(_fields(notice, template), self._environment)
        except TemplateError as error:
            raise UsageError(f"{self.name}: {error}") from error
        template.save(target)


def open_template(folder: Path | None) -> NoticeTemplate:
    """Return the template of the office, or ours where ``folder`` is None. Raises UsageError."""
    if folder is None:
        return NoticeTemplate(default_template(), TEMPLATE)
    path = folder / TEMPLATE if folder.is_dir() else folder
    try:
        return NoticeTemplate(path.read_bytes(), str(path))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; expected a template {TEMPLATE}") from error


def _fields(notice: AgencyNotice, template: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "unit": notice.unit.name,
        "region": notice.unit.region,
        "year": notice.year,
        "number": notice.number,
        "issuer": notice.issuer,
        "contact": notice.contact,
        "due_on": long_date(notice.due_on),
        "made_on": long_date(notice.made_on),
        "count": len(notice.points),
        "points": [_point_fields(number, point, template) for number, point in enumerate(notice.points, 1)],
    }
    return {word: values[name] for name, word in notice_words().fields.items()}


def _point_fields(number: int, point: Point, template: Any) -> Mapping[str, Any]:
    words = notice_words()
    values = {
        "number": number,
        "category": point.category,
        "severity": words.severity.get(point.severity, point.severity),
        "place": point.place,
        "message": point.message,
        "original": point.original,
        "expected": point.expected,
        "basis": point.basis,
        "requirement": point.requirement,
        "link": point.link,
        "picture": _picture(point.picture, template),
        "case": point.case,
    }
    return {word: values[name] for name, word in words.point_fields.items()}


def _picture(path: Path | None, template: Any) -> Any:
    if path is None:
        return ""
    with Image.open(path) as image:
        wide, high = image.size
    widest, highest = _PICTURE
    return InlineImage(template, str(path), width=Mm(min(widest, highest * wide / high)))


# ---- our own template -----------------------------------------------------------------------------------------------------


def default_template() -> bytes:
    """Return the template that is used where the office has none: a document as GB/T 9704 asks, with fields."""
    words = notice_words().template
    fonts = words.fonts
    made = Document()
    section = made.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin, section.bottom_margin, section.left_margin, section.right_margin = _MARGINS
    style = made.styles["Normal"]
    style.font.size, style.font.name = _BODY, fonts.latin
    style.element.rPr.rFonts.set(qn("w:eastAsia"), fonts.body)
    points, name = notice_words().fields["points"], _loop_name()
    for line in words.title:
        _paragraph(made, line, fonts.title, size=_TITLE, align=WD_ALIGN_PARAGRAPH.CENTER)
    _paragraph(made, "", fonts.body)
    _paragraph(made, words.to, fonts.body)
    _paragraph(made, words.opening, fonts.body, indent=2)
    _paragraph(made, f"{{%p for {name} in {points} %}}", fonts.body)
    _paragraph(made, words.point, fonts.strong, indent=2, keep=True)
    for label, field in words.lines:
        _field_lines(made, label, field, fonts)
    picture = f"{name}.{notice_words().point_fields['picture']}"
    _paragraph(made, f"{{%p if {picture} %}}", fonts.body)
    _paragraph(made, f"{{{{ {picture} }}}}", fonts.body, align=WD_ALIGN_PARAGRAPH.CENTER, is_picture=True)
    _paragraph(made, "{%p endif %}", fonts.body)
    _paragraph(made, words.reference, fonts.body, indent=2, size=Pt(12))
    _paragraph(made, "{%p endfor %}", fonts.body)
    _paragraph(made, words.closing, fonts.body, indent=2)
    contact = notice_words().fields["contact"]
    _paragraph(made, f"{{%p if {contact} %}}", fonts.body)
    _paragraph(made, words.contact, fonts.body, indent=2)
    _paragraph(made, "{%p endif %}", fonts.body)
    _paragraph(made, "", fonts.body, keep=True)
    _paragraph(made, words.issuer, fonts.body, align=WD_ALIGN_PARAGRAPH.RIGHT, keep=True, behind=4)
    _paragraph(made, words.date, fonts.body, align=WD_ALIGN_PARAGRAPH.RIGHT, behind=4)
    _page_number(section.footer.paragraphs[0], words.page)
    content = BytesIO()
    made.save(content)
    return content.getvalue()


def _loop_name() -> str:
    """The name that a point has in our template, as its lines use it."""
    found = _DOTTED.search(notice_words().template.point)
    assert found is not None
    return found[1]


def _field_lines(made: Any, label: str, field: str, fonts: TemplateFonts) -> None:
    """A line of a point, which is left out where its field is empty."""
    found = _DOTTED.search(field)
    assert found is not None
    _paragraph(made, f"{{%p if {found[1]}.{found[2]} %}}", fonts.body)
    paragraph = _paragraph(made, "", fonts.body, indent=2)
    _run(paragraph, f"{label}：", fonts.strong)
    _run(paragraph, field, fonts.body)
    _paragraph(made, "{%p endif %}", fonts.body)


def _paragraph(
    made: Any,
    text: str,
    font: str,
    *,
    size: Any = _BODY,
    align: Any = None,
    indent: int = 0,
    behind: int = 0,
    keep: bool = False,
    is_picture: bool = False,
) -> Any:
    """Add a paragraph. ``indent`` is that of its first line, ``behind`` that on the right, in characters."""
    paragraph = made.add_paragraph()
    layout = paragraph.paragraph_format
    layout.space_before = layout.space_after = Pt(0)
    if is_picture:
        layout.space_before = layout.space_after = Pt(6)
    else:
        layout.line_spacing_rule, layout.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(36) if size == _TITLE else _LINE
    layout.first_line_indent = Pt(size.pt * indent) if indent else None
    layout.right_indent = Pt(size.pt * behind) if behind else None
    layout.keep_with_next = keep
    paragraph.alignment = align
    if text:
        _run(paragraph, text, font, size)
    return paragraph


def _run(paragraph: Any, text: str, font: str, size: Any = _BODY) -> None:
    run = paragraph.add_run(text)
    run.font.size, run.font.name = size, notice_words().template.fonts.latin
    run.font.element.rPr.rFonts.set(qn("w:eastAsia"), font)


def _page_number(paragraph: Any, text: str) -> None:
    """The number of the page, in the place of ``%``."""
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    before, after = text.split("%")
    body = notice_words().template.fonts.body
    _run(paragraph, before, body, Pt(12))
    run = paragraph.add_run()
    for kind in ("begin", None, "end"):
        element = OxmlElement("w:fldChar" if kind else "w:instrText")
        if kind:
            element.set(qn("w:fldCharType"), kind)
        else:
            element.text = "PAGE"
        run.font.element.append(element)
    _run(paragraph, after, body, Pt(12))
