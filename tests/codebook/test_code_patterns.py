"""No pattern of the code takes more than linear time, by the way in which it is used."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from tests.pumping import Target, pump_all

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("codebook", "database", "runtime", "workers", "tasks", "ingest", "console")
MATCHES: dict[str, Literal["search", "match", "fullmatch"]] = {"match": "match", "fullmatch": "fullmatch"}
INLINE = ("search", "match", "fullmatch", "split", "findall", "finditer", "sub", "subn")
# Where patterns are applied to our own data alone, once, when it is loaded.
OWN_DATA = ("codebook/phrases.py", "codebook/text/linear.py", "codebook.text.linear.")


def modules() -> Iterator[ModuleType]:
    for package in PACKAGES:
        found = importlib.import_module(package)
        yield found
        for info in pkgutil.walk_packages(found.__path__, f"{package}."):
            if ".migrations" not in info.name and not info.name.endswith("__main__"):
                yield importlib.import_module(info.name)


def patterns(value: Any, depth: int = 0) -> Iterator[re.Pattern[Any]]:
    """The patterns in a value of a module, in its tuples, lists and dictionaries too."""
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict) and depth < 3:
        for item in value.values():
            yield from patterns(item, depth + 1)
    elif isinstance(value, tuple | list | frozenset | set) and depth < 3 and len(value) < 1000:
        for item in value:
            yield from patterns(item, depth + 1)


def uses() -> dict[str, set[str]]:
    """The methods that are called of a name: of a private one in its module, of others anywhere in the code."""
    found: dict[str, set[str]] = defaultdict(set)
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                    module = ".".join(path.relative_to(ROOT).with_suffix("").parts) if node.value.id.startswith("_") else ""
                    found[f"{module}.{node.value.id}"].add(node.attr)
    return found


def inline() -> Iterator[Target]:
    """The patterns that are written where they are used: ``re.search("...", text)``."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in INLINE):
                    continue
                of_re = isinstance(node.func.value, ast.Name) and node.func.value.id == "re"
                first = node.args[0] if node.args else None
                if of_re and isinstance(first, ast.Constant) and isinstance(first.value, str | bytes):
                    name = f"{path.relative_to(ROOT)}:{node.lineno}"
                    yield Target(name, re.compile(first.value), MATCHES.get(node.func.attr, "search"))


def targets() -> list[Target]:
    used = uses()
    found: dict[tuple[Any, int, str], Target] = {}
    for module in modules():
        for name, value in vars(module).items():
            for pattern in patterns(value):
                methods = used.get(f"{module.__name__ if name.startswith('_') else ''}.{name}", set()) & set(INLINE)
                for method in sorted({MATCHES.get(one, "search") for one in methods} or {"search"}):
                    key = (pattern.pattern, pattern.flags, method)
                    found.setdefault(key, Target(f"{module.__name__}.{name}", pattern, method))
    for target in inline():
        found.setdefault((target.pattern.pattern, target.pattern.flags, target.method), target)
    return [target for target in found.values() if not target.name.startswith(OWN_DATA)]


def test_every_pattern_of_the_code_is_found() -> None:
    names = {target.name for target in targets()}
    assert {"ingest.files.identify._HAS_HTML", "tasks.extraction.grid.NUMERIC"} <= names
    assert len(names) > 60


def test_no_pattern_of_the_code_takes_more_than_linear_time() -> None:
    found = pump_all(targets())
    assert not found, "\n".join(f"{one.name}: {one.prefix!r} + n * {one.unit!r} + {one.ending!r} {one.seconds}" for one in found)
