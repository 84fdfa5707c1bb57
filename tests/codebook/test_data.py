"""The data files are found in subfolders too, wherever the codebook is installed; another folder may take their place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from codebook import data

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
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", OTHER, str(tmp_path)], cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_folder_is_chosen_before_anything_is_read(tmp_path: Path) -> None:
    data.names()
    with pytest.raises(RuntimeError, match="read before"):
        data.use(tmp_path)
