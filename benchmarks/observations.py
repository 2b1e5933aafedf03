"""What the reports observed, in the runs on photographs: four tables of docs/systems.md, which systems_table.py writes.

A row is a run of a system, as it was taken down on UTKFace.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import torch

from simulacra.objectives import build
from simulacra.objectives.vae import VAE
from simulacra.recipe import load
from simulacra.report.formatting import MISSING, number

DATA = "utkface"
Result = dict[str, Any]
Row = tuple[str, ...]


def tables(taken: list[Result], systems: Iterable[str], published: dict[str, str]) -> dict[str, list[Row]]:
    """Name of a table -> its rows, the head first.

    Args:
        taken: all that was taken down.
        systems: recipes of the reports.
        published: recipe -> what its report says.
    """
    order = list(systems)
    runs = [run for run in taken if run["recipe"] in order and run.get("data") == DATA]
    runs.sort(key=lambda run: (order.index(run["recipe"]), len(run["changes"])))
    return {
        "vaes": vaes([run for run in runs if run["family"] == "vae"], published),
        "gans": gans([run for run in runs if run["family"] != "vae"]),
        "labels": labels([run for run in runs if run["family"] == "acgan"]),
        "codes": codes([run for run in runs if run["family"] == "infogan"]),
    }


def vaes(runs: list[Result], published: dict[str, str]) -> list[Row]:
    """The weight of the KL, and what it does to reconstructions and samples; the largest weight first."""

    def row(run: Result) -> Row:
        sharp = found(run, "reconstruction_sharpness")
        return (
            recipe(run),
            number(weight(run)),
            value(run, "kl_per_image"),
            value(run, "reconstruction_mse"),
            number(sharp["value"] / sharp["baseline"]),
            value(run, "frechet_distance"),
            published.get(run["recipe"], MISSING),
        )

    head = ("recipe", "weight of KL", "KL", "test MSE", "sharpness", "Fréchet distance", "published, on CelebA")
    return [head, *(row(run) for run in sorted(runs, key=weight, reverse=True))]


def weight(run: Result) -> float:
    """The weight of the KL beside a squared error that is summed over the values of an image."""
    with torch.device("meta"):
        objective = build(load(run["recipe"], run["changes"]))
    assert isinstance(objective, VAE)
    return objective.scale


def gans(runs: list[Result]) -> list[Row]:
    """How often D is right, and how good samples are."""
    head = (
        "recipe",
        "updates",
        "D right, real",
        "D right, fake",
        "Fréchet distance",
        "precision",
        "recall",
        "coverage",
    )
    curves, metrics = ("accuracy/real", "accuracy/fake"), ("frechet_distance", "precision", "recall", "coverage")
    return [head, *((recipe(run), number(updates(run)), *cells(run, curves, metrics)) for run in runs)]


def labels(runs: list[Result]) -> list[Row]:
    """Whether labels are obeyed, and how well D reads them in training."""
    head = ("recipe", "label loss, real", "label loss, fake", "label accuracy, test", "obeyed", "obeyed, corrected")
    curves = ("label_loss/real", "label_loss/fake")
    metrics = ("label_accuracy", "condition_accuracy", "condition_accuracy_corrected")
    return [head, *((recipe(run), *cells(run, curves, metrics)) for run in runs)]


def cells(run: Result, curves: Sequence[str], metrics: Sequence[str]) -> Row:
    """Means of curves over the last epoch, then measurements."""
    return (*(late(run, key) for key in curves), *(value(run, key) for key in metrics))


NAMED = 3  # labels of a code


def codes(runs: list[Result]) -> list[Row]:
    """How much each code says about labels, in the eyes of the judge."""
    rows: list[Row] = [("recipe", "code", "right in training", "says most about (nats)", "and least about")]
    for run in runs:
        about = [row for row in run["measured"] if row["metric"] == "mutual_information" and row["value"] is not None]
        for code in dict.fromkeys(row["code"] for row in about):
            said = sorted((row for row in about if row["code"] == code), key=lambda row: -row["value"])
            texts = [f"{row['label']} {number(row['value'])}" for row in said]
            key = f"code_accuracy/{code.replace(' ', '_')}"
            rows.append((recipe(run), code, late(run, key), ", ".join(texts[:NAMED]), texts[-1]))
    return rows


def recipe(run: Result) -> str:
    """The recipe of a run, and its changes, without the labels, which are a matter of the data."""
    changes = [f"{key.split('.')[-1]} = {value}" for key, value in run["changes"].items() if key != "data.labels"]
    return ", ".join([f"`{run['recipe']}`", *changes])


def updates(run: Result) -> int:
    """Steps of a run."""
    return int(run["images_seen"] // run["changes"].get("data.batch", load(run["recipe"]).data.batch))


def late(run: Result, key: str) -> str:
    """The mean of a curve over the last epoch, or a dash."""
    return number(run["last_epoch"].get(key))


def found(run: Result, metric: str) -> Result:
    """The measurement of all labels together, on test images where there is a choice."""
    rows = [row for row in run["measured"] if row["metric"] == metric and not row.get("label")]
    return next((row for row in rows if row["split"] == "test"), rows[0])


def value(run: Result, metric: str) -> str:
    """A measurement with its interval."""
    row = found(run, metric)
    return f"{number(row['value'])} ({number(row['low'])} to {number(row['high'])})"
