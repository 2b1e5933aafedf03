"""Transfer: which weights are taken, which are kept, and what is refused with both shapes.

Run folder -> objective; and what happens where a checkpoint is not what it should be.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from simulacra.data.store import ImageStore
from simulacra.engine.checkpoints import read_checkpoint, restore
from simulacra.engine.loop import Training, train
from simulacra.errors import RecipeError, RunError
from simulacra.objectives import build
from simulacra.recipe import Recipe
from simulacra.runs import RunFolder

MakeRecipe = Callable[..., Recipe]
MakeTraining = Callable[..., Training]
Trained = Callable[..., RunFolder]


@pytest.fixture
def trained(tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining) -> Trained:
    """trained(family, folder=, **changes): a run of a family with checkpoints at steps 3 and 6."""

    def make(family: str, folder: str = "source", **changes: Any) -> RunFolder:
        training = make_training(tiny(family, **changes), store, folder)
        training.run.write_recipe(training.recipe)
        training.run.write_facts({"family": family, "recipe_name": f"tiny-{family}"})
        for _ in train(training):
            pass
        return training.run

    return make


def weights(training: Training, *names: str) -> dict[str, Tensor]:
    """Parameters and buffers of these networks, or of all, copied."""
    state = training.objective.networks.state_dict()
    return {key: value.clone() for key, value in state.items() if not names or key.split(".")[0] in names}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(value, other[key]) for key, value in one.items())


def refused(make_training: MakeTraining, recipe: Recipe, store: ImageStore) -> str:
    """The sentence that a start is refused with."""
    with pytest.raises((RecipeError, RunError)) as caught:
        make_training(recipe, store, "target")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_networks_of_the_same_name_begin_with_the_other_run_s_weights(
    trained: Trained, tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    source = trained("classifier")
    recipe = tiny("vae", **{"start.run": str(source.path)})
    target = make_training(recipe, store, "target")
    given = read_checkpoint(source.checkpoints()[6])["networks"]
    assert all(torch.equal(value, given[key]) for key, value in weights(target, "encoder").items())
    drawn = {key: value for key, value in build(recipe).networks.state_dict().items() if not key.startswith("encoder.")}
    assert same(weights(target, "mean", "logvar", "decoder"), drawn), "all else is drawn as ever"
    assert target.transferred == {
        "run": str(source.path),
        "step": 6,
        "family": "classifier",
        "recipe_name": "tiny-classifier",
        "networks": {"encoder": "encoder"},
        "parameters": sum(p.numel() for p in target.objective.networks["encoder"].parameters()),
    }


def test_networks_can_be_paired_by_hand_and_taken_from_an_older_checkpoint(
    trained: Trained, tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    source = trained("gan")
    start = {"run": str(source.path), "networks": {"encoder": "discriminator"}, "step": 3}
    target = make_training(tiny("vae", start=start), store, "target")
    given = read_checkpoint(source.checkpoints()[3])["networks"]
    for key, value in weights(target, "encoder").items():
        assert torch.equal(value, given[key.replace("encoder", "discriminator", 1)])


def test_the_ema_of_the_weights_is_handed_on(
    trained: Trained, tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    source = trained("gan", ema=0.9)
    target = make_training(tiny("gan", **{"start.run": str(source.path)}), store, "target")
    ema = read_checkpoint(source.checkpoints()[6])["ema"]
    assert ema
    assert same(weights(target, "generator"), ema)


def test_an_ema_begins_at_the_weights_that_were_given(
    trained: Trained, tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    source = trained("gan")
    target = make_training(tiny("gan", ema=0.9, **{"start.run": str(source.path)}), store, "target")
    assert same(target.ema.weights, weights(target, "generator"))


def test_frozen_networks_stay_as_they_are_through_training_and_looks(
    family: str, trained: Trained, tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    source = trained(family)
    objective = build(tiny(family))
    # The first network whose every player has something else to learn; a player may own no more than one.
    name = next(n for n in objective.networks if all(set(p) != {n} for p in objective.players.values()))
    target = make_training(tiny(family, start={"run": str(source.path), "frozen": [name]}), store, "target")
    before = weights(target)
    for _ in train(target):
        with target.objective.evaluating():
            pass
        assert not any(module.training for module in target.objective.networks[name].modules())
    after = weights(target)
    assert all(torch.equal(value, before[key]) for key, value in after.items() if key.split(".")[0] == name)
    moved = {key.split(".")[0] for key, value in after.items() if not torch.equal(value, before[key])}
    assert moved == set(objective.networks) - {name}


def test_clipping_leaves_a_frozen_critic_alone(
    trained: Trained, tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    source = trained("wgan")
    start = {"run": str(source.path), "frozen": ["critic"]}
    changes = {"objective.lipschitz": "clipping", "objective.clip": 1e-4, "start": start}
    target = make_training(tiny("wgan", **changes), store, "target")
    before = weights(target, "critic")
    for _ in train(target):
        pass
    assert same(before, weights(target, "critic"))


def test_batch_norm_of_a_frozen_network_keeps_its_statistics(
    trained: Trained, tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    source = trained("vae")
    target = make_training(tiny("vae", start={"run": str(source.path), "frozen": ["decoder"]}), store, "target")
    norms = [module for module in target.objective.networks["decoder"].modules() if isinstance(module, nn.BatchNorm2d)]
    assert norms
    before = [module.running_mean.clone() for module in norms if module.running_mean is not None]
    for _ in train(target):
        pass
    assert all(torch.equal(one, module.running_mean) for one, module in zip(before, norms, strict=True))  # type: ignore[arg-type]


def test_a_resumed_run_takes_its_own_checkpoint_though_the_other_run_is_gone(
    trained: Trained, tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    source = trained("classifier")
    recipe = tiny("vae", start={"run": str(source.path), "frozen": ["encoder"]})
    whole = make_training(recipe, store, "whole")
    for _ in train(whole):
        pass
    first = train(make_training(recipe, store, "halves"), until=iter([False] * 3 + [True]).__next__)
    assert [tick.step for tick in first] == [0, 1, 2, 3]
    for path in source.checkpoints().values():
        path.unlink()
    second = make_training(recipe, store, "halves")
    assert (second.start, second.transferred) == (3, None)
    for _ in train(second):
        pass
    assert same(weights(whole), weights(second))
    assert (whole.run.path / "metrics.jsonl").read_bytes() == (second.run.path / "metrics.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ({"networks": {"encodr": "encoder"}}, "start.networks.encodr: this recipe has no such network; did you mean"),
        ({"networks": {"encoder": "encodr"}}, "has no such network; did you mean encoder?"),
        (
            {"networks": {"decoder": "encoder"}},
            "has no encoder.1.weight; make networks of one form, or leave decoder out of",
        ),
        ({"frozen": ["encodr"]}, "start.frozen: this recipe has no network 'encodr'; did you mean encoder?"),
        ({"frozen": ["decoder"]}, "start.frozen: decoder would keep untrained weights"),
        ({"step": 4}, "has no checkpoint at step 4; it has: 3, 6"),
    ],
)
def test_a_start_that_names_what_is_not_there_is_refused(
    start: dict[str, Any],
    said: str,
    trained: Trained,
    tiny: MakeRecipe,
    store: ImageStore,
    make_training: MakeTraining,
) -> None:
    source = trained("classifier")
    recipe = tiny("vae", start={"run": str(source.path)} | start)
    assert said in refused(make_training, recipe, store)


def test_a_tensor_that_does_not_fit_is_refused_with_both_shapes_and_nothing_is_changed(
    trained: Trained, tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = trained("classifier", **{"networks.encoder": {"kind": "mlp", "widths": [5]}})
    monkeypatch.chdir(source.path.parent)
    recipe = tiny("vae", **{"networks.encoder": {"kind": "mlp", "widths": [7]}, "start.run": "source"})
    assert refused(make_training, recipe, store) == (
        "encoder.1.weight is 5x192 in source and 7x192 here; make networks of one form, or leave encoder out of "
        "start.networks"
    )


def test_a_tensor_without_a_place_here_is_refused_with_its_shape(
    trained: Trained, tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    source = trained("classifier", **{"networks.encoder": {"kind": "mlp", "widths": [5, 4]}})
    recipe = tiny("vae", **{"networks.encoder": {"kind": "mlp", "widths": [5]}, "start.run": str(source.path)})
    said = refused(make_training, recipe, store)
    assert said.startswith(f"encoder.3.weight is 4x5 in {source.path}, and there is no encoder.3.weight; make")


def test_a_run_without_a_network_of_the_same_name_is_refused_with_both_lists(
    trained: Trained, tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    source = trained("gan")
    said = refused(make_training, tiny("classifier", **{"start.run": str(source.path)}), store)
    assert "has no network of a name that this recipe has (it has generator, discriminator, source" in said
    assert "pair them in start.networks, like { encoder = " in said


def test_a_player_with_nothing_left_to_learn_is_refused(
    trained: Trained, tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    source = trained("gan")
    recipe = tiny("gan", start={"run": str(source.path), "frozen": ["generator"]})
    assert "player generator would have nothing left to learn" in refused(make_training, recipe, store)


def test_a_start_from_a_folder_that_is_no_run_ends_with_2_before_any_training(
    simulacra: Callable[..., Any],
    recipe_file: Callable[..., Path],
    make_store: Callable[..., Path],
    tmp_path: Path,
) -> None:
    words = ["train", recipe_file("vae"), "--data", make_store(), "--out", tmp_path / "run", "--no-report"]
    ended = simulacra(*words, "--start", tmp_path / "gone")
    assert ended.code == 2
    assert f"start.run: {tmp_path}/gone holds no run" in ended.err
    assert not (tmp_path / "run" / "recipe.toml").exists()
    assert simulacra(*words).code == 0


def test_a_run_says_what_it_took(
    simulacra: Callable[..., Any],
    recipe_file: Callable[..., Path],
    make_store: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    store, run = make_store(), tmp_path / "second"
    assert simulacra("train", recipe_file("classifier"), "--data", store, "--out", "first", "--no-report").code == 0
    words = ["train", recipe_file("vae"), "--data", store, "--out", run, "--start", "first"]
    assert simulacra(*words, "--no-report").code == 0
    assert RunFolder(run).read_facts()["start"]["networks"] == {"encoder": "encoder"}
    assert RunFolder(run).read_recipe().start is not None
    assert simulacra(*words, "--steps", 8).code == 0, "a run goes on as ever"
    assert RunFolder(run).read_facts()["start"]["step"] == 6
    assert "The weights of encoder came from first" in (run / "report.html").read_text("utf-8")


@pytest.fixture
def finished(tiny: MakeRecipe, store: ImageStore, make_training: Callable[..., Training]) -> Training:
    """A GAN with checkpoints at steps 3 and 6."""
    training = make_training(tiny("gan"), store)
    training.run.write_recipe(training.recipe)
    training.run.write_facts({"state": "running"})
    for _ in train(training):
        pass
    return training


def test_the_newest_checkpoint_is_restored(finished: Training) -> None:
    objective, step = restore(finished.run)
    assert step == 6
    for name, value in finished.objective.networks.state_dict().items():
        assert torch.equal(value, objective.networks.state_dict()[name]), name
    assert not any(module.training for module in objective.networks.modules())


def test_a_kept_checkpoint_is_restored_by_its_step(finished: Training) -> None:
    assert restore(finished.run, 3)[1] == 3


def test_a_step_without_checkpoint_is_refused_with_those_there_are(finished: Training) -> None:
    with pytest.raises(RunError, match="no checkpoint at step 4; it has: 3, 6"):
        restore(finished.run, 4)


def test_a_folder_without_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no run"):
        restore(RunFolder(tmp_path))


def test_a_run_without_checkpoint_is_refused(finished: Training) -> None:
    for path in finished.run.checkpoints().values():
        path.unlink()
    with pytest.raises(RunError, match="no checkpoint yet"):
        restore(finished.run)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_checkpoint_cut_short_is_called_damaged(share: float, finished: Training) -> None:
    path = finished.run.checkpoints()[6]
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(RunError, match=r"step-00000006\.pt is damaged; delete it"):
        restore(finished.run)


@pytest.mark.parametrize("content", [b"no checkpoint", b"{}", b"\x80\x02}", b"PK\x03\x04", bytes(1000)])
def test_a_file_that_is_no_checkpoint_is_called_damaged(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "step-00000006.pt"
    path.write_bytes(content)
    with pytest.raises(RunError):
        read_checkpoint(path)


class Mine:
    """Something whose unpickling would run code."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("import pathlib; pathlib.Path('executed').touch()",)


