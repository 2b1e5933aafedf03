"""What is told of runs without drawing: the list, a card of each, its curves and its score card."""

from typing import Any

import numpy as np
from fastapi import APIRouter, Request

from simulacra import __version__
from simulacra.errors import SimulacraError
from simulacra.evaluation.directions import MOST
from simulacra.explorer.library import Loaded
from simulacra.explorer.map import test_count
from simulacra.explorer.requests import Ask
from simulacra.objectives import Encodes, Generates
from simulacra.report.figures.curves import Line
from simulacra.report.formatting import plain
from simulacra.report.glossary import BASELINE, of_chart, of_family, of_metric
from simulacra.report.record import both_weights, read, series_of, specifics
from simulacra.report.sections.curves import charts_of
from simulacra.runs import RunFolder

router = APIRouter()

MOST_POINTS = 400  # of a line: more than a screen shows


@router.get("/index.json", response_model=None)
def index(request: Request) -> dict[str, Any]:
    """The runs that are there now."""
    shelf = request.app.state.served.shelf
    shelf.look()
    return {
        "simulacra": __version__,
        "runs": [entry(name, shelf.titles[name], run) for name, run in shelf.runs.items()],
    }


@router.get("/runs/{name}.json", response_model=None)
def card(ask: Ask) -> dict[str, Any]:
    """What a run is, how far it is, and what can be turned of it."""
    run = ask.served.shelf.run(ask.name)
    told = entry(ask.name, ask.served.shelf.titles[ask.name], run)
    loaded = ask.make(lambda loaded: loaded)
    if isinstance(loaded.subject.objective, Generates):
        # They take seconds to find; most often they are there before the first of their sliders is moved.
        ask.served.patient.later(lambda: loaded.directions.turns)
    return told | abilities(loaded)


@router.get("/runs/{name}/curves.json", response_model=None)
def curves(ask: Ask) -> dict[str, Any]:
    """Learning curves."""
    record = read(ask.served.shelf.run(ask.name), ask.name)
    charts = []
    for chart, lines in charts_of(record.metrics).items():
        words = of_chart(chart, {line.name for line in lines})
        head = {"name": plain(chart), "title": words.title, "unit": words.unit, "reading": words.reading}
        charts.append(head | {"percent": words.percent, "lines": [thinned(line) for line in lines]})
    return {"charts": charts, "gaps": record.gaps}


@router.get("/runs/{name}/scores.json", response_model=None)
def scores(ask: Ask) -> dict[str, Any]:
    """The newest row of everything that was measured."""
    record = read(ask.served.shelf.run(ask.name), ask.name)
    weights = both_weights(record.evaluations)
    rows = []
    for series in series_of(record.evaluations):
        last = series[-1]
        words, row = of_metric(last.metric), last.to_json()
        numbers = {key: row[key] for key in ("value", "low", "high", "n", "step")} | {"floor": last.baseline}
        others = ", ".join([*filter(None, [last.extractor]), *specifics(last, weights)])
        named = {"metric": last.metric, "title": words.title, "split": last.split or "", "others": others}
        rows.append(named | {"percent": words.percent, "reading": words.reading} | numbers)
    return {"scores": rows, "floor": BASELINE}


def entry(name: str, title: str, run: RunFolder) -> dict[str, Any]:
    """A run in the list; one that cannot be read is listed with the reason."""
    try:
        recipe, facts, steps = run.read_recipe(), run.read_facts(), list(run.checkpoints())
    except SimulacraError as error:
        return {"name": name, "title": plain(title), "problem": str(error), "steps": []}
    family = recipe.objective.family
    return {
        "name": name,
        "title": plain(title),
        "recipe": plain(recipe.title),
        "family": of_family(family),
        "state": str(facts.get("state", "")),
        "steps": steps,
        "of": recipe.steps,
        "problem": None if steps else "it has no checkpoint yet",
    }


def abilities(loaded: Loaded) -> dict[str, Any]:
    """What can be turned of a model."""
    model, subject = loaded.subject.objective, loaded.subject
    height, width, channels = subject.recipe.data.shape
    told: dict[str, Any] = {
        "step": loaded.step,
        "size": [width, height],
        "channels": channels,
        "generates": isinstance(model, Generates),
    }
    if not isinstance(model, Generates):
        return told
    code, (unit, worth) = model.code, loaded.directions.worth or ("", np.empty(0))
    order = np.argsort(-worth, kind="stable").tolist()
    return told | {
        "noise": code.noise,
        "distribution": code.distribution,
        "labels": list(subject.recipe.data.labels) if code.labels else [],
        "exclusive": code.exclusive,
        "categorical": list(code.categorical),
        "continuous": code.continuous,
        "turns": min(MOST, code.noise),
        "attributes": list(loaded.directions.attributes),
        "worth": [[place + 1, round(float(worth[place]), 4)] for place in order],
        "worth_is": unit,
        "encodes": isinstance(model, Encodes),
        "maps": [] if loaded.map is None else ["map"] + ["map-pca"] * (loaded.map["codes"].shape[1] > 2),
        "tests": test_count(loaded),
        "real": subject.store is not None,
    }


def thinned(line: Line) -> dict[str, Any]:
    """A line of at most 400 points, each the mean of its neighbours; what is not finite is left out."""
    known = np.isfinite(line.y)
    x, y = line.x[known], line.y[known]
    parts = min(MOST_POINTS, len(x))
    pairs = (
        [(a.mean(), b.mean()) for a, b in zip(np.array_split(x, parts), np.array_split(y, parts), strict=True)]
        if parts
        else []
    )
    return {"name": plain(line.name), "x": [float(a) for a, _ in pairs], "y": [float(b) for _, b in pairs]}
