"""Runs of any two families on the same pictures compare, and what a refusal advises works when it is pasted.

Two runs of every family are trained and evaluated, and all their pairs are compared before and after what the refusals
advise. The runs are chosen so that every kind of weights and data meets every other kind, itself included, in a run of
another family; `--attempts 2` takes every kind of run of every family.
"""

import itertools
import json
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulacra.evaluation.metrics import reconstruction
from simulacra.recipe import to_toml
from simulacra.report.compare import Comparison
from simulacra.verbs.evaluate import evaluate
from simulacra.verbs.report import compare
from simulacra.verbs.train import train

LABELS = ("Smiling", "Male")
FAMILIES = ("vae", "gan", "wgan", "acgan", "infogan")
EMA = {"raw": 0.0, "ema": 0.5}
STRAIGHT = (("raw", "plain"), ("ema", "table"))
# Family, weights, and whether there is a table of labels: an ACGAN takes one.
ALL = [
    kind for kind in itertools.product(FAMILIES, EMA, ("plain", "table")) if kind[0] != "acgan" or kind[2] == "table"
]
FEW = [kind for kind in ALL if kind[0] == "acgan" or ((kind[1:] in STRAIGHT) == (kind[0] in ("vae", "gan")))]
COMMAND = re.compile(r"simulacra evaluate .*?(?=$| and simulacra)")
MEASURED = {"n": 12, "features": "random-vgg"}
QUALITY = {"frechet_distance", "kernel_distance", "precision", "recall", "density", "coverage"}
BY_JUDGE = {"modes_covered", "label_entropy"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a cache of its own, in which commands run; codes of images are sought in few steps."""
    path = tmp_path_factory.mktemp("fair")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reconstruction, "invert", partial(reconstruction.invert, steps=3, starts=1))
        patch.setenv("XDG_CACHE_HOME", str(path / "cache"))
        patch.chdir(path)
        yield path


@pytest.fixture(scope="module")
def runs(
    home: Path, tiny: Any, make_store_in: Callable[..., Path], pytestconfig: pytest.Config
) -> dict[tuple[str, ...], Path]:
    """Runs of every family, of one update, each evaluated; the stores with and without labels have equal pictures."""
    shape = {"count": 80, "held_out": 20}
    make_store_in(home, labels=LABELS, name="table", **shape)
    make_store_in(home, labels=(), name="plain", **shape)
    labels = np.load("table/labels.npy")
    images = np.load("table/images.npy") // 3
    images[labels[:, 0] == 1, :4] += 100  # so that a judge learns them
    images[labels[:, 1] == 1, :, :4] += 60
    for name in ("table", "plain"):
        np.save(f"{name}/images.npy", images)
    every = {"steps": 1, "every.log": 1, "every.checkpoint": 1, "every.evaluate": [], "every.epochs": []}
    kinds = FEW if pytestconfig.getoption("--attempts") == 1 else ALL
    for family, weights, data in kinds:
        recipe = Path(f"{family}.toml")
        recipe.write_text(to_toml(tiny(family, ema=EMA[weights], **every)), "utf-8")
        path = Path("-".join((family, weights, data)))
        train(str(recipe), data, path, report=False)
        evaluate(path, count=MEASURED["n"], features=MEASURED["features"])
    return {kind: Path("-".join(kind)) for kind in kinds}


def test_every_kind_of_run_meets_every_kind_of_another_family() -> None:
    met = {frozenset((one[1:], other[1:])) for one, other in itertools.combinations(FEW, 2) if one[0] != other[0]}
    kinds = {kind[1:] for kind in ALL}
    assert met == {frozenset(pair) for pair in itertools.combinations_with_replacement(kinds, 2)}


def advice(comparison: Comparison) -> set[str]:
    """The commands that its notes name."""
    return {command for note in comparison.notes for command in COMMAND.findall(note)}


def as_before(run: Path, name: str) -> Path:
    """A copy of a run as an earlier version wrote it, with one fingerprint of everything together."""
    copy = Path(shutil.copytree(run, name))
    facts = json.loads((copy / "run.json").read_text("utf-8"))
    del facts["data"]["fingerprints"], facts["measured"]
    (copy / "run.json").write_text(json.dumps(facts), "utf-8")
    rows = [json.loads(line) for line in (copy / "evaluations.jsonl").read_text("utf-8").splitlines()]
    lines = [json.dumps({key: value for key, value in row.items() if key != "data"}) + "\n" for row in rows]
    (copy / "evaluations.jsonl").write_text("".join(lines), "utf-8")
    return copy


@pytest.mark.parametrize("older", ["first", "second", "both"])
def test_runs_of_an_earlier_version_compare_after_what_is_advised(older, runs, simulacra) -> None:
    first, second = runs["gan", "raw", "plain"], runs["vae", "ema", "table"]
    first = as_before(first, f"gan-{older}") if older != "second" else first
    second = as_before(second, f"vae-{older}") if older != "first" else second
    refused = simulacra("compare", first, second, "--metric", "recall", code=2).err
    for command in COMMAND.findall(refused.strip()):
        simulacra(*shlex.split(command)[1:], code=0)
    assert [compared.metric for compared in compare([first, second], metrics=["recall"]).metrics] == ["recall"]


def test_any_two_families_compare_on_the_same_pictures_and_all_advice_works(runs, simulacra) -> None:
    pairs = list(itertools.combinations(runs.items(), 2))
    commands: set[str] = set()
    for split, ((_, first), (_, second)) in itertools.product(("test", "train"), pairs):
        comparison = compare([first, second], split=split)
        assert {compared.metric for compared in comparison.metrics} >= QUALITY, comparison.notes
        assert not any("data is" in note for note in comparison.notes), "the pictures are the same"
        commands |= advice(comparison)
    assert commands, "no judge can learn labels where there is no table"
    assert not any("STORE" in command for command in commands)
    for command in sorted(commands):
        simulacra(*shlex.split(command)[1:], code=0)
    for (kind, first), (other, second) in pairs:
        assert not advice(compare([first, second])), "what was advised has helped"
        comparison = compare([first, second], split="train")
        assert not advice(comparison)
        assert {compared.metric for compared in comparison.metrics} >= QUALITY | BY_JUDGE, comparison.notes
        assert [column.weights for column in comparison.columns] == [kind[1], other[1]]
