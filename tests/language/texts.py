"""The texts that people read, found in the source: what commands print, what errors say, and the help of commands.

A text with values is a template: ``{}`` for each value, as the catalogue of :mod:`runtime.language` has it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
Assigned = dict[str, list[ast.expr]]
_ALL = None
_OPTION = (0, ("help",))
SPOKEN: dict[str, tuple[int | tuple[int, int | None] | None, tuple[str, ...]]] = {
    **dict.fromkeys(("say", "wrong", "said", "prompt", "confirm", "UsageError", "BadParameter"), (1, ())),
    **dict.fromkeys(("Option", "Argument", "Typer"), _OPTION),
    **dict.fromkeys(("Probe", "_of"), (_ALL, ("found", "remedy"))),
    **dict.fromkeys(("_tell", "Fault"), ((1, None), ("message",))),
    "add_row": ((0, 1), ()),
    "show": (_ALL, ()),
    "table": (_ALL, ("title",)),
    "GongkaiError": ((1, None), ("found", "expected")),
}
"""Calls whose arguments are read by people: the first ones (None: all, a pair: from and to), and those of these names."""
_DEEPEST = 3
_WORD = re.compile(r"[A-Za-z]{2}")
_NO_WORDS = re.compile(r"\[/?[a-z ]*\]|`[^`]*`|https?://\S*|\b[A-Z]+_[A-Z_]+\b|\btext/plain\b")


def in_source(folders: tuple[str, ...]) -> dict[str, str]:
    """Return every text that people read, with the first place (``file:line``) that says it."""
    found: dict[str, str] = {}
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" in path.parts:  # their tables are of the database
                continue
            for text, line in _texts(ast.parse(path.read_text(encoding="utf-8"))):
                found.setdefault(text, f"{path.relative_to(ROOT)}:{line}")
    return found


def _texts(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.Module):
            assigned = _assigned(function)
            for node in _own(function):
                if isinstance(node, ast.Call):
                    for argument in _spoken(node):
                        for text in _templates(argument, assigned):
                            if _WORD.search(_NO_WORDS.sub("", text)):
                                yield text, node.lineno


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """Return the nodes of a function without those of functions within it."""
    for child in ast.iter_child_nodes(function):
        yield child
        if not isinstance(child, ast.FunctionDef):
            yield from _own(child)


def _assigned(function: ast.AST) -> Assigned:
    names: Assigned = {}
    for node in _own(function):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                pairs = [(target, node.value)]
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    pairs = list(zip(target.elts, node.value.elts, strict=False))
                for name, value in pairs:
                    if isinstance(name, ast.Name):
                        names.setdefault(name.id, []).append(value)
    return names


def _spoken(call: ast.Call) -> list[ast.expr]:
    """Return the arguments of a call that people read."""
    function = call.func
    name = function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
    keywords = {each.arg: each.value for each in call.keywords}
    first, names = SPOKEN.get(name, (0, ()))
    arguments = call.args[slice(*first) if isinstance(first, tuple) else slice(first)]
    found = [*arguments, *(keywords[each] for each in names if each in keywords)]
    if name == "counted" and len(call.args) > 1 and isinstance(call.args[1], ast.Constant):
        noun = str(call.args[1].value)
        plural = str(call.args[2].value) if len(call.args) > 2 and isinstance(call.args[2], ast.Constant) else f"{noun}s"
        found += [ast.Constant(f"{{}} {noun}"), ast.Constant(f"{{}} {plural}")]
    return found


def _templates(node: ast.expr, names: Assigned, depth: int = 0) -> Iterator[str]:  # noqa: PLR0912 - a case for each kind of node
    """Return the texts that an expression can be, and those of its values that are said in words."""
    if depth > _DEEPEST:
        return
    inner = depth + 1
    match node:
        case ast.Constant(value=str(text)):
            yield " ".join(text.split())
        case ast.JoinedStr(values=parts):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts)
            for part in parts:
                if isinstance(part, ast.FormattedValue):
                    yield from _choices(part.value, names, inner)
        case ast.IfExp(body=one, orelse=other):
            yield from _templates(one, names, inner)
            yield from _templates(other, names, inner)
        case ast.BoolOp(values=values):
            for each in values:
                yield from _templates(each, names, inner)
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            one, other = (list(_templates(each, names, inner)) or ["{}"] for each in (left, right))
            yield one[0] + other[0]
            yield from (*one[1:], *other[1:])
        case ast.Name(id=name):
            for each in names.get(name, ()):
                yield from _templates(each, names, inner)
        case ast.Call(func=ast.Name(id="plain" | "str"), args=[first, *_]):
            yield from _choices(first, names, inner)
        case ast.Subscript(value=ast.Name(id=name)):
            for each in names.get(name, ()):
                for value in each.values if isinstance(each, ast.Dict) else ():
                    yield from _templates(value, names, inner)


def _choices(node: ast.expr, names: Assigned, depth: int) -> Iterator[str]:
    """Return the texts of a value, where the source says it in words: a choice, a part that was put together before."""
    match node:
        case ast.IfExp() | ast.JoinedStr() | ast.BoolOp() | ast.Subscript():
            yield from _templates(node, names, depth)
        case ast.Name(id=name):
            for each in names.get(name, ()):
                if isinstance(each, ast.IfExp | ast.JoinedStr | ast.Constant):
                    yield from _templates(each, names, depth)
        case ast.Call(func=ast.Name(id="plain" | "str"), args=[first, *_]):
            yield from _choices(first, names, depth)
