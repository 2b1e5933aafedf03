"""Where training runs, and with which numbers."""

from datetime import timedelta

import pytest
import torch

from simulacra.engine import devices
from simulacra.engine.devices import Crew, Devices
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
    monkeypatch.setattr(devices, "PATIENCE", timedelta(seconds=0.3))
    for name, value in {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(RunError, match="another of the 2 processes of this training has ended or cannot be reached"):
        Devices("cpu", "float32", Crew(rank=0, world=2, local=2, started=True))
