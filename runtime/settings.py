"""The settings. This is the only module that reads the environment; every setting is ``GONGKAI_`` and its name in capitals."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from codebook.stages import STAGES, StageName
from database.plain_records import Policy, Role

MIB = 1024 * 1024

Seconds = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]

# The path of a unix socket may have 107 characters on Linux, 103 on macOS.
_SOCKET_PATH = 100


def _default_home() -> Path:
    """Return the data folder where none is set: the same one from whatever folder a command is given.

    It lies beside the virtual environment of this installation when that is called ``.venv``, as `make run` makes it; else in the
    user's own data folder (XDG Base Directory Specification).
    """
    environment = Path(sys.prefix)
    if environment.name == ".venv":
        return environment.parent / ".gongkai"
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "gongkai"


class Settings(BaseSettings):
    """All settings with their defaults. With none set, everything runs on one machine out of ``home``."""

    model_config = SettingsConfigDict(env_prefix="GONGKAI_", frozen=True, extra="ignore", use_attribute_docstrings=True)

    home: Path = Field(default_factory=_default_home)
    """Data folder of the embedded default: the SQLite database, the originals, the private Redis. Default: `.gongkai` beside the
    installation's `.venv`, else `gongkai` in the user's data folder."""
    database_url: str | None = None
    """``postgresql://user:password@host/name`` or ``sqlite:////path``; unset: ``gongkai.db`` in the home folder."""
    broker_url: str | None = None
    """``redis://host:port/number`` of a shared Redis; unset: a private one is started where it is needed."""
    store_url: str | None = None
    """Where originals are kept: a folder, or a URL that fsspec knows (``s3://bucket/path``); unset: ``originals`` in home."""

    rule_packs: Path | None = None
    """Folder with the rule packs of regions (docs/rule-packs.md); unset: the rules of the data files hold everywhere. It is read
    when a process starts."""

    concurrency: int = Field(default_factory=lambda: max(1, os.cpu_count() or 1), ge=1)
    """Processes of one worker. Default: as many as the machine has cores."""
    prefetch: Count = 4
    """Messages that a process of a worker holds in reserve. 1 is right for a worker of the queue ocr."""
    block: Count = 32
    """Most documents that one message brings. They are claimed together and done one after the other; where little waits, a
    message brings fewer. 1: each has a message of its own."""
    tasks_per_child: Count = 300
    """A process is replaced after this many messages, which bounds slow leaks."""
    log_level: str = "INFO"
    """Least level that is logged: DEBUG, INFO, WARNING or ERROR. Logs go to standard error."""
    log_format: Literal["auto", "text", "json"] = "auto"
    """``text`` for people, ``json`` one object a line, ``auto`` text on a terminal and JSON elsewhere."""

    lease_seconds: Seconds = 60
    """How long a claim holds without a sign of life. A killed process is noticed after this long at the latest."""
    ocr_lease_seconds: Seconds = 90
    """The same for OCR, whose models may keep a process busy for longer."""
    heartbeat_seconds: Seconds = 20
    """How often a claim is renewed while the work goes on; a third of the lease."""
    beat_seconds: Seconds = 5
    """How often a worker shows that it is alive."""
    stale_seconds: Seconds = 30
    """A worker without a sign of life for this long counts as dead. Less than two thirds of the lease."""
    hung_seconds: Seconds = 60
    """`gongkai up` kills and restarts a worker, rescuer or watcher that has shown no sign of life for this long."""
    rescue_seconds: Seconds = 5
    """How often the rescuer looks for stages that are due, leases that expired and messages that were lost."""
    resend_seconds: Seconds = 600
    """A notification that no worker took up for this long is sent again."""
    window: Count = 2000
    """Most stages for which messages of one queue are in Redis; the rest waits in the database. The rescuer keeps as many there
    as workers can use."""
    output_days: Annotated[int, Field(ge=0)] = 0
    """Days after which the rescuer deletes what extraction and parsing made of an accepted document; 0: never. Its page then
    shows no text of the original beside the numbers, and a cell is corrected after the document was processed again, which begins
    with extraction. Documents with pages that are pictures keep everything."""
    shutdown_seconds: Annotated[float, Field(ge=0)] = 60
    """How long a worker that is asked to stop lets running tasks go on before it releases them."""

    light_seconds: Seconds = 120
    """Time limit of a message for extraction, parsing, validation and loading."""
    ocr_seconds: Seconds = 300
    """Time limit of the OCR of one page. A page that reaches it is tried again alone, and after three times set aside."""
    ocr_engine: Literal["rapidocr", "tesseract"] = "rapidocr"
    """What reads pictures besides the recogniser of numbers: ``rapidocr``, or ``tesseract`` where that program is installed with
    its language data chi_sim."""
    ocr_threads: Count = 1
    """Threads of one process that does OCR. Two processes with one thread each read more pages than one with two."""
    memory_bytes: Annotated[int, Field(ge=0)] = 4096 * MIB
    """Address space of a process of a worker (RLIMIT_AS); beyond it the document fails, not the machine. 0: no limit."""
    resident_bytes: Count = 1500 * MIB
    """A process that uses more memory than this after a document is replaced."""

    retry_base_seconds: Seconds = 2
    """Bound of the first pause after a passing fault; it doubles with every try."""
    retry_cap_seconds: Seconds = 600
    """Largest bound of such a pause."""
    retry_system_seconds: Seconds = 15
    """Pause after a fault of the machine (disk full, store unavailable), which does not count against the document."""

    max_file_bytes: Count = 200 * MIB
    """Largest document."""
    max_pages: Count = 2000
    """Most pages of a document."""
    office_seconds: Annotated[int, Field(ge=0)] = 60
    """Seconds that LibreOffice, where it is installed, may take to open an old or OpenDocument file that our own reader cannot
    read. 0: it is not asked."""
    max_archive_files: Count = 100_000
    """Most files in an archive, nested archives included."""
    max_archive_bytes: Count = 20 * 1024 * MIB
    """Largest unpacked size of an archive, nested archives included."""
    max_archive_ratio: Count = 200
    """How many times larger than its packed form a file in an archive, and all of the archive, may be."""
    max_archive_depth: Count = 4
    """How many archives may be nested."""
    intake_seconds: Seconds = 60
    """Processor time of the process that reads a file that comes in, without progress; beyond it the file is refused."""
    intake_memory_bytes: Annotated[int, Field(ge=0)] = 2048 * MIB
    """Address space of that process (RLIMIT_AS): several times GONGKAI_MAX_FILE_BYTES. 0: no limit."""

    watch_quiet_seconds: Seconds = 5
    """A file in a watched folder is taken when its size and time have not changed for this long."""
    watch_patience_seconds: Seconds = 120
    """How long a quiet file waits that is not complete (its format's end is absent, it is empty, or a program holds it open)."""
    watch_rescan_seconds: Seconds = 60
    """How often a watched folder is looked through from end to end, with or without events."""
    watch_poll: bool = False
    """Rely on looking alone, every `GONGKAI_WATCH_POLL_SECONDS`. Network folders that are known as such always do."""
    watch_poll_seconds: Seconds = 5
    """How often a watched folder is looked through where there are no events."""
    watch_ignore: str = ""
    """Name patterns, with commas, of files and folders to leave alone (`*.bak,scratch`), besides temporary and hidden ones."""
    watch_canary_seconds: Annotated[float, Field(ge=0)] = 300
    """How often a canary is sent through a watched folder. 0: never."""
    watch_sync_seconds: Seconds = 30
    """How often the notes under `failed/` are brought up to what the database says."""

    collect_least_seconds: Annotated[float, Field(ge=0)] = 5
    """Least pause between two requests to a host; it is chosen again each time."""
    collect_most_seconds: Annotated[float, Field(ge=0)] = 10
    """Longest pause between two requests to a host. A longer one that the host asks for is kept."""
    collect_seconds: Seconds = 120
    """How long one answer of a host may take, from the request to its end."""
    collect_hosts: Count = 4
    """Hosts that one collector asks at the same time."""
    collect_pages: Count = 50
    """Most pages of one list that are fetched."""
    collect_files: Count = 20
    """Most files of one report page that are fetched."""
    collect_allow: str = ""
    """Networks (`10.3.0.0/16`) and hosts, with commas, that may be fetched although their addresses are not public."""
    collect_agent: str = "gongkai"
    """Name by which the collector shows itself to hosts. Put an address into it at which their owners can reach you."""

    metrics_address: str = "127.0.0.1"
    """Address of the metrics endpoint; others than this machine's own are for a network that is trusted."""
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 9464
    """Port of the metrics endpoint. 0: `gongkai up` starts none."""
    metrics_seconds: Seconds = 15
    """How long a metrics response is cached."""

    console_address: str = "127.0.0.1"
    """Address of the operators' pages. Others than this machine's own belong behind a proxy that speaks https."""
    console_port: Annotated[int, Field(ge=0, le=65535)] = 8790
    """Port of the operators' pages. 0: `gongkai up` starts none."""
    console_proxies: str = "127.0.0.1"
    """Addresses or networks, with commas, of proxies that are believed when they say who asks, and that it is by https."""
    console_connections: Count = 200
    """Most connections to the operators' pages at a time. Beyond it the one that was without a request longest is closed."""
    console_slow_seconds: Seconds = 20
    """A client that takes longer to send a request, or to take up a part of an answer, is cut off."""
    console_api_per_minute: int = Field(default=600, ge=0)
    """Most calls of the API a minute by one token or user, in each process of the pages. 0: as many as they like."""
    console_session_seconds: Seconds = 43_200
    """How long a person stays logged in to the operators' pages at most."""
    console_idle_seconds: Seconds = 7200
    """A person without a request for this long has to log in again."""
    console_url: str | None = None
    """Address by which people reach the operators' pages (``https://pages.example``). Single sign-on needs it."""
    notice_templates: Path | None = None
    """Folder with ``notice.docx``, the office's own template of notices. Unset: the one that comes with the program."""
    notice_issuer: str = ""
    """The office that sends notices, as it signs them."""
    console_password_days: Annotated[int, Field(ge=0)] = 0
    """Days after which a password has to be changed. 0: never."""
    console_totp_roles: str = ""
    """Roles, with commas (``administer,operate``), that need a second factor to log in with a password."""
    console_oidc_issuer: str | None = None
    """Issuer of an OpenID Connect provider (``https://login.example/realms/office``); unset: no single sign-on."""
    console_oidc_client: str | None = None
    """Client identifier of the pages at that provider."""
    console_oidc_secret: str | None = None
    """Secret of that client."""
    console_oidc_claim: str = "preferred_username"
    """Claim of the ID token with the user's name, by which an account is found at its first single sign-on."""

    flower_auth: str | None = None
    """``user:password`` of Flower; unset: `gongkai flower` makes one up and shows it, `gongkai up` keeps one in its home."""
    flower_port: Annotated[int, Field(ge=0, le=65535)] = 5555
    """Port on which `gongkai up` serves Flower, on this machine only. 0: it starts none."""

    failpoint: str | None = None
    """For tests only: ``point:action``, see runtime.failpoints."""

    @field_validator("rule_packs")
    @classmethod
    def _packs_are_in_order(cls, folder: Path | None) -> Path | None:
        if folder is not None:
            from codebook.rule_packs.reading import read_packs  # noqa: PLC0415 - and with it all regions: most installations have none

            folder = folder.absolute()
            read_packs(folder)
        return folder

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().resolve()

    @field_validator("console_totp_roles")
    @classmethod
    def _roles(cls, names: str) -> str:
        for name in filter(None, map(str.strip, names.split(","))):
            if name not in list(Role):
                raise ValueError(f"expected roles of {', '.join(Role)}")
        return names

    @model_validator(mode="after")
    def _single_sign_on(self) -> Self:
        named = (self.console_oidc_client, self.console_oidc_secret, self.console_url)
        if self.console_oidc_issuer and not all(named):
            raise ValueError("single sign-on needs console_oidc_client, console_oidc_secret and console_url as well")
        return self

    @property
    def database(self) -> str:
        """The URL of the database, with its driver."""
        if not self.database_url:
            return f"sqlite:///{self.home / 'gongkai.db'}"
        from database.session import normal_url  # noqa: PLC0415 - half a second of imports that most settings do not need

        return normal_url(self.database_url)

    @property
    def store(self) -> str:
        """Where originals are kept."""
        return self.store_url or str(self.home / "originals")

    @property
    def run_folder(self) -> Path:
        """Folder of the private Redis' socket: in home, or in the temporary folder where home's path is too long for a
        socket.
        """
        folder = self.home / "run"
        if len(str(folder / "redis.sock")) <= _SOCKET_PATH:
            return folder
        digest = hashlib.sha256(str(self.home).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"gongkai-{os.getuid()}-{digest}"

    @property
    def broker(self) -> str:
        """The URL of the broker: the shared one, or where the private one of this home listens when it runs."""
        return self.broker_url or f"redis+socket://{self.run_folder / 'redis.sock'}"

    @property
    def policy(self) -> Policy:
        """How often stages are tried again."""
        return Policy(
            base_seconds=self.retry_base_seconds,
            cap_seconds=self.retry_cap_seconds,
            system_seconds=self.retry_system_seconds,
        )

    def lease(self, stage: StageName) -> float:
        """Return the lease of a claim of ``stage``, in seconds."""
        return float(getattr(self, STAGES[stage].lease))

    def time_limit(self, stage: StageName) -> float:
        """Return the time limit of a message for ``stage``, in seconds."""
        return float(getattr(self, STAGES[stage].time_limit))

    def environment(self) -> dict[str, str]:
        """The settings as environment variables, for processes that this one starts."""
        values = self.model_dump(mode="json", exclude_none=True)
        return {f"GONGKAI_{name.upper()}": str(value) for name, value in values.items()}


def inherited(*names: str) -> dict[str, str]:
    """Return those of the environment variables ``names`` that are set, for a process that gets no others."""
    return {name: os.environ[name] for name in names if name in os.environ}


@cache
def load_settings() -> Settings:
    """The settings of this process, read once from the environment. Raises pydantic.ValidationError when one does not fit."""
    found = Settings()
    if found.rule_packs is not None:
        from codebook.rule_packs.packs import install  # noqa: PLC0415 - as above
        from codebook.rule_packs.reading import read_packs  # noqa: PLC0415 - as above

        install(read_packs(found.rule_packs))
    return found
