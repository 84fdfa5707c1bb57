"""Names of regions by their codes, and codes by the names that people type."""

from __future__ import annotations

from codebook.regions import region_chains, region_codes


def region_name(code: str | None) -> str:
    """The names of a region by its code, or the beginning of it; the code where it is not known."""
    chain = region_chains().get((code or "").ljust(6, "0")[:6])
    return " ".join(chain) if chain else code or ""


def region_code(text: str) -> str | None:
    """The code of the region that a person typed: a code or its beginning, or names; None where there is no such region, or
    several have that name.

    >>> region_code("3208"), region_code("\u6c5f\u82cf\u7701/\u6dee\u5b89\u5e02"), region_code("nowhere"), region_code("")
    ('3208', '320800', None, None)
    """
    codes = region_codes(text)
    return codes[0] if len(codes) == 1 else None
