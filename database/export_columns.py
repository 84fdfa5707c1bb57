"""The columns of the data that leave the system: one list, from which the export's JSON, CSV, Excel and Parquet, the views of the
database and ``docs/export.md`` are made. ``docs/how-to.md`` shows how a column is added.
"""

from __future__ import annotations

from typing import NamedTuple


class ExportColumn(NamedTuple):
    """A column (a key, in JSON).

    ``field`` is the place of its value in the records of an export (:class:`console.export.cells.ExportRow`), with a dot between
    record and attribute; ``sql`` the expression in the views, "" where they have no such column. ``type`` is that of the tables;
    a list is a list in JSON and a text in tables. ``needs``: JSON leaves the key out where this field is empty.
    """

    name: str
    field: str
    type: type
    meaning: str
    unit: str = ""
    sql: str = ""
    needs: str = ""

    @property
    def selected(self) -> str:
        """The column in the select list of a view."""
        alias = "" if self.sql.rpartition(".")[2].strip('"') == self.name else f" as {self.name}"
        return f"{self.sql}{alias}"


Columns = tuple[ExportColumn, ...]

# ---- the document -----------------------------------------------------------------------------------------------------------
PATH = ExportColumn("path", "document.path", str, "Path of the file as it was given; its first source", sql="s.path")
SHA256 = ExportColumn("sha256", "document.sha256", str, "SHA-256 of the content, in hexadecimal digits", sql="d.sha256")
MEDIA_TYPE = ExportColumn("media_type", "document.media_type", str, "Media type, found by content")
PAGES = ExportColumn("pages", "document.pages", int, "Number of pages; empty for what has none", "pages")
BATCH = ExportColumn("batch", "document.batch", str, "Name of the batch in which the file was found")
STATUS = ExportColumn(
    "status", "document.status", str, "Status of the document: accepted, needs_review, failed, …", sql="d.status"
)

# ---- where a document was found: the file as it came in, and each place where the same content lay again --------------------
FOUND_PATH = ExportColumn("path", "found.path", str, "Path of a file with this content, as it was given")
FOUND_IN = ExportColumn("batch", "found.batch", str, "Name of the batch in which it was found")
FOUND_AT = ExportColumn("seen_at", "found_at", str, "When it came in (ISO 8601, UTC)")
CHANGED_AT = ExportColumn("changed_at", "changed_at", str, "When the file was changed last, as its file system or archive says")
SOURCE_COUNT = ExportColumn("sources", "counts.sources", int, "Number of files with this content that came in", "files")

# ---- the report -------------------------------------------------------------------------------------------------------------
AGENCY = ExportColumn("agency", "document.agency", str, "Agency, as the report names it", sql="r.agency")
PROVINCE = ExportColumn("province", "document.province", str, "Province of the agency", sql="r.province")
CITY = ExportColumn("city", "document.city", str, "City or prefecture of the agency", sql="r.city")
COUNTY = ExportColumn("county", "document.county", str, "County or district of the agency", sql="r.county")
REGION = ExportColumn("region", "document.region", list, "Names of the region from the province down")
REGION_CODE = ExportColumn("region_code", "document.region_code", str, "Code of the region (GB/T 2260)", sql="r.region_code")
YEAR = ExportColumn("year", "document.year", int, "Year on which is reported", sql="r.year")
FORM = ExportColumn("form", "document.form", str, "National form of the report: 2014, 2019, 2021", sql="r.form")
BLOCK_FORM = ExportColumn("form", "block_form", str, "National form of this block", sql="b.form")
TITLE = ExportColumn("title", "document.title", str, "Title of the report")
PUBLISHED_ON = ExportColumn("published_on", "document.published_on", str, "Date of publication (ISO 8601)")
SCRIPT = ExportColumn("script", "document.script", str, "Script of the document: simplified or traditional")

