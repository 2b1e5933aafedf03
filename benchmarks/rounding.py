"""bfloat16's rounding on a processor that multiplies none: values as autocast would round them, products in float32.

Native kernels add up in float32 too, so that beside autocast only the order of additions differs, and the slope of an
activation that autocast rounds.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

# What autocast computes in bfloat16, and what hands a bfloat16 map on as one.
PRODUCTS = {
    torch.conv2d,
    torch.conv_transpose2d,
    torch.matmul,
    torch.Tensor.matmul,
    torch.Tensor.__matmul__,
    functional.linear,
}
KEEPERS = {functional.batch_norm, functional.relu, functional.leaky_relu}


def rounded(value: Any) -> Any:
    """A float32 tensor with bfloat16's 8 bits of mantissa, whose gradient is rounded likewise; all else as it is."""
    if isinstance(value, Tensor) and value.dtype == torch.float32:
        return value.bfloat16().float()
    return value


class Rounding(TorchFunctionMode):
    """While open, products take rounded values and give rounded ones; norms and activations give rounded ones."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Called by torch for each of its functions."""
        named = kwargs or {}
        if func in PRODUCTS:
            values = {name: rounded(value) for name, value in named.items()}
            return rounded(func(*(rounded(value) for value in args), **values))
        result = func(*args, **named)
        return rounded(result) if func in KEEPERS else result
