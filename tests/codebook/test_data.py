"""The data files are found in subfolders too, wherever the codebook is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from codebook import data


def test_every_data_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = Path(data.__file__).parent
    assert data.names() == sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.yaml"))
    (tmp_path / "lists" / "inner").mkdir(parents=True)
    for name in ("one.yaml", "lists/two.csv", "lists/inner/three.yaml", "lists/notes.txt"):
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(data, "files", lambda _: tmp_path)
    assert data.names() == ["lists/inner/three.yaml", "lists/two.csv", "one.yaml"]
    assert data.names("lists") == ["lists/inner/three.yaml", "lists/two.csv"]
    assert data.read("lists/inner/three.yaml") == b"lists/inner/three.yaml"
    with pytest.raises(FileNotFoundError):
        data.read("lists/four.yaml")
