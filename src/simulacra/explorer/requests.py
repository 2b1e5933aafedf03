"""What every route has in hand: the shelf, the desks, who asks; and how pictures and codes are answered."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
import torch
from fastapi import Depends, Query, Request
from numpy.typing import NDArray
from starlette.responses import Response
from torch import Tensor

from simulacra.evaluation.codes import Description, pack, to_json
from simulacra.evaluation.pictures.preview import to_png
from simulacra.explorer.library import Desk, Loaded, Shelf, Wish

T = TypeVar("T")
Images = NDArray[np.uint8]
Form = Literal["png", "json"]


@dataclass(frozen=True)
class Served:
    """What the explorer works with.

    Attributes:
        shelf: the runs.
        desk: where pictures are made while somebody moves a slider.
        patient: where that is done which takes seconds.
    """

    shelf: Shelf
    desk: Desk = field(default_factory=Desk)
    patient: Desk = field(default_factory=Desk)


@dataclass(frozen=True)
class Asked:
    """One request for something of one run."""

    served: Served
    name: str
    step: int | None
    wish: Wish

    def make(self, work: Callable[[Loaded], T], *, patient: bool = False) -> T:
        """Loads the run's model and works with it, when it is this wish's turn."""
        desk = self.served.patient if patient else self.served.desk
        return desk.make(self.wish, lambda: work(self.served.shelf.load(self.name, self.step)))


def asked(request: Request, name: str, step: Annotated[int | None, Query(ge=0)] = None) -> Asked:
    """The run in the path, the checkpoint in the query, and the wish in the headers."""
    headers = request.headers
    turn = headers.get("x-turn", "")
    # Views do not overtake one another, and neither do two runs side by side.
    view = f"{headers.get('x-view', '')[:40]} {name[:80]}"
    wish = Wish(headers.get("x-page", "")[:40], view, int(turn) if turn.isdecimal() and len(turn) < 16 else 0)
    return Asked(request.app.state.served, name, step, wish)


Ask = Annotated[Asked, Depends(asked)]


def png(images: Images) -> Response:
    """Images (n, H, W, C) side by side as one PNG, without a gap; the page cuts them apart."""
    count, height, width, channels = images.shape
    whole = images.transpose(1, 0, 2, 3).reshape(height, count * width, channels)
    return Response(to_png(whole), media_type="image/png", headers={"X-Count": str(count)})


def described(descriptions: Sequence[Description]) -> list[Any]:
    """Descriptions as JSON values."""
    return [json.loads(to_json(one)) for one in descriptions]


def as_numbers(codes: Tensor) -> list[dict[str, str]]:
    """Codes (n, width) as descriptions by their numbers."""
    return [{"numbers": pack(one)} for one in codes]


def decode_alone(loaded: Loaded, codes: Tensor) -> Images:
    """Images of codes, each decoded by itself, to the last bit as `simulacra sample` makes one."""
    return np.concatenate([loaded.subject.decode(one) for one in torch.split(codes, 1)])
