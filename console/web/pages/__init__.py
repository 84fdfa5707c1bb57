"""The pages, a module for each. What stands here is all that the application knows of them."""

from __future__ import annotations

from starlette.routing import Route

from console.web.pages import (
    account,
    administration,
    batches,
    coverage,
    document,
    documents,
    downloads,
    errors,
    expected,
    health,
    login,
    review,
    saved,
    upkeep,
)
from console.web.pages.analysis import agency as analysis_agency
from console.web.pages.analysis import compare as analysis_compare
from console.web.pages.analysis import glossary as analysis_glossary
from console.web.pages.analysis import indicator as analysis_indicator
from console.web.pages.analysis import overview as analysis
from console.web.pages.api import figures, resources, tokens
from console.web.pages.drafts import check as drafts
from console.web.pages.filings import agency, cases, filing
from console.web.pages.findings import cases as finding_cases
from console.web.pages.findings import deciding, sheets
from console.web.pages.intake import collecting, upload
from database.models import Role

MODULES = (
    login,
    health,
    account,
    batches,
    upload,
    collecting,
    documents,
    document,
    filing,
    agency,
    cases,
    finding_cases,
    deciding,
    sheets,
    errors,
    review,
    drafts,
    coverage,
    expected,
    analysis,
    analysis_indicator,
    analysis_agency,
    analysis_compare,
    analysis_glossary,
    downloads,
    administration,
    upkeep,
    saved,
    resources,
    figures,
    tokens,
)

# The bar at the top: the key of a word, the address, and the role that is needed.
NAVIGATION: tuple[tuple[str, str, Role], ...] = (
    ("batches.title", "/batches", Role.VIEW),
    ("documents.title", "/documents", Role.VIEW),
    ("filings.title", "/filings", Role.VIEW),
    ("agencies.title", "/agencies", Role.VIEW),
    ("findings.title", "/findings", Role.VIEW),
    ("errors.title", "/errors", Role.VIEW),
    ("review.title", "/review", Role.OPERATE),
    ("drafts.title", "/drafts", Role.OPERATE),
    ("coverage.title", "/coverage", Role.VIEW),
    ("analysis.title", "/analysis", Role.VIEW),
    ("downloads.title", "/downloads", Role.VIEW),
    ("users.title", "/users", Role.ADMINISTER),
    ("audit.title", "/audit", Role.ADMINISTER),
    ("verification.title", "/verification", Role.ADMINISTER),
)


def routes() -> list[Route]:
    """The routes of all pages."""
    return [route for module in MODULES for route in module.ROUTES]
