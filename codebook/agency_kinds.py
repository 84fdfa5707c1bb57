"""What kind of body an agency is, and the key by which its reports of several years are joined."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache, lru_cache

import msgspec

from codebook import data
from codebook.divisions import names_of, short_name
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


@cache
def _kinds() -> AgencyKinds:
    return msgspec.yaml.decode(data.read("agencies/kinds.yaml"), type=AgencyKinds)


@lru_cache(maxsize=50_000)
def kind_of(agency: str) -> AgencyKind | None:
    """The kind of an agency by the end of its name, None when the name does not show it.

    >>> kind_of("淮安市洪泽区人民政府").kind
    'government'
    """
    name = fold_label(agency)
    return next((kind for kind in _kinds().kinds if name.endswith(kind.endings)), None)


def is_government(agency: str) -> bool:
    """Return whether the agency is a people's government of county level and up, whose report covers its whole area (article
    49).
    """
    kind = kind_of(agency)
    return kind is not None and kind.kind == "government"


def without_region(name: str, region: Sequence[str]) -> str:
    """A folded name without the names of its region before it.

    A short form (江苏) goes only where another of the region's names follows. A name that does not name the lowest of
    ``region`` is left whole: 苏州市…局 with the region of 常熟市 may be the city's bureau.

    >>> without_region("江苏常熟市城市管理局", ("江苏省", "苏州市", "常熟市"))
    '城市管理局'
    """
    rest, last = name, -1
    for index, place in enumerate(region):
        short = short_name(place)
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
    return f"{code}:{without_region(name, names_of(code))}"


def stored_key(agency: str, region_code: str | None) -> str:
    """Return :func:`agency_key` as the database stores it: without NUL, and as a SHA-256 digest where it is too long."""
    key = agency_key(agency, region_code).replace("\0", "\\x00")
    return key if len(key) <= _KEY_LENGTH else hashlib.sha256(key.encode()).hexdigest()
