"""Fixtures of this folder."""

from __future__ import annotations

import pytest

from tests.ocr.papers import SAMPLES


@pytest.fixture(scope="session")
def sample() -> bytes:
    """A shipped sample, a PDF with ruled tables."""
    return next(iter(sorted(SAMPLES.glob("*.pdf")))).read_bytes()
