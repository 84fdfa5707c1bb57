"""The pictures of a report page, fetched in the page's own turn: they are parts of one document, and no documents themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from codebook.errors import ErrorClass, GongkaiError
from ingest.collecting.fetching import PausedError
from ingest.webpages.links import PageLink
from runtime.log import get_logger

log = get_logger(__name__)

_ENDS = ("fetch.too_many", "fetch.refused", "fetch.challenge", "fetch.unreachable", "fetch.timeout")
"""Codes after which the host is asked for no more pictures of a page."""


class FetchedPictures(NamedTuple):
    """Pictures by their addresses as they stand in the page. ``left_out`` is how many were not fetched, ``asked`` the pause in
    seconds that the host asked for meanwhile. ``again``: some may come at another time.
    """

    found: dict[str, bytes]
    left_out: int = 0
    asked: float = 0.0
    again: bool = False


def fetch_pictures(links: Sequence[PageLink], ask: Callable[[str], bytes], *, most: int, size: int) -> FetchedPictures:
    """Fetch the pictures of a page, ``most`` of them with ``size`` bytes in all at most.

    ``ask`` waits as long as the host is to be left alone, and fetches one. What it raises leaves this one out; the rest too,
    where the host refuses or asks for a pause.
    """
    addresses = list(dict.fromkeys(link.address for link in links))
    found: dict[str, bytes] = {}
    pause, again = 0.0, False
    for address in addresses[:most]:
        try:
            data = ask(address)
        except GongkaiError as error:
            log.warning("a picture was not fetched", url=address, code=error.code, message=str(error))
            again = again or error.rule.kind is ErrorClass.TRANSIENT
            if isinstance(error, PausedError):
                pause = error.seconds
            if error.code in _ENDS:
                break
            continue
        if len(data) > size:
            break
        size -= len(data)
        found[address] = data
    inside = {link.text: found[link.address] for link in links if link.address in found}
    return FetchedPictures(inside, len(addresses) - len(found), pause, again)
