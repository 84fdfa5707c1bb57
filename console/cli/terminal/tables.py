"""Answers of the database as tables and lines."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from rich.table import Table

from codebook.records import Severity, Status
from codebook.stages import StageName
from console.cli.terminal.output import counted, meaning, next_step, plain, table, words
from database.intake.inboxes import WatcherItem
from database.ledger import Balance
from database.ledger.throughput import Throughput
from database.models import StageState
from database.monitoring.read_models import BatchCount, DocumentItem, DocumentLine, FailureItem, Progress, ReportCounts, ValueItem
from ingest.files.register_paths import IngestSummary
from runtime.language import said

_COLOURS = {
    Status.ACCEPTED: "green",
    Status.NEEDS_REVIEW: "yellow",
    Status.FAILED: "red",
    Status.REJECTED: "red",
    Status.PROCESSING: "cyan",
}
_PATH = 60


def number(value: float | None) -> str:
    """A number with thousands separators; whole ones without decimals."""
    if value is None:
        return ""
    return f"{int(value):,}" if float(value).is_integer() else f"{value:,.6f}".rstrip("0")


def duration(seconds: float) -> str:
    """A span of time, roughly.

    >>> duration(3700)
    '1 h 1 min'
    """
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def when(moment: datetime | None) -> str:
    """A moment in local time, to the second."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def status_text(status: str) -> str:
    """A status in its colour."""
    colour = _COLOURS.get(Status(status))
    name = said(status.replace("_", " "))
    return f"[{colour}]{name}[/]" if colour else name


def shortened(path: str | None, width: int = _PATH) -> str:
    """The end of a path, by which files are told apart."""
    text = path or ""
    return plain(text if len(text) <= width else "…" + text[1 - width :])


# ---- ingest and status ------------------------------------------------------------


def summary_parts(
    summary: IngestSummary,
    progress: Progress | None,
    codes: dict[str, int],
    severities: dict[str, int],
    seconds: float,
    *,
    reports: ReportCounts,
) -> list[Any]:
    """Return what became of what came in: counts, codes with their meaning, reports and findings, and the rate."""
    counts = table("", "count", right=["count"])
    counts.add_row("files", number(summary.files))
    if summary.archives:
        counts.add_row("archives looked into", number(summary.archives))
    for reason, count in sorted(summary.passed_over.items()):
        counts.add_row(f"passed over: {reason}", number(count))
    counts.add_row("new documents", number(summary.documents))
    if summary.readmitted:
        counts.add_row("admitted again", number(summary.readmitted))
    counts.add_row("duplicates", number(summary.duplicates))
    statuses = progress.statuses if progress else {}
    for status in (Status.ACCEPTED, Status.NEEDS_REVIEW, Status.FAILED, Status.REJECTED, Status.DISCARDED, Status.PROCESSING):
        if statuses.get(status) or status in (Status.ACCEPTED, Status.NEEDS_REVIEW, Status.FAILED, Status.REJECTED):
            counts.add_row(status_text(status), number(statuses.get(status, 0)))
    _add_reports(counts, reports)
    for severity in Severity:
        counts.add_row(f"findings: {severity}", number(severities.get(severity, 0)))
    parts: list[Any] = [counts]
    if codes:
        parts.append(codes_table(codes))
    done = sum(count for status, count in statuses.items() if status != Status.PROCESSING)
    rate = f", {done / seconds:.1f} documents/s" if done and seconds else ""
    return [*parts, f"batch {', '.join(map(plain, summary.batches)) or '(nothing new)'}; {duration(seconds)}{rate}"]


def documents_table(lines: Iterable[DocumentLine]) -> Table:
    """Documents one by one: whose report on which year, how many numbers, and what was found."""
    numbers = ("id", "year", "numbers", "doubts", "errors", "warnings")
    made = table("id", "status", "agency", "year", "form", "numbers", "doubts", "errors", "warnings", right=numbers)
    for line in lines:
        name = line.agency or shortened(line.path)
        counts = (line.values, line.doubts, line.errors, line.warnings)
        made.add_row(
            str(line.id), status_text(line.status), plain(name), str(line.year or ""), line.form or "", *map(number, counts)
        )
    return made


def codes_table(codes: dict[str, int]) -> Table:
    """Return why documents failed or were rejected, the most frequent first, and what to do."""
    made = table("code", "count", "meaning", "next step", right=["count"])
    for code, count in sorted(codes.items(), key=lambda item: (-item[1], item[0])):
        made.add_row(code, number(count), meaning(code), next_step(code))
    return made


def _add_reports(counts: Table, reports: ReportCounts) -> None:
    """Say how many reports the documents are: one for each agency and year, whatever it came in."""
    counts.add_row("reports: one for each agency and year", number(reports.in_force))
    if reports.others:
        counts.add_row("documents of other editions or renditions", number(reports.others))
    if reports.unfiled:
        counts.add_row("reports without agency or year", number(reports.unfiled))


