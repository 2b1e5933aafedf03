"""A code as people, pages and commands describe it: a seed or numbers, and what is set on top of them.

{"seed": 3, "labels": {"Smiling": 1}}            the code of `simulacra sample --seed 3 -n 1`, smiling
{"seed": 3, "principal_directions": {"1": 2.5}}  the same, 2.5 along the first principal direction of its noise
{"numbers": [0.1, -0.7, ...], "overrides": {"2": 0}}  a whole code, with its second latent dimension set to 0
"""

import base64
import binascii
import json
import math
from collections.abc import Sequence
from typing import Annotated, Any

import torch
from pydantic import BaseModel, BeforeValidator, ConfigDict, NonNegativeInt, PositiveInt, ValidationError
from torch import Tensor

from simulacra.errors import RunError, nearest
from simulacra.evaluation.directions import Directions
from simulacra.evaluation.subject import Subject
from simulacra.files import parse_json
from simulacra.seeds import Draw

# The largest size of each kind of number.
LIMITS = {"numbers": 100.0, "noise": 100.0, "overrides": 100.0, "labels": 3.0, "continuous": 10.0}
LIMITS |= {"principal_directions": 50.0, "attributes": 20.0}


def _unpacked(value: Any) -> Any:
    """Numbers that came as text: base64 of little-endian float32, URL-safe or not, padded or not."""
    if not isinstance(value, str):
        return value
    try:
        content = base64.b64decode(value.replace("-", "+").replace("_", "/") + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("the text is no base64") from error
    if not content or len(content) % 4:
        raise ValueError("the text is no base64 of numbers of four bytes")
    return torch.frombuffer(bytearray(content), dtype=torch.float32).tolist()


class Description(BaseModel):
    """One code in words. Latent dimensions, codes, categories and directions are counted from 1."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    # everything that is not set is drawn from it; 0 where neither it nor numbers are given
    seed: NonNegativeInt | None = None
    # the whole code, (width,), instead of a seed; a list, or base64 of float32
    numbers: Annotated[tuple[float, ...] | None, BeforeValidator(_unpacked)] = None
    # the noise alone, (noise,), the rest being drawn from the seed; likewise
    noise: Annotated[tuple[float, ...] | None, BeforeValidator(_unpacked)] = None
    labels: dict[str, float] = {}  # label -> how much of it, from 0 (off) to 1 (on); beyond that it is exaggerated
    categories: dict[PositiveInt, PositiveInt] = {}  # which categorical code -> which category
    continuous: dict[PositiveInt, float] = {}  # which continuous code -> its value, drawn from [-1, 1] in training
    overrides: dict[PositiveInt, float] = {}  # which latent dimension of the noise -> its value
    principal_directions: dict[PositiveInt, float] = {}  # which principal direction of the noise -> how far along it
    attributes: dict[str, float] = {}  # attribute -> how much of its direction is added


def read(text: str) -> list[Description]:
    """One description, or a list of them, out of JSON.

    Raises:
        RunError: the text is no JSON, or describes no code.
    """
    try:
        content = parse_json(text)
    except ValueError as error:
        raise RunError(f'the code is no JSON ({error}); write it like {{"seed": 3}}') from error
    if not isinstance(content, list):
        return [_validated(content, "the code")]
    if not content:
        raise RunError('the list of codes is empty; write it like [{"seed": 3}]')
    return [_validated(entry, f"code {number}") for number, entry in enumerate(content, 1)]


def _validated(content: Any, name: str) -> Description:
    try:
        return Description.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"] if part != "[key]")
        if first["type"] == "extra_forbidden":
            raise RunError(f"{name} has the unknown key {key}; {nearest(key, Description.model_fields)}") from error
        given = "" if isinstance(first["input"], dict | list) else f" = {str(first['input'])[:40]!r}"
        raise RunError(f"{name}: {key or 'it'}{given}: {first['msg'][0].lower()}{first['msg'][1:]}") from error


def codes_of(subject: Subject, described: Sequence[Description], directions: Directions | None = None) -> Tensor:
    """Codes (n, width) float32 that n descriptions mean for a model; its directions, where they are at hand already.

    Raises:
        RunError: a description does not fit the model, or a number is out of range.
    """
    directions = directions or Directions(subject)
    return torch.cat([_code(subject, description, directions) for description in described])


def pack(numbers: Tensor) -> str:
    """Numbers (n,) as URL-safe base64 of float32, exact and short; `Description` reads them back."""
    return base64.urlsafe_b64encode(numbers.detach().float().cpu().numpy().astype("<f4").tobytes()).decode().rstrip("=")


def explicit(subject: Subject, described: Description, directions: Directions | None = None) -> Description:
    """The same code with nothing that has to be measured first: where it has directions, its numbers are given."""
    if not described.principal_directions and not described.attributes:
        return described
    return Description.model_validate({"numbers": pack(codes_of(subject, [described], directions)[0])})


def to_json(described: Description) -> str:
    """A description as JSON without the keys that have their defaults; long rows of numbers as base64."""
    table = described.model_dump(exclude_defaults=True)
    for key in ("numbers", "noise"):
        if len(table.get(key) or ()) > 8:
            table[key] = pack(torch.tensor(table[key]))
    return json.dumps(table)


def _code(subject: Subject, described: Description, directions: Directions) -> Tensor:
    """The code (1, width) of one description."""
    code = subject.generates.code
    _check_range(described)
    if described.numbers is not None:
        flat = torch.tensor([described.numbers])
        _check_count("numbers", flat.shape[1], code.width)
    else:
        flat = subject.codes(1, Draw.SAMPLES, seed=described.seed or 0)
    noise, labels, categorical, continuous = torch.split(flat.clone(), code.widths, 1)
    if described.noise is not None:
        _check_count("noise", len(described.noise), code.noise)
        noise = torch.tensor([described.noise])
    for number, value in described.overrides.items():
        noise[0, _index("overrides", number, code.noise)] = value
    for number, value in described.principal_directions.items():
        principal = directions.principal
        noise = noise + value * principal[_index("principal_directions", number, len(principal))]
    for name, value in described.attributes.items():
        if name not in directions.attributes:
            which = nearest(name, directions.attributes) if directions.attributes else "none is known of this run"
            raise RunError(f"attributes.{name}: there is no direction for it; {which}")
        step = value * directions.attributes[name]
        noise, continuous = noise + step[: code.noise], continuous + step[len(step) - code.continuous :]
    if described.labels:
        labels = _labelled(subject, labels, described.labels)
    parts = code.category_columns(categorical)
    for number, category in described.categories.items():
        index = _index("categories", number, len(parts))
        ways = parts[index].shape[1]
        parts[index] = torch.eye(ways)[[_index(f"categories.{number}", category, ways)]]
    for number, value in described.continuous.items():
        continuous[0, _index("continuous", number, code.continuous)] = value
    return torch.cat([noise, labels, *parts, continuous], 1)


def _labelled(subject: Subject, before: Tensor, given: dict[str, float]) -> Tensor:
    """The labels' part (1, columns) of a code, with some set."""
    code, names = subject.generates.code, tuple(subject.recipe.data.labels)
    if not code.labels:
        raise RunError("this model was trained without labels; leave them out of the code")
    values = torch.zeros(1, code.labels) if code.exclusive else (before[:, 1::2] if code.doubled else before).clone()
    for name, value in given.items():
        if name not in names:
            raise RunError(f"labels.{name}: this model was not trained on it; {nearest(name, names)}")
        values[0, names.index(name)] = value
    return code.label_columns(values)


def _check_range(described: Description) -> None:
    for key, limit in LIMITS.items():
        values = getattr(described, key) or {}
        for name, value in values.items() if isinstance(values, dict) else enumerate(values, 1):
            if not math.isfinite(value) or abs(value) > limit:
                raise RunError(f"{key}.{name} is {value:g}, out of range; expected {-limit:g} to {limit:g}")


def _check_count(key: str, given: int, wanted: int) -> None:
    if given != wanted:
        raise RunError(f"{key} has {given} numbers, and a code of this model {wanted}; give as many")


def _index(key: str, number: int, count: int) -> int:
    """The index, from 0, of what is counted from 1."""
    if not 1 <= number <= count:
        which = f"only {count} of these, counted from 1" if count else "none of these"
        raise RunError(f"{key}.{number}: this model has {which}")
    return number - 1
