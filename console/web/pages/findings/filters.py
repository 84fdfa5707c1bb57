"""The filter of the pages of findings: from an address or a form to cases, and back."""

from __future__ import annotations

from typing import Any

from console.web.security import Fields
from console.web.views.regions import region_code
from database.access import region_prefix
from database.findings.listing import OPEN, WITHDRAWN, CaseFilter
from database.models import FindingState

STATES = (OPEN, *FindingState, WITHDRAWN)
"""What can be chosen as a state, in the order of the page."""


_ABSENT = -1
"""A number that no case has."""
LAST_YEAR = 9999


def given(fields: Fields) -> dict[str, Any]:
    """Return the filter that an address or a form holds.

    What cannot be chosen stays, and no case meets it: without it the filter would mean more cases than the person asked for.
    """
    return {
        **{name: fields.text(name, 60) for name in ("state", "rule", "severity")},
        "region": fields.text("region", 100),
        "year": _number(fields, "year", LAST_YEAR),
        "kind": fields.text("kind", 60),
        "batch": _number(fields, "batch"),
        "text": fields.text("text", 100),
    }


def _number(fields: Fields, name: str, most: int = 2**63 - 1) -> int | None:
    """The number of a field; None for an empty one, and one that no case has for what is no such number."""
    if not fields.text(name):
        return None
    value = fields.number(name)
    return value if value and value <= most else _ABSENT


def wanted(parameters: dict[str, Any]) -> CaseFilter | None:
    """Return the cases of a filter; None for a region that there is not."""
    code = region_code(parameters["region"])
    if parameters["region"] and code is None:
        return None
    named = {name: value or None for name, value in parameters.items() if name != "region"}
    return CaseFilter(**named, region=region_prefix(code) if code else None)
