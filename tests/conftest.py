"""Fixtures that all rooms share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder with real reports and their hand-made truth. Tests that need it are skipped, saying so, where it is absent."""
    folder = Path(os.environ.get("GONGKAI_CORPUS", REPOSITORY.parent / "shared" / "corpus"))
    if not (folder / "truth").is_dir():
        pytest.skip(f"the corpus of real reports is not at {folder}; set GONGKAI_CORPUS")
    return folder
