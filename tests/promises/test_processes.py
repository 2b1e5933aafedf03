"""Several processes are one training: equal losses, one that speaks and writes, and one end for all."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import nn

from simulacra.data.store import open_store
from simulacra.engine.checkpoints import read_checkpoint
from simulacra.engine.devices import CommonBatchNorm2d, Crew, Devices, synchronize
from simulacra.engine.loop import train
from simulacra.errors import RecipeError
from simulacra.recipe import Recipe, to_toml
from simulacra.runs import RunFolder

PROGRAM = Path(__file__).with_name("together.py")
SEES = {"kind": "convolution", "channels": [4, 8], "norm": "none"}
MAKES = {"kind": "deconvolution", "channels": [8, 4], "norm": "none"}
RHYTHM = {"steps": 4, "every.log": 2, "every.checkpoint": 2}
# In bfloat16 a batch and its halves round differently: docs/scale.md says by how much.
EXACT = {"precision": "float32"}
# Every draw that belongs to an image is made by one of these; the last ones have batch norm.
EQUAL: dict[str, dict[str, Any]] = {
    "vae": {},
    "gan": {"objective.augment": ["color", "translation", "cutout"]},
    "r3gan": {},
    "wgan": {"objective.lipschitz": "penalty"},
    "acgan": {},
    "infogan": {},
    "classifier": {"objective.augment": ["translation"]},
    "gan-synchronized": {"sync_batch_norm": True},
    "vae-synchronized": {"sync_batch_norm": True},
}
# What a process computes of its share alone, as docs/scale.md says.
OF_A_SHARE = {"r3gan": ("accuracy/real", "accuracy/fake")}


class Ended(NamedTuple):
    """What processes that ran together left behind."""

    folder: Path
    output: str
    code: int
    notes: list[dict[str, Any]]


def recipe_of(name: str, tiny: Callable[..., Recipe], **changes: Any) -> Recipe:
    """A recipe of EQUAL."""
    family, synchronized = name.partition("-")[::2]
    plain = tiny(family)
    norm = {"norm": "batch"} if synchronized else {}
    networks = {
        f"networks.{place}": (SEES if network.kind == "convolution" else MAKES) | norm
        for place, network in plain.networks.items()
    }
    return tiny(family, **networks | RHYTHM | EXACT | EQUAL[name] | changes)


def together(folder: Path, plan: list[dict[str, Any]], *before: str) -> Ended:
    """Runs a plan in two processes, of which the first starts the second, or torchrun both, with these words."""
    (folder / "plan.json").write_text(json.dumps(plan), "utf-8")
    env = os.environ | {"TOGETHER": str(folder), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    ended = subprocess.run(
        [sys.executable, *before, str(PROGRAM)], env=env, capture_output=True, text=True, timeout=240, check=False
    )
    notes = [folder / f"notes-{rank}.json" for rank in (0, 1)]
    left = [json.loads(path.read_text("utf-8")) for path in notes if path.exists()]
    return Ended(folder, ended.stdout + ended.stderr, ended.returncode, left)


def words(folder: Path, recipe: str, *more: str, out: str = "") -> list[str]:
    """A command line that trains a recipe of the folder into `two-OUT`."""
    place = ["--data", str(folder / "store"), "--out", str(folder / f"two-{out or recipe}")]
    return ["train", str(folder / f"{recipe}.toml"), *place, "--no-report", "--device", "cpu", *more]


@pytest.fixture(scope="module")
def folder(
    tmp_path_factory: pytest.TempPathFactory, make_store_in: Callable[..., Path], tiny: Callable[..., Recipe]
) -> Path:
    """A folder with a store and the recipes of EQUAL."""
    path = tmp_path_factory.mktemp("together")
    make_store_in(path)
    for name in EQUAL:
        (path / f"{name}.toml").write_text(to_toml(recipe_of(name, tiny)), "utf-8")
    return path


@pytest.fixture(scope="module")
def two(folder: Path) -> Ended:
    """Every recipe of EQUAL in two processes; a training that is told to stop; one that goes on; one that cannot."""
    plan: list[dict[str, Any]] = [{"words": words(folder, name, "--devices", "2")} for name in EQUAL]
    stopped = words(folder, "vae", "--devices", "2", out="stopped")
    plan += [{"words": stopped, "step": 0, "signal": signal.SIGTERM}, {"words": stopped}]
    plan += [{"words": words(folder, "vae", "--devices", "2", "--set", "optimizer.lr=1e30", out="diverged")}]
    return together(folder, plan)


@pytest.mark.parametrize("name", EQUAL)
def test_two_processes_with_half_a_batch_have_the_losses_of_one_with_the_whole(
    name: str, two: Ended, tiny: Callable[..., Recipe], make_training: Callable[..., Any]
) -> None:
    one = make_training(recipe_of(name, tiny), open_store(two.folder / "store"))
    for _ in train(one):
        pass
    expected, found = one.run.rows("metrics"), RunFolder(two.folder / f"two-{name}").rows("metrics")
    assert len(expected) == 2
    for row in (*expected, *found):
        for key in OF_A_SHARE.get(name, ()):
            del row[key]
    assert found == [pytest.approx(row, rel=1e-5, abs=1e-6) for row in expected]


def test_only_the_first_process_writes_and_speaks(two: Ended) -> None:
    first, other = two.notes
    assert other["written"] == []
    assert any(".run.json." in name for name in first["written"])
    done = len(EQUAL) + 1
    assert two.output.count("measuring and drawing") == done
    assert two.output.count(": finished: 4 steps in ") >= done
    assert "Warning" not in two.output
    assert RunFolder(two.folder / "two-vae").read_facts()["processes"] == 2


def test_a_signal_to_any_process_saves_and_stops_all_and_the_training_goes_on(two: Ended) -> None:
    codes = [notes["codes"][-3:-1] for notes in two.notes]
    assert codes == [[128 + signal.SIGTERM, 0], [0, 0]]
    assert two.output.count("stopped at step 1, saved") == 1
    assert two.output.count("going on from step 1") == 1
    rows = [(two.folder / run / "metrics.jsonl").read_bytes() for run in ("two-vae", "two-stopped")]
    assert rows[0] == rows[1]


def test_an_error_is_one_sentence_and_ends_all_processes(two: Ended) -> None:
    assert two.output.count("stopped being finite") == 1
    assert "Traceback" not in two.output
    assert two.code == 143


def test_where_one_process_dies_the_first_says_so_and_ends(two: Ended, tmp_path: Path) -> None:
    dead = words(two.folder, "vae", "--devices", "2", out="dead")
    ended = together(tmp_path, [{"words": dead, "step": 3, "signal": signal.SIGKILL}])
    assert (ended.code, [notes["codes"] for notes in ended.notes]) == (2, [[2]])
    assert ended.output.count("another of the 2 processes of this training has ended or cannot be reached") == 1


@pytest.fixture(scope="module")
def begun_again(two: Ended, make_store_in: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """Under torchrun: a training of which a process is killed, the same once more, and one that cannot go on."""
    make_store_in(two.folder, seed=1, name="strange")
    killed = words(two.folder, "vae", out="killed")
    strange = words(two.folder, "vae", out="strange")
    other = [word.replace(str(two.folder / "store"), str(two.folder / "strange")) for word in strange]
    plan = [
        {"words": killed, "step": 3, "signal": signal.SIGKILL},
        {"words": killed},
        {"words": strange, "other": other},
    ]
    torchrun = "-m torch.distributed.run --nproc-per-node 2 --max-restarts 1 --local-addr 127.0.0.1"
    meeting = "--rdzv-backend c10d --rdzv-endpoint 127.0.0.1:0"
    folder = tmp_path_factory.mktemp("torchrun")
    return together(folder, plan, *torchrun.split(), *meeting.split())


def test_after_a_kill_torchrun_begins_again_and_the_run_ends_as_if_nothing_had_been(
    two: Ended, begun_again: Ended
) -> None:
    assert begun_again.output.count("going on from step 2") == 1
    whole, killed = (RunFolder(two.folder / f"two-{name}") for name in ("vae", "killed"))
    assert (whole.path / "metrics.jsonl").read_bytes() == (killed.path / "metrics.jsonl").read_bytes()
    one, other = (flat(read_checkpoint(run.checkpoints()[4])) for run in (whole, killed))
    assert one == other


def test_a_run_that_is_finished_ends_all_processes_that_wait_for_it(begun_again: Ended) -> None:
    assert begun_again.output.count("two-killed is finished: 4 steps in ") == 1
    assert [notes["codes"][:2] for notes in begun_again.notes] == [[0, 0], [0, 0]]


def test_trouble_of_one_process_is_told_by_the_first_and_ends_all(two: Ended, begun_again: Ended) -> None:
    told = "strange holds other data than the first process has; give every machine the same"
    assert begun_again.output.count(told) == 1
    assert "simulacra: process 1 on" in begun_again.output
    assert not (two.folder / "two-strange" / "recipe.toml").exists()
    assert [notes["codes"][2] for notes in begun_again.notes] == [2, 1]


def flat(state: Any) -> Any:
    """A checkpoint's state without tensors, so that two can be compared."""
    if isinstance(state, dict):
        return {key: flat(value) for key, value in state.items()}
    return state.tolist() if isinstance(state, torch.Tensor) else state


