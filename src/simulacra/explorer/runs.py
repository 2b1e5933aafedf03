"""What is known of runs without drawing: the list, a card for each run, its learning curves and its score card."""

import json
import shlex
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from starlette.responses import Response

from simulacra import __version__
from simulacra.evaluation.directions import MOST
from simulacra.explorer.library import LoadedRun, Requested, RunFacts
from simulacra.explorer.map import test_count
from simulacra.objectives import FAMILIES, Encodes, Generates
from simulacra.report.figures.curves import Line
from simulacra.report.formatting import MISSING, plain
from simulacra.report.glossary import BASELINE, of_chart, of_family, of_metric, written
from simulacra.report.record import both_weights, read, series_of, specifics
from simulacra.report.sections.curves import charts_of
from simulacra.report.sections.scorecard import interval
from simulacra.report.titles import recipe_line, title_of
from simulacra.runs import RunFolder

router = APIRouter()

MOST_POINTS = 400  # of a line: more than a screen shows


@router.get("/index.json", response_model=None)
def index(request: Request, run: str | None = None) -> Response:
    """The runs that are there now, or one of them alone."""
    library = request.app.state.explorer.library
    if run is None:
        library.refresh()
    runs = library.runs if run is None else {run: library.run(run)}
    rows = [row(name, library.titles.get(name, ""), library.facts(folder)) for name, folder in runs.items()]
    # As text at once: FastAPI would look at each value, for seconds where there are thousands of runs.
    return Response(json.dumps({"simulacra": __version__, "runs": rows}), media_type="application/json")


@router.get("/runs/{name}.json", response_model=None)
async def card(request: Requested) -> dict[str, Any]:
    """What a run is, how far its training is, and what of its codes can be changed."""
    library = request.explorer.library

    def work(loaded: LoadedRun) -> tuple[LoadedRun, dict[str, Any]]:
        known = row(request.name, library.titles.get(request.name, ""), library.facts(loaded.run))
        return loaded, known | summary(loaded.run) | capabilities(loaded) | {"lacking": lacking(loaded)}

    loaded, shown = await request.with_model(work)
    if isinstance(loaded.subject.objective, Generates):
        # Principal directions take seconds to compute; most often they are there before their first slider moves.
        request.explorer.searching.do_ahead(lambda: loaded.directions.principal)
    return shown


@router.get("/runs/{name}/curves.json", response_model=None)
def curves(request: Requested) -> dict[str, Any]:
    """Learning curves."""
    record = read(request.explorer.library.run(request.name), request.name)
    charts = []
    for chart, lines in charts_of(record.metrics).items():
        words = of_chart(chart, {line.name for line in lines})
        head = {"name": plain(chart), "title": words.title, "unit": words.unit, "reading": words.reading}
        charts.append(head | {"percent": words.percent, "lines": [thinned(line) for line in lines]})
    return {"charts": charts, "gaps": record.gaps}


@router.get("/runs/{name}/scores.json", response_model=None)
def scores(request: Requested) -> dict[str, Any]:
    """The newest row of each measurement."""
    record = read(request.explorer.library.run(request.name), request.name)
    weights = both_weights(record.evaluations)
    rows = []
    for series in series_of(record.evaluations):
        newest = series[-1]
        words, row = of_metric(newest.metric), newest.to_json()
        numbers = {key: row[key] for key in ("value", "low", "high", "baseline", "n", "step")}
        texts = {
            "value": written(words, row["value"]),
            "interval": interval(words, newest.estimate) or MISSING,
            "baseline": written(words, row["baseline"]),
        }
        details = [*filter(None, [newest.extractor]), *specifics(newest, weights)]
        details += [f"chance {written(words, newest.chance)}"] if newest.chance else []
        details += filter(None, [newest.obedience])
        named = {
            "metric": newest.metric,
            "title": words.title,
            "split": newest.split or "",
            "details": ", ".join(details),
        }
        rows.append(named | {"reading": words.reading, "texts": texts} | numbers)
    return {"scores": rows, "baseline": BASELINE}


