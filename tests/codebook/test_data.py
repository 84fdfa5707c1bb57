"""The data files are found in subfolders too, wherever the codebook is installed; another folder may take their place."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from codebook import data

ROOT = Path(__file__).parents[2]
ROOMS = ("codebook", "database", "runtime", "workers", "tasks", "ingest", "console")
HAN = re.compile(r"[\u3400-\u9fff]")
# Strings with Chinese characters that may stand in Python, with the reason.
CHINESE = {
    "\0\n 0a_Zé中。": "one character of each kind, to try patterns on",
    "Region of all reports, from the province down: 江苏省/淮安市.": "help with an example",
    "Region of all files, from the province down: 江苏省/淮安市.": "help with an example",
    "The region of agencies for which the list names none: 江苏省/淮安市, or a code.": "help with an example",
}
OTHER = """
import sys
from pathlib import Path
from codebook import data
data.use(Path(sys.argv[1]))
assert data.names() == ["lists/inner/three.yaml", "lists/two.csv", "one.yaml"]
assert data.names("lists") == ["lists/inner/three.yaml", "lists/two.csv"]
assert data.read("lists/inner/three.yaml") == b"lists/inner/three.yaml"
"""


def test_every_data_file_is_named() -> None:
    folder = Path(data.__file__).parent
    assert data.names() == sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.yaml"))
    with pytest.raises(FileNotFoundError):
        data.read("lists/four.yaml")


def test_another_folder_is_read_instead(tmp_path: Path) -> None:
    (tmp_path / "lists" / "inner").mkdir(parents=True)
    for name in ("one.yaml", "lists/two.csv", "lists/inner/three.yaml", "lists/notes.txt"):
        (tmp_path / name).write_text(name)
    done = subprocess.run([sys.executable, "-c", OTHER, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_folder_is_chosen_before_anything_is_read(tmp_path: Path) -> None:
    data.names()
    with pytest.raises(RuntimeError, match="read before"):
        data.use(tmp_path)


def _chinese(path: Path) -> set[str]:
    """The string constants with Chinese characters in a module, without docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    strings = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return {node.value for node in strings if id(node) not in said and HAN.search(node.value)}


def test_chinese_stands_in_data_files() -> None:
    modules = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    assert len(modules) > 200
    found = {word: path.relative_to(ROOT).as_posix() for path in modules for word in _chinese(path)}
    assert {word: where for word, where in found.items() if word not in CHINESE} == {}
    assert CHINESE.keys() <= found.keys()
