"""Releases: keys, codes of what is missing, metadata that others' programs accept, and the same bytes twice."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
import yaml
from sqlalchemy import Engine, event, text, update
from typer.testing import CliRunner

from codebook.agency_kinds import agency_key
from codebook.book import load_book
from codebook.errors import UsageError
from codebook.records import Place, Reader, Section, State
from console.cli import app
from console.release import release
from console.release.about import release_facts
from console.release.absent import absent_rows
from console.release.checks import ReleaseError, check_files
from console.release.contacts import contact_patterns, masked
from console.release.repeats import repeat_rows
from console.release.rows import comparability_rows, indicator_rows
from console.release.schema import labels, release_tables
from database import migrations
from database.findings.following import CASE
from database.reports.coverage import Listed, expect
from database.session import make_engine, run_transaction
from runtime.settings import load_settings
from tasks.validation.rules.between_reports import own_words
from tests.conftest import REPOSITORY
from tests.console.test_export import add, load, reading, verdict

SHAPES = Path(__file__).with_name("shapes.ttl")
RECEIVED, GRANTED, FEES = "requests.new_received.total", "requests.granted.total", "requests.granted.research"
CARRIED = "requests.carried_over.total"
CONTACTS = "联系人：张三，电话：0517-80001234，邮箱 zhang@example.gov.cn。全年公开信息95条。"


def fill(engine: Engine) -> None:
    """Two agencies: one with two editions and every kind of cell, one whose report is of 2019's form; and one not to be read."""
    sections = (Section(1, "总体情况", CONTACTS, Place()),)
    readings = (
        reading(RECEIVED, 95, State.PROVEN, read_by=Reader.PDF, place=Place(3, box=(1.5, 2.0, 3.0, 4.0))),
        reading(GRANTED, 2, State.DOUBTFUL, doubt="两处不一致", candidates=(2, 3)),
        reading(FEES, None, State.MISSING, raw="—"),
        reading("requests.granted.business", None, State.MISSING, raw=""),
        reading(CARRIED, None, State.NOT_SEEN),
        reading("requests.denied.state_secret.total", 0),
    )
    load(engine, add(engine, "old.html"), verdict("洪泽区民政局", readings=(reading(RECEIVED, 90),), published_on="2025-01-20"))
    load(
        engine, add(engine, "new.html"), verdict("洪泽区民政局", readings=readings, published_on="2025-03-01", sections=sections)
    )
    one = (reading("disclosure.rules.made", 1), reading("requests.other.total", 4))
    load(engine, add(engine, "other.txt"), verdict("洪泽区财政局", 2019, readings=one, form="2019", blocks=()))
    add(engine, "broken.pdf", "failed")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A filled database, to be copied."""
    path = tmp_path_factory.mktemp("database") / "gongkai.db"
    engine = make_engine(f"sqlite:///{path}")
    migrations.upgrade(engine)
    fill(engine)
    engine.dispose()
    return path


@pytest.fixture
def filled(database: Path, tmp_path: Path) -> Iterator[Engine]:
    shutil.copy(database, tmp_path / "gongkai.db")
    engine = make_engine(f"sqlite:///{tmp_path / 'gongkai.db'}")
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def made(database: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release, for the tests that only look at it."""
    folder = tmp_path_factory.mktemp("release")
    engine = make_engine(f"sqlite:///{database}")
    release(engine, "2026.1", folder / "out", facts=told(folder))
    engine.dispose()
    return folder / "out"


def told(folder: Path) -> Any:
    path = folder / "about.yaml"
    path.write_text(
        "publisher: 示例大学\ncreators: [{name: 示例大学, identifier: 'https://ror.org/00000000'}]\nlicence: CC-BY-4.0\n"
        "licence_url: https://creativecommons.org/licenses/by/4.0/\nhomepage: https://data.example.org/gongkai/\n"
        "doi: 10.5072/example\ncontact: data@example.org\n",
        encoding="utf-8",
    )
    return release_facts(path)


