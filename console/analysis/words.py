"""What figures and roll-ups are called, from ``words.yaml``."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import msgspec

from codebook.analysis.indicators import TwoWords


@cache
def _words() -> dict[str, dict[str, TwoWords]]:
    return msgspec.yaml.decode((files(__package__) / "words.yaml").read_bytes(), type=dict[str, dict[str, TwoWords]])


def word(group: str, name: str | None, language: str) -> str:
    """Return what a name of a group is called in a language; the name itself where there is no word for it.

    >>> word("omissions", "blank", "en"), word("kinds", "unheard_of", "en"), word("kinds", None, "en")
    ('blank', 'unheard_of', '')
    """
    if name is None:
        return ""
    found = _words()[group].get(name)
    return found.of(language) if found is not None else name


def word_names(group: str) -> tuple[str, ...]:
    """Return the names of a group, in order."""
    return tuple(_words()[group])
