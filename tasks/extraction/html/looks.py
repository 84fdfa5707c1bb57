"""How each element of a page looks, computed from its styles as a browser would, so far as its text is seen or not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from math import inf
from typing import NamedTuple

from lxml import etree

from tasks.extraction.characters import PICTOGRAMS
from tasks.extraction.html.declarations import BEYOND, INHERIT, INITIAL, PICTURE, TURNED, Declaration, Value
from tasks.extraction.html.kinds import kinds_of
from tasks.extraction.html.placement import is_elsewhere, is_placed
from tasks.extraction.html.style_sheets import NOTHING, ElementStyles, StyleSheets
from tasks.extraction.html.values import CURRENT, TRANSPARENT, UNKNOWN, Colour, Length, colour_of
from tasks.extraction.limits import ExtractionLimits

_BLACK, _WHITE = Colour(0, 0, 0), Colour(1, 1, 1)
_LINK = Colour(0, 0, 0.93)
_SAME = 0.05  # by which two colours differ at most, in each of their parts, that nobody can tell apart
_INVISIBLE = 0.05  # opacity
_FAR = -500.0  # pixels
_SMALLER, _MOVED = 0.85, 1.5  # of the font around, and pixels: smaller text that is moved so far is the mark of a note
_TINY = 3.0  # pixels; some browsers show such a font larger
_THIN = 1.0  # pixels
_OVERLAP = 0.3  # of the size of digits, by which they are drawn over each other
_FIELDS = frozenset(("input", "textarea", "select"))
_DELETED = frozenset(("s", "strike"))
_SIZED = {"small": 5 / 6, "big": 1.2}
# whatever their attributes
_TAGS_WITH_LOOKS = _FIELDS | _DELETED | _SIZED.keys() | frozenset(("del", "mark", "sup", "sub", "bdo", "dialog"))
_TABLE_PARTS = frozenset(("table", "thead", "tbody", "tfoot", "tr", "td", "th", "caption", "html", "body"))
_INLINE_TAGS = (
    "a abbr acronym b bdi bdo big cite code del dfn em font i ins kbd label mark q s samp small span strike strong sub sup "
    "tt u var"
)
_INLINE = frozenset(_INLINE_TAGS.split())
_BOXES = frozenset(("block", "inline-block", "flex", "inline-flex", "grid", "inline-grid", "list-item", "flow-root"))
_SIDES = ("margin-left", "margin-top", "left", "top", "right", "bottom")
_ATTRIBUTE = re.compile("\0([^\0]*)\0")
_Kind = tuple[str, str | None, str | None]  # tag, style and class of an element


class Look(NamedTuple):
    """How an element looks. ``is_gone``: it and all in it is not seen. ``is_unseen``: its own text is not; ``is_unsure``: that
    cannot be told. ``before``, ``after``: text that styles add, None where it is not known. ``shift``: "super", "sub" or "".

    What its children take from it: ``visibility``, ``colour``, ``backdrop`` (None: a picture, or not known), ``size`` of the font
    in pixels, ``is_struck``, ``is_pushed_out`` (by an indent), ``is_turned`` (its characters may be shown in another order, or as
    others: turned, masked, over each other), ``room``: pixels in a row beyond which its text is cut off,
    ``opacity``, ``placed``: how many elements around it, and itself, are placed by themselves, so that they may lie over other
    text or before it, and ``font``: the page's own font in which it is drawn, "" for others. ``draws``: it has a picture behind;
    ``is_elsewhere``: it is moved so far that it may be shown in another cell.
    """

    is_gone: bool = False
    is_unseen: bool = False
    is_unsure: bool = False
    before: str | None = ""
    after: str | None = ""
    shift: str = ""
    visibility: str = "visible"
    colour: Colour = _BLACK
    backdrop: Colour | None = _WHITE
    size: float = 16.0
    is_struck: bool = False
    is_pushed_out: bool = False
    is_turned: bool = False
    opacity: float = 1.0
    placed: int = 0
    font: str = ""
    draws: bool = False
    is_elsewhere: bool = False
    room: float = inf


_PLAIN = Look()


def looks_of(
    root: etree._Element, limits: ExtractionLimits, is_main: Callable[[etree._Element], bool]
) -> Mapping[etree._Element, Look]:
    """The look of each element below ``root``.

    ``is_main`` says of an element that it holds what the page is there for: what would hide that is passed over, since a script
    shows it. Raises ``file.bomb`` for style sheets that take longer than any page's.
    """
    sheets = StyleSheets(root, limits)
    marks = _Marks()
    kinds = kinds_of(root)
    folded = frozenset(filter(_is_folded, root.iter("details")))
    matched = sheets.matched(root, kinds)
    looks: dict[etree._Element, Look] = {}
    same: dict[Look, Look] = {}  # one of equal looks, which are then known by their id
    shared: dict[tuple[int, int, int], _StyledLook] = {}  # by the look above, the kind of the element, and its styles
    for element, kind in kinds.items():
        parent = element.getparent()
        above = looks.get(parent, _PLAIN)
        if above.is_gone:
            looks[element] = above
            continue
        if parent in folded:
            if element.tag != "summary" or element.getprevious() is not None:
                looks[element] = above._replace(is_gone=True)
                continue
            above = same.setdefault(opened := above._replace(is_unseen=False), opened)
        found = matched.get(element, NOTHING)
        key = (id(above), kind, id(found))
        if key not in shared:
            shared[key] = _styled(element, above, found, sheets)
        styled = shared[key]
        look = styled.look
        if styled.is_hiding and is_main(element):
            look = _bare(above)._replace(backdrop=None)
        if look.shift and not styled.is_aligned and marks.is_all(element):
            look = look._replace(shift="")
        if element in folded:
            look = look._replace(is_unseen=True)
        if not look.is_gone and (found.before or found.after):
            look = look._replace(
                before=_generated(found.before, look, element, sheets),
                after=_generated(found.after, look, element, sheets),
            )
        looks[element] = look if look is styled.look else same.setdefault(look, look)
    return looks


class _StyledLook(NamedTuple):
    """How elements of one kind look by their styles. ``is_hiding``: these hide what would be seen; ``is_aligned``: they raise or
    lower it whatever the size of its text.
    """

    look: Look
    is_hiding: bool
    is_aligned: bool


def _styled(element: etree._Element, above: Look, found: ElementStyles, sheets: StyleSheets) -> _StyledLook:
    inline = sheets.inline(style) if (style := element.get("style")) else ()
    values = _cascaded(element, found.own, inline)
    if values or found.before or found.after or found.first:
        look = _computed(values, above, element.tag, sheets)
        if element.tag not in _TABLE_PARTS and _hides_a_part(found, look, sheets):
            look = look._replace(is_unsure=not look.is_unseen)
    else:
        look = above if above == _bare(above) else _bare(above)
    return _StyledLook(look, look.is_gone or (look.is_unseen and not above.is_unseen), _is_aligned(values))


class _Marks:
    """Says of smaller text that is moved whether its cell holds other text: what is alone there is no mark of a note."""

    def __init__(self) -> None:
        self._alone: dict[tuple[etree._Element, _Kind], bool] = {}

    def is_all(self, element: etree._Element) -> bool:
        """Return whether a cell holds no text but in elements like this one."""
        cell = next((around for around in element.iterancestors() if around.tag in ("td", "th")), None)
        if cell is None:
            return False
        key = cell, _kind(element)
        if key not in self._alone:
            self._alone[key] = not any(_holds_other_text(cell, key[1]))
        return self._alone[key]


def _kind(element: etree._Element) -> _Kind:
    return str(element.tag), element.get("style"), element.get("class")


def _holds_other_text(cell: etree._Element, kind: _Kind) -> Iterator[bool]:
    """Of each text of a cell outside the elements of a kind, whether there is any."""
    left = [cell]
    while left:
        element = left.pop()
        yield bool((element.text or "").strip())
        for child in element:
            yield bool((child.tail or "").strip())
            if isinstance(child.tag, str) and _kind(child) != kind:
                left.append(child)


def _is_folded(details: etree._Element) -> bool:
    """Return whether an element shows its summary alone: one in a cell, in which nobody looks for more."""
    return details.get("open") is None and any(around.tag in ("td", "th") for around in details.iterancestors())


def _bare(look: Look) -> Look:
    """What children take of a look."""
    return look._replace(before="", after="", shift="", draws=False, is_elsewhere=False)


def _cascaded(element: etree._Element, matched: list[Declaration], inline: Iterable[Declaration]) -> dict[str, Value]:
    """The value of each property that is set: by browser, attributes, sheets and the element's own style, in this order. What is
    in a later layer wins, and what is in none; of what is important, the other way round.
    """
    values = _by_itself(element) if element.keys() or element.tag in _TAGS_WITH_LOOKS else {}
    if not matched:
        values |= {one.name: one.value for one in inline if not one.important}
        values |= {one.name: one.value for one in inline if one.important}
        return values
    plain = sorted((one for one in matched if not one.important), key=lambda one: one.layer)
    important = sorted((one for one in matched if one.important), key=lambda one: -one.layer)
    own = [[one for one in inline if one.important is marked] for marked in (False, True)]
    for one in (*plain, *own[0], *important, *own[1]):
        values[one.name] = one.value
    return values


def _by_itself(element: etree._Element) -> dict[str, Value]:
    """What tag and attributes of an element say of its look."""
    values = _by_tag(element)
    tag = element.tag
    if element.get("hidden") is not None:
        values["display"] = "none"
    if (way := element.get("dir")) is not None:
        values["direction"] = way.strip().lower()
    if tag in ("font", "body", "basefont"):
        named = element.get("color") if tag != "body" else element.get("text")
        if (face := element.get("face")) is not None:
            values["pictograms"] = face.partition(",")[0].strip().lower() in PICTOGRAMS
        if named and (colour := colour_of(named)) is not None:
            values["color"] = colour
    if (named := element.get("bgcolor")) and (colour := colour_of(named)) is not None:
        values["background"] = colour
    if element.get("background") and tag in _TABLE_PARTS:
        values["background"] = PICTURE
    return values


def _by_tag(element: etree._Element) -> dict[str, Value]:
    tag, values = element.tag, dict[str, Value]()
    if tag == "a" and element.get("href") is not None:
        values["color"] = _LINK
    elif tag in _FIELDS:
        values |= {"color": _BLACK, "background": _WHITE, "font-size": Length(13.3)}
    elif tag in _DELETED or tag == "del":
        values["line-through"] = True
    elif tag == "mark":
        values |= {"color": _BLACK, "background": Colour(1, 1, 0)}
    elif tag in ("sup", "sub"):
        values["vertical-align"] = "super" if tag == "sup" else "sub"
    elif tag in _SIZED:
        values["font-size"] = Length(_SIZED[tag], True)
    elif tag == "bdo":
        values["unicode-bidi"] = "bidi-override"
    elif tag == "dialog" and element.get("open") is None:
        values["display"] = "none"
    return values


def _computed(values: Mapping[str, Value], above: Look, tag: str, sheets: StyleSheets) -> Look:
    size = _font_size(values, above) * _number(values.get("zoom"), 1.0)
    backdrop = _backdrop(values, above)
    colour = _colour(values, above)
    opacity = above.opacity * _number(values.get("opacity"), 1.0) * _number(values.get("filter"), 1.0)
    visibility = values.get("visibility", INHERIT)
    if not isinstance(visibility, str) or visibility in (INHERIT, "unset"):
        visibility = above.visibility
    elif visibility == INITIAL:
        visibility = "visible"
    is_struck = above.is_struck or values.get("line-through") is True or tag == "del"
    indent = values.get("text-indent", INHERIT)
    is_pushed_out = indent.pixels(size) <= _FAR if isinstance(indent, Length) else indent == INHERIT and above.is_pushed_out
    is_pushed_out = is_pushed_out or (indent == BEYOND and values.get("overflow") == "hidden")
    is_same = backdrop is not None and _is_same(colour, backdrop)
    is_clear = colour.alpha <= _INVISIBLE
    is_unseen = (
        visibility != "visible" or is_struck or is_pushed_out or size <= 0 or is_clear or (is_same and not sheets.is_linked)
    )
    is_turned = above.is_turned or _is_disguised(values, size, tag)
    family = values.get("font-family", INHERIT)
    return Look(
        is_gone=_is_gone(values, tag, size) or opacity <= _INVISIBLE,
        is_unseen=is_unseen,
        is_unsure=not is_unseen and (is_same or size < _TINY or is_turned),
        shift=_shift(values, size, above.size),
        visibility=visibility,
        colour=colour,
        backdrop=backdrop,
        size=size,
        is_struck=is_struck,
        is_pushed_out=is_pushed_out,
        is_turned=is_turned,
        opacity=opacity,
        placed=above.placed + is_placed(values, size, tag in _TABLE_PARTS),
        font=above.font if family == INHERIT else family if isinstance(family, str) and family in sheets.fonts else "",
        draws=PICTURE in (values.get("background"), values.get("background-image")) and tag not in _TABLE_PARTS,
        is_elsewhere=is_elsewhere(values, size, tag),
        room=min(above.room, _room(values, size, tag)),
    )


def _is_disguised(values: Mapping[str, Value], size: float, tag: str) -> bool:
    """Return whether an element's characters may be shown in another order, as others, or not at all."""
    if values.get("unicode-bidi") in ("bidi-override", "isolate-override"):
        return True
    if tag not in _TABLE_PARTS and TURNED in map(values.get, ("transform", "rotate", "scale")):
        return True
    if any(values.get(name) is True for name in ("mask", "security", "pictograms")):
        return True
    if UNKNOWN in (values.get("color"), values.get("fill")):
        return True
    if tag in _INLINE and values.get("stroke") is True:
        return True
    return _pixels(values.get("letter-spacing"), size, 0.0) <= -_OVERLAP * size