def status_parts(
    progress: Progress,
    books: Balance,
    codes: dict[str, int],
    severities: dict[str, int],
    *,
    reports: ReportCounts,
    batches: Iterable[BatchCount],
) -> list[Any]:
    """Return where everything stands."""
    counts = table("documents", "count", right=["count"])
    for status in Status:
        if progress.statuses.get(status):
            counts.add_row(status_text(status), number(progress.statuses[status]))
    counts.add_row("all", number(progress.documents))
    counts.add_row("sources", number(books.registered))
    counts.add_row("of these, duplicates", number(books.duplicate))
    _add_reports(counts, reports)
    for severity in Severity:
        counts.add_row(f"findings: {severity}", number(severities.get(severity, 0)))
    parts: list[Any] = [counts, _stage_table(progress)]
    if codes:
        parts.append(codes_table(codes))
    newest = table("batch", "documents", "sources", "since", right=["documents", "sources"])
    for batch in batches:
        newest.add_row(plain(batch.name), number(batch.documents), number(batch.sources), when(batch.created_at))
    if newest.row_count:
        parts.append(newest)
    left = f", {duration(progress.seconds_left)} left" if progress.open and progress.seconds_left is not None else ""
    books_line = "" if books.holds else "; [red]the books do not balance[/]: run `gongkai doctor`"
    return [*parts, f"{progress.workers} workers; {progress.per_second:.1f} documents/s{left}{books_line}"]


def throughput_parts(took: Throughput) -> list[Any]:
    """Return what a batch took, stage by stage."""
    numbers = ("tries", "failed", "work", "processors", "from first to last", "per minute")
    made = table("stage", "engine", *numbers, title="what the batch took", right=numbers)
    for one in took.stages:
        rate = 60 * one.done / one.wall_seconds if one.wall_seconds else None
        spans = map(duration, (one.seconds, one.cpu_seconds, one.wall_seconds))
        made.add_row(
            one.stage, one.engine, number(one.tries), number(one.failed), *spans, "" if rate is None else number(round(rate))
        )
    size = f"{took.size / 1e6:,.1f} MB"
    line = f"{number(took.documents)} documents, {number(took.pages)} pages, {size}; {duration(took.wall_seconds)} by the clock, "
    return [made, f"{line}{duration(took.cpu_seconds)} of processors, {took.per_second:.1f} documents/s"]


def _stage_table(progress: Progress) -> Table:
    counts = {(item.stage, item.state): item.count for item in progress.stages}
    states = [state for state in StageState if any(counts.get((stage, state)) for stage in StageName)]
    made = table("stage", *states, right=states)
    for stage in StageName:
        if any(counts.get((stage, state)) for state in states):
            made.add_row(stage, *(number(counts.get((stage, state), 0)) for state in states))
    return made


def watchers_table(items: Iterable[WatcherItem]) -> Table:
    """The watched folders, and whether their watchers live and see."""
    numbers = ("taken", "waiting", "blocked")
    made = table("watched folder", "host", "state", *numbers, "seen", "canary", "problem", right=numbers)
    for item in items:
        state = "[red]dead[/]" if not item.alive else "[red]alive, but blind[/]" if item.blind else "[green]watches[/]"
        counts = map(number, (item.taken, item.waiting, item.blocked))
        canary = "" if item.canary_age is None else f"{duration(item.canary_age)} ago"
        seen = f"{duration(item.age)} ago"
        made.add_row(plain(item.folder), plain(item.host), state, *counts, seen, canary, words(item.problem or ""))
    return made


# ---- the error queue ------------------------------------------------------------


def failures_table(items: Iterable[FailureItem]) -> Table:
    """The error queue."""
    made = table("document", "code", "meaning", "stage", "page", "found", "path", "since", right=["document", "page"])
    for item in items:
        made.add_row(
            str(item.document_id),
            item.code,
            meaning(item.code),
            item.stage,
            str(item.page or ""),
            words(item.message),
            shortened(item.path),
            when(item.created_at),
        )
    return made


# ---- one document ------------------------------------------------------------


