"""Registering claimed files: what became of each of them, so that its original can be put where it belongs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Engine

from codebook.errors import GongkaiError
from codebook.records import Record
from database.ledger import Arrival, Queued, Registered
from ingest.archives.limits import Limits
from ingest.files.bounded_reader import BoundedReader
from ingest.files.intake import Intake, Taken
from ingest.files.keeping import ContentStore, Keeper, StoreFaultError
from ingest.files.register_paths import STAND_INS, Run
from ingest.files.walk import Found
from ingest.lists.manifest import Manifest
from runtime.failpoints import fail_here


class Parcel(NamedTuple):
    """A claimed file or folder: where it lies, its path in the inbox, the path under which it came in, and what its place says.

    Of a folder ``pages`` are its page images in order, ``others`` the files that slipped in while it was claimed; or ``volumes``
    are those of an archive, in order, and ``missing`` the names of those without which it came.
    ``given_up``: it is registered as what ended too many processes, and not read.
    """

    staged: str
    inner: str
    known_as: str
    batch: str
    region: tuple[str, ...]
    manifest: Manifest | None
    given_up: bool = False
    pages: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class Refusal(Record, frozen=True):
    """Something that was refused at registration: the document that stands for it, its path, code and reason."""

    document_id: int
    path: str
    code: str
    message: str


class Receipt:
    """What was registered of a parcel. ``unsteady``: nothing, since it changed or vanished under the reading."""

    def __init__(self) -> None:
        self.registered = 0
        self.refusals: list[Refusal] = []
        self.unsteady = False

    @property
    def code(self) -> str | None:
        """Why all of it was refused; None when something in it was not."""
        return self.refusals[0].code if self.refusals and len(self.refusals) == self.registered else None


def receive(
    parcels: Sequence[Parcel],
    *,
    reader: BoundedReader,
    engine: Engine,
    store: ContentStore,
    limits: Limits,
    notify: Callable[[Sequence[Queued]], None],
) -> list[Receipt]:
    """Register parcels; one receipt for each, in order. Registering one again changes nothing.

    Raises GongkaiError for faults of the machine: some may be registered then, and all can be given again.
    """
    receipts = [Receipt() for _ in parcels]
    owners: dict[str, Receipt] = {}

    def on_registered(arrival: Arrival, result: Registered) -> None:
        receipt = owners[arrival.path]
        receipt.registered += 1
        if arrival.rejection is not None:
            receipt.refusals.append(Refusal(result.document_id, arrival.path, *arrival.rejection))

    with Keeper(store) as keeper:
        run = Run(engine, keeper, batch="", notify=notify, on_registered=on_registered)
        try:
            for parcel, receipt in zip(parcels, receipts, strict=True):
                intake = Intake(reader, keeper, limits, parcel.manifest, parcel.region)
                for taken in _taken(intake, parcel):
                    if _unsteady(taken, parcel):
                        receipt.unsteady = True
                        continue
                    owners[taken.arrival.path] = receipt
                    run.add(msgspec.structs.replace(taken, batch=taken.batch or parcel.batch))
                run.add_unpacked(intake.unpacked)
            run.flush()
        except StoreFaultError as fault:
            raise fault.error from None
    return receipts


def _taken(intake: Intake, parcel: Parcel) -> Iterator[Taken]:
    found = Found(parcel.staged, known_as=parcel.known_as, beside=os.path.dirname(parcel.known_as))
    if parcel.given_up:
        error = GongkaiError("worker.crashed", "each process that took it up ended", "a file that can be read")
        yield intake.refused(found.shown, error)
        return
    fail_here("before_read", parcel.inner)
    if parcel.missing:
        above = os.path.dirname(parcel.known_as)
        for path in parcel.volumes:
            known_as = os.path.join(above, os.path.basename(path))
            yield from intake.take(Found(path, known_as=known_as, missing=parcel.missing))
        return
    if parcel.volumes:
        yield from intake.take(msgspec.structs.replace(found, volumes=parcel.volumes))
        return
    if parcel.pages or not parcel.others:
        yield from intake.take(msgspec.structs.replace(found, pages=parcel.pages))
    for path in parcel.others:
        yield from intake.take(Found(path, known_as=parcel.known_as + path[len(parcel.staged) :]))


def _unsteady(taken: Taken, parcel: Parcel) -> bool:
    """Return whether the parcel itself could not be read because it changed, or because another watcher has taken it over."""
    code = taken.arrival.rejection[0] if taken.arrival.rejection else None
    if code not in STAND_INS or taken.arrival.path != Found(parcel.known_as).shown:
        return False
    return code == "file.changed" or not os.path.lexists(parcel.staged)