# ---- the filing: one agency, one year ---------------------------------------------------------------------------------------
_IN_FORCE = "true: this document speaks for its agency and year; false: another one does; empty: it is in no filing"
FILING_ID = ExportColumn("filing_id", "filing.id", int, "Number of the filing: one for each agency and year", sql="fl.id")
AGENCY_ID = ExportColumn("agency_id", "filing.agency_id", str, "Id of the agency in the register", sql="fl.agency_id")
AGENCY_NAME = ExportColumn("agency_name", "filing.agency", str, "Name of the agency in the register", sql="a.name")
AGENCY_KIND = ExportColumn(
    "agency_kind",
    "body.kind",
    str,
    "Kind of body: government (its report covers its whole area), government_office, department, town, zone, …; empty where the "
    "name does not show it",
    sql="a.kind",
)
AGENCY_LEVEL = ExportColumn(
    "agency_level",
    "body.level",
    str,
    "Level of the agency: province, city, county or town; empty where its region is not known",
    sql="case when a.kind = 'town' then 'town' when r.county is not null then 'county' when r.city is not null then 'city' "
    "when r.province is not null then 'province' end",
)
EDITION = ExportColumn("edition", "filing.edition", int, "Number of the edition in the filing, from 1, in the order of time")
RENDITION_OF = ExportColumn(
    "rendition_of", "filing.rendition_of", str, "SHA-256 of the document that leads the edition; empty for that document itself"
)
IN_FORCE = ExportColumn("in_force", "filing.in_force", bool, _IN_FORCE)

# ---- a value ----------------------------------------------------------------------------------------------------------------
INDICATOR = ExportColumn("indicator", "indicator", str, "Id of the indicator (see labels and the glossary)", sql="v.indicator")
VALUE = ExportColumn("value", "number", float, "Number; empty where the report prints none", "of the indicator", sql="v.value")
_STATES = "read, proven, corrected, doubtful, missing (printed blank) or not_seen (nothing of the cell was found)"
STATE = ExportColumn(
    "state",
    "value.state",
    str,
    _STATES,
    sql="v.state",
)
PAGE = ExportColumn("page", "value.page", int, "Page on which the value is printed, from 1", sql="v.page")
BOX_SIDES = tuple(
    ExportColumn(f"box_{side}", f"box.{side}", float, f"Box on the page: {meaning}", "points")
    for side, meaning in (("x0", "left edge"), ("top", "upper edge"), ("x1", "right edge"), ("bottom", "lower edge"))
)
BOX = ExportColumn("box", "value.box", list, "Box on the page: x0, top, x1, bottom", "points", sql="v.box", needs="value.box")
LINE = ExportColumn("line", "value.line", int, "Line of a text, from 1", sql="v.line", needs="value.line")
COLUMN = ExportColumn(
    "column", "value.column", int, "Character in the line (or cell), from 1", sql='v."column"', needs="value.line"
)
RAW = ExportColumn("raw", "value.raw", str, "Text as it was read", sql="v.raw")
ORIGIN = ExportColumn("origin", "value.origin", str, "table, or text for what only a sentence says", sql="v.origin")
READ_BY = ExportColumn(
    "read_by", "value.read_by", str, "Reader: txt, html, docx, pdf, ocr, ofd, office or workbook", sql="v.read_by"
)
SCORE = ExportColumn("score", "value.score", float, "How sure the reader is, from 0 to 1", sql="v.score")
SENTENCE = ExportColumn(
    "sentence",
    "value.sentence",
    str,
    "Sentence that holds the value, where it was read from the text",
    sql="v.sentence",
    needs="value.sentence",
)
DOUBT = ExportColumn("doubt", "value.doubt", str, "Why the value is doubtful", sql="v.doubt", needs="value.doubt")
NOTE = ExportColumn(
    "note", "value.note", str, "Remark or note mark printed beside the number, never part of it", sql="v.note", needs="value.note"
)
CANDIDATES = ExportColumn("candidates", "candidates", list, "Values that are possible", sql="v.candidates", needs="candidates")
CORRECTION = ExportColumn("correction", "correction", dict, "Who decided (by), when (at) and why (reason)", needs="correction")
DECIDED_BY = ExportColumn("decided_by", "value.decided_by", str, "Who decided on the value")
DECIDED_AT = ExportColumn("decided_at", "decided_at", str, "When (ISO 8601, UTC)")
DECIDED_WHY = ExportColumn("decided_why", "value.reason", str, "Reason of the decision")
WITNESSES = ExportColumn(
    "witnesses",
    "witnesses",
    list,
    "Who agrees with the value: by (text, ocr, pixels, sum, prose, rendition, person), and for a rendition the SHA-256 of its "
    "document",
    needs="witnesses",
)
ALONE = ExportColumn(
    "alone", "read_alone", dict, "What this document alone was read as (state, value), where renditions agree", needs="read_alone"
)
AGREED_BY = ExportColumn(
    "agreed_by",
    "agreed_by",
    list,
    "Who agrees with the value: text, ocr, pixels, sum, prose, rendition, person; two of them make it proven",
    sql="v.witnesses",
)
WITNESS_DOCUMENTS = ExportColumn("witnesses", "witness_documents", list, "SHA-256 of the renditions that agree with the value")
ALONE_STATE = ExportColumn("alone_state", "alone.state", str, "State as this document alone was read, where renditions agree")
ALONE_VALUE = ExportColumn(
    "alone_value", "alone.value", float, "Value as this document alone was read, where renditions agree", "of the indicator"
)

