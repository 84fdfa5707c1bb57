"""How large the fault tests are: a part of them for every change, all of them in full size under `make chaos`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import pytest

FULL = os.environ.get("GONGKAI_CHAOS") == "full"
in_full_size = pytest.mark.skipif(not FULL, reason="in full size only: GONGKAI_CHAOS=full, make chaos")


def some(usual: Sequence[Any], more: Sequence[Any]) -> list[Any]:
    """Parameters of a test: the usual ones, and those of the full size."""
    marked = [pytest.param(*(one if isinstance(one, tuple) else (one,)), marks=in_full_size) for one in more]
    return [*usual, *marked]
