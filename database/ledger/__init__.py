"""The ledger: which document is where, who works on it, what was tried. The truth of the machine; messages are only hints.

A stage row is one piece of work: a stage of a document, or of one of its pages, in a run. Its states::

                  claim                      complete
      queued ------------------> running -----------------> done
        ^  ^                      | | |
        |  '---- release ---------' | '---- fail, for good --> failed | rejected
        |                           |
      (due)                         '---- fail, to be tried again,
        |                                 or expire_leases
      waiting <---------------------------'
                                             discard, reprocess: any unfinished state --> discarded

=================  ==================================  =============================================================
transition         who may                             what it needs
=================  ==================================  =============================================================
claim              a worker's process                  the row is queued, or waiting and due; raises ``fence``
claim_block        a worker's process                  for each row the same, and that its queue is that of documents
renew              the process, or its worker          the row is running with this fence
complete, fail     the process that holds the claim    the row is running with this fence, else Fenced
release            the process, at a shutdown          the row is running with this fence; the try does not count
fail_claims_of     the worker whose process died       the row is running and owned by that process
expire_leases      the rescuer                         the row is running and its lease has expired
discard,           people                              none: a running try is fenced out
reprocess
=================  ==================================  =============================================================

**The fence** is a number that every claim raises. Whatever a process writes about its claim is on condition of the fence, in
the same transaction. A process that lost its claim (its lease expired, a person discarded the document) writes nothing. So two
processes may work on one stage for a while, but only one result is kept.

**The lease** is how long a claim holds without a sign of life, in database time. A process that is alive keeps it; the end of a
lease means that the process is dead, frozen or cut off.

**A block** is what one message brings: up to some thirty stages that one statement claims, each with a fence of its own, and that
one process does one after the other. Each is completed by itself; a process that dies takes with it what was not. Nobody is
blamed for another: those stages are put back to be tried alone (the queue of tries, where there are no blocks), and only a death
alone counts as a crash.

**On failure** :func:`decide` says what follows, by the class of the error code: a permanent fault ends the stage at once, with
a row in the error queue; a passing one is tried again after a pause, up to a limit; a crash counts against the document (three
end it), the loss of a whole worker hardly does; faults of the machine (SYSTEM_CODES) do not count at all. A message that was
lost is sent again by the rescuer, a message that comes twice finds nothing to claim. A commit whose answer was lost is found
again by its fence.

Other rooms import from here; :mod:`database.ledger.throughput` (what a batch took, what is left) is imported by its name. Every
function takes a connection inside a transaction (:func:`database.session.run_transaction`).
"""

from database.ledger.accounting import Balance, balance, invariants, stage_counts
from database.ledger.claims import (
    claim,
    claim_block,
    claimed_before,
    complete,
    fail,
    finish,
    forget_output,
    output,
    output_versions,
    outputs,
    release,
    renew,
    same_work,
    set_pages,
)
from database.ledger.dispatch import (
    ExpiredLease,
    LeaseTerms,
    beat,
    expire_leases,
    fail_claims_of,
    forget_lost_notifications,
    forget_notifications,
    forget_workers,
    is_open,
    live_workers,
    mark_notified,
    outstanding,
    owner_name,
    renew_leases_of,
    sign_off,
    take_due,
    terminate_lock_holders,
    try_rescue_lock,
)
from database.ledger.fair_queue import reserve_turns, virtual_time
from database.ledger.records import (
    SYSTEM_CODES,
    Claim,
    Completed,
    Decision,
    Fault,
    Fenced,
    Next,
    Queued,
    Registered,
    Spent,
    Tries,
    decide,
)
from database.ledger.reprocessing import Selection, discard, reprocess, select_documents, start_again
from database.ledger.retention import drop_outputs
from database.ledger.sums import add_ended
from database.plain_records import Arrival, Policy

__all__ = [
    "SYSTEM_CODES",
    "Arrival",
    "Balance",
    "Claim",
    "Completed",
    "Decision",
    "ExpiredLease",
    "Fault",
    "Fenced",
    "LeaseTerms",
    "Next",
    "Policy",
    "Queued",
    "Registered",
    "Selection",
    "Spent",
    "Tries",
    "add_ended",
    "balance",
    "beat",
    "claim",
    "claim_block",
    "claimed_before",
    "complete",
    "decide",
    "discard",
    "drop_outputs",
    "expire_leases",
    "fail",
    "fail_claims_of",
    "finish",
    "forget_lost_notifications",
    "forget_notifications",
    "forget_output",
    "forget_workers",
    "invariants",
    "is_open",
    "live_workers",
    "mark_notified",
    "output",
    "output_versions",
    "outputs",
    "outstanding",
    "owner_name",
    "release",
    "renew",
    "renew_leases_of",
    "reprocess",
    "reserve_turns",
    "same_work",
    "select_documents",
    "set_pages",
    "sign_off",
    "stage_counts",
    "start_again",
    "take_due",
    "terminate_lock_holders",
    "try_rescue_lock",
    "virtual_time",
]