def _shift(values: Mapping[str, Value], size: float, around: float) -> str:
    """Whether an element is raised or lowered: by its alignment, or as smaller text that is moved."""
    align = values.get("vertical-align")
    if align in ("super", "text-top"):
        return "super"
    if align == "sub":
        return "sub"
    if size > _SMALLER * around:
        return ""
    moved = align.pixels(size) if isinstance(align, Length) else 0.0
    if values.get("position") == "relative":
        moved += _pixels(values.get("bottom"), size, 0.0) - _pixels(values.get("top"), size, 0.0)
    if align == "top":
        return "super"
    return "super" if moved >= _MOVED else "sub" if moved <= -_MOVED else ""


def _is_aligned(values: Mapping[str, Value]) -> bool:
    """Return whether an element is raised or lowered by its alignment, whatever the size of its text."""
    return values.get("vertical-align") in ("super", "text-top", "sub")


def _font_size(values: Mapping[str, Value], above: Look) -> float:
    size = values.get("font-size")
    if isinstance(size, Length):
        return size.pixels(above.size)
    return 16.0 if size == INITIAL else above.size


def _colour(values: Mapping[str, Value], above: Look) -> Colour:
    colour = above.colour
    for name in ("color", "fill"):  # the second is what text is filled with, whatever its colour
        value = values.get(name)
        if isinstance(value, Colour):
            colour = value
        elif value == INITIAL and name == "color":
            colour = _BLACK
    return colour


