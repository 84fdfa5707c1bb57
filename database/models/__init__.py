"""The tables of the shared database, a module for each subject.

All names begin with ``gk_``, so that the database can be shared with others.
"""

from database.models.base import PREFIX, Base, Key, Nullable
from database.models.collecting import AddressState, CollectAddress, CollectHost, CollectVisit, VisitOutcome
from database.models.filings import (
    AgencyAlias,
    AgencyCase,
    AgencyDecision,
    AgencyKeyRow,
    AgencyRow,
    AgencySuccession,
    AliasSource,
    CaseState,
    ExpectedRow,
    FilingDocument,
    FilingRow,
)
from database.models.findings import FindingAct, FindingCase, FindingMove, FindingState, SettledBy
from database.models.ledger import (
    Attempt,
    Batch,
    Count,
    Document,
    Failure,
    FailureState,
    Output,
    Source,
    Stage,
    StageState,
    Tombstone,
    VerificationRow,
    Watcher,
    Worker,
)
from database.models.reports import Between, BlockRow, CorrectionRow, FindingRow, ReportRow, SectionRow, ValueRow
from database.models.review import ReviewLease, ReviewShare
from database.models.search import SavedFilter, SearchRow
from database.models.users import ApiToken, Audit, AuditHead, LoginAttempt, LoginPlace, LoginStep, Session, User
from database.plain_records import Role

__all__ = [
    "PREFIX",
    "AddressState",
    "AgencyAlias",
    "AgencyCase",
    "AgencyDecision",
    "AgencyKeyRow",
    "AgencyRow",
    "AgencySuccession",
    "AliasSource",
    "ApiToken",
    "Attempt",
    "Audit",
    "AuditHead",
    "Base",
    "Batch",
    "Between",
    "BlockRow",
    "CaseState",
    "CollectAddress",
    "CollectHost",
    "CollectVisit",
    "CorrectionRow",
    "Count",
    "Document",
    "ExpectedRow",
    "Failure",
    "FailureState",
    "FilingDocument",
    "FilingRow",
    "FindingAct",
    "FindingCase",
    "FindingMove",
    "FindingRow",
    "FindingState",
    "Key",
    "LoginAttempt",
    "LoginPlace",
    "LoginStep",
    "Nullable",
    "Output",
    "ReportRow",
    "ReviewLease",
    "ReviewShare",
    "Role",
    "SavedFilter",
    "SearchRow",
    "SectionRow",
    "Session",
    "SettledBy",
    "Source",
    "Stage",
    "StageState",
    "Tombstone",
    "User",
    "ValueRow",
    "VerificationRow",
    "VisitOutcome",
    "Watcher",
    "Worker",
]
