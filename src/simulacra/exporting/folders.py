"""The format `folder`: a run at one step that can be gone on with elsewhere, with weights, card and samples."""

import json
from typing import Any

from simulacra.engine.restore import chosen_checkpoint
from simulacra.evaluation.sheets import to_png
from simulacra.exporting.trained import Files, Trained, without_places
from simulacra.files import to_npy
from simulacra.recipe import to_toml
from simulacra.runs import STREAMS

UNSAID = ("command", "platform", "processor")  # of run.json: they tell of the machine, not of the model


def folder(trained: Trained) -> Files:
    """The files of a run folder at this step, and each sample as a PNG.

    `simulacra train` goes on in it where the data is at hand; `sample`, `report` and the rest read it as any run.
    """
    path, step = chosen_checkpoint(trained.run, trained.step)
    facts = {key: value for key, value in trained.facts.items() if key not in UNSAID} | _progress(trained)
    if trained.run.best != step:
        facts.pop("best", None)  # that checkpoint does not come along
    files = {
        "recipe.toml": to_toml(trained.recipe).encode(),
        "run.json": (json.dumps(facts, indent=1) + "\n").encode(),
        f"checkpoints/{path.name}": path.read_bytes(),
    }
    for stream in STREAMS:
        rows = [row for row in trained.run.rows(stream) if row["step"] <= step]
        if rows:
            files[f"{stream}.jsonl"] = "".join(json.dumps(without_places(row)) + "\n" for row in rows).encode()
    if trained.subject.conditions is not None:
        files["conditions.npy"] = to_npy(trained.subject.conditions)
    for index, image in enumerate([] if trained.samples is None else trained.samples):
        files[f"samples/{index:02d}.png"] = to_png(image)
    return files


def _progress(trained: Trained) -> dict[str, Any]:
    """How far the run was at this step, where that is not what run.json says."""
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
