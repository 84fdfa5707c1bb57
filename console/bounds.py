"""Reading the regions and batches to which a user is bound, as people type them."""

from __future__ import annotations

from collections.abc import Iterable

from codebook.regions import load_regions

_COMMAS = dict.fromkeys(map(ord, "\uff0c\u3001"), ",")  # full width, and that of lists


def split_names(text: str) -> list[str] | None:
    """The names of a list with commas; None when there are none.

    >>> split_names("320800, 320900"), split_names(" ")
    (['320800', '320900'], None)
    """
    return [name.strip() for name in text.translate(_COMMAS).split(",") if name.strip()] or None


def unknown_regions(codes: Iterable[str]) -> list[str]:
    """Those of ``codes`` that are no codes of regions (six digits, GB/T 2260).

    >>> unknown_regions(["320800", "99"])
    ['99']
    """
    known = {region.code for region in load_regions().all}
    return [code for code in codes if code not in known]
