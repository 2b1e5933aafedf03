"""Run folder -> objective; and what happens where a checkpoint is not what it should be."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from simulacra.data.store import ImageStore
from simulacra.engine.checkpoints import read_checkpoint, restore
from simulacra.engine.loop import Training, train
from simulacra.errors import RunError
from simulacra.recipe import Recipe
from simulacra.runs import RunFolder

MakeRecipe = Callable[..., Recipe]


@pytest.fixture
def trained(tiny: MakeRecipe, store: ImageStore, make_training: Callable[..., Training]) -> Training:
    """A GAN with checkpoints at steps 3 and 6."""
    training = make_training(tiny("gan"), store)
    training.run.write_recipe(training.recipe)
    training.run.write_facts({"state": "running"})
    for _ in train(training):
        pass
    return training


def test_the_newest_checkpoint_is_restored(trained: Training) -> None:
    objective, step = restore(trained.run)
    assert step == 6
    for name, value in trained.objective.networks.state_dict().items():
        assert torch.equal(value, objective.networks.state_dict()[name]), name
    assert not any(module.training for module in objective.networks.modules())


def test_a_kept_checkpoint_is_restored_by_its_step(trained: Training) -> None:
    assert restore(trained.run, 3)[1] == 3


def test_a_step_without_checkpoint_is_refused_with_those_there_are(trained: Training) -> None:
    with pytest.raises(RunError, match="no checkpoint at step 4; it has: 3, 6"):
        restore(trained.run, 4)


def test_a_folder_without_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no run"):
        restore(RunFolder(tmp_path))


def test_a_run_without_checkpoint_is_refused(trained: Training) -> None:
    for path in trained.run.checkpoints().values():
        path.unlink()
    with pytest.raises(RunError, match="no checkpoint yet"):
        restore(trained.run)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_checkpoint_cut_short_is_called_damaged(share: float, trained: Training) -> None:
    path = trained.run.checkpoints()[6]
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(RunError, match=r"step-00000006\.pt is damaged; delete it"):
        restore(trained.run)


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


def test_weights_that_do_not_fit_the_recipe_are_refused(trained: Training) -> None:
    path = trained.run.path / "recipe.toml"
    path.write_text(path.read_text("utf-8").replace("noise = 3", "noise = 5"), "utf-8")
    with pytest.raises(RunError, match=r"does not fit .*recipe\.toml; was that file changed by hand"):
        restore(trained.run)


@pytest.mark.parametrize("part", ["networks", "optimizers"])
def test_a_checkpoint_that_does_not_fit_is_not_gone_on_with(
    part: str, tiny: MakeRecipe, store: ImageStore, make_training: Callable[..., Training]
) -> None:
    recipe = tiny("gan", steps=1, average=0.5)
    training = make_training(recipe, store)
    for _ in train(training):
        pass
    (path,) = training.run.checkpoints().values()
    state = torch.load(path, weights_only=True)
    state[part]["another"] = state[part].pop(next(iter(state[part])))
    torch.save(state, path)
    with pytest.raises(RunError, match=r"step-00000001\.pt does not fit .*recipe\.toml; was that file changed by hand"):
        make_training(recipe, store)
