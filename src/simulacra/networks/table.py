"""The layers of a network and the shapes of their outputs, without computing any values."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call

from simulacra.networks.layers import UpsampleConv2d


@dataclass(frozen=True)
class Row:
    """One layer of a network.

    Args:
        layer: its type and numbers, like "Conv2d k4 s2 p1".
        shape: of its output without the batch: (C, H, W) or (width,).
        parameters: the number of its parameters.
    """

    layer: str
    shape: tuple[int, ...]
    parameters: int


def output_shape(network: nn.Module, *inputs: int) -> tuple[int, ...]:
    """Shape of a network's output without the batch; it needs no memory and leaves random state and batch norm.

    Args:
        network: takes and gives one tensor; on any device.
        inputs: shape of its input without the batch: C, H, W, or the width of a code.
    """
    return tuple(_shadow(network, _batch(inputs)).shape[1:])


def layer_table(network: nn.Sequential, *inputs: int) -> list[Row]:
    """One row per layer, in order, as torchsummary prints them; the rows' parameters add up to the network's.

    Args:
        network: layers, or nested `nn.Sequential`s, whose layers are rows too.
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
    # Two images, because batch norm in training refuses a single value per channel.
    return torch.empty(2, *inputs, device="meta")


def _shadow(network: nn.Module, values: Tensor) -> Tensor:
    """The network's forward pass on the meta device: shapes only, with its state on the meta device too."""
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
    """A layer's type and its settings; "k4x6" is a kernel of height 4 and width 6."""
    # A layer of ours that computes what torch's own does is called as torch's.
    ours = isinstance(layer, UpsampleConv2d)
    name = (
        type(layer).__name__
        if ours
        else next(kind.__name__ for kind in type(layer).__mro__ if kind.__module__.startswith("torch."))
    )
    match layer:
        case UpsampleConv2d():
            return f"{name} x2 k{layer.kernel_size[0]} s1 p{layer.padding[0]}"
        case nn.Conv2d() | nn.ConvTranspose2d():
            high, wide = layer.kernel_size
            kernel = f"k{high}" if high == wide else f"k{high}x{wide}"
            extra = f" op{layer.output_padding[0]}" if any(layer.output_padding) else ""
            return f"{name} {kernel} s{layer.stride[0]} p{layer.padding[0]}{extra}"
        case nn.LeakyReLU():
            return f"{name} {layer.negative_slope:g}"
        case nn.Dropout():
            return f"{name} {layer.p:g}"
        case _:
            return name
