"""Lists of addresses that people hand in: a CSV file with a header, or a text file with an address in each line."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from codebook.errors import UsageError
from codebook.records import Hints
from codebook.text.portals import AddressKind, portal_words
from database.collecting.adding import NewAddress
from ingest.collecting.take import file_kind
from ingest.lists.csv_lists import columns_of, date_of, decode, header_key, read_rows, year_of
from ingest.lists.manifest import hint_words, region_of
from ingest.webpages.addresses import host_of, normal

MOST_BYTES = 5 * 1024 * 1024
MOST_ADDRESSES = 50_000
_SCHEMES = ("http://", "https://")


class AddressList(NamedTuple):
    """The addresses of a list, each once, and what of it could not be used."""

    addresses: tuple[NewAddress, ...]
    problems: tuple[str, ...]


def read_lists(names: Sequence[str], kind: AddressKind = AddressKind.AUTO, region: tuple[str, ...] = ()) -> AddressList:
    """Read lists from files; a name that is an address itself stands for a list of one.

    ``kind`` and ``region`` hold where a list says nothing. Raises UsageError when a file cannot be read, or no list holds an
    address.
    """
    found: list[NewAddress] = []
    problems: list[str] = []
    for name in names:
        if name.lower().startswith(_SCHEMES):
            raw = name.encode()
        else:
            try:
                with Path(name).open("rb") as file:
                    raw = file.read(MOST_BYTES + 1)
            except OSError as error:
                raise UsageError(f"list {name}: {error.strerror or error}; expected a file that can be read") from error
        made = read_list(raw, kind, region)
        found += made.addresses
        problems += made.problems
    unique = {one.url: one for one in found}
    if not unique:
        raise UsageError(f"no address in {', '.join(names)}; expected a CSV or text file with addresses (http://…)")
    return AddressList(tuple(unique.values()), tuple(problems))


def read_list(raw: bytes, kind: AddressKind = AddressKind.AUTO, region: tuple[str, ...] = ()) -> AddressList:
    """Read a list from the bytes of a file. Raises UsageError when it is too large."""
    if len(raw) > MOST_BYTES:
        raise UsageError(f"a list of more than {MOST_BYTES:,} bytes; expected at most that, in several lists")
    text = decode(raw)
    problems: list[str] = []
    try:
        rows = read_rows(text)
    except csv.Error as error:
        raise UsageError(f"list: {error}; expected a CSV file") from error
    words = {**hint_words(), **portal_words().columns}
    header = rows[0][1] if rows else []
    named = any(header_key(cell) in map(header_key, words["address"]) for cell in header)
    if not named:
        rows = [(number, [line]) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
        columns = {0: "address"}
    else:
        columns = columns_of(header, words, problems)
        rows = rows[1:]
    found: list[NewAddress] = []
    for number, cells in rows:
        given = {field: cells[at].strip() for at, field in columns.items() if at < len(cells)}
        address = given.get("address", "")
        if not address or address.startswith("#"):
            continue
        if len(found) >= MOST_ADDRESSES:
            problems.append(f"line {number}: more than {MOST_ADDRESSES:,} addresses; the rest is not used")
            break
        try:
            url = normal(address)
        except ValueError as error:
            problems.append(f"line {number}: {error}; it is not used")
            continue
        one = _one(url, given, number, problems)
        fitting = kind if kind is not AddressKind.AUTO else file_kind(url)
        found.append(
            replace(
                one,
                kind=one.kind if one.kind is not AddressKind.AUTO else fitting,
                hints=one.hints if one.hints.region else replace(one.hints, region=region),
            )
        )
    return AddressList(tuple({one.url: one for one in found}.values()), tuple(problems))


def _one(url: str, given: dict[str, str], number: int, problems: list[str]) -> NewAddress:
    said = given.get("kind", "")
    kind = portal_words().kinds.get(header_key(said)) if said else None
    if said and kind is None:
        problems.append(f"line {number}: kind {said!r} is neither column nor report, and is not used")
    hints = Hints(
        region=region_of(given.get("region", "")),
        agency=given.get("agency") or None,
        year=year_of(given.get("year", ""), number, problems),
        published_on=date_of(given.get("published_on", ""), number, problems),
    )
    return NewAddress(url, host_of(url), kind or AddressKind.AUTO, hints)
