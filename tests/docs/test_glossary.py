"""The glossary names every label and slug of the codebook."""

from __future__ import annotations

from codebook.book import load_book
from tests.conftest import REPOSITORY


def test_every_label_and_slug_of_the_codebook_is_in_the_glossary() -> None:
    page = (REPOSITORY / "docs" / "glossary.md").read_text(encoding="utf-8")
    for name, block in load_book().blocks.items():
        chapter = page.split(f"## `{name}`", 1)[1].split("\n## ", 1)[0]
        for labels in (block.rows, block.columns, block.subtotals, block.extra_columns):
            for slug, label in labels.items():
                assert f"| {label.label} | `{slug}` |" in chapter, f"docs/glossary.md lacks {name}.{slug}"
