"""The style rules of a sheet as a browser's window of ``_WINDOW`` pixels applies them.

Rules for print are left out, rules in rules get the selectors of those around them, and each knows its cascade layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import tinycss2

from codebook.errors import GongkaiError
from tasks.extraction.html.declarations import UNLAYERED
from tasks.extraction.html.elsewhere import data_in

_WINDOW = 1280.0  # pixels
_DEEPEST = 8  # rules in rules, and layers in layers
_LONGEST = 20_000  # characters of a selector with those around it
_BY_ITSELF = frozenset(("before", "after", "hover", "active", "focus", "visited", "link"))
_GROUPS = ("supports", "layer", "container", "scope", "starting-style")

Path = tuple[str, ...]


class StyleRule(NamedTuple):
    """Declarations that follow each other in a rule, its selectors with those of the rules around it, and its layer."""

    selectors: Sequence[Any]
    content: list[Any]
    layer: Path = ()


class Layers:
    """The cascade layers of a page in the order in which they are first named. ``is_linked``: a sheet imports another one.
    ``fonts``: the names of those that its sheets bring.
    """

    def __init__(self) -> None:
        self.is_linked = False
        self.fonts: set[str] = set()
        self._inner: dict[Path, list[str]] = {(): []}
        self._ranks: dict[Path, int] = {}

    def name(self, above: Path, prelude: Sequence[Any]) -> Path:
        """The layer (the last of several) that ``@layer`` names in another one; without a name it is a new one."""
        names = [name.strip() for name in tinycss2.serialize(prelude).split(",")]
        path = above
        for name in names:
            path = above
            for part in name.split(".")[:_DEEPEST]:
                path = self._step(path, part or f"\0{len(self._inner)}")
        return path

    def _step(self, above: Path, name: str) -> Path:
        path = (*above, name)
        if path not in self._inner:
            self._inner[above].append(name)
            self._inner[path] = []
            self._ranks = {}
        return path

    def rank(self, path: Path) -> int:
        """The place of a layer among all: what is in a layer itself comes after the layers in it."""
        if not path:
            return UNLAYERED
        if not self._ranks:
            stack: list[tuple[Path, bool]] = [((), False)]
            while stack:
                one, is_open = stack.pop()
                if is_open:
                    self._ranks[one] = len(self._ranks)
                    continue
                stack.append((one, True))
                stack += [((*one, name), False) for name in reversed(self._inner[one])]
        return self._ranks[path]


class _Around(NamedTuple):
    """What is around nodes of a sheet: the selectors of the rule that they are in, its layer, and how much deeper is looked."""

    selectors: Sequence[Any] | None = None
    layer: Path = ()
    left: int = _DEEPEST


def style_rules(sheet: str, layers: Layers, take: Callable[[int], None]) -> Iterator[StyleRule]:
    """The style rules of a sheet for a screen, in order, those in other rules too. ``take`` is called with the steps done."""
    nodes = tinycss2.parse_stylesheet(sheet, skip_comments=True, skip_whitespace=True)
    yield from _rules(nodes, _Around(), layers, take)


def _rules(nodes: Sequence[Any], around: _Around, layers: Layers, take: Callable[[int], None]) -> Iterator[StyleRule]:
    own: list[Any] = []
    for node in nodes:
        take(1)
        if node.type == "declaration":
            own.append(node)
            continue
        if own and around.selectors is not None:
            yield StyleRule(around.selectors, own, around.layer)
        own = []
        if node.type == "at-rule" and node.lower_at_keyword == "import":
            yield from _imported(node, around, layers, take)
            continue
        inner = _entered(node, around, layers) if around.left else None
        if inner is not None:
            block = tinycss2.parse_blocks_contents(node.content, skip_comments=True, skip_whitespace=True)
            yield from _rules(block, inner, layers, take)
    if own and around.selectors is not None:
        yield StyleRule(around.selectors, own, around.layer)


def _entered(node: Any, around: _Around, layers: Layers) -> _Around | None:
    """What is around the contents of a rule or group; None where these do not count."""
    left = around.left - 1
    if node.type == "qualified-rule":
        selectors = node.prelude if around.selectors is None else _inside(node.prelude, around.selectors)
        return None if selectors is None else _Around(selectors, around.layer, left)
    if node.type != "at-rule":
        return None
    name = node.lower_at_keyword
    if name == "font-face" and node.content is not None:
        layers.fonts |= set(_named_fonts(node.content))
    layer = layers.name(around.layer, node.prelude) if name == "layer" else around.layer
    is_group = (name in _GROUPS and not _is_denied(name, node.prelude)) or (name == "media" and is_for_screen(node.prelude))
    return _Around(around.selectors, layer, left) if is_group and node.content is not None else None


def _imported(node: Any, around: _Around, layers: Layers, take: Callable[[int], None]) -> Iterator[StyleRule]:
    """The rules of a sheet that another one imports, where it is written into the address."""
    address = next((token for token in node.prelude if token.type in ("string", "url", "function")), None)
    if address is not None and address.type == "function":
        address = next((token for token in address.arguments if token.type == "string"), None)
    sheet = sheet_in(address.value) if address is not None else None
    if sheet is None:
        layers.is_linked = True
    elif around.left:
        take(len(sheet) // 16)
        nodes = tinycss2.parse_stylesheet(sheet, skip_comments=True, skip_whitespace=True)
        yield from _rules(nodes, around._replace(left=around.left - 1), layers, take)


def sheet_in(address: str) -> str | None:
    """The style sheet that an address holds itself (``data:text/css,…``), None for one that is elsewhere."""
    if address.strip()[:5].lower() != "data:":
        return None
    return data_in(address.strip()).decode("utf-8", errors="replace")


def _named_fonts(content: Sequence[Any]) -> Iterator[str]:
    """The name that a ``@font-face`` gives its font."""
    for node in tinycss2.parse_blocks_contents(content, skip_comments=True, skip_whitespace=True):
        if node.type == "declaration" and node.lower_name == "font-family":
            words = [token.value for token in node.value if token.type in ("ident", "string")]
            yield " ".join(words).lower()


def _inside(prelude: Sequence[Any], around: Sequence[Any]) -> Sequence[Any] | None:
    """The selectors of a rule in another one: & stands for that one's, which come first where it is not written. None for
    brackets in brackets that nobody writes.
    """
    parts: list[list[Any]] = [[]]
    for token in prelude:
        if token.type == "literal" and token.value == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    try:
        outer = f":is({tinycss2.serialize(around).strip()})"
        found = []
        for part in parts:
            written = "".join(outer if _is_outer(token) else token.serialize() for token in part).strip()
            found.append(written if any(map(_is_outer, part)) else f"{outer} {written}")
    except RecursionError:
        return None
    selectors = ", ".join(found)
    if len(selectors) > _LONGEST:
        raise GongkaiError("file.bomb", f"a selector of {len(selectors)} characters", f"at most {_LONGEST}")
    tokens: list[Any] = tinycss2.parse_component_value_list(selectors)
    return tokens


def _is_outer(token: Any) -> bool:
    return bool(token.type == "literal" and token.value == "&")


def looks_beside(selectors: Sequence[Any]) -> bool:
    """Return whether selectors look at more than an element and those around it: at what is beside it or in it."""
    before = None
    for token in selectors:
        if token.type == "literal" and token.value in ("+", "~"):
            return True
        if before is not None and before.type == "literal" and before.value == ":":
            is_logical = token.type == "function" and token.lower_name in ("is", "not", "where")
            if looks_beside(token.arguments) if is_logical else not _is_by_itself(token):
                return True
        before = token
    return False


def _is_by_itself(token: Any) -> bool:
    """Return whether what stands behind a colon is the next colon or says something of an element itself."""
    return (token.type == "literal" and token.value == ":") or (token.type == "ident" and token.lower_value in _BY_ITSELF)


def is_for_screen(prelude: Sequence[Any]) -> bool:
    """Return whether a list of media queries holds on a screen. A condition that is not known does not."""
    queries: list[list[Any]] = [[]]
    for token in prelude:
        if token.type == "literal" and token.value == ",":
            queries.append([])
        elif token.type not in ("whitespace", "comment"):
            queries[-1].append(token)
    return any(map(_holds, queries))


def _is_denied(name: str, prelude: Sequence[Any]) -> bool:
    """Return whether a group of rules is for browsers that lack what its condition names: ``@supports not (display: grid)``."""
    first = next((token for token in prelude if token.type not in ("whitespace", "comment")), None)
    return name == "supports" and first is not None and first.type == "ident" and first.lower_value == "not"


def _holds(query: Sequence[Any]) -> bool:
    is_negated, result = False, True
    for token in query:
        if token.type == "ident":
            word = token.lower_value
            if word == "not":
                is_negated = True
            elif word not in ("only", "and", "or"):
                result = result and word in ("all", "screen")
        elif token.type == "() block":
            result = result and _is_true(token.content)
        else:
            return False
    return result != is_negated


def _is_true(condition: Sequence[Any]) -> bool:
    """Return whether a condition in brackets holds in a window of ``_WINDOW`` pixels: (min-width: 600px)."""
    tokens = [token for token in condition if token.type not in ("whitespace", "comment")]
    name = tokens[0].lower_value if tokens and tokens[0].type == "ident" else ""
    value = tokens[2] if len(tokens) == 3 and tokens[1].type == "literal" and tokens[1].value == ":" else None
    if value is not None and value.type in ("dimension", "number"):
        pixels = value.value * (16 if getattr(value, "lower_unit", "px") in ("em", "rem") else 1)
        if name in ("min-width", "min-device-width"):
            return bool(pixels <= _WINDOW)
        if name in ("max-width", "max-device-width"):
            return bool(pixels >= _WINDOW)
        return name.startswith("min-height") or (name == "min-resolution" and pixels <= 1)
    word = value.lower_value if value is not None and value.type == "ident" else ""
    return (name, word) in (
        ("orientation", "landscape"),
        ("prefers-color-scheme", "light"),
        ("prefers-reduced-motion", "no-preference"),
        ("hover", "hover"),
        ("pointer", "fine"),
    ) or (name in ("color", "hover", "pointer", "grid") and value is None and name != "grid")
