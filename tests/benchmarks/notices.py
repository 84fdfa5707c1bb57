"""How long the problem sheets of a region take.

``python -m tests.benchmarks.notices [--units 1000]``: fills an SQLite database with units whose PDF reports have planted
errors, confirms the findings, writes a notice for each with the pictures of its points, and the workbook, and prints seconds and
the greatest memory. Then each notice is opened and compared with the cases, and LibreOffice opens some, where it is there.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import docx
import msgspec
from sqlalchemy import select

from codebook.records import Extraction, Hints, Verdict
from codebook.stages import StageName
from console.notices.preview import has_office
from database import migrations
from database.blob import unpack
from database.findings.decisions import decide
from database.findings.following import CASE
from database.findings.listing import CaseFilter, CaseLine, iterate
from database.ledger import outputs
from database.models import Base, FindingState
from database.reports.neighbours import REPORT
from database.session import make_engine, reading, run_transaction
from tasks.loading.task import load_verdict
from tests.benchmarks.measure import run
from tests.generator.documents import Wishes, make_document
from tests.inline import Inline

_OUTPUT = Base.metadata.tables["gk_output"]
_KINDS = 8  # documents that are read by the real stages; the others are copies of them by other units
_PLANTS = ("requests.row_sum", "requests.column_sum", "requests.balance", "review.sum")
_OPENED = 20  # notices that LibreOffice opens
_TOWNS = ("东", "西", "南", "北", "中")


def fill_units(home: Path, units: int) -> int:
    """Fill the database of ``home`` with units whose reports have planted errors, all confirmed. Return the number of cases."""
    engine = make_engine(f"sqlite:///{home / 'gongkai.db'}")
    migrations.upgrade(engine)
    worker = Inline(engine, home)
    made = [
        make_document(seed, "pdf", Wishes(clean=True, plant=_PLANTS[seed % len(_PLANTS)], year=2024)) for seed in range(_KINDS)
    ]
    numbers = [worker.add(each.data, each.media_type, each.name, hints=Hints(path=each.name)) for each in made]
    worker.work()
    with reading(engine) as connection:
        read = [outputs(connection, number, StageName.EXTRACT, Extraction)[0] for number in numbers]
        bodies = [
            connection.scalar(select(REPORT.c.body).where(REPORT.c.document_id == number).order_by(REPORT.c.id.desc()).limit(1))
            for number in numbers
        ]
        kept = [
            connection.execute(select(_OUTPUT).where(_OUTPUT.c.document_id == number, _OUTPUT.c.stage == "extract")).first()
            for number in numbers
        ]
    assert all(read)
    verdicts = [unpack(body, Verdict) for body in bodies if body is not None]
    for number in range(_KINDS, units):
        which = number % _KINDS
        data = made[which].data + f"\n%{number}\n".encode()
        document = worker.add(data, "application/pdf", f"{number}.pdf", hints=Hints(path=f"{number}.pdf"))
        name = f"示例{_TOWNS[number % 5]}{number}镇人民政府"
        report = msgspec.structs.replace(verdicts[which].report, agency=name, region_code="320813")
        loaded = msgspec.structs.replace(verdicts[which], report=report)
        row = {**dict(kept[which]._mapping), "document_id": document}  # type: ignore[union-attr]
        row.pop("id", None)

        def load(connection: object, document: int = document, loaded: Verdict = loaded, row: dict = row) -> None:  # type: ignore[type-arg]
            connection.execute(_OUTPUT.insert().values(**row))  # type: ignore[attr-defined]
            load_verdict(connection, document, loaded, {})  # type: ignore[arg-type]

        run_transaction(engine, load)
    with reading(engine) as connection:
        cases = list(connection.scalars(select(CASE.c.id).where(CASE.c.severity == "error", CASE.c.year == 2024)))
    run_transaction(engine, lambda c: decide(c, cases, FindingState.CONFIRMED, who="benchmark", reason="planted"))
    engine.dispose()
    return len(cases)


def main() -> None:
    """Fill, write, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=1000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home, out = Path(folder), Path(folder) / "out"
        began = time.perf_counter()
        cases = fill_units(home, chosen.units)
        sys.stdout.write(f"{chosen.units:,} units, {cases:,} confirmed cases, filled in {time.perf_counter() - began:,.0f} s\n")
        command = ["console.cli", "notices", "--year", "2024", "--out", str(out), "--issuer", "示例市", "--json"]
        took = run(command, {"GONGKAI_HOME": folder})
        spent = f"{took.seconds:,.0f} s, {took.processor:,.0f} processor seconds, {took.peak / 1e6:,.0f} MB of memory"
        sys.stdout.write(f"{spent}, code {took.code}\n{took.errors}")
        made = json.loads(took.output)
        sys.stdout.write(json.dumps(made, ensure_ascii=False) + "\n")
        right = count_right(home, Path(made["folder"]))
        sys.stdout.write(f"{right:,} of {made['notices']:,} notices are right: agency, points, messages, pictures\n")
        if has_office():
            began = time.perf_counter()
            opened = open_in_office(Path(made["folder"]), home)
            sys.stdout.write(f"{opened} opened in LibreOffice in {time.perf_counter() - began:,.0f} s\n")


def count_right(home: Path, folder: Path) -> int:
    """Return how many notices name their agency, and have each of its confirmed cases once, with its message and a picture."""
    engine = make_engine(f"sqlite:///{home / 'gongkai.db'}")
    with reading(engine) as connection:
        lines = list(iterate(connection, CaseFilter(state="confirmed", year=2024)))
    engine.dispose()
    by_agency: dict[str, list[CaseLine]] = defaultdict(list)
    for line in lines:
        by_agency[line.agency or ""].append(line)
    right = 0
    for path in folder.iterdir():
        document = docx.Document(str(path))
        text = "\n".join(paragraph.text for paragraph in document.paragraphs)
        mine = [each for name, each in by_agency.items() if f"\n{name}：\n" in text]
        numbers = sorted(map(int, re.findall(r"问题编号 (\d+)", text)))
        right += (
            len(mine) == 1
            and numbers == sorted(line.id for line in mine[0])
            and all(line.message in text for line in mine[0])
            and len(document.inline_shapes) == len(numbers)
        )
    return right


def open_in_office(folder: Path, home: Path) -> int:
    """Let LibreOffice open some of the notices; return how many it could write as PDF."""
    files = sorted(folder.iterdir())[:_OPENED]
    command = ["soffice", f"-env:UserInstallation={(home / 'office').as_uri()}", "--headless", "--convert-to", "pdf"]
    subprocess.run([*command, "--outdir", str(home / "pdf"), *map(str, files)], check=True, capture_output=True)
    return len(list((home / "pdf").glob("*.pdf")))


if __name__ == "__main__":
    main()
