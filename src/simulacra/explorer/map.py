"""The map of test codes: its dots, what lies between them, their pictures; and codes of pictures that are uploaded."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import numpy as np
import torch
from fastapi import APIRouter, Query, Request
from numpy.typing import NDArray
from torch import Tensor

from simulacra.data.decode import meaning_of, read_picture
from simulacra.data.store import ImageStore
from simulacra.errors import DataError, RunError
from simulacra.evaluation.maps import MAP_LIMIT, onto_map, principal_components
from simulacra.evaluation.preview import to_png
from simulacra.evaluation.subject import Subject
from simulacra.explorer.codes import CodeText, one_description
from simulacra.explorer.library import (
    Animated,
    Answer,
    Busy,
    Explorer,
    Format,
    LoadedRun,
    Requested,
    animation,
    as_numbers,
    png,
    there_and_back,
)
from simulacra.explorer.security import MOST_UPLOADED, too_large
from simulacra.objectives import Encodes
from simulacra.report.formatting import data_url
from simulacra.seeds import choose_rows

if TYPE_CHECKING:
    from sklearn.decomposition import PCA

NEAR = 4  # dots whose codes are mixed between dots

Kind = Literal["map", "map-pca"]
Arrays = dict[str, NDArray[Any]]
Codes = NDArray[np.float32]


class CodeMap:
    """One kind of map of test codes: which code lies at a position, and where a code lies.

    "map" is t-SNE, computed with a seed; "map-pca" has the two principal components as its axes. Codes of two
    dimensions are their own map. The arrays are those of the run's picture "map": `points` (n, 2) and `codes` (n, d)
    among them.

    Raises:
        RunError: codes of two dimensions have no second kind of map.
    """

    def __init__(self, kind: Kind, arrays: Arrays, seed: int) -> None:
        self.kind, self.codes, self.seed = kind, arrays["codes"], seed
        self.flat = self.codes.shape[1] == 2
        if kind == "map-pca" and self.codes.shape[1] < 3:
            raise RunError("codes of two dimensions are their own map; choose the other kind of map")
        self.points: Codes = arrays["points"] if kind == "map" else self.positions(self.codes)

    @cached_property
    def _components(self) -> "PCA":
        return principal_components(self.codes)

    @cached_property
    def _onto_map(self) -> Any:
        return onto_map(self.codes, self.points, self.seed)

    def positions(self, codes: Codes) -> Codes:
        """Positions (m, 2) of codes (m, d); on a t-SNE map among the dots whose codes are most similar."""
        if self.flat:
            return codes
        if self.kind == "map-pca":
            return self._components.transform(codes).astype(np.float32)
        positions: Codes = self._onto_map(codes)
        return positions

    def codes_at(self, positions: NDArray[np.float64]) -> Tensor:
        """Codes (m, d) float32 at positions (m, 2).

        Principal components lead back to codes. t-SNE has no inverse, so the codes of the nearest dots are mixed with
        weights that fall with the squared distance (Shepard 1968, "A two-dimensional interpolation function for
        irregularly-spaced data"); on a dot, its own code is taken.
        """
        if self.flat:
            return torch.from_numpy(positions.astype(np.float32))
        if self.kind == "map-pca":
            return torch.from_numpy(self._components.inverse_transform(positions).astype(np.float32))
        distances = ((positions[:, None] - self.points[None]) ** 2).sum(2)
        near = np.argsort(distances, 1, kind="stable")[:, :NEAR]
        weights = 1 / np.maximum(np.take_along_axis(distances, near, 1), 1e-9)
        weights /= weights.sum(1, keepdims=True)
        return torch.from_numpy(np.einsum("mk,mkd->md", weights, self.codes[near]).astype(np.float32))

    def nearest(self, position: NDArray[Any]) -> int:
        """Index of the dot nearest to a position (2,)."""
        return int(((self.points - position) ** 2).sum(1).argmin())


def code_map(loaded: LoadedRun, kind: Kind) -> CodeMap:
    """A map of a loaded run, made once; a RunError where the run has no map of this checkpoint."""
    if loaded.map is None:
        why = "a map is drawn at the end of a training, of one checkpoint, and only of models with an encoder"
        raise RunError(f"there is no map of this run at step {loaded.step:,}: {why}")
    if kind not in loaded.maps:
        loaded.maps[kind] = CodeMap(kind, loaded.map, loaded.subject.recipe.seed)
    return cast(CodeMap, loaded.maps[kind])


router = APIRouter()

Number = Annotated[float, Query(ge=-1e6, le=1e6)]


@router.get("/runs/{name}/map.json", response_model=None)
async def dots(request: Requested, kind: Kind = "map") -> dict[str, Any]:
    """Points of the map and their labels."""

    def work(loaded: LoadedRun) -> dict[str, Any]:
        points = code_map(loaded, kind).points
        assert loaded.map is not None, "it has a code map"
        return {
            "kind": kind,
            "points": np.round(points, 4).tolist(),
            "labels": loaded.map["labels"].tolist(),
            "label_names": loaded.map["label_names"].tolist(),
            "exclusive": bool(loaded.map["exclusive"]),
            "coloured_by": str(loaded.map["chosen"]),
        }

    return await request.with_model(work)


@router.get("/runs/{name}/map/point.{form}", response_model=None)
async def point(request: Requested, form: Format, x: Number, y: Number, kind: Kind = "map") -> Answer:
    """The picture and the code at a position of the map."""

    def work(loaded: LoadedRun) -> Answer:
        drawn = code_map(loaded, kind)
        codes = drawn.codes_at(np.array([[x, y]]))
        if form == "png":
            return png(loaded.subject.decode(codes))
        return {"code": as_numbers(codes)[0], "nearest": drawn.nearest(np.array([x, y]))}

    return await request.with_model(work)


@router.get("/runs/{name}/map/line.{form}", response_model=None)
async def line(
    request: Requested,
    form: Format | Animated,
    x: Annotated[list[Number], Query(min_length=2, max_length=2)],
    y: Annotated[list[Number], Query(min_length=2, max_length=2)],
    kind: Kind = "map",
    count: Annotated[int, Query(ge=2, le=64)] = 12,
    pixels: bool = False,
) -> Answer:
    """The pictures and codes along a line over the map."""

    def work(loaded: LoadedRun) -> Answer:
        positions = np.stack([np.linspace(x[0], x[1], count), np.linspace(y[0], y[1], count)], 1)
        codes = code_map(loaded, kind).codes_at(positions)
        if form == "json":
            return {"codes": as_numbers(codes)}
        images = loaded.subject.decode(codes)
        return png(images) if form == "png" else animation(images[there_and_back(count)], form, pixels=pixels)

    return await request.with_model(work)


@router.get("/runs/{name}/map/position.json", response_model=None)
async def position(request: Requested, code: CodeText = "{}", kind: Kind = "map") -> dict[str, Any]:
    """Where a code lies on the map: of an uploaded picture, say."""
    description = one_description(code)

    def work(loaded: LoadedRun) -> dict[str, Any]:
        drawn = code_map(loaded, kind)
        codes = loaded.codes([description])
        x, y = drawn.positions(codes.numpy())[0].tolist()
        return {"x": x, "y": y, "nearest": drawn.nearest(np.array([x, y]))}

    return await request.with_model(work, slow=True)


@router.get("/runs/{name}/test-pictures/{index}.{form}", response_model=None)
async def test_picture(request: Requested, form: Format, index: int) -> Answer:
    """A test picture; where the data set is not at hand, its reconstruction by the model."""

    def work(loaded: LoadedRun) -> Answer:
        images, real = test_images(loaded, index)
        if form == "png":
            return png(images)
        return {"index": index, "real": real, "labels": labels_of(loaded, index)}

    return await request.with_model(work)


def _rows(loaded: LoadedRun, store: ImageStore) -> NDArray[np.int64]:
    """Rows of the test pictures, in the order of the map's dots; older maps lack `rows` and show the first ones."""
    if loaded.map is None:
        return choose_rows(store.rows("test"), MAP_LIMIT)
    return loaded.map.get("rows", store.rows("test")[:MAP_LIMIT])


def test_count(loaded: LoadedRun) -> int:
    """How many test pictures can be shown."""
    if loaded.subject.store is not None:
        return len(_rows(loaded, loaded.subject.store))
    return len(loaded.map["codes"]) if loaded.map else 0


def test_images(loaded: LoadedRun, index: int) -> tuple[NDArray[np.uint8], bool]:
    """A test picture (1, H, W, C), and whether it is the real one; a RunError where there is none of that index."""
    if not 0 <= index < test_count(loaded):
        raise RunError(f"there is no test image {index}: this run has {test_count(loaded)}, counted from 0")
    store = loaded.subject.store
    if store is not None:
        return store.pixels(_rows(loaded, store)[index : index + 1]), True
    assert loaded.map is not None, "test pictures are counted by the store or by the map"
    return loaded.subject.decode(torch.from_numpy(loaded.map["codes"][index : index + 1])), False


def labels_of(loaded: LoadedRun, index: int) -> list[str]:
    """Names of the labels that a test picture has."""
    store = loaded.subject.store
    if store is not None:
        flags, names = store.labels[_rows(loaded, store)[index]], list(store.label_names)
    elif loaded.map is not None:
        flags, names = loaded.map["labels"][index], loaded.map["label_names"].tolist()
    else:
        return []
    return [str(name) for name, flag in zip(names, flags, strict=True) if flag]


MOST_PIXELS = 40_000_000
MOST_HELD = 4 * MOST_UPLOADED  # bytes of uploads that are not answered yet


class TooLarge(DataError):
    """An upload has too many bytes."""


@router.get("/runs/{name}/test-pictures/{index}/code.json", response_model=None)
async def encode_test_picture(request: Requested, index: int) -> dict[str, Any]:
    """The code of a test picture, its reconstruction, and the squared error between the two."""
    return await request.with_model(
        lambda loaded: code_of_picture(loaded.subject, test_images(loaded, index)[0]), slow=True
    )


@router.post("/runs/{name}/code.json", response_model=None)
async def encode_upload(requested: Requested, request: Request) -> dict[str, Any]:
    """The same of a picture in the request's body, which is kept in memory until the answer is sent."""
    async with _upload(request, requested.explorer) as content:

        def work(loaded: LoadedRun) -> dict[str, Any]:
            height, width, channels = loaded.subject.recipe.data.shape
            meaning = meaning_of(loaded.run.read_facts().get("data", {}).get("card", {}))
            try:
                picture = read_picture(content, (width, height), grey=channels == 1, most=MOST_PIXELS, **meaning)
            except DataError as error:
                raise DataError(f"the picture {error}") from error
            return code_of_picture(loaded.subject, np.stack([picture.pixels]))

        return await requested.with_model(work, slow=True)


@asynccontextmanager
async def _upload(request: Request, explorer: Explorer) -> AsyncIterator[bytes]:
    """The body of a request, which counts among all uploads until the context ends.

    Raises:
        TooLarge: it has too many bytes.
        Busy: all uploads together have.
    """
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            explorer.uploaded += len(part)
            if size > MOST_UPLOADED:
                raise TooLarge(too_large())
            if explorer.uploaded > MOST_HELD:
                raise Busy("too many pictures are being sent at once; try again in a moment")
            parts.append(part)
        yield b"".join(parts)
    finally:
        explorer.uploaded -= size


def code_of_picture(subject: Subject, images: NDArray[np.uint8]) -> dict[str, Any]:
    """The code of one picture (1, H, W, C), by the encoder, or by gradient descent where there is none."""
    model = subject.generates
    if isinstance(model, Encodes):
        codes, method = torch.from_numpy(subject.encode(images)), "encoder"
    else:
        from simulacra.evaluation.inversion import invert

        codes, method = invert(subject, images).codes, "search"
    reconstruction = subject.decode(codes)
    return {
        "code": as_numbers(codes)[0],
        "method": method,
        "squared_error": float(np.square((images.astype(np.float64) - reconstruction) / 127.5).mean()),
        "original": data_url(to_png(images[0])),
        "reconstruction": data_url(to_png(reconstruction[0])),
    }
