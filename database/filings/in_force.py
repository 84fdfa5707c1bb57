"""Which document speaks for a filing: the one of least rank whose report is shown."""

from __future__ import annotations

from sqlalchemy import ColumnElement, FromClause, Table, and_, exists, or_, select

from codebook.records import Status
from database.models import PREFIX, Base, Between, Document, FilingDocument, FilingRow, FindingRow

FILING: Table = Base.metadata.tables[FilingRow.__tablename__]
MEMBER: Table = Base.metadata.tables[FilingDocument.__tablename__]
DOCUMENT: Table = Base.metadata.tables[Document.__tablename__]
FINDING: Table = Base.metadata.tables[FindingRow.__tablename__]

# A document whose processing failed or was given up shows no numbers, even if an earlier version of them is kept.
SHOWN = (Status.PROCESSING.value, Status.ACCEPTED.value, Status.NEEDS_REVIEW.value)


def is_shown(document: FromClause) -> ColumnElement[bool]:
    """The condition that a document shows a report. One comparison a status: SQLite then uses its indexes."""
    return and_(document.c.report_id.is_not(None), or_(*(document.c.status == status for status in SHOWN)))


def speaks(member: FromClause = MEMBER) -> ColumnElement[bool]:
    """The condition that the document of a row of gk_filing_document speaks for its filing. Its own document must be shown."""
    better, its = MEMBER.alias("better"), DOCUMENT.alias("its")
    return ~exists(
        select(better.c.document_id)
        .join(its, its.c.id == better.c.document_id)
        .where(better.c.filing_id == member.c.filing_id, better.c.rank < member.c.rank, is_shown(its))
    )


def holds() -> ColumnElement[bool]:
    """The condition that the other report of a finding, if there is one, is in force. Documents of one filing are compared
    whether they are in force or not. The finding's own report must be in force.
    """
    other, its_place = DOCUMENT.alias("other_document"), MEMBER.alias("other_member")
    in_force = or_(FINDING.c.between == Between.FILING.value, speaks(its_place))
    return or_(
        FINDING.c.other_report_id.is_(None),
        exists(
            select(other.c.id)
            .join(its_place, its_place.c.document_id == other.c.id)
            .where(other.c.report_id == FINDING.c.other_report_id, is_shown(other), in_force)
        ),
    )


SHOWN_SQL = ", ".join(f"'{status}'" for status in SHOWN)

# speaks() for views: m is the document's row in gk_filing_document.
SPEAKS_SQL = f"""not exists (select 1 from gk_filing_document better join gk_document its on its.id = better.document_id
            where better.filing_id = m.filing_id and better.rank < m.rank
                and its.report_id is not null and its.status in ({SHOWN_SQL}))"""

# The documents in force for views: fl is the filing, m the document's row in it, d the document, r its report, a the agency.
FILED_SQL = f"""gk_filing fl join gk_filing_document m on m.filing_id = fl.id
    join gk_document d on d.id = m.document_id and d.status in ({SHOWN_SQL})
    join gk_report r on r.id = d.report_id
        and {SPEAKS_SQL}
    join gk_agency a on a.id = fl.agency_id"""

assert PREFIX == "gk_"  # as the text above writes it
