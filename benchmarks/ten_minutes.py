"""The best pictures of ten minutes of training: recipes and a plain DCGAN with the same time, for docs/performance.md.

    python benchmarks/ten_minutes.py faces --data stores/avatars [--minutes 10] [--seed 0] [--only NAME] [--shared]
    python benchmarks/ten_minutes.py photos --data stores/utkface (benchmarks/utkface.py makes them)
    python benchmarks/ten_minutes.py cars --data stores/cars (benchmarks/cars.py makes them)
    python benchmarks/ten_minutes.py garments --data stores/fashion-mnist --table

Each trial trains for the given minutes, then 5,000 samples are compared with 5,000 training images. The result of a
trial is a row of benchmarks/results/ten-minutes.jsonl. docs/performance.md shows trials of ten minutes, the latest one
of each seed, with samples of the latest seed. With --table the script only writes the page.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from plain import faces, gan, garments
from sensitivity import filled

from simulacra.data.batches import Batches, to_images
from simulacra.data.store import ImageStore, open_store
from simulacra.engine.devices import Devices
from simulacra.engine.loop import train
from simulacra.evaluation.context import RealImages
from simulacra.evaluation.distances import Cloud
from simulacra.evaluation.features import FEATURES, extractor_for
from simulacra.evaluation.metrics.quality import distances
from simulacra.evaluation.preview import sheet
from simulacra.evaluation.subject import Subject
from simulacra.recipe import load
from simulacra.runs import RunFolder
from simulacra.seeds import stream
from simulacra.verbs.bench import set_up
from simulacra.verbs.prepare import processor

HOME = Path(__file__).parents[1]
RESULTS = HOME / "benchmarks" / "results" / "ten-minutes.jsonl"
IMAGES = HOME / "docs" / "images" / "ten-minutes"
PLAIN, BATCH, MINUTES = "plain", 128, 10.0
SHARES = ("precision", "recall", "density", "coverage")
SCORES = {"frechet": "frechet_distance", "kernel": "kernel_distance", **{name: name for name in SHARES}}
Sheet = NDArray[np.uint8]
Over = Callable[[], bool]


class Trial(NamedTuple):
    """A recipe, its changes, and a description."""

    recipe: str
    changes: dict[str, Any]
    why: str


RELATIVISTIC: dict[str, Any] = {
    "objective": {"family": "r3gan", "penalty_every": 4, "code": {"noise": 64}},
    "networks.discriminator.norm": "none",
    "networks.discriminator.norm_first": True,
    "optimizer.lr": 5e-4,
    "optimizer.betas": (0.5, 0.99),
}
DECONVOLUTION = {"networks.generator": {"kind": "deconvolution", "stem": "dense", "channels": [256, 128, 64, 32]}}
FACES = {
    "faces-fast": Trial("faces-fast", {}, "half the width of DCGAN, a generator that upsamples, batch 32, EMA"),
    "lean": Trial(
        "faces-fast",
        {
            "networks.generator.stem_channels": 192,
            "networks.generator.channels": [96, 48, 24, 12],
            "networks.discriminator.channels": [24, 48, 96, 192],
        },
        "three quarters of its width",
    ),
    "relativistic": Trial(
        "faces-fast", RELATIVISTIC, "the same with a relativistic loss, R1 and R2 in every fourth update, no norm in D"
    ),
    "relativistic-deconvolution": Trial(
        "faces-fast", RELATIVISTIC | DECONVOLUTION, "the relativistic trial with transposed convolutions"
    ),
    "deconvolution": Trial("faces-fast", DECONVOLUTION, "faces-fast with transposed convolutions"),
    "wgan-gp": Trial(
        "celeba-wgan-gp",
        {
            "ema": 0.995,
            "data.batch": 16,
            "objective.critic_steps": 2,
            "objective.code.noise": 64,
            "networks.generator.stem_channels": 256,
            "networks.generator.channels": [128, 64, 32, 16],
            "networks.generator.bias": False,
            "optimizer.lr": 5e-4,
        },
        "a critic with gradient penalty, twice for each update of the same generator, batch 16",
    ),
}
COARSE: dict[str, Any] = {
    "networks.generator": {
        "kind": "deconvolution",
        "stem": "dense",
        "channels": [128, 64],
        "activation": "leaky_relu",
    }
}
SLOW: dict[str, Any] = {"objective.critic_steps": 5, "optimizer.lr": 2e-4, "ema": 0.0}
GARMENTS = {
    "garments-fast": Trial("garments-fast", {}, "strides from the first layer on, a generator that upsamples, EMA"),
    "wide": Trial(
        "garments-fast",
        {"networks.generator.channels": [64, 32], "networks.discriminator.channels": [48, 96, 192]},
        "twice the maps before the last layer, half as many again in D",
    ),
    "relativistic": Trial("garments-fast", RELATIVISTIC, "a relativistic loss, as among the faces"),
    "deconvolution": Trial(
        "garments-fast",
        {"networks.generator": {"kind": "deconvolution", "stem": "dense", "channels": [128, 64]}},
        "garments-fast with transposed convolutions",
    ),
    "wgan-gp": Trial(
        "fashion-wgan-gp",
        COARSE | SLOW,
        "a critic with gradient penalty, five times for each update of G; deconvolution",
    ),
    "wgan-gp-faster": Trial("fashion-wgan-gp", COARSE, "the same, two times for each, a higher learning rate, EMA"),
    "wgan-gp-upsample": Trial("fashion-wgan-gp", {}, "the same with the generator of garments-fast"),
}
WIDE = {"networks.discriminator.channels": [64, 128, 256, 512]}
PHOTOS = FACES | {"wide-discriminator": Trial("faces-fast", WIDE, "twice the channels of D")}
TRIALS: dict[str, dict[str, Trial]] = {"faces": FACES, "photos": PHOTOS, "cars": FACES, "garments": GARMENTS}


class Budget:
    """The time of a trial: minutes of the clock, or the processor time of all cores in these minutes."""

    def __init__(self, minutes: float, *, shared: bool) -> None:
        self.now = time.process_time if shared else time.perf_counter
        self.seconds = 60 * minutes * ((os.cpu_count() or 1) if shared else 1)
        self.end = self.now() + self.seconds

    def over(self) -> bool:
        """Whether it is used up."""
        return self.now() >= self.end


def plain_samples(which: str, store: ImageStore, seed: int, over: Over, count: int) -> tuple[NDArray[np.uint8], int]:
    """Samples of the plain DCGAN, in evaluation mode, and the number of images that it saw."""
    torch.manual_seed(seed)
    batches = Batches(store, batch=BATCH, seed=seed, flip=False, labels=())
    generator, discriminator, shape = (garments if which == "garments" else faces)()
    steps, real = 0, torch.empty(BATCH, *shape)
    step = gan((generator, discriminator, shape), BATCH, real)
    while not over():
        real.copy_(batches[steps].images)
        step()
        steps += 1
    generator.eval()
    with torch.no_grad():
        parts = [to_images(generator(torch.randn(250, 100, 1, 1))) for _ in range(count // 250)]
    return np.concatenate(parts), steps * BATCH


def recipe_samples(trial: Trial, store: ImageStore, seed: int, over: Over, count: int) -> tuple[NDArray[np.uint8], int]:
    """Samples of a trial's recipe and the number of images that it saw."""
    recipe = load(trial.recipe, {**trial.changes, "seed": seed, "every.checkpoint": 1_000_000, "steps": 1_000_000})
    with tempfile.TemporaryDirectory() as folder:
        training = set_up(recipe, RunFolder(Path(folder) / "run"), store, Devices("auto", recipe.precision))
        for tick in train(training, over):
            step = tick.step
        subject = Subject(training.objective, recipe, None, store)
        with training.ema.in_use(), training.objective.evaluating():
            return subject.decode(subject.codes(count, 0, seed=seed)), step * recipe.data.batch


