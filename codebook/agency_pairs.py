"""Which agencies of the register may be one, where the rules of :mod:`codebook.agency_names` are not sure.

Nothing is joined here: :func:`alike` says why a person should be asked. :func:`candidates` says with which agencies a new one
is to be compared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from typing import NamedTuple

import msgspec

from codebook import data
from codebook.agency_kinds import kind_of, stored_key
from codebook.agency_names import Matched, load_matching, matched_name, names_of_region
from codebook.divisions import parent_code
from codebook.records import Record
from codebook.regions import load_regions
from codebook.text.fold import fold, fold_label

_BRACKETS = re.compile(r"\(([^()]+)\)$")


class PairReason(Record, frozen=True):
    """Why two agencies may be one, in words for people. ``apart_if_both``: not if both have a report on one year."""

    zh: str
    en: str
    apart_if_both: bool


class SuccessionRow(Record, frozen=True):
    """The subjects of departments that took over from others in the reform of ``year``."""

    year: int
    from_: tuple[str, ...] = msgspec.field(name="from")
    to: tuple[str, ...] = ()


class PairExample(Record, frozen=True):
    """Two names of a region and the reason why they may be one agency, None where they are two."""

    region_code: str
    names: tuple[str, str]
    reason: str | None


class PairFile(Record, frozen=True):
    """pairs.yaml as a whole; its comments say what each entry is for."""

    reasons: dict[str, PairReason]
    counting: str
    department_endings: tuple[str, ...]
    town_endings: tuple[str, ...]
    party_groups: tuple[str, ...]
    branch_endings: dict[str, str]
    zone_words: tuple[tuple[str, ...], ...]
    successions: tuple[SuccessionRow, ...]
    examples: tuple[PairExample, ...]


class AgencyEntry(Record, frozen=True):
    """An agency of the register, as far as it is compared.

    ``kind`` is that of agencies/kinds.yaml, None to take it from the name. ``years`` are those on which it reports or must
    report, as far as they are known.
    """

    name: str
    region_code: str | None = None
    kind: str | None = None
    years: tuple[int, ...] = ()


class Likeness(Record, frozen=True):
    """Why two agencies may be one: a reason of agencies/pairs.yaml, and, for a succession, the year of the reform and the name
    of the one that came first.
    """

    reason: str
    year: int | None = None
    predecessor: str | None = None


class Candidates(NamedTuple):
    """The agencies with which a new one is compared: all of its region (none when ``region_code`` is None), and those that have
    one of ``keys``.
    """

    region_code: str | None
    keys: frozenset[str]


@cache
def load_pairs() -> PairFile:
    """Return what pairs.yaml says. Raise msgspec.ValidationError for an unknown key, or ValueError for a reason that no check
    returns or that is missing.
    """
    file = msgspec.yaml.decode(data.read("agencies/pairs.yaml"), type=PairFile)
    if set(file.reasons) != {"region_unknown", "region_differs", *_CHECKS}:
        raise ValueError(
            f"agencies/pairs.yaml: found the reasons {sorted(file.reasons)}, expected those of codebook.agency_pairs"
        )
    return file


@cache
def _successions() -> dict[tuple[str, str], int]:
    """The year of the reform by predecessor and successor, the first year where there are several."""
    found: dict[tuple[str, str], int] = {}
    for row in load_pairs().successions:
        for old in row.from_:
            for new in row.to:
                if old != new:
                    found.setdefault((old, new), row.year)
    return found


class _Side(NamedTuple):
    """One of two agencies of a region: its name as the rules read it, taken apart."""

    name: str
    code: str
    found: Matched
    zone: str
    subject: str
    ending: str

    @property
    def body(self) -> str:
        return self.found.body


@lru_cache(maxsize=20_000)
def _side(name: str, code: str) -> _Side:
    found = matched_name(name, code)
    zone, rest = load_matching().zone_and_rest(found.body)
    subject, ending = load_matching().subject_and_ending(rest)
    return _Side(name, code, found, zone, subject, ending)


@cache
def _codes_within() -> dict[str, tuple[str, ...]]:
    """The codes of the divisions in a province or city, by its own."""
    found: dict[str, list[str]] = {}
    for region in load_regions().all:
        above = parent_code(region.code)
        while above is not None:
            found.setdefault(above, []).append(region.code)
            above = parent_code(above)
    return {code: tuple(codes) for code, codes in found.items()}


def _around(code: str) -> Iterator[str]:
    """Yield the codes of the divisions above and in a region."""
    above = parent_code(code)
    while above is not None:
        yield above
        above = parent_code(above)
    yield from _codes_within().get(code, ())


@lru_cache(maxsize=20_000)
def candidates(name: str, region_code: str | None) -> Candidates:
    """Return with which agencies of the register a new one is to be compared by :func:`alike`.

    The keys are those that the same name has where its region is not known, or is taken to be one above or below. Keys are as
    the database stores them (:func:`codebook.agency_kinds.stored_key`).
    """
    code, folded = (region_code or "")[:6], fold_label(name)
    begins, above = load_regions().read(folded), names_of_region(code)
    if not above:
        keys = {stored_key(name, region.code) for region in begins.found}
    else:
        found = matched_name(name, code)
        full = folded if found.place else "".join(above) + found.body
        names = {full, folded} if begins.end else {full}
        keys = {stored_key(each, other) for each in names for other in (None, *_around(code))}
        if not found.place:
            keys |= {stored_key(printed + found.body, None) for printed in (above[-1], load_regions().spellings(above[-1])[1])}
    return Candidates(code or None, frozenset(keys - {stored_key(name, region_code)}))


def alike(one: AgencyEntry, other: AgencyEntry) -> Likeness | None:
    """Return why two agencies of the register may be one, None where nothing speaks for it or the rules have joined them.

    The order of the two does not matter.

    >>> alike(AgencyEntry("涟水县商务局", "320826"), AgencyEntry("涟水县商务和投资促进局", "320826"))
    Likeness(reason='shorter', year=None, predecessor=None)
    >>> alike(AgencyEntry("涟水县国土资源局", "320826"), AgencyEntry("涟水县自然资源和规划局", "320826"))
    Likeness(reason='succession', year=2018, predecessor='涟水县国土资源局')
    """
    codes = [(each.region_code or "")[:6] for each in (one, other)]
    keys = [stored_key(each.name, each.region_code) for each in (one, other)]
    if keys[0] == keys[1]:
        return None
    if codes[0] != codes[1] or not codes[0]:
        found = _of_two_regions(one, other, keys) if codes[0] != codes[1] else None
    else:
        found = _of_one_region(one, other, codes[0])
    both = set(one.years) & set(other.years)
    return None if found is None or (both and load_pairs().reasons[found.reason].apart_if_both) else found


def _of_two_regions(one: AgencyEntry, other: AgencyEntry, keys: list[str]) -> Likeness | None:
    there = keys[1] in candidates(one.name, one.region_code).keys, keys[0] in candidates(other.name, other.region_code).keys
    if not any(there):
        return None
    return Likeness("region_differs" if one.region_code and other.region_code else "region_unknown")


def _of_one_region(one: AgencyEntry, other: AgencyEntry, code: str) -> Likeness | None:
    sides = _side(one.name, code), _side(other.name, code)
    names, kinds = names_of_region(code), {_kind(one), _kind(other)}
    for reason, check in _CHECKS.items():
        if reason in _ANY_KIND or None in kinds or len(kinds) == 1:
            for first, second in (sides, sides[::-1]):
                if check(first, second, names):
                    return Likeness(reason) if reason != "succession" else _succession(first, second)
    return None


def _kind(entry: AgencyEntry) -> str | None:
    if entry.kind is not None:
        return entry.kind
    kind = kind_of(entry.name)
    return kind.kind if kind is not None else None


# ---- the checks: each takes both agencies of a region, in both orders, and the names of the region from the province down -----


def _renamed(one: _Side, other: _Side, names: tuple[str, ...]) -> bool:
    """洪泽县…局 where the region is 洪泽区 today."""
    if not one.found.place or other.found.place or one.body != other.body or one.found.place == "".join(names):
        return False
    return [region.code for region in load_regions().read(one.found.place).found] == [one.code]


@lru_cache(maxsize=20_000)
def _behind_names(body: str, names: tuple[str, ...]) -> frozenset[str]:
    """Return the bodies that are left without the short name of the region, or the word for it, at the beginning."""
    if not names:
        return frozenset()
    full, short = load_regions().spellings(names[-1])
    words = (word for word in (*full, short, *load_matching().rules.relative) if word and body.startswith(word))
    return frozenset(load_matching().body(body[len(word) :], load_matching().seat_of(names[-1])).name for word in words)


def _in_name(one: _Side, other: _Side, names: tuple[str, ...]) -> bool:
    """宿迁 and 宿迁市人民政府, 常熟示例镇 and 示例镇人民政府, 市教育局 and 教育局 where the region does not show whose it is."""
    return not one.found.place and not other.found.place and other.body in _behind_names(one.body, names)


def _office(one: _Side, other: _Side, _: tuple[str, ...]) -> bool:
    """The office of a government, a town or a zone, or its own level, and the whole; an agency and its party group."""
    rules = load_matching().rules
    if one.found.place != other.found.place:
        return False
    for word in load_pairs().party_groups:
        if other.body.endswith(word):
            body = other.body.removeprefix(rules.party.key).removesuffix(word)
            return _read_again(body) == one.body
    governs = one.body in load_matching().seats or one.body.endswith((*load_pairs().town_endings, rules.zone_body.key))
    return governs and other.body in {one.body + word for word in (load_matching().office_word, rules.own_level.key)}


def _branch(one: _Side, other: _Side, names: tuple[str, ...]) -> bool:
    """淮安市公安局洪泽分局, 淮安市洪泽生态环境局 and the bureau of 洪泽区; two ways to name one branch."""
    plain = [_as_bureau(side, names) for side in (one, other)]
    return plain[0] == plain[1] != other.body and (plain[0] != one.body or not one.found.place)


@lru_cache(maxsize=20_000)
def _as_bureau(side: _Side, names: tuple[str, ...]) -> str:
    """Return a body without the region in the middle of its name, a branch as a bureau; as it is where it is of elsewhere."""
    body = side.body
    if not names or not "".join(names).startswith(side.found.place):
        return body
    full, short = load_regions().spellings(names[-1])
    place = next((word for word in (*full, short) if word and word in body), "")
    body = body.replace(place, "", 1)
    for ending, plain in load_pairs().branch_endings.items():
        if body.endswith(ending):
            body = body.removesuffix(ending).removesuffix(plain) + plain
    return body if body == side.body else _read_again(body)


def _two_names(one: _Side, other: _Side, _: tuple[str, ...]) -> bool:
    """文化和旅游局(文物局) and 文化和旅游局, or 文物局."""
    text = fold(one.name).text
    brackets = _BRACKETS.search(text)
    if brackets is None:
        return False
    return other.found in (matched_name(text[: brackets.start()], one.code), matched_name(brackets[1], one.code))


def _succeeds(one: _Side, other: _Side, _: tuple[str, ...]) -> bool:
    return one.found.place == other.found.place and one.zone == other.zone and _year_of(one, other) is not None


def _year_of(one: _Side, other: _Side) -> int | None:
    table = _successions()
    pairs = ((a, b) for a in (one.subject, one.body) for b in (other.subject, other.body))
    return next((table[pair] for pair in pairs if pair in table), None)


def _succession(one: _Side, other: _Side) -> Likeness:
    return Likeness("succession", _year_of(one, other), one.name)


def _other_ending(one: _Side, other: _Side, _: tuple[str, ...]) -> bool:
    """发展和改革局 and 发展和改革委员会."""
    endings = load_pairs().department_endings
    same = (one.found.place, one.zone, one.subject) == (other.found.place, other.zone, other.subject)
    return same and bool(one.subject) and one.ending != other.ending and {one.ending, other.ending} <= set(endings)


def _town_status(one: _Side, other: _Side, _: tuple[str, ...]) -> bool:
    """示例乡 and 示例镇."""
    endings = load_pairs().town_endings
    stems = [next((side.body[: -len(end)] for end in endings if side.body.endswith(end)), None) for side in (one, other)]
    return bool(stems[0]) and stems[0] == stems[1] and one.found.place == other.found.place and one.body != other.body


def _order(one: _Side, other: _Side, _: tuple[str, ...]) -> bool:
    """文化广电旅游体育局 and 文化广电体育旅游局."""
    if (one.found.place, one.ending) != (other.found.place, other.ending) or one.body == other.body:
        return False
    return len(one.body) > 4 and sorted(one.body) == sorted(other.body)


def _zone_word(one: _Side, other: _Side, _: tuple[str, ...]) -> bool:
    """高新技术产业开发区 and 高新技术产业园区."""
    if one.found.place != other.found.place:
        return False
    for words in load_pairs().zone_words:
        stems = [next((side.body.replace(word, "") for word in words if word in side.body), None) for side in (one, other)]
        if stems[0] is not None and stems[0] == stems[1]:
            return True
    return False


def _part(one: _Side, other: _Side, _: tuple[str, ...]) -> bool:
    """教育局 and 教育局办公室, 公安局 and 公安局交通警察大队: a body of its own, or another name of the whole."""
    if one.found.place != other.found.place or len(one.body) < 3:
        return False
    ends = (at + 1 for at, char in enumerate(other.body[:-1]) if char == one.body[-1])
    return any(_read_again(other.body[:end]) == one.body for end in ends)


@lru_cache(maxsize=20_000)
def _read_again(body: str) -> str:
    return load_matching().body(body, "").name


def _shorter(one: _Side, other: _Side, names: tuple[str, ...]) -> bool:
    """One name is made of characters of the other in their order: 农水局 and 农业农村和水利局, 商务局 and 商务和投资促进局."""
    if one.found.place != other.found.place or len(one.body) >= len(other.body):
        return False
    if one.ending != other.ending and one.found.known:  # what is not understood may end otherwise: 河西街办
        return False
    if one.found.place and _as_bureau(other, names) == one.body:  # the bureau above and its branch
        return False
    if len(one.subject or one.body) < 2 or not (one.body[0] == other.body[0] or (one.subject or one.body) in other.body):
        return False
    added, at = [], 0
    for char in other.body:
        if at < len(one.body) and char == one.body[at]:
            at += 1
        else:
            added.append(char)
    return at == len(one.body) and not set(added) <= set(load_pairs().counting)


def _misspelt(one: _Side, other: _Side, names: tuple[str, ...]) -> bool:
    """Names of the same length with one character of difference, where one of them is not understood. It may be in the names of
    the region.
    """
    if one.found.known:
        return False
    same = one.found.place == other.found.place
    bodies = [other.body] if same and one.ending == other.ending and len(one.subject or one.body) >= 4 else []
    if not other.found.place:
        bodies += ["".join(names[at:]) + other.body for at in range(len(names))]
    return any(_differ_once(one.found.place + one.body if body != other.body else one.body, body) for body in bodies)


def _differ_once(one: str, other: str) -> bool:
    """Return whether two names differ in one character, which does not count bodies."""
    if len(one) != len(other):
        return False
    differ = [pair for pair in zip(one, other, strict=True) if pair[0] != pair[1]]
    return len(differ) == 1 and not _counts(differ[0])


def _counts(pair: tuple[str, str]) -> bool:
    return all(char in load_pairs().counting or char.isascii() for char in pair)


_CHECKS: dict[str, Callable[[_Side, _Side, tuple[str, ...]], bool]] = {
    "region_renamed": _renamed,
    "region_in_name": _in_name,
    "office": _office,
    "branch": _branch,
    "two_names": _two_names,
    "succession": _succeeds,
    "ending": _other_ending,
    "town_status": _town_status,
    "order": _order,
    "zone_word": _zone_word,
    "spelling": _misspelt,
    "part": _part,
    "shorter": _shorter,
}
# Reasons for which the kinds of the two may differ.
_ANY_KIND = ("region_in_name", "office", "two_names", "succession", "part")
