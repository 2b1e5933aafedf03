"""FORMATS: the formats of an export. A new format is a function and a line here."""

import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

from simulacra.engine.checkpoints import chosen_checkpoint
from simulacra.errors import RunError
from simulacra.evaluation.preview import scale_for, sheet, to_png
from simulacra.exporting.card import card
from simulacra.exporting.model import CONFIG, WEIGHTS, Files, TrainedModel, configuration, weights, without_paths
from simulacra.exporting.onnx import graphs_of, onnx_file, onnx_files, require_onnx, runtime_files
from simulacra.files import to_npy
from simulacra.objectives import Generates
from simulacra.recipe import to_toml
from simulacra.runs import STREAMS

# A format takes a model and, for the web page, the folder of ONNX Runtime Web.
FORMATS: dict[str, Callable[[TrainedModel, Path | None], Files]] = {
    "safetensors": lambda trained, runtime: {WEIGHTS: weights(trained)},
    "onnx": lambda trained, runtime: onnx_files(trained),
    "web": lambda trained, runtime: page_files(trained, runtime),
    "folder": lambda trained, runtime: {WEIGHTS: weights(trained)} | folder(trained),
}


def files_of(trained: TrainedModel, form: str, licence: str | None = None, runtime: Path | None = None) -> Files:
    """All files of an export in one of FORMATS, config.json last: a folder that has it has everything.

    The licence is an identifier for the card; `runtime` is the folder of ONNX Runtime Web, fetched with npm by default.

    Raises:
        RunError: the model cannot be exported so, or a package is missing.
    """
    files = FORMATS[form](trained, runtime)
    if trained.samples is not None:
        files["samples.png"] = to_png(sheet(trained.samples, COLUMNS), scale_for(trained.samples.shape[1]), marked=True)
    return files | {"README.md": card(trained, form, licence), CONFIG: configuration(trained, form)}


COLUMNS = 8  # of the sheet of samples
UNSAID = ("command", "platform", "processor")  # of run.json: facts about the machine, not about the model


def folder(trained: TrainedModel) -> Files:
    """The files of a run folder at this step, and each sample as a PNG.

    `simulacra train` continues in it if the data is at hand; `sample`, `report` and other commands read it as a run.
    """
    path, step = chosen_checkpoint(trained.run, trained.step)
    facts = {key: value for key, value in trained.facts.items() if key not in UNSAID} | _progress(trained)
    if trained.run.read_best() != step:
        facts.pop("best", None)  # that checkpoint does not come along
    files = {
        "recipe.toml": to_toml(trained.recipe).encode(),
        "run.json": (json.dumps(facts, indent=1) + "\n").encode(),
        f"checkpoints/{path.name}": path.read_bytes(),
    }
    for stream in STREAMS:
        rows = [row for row in trained.run.rows(stream) if row["step"] <= step]
        if rows:
            files[f"{stream}.jsonl"] = "".join(json.dumps(without_paths(row)) + "\n" for row in rows).encode()
    if trained.subject.conditions is not None:
        files["conditions.npy"] = to_npy(trained.subject.conditions)
    for index, image in enumerate([] if trained.samples is None else trained.samples):
        files[f"samples/{index:02d}.png"] = to_png(image)
    return files


def _progress(trained: TrainedModel) -> dict[str, Any]:
    """How far the run was at this step, where run.json says something else."""
    if trained.facts.get("state") == "finished" and trained.facts.get("step") == trained.step:
        return {}
    images = trained.step * trained.recipe.data.batch
    count = trained.facts.get("data", {}).get("counts", {}).get("train") or images
    seconds = float(sum(row["seconds"] for row in trained.run.rows("timing") if row["step"] <= trained.step))
    progress = {"state": "stopped", "step": trained.step, "images_seen": images}
    return progress | {"epochs": images / count, "seconds": seconds}


PAGE = ("index.html", "page.js", "codes.js", "style.css")


def page_files(trained: TrainedModel, runtime: Path | None) -> Files:
    """The page, the network that generates images, and what runs it."""
    objective = trained.subject.objective
    if not isinstance(objective, Generates):
        family = trained.recipe.objective.family
        raise RunError(f"a model of family {family} makes no images, so there is no page of it; use --format onnx")
    require_onnx()
    files = runtime_files(runtime)
    home = resources.files("simulacra") / "exporting" / "web"
    files |= {name: (home / name).read_bytes() for name in PAGE}
    graph = next(each for each in graphs_of(trained) if each.name == objective.maker)
    return files | {f"{graph.name}.onnx": onnx_file(objective, graph)}
