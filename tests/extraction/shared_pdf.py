"""A small PDF whose pages all show the same large content."""

from __future__ import annotations

import zlib

from tests.extraction.raw_pdf import file_of


def shared_content(pages: int, content: bytes) -> bytes:
    """A PDF of so many pages with one content stream."""
    packed = zlib.compress(content, 9)
    kids = b" ".join(b"%d 0 R" % (5 + number) for number in range(pages))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, pages),
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(packed), packed),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        *[
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 3 0 R /Resources << /Font << /F 4 0 R >> >> >>"
            for _ in range(pages)
        ],
    ]
    return file_of(objects, b"1.4")


def drawn(shapes: int) -> bytes:
    """A content of so many lines, and one sentence."""
    return b"BT /F 12 Tf 50 700 Td (The quick brown fox jumps) Tj ET\n" + b"10 10 m 500 10 l S\n" * shapes


def written(characters: int) -> bytes:
    """A content of so many characters."""
    line = b"BT /F 8 Tf 10 %d Td (" + b"abcdefghij" * 10 + b") Tj ET\n"
    return b"".join(line % (830 - number % 800) for number in range(characters // 100))
