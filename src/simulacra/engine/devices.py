"""Devices: where training runs, with which numbers and in how many processes. The only file that knows Fabric."""

import logging
import warnings
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, Literal

import torch
from torch import Tensor, nn

from simulacra.errors import RecipeError

Precision = Literal["auto", "float32", "bfloat16"]


class Devices:
    """One process's view of the machine.

    Networks are not wrapped: Fabric launches, places, autocasts and reduces, so state dicts keep plain names and any
    method of a network may be called.

    Args:
        device: auto, cpu, cuda or mps.
        precision: auto takes bfloat16 where the device multiplies it natively.

    Raises:
        RecipeError: the machine has no such device.
    """

    def __init__(self, device: str = "auto", precision: Precision = "auto") -> None:
        with warnings.catch_warnings():
            # Fabric, while it is imported and set up, warns of things that concern its trainer's users only.
            warnings.simplefilter("ignore")
            from lightning_fabric import Fabric

            for name in ("lightning.fabric", "lightning_fabric"):
                logging.getLogger(name).setLevel(logging.ERROR)

            try:
                probe = Fabric(accelerator=device, devices=1)
            except (ValueError, RuntimeError) as error:
                raise RecipeError(f"--device {device}: this machine has none; try --device auto or cpu") from error
            native = multiplies_bfloat16(probe.device)
            self.precision = ("bfloat16" if native else "float32") if precision == "auto" else precision
            kind: Any = "bf16-mixed" if self.precision == "bfloat16" else "32-true"
            self.fabric = Fabric(accelerator=device, devices=1, precision=kind)
        self.device = self.fabric.device
        self.rank = self.fabric.global_rank
        self.world = self.fabric.world_size

    def place(self, networks: nn.Module) -> None:
        """Moves networks here, their kernels channels-last as the images are."""
        networks.to(device=self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def autocast(self) -> AbstractContextManager[Any]:
        """A context in which products and convolutions run in this precision."""
        return self.fabric.autocast()

    def backward(self, loss: Tensor, inputs: list[nn.Parameter]) -> None:
        """Gradients of a loss for these parameters and no others."""
        self.fabric.backward(loss, inputs=inputs)

    def average(self, parameters: Iterable[nn.Parameter]) -> None:
        """Averages gradients over all processes."""
        if self.world > 1:
            for parameter in parameters:
                if parameter.grad is not None:
                    self.fabric.all_reduce(parameter.grad, reduce_op="mean")  # in place


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 products run natively, rather than by conversion, on a device."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # torch names these two probes with an underscore, and gives no public ones.
    probes: list[Callable[[], bool]] = [torch.cpu._is_avx512_bf16_supported, torch.cpu._is_amx_tile_supported]
    return device.type == "cpu" and any(probe() for probe in probes)
