"""Raised and lowered characters: marks of notes and exponents, which are no digits of the number before them.

A source says it by markup or by size and place; in the text they become the characters of Unicode that say the same: 7¹.
"""

from __future__ import annotations

_PLAIN = "0123456789+-=()（）"
_RAISED = str.maketrans(_PLAIN + "abcde", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾⁽⁾" + "ᵃᵇᶜᵈᵉ")
_LOWERED = str.maketrans(_PLAIN, "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎₍₎")


def raised(text: str) -> str:
    """Return ``text`` as it is written above the line; what has no raised character stays.

    >>> raised("注1")
    '注¹'
    """
    return text.translate(_RAISED)


def lowered(text: str) -> str:
    """Return ``text`` as it is written below the line."""
    return text.translate(_LOWERED)
