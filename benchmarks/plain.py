"""Three trainings as a textbook would write them: what Simulacra's speed is held against.

    python benchmarks/plain.py dcgan-64 [--batch 128] [--seconds 10] [--json]

Float32, channels first, one batch that stays in memory; the discriminator is run twice, and the generator's step sends
gradients into the discriminator's weights too, where nobody wants them. The networks are those of the recipes of
benchmarks/training.py; nothing of Simulacra is imported.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss

Step = Callable[[], None]
WARM, LEAST = 2, 3  # steps that are not measured, and that are at least


def seeing(channels: list[int], *, normed_first: bool, stem: bool = False, bias: bool = False) -> list[nn.Module]:
    """Convolutions that halve an image, each with batch norm and a leaky ReLU; the stem keeps its size."""
    rows: list[nn.Module] = []
    for place, (inputs, outputs) in enumerate(pairwise(channels)):
        kernel, stride = (3, 1) if stem and place == 0 else (4, 2)
        rows.append(nn.Conv2d(inputs, outputs, kernel, stride, padding=1, bias=bias))
        if normed_first or place:
            rows.append(nn.BatchNorm2d(outputs))
        rows.append(nn.LeakyReLU(0.2))
    return rows


def making(channels: list[int], activation: Callable[[], nn.Module]) -> list[nn.Module]:
    """Transposed convolutions that double an image, each with batch norm and an activation."""
    rows: list[nn.Module] = []
    for inputs, outputs in pairwise(channels):
        layer = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)
        rows += [layer, nn.BatchNorm2d(outputs), activation()]
    return rows


def leaky() -> nn.Module:
    return nn.LeakyReLU(0.2)


def faces() -> tuple[nn.Module, nn.Module, tuple[int, int, int]]:
    """Generator, discriminator and shape of DCGAN at 64x64."""
    stem = [nn.ConvTranspose2d(100, 512, 4, bias=False), nn.BatchNorm2d(512), nn.ReLU()]
    end = [nn.ConvTranspose2d(64, 3, 4, stride=2, padding=1, bias=False), nn.Tanh()]
    generator = nn.Sequential(*stem, *making([512, 256, 128, 64], nn.ReLU), *end)
    head = [nn.Conv2d(512, 1, 4, bias=False), nn.Flatten()]
    return generator, nn.Sequential(*seeing([3, 64, 128, 256, 512], normed_first=False), *head), (3, 64, 64)


def garments() -> tuple[nn.Module, nn.Module, tuple[int, int, int]]:
    """Generator, discriminator and shape of DCGAN at 28x28."""
    stem = [nn.ConvTranspose2d(100, 128, 7, bias=False), nn.BatchNorm2d(128), leaky()]
    end = [nn.Conv2d(32, 1, 3, padding=1, bias=False), nn.Tanh()]
    generator = nn.Sequential(*stem, *making([128, 64, 32], leaky), *end)
    head = [nn.Conv2d(256, 1, 3, bias=False), nn.Flatten()]
    return generator, nn.Sequential(*seeing([1, 32, 64, 128, 256], normed_first=True, stem=True), *head), (1, 28, 28)


def gan(networks: tuple[nn.Module, nn.Module, tuple[int, int, int]], batch: int, real: Tensor | None = None) -> Step:
    """Both players' steps on one batch, of noise or what stands in `real`."""
    generator, discriminator, shape = networks
    optimizers = [torch.optim.Adam(one.parameters(), lr=2e-4, betas=(0.5, 0.999)) for one in (discriminator, generator)]
    real = 2 * torch.rand(batch, *shape) - 1 if real is None else real
    yes, no = torch.ones(batch, 1), torch.zeros(batch, 1)

    def step() -> None:
        fake = generator(torch.randn(batch, 100, 1, 1))
        optimizers[0].zero_grad()
        binary_cross_entropy_with_logits(discriminator(real), yes).backward()
        binary_cross_entropy_with_logits(discriminator(fake.detach()), no).backward()
        optimizers[0].step()
        optimizers[1].zero_grad()
        binary_cross_entropy_with_logits(discriminator(fake), yes).backward()
        optimizers[1].step()

    return step


class Autoencoder(nn.Module):
    """The convolutional VAE at 64x64 with a code of 512 numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(*seeing([3, 32, 64, 128, 256], normed_first=True, bias=True), nn.Flatten())
        self.mean, self.logvar = nn.Linear(4096, 512), nn.Linear(4096, 512)
        stem = [nn.Linear(512, 4096), nn.Unflatten(1, (256, 4, 4))]
        end = [nn.ConvTranspose2d(32, 3, 4, stride=2, padding=1, bias=False), nn.Tanh()]
        self.decoder = nn.Sequential(*stem, *making([256, 128, 64, 32], leaky), *end)

    def forward(self, images: Tensor) -> Tensor:
        """The loss."""
        features = self.encoder(images)
        mean, logvar = self.mean(features), self.logvar(features)
        codes = mean + torch.randn_like(mean) * torch.exp(logvar / 2)
        kl = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).sum(1).mean()
        return mse_loss(self.decoder(codes), images) + 3e-4 * kl


def vae(batch: int) -> Step:
    """The autoencoder's step on one batch."""
    network = Autoencoder()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    real = 2 * torch.rand(batch, 3, 64, 64) - 1

    def step() -> None:
        loss = network(real)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


STEPS: dict[str, Callable[[int], Step]] = {
    "dcgan-64": lambda batch: gan(faces(), batch),
    "vae-512": vae,
    "fashion-dcgan": lambda batch: gan(garments(), batch),
}


def measure(name: str, batch: int, seconds: float) -> dict[str, str | int | float]:
    """Images per second by the median step, after warm-up."""
    torch.manual_seed(0)
    step, times, end = STEPS[name](batch), [], time.perf_counter() + seconds
    while len(times) < WARM + LEAST or time.perf_counter() < end:
        begin = time.perf_counter()
        step()
        times.append(time.perf_counter() - begin)
    median = statistics.median(times[WARM:])
    return {"name": name, "batch": batch, "images_per_second": batch / median, "step_ms": 1e3 * median}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("name", choices=STEPS)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    options = parser.parse_args()
    found = measure(options.name, options.batch, options.seconds)
    print(
        json.dumps(found) if options.json else f"{found['name']}: {found['images_per_second']:,.1f} images per second"
    )


if __name__ == "__main__":
    main()
