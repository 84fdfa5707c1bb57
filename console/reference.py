"""The reference of the settings, made from the settings themselves: ``python -m console.reference > docs/settings.md``."""

from __future__ import annotations

import sys

from workers.settings import Settings

_HEAD = """# Settings

Settings come from the environment and nowhere else. With none set, everything runs on one machine out of `GONGKAI_HOME`.
This page is made by `python -m console.reference`.

| setting | default | meaning |
|---|---|---|
"""


def settings_page() -> str:
    """The page as Markdown: a row for each setting with its default and what it means."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = "see there" if field.default_factory is not None else "unset" if field.default is None else f"`{field.default}`"
        meaning = " ".join((field.description or "").split()).replace("``", "`").replace("|", "\\|")
        rows.append(f"| `GONGKAI_{name.upper()}` | {default} | {meaning} |")
    return _HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(settings_page())
