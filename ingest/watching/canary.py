"""Canaries: tiny files that a watcher sends through its own folder, so that one that is alive but sees nothing is noticed."""

from __future__ import annotations

import os
import re
import uuid

from ingest.watching.inbox import Inbox

_NAME = re.compile(r"gongkai-canary-[0-9a-f]{32}\.txt")
_HEAD = b"gongkai canary "
_LENGTH = 300


def may_be_canary(path: str) -> bool:
    """Return whether a file has the name of a canary."""
    return _NAME.fullmatch(os.path.basename(path)) is not None


def send(inbox: Inbox, author: str) -> str:
    """Put a canary into the inbox, whole from the first moment. Return its path. Raises OSError."""
    name = f"gongkai-canary-{uuid.uuid4().hex}.txt"
    written, path = os.path.join(os.path.dirname(inbox.taken), name), os.path.join(inbox.root, name)
    with open(written, "wb") as file:
        file.write(_HEAD + author.encode() + b"\n")
    os.rename(written, path)
    return path


def take(staged: str) -> str | None:
    """Recognise a claimed canary and take it away. Return who sent it. None when it is somebody's file, which stays."""
    with open(staged, "rb") as file:
        content = file.read(_LENGTH)
    if not may_be_canary(staged) or not content.startswith(_HEAD):
        return None
    os.unlink(staged)
    return content[len(_HEAD) :].decode("utf-8", "replace").strip()
