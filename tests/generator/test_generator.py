"""The generator keeps its own promises: the same seed gives the same bytes, identities hold, samples are up to date."""

from __future__ import annotations

import io
import zipfile
from random import Random

import pypdfium2
import pytest

from codebook.book import load_book
from tests.generator import marks, samples
from tests.generator.documents import RENDERERS, Wishes, make_document, make_documents
from tests.generator.figures import COLUMNS, PARTS, RESULTS, Figures, compose, outcome_rows
from tests.generator.world import pick_agency


def _broken_identities(figures: Figures) -> list[str]:
    value, broken = figures.get, []
    if figures.form == "2014":
        sums = {
            "requests.received": ("requests.in_person", "requests.fax", "requests.online", "requests.letter"),
            "requests.concluded": ("requests.on_time", "requests.extended"),
            "organization.staff": ("organization.staff_full_time", "organization.staff_part_time"),
        }
        return [k for k, parts in sums.items() if value(f"statistics.{k}") != sum(value(f"statistics.{p}") for p in parts)]
    rows = outcome_rows(figures.form, figures.single_other)
    for column in COLUMNS:
        n, p, t, f = (
            value(f"requests.{r}.{column}") for r in ("new_received", "carried_over", "total_handled", "carried_forward")
        )
        broken += [f"balance {column}"] if n + p != t + f else []
        broken += [f"sum {column}"] if t != sum(value(f"requests.{r}.{column}") for r in rows) else []
    for row in (*rows, "new_received", "carried_over", "total_handled", "carried_forward"):
        total = sum(value(f"requests.{row}.{c}") for c in PARTS)
        broken += [f"row {row}"] if value(f"requests.{row}.total") != total else []
    for row in ("reconsideration", "litigation_direct", "litigation_after_review"):
        total = sum(value(f"review.{row}.{c}") for c in RESULTS)
        broken += [f"review {row}"] if value(f"review.{row}.total") != total else []
    return broken


@pytest.mark.parametrize("year", [2014, 2018, 2019, 2020, 2021, 2025])
def test_identities_hold_in_every_form(year):
    for seed in range(20):
        rng = Random(seed)
        figures = compose(rng, pick_agency(rng), year)
        assert _broken_identities(figures) == []
        known = {i.id for i in load_book().indicators.values()}
        assert set(figures.values) <= known


def test_a_planted_error_breaks_an_identity():
    for seed in range(10):
        rng = Random(seed)
        figures = compose(rng, pick_agency(rng), 2023)
        marks.plant(rng, figures)
        assert _broken_identities(figures)
        assert figures.plants


def test_consecutive_years_agree():
    for seed in range(20):
        rng = Random(seed)
        agency = pick_agency(rng)
        first = compose(rng, agency, 2021)
        second = compose(rng, agency, 2022, first)
        for column in COLUMNS:
            assert first.values[f"requests.carried_forward.{column}"] == second.values[f"requests.carried_over.{column}"]
        key = "disclosure.normative_documents"
        assert second.get(f"{key}.in_force") == first.get(f"{key}.in_force") + second.get(f"{key}.issued") - second.get(
            f"{key}.repealed"
        )


@pytest.mark.parametrize("layout", sorted(RENDERERS))
def test_the_same_seed_gives_the_same_document(layout):
    first, second = make_document(7, layout), make_document(7, layout)
    assert first == second
    assert first.data
    assert first.truth()["indicators"]


def test_a_clean_document_holds_every_cell_of_its_form():
    layouts = [name for name in RENDERERS if name != "vanished"]
    for document in make_documents(len(layouts), 3, layouts, Wishes(clean=True)):
        expected = {i.id for i in load_book().of_form(document.form)}
        if document.form == "2021":
            expected = {i for i in expected if not i.startswith("requests.other.") or i.count(".") == 3}
        assert set(document.indicators) == expected
        assert document.blanks == document.plants == ()


def _content(data: bytes) -> object:
    """What a file says, without what the compression of this machine makes of it."""
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    if data.startswith(b"%PDF"):
        return [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(data)]
    return data


def test_samples_are_what_the_code_makes():
    made = samples.make_samples()
    folder = samples.FOLDER / "reports"
    assert {path.name for path in folder.iterdir()} == set(made)
    for name, (data, _) in made.items():
        assert _content((folder / name).read_bytes()) == _content(data), f"{name}: run python -m tests.generator.samples"
        assert len(data) < 100_000
    assert (samples.FOLDER / "README.md").read_text(encoding="utf-8") == samples.readme(made)
