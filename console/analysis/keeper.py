"""The panel at hand: brought up to date in the background when the database has changed, while the one before answers."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from sqlalchemy import Engine

from database.analysis.manifest import manifest_of
from database.analysis.panel import Panel
from database.analysis.refresh import changes_of, refresh
from database.session import reading
from runtime.log import get_logger

log = get_logger(__name__)

PANEL = "analysis"
"""The folder of the panel in the data folder."""


_FIRST_SECONDS = 20  # that a person waits for the first panel, before the page says that it is being made
_SOON = 20_000  # units of a panel that is brought up to date within the time that a person waits


class PanelKeeper:
    """Hands out the panel of a folder. One keeper lives as long as its application; threads share it.

    Whether anything changed is asked at most every ``look_seconds``, with a few aggregates. A refresh runs in a thread of its
    own; who asks meanwhile waits for it at most ``wait_seconds``, and then has the panel before, if there is one. Nobody waits
    for a panel of more than ``soon`` units, which takes longer.
    """

    def __init__(
        self, engine: Engine, folder: Path, *, look_seconds: float = 10, wait_seconds: float = 1.5, soon: int = _SOON
    ) -> None:
        self._engine, self._folder = engine, folder
        self._look_seconds, self._wait_seconds, self._soon = look_seconds, wait_seconds, soon
        self._lock = threading.Lock()
        self._panel: Panel | None = None
        self._seen: str | None = None
        self._look_at = 0.0
        self._refreshing: threading.Thread | None = None

    def panel(self) -> Panel | None:
        """Return the panel; None while the first one is being made."""
        with self._lock:
            if self._panel is None and (found := manifest_of(self._folder)) is not None:
                self._panel = Panel(self._folder, found)
            if self._refreshing is None and time.monotonic() >= self._look_at:
                self._refreshing = threading.Thread(target=self._refresh, name="panel", daemon=True)
                self._refreshing.start()
            thread, panel = self._refreshing, self._panel
        if thread is not None and (panel is None or panel.manifest.units <= self._soon):
            thread.join(_FIRST_SECONDS if panel is None else self._wait_seconds)
        return self._panel

    def _refresh(self) -> None:
        try:
            with reading(self._engine) as connection:
                changes = changes_of(connection)
            if changes != self._seen or self._panel is None:
                manifest = refresh(self._engine, self._folder)
                if self._panel is None or self._panel.manifest.version != manifest.version:
                    # The panel before is not closed: another thread may ask it now. It goes when nobody holds it.
                    self._panel = Panel(self._folder, manifest)
                self._seen = changes
        except Exception:
            log.exception("the panel could not be brought up to date")
            raise
        finally:
            with self._lock:
                self._look_at = time.monotonic() + self._look_seconds
                self._refreshing = None

    def look_ended(self) -> None:
        """Wait until the look at the database that runs has ended, with the refresh that follows it."""
        thread = self._refreshing
        if thread is not None:
            thread.join()

    def close(self) -> None:
        """Wait for a refresh that runs, and let the panel go."""
        self.look_ended()
        if self._panel is not None:
            self._panel.close()
