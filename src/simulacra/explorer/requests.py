"""What every route works with: the explorer, the run that a request names, and how images and codes are answered."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from fastapi import Depends, Query, Request
from numpy.typing import NDArray
from starlette.responses import Response
from torch import Tensor

from simulacra.evaluation.codes import Description, pack, to_json
from simulacra.evaluation.pictures.preview import to_png
from simulacra.explorer.library import Library, LoadedRun

T = TypeVar("T")
Format = Literal["png", "json"]
Answer = Response | dict[str, Any]


@dataclass(frozen=True)
class Explorer:
    """What the explorer works with. Each of its threads does one piece of work after the other.

    Pictures, which a person waits for while a slider moves, are drawn in one thread; work of seconds has the other.
    """

    library: Library
    drawing: Executor = field(default_factory=lambda: ThreadPoolExecutor(1, "drawing"))
    searching: Executor = field(default_factory=lambda: ThreadPoolExecutor(1, "searching"))

    def close(self) -> None:
        """Lets both threads end."""
        for thread in (self.drawing, self.searching):
            thread.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True)
class RunRequest:
    """A request for something of one run."""

    explorer: Explorer
    name: str  # of the run, as in the address
    step: int | None  # of the checkpoint; None is the newest

    def with_model(self, work: Callable[[LoadedRun], T], *, slow: bool = False) -> T:
        """Loads the run's model and works with it, in the thread for such work."""
        thread = self.explorer.searching if slow else self.explorer.drawing
        return thread.submit(lambda: work(self.explorer.library.load(self.name, self.step))).result()


def run_request(request: Request, name: str, step: Annotated[int | None, Query(ge=0)] = None) -> RunRequest:
    """The run in the path and the checkpoint in the query."""
    return RunRequest(request.app.state.explorer, name, step)


Requested = Annotated[RunRequest, Depends(run_request)]


def png(images: NDArray[np.uint8]) -> Response:
    """Images (n, H, W, C) side by side as one PNG, without a gap; the page cuts them apart."""
    count, height, width, channels = images.shape
    strip = images.transpose(1, 0, 2, 3).reshape(height, count * width, channels)
    return Response(to_png(strip), media_type="image/png", headers={"X-Count": str(count)})


def described(descriptions: Sequence[Description]) -> list[Any]:
    """Descriptions as JSON values."""
    return [json.loads(to_json(description)) for description in descriptions]


def as_numbers(codes: Tensor) -> list[dict[str, str]]:
    """Codes (n, width) as descriptions by their numbers."""
    return [{"numbers": pack(code)} for code in codes]