def _backdrop(values: Mapping[str, Value], above: Look) -> Colour | None:
    """The colour behind an element's text, None where it is a picture."""
    value = values.get("background", TRANSPARENT)
    if value in (PICTURE, UNKNOWN) or values.get("background-image") == PICTURE:
        return None
    if value == CURRENT:
        value = _colour(values, above)
    if not isinstance(value, Colour) or value.alpha == 0:
        return above.backdrop
    if value.alpha >= 1:
        return value
    return None if above.backdrop is None else _blended(value, above.backdrop)


def _blended(colour: Colour, on: Colour) -> Colour:
    return Colour(*(part * colour.alpha + below * (1 - colour.alpha) for part, below in zip(colour[:3], on[:3], strict=True)))


def _is_same(colour: Colour, backdrop: Colour) -> bool:
    seen = _blended(colour, backdrop)
    return all(abs(part - below) <= _SAME for part, below in zip(seen[:3], backdrop[:3], strict=True))


def _is_gone(values: Mapping[str, Value], tag: str, size: float) -> bool:
    """Return whether an element and all that is in it has no place on the page."""
    if values.get("display") == "none" or values.get("content-visibility") == "hidden" or values.get("transform") is True:
        return True
    is_out = values.get("position") in ("absolute", "fixed")
    if values.get("clip-path") is True or (is_out and values.get("clip") is True):
        return True
    sides = _SIDES if is_out else _SIDES[:4] if values.get("position") == "relative" else _SIDES[:2]
    if any(_pixels(values.get(name), size, 0.0) <= _FAR for name in sides):
        return True
    if _cuts(values, tag):
        return any(_pixels(values.get(name), size, 1e9) <= _THIN for name in ("height", "max-height", "width", "max-width"))
    return False


