"""Characters that were read unsurely, told by the words of the forms."""

from __future__ import annotations

import pytest

from tasks.ocr.lexicon import is_word, likelier


@pytest.mark.parametrize(
    ("before", "read", "after", "possible", "expected"),
    [
        ("专", "内", "机", [("内", 0.51), ("门", 0.48)], "门"),
        ("专", "门", "机", [("门", 0.51), ("内", 0.48)], None),  # makes a word as it is
        ("公", "幵", "", [("幵", 0.5), ("开", 0.4)], "开"),
        ("公", "幵", "", [("幵", 0.5), ("井", 0.4)], None),
        ("第", "二", "十", [("二", 0.5), ("三", 0.4)], None),  # numerals are never replaced
        ("第", "未", "条", [("未", 0.5), ("六", 0.4)], None),  # nor put in
        ("", "内", "", [("内", 0.5), ("门", 0.4)], None),
    ],
)
def test_a_character_is_told_by_its_neighbours(
    before: str, read: str, after: str, possible: list[tuple[str, float]], expected: str | None
) -> None:
    likely = likelier(before, read, after, possible) if is_word(read) else None
    assert (likely[0] if likely else None) == expected
