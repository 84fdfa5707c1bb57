"""Logs: structured lines on standard error, the same for our own modules, Celery and SQLAlchemy."""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from typing import Any

import structlog

from runtime.settings import Settings

Logger = structlog.stdlib.BoundLogger

MOST_ALIKE = 200  # lines a minute with the same text, whatever their fields
_ALIKE_SECONDS = 60.0


_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]

# At once when this module is imported: what nobody configured must not write to standard output, which is for data.
structlog.configure(
    processors=[structlog.stdlib.filter_by_level, *_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)


class BoundedHandler(logging.StreamHandler[Any]):
    """Writes at most :data:`MOST_ALIKE` lines a minute that say the same. How many more there were is said once, afterwards.

    A fault that comes with every request, or with every turn of an event loop, would otherwise fill the disk.
    """

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._counts: Counter[tuple[str, int, str]] = Counter()
        self.minute_ends = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line, or count it."""
        if time.monotonic() >= self.minute_ends:
            self._begin()
        message = record.msg
        event = message.get("event") if isinstance(message, dict) else message
        alike = (record.name, record.levelno, str(event)[:200])
        self._counts[alike] += 1
        if self._counts[alike] <= MOST_ALIKE:
            super().emit(record)

    def _begin(self) -> None:
        """Begin a minute: say what was left out of the one before."""
        counts, self._counts = self._counts, Counter()
        self.minute_ends = time.monotonic() + _ALIKE_SECONDS
        for (name, level, event), count in counts.items():
            if count > MOST_ALIKE:
                left = {"lines": count - MOST_ALIKE, "alike": event}
                record = logging.LogRecord(name, level, "", 0, "lines were left out: %(lines)d like %(alike)r", (left,), None)
                super().emit(record)


def get_logger(name: str) -> Logger:
    """The logger of a module."""
    logger: Logger = structlog.stdlib.get_logger(name)
    return logger


def configure(settings: Settings) -> None:
    """Send all logs of this process to standard error, from ``settings.log_level`` on."""
    as_text = settings.log_format == "text" or (settings.log_format == "auto" and sys.stderr.isatty())
    last: list[structlog.typing.Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if as_text:
        plain = structlog.dev.plain_traceback
        last.append(structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain))
    else:
        last += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    handler = BoundedHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=_SHARED, processors=last))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    # A line per message from Celery says nothing that the ledger does not know, and costs a fifth of a hop.
    for noisy in ("celery.worker.strategy", "celery.app.trace", "celery.redirected", "kombu", "alembic", "watchfiles"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
