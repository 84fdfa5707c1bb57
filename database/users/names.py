"""User names: which are possible, and which two look alike (Unicode Technical Standard 39)."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from functools import cache

from confusable_homoglyphs.confusables import confusables_data

NAME_LENGTH = 60
_NAME = re.compile(rf"[\w.-]{{1,{NAME_LENGTH}}}")
_MARKS = "\u200e\u200f"  # directions, which the table of look-alikes holds beside some characters
_SKELETON_LENGTH = 240


def is_name(text: str) -> bool:
    """Return whether a user can be called so: letters (of any script), digits, dots, hyphens and underscores. Acts from the
    command line are signed ``uid=N(user)@host``, so that the two are never the same.

    >>> is_name("\\u5f20\\u4e09"), is_name("uid=0(root)@host")
    (True, False)
    """
    return _NAME.fullmatch(text) is not None


def normal(name: str) -> str:
    """The name in one form of its characters: compatibility forms (full width, ligatures) are replaced.

    >>> normal("\\uff5aang")
    'zang'
    """
    return unicodedata.normalize("NFKC", name)


def skeleton(name: str) -> str:
    """Return what two names share that people cannot tell apart: case is folded, look-alike characters are replaced by one of
    them.

    >>> skeleton("Admin") == skeleton("\\u0430dm\\u0456n"), skeleton("zhang1") == skeleton("zhangl")
    (True, True)
    """
    alike = _alike()
    folded = normal(name).casefold()
    for _ in range(2):  # what replaces a character may be a capital, or have compatibility forms
        folded = normal("".join(alike.get(character, character) for character in folded)).casefold()
    # A capital I looks like a small l, but folds to a small i.
    return folded.replace("i", "l")[:_SKELETON_LENGTH]


@cache
def _alike() -> dict[str, str]:
    """For each character with look-alikes the text that replaces it: the longest of its group (``rn`` for ``m``), then the one
    with the most look-alikes.
    """
    neighbours: dict[str, set[str]] = defaultdict(set)
    for character, entries in confusables_data.items():
        for entry in entries:
            one, other = character.strip(_MARKS), entry["c"].strip(_MARKS)
            neighbours[one].add(other)
            neighbours[other].add(one)
    found: dict[str, str] = {}
    for start in neighbours:
        if start in found:
            continue
        group, waiting = {start}, [start]
        while waiting:
            for other in neighbours[waiting.pop()] - group:
                group.add(other)
                waiting.append(other)
        chosen = min(group, key=lambda text: (-len(text), -len(neighbours[text]), text))
        found |= dict.fromkeys(group, chosen)
    return {character: chosen for character, chosen in found.items() if len(character) == 1}
