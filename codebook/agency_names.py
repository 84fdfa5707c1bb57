"""The rules by which two names of one region name one agency (agencies/matching.yaml).

A rule joins without asking: what is not sure is compared by :mod:`codebook.agency_pairs` and decided by a person.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from typing import NamedTuple

import msgspec

from codebook import data
from codebook.divisions import Region
from codebook.records import Record
from codebook.regions import load_regions
from codebook.text.fold import fold, fold_label
from codebook.text.linear import Method, weakness_of


class LeadRow(Record, frozen=True):
    """Words that say nothing before a name that ends in one of ``before``."""

    words: tuple[str, ...]
    before: tuple[str, ...]


class NameForms(Record, frozen=True):
    """Words that mean the same: those of the key, and the others."""

    key: str
    others: tuple[str, ...]


class CentralBodies(Record, frozen=True):
    """The names of bodies of the centre: how they begin, what they end in, and others."""

    begins: tuple[str, ...]
    endings: tuple[str, ...]
    bodies: tuple[str, ...]


class PlaceBody(Record, frozen=True):
    """The body of a place below the county, by what the name of the place ends in, and short forms of the body."""

    endings: tuple[str, ...]
    body: str
    short: tuple[str, ...]


class StreetForm(Record, frozen=True):
    """How streets are printed without their word, and what is printed so and is no street."""

    printed: str
    body: str
    not_in: tuple[str, ...]
    not_before: tuple[str, ...]


class NameExample(Record, frozen=True):
    """Names of one region, of one agency or of as many as there are names."""

    region_code: str | None
    names: tuple[str, ...]


class MatchingFile(Record, frozen=True):
    """matching.yaml as a whole; its comments say what each entry is for."""

    leads: tuple[LeadRow, ...]
    central: CentralBodies
    party: NameForms
    committee: NameForms
    seat: str
    seats: dict[str, str]
    government: tuple[str, ...]
    office: NameForms
    administration: dict[str, tuple[str, ...]]
    own_level: NameForms
    organs: str
    relative: tuple[str, ...]
    places: tuple[PlaceBody, ...]
    streets: StreetForm
    zones: tuple[str, ...]
    zone_body: NameForms
    zone_names: dict[str, str]
    conjunctions: tuple[str, ...]
    endings: dict[str, tuple[str, ...]]
    signs: tuple[str, ...]
    subjects: dict[str, tuple[str, ...]]
    letters: dict[str, str]
    bodies: dict[str, tuple[str, ...]]
    examples: tuple[NameExample, ...]
    kept_apart: tuple[NameExample, ...]


class Body(NamedTuple):
    """A name without its region, in the form that all its variants have; ``known`` says that the rules understand all of it."""

    name: str
    known: bool


class Matched(NamedTuple):
    """A name as the rules read it.

    ``place`` are the names of divisions that it begins with and that are not its region's (empty as a rule), ``body`` is the
    rest.
    """

    place: str
    body: str
    known: bool


def _any(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, _longest_first(words)))


def _longest_first(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(words, key=len, reverse=True))


def _forms(forms: NameForms) -> str:
    return _any((forms.key, *forms.others))


class Matching:
    """The rules of matching.yaml, compiled.

    Raise ValueError for a short form that stands for two things: the two would become one without asking.
    """

    def __init__(self, rules: MatchingFile) -> None:
        self.rules = rules
        self.seats = frozenset((rules.seat, *rules.seats.values()))
        zones = _any((*rules.zones, *load_regions().words.zones))
        ends = {short: full for full, shorts in rules.endings.items() for short in (full, *shorts)}
        self._ends = ends
        self._bodies = _reversed("bodies", {**rules.bodies, **rules.administration, rules.office.key: rules.office.others})
        self._places = _reversed(
            "places",
            {e + row.body: (e, *(e + s for s in row.short)) for row in rules.places for e in row.endings},
        )
        self._lead = re.compile(
            "|".join(f"(?:{_any(row.words)})(?=.*(?:{_any(row.before)}))" for row in rules.leads)  # the words alone are a body
        )
        self._party = re.compile(_forms(rules.party))
        self._committee = re.compile(_forms(rules.committee))
        self._own_level = sorted((rules.own_level.key, *rules.own_level.others), key=len, reverse=True)
        self._organs = tuple(end[-1] + rules.organs for end in ends)
        zone_body = _forms(rules.zone_body)
        self._place = re.compile(f"(?P<stem>.+?)(?P<end>{_any(self._places)})$")
        unlike = f"(?!.*(?:{_any(rules.streets.not_in)}))"
        self._street = re.compile(
            rf"{unlike}(?P<stem>\w{{2,4}})(?<!{')(?<!'.join(rules.streets.not_before)}){rules.streets.printed}"
        )
        self._zone = re.compile(f"(?P<zone>.*(?:{zones}))(?:{zone_body})?$")
        self._zone_body = re.compile(f"(?:{_any(rules.zone_body.others)})$")
        self._in_zone = re.compile(f"(?P<zone>.*(?:{zones}))(?P<body>{zone_body})?(?=.)")
        self._department = re.compile(f"(?P<subject>.+?)(?P<end>{_any(ends)})$")
        self._joint = re.compile(f"(?<=..)(?:{_any(rules.conjunctions)})(?=..)")
        words = _reversed("subjects", rules.subjects)
        self._letters, self._shorts = rules.letters, {word for word, full in words.items() if word != full}
        self._words = words | rules.letters
        self._subjects = re.compile(
            f"(?>{_any(self._words)})++"
        )  # atomic: one way to cut a subject, in time linear in its length
        self._word = re.compile(_any(self._words))

    def subject(self, subject: str) -> str | None:
        """Return a department's subject in full and without conjunctions; None when it is not made up of known ones.

        A single character counts as a subject where another short form is with it.

        >>> load_matching().subject("文广旅"), load_matching().subject("住房和城乡建设"), load_matching().subject("新经济")
        ('文化广播电视旅游', '住房城乡建设', None)
        """
        joined = self._joint.sub("", subject)
        if not self._subjects.fullmatch(joined):
            return None
        found = self._word.findall(joined)
        letters = sum(word in self._letters for word in found)
        if letters and letters + sum(word in self._shorts for word in found) < 2:
            return None
        return "".join(self._words[word] for word in found)

    @property
    def office_word(self) -> str:
        """What the office of a government is called behind the government's name."""
        return self.rules.office.key.removeprefix(self.rules.seat)

    def zone_and_rest(self, body: str) -> tuple[str, str]:
        """Return the zone that a body's name begins with ("" where none), and what follows it."""
        inside = self._in_zone.match(body) if not self._zone.match(body) else None
        return (body[: inside.end()], body[inside.end() :]) if inside else ("", body)

    def subject_and_ending(self, body: str) -> tuple[str, str]:
        """Return what a department is for and what its name ends in; "" and "" for other bodies."""
        department = self._department.match(body)
        if department is None:
            return "", ""
        return self.subject(department["subject"]) or department["subject"], self._ends[department["end"]]

    def body(self, rest: str, seat: str) -> Body:
        """Return a name without its region in the form that all its variants have. ``seat`` is the government of the region."""
        rules = self.rules
        if not rest or rest in rules.government:
            return Body(seat, True)
        if rest not in self._bodies:
            rest = self._without_owner(rest)
        if rest in self._bodies:
            return Body(self._bodies[rest], True)
        street = self._street.fullmatch(rest)
        if street is not None:
            return Body(street["stem"] + rules.streets.body, True)
        place = self._place.match(rest)
        if place is not None:
            return Body(place["stem"] + self._places[place["end"]], True)
        return self._zone_of(rest) or self._department_of(rest)

    def _without_owner(self, rest: str) -> str:
        """Return a name without the government that it says it is of, and with the committee of the party in its short form.

        政府 alone begins other words too: it goes before a department that is understood.
        """
        for word in self.rules.government:
            behind = rest[len(word) :]
            if not rest.startswith(word) or not behind:
                continue
            if word == self.rules.seat or behind in self._bodies or self._department_of(behind).known:
                return behind
        committee = self._committee.match(rest)
        return self.rules.committee.key + rest[committee.end() :] if committee else rest

    def _zone_of(self, rest: str) -> Body | None:
        zone = self._zone.match(rest)
        if zone is None:
            return None
        name = self.rules.zone_names.get(zone["zone"], zone["zone"])
        return Body(name + self.rules.zone_body.key, True)

    def _department_of(self, rest: str) -> Body:
        department = self._department.match(rest)
        if department is not None and (subject := self.subject(department["subject"])) is not None:
            return Body(subject + self._ends[department["end"]], True)
        inside = self._in_zone.match(rest)
        if inside is not None:
            name, under = inside["zone"], rest[inside.end() :]
            found = Body(self._bodies[under], True) if under in self._bodies else self._department_of(under)
            # the zone's 管委会 says whose department it is; before anything else it may be the body itself (its office)
            body = self.rules.zone_body.key if inside["body"] and not found.known else ""
            return Body(self.rules.zone_names.get(name, name) + body + found.name, found.known)
        if department is not None:
            return Body(self._joint.sub("", rest), False)
        return Body(self._zone_body.sub(self.rules.zone_body.key, rest), False)

    def matched(self, name: str, region_code: str) -> Matched:
        """Return how the rules read a folded name, given its region's code of six digits ("" where it is unknown)."""
        itself = self._without_own_level(name)
        found = self._matched(itself, region_code)
        if name != itself and found.body in self.seats:
            return found._replace(body=found.body + self.rules.own_level.key)
        return found

    def _without_own_level(self, name: str) -> str:
        while True:
            own = next((word for word in self._own_level if name.endswith(word)), "")
            own = own or (self.rules.organs if name.endswith(self._organs) else "")
            if not own:
                return name
            name = name.removesuffix(own)

    def without_sign(self, text: str, region_code: str) -> str:
        """Return a folded text without a second name of the department in brackets behind it: 文化和旅游局(文物局).

        Brackets that hold anything else stay: 公安局(交通警察支队) may be the report of what they hold.
        """
        start = text.rfind("(")
        if start <= 0 or not text.endswith(")"):
            return text
        main, sign = (self.matched(fold_label(part), region_code) for part in (text[:start], text[start:]))
        ends = self._department.match(sign.body)
        second = sign.known and ends is not None and self._ends[ends["end"]] in self.rules.signs
        return text[:start] if second and main.known and self._department.match(main.body) else text

    def _matched(self, name: str, region_code: str) -> Matched:
        lead = self._lead.match(name)
        name = name[lead.end() :] if lead else name
        party = self._party.match(name)
        name = name[party.end() :] if party else name
        if not name:
            return Matched("", self.rules.party.key if party else "", False)
        found = self._split(name, region_code)
        if party is not None and not (found.body.startswith(self.rules.committee.key) or found.body in self._bodies.values()):
            return found._replace(body=self.rules.party.key + found.body)
        return found

    def _split(self, name: str, region_code: str) -> Matched:
        spelled = _spelled(region_code)
        if spelled is None:
            return self._elsewhere(name, None)
        seat = self.seat_of(spelled.region.chain[-1])
        full = spelled.full.end(name)
        if full is not None:
            body = self.body(name[full:], seat)
            if body.known:
                return Matched("", *body)
        if (shorter := self._behind_short(name, spelled, seat)) is not None:
            return Matched("", *shorter)
        if full is not None:
            return self._elsewhere(name[full:], spelled.region)
        relative = next((word for word in self.rules.relative if name.startswith(word)), "")
        if relative in spelled.relative and (body := self._no_place(name[len(relative) :], seat)).known:
            return Matched("", *body)
        return Matched("", name, False) if name == spelled.name else self._elsewhere(name, None)

    def _behind_short(self, name: str, spelled: _Spelled, seat: str) -> Body | None:
        """Return the body behind the short name of a region: 常熟城管局; None where the short name may be part of the body's."""
        short = spelled.short.end(name) if spelled.short else None
        if short is None or short == len(name):
            return None
        rest = name[short:]
        if (zone := self._zone_of(rest)) is not None:
            return zone
        # 淮安市洪泽生态环境局 is a branch of the city's bureau
        body = self._no_place(rest, seat)
        return body if body.known and not any(place in name[:short] for place in spelled.above) else None

    def _no_place(self, rest: str, seat: str) -> Body:
        """Return a body that is no town and no zone: what comes before those may be the beginning of their names."""
        if not rest or self._place.match(rest) or self._zone.match(rest):
            return Body(rest, False)
        return self.body(rest, seat)

    def _elsewhere(self, name: str, within: Region | None) -> Matched:
        """Return how a name is read that begins with places of its own, or with none."""
        begins = load_regions().read(name, within)
        if begins.short and (body := self._no_place(name[begins.end :], self.rules.seat)).known:
            return Matched(name[: begins.end], *body)  # 江苏发改委
        if not begins.end or begins.short:
            return Matched("", *self.body(name, self.rules.seat))
        place = name[: begins.end]
        if len(begins.found) == 1:
            place = _in_full(begins.found[0], place)
        return Matched(place, *self.body(name[begins.end :], self.seat_of(name[: begins.end])))

    def seat_of(self, place: str) -> str:
        """Return the body that governs a division of this name."""
        return next((seat for ending, seat in self.rules.seats.items() if place.endswith(ending)), self.rules.seat)


