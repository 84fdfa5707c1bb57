"""The page that checks a draft: a file is sent, what the rules find in it is shown, and nothing is kept."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path

from starlette.responses import Response

from codebook.errors import GongkaiError
from console.drafts.check import CheckedDraft, check_drafts
from console.web.request import PageRequest
from console.web.routing import get, post
from console.web.security import DRAFT_BYTES
from database.models import Role
from ingest.lists.manifest import region_of

SECONDS = 120.0
"""How long the reading of a draft may take; the command `gongkai check-draft` waits longer."""
_AT_ONCE = 2  # drafts that are read at the same time: each takes a core
_CELLS = 8  # cells of a finding that are named
_FILES = 20  # files of an archive that are shown

_slots = threading.BoundedSemaphore(_AT_ONCE)


def ask(request: PageRequest) -> Response:
    """The form for a draft. While the person chooses it, the process that reads it starts."""
    request.app.draft_readers.prepare()
    return _shown(request, ())


def check(request: PageRequest) -> Response:
    """What the rules find in the draft that was sent."""
    upload = request.form.file("file")
    if upload is None or not upload.content:
        request.notify("drafts.no_file", good=False)
        return _shown(request, (), 422)
    if not _slots.acquire(blocking=False):
        request.notify("drafts.busy", good=False)
        return _shown(request, (), 503)
    try:
        drafts = _checked(request, upload.name, upload.content)
    finally:
        _slots.release()
    return _shown(request, drafts)


def _checked(request: PageRequest, name: str, content: bytes) -> tuple[CheckedDraft, ...]:
    """Read the file in a folder of its own, under its name: that may say the agency and the year.

    Raises GongkaiError for faults of the machine.
    """
    region = region_of(request.form.text("region", 100))
    with tempfile.TemporaryDirectory(prefix="gongkai-draft-") as folder:
        path = Path(folder) / (Path(name).name or "draft")
        try:
            path.write_bytes(content)
        except OSError as error:
            raise GongkaiError("disk.full", str(error), "room for temporary files") from error
        with request.app.draft_readers.take() as reader:
            found = check_drafts(
                [str(path)], request.app.settings, request.reading, region=region, seconds=SECONDS, reader=reader
            )
            drafts = tuple(draft for draft, _ in zip(found, range(_FILES), strict=False))
    request.app.draft_readers.prepare()  # for the draft when it was mended
    return drafts


def _shown(request: PageRequest, drafts: tuple[CheckedDraft, ...], status: int = 200) -> Response:
    return request.render(
        "drafts.html",
        status,
        drafts=drafts,
        region=request.form.text("region", 100),
        most=f"{DRAFT_BYTES // 1_000_000} MB",
        listed=_CELLS,
        file_name=lambda path: Path(path).name,
    )


ROUTES = (
    get("/drafts", ask, Role.OPERATE),
    post("/drafts", check, Role.OPERATE, uploads=DRAFT_BYTES),
)
