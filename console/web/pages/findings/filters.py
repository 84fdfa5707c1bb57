"""The filter of the pages of findings: from an address or a form to cases, and back."""

from __future__ import annotations

from typing import Any

from codebook.agency_kinds import kind_names
from codebook.records import Severity
from codebook.rules import load_rules
from console.web.security import Fields
from console.web.views.regions import region_code
from database.access import region_prefix
from database.findings.listing import OPEN, WITHDRAWN, CaseFilter
from database.models import FindingState

STATES = (OPEN, *FindingState, WITHDRAWN)
"""What can be chosen as a state, in the order of the page."""


def given(fields: Fields) -> dict[str, Any]:
    """Return the filter that an address or a form holds; what cannot be chosen is empty."""
    state, rule, severity, kind = (fields.text(name, 60) for name in ("state", "rule", "severity", "kind"))
    year = fields.number("year")
    return {
        "state": state if state in STATES else "",
        "rule": rule if rule in load_rules() else "",
        "severity": severity if severity in list(Severity) else "",
        "region": fields.text("region", 100),
        "year": year if year is not None and year < 10_000 else None,
        "kind": kind if kind in kind_names() else "",
        "batch": fields.number("batch"),
        "text": fields.text("text", 100),
    }


def wanted(parameters: dict[str, Any]) -> CaseFilter | None:
    """Return the cases of a filter; None for a region that there is not."""
    code = region_code(parameters["region"])
    if parameters["region"] and code is None:
        return None
    named = {name: value or None for name, value in parameters.items() if name != "region"}
    return CaseFilter(**named, region=region_prefix(code) if code else None)
