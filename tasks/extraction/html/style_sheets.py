"""The style sheets of a page itself, and which of their declarations each element gets, by specificity and order.

What a page only links to did not come in; ``StyleSheets.is_linked`` says so. ``StyleSheets.fonts``: the fonts that a page
brings itself, in small letters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import cssselect2
import tinycss2
from cssselect2.parser import SelectorError
from lxml import etree

from codebook.errors import GongkaiError
from tasks.extraction.html.declarations import Declaration, declarations
from tasks.extraction.html.style_rules import Layers, is_for_screen, looks_beside, sheet_in, style_rules
from tasks.extraction.limits import ExtractionLimits

_PARTS = {None: "own", "before": "before", "after": "after", "first-letter": "first", "first-line": "first"}
_COMPILING = 200  # steps that making a selector ready costs about


class ElementStyles(NamedTuple):
    """The declarations that an element gets from sheets, those that win last: its own, and those of ::before, ::after, and of
    ::first-letter or ::first-line.
    """

    own: list[Declaration]
    before: list[Declaration]
    after: list[Declaration]
    first: list[Declaration]


NOTHING = ElementStyles([], [], [], [])


class _Steps:
    """Counts the steps of matching: a few rules of a page that is made for it take a browser minutes."""

    def __init__(self, most: int) -> None:
        self.most, self.left = most, most

    def take(self, steps: int) -> None:
        self.left -= steps
        if self.left < 0:
            raise GongkaiError("file.bomb", f"style sheets that take more than {self.most} steps", "styles of a page")


class _Element(cssselect2.ElementWrapper):  # type: ignore[misc]
    """An element as selectors see it, whose neighbours are counted as they are looked at."""

    steps: _Steps

    @property
    def ancestors(self) -> Iterator[_Element]:
        element = self.parent
        while element is not None:
            self.steps.take(1)
            yield element
            element = element.parent

    @property
    def previous_siblings(self) -> Iterator[_Element]:
        element = self.previous
        while element is not None:
            self.steps.take(1)
            yield element
            element = element.previous

    @property
    def etree_siblings(self) -> list[etree._Element]:
        siblings: list[etree._Element] = self._siblings
        self.steps.take(1 + len(siblings) // 16)
        return siblings

    @etree_siblings.setter
    def etree_siblings(self, siblings: list[etree._Element]) -> None:
        self._siblings = siblings

    def iter_children(self) -> Iterator[_Element]:
        for child in super().iter_children():
            self.steps.take(4)
            yield child


class _Matcher(cssselect2.Matcher):  # type: ignore[misc]
    """Finds the selectors that match an element, and counts those that are tried."""

    def __init__(self, steps: _Steps) -> None:
        super().__init__()
        self.steps = steps

    def add_relevant_selectors(self, element: _Element, selectors: list[Any], relevant_selectors: list[Any]) -> None:
        self.steps.take(len(selectors))
        super().add_relevant_selectors(element, selectors, relevant_selectors)


class StyleSheets:
    """The sheets of one page. Raises ``file.bomb`` where reading or matching them takes more than any page's does."""

    def __init__(self, root: etree._Element, limits: ExtractionLimits) -> None:
        self._steps = _Steps(limits.max_style_steps)
        self._variables: dict[str, Sequence[Any]] = {}
        self._inline: dict[str, tuple[Declaration, ...]] = {}  # of styles that name a property of the page
        self._matcher = _Matcher(self._steps)
        self.is_linked = False
        sheets = [
            sheet
            for element in root.iter("style", "link")
            if is_for_screen(tinycss2.parse_component_value_list(element.get("media") or ""))
            and (sheet := self._sheet(element)) is not None
        ]
        if (size := sum(map(len, sheets))) > limits.max_style_characters:
            raise GongkaiError("file.bomb", f"style sheets of {size} characters", f"at most {limits.max_style_characters}")
        layers = Layers()
        rules = [rule for sheet in sheets for rule in style_rules(sheet, layers, self._steps.take)]
        self.is_linked = self.is_linked or layers.is_linked
        self.fonts = frozenset(layers.fonts)
        for rule in rules:
            self._variables |= {node.name: node.value for node in rule.content if node.name[:2] == "--"}
        is_any = is_beside = False
        for rule in rules:
            if found := list(declarations(rule.content, self._variables)):
                rank = layers.rank(rule.layer)
                if self._add(rule.selectors, [one._replace(layer=rank) for one in found]):
                    is_any, is_beside = True, is_beside or looks_beside(rule.selectors)
        self._is_any = is_any
        self._looks_beside = is_beside

    def _sheet(self, element: etree._Element) -> str | None:
        """The sheet of an element, None where it is elsewhere."""
        if element.tag == "style":
            return element.text or ""
        if "stylesheet" not in (element.get("rel") or "").lower():
            return None
        found = sheet_in(element.get("href") or "")
        self.is_linked = self.is_linked or found is None
        return found

    def inline(self, style: str) -> tuple[Declaration, ...]:
        """The declarations of a style attribute."""
        if "var(" not in style:
            return inline_declarations(style)
        if style not in self._inline:
            nodes = tinycss2.parse_blocks_contents(style, skip_comments=True, skip_whitespace=True)
            own = {n.name: n.value for n in nodes if n.type == "declaration" and n.name[:2] == "--"}
            self._inline[style] = tuple(declarations(nodes, self._variables | own))
        return self._inline[style]

    def _add(self, prelude: Sequence[Any], found: list[Declaration]) -> bool:
        try:
            selectors = cssselect2.compile_selector_list(prelude)
        except (SelectorError, NotImplementedError, RecursionError, MemoryError, SyntaxError):
            return False  # as browsers do with a rule whose selector they do not know
        self._steps.take(_COMPILING * len(selectors))
        for selector in selectors:
            self._matcher.add_selector(selector, found)
        return bool(selectors)

    def matched(self, root: etree._Element, kinds: Mapping[etree._Element, int]) -> dict[etree._Element, ElementStyles]:
        """The declarations of each element that gets any; elements that get the same share them."""
        if not self._is_any:
            return {}
        wrapper: Any = type("_Counted", (_Element,), {"steps": self._steps})
        same: dict[tuple[object, ...], ElementStyles] = {}
        if self._looks_beside:
            elements = wrapper.from_html_root(root).iter_subtree()
            return {element.etree_element: found for element in elements if (found := self._styles(element, same))}
        wrappers: dict[int, Any] = {}
        by_kind: dict[int, ElementStyles] = {}
        for element, kind in kinds.items():
            if kind not in wrappers:
                above = wrappers.get(kinds.get(element.getparent(), -1))
                wrappers[kind] = wrapper(element, above, 0, None, in_html_document=True)
                if found := self._styles(wrappers[kind], same):
                    by_kind[kind] = found
        return {element: by_kind[kind] for element, kind in kinds.items() if kind in by_kind}

    def _styles(self, element: _Element, same: dict[tuple[object, ...], ElementStyles]) -> ElementStyles | None:
        """The declarations of an element, None where it gets none; ``same`` has those that were found, by the rules."""
        matches = self._matcher.match(element)
        if not matches:
            return None
        key = tuple((pseudo, id(payload)) for _, _, pseudo, payload in matches)
        if key not in same:
            found = same[key] = ElementStyles([], [], [], [])
            for _, _, pseudo, payload in matches:
                target = getattr(found, _PARTS.get(pseudo, ""), None)
                if target is not None:
                    target.extend(payload)
        return same[key]


@lru_cache(maxsize=4096)
def inline_declarations(style: str) -> tuple[Declaration, ...]:
    """The declarations of a style attribute that names no property of the page."""
    nodes = tinycss2.parse_blocks_contents(style, skip_comments=True, skip_whitespace=True)
    return tuple(declarations(nodes, {}))