def _cuts(values: Mapping[str, Value], tag: str) -> bool:
    """Return whether an element is a box that cuts off what is too large for it."""
    if values.get("overflow") != "hidden" or tag in _TABLE_PARTS:
        return False
    is_out = values.get("position") in ("absolute", "fixed") or values.get("float") in ("left", "right")
    return is_out or values.get("display") in _BOXES or (tag not in _INLINE and values.get("display") != "inline")


def _room(values: Mapping[str, Value], size: float, tag: str) -> float:
    """The pixels in a row that a box has which cuts off its text; a part of what is around it is not known."""
    if not _cuts(values, tag):
        return inf
    sides = [value for name in ("width", "max-width") if isinstance(value := values.get(name), Length)]
    return min((one.pixels(size) for one in sides if not one.is_share), default=inf)


def _pixels(value: Value, size: float, default: float) -> float:
    return value.pixels(size) if isinstance(value, Length) else default


def _number(value: Value, default: float) -> float:
    return float(value) if isinstance(value, int | float) else default


def _hides_a_part(found: ElementStyles, look: Look, sheets: StyleSheets) -> bool:
    """Return whether styles hide the first letter or line of an element, or lay a stroke over it."""
    if found.first:
        first = _computed(_last(found.first), look, "", sheets)
        if first.is_gone or first.is_unseen or first.is_unsure:
            return True
    for part in (found.before, found.after):
        values = _last(part)
        if values.get("content") == "" and values.get("position") == "absolute":
            return True
    return False


def _last(found: list[Declaration]) -> dict[str, Value]:
    return {one.name: one.value for important in (False, True) for one in found if one.important is important}


def _generated(found: list[Declaration], look: Look, element: etree._Element, sheets: StyleSheets) -> str | None:
    """The text that styles put before or after what an element holds, None where it is not known, as a counter is not."""
    values = _last(found)
    content = values.get("content")
    if not isinstance(content, str) or content == INITIAL:
        return ""
    own = _computed(values, look, "", sheets)
    if own.is_gone or own.is_unseen:
        return ""
    if own.is_unsure or "\0\0" in content:
        return None
    return _ATTRIBUTE.sub(lambda match: element.get(match[1]) or "", content)