def rows_of(folder: Path, table: str) -> list[dict[str, Any]]:
    return pl.read_parquet(folder / "data" / "parquet" / f"{table}.parquet").to_dicts()


# ---- what is in it ----------------------------------------------------------------------------------------------------------


def test_a_release_holds_one_filing_for_each_agency_and_year_with_codes_for_what_is_missing(
    engine: Engine, tmp_path: Path
) -> None:
    fill(engine)
    summary = release(engine, "2026.1", tmp_path / "out", date="2026-11-30")
    out = tmp_path / "out"
    assert (summary.filings, len(rows_of(out, "filings")), len(rows_of(out, "agencies"))) == (2, 2, 2)
    filing = next(row for row in rows_of(out, "filings") if row["year"] == 2024)
    values = {row["indicator"]: row for row in rows_of(out, "values") if row["filing_id"] == filing["filing_id"]}
    expected = {
        RECEIVED: ("value", 95),
        GRANTED: ("doubt", None),
        FEES: ("mark", None),
        "requests.granted.business": ("blank", None),
        CARRIED: ("not_seen", None),
        "requests.denied.state_secret.total": ("value", 0),
        "requests.granted.other_org": ("blank", None),  # of the form, and not printed
    }
    assert {i: (values[i]["code"], values[i]["value"]) for i in expected} == expected
    assert (values[RECEIVED]["page"], values[RECEIVED]["box_x0"], values[RECEIVED]["raw"]) == (3, 1.5, "95")
    assert values[GRANTED]["raw"] == "2"
    assert filing["edition"] == 2
    editions = [row for row in rows_of(out, "editions") if row["filing_id"] == filing["filing_id"]]
    assert [(row["edition"], row["in_force"]) for row in editions] == [(1, False), (2, True)]
    wide, codes = rows_of(out, "wide_requests"), {row["filing_id"]: row for row in rows_of(out, "codes_requests")}
    assert {row["year"]: row["requests_new_received_total"] for row in wide} == {2024: 95, 2019: None}
    of_2019 = next(row["filing_id"] for row in wide if row["year"] == 2019)
    assert codes[of_2019]["requests_other_total"] == "value"
    assert codes[of_2019]["requests_other_fee_not_paid_total"] == "not_in_form"
    assert codes[filing["filing_id"]]["requests_carried_over_total"] == "not_seen"


def test_a_release_says_nothing_of_paths_operators_and_dismissed_findings(filled: Engine, tmp_path: Path) -> None:
    release(filled, "2026.0", tmp_path / "before")
    dismissed, *others = [row["finding_id"] for row in rows_of(tmp_path / "before", "findings")]
    with filled.begin() as connection:
        connection.execute(update(CASE).where(CASE.c.id == dismissed).values(state="dismissed"))
    release(filled, "2026.1", tmp_path / "out")
    assert [row["finding_id"] for row in rows_of(tmp_path / "out", "findings")] == others
    assert json.loads((tmp_path / "out" / "checks.json").read_text("utf-8"))["left_out"]["dismissed_findings"] == 1
    for path in (tmp_path / "out" / "data" / "csv").iterdir():
        assert "new.html" not in path.read_text("utf-8-sig"), path.name


def test_contact_lines_are_masked_unless_asked_for(filled: Engine, tmp_path: Path) -> None:
    release(filled, "2026.1", tmp_path / "masked")
    text = next(row["text"] for row in rows_of(tmp_path / "masked", "texts") if "95条" in row["text"])
    assert "全年公开信息95条" in text
    assert all(word not in text for word in ("张三", "80001234", "@"))
    release(filled, "2026.1", tmp_path / "open", mask=False)
    assert CONTACTS in [row["text"] for row in rows_of(tmp_path / "open", "texts")]


