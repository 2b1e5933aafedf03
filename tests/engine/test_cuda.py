"""On a GPU: the same batches, nearly the same updates, and exact resume. Machines without a GPU skip these tests."""

from pathlib import Path
from typing import Any

import pytest
import torch

from simulacra.data.batches import Batches
from simulacra.data.store import ImageStore
from simulacra.engine.devices import Devices, copied, feed, resident
from simulacra.runs import RunFolder
from simulacra.verbs.train import train

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")

STEPS = 6


@pytest.mark.parametrize("way", [lambda b, to: resident(b, to)(2), lambda b, to: copied(b, 2, to)])
def test_every_way_to_a_gpu_gives_the_batch_of_the_processor(way: Any, store: ImageStore) -> None:
    batches = Batches(store, batch=6, seed=3, flip=True, labels=("Smiling",))
    sent = way(batches, torch.device("cuda"))
    assert torch.equal(sent.images.cpu(), batches[2].images)
    assert torch.equal(sent.labels.cpu(), batches[2].labels)
    assert torch.equal(feed(batches, torch.device("cuda"))(2).images.cpu(), batches[2].images)


def test_auto_takes_the_gpu_and_its_bfloat16() -> None:
    devices = Devices("auto")
    assert devices.device.type == "cuda"
    with devices.autocast():
        product = torch.ones(2, 2, device="cuda") @ torch.ones(2, 2, device="cuda")
    assert product.dtype == (torch.bfloat16 if devices.precision == "bfloat16" else torch.float32)


def run(recipe: Any, store: ImageStore, folder: Path, device: str, **options: Any) -> RunFolder:
    finished = train(recipe, str(store.path), folder, device=device, report=False, **options)
    return RunFolder(finished.run)


def test_a_gpu_trains_as_the_processor_does(family: str, tiny: Any, store: ImageStore, tmp_path: Path) -> None:
    recipe = tiny(family, steps=STEPS, precision="float32", **{"every.log": 1})
    rows = [run(recipe, store, tmp_path / device, device).rows("metrics") for device in ("cpu", "cuda")]
    for key, value in rows[0][0].items():
        assert rows[1][0][key] == pytest.approx(value, rel=1e-2, abs=1e-3), key


def test_resume_on_a_gpu_goes_on_from_where_it_stopped(
    family: str, tiny: Any, store: ImageStore, tmp_path: Path
) -> None:
    recipe = tiny(family, steps=STEPS, precision="float32", **{"every.log": 1})
    whole = run(recipe, store, tmp_path / "whole", "cuda").rows("metrics")
    run(recipe, store, tmp_path / "parts", "cuda", steps=STEPS // 2)
    parts = run(recipe, store, tmp_path / "parts", "cuda").rows("metrics")
    assert [row["step"] for row in parts] == [row["step"] for row in whole]
    for one, other in zip(whole, parts, strict=True):
        assert other == pytest.approx(one, rel=1e-2, abs=1e-3)
