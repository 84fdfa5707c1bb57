"""The shape of the source: packages with a subject and a description, names with one meaning, plain English."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("codebook", "database", "runtime", "workers", "tasks", "ingest", "console")
SOURCES = sorted(
    path for top in PACKAGES for path in (REPOSITORY / top).rglob("*.py") if "versions" not in path.relative_to(REPOSITORY).parts
)
PROSE = sorted(
    path
    for where in ("*.md", "docs/**/*.md", "deploy/*.md", "tests/*.md")
    for path in REPOSITORY.glob(where)
    if not path.name.endswith("zh-CN.md") and path.name not in ("CHANGELOG.md", "LICENSE")
)
MODULES = 15  # in one folder, __init__ and __main__ aside

# Say it as the documentation of PostgreSQL or Celery would: the word, and what to write instead.
QUAINT = {
    r"\banew\b": "again",
    r"\bwhoever\b": "the person or process that …",
    r"\bat the door\b": "at registration",
    r"\bso many\b": "a number",
    r"\bgives how many\b": "Return how many",
    r"\b(?:is|are|was|were|be) told (?:of|that|by|to|from)\b": "reports, says, distinguishes",
    r"\bstands beside\b": "is kept with, is next to",
    r"\bface\b(?= of)": "adapter",
    r"\bthe bell\b": "the notifier",
    r"\bring(?:s|ing)? for\b": "notify",
}


def name_of(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def test_a_folder_has_few_modules() -> None:
    folders: dict[str, int] = defaultdict(int)
    for path in SOURCES:
        folders[name_of(path.parent)] += path.name not in ("__init__.py", "__main__.py")
    assert {folder: count for folder, count in folders.items() if count > MODULES} == {}


def test_a_class_name_has_one_meaning() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path in SOURCES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(name_of(path))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


@pytest.mark.parametrize("path", [path for path in SOURCES if path.name == "__init__.py"], ids=name_of)
def test_a_package_says_what_it_is_for(path: Path) -> None:
    assert len(ast.get_docstring(tree_of(path)) or "") > 40


@pytest.mark.parametrize("path", [*PROSE, *SOURCES], ids=name_of)
def test_the_english_is_plain(path: Path) -> None:
    text = path.read_text()
    found = [
        f"{text.count(chr(10), 0, hit.start()) + 1}: {hit[0]!r}, say: {better}"
        for word, better in QUAINT.items()
        for hit in re.finditer(word, text)
    ]
    assert found == []


def test_the_functions_of_the_tutorial_are_there() -> None:
    """docs/tutorial/one-number.md names functions and classes; each is defined in the source, or is a module or a field."""
    text = re.sub(r"```.*?```", "", (REPOSITORY / "docs" / "tutorial" / "one-number.md").read_text(), flags=re.S)
    named = set(re.findall(r"`([A-Za-z_]+)`", text))
    defined = {path.stem for path in SOURCES} | {path.parent.name for path in SOURCES}
    for path in SOURCES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                defined.add(node.name)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                defined.add(node.target.id)
    states = {"queued", "running", "proven", "doubtful", "None"}
    assert named - defined - states == set()


def test_the_places_of_the_vocabulary_are_there() -> None:
    for place in re.findall(r"\| `([\w./]+)` \|$", (REPOSITORY / "docs" / "vocabulary.md").read_text(), flags=re.M):
        if place.startswith("gk_"):
            table = place.split(".")[0]
            assert any(f'"{table}"' in path.read_text() for path in SOURCES), place
        elif "/" in place:
            assert (REPOSITORY / place).exists(), place
        else:
            parts = place.split(".")
            package = REPOSITORY.joinpath(*parts)
            known = package.is_dir() or package.with_suffix(".py").exists() or package.parent.with_suffix(".py").exists()
            assert known or parts[0] == "State", place