def measure(images: NDArray[np.uint8], store: ImageStore) -> dict[str, dict[str, float]]:
    """Distances of samples to as many training images, by two extractors, and what other real images get."""
    count, found = len(images), {}
    rows = stream(0, 2).permutation(store.rows("train"))[: 2 * count]
    for extractor in (extractor_for(None, store), FEATURES["random-vgg"]):
        real, stand_in = (RealImages(store, extractor).features("train", np.sort(part)) for part in np.split(rows, 2))
        known = Cloud(real)
        made, others = (distances(known, Cloud(one)) for one in (extractor.vectors(images), stand_in))
        scores = {name: made[key].value for name, key in SCORES.items()}
        scores |= {f"{name} of real images": others[name].value for name in SHARES}
        found[extractor.name] = scores | {"floor": others["frechet_distance"].value}
    return found


def run(which: str, name: str, store: ImageStore, options: argparse.Namespace) -> None:
    """One trial from the start to its row and its sheet."""
    budget = Budget(options.minutes, shared=options.shared)
    if options.shared:
        torch.set_num_threads(1)
    if name == PLAIN:
        images, seen = plain_samples(which, store, options.seed, budget.over, options.n)
    else:
        images, seen = recipe_samples(TRIALS[which][name], store, options.seed, budget.over, options.n)
    row = {"set": which, "trial": name, "seed": options.seed, "minutes": options.minutes, "shared": options.shared}
    row |= {"images": seen, "processor": processor(), "n": len(images), "measured": measure(images, store)}
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    if options.minutes == MINUTES:
        picture = Image.fromarray(np.squeeze(sheet(images[:24], 8)))
        picture.save(IMAGES / f"{which}-{name}.webp", quality=90)
    print(json.dumps(row))


