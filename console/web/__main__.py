"""Serves the pages: ``python -m console.web ADDRESS PORT``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress

from uvicorn.config import STARTUP_FAILURE

from console.web.app import create_app
from console.web.server import ClientLimits, make_server
from runtime import log as logs
from runtime.private import keep_private
from runtime.settings import load_settings


def main(argv: Sequence[str]) -> None:
    """Serve until told to stop (SIGTERM, SIGINT). Raises SystemExit when the port is taken."""
    address, port = argv
    settings = load_settings()
    keep_private(settings)
    logs.configure(settings)
    limits = ClientLimits(settings.console_connections, settings.console_slow_seconds)
    server = make_server(create_app(settings), address, int(port), limits, settings.console_proxies)
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        raise SystemExit(STARTUP_FAILURE)


if __name__ == "__main__":
    main(sys.argv[1:])
