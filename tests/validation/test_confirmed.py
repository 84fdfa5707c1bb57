"""A sum that does not hold is laid to the office only where the pixels have confirmed its numbers."""

from __future__ import annotations

import msgspec
import pytest

from codebook.records import (
    ON_PICTURE,
    BlockSeen,
    LeftOut,
    LeftOutKind,
    Place,
    Reader,
    Reading,
    Severity,
    State,
    Status,
    Verdict,
)
from codebook.rule_packs.packs import Packs
from codebook.rule_packs.reading import parse_pack
from tasks.validation.validate import validate
from tests.validation.makers import form_values, report

WRONG = "requests.granted.total"
AT = "requests.granted.natural_person"


def checked(
    *, confirmed: bool, looked_at: bool = True, unconfirmed: frozenset[str] = frozenset(), reader: Reader = Reader.PDF
) -> Verdict:
    """A report whose row 予以公开 prints 5, 0, 0, 0, 0, 0 and the total 6."""
    made = report(form_values() | {AT: 5, WRONG: 6, "requests.new_received.natural_person": 5, "requests.new_received.total": 5})

    def told(reading: Reading) -> Reading:
        pixels = confirmed and reading.indicator not in unconfirmed
        witnesses = ("text", "pixels") if pixels else ("text",)
        return msgspec.structs.replace(reading, read_by=reader, looked_at=looked_at, witnesses=witnesses)

    return validate(msgspec.structs.replace(made, readings=tuple(map(told, made.readings))))


def errors(verdict: Verdict) -> set[str]:
    return {f.rule for f in verdict.findings if f.severity is Severity.ERROR}


def doubts(verdict: Verdict) -> dict[str, Reading]:
    return {r.indicator: r for r in verdict.report.readings if r.state is State.DOUBTFUL}


def test_confirmed_numbers_are_the_offices() -> None:
    verdict = checked(confirmed=True)
    assert "requests.row_sum" in errors(verdict)
    assert (verdict.status, doubts(verdict)) == (Status.ACCEPTED, {})


def test_a_number_that_nobody_confirmed_is_a_doubt_and_accuses_nobody() -> None:
    verdict = checked(confirmed=True, unconfirmed=frozenset({WRONG}))
    assert "requests.row_sum" not in errors(verdict)
    found = doubts(verdict)
    assert set(found) == {WRONG}
    assert (found[WRONG].doubt, found[WRONG].value, found[WRONG].candidates, found[WRONG].witnesses) == (
        "unconfirmed",
        6,
        (6,),
        (),
    )
    assert verdict.status is Status.NEEDS_REVIEW


def test_a_number_in_no_broken_sum_needs_no_confirmation() -> None:
    verdict = checked(confirmed=True, unconfirmed=frozenset({"requests.new_received.business"}))
    assert "requests.row_sum" in errors(verdict)
    assert doubts(verdict) == {}


def test_where_no_pixels_were_looked_at_all_is_as_it_was() -> None:
    for reader in (Reader.PDF, Reader.HTML, Reader.TXT):
        verdict = checked(confirmed=False, looked_at=False, reader=reader)
        assert "requests.row_sum" in errors(verdict)
        assert doubts(verdict) == {}


def test_where_the_pixels_confirmed_nothing_at_all_nobody_is_accused() -> None:
    verdict = checked(confirmed=False)
    assert "requests.row_sum" not in errors(verdict)
    assert {WRONG, AT} <= set(doubts(verdict))
    assert verdict.status is Status.NEEDS_REVIEW


def test_a_title_without_a_table_is_the_offices_only_where_all_of_the_document_was_read() -> None:
    def severity(note: str | None = None, *left_out: LeftOut) -> Severity:
        seen = BlockSeen("review", "2021", Place(page=2), readable=False, note=note)
        verdict = validate(msgspec.structs.replace(report(form_values()), blocks=(seen,), left_out=left_out))
        (finding,) = [finding for finding in verdict.findings if finding.rule == "table.unreadable"]
        return finding.severity

    assert severity() is Severity.ERROR
    assert severity(ON_PICTURE) is Severity.WARNING
    assert severity(None, LeftOut(LeftOutKind.PICTURE, "page 3", Place(page=3))) is Severity.WARNING


OWN = """
id: t
version: "1"
region: "*"
years: [2020, 2030]
own:
  t.same:
    severity: error
    words: as many
    law: a letter
    messages: {main: "{left} {right}"}
    sums:
      - left: {requests.new_received.natural_person: 1}
        relation: "="
        right: {requests.granted.natural_person: 1}
        message: main
"""
NEW = "requests.new_received.natural_person"
ISSUED, IN_FORCE = "disclosure.normative_documents.issued", "disclosure.normative_documents.in_force"


def checked_with(pack: str, values: dict[str, int], unconfirmed: str) -> Verdict:
    """A report with ``values``, of which the pixels confirmed all but one, checked with a pack."""

    def seen(reading: Reading) -> Reading:
        witnesses = ("text",) if reading.indicator == unconfirmed else ("text", "pixels")
        return msgspec.structs.replace(reading, read_by=Reader.PDF, looked_at=True, witnesses=witnesses)

    made = report(form_values() | values)
    made = msgspec.structs.replace(made, readings=tuple(map(seen, made.readings)))
    return validate(made, packs=Packs([parse_pack(pack.encode(), "t.yaml")]))


@pytest.mark.parametrize(("unconfirmed", "accused"), [("", {"t.same"}), (NEW, set())])
def test_a_pack_accuses_of_no_number_that_nobody_confirmed(unconfirmed: str, accused: set[str]) -> None:
    same = {NEW: 5, "requests.new_received.total": 5, "requests.carried_forward.natural_person": 5}
    verdict = checked_with(OWN, same | {"requests.carried_forward.total": 5}, unconfirmed)
    assert errors(verdict) == accused
    assert (verdict.status, doubts(verdict)) == (Status.ACCEPTED, {})


@pytest.mark.parametrize(("unconfirmed", "severity"), [("", Severity.ERROR), (ISSUED, Severity.WARNING)])
def test_a_warning_that_a_pack_makes_an_error_stays_one_where_nobody_confirmed(unconfirmed: str, severity: Severity) -> None:
    pack = OWN.partition("own:")[0] + "rules: {disclosure.in_force: {severity: error}}\n"
    verdict = checked_with(pack, {ISSUED: 9, IN_FORCE: 3}, unconfirmed)
    assert [f.severity for f in verdict.findings if f.rule == "disclosure.in_force"] == [severity]
