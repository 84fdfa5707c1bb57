"""Filings and agencies as tables and lines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.table import Table

from codebook.filings import Dated, EditionEvidence
from console.cli.terminal.output import counted, plain, table, words
from console.cli.terminal.tables import number, shortened, status_text, when
from database.filings.agencies import AgencyItem, AgencyLine, CaseItem, CaseSide, DecisionItem
from database.filings.listing import CellHistory, DocumentFiling, EditionItem, FiledDocument, FilingItem, FilingLine
from database.filings.register import Agency
from runtime.language import CHINESE, language

_NO_REGION = "no region"
_EVIDENCE = {
    EditionEvidence.ONLY: "the only edition",
    EditionEvidence.CHOSEN: "chosen by a person",
    EditionEvidence.CORRECTED: "its name or title says",
    EditionEvidence.PRINTED: "printed date",
    EditionEvidence.FILE: "date of the file",
    EditionEvidence.SEEN: "came in",
    EditionEvidence.CONTENT: "nothing tells the editions apart",
}


def evidence(dated: Dated | None, by: str | None = None) -> str:
    """Return from when an edition is, or why it is in force, in words. ``by`` is who chose it."""
    if dated is None:
        return ""
    if dated.by is EditionEvidence.CHOSEN and by:
        return f"chosen by {by}"
    shown = dated.value[:19].replace("T", " ")
    return f"{_EVIDENCE[dated.by]} {shown}".strip()


# ---- filings ----------------------------------------------------------------------------------------------------------------


def filings_table(lines: Iterable[FilingLine]) -> Table:
    """Return filings one by one: whose, on which year, and the document that speaks for each."""
    numbers = ("filing", "year", "editions", "documents", "in force")
    made = table("filing", "year", "agency", "region", "editions", "documents", "in force", "status", "because", right=numbers)
    for line in lines:
        made.add_row(
            str(line.id),
            str(line.year),
            plain(line.agency),
            line.region_code or "",
            str(line.editions),
            str(line.documents),
            str(line.document_id or ""),
            status_text(line.status) if line.status else "[red]nothing shown[/]",
            words(evidence(line.reason, line.chosen_by)),
        )
    return made


def filing_parts(item: FilingItem) -> list[Any]:
    """Return one filing with its history."""
    line = item.line
    head = table("", "")
    for name, text in (
        ("filing", str(line.id)),
        ("agency", f"{line.agency} (agency {line.agency_id}, {line.region_code or _NO_REGION})"),
        ("year", str(line.year)),
        ("in force", f"document {line.document_id}: {evidence(line.reason, line.chosen_by)}" if line.document_id else "nothing"),
    ):
        head.add_row(name, words(text))
    if item.chosen_document_id is not None:
        chosen = f"document {item.chosen_document_id} by {line.chosen_by}, {when(item.chosen_at)}: {item.chosen_why}"
        head.add_row("chosen", words(chosen))
    parts: list[Any] = [head, _editions_table(item)]
    for edition in item.editions:
        parts += [words(f"edition {edition.number}: {change.message}") for change in edition.changes]
    if item.cells:
        parts.append(_cells_table(item))
    return parts


def _editions_table(item: FilingItem) -> Table:
    numbers = ("edition", "document")
    columns = ("edition", "from", "document", "in force", "status", "type", "rendition of", "first seen", "path")
    made = table(*columns, title="editions", right=numbers)
    for edition in item.editions:
        for document in edition.documents:
            made.add_row(str(edition.number), words(evidence(edition.dated)), *_document_cells(document))
    for document in item.unsorted:
        made.add_row("", "", *_document_cells(document))
    return made


def _document_cells(document: FiledDocument) -> tuple[str, ...]:
    return (
        str(document.document_id),
        "yes" if document.in_force else "",
        status_text(document.status),
        document.media_type,
        str(document.rendition_of or ""),
        when(document.first_seen),
        shortened(document.path),
    )


def _cells_table(item: FilingItem) -> Table:
    """The cells that differ side by side: a column for each edition, and for renditions that differ from their edition."""
    leaders = [edition.leader.document_id for edition in item.editions]
    others = [each.document_id for edition in item.editions for each in edition.documents if _differs(edition, each, item.cells)]
    columns = {leader: f"edition {edition.number}" for leader, edition in zip(leaders, item.editions, strict=True)}
    columns |= {document_id: f"document {document_id}" for document_id in others}
    made = table("cell", *columns.values(), title="cells that differ", right=list(columns.values()))
    for cell in item.cells:
        stated = {each.document_id: each for each in cell.stated}
        shown = []
        for document_id in columns:
            each = stated.get(document_id)
            mark = "?" if each is not None and each.state == "doubtful" else ""
            shown.append("" if each is None else f"{number(each.value) or 'blank'}{mark}")
        made.add_row(cell.indicator, *shown)
    return made


def _differs(edition: EditionItem, document: FiledDocument, cells: Iterable[CellHistory]) -> bool:
    leader = edition.leader.document_id
    if document.document_id == leader or not document.shown:
        return False
    for cell in cells:
        stated = {each.document_id: each.value for each in cell.stated}
        if leader in stated and document.document_id in stated and stated[leader] != stated[document.document_id]:
            return True
    return False


def filing_line(place: DocumentFiling) -> str:
    """Return the filing of a document in one line: which of how many editions it is, and whether it is in force."""
    kind = f"edition {place.edition} of {place.editions}" if place.edition else "in no edition"
    if place.rendition_of is not None:
        kind += f", a rendition of document {place.rendition_of}"
    force = "in force"
    if not place.in_force:
        force = f"not in force; document {place.document_in_force} is" if place.document_in_force else "none is in force"
    because = f": {evidence(place.reason)}" if place.reason else ""
    return f"{place.filing_id}: {place.agency} {place.year}, {kind}, {force}{because}"


# ---- agencies ---------------------------------------------------------------------------------------------------------------


def agencies_table(lines: Iterable[AgencyLine]) -> Table:
    """Return agencies one by one."""
    numbers = ("agency", "names", "filings")
    made = table("agency", "name", "region", "kind", "names", "filings", "years", right=numbers)
    for line in lines:
        years = f"{line.first_year}-{line.last_year}" if line.first_year != line.last_year else str(line.first_year or "")
        made.add_row(
            str(line.id),
            plain(line.name),
            line.region_code or "",
            line.kind or "",
            str(line.names),
            str(line.filings),
            years,
        )
    return made


def agency_parts(item: AgencyItem) -> list[Any]:
    """Return all about one agency."""
    head = table("", "")
    superior = f"{_agency(item.superior)}, {'set by a person' if item.superior_set else 'by the region'}" if item.superior else ""
    for name, text in (
        ("agency", str(item.agency.id)),
        ("name", item.agency.name + (" (given by a person)" if item.named else "")),
        ("kind", item.agency.kind or ""),
        ("region", item.agency.region_code or _NO_REGION),
        ("superior", superior),
        ("joined with", _agency(item.merged_into) if item.merged_into else ""),
        ("agencies joined with it", ", ".join(map(_agency, item.joined))),
        ("before it", ", ".join(f"{_agency(each.agency)} until {each.year or '?'}" for each in item.predecessors)),
        ("after it", ", ".join(f"{_agency(each.agency)} from {each.year or '?'}" for each in item.successors)),
    ):
        if text:
            head.add_row(name, words(text))
    names = table("name", "key", "from", "document", "region", "seen", title="names", right=["document"])
    for each in item.names:
        cells = (each.name, each.key, each.source, str(each.document_id or ""), each.region_code or "", when(each.seen_at))
        names.add_row(*map(plain, cells))
    parts: list[Any] = [head, names]
    if item.filings:
        parts.append(filings_table(item.filings))
    if item.decisions:
        parts.append(decisions_table(item.decisions))
    if item.cases:
        parts.append(cases_table(item.cases))
    return parts


def _agency(agency: Agency) -> str:
    return f"{agency.id} {agency.name}"


def cases_table(items: Iterable[CaseItem]) -> Table:
    """Return open questions, each with the evidence of both agencies."""
    made = table("case", "agency", "names", "region", "years", "documents", "asked because", right=["case", "agency"])
    for item in items:
        reform = f" ({item.year}: {item.predecessor} came first)" if item.year else ""
        made.add_row(
            str(item.id), *_side_cells(item.one), plain(item.zh) if language() == CHINESE else plain(f"{item.en}{reform}")
        )
        made.add_row("", *_side_cells(item.other), words(reform.strip(" ()")) if language() == CHINESE else plain(item.zh))
    return made


def _side_cells(side: CaseSide) -> tuple[str, ...]:
    names = dict.fromkeys((side.agency.name, *side.names))
    documents = [str(document) for those in side.documents.values() for document in those]
    shown = ", ".join(documents[:6]) + (f" and {counted(len(documents) - 6, 'more', 'more')}" if len(documents) > 6 else "")
    years = ", ".join(map(str, side.years))
    return str(side.agency.id), plain(", ".join(names)), side.agency.region_code or _NO_REGION, years, shown


def decisions_table(items: Iterable[DecisionItem]) -> Table:
    """Return what people decided about agencies."""
    made = table("decision", "what", "agency", "other", "about", "by", "at", "reason", "undone", right=["decision"])
    for item in items:
        about = {
            "rename": f"{item.detail.get('name')} → {item.detail.get('to')}",
            "succession": str(item.detail.get("year") or ""),
            "superior": f"under agency {item.detail.get('superior')}",
        }.get(item.action, ", ".join(item.detail.get("keys", ())))
        undone = "" if item.ended_at is None else f"{when(item.ended_at)} {item.ended_by} {item.ended_reason or ''}".strip()
        cells = (_agency(item.agency), _agency(item.other) if item.other else "", about)
        by = (item.decided_by, when(item.decided_at), item.reason, undone)
        made.add_row(str(item.id), item.action, *map(plain, (*cells, *by)))
    return made
