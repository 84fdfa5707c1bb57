"""Pages and files that are made from the settings and the columns of the export themselves, so that they are complete.

``python -m console.reference > docs/settings.md`` writes their reference, ``python -m console.reference env >
deploy/env.example`` the example of an environment file, ``python -m console.reference export > docs/export.md`` the columns of an
export.
"""

from __future__ import annotations

import sys
from textwrap import wrap

from pydantic.fields import FieldInfo

from database.export_columns import JSON_OBJECTS, TABLES, WIDE_AFTER, WIDE_BEFORE, Columns
from database.views import wide_tables
from runtime.settings import Settings

_HEAD = """# Settings

Settings come from the environment and nowhere else. With none set, everything runs on one machine out of `GONGKAI_HOME`.
This page is made by `python -m console.reference`.

| setting | default | meaning |
|---|---|---|
"""

_ENV = """\
# Copy to .env (containers) or /etc/gongkai/gongkai.env (systemd), readable by its owner alone: it holds passwords.
# This file is made by `python -m console.reference env`; a test compares it with the settings.

# ---- for compose.yml alone ----
# Passwords; `openssl rand -hex 24` makes one (no characters that mean something in a URL).
POSTGRES_PASSWORD=
REDIS_PASSWORD=
GRAFANA_PASSWORD=
# The database roles of the workers, of the pages and of the metrics; POSTGRES_PASSWORD is the owner's, for upgrades alone.
WORKER_PASSWORD=
PAGES_PASSWORD=
READER_PASSWORD=
# What is built or pulled, and the address on which the proxy, Flower, Prometheus and Grafana are reachable.
GONGKAI_IMAGE=gongkai:latest
BIND=127.0.0.1
# The name or address that browsers use for the pages; the folder with tls.crt and tls.key, readable for user 101 (the proxy);
# and a network that is free on this host, for the proxy and the pages.
SERVER_NAME=
TLS_FOLDER=./tls
EDGE_SUBNET=172.31.250.0/28
# The folder that is watched. Its owner must be user 10001 (`chown -R 10001:10001 inbox`).
INBOX_FOLDER=./inbox
# Processes and limits of the workers, see docs/deployment.md for sizes.
DOCUMENTS_PROCESSES=2
DOCUMENTS_CPUS=2
DOCUMENTS_MEMORY=4g
# Address space of one process in bytes: times the processes, it is not more than the memory.
DOCUMENTS_PROCESS_BYTES=2147483648
OCR_PROCESSES=2
OCR_CPUS=2
OCR_MEMORY=8g
OCR_PROCESS_BYTES=4294967296

# ---- where other things are; compose.yml sets database and broker itself ----
# GONGKAI_DATABASE_URL=postgresql://gongkai_worker:PASSWORD@database.example/gongkai
# GONGKAI_BROKER_URL=redis://:PASSWORD@broker.example:6379/0
# GONGKAI_STORE_URL=s3://gongkai/originals
# GONGKAI_FLOWER_AUTH is needed in containers and under systemd, where nobody would see a password that is made up.
GONGKAI_FLOWER_AUTH=
# An S3 store takes its keys and place from these:
# AWS_ACCESS_KEY_ID=
# AWS_SECRET_ACCESS_KEY=
# AWS_ENDPOINT_URL=https://s3.example
# AWS_DEFAULT_REGION=us-east-1

# ---- everything else, with its default ----
"""
_ABOVE = ("database_url", "broker_url", "store_url", "flower_auth")
_WIDTH = 120


def _default(field: FieldInfo, unset: str) -> str:
    if field.default_factory is not None:
        return ""
    return unset if field.default is None else str(field.default)


def _meaning(field: FieldInfo) -> str:
    return " ".join((field.description or "").split()).replace("``", "`")


