"""Special layers beside torch's own: how long an update of a recipe takes with each, pair by pair.

    OMP_NUM_THREADS=1 python benchmarks/layers.py fashion-dcgan whole [--pairs 40] [--batch 64]

Two equal trainings take turns, update by update; processor time of one thread counts. The figure is the median of the
pairs' ratios, torch's own layers over the special ones, with the quartiles. Above 1 the special layers are faster.
"""

import argparse
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from simulacra.data.resolve import fit
from simulacra.engine.devices import Devices
from simulacra.recipe import load
from simulacra.runs import RunFolder
from simulacra.verbs.bench import made_up, set_up

WARM = 3


class WholeConv2d(nn.Conv2d):
    """A convolution whose kernel is as large as the image, as a matrix product."""

    def forward(self, input: Tensor) -> Tensor:
        filters = self.weight.permute(0, 2, 3, 1).flatten(1)
        return nn.functional.linear(input.permute(0, 2, 3, 1).flatten(1), filters, self.bias)[:, :, None, None]


class WholeConvTranspose2d(nn.ConvTranspose2d):
    """A transposed convolution of a single pixel, as a matrix product."""

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        filters = self.weight.permute(0, 2, 3, 1)  # in, h, w, out
        images = (input.flatten(1) @ filters.flatten(1)).view(-1, *filters.shape[1:]).permute(0, 3, 1, 2)
        return images if self.bias is None else images + self.bias[:, None, None]


class MapUnflatten(nn.Unflatten):
    """Rows to maps that are channels-last."""

    def forward(self, input: Tensor) -> Tensor:
        return channels_last(super().forward(input))


class MapFlatten(nn.Flatten):
    """Maps to rows; gradients come back as channels-last maps."""

    def forward(self, input: Tensor) -> Tensor:
        if input.requires_grad:
            input.register_hook(channels_last)
        return super().forward(input)


def channels_last(maps: Tensor) -> Tensor:
    return maps.contiguous(memory_format=torch.channels_last)


Swap = tuple[nn.Module, type[nn.Module], type[nn.Module]]  # a layer, torch's own class and the special class


def swaps(network: nn.Sequential, which: str) -> list[Swap]:
    """The layers of a network that have a special form."""
    layers = [*network, None]
    return [swap for one, two in pairwise(layers) if (swap := swap_of(one, two, which))]


def swap_of(layer: nn.Module, after: nn.Module | None, which: str) -> Swap | None:
    """The swap of a layer, given the layer after it."""
    if which == "whole":
        if isinstance(layer, nn.Conv2d) and isinstance(after, nn.Flatten):
            return layer, nn.Conv2d, WholeConv2d
        if isinstance(layer, nn.Unflatten) and isinstance(after, nn.ConvTranspose2d):
            return after, nn.ConvTranspose2d, WholeConvTranspose2d
        return None
    if isinstance(layer, nn.Flatten) and isinstance(after, nn.Linear):
        return layer, nn.Flatten, MapFlatten
    if isinstance(layer, nn.Unflatten) and layer.unflattened_size[1:] != (1, 1) and after is not None:
        return layer, nn.Unflatten, MapUnflatten
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe")
    parser.add_argument("which", choices=("whole", "maps"))
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--batch", type=int, default=None)
    words = parser.parse_args()
    torch.set_num_threads(1)
    changes = {"precision": "float32"} | ({"data.batch": words.batch} if words.batch else {})
    recipe = load(words.recipe, changes)
    store = made_up(recipe)
    recipe = fit(recipe, store)
    with tempfile.TemporaryDirectory() as folder:
        trainings = []
        for form in (0, 1):
            training = set_up(recipe, RunFolder(Path(folder) / str(form)), store, Devices("cpu", "float32"))
            changed = 0
            for network in training.objective.networks.values():
                for layer, *classes in swaps(network, words.which):
                    layer.__class__ = classes[form]
                    changed += 1
            trainings.append(training)
        seconds: list[list[float]] = [[], []]
        for step in range(WARM + words.pairs):
            for form in (step % 2, 1 - step % 2):
                training = trainings[form]
                batch = training.batches[step]
                torch.manual_seed(step)
                begin = time.process_time()
                training.objective.update(batch, step, training.optimize)
                seconds[form].append(time.process_time() - begin)
    plain, ours = (np.array(part[WARM:]) for part in seconds)
    low, middle, high = np.quantile(plain / ours, [0.25, 0.5, 0.75])
    print(f"{words.recipe} {words.which}, batch {recipe.data.batch}, {changed} layers: ", end="")
    print(f"{middle:.3f} ({low:.3f} to {high:.3f}), ", end="")
    print(f"{1e3 * np.median(plain):.1f} and {1e3 * np.median(ours):.1f} ms")


if __name__ == "__main__":
    main()
