"""The page on security names tests and settings that there are."""

from __future__ import annotations

import re
from pathlib import Path

from runtime.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs" / "security.md").read_text()


def test_the_named_tests_exist_and_none_is_left_out() -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", PAGE))
    assert [path for path in sorted(named) if not (REPOSITORY / path).is_file()] == []
    shown = {path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "tests" / "security").glob("test_*.py")}
    assert shown <= named


def test_the_named_settings_exist() -> None:
    names = re.findall(r"`GONGKAI_(\w+)(?:=[^`]*)?`", PAGE)
    assert len(names) > 5
    assert {name.lower() for name in names} <= set(Settings.model_fields)
