"""Names of regions by their codes, and codes by the names that people type and pages print."""

from __future__ import annotations

from collections import defaultdict
from functools import cache

from codebook.regions import load_regions


@cache
def region_names() -> dict[str, str]:
    """The names of each region from the province down, by its code of six digits."""
    return {region.code: " ".join(region.chain) for region in load_regions().all}


def region_name(code: str | None) -> str:
    """The names of a region by its code, or the beginning of it; the code where it is not known."""
    return region_names().get((code or "").ljust(6, "0")[:6], code or "")


@cache
def _codes() -> dict[str, tuple[str, ...]]:
    """The codes by names without marks between them, from the province down or from any level below it."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for region in load_regions().all:
        for level in range(len(region.chain)):
            if region.code:
                found["".join(region.chain[level:])][region.code] = None
    return {name: tuple(codes) for name, codes in found.items()}


def region_codes(text: str) -> tuple[str, ...]:
    """The codes of the regions that a person may mean: by a code or its beginning, or by names from the province down or from a
    lower level, printed with or without marks between them. Several where a name is that of several regions.

    >>> region_codes("3208"), region_codes("\u6c5f\u82cf\u7701/\u6dee\u5b89\u5e02"), region_codes("nowhere"), region_codes("")
    (('3208',), ('320800',), (), ())
    >>> region_codes("\u6c5f\u82cf\u7701\u6dee\u5b89\u5e02\u6d2a\u6cfd\u533a"), region_codes("\u6d2a\u6cfd\u533a")
    (('320813',), ('320813',))
    """
    if text.isascii() and text.isdecimal():
        return (text[:12],)
    names = text.replace("/", " ").split()
    if not names:
        return ()
    region = load_regions().chain(tuple(names))
    if region is not None and region.code:
        return (region.code,)
    return _codes().get("".join(names), ())


def region_code(text: str) -> str | None:
    """The code of the region that a person typed; None where there is no such region, or several have that name."""
    codes = region_codes(text)
    return codes[0] if len(codes) == 1 else None
