"""The shipped samples: three invented agencies over two years, with two errors planted to be found.

``python -m tests.generator.samples`` writes ``samples/`` again; the same code gives the same bytes.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

from tests.generator import marks
from tests.generator.composer import Shape, compose_paper
from tests.generator.documents import RENDERERS
from tests.generator.figures import Figures, Plant, compose
from tests.generator.paper import Paper, Text
from tests.generator.world import Agency

FOLDER = Path(__file__).resolve().parents[2] / "samples"
YEARS = (2023, 2024)
_NOTICE = "（示例）本文件由程序生成，用于演示，机关与数字均为虚构。"
_GOVERNMENT = Agency("示例市示例区人民政府", "区政府", "government", (), "", "示例市示例区人民政府办公室")
_BUREAU = Agency("示例市示例区教育局", "我局", "bureau", (), "", "示例市示例区人民政府")
_TOWN = Agency("示例市示例镇人民政府", "我镇", "town", (), "", "示例市人民政府")
# agency, layouts and encodings of the two years, seed
_PLAN: tuple[tuple[Agency, tuple[tuple[str, str], tuple[str, str]], int], ...] = (
    (_GOVERNMENT, (("html", "utf-8"), ("pdf", "")), 4),
    (_BUREAU, (("pipes", "utf-8"), ("docx", "")), 69),
    (_TOWN, (("cell_a_line_pipe", "gb18030"), ("pipes", "utf-8")), 73),
)


def _later(figures: Figures) -> Figures:
    """Last year's figures with two more requests carried forward: what a town that forgot two of them starts from."""
    values = dict(figures.values)
    for column in ("natural_person", "total"):
        values[f"requests.carried_forward.{column}"] += 2
    return replace(figures, values=values, plants=[])


def _figures(agency: Agency, seed: int) -> tuple[Figures, Figures]:
    rng = Random(f"samples/{seed}")
    first = compose(rng, agency, YEARS[0])
    second = compose(rng, agency, YEARS[1], _later(first) if agency is _TOWN else first)
    if agency is _TOWN:
        second.plants.append(Plant("years.carry_over", ("requests.carried_over.total",)))
    if agency is _BUREAU:
        marks.plant(rng, second, "requests.balance")
    return first, second


def _marked(paper: Paper) -> Paper:
    parts = [replace(p, text=p.text + "（示例）") if isinstance(p, Text) and p.role == "title" else p for p in paper.parts]
    return Paper([parts[0], Text(_NOTICE), *parts[1:]], paper.before, paper.after)


def make_samples() -> dict[str, tuple[bytes, Figures]]:
    """File name -> bytes and figures of each sample."""
    made: dict[str, tuple[bytes, Figures]] = {}
    for agency, printings, seed in _PLAN:
        for figures, (layout, encoding) in zip(_figures(agency, seed), printings, strict=True):
            rng = Random(f"samples/{seed}/{figures.year}")
            shape = Shape(named="title", dated="signature", web=layout == "html")
            composed = compose_paper(rng, agency, figures, shape)
            data, _, suffix, _ = RENDERERS[layout](_marked(composed.paper), rng, False, encoding or None)
            suffix = ".html" if layout == "html" else suffix
            made[f"{agency.name}{figures.year}年政府信息公开工作年度报告（示例）{suffix}"] = (data, figures)
    return made


def readme(made: dict[str, tuple[bytes, Figures]]) -> str:
    """What the samples are, as the text of their README."""
    rows = []
    for name, (data, figures) in made.items():
        planted = "、".join(f"`{plant.rule}`" for plant in figures.plants) or "—"
        rows.append(f"| `reports/{name}` | {figures.year} | {len(data):,} | {planted} |")
    return "\n".join(
        (
            "# Samples",
            "",
            "Six annual reports of three agencies that do not exist (示例 means *example*), over two years, in the formats that",
            "offices publish: text in two layouts and two encodings, HTML, DOCX and PDF. The sentences were composed for this",
            "project and the numbers drawn by chance, so that every identity of the form holds, except where an error was",
            "planted: the rule that finds it stands in the last column.",
            "",
            "| file | year | bytes | planted error |",
            "|---|---|---|---|",
            *rows,
            "",
            "`years.carry_over` is found when the region is given (`--region 江苏省/淮安市/洪泽区`): the places are invented,",
            "and of agencies whose region is not known no two documents are taken for one agency's.",
            "",
            "The files are made by `python -m tests.generator.samples`, always the same; a test compares them.",
            "More documents, with noise and in many layouts: `python -m tests.generator --out DIR --count 100 --seed 1`.",
            "",
        )
    )


def main() -> None:
    """Write the samples and their README."""
    made = make_samples()
    (FOLDER / "reports").mkdir(parents=True, exist_ok=True)
    for old in (FOLDER / "reports").iterdir():
        old.unlink()
    for name, (data, _) in made.items():
        (FOLDER / "reports" / name).write_bytes(data)
    (FOLDER / "README.md").write_text(readme(made), encoding="utf-8")


if __name__ == "__main__":
    main()
