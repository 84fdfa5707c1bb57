"""What is made from the settings themselves, so that it never says less than there is.

``python -m console.reference > docs/settings.md`` writes their reference, ``python -m console.reference env >
deploy/env.example`` the example of an environment file.
"""

from __future__ import annotations

import sys
from textwrap import wrap

from pydantic.fields import FieldInfo

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
# What is built or pulled, and the address on which pages are reachable.
GONGKAI_IMAGE=gongkai:latest
BIND=127.0.0.1
# The folder that is watched. Its owner must be user 10001 (`chown -R 10001:10001 inbox`).
INBOX_FOLDER=./inbox
# Processes and limits of the workers, see docs/deployment.md for sizes.
DOCUMENTS_PROCESSES=2
DOCUMENTS_CPUS=2
DOCUMENTS_MEMORY=3g
OCR_PROCESSES=2
OCR_CPUS=2
OCR_MEMORY=4g

# ---- where other things are; compose.yml sets database and broker itself ----
# GONGKAI_DATABASE_URL=postgresql://gongkai:PASSWORD@database.example/gongkai
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


if __name__ == "__main__":
    sys.stdout.write(environment_file() if sys.argv[1:] == ["env"] else settings_page())