@pytest.mark.parametrize("pattern", contact_patterns(), ids=lambda pattern: pattern.id)
def test_a_contact_pattern_masks_its_examples_and_nothing_else(pattern: Any) -> None:
    assert {text: masked(text) for text in pattern.examples} == pattern.examples
    assert [masked(text) for text in pattern.counter_examples] == list(pattern.counter_examples)


def test_derived_indicators_of_a_filing_are_those_of_their_definitions(made: Path) -> None:
    figures = {(row["year"], row["derived"]): row for row in rows_of(made, "figures")}
    received = figures[2024, "received"]
    assert (received["numerator"], received["denominator"], received["value"], received["left_out"]) == (95, None, 95, None)
    left_out = {name: figures[2024, name]["left_out"] for name in ("obligations", "grant_rate")}
    assert left_out == {"obligations": "not_seen", "grant_rate": "doubt"}  # carried over was not seen, granted is in doubt
    assert (2019, "text_repeat") not in figures
    known = {row["derived"] for row in rows_of(made, "derived")}
    assert {name for _, name in figures} <= known


def test_what_repeats_last_year_is_that_of_the_texts_before_they_are_masked(engine: Engine, tmp_path: Path) -> None:
    fill(engine)
    for year, number in ((2022, 7), (2023, 95)):
        kept = (reading(RECEIVED, number), reading(GRANTED, 4), reading("requests.denied.state_secret.total", 0))
        sections = (Section(1, "总体情况", f"{CONTACTS}{'今年开展专项检查' if year == 2022 else ''}", Place()),)
        load(engine, add(engine, f"{year}.html"), verdict("洪泽区民政局", year, kept, sections=sections))
    release(engine, "2026.1", tmp_path / "out")
    rows = {(row["year"], row["derived"]): row for row in rows_of(tmp_path / "out", "repeats")}
    assert {year for year, _ in rows} == {2023, 2024}
    numbers = rows[2024, "table_repeat"]  # 95 = 95; 0 = 0 and what is in doubt never count
    assert (numbers["numerator"], numbers["denominator"]) == (1, 1)
    assert (rows[2023, "table_repeat"]["numerator"], rows[2023, "table_repeat"]["denominator"]) == (1, 2)
    words = rows[2023, "text_repeat.chapter_1"]
    assert words["value"] == 1
    assert words["denominator"] == len(own_words(CONTACTS)) - 4
    assert rows[2024, "text_repeat.chapter_5"]["left_out"] == "not_in_form"
    filings = {row["filing_id"]: row["year"] for row in rows_of(tmp_path / "out", "filings")}
    assert all(filings[row["filing_before"]] == row["year"] - 1 for row in rows.values())


def test_agencies_of_a_list_without_a_filing_are_named(engine: Engine, tmp_path: Path) -> None:
    fill(engine)
    listed = [Listed(2024, name, agency_key(name, "320813"), "320813", "2025-01-31") for name in ("洪泽区民政局", "洪泽区审计局")]
    run_transaction(engine, lambda c: expect(c, listed, who="test"))
    release(engine, "2026.1", tmp_path / "out")
    assert [(row["year"], row["name"], row["city_code"]) for row in rows_of(tmp_path / "out", "absent")] == [
        (2024, "洪泽区审计局", "320800")
    ]


def released(engine: Engine, folder: Path) -> tuple[Path, dict[int, int]]:
    """Release what is there; return the folder of its tables, and the report of each filing at that moment."""
    release(engine, "2026.1", folder / "out")
    with engine.connect() as connection:
        reports: dict[int, int] = dict(connection.execute(text("select filing_id, report_id from gk_current_filing")).all())
    return folder / "out" / "data", reports