# ---- a finding --------------------------------------------------------------------------------------------------------------
FINDING_ID = ExportColumn("finding_id", "finding.case_id", int, "Number of the finding; it lasts, whatever is processed again")
FINDING_STATE = ExportColumn(
    "finding_state",
    "finding.case_state",
    str,
    "new, confirmed, dismissed, sent, answered, settled or reopened; empty: only an earlier edition or a rendition has it",
)
SETTLED_BY = ExportColumn(
    "settled_by",
    "finding.case_settled_by",
    str,
    "How it was settled: edition, other (the other report's edition), reports, person; or withdrawn: reading, gone, joined",
)
RULE = ExportColumn("rule", "finding.rule", str, "Id of the rule", sql="f.rule")
SEVERITY = ExportColumn("severity", "finding.severity", str, "error, warning or note", sql="f.severity")
MESSAGE = ExportColumn("message", "finding.message", str, "What does not agree, in Chinese", sql="f.message")
CELLS = ExportColumn("cells", "finding.cells", list, "Ids of the indicators that the finding is about", sql="f.cells")
EXPECTED = ExportColumn("expected", "expected", float, "Value that the rule expects", "of the indicator", sql="f.expected")
ACTUAL = ExportColumn("actual", "actual", float, "Value that was found", "of the indicator", sql="f.actual")
PACK = ExportColumn(
    "pack",
    "finding.pack",
    str,
    "Rule pack, with its version, that made or changed the rule; empty: the rule holds everywhere",
    sql="f.pack",
)
FINDING_SENTENCE = ExportColumn("sentence", "finding.sentence", str, "Sentence that disagrees", sql="f.sentence")
FINDING_PAGE = ExportColumn("page", "place.page", int, "Page of that sentence, from 1")
FINDING_LINE = ExportColumn("line", "place.line", int, "Line of that sentence, from 1")
OTHER_SHA256 = ExportColumn("other_sha256", "finding.other_sha256", str, "SHA-256 of the other report that the finding is about")
FINDING_IN_FORCE = ExportColumn(
    "in_force",
    "finding_in_force",
    bool,
    "true: the reports that it is about are in force; false: history, it accuses nobody; empty: the report is in no filing",
)

# ---- counts and errors ------------------------------------------------------------------------------------------------------
CELL_COUNT = ExportColumn("cells", "counts.cells", int, "Number of cells of the report", "cells")
DOUBT_COUNT = ExportColumn("doubts", "counts.doubts", int, "Number of cells that are doubtful or not seen", "cells")
FINDING_COUNT = ExportColumn("findings", "counts.findings", int, "Number of findings", "findings")
DOUBTFUL_COUNT = ExportColumn(
    "doubtful_count",
    "doubtful_count",
    int,
    "Number of unsettled cells of the block",
    "cells",
    sql="coalesce(c.doubtful_count, 0)",
)
ERROR_CODE = ExportColumn("error_code", "error.code", str, "Code of the error that stopped the document")
ERROR_MESSAGE = ExportColumn("error_message", "error.message", str, "Message of that error")

# ---- a label ----------------------------------------------------------------------------------------------------------------
LABELS: Columns = (
    ExportColumn("indicator", "label.indicator", str, "Id of the indicator"),
    ExportColumn("column_name", "label.column_name", str, "Column of the indicator in wide tables"),
    ExportColumn("block", "label.block", str, "Title of the block that holds it"),
    ExportColumn("row_label", "label.row_label", str, "What the form prints for the row"),
    ExportColumn("column_label", "label.column_label", str, "What the form prints for the column"),
    ExportColumn("unit", "label.unit", str, "Unit of the values"),
    ExportColumn("forms", "label.forms", str, "Forms that have the indicator"),
)

WHO: Columns = (AGENCY, PROVINCE, CITY, COUNTY, REGION_CODE, YEAR)
# In tables the kind and the level stand beside the name: the report of a government covers what its units report again.
BODY: Columns = (AGENCY_KIND, AGENCY_LEVEL)
TABLE_WHO: Columns = (AGENCY, *BODY, *WHO[1:])
WHERE: Columns = (SHA256, PATH)
FILED: Columns = (FILING_ID, AGENCY_ID, AGENCY_NAME)

