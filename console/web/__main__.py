"""Serves the pages: ``python -m console.web ADDRESS PORT``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import uvicorn

from console.web.app import create_app
from workers import log as logs
from workers.settings import load_settings


def main(argv: Sequence[str]) -> None:
    """Serve until told to stop (SIGTERM, SIGINT). Raises SystemExit when the port is taken."""
    address, port = argv
    settings = load_settings()
    logs.configure(settings)
    uvicorn.run(
        create_app(settings),
        host=address,
        port=int(port),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        # A proxy on this machine may say that the browser came with https, and from where.
        proxy_headers=True,
        forwarded_allow_ips="127.0.0.1",
    )


if __name__ == "__main__":
    main(sys.argv[1:])
