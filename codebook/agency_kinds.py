"""What kind of body an agency is, and the key by which its reports of several years are joined."""

from __future__ import annotations

import hashlib
from functools import cache, lru_cache
from typing import Literal

import msgspec

from codebook import data
from codebook.agency_names import load_matching, matched_name
from codebook.records import Record
from codebook.regions import load_regions
from codebook.text.fold import fold_label

_KEY_LENGTH = 220  # characters of gk_report.agency_key


class AgencyKind(Record, frozen=True):
    """A kind of body, the beginnings and endings of names that show it (and those that do not), and its deadline (month-day),
    None where the law names none. ``makes_rules`` says whether such a body may make 规章: never, a ministry may, or by its level.
    """

    kind: str
    deadline: str | None
    makes_rules: Literal["never", "ministry", "by_level"]
    why: str
    endings: tuple[str, ...]
    unless: tuple[str, ...] = ()
    begins: tuple[str, ...] = ()

    def fits(self, name: str) -> bool:
        """Return whether a name, as the rules of matching.yaml read it, is of this kind."""
        return name.startswith(self.begins) or (name.endswith(self.endings) and not name.endswith(self.unless))


class AgencyKinds(Record, frozen=True):
    """The rows of agencies/kinds.yaml."""

    kinds: tuple[AgencyKind, ...]


@cache
def _kinds() -> AgencyKinds:
    return msgspec.yaml.decode(data.read("agencies/kinds.yaml"), type=AgencyKinds)


def kind_names() -> tuple[str, ...]:
    """Return the kinds that there are.

    >>> kind_names()[:2]
    ('vertical_body', 'town')
    """
    return tuple(kind.kind for kind in _kinds().kinds)


@lru_cache(maxsize=50_000)
def kind_of(agency: str) -> AgencyKind | None:
    """Return the kind of an agency by the end of its name, None when the name does not show it.

    >>> kind_of("淮安市洪泽区人民政府").kind, kind_of("宁海县").kind, kind_of("示例镇").kind
    ('government', 'government', 'town')
    """
    found = matched_name(agency, None)
    name = found.place + found.body
    return next((kind for kind in _kinds().kinds if kind.fits(name)), None)


def is_government(agency: str) -> bool:
    """Return whether the agency is a people's government of county level and up, whose report covers its whole area (article
    49).
    """
    kind = kind_of(agency)
    return kind is not None and kind.kind == "government"


@lru_cache(maxsize=50_000)
def agency_key(agency: str, region_code: str | None) -> str:
    """Return the key that joins the reports of one agency over the years: the code of its region and its name as the rules of
    agencies/matching.yaml read it, without the region.

    Without a region code the places that the name begins with are kept: two agencies of the same name in two places must not
    become one.

    >>> agency_key("常熟市城管局", "320581"), agency_key("江苏省常熟市城市管理局", "320581"), agency_key("常熟市", "320581")
    ('320581:城市管理局', '320581:城市管理局', '320581:人民政府')
    """
    found = matched_name(agency, region_code)
    return f"{(region_code or '')[:6]}:{found.place}{found.body}"


def is_one_agency(agency: str, region_code: str | None) -> bool:
    """Return whether the key of a name can be of one agency only: its region is known, by the code or by the name, or it is a
    body of the centre. 教育局 without a region is the name of thousands.

    >>> is_one_agency("教育局", "320813"), is_one_agency("洪泽区教育局", None), is_one_agency("海关总署", None)
    (True, True, True)
    >>> is_one_agency("教育局", None), is_one_agency("朝阳区教育局", None)
    (False, False)
    """
    if region_code:
        return True
    found, central = matched_name(agency, None), load_matching().rules.central
    if found.place:
        return len(load_regions().read(found.place).found) == 1
    name = fold_label(agency)
    return name.startswith(central.begins) or found.body.endswith(central.endings) or name in central.bodies


def stored_key(agency: str, region_code: str | None) -> str:
    """Return :func:`agency_key` as the database stores it: without NUL, and as a SHA-256 digest where it is too long."""
    key = agency_key(agency, region_code).replace("\0", "\\x00")
    return key if len(key) <= _KEY_LENGTH else hashlib.sha256(key.encode()).hexdigest()
