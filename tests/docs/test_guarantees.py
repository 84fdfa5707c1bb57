"""The page of guarantees names tests that there are, and leaves out none of the fault tests."""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs" / "guarantees.md").read_text()
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)


def names_in(path: str) -> set[str]:
    """The tests of a module, by name."""
    return set(re.findall(r"^def (test_\w+)", (REPOSITORY / path).read_text(), re.M))


def test_the_named_tests_exist() -> None:
    assert NAMED
    assert [f"{path}::{name}" for path, name in NAMED if name not in names_in(path)] == []


def test_no_fault_test_is_left_out() -> None:
    named = {name for _, name in NAMED}
    paths = [path.relative_to(REPOSITORY).as_posix() for path in sorted((REPOSITORY / "tests" / "chaos").glob("test_*.py"))]
    assert {name for path in paths for name in names_in(path)} <= named


def test_each_of_the_twenty_eight_faults_has_its_tests() -> None:
    rows = re.findall(r"^\| (\d+) \|(.*)$", PAGE, re.M)
    assert [int(number) for number, _ in rows] == list(range(1, 29))
    assert [number for number, rest in rows if "::test_" not in rest] == []