def row(name: str, title: str, known: RunFacts | str) -> dict[str, Any]:
    """A run in the list, from what is known of it; a run that cannot be read is listed with the reason."""
    about = {"name": name, "title": plain(title)}
    if isinstance(known, str):
        return about | {"problem": known, "steps": []}
    return about | {
        "generates": issubclass(FAMILIES[known.family], Generates),
        "state": known.state,
        "steps": known.steps,
        "study": study_of(known.studies),
        "problem": None if known.steps else "it has no checkpoint yet",
    }


def summary(run: RunFolder) -> dict[str, Any]:
    """What was trained, from which recipe, and how far the training is."""
    recipe, facts = run.read_recipe(), run.read_facts()
    return {
        "heading": title_of(recipe, facts),
        "recipe": recipe_line(recipe, facts),
        "family": of_family(recipe.objective.family),
        "progress": run.in_words(),
        "total_steps": None if recipe.minutes else recipe.steps,
    }


def study_of(studies: object) -> dict[str, str] | None:
    """The study that a run belongs to, the first of several, and which of its runs it is."""
    if not isinstance(studies, dict) or not studies:
        return None
    name, run = next(iter(studies.items()))
    where = run if isinstance(run, dict) else {}
    return {"name": plain(str(name)), "run": plain(f"{where.get('case', '')}, seed {where.get('seed', '')}")}


def capabilities(loaded: LoadedRun) -> dict[str, Any]:
    """What a model can do, and which parts its codes have."""
    model, subject = loaded.subject.objective, loaded.subject
    height, width, channels = subject.recipe.data.shape
    facts: dict[str, Any] = {
        "step": loaded.step,
        "size": [width, height],
        "channels": channels,
    }
    if not isinstance(model, Generates):
        return facts
    code, (measure, activity) = model.code, loaded.directions.activity or ("", np.empty(0))
    order = np.argsort(-activity, kind="stable").tolist()
    return facts | {
        "width": code.width,
        "noise": code.noise,
        "distribution": code.distribution,
        "labels": list(subject.recipe.data.labels) if code.labels else [],
        "exclusive": code.exclusive,
        "categorical": list(code.categorical),
        "continuous": code.continuous,
        "principal_directions": min(MOST, code.noise),
        "attributes": list(loaded.directions.attributes),
        "activity": [[index + 1, round(float(activity[index]), 4)] for index in order],
        "activity_measure": measure,
        "encodes": isinstance(model, Encodes),
        "maps": [] if loaded.map is None else ["map"] + ["map-pca"] * (loaded.map["codes"].shape[1] > 2),
        "test_pictures": test_count(loaded),
        "has_data": subject.store is not None,
    }


def lacking(loaded: LoadedRun) -> dict[str, str]:
    """Views of the page that this model has nothing to show in, each with the reason."""
    model, run = loaded.subject.objective, loaded.run
    if not isinstance(model, Generates):
        family = of_family(loaded.subject.recipe.objective.family)
        views = ("samples", "sliders", "interpolation", "map", "edit", "training")
        return dict.fromkeys(views, f"A model of family {family} generates no images.")
    reasons = {}
    if not isinstance(model, Encodes):
        reasons["map"] = "This model has no encoder, so test images have no codes that a map could show."
    elif loaded.map is None:
        reasons["map"] = (
            "There is no map of this checkpoint. A map is drawn at the end of a training. To draw it now: "
            f"{shlex.join(['simulacra', 'report', str(run.path), '--step', str(loaded.step)])}"
        )
    if len(run.checkpoints()) < 2:
        reasons["training"] = "This run kept one checkpoint. To keep all checkpoints, train with --set every.keep=0."
    return reasons


def thinned(line: Line) -> dict[str, Any]:
    """A line of at most 400 points, each the mean of its neighbours; values that are not finite are left out."""
    finite = np.isfinite(line.y)
    x, y = line.x[finite], line.y[finite]
    parts = min(MOST_POINTS, max(1, len(x)))
    x_means, y_means = ([float(part.mean()) for part in np.array_split(row, parts) if len(part)] for row in (x, y))
    return {"name": plain(line.name), "x": x_means, "y": y_means}
