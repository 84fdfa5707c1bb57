"""A database full of invented documents, for what is measured and shown: quickly filled, and the same every time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random
from typing import Any

from sqlalchemy import Connection, Engine, text

from codebook.records import Place, Reader, Reading, Report, State, Status, Verdict
from codebook.text.grams import grams
from database.blob import pack
from database.models import Base
from tests.value_rows import packed_rows

BUREAUS = (
    "人民政府",
    "教育局",
    "公安局",
    "民政局",
    "财政局",
    "人力资源和社会保障局",
    "自然资源局",
    "生态环境局",
    "住房和城乡建设局",
    "交通运输局",
    "水务局",
    "农业农村局",
    "商务局",
    "文化和旅游局",
    "卫生健康局",
    "应急管理局",
    "审计局",
    "市场监督管理局",
)
CITIES = tuple(f"示例{number}市" for number in "一二三四五六七八九十")
COUNTIES = tuple(f"示例{number}{kind}" for kind in "区县" for number in "东西南北")
YEARS = (2021, 2022, 2023, 2024)
_STAGES = ("extract", "parse", "validate", "load")
_FORMATS = (
    ("application/pdf", "pdf"),
    ("text/html", "html"),
    ("text/plain", "txt"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
)
_STOPPED = (
    ("page.timeout", "ocr", "the page took longer than 300 s", "failed"),
    ("table.unreadable", "parse", "a table of 12 rows and 3 columns, none of which the form has", "failed"),
    ("file.encrypted", "extract", "the PDF asks for a password", "rejected"),
    ("report.not_a_report", "parse", "no title, no chapter and no table of the form", "rejected"),
    ("report.no_year", "parse", "2 years in the title: 2023, 2024", "failed"),
    ("page.unreadable", "ocr", "no line with a score above 0.5", "failed"),
    ("internal", "parse", "IndexError: list index out of range", "failed"),
    ("worker.crashed", "ocr", "the process ended with signal 11 three times", "failed"),
)
_INDICATORS = (
    "requests.new_received.total",
    "requests.new_received.natural_person",
    "requests.carried_over.total",
    "requests.granted.total",
    "requests.total_handled.total",
    "disclosure.rules.issued",
    "disclosure.licensing.decisions",
    "review.reconsideration.upheld",
    "review.reconsideration.corrected",
    "review.reconsideration.total",
)
_VERSIONS = json.dumps({"code": "0.1.0", "codebook": "1"})


def _report(readings: tuple[Reading, ...]) -> Report:
    """What a parser would have made, as far as pages look at it."""
    return Report("示例局", ("示例省",), None, 2024, "2021", None, None, "simplified", (), (), readings)


_BODY = pack(Verdict(_report(()), (), Status.ACCEPTED))


@dataclass
class Rows:
    """Rows by table, collected until they are written."""

    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, table: str, **row: Any) -> None:
        self.tables.setdefault(f"gk_{table}", []).append(row)


class _World:
    """Writes documents one by one, in an order that a province would: a city's reports of a year are a batch."""

    def __init__(self, count: int, seed: int, newest: float, until: datetime, pieces: int) -> None:
        self.rng, self.count, self.newest, self.until = Random(seed), count, newest, until
        self.pieces = pieces
        self.ids: dict[str, int] = {}
        self.batches: dict[str, int] = {}

    def next(self, table: str) -> int:
        self.ids[table] = self.ids.get(table, 0) + 1
        return self.ids[table]

    def batch(self, rows: Rows, number: int) -> tuple[int, str]:
        """The newest batch holds a share of all documents, the others are small."""
        last = number >= self.count * (1 - self.newest)
        per = max(1, int(self.count * (1 - self.newest)) // 60)
        index = 60 if last else min(59, number // per)
        name = "示例省2024年度" if last else f"{CITIES[index % 10]}{YEARS[index // 15]}年度（第{index % 3 + 1}批）"
        if name not in self.batches:
            self.batches[name] = self.next("batch")
            rows.add("batch", id=self.batches[name], name=name, priority=0, created_at=self.moment(number))
        return self.batches[name], name

    def moment(self, number: int, seconds: float = 0) -> datetime:
        """Documents come in one after the other, the last of them just now."""
        return self.until - timedelta(seconds=(self.count - number) * 0.4 - seconds)

    def document(self, rows: Rows, number: int) -> None:
        rng = self.rng
        batch, batch_name = self.batch(rows, number)
        key = self.next("document")
        city, county = CITIES[number // 40 % 10], COUNTIES[number // 5 % 8]
        bureau, year = BUREAUS[number % len(BUREAUS)], YEARS[number // 180 % 4]
        agency = f"{city}{county}{bureau}"
        media, suffix = _FORMATS[number % 4]
        drawn = rng.random()
        busy = number >= self.count * 0.985
        status = "processing" if busy else "accepted" if drawn < 0.9 else "needs_review" if drawn < 0.955 else "stopped"
        stopped = rng.choice(_STOPPED) if status == "stopped" else None
        made, ended = self.moment(number), None if busy else self.moment(number, 0.3)
        report = self.next("report") if status in ("accepted", "needs_review") else None
        rows.add(
            "document",
            id=key,
            sha256=hashlib.sha256(f"document {number}".encode()).hexdigest(),
            media_type=media,
            size=rng.randint(8_000, 900_000),
            batch_id=batch,
            status=stopped[3] if stopped else status,
            pages=rng.randint(1, 9),
            run=1,
            report_id=report,
            registered_at=made,
            finished_at=ended,
        )
        path = f"{batch_name}/{city}/{county}/{agency}{year}年政府信息公开工作年度报告（示例）.{suffix}"
        self.source(rows, key, batch, path, made, duplicate=False)
        if rng.random() < 0.03:
            self.source(rows, key, max(1, batch - number % 2), f"重复/{path}", made, duplicate=True)
        self.stages(rows, key, stopped, made, busy=busy)
        if stopped:
            code, stage, message, _ = stopped
            self.failure(rows, key, code, stage, message, ended)
        if report:
            self.report(rows, report, key, status, (agency, city, county, year), made)

    def source(self, rows: Rows, document: int, batch: int, path: str, at: datetime, *, duplicate: bool) -> None:
        digest = hashlib.sha256(path.encode()).hexdigest()
        rows.add(
            "source",
            id=self.next("source"),
            document_id=document,
            batch_id=batch,
            path=path,
            path_key=digest,
            duplicate=duplicate,
            hints="{}",
            seen_at=at,
        )

    def stages(self, rows: Rows, document: int, stopped: Any, at: datetime, *, busy: bool) -> None:
        for name in ("extract", "ocr", "parse", "validate", "load"):
            if name == "ocr" and not (stopped and stopped[1] == "ocr"):
                continue
            key = self.next("stage")
            last = bool(stopped and stopped[1] == name)
            state = "queued" if busy else ("failed" if last else "done")
            rows.add(
                "stage",
                id=key,
                document_id=document,
                run=1,
                stage=name,
                page=1 if name == "ocr" else 0,
                state=state,
                queue="ocr" if name == "ocr" else "documents",
                priority=0,
                attempts=0 if busy else 1,
                fence=0 if busy else 1,
                crashes=0,
                losses=0,
                transients=0,
                code=stopped[0] if last else None,
                created_at=at,
                updated_at=at,
            )
            if busy:
                return
            rows.add(
                "attempt",
                stage_id=key,
                fence=1,
                worker="示例机:1:1",
                started_at=at,
                ended_at=at,
                outcome="failed" if last else "done",
                code=stopped[0] if last else None,
                seconds=4.2 if name == "ocr" else 0.02,
                cpu_seconds=4.0 if name == "ocr" else 0.018,
                engine="rapidocr" if name == "ocr" else None,
            )
            if last:
                return

    def failure(self, rows: Rows, document: int, code: str, stage: str, message: str, at: datetime | None) -> None:
        rows.add(
            "failure",
            id=self.next("failure"),
            document_id=document,
            stage=stage,
            page=1 if stage == "ocr" else 0,
            code=code,
            message=message,
            attempts=3,
            versions=_VERSIONS,
            state="open",
            created_at=at,
        )

    def report(self, rows: Rows, key: int, document: int, status: str, who: tuple[str, str, str, int], at: datetime) -> None:
        agency, city, county, year = who
        code = f"99{CITIES.index(city) + 1:02}{COUNTIES.index(county) + 1:02}"
        rows.add(
            "report",
            id=key,
            document_id=document,
            version=1,
            status=status,
            agency=agency,
            agency_key=f"{agency}|{code}",
            region=json.dumps(["示例省", city, county], ensure_ascii=False),
            province="示例省",
            city=city,
            county=county,
            region_code=code,
            year=year,
            form="2021",
            title=f"{agency}{year}年政府信息公开工作年度报告",
            script="simplified",
            body=_BODY,
            digest="0" * 64,
            doubts="[]",
            versions=_VERSIONS,
            created_at=at,
        )
        words = grams(f"{agency}{year}年政府信息公开工作年度报告示例省{city}{county}")
        words |= {self.rng.choice(_COMMON) + self.rng.choice(_COMMON) for _ in range(self.pieces)}
        rows.add("search", document_id=document, grams=" ".join(sorted(words)))
        readings: list[Reading] = []
        for indicator in _INDICATORS:
            doubtful = status == "needs_review" and self.rng.random() < 0.2
            number = self.rng.randint(0, 400)
            rows.add(
                "value",
                report_id=key,
                indicator=indicator,
                value=None if doubtful else number,
                state="doubtful" if doubtful else "proven",
                raw=str(number),
                origin="table",
                read_by="pdf",
                score=1.0,
                page=2,
                doubt="count" if doubtful else None,
            )
            state = State.DOUBTFUL if doubtful else State.READ
            readings.append(Reading(indicator, None if doubtful else number, state, str(number), Place(page=2), Reader.PDF))
        if status == "needs_review":  # what a review looks at
            read = pack(_report(tuple(readings)))
            rows.add("output", document_id=document, stage="parse", page=0, run=1, versions=_VERSIONS, body=read, made_at=at)
        if self.rng.random() < 0.12:
            rows.add(
                "finding",
                id=self.next("finding"),
                report_id=key,
                rule="requests.balance",
                severity=self.rng.choice(("error", "warning")),
                message="表三第一、二项之和与第三、四项之和不相等",
                cells="[]",
                expected=12.0,
                actual=11.0,
            )


_ORDER = ("batch", "document", "source", "stage", "attempt", "output", "report", "value", "finding", "failure", "search")
_COMMON = "".join(chr(0x4E00 + 3 * number) for number in range(140))  # of which texts are made up: 19,600 pairs
_CHUNK = 5000


def fill(
    engine: Engine, count: int, *, seed: int = 1, newest: float = 0.4, until: datetime | None = None, pieces: int = 0
) -> None:
    """Write ``count`` documents into an empty database, by bulk insert. ``newest`` is the share of the newest batch, which is
    still being worked on; ``until`` is when the last document came in (default: now); ``pieces`` are those of the text of a
    report, besides its title, by which it is found.
    """
    world = _World(count, seed, newest, until or datetime.now(UTC), pieces)
    numbers = iter(range(count))
    while part := list(islice(numbers, _CHUNK)):
        rows = Rows()
        for number in part:
            world.document(rows, number)
        with engine.begin() as connection:
            defer_references(connection)
            for name in _ORDER:
                write_rows(connection, f"gk_{name}", rows.tables.get(f"gk_{name}", []))
    with engine.begin() as connection:
        for statement in _FILE:
            connection.execute(text(statement))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if connection.dialect.name == "postgresql":
            for table in _KEYED:
                serial = connection.scalar(text("select pg_get_serial_sequence(:table, 'id')"), {"table": table})
                if serial:
                    connection.execute(text(f"select setval('{serial}', coalesce((select max(id) from {table}), 0) + 1)"))
            connection.execute(text("vacuum analyze"))


# Each key is an agency, each document of a filing an edition of its own: the last one is in force.
_FILE = (
    """insert into gk_agency (id, name, region_code, created_at)
    select row_number() over (order by agency_key), max(agency), max(region_code), max(created_at)
    from gk_report group by agency_key""",
    """insert into gk_agency_key (key, agency_id)
    select agency_key, row_number() over (order by agency_key) from gk_report group by agency_key""",
    """insert into gk_filing (id, agency_id, year, editions, created_at, arranged_at)
    select row_number() over (order by k.agency_id, r.year), k.agency_id, r.year, count(*), max(r.created_at), max(r.created_at)
    from gk_report r join gk_agency_key k on k.key = r.agency_key group by k.agency_id, r.year""",
    """insert into gk_filing_document (document_id, filing_id, edition, rank)
    select r.document_id, f.id, row_number() over (partition by f.id order by r.document_id),
        row_number() over (partition by f.id order by r.document_id desc) - 1
    from gk_report r join gk_agency_key k on k.key = r.agency_key
        join gk_filing f on f.agency_id = k.agency_id and f.year = r.year""",
)
_KEYED = sorted(name for name, table in Base.metadata.tables.items() if "id" in table.c)


def defer_references(connection: Connection) -> None:
    """Let this transaction write rows before those that they refer to: documents and reports name each other."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("set local session_replication_role = replica"))
    else:
        connection.execute(text("pragma defer_foreign_keys = on"))


def write_rows(connection: Any, table: str, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows by bulk insert; those of gk_value, a row for each cell, as programs keep them."""
    if not rows:
        return
    if table == "gk_value":
        layouts, packed = packed_rows(rows)
        insert = "insert into gk_value_layout (id, indicators) values (:id, :indicators) on conflict do nothing"
        connection.execute(text(insert), layouts)
        write_rows(connection, "gk_report_values", packed)
        return
    columns = sorted({name for row in rows for name in row})
    quoted = ", ".join(f'"{name}"' for name in columns)
    if connection.dialect.name == "postgresql":
        with connection.connection.cursor().copy(f"copy {table} ({quoted}) from stdin") as copy:
            for row in rows:
                copy.write_row([row.get(name) for name in columns])
        return
    marks = ", ".join("?" for _ in columns)
    connection.connection.executemany(f"insert into {table} ({quoted}) values ({marks})", _plain(rows, columns))


def _plain(rows: Iterable[dict[str, Any]], columns: Sequence[str]) -> Iterator[list[Any]]:
    for row in rows:
        yield [_sqlite(row.get(name)) for name in columns]


def _sqlite(value: Any) -> Any:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if isinstance(value, datetime) else value
