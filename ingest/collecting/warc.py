"""What was asked and answered, kept as WARC (ISO 28500): one small file for each visit, which is whole or not there.

Files of WARC can be put together by putting one behind the other; `gongkai collect --warc` does so.
"""

from __future__ import annotations

import io
from datetime import datetime
from urllib.parse import urlsplit

from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from ingest.collecting.fetching import Fetched

_FRAMING = ("transfer-encoding", "connection", "keep-alive")
_ORIGINAL = "X-Archive-Orig-"


def packed_visit(answer: Fetched, at: datetime, agent: str) -> bytes:
    """Return an answer, with its request, as a WARC file: each record packed by itself, its payload with its digest."""
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=True, warc_version="1.1")
    date = at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    known = {"WARC-Date": date, **({"WARC-IP-Address": answer.peer} if answer.peer else {})}
    # The body is kept as it was put together again from its pieces.
    headers = [((_ORIGINAL + name) if name.lower() in _FRAMING else name, _line(value)) for name, value in answer.headers]
    status = StatusAndHeaders(f"{answer.status} {_line(answer.reason)}".strip(), headers, protocol="HTTP/1.1")
    record = writer.create_warc_record(
        answer.address, "response", payload=io.BytesIO(answer.body), http_headers=status, warc_headers_dict=known
    )
    parts = urlsplit(answer.address)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    named = [("Host", parts.netloc), ("User-Agent", agent)]
    asked = StatusAndHeaders(f"GET {path} HTTP/1.1", named, is_http_request=True)
    request = writer.create_warc_record(
        answer.address, "request", payload=io.BytesIO(b""), http_headers=asked, warc_headers_dict=known
    )
    writer.write_request_response_pair(request, record)
    return out.getvalue()


def visit_of(data: bytes) -> Fetched | None:
    """Return the answer that a WARC file of ours holds; None for what is none."""
    try:
        for record in ArchiveIterator(io.BytesIO(data)):
            if record.rec_type == "response" and record.http_headers is not None:
                code, _, reason = record.http_headers.statusline.partition(" ")
                headers = tuple((name.removeprefix(_ORIGINAL), value) for name, value in record.http_headers.headers)
                address = record.rec_headers.get_header("WARC-Target-URI") or ""
                peer = record.rec_headers.get_header("WARC-IP-Address") or ""
                return Fetched(address, int(code), reason, headers, record.raw_stream.read(), peer)
    except (ArchiveLoadFailed, ValueError, EOFError):
        return None
    return None


def _line(text: str) -> str:
    return " ".join(text.splitlines())
