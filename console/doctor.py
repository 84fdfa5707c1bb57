"""What is installed, reachable and writable, and the remedy where it is not."""

from __future__ import annotations

import importlib.metadata
import locale
import os
import platform
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import redis
from sqlalchemy import Engine, make_url
from sqlalchemy.exc import SQLAlchemyError

from codebook.errors import GongkaiError
from codebook.records import Record
from database import ledger, migrations
from database.intake import inboxes
from database.intake.inboxes import WatcherItem
from database.monitoring import queries
from database.session import make_engine, reading
from runtime import embedded_broker
from runtime.private import open_places
from runtime.process_limits import SILENT
from runtime.settings import Settings
from runtime.store import Store
from tasks.extraction.second_way import libreoffice
from tasks.ocr.engines.choose import reader

_GIB = 1024**3
_LEAST_DISK = 1 * _GIB
_ENOUGH_DISK = 5 * _GIB
_LEAST_SQLITE = (3, 35, 0)  # RETURNING
_LEAST_FILES = 1024
_LANGUAGES = ("chi_sim", "chi_tra")
_REQUIREMENT = re.compile(r"[A-Za-z0-9._-]+")


class Grade(StrEnum):
    """good; warning: it works, but not fully; error: it does not work."""

    GOOD = "good"
    WARNING = "warning"
    ERROR = "error"


class Probe(Record, frozen=True):
    """One thing that was looked at: what was found, and what to do about it."""

    name: str
    state: Grade
    found: str
    remedy: str = ""


def _of(name: str, good: bool, found: str, remedy: str, otherwise: Grade = Grade.ERROR) -> Probe:
    return Probe(name, Grade.GOOD if good else otherwise, found, "" if good else remedy)


def examine(settings: Settings) -> Iterator[Probe]:
    """All checks, one after the other; each catches what goes wrong in it."""
    yield _of("python", sys.version_info >= (3, 11), platform.python_version(), "install Python 3.11 or later")
    yield _packages()
    yield _of(
        "sqlite",
        sqlite3.sqlite_version_info >= _LEAST_SQLITE,
        sqlite3.sqlite_version,
        "use a Python that is built with SQLite 3.35 or later",
    )
    yield from _places(settings)
    yield from _database(settings)
    yield _broker(settings)
    yield _store(settings)
    yield _ocr(settings)
    yield _tesseract(settings)
    yield _office(settings)
    yield _encoding()
    yield _open_files()


