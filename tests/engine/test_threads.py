"""How many threads a training uses: the choice, what it leaves alone, and what is kept."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from simulacra.data.store import ImageStore
from simulacra.engine.devices import Devices
from simulacra.engine.threads import Trial, choose_threads, try_threads
from simulacra.objectives import build
from simulacra.recipe import Recipe
from simulacra.runs import RunFolder
from simulacra.verbs.train import train

MakeRecipe = Callable[..., Recipe]


@pytest.fixture(autouse=True)
def _two_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("rates", "best"),
    [({}, None), ({1: 100.0, 2: 190.0}, 2), ({1: 110.0, 2: 100.0}, 2), ({1: 460.0, 2: 190.0}, 1)],
)
def test_fewer_threads_are_chosen_where_they_are_much_faster(rates: dict[int, float], best: int | None) -> None:
    assert Trial(rates).best == best


def test_a_trial_times_one_thread_and_all_and_changes_nothing(family: str, tiny: MakeRecipe, store: ImageStore) -> None:
    recipe = tiny(family, steps=10**9)
    objective = build(recipe)
    before = {key: value.clone() for key, value in objective.networks.state_dict().items()}
    torch.manual_seed(5)
    trial = try_threads(recipe, objective, store, Devices("cpu", "float32"))
    drawn = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(3)), "no random number was drawn"
    assert set(trial.rates) == {1, 2}
    assert all(rate > 0 for rate in trial.rates.values())
    assert trial.others is None or 0 <= trial.others <= 1
    assert torch.get_num_threads() == 2
    assert all(value.equal(before[key]) for key, value in objective.networks.state_dict().items())


def test_a_tiny_training_has_no_trial(tiny: MakeRecipe, store: ImageStore) -> None:
    recipe = tiny("gan")
    assert try_threads(recipe, build(recipe), store, Devices("cpu", "float32")).rates == {}


@pytest.mark.parametrize(
    ("given", "before", "used", "said"),
    [(1, None, 1, False), (1, 2, 1, True), (None, 1, 1, False), (None, 2, 2, False)],
)
def test_what_was_asked_for_or_used_before_is_used(
    given: int | None, before: int | None, used: int, said: bool, tiny: MakeRecipe, store: ImageStore
) -> None:
    recipe, lines = tiny("gan", steps=10**9), []
    objective, devices = build(recipe), Devices("cpu", "float32")
    facts = choose_threads(recipe, objective, store, devices, given=given, before=before, say=lines.append)
    if used <= torch.get_num_threads():
        assert facts == {}
    assert torch.get_num_threads() == used
    assert bool(lines) == said


def test_a_run_keeps_its_threads_and_gives_them_back(
    tiny: MakeRecipe, make_store: Callable[..., Path], tmp_path: Path
) -> None:
    data: Any = str(make_store())
    train(tiny("gan"), data, tmp_path / "run", threads=1, report=False)
    assert RunFolder(tmp_path / "run").read_facts()["threads"] == 1
    assert torch.get_num_threads() == 2
    train(tiny("gan", steps=8), data, tmp_path / "run", report=False)
    assert RunFolder(tmp_path / "run").read_facts()["threads"] == 1