def document_parts(item: DocumentItem, filing: str | None = None, *, values: bool) -> list[Any]:
    """All about one document; ``filing`` is its filing in words."""
    head = table("", "")
    for name, text in (
        ("document", str(item.id)),
        ("status", status_text(item.status)),
        ("sha256", item.sha256),
        ("type", f"{item.media_type}, {counted(item.size, 'byte')}" + (f", {counted(item.pages, 'page')}" if item.pages else "")),
        ("batch", plain(item.batch)),
        ("run", str(item.run)),
        ("registered", when(item.registered_at)),
        ("finished", when(item.finished_at)),
    ):
        head.add_row(name, text)
    for source in item.sources:
        known = [f"{name} {_joined(value)}" for name, value in source.hints.items() if name != "path"]
        told = f" ({plain(', '.join(known))})" if known else ""
        head.add_row("duplicate at" if source.duplicate else "source", plain(source.path) + told)
    if filing is not None:
        head.add_row("filing", words(filing))
    if item.purged is not None:
        stone = item.purged
        head.add_row("purged", plain(f"{when(stone.purged_at)} by {stone.purged_by}: {stone.reason}"))
    parts: list[Any] = [head]
    parts += _report_lines(item)
    if item.stages:
        parts.append(_tries_table(item))
    if item.failures:
        parts.append(_decisions_table(item.failures))
    if item.findings:
        parts.append(_findings_table(item))
    doubts = [value for value in item.values if value.doubt]
    if doubts:
        parts.append(_values_table(doubts, "doubts"))
    if values and item.values:
        parts.append(_values_table(item.values, "values"))
    return parts


def _joined(value: object) -> str:
    return "/".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _report_lines(item: DocumentItem) -> list[Any]:
    parts: list[Any] = []
    current = next((report for report in item.reports if report.in_force), None)
    if current is not None:
        facts = table("", "", title="report")
        for name, text in (
            ("agency", current.agency or "?"),
            ("region", " / ".join(current.region) + (f" ({current.region_code})" if current.region_code else "")),
            ("year, form", f"{current.year or '?'}, {current.form}"),
            ("title", current.title or ""),
            ("published", current.published_on or ""),
            ("values", ", ".join(f"{count} {state}" for state, count in item.value_states.items()) or "none"),
        ):
            facts.add_row(name, plain(text))
        parts.append(facts)
    if len(item.reports) > 1 or (item.reports and current is None):
        versions = table("version", "in force", "status", "made by", "at", title="versions", right=["version"])
        for report in item.reports:
            made_by = ", ".join(f"{name} {version}" for name, version in sorted(report.versions.items()))
            versions.add_row(
                str(report.version), "yes" if report.in_force else "", report.status, plain(made_by), when(report.created_at)
            )
        parts.append(versions)
    return parts


def _tries_table(item: DocumentItem) -> Table:
    made = table(
        "run",
        "stage",
        "page",
        "state",
        "try",
        "outcome",
        "seconds",
        "worker",
        "found",
        title="stages",
        right=["run", "page", "try", "seconds"],
    )
    for stage in item.stages:
        start = (str(stage.run), stage.stage, str(stage.page or ""), stage.state)
        for at, one in enumerate(stage.tries, start=1):
            found = f"{one.code}: {one.message}" if one.code else ""
            spent = f"{one.seconds:.3f}" if one.seconds is not None else ""
            made.add_row(*start, str(at), one.outcome or "running", spent, plain(one.worker), words(found))
        if not stage.tries:
            made.add_row(*start, "0", "", "", "", stage.code or "")
    return made


def _decisions_table(items: Iterable[FailureItem]) -> Table:
    made = table("code", "meaning", "stage", "found", "next step", "state", "decided by", "at", title="failures")
    for item in items:
        decided = f"{item.decided_by or ''} {item.reason or ''}".strip()
        made.add_row(
            item.code,
            meaning(item.code),
            item.stage,
            words(item.message),
            next_step(item.code),
            item.state,
            plain(decided),
            when(item.created_at),
        )
    return made


def _findings_table(item: DocumentItem) -> Table:
    made = table("severity", "rule", "expected", "actual", "message", "cells", title="findings", right=["expected", "actual"])
    for finding in item.findings:
        cells = ", ".join(finding.cells)
        made.add_row(
            finding.severity, finding.rule, number(finding.expected), number(finding.actual), plain(finding.message), plain(cells)
        )
    return made


def _values_table(items: Iterable[ValueItem], title: str) -> Table:
    made = table(
        "indicator", "value", "state", "raw", "where", "read by", "score", "doubt", title=title, right=["value", "score"]
    )
    for item in items:
        doubt = item.doubt or ""
        if item.candidates:
            doubt += f" ({', '.join(number(candidate) for candidate in item.candidates)})"
        made.add_row(
            item.indicator,
            number(item.value),
            item.state,
            plain(item.raw),
            where(item),
            f"{item.read_by} {item.origin}",
            f"{item.score:.2f}",
            plain(doubt),
        )
    return made


def where(item: ValueItem) -> str:
    """Return where a value stands: page and box, or line and column."""
    if item.box:
        return f"page {item.page} at " + ",".join(f"{edge:.0f}" for edge in item.box)
    parts = [f"page {item.page}"] if item.page != 1 else []
    parts += [f"line {item.line}"] if item.line is not None else []
    parts += [f"column {item.column}"] if item.column is not None else []
    return " ".join(parts) or f"page {item.page}"
