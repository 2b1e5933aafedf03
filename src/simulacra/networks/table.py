"""What a network is made of and what comes out of it, found without computing anything."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call


@dataclass(frozen=True)
class Row:
    """One layer of a network.

    Args:
        layer: its type and numbers, like "Conv2d k4 s2 p1".
        shape: of its output without the batch: (C, H, W) or (width,).
        parameters: how many numbers it learns.
    """

    layer: str
    shape: tuple[int, ...]
    parameters: int


def output_shape(network: nn.Module, *inputs: int) -> tuple[int, ...]:
    """Shape of a network's output without the batch; takes no memory, draws nothing, leaves batch norm's state alone.

    Args:
        network: takes and gives one tensor; on any device.
        inputs: shape of its input without the batch: C, H, W, or the width of a code.
    """
    return tuple(_shadow(network, _batch(inputs)).shape[1:])


def layer_table(network: nn.Sequential, *inputs: int) -> list[Row]:
    """One row a layer, in order, as torchsummary prints it; the parameters of all rows are those of the network.

    Args:
        network: layers, or networks that are `nn.Sequential` themselves and whose layers then are rows.
        inputs: shape of its input without the batch: C, H, W, or the width of a code.
    """
    rows = []
    values = _batch(inputs)
    for layer in _layers(network):
        values = _shadow(layer, values)
        parameters = sum(parameter.numel() for parameter in layer.parameters())
        rows.append(Row(_describe(layer), tuple(values.shape[1:]), parameters))
    return rows


def _batch(inputs: tuple[int, ...]) -> Tensor:
    # Two images, as batch norm in training refuses a single value a channel.
    return torch.empty(2, *inputs, device="meta")


def _shadow(network: nn.Module, values: Tensor) -> Tensor:
    """The network's forward pass on the meta device: shapes only, with shadows in place of weights and statistics."""
    state = {name: tensor.to("meta") for name, tensor in (*network.named_parameters(), *network.named_buffers())}
    with torch.no_grad():
        outputs: Tensor = functional_call(network, state, (values,))
    return outputs


def _layers(network: nn.Sequential) -> Iterator[nn.Module]:
    for layer in network:
        if isinstance(layer, nn.Sequential):
            yield from _layers(layer)
        else:
            yield layer


def _describe(layer: nn.Module) -> str:
    """A layer's type and the numbers that matter, "k4x6" being a kernel 4 high and 6 wide."""
    # A layer of ours is called what the layer of torch is that it computes.
    name = next(kind.__name__ for kind in type(layer).__mro__ if kind.__module__.startswith("torch."))
    match layer:
        case nn.Conv2d() | nn.ConvTranspose2d():
            high, wide = layer.kernel_size
            kernel = f"k{high}" if high == wide else f"k{high}x{wide}"
            extra = f" op{layer.output_padding[0]}" if any(layer.output_padding) else ""
            return f"{name} {kernel} s{layer.stride[0]} p{layer.padding[0]}{extra}"
        case nn.LeakyReLU():
            return f"{name} {layer.negative_slope:g}"
        case nn.Dropout():
            return f"{name} {layer.p:g}"
        case nn.Upsample():
            return f"{name} x{layer.scale_factor:g}"
        case _:
            return name
