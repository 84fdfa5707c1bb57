"""The regions that a person means by a code or by names: as they are typed, and as pages print them."""

from __future__ import annotations

from collections import defaultdict
from functools import cache

from codebook.regions import load_regions


@cache
def _codes() -> dict[str, tuple[str, ...]]:
    """The codes by names without marks between them, from the province down or from any level below it."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for region in load_regions().all:
        for level in range(len(region.chain)):
            if region.code:
                found["".join(region.chain[level:])][region.code] = None
    return {name: tuple(codes) for name, codes in found.items()}


@cache
def region_chains() -> dict[str, tuple[str, ...]]:
    """The names of each region from the province down, by its code of six digits."""
    return {region.code: region.chain for region in load_regions().all if region.code}


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
