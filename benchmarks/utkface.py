"""A folder of 23,704 photographs of faces and a table of nine attributes, from UTKFace.

    git clone --depth 1 https://github.com/mattans/AgeProgression
    python benchmarks/utkface.py AgeProgression/data/UTKFace/unlabeled utkface
    simulacra pack folder utkface --labels utkface.csv --size 64 --out stores/utkface

UTKFace (Zhang, Song, Qi, "Age progression/regression by conditional adversarial autoencoder", CVPR 2017) holds aligned
and cropped faces of 200x200 pixels, each named AGE_GENDER_RACE_DATE. Its authors give it for non-commercial research
only, and the copyright of each picture remains with its owner: Simulacra ships none of them. A name without all
three numbers (three of 23,707 have fewer) leaves its picture out.
"""

import argparse
import csv
import re
import shutil
from pathlib import Path

NAME = re.compile(r"(?P<age>\d+)_(?P<gender>[01])_(?P<race>[0-4])_\d+")
ORIGINS = ("White", "Black", "Asian", "Indian", "Other")  # in the order of the data set's numbers 0 to 4
COLUMNS = ("Male", "Child", "Young", "Senior", *ORIGINS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path, help="folder of UTKFace's pictures")
    parser.add_argument("out", type=Path, help="folder to write; the table is OUT.csv")
    options = parser.parse_args()
    options.out.mkdir(parents=True)
    rows = []
    for path in sorted(options.pictures.iterdir()):
        if match := NAME.match(path.name):
            name = path.name.replace(".jpg.chip", "")
            shutil.copyfile(path, options.out / name)
            rows.append([name, *attributes(*map(int, match.groups()))])
    with options.out.with_suffix(".csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["file", *COLUMNS], *rows])
    print(f"{len(rows)} pictures in {options.out}, attributes in {options.out.with_suffix('.csv')}")


def attributes(age: int, gender: int, race: int) -> list[int]:
    """Nine values of 0 or 1, in the order of COLUMNS: age in years, gender 0 for male, race by its number."""
    return [int(value) for value in (gender == 0, age < 13, 13 <= age < 30, age >= 60, *(race == i for i in range(5)))]


if __name__ == "__main__":
    main()
