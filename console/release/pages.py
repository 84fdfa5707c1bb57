"""The pages of a release that people read: README, the codebook in both languages, the report of checks, the change log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from codebook.book import load_book
from console.release.about import ReleaseFacts
from console.release.changes import change_counts
from console.release.checks import ReleaseCheck
from console.release.figures import derived_rows
from console.release.metadata import ReleaseIdentity
from console.release.rows import comparability_rows, comparisons, indicator_rows
from console.release.schema import cell_codes, labels, release_tables

_PAGES = {
    "README.md": "readme.md",
    "codebook.zh.md": "codebook.zh.md",
    "codebook.en.md": "codebook.en.md",
    "CHECKS.md": "checks.md",
    "CHANGES.md": "changes.md",
}


class ReleaseReport(NamedTuple):
    """What the report of a release says: its checks, its contents (see :func:`console.release.checks.contents`), how many contact
    lines of each kind were masked, and what was left out.
    """

    checks: tuple[ReleaseCheck, ...]
    contents: Mapping[str, Sequence[Mapping[str, Any]]]
    masked: Counter[str]
    left_out: Counter[str]


def write_pages(folder: Path, facts: ReleaseFacts, identity: ReleaseIdentity, report: ReleaseReport) -> None:
    """Write the pages to ``folder``, and the checks as JSON beside theirs."""
    loader = PackageLoader("console.release")
    environment = Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)
    environment.keep_trailing_newline = True
    book = load_book()
    shown = {
        "facts": facts,
        "identity": identity,
        "tables": release_tables(),
        "codes": cell_codes(),
        "book": book,
        "blocks": labels().blocks,
        "indicators": list(indicator_rows()),
        "derived": list(derived_rows()),
        "comparisons": comparisons(),
        "same": sum(1 for _ in comparability_rows()) - len(comparisons()),
        **report._asdict(),
        "changes": change_counts(folder / "data"),
    }
    for page, template in _PAGES.items():
        (folder / page).write_text(environment.get_template(f"{template}.jinja").render(**shown), encoding="utf-8")
    said = {"version": identity.version, **report._asdict()}
    (folder / "checks.json").write_bytes(msgspec.json.format(msgspec.json.encode(said), indent=2) + b"\n")
