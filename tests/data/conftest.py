"""Small pictures, folders of them, and stores packed from them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from simulacra.data.pack import Packed, pack
from simulacra.data.sources import Options, open_source

Folder = Callable[..., Path]
PackSource = Callable[..., Packed]


@pytest.fixture
def noise() -> Callable[[int], Image.Image]:
    """An 8x8 picture of coloured noise, another one for every number."""

    def draw(number: int) -> Image.Image:
        return Image.fromarray(np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8))

    return draw


@pytest.fixture
def folder(tmp_path: Path, noise: Callable[[int], Image.Image]) -> Folder:
    """Makes a folder of different pictures with these names, or with this many."""

    def make(names: list[str] | int, root: str = "photos") -> Path:
        if isinstance(names, int):
            names = [f"{number:03}.png" for number in range(names)]
        for number, name in enumerate(names):
            path = tmp_path / root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            noise(number).save(path)
        return tmp_path / root

    return make


@pytest.fixture
def packed(tmp_path: Path) -> PackSource:
    """Opens a source at 8x8 and packs it into a new folder."""

    def run(kind: str, path: Path | None, *, out: str = "store", keep_going: bool = False, **options: object) -> Packed:
        asked = Options(**{"size": (8, 8), **options})  # type: ignore[arg-type]
        return pack(open_source(kind, path, asked), tmp_path / out, keep_going=keep_going)

    return run
