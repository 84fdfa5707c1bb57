"""The client that docs/examples/make_client.py writes, as a module."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parents[4] / "docs" / "examples"


def generated(description: dict[str, Any], folder: Path) -> Any:
    """Write the client for a description into a folder, as the page on the API shows it, and import it."""
    (folder / "openapi.json").write_text(json.dumps(description), encoding="utf-8")
    shutil.copy(EXAMPLES / "client.py", folder)
    command = [sys.executable, str(EXAMPLES / "make_client.py"), str(folder / "openapi.json")]
    made = subprocess.run(command, check=True, capture_output=True, timeout=120)
    (folder / "gongkai_api.py").write_bytes(made.stdout)
    for name in ("client", "gongkai_api"):
        sys.modules.pop(name, None)
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module("gongkai_api")
    finally:
        sys.path.remove(str(folder))
