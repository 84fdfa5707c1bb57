"""The rules: those that hold, the packs of regions, a dry run of a changed pack, and scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from codebook.errors import UsageError
from codebook.records import Record
from codebook.rule_packs.packs import Pack, install, installed, overlaid
from codebook.rule_packs.reading import PackError, PackProblem, read_pack
from codebook.rules import Rule, load_rules
from codebook.stages import StageName
from console.cli import environment
from console.cli.ingest import see_through
from console.cli.terminal.output import Exit, counted, plain, say, show, show_json, table, wrong
from console.cli.terminal.progress import CountBar
from console.reprocess import start
from console.rules.outdated import outdated
from console.rules.scores import scores, write_scores
from console.rules.trial import PackTrial, try_packs, with_pack
from database.ledger import Selection
from ingest.lists.expected import ListError, region_named
from tasks.validation.registry import option_problems
from tasks.validation.validate import report_checks

rules = typer.Typer(help=__doc__, no_args_is_help=True, rich_markup_mode=None)

AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output, nothing else.")]
Year = Annotated[int, typer.Option(help="The year on which the reports are.")]
Region = Annotated[
    str, typer.Option(help="Only reports of this region and of those within it: names from the province down, or a code.")
]


class PackLine(Record, frozen=True):
    """A pack as JSON."""

    id: str
    version: str
    region: str
    years: tuple[int | None, int | None]
    title: str
    changed: tuple[str, ...]
    switched_off: tuple[str, ...]
    own: tuple[str, ...]
    scores: bool


@rules.command("lint")
def lint_packs(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files with rule packs.")], *, as_json: AsJson = False
) -> None:
    """Check rule packs, and print all that is wrong with line and key. Exit code 3 when something is."""
    report_checks()
    problems: list[PackProblem] = []
    for path in files:
        try:
            problems += _function_problems(path, read_pack(path))
        except PackError as error:
            problems += error.problems
    if as_json:
        show_json([problem._asdict() for problem in problems])
    for problem in () if as_json else problems:
        show(plain(problem))
    say(f"{counted(len(files), 'file')}, {counted(len(problems), 'problem')}")
    raise typer.Exit(Exit.ATTENTION if problems else Exit.GOOD)


Everything = Annotated[bool, typer.Option("--all", help="All rules too, with the packs that change them.")]


@rules.command("list")
def list_packs(
    *,
    everything: Annotated[bool, typer.Option("--all", help="All rules too, as the packs leave them.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the rule packs that are in use."""
    environment.settings()
    packs = installed()
    lines = [_line(pack) for pack in packs.packs]
    if as_json:
        show_json({"packs": lines, "rules": [_rule(rule) for rule in load_rules().values()]} if everything else lines)
        return
    if not lines:
        say("no rule packs: set GONGKAI_RULE_PACKS to a folder of them")
    else:
        made = table(
            "pack", "version", "region", "years", "changed", "off", "own", "scores", "title", right=["changed", "off", "own"]
        )
        for line in lines:
            counts = [str(len(names)) for names in (line.changed, line.switched_off, line.own)]
            first, last = line.years
            years = f"{first or ''}-{last or ''}"
            made.add_row(
                line.id, line.version, plain(line.region), years, *counts, "yes" if line.scores else "", plain(line.title)
            )
        show(made)
    if everything:
        made = table("rule", "severity", "file", "packs", "what must hold")
        known = {**load_rules(), **overlaid(packs.packs).rules}
        for name, rule in known.items():
            by = " ".join(pack.stamp for pack in packs.packs if name in pack.rules or name in pack.own)
            made.add_row(name, str((load_rules().get(name) or rule).severity), rule.file, by, plain(rule.words))
        show(made)


@rules.command("try")
def try_pack(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The changed or new rule pack.")],
    *,
    year: Year,
    region: Region = "",
    as_json: AsJson = False,
) -> None:
    """Dry run of a rule pack over the reports in force on a year: which findings would come and go. Nothing is changed."""
    pack = _read(path)
    report_checks()
    if problems := _function_problems(path, pack):
        wrong("\n".join(map(str, problems)))
    found = environment.settings()
    with environment.database(found) as engine:
        before = installed()
        trial = try_packs(engine, before, with_pack(before, pack), year, _code(region))
    if as_json:
        show_json(trial)
    else:
        _show_trial(trial)