def _packages() -> Probe:
    try:
        wanted = importlib.metadata.requires("gongkai") or []
    except importlib.metadata.PackageNotFoundError:
        return Probe("packages", Grade.WARNING, "gongkai itself is not installed", "install it with `make` or `pip install -e .`")
    names = [match[0] for line in wanted if (match := _REQUIREMENT.match(line))]
    missing = [name for name in names if not _installed(name)]
    return _of("packages", not missing, f"{len(names) - len(missing)} of {len(names)} installed", f"install {', '.join(missing)}")


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _places(settings: Settings) -> Iterator[Probe]:
    problem = why_unwritable(settings.home)
    yield _of(
        "home",
        problem is None,
        f"{settings.home}: {problem or 'writable'}",
        "set GONGKAI_HOME to a folder that can be written to",
    )
    yield _private(settings)
    there = next(folder for folder in (settings.home, *settings.home.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    state = Grade.GOOD if free >= _ENOUGH_DISK else Grade.WARNING if free >= _LEAST_DISK else Grade.ERROR
    yield Probe(
        "disk",
        state,
        f"{free / _GIB:.1f} GiB free",
        "" if state is Grade.GOOD else "make room, or set GONGKAI_HOME to another disk",
    )


def _private(settings: Settings) -> Probe:
    """Return whether others on this machine can reach the database, the originals or the logs."""
    places = [str(place) for place in open_places(settings)]
    if not places:
        return Probe("private", Grade.GOOD, "no other user of this machine can reach the data")
    found = f"{', '.join(places)}: open to other users of this machine"
    return Probe("private", Grade.ERROR, found, f"run `chmod -R go-rwx {' '.join(places)}`")


def _database(settings: Settings) -> Iterator[Probe]:
    if settings.database_url is None and not (settings.home / "gongkai.db").exists():
        yield Probe("database", Grade.GOOD, "none yet; `gongkai ingest` makes it")
        return
    try:
        shown = make_url(settings.database).render_as_string(hide_password=True)
        engine = make_engine(settings.database)
        revision = migrations.current(engine)
    except (SQLAlchemyError, ValueError) as error:
        remedy = "start the database, or correct GONGKAI_DATABASE_URL"
        yield Probe("database", Grade.ERROR, str(getattr(error, "orig", None) or error).splitlines()[0], remedy)
        return
    head = migrations.head()
    yield _of("database", revision == head, f"{shown}, version {revision} of {head}", "run `gongkai db upgrade`")
    if revision == head:
        yield from _books(engine, settings)
    engine.dispose()


def _books(engine: Engine, settings: Settings) -> Iterator[Probe]:
    with reading(engine) as connection:
        watched = inboxes.watchers(connection, settings.stale_seconds)
        breaches = ledger.invariants(connection)
        statuses = queries.status_counts(connection)
        workers = queries.live_workers(connection)
    found = "; ".join(breaches) or f"{sum(statuses.values()):,} documents, all accounted for"
    yield _of("books", not breaches, found, "keep the database and report it; `gongkai recover` mends what can be mended")
    idle = bool(statuses.get("processing")) and not workers
    remedy = (
        "run `gongkai worker` and `gongkai recover`"
        if settings.broker_url
        else "run `gongkai reprocess` or `gongkai ingest` again"
    )
    yield _of("workers", not idle, f"{workers} alive, {statuses.get('processing', 0):,} documents in work", remedy, Grade.WARNING)
    yield from map(_watcher, watched)


def _watcher(item: WatcherItem) -> Probe:
    where = f"{item.host}:{item.folder}"
    if not item.alive:
        remedy = "start it again (`gongkai watch` or `gongkai up`); what lies in the folder is safe"
        return Probe("watcher", Grade.ERROR, f"{where}: no sign of life for {item.age:.0f} s", remedy)
    if item.blind:
        found = f"{where}: alive, but no canary came through it in time" + (f"; {item.problem}" if item.problem else "")
        return Probe("watcher", Grade.ERROR, found, "look at its log; is the folder mounted and writable? start it again")
    if item.blocked or item.problem:
        found = f"{where}: {item.blocked} files cannot be taken; {item.problem or ''}"
        return Probe("watcher", Grade.WARNING, found, "correct what is named; it is tried again by itself")
    return Probe("watcher", Grade.GOOD, f"{where}: {item.taken:,} files taken, {item.waiting:,} waiting")


def _broker(settings: Settings) -> Probe:
    if settings.broker_url is None:
        remedy = f"install {embedded_broker.PACKAGE} again, or set GONGKAI_BROKER_URL"
        try:
            program = embedded_broker.program()
        except GongkaiError as error:
            return Probe("broker", Grade.ERROR, str(error), remedy)
        found = f"a private Valkey {embedded_broker.version()} is started where it is needed"
        return _of("broker", os.access(program, os.X_OK), found, remedy)
    url = settings.broker_url.replace("redis+socket://", "unix://", 1)
    try:
        info = redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5).info()
    except (redis.RedisError, OSError, ValueError) as error:
        return Probe("broker", Grade.ERROR, str(error), "start Redis, or correct GONGKAI_BROKER_URL")
    version, policy = info.get("redis_version", "?"), str(info.get("maxmemory_policy", "noeviction"))
    remedy = "set maxmemory-policy to noeviction: any other deletes queues"
    return _of("broker", policy == "noeviction", f"Redis {version}, {policy}", remedy, Grade.WARNING)


def _store(settings: Settings) -> Probe:
    try:
        Store(settings.store).check()
    except (GongkaiError, ImportError, ValueError) as error:
        return Probe("store", Grade.ERROR, str(error), "correct GONGKAI_STORE_URL, or make the place writable")
    return Probe("store", Grade.GOOD, f"{settings.store}: writable")


def _ocr(settings: Settings) -> Probe:
    os.environ.update(SILENT)  # before the engine is loaded

    try:
        readers = reader(settings.ocr_engine)
    except Exception as error:  # noqa: BLE001 (an engine raises what it likes; it does not work)
        remedy = getattr(error, "expected", "") or "install onnxruntime and rapidocr again, or set GONGKAI_OCR_ENGINE"
        return Probe("ocr", Grade.ERROR, f"{settings.ocr_engine}: {error}", remedy)
    general = readers.general.name
    labels = f"labels of the forms: {readers.labels.name}, then {general}; " if readers.labels else ""
    return Probe("ocr", Grade.GOOD, f"numbers: {readers.numbers.name}, then {general}; {labels}all else: {general}")


def _tesseract(settings: Settings) -> Probe:
    program = shutil.which("tesseract")
    remedy = "install tesseract-ocr with chi_sim and chi_tra, or choose rapidocr"
    if settings.ocr_engine != "tesseract":
        return Probe("tesseract", Grade.GOOD, f"not chosen: the second reader is {settings.ocr_engine}")
    if program is None:
        return Probe("tesseract", Grade.ERROR, "not installed, but chosen to read pictures", remedy)
    try:
        listed = subprocess.run([program, "--list-langs"], capture_output=True, text=True, timeout=10, check=True).stdout.split()
    except (OSError, subprocess.SubprocessError) as error:
        return Probe("tesseract", Grade.WARNING, str(error), remedy)
    missing = [language for language in _LANGUAGES if language not in listed]
    return _of(
        "tesseract", not missing, f"{program}, without {', '.join(missing)}" if missing else program, remedy, Grade.WARNING
    )


def _office(settings: Settings) -> Probe:
    program = shutil.which(libreoffice.PROGRAM)
    if program is None:
        return Probe("libreoffice", Grade.GOOD, "not installed: what our own readers refuse of old documents stays refused")
    if not settings.office_seconds:
        return Probe("libreoffice", Grade.GOOD, f"{program}: not asked for documents (GONGKAI_OFFICE_SECONDS is 0)")
    return Probe("libreoffice", Grade.GOOD, f"{program}: asked for old documents that our own readers refuse")


def _encoding() -> Probe:
    files, output = sys.getfilesystemencoding().lower(), locale.getpreferredencoding(False).lower().replace("-", "")
    good = files == "utf-8" and output == "utf8"
    return _of("encoding", good, f"file names {files}, text {output}", "set LANG=C.UTF-8 or another UTF-8 locale", Grade.WARNING)


def _open_files() -> Probe:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = soft == resource.RLIM_INFINITY or soft >= _LEAST_FILES
    return _of("open files", enough, f"{soft} allowed", f"raise the limit to {_LEAST_FILES} (ulimit -n)", Grade.WARNING)


def why_unwritable(folder: Path) -> str | None:
    """Return why a folder cannot be written to; None when it can."""
    probe = folder / ".gongkai-probe"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"probe")
        probe.unlink()
    except OSError as error:
        return error.strerror or str(error)
    return None
