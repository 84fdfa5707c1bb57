"""LibreOffice as the second way to read an office document: it writes the document as DOCX or XLSX, which our own readers read.

It runs without a window, in a process group of its own that is killed after a time limit, with a profile that is made for the one
document: no macro runs, no link is followed, nothing is fetched. Where it is not installed, or fails, the document is as it was.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from xml.sax.saxutils import escape

from codebook.errors import GongkaiError

PROGRAM = "soffice"
_SUFFIXES: Mapping[str, tuple[str, str]] = {
    "application/msword": (".doc", "docx"),
    "application/rtf": (".rtf", "docx"),
    "application/vnd.oasis.opendocument.text": (".odt", "docx"),
    "application/vnd.ms-excel": (".xls", "xlsx"),
    "application/vnd.oasis.opendocument.spreadsheet": (".ods", "xlsx"),
}
_MOST_WRITTEN = 200 * 1024 * 1024  # bytes
# What the profile says: (node of the configuration, name, type, value).
_SETTINGS = (
    ("Common/Security/Scripting", "MacroSecurityLevel", "int", "3"),
    ("Common/Security/Scripting", "DisableMacrosExecution", "boolean", "true"),
    ("Common/Security/Scripting", "BlockUntrustedRefererLinks", "boolean", "true"),
    ("Common/Security/Scripting", "DisableActiveContent", "boolean", "true"),
    ("Writer/Content/Update", "Link", "int", "2"),
    ("Calc/Content/Update", "Link", "int", "2"),
)


def can_convert(media_type: str) -> bool:
    """Return whether LibreOffice is installed and is asked for documents of this type."""
    return media_type in _SUFFIXES and shutil.which(PROGRAM) is not None


@lru_cache(maxsize=1)
def converted(data: bytes, media_type: str, seconds: int) -> bytes:
    """Return a document as LibreOffice writes it: DOCX, or XLSX of a workbook.

    The last one is kept, since each picture in it is a page that is read by itself. Raises GongkaiError ``file.corrupt`` where it
    writes nothing, or not within ``seconds``.
    """
    suffix, wanted = _SUFFIXES[media_type]
    with tempfile.TemporaryDirectory(prefix="gongkai-office-") as made:
        folder = Path(made)
        source, target = folder / f"a{suffix}", folder / "out" / f"a.{wanted}"
        source.write_bytes(data)
        _write_profile(folder / "profile")
        _run(folder, source, wanted, seconds)
        if not target.is_file() or not 0 < target.stat().st_size <= _MOST_WRITTEN:
            raise GongkaiError("file.corrupt", f"LibreOffice made no {wanted} of it", "a document that LibreOffice opens")
        return target.read_bytes()


def _run(folder: Path, source: Path, wanted: str, seconds: int) -> None:
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    options = ["--headless", "--norestore", "--nolockcheck", "--nologo"]
    where = ["--convert-to", wanted, "--outdir", str(folder / "out"), str(source)]
    command = [shutil.which(PROGRAM) or PROGRAM, profile, *options, *where]
    environment = {"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": str(folder), "TMPDIR": str(folder), "SAL_USE_VCLPLUGIN": "svp"}
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired as error:
        raise GongkaiError("file.corrupt", f"LibreOffice took more than {seconds} s", "a document that it opens") from error
    finally:  # the program is a starter of others
        _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):  # all of them have ended
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _write_profile(folder: Path) -> None:
    items = "".join(
        f'<item oor:path="/org.openoffice.Office.{path}"><prop oor:name="{name}" oor:op="fuse" oor:type="xs:{kind}">'
        f"<value>{escape(value)}</value></prop></item>"
        for path, name, kind, value in _SETTINGS
    )
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<oor:items xmlns:oor="http://openoffice.org/2001/registry" '
        'xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"{items}</oor:items>"
    )
    user = folder / "user"
    user.mkdir(parents=True)
    (user / "registrymodifications.xcu").write_text(text, encoding="utf-8")