def test_what_comes_in_while_a_release_is_written_changes_nothing_of_it(engine: Engine, tmp_path: Path) -> None:
    """The last tables say of each agency what the first ones say."""
    fill(engine)
    listed = [Listed(2024, name, agency_key(name, "320813"), "320813", "2025-01-31") for name in ("洪泽区民政局", "洪泽区审计局")]
    run_transaction(engine, lambda c: expect(c, listed, who="test"))
    again = add(engine, "2023.html")
    load(engine, again, verdict("洪泽区民政局", 2023, (reading(RECEIVED, 95),)))
    data, reports = released(engine, tmp_path)
    before = list(repeat_rows(engine, data, reports))
    assert before
    late = add(engine, "late.html")
    load(engine, late, verdict("洪泽区审计局", readings=(reading(RECEIVED, 1),)))
    more = add(engine, "newer.html")
    load(engine, more, verdict("洪泽区民政局", readings=(reading(RECEIVED, 7),), published_on="2025-06-01"))
    assert [row[2] for row in absent_rows(engine, data)] == ["洪泽区审计局"]
    assert list(repeat_rows(engine, data, reports)) == before
    load(engine, again, verdict("洪泽区民政局", 2023, (reading(RECEIVED, 7),)))
    assert list(repeat_rows(engine, data, reports)) == []  # that version is no longer there


