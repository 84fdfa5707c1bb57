"""Problem sheets from the pages: counted first, then made by a process of its own, and downloaded as one file.

It is what ``gongkai notices`` does; see console.notices.jobs.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from console.notices import jobs
from console.notices.gather import Selected, region_text
from console.notices.jobs import SheetsJob, SheetsWanted
from console.notices.preview import SheetsPreview, due_day, has_office, preview
from console.notices.words import english_category
from console.web.pages.findings import filters
from console.web.request import PageRequest
from console.web.routing import get, post
from console.web.security import Fields
from console.web.views.regions import region_code
from database.access import Access, region_prefix
from database.findings import listing
from database.findings.decisions import act_by_key
from database.models import Role
from database.session import reading
from database.users import audit

_SHOWN = 20  # agencies that the count names
_BLOCK = 256 * 1024
_TEXT, _REASON = 100, 500  # characters


def asked(request: PageRequest) -> Response:
    """What would go out of a region and a year, and the sheets that were made."""
    return _page(request, request.query)


def _page(request: PageRequest, fields: Fields, status: int = 200) -> Response:
    with request.reading() as connection:
        years = request.kept("case years", lambda: listing.case_years(connection))
    region, year = fields.text("region", _TEXT), fields.number("year") or max(years, default=None)
    chosen = _selected(region, year)
    if chosen is None and region:
        request.notify("findings.no_region", good=False, region=region)
    counted = preview(request.app.engine, chosen, _access(request)) if chosen is not None else None
    return request.render(
        "sheets.html",
        status,
        years=years,
        region=region,
        year=year,
        counted=counted,
        units=counted.units[:_SHOWN] if counted is not None else (),
        more=max(0, len(counted.units) - _SHOWN) if counted is not None else 0,
        issuer=fields.text("issuer", _TEXT) or request.app.settings.notice_issuer,
        contact=fields.text("contact", _TEXT),
        due=fields.text("due", 10) or due_day(date.today()),
        reason=fields.text("reason", _REASON),
        office=has_office(),
        category=lambda name: english_category(name) if request.language == "en" else name,
        **_shown_jobs(request),
    )


def _shown_jobs(request: PageRequest) -> dict[str, Any]:
    """The sheets of the person. ``marked``: how many cases were set to sent, of jobs that ended before they could say it."""
    shown = jobs.jobs_of(request.app.settings.home, request.user_name, _access(request))
    unsure = [job for job in shown if job.state.problem and job.state.packed and job.wanted.mark_sent]
    marked = {}
    if unsure:
        with reading(request.app.engine) as connection:
            found = {job.name: act_by_key(connection, job.wanted.who, job.name) for job in unsure}
        marked = {name: act.cases for name, act in found.items() if act is not None}
    return {"jobs": shown, "marked": marked, "runs": any(job.state.runs for job in shown), "region_text": region_text}


def _selected(region: str, year: int | None) -> Selected | None:
    """What is meant; None for a region that there is not, and without a year."""
    code = region_code(region) if region else None
    if (region and code is None) or year is None or year > filters.LAST_YEAR:
        return None
    return Selected(region_prefix(code) if code else "", year)


def _access(request: PageRequest) -> Access:
    return request.user.access if request.user is not None else Access((), ())


def begin(request: PageRequest) -> Response:
    """Begin to make the sheets that were counted."""
    form = request.form
    chosen = _selected(form.text("region", _TEXT), form.number("year"))
    if chosen is None:
        raise HTTPException(404)
    counted = preview(request.app.engine, chosen, _access(request))
    problem = _problem(request, counted)
    if problem is not None:
        request.notify(problem, good=False)
        return _page(request, form, 409 if problem == "findings.changed_since" else 422)
    wanted = SheetsWanted(
        who=request.user_name,
        access=_access(request),
        region=chosen.region,
        year=chosen.year,
        issuer=form.text("issuer", _TEXT),
        contact=form.text("contact", _TEXT),
        due_on=form.text("due", 10),
        pdf=form.text("pdf") == "yes" and has_office(),
        mark_sent=form.text("mark_sent") == "yes",
        reason=form.text("reason", _REASON),
        seen=counted.mark,
        units=len(counted.units),
        points=counted.points,
        started_at=datetime.now(UTC),
    )
    if not request.app.begin_sheets(lambda: jobs.begin(request.app.settings.home, wanted)):
        request.notify("sheets.busy", good=False)
        return _page(request, form, 503)
    return request.redirect("/findings/notices", region=form.text("region", _TEXT), year=chosen.year)


def _problem(request: PageRequest, counted: SheetsPreview) -> str | None:
    """The key of what is wrong with a form, or None."""
    try:
        date.fromisoformat(request.form.text("due", 10))
    except ValueError:
        return "sheets.no_day"
    if not (counted.units or counted.late):
        return "sheets.nothing"
    if request.form.text("seen", 64) != counted.mark:
        return "findings.changed_since"
    return None


def state(request: PageRequest) -> Response:
    """The sheets that were made, and how far those are that are not."""
    return request.render("sheets_jobs.html", **_shown_jobs(request))


def file(request: PageRequest) -> Response:
    """The sheets as one ZIP file."""
    job = _job(request, request.query)
    path = request.app.settings.home / jobs.FOLDER / job.name / jobs.FILE
    if not job.state.has_file or not path.is_file():
        raise HTTPException(404)
    name = jobs.file_name(job.wanted, region_text(job.wanted.region))
    request.write(lambda c: audit.note(c, "download", request.user_name, subject=name, format="notices", year=job.wanted.year))
    headers = {
        "content-disposition": f"attachment; filename=\"notices.zip\"; filename*=UTF-8''{quote(name, safe='')}",
        "content-length": str(path.stat().st_size),
    }
    return StreamingResponse(_blocks(path), media_type="application/zip", headers=headers)


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as opened:
        while block := opened.read(_BLOCK):
            yield block


def _job(request: PageRequest, fields: Fields) -> SheetsJob:
    job = jobs.job_of(request.app.settings.home, request.user_name, _access(request), fields.text("name", 30))
    if job is None:
        raise HTTPException(404)
    return job


def remove(request: PageRequest) -> Response:
    """Delete sheets that were made."""
    job = _job(request, request.form)
    if job.state.runs:
        raise HTTPException(404)
    jobs.remove(request.app.settings.home, job)
    request.notify("sheets.removed")
    return request.redirect("/findings/notices", region=request.form.text("region", _TEXT), year=request.form.number("year"))


ROUTES = (
    get("/findings/notices", asked, Role.OPERATE),
    post("/findings/notices", begin, Role.OPERATE),
    get("/findings/notices/state", state, Role.OPERATE),
    get("/findings/notices/file", file, Role.OPERATE),
    post("/findings/notices/remove", remove, Role.OPERATE),
)
