"""Where training runs, and with which numbers. Every way to the device gives the same batches."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from simulacra.data.batches import Batch, Batches
from simulacra.data.store import ImageStore
from simulacra.engine import devices
from simulacra.engine.devices import Crew, Devices, copied, feed, fits, resident
from simulacra.errors import RecipeError, RunError


def test_a_device_that_the_machine_lacks_is_refused_with_a_remedy() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has one")
    with pytest.raises(RecipeError, match="--device cuda: this machine has none; try --device auto or cpu"):
        Devices("cuda")


def test_a_device_that_nobody_knows_is_refused() -> None:
    with pytest.raises(RecipeError, match="--device abacus"):
        Devices("abacus")


@pytest.mark.parametrize(("precision", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_products_run_in_the_precision_asked_for(precision: str, dtype: torch.dtype) -> None:
    with Devices("cpu", precision).autocast():  # type: ignore[arg-type]
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype


@pytest.mark.parametrize(("native", "precision"), [(True, "bfloat16"), (False, "float32")])
def test_auto_takes_bfloat16_where_the_processor_multiplies_it(
    native: bool, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "multiplies_bfloat16", lambda device: native)
    assert Devices("cpu", "auto").precision == precision


def test_the_first_process_waits_for_the_others_no_longer_than_they_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(RunError, match="another of the 2 processes of this training has ended or cannot be reached"):
        Devices("cpu", "float32", Crew(rank=0, world=2, local=2, started=True), timedelta(seconds=0.3))


CPU = torch.device("cpu")
WAYS: dict[str, Callable[[Batches, int], Batch]] = {
    "resident": lambda batches, step: resident(batches, CPU)(step),
    "copied": lambda batches, step: copied(batches, step, CPU),
    "fed": lambda batches, step: feed(batches, CPU)(step),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("flip", [True, False])
@pytest.mark.parametrize(("rank", "world"), [(0, 1), (1, 2)])
def test_every_way_to_a_device_gives_the_same_batch(
    way: str, flip: bool, rank: int, world: int, store: ImageStore
) -> None:
    batches = Batches(store, batch=6, seed=3, flip=flip, labels=("Smiling",), rank=rank, world=world)
    for step in (0, 2, 7):
        expected, found = batches[step], WAYS[way](batches, step)
        assert torch.equal(found.images, expected.images)
        assert torch.equal(found.labels, expected.labels)
        assert found.images.is_contiguous(memory_format=torch.channels_last)


def test_images_stay_on_a_device_where_they_take_half_of_its_free_memory_at_most(store: ImageStore) -> None:
    batches = Batches(store, batch=2, seed=0, flip=False, labels=())
    size = batches.count * int(np.prod(store.shape))
    assert fits(batches, 2 * size)
    assert not fits(batches, 2 * size - 1)


def test_what_does_not_lie_on_the_processor_is_sent_there(store: ImageStore) -> None:
    batches = Batches(store, batch=2, seed=0, flip=False, labels=())
    assert feed(batches, torch.device("meta"))(0).images.device.type == "meta"


@pytest.mark.parametrize("send", [lambda b, to: copied(b, 0, to), lambda b, to: b[0].to(to)])
def test_only_cuda_is_not_waited_for(
    send: Callable[[Batches, torch.device], Batch], store: ImageStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches, to, told = Batches(store, batch=2, seed=0, flip=False, labels=()), torch.Tensor.to, []

    def sent(self: torch.Tensor, *words: Any, non_blocking: bool = False) -> torch.Tensor:
        told.append(non_blocking)
        return self if isinstance(words[0], SimpleNamespace) else to(self, *words)

    monkeypatch.setattr(torch.Tensor, "to", sent)
    send(batches, CPU)
    assert not any(told)
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: self)
    send(batches, SimpleNamespace(type="cuda"))  # type: ignore[arg-type]
    assert sum(told) == 2
