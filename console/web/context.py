"""What all pages of one application share: the engine, the settings, the templates, pictures, and the notifier of workers."""

from __future__ import annotations

import hashlib
import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar, cast

from jinja2 import Environment, PackageLoader, StrictUndefined
from sqlalchemy import Engine

from console.analysis.keeper import PANEL, PanelKeeper
from console.drafts.readers import ReadyReader
from console.rendering.images import Pictures
from console.web.addresses import address
from console.web.oidc import Provider
from console.web.security import CallLimit
from console.web.views import filters
from database.ledger import Queued
from database.models import Role
from runtime.child_command import module_command
from runtime.log import get_logger
from runtime.settings import Settings
from runtime.store import Store
from workers.notifier import RedisNotifier

log = get_logger(__name__)

T = TypeVar("T")
_MARKED = 20  # results that are kept while nothing changes
_SHEETS = 2  # makings of problem sheets at a time: each keeps two cores busy


class AppContext:
    """What the pages of one application share. One context lives as long as its application."""

    def __init__(self, settings: Settings, engine: Engine, navigation: tuple[tuple[str, str, Role], ...]) -> None:
        self.settings, self.engine, self.navigation = settings, engine, navigation
        self.provider = Provider(settings) if settings.console_oidc_issuer else None
        self._kept: dict[str, tuple[float, Any]] = {}
        self._marked: dict[str, tuple[object, float, Any]] = {}
        self.calls = CallLimit()
        self._verification: subprocess.Popen[bytes] | None = None
        self._sheets: list[subprocess.Popen[bytes]] = []
        self._starting = threading.Lock()
        self.templates = Environment(
            loader=PackageLoader("console.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self.templates.filters |= filters.FILTERS
        self.templates.globals |= {"address": address, "static": self._static}

    @cached_property
    def _marks(self) -> dict[str, str]:
        folder = files("console.web").joinpath("static")
        return {entry.name: hashlib.sha256(entry.read_bytes()).hexdigest()[:12] for entry in folder.iterdir()}

    def _static(self, name: str) -> str:
        """The address of a file of ours, which changes when the file does. Raises KeyError when there is none."""
        return f"/static/{name}?{self._marks[name]}"

    # ---- what pages share ---------------------------------------------------------------------------------------------

    @cached_property
    def pictures(self) -> Pictures:
        """The pictures of pages."""
        return Pictures(self.settings)

    @cached_property
    def panels(self) -> PanelKeeper:
        """The filings in force as columns, for analysis."""
        return PanelKeeper(self.engine, self.settings.home / PANEL)

    @cached_property
    def draft_readers(self) -> ReadyReader:
        """The process that reads the next draft."""
        return ReadyReader()

    @cached_property
    def _store(self) -> Store:
        return Store(self.settings.store)

    def has_original(self, sha256: str) -> bool:
        """Return whether the content is kept: what was refused when it came in, and what was purged, is not."""
        return self._store.exists(sha256)

    def original(self, sha256: str) -> bytes:
        """The content of a document. Raises GongkaiError ``store.unavailable``, ``store.damaged``."""
        return self._store.get(sha256)

    @cached_property
    def _notifier(self) -> RedisNotifier:
        return RedisNotifier(self.settings, self.engine)

    def notify(self, queued: Sequence[Queued]) -> None:
        """Tell workers what an act has queued, after its commit. What they do not hear, the rescuer sends again."""
        if queued:
            self._notifier.notify(queued)

    @property
    def verifies(self) -> bool:
        """Whether a verification that was begun on a page runs."""
        return self._verification is not None and self._verification.poll() is None

    def begin_verification(self, *, quick: bool) -> bool:
        """Start `gongkai verify` in a process of its own. Return False when one runs already."""
        with self._starting:
            if self.verifies:
                return False
            self._verification = self._started("console.cli", "verify", *(["--quick"] if quick else []))
        return True

    def begin_sheets(self, begin: Callable[[], Path]) -> bool:
        """Start the making of problem sheets in the folder that ``begin`` makes, in a process of its own (console.notices.jobs).

        Return False, and make no folder, when two run already.
        """
        with self._starting:
            self._sheets = [process for process in self._sheets if process.poll() is None]
            if len(self._sheets) >= _SHEETS:
                return False
            self._sheets.append(self._started("console.notices.job_process", str(begin())))
        return True

    def _started(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, **self.settings.environment()}
        command = module_command(module, *arguments)
        return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def close(self) -> None:
        """End what was begun for the pages."""
        made = vars(self)
        for name in ("pictures", "panels", "draft_readers", "_notifier"):
            if name in made:
                made[name].close()
        begun = [*self._sheets, *([self._verification] if self._verification is not None else [])]
        for process in begun:
            process.terminate()
        for process in begun:
            process.wait()

    def kept_while(self, name: str, mark: object, ask: Callable[[], T], seconds: float = 300) -> T:
        """Return what ``ask`` gave while ``mark`` was the same, at most ``seconds`` ago. The results of a few names are kept."""
        found = self._marked.get(name)
        if found is None or found[0] != mark or time.monotonic() >= found[1]:
            found = (mark, time.monotonic() + seconds, ask())
            self._marked.pop(name, None)
            self._marked[name] = found
            while len(self._marked) > _MARKED:
                self._marked.pop(next(iter(self._marked)), None)
        return cast(T, found[2])

    def kept(self, name: str, ask: Callable[[], T], seconds: float = 30) -> T:
        """Return what ``ask`` gives, at most ``seconds`` old: for what changes seldom and is on every page."""
        found = self._kept.get(name)
        if found is None or time.monotonic() >= found[0]:
            found = self._kept[name] = (time.monotonic() + seconds, ask())
        return cast(T, found[1])
