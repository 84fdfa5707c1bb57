"""Which rules could not be run on a draft, and why."""

from __future__ import annotations

from enum import StrEnum

from codebook.records import Record
from codebook.rules import RuleScope, load_rules
from tasks.loading.relate import AREA_RULES


class BecauseOf(StrEnum):
    """Why rules were not run on a draft, or not on all that they are for."""

    NO_DATABASE = "no_database"
    """There is no database with other reports."""
    NO_IDENTITY = "no_identity"
    """The draft does not say whose report it is, or on which year."""
    NEW_AGENCY = "new_agency"
    """The database has no report of this agency."""
    NO_LAST_YEAR = "no_last_year"
    """The database has no report of the agency on the year before."""
    NO_GOVERNMENT = "no_government"
    """The database has no report of the government above, or of an agency below, on this year."""
    NO_REGION = "no_region"
    """The region of the agency is not known."""
    REGION_ONLY = "region_only"
    """Compared with the agencies of the same region only."""
    WHOLE_REGION = "whole_region"
    """They need all reports of a region: `gongkai check`."""
    PUBLISHED = "published"
    """They are about what was published: its date, its editions and copies."""


class NotRun(Record, frozen=True):
    """Rules that were not run."""

    rules: tuple[str, ...]
    because: BecauseOf


def rules_of(scope: RuleScope) -> tuple[str, ...]:
    """Return the ids of the rules of a scope."""
    return tuple(name for name, rule in load_rules().items() if rule.scope is scope)


def always_not_run(*, dated: bool) -> tuple[NotRun, ...]:
    """Return what is never run on a draft: rules on whole regions, and on what was published (its date, where it has none)."""
    late = () if dated else ("publication.late",)
    return (
        NotRun(AREA_RULES, BecauseOf.WHOLE_REGION),
        NotRun((*rules_of(RuleScope.FILING), *late), BecauseOf.PUBLISHED),
    )


def between_reports(because: BecauseOf) -> NotRun:
    """Return that no rule between reports was run."""
    names = (*rules_of(RuleScope.YEARS), *(name for name in rules_of(RuleScope.REGION) if name not in AREA_RULES))
    return NotRun(names, because)
