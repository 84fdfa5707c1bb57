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
