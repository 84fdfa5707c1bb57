"""Truth values: heavy-tailed, mostly zero, with every identity of the form holding unless an error is planted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

from codebook.book import load_book
from codebook.records import Number
from tests.generator.world import Agency, form_of_year

COLUMNS = ("natural_person", "business", "research", "public_welfare", "legal_service", "other_org", "total")
PARTS = COLUMNS[:-1]
RESULTS = ("upheld", "corrected", "other", "pending")
BALANCE = ("new_received", "carried_over", "total_handled", "carried_forward")
REVIEWS = ("reconsideration", "litigation_direct", "litigation_after_review")
_WEIGHTS = {
    "granted": 40, "partially_granted": 6, "unable.not_held": 25, "unable.requires_creation": 4, "unable.still_unclear": 3,
    "not_processed.petition": 5, "not_processed.duplicate": 3, "other": 3, "other.miscellaneous": 3,
    "other.not_corrected_in_time": 2,
    "denied.internal_affairs": 4, "denied.deliberative_process": 3, "denied.enforcement_case_file": 4,
    "denied.administrative_inquiry": 3, "denied.third_party_rights": 3,
}  # fmt: skip


@dataclass(frozen=True)
class Plant:
    """An error that was put into a report on purpose: the rule that must find it, and the cells concerned."""

    rule: str
    cells: tuple[str, ...]


@dataclass
class Figures:
    """The numbers of one report. ``raw`` is what a cell prints where that is not the plain number; ``blanks`` what stands in
    a cell without a number ("", "/", "—")."""

    year: int
    form: str
    values: dict[str, Number] = field(default_factory=dict)
    raw: dict[str, str] = field(default_factory=dict)
    blanks: dict[str, str] = field(default_factory=dict)
    plants: list[Plant] = field(default_factory=list)
    disclosure_form: str = ""
    single_other: bool = False
    unstated: set[str] = field(default_factory=set)

    def text(self, key: str) -> str:
        """What the cell prints."""
        return self.blanks[key] if key in self.blanks else self.raw.get(key, plain(self.values[key]))

    def known(self) -> dict[str, Number]:
        """The indicators that are printed as numbers, with their values."""
        return {key: value for key, value in self.values.items() if key not in self.blanks and key not in self.unstated}

    def get(self, key: str) -> int:
        """A count, 0 when the form does not have it."""
        return int(self.values.get(key, 0))


def plain(value: Number) -> str:
    """A number as a cell prints it."""
    return str(value) if isinstance(value, int) else f"{value:.6f}".rstrip("0").rstrip(".")


def count(rng: Random, zero: float = 0.6, scale: float = 1.2, spread: float = 1.5) -> int:
    """A heavy-tailed count: 0 with probability ``zero``, else the whole part of a log-normal, at least 1."""
    return 0 if rng.random() < zero else max(1, int(rng.lognormvariate(scale, spread)))


def _split(rng: Random, total: int, keys: Iterable[str], weights: Iterable[float]) -> dict[str, int]:
    keys, weights = list(keys), list(weights)
    parts = dict.fromkeys(keys, 0)
    if total > 400:  # in bulk, so that a city's thousands cost nothing
        whole = sum(weights)
        for key, weight in zip(keys, weights, strict=True):
            parts[key] = int(total * weight / whole)
        total -= sum(parts.values())
    for key in rng.choices(keys, weights, k=total):
        parts[key] += 1
    return parts


def outcome_rows(form: str, single_other: bool = False) -> list[str]:
    """The rows of table three that share out T, in printing order."""
    block = load_book().blocks["requests"]
    rows = {row: label for row, label in block.rows.items() if form in (label.forms or (form,))}
    divided = {row for row, label in rows.items() if set(label.parts) & rows.keys() and not (single_other and row == "other")}
    parts = {part for row, label in rows.items() if row not in divided for part in label.parts}
    return [row for row in rows if row not in divided | parts and row not in BALANCE]


def _requests(rng: Random, figures: Figures, agency: Agency, last: Figures | None) -> None:
    busy = {"city": 3.5, "government": 2.6, "city_bureau": 2.2, "province_bureau": 3.0}.get(agency.kind, 1.0)
    rows = outcome_rows(figures.form, figures.single_other)
    weights = [_WEIGHTS.get(row, 1) for row in rows]
    quiet = rng.random() < (0.45 if busy == 1.0 else 0.05)
    values = figures.values
    for column in PARTS:
        share = 1.0 if column == "natural_person" else 0.35
        new = 0 if quiet else count(rng, 0.1 if share == 1.0 else 0.85, busy * share, 1.1)
        if last and last.form != "2014":
            carried = last.get(f"requests.carried_forward.{column}")
        else:
            carried = 0 if quiet or share < 1 else count(rng, 0.75, busy * 0.4, 0.8)
        backlog = sum(rng.random() < 0.08 for _ in range(min(new + carried, 300)))
        handled = new + carried - backlog
        column_values = {"new_received": new, "carried_over": carried, "total_handled": handled, "carried_forward": backlog}
        column_values |= _split(rng, handled, rows, weights)
        for row, value in column_values.items():
            values[f"requests.{row}.{column}"] = value
    for row in ("new_received", "carried_over", *rows, "total_handled", "carried_forward"):
        values[f"requests.{row}.total"] = sum(figures.get(f"requests.{row}.{column}") for column in PARTS)


def _review(rng: Random, figures: Figures, agency: Agency) -> None:
    busy = agency.kind in ("city", "government", "city_bureau", "province_bureau")
    limit = 0
    for row in REVIEWS:
        total = count(rng, 0.4 if busy else 0.9, 1.0, 1.0)
        if row == "reconsideration":
            limit = total
        elif row == "litigation_after_review":
            total = min(total, limit)
        parts = _split(rng, total, RESULTS, (6, 2, 2, 1))
        for column, value in (*parts.items(), ("total", total)):
            figures.values[f"review.{row}.{column}"] = value


def _cross(rng: Random, figures: Figures, name: str) -> None:
    """A block of few rows by few columns of which the last is the total."""
    block = load_book().blocks[name]
    *columns, total = block.columns
    for row in block.rows:
        parts = _split(rng, count(rng, 0.4, 1.5, 1.0), columns, [1] * len(columns))
        figures.values |= {f"{name}.{row}.{column}": value for column, value in parts.items()}
        figures.values[f"{name}.{row}.{total}"] = sum(parts.values())


def _disclosure_2021(rng: Random, figures: Figures, agency: Agency, last: Figures | None) -> None:
    values = figures.values
    for row in ("rules", "normative_documents"):
        active = row != "rules" or agency.makes_rules
        key = f"disclosure.{row}"
        issued = count(rng, 0.5, 1.2, 0.9) if active else 0
        if last and f"{key}.in_force" in last.values:
            before = last.get(f"{key}.in_force")
        else:
            before = count(rng, 0.4, 2.0, 1.0) if active else 0
        repealed = min(before, count(rng, 0.8, 0.6, 0.7)) if active else 0
        values |= {f"{key}.issued": issued, f"{key}.repealed": repealed, f"{key}.in_force": before + issued - repealed}
    scales = {"licensing": 5.0, "penalties": 3.5, "coercion": 2.0}
    for indicator in load_book().of_form(figures.disclosure_form, "disclosure"):
        if indicator.column == "decisions":
            values[indicator.id] = count(rng, 0.5, scales.get(indicator.row, 3.0), 1.6)
    values["disclosure.fees.amount"] = _amount(rng, 0.7)


def _amount(rng: Random, zero: float) -> Number:
    """An amount in 万元: zero, whole, or with up to six decimals."""
    if rng.random() < zero:
        return 0
    value = round(rng.lognormvariate(4, 2), rng.choice((0, 1, 2, 2, 2, 4, 6)))
    return int(value) if value == int(value) and value else (value or 1)


def _disclosure_2019(rng: Random, figures: Figures, agency: Agency, last: Figures | None) -> None:
    values = figures.values
    for row in ("rules", "normative_documents"):
        active = row != "rules" or agency.makes_rules
        key = f"disclosure.{row}"
        made = count(rng, 0.5, 1.2, 0.9) if active else 0
        newly = min(made, count(rng, 0.3, 1.0, 0.8)) if active else 0
        before = (last.get(f"{key}.total_disclosed") if last else 0) or (count(rng, 0.4, 2.0, 1.0) if active and not last else 0)
        values |= {f"{key}.made": made, f"{key}.newly_disclosed": newly, f"{key}.total_disclosed": before + newly}
    for row, scale in (("licensing", 3.0), ("other_services", 2.5), ("penalties", 4.0), ("coercion", 1.5), ("fees", 1.0)):
        key = f"disclosure.{row}"
        if last and f"{key}.prior_items" in last.values:
            prior = last.get(f"{key}.prior_items") + last.get(f"{key}.change")
        else:
            prior = count(rng, 0.4, scale, 0.8)
        change = rng.choice((0, 0, 0, count(rng, 0.2, 0.8, 0.8), -min(prior, count(rng, 0.2, 0.8, 0.8))))
        values |= {f"{key}.prior_items": prior, f"{key}.change": change}
        if row != "fees":
            values[f"{key}.decisions"] = count(rng, 0.4, scale + 1, 1.5)
    amount = _amount(rng, 0.5)
    values |= {"disclosure.procurement.items": count(rng, 0, 2.5, 1.0) if amount else 0, "disclosure.procurement.amount": amount}


def _statistics(rng: Random, figures: Figures) -> None:
    put = {f"statistics.{key}": 0 for key in load_book().blocks["statistics"].rows}

    def share(total_key: str, total: int, keys: Iterable[str], weights: Iterable[float]) -> None:
        put[f"statistics.{total_key}"] = total
        put.update({f"statistics.{key}": value for key, value in _split(rng, total, keys, weights).items()})

    disclosed = count(rng, 0.02, 6.0, 1.2)
    issued = count(rng, 0.3, 2.5, 1.0)
    channels = ("channel.website", "channel.microblog", "channel.wechat", "channel.gazette", "channel.other")
    share("disclosed", disclosed, channels, (60, 10, 14, 3, 8))
    share(
        "requests.received",
        count(rng, 0.4, 1.8, 1.3),
        [f"requests.{x}" for x in ("in_person", "fax", "online", "letter")],
        (4, 1, 6, 3),
    )
    received = put["statistics.requests.received"]
    share("requests.concluded", received, ("requests.on_time", "requests.extended"), (9, 1))
    kinds = (
        "already_disclosed",
        "granted",
        "partially_granted",
        "denied",
        "not_this_agency",
        "nonexistent",
        "amendment_requested",
        "other_channel",
    )
    share("replies.total", received, [f"replies.{kind}" for kind in kinds], (5, 9, 1, 3, 4, 4, 1, 1))
    reasons = ("state_secret", "trade_secret", "privacy", "security", "not_government_information", "other")
    share("replies.denied", put["statistics.replies.denied"], [f"replies.denied_{r}" for r in reasons], (1, 2, 2, 1, 3, 1))
    for kind in ("reconsideration", "litigation"):
        share(f"{kind}.total", count(rng, 0.75, 0.8, 0.8), [f"{kind}.{r}" for r in ("upheld", "corrected", "other")], (5, 1, 2))
    share(
        "organization.staff", count(rng, 0.05, 1.5, 0.9), ("organization.staff_full_time", "organization.staff_part_time"), (1, 3)
    )
    conferences, interviews = count(rng, 0.6, 1.0, 0.8), count(rng, 0.6, 1.0, 0.8)
    response = {
        "press_conferences": conferences, "press_by_principal": rng.randint(0, conferences), "interviews": interviews,
        "interviews_by_principal": rng.randint(0, interviews), "policy_explanations": count(rng, 0.3, 2.5, 1.0),
        "social_media": count(rng, 0.5, 2.5, 1.2), "other": count(rng, 0.7, 2.0, 1.0),
    }  # fmt: skip
    put |= {f"statistics.response.{key}": value for key, value in response.items()}
    put |= {
        "statistics.response.total": count(rng, 0.4, 2.0, 1.0),
        "statistics.normative_issued": issued, "statistics.normative_disclosed": rng.randint(0, issued),
        "statistics.key_area_disclosed": rng.randint(0, disclosed), "statistics.complaints": count(rng, 0.95, 0.5, 0.5),
        "statistics.organization.offices": rng.choice((0, 1, 1, 1, 3)),
        "statistics.organization.reading_points": count(rng, 0.2, 1.0, 0.9),
        "statistics.training.meetings": count(rng, 0.3, 0.8, 0.6), "statistics.training.courses": count(rng, 0.3, 0.8, 0.7),
        "statistics.training.trainees": count(rng, 0.3, 4.0, 1.0),
    }  # fmt: skip
    figures.values |= put
    figures.values["statistics.fees_collected"] = 0 if rng.random() < 0.93 else round(rng.uniform(0.01, 2), 2)
    figures.values["statistics.organization.budget"] = rng.choice((0, 0, 1, 2, 5, 0.5, 1.2, 10, 30, 3.56))


def compose(rng: Random, agency: Agency, year: int, last: Figures | None = None, hybrid: bool = False) -> Figures:
    """The figures of one report; ``last`` are the figures of the same agency's report on the year before."""
    form = form_of_year(year)
    figures = Figures(year, form, disclosure_form=form)
    if form == "2014":
        _statistics(rng, figures)
        return figures
    if form == "2021" and hybrid:
        if rng.random() < 0.7:
            figures.single_other = True
        else:
            figures.disclosure_form = "2019"
    earlier: Figures | None = last
    if last and last.disclosure_form != figures.disclosure_form:
        earlier = Figures(last.year, last.form, {k: v for k, v in last.values.items() if k.startswith("requests")})
    make = _disclosure_2019 if figures.disclosure_form == "2019" else _disclosure_2021
    make(rng, figures, agency, None if earlier is not last else last)
    _requests(rng, figures, agency, earlier)
    _review(rng, figures, agency)
    for name in further_blocks(form):
        _cross(rng, figures, name)
    return figures


def further_blocks(form: str) -> list[str]:
    """The blocks of a form beside the three that the notices of 2019 and 2021 made."""
    return [name for name in load_book().forms[form].blocks if name not in ("disclosure", "requests", "review", "statistics")]