def test_a_report_that_is_read_again_between_two_statements_is_compared_with_nothing(engine: Engine, tmp_path: Path) -> None:
    """On PostgreSQL each statement sees what was committed before it: texts would be those of another version than cells."""
    documents = [add(engine, f"{year}.html") for year in (2022, 2023)]

    def state(year: int, words: str) -> None:
        sections = (Section(1, "总体情况", words * 5, Place()),)
        load(engine, documents[year - 2022], verdict("洪泽区民政局", year, (reading(RECEIVED, 95),), sections=sections))

    for year in (2022, 2023):
        state(year, "今年开展专项检查，主动公开各类信息。")
    data, reports = released(engine, tmp_path)
    before = list(repeat_rows(engine, data, reports))
    assert before
    met: list[str] = []

    def change(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "gk_section" in statement and statement.lower().startswith("select") and not met:
            met.append(statement)
            state(2022, "另一份报告的文字，与原来的没有一处相同。")

    event.listen(engine, "before_cursor_execute", change)
    try:
        found = list(repeat_rows(engine, data, reports))
    finally:
        event.remove(engine, "before_cursor_execute", change)
    assert met
    assert found in ([], before)  # SQLite shows one state for all statements


def test_csv_and_parquet_have_the_same_numbers(made: Path) -> None:
    for table in ("values", "wide_requests", "filings"):
        with (made / "data" / "csv" / f"{table}.csv").open(encoding="utf-8-sig", newline="") as file:
            read = list(csv.DictReader(file))
        rows = rows_of(made, table)
        for name, column in release_tables()[table].columns.items():
            if column.type in ("number", "integer"):
                assert [float(row[name]) if row[name] else None for row in read] == [row[name] for row in rows], name


# ---- its promises -----------------------------------------------------------------------------------------------------------


def test_two_builds_are_the_same_bytes_and_the_digests_hold(filled: Engine, tmp_path: Path) -> None:
    for name in ("one", "two"):
        release(filled, "2026.1", tmp_path / name)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert len(files) > 40
    assert [path for path in files if (tmp_path / "one" / path).read_bytes() != (tmp_path / "two" / path).read_bytes()] == []
    done = subprocess.run(
        ["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=tmp_path / "one", capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout
    named = {line.split("  ", 1)[1] for line in (tmp_path / "one" / "SHA256SUMS").read_text().splitlines()}
    assert named == {str(path) for path in files} - {"SHA256SUMS"}


def test_a_release_with_a_key_twice_is_not_written(made: Path, tmp_path: Path) -> None:
    for name in release_tables():
        source = made / "data" / "parquet" / f"{name}.parquet"
        frame = pl.read_parquet(source)
        twice = pl.concat([frame, frame.head(1)]) if name == "filings" else frame
        lost = twice.filter(pl.col("agency_id") != "1") if name == "agencies" else twice
        (tmp_path / "parquet").mkdir(exist_ok=True)
        lost.write_parquet(tmp_path / "parquet" / source.name)
    with pytest.raises(ReleaseError) as caught:
        check_files(tmp_path, 2)
    message = str(caught.value)
    assert "filings: primary key filing_id is unique: 1 of 3 rows" in message
    assert "values: foreign key agency_id is in agencies" in message
    assert "filings: all filings in force are in it: 1 of 3 rows" in message


def test_the_change_log_names_each_number_that_differs(filled: Engine, tmp_path: Path) -> None:
    release(filled, "2026.1", tmp_path / "one")
    readings = (reading(RECEIVED, 96), reading(GRANTED, 2), reading("requests.denied.state_secret.total", 0))
    load(filled, add(filled, "third.html"), verdict("洪泽区民政局", readings=readings, published_on="2025-04-01"))
    summary = release(filled, "2026.2", tmp_path / "two", previous=tmp_path / "one")
    changes = {row["indicator"]: row for row in rows_of(tmp_path / "two", "changes")}
    row = changes[RECEIVED]
    assert (row["change"], row["value_before"], row["value_after"], row["edition_before"], row["edition_after"]) == (
        "changed",
        95,
        96,
        2,
        3,
    )
    assert (changes[GRANTED]["code_before"], changes[GRANTED]["code_after"]) == ("doubt", "value")
    assert "requests.denied.state_secret.total" not in changes
    assert summary.changes == len(changes)
    assert "Against 2026.1" in (tmp_path / "two" / "CHANGES.md").read_text("utf-8")
    with pytest.raises(UsageError, match=r"expected the folder of a release"):
        release(filled, "2026.3", tmp_path / "three", previous=tmp_path)
    assert not (tmp_path / "three").exists()


def test_a_folder_in_use_is_left_alone(filled: Engine, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="in use"):
        release(filled, "2026.1", tmp_path / "out")
    assert [path.name for path in tmp_path.joinpath("out").iterdir()] == ["mine.txt"]


# ---- what others' programs say ----------------------------------------------------------------------------------------------


def test_the_data_package_is_valid(made: Path) -> None:
    from frictionless import Package  # noqa: PLC0415 - a second of imports

    report = Package(str(made / "datapackage.json")).validate()
    assert report.valid, report.flatten(["fieldName", "type", "note"])
    assert report.stats["tasks"] == 2 * len(release_tables())


def test_the_metadata_of_csvw_hold(made: Path) -> None:
    from csvw import CSVW, TableGroup  # noqa: PLC0415 - a second of imports

    read = CSVW(str(made / "csv-metadata.json"), validate=True)
    assert read.is_valid, read.warnings
    group = TableGroup.from_file(made / "csv-metadata.json")
    assert group.check_referential_integrity()
    values = next(table for table in group.tables if str(table.url).endswith("values.csv"))
    assert {row["code"] for row in values} >= {"value", "blank", "mark", "doubt", "not_seen"}


def test_the_description_of_the_dataset_has_the_shape_of_dcat(made: Path) -> None:
    from pyshacl import validate  # noqa: PLC0415 - a second of imports
    from rdflib import Graph, Namespace  # noqa: PLC0415

    graph = Graph().parse(made / "dcat.jsonld", format="json-ld")
    conforms, _, text = validate(graph, shacl_graph=Graph().parse(SHAPES))
    assert conforms, text
    dcat = Namespace("http://www.w3.org/ns/dcat#")
    addresses = {str(address) for address in graph.objects(None, dcat.downloadURL)}
    home = "https://data.example.org/gongkai/"
    assert addresses == {home + str(path.relative_to(made)) for path in (made / "data").rglob("*.*")}
    broken = Graph().parse(made / "dcat.jsonld", format="json-ld")
    broken.remove((None, dcat.accessURL, None))
    assert not validate(broken, shacl_graph=Graph().parse(SHAPES))[0]


def test_the_citation_says_who_what_and_when(made: Path) -> None:
    cff = yaml.safe_load((made / "CITATION.cff").read_text("utf-8"))
    assert (cff["cff-version"], cff["type"], cff["version"], cff["doi"]) == ("1.2.0", "dataset", "2026.1", "10.5072/example")
    assert cff["authors"] == [{"name": "示例大学"}]
    record = json.loads((made / "datacite.json").read_text("utf-8"))
    for field in ("creators", "titles", "publisher", "publicationYear", "types", "schemaVersion"):  # what DataCite demands
        assert record[field], field
    assert record["types"]["resourceTypeGeneral"] == "Dataset"
    assert record["creators"][0]["nameIdentifiers"][0]["nameIdentifierScheme"] == "ROR"


def test_the_duckdb_file_opens_in_its_folder(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made)
    opened = duckdb.connect("gongkai.duckdb", read_only=True)
    query = "select agency, year, value, code from panel where indicator = ? order by year"
    found = [("洪泽区财政局", 2019, None, "blank"), ("洪泽区民政局", 2024, 95.0, "value")]
    assert opened.execute(query, [RECEIVED]).fetchall() == found
    tables = {name for (name,) in opened.execute("select view_name from duckdb_views() where not internal").fetchall()}
    assert tables >= set(release_tables())
    opened.close()


def test_the_example_of_the_docs_makes_a_figure_of_a_release(made: Path, tmp_path: Path) -> None:
    figure = tmp_path / "figure.svg"
    script = REPOSITORY / "docs" / "examples" / "panel_figure.py"
    run = subprocess.run([sys.executable, script, made, "--out", figure], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == [
        "淮安市\t2019\t\t0 units, 1 without a sure number",
        "淮安市\t2024\t95\t1 units, 0 without a sure number",
    ]
    assert "<polyline" in figure.read_text("utf-8")


# ---- the codebook -----------------------------------------------------------------------------------------------------------


def test_every_indicator_has_a_name_in_both_languages_and_its_place_in_the_matrix() -> None:
    book = load_book()
    rows = {row[0]: row for row in indicator_rows()}
    assert rows.keys() == book.indicators.keys()
    assert all(row[3] and row[4].isascii() and row[5] and row[6] for row in rows.values())
    matrix = list(comparability_rows())
    assert Counter(row[:3] for row in matrix).most_common(1)[0][1] == 1
    assert ("normative documents in stock", "2019", "2021") in {row[:3] for row in matrix if row[5] == "no"}
    assert labels().blocks.keys() == book.blocks.keys()


def test_the_codebook_page_names_every_indicator_in_both_languages(made: Path) -> None:
    for language in ("zh", "en"):
        page = (made / f"codebook.{language}.md").read_text("utf-8")
        assert all(f"`{indicator}`" in page for indicator in load_book().indicators)


# ---- the command ------------------------------------------------------------------------------------------------------------


def test_the_command_writes_a_release(database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GONGKAI_HOME", str(tmp_path / "home"))
    load_settings.cache_clear()
    (tmp_path / "home").mkdir(mode=0o700)
    shutil.copy(database, tmp_path / "home" / "gongkai.db")
    run = CliRunner().invoke(app, ["release", "--version", "2026.1", "--out", str(tmp_path / "out")])
    assert run.exit_code == 0, run.output
    assert "2 filings" in run.output
    assert (tmp_path / "out" / "SHA256SUMS").exists()
    for wrong in (["--version", ""], ["--version", "1", "--date", "today"], ["--version", "1", "--about", "nowhere.yaml"]):
        bad = CliRunner().invoke(app, ["release", *wrong, "--out", str(tmp_path / "other")])
        assert bad.exit_code == 2, wrong
        assert not (tmp_path / "other").exists()
    load_settings.cache_clear()
