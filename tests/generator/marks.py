"""How numbers are printed, what is left blank, and errors that are planted on purpose."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.generator.figures import COLUMNS, Figures, Plant, outcome_rows, plain

_FULL = str.maketrans("0123456789.-", "０１２３４５６７８９．－")
_TOTAL_ROWS = ("new_received", "carried_over", "total_handled", "carried_forward")


def full_width(text: str) -> str:
    """Digits in full-width forms."""
    return text.translate(_FULL)


def dress_numbers(rng: Random, figures: Figures) -> None:
    """Units in some cells, thousands separators, amounts in 元 where 万元 is asked."""
    units = {"disclosure.procurement.items": "个", "disclosure.licensing.decisions": "件", "disclosure.penalties.decisions": "件"}
    for key, value in figures.values.items():
        if key.endswith("amount") and value:
            exact = round(value * 10_000, 2)
            if exact == int(exact) and rng.random() < 0.5:
                figures.raw[key] = f"{int(exact)}元"
            else:
                figures.raw[key] = plain(value) + "万元"
        elif key in units and value and rng.random() < 0.7:
            figures.raw[key] = plain(value) + units[key]
        elif value >= 1000 and rng.random() < 0.5:
            figures.raw[key] = f"{value:,}"
        elif key.startswith("requests.") and value and rng.random() < 0.05:
            figures.raw[key] = plain(value) + "件"


def spread_digits(figures: Figures) -> None:
    """Every number in full-width digits."""
    for key in figures.values:
        figures.raw[key] = full_width(figures.text(key))


def leave_blank(rng: Random, figures: Figures, style: str) -> None:
    """Cells without a number. ``style``: "totals" (总计 filled on a few rows only), "marks" ("/" or "—" instead of zeros),
    "empty" (zeros left empty, in whole rows or singly)."""
    if figures.form == "2014":
        zeros = [key for key, value in figures.values.items() if value == 0]
        for key in zeros:
            if rng.random() < 0.3:
                figures.blanks[key] = "" if style == "totals" else rng.choice(("/", "—", ""))
        return
    if style == "totals":
        for key in figures.values:
            block, _, rest = key.partition(".")
            if block == "requests" and rest.endswith(".total") and rest.removesuffix(".total") not in _TOTAL_ROWS:
                figures.blanks[key] = ""
        return
    mark = rng.choice(("/", "—", "－")) if style == "marks" else ""
    rows = [row for row in outcome_rows(figures.form, figures.single_other) if figures.get(f"requests.{row}.total") == 0]
    chosen = {row for row in rows if rng.random() < 0.35}
    for key, value in figures.values.items():
        row = ".".join(key.split(".")[1:-1])
        if value == 0 and (row in chosen or (rng.random() < 0.06 and not key.startswith("requests.new"))):
            figures.blanks[key] = mark


def _bump(figures: Figures, key: str, by: int) -> None:
    figures.values[key] = figures.values[key] + by


def plant_balance(rng: Random, figures: Figures) -> None:
    """N + P no longer equals T + F, and the row 四 still adds up."""
    by = rng.randint(1, 3)
    cells = tuple(f"requests.carried_forward.{c}" for c in ("natural_person", "total"))
    for key in cells:
        _bump(figures, key, by)
    figures.plants.append(Plant("requests.balance", cells))


def plant_column_sum(rng: Random, figures: Figures) -> None:
    """T no longer equals the sum of its outcomes; rows still add up."""
    by = rng.randint(1, 4)
    cells = tuple(f"requests.granted.{c}" for c in ("natural_person", "total"))
    for key in cells:
        _bump(figures, key, by)
    figures.plants.append(Plant("requests.column_sum", cells))


def plant_row_sum(rng: Random, figures: Figures) -> None:
    """总计 of one row is not the sum of the row."""
    row = rng.choice(["granted", "unable.not_held", "partially_granted"])
    _bump(figures, f"requests.{row}.total", rng.randint(1, 5))
    figures.plants.append(Plant("requests.row_sum", tuple(f"requests.{row}.{c}" for c in COLUMNS)))


def plant_review(rng: Random, figures: Figures) -> None:
    """A total of table four is not the sum of its results."""
    _bump(figures, "review.reconsideration.total", rng.randint(1, 3))
    figures.plants.append(Plant("review.sum", ("review.reconsideration.total",)))


def _statistics_plant(rule: str, key: str) -> Callable[[Random, Figures], None]:
    def plant(rng: Random, figures: Figures) -> None:
        _bump(figures, f"statistics.{key}", rng.randint(1, 4))
        figures.plants.append(Plant(rule, (f"statistics.{key}",)))

    return plant


PLANTS_2014 = {
    "statistics.requests_sum": _statistics_plant("statistics.requests_sum", "requests.online"),
    "statistics.concluded_sum": _statistics_plant("statistics.concluded_sum", "requests.extended"),
    "statistics.replies_sum": _statistics_plant("statistics.replies_sum", "replies.granted"),
    "statistics.denied_sum": _statistics_plant("statistics.denied_sum", "replies.denied"),
    "statistics.review_sum": _statistics_plant("statistics.review_sum", "litigation.total"),
    "statistics.staff_sum": _statistics_plant("statistics.staff_sum", "organization.staff"),
}
PLANTS = {
    "requests.balance": plant_balance,
    "requests.column_sum": plant_column_sum,
    "requests.row_sum": plant_row_sum,
    "review.sum": plant_review,
}


def plant(rng: Random, figures: Figures, rule: str | None = None) -> None:
    """Put one error into the figures: that of ``rule``, or a random one of the form's."""
    table = PLANTS_2014 if figures.form == "2014" else PLANTS
    table[rule or rng.choice(sorted(table))](rng, figures)