# ---- JSON: the keys of each object in their order ---------------------------------------------------------------------------
JSON_SOURCE: Columns = (PATH, SHA256, MEDIA_TYPE, PAGES, BATCH)
JSON_SOURCES: Columns = (FOUND_PATH, FOUND_IN, FOUND_AT, CHANGED_AT)
JSON_REPORT: Columns = (AGENCY, REGION, REGION_CODE, YEAR, FORM, TITLE, PUBLISHED_ON, SCRIPT)
JSON_FILING: Columns = (
    FILING_ID._replace(name="id"),
    AGENCY_ID,
    AGENCY_NAME._replace(name="agency"),
    YEAR._replace(field="filing.year"),
    EDITION,
    RENDITION_OF,
    IN_FORCE,
    *BODY,
)
JSON_EVIDENCE: Columns = (
    *(PAGE, BOX, LINE, COLUMN, RAW, READ_BY, SCORE, STATE, SENTENCE, DOUBT, CANDIDATES, CORRECTION),
    *(WITNESSES, ALONE, NOTE),
)
JSON_FINDING: Columns = (
    *(FINDING_ID._replace(name="id"), FINDING_STATE._replace(name="state")),
    *(RULE, SEVERITY, CELLS, MESSAGE, EXPECTED, ACTUAL, FINDING_IN_FORCE, SETTLED_BY, PACK),
)
JSON_OBJECTS: dict[str, Columns] = {
    "source": JSON_SOURCE,
    "sources": JSON_SOURCES,
    "report": JSON_REPORT,
    "filing": JSON_FILING,
    "evidence": JSON_EVIDENCE,
    "findings": JSON_FINDING,
}

# ---- tables -----------------------------------------------------------------------------------------------------------------
_EVIDENCE: Columns = (PAGE, *BOX_SIDES, LINE, COLUMN, RAW, READ_BY, SCORE, SENTENCE, DOUBT)
_WITNESS: Columns = (WITNESS_DOCUMENTS, ALONE_STATE, ALONE_VALUE)
VALUES: Columns = (
    *(*TABLE_WHO, FORM, INDICATOR, VALUE, STATE, *_EVIDENCE, DECIDED_BY, DECIDED_AT, DECIDED_WHY, *WHERE),
    *(*FILED, IN_FORCE, *_WITNESS, NOTE, AGREED_BY),
)
FINDINGS: Columns = (
    *(*TABLE_WHO, FORM, RULE, SEVERITY, MESSAGE, CELLS, EXPECTED, ACTUAL),
    *(FINDING_SENTENCE, FINDING_PAGE, FINDING_LINE, OTHER_SHA256, *WHERE, *FILED, FINDING_IN_FORCE),
    *(FINDING_ID, FINDING_STATE, SETTLED_BY, PACK),
)
DOCUMENTS: Columns = (
    *(*WHERE, MEDIA_TYPE, PAGES, BATCH, STATUS, *TABLE_WHO, FORM, TITLE, PUBLISHED_ON, SCRIPT),
    *(CELL_COUNT, DOUBT_COUNT, FINDING_COUNT, ERROR_CODE, ERROR_MESSAGE),
    *(*FILED, EDITION, RENDITION_OF, IN_FORCE, SOURCE_COUNT),
)
WIDE_BEFORE: Columns = (*TABLE_WHO, BLOCK_FORM, STATUS, DOUBTFUL_COUNT)
WIDE_AFTER: Columns = (*WHERE, *FILED, IN_FORCE)
TABLES: dict[str, Columns] = {"values": VALUES, "findings": FINDINGS, "documents": DOCUMENTS, "labels": LABELS}

# ---- views ------------------------------------------------------------------------------------------------------------------
VIEW_VALUES: Columns = (
    *(*WHO, FORM, INDICATOR, VALUE, STATE, RAW, PAGE, LINE, COLUMN, BOX, ORIGIN, READ_BY, SCORE, SENTENCE, DOUBT, CANDIDATES),
    *(PATH, SHA256, STATUS),
)
VIEW_FINDINGS: Columns = (*WHO, FORM, RULE, SEVERITY, MESSAGE, CELLS, EXPECTED, ACTUAL, FINDING_SENTENCE)


def selected(columns: Columns) -> str:
    """Return the select list of a view."""
    return ", ".join(column.selected for column in columns)