def settings_page() -> str:
    """The page as Markdown: a row for each setting with its default and what it means."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = "see there" if field.default_factory is not None else "unset" if field.default is None else f"`{field.default}`"
        rows.append(f"| `GONGKAI_{name.upper()}` | {default} | {_meaning(field).replace('|', chr(92) + '|')} |")
    return _HEAD + "\n".join(rows) + "\n"


def environment_file() -> str:
    """The example of an environment file: what must be filled in, then every other setting with its default, commented out."""
    lines = []
    for name, field in Settings.model_fields.items():
        if name not in _ABOVE:
            lines += ["", *wrap(_meaning(field), _WIDTH, initial_indent="# ", subsequent_indent="# ")]
            lines.append(f"# GONGKAI_{name.upper()}={_default(field, '')}")
    return _ENV + "\n".join(lines).lstrip("\n") + "\n"


_EXPORT = """# The columns of an export

This page is made by `python -m console.reference export > docs/export.md` from `database/export_columns.py`. How to add a column:
[how-to.md](how-to.md#an-export-field).

`gongkai export --format jsonl` writes one JSON object for each document; the other formats write tables. A value that is doubtful
stands in `values` with its state, and is left out of wide tables. A cell that the form demands and of which nothing was found
has the value null and the state `not_seen`; `doubts` lists it with the doubtful ones, and it never counts as 0 or as blank.

A filing is the report of one agency on one year, in however many documents it came in: earlier editions, and renditions (page,
PDF, Word, scan) of an edition. One document is in force for it. `--in-force`, the default of tables, writes one report for each
agency and year; other documents are rows of `documents` alone. So are reports without agency or year, which are in no filing.
`--all`, the default of `jsonl`, writes every document, marked by `in_force`.

The report of a government covers its whole area, so that its numbers hold those of its departments and towns: every table has
`agency_kind` and `agency_level`, by which one of them is chosen before numbers are added.

`gongkai export --format xlsx` writes the tables as sheets for people: headings, units, states and kinds are in Chinese
(`console/export/headings.yaml`), the first sheet explains each column and names its key below. `--language en` writes the keys
themselves. JSON, CSV and Parquet have the keys in every language ([ADR 44](adr/0044-sheets-for-people.md)).
"""


def _table(title: str, about: str, columns: Columns) -> str:
    rows = [f"| `{c.name}` | {_TYPES[c.type]} | {c.unit} | {c.meaning} |" for c in columns]
    return "\n".join([f"\n## {title}\n{about}\n", "| name | type | unit | meaning |", "|---|---|---|---|", *rows, ""])


def export_page() -> str:
    """The page of the export's columns as Markdown: the objects of JSON, the tables, the views."""
    wide = ", ".join(f"`wide_{table.name}`" for table in wide_tables())
    parts = [_EXPORT]
    parts += [_table(f"JSON: `{name}`", _OBJECTS[name], columns) for name, columns in JSON_OBJECTS.items()]
    parts += [_table(f"Table `{name}`", _TABLES_ABOUT[name], columns) for name, columns in TABLES.items()]
    about = f"{wide}: one row for each report that has the block. Between the columns below stands one for each indicator."
    parts.append(_table("Wide tables", about, (*WIDE_BEFORE, *WIDE_AFTER)))
    return "".join(parts)


_TYPES = {bool: "true or false", str: "text", int: "whole number", float: "number", list: "list", dict: "object"}
_OBJECTS = {
    "source": "The file. `status` and `error` stand beside it.",
    "sources": "A list: every place where this content was found, the first one first. The same file sent twice is two of them.",
    "report": "The report; null for a document that failed or was rejected.",
    "filing": "The filing that the document is in; null for a report without agency or year, and for a document never read.",
    "evidence": "By indicator: where a value is printed, how it was read and how sure it is.",
    "findings": "What does not agree within the report, or between reports.",
}
_TABLES_ABOUT = {
    "values": "One row for each cell of each report; in the database the view `gk_current_value`.",
    "findings": "One row for each finding; in the database the view `gk_current_finding`, which names the lasting number "
    "`case_id` (`finding_id` is that of its row, another one after processing again).",
    "documents": "One row for each document, also those without a report and those not in force.",
    "labels": "One row for each indicator of the codebook.",
}


if __name__ == "__main__":
    made = {"env": environment_file, "export": export_page, "settings": settings_page}
    sys.stdout.write(made[sys.argv[1] if sys.argv[1:] else "settings"]())