@rules.command("apply")
def apply_packs(
    *,
    year: Annotated[int | None, typer.Option(help="The year on which the reports are. Default: all years.")] = None,
    region: Region = "",
    reason: Annotated[str, typer.Option(help="Why; it is kept with who asked.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; print what would be done.")] = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait for the result.")] = False,
    as_json: AsJson = False,
) -> None:
    """Validate those reports in force again whose findings are not those of the rule packs in use. The others stay."""
    found = environment.settings()
    code = _code(region)
    with environment.database(found) as engine:
        reports, ids = 0, list[int]()
        with CountBar("documents read") as bar:
            for part in outdated(engine, installed(), year, code):
                reports += part.reports
                ids += part.documents
                bar.show(reports)
        say(f"{counted(reports, 'report')}, {len(ids):,} of them with other findings")
        started = 0
        if ids and not dry_run:
            started = start(found, engine, Selection(), ids, StageName.VALIDATE, who=environment.who(), reason=reason)
            say(f"{counted(started, 'document')} queued again")
        outcome = see_through(found, engine) if started and not no_wait else None
    if as_json:
        show_json({"reports": reports, "outdated": len(ids), "started": started, "outcome": outcome})
    raise typer.Exit(outcome.exit_code if outcome else Exit.GOOD)


@rules.command("scores")
def score_reports(
    *,
    year: Year,
    region: Region = "",
    out: Annotated[Path, typer.Option(metavar="FILE", help="The sheet: a name that ends in .csv or .xlsx.")],
    pack: Annotated[Path | None, typer.Option(metavar="FILE", help="Count by this rule pack instead of the one in use.")] = None,
) -> None:
    """Write the score sheet of a region: the points that each report in force loses, by rule, as its rule pack counts them."""
    found = environment.settings()
    if pack is not None:
        install(with_pack(installed(), _read(pack)))
    with environment.database(found) as engine:
        lines = list(scores(engine, installed(), year, _code(region)))
        if not lines:
            wrong("no report in force of a region whose rule pack has a score; see `gongkai rules list`")
        write_scores(lines, out)
    say(f"{counted(len(lines), 'report')} written to {out}")


def _read(path: Path) -> Pack:
    try:
        return read_pack(path)
    except PackError as error:
        wrong(str(error))


def _code(region: str) -> str | None:
    if not region:
        return None
    try:
        return region_named(region).code
    except (ListError, UsageError) as error:
        wrong(f"--region {region}: {error}")


def _function_problems(path: Path, pack: Pack) -> list[PackProblem]:
    """What the functions of the rules do not take of the options that a pack changes."""
    changed = overlaid([pack]).rules
    named = ((name, changed[name]) for name, change in pack.rules.items() if name in changed and change.options)
    return [PackProblem(path.name, 1, f"rules.{name}", problem) for name, rule in named for problem in option_problems(rule)]


def _line(pack: Pack) -> PackLine:
    off = tuple(name for name, change in pack.rules.items() if not change.enabled)
    changed = tuple(name for name in pack.rules if name not in off)
    return PackLine(
        pack.id, pack.version, pack.region, pack.years, pack.title, changed, off, tuple(pack.own), pack.score is not None
    )


def _rule(rule: Rule) -> dict[str, Any]:
    packs = [pack.stamp for pack in installed().packs if rule.id in pack.rules]
    return {"id": rule.id, "severity": rule.severity, "file": rule.file, "words": rule.words, "law": rule.law, "packs": packs}


def _show_trial(trial: PackTrial) -> None:
    made = table("rule", "would come", "would go", "would change", right=["would come", "would go", "would change"])
    names: Sequence[str] = sorted({*trial.came, *trial.went, *trial.changed})
    for name in names:
        made.add_row(name, *(str(counts.get(name, 0)) for counts in (trial.came, trial.went, trial.changed)))
    if names:
        show(made)
    for example in trial.examples:
        show(f"{example.change}: {plain(example.agency)} (document {example.document_id}), {example.rule}, {example.severity}")
        show(f"  {plain(example.message)}")
    total = counted(sum(map(sum, (trial.came.values(), trial.went.values(), trial.changed.values()))), "difference")
    say(f"{counted(trial.reports, 'report')}, {trial.concerned:,} of them with other rules: {total}")
