"""The map of test codes, what lies at a place of it, and the test pictures behind its dots."""

from typing import Annotated, Any, Literal

import numpy as np
import torch
from fastapi import APIRouter, Query
from numpy.typing import NDArray
from starlette.responses import Response
from torch import Tensor

from simulacra.data.store import ImageStore
from simulacra.errors import RunError
from simulacra.evaluation.pictures.maps import MAP_LIMIT, principal_axes
from simulacra.explorer.library import Loaded
from simulacra.explorer.requests import Ask, Form, as_numbers, png
from simulacra.seeds import choose_rows

router = APIRouter()

Kind = Literal["map", "map-pca"]
NEAR = 4  # dots whose codes are mixed between dots
Number = Annotated[float, Query(ge=-1e6, le=1e6)]
Arrays = dict[str, NDArray[Any]]


@router.get("/runs/{name}/map.json", response_model=None)
def map_of(ask: Ask, kind: Kind = "map") -> dict[str, Any]:
    """Points of the map and their labels."""
    loaded = ask.served.shelf.load(ask.name, ask.step)
    points, arrays = points_of(loaded, kind)
    return {
        "kind": kind,
        "points": np.round(points, 4).tolist(),
        "labels": arrays["labels"].tolist(),
        "label_names": arrays["label_names"].tolist(),
        "exclusive": bool(arrays["exclusive"]),
        "chosen": str(arrays["chosen"]),
    }


@router.get("/runs/{name}/place.{form}", response_model=None)
def place(ask: Ask, form: Form, x: Number, y: Number, kind: Kind = "map") -> Response | dict[str, Any]:
    """What the model draws at a place of the map, and the code there."""

    def work(loaded: Loaded) -> Response | dict[str, Any]:
        points, arrays = points_of(loaded, kind)
        codes = codes_at(kind, points, arrays["codes"], np.array([[x, y]]))
        if form == "png":
            return png(loaded.subject.decode(codes))
        return {"code": as_numbers(codes)[0], "nearest": int(((points - [x, y]) ** 2).sum(1).argmin())}

    return ask.make(work)


@router.get("/runs/{name}/line.{form}", response_model=None)
def line(
    ask: Ask,
    form: Form,
    x: Annotated[list[float], Query(min_length=2, max_length=2)],
    y: Annotated[list[float], Query(min_length=2, max_length=2)],
    kind: Kind = "map",
    count: Annotated[int, Query(ge=2, le=64)] = 12,
) -> Response | dict[str, Any]:
    """What the model draws along a line over the map."""

    def work(loaded: Loaded) -> Response | dict[str, Any]:
        points, arrays = points_of(loaded, kind)
        places = np.stack([np.linspace(x[0], x[1], count), np.linspace(y[0], y[1], count)], 1)
        codes = codes_at(kind, points, arrays["codes"], places)
        return png(loaded.subject.decode(codes)) if form == "png" else {"codes": as_numbers(codes)}

    return ask.make(work)


@router.get("/runs/{name}/tests/{row}.{form}", response_model=None)
def test_picture(ask: Ask, form: Form, row: int) -> Response | dict[str, Any]:
    """A test picture; where the data set is not at hand, what the model makes of its code."""

    def work(loaded: Loaded) -> Response | dict[str, Any]:
        images, real = test_images(loaded, row)
        if form == "png":
            return png(images)
        return {"row": row, "real": real, "labels": labels_of(loaded, row)}

    return ask.make(work)


def points_of(loaded: Loaded, kind: Kind) -> tuple[NDArray[np.float32], Arrays]:
    """Points (n, 2) of a map, and the arrays of the run's map of codes.

    Raises:
        RunError: the run has no such map, or it is another checkpoint's.
    """
    arrays = loaded.map
    if arrays is None:
        why = "one is drawn of models that encode, when their training ends, and is of one checkpoint"
        raise RunError(f"there is no map of this run at step {loaded.step:,}: {why}")
    if kind == "map":
        return arrays["points"], arrays
    if arrays["codes"].shape[1] < 3:
        raise RunError("codes of two numbers are their own map; choose the other one")
    mean, axes, _ = principal_axes(arrays["codes"])
    return ((arrays["codes"] - mean) @ axes.T).astype(np.float32), arrays


def codes_at(
    kind: Kind, points: NDArray[np.float32], codes: NDArray[np.float32], places: NDArray[np.float64]
) -> Tensor:
    """Codes (m, d) at places (m, 2) of a map.

    A map whose axes are directions leads back to codes by them. On a t-SNE map no way leads back, so the codes of the
    nearest dots are mixed, the nearer the heavier (Shepard 1968, "A two-dimensional interpolation function for
    irregularly-spaced data"); on a dot, its own.
    """
    if codes.shape[1] == 2:
        return torch.from_numpy(places.astype(np.float32))
    if kind == "map-pca":
        mean, axes, _ = principal_axes(codes)
        return torch.from_numpy((mean + places @ axes).astype(np.float32))
    distances = ((places[:, None] - points[None]) ** 2).sum(2)
    near = np.argsort(distances, 1, kind="stable")[:, :NEAR]
    weights = 1 / np.maximum(np.take_along_axis(distances, near, 1), 1e-9)
    weights /= weights.sum(1, keepdims=True)
    return torch.from_numpy(np.einsum("mk,mkd->md", weights, codes[near]).astype(np.float32))


def _rows(loaded: Loaded, store: ImageStore) -> NDArray[np.int64]:
    """Rows of the test pictures, in the order of the map's dots; older maps do not name them: theirs are the first."""
    if loaded.map is None:
        return choose_rows(store.rows("test"), MAP_LIMIT)
    return loaded.map.get("rows", store.rows("test")[:MAP_LIMIT])


def test_count(loaded: Loaded) -> int:
    """How many test pictures can be shown."""
    if loaded.subject.store is not None:
        return len(_rows(loaded, loaded.subject.store))
    return len(loaded.map["codes"]) if loaded.map else 0


def test_images(loaded: Loaded, row: int) -> tuple[NDArray[np.uint8], bool]:
    """A test picture (1, H, W, C) by its number, and whether it is the real one.

    Raises:
        RunError: there is none of that number.
    """
    if not 0 <= row < test_count(loaded):
        raise RunError(f"there is no test picture {row}: this run has {test_count(loaded)} of them at hand")
    store = loaded.subject.store
    if store is not None:
        return store.pixels(_rows(loaded, store)[row : row + 1]), True
    assert loaded.map is not None, "it is counted by one of the two"
    return loaded.subject.decode(torch.from_numpy(loaded.map["codes"][row : row + 1])), False


def labels_of(loaded: Loaded, row: int) -> list[str]:
    """Names of the labels that a test picture has."""
    store = loaded.subject.store
    if store is not None:
        flags, names = store.labels[_rows(loaded, store)[row]], list(store.label_names)
    elif loaded.map is not None:
        flags, names = loaded.map["labels"][row], loaded.map["label_names"].tolist()
    else:
        return []
    return [str(name) for name, flag in zip(names, flags, strict=True) if flag]
