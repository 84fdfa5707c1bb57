"""Serves the pages: ``python -m console.web ADDRESS PORT``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import uvicorn

from console.web.app import create_app
from runtime import log as logs
from runtime.private import keep_private
from runtime.settings import load_settings


def main(argv: Sequence[str]) -> None:
    """Serve until told to stop (SIGTERM, SIGINT). Raises SystemExit when the port is taken."""
    address, port = argv
    settings = load_settings()
    keep_private(settings)
    logs.configure(settings)
    uvicorn.run(
        create_app(settings),
        host=address,
        port=int(port),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        proxy_headers=True,
        forwarded_allow_ips=settings.console_proxies,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
