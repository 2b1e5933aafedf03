"""Products: how many floating-point operations matrix products and convolutions take, forward and backward."""

from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


class Products(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has not annotated it
    """Adds up the work of all products that are made while it is entered.

    By the formulas of torch.utils.flop_counter: a multiply-add is two operations, a border counts as if it were full,
    and of a backward pass only the gradients that are computed. Its own FlopCounterMode, which also tells modules
    apart, cannot follow `torch.autograd.grad`, which gradient penalties use.

    Attributes:
        flops: the sum so far.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Runs an operator as ever, and counts it."""
        made = func(*args, **(kwargs or {}))
        if formula := flop_registry.get(func._overloadpacket):
            self.flops += formula(*args, **(kwargs or {}), out_val=made)
        return made
