"""Addresses of pages: made with parameters, and checked to lead nowhere else."""

from __future__ import annotations

from urllib.parse import quote, urlencode


def address(path: str, **parameters: object) -> str:
    """A path of ours with parameters; those that are None or empty are left out.

    >>> address("/documents", status="failed", batch="", after=7)
    '/documents?status=failed&after=7'
    """
    given = [(name, str(value)) for name, value in parameters.items() if value not in (None, "")]
    return quote(path, safe="/%") + (f"?{urlencode(given)}" if given else "")


def local(path: str, otherwise: str = "/") -> str:
    """``path`` when it leads to a page of ours, else ``otherwise``.

    >>> local("/errors?code=internal"), local("//elsewhere/"), local("https://elsewhere/")
    ('/errors?code=internal', '/', '/')
    """
    good = path.startswith("/") and not path.startswith(("//", "/\\")) and "\n" not in path
    return path if good else otherwise