def test_nothing_in_a_checkpoint_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"format": 1, "networks": Mine()}, tmp_path / "step-00000006.pt")
    with pytest.raises(RunError, match="damaged"):
        read_checkpoint(tmp_path / "step-00000006.pt")
    assert not (tmp_path / "executed").exists()


def test_another_format_is_refused(tmp_path: Path) -> None:
    torch.save({"format": 99}, tmp_path / "step-00000006.pt")
    with pytest.raises(RunError, match="has format 99, this version reads 1"):
        read_checkpoint(tmp_path / "step-00000006.pt")


@pytest.mark.parametrize("state", [torch.zeros(2), [1], {"format": 1}, {"format": 1, "step": 6, "networks": {}}])
def test_a_file_of_torch_that_is_no_checkpoint_is_called_damaged(state: object, tmp_path: Path) -> None:
    torch.save(state, tmp_path / "step-00000006.pt")
    with pytest.raises(RunError, match=r"step-00000006\.pt is damaged; delete it"):
        read_checkpoint(tmp_path / "step-00000006.pt")


def test_weights_that_do_not_fit_the_recipe_are_refused(finished: Training) -> None:
    path = finished.run.path / "recipe.toml"
    path.write_text(path.read_text("utf-8").replace("noise = 3", "noise = 5"), "utf-8")
    with pytest.raises(RunError, match=r"does not fit .*recipe\.toml; was that file changed by hand"):
        restore(finished.run)


@pytest.mark.parametrize("part", ["networks", "optimizers"])
def test_a_checkpoint_that_does_not_fit_is_not_gone_on_with(
    part: str, tiny: MakeRecipe, store: ImageStore, make_training: Callable[..., Training]
) -> None:
    recipe = tiny("gan", steps=1, ema=0.5)
    training = make_training(recipe, store)
    for _ in train(training):
        pass
    (path,) = training.run.checkpoints().values()
    state = torch.load(path, weights_only=True)
    state[part]["another"] = state[part].pop(next(iter(state[part])))
    torch.save(state, path)
    with pytest.raises(RunError, match=r"step-00000001\.pt does not fit .*recipe\.toml; was that file changed by hand"):
        make_training(recipe, store)
