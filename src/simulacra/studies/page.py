"""The page of a study: claim, verdict, intervals with every seed, learning curves, samples, table, method, commands."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import simulacra
from simulacra.files import DAMAGED_ARRAYS, write_aside
from simulacra.report.figures.curves import Line, curves
from simulacra.report.figures.intervals import Dots, intervals
from simulacra.report.formatting import duration, number, typed, without_home
from simulacra.report.page import (
    FIGURES,
    Album,
    Block,
    Chart,
    Code,
    Fold,
    Gallery,
    Part,
    Section,
    Table,
    Text,
    Tile,
    render,
)
from simulacra.report.record import Unreadable, images
from simulacra.runs import RunFolder
from simulacra.studies.answer import Findings, Outcome, Row
from simulacra.studies.plan import Plan
from simulacra.studies.words import VERDICTS, method_sentences, row_sentence, title_of, verdict_sentences

SHOWN = 10  # samples per case
MOST_CURVES = 4  # charts
POINTS = 200  # of a curve: more cannot be seen
Rows = list[dict[str, Any]]


def write_page(plan: Plan, findings: Findings, command: str) -> Path:
    """Writes the page and its figures into the study's folder.

    Args:
        plan: what was planned.
        findings: what was found.
        command: that carries the study out again.

    Raises:
        RunError: a run is damaged, or the page cannot be written.
    """
    album = Album()
    part = Part(
        name=plan.name,
        title=plan.study.claim,
        summary=" ".join(verdict_sentences(plan, findings)),
        tiles=_tiles(plan, findings),
        gaps=[],
        sections=_sections(plan, findings, command, album),
        kicker=f"Study {plan.name}" + (f", claim {plan.study.number}" if plan.study.number else ""),
    )
    content = render([part], simulacra.__version__)
    for name, figure in album.files.items():
        write_aside(plan.folder / FIGURES / name, figure)
    return write_aside(plan.folder / "report.html", content)


def _tiles(plan: Plan, findings: Findings) -> list[Tile]:
    finished, all_runs = findings.count("finished"), len(findings.outcomes)
    seconds = sum(outcome.seconds for outcome in findings.outcomes)
    return [
        Tile("Verdict", findings.verdict),
        Tile("Runs", f"{finished} of {all_runs}", note="finished"),
        Tile("Seeds", str(plan.budget.seeds), note="per case"),
        Tile("Training", duration(seconds), note="of all runs together"),
    ]


def _sections(plan: Plan, findings: Findings, command: str, album: Album) -> list[Section]:
    finished = [outcome for outcome in findings.outcomes if outcome.state == "finished"]
    sections = [
        Section("What was found", _found(plan, findings, album)),
        Section("Learning curves", _curves(plan, finished, album)),
        Section("Samples", _samples(plan, finished, album)),
        Section("Numbers", [_table(findings), *_values(findings)]),
        Section("Method", [Text(sentence) for sentence in _method(plan, findings)]),
        Section("Runs and commands", [_runs(findings), Code(_commands(command, findings))]),
    ]
    return [section for section in sections if section.blocks]


def _found(plan: Plan, findings: Findings, album: Album) -> list[Block]:
    """For each measure: the effects with their intervals, and the values behind them."""
    charts: list[Chart] = []
    measures = list(dict.fromkeys(row.measure for row in findings.rows))
    for measure in measures:
        rows = [row for row in findings.rows if row.measure == measure and row.answer]
        if not rows:
            continue
        title, unit, margin = title_of(rows[0].comparison.measure), rows[0].unit, rows[0].comparison.measure.margin
        effects = [_effect(row) for row in rows]
        band = (
            f" The grey band is the margin of {number(margin)}: differences within it count as none." if margin else ""
        )
        charts.append(
            album.chart(
                f"effect-{measure}",
                intervals(effects, title=f"Effect: {title}", x_name=unit, zero=True, margin=margin),
                alt=" ".join(row_sentence(row) for row in rows),
                caption="Each dot is one seed. The diamond is their mean, the bar its 95% interval. The dotted line is "
                f"no effect.{band}",
            )
        )
        values = _dots_of_values(rows, list(plan.study.cases))
        charts.append(
            album.chart(
                f"values-{measure}",
                intervals(values, title=f"Values: {title}", x_name=unit),
                alt=f"{title} of every case and seed.",
                caption="The values behind the effect: each dot is one seed, the diamond is the mean of its row.",
            )
        )
    return [Gallery(charts)] if charts else [Text("No measure has values of two seeds.")]


def _effect(row: Row) -> Dots:
    effect, answer = row.effect, row.answer
    assert effect is not None
    assert answer is not None
    return Dots(row.comparison.title, answer.contrast, effect.value, effect.low, effect.high)


def _dots_of_values(rows: Sequence[Row], cases: Sequence[str]) -> list[Dots]:
    """The values of each case, point or label, once; a case has the colour that it has in all charts."""
    dots: dict[str, Dots] = {}
    for row in rows:
        for name, values in zip(row.comparison.names, row.comparison.values, strict=True):
            place = cases.index(name) if name in cases else None
            dots.setdefault(name, Dots(name, values, float(values.mean()), place=place))
    return list(dots.values())


def _curves(plan: Plan, finished: Sequence[Outcome], album: Album) -> list[Block]:
    """Charts of learning curves: those of the study first, then those that all cases have, then any."""
    rows: dict[str, list[Rows]] = {}
    for outcome in finished:
        if outcome.run.case in plan.study.cases and (of_run := RunFolder(outcome.run.folder).rows("metrics")):
            rows.setdefault(outcome.run.case, []).append(of_run)
    if not rows:
        return []
    keys = {
        case: set.intersection(*({key for row in of_run for key in row} for of_run in of_case))
        for case, of_case in rows.items()
    }
    measured = [name for measure in plan.study.measures for name in (measure.curve, measure.minus)]
    common, every = set.intersection(*keys.values()), set.union(*keys.values())
    names = [*(name for name in measured if isinstance(name, str)), *sorted(common), *sorted(every)]
    charts = []
    for name in [name for name in dict.fromkeys(names) if "/" in name and name[:9] != "gradient/"][:MOST_CURVES]:
        lines = [
            replace(_band(case, name, of_case), place=list(plan.study.cases).index(case))
            for case, of_case in rows.items()
            if name in keys[case]
        ]
        charts.append(
            album.chart(
                f"curve-{name}",
                curves(lines, title=name, x_name="images seen", y_name=name, percent=name.startswith("accuracy")),
                alt=f"Learning curve {name} of each case.",
                caption="The line is the mean of all seeds. The band goes from the lowest seed to the highest.",
            )
        )
    return [Gallery(charts)] if charts else []


def _band(case: str, name: str, of_case: Sequence[Rows]) -> Line:
    """The mean of a curve over all seeds, and the band in which all of them lie."""
    having = [[row for row in run if name in row] for run in of_case]
    length = min(len(rows) for rows in having)
    every = max(1, length // POINTS)
    rows = [run[every - 1 : length : every] for run in having]
    x = np.array([row["images"] for row in rows[0]], np.float64)
    values = np.array([[row[name] for row in run] for run in rows], np.float64)
    several = len(values) > 1
    return Line(
        case, x, values.mean(axis=0), values.min(axis=0) if several else None, values.max(axis=0) if several else None
    )


def _samples(plan: Plan, finished: Sequence[Outcome], album: Album) -> list[Block]:
    """A row of samples per case, of the lowest seed that all cases finished, drawn from the same fixed codes."""
    by_seed: dict[int, dict[str, Any]] = {}
    for outcome in finished:
        if (
            outcome.run.case in plan.study.cases
            and (pictures := _last_fixed(RunFolder(outcome.run.folder))) is not None
        ):
            by_seed.setdefault(outcome.run.seed, {})[outcome.run.case] = pictures
    whole = [seed for seed, cases in sorted(by_seed.items()) if len(cases) == len(plan.study.cases)]
    if not whole:
        return []
    rows = [(case, by_seed[whole[0]][case]) for case in plan.study.cases]
    if len({pictures.shape for _, pictures in rows}) > 1:
        return []
    shown = album.pictures(
        "samples",
        rows,
        title="The same codes in every case",
        caption=f"Seed {whole[0]}. Each column is one fixed code, where the codes of the cases have the same size. No "
        "image was chosen by hand.",
        alt=f"{rows[0][1].shape[0]} samples of this case.",
    )
    return [shown]


def _last_fixed(run: RunFolder) -> Any:
    """(n, H, W, C) samples of the fixed codes at the end of a training, or None."""
    names = [name for name in run.pictures() if name.startswith("fixed-")]
    try:
        arrays = run.arrays(names[-1]) if names else None
        return None if arrays is None else images(arrays, "images")[:SHOWN]
    except (Unreadable, *DAMAGED_ARRAYS):
        return None


def _table(findings: Findings) -> Table:
    """The numbers of all comparisons."""
    head = ("Measure", "Compared", "Effect", "95% interval", "p (Holm)", "Could be seen", "Seeds", "Verdict")
    rows = []
    for row in findings.rows:
        effect, detectable = row.effect, row.answer.detectable if row.answer else None
        low, high = (effect.low, effect.high) if effect else (None, None)
        rows.append(
            (
                f"{title_of(row.comparison.measure)}: {row.unit}",
                row.comparison.title,
                number(effect.value) if effect else "",
                "" if low is None else f"{number(low)} to {number(high)}",
                "" if row.p is None else number(row.p),
                "" if detectable is None else number(detectable),
                str(len(row.comparison.seeds)),
                row.verdict,
            )
        )
    caption = "Effects in the unit of the metric. A small p means that chance would rarely give so much for the claim."
    return Table(caption, head, rows, frozenset({2, 3, 4, 5, 6}))


def _values(findings: Findings) -> list[Block]:
    """The value of every seed, behind a fold."""
    tables: list[Block] = []
    for row in findings.rows:
        head = ("", *(f"seed {seed}" for seed in row.comparison.seeds))
        rows = [
            (name, *(number(float(value)) for value in values))
            for name, values in zip(row.comparison.names, row.comparison.values, strict=True)
        ]
        caption = f"{title_of(row.comparison.measure)}, {row.comparison.title}"
        tables.append(Table(caption, head, rows, frozenset(range(1, len(head)))))
    return [Fold("Values of every seed", tables)] if tables else []


def _method(plan: Plan, findings: Findings) -> list[str]:
    sentences = [f"Source of the claim: {plan.study.source}. Data: {plan.data}."]
    pages = [row.page for row in findings.rows if row.page is not None]
    beside = [f"Page's test: p = {', '.join(number(p) for p in pages)}."] if pages else []
    meaning = f"{VERDICTS[findings.verdict]} A verdict is about this recipe, these data and this budget."
    return [*sentences, *method_sentences(plan.study, plan, findings), *beside, meaning]


def _runs(findings: Findings) -> Fold:
    head = ("Case", "Seed", "State", "Training", "Folder")
    rows = [
        (
            outcome.run.case,
            str(outcome.run.seed),
            f"{outcome.state}: {outcome.why}" if outcome.why else outcome.state,
            duration(outcome.seconds),
            typed(outcome.run.folder),
        )
        for outcome in findings.outcomes
    ]
    return Fold("All runs", [Table("Runs of this study", head, rows, frozenset({1, 3}))])


def _commands(command: str, findings: Findings) -> str:
    finished = [outcome.run for outcome in findings.outcomes if outcome.state == "finished"]
    lines = [f"# the whole study, again or with more seeds\n{without_home(command)}"]
    if finished:
        folder = typed(finished[0].folder)
        lines.append(
            f"# one run: its report, and its codes by hand\nsimulacra report {folder}\nsimulacra explore {folder}"
        )
    return "\n".join(lines)
