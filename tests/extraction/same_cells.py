"""Reports of the generator in other formats, each cell held against that of the DOCX they were made from:
``python -m tests.extraction.same_cells --documents 40``. Formats of LibreOffice are written where it is installed.
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from codebook.errors import GongkaiError
from codebook.records import Extraction, Hints, Number, Verdict
from ingest.files.identify import identify
from tasks.extraction.extract import extract
from tasks.flow import read_document
from tests.extraction import other_formats as formats
from tests.extraction import word2003_files
from tests.generator.documents import Document, Wishes, make_document

FIRST_SEED = 4000
OWN: dict[str, Callable[[Document, Extraction], bytes]] = {
    "own xlsx": lambda _, e: formats.workbook(e),
    "own xlsx, numbers as text": lambda _, e: formats.workbook(e, as_text=True),
    "own xlsx, a sheet a table": lambda _, e: formats.workbook(e, sheets=True),
    "own xlsb": lambda _, e: formats.binary_workbook(e),
    "own rtf": lambda _, e: formats.rtf(e),
    "own odt": lambda _, e: formats.odt(e),
    "own html": lambda _, e: formats.web_page(e).encode(),
    "own mht": lambda _, e: formats.web_archive(e),
    "own flat opc": lambda d, _: formats.flat_package(d.data),
    "own Word 2003 XML": lambda d, _: word2003_files.from_docx(d.data),
}
FROM_DOCX = ("doc", "rtf", "odt", "docx", "html")
FROM_WORKBOOK = ("xls", "ods", "xlsx")


class Made(NamedTuple):
    """A file of one document in one format."""

    format: str
    document: Document
    data: bytes


def made(seeds: Sequence[int], names: Sequence[str] | None = None) -> Iterator[Made]:
    """The documents of these seeds in the formats of these names (default: all that can be written here)."""
    documents = [make_document(seed, "docx", Wishes(clean=True)) for seed in seeds]
    for name, write in OWN.items():
        if names is None or name in names:
            yield from (Made(name, one, write(one, _extracted(one))) for one in documents)
    if shutil.which("soffice"):
        for suffixes, source in ((FROM_DOCX, "docx"), (FROM_WORKBOOK, "xlsx")):
            for suffix in suffixes:
                if names is None or f"LibreOffice {suffix}" in names:
                    yield from _converted(documents, source, suffix)


def _extracted(document: Document) -> Extraction:
    return _extract(document.data, document.media_type)


@lru_cache(maxsize=100)
def _extract(data: bytes, media_type: str) -> Extraction:
    return extract(data, media_type)


@lru_cache(maxsize=100)
def _expected(data: bytes, media_type: str, name: str) -> Verdict:
    return read_document(data, media_type, Hints(path=name))


def _converted(documents: Sequence[Document], source: str, suffix: str) -> Iterator[Made]:
    with tempfile.TemporaryDirectory(prefix="gongkai-") as folder:
        top = Path(folder)
        paths = [top / f"{number:04}.{source}" for number in range(len(documents))]
        for path, document in zip(paths, documents, strict=True):
            path.write_bytes(document.data if source == "docx" else formats.workbook(_extracted(document)))
        profile = f"-env:UserInstallation=file://{top}/profile"
        command = ["soffice", profile, "--headless", "--convert-to", suffix, "--outdir", str(top / "out"), *map(str, paths)]
        subprocess.run(command, check=True, capture_output=True, timeout=1800)
        for path, document in zip(paths, documents, strict=True):
            yield Made(f"LibreOffice {suffix}", document, (top / "out" / f"{path.stem}.{suffix}").read_bytes())


def cells(verdict: Verdict) -> dict[str, tuple[Number | None, str]]:
    """The value of each cell, with its mark where it is blank; a doubt is another value than none."""
    readings = verdict.report.readings
    return {
        r.indicator: (r.value, "doubtful" if r.state.unsettled else r.raw.strip() if r.value is None else "") for r in readings
    }


def differences(one: Made) -> list[str]:
    """What a file says otherwise than the DOCX of its document."""
    expected = _expected(one.document.data, one.document.media_type, one.document.name)
    try:
        found = read_document(one.data, identify(io.BytesIO(one.data)).media_type, Hints(path=one.document.name))
    except GongkaiError as error:
        return [str(error)]
    was, is_now = cells(expected), cells(found)
    wrong = [
        f"{key}: {was.get(key)} is {is_now.get(key)}"
        for key in sorted(was.keys() | is_now.keys())
        if was.get(key) != is_now.get(key)
    ]
    for name in ("agency", "region", "year", "form"):
        here, there = getattr(found.report, name), getattr(expected.report, name)
        wrong += [f"{name}: {there} is {here}"] if here != there else []
    return wrong


def main() -> None:
    """Write, read and compare; print a line for each format, and each difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=40)
    parser.add_argument("--formats", nargs="*")
    options = parser.parse_args()
    files, equal, compared = Counter[str](), Counter[str](), Counter[str]()
    started = time.monotonic()
    for one in made(range(FIRST_SEED, FIRST_SEED + options.documents), options.formats):
        wrong = differences(one)
        files[one.format] += 1
        equal[one.format] += not wrong
        compared[one.format] += len(one.document.indicators)
        for line in wrong[:3]:
            print(f"{one.format}, {one.document.name}: {line}", flush=True)  # noqa: T201 (the output of the command)
    for name, count in files.items():
        print(f"{name}: {equal[name]} of {count} files equal, {compared[name]} cells")  # noqa: T201
    print(f"{sum(equal.values())} of {sum(files.values())} files equal in {time.monotonic() - started:.0f} s")  # noqa: T201


if __name__ == "__main__":
    main()