def above(rows: list[dict[str, Any]], features: str) -> list[float]:
    """Frechet distances above that of other real images, of the rows that have been measured by these features."""
    found = (row["measured"].get(features) for row in rows)
    return [one["frechet"] - one["floor"] for one in found if one]


def cells(rows: list[dict[str, Any]], plain: list[dict[str, Any]], features: str) -> str:
    """Two cells of a trial: its mean with the lowest and the highest of its seeds, and how far below plain that is."""
    values, others = above(rows, features), above(plain, features)
    if not values:
        return "– | –"
    mean = float(np.mean(values))
    spread = "" if len(rows) == 1 else " (one seed)"
    if len(values) > 1:
        spread = f" ({min(values):.3g} to {max(values):.3g})"
    return f"{mean:.3g}{spread} | {np.mean(others) / mean:.1f}" if others else f"{mean:.3g}{spread} | –"


def shares(rows: list[dict[str, Any]], features: str, of: str = "") -> list[str]:
    """Cells of precision, recall and coverage: the mean of the seeds, where all of them have it."""
    found = [row["measured"].get(features, {}) for row in rows]
    kept = [[one.get(f"{name}{of}") for one in found] for name in SHARES if name != "density"]
    return [f"{np.mean(values):.3g}" if None not in values else "–" for values in kept]


def table(which: str, rows: list[dict[str, Any]]) -> str:
    """Trials of the whole time by what they reached, with the lowest and the highest of their seeds, and samples."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["set"] == which and row["minutes"] == MINUTES:
            found.setdefault(row["trial"], []).append(row)
    features = list(dict.fromkeys(name for some in found.values() for row in some for name in row["measured"]))
    head = " Fréchet distance above the baseline, by `{}` | times lower than plain |"
    heads = "".join(head.format(name) for name in features) + " precision | recall | coverage |"
    lines = [
        f"| trial | seeds | images seen |{heads} what it is |",
        "|---|---|---|---|---|---|---|" + "---|---|" * len(features),
    ]
    for name in sorted(found, key=lambda name: np.mean(above(found[name], features[-1]) or np.inf)):
        some = found[name]
        seen = np.mean([row["images"] for row in some])
        scores = " | ".join([*(cells(some, found.get(PLAIN, []), one) for one in features), *shares(some, features[0])])
        why = "a textbook DCGAN, batch 128" if name == PLAIN else TRIALS[which][name].why
        lines.append(f"| `{name}` | {len(some)} | {seen:,.0f} | {scores} | {why} |")
    if which == "photos":
        real = " | ".join(shares([row for some in found.values() for row in some], features[0], " of real images"))
        lines.append(f"| real images | | |{' 0 | – |' * len(features)} {real} | 5,000 others |")
    sheets = [f"\n`{name}`:\n\n![Samples of {name}](images/ten-minutes/{which}-{name}.webp)" for name in found]
    return "\n".join([*lines, *sheets]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("set", choices=TRIALS)
    parser.add_argument("--data", type=Path, help="a packed store")
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="one trial; all of them by default")
    parser.add_argument("-n", type=int, default=5000, help="samples")
    parser.add_argument("--shared", action="store_true", help="count processor time of one thread, for busy machines")
    parser.add_argument("--table", action="store_true", help="only write the table of docs/performance.md again")
    options = parser.parse_args()
    if not options.table:
        store = open_store(options.data)
        for name in [options.only] if options.only else [PLAIN, *TRIALS[options.set]]:
            run(options.set, name, store, options)
    rows = (json.loads(line) for line in RESULTS.read_text("utf-8").splitlines())
    latest = {(row["set"], row["trial"], row["seed"]): row for row in rows if row["minutes"] == MINUTES}
    page = HOME / "docs" / "performance.md"
    written = table(options.set, list(latest.values()))
    page.write_text(filled(page.read_text("utf-8"), options.set, written, Path(__file__).name), "utf-8")


if __name__ == "__main__":
    main()
