"""The verb `export` and what comes of it: weights that load again, a card, a folder that goes on."""

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import simulacra as sm
from simulacra.engine.checkpoints import restore
from simulacra.exporting.model import load_exported, without_paths
from simulacra.runs import RunFolder


@pytest.fixture
def export(simulacra: Any, tmp_path: Path) -> Any:
    """export(run, *words): the folder of an export that succeeds."""

    def make(run: Path, *words: object) -> Path:
        simulacra("export", run, "--out", tmp_path / "out", *words, code=0)
        return tmp_path / "out"

    return make


def test_exported_weights_are_those_of_the_run_for_every_family(family, trained, export) -> None:
    run = trained(family, **{} if family == "classifier" else {"ema": 0.5})
    loaded = load_exported(export(run))
    objective, step = restore(RunFolder(run))
    expected, found = objective.networks.state_dict(), loaded.objective.networks.state_dict()
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert loaded.step == step == 2
    assert loaded.weights == ("raw" if family == "classifier" else "ema")
    assert not any(module.training for module in loaded.objective.networks.modules())


def test_an_exported_model_draws_the_samples_of_its_run_with_run_and_data_gone(trained, export) -> None:
    run = trained("acgan")
    expected = sm.open_run(run).sample(5, labels={"Smiling": 1}, seed=3)
    folder = export(run)
    shutil.rmtree(run)
    assert np.array_equal(sm.load(folder).sample(5, labels={"Smiling": 1}, seed=3), expected)


def test_a_kept_checkpoint_can_be_exported(trained, export) -> None:
    run = trained("gan")
    assert load_exported(export(run, "--step", 1)).step == 1


def test_the_card_has_what_was_measured_and_asks_for_a_licence(trained, export) -> None:
    run = trained("vae")
    row = {"metric": "mse", "value": 0.123456, "low": 0.1, "high": 0.15, "n": 3, "split": "test", "extractor": None}
    RunFolder(run).write("evaluations.jsonl", b"")
    RunFolder(run).append("evaluations", row | {"step": 1, "value": 0.9})
    RunFolder(run).append("evaluations", row | {"step": 2})
    RunFolder(run).append("evaluations", row | {"step": 2, "value": None, "metric": "recall"})
    card = (export(run) / "README.md").read_text("utf-8")
    front, body = card.removeprefix("---\n").split("\n---\n", 1)
    assert "pipeline_tag: unconditional-image-generation" in front
    assert '    - type: "mse"' in front
    assert "      value: 0.123456" in front
    assert front.count("value:") == 1, "only what was measured at this step"
    assert "| 0.1235 | 0.1000 to 0.1500 |" in body
    assert "test images, n = 3" in body
    assert 'license: "other"' in front
    assert "Not chosen yet" in body
    chosen = (export(run, "--license", "cc0-1.0") / "README.md").read_text("utf-8")
    assert 'license: "cc0-1.0"' in chosen
    assert "Not chosen yet" not in chosen


def test_the_card_tells_other_data_and_codes_apart(trained, export) -> None:
    run = trained("vae")
    row = {"metric": "mse", "value": 0.5, "floor": 0.25, "n": 3, "split": "test", "step": 2}
    RunFolder(run).write("evaluations.jsonl", b"")
    RunFolder(run).append("evaluations", row | {"against": "f00d"})
    front, body = (export(run) / "README.md").read_text("utf-8").removeprefix("---\n").split("\n---\n", 1)
    assert "model-index" not in front, "it would stand under the name of the data trained on"
    assert "test images, against another data set, n = 3" in body
    assert "The baseline is what real images, chance or a linear code get" in body
    for code in ("categorical 1", "continuous 2"):
        RunFolder(run).append("evaluations", row | {"metric": "code_information", "code": code, "label": "Male"})
    front = (export(run) / "README.md").read_text("utf-8").removeprefix("---\n").split("\n---\n", 1)[0]
    assert front.count("value:") == 2
    assert "categorical 1, Male, test images" in front


def test_a_run_s_own_data_are_no_other_data(trained, export) -> None:
    run = trained("vae")
    own = RunFolder(run).read_facts()["data"]["fingerprint"]
    row = {"metric": "mse", "value": 0.5, "n": 3, "split": "test", "step": 2, "extractor": "a"}
    RunFolder(run).append("evaluations", row | {"against": own})
    card = (export(run) / "README.md").read_text("utf-8")
    assert "against" not in card.partition("## Numbers")[2].partition("## Limits")[0]
    assert "model-index" in card


