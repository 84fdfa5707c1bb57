"""What tests of the intake share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """An empty folder that is watched."""
    made = tmp_path / "in"
    made.mkdir()
    return made
