"""What a release says of itself: title, publisher, licence, address; from a file of its publisher, or else the defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from codebook.errors import UsageError
from codebook.records import Record
from console.release.schema import Words, read_data


class Creator(Record, frozen=True):
    """Who made the data. ``identifier``: an address such as that of ORCID or ROR."""

    name: str
    kind: Literal["organization", "person"] = "organization"
    identifier: str | None = None


class ReleaseFacts(Record, frozen=True):
    """What a release says of itself.

    ``licence`` is an SPDX identifier with ``licence_url``; ``homepage`` the address at which the files will lie, with a slash at
    its end; ``doi`` the identifier that was registered for this version. What is not known is left out of the metadata.
    """

    title: Words
    description: Words
    keywords: tuple[str, ...]
    publisher: str
    creators: tuple[Creator, ...]
    licence: str | None = None
    licence_url: str | None = None
    homepage: str | None = None
    doi: str | None = None
    contact: str | None = None


def release_facts(path: Path | None = None) -> ReleaseFacts:
    """Return the facts: those of the YAML file ``path``, and the defaults for the rest.

    Raises UsageError for a file that cannot be read, or that says something else.
    """
    facts = msgspec.yaml.decode(read_data("about.yaml"), type=dict[str, Any])
    facts.pop("same_indicator")
    if path is not None:
        try:
            facts |= msgspec.yaml.decode(path.read_bytes(), type=dict[str, Any])
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"{path}: {error}") from error
    try:
        found = msgspec.convert(facts, ReleaseFacts)
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: {error}") from error
    if found.homepage is not None and not found.homepage.endswith("/"):
        raise UsageError(f"{path}: homepage {found.homepage!r}, expected an address that ends in /")
    return found