def _reversed(where: str, table: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Return the full form of each short form, full forms too. Raise ValueError for a short form of two."""
    found: dict[str, str] = {}
    for full, shorts in table.items():
        for short in (full, *shorts):
            if found.setdefault(short, full) != full:
                raise ValueError(
                    f"agencies/matching.yaml: {where}: {short} means {found[short]} and {full}; expected one of them"
                )
    return found


def _compiled(rules: Matching) -> Iterator[tuple[str, re.Pattern[str], Method]]:
    """Yield the patterns of the rules with their names and the methods by which they are used."""
    for name, value in vars(rules).items():
        if isinstance(value, re.Pattern):
            yield name.removeprefix("_"), value, "search" if name in ("_zone_body", "_joint", "_word") else "match"


def _in_full(region: Region, printed: str) -> str:
    """Return a region's names from the province down, the last one a former one where that is printed: two districts that
    became one had an agency each.
    """
    *above, name = region.chain
    if printed.endswith(load_regions().spellings(name)[0]):
        return "".join(region.chain)
    former = [old for names in load_regions().words.former.values() for old, now in names.items() if now == name]
    old = max((old for old in former if printed.endswith(old)), key=len, default=None)
    return "".join((*above, old)) if old else printed


class _Beginning(NamedTuple):
    """What a name may begin with: spellings of divisions above a region, each left out or not, then one of the region itself,
    which may come twice (``twice``).

    A pattern says the same. There are two for each of three thousand regions, and most would be compiled for a single name.
    """

    above: tuple[tuple[str, ...], ...]
    own: tuple[str, ...]
    twice: bool

    def end(self, name: str, at: int = 0, level: int = 0) -> int | None:
        """Return where that ends in ``name``, None where the name begins with something else."""
        if level == len(self.above):
            end = _after(name, at, self.own)
            again = _after(name, end, self.own) if self.twice and end is not None else None
            return end if again is None else again
        for word in self.above[level]:
            if name.startswith(word, at) and (end := self.end(name, at + len(word), level + 1)) is not None:
                return end
        return self.end(name, at, level + 1)


def _after(name: str, at: int, words: tuple[str, ...]) -> int | None:
    return next((at + len(word) for word in words if name.startswith(word, at)), None)


class _Spelled(NamedTuple):
    """How names begin with a region: with its full or its short name, after those above it, or with its relative words.

    ``above`` are the full names of the divisions above it.
    """

    region: Region
    name: str  # the short one
    above: tuple[str, ...]
    full: _Beginning
    short: _Beginning | None
    relative: frozenset[str]


@cache
def _by_code() -> dict[str, Region]:
    return {region.code: region for region in load_regions().all}


@lru_cache(maxsize=4_000)
def _spelled(code: str) -> _Spelled | None:
    region = _by_code().get(code)
    if region is None:
        return None
    spellings = [load_regions().spellings(name) for name in region.chain]
    above = tuple(_longest_first((*full, *filter(None, (short,)))) for full, short in spellings[:-1])
    full, short = spellings[-1]
    alone = short and short not in {other for _, other in spellings[:-1]}
    kinds = load_matching().rules.relative
    relative = [{word for word in kinds if name.endswith(word)} for name in region.chain]
    longest = [max(words, key=len, default="") for words in relative]
    return _Spelled(
        region,
        short,
        tuple(name for full, _ in spellings[:-1] for name in full),
        _Beginning(above, _longest_first(full), twice=True),
        _Beginning(above, (short,), twice=False) if alone else None,
        frozenset(relative[-1] - set(longest[:-1])),
    )


@cache
def load_matching() -> Matching:
    """Return the rules, whose time the tests check.

    Raise msgspec.ValidationError for an unknown or missing key, or ValueError for one that is not sure.
    """
    return read_matching(data.read("agencies/matching.yaml"), linear=False)


def read_matching(file: bytes, *, linear: bool = True) -> Matching:
    """Return the rules of the bytes of a file, checked; also for linear time, unless ``linear`` is False. Raise what
    :func:`load_matching` raises.
    """
    rules = Matching(msgspec.yaml.decode(file, type=MatchingFile))
    if not linear:
        return rules
    wrong = [f"{name}: {weakness}" for name, pattern, by in _compiled(rules) if (weakness := weakness_of(pattern, by))]
    if wrong:
        raise ValueError("agencies/matching.yaml: " + "; ".join(wrong))
    return rules


def names_of_region(code: str) -> tuple[str, ...]:
    """Return the names of a division from the province down, of those too that the table no longer has; none for other codes."""
    region = _by_code().get(code)
    return region.chain if region else ()


def matched_name(agency: str, region_code: str | None) -> Matched:
    """Return how the rules read the name of an agency of a region."""
    rules, code = load_matching(), (region_code or "")[:6]
    return rules.matched(fold_label(rules.without_sign(fold(agency).text, code)), code)
