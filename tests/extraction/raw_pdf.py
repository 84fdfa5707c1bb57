"""PDFs of one page written object by object, for what no library writes: layers, clips, covers, form fields, odd fonts."""

from __future__ import annotations

from collections.abc import Sequence


def raw_pdf(
    content: bytes, *, resources: bytes = b"", catalog: bytes = b"", page: bytes = b"", more: tuple[bytes, ...] = ()
) -> bytes:
    """A page of 595 x 842 points with a font /F (Helvetica); ``more`` are further objects, from number 6."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R %s >>" % catalog,
        b"<< /Type /Pages /Kids [5 0 R] /Count 1 >>",
        stream(content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 3 0 R "
        b"/Resources << /Font << /F 4 0 R >> %s >> %s >>" % (resources, page),
        *more,
    ]
    return file_of(objects)


def file_of(objects: Sequence[bytes], version: bytes = b"1.7") -> bytes:
    """A PDF of these objects, numbered from 1; the first is the catalog."""
    body, places = b"%PDF-" + version + b"\n", []
    for number, one in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n" % number + one + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table
    return body + head + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(body))


def stream(content: bytes, entries: bytes = b"") -> bytes:
    """A stream object."""
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(content), entries, content)


def text(x: float, y: float, words: str, size: float = 10, before: str = "") -> bytes:
    """Words at a place (origin below); ``before`` are operators of the text object."""
    return f"BT {before} /F {size} Tf {x} {y} Td ({words}) Tj ET\n".encode()


def table(rows: list[list[str]], *, x: float = 100, y: float = 700, width: float = 80, height: float = 20) -> bytes:
    """A ruled table, its text in black."""
    content = b"0 g 0 G 0.5 w\n"
    for r, row in enumerate(rows):
        for c, words in enumerate(row):
            left, bottom = x + c * width, y - (r + 1) * height
            content += f"{left} {bottom} {width} {height} re S\n".encode()
            content += text(left + 5, bottom + 6, words) if words else b""
    return content
