"""FORMATS: the formats of an export. A new format is a function and a line here."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from simulacra.engine.checkpoints import chosen_checkpoint
from simulacra.errors import RunError
from simulacra.evaluation.pictures.preview import to_png
from simulacra.exporting.card import card
from simulacra.exporting.config import NAME, configuration
from simulacra.exporting.model import Files, TrainedModel, without_paths
from simulacra.exporting.onnx import graphs_of, onnx_file, onnx_files, require_onnx
from simulacra.exporting.runtime import runtime_files
from simulacra.exporting.weights import NAME as WEIGHTS
from simulacra.exporting.weights import weights
from simulacra.files import to_npy
from simulacra.objectives import Generates
from simulacra.recipe import to_toml
from simulacra.runs import STREAMS


@dataclass(frozen=True)
class Options:
    """Options of an export.

    Attributes:
        licence: identifier of the model's licence, for the card.
        runtime: folder of ONNX Runtime Web, for `web`.
    """

    licence: str | None = None
    runtime: Path | None = None


FORMATS: dict[str, Callable[[TrainedModel, Options], Files]] = {
    "safetensors": lambda trained, options: {WEIGHTS: weights(trained)},
    "onnx": lambda trained, options: onnx_files(trained),
    "web": lambda trained, options: page_files(trained, options.runtime),
    "folder": lambda trained, options: {WEIGHTS: weights(trained)} | folder(trained),
}


def files_of(trained: TrainedModel, form: str, options: Options) -> Files:
    """All files of an export, config.json last: a folder that has it has everything.

    Raises:
        RunError: the model cannot be exported so, or a package is missing.
    """
    files = FORMATS[form](trained, options)
    files |= trained.sheet() | {"README.md": card(trained, options.licence)}
    return files | {NAME: configuration(trained, form)}


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
    seconds = sum(row["seconds"] for row in trained.run.rows("timing") if row["step"] <= trained.step)
    return {
        "state": "stopped",
        "step": trained.step,
        "images_seen": images,
        "epochs": images / count,
        "seconds": float(seconds),
    }


PAGE = ("index.html", "page.js", "codes.js", "style.css")


def page_files(trained: TrainedModel, runtime: Path | None = None) -> Files:
    """The page, the network that generates images, and what runs it.

    Args:
        trained: a model that generates images.
        runtime: a folder with ONNX Runtime Web; fetched with npm by default.

    Raises:
        RunError: the model generates no images, or a package is missing.
    """
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