def test_a_batch_that_processes_cannot_share_equally_is_refused_before_any_starts(
    simulacra: Callable[..., Any], two: Ended
) -> None:
    ended = simulacra(*words(two.folder, "vae", "--devices", "3", out="shared"))
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "simulacra: data.batch = 4 cannot be shared equally by 3 processes; set data.batch=6\n"
    assert not (two.folder / "two-shared").exists()


def test_under_torchrun_another_number_of_devices_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"TORCHELASTIC_RUN_ID": "none", "RANK": "3", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert Crew.of(1) == Crew.of(2) == Crew(rank=3, world=4, local=2, started=True)
    with pytest.raises(RecipeError, match="--devices 3: torchrun started 2 processes on this machine; leave"):
        Crew.of(3)


@pytest.mark.parametrize("offset", [0.0, 50.0])
def test_a_common_batch_norm_of_one_process_is_batch_norm(offset: float) -> None:
    plain, common = (nn.Sequential(nn.BatchNorm2d(3), nn.ReLU()) for _ in range(2))
    synchronize(common, Devices("cpu", "float32"))
    assert isinstance(common[0], CommonBatchNorm2d)
    assert list(common.state_dict()) == list(plain.state_dict())
    images = torch.randn(4, 3, 5, 5) * 2 + offset
    inputs = [images.clone().requires_grad_() for _ in range(2)]
    for network, given in zip((plain, common), inputs, strict=True):
        network(given).square().sum().backward()
    gradients = [
        [given.grad, *(p.grad for p in n.parameters())] for given, n in zip(inputs, (plain, common), strict=True)
    ]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(dict(plain.state_dict()), dict(common.state_dict()))
    common.load_state_dict(plain.state_dict())
    assert torch.equal(plain.eval()(images), common.eval()(images)), "equal statistics give equal images"