@pytest.mark.parametrize("metric", ["copies_features", "memorisation", None])
def test_a_card_says_that_copies_were_not_measured_where_they_were_not(metric, trained, export) -> None:
    run = trained("gan")
    if metric:
        RunFolder(run).append("evaluations", {"metric": metric, "value": 0.05, "n": 3, "split": "train", "step": 2})
    card = (export(run) / "README.md").read_text("utf-8")
    assert ("this was not measured" in card) == (metric is None)
    assert ("the numbers above say how often" in card) == (metric is not None)


def test_a_card_is_headed_by_what_was_trained_or_as_asked(trained, export) -> None:
    run = trained("acgan")
    card = (export(run) / "README.md").read_text("utf-8")
    assert "# ACGAN of noise, 8×8 colour, 2 labels: Smiling, Male\n\nRecipe tiny-acgan.toml (tiny acgan).\n" in card
    assert 'model.sample(8, labels={"Smiling": 1})' in card
    folder = export(run, "--title", "Smiles")
    assert "\n# Smiles\n" in (folder / "README.md").read_text("utf-8")
    assert sm.load(folder).title == "Smiles"


def blocks(card: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", card, re.DOTALL)


@pytest.mark.parametrize("form", ["safetensors", "onnx", "folder"])
def test_every_block_of_a_card_runs_as_it_stands(
    form, family, trained, export, onnx_export, simulacra, monkeypatch
) -> None:
    folder = onnx_export(family)[1] if form == "onnx" else export(trained(family), "--format", form)
    card = (folder / "README.md").read_text("utf-8")
    monkeypatch.chdir(folder)
    assert blocks(card, "python")
    for code in blocks(card, "python"):
        names: dict[str, Any] = {}
        exec(code, names)
        assert len(names["images"]) in (1, 8)
    for line in "".join(blocks(card, "sh")).splitlines():
        program, *words = shlex.split(line)
        assert program == "simulacra"
        simulacra(*words, code=0)
    assert bool(blocks(card, "sh")) == (form == "folder")


@pytest.mark.parametrize("code", [{"labels": "onehot"}, {"distribution": "uniform"}])
def test_codes_of_every_layout_are_filled_as_in_training(code, trained, export, monkeypatch) -> None:
    folder = export(trained("acgan", **{f"objective.code.{key}": value for key, value in code.items()}), "-f", "onnx")
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {}
    exec(blocks((folder / "README.md").read_text("utf-8"), "python")[0], names)
    labels = names["codes"][:, 3:]
    assert set(np.unique(labels)) <= {0, 1}
    if code == {"labels": "onehot"}:
        assert (labels.sum(1) == 2).all()
    assert (np.abs(names["codes"][:, :3]).max() <= 1) == ("distribution" in code)


def test_the_card_tells_what_went_wrong(trained, export) -> None:
    run = trained("gan")
    RunFolder(run).write_facts(
        {"findings": [{"severity": "serious", "meaning": "It fell."}, {"severity": "note", "meaning": "All is well."}]}
    )
    assert "- It fell.\n" in (export(run) / "README.md").read_text("utf-8")
    assert "All is well" not in (export(run) / "README.md").read_text("utf-8")
    assert "It fell" not in (export(run, "--step", 1) / "README.md").read_text("utf-8"), "that was said of the end"


def test_every_line_of_the_front_is_yaml_of_the_plainest_kind(trained, export) -> None:
    run = trained("vae", **{"title": 'A "title": with\n- odd # signs'})
    front = (export(run) / "README.md").read_text("utf-8").removeprefix("---\n").split("\n---\n", 1)[0]
    for line in front.splitlines():
        match = re.fullmatch(r' *(?:- )?(?:[\w-]+:(?: (?P<value>.+))?|(?P<item>".+"))', line)
        assert match, line
        value = match["value"] or match["item"]
        assert value is None or re.fullmatch(r"[\w.-]+", value) or isinstance(json.loads(value), str | float), line


@pytest.mark.parametrize("form", ["safetensors", "folder"])
def test_no_file_of_an_export_tells_a_place_of_this_machine(
    form, trained, export, tmp_path, simulacra, recipe_file
) -> None:
    first, run = trained("vae").rename(tmp_path / "first"), tmp_path / "run"
    recipe = recipe_file("vae", **{"steps": 2, "every.log": 1, "every.checkpoint": 1, "start.run": str(first)})
    simulacra("train", recipe, "--data", tmp_path / "store", "--out", run, "--no-report", code=0)
    for file in export(run, "--format", form).rglob("*"):
        assert file.is_dir() or str(tmp_path).encode() not in file.read_bytes(), file


def test_places_are_called_by_their_last_name_and_all_else_stays() -> None:
    given = {
        "command": "simulacra train x --data=/data/me/faces --out '/a b/c'",
        "path": "/data/me/faces",
        "list": ["~/photos/one.png", "https://example.org/a/b", "real / fake", "loss/train", "and/or", "1/2"],
        "number": 3,
    }
    assert without_paths(given) == {
        "command": "simulacra train x --data=faces --out 'a b/c'",
        "path": "faces",
        "list": ["one.png", "https://example.org/a/b", "real / fake", "loss/train", "and/or", "1/2"],
        "number": 3,
    }


def test_a_folder_goes_on_as_the_run_itself_would(trained, export, simulacra, recipe_file, tmp_path) -> None:
    run = trained("acgan")
    RunFolder(run).write_facts({"best": {"step": 2}})
    out = export(run, "--format", "folder", "--step", 1)
    assert RunFolder(out).read_best() is None, "the one that is marked was not taken along"
    assert len(list((out / "samples").glob("*.png"))) == 32
    simulacra("sample", out, "-n", 2, "--out", tmp_path / "two.png", code=0)
    ended = simulacra("train", out / "recipe.toml", "--data", tmp_path / "store", "--out", out, "--no-report", code=0)
    assert "going on from step 1" in ended.err
    one, two = (restore(RunFolder(folder))[0].networks.state_dict() for folder in (run, out))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert RunFolder(run).rows("metrics") == RunFolder(out).rows("metrics")


def test_a_run_that_is_still_training_is_taken_as_it_is_and_said(trained, simulacra, tmp_path) -> None:
    run = trained("gan")
    RunFolder(run).write_facts({"state": "running"})
    ended = simulacra("export", run, "--out", tmp_path / "out", code=0)
    assert f"{run} is still training or was interrupted: its checkpoint of step 2 is used" in ended.err


def test_what_cannot_be_exported_is_told_and_nothing_is_written(trained, simulacra, tmp_path) -> None:
    run, out = trained("classifier"), tmp_path / "out"
    for words, said in {
        ("--format", "zip"): "--format zip: there is no such format",
        ("--format", "web"): "a model of family classifier makes no images",
        ("--step", "9"): "no checkpoint at step 9; it has: 1, 2",
    }.items():
        ended = simulacra("export", run, "--out", out, *words, code=2)
        assert said in ended.err
        assert not out.exists()
    assert "holds no run" in simulacra("export", tmp_path, "--out", out).err
    assert "is not empty and holds no earlier export" in simulacra("export", run, "--out", run).err


def test_a_checkpoint_of_another_version_is_named_with_what_to_do(trained, simulacra, tmp_path) -> None:
    run = trained("gan")
    path = max(RunFolder(run).checkpoints().values())
    torch.save(torch.load(path, weights_only=True) | {"format": 99}, path)
    ended = simulacra("export", run, "--out", tmp_path / "out", code=2)
    assert f"{path} has format 99, this version reads 1; train again" in ended.err


def test_an_export_that_is_damaged_or_of_another_version_is_refused(trained, export, tmp_path) -> None:
    run = trained("acgan")
    folder = export(run)
    told = json.loads((folder / "config.json").read_text("utf-8"))
    weights = (folder / "model.safetensors").read_bytes()

    def refused(words: str, error: type[Exception] = sm.RunError, **changes: Any) -> None:
        (folder / "config.json").write_text(json.dumps(told | changes), "utf-8")
        with pytest.raises(error, match=words):
            sm.load(folder)

    refused("has format 2 of simulacra 9.9.9, this version", format=2, simulacra="9.9.9")
    refused("was not written by simulacra", made_by="somebody")
    refused("has no recipe", recipe=None)
    refused("damaged conditions", conditions=["0"])
    refused("damaged conditions", conditions=["0x"])
    newer = told["recipe"] | {"objective": told["recipe"]["objective"] | {"colour": 1}}
    refused(f"of simulacra {sm.__version__}: unknown key objective.colour", sm.RecipeError, recipe=newer)
    (folder / "config.json").write_text(json.dumps(told), "utf-8")
    (folder / "model.safetensors").write_bytes(weights[:-9])
    with pytest.raises(sm.RunError, match="is damaged"):
        sm.load(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(sm.RunError, match=r"has no model\.safetensors"):
        sm.load(folder)
    with pytest.raises(sm.RunError, match="is a run, not an exported model"):
        sm.load(run)
    with pytest.raises(sm.RunError, match="holds no exported model"):
        sm.load(tmp_path)
