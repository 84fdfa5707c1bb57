"""Names of regions by their codes."""

from __future__ import annotations

from functools import cache

from codebook.regions import load_regions


@cache
def region_names() -> dict[str, str]:
    """The names of each region from the province down, by its code of six digits."""
    return {region.code: " ".join(region.chain) for region in load_regions().all}


def region_name(code: str | None) -> str:
    """The names of a region by its code, or the beginning of it; the code where it is not known."""
    return region_names().get((code or "").ljust(6, "0")[:6], code or "")


def region_code(text: str) -> str | None:
    """The code of a region that a person typed: a code or its beginning, or names from the province down; None where there is no
    such region.

    >>> region_code("3208"), region_code("\u6c5f\u82cf\u7701/\u6dee\u5b89\u5e02"), region_code("nowhere"), region_code("")
    ('3208', '320800', None, None)
    """
    if text.isascii() and text.isdecimal():
        return text[:12]
    names = tuple(text.replace("/", " ").split())
    region = load_regions().chain(names) if names else None
    return region.code or None if region is not None else None
