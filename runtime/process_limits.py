"""What a process that reads documents may use, and what its libraries must not do. Imports nothing that takes time."""

from __future__ import annotations

import resource

SILENT = {"ORT_DISABLE_TELEMETRY": "1"}
"""Environment of such a process: by default ONNX Runtime reports to its maker over the network."""


def limit_memory(limit: int) -> None:
    """Bound the address space of this process in bytes (0: no bound): beyond it Python raises MemoryError."""
    if limit:
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        bound = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(resource.RLIMIT_AS, (bound, hard))
