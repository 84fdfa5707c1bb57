"""The digests of the files of a release."""

from __future__ import annotations

import hashlib
from pathlib import Path

_BLOCK = 1 << 20


def write_digests(made: Path) -> int:
    """Write SHA256SUMS, as ``sha256sum --check`` reads it. Return how many files a release has."""
    files = sorted(path for path in made.rglob("*") if path.is_file())
    lines = [f"{digest_of(path)}  {path.relative_to(made).as_posix()}\n" for path in files]
    (made / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")
    return len(files) + 1


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
