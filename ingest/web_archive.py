"""Web archives (MHTML, RFC 2557): a page and what it shows in one file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

_HTML = "text/html"
_LINE = 76  # characters of a line of base64 (RFC 2045, 6.8)


def web_archive(page: bytes, name: str, parts: Mapping[str, tuple[str, bytes]]) -> bytes:
    """A page called ``name`` and its parts, media type and content by the address with which the page shows them, as one file.
    The same page and parts make the same bytes.
    """
    found = [(_HTML, name, page), *((media_type, address, content) for address, (media_type, content) in parts.items())]
    digest = hashlib.sha256()
    for _, address, content in found:
        digest.update(address.encode("utf-8", "surrogateescape") + b"\0" + hashlib.sha256(content).digest())
    boundary = f"gongkai-{digest.hexdigest()[:32]}"
    lines = ["MIME-Version: 1.0", f'Content-Type: multipart/related; type="{_HTML}"; boundary="{boundary}"', ""]
    for media_type, address, content in found:
        coded = base64.b64encode(content).decode("ascii")
        lines += [f"--{boundary}", f"Content-Type: {media_type}", "Content-Transfer-Encoding: base64"]
        lines += [f"Content-Location: {_header(address)}", ""]
        lines += [coded[at : at + _LINE] for at in range(0, len(coded), _LINE)]
        lines.append("")
    return "\r\n".join([*lines, f"--{boundary}--", ""]).encode("ascii")


def _header(text: str) -> str:
    """A text in a header (RFC 2047)."""
    if text.isascii() and text.isprintable() and "=?" not in text:
        return text
    return f"=?utf-8?b?{base64.b64encode(text.encode('utf-8', 'replace')).decode('ascii')}?="
